"""Tie order, written down once: what happens first among events of the same nanosecond (docs/model.md, Instants)."""

from __future__ import annotations

from enum import IntEnum


class Rank(IntEnum):
    """Smaller happens first; all are above SimPy's own 0 and 1, so that its hops drain before the next event."""

    INCIDENT = 10
    DEPARTURE = 11  # capacity is freed before anybody gives up or asks for it
    TIMEOUT = 12
    ARRIVAL = 13
    STEP = 14
    CONTROL = 15
    SAMPLE = 16
