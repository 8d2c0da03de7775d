"""Fixed concurrency: at most `limit` at once, between admission and release.

    admit iff in flight + cost <= limit, and then in flight += cost;  release: in flight -= cost

Source: a counting semaphore that refuses rather than waits, as SimpleLimiter in Netflix concurrency-limits (tryAcquire)
and max_requests in Envoy (1024 unless given).

State: [at] in flight. Another limit counts at once: nobody is thrown out, none come in until enough have left.
Bounds: limit up to limits.row.LARGEST.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 1


def decide(state: Row, at: int, limit: int, now_ns: int, cost: int) -> int:
    """Admit `cost` (0), or SHED: who is inside leaves when they are done, so there is no time to come back. Or NEVER.

    NEVER: a cost above limit (so any, at limit 0), a negative cost. The instant does not matter.
    What is admitted is given back with `release`, once, also when a later law refuses.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > limit:
        return NEVER
    if state[at] > limit - cost:
        return SHED
    state[at] += cost
    return ADMITTED


def release(state: Row, at: int, cost: int) -> None:
    """Give back what was admitted. What was never taken cannot be: in flight stays at 0, and a cost below 0 is 0."""
    if cost > 0:
        state[at] = state[at] - cost if state[at] > cost else 0
