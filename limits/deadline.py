"""Deadline: no work for a person who has left, or leaves before it could be done.

    expired iff now >= deadline or deadline - now < least_left

Source: deadline propagation as gRPC does it (one deadline over all attempts; once it has passed the operation fails,
proposal A6). The border is that of docs/model.md: work is expired iff now >= deadline.

State: none. Bounds: instants and least_left_ns up to limits.row.LARGEST.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, EXPIRED

WIDTH = 0


def decide(state: Row, at: int, least_left_ns: int, deadline_ns: int, now_ns: int, cost: int) -> int:
    """Admit (0), or EXPIRED. Neither state nor cost is looked at: what comes too late is late at any cost.

    A least_left_ns of 0 or less asks only that the person be there still.
    """
    if now_ns >= deadline_ns or deadline_ns - now_ns < least_left_ns:
        return EXPIRED
    return ADMITTED
