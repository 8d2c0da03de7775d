"""The books: identities between the counts of a run, checked on every run (docs/model.md, Books)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scenarios.metrics import COUNTERS, STOCKS
from simulator import trace
from simulator.outcome import FAILURES, SHUT_OUT_HOURS, Ints, Outcome, StageOutcome
from simulator.samples import total

Terms = Mapping[str, int]
WORK_COUNTERS = ("brought", "useful", "wasted", "dropped")


@dataclass(frozen=True)
class Identity:
    """One line of the books: the left side equals the right side, or is at most the right side."""

    about: str
    left: Terms
    relation: Literal["=", "<="]
    right: Terms

    @property
    def holds(self) -> bool:
        """Whether the two sides are as the relation says."""
        left, right = sum(self.left.values()), sum(self.right.values())
        return left == right if self.relation == "=" else left <= right

    def __str__(self) -> str:
        said = "is not" if self.relation == "=" else "is more than"
        return f"{self.about}: {_side(self.left)} {said} {_side(self.right)}"


@dataclass(frozen=True)
class Violation:
    """An identity that does not hold; `says` names both sides with their numbers."""

    about: str
    says: str


def check(outcome: Outcome) -> list[Violation]:
    """Return every identity of the books that the outcome violates."""
    lines = (*identities(outcome), *of_traces(outcome))
    return [Violation(identity.about, str(identity)) for identity in lines if not identity.holds]


def identities(outcome: Outcome) -> Iterator[Identity]:
    """Go through every identity of the books but those of the traces, with this outcome's numbers."""
    yield from _counts_there(outcome)
    yield from _people(outcome)
    yield from _attempts(outcome)
    yield from _orders(outcome)
    yield from _work(outcome)
    for stage in outcome.stages:
        yield from _stage(outcome, stage)
    yield from _way_through_stages(outcome)
    yield from _series(outcome)
    yield from _zones_and_segments(outcome)


def _side(terms: Terms) -> str:
    text = " + ".join(f"{name} {number:,}" for name, number in terms.items())
    return text if len(terms) == 1 else f"{text} = {sum(terms.values()):,}"


def _of(outcome: Outcome, *names: str) -> Terms:
    return {name: outcome.counts.get(name, 0) for name in names}


def _counts_there(outcome: Outcome) -> Iterator[Identity]:
    missing = [name for name in (*COUNTERS, *STOCKS) if name not in outcome.counts]
    yield Identity(
        f"counts that are missing ({', '.join(missing) or 'none'})", {"missing": len(missing)}, "=", {"allowed": 0}
    )
    for kind, counts in (
        ("counts", outcome.counts),
        ("work", outcome.work_ns),
        *((f"stages.{stage.name}", stage.counts) for stage in outcome.stages),
    ):
        least = min(counts, key=lambda name, counts=counts: counts[name])  # type: ignore[misc]
        yield Identity(f"no count of {kind} is negative", {"zero": 0}, "<=", {least: counts[least]})


def _people(outcome: Outcome) -> Iterator[Identity]:
    of = outcome
    wanted, placed = _of(of, "people.wanted"), _of(of, "people.placed")
    yield Identity("people", wanted, "=", _of(of, "people.placed", "people.abandoned", "people.pending"))
    yield Identity("sessions begun", wanted, "<=", _of(of, "sessions.started"))
    yield Identity("sessions ended", _of(of, "sessions.served", "sessions.failed"), "<=", _of(of, "sessions.started"))
    yield Identity("sessions served", _of(of, "sessions.served"), "=", placed)
    yield Identity("times to an order", {"samples": len(of.samples["time_to_order_ns"])}, "=", placed)
    most: Terms = wanted
    for hours, shut_out in zip(SHUT_OUT_HOURS, of.shut_out, strict=True):
        yield Identity(f"people shut out for {hours} h", {"shut out": shut_out}, "<=", most)
        most = {"shut out for less": shut_out}


def _attempts(outcome: Outcome) -> Iterator[Identity]:
    of = outcome
    offered, refused = _of(of, "attempts.offered"), ("attempts.throttled", "attempts.shed", "attempts.expired")
    answered = _of(of, "attempts.completed", "attempts.failed", "attempts.timed_out")
    yield Identity("verdicts of the gateway", offered, "=", _of(of, "attempts.admitted", *refused, "attempts.pending"))
    yield Identity(
        "answers to attempts", offered, "=", {**answered, **_of(of, "attempts.outrun", "attempts.unanswered")}
    )
    yield Identity("attempts outrun", _of(of, "attempts.outrun"), "<=", _of(of, "attempts.hedged"))
    yield Identity("hedges", _of(of, "attempts.hedged"), "<=", offered)
    yield Identity(
        "failures by reason",
        _of(of, "attempts.failed"),
        "=",
        _of(of, *(f"failures.{reason}" for reason in FAILURES if reason != "timed_out")),
    )
    yield Identity("timeouts", _of(of, "attempts.timed_out"), "=", _of(of, "failures.timed_out"))
    yield Identity("attempts that became orders", _of(of, "attempts.completed"), "=", _of(of, "orders.placed"))
    yield Identity("attempts that served a person", _of(of, "attempts.completed"), "=", _of(of, "people.placed"))
    heard = {"samples of refused": len(of.samples["response_refused_ns"])}
    yield Identity(
        "response times", {"samples of admitted": len(of.samples["response_admitted_ns"]), **heard}, "=", answered
    )
    yield Identity("refusals heard", heard, "<=", _of(of, *refused))
    yield Identity("attempts without a store", _of(of, "failures.store"), "=", _of(of, "kitchens.refused"))


def _orders(outcome: Outcome) -> Iterator[Identity]:
    of = outcome
    ready, delivered = {"samples": len(of.samples["ready_ns"])}, _of(of, "orders.delivered")
    ends = _of(of, "orders.delivered", "orders.cancelled", "orders.in_progress")
    yield Identity("orders", _of(of, "orders.placed"), "=", ends)
    yield Identity("deliveries", delivered, "=", _of(of, "orders.delivered_on_time", "orders.late"))
    yield Identity("times of delivery", {"samples": len(of.samples["delivery_ns"])}, "=", delivered)
    yield Identity("delivered orders were ready", delivered, "<=", ready)
    yield Identity("orders ready", ready, "<=", _of(of, "orders.placed"))
    yield Identity("cups", _of(of, "kitchens.wasted_cups"), "<=", _of(of, "kitchens.cups"))


def _work(outcome: Outcome) -> Iterator[Identity]:
    ends = {f"work.{name}": outcome.work_ns[name] for name in ("useful", "wasted", "dropped", "pending")}
    yield Identity("work (server-ns)", {"work.brought": outcome.work_ns["brought"]}, "=", ends)


def _stage(outcome: Outcome, stage: StageOutcome) -> Iterator[Identity]:
    about, counts = f"stages.{stage.name}", stage.counts
    ends = ("served", "shed", "throttled", "expired", "sold_out", "waiting", "in_service")
    begun, ended = {"samples of waiting": len(stage.waiting_ns)}, {"samples of service": len(stage.service_ns)}
    in_service = {"in_service": counts["in_service"]}
    yield Identity(f"{about} arrivals", {"arrived": counts["arrived"]}, "=", {name: counts[name] for name in ends})
    yield Identity(f"{about} errors", {"errors": counts["errors"]}, "<=", {"served": counts["served"]})
    yield Identity(f"{about} services begun", begun, "=", {**ended, **in_service})
    yield Identity(f"{about} services ended", ended, "=", {"served": counts["served"]})
    yield Identity(
        f"{about} Little's law of the queue (ns)",
        {"integral of the queue": stage.queue_integral_ns},
        "=",
        {"waited before service": stage.waiting_ns.total, "waited without": stage.unserved_waiting_ns},
    )
    available = {"available": stage.available_ns}
    yield Identity(f"{about} servers (server-ns)", {"busy": stage.busy_ns}, "<=", available)


def _way_through_stages(outcome: Outcome) -> Iterator[Identity]:
    """What goes on from one station reaches the next, or is on the way to it."""
    stages, of = list(outcome.stages), outcome
    if stages and stages[0].name == "gateway":
        gateway = stages.pop(0).counts
        there = {name: gateway[name] for name in ("waiting", "in_service")}
        yield Identity("arrivals at the gateway", _of(of, "attempts.offered"), "=", {"arrived": gateway["arrived"]})
        yield Identity("those still at the gateway", _of(of, "attempts.pending"), "=", there)
    came, count = "attempts.admitted", of.counts.get("attempts.admitted", 0)
    for stage in stages:
        arrived = {f"stages.{stage.name}.arrived": stage.counts["arrived"]}
        times = "" if stage.way.most_calls == 1 else f"{stage.way.most_calls} x "
        yield Identity(f"the way to {stage.name}", arrived, "<=", {times + came: stage.way.most_calls * count})
        if stage.way.for_all:  # else there are others who pass it by
            well = stage.counts["served"] - stage.counts["errors"]
            came, count = f"stages.{stage.name} served well", well // stage.way.calls
    yield Identity("the way to an order", _of(of, "attempts.completed", "failures.store"), "<=", {came: count})


def _series(outcome: Outcome) -> Iterator[Identity]:
    buckets = {"buckets": max(1, -(-outcome.ended_ns // outcome.bucket_ns))}
    totals = {name: outcome.counts.get(name, 0) for name in COUNTERS}
    totals |= {f"work.{name}": outcome.work_ns[name] for name in WORK_COUNTERS}
    for name, number in totals.items():
        values = outcome.per_bucket.get(name, np.zeros(0, dtype=np.int64))
        yield Identity(f"length of the series of {name}", {"values": len(values)}, "=", buckets)
        yield Identity(f"series of {name}", {"sum of the buckets": total(values)}, "=", {name: number})
    for name, gauge in outcome.gauges.items():
        yield Identity(f"length of the series of {name}", {"values": len(gauge)}, "=", buckets)


def _zones_and_segments(outcome: Outcome) -> Iterator[Identity]:
    wanted, placed = _of(outcome, "people.wanted"), _of(outcome, "people.placed")
    yield Identity("people by zone", {"sum of zones": total(outcome.zones_wanted)}, "=", wanted)
    yield Identity("orders by zone", {"sum of zones": total(outcome.zones_placed)}, "=", placed)
    if outcome.segments:
        of_each = outcome.segments.values()
        yield Identity("people by segment", {"sum of segments": sum(w for w, _, _ in of_each)}, "=", wanted)
        yield Identity("orders by segment", {"sum of segments": sum(p for _, p, _ in of_each)}, "=", placed)
        for name, (_, number, times_ns) in outcome.segments.items():
            yield Identity(f"times to an order of {name}", {"samples": len(times_ns)}, "=", {"placed": number})


def of_traces(outcome: Outcome) -> Iterator[Identity]:
    """Rows of the traces, by their codes, against the counts."""
    for what, table, columns in (
        ("orders", outcome.orders, trace.ORDER_COUNTS),
        ("attempts", outcome.attempts, trace.ATTEMPT_COUNTS),
    ):
        if table is None:
            continue
        yield Identity(f"{what} trace", {"rows out of order": _rows_out_of_order(table)}, "=", {"allowed": 0})
        for column, counts in columns.items():
            codes = table[column]
            unknown = {"rows": int(np.count_nonzero((codes < 0) | (codes >= len(counts))))}
            yield Identity(f"{what} trace, {column} of no meaning", unknown, "=", {"allowed": 0})
            for code, name in enumerate(counts):
                if name:
                    rows = {"rows": int(np.count_nonzero(codes == code))}
                    yield Identity(f"{what} trace, {column} {code}", rows, "=", _of(outcome, name))


def _rows_out_of_order(table: Mapping[str, Ints]) -> int:
    want = table["want"]
    attempt = table.get("attempt", np.zeros_like(want))
    rises = (want[1:] > want[:-1]) | ((want[1:] == want[:-1]) & (attempt[1:] > attempt[:-1]))
    return int(np.count_nonzero(~rises))
