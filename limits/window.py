"""Two sums over a sliding window in slices: what `sre_throttle` and `retry_ratio` remember.

The window is the slice of now and the `slices` - 1 before it; slices start at 0, slice_ns, 2 * slice_ns, ... What is
added is forgotten whole slices at a time, between (slices - 1) * slice_ns and slices * slice_ns later.

State: [at] the number of the newest slice; [at + 1], [at + 2] the two sums; from [at + WIDTH] on a ring of two ints a
slice. An instant before the newest slice counts as that slice. Bounds: instants up to limits.row.LARGEST; a sum up to
what its caller lets it grow to. slices and slice_ns are at least 1 and do not change while the row lives.
"""

from __future__ import annotations

from limits.row import Row

WIDTH = 3
"""Without the ring: a row takes WIDTH + 2 * slices ints."""


def roll(state: Row, at: int, slices: int, slice_ns: int, now_ns: int) -> None:
    """Forget the slices that have left the window by now."""
    number = now_ns // slice_ns
    behind = number - state[at]
    if behind <= 0:
        return
    for k in range(1, min(behind, slices) + 1):
        place = at + WIDTH + 2 * ((state[at] + k) % slices)
        state[at + 1] -= state[place]
        state[at + 2] -= state[place + 1]
        state[place] = 0
        state[place + 1] = 0
    state[at] = number


def add(state: Row, at: int, slices: int, first: int, second: int) -> None:
    """Add to the two sums, in the newest slice."""
    place = at + WIDTH + 2 * (state[at] % slices)
    state[at + 1] += first
    state[at + 2] += second
    state[place] += first
    state[place + 1] += second
