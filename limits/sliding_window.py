"""Sliding window counter: "N per window" in three numbers, as if the window before had been even.

    admit iff floor(before * rest / W) + now + cost <= limit

`before` was admitted in the window before this one, `now` in this one, `rest` is how much of this window is left.
Windows start at 0, W, 2W, ... Source: Cloudflare, "Counting things, a lot of different things" (their example, 42 and
18 of 50, as quoted by others, is a test); Kong's rate-limiting library has the same weight. Neither rounds; the floor
is that of Upstash, which compares without the cost, so that there a large cost may pass the limit. Refused ones are not
counted, as in Upstash.

Admitted in any [t, t + d]: less than limit * (1 + d / W) + 1; so twice the limit may pass within W, but spread over it
and not at its border. And it may refuse one whose true log is empty: what came at the very start of the window before
is held against them for nearly another W.

State: [at] the number of the window; [at + 1] admitted in it; [at + 2] admitted in the one before. Another limit counts
at once. Bounds: instants and limit up to limits.row.LARGEST, window_ns up to half of it. The window is not to change
while the row lives.
"""

from __future__ import annotations

from limits.level import carried
from limits.row import LARGEST, Row
from limits.verdicts import ADMITTED, NEVER

WIDTH = 3


def decide(state: Row, at: int, limit: int, window_ns: int, now_ns: int, cost: int) -> int:
    """Admit `cost` now (0), say after how many ns it would be admitted (exactly), or NEVER.

    NEVER: a cost above limit, a window of 0, a negative cost.
    An instant before the window of the last one counts as the start of that; the wait is from the instant given. One
    earlier in the same window sees more of the window before, so it is not less strict.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > limit or window_ns <= 0:
        return NEVER
    window = now_ns // window_ns
    last = state[at]
    if window > last:
        state[at + 2] = state[at + 1] if window == last + 1 else 0
        state[at + 1] = 0
        state[at] = last = window
    rest_ns = (last + 1) * window_ns - now_ns
    too_early_ns = 0
    if rest_ns > window_ns:
        too_early_ns = rest_ns - window_ns
        rest_ns = window_ns
    room = limit - cost - state[at + 1]
    if room >= 0:
        before = state[at + 2]
        if before <= room or share(before, rest_ns, window_ns) <= room:  # the share is never more than all of it
            state[at + 1] += cost
            return ADMITTED
        return too_early_ns + rest_ns - longest_rest(before, room, window_ns)
    # Not in this window. In the next, what is in this one is what was before.
    return too_early_ns + rest_ns + window_ns - longest_rest(state[at + 1], limit - cost, window_ns)


def share(count: int, rest_ns: int, window_ns: int) -> int:
    """Return floor(count * rest / window), for a rest of at most the window."""
    if count <= LARGEST // window_ns:
        return count * rest_ns // window_ns
    return carried(rest_ns, window_ns, count, 1)


def longest_rest(count: int, room: int, window_ns: int) -> int:
    """Return the longest rest of a window at which the share of `count` is at most `room`."""
    if count <= room:
        return window_ns
    # The share is at most room while rest < (room + 1) * window / count.
    rest_ns = share(window_ns, room + 1, count)
    if share(count, rest_ns, window_ns) > room:
        rest_ns -= 1
    return rest_ns
