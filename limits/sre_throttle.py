"""SRE throttle: a client that is refused often refuses some of its own calls, before they reach the network.

    p = max(0, (requests - K * accepts) / (requests + 1));  refuse iff draw < p

over the last two minutes: `requests` are all calls the application has asked for, also those refused here; `accepts`
those the far side took on. Source: Site Reliability Engineering, chapter 21 "Handling Overload", Client-Side
Throttling (K = 2, two minutes; its text was read, and its formula, a picture there, as Envoy's admission control and
others quote it). p is of the calls before this one, which is counted after it: counted first, a new client would
refuse half of its first calls. Counted when it is asked for and not when it is answered, a call that is out looks like
one refused: that is the known failure, with answers that take long (tests/limits/test_sre_throttle.py).

The book has no slices; 12 of 10 s are ours. What is an accept is the caller's word, SUCCESS: the book means whatever
was not refused for overload; Envoy lets one choose. Any cost above 0 is one call.

State: limits.window over (requests, accepts): WIDTH + 2 * slices ints. Starts with nothing seen: p = 0. Bounds:
instants, slice_ns and k_milli up to limits.row.LARGEST. Of more than MOST calls in a window the rest are not counted
(36 million a second over two minutes).
"""

from __future__ import annotations

from limits import window
from limits.outcomes import SUCCESS
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED
from limits.window import add, roll

WIDTH = window.WIDTH
"""Without the slices: a row takes WIDTH + 2 * slices ints."""
BILLION = 1_000_000_000
MOST = 2**32


def decide(state: Row, at: int, slices: int, slice_ns: int, k_milli: int, draw_ppb: int, now_ns: int, cost: int) -> int:
    """Let a call go (0), or SHED: the next draw may be luckier, so there is no time to come back. Or NEVER.

    `draw_ppb` is a uniform draw from 0 to 999,999,999. NEVER: a negative cost. With no window (slices or slice_ns
    below 1) nothing is remembered and all go. A k_milli below 0 is 0: all but the first calls of a window are refused.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if slices < 1 or slice_ns < 1:
        return ADMITTED
    roll(state, at, slices, slice_ns, now_ns)
    requests = state[at + 1]
    over_milli = too_many_milli(requests, state[at + 2], k_milli)
    if requests < MOST:
        add(state, at, slices, 1, 0)
    if draw_ppb * (requests + 1) < over_milli * (BILLION // 1000):
        return SHED
    return ADMITTED


def observe(
    state: Row, at: int, slices: int, slice_ns: int, now_ns: int, rtt_ns: int, inflight: int, outcome: int
) -> None:
    """Count an accept for each SUCCESS, at the instant of its answer; other outcomes leave requests to outgrow them."""
    if outcome != SUCCESS or slices < 1 or slice_ns < 1:
        return
    roll(state, at, slices, slice_ns, now_ns)
    if state[at + 2] < MOST:
        add(state, at, slices, 0, 1)


def too_many_milli(requests: int, accepts: int, k_milli: int) -> int:
    """Return max(0, requests - K * accepts) in thousandths of a call."""
    if k_milli <= 0:
        return requests * 1000
    # Compared by division: K has no bound.
    if accepts > requests * 1000 // k_milli:
        return 0
    return requests * 1000 - k_milli * accepts
