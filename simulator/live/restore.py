"""Puts into a town who was in it at an instant, so that a slice begins with the queues of the day."""

from __future__ import annotations

from simulator.live.contents import Contents
from simulator.live.town import LiveTown


def restore(town: LiveTown, contents: Contents, now_ns: int) -> None:
    """Begin with these attempts at their stages and with what kitchens have taken."""
    raise NotImplementedError
