"""What every law shares: the row that holds its state, and the largest number it takes."""

from __future__ import annotations

from typing import Protocol

LARGEST = 2**62 - 1
"""The largest instant, limit or product of parameters (146 years of ns): the sum of any two still fits an int64."""


class Row(Protocol):
    """A flat list of ints, or an int64 array: whatever a law's state lies in."""

    def __getitem__(self, index: int, /) -> int:
        """Read one number."""

    def __setitem__(self, index: int, value: int, /) -> None:
        """Write one number."""
