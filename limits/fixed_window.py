"""Fixed window: at most `limit` in each of the windows [0, W), [W, 2W), ... Here for comparison.

    admit iff used in the window of now + cost <= limit

Known failure: twice the limit at once where two windows meet, since the end of one and the start of the next may both
be full. Admitted in any [t, t + d]: at most limit * (floor(d / W) + 2).

State: [at] the number of the window; [at + 1] used in it. Another limit counts at once.
Bounds: instants, limit and window_ns up to limits.row.LARGEST. The window is not to change while the row lives.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, NEVER

WIDTH = 2


def decide(state: Row, at: int, limit: int, window_ns: int, now_ns: int, cost: int) -> int:
    """Admit `cost` now (0), say after how many ns the next window starts, or NEVER.

    NEVER: a cost above limit, a window of 0, a negative cost.
    An instant before the window of the last one counts as that window; the wait is from the instant given.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > limit or window_ns <= 0:
        return NEVER
    window = now_ns // window_ns
    if window > state[at]:
        state[at] = window
        state[at + 1] = 0
    if state[at + 1] <= limit - cost:
        state[at + 1] += cost
        return ADMITTED
    return (state[at] + 1) * window_ns - now_ns
