"""`make slices`: slices of scenarios played live, beside the simulation of the same slice, and how far the two agree.

Each is `sluice live` on servers of its own on loopback, with several seeds. Beside them stands what the simulator makes
of a jitter alone: the same slice twice, where the way through the gateway takes some ms that are not the same ones.
`python -m benchmarks.slices` writes JSON and, beside it, the page that is made of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.kept import Kept, Part, Rows, machines, table
from scenarios import draws
from scenarios.loader import load
from scenarios.scale import scaled
from scenarios.units import NS_PER_S
from simulator import compiled, live_results, results
from simulator.compiled import layout as at
from simulator.outcome import Ints
from sluice.exits import Exit

SEEDS = (1, 2, 3)
JITTERS_MS = (1, 3)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A slice: of which scenario, from when, how long, and how large; the limit that binds, and the first stage."""

    scenario: str
    from_s: int
    for_s: int
    scale: Fraction
    limit: str
    stage: str
    seeds: tuple[int, ...] = SEEDS
    users_processes: int = 1

    @property
    def until_s(self) -> int:
        """When it ends."""
        return self.from_s + self.for_s

    @property
    def command(self) -> list[str]:
        """What `sluice live` is asked, but for the seed."""
        times = ["--from", f"{self.from_s}s", "--for", f"{self.for_s}s"]
        people = ["--users-processes", str(self.users_processes)]
        return [self.scenario, *times, "--scale", str(float(self.scale)), *people]


DAY = partial(Case, scenario="milk-tea-day", limit="throttle", stage="intent")
CASES = {
    "quiet": DAY(from_s=6600, for_s=60, scale=Fraction(1, 5)),
    "overloaded": DAY(from_s=14400, for_s=60, scale=Fraction(1, 20)),
    "outage": Case(
        scenario="labs/retry-trap", limit="front-door", stage="database", from_s=55, for_s=40, scale=Fraction(1)
    ),
    "peak": DAY(from_s=14400, for_s=120, scale=Fraction(9, 10), seeds=(1,), users_processes=2),
}
JITTERED = ("quiet", "overloaded", "outage")

COLUMNS = (
    "slice", "seed", "attempts", "refused or timed out", "ended alike", "of those of both", "goodput",
    "p50", "p99", "p50 more, ms", "p99 more, ms", "sent late, p99, ms", "people, cores",
)  # fmt: skip
JITTER_COLUMNS = ("slice", "mean", *COLUMNS[2:-2])
INTRODUCTION = """# Live beside simulated

This page is made from [live-agreement.json](live-agreement.json); `make slices JSON=docs/live-agreement.json` measures
anew, on a machine that does nothing else, and writes both. A row is one `sluice live` with one gateway worker and
SQLite, generator, stack and ledger all on the same machine. *Quiet* and *overloaded* are minutes of `milk-tea-day`
(from 09:35 at a fifth, from 11:45 at a twentieth), *outage* is `labs/retry-trap` from 55 s, its servers gone from 60 s
to 70 s; *peak* are two minutes of the day from 11:45 at 0.9, the most that `sluice live` lets this machine try, its
people in two processes.

*Ended alike*: attempts that ended the same for their person, of all that either run has, then of those that both have.
Goodput, p50 and p99 of the response time are live over simulated; what they are more is in ms beside it. Goals: 97%
alike, goodput within 2%, p50 within 5%, p99 within 10%. Where most answers are refusals, p50 is that of a refusal:
0.2 ms in the model, which knows no HTTP, and about 2 ms live.
"""
JITTER = """## What a jitter alone does

The simulator against itself, seed 1: from the beginning of the slice on, every attempt takes so long to the limit in
one run, and in the other as long in the mean but exponentially distributed. (The limit stands behind the gateway for
that.) Where orders compete for the last token, less than a millisecond decides who gets it, and the two runs have other
lives from there on. A real stack has its own jitter, so where all compete it cannot be held to single verdicts, but to
how many there are of each.
"""


class SliceError(Exception):
    """A slice that came to no result."""


def slices() -> Iterator[tuple[str, int]]:
    """Yield name and seed of each slice that is played."""
    for name, case in CASES.items():
        for seed in case.seeds:
            yield name, seed


def played(name: str, seed: int) -> Rows:
    """Play a slice, and return the row of what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sluice", "live", *CASES[name].command, "--seed", str(seed)]
        done = subprocess.run(
            [*command, "--quiet", "--out", folder], capture_output=True, text=True, timeout=900, check=False
        )
        if done.returncode not in (Exit.PASS, Exit.INCONCLUSIVE):
            raise SliceError(f"{name}: ended with {done.returncode}: {done.stderr.strip()}")
        (out,) = Path(folder).iterdir()
        summary = results.read(out).summary
    if any(summary["ledger"][one] for one in ("lost", "duplicated", "overdrawn")):
        raise SliceError(f"{name}: the books do not balance: {summary['ledger']}")
    generator = summary["generator"]
    row = {
        "slice": name,
        "seed": seed,
        **compared(summary["agreement"]),
        "lag_p99_s": generator["lag_s"]["p99"],
        "people_cores": generator["cpu_cores"],
        "behind": generator["behind"],
    }
    return [row]


def compared(agreement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of two runs that are shown."""
    verdicts, times = agreement["verdicts"], agreement["response_time_s"]["all"]
    ended = {name: counts["live"] for name, counts in verdicts.items() if name != "unanswered"}
    return {
        "attempts": agreement["attempts"]["live"],
        "failed_share": 1 - ended["placed"] / sum(ended.values()),
        "same": agreement["attempts"]["same_verdict_share"],
        "same_of_both": agreement["attempts"]["same_verdict_share_of_both"],
        "goodput": agreement["goodput_per_s"]["ratio"],
        **{name: times[name]["ratio"] for name in ("p50", "p99")},
        **{f"{name}_more_s": times[name]["live"] - times[name]["simulated"] for name in ("p50", "p99")},
    }


def jittered(name: str, jitter_ms: int) -> dict[str, Any]:
    """Hold a simulated slice against itself, with as long a way through the gateway but an exponential one."""
    case = CASES[name]
    one, other = (_simulated(case, kind, jitter_ms) for kind in (draws.CONSTANT, draws.EXPONENTIAL))
    setting = live_results.Setting(
        scenario=load(case.scenario).scenario,
        seed=1,
        scale=float(case.scale),
        speed=1.0,
        from_ns=case.from_s * NS_PER_S,
        ended_ns=case.until_s * NS_PER_S,
    )
    return {"slice": name, "jitter_ms": jitter_ms, **compared(live_results.agreement(other, one, setting))}


def _simulated(case: Case, kind: float, mean_ms: int) -> dict[str, Ints]:
    """Return the attempts of a slice with the limit behind the gateway, which from its beginning on takes so long."""
    behind = [f"admission.{case.limit}.at=stage:{case.stage}", 'gateway={servers=100000, admit="1ms"}']
    scenario, _ = scaled(load(case.scenario, sets=behind, scale=case.scale).scenario, case.scale)
    first_ns = compiled.first_arrivals(scenario, 1, case.scale)
    run = compiled.Run(scenario, seed=1, first_arrivals_ns=first_ns, trace=True)
    run.advance(case.from_s * NS_PER_S)
    mean_ns, service = mean_ms * 10**6, at.STAGES + at.G_SERVICE_TIME
    row = int(run.words[service])
    run.numbers[row : row + 2] = kind, mean_ns
    run.words[service + 1] = mean_ns if kind == draws.CONSTANT else -1
    run.advance(case.until_s * NS_PER_S)
    attempts = run.outcome().attempts
    assert attempts is not None
    over_ns = attempts["answered_ns"]
    begun = (over_ns < 0) | (over_ns >= case.from_s * NS_PER_S)
    return live_results.until({name: values[begun] for name, values in attempts.items()}, case.until_s * NS_PER_S)


def page(parts: Sequence[Part]) -> str:
    """Return the page of what was measured."""
    live = [(part, one) for part in parts if part["name"] != "jitter" for one in part["rows"]]
    jitter = [(part, one) for part in parts if part["name"] == "jitter" for one in part["rows"]]
    notes = [
        f"\\* {one['slice']}, seed {one['seed']}: the generator fell behind: {'; '.join(one['behind'])}.\n"
        for _, one in live
        if one["behind"]
    ]
    return "\n".join(
        [
            INTRODUCTION,
            machines(parts),
            table(COLUMNS, [(part, _live(one)) for part, one in live]),
            *notes,
            JITTER,
            table(JITTER_COLUMNS, [(part, _jitter(one)) for part, one in jitter]),
        ]
    )


def _live(one: Mapping[str, Any]) -> list[str]:
    late, cores = f"{one['lag_p99_s'] * 1000:.1f}", f"{one['people_cores']:.2f}"
    return [one["slice"] + "*" * bool(one["behind"]), str(one["seed"]), *_shown(one), late, cores]


def _jitter(one: Mapping[str, Any]) -> list[str]:
    return [one["slice"], f"{one['jitter_ms']} ms", *_shown(one)]


def _shown(one: Mapping[str, Any]) -> list[str]:
    shares = [f"{one[name] * 100:.1f}%" for name in ("failed_share", "same", "same_of_both")]
    ratios = ["-" if one[name] is None else f"{one[name]:.3f}" for name in ("goodput", "p50", "p99")]
    return [
        f"{one['attempts']:,}",
        *shares,
        *ratios,
        *(f"{one[f'{name}_more_s'] * 1000:.1f}" for name in ("p50", "p99")),
    ]


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice([*CASES, "jitter"]))
@click.option(
    "--json", "file", type=click.Path(path_type=Path, dir_okay=False), default=Path("runs/live-agreement.json")
)
def main(names: tuple[str, ...], file: Path) -> None:
    """Play all slices, print a row each, and write JSON and the page; with NAMES only these, others stay."""
    order = {f"{name}, seed {seed}": (name, seed) for name, seed in slices()}
    kept = Kept(file=file, names=[*order, "jitter"], page=page)
    if not names or "jitter" in names:
        kept.measure("jitter", lambda: [jittered(name, jitter_ms) for name in JITTERED for jitter_ms in JITTERS_MS])
    for part, (name, seed) in order.items():
        if not names or name in names:
            (found,) = kept.measure(part, partial(played, name, seed))["rows"]
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
