"""Retry budget: retries may be only a small share of calls, however bad things are.

    a retry: admit iff spent + 1 <= cap, and then spent += 1;  a call (or a success): spent = max(0, spent - earn)

Retries <= cap + earn * (what earned). Let each first try earn (as in Finagle, whose filter deposits once a request and
not once a retry), or each success (as in Brooker's bucket and gRPC): earning on success, the budget shuts in an outage;
earning on calls, it goes on at a share `earn` of them. Tokens are counted in thousandths (as in gRPC: 3 decimals).

Sources: Brooker, "Fixing retries with token buckets and circuit breakers" (0.1 a success, 1 a retry, a bucket of
limited size); gRPC proposal A6 (starts full; but there failures pay, and retries need half the bucket); Finagle's
RetryBudget (20% of requests, and 10/s, over 10 s). None of them has our cap of 5: A6's example has 10.

State: [at] spent, in thousandths of a token. Starts full. Another cap or earn counts at once.
Bounds: cap_milli and earn_milli up to limits.row.LARGEST.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 1


def decide(state: Row, at: int, cap_milli: int, now_ns: int, cost: int) -> int:
    """Let `cost` retries go (0), or SHED: the budget fills by calls and not by time. Or NEVER. Ask for retries only.

    NEVER: a cost above the cap (so any, at a cap below 1,000), a negative cost. The instant does not matter.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > cap_milli // 1000:
        return NEVER
    if state[at] > cap_milli - cost * 1000:
        return SHED
    state[at] += cost * 1000
    return ADMITTED


def earn(state: Row, at: int, earn_milli: int) -> None:
    """Earn for one call, or for one success, never above the cap; an earn_milli below 0 is 0."""
    state[at] = max(0, state[at] - max(0, earn_milli))
