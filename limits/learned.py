"""What the laws that learn a limit on concurrency share: how large a limit and a round trip they count with."""

from __future__ import annotations

MOST = 2**20
"""The largest limit that is learned, and the largest number inside that is counted."""

LONGEST_NS = 2**42
"""The longest round trip, 73 minutes: what took longer counts as that. MOST * LONGEST_NS fits an int64."""


def counted_ns(rtt_ns: int) -> int:
    """Return a round trip as these laws count it: at least 1 ns."""
    return max(1, min(LONGEST_NS, rtt_ns))


def within(least: int, most: int, value: int) -> int:
    """Return a value between two bounds; where they cross, the upper counts."""
    return min(most, max(least, value))
