"""From a raw outcome to summary.json: every figure as `scenarios.metrics` defines it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from scenarios import metrics
from scenarios.model import Gate, Milestone, Scenario
from scenarios.units import NS_PER_S
from simulator import books
from simulator.outages import MINUTE_NS, Outage, outages
from simulator.outcome import SHUT_OUT_HOURS, Ints, Outcome, StageOutcome, Turn
from simulator.samples import seconds, spread_s, total

Figure = int | float | None


def summarise(outcome: Outcome, scenario: Scenario, *, engine: str, seed: int, scale: float) -> dict[str, Any]:
    """Return the summary of a run; the scenario is the one that ran, already scaled."""
    counts, samples = outcome.counts, outcome.samples
    found = _outages(outcome)
    summary: dict[str, Any] = {
        "scenario": scenario.name,
        "engine": engine,
        "seed": seed,
        "scale": scale,
        "horizon_s": seconds(outcome.horizon_ns),
        "ended_s": seconds(outcome.ended_ns),
        "people": {**_group(counts, "people"), "shut_out": _shut_out(outcome)},
        "attempts": _group(counts, "attempts"),
        "failures": _group(counts, "failures"),
        "sessions": _group(counts, "sessions"),
        "orders": _orders(counts),
        "work": _work(outcome.work_ns),
        "goodput_per_s": ratio(int(counts["orders.placed"]) * NS_PER_S, outcome.ended_ns),
        "retry_amplification": ratio(counts["attempts.offered"], counts["people.wanted"]),
        "time_to_order_s": spread_s(samples["time_to_order_ns"], metrics.SPREAD),
        "response_time_s": {
            verdict: spread_s(samples[f"response_{verdict}_ns"], metrics.SPREAD) for verdict in ("admitted", "refused")
        },
        "stages": {stage.name: _stage(stage) for stage in outcome.stages},
        "kitchens": {
            **_group(counts, "kitchens"),
            "ready_time_s": spread_s(samples["ready_ns"], metrics.SPREAD),
        },
        "couriers": {
            **_group(counts, "couriers"),
            "delivery_time_s": spread_s(samples["delivery_ns"], metrics.SPREAD),
        },
        "segments": {
            name: {"placed_share": ratio(placed, wanted), "time_to_order_s": spread_s(times_ns, metrics.SPREAD)}
            for name, (wanted, placed, times_ns) in outcome.segments.items()
        },
        "fairness": {"jain": None if scenario.street is None else jain(outcome.zones_wanted, outcome.zones_placed)},
        "outages": [_outage(outage) for outage in found],
        "longest_outage": _longest(found),
    }
    summary["milestones"] = [_milestone(milestone, outcome, summary) for milestone in scenario.milestones]
    summary["gates"] = [_gate(gate, outcome, summary) for gate in scenario.gates]
    summary["controls"] = {"turned": outcome.turn_count, "turns": [turn_row(turn) for turn in outcome.turns]}
    identities = list(books.identities(outcome))
    # a trace is held to the books too, but leaves the summary as it is without one
    violated = [violation.says for violation in books.check(outcome)]
    summary["invariants"] = {"checked": len(identities), "violated": violated}
    return summary


def as_json(summary: Mapping[str, Any]) -> str:
    """Write a summary in its one form: sections in order, floats in the fewest digits that suffice."""
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def figure(summary: Mapping[str, Any], name: str) -> Figure:
    """Return a figure by its name in `scenarios.metrics`; None where the run has no value for it."""
    here: Any = summary
    for part in name.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return None
        here = here[part]
    return here if isinstance(here, int | float) else None


def ratio(part: int, whole: int) -> float | None:
    """Return part / whole, None where there is no whole."""
    return part / whole if whole else None


def jain(wanted: Ints, placed: Ints) -> float | None:
    """Return Jain's fairness index of the placed shares of zones in which somebody wanted an order."""
    shares = [part / whole for part, whole in zip(placed.tolist(), wanted.tolist(), strict=True) if whole]
    squares = math.fsum(share * share for share in shares)
    return math.fsum(shares) ** 2 / (len(shares) * squares) if squares else None


def _group(counts: Mapping[str, int], group: str) -> dict[str, Any]:
    """The counts of one section, in the order of the metrics."""
    known = [metric.name for metric in metrics.ALL if metric.name in metrics.COUNTERS + metrics.STOCKS]
    return {name.partition(".")[2]: int(counts[name]) for name in known if name.startswith(f"{group}.")}


def _shut_out(outcome: Outcome) -> dict[str, float | None]:
    wanted = outcome.counts["people.wanted"]
    return {f"{hours}h": ratio(n, wanted) for hours, n in zip(SHUT_OUT_HOURS, outcome.shut_out, strict=True)}


def _orders(counts: Mapping[str, int]) -> dict[str, Any]:
    orders = _group(counts, "orders")
    share = ratio(counts["people.placed"], counts["people.wanted"])
    return {"placed": orders.pop("placed"), "placed_share": share, **orders}


def _work(work_ns: Mapping[str, int]) -> dict[str, float | None]:
    names = ("brought", "useful", "wasted", "dropped", "pending")
    share = ratio(work_ns["wasted"], work_ns["useful"] + work_ns["wasted"])
    return {**{name: seconds(work_ns[name]) for name in names}, "wasted_share": share}


def _stage(stage: StageOutcome) -> dict[str, Any]:
    names = ("arrived", "served", "errors", "throttled", "shed", "expired", "sold_out", "waiting", "in_service")
    return {
        "utilisation": ratio(stage.busy_ns, stage.available_ns),
        "queue_max": int(stage.queue_max),
        "waiting_time_s": spread_s(stage.waiting_ns, metrics.SHORT_SPREAD),
        "service_time_s": spread_s(stage.service_ns, metrics.SHORT_SPREAD),
        **{name: int(stage.counts[name]) for name in names},
        "kv_blocked": int(stage.kv_blocked),
    }


def turn_row(turn: Turn) -> dict[str, Any]:
    """Return a turn of a control process as a row of the summary."""
    return {"at_s": seconds(turn.at_ns), "control": turn.control, "knob": turn.knob, "value": turn.value}


def _outages(outcome: Outcome) -> list[Outage]:
    return outages(outcome.per_bucket, bucket_ns=outcome.bucket_ns, ended_ns=outcome.ended_ns)


def _goes_on(outage: Outage, outcome: Outcome) -> bool:
    """Whether the run was interrupted within an outage: nobody knows when it would have ended."""
    return outcome.interrupted and outcome.ended_ns - outage.end_ns < 2 * MINUTE_NS


def _outage(outage: Outage) -> dict[str, Any]:
    return {"start_s": seconds(outage.start_ns), "end_s": seconds(outage.end_ns), "reason": outage.reason}


def _longest(found: list[Outage]) -> dict[str, float | None]:
    if not found:
        return {"start_s": None, "end_s": None, "length_s": 0.0}
    longest = max(found, key=lambda outage: outage.end_ns - outage.start_ns)
    length_s = seconds(longest.end_ns - longest.start_ns)
    return {"start_s": seconds(longest.start_ns), "end_s": seconds(longest.end_ns), "length_s": length_s}


def _milestone(milestone: Milestone, outcome: Outcome, summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the world did beside what the run did; deviation is relative to what the world did."""
    at_ns = outcome.horizon_ns if milestone.at_ns is None else milestone.at_ns
    reached = at_ns < outcome.ended_ns or (at_ns == outcome.ended_ns and not outcome.interrupted)
    simulated, counted_to_ns = _value_at(milestone.metric, at_ns, outcome, summary) if reached else (None, None)
    deviation = None
    if simulated is not None and milestone.value:
        # nine decimals: 1.1 is within 10% of 1, whatever binary fractions say
        deviation = round((simulated - milestone.value) / abs(milestone.value), 9)
    if not reached:
        verdict = "not reached"
    elif simulated is None:
        verdict = "no value"
    else:
        verdict = "met" if _is_met(milestone, simulated, deviation) else "missed"
    return {
        "name": milestone.name,
        "title": milestone.title,
        "metric": milestone.metric,
        "at_s": seconds(at_ns),
        "counted_to_s": None if counted_to_ns is None else seconds(counted_to_ns),
        "compare": milestone.compare,
        "value": milestone.value,
        "simulated": simulated,
        "deviation": deviation,
        "tolerance": milestone.tolerance,
        "verdict": verdict,
        "grade": milestone.grade,
        "source": milestone.source,
    }


def _is_met(milestone: Milestone, simulated: float, deviation: float | None) -> bool:
    # without a deviation the world did nothing, and what the run did has no tolerance
    off, tolerance = (simulated, 0.0) if deviation is None else (deviation, milestone.tolerance)
    too_little = milestone.compare != "at_most" and off < -tolerance
    too_much = milestone.compare != "at_least" and off > tolerance
    return not (too_little or too_much)


def _value_at(name: str, at_ns: int, outcome: Outcome, summary: Mapping[str, Any]) -> tuple[Figure, int | None]:
    """The figure at an instant, and the instant to which it is counted: the end of the last whole bucket until then."""
    if at_ns == outcome.ended_ns:
        value = figure(summary, name)
        return value, None if value is None else at_ns
    if name in metrics.OF_OUTAGES:
        standing = [o for o in _outages(outcome) if o.start_ns <= at_ns < o.end_ns]
        if name != metrics.OF_OUTAGES[0] and any(_goes_on(outage, outcome) for outage in standing):
            return None, None
        return figure({"longest_outage": _longest(standing)}, name), at_ns
    if name not in outcome.per_bucket:
        return None, None
    buckets = at_ns // outcome.bucket_ns
    counted = total(outcome.per_bucket[name][:buckets])
    return seconds(counted) if name.startswith("work.") else counted, buckets * outcome.bucket_ns


def _gate(gate: Gate, outcome: Outcome, summary: Mapping[str, Any]) -> dict[str, Any]:
    """A gate speaks of a whole run: one that was interrupted neither passes nor fails."""
    value = None if outcome.interrupted else figure(summary, gate.metric)
    if value is None:
        verdict = "no value"
    else:
        passes = (gate.min is None or value >= gate.min) and (gate.max is None or value <= gate.max)
        verdict = "passed" if passes else "failed"
    return {
        "name": gate.name,
        "metric": gate.metric,
        "min": gate.min,
        "max": gate.max,
        "value": value,
        "verdict": verdict,
    }
