"""Outages: spans in which most attempts that got an answer failed, minute after minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scenarios.units import NS_PER_S
from simulator.outcome import FAILURES, BigInts, Ints

MINUTE_NS = 60 * NS_PER_S
ANSWERS = ("attempts.completed", "attempts.failed", "attempts.timed_out")


@dataclass(frozen=True, kw_only=True)
class Outage:
    """One span, and the reason behind the largest part of its failures."""

    start_ns: int
    end_ns: int
    reason: str


def outages(per_bucket: Mapping[str, Ints | BigInts], *, bucket_ns: int, ended_ns: int) -> list[Outage]:
    """Return the outages of a run, in order.

    The run is cut into minutes from its start: the fewest whole buckets that last 60 s or longer. A minute is bad where
    under half of its answered attempts (completed, failed or timed out) completed, good where half or more did, and
    silent where none was answered. An outage goes from the start of a bad minute to the end of the last bad minute
    before the next good one: a silent minute neither begins nor ends it. What is left after the last whole minute is
    not judged. The reason is the one of the most failures within the span, the first of FAILURES among equals.
    """
    buckets = -(-MINUTE_NS // bucket_ns)
    minute_ns = buckets * bucket_ns
    minutes = ended_ns // minute_ns
    completed, failed, timed_out = (_by_minute(per_bucket[name], buckets, minutes) for name in ANSWERS)
    bad = 2 * completed < completed + failed + timed_out
    good = ~bad & (completed > 0)
    found, start, last_bad = [], -1, -1
    for minute in range(minutes):
        if bad[minute]:
            start = minute if start < 0 else start
            last_bad = minute
        elif good[minute] and start >= 0:
            found.append((start, last_bad + 1))
            start = -1
    if start >= 0:
        found.append((start, last_bad + 1))
    return [
        Outage(
            start_ns=start * minute_ns,
            end_ns=end * minute_ns,
            reason=_main_reason(per_bucket, start * buckets, end * buckets),
        )
        for start, end in found
    ]


def _by_minute(values: Ints | BigInts, buckets: int, minutes: int) -> Ints:
    return np.asarray(values[: buckets * minutes].reshape(minutes, buckets).sum(axis=1), dtype=np.int64)


def _main_reason(per_bucket: Mapping[str, Ints | BigInts], start: int, end: int) -> str:
    return max(FAILURES, key=lambda reason: int(per_bucket[f"failures.{reason}"][start:end].sum()))
