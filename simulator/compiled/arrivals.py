"""First arrivals as `scenarios.workload` makes them, with its loop compiled."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from scenarios import model, workload
from simulator.compiled.jit import INTERPRETED, entry
from simulator.outcome import Ints

_fill: Any = entry(workload.fill)


def first_arrivals(scenario: model.Scenario, seed: int, scale: Fraction) -> Ints:
    """Return the instants of first tries before the horizon, in ns, sorted; want i comes at instant i."""
    return workload.first_arrivals(scenario, seed, scale, None if INTERPRETED else _fill_arrays)


def _fill_arrays(
    out: Any,
    row: Sequence[float],
    start: float,
    seed: int,
    at_ns: Sequence[float],
    rate: Sequence[float],
    expected: Sequence[float],
    horizon_ns: int,
) -> int:
    arrays = [np.array(values, dtype=np.float64) for values in (row, at_ns, rate, expected)]
    found: int = _fill(out, arrays[0], start, seed, *arrays[1:], horizon_ns)
    return found
