"""Exact figures of integer samples: the total, the mean and nearest-rank quantiles, without a float before the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenarios.units import NS_PER_S
from simulator.outcome import Ints

PERMILLE = {"p50": 500, "p90": 900, "p99": 990, "p999": 999, "max": 1000}


def seconds(ns: int) -> float:
    """Return the float nearest to so many ns in seconds."""
    return int(ns) / NS_PER_S


def total(values: Ints) -> int:
    """Return the exact sum: ten million times of an hour, in ns, are too much for 64 bits."""
    return (int(np.sum(values >> 32)) << 32) + int(np.sum(values & 0xFFFF_FFFF))


def quantiles(values: Ints, permille: Sequence[int]) -> list[int]:
    """Return nearest-rank quantiles: for each share q (in thousandths) the ceil(q * n)-th smallest of n >= 1 values."""
    ranks = [max(1, -(-share * len(values) // 1000)) - 1 for share in permille]
    ordered = np.partition(values, sorted(set(ranks)))
    return [int(ordered[rank]) for rank in ranks]


def spread_s(values_ns: Ints, keys: Sequence[str]) -> dict[str, float | None]:
    """Return mean and quantiles (keys: mean, p50, ..., max) in seconds, each rounded to ns; all None without values."""
    if len(values_ns) == 0:
        return dict.fromkeys(keys)
    count = len(values_ns)
    found = dict(zip(PERMILLE, quantiles(values_ns, list(PERMILLE.values())), strict=True))
    found["mean"] = (2 * total(values_ns) + count) // (2 * count)
    return {key: seconds(found[key]) for key in keys}

OCTAVE_BITS = 12
"""Places an octave of the counts that stand for values where there are too many to keep: 2**OCTAVE_BITS."""
HISTOGRAM_SIZE = 52 << OCTAVE_BITS
