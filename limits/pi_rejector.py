"""PI rejector: the share of requests to refuse comes from a controller, and who they are from their priorities.

    every period: e = (entered - left - free) / left;  I' = clamp(I + ki * e, 0, 1);  rate = clamp(I' + kp * e, 0, 1)
    admit iff level <= T, T the quantile of the last RECENT arrivals, from the least important up, at rate

`entered`: admitted here; `left`: those that left the queue, served or given up; `free`: places free at the end of the
period. So e > 0 says that more come in than go on, with no room for them. I stays within what it can do (anti-windup),
so that the rate turns at once when the load does. 0 matters most. T itself gets in, so less is refused than rate says,
and the most important level that comes always gets in.

Source: Cinnamon (Uber, "PID Controller for Cinnamon"): e, P and I without D, the quantile of recent priorities. Its
numbers are not public. An early state of failsafe-go's prioritizer has kp 0.1, ki 1.4 and a sum of the last 30 e, by
which it moves a threshold of a few priorities by one step; later ones have no controller. As gains of a rate these two
swing between all and none where ten times too many come (tested in tests/limits/test_pi_rejector.py), so ki is 0.1
here, ours. There left = 0 gives e = the limit, here it counts as 1. The form, the anti-windup and |e| <= 1000 are ours.

Known failures: e sees what a queue gains and not how long it is, so a queue that has grown stays; bound it. A ki of
1 / overload or more swings. Who is refused by another law afterwards must be told as left. Where all have one priority
nobody is ever refused.

State: [at] 1 + when the period began, 0 before the first; [at + 1] entered; [at + 2] left; [at + 3] rate and [at + 4] I
in millionths; [at + 5] levels - 1 - T; [at + 6] the place in the ring of arrivals, [at + 7] their number; then RECENT
arrivals as 1 + level, and how many of them are at each level. Bounds: all up to limits.row.LARGEST, of which entered,
left and free count up to learned.MOST, kp and ki up to a million thousandths. A level outside counts as the nearest. At
an instant before the period began it goes on.
"""

from __future__ import annotations

from limits.learned import MOST
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

RECENT = 1000
WIDTH = 8 + RECENT
"""Without the counts: a row takes WIDTH + levels ints."""
MILLION = 1_000_000


def decide(
    state: Row,
    at: int,
    levels: int,
    period_ns: int,
    kp_milli: int,
    ki_milli: int,
    free: int,
    level: int,
    now_ns: int,
    cost: int,
) -> int:
    """Admit a request of a level, 0 to levels - 1 (0), or SHED. `free`: how many places are free now.

    NEVER: a negative cost, no level at all. Any cost above 0 is one request.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if levels < 1:
        return NEVER
    if state[at] == 0:
        state[at] = 1 + now_ns
    if now_ns - (state[at] - 1) >= period_ns:
        calibrate(state, at, min(MILLION, kp_milli), min(MILLION, ki_milli), free)
        state[at + 5] = from_the_end(state, at, levels)
        state[at] = 1 + now_ns
    level = max(0, min(levels - 1, level))
    record(state, at, level)
    if level > levels - 1 - state[at + 5]:
        return SHED
    state[at + 1] = min(MOST, state[at + 1] + 1)
    return ADMITTED


def leave(state: Row, at: int) -> None:
    """Say that one left the queue: served, given up, or refused by another law."""
    state[at + 2] = min(MOST, state[at + 2] + 1)


def calibrate(state: Row, at: int, kp_milli: int, ki_milli: int, free: int) -> None:
    """Move the rate by the period that ended, and begin to count anew."""
    entered, left = state[at + 1], state[at + 2]
    error = (entered - left - max(0, min(MOST, free))) * MILLION // max(1, left)
    error = max(-1000 * MILLION, min(1000 * MILLION, error))
    state[at + 4] = max(0, min(MILLION, state[at + 4] + ki_milli * error // 1000))
    state[at + 3] = max(0, min(MILLION, state[at + 4] + kp_milli * error // 1000))
    state[at + 1] = 0
    state[at + 2] = 0


def record(state: Row, at: int, level: int) -> None:
    """Put an arrival among the last ones, in the place of the oldest once they are RECENT."""
    place = at + 8 + state[at + 6]
    counts = at + WIDTH
    if state[at + 7] == RECENT:
        state[counts + state[place] - 1] -= 1
    else:
        state[at + 7] += 1
    state[place] = 1 + level
    state[counts + level] += 1
    state[at + 6] = (state[at + 6] + 1) % RECENT


def from_the_end(state: Row, at: int, levels: int) -> int:
    """Return how many levels are refused: as many as have fewer than rate * arrivals in them, at rate 0 none."""
    wanted = -(-state[at + 7] * state[at + 3] // MILLION)
    refused = 0
    beyond = 0
    while refused < levels - 1:
        beyond += state[at + WIDTH + levels - 1 - refused]
        if beyond >= wanted:
            break
        refused += 1
    return refused
