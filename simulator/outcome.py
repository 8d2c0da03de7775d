"""What an engine hands back: raw counts, samples and series in integers, before any figure is computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scenarios import model
    from simulator.samples import Sample

Ints = NDArray[np.int64]
BigInts = NDArray[np.object_]
"""Ints of any size: ten million servers work more ns in half an hour than 64 bits hold."""

FAILURES = ("throttled", "shed", "expired", "timed_out", "error", "sold_out", "store")
"""Why a try failed, as its person saw it. Codes of the traces: simulator/trace.py."""

SHUT_OUT_HOURS = (1, 2, 6)


def work_within(names: Sequence[str], at_ends: BigInts) -> dict[str, BigInts]:
    """Return the work done within each bucket, from the sums at their ends: a row a bucket, a column a name."""
    within = np.diff(at_ends, axis=0, prepend=0)
    return {f"work.{name}": within[:, column] for column, name in enumerate(names)}


MOST_TURNS = 10_000
"""How many turns of knobs by control processes are kept; all are counted."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How attempts call a stage: so often if all goes well, so often at most, and whether nobody passes it by."""

    calls: int = 1
    most_calls: int = 1
    for_all: bool = True

    @staticmethod
    def to(stage: model.Stage) -> Way:
        """Return how attempts call a stage of a scenario."""
        calls, tries = getattr(stage, "calls", 1), getattr(stage, "call_attempts", 1)
        return Way(calls=calls, most_calls=calls * tries, for_all=not stage.segments)


@dataclass(frozen=True, kw_only=True)
class StageOutcome:
    """One stage (the gateway, named "gateway", comes first) over the run. Times in ns.

    `waiting_ns` and `service_ns` are of one value per work that began (waiting: from joining the queue, after any
    pacing) or ended (service). `busy_ns` and `available_ns` are integrals in server-ns; servers taken away while busy
    are available until they finish.
    `counts`: every work that arrived is once among served (with an error or not; at the gateway refusals that took a
    server's time too), shed, throttled, expired, sold_out, waiting (queued or paced at the end) and in_service; errors
    are those of the served that failed.
    For Little's law: `queue_integral_ns` is the time integral of the number in the queue; `unserved_waiting_ns` is
    the time in the queue, work by work, of those dropped at their turn and of those still there at the end.
    """

    name: str
    waiting_ns: Sample
    service_ns: Sample
    busy_ns: int
    available_ns: int
    queue_max: int
    queue_integral_ns: int
    unserved_waiting_ns: int
    counts: Mapping[str, int]  # arrived, served, shed, throttled, expired, errors, sold_out, waiting, in_service
    way: Way = Way()
    kv_blocked: int = 0  # batching: how often the head of the queue waited for KV tokens


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A knob turned by a control process; the value is as a file would give it, for full size."""

    at_ns: int
    control: str
    knob: str
    value: int | float | str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A whole run, raw.

    `counts`: final counters, named as in the summary: all of scenarios.metrics.COUNTERS and STOCKS, 0 where the
    scenario has no such part. What each counts is said there. In short: people.{wanted, placed, abandoned, pending},
    attempts.{offered, admitted, throttled, shed, expired, pending, timed_out, failed, completed, unanswered,
    held_back, hedged, outrun}, failures.<reason of FAILURES>, sessions.{started, served, failed},
    orders.{placed, delivered, delivered_on_time, late, cancelled, in_progress},
    kitchens.{cups, wasted_cups, pauses, repicks, refused}, couriers.{trips, carried}.
    `work_ns`: brought, useful, wasted, dropped, pending in server-ns.
    `samples`, of one value per person, attempt or order: time_to_order_ns; response_refused_ns (attempts whose person
    heard a refusal of the gateway: from start to refusal); response_admitted_ns (all other answered attempts: from
    start to the answer, or to the timeout); ready_ns (orders that became ready: from placed to ready); delivery_ns
    (orders delivered: from placed to delivered).
    `shut_out`: for each of SHUT_OUT_HOURS the people who tried for so long and had no order by then: until the order,
    until they left for good, or until the end of the run.
    `per_bucket`: the names of COUNTERS counted in each bucket (start, end], the first with instant 0, the last up to
    `ended_ns`; and work.{brought, useful, wasted, dropped} in server-ns, as BigInts. `gauges`: values at the end of
    each bucket, such as stages.intent.backlog.
    `zones`: wanted and placed per zone (one without a street); `segments`: per segment of the scenario (empty without
    any) its wanted, placed and time_to_order_ns. `turns`: what control processes turned, the first of `turn_count`.
    """

    horizon_ns: int
    ended_ns: int  # horizon, or the instant of an interruption
    interrupted: bool
    events: int
    counts: Mapping[str, int]
    work_ns: Mapping[str, int]
    samples: Mapping[str, Sample]
    shut_out: tuple[int, ...]
    stages: tuple[StageOutcome, ...]
    bucket_ns: int
    per_bucket: Mapping[str, Ints | BigInts]
    gauges: Mapping[str, NDArray[np.float64]]
    zones_wanted: Ints
    zones_placed: Ints
    segments: Mapping[str, tuple[int, int, Sample]]
    orders: Mapping[str, Ints] | None = None  # trace columns, a row a want, sorted by want
    attempts: Mapping[str, Ints] | None = None  # a row an attempt, sorted by want and attempt
    turns: tuple[Turn, ...] = ()
    turn_count: int = 0
