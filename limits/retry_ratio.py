"""Retry ratio: retries may be a share of the requests of the last seconds, and a few more for those with few requests.

    a retry: admit iff retries + 1 <= ratio * requests + reserve, over the window, and then retries += 1

Source: Finagle's RetryBudget: 20% of requests and a reserve of 10/s, over 10 s, in ten slices; a deposit for each
request and none for its retries (RetryFilter). The reserve is 100 in any window, not 10 in any second: all may go at
once. What a request earned is forgotten a window later, and so is what a retry took, each by its own slice: when
requests cease the right side falls first, and retries wait until those made have left the window too.

Differences: there a retry costs floor(1000 / share), so 30% are 30.003%; here a request earns `ratio_milli`
thousandths. There slices start when they are first written to; here at multiples of slice_ns.

State: limits.window over (earned in thousandths of a retry, retries): WIDTH + 2 * slices ints. Starts with the
reserve. Bounds: instants, slice_ns, ratio_milli and 1000 * reserve up to limits.row.LARGEST; earned stops there.
"""

from __future__ import annotations

from limits import window
from limits.row import LARGEST, Row
from limits.verdicts import ADMITTED, NEVER, SHED
from limits.window import add, roll

WIDTH = window.WIDTH
"""Without the slices: a row takes WIDTH + 2 * slices ints."""


def decide(state: Row, at: int, slices: int, slice_ns: int, reserve: int, now_ns: int, cost: int) -> int:
    """Let `cost` retries go (0), or SHED: requests bring them back, and not time alone. Or NEVER. Ask for retries only.

    NEVER: a negative cost, no window (slices or slice_ns below 1). A reserve below 0 is 0.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if slices < 1 or slice_ns < 1:
        return NEVER
    roll(state, at, slices, slice_ns, now_ns)
    left_milli = state[at + 1] + 1000 * max(0, reserve) - 1000 * state[at + 2]
    if cost > left_milli // 1000:
        return SHED
    add(state, at, slices, 0, cost)
    return ADMITTED


def earn(state: Row, at: int, slices: int, slice_ns: int, ratio_milli: int, now_ns: int) -> None:
    """Earn for one request (not for its retries); a ratio_milli below 0 is 0."""
    if slices < 1 or slice_ns < 1:
        return
    roll(state, at, slices, slice_ns, now_ns)
    add(state, at, slices, min(max(0, ratio_milli), LARGEST - state[at + 1]), 0)
