"""Load multiplier: let in so many times what came in the last tick, less while calls take longer than they used to.

    each tick: signal = the mean round trip in it, setpoint = tolerance * the mean of the last 30 minutes,
               observed = admitted / asked for
        signal > setpoint: step' = 0; m = observed * clamp(setpoint / signal, least, 1)
        else: step' = min(most, step + increment); m = min(most, observed + step')
    m = most: all are let in;  else a bucket with a rate of m * what was asked for in the tick, its burst 1 s of it

So it goes down by a factor at each tick, from what was let in, and up by steps that grow (0.025, 0.05, ...). A refusal
is a wait, of the bucket; give those that wait an order by `limits.wfq`. Source: FluxNinja Aperture, aimd-load-scheduler
(the circuit: gradient -1 of 0.1 to 1, increment 0.025, most 2, the integrator that an overload resets) and its
blueprint average-latency (10 s ticks, tolerance 1.25, 30 minutes); a new row lets all in, as there. There the rate of
requests is of a window that slides; here of the tick that ended, and what comes in the first tick is let in.

Known failures: the setpoint learns the overload: what takes long for 30 minutes is what calls take. A wave that is over
before the tick is not seen, and the rate of the tick before it is what it meets. Failures that come back quickly look
like a quick service.

State: [at] 1 + when the tick began, 0 before the first; [at + 1] asked for; [at + 2] admitted; [at + 3] the sum of
round trips, [at + 4] their number; [at + 5] 1 + step in millionths, 0 for `most`; [at + 6] ns for one, 0 when all are
let in, [at + 7] the burst, [at + 8] a row of gcra; then a row of limits.window. Bounds: instants and parameters up to
limits.row.LARGEST, of which least, increment, most and tolerance count up to a thousand (in thousandths); of more than
learned.MOST asked for in a tick, and answers in the window, the rest are not counted; a tick is at least 1 ms, and
counts as at most 66 minutes.
"""

from __future__ import annotations

from limits import gcra, window
from limits.learned import MOST, counted_ns, within
from limits.outcomes import IGNORED
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 9 + window.WIDTH
"""Without the slices: a row takes WIDTH + 2 * slices ints."""
PAST = 9
MILLION = 1_000_000
S = 1_000_000_000
LONGEST_TICK_NS = 4_000_000_000_000


def decide(
    state: Row,
    at: int,
    tick_ns: int,
    tolerance_milli: int,
    least_milli: int,
    increment_milli: int,
    most_milli: int,
    now_ns: int,
    cost: int,
) -> int:
    """Admit `cost` now (0), say after how many ns there will be tokens, or SHED: more than a second's. Or NEVER.

    NEVER: a negative cost, one above learned.MOST. A wait holds for the rate of this tick.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > MOST:
        return NEVER
    if state[at] == 0:
        state[at] = 1 + now_ns
    if now_ns - (state[at] - 1) >= max(MILLION, tick_ns):
        turn(state, at, tolerance_milli, least_milli, increment_milli, most_milli, now_ns)
    state[at + 1] = min(MOST, state[at + 1] + cost)
    if state[at + 6] > 0:
        answer = gcra.decide(state, at + 8, state[at + 6], state[at + 7], now_ns, cost)
        if answer != ADMITTED:
            return SHED if answer == NEVER else answer
    state[at + 2] = min(MOST, state[at + 2] + cost)
    return ADMITTED


def observe(
    state: Row, at: int, slices: int, slice_ns: int, now_ns: int, rtt_ns: int, inflight: int, outcome: int
) -> None:
    """Count how long a call took, whether or not it failed; an IGNORED one is not seen."""
    if outcome == IGNORED or slices < 1 or slice_ns < 1:
        return
    rtt_ns = counted_ns(rtt_ns)
    window.roll(state, at + PAST, slices, slice_ns, now_ns)
    if state[at + PAST + 2] < MOST:
        window.add(state, at + PAST, slices, rtt_ns, 1)
    if state[at + 4] < MOST:
        state[at + 3] += rtt_ns
        state[at + 4] += 1


def turn(
    state: Row, at: int, tolerance_milli: int, least_milli: int, increment_milli: int, most_milli: int, now_ns: int
) -> None:
    """End a tick: find the multiplier, and the rate for the next one."""
    took_ns = min(LONGEST_TICK_NS, now_ns - (state[at] - 1))
    asked = state[at + 1]
    if asked > 0:
        many = multiplier(state, at, tolerance_milli, least_milli, increment_milli, most_milli)
        if many >= micro(most_milli):
            state[at + 6] = 0
        else:
            state[at + 6] = max(1, took_ns * MILLION // max(1, asked * many))
            state[at + 7] = max(1, S // state[at + 6])
    state[at] = 1 + now_ns
    for i in range(at + 1, at + 5):
        state[i] = 0


def multiplier(
    state: Row, at: int, tolerance_milli: int, least_milli: int, increment_milli: int, most_milli: int
) -> int:
    """Return m in millionths, and keep the step."""
    observed = state[at + 2] * MILLION // state[at + 1]
    most = micro(most_milli)
    if state[at + 4] > 0 and state[at + PAST + 2] > 0:
        signal_ns = state[at + 3] // state[at + 4]
        usual_ns = state[at + PAST + 1] // state[at + PAST + 2]
        setpoint_ns = (
            usual_ns // 1000 * min(MILLION, tolerance_milli) + usual_ns % 1000 * min(MILLION, tolerance_milli) // 1000
        )
        if signal_ns > setpoint_ns:
            state[at + 5] = 1
            return observed * within(micro(least_milli), MILLION, setpoint_ns * MILLION // signal_ns) // MILLION
    step = most if state[at + 5] == 0 else min(most, state[at + 5] - 1 + micro(increment_milli))
    state[at + 5] = 1 + step
    return min(most, observed + step)


def micro(milli: int) -> int:
    """Return thousandths, at most a thousand, in millionths."""
    return min(MILLION, milli) * 1000
