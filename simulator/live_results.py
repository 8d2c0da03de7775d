"""What came of a live run: its clients' figures, how far the simulation of the same slice agrees, and the books."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenarios.live_lives import ANSWERS, ENDS
from scenarios.model import Fault, Live, Scenario, ServerStage
from scenarios.units import NS_PER_S
from simulator.outcome import FAILURES, Ints, Turn
from simulator.samples import Sample, seconds, spread_s
from simulator.summary import ratio, turn_row

SPREAD = ("mean", "p50", "p90", "p99", "max")
PAUSE_S = 1.0
"""By the clock: so long without an order, begun so soon after a fault, is its doing."""
LEAST_SENT = 0.99
"""The share of intended attempts that a generator has to send in its slice."""

Rows = Mapping[str, Ints]
_UNANSWERED, _PLACED, _TIMED_OUT, _ERROR, _OUTRUN = map(
    ANSWERS.index, ("unanswered", "placed", "timed_out", "error", "outrun")
)


@dataclass(frozen=True, kw_only=True)
class Played:
    """What all processes of people wrote: rows of scenarios.live_lives, sorted, and what each used."""

    attempts: Rows
    wants: Rows
    processes: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One order as the ledger has it."""

    want: int
    placed_ns: int


@dataclass(frozen=True, kw_only=True)
class Ledgered:
    """What the ledger has: orders, the number of payments, and units taken and left of each coupon."""

    orders: Sequence[LedgerRow]
    payments: int
    coupons: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A fault, and when it was done in the time of the model; `wrong` says why it was not."""

    fault: Fault
    began_ns: int
    ended_ns: int
    wrong: str = ""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The slice that was played, in which world, and how fast; the scenario is the one that ran, already scaled."""

    scenario: Scenario
    seed: int
    scale: float
    speed: float
    from_ns: int
    ended_ns: int

    @property
    def length_s(self) -> float:
        """Its length in the time of the model."""
        return seconds(self.ended_ns - self.from_ns)


def collect(folder: Path, processes: int) -> Played:
    """Read what processes of people wrote into a folder. Raises OSError or pa.ArrowException."""
    return Played(
        attempts=_sorted(folder / f"attempts-{number}.parquet" for number in range(processes)),
        wants=_sorted(folder / f"wants-{number}.parquet" for number in range(processes)),
        processes=tuple(
            json.loads((folder / f"generator-{number}.json").read_text("utf-8")) for number in range(processes)
        ),
    )


def summarise(
    setting: Setting,
    played: Played,
    simulated: Rows,
    ledger: Ledgered | None,
    placed_before: int = 0,
    broken: Sequence[Broken] = (),
    turns: Sequence[Turn] = (),
    simulated_turns: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return summary.json of a live run; `simulated` are attempts of the same slice, `ledger` None where it is theirs.

    `placed_before` are the orders of the run until the slice, which count against budgets. `turns` are those of the
    control processes, before the slice too; `simulated_turns` as a simulated run has them in its summary.
    """
    attempts, wants = played.attempts, played.wants
    sent = _where(attempts, attempts["sent_ns"] >= 0)
    said = np.bincount(sent["answer"], minlength=len(ANSWERS)).tolist()
    ends = np.bincount(wants["end"], minlength=len(ENDS)).tolist()
    came = int(np.count_nonzero(wants["first_try_ns"] >= setting.from_ns))
    offered, placed = len(sent["want"]), said[_PLACED]
    failures = {reason: said[ANSWERS.index(reason)] for reason in FAILURES}
    timed_out = failures["timed_out"]
    return {
        "scenario": setting.scenario.name,
        "engine": "live",
        "seed": setting.seed,
        "scale": setting.scale,
        "speed": setting.speed,
        "from_s": seconds(setting.from_ns),
        "ended_s": seconds(setting.ended_ns),
        "people": {
            "on_the_way": len(wants["want"]) - came,
            "wanted": came,
            **{end: ends[ENDS.index(end)] for end in ("placed", "abandoned", "pending")},
        },
        "attempts": {
            "offered": offered,
            "completed": placed,
            "failed": sum(failures.values()) - timed_out,
            "timed_out": timed_out,
            "unanswered": said[_UNANSWERED],
            "hedged": int(np.count_nonzero(sent["copy"])),
            "outrun": said[_OUTRUN],
            "held_back": int(sum(process["held_back"] for process in played.processes)),
        },
        "failures": failures,
        "orders": {"placed": placed},
        "goodput_per_s": _per(placed, setting.length_s),
        "response_time_s": {
            "all": spread_s(Sample.of(_response_ns(sent)), SPREAD),
            "placed": spread_s(Sample.of(_response_ns(_where(sent, sent["answer"] == _PLACED))), SPREAD),
        },
        "agreement": agreement(sent, simulated, setting),
        "generator": generator(played, setting),
        "faults": faults(sent, broken, setting),
        "controls": controls(turns, simulated_turns, setting),
        "ledger": None if ledger is None else books(sent, ledger, setting, placed_before),
    }


def controls(turns: Sequence[Turn], simulated: Sequence[Mapping[str, Any]], setting: Setting) -> dict[str, Any]:
    """Return what control processes turned in the slice, and how often they did in the simulation of it."""
    from_s, ended_s = seconds(setting.from_ns), seconds(setting.ended_ns)
    live, beside = (
        [row for row in rows if from_s <= row["at_s"] < ended_s] for rows in (map(turn_row, turns), simulated)
    )
    return {"turned": len(live), "simulated": len(beside), "turns": live}


def until(rows: Rows, ended_ns: int) -> dict[str, Ints]:
    """Return attempts as they were at an instant: those begun before it, and unanswered what was answered later."""
    begun = _where(rows, rows["start_ns"] < ended_ns)
    late = begun["answered_ns"] >= ended_ns
    begun["answered_ns"] = np.where(late, -1, begun["answered_ns"])
    begun["answer"] = np.where(late, _UNANSWERED, begun["answer"])
    return begun


def agreement(live: Rows, simulated: Rows, setting: Setting) -> dict[str, Any]:
    """Return how far two runs of the same slice agree, attempt by attempt and as a whole."""
    simulated = until(simulated, setting.ended_ns)
    ours, theirs = _answers(live), _answers(simulated)
    both = [(answer, theirs[key]) for key, answer in ours.items() if key in theirs]
    same = sum(one == other for one, other in both)
    counts = [np.bincount(rows["answer"], minlength=len(ANSWERS)).tolist() for rows in (live, simulated)]
    goodputs = [_per(count[_PLACED], setting.length_s) for count in counts]
    return {
        "attempts": {
            "live": len(ours),
            "simulated": len(theirs),
            "both": len(both),
            "same_verdict": same,
            "same_verdict_share": ratio(same, len(ours) + len(theirs) - len(both)),
            "same_verdict_share_of_both": ratio(same, len(both)),
        },
        "verdicts": {
            answer: {"live": one, "simulated": other} for answer, one, other in zip(ANSWERS, *counts, strict=True)
        },
        "goodput_per_s": _beside(*goodputs),
        "response_time_s": {
            name: _times(_of(live, answers), _of(simulated, answers))
            for name, answers in (("all", range(1, len(ANSWERS))), ("placed", (_PLACED,)))
        },
    }


def generator(played: Played, setting: Setting) -> dict[str, Any]:
    """Return how well the people kept their own time, in seconds by the clock, and why they fell behind."""
    attempts, live = played.attempts, setting.scenario.live or Live()
    sent = _where(attempts, (attempts["sent_ns"] >= 0) & (attempts["sent_ns"] < setting.ended_ns))
    intended_ns = np.maximum(sent["start_ns"], setting.from_ns)
    lag_ns = np.maximum((sent["sent_ns"] - intended_ns) / setting.speed, 0).astype(np.int64)
    lag_s = spread_s(Sample.of(lag_ns), ("p50", "p99", "max"))
    clock_s = setting.length_s / setting.speed
    target, achieved = _per(len(attempts["want"]), clock_s), _per(len(sent["want"]), clock_s)
    dropped = int(np.count_nonzero(attempts["sent_ns"] < 0))
    behind = []
    if dropped:
        behind.append(f"{dropped:,} attempts were dropped: more than {live.most_in_flight:,} in flight")
    if lag_s["p99"] is not None and lag_s["p99"] > seconds(live.longest_lag_ns):
        behind.append(f"1% were sent {lag_s['p99'] * 1000:,.0f} ms or more too late")
    if len(sent["want"]) < LEAST_SENT * len(attempts["want"]):
        behind.append(f"{achieved:,.1f} attempts/s were sent of {target:,.1f}/s")
    return {
        "processes": len(played.processes),
        "target_per_s": target,
        "achieved_per_s": achieved,
        "lag_s": lag_s,
        "dropped": dropped,
        "connections": int(sum(process["connections"] for process in played.processes)),
        "cpu_cores": _per(sum(process["cpu_s"] for process in played.processes), clock_s),
        "behind": behind,
    }


def faults(sent: Rows, broken: Sequence[Broken], setting: Setting) -> list[dict[str, Any]]:
    """Return for each fault how many attempts ended in an error until the next, and when people were served again."""
    found = []
    error = (sent["answer"] == _ERROR) & (sent["answered_ns"] >= 0)
    for number, one in enumerate(broken):
        end_ns = broken[number + 1].began_ns if number + 1 < len(broken) else setting.ended_ns
        errors_ns = sent["answered_ns"][error & (sent["answered_ns"] >= one.began_ns) & (sent["answered_ns"] < end_ns)]
        since_ns = max(one.ended_ns, int(errors_ns.max(initial=-1)), _pause_ns(sent, one.ended_ns, end_ns, setting))
        again_ns = None if one.wrong else first_order_ns(sent, since_ns, end_ns)
        found.append(
            {
                "name": one.fault.name,
                "kind": one.fault.kind,
                "began_s": seconds(one.began_ns),
                "ended_s": seconds(one.ended_ns),
                "errors": len(errors_ns),
                "served_again_s": None if again_ns is None else seconds(again_ns - one.ended_ns) / setting.speed,
                "wrong": one.wrong,
            }
        )
    return found


def _pause_ns(sent: Rows, from_ns: int, end_ns: int, setting: Setting) -> int:
    """Return when the last pause of orders began that a fault brought with it, else 0; it may take a moment."""
    pause_ns = int(PAUSE_S * NS_PER_S * setting.speed)
    orders_ns = np.sort(sent["answered_ns"][(sent["answer"] == _PLACED) & (sent["answered_ns"] < end_ns)])
    begins_ns = orders_ns[:-1][np.diff(orders_ns) >= pause_ns]
    of_it = begins_ns[(begins_ns >= from_ns) & (begins_ns < from_ns + pause_ns)]
    return int(of_it[-1]) + 1 if len(of_it) else 0


def first_order_ns(sent: Rows, since_ns: int, end_ns: int) -> int | None:
    """Return when the first attempt sent since an instant was told of its order, before another instant."""
    placed = (sent["answer"] == _PLACED) & (sent["sent_ns"] >= since_ns) & (sent["answered_ns"] < end_ns)
    return int(sent["answered_ns"][placed].min()) if placed.any() else None


def books(sent: Rows, ledger: Ledgered, setting: Setting, placed_before: int) -> dict[str, Any]:
    """Hold what people were told against what the ledger has; a stack works on for a moment after the end."""
    told = set(sent["want"][sent["answer"] == _PLACED].tolist())
    found = [row.want for row in ledger.orders if row.placed_ns < setting.ended_ns or row.want in told]
    distinct = set(found)
    budgets = [
        stage.budget for stage in setting.scenario.stages if isinstance(stage, ServerStage) and stage.budget is not None
    ]
    spent = len(found) + placed_before
    beyond = [spent - min(budgets)] if budgets else []
    beyond += [-left for _, left in ledger.coupons.values()]
    return {
        "told_placed": len(told),
        "found_placed": len(distinct),
        "lost": len(told - distinct),
        "duplicated": len(found) - len(distinct),
        "untold": len(distinct - told),
        "mispaid": abs(ledger.payments - len(ledger.orders)),
        "overdrawn": max(0, *beyond) if beyond else 0,
        "miscounted": max((abs(taken - len(ledger.orders)) for taken, _ in ledger.coupons.values()), default=0),
    }


def unbalanced(summary: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the books of a live run."""
    ledger = summary["ledger"]
    if ledger is None:
        return []
    said = {
        "lost": "orders that people were told of are not in the ledger",
        "duplicated": "orders are in the ledger for a want that has one",
        "mispaid": "payments are missing in the ledger, or too many",
        "overdrawn": "orders were placed beyond a budget",
        "miscounted": "units of a coupon were taken without an order, or an order did not take its",
    }
    return [f"{ledger[name]:,} {words}" for name, words in said.items() if ledger[name]]


def series(setting: Setting, live: Rows, simulated: Rows) -> dict[str, Any]:
    """Return timeseries.parquet: a row a second of the model, live and, as `simulated.*`, simulated."""
    seconds_long = max(1, -(-(setting.ended_ns - setting.from_ns) // NS_PER_S))
    columns: dict[str, Any] = {"t_s": seconds(setting.from_ns) + np.arange(seconds_long, dtype=np.float64)}
    for prefix, rows in (("", live), ("simulated.", until(simulated, setting.ended_ns))):
        begun, over = rows["start_ns"] >= setting.from_ns, rows["answered_ns"] >= setting.from_ns
        placed, timed_out = rows["answer"] == _PLACED, rows["answer"] == _TIMED_OUT
        for name, at_ns in (
            ("attempts.offered", rows["start_ns"][begun]),
            ("attempts.completed", rows["answered_ns"][over & placed]),
            ("attempts.timed_out", rows["answered_ns"][over & timed_out]),
            ("attempts.failed", rows["answered_ns"][over & ~placed & ~timed_out]),
        ):
            columns[prefix + name] = np.bincount((at_ns - setting.from_ns) // NS_PER_S, minlength=seconds_long)
    return columns


def _sorted(paths: Iterable[Path]) -> Rows:
    table = pa.concat_tables([pq.read_table(path) for path in paths])
    keys = [(name, "ascending") for name in ("want", "attempt") if name in table.column_names]
    table = table.sort_by(keys)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _where(rows: Rows, chosen: Any) -> dict[str, Ints]:
    return {name: values[chosen] for name, values in rows.items()}


def _answers(rows: Rows) -> dict[tuple[int, int], int]:
    keys = zip(rows["want"].tolist(), rows["attempt"].tolist(), strict=True)
    return dict(zip(keys, rows["answer"].tolist(), strict=True))


def _response_ns(rows: Rows) -> Ints:
    over = rows["answered_ns"] >= 0
    found: Ints = (rows["answered_ns"] - rows["start_ns"])[over]
    return found


def _of(rows: Rows, answers: Iterable[int]) -> dict[str, float | None]:
    return spread_s(Sample.of(_response_ns(_where(rows, np.isin(rows["answer"], list(answers))))), ("p50", "p99"))


def _times(live: Mapping[str, float | None], simulated: Mapping[str, float | None]) -> dict[str, Any]:
    return {name: _beside(live[name], simulated[name]) for name in live}


def _beside(live: float | None, simulated: float | None) -> dict[str, float | None]:
    of = live / simulated if live is not None and simulated else None
    return {"live": live, "simulated": simulated, "ratio": of}


def _per(count: float, length_s: float) -> float:
    return count / length_s if length_s else 0.0
