"""Strict priority: of those who wait, the most important is next, of equals the one that came first.

    lane = priority;  the first lane, from 0 on, where anybody waits is served;  first come, first served in each

No law of a door: it refuses nobody, and orders what others let wait. What is in service is finished first.

Source: head-of-the-line priority queueing (Cobham, 1954), under whatever name routers and brokers have it.

Known failures: while the important alone fill the servers, others wait without end; and everybody calls themselves
important who can.

State: none. Bounds: a priority beyond the last lane is in the last.
"""

from __future__ import annotations

WIDTH = 0


def enqueue(lanes: int, priority: int) -> int:
    """Return the lane in which one of a priority waits."""
    return max(0, min(lanes - 1, priority))
