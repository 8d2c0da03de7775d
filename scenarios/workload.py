"""When the first people come: instants in ns, sorted, the i-th of them the first try of want i.

Poisson, steady and gamma arrivals are one mechanism. A process of rate 1 runs in units of expected arrivals, with
increments Exp(1), 1 (the first after 0.5) or gamma of mean 1, and is pushed through the inverse of the cumulative
rate. The rate is a curve times the product of its shapes, tabulated on a grid on which it is linear in each cell;
there it differs from the true one by at most `RATE_TOLERANCE` of the product of the factors' peaks.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scenarios import draws, traces
from scenarios.draws import Stream, key, nearest, sample
from scenarios.model import Arrivals, Logistic, Scenario
from scenarios.tables import gamma_row

RATE_TOLERANCE = 1e-6
MOST_ARRIVALS = 200_000_000

_LOGISTIC_REACH = 40  # widths from the middle beyond which a logistic is level (e**-40 is under a float's last bit)
_HIGHEST_PEAK = 1e6  # arrivals per ns


Fill = Callable[
    [MutableSequence[int], Sequence[float], float, int, Sequence[float], Sequence[float], Sequence[float], int], int
]


@dataclass(frozen=True)
class Grid:
    """A rate over the run: knots in ns, the rate per ns there (linear in between), expected arrivals up to there."""

    at_ns: list[float]
    rate: list[float]
    expected: list[float]


def first_arrivals(scenario: Scenario, seed: int, scale: Fraction, filled_by: Fill | None = None) -> NDArray[np.int64]:
    """Return the instants of first tries before the horizon, in ns, sorted; want i comes at instant i.

    The scenario is already scaled. `scale` is for traces, which have no rate to multiply; `filled_by` is `fill`, or
    a compiled one. Raises ValueError for an unreadable trace and for more than `MOST_ARRIVALS`.
    """
    arrivals, horizon_ns = scenario.arrivals, scenario.horizon_ns
    if arrivals.process == "trace":
        trace = traces.read(arrivals, horizon_ns)
        _check_number(trace.length * float(scale))
        return traces.instants(trace, horizon_ns, seed, scale)
    grid = rate_grid(arrivals, horizon_ns)
    row, start = increments(arrivals)
    expected = grid.expected[-1]
    _check_number(expected)
    size = int(expected + 8.0 * max(1.0, arrivals.cv or 0.0) * math.sqrt(expected + 1.0)) + 16
    while True:
        out: Any = np.zeros(size, dtype=np.int64)
        found = (filled_by or fill)(out, row, start, seed, grid.at_ns, grid.rate, grid.expected, horizon_ns)
        if found < size:
            filled: NDArray[np.int64] = out[:found]
            return filled
        size *= 2


def expected_arrivals(scenario: Scenario, scale: Fraction = Fraction(1)) -> float:
    """Return how many first arrivals a run brings in the mean (of a trace: has, times `scale`)."""
    if scenario.arrivals.process == "trace":
        return traces.read(scenario.arrivals, scenario.horizon_ns).length * float(scale)
    return rate_grid(scenario.arrivals, scenario.horizon_ns).expected[-1]


def _check_number(expected: float) -> None:
    if expected > MOST_ARRIVALS:
        raise ValueError(
            f"arrivals: {expected:,.0f} first arrivals are expected, more than {MOST_ARRIVALS:,}; "
            "lower the rate, the horizon or the scale"
        )


def increments(arrivals: Arrivals) -> tuple[list[float], float]:
    """Return the row of the distribution of the increments of mean 1, and where their sum starts."""
    if arrivals.process == "poisson":
        return [draws.EXPONENTIAL, 1.0], 0.0
    if arrivals.process == "steady":
        return [draws.CONSTANT, 1.0], -0.5
    assert arrivals.cv is not None
    return gamma_row(1.0, arrivals.cv), 0.0


def fill(
    out: MutableSequence[int],
    row: Sequence[float],
    start: float,
    seed: int,
    at_ns: Sequence[float],
    rate: Sequence[float],
    expected: Sequence[float],
    horizon_ns: int,
) -> int:
    """Fill `out` with first arrivals until it is full or the horizon is reached; return how many there are."""
    total, cell, before_ns = start, 0, 0
    cells = len(at_ns) - 1
    for i in range(len(out)):
        total += sample(row, 0, key(seed, Stream.ARRIVAL, i, 0))
        while cell < cells and total >= expected[cell + 1]:
            cell += 1
        if cell == cells:
            return i
        width = at_ns[cell + 1] - at_ns[cell]
        into = into_cell(total - expected[cell], rate[cell], rate[cell + 1], width)
        before_ns = max(nearest(at_ns[cell] + into), before_ns)
        if before_ns >= horizon_ns:
            return i
        out[i] = before_ns
    return len(out)


def into_cell(area: float, rate: float, rate_after: float, width: float) -> float:
    """Return the x in a cell up to which a rate that goes linearly from `rate` to `rate_after` has this area.

    The root of rate*x + (rate_after - rate)*x^2/(2*width) = area, in the form that subtracts no like numbers.
    """
    root = math.sqrt(max(rate * rate + 2.0 * area * ((rate_after - rate) / width), 0.0))
    if rate + root <= 0.0:
        return 0.0
    return min(2.0 * area / (rate + root), width)


class _Factor(Protocol):
    """One factor of the rate; between neighbouring knots it only rises or only falls."""

    def knots_ns(self) -> Sequence[int]: ...

    def value(self, at_ns: float) -> float: ...

    def bends(self, from_ns: int, to_ns: int) -> tuple[float, float]:
        """Return bounds of the slope and of the curvature (per ns, per ns^2) between two neighbouring knots."""
        ...


class _Curve:
    """Linear between its points, level outside them."""

    def __init__(self, points: Sequence[tuple[int, float]]) -> None:
        self._at_ns = [at_ns for at_ns, _ in points]
        self._values = [value for _, value in points]

    def knots_ns(self) -> Sequence[int]:
        return self._at_ns

    def value(self, at_ns: float) -> float:
        after = bisect_right(self._at_ns, at_ns)
        if after == 0 or after == len(self._at_ns):
            return self._values[max(after - 1, 0)]
        (a_ns, b_ns), (a, b) = self._at_ns[after - 1 : after + 1], self._values[after - 1 : after + 1]
        return a + (b - a) * ((at_ns - a_ns) / (b_ns - a_ns))

    def bends(self, from_ns: int, to_ns: int) -> tuple[float, float]:
        return abs(self.value(to_ns) - self.value(from_ns)) / (to_ns - from_ns), 0.0


class _Step:
    """A logistic step. Its slope is steepest at the middle and its curvature is at most slope / width."""

    def __init__(self, logistic: Logistic) -> None:
        self._step = logistic

    def knots_ns(self) -> Sequence[int]:
        middle_ns, width_ns = self._step.middle_ns, self._step.width_ns
        return [middle_ns + k * width_ns for k in range(-_LOGISTIC_REACH, _LOGISTIC_REACH + 1)]

    def _done(self, at_ns: float) -> float:
        x = (at_ns - self._step.middle_ns) / self._step.width_ns
        return 1.0 / (1.0 + math.exp(-max(min(x, 700.0), -700.0)))

    def value(self, at_ns: float) -> float:
        return self._step.low + (self._step.high - self._step.low) * self._done(at_ns)

    def bends(self, from_ns: int, to_ns: int) -> tuple[float, float]:
        steepest_ns = min(max(self._step.middle_ns, from_ns), to_ns)
        if abs(steepest_ns - self._step.middle_ns) >= _LOGISTIC_REACH * self._step.width_ns:
            return 0.0, 0.0
        done = self._done(steepest_ns)
        slope = abs(self._step.high - self._step.low) * done * (1.0 - done) / self._step.width_ns
        return slope, slope / self._step.width_ns


def _factors(arrivals: Arrivals) -> list[_Factor]:
    factors: list[_Factor] = [_Curve([(at_ns, float(rate) / 1e9) for at_ns, rate in arrivals.rate_per_s])]
    for shape in arrivals.shapes:
        if shape.curve is not None:
            factors.append(_Curve(shape.curve))
        if shape.logistic is not None:
            factors.append(_Step(shape.logistic))
    return factors


def rate_grid(arrivals: Arrivals, horizon_ns: int) -> Grid:
    """Tabulate the rate from 0 to the horizon: every knot of every factor, and as many cells between as it needs."""
    factors = _factors(arrivals)
    inside = {at_ns for factor in factors for at_ns in factor.knots_ns() if 0 < at_ns < horizon_ns}
    knots = [0, *sorted(inside), horizon_ns]
    values = [[factor.value(at_ns) for at_ns in knots] for factor in factors]
    maxima = [max(of_factor) for of_factor in values]
    if min(maxima) == 0.0:
        return Grid([0.0, float(horizon_ns)], [0.0, 0.0], [0.0, 0.0])
    if math.prod(maxima) > _HIGHEST_PEAK:
        raise ValueError("arrivals: the rate times its shapes is too high to count with; lower one of the factors")
    at_ns = [0.0]
    for cell, (from_ns, to_ns) in enumerate(pairwise(knots)):
        peaks = [max(at[cell], at[cell + 1]) / most for at, most in zip(values, maxima, strict=True)]
        bends = [factor.bends(from_ns, to_ns) for factor in factors]
        parts = [(slope / most, bend / most) for (slope, bend), most in zip(bends, maxima, strict=True)]
        pieces = _pieces(to_ns - from_ns, _curvature(peaks, parts))
        at_ns.extend(float(from_ns + (to_ns - from_ns) * piece // pieces) for piece in range(1, pieces + 1))
    rate = [math.prod(factor.value(at) for factor in factors) for at in at_ns]
    expected = [0.0]
    for (a_ns, b_ns), (a, b) in zip(pairwise(at_ns), pairwise(rate), strict=True):
        expected.append(expected[-1] + (a + b) / 2.0 * (b_ns - a_ns))
    return Grid(at_ns, rate, expected)


def _curvature(peaks: list[float], bends: Sequence[tuple[float, float]]) -> float:
    """Bound the second derivative of a product by peaks, slopes and curvatures of its factors (whose maxima are 1)."""
    total = 0.0
    for i, (slope, curvature) in enumerate(bends):
        total += curvature * math.prod(peaks[:i] + peaks[i + 1 :])
        for j in range(i):
            others = math.prod(peak for k, peak in enumerate(peaks) if k not in (i, j))
            total += 2.0 * slope * bends[j][0] * others
    return total


def _pieces(width_ns: int, curvature: float) -> int:
    """Return into how many equal pieces to cut a cell: a chord is off by at most width^2 * curvature / 8."""
    return min(max(math.ceil(width_ns * math.sqrt(curvature / (8.0 * RATE_TOLERANCE))), 1), width_ns)
