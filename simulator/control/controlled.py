"""What an engine offers to control processes."""

from __future__ import annotations

from typing import Protocol

from scenarios.knobs import Knob, Value
from simulator.rank import Rank


class Controlled(Protocol):
    """A run as control processes see it; figures and values are those of the size that runs."""

    def gauge(self, name: str) -> float:
        """Return a gauge of `scenarios.metrics.GAUGES` now; those of BY_BUCKET as the last whole bucket left them."""

    def counter(self, name: str) -> int:
        """Return a counter of `scenarios.metrics.COUNTERS` now; those of BY_BUCKET as gauges of it are told."""

    def turn(self, knob: Knob, value: Value, /) -> None:
        """Give a knob a value, now; what it lets happen in this ns happens before the next control process wakes."""


class Advancing(Controlled, Protocol):
    """A run whose events are not SimPy's: it is brought to where its control processes wake (see `drive`)."""

    def advance(self, until_ns: int, rank: Rank, /) -> None:
        """Let all happen that comes before (until_ns, rank), what a turn has since added there too."""
