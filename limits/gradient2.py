"""Gradient2: a limit on concurrency that follows how the last round trip compares with their long average.

    long = EWMA of the round trips, with 2 / (window + 1); of the first 10 their mean
    2 * inflight < L: L' = L;  else
    gradient = clamp(tolerance * long / rtt, 1/2, 1);  L' = (1 - smoothing) * L + smoothing * (gradient * L + queue)
    and then least <= L' <= most; and where long > 2 * rtt, long' = 0.95 * long, after its use here

How many, and not who: as `limits.aimd`. Give it means of a second and not single calls: `limits.windowed`. Source:
Netflix concurrency-limits, Gradient2Limit and ExpAvgMeasurement: start 20, 20 to 200, queue 4, smoothing 0.2, tolerance
1.5, window 600. There all are doubles; here L is in millionths and long in thousandths of a ns, rounded down. As there
a FAILURE is a round trip like any other.

Known failures: the average learns the overload: after `window` samples of it long is what an overloaded call takes,
the gradient is 1, and L goes up to `most`. Failures that come back quickly look like a quick service. And up to
`tolerance` there is no cut, so that with queue > 0 it always settles on some queue.

State: [at] 1 + L in millionths, 0 before the first call has ended; [at + 1] long in thousandths of a ns; [at + 2]
how many of the first 10 were seen; [at + 3] their sum in ns. Bounds: all up to limits.row.LARGEST, of which L, inflight
and queue count up to learned.MOST, the window to a million, tolerance_milli to a million, round trips to
learned.LONGEST_NS, smoothing_milli to 1000.
"""

from __future__ import annotations

from limits.learned import MOST, counted_ns, within
from limits.outcomes import IGNORED
from limits.row import Row

WIDTH = 4
MILLION = 1_000_000
FIRST = 10
PRECISE = 4_000_000_000_000
"""What may still be multiplied by a million."""


def limit(state: Row, at: int, start: int) -> int:
    """Return how many may be inside now."""
    return start if state[at] == 0 else (state[at] - 1) // MILLION


def observe(
    state: Row,
    at: int,
    start: int,
    least: int,
    most: int,
    queue: int,
    smoothing_milli: int,
    tolerance_milli: int,
    window: int,
    now_ns: int,
    rtt_ns: int,
    inflight: int,
    outcome: int,
) -> None:
    """Learn from a call that ended. The instant does not matter; an IGNORED call changes nothing."""
    if outcome == IGNORED:
        return
    rtt_ns = counted_ns(rtt_ns)
    smoothing_milli = min(1000, smoothing_milli)
    many = min(MOST, start) * MILLION if state[at] == 0 else state[at] - 1
    average(state, at, window, rtt_ns)
    long = state[at + 1]
    if long > 2000 * rtt_ns:
        state[at + 1] = long * 95 // 100
    if 2 * MILLION * min(MOST, inflight) >= many:
        aim = many * gradient(long, 1000 * rtt_ns, tolerance_milli) // MILLION + min(MOST, queue) * MILLION
        many = (many * (1000 - smoothing_milli) + aim * smoothing_milli) // 1000
        many = within(min(MOST, least) * MILLION, min(MOST, most) * MILLION, many)
    state[at] = 1 + many


def average(state: Row, at: int, window: int, rtt_ns: int) -> None:
    """Add a round trip to the long average."""
    if state[at + 2] < FIRST:
        state[at + 2] += 1
        state[at + 3] += rtt_ns
        state[at + 1] = state[at + 3] * 1000 // state[at + 2]
    else:
        state[at + 1] += (1000 * rtt_ns - state[at + 1]) * 2 // (max(1, min(MILLION, window)) + 1)


def gradient(long: int, short: int, tolerance_milli: int) -> int:
    """Return clamp(tolerance * long / short, 1/2, 1) in millionths."""
    tolerance_milli = min(MILLION, tolerance_milli)
    allowed = long // 1000 * tolerance_milli + long % 1000 * tolerance_milli // 1000
    if allowed >= short:
        return MILLION
    if allowed > PRECISE:
        allowed //= 1000
        short //= 1000
    return max(MILLION // 2, allowed * MILLION // short)
