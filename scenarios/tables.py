"""From a distribution of a scenario to the flat row of numbers that `scenarios.draws.sample` reads, and to its mean.

Times are in ns. A uniform of things that are counted (cups, tokens, makers) is over whole numbers, both ends
included (`whole=True`); times, weights and rates are drawn evenly in between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from scenarios import draws
from scenarios.distributions import Constant, Empirical, Exponential, Gamma, Lognormal, Mixture, Uniform

Distribution = (
    Constant[Any] | Exponential[Any] | Lognormal[Any] | Gamma[Any] | Uniform[Any] | Empirical[Any] | Mixture[Any]
)

WIDEST_SIGMA = 50.0  # e**50 times the median is one sigma away; beyond it the largest draws would not be numbers
NARROWEST_GAMMA_CV, WIDEST_GAMMA_CV = 1e-4, 1e3

_P95_OF_NORMAL = 1.6448536269514722


def edges(weights: Sequence[float]) -> list[float]:
    """Return the running sum of weights, from 0 on, one longer than the weights: what `draws.chosen` reads."""
    return [0.0, *accumulate(float(weight) for weight in weights)]


def table(distribution: Distribution, whole: bool) -> list[float]:
    """Return the row of a distribution; its forms are listed beside the kinds in `scenarios.draws`.

    Raises ValueError where it is too wide or too narrow to be drawn from.
    """
    if isinstance(distribution, Constant):
        return [draws.CONSTANT, float(distribution.mean)]
    if isinstance(distribution, Exponential):
        return [draws.EXPONENTIAL, float(distribution.mean)]
    if isinstance(distribution, Lognormal):
        return [draws.LOGNORMAL, float(distribution.median), _sigma(distribution)]
    if isinstance(distribution, Gamma):
        return gamma_row(float(distribution.mean), distribution.cv)
    if isinstance(distribution, Uniform):
        return _uniform_row(distribution, whole)
    if isinstance(distribution, Empirical):
        shares, values = zip(*distribution.quantiles, strict=True)
        return [draws.EMPIRICAL, len(shares), *map(float, shares), *map(float, values)]
    return _mixture_row(distribution, whole)


def gamma_row(mean: float, cv: float) -> list[float]:
    """Return the row of a gamma by its mean and cv (standard deviation / mean)."""
    if not NARROWEST_GAMMA_CV <= cv <= WIDEST_GAMMA_CV:
        raise ValueError(
            f"a gamma with cv {cv:g} cannot be drawn; cv is {NARROWEST_GAMMA_CV:g} to {WIDEST_GAMMA_CV:g} "
            '(for less spread use kind = "constant")'
        )
    return [draws.GAMMA, 1.0 / (cv * cv), mean * (cv * cv)]


def mean(distribution: Distribution, whole: bool) -> float:
    """Return the exact mean: ns for times. Draws are rounded and bounded afterwards, which it leaves out.

    Raises ValueError as `table` does.
    """
    if isinstance(distribution, Lognormal):
        sigma = _sigma(distribution)
        return float(distribution.median) * (math.exp(sigma * sigma / 2.0) if sigma < 37.0 else math.inf)
    if isinstance(distribution, Uniform):
        low, high = _whole_ends(distribution) if whole else (float(distribution.low), float(distribution.high))
        return (low + high) / 2.0
    if isinstance(distribution, Empirical):
        return math.fsum((b - a) * (low + high) / 2.0 for (a, low), (b, high) in pairwise(distribution.quantiles))
    if isinstance(distribution, Mixture):
        weighted = math.fsum(part.weight * mean(part.of, whole) for part in distribution.parts)
        return weighted / math.fsum(part.weight for part in distribution.parts)
    if isinstance(distribution, Gamma):
        gamma_row(1.0, distribution.cv)
    return float(distribution.mean)


def _sigma(lognormal: Lognormal[Any]) -> float:
    if lognormal.sigma is not None:
        sigma = lognormal.sigma
    elif lognormal.cv is not None:
        sigma = math.sqrt(math.log1p(lognormal.cv * lognormal.cv))
    else:
        p95: Any = lognormal.p95
        sigma = (math.log(p95) - math.log(lognormal.median)) / _P95_OF_NORMAL
    if sigma > WIDEST_SIGMA:
        raise ValueError(f"a lognormal of sigma {sigma:g} cannot be drawn; at most {WIDEST_SIGMA:g} can be")
    return sigma


def _whole_ends(uniform: Uniform[Any]) -> tuple[int, int]:
    low, high = math.ceil(uniform.low), math.floor(uniform.high)
    if low > high:
        raise ValueError(f"there is no whole number from {uniform.low:g} to {uniform.high:g}, and this is a count")
    return low, high


def _uniform_row(uniform: Uniform[Any], whole: bool) -> list[float]:
    if not whole:
        return [draws.UNIFORM, float(uniform.low), float(uniform.high)]
    low, high = _whole_ends(uniform)
    return [draws.WHOLE_UNIFORM, float(low), float(high - low + 1)]


def _mixture_row(mixture: Mixture[Any], whole: bool) -> list[float]:
    running = edges([part.weight for part in mixture.parts])
    rows = [table(part.of, whole) for part in mixture.parts]
    start = 2 + len(running) + len(rows)
    places = list(accumulate((len(row) for row in rows[:-1]), initial=start))
    return [draws.MIXTURE, len(rows), *running, *map(float, places), *(number for row in rows for number in row)]
