"""What replications say of a figure: mean, spread, and Student's interval of the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from simulator import student


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of `n` values; each is None where there are too few: a mean needs one, spread and half-width need two."""

    n: int
    mean: float | None
    sd: float | None
    half_width: float | None

    @property
    def low(self) -> float | None:
        """The lower end of the interval; None without one."""
        return None if self.mean is None or self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """The upper end of the interval; None without one."""
        return None if self.mean is None or self.half_width is None else self.mean + self.half_width

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval and 0 lies outside."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def estimate(values: Sequence[float | None], confidence: float) -> Estimate:
    """Return the estimate from independent values; who had no value (None) is left out, and `n` says how many stay.

    Mean and spread are exact until they are rounded once, so equal values have exactly their value and no width.
    """
    known = [float(value) for value in values if value is not None]
    n = len(known)
    if n < 2:
        return Estimate(n=n, mean=known[0] if known else None, sd=None, half_width=None)
    spread = stdev(known)
    half_width = student.quantile(confidence, n - 1) * spread / math.sqrt(n)
    return Estimate(n=n, mean=mean(known), sd=spread, half_width=half_width)


def p_value(found: Estimate) -> float | None:
    """Return how likely a mean so far from 0 would be by chance alone if the true one were 0; None below two values."""
    if found.mean is None or found.sd is None:
        return None
    if found.mean == 0:
        return 1.0
    if found.sd == 0:
        return 0.0
    return student.two_sided_p(found.mean / (found.sd / math.sqrt(found.n)), found.n - 1)


def holm(p_values: Sequence[float], confidence: float) -> list[bool]:
    """Say which of many hypotheses fall by Holm's method: the chance of any false alarm is 1 - confidence at most."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    falls = [False] * len(p_values)
    for rank, i in enumerate(order):
        if p_values[i] > (1 - confidence) / (len(p_values) - rank):
            break
        falls[i] = True
    return falls
