"""Windowed: the calls of a second as one, for a law that learns a limit and would follow each single call.

    rtt = the mean, inflight = the most, FAILURE if one failed;  a call quicker than `shortest_rtt_ns` is not seen
    with the first call that ends after the end of the window: told if there are at least `least_calls` in it, that one
    included; a new window starts, up to the end of that call + clamp(2 * its shortest rtt, least_ns, most_ns)

    if windowed.add(row, 0, ..., now_ns, rtt_ns, inflight, outcome):
        gradient2.observe(..., now_ns, windowed.rtt_ns(row, 0), windowed.inflight(row, 0), windowed.outcome(row, 0))

No law: it stands before one, with a row of its own. Source: Netflix concurrency-limits, WindowedLimit with
AverageSampleWindow: 1 s both, 10 calls, 100 us. As there, a window with too few calls is thrown away, so that below 9
calls a second nothing is ever learned (the call after the end is the tenth); and a far side that refuses within 100 us
is not seen.

State: [at] the end of the window; [at + 1] calls, [at + 2] the sum and [at + 3] the shortest of their round trips,
[at + 4] the most inside, [at + 5] whether one failed; [at + 6], [at + 7], [at + 8] what the last window told. Instants
and parameters up to limits.row.LARGEST, round trips up to learned.LONGEST_NS, of more than a million calls in a window
the rest are not seen. A clock that steps back makes the window longer.
"""

from __future__ import annotations

from limits.learned import MOST, counted_ns, within
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST, Row

WIDTH = 9


def add(
    state: Row,
    at: int,
    least_ns: int,
    most_ns: int,
    least_calls: int,
    shortest_rtt_ns: int,
    now_ns: int,
    rtt_ns: int,
    inflight: int,
    outcome: int,
) -> bool:
    """Add a call that ended; return whether there is now a window to tell the law of."""
    if outcome == IGNORED or rtt_ns < shortest_rtt_ns:
        return False
    rtt_ns = counted_ns(rtt_ns)
    if state[at + 1] < MOST:
        state[at + 3] = rtt_ns if state[at + 1] == 0 else min(rtt_ns, state[at + 3])
        state[at + 1] += 1
        state[at + 2] += rtt_ns
        state[at + 4] = max(inflight, state[at + 4])
        if outcome == FAILURE:
            state[at + 5] = 1
    if now_ns <= state[at]:
        return False
    state[at] = min(LARGEST, now_ns) + within(least_ns, most_ns, 2 * state[at + 3])
    enough = state[at + 1] >= least_calls
    if enough:
        state[at + 6] = state[at + 2] // state[at + 1]
        state[at + 7] = state[at + 4]
        state[at + 8] = state[at + 5]
    for i in range(at + 1, at + 6):
        state[i] = 0
    return enough


def rtt_ns(state: Row, at: int) -> int:
    """Return the mean round trip of the window that was told last."""
    return state[at + 6]


def inflight(state: Row, at: int) -> int:
    """Return the most that were inside in it."""
    return state[at + 7]


def outcome(state: Row, at: int) -> int:
    """Return FAILURE if one of its calls failed, else SUCCESS."""
    return FAILURE if state[at + 8] == 1 else SUCCESS
