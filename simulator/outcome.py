"""What an engine hands back: raw counts, samples and series in integers, before any figure is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FAILURES = ("throttled", "shed", "expired", "timed_out", "error", "sold_out", "store")
"""Why a try failed, as its person saw it; the order is the code in the traces (placed 0, throttled 1, ...)."""


@dataclass(frozen=True, kw_only=True)
class StageOutcome:
    """One stage (the gateway too) over the run. Times in ns; `waiting_ns` and `service_ns` hold one value per work
    that began (waiting) or ended (service); busy and available are integrals in server-ns."""

    name: str
    waiting_ns: Ints
    service_ns: Ints
    busy_ns: int
    available_ns: int
    queue_max: int
    counts: Mapping[str, int]  # arrived, served, shed, throttled, expired, errors, sold_out, waiting, in_service
    kv_blocked: int = 0  # batching: how often the head of the queue waited for KV tokens


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A whole run, raw.

    `counts`: final counters, named as in the summary without shares: people.{wanted, placed, abandoned, pending},
    attempts.{offered, admitted, throttled, shed, expired, pending, timed_out, failed, completed, unanswered, held_back},
    orders.{placed, delivered, delivered_on_time, late, cancelled, in_progress}, failures.<reason of FAILURES>,
    sessions.{started, served, failed}, kitchens.{cups, wasted_cups, pauses, repicks, refused}, couriers.{trips, carried}.
    `work_ns`: brought, useful, wasted, dropped, pending in server-ns.
    `samples`: one int64 per person or attempt: time_to_order_ns, response_admitted_ns, response_refused_ns,
    tried_ns (people without an order: from the first try to leaving or to the horizon; people with one: to the order).
    `per_bucket`: counters (names of `counts`, cumulative classes such as people.pending left out) counted in each
    bucket (start, end]; `gauges`: values at the end of each bucket, such as stages.intent.backlog.
    `zones`: wanted and placed per zone; `segments`: per segment its wanted, placed and time_to_order_ns.
    """

    horizon_ns: int
    ended_ns: int  # horizon, or the instant of an interruption
    interrupted: bool
    events: int
    counts: Mapping[str, int]
    work_ns: Mapping[str, int]
    samples: Mapping[str, Ints]
    stages: tuple[StageOutcome, ...]
    bucket_ns: int
    per_bucket: Mapping[str, Ints]
    gauges: Mapping[str, NDArray[np.float64]]
    zones_wanted: Ints
    zones_placed: Ints
    segments: Mapping[str, tuple[int, int, Ints]]
    orders: Mapping[str, Ints] | None = None  # trace columns, a row a want, sorted by want
    attempts: Mapping[str, Ints] | None = None  # a row an attempt, sorted by want and attempt
