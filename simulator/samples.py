"""Exact figures of integer samples: total, mean and nearest-rank quantiles, without a float before the end.

Of up to EXACT_UP_TO values every one is kept. Of more, it is counted how many fall into each of 2**OCTAVE_BITS places
an octave: quantiles are then the upper edge of their place (at most 1 in 4,096 too large, never above the maximum);
number, total and maximum stay exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.units import NS_PER_S
from simulator.outcome import BigInts, Ints

PERMILLE = {"p50": 500, "p90": 900, "p99": 990, "p999": 999, "max": 1000}

EXACT_UP_TO = 1 << 20
OCTAVE_BITS = 12
PLACES = 52 << OCTAVE_BITS
"""Values below 2**(OCTAVE_BITS + 1) have a place each; every later octave, up to 63 bits, has 2**OCTAVE_BITS."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The values of one figure: all of them in `values`, or where there are too many, how many are in each place."""

    count: int
    total: int
    largest: int  # 0 without values
    values: Ints | None
    places: Ints | None = None

    @classmethod
    def of(cls, values: Ints) -> Sample:
        """Return the sample of some values, none of them negative."""
        largest = int(values.max()) if len(values) else 0
        if len(values) <= EXACT_UP_TO:
            return cls(len(values), total(values), largest, values)
        return cls(len(values), total(values), largest, None, np.bincount(places_of(values), minlength=PLACES))

    def __len__(self) -> int:
        return self.count

    def quantiles(self, permille: Sequence[int]) -> list[int]:
        """Return nearest-rank quantiles: for each share q (in thousandths) the ceil(q * n)-th smallest of n >= 1."""
        ranks = [max(1, -(-share * self.count // 1000)) for share in permille]
        if self.values is not None:
            ordered = np.sort(self.values)  # NumPy sorts faster than it partitions at several ranks
            return [int(ordered[rank - 1]) for rank in ranks]
        assert self.places is not None
        found = np.searchsorted(np.cumsum(self.places), ranks)
        return [min(upper_edge(int(place)), self.largest) for place in found]


def places_of(values: Ints) -> Ints:
    """Return the place of each value."""
    _, bits = np.frexp((values >> OCTAVE_BITS - 1).astype(np.float64))  # at most 52 bits: exact
    shifts = np.maximum(bits.astype(np.int64) - 2, 0)
    return (shifts << OCTAVE_BITS) + (values >> shifts)


def upper_edge(place: int) -> int:
    """Return the largest value of a place."""
    shift = max((place >> OCTAVE_BITS) - 1, 0)
    return ((place - (shift << OCTAVE_BITS) + 1) << shift) - 1


def seconds(ns: int) -> float:
    """Return the float nearest to so many ns in seconds."""
    return int(ns) / NS_PER_S


def total(values: Ints | BigInts) -> int:
    """Return the exact sum: ten million times of an hour, in ns, are too much for 64 bits."""
    if len(values) and max(int(values.max()), -int(values.min())) * len(values) < 1 << 63:
        return int(values.sum())
    return (int(np.sum(values >> 32)) << 32) + int(np.sum(values & 0xFFFF_FFFF))


def spread_s(sample: Sample, keys: Sequence[str]) -> dict[str, float | None]:
    """Return mean and quantiles (keys: mean, p50, ..., max) in seconds, each rounded to ns; all None without values."""
    if not sample.count:
        return dict.fromkeys(keys)
    found = dict(zip(PERMILLE, sample.quantiles(list(PERMILLE.values())), strict=True))
    found["mean"] = (2 * sample.total + sample.count) // (2 * sample.count)
    return {key: seconds(found[key]) for key in keys}
