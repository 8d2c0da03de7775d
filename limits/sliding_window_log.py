"""Sliding window log: at most `limit` in any window of W, exactly, at the price of one number per admission.

    admit iff logged in (now - W, now] + cost <= limit, and then log now `cost` times; what is refused is not logged

An admission leaves the window W after it, to the ns. Source: the common log in a Redis sorted set (ZREMRANGEBYSCORE,
ZCARD, ZADD if below); logs that keep refusals too lock out whoever goes on asking.

State: [at] where the oldest entry is; [at + 1] how many there are; [at + 2 ...] a ring of `slots` instants, in ns.
`slots` is the largest limit the law will have while the row lives: a higher limit counts as `slots`. Else another limit
counts at once. Bounds: instants and window_ns up to limits.row.LARGEST. Another window counts for what is still logged.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, NEVER

WIDTH = 2
"""Without the ring: a row takes WIDTH + slots ints."""


def decide(state: Row, at: int, slots: int, limit: int, window_ns: int, now_ns: int, cost: int) -> int:
    """Admit `cost` now (0), say after how many ns enough of the log has left the window (exactly), or NEVER.

    NEVER: a cost above limit or slots, a window of 0, a negative cost.
    An instant before the newest in the log counts as that one; the wait is from the instant given.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > limit or cost > slots or window_ns <= 0:
        return NEVER
    ring = at + 2
    oldest = state[at]
    count = state[at + 1]
    instant_ns = now_ns
    if count > 0:
        instant_ns = max(now_ns, state[ring + (oldest + count - 1) % slots])
    while count > 0 and state[ring + oldest] <= instant_ns - window_ns:
        oldest = (oldest + 1) % slots
        count -= 1
    too_many = count + cost - min(limit, slots)
    if too_many > 0:
        # What has left is forgotten only when somebody is admitted: a clock that steps back may need it again.
        return state[ring + (oldest + too_many - 1) % slots] + window_ns - now_ns
    for entry in range(count, count + cost):
        state[ring + (oldest + entry) % slots] = instant_ns
    state[at] = oldest
    state[at + 1] = count + cost
    return ADMITTED
