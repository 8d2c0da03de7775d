"""Student's t distribution of whole degrees of freedom, by its finite sums (Abramowitz and Stegun 26.7.3, 26.7.4)."""

from __future__ import annotations

import math
from functools import lru_cache


@lru_cache(maxsize=256)
def quantile(confidence: float, freedom: int) -> float:
    """Return the t that a Student variable's absolute value does not exceed with probability `confidence`."""
    assert 0 < confidence < 1
    assert freedom >= 1
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(high)


def two_sided_p(t: float, freedom: int) -> float:
    """Return the probability that the absolute value exceeds |t|, to an absolute 1e-12."""
    return max(0.0, 1 - _within(math.atan(abs(t) / math.sqrt(freedom)), freedom))


def _within(theta: float, freedom: int) -> float:
    """The probability of |t| <= sqrt(freedom) * tan(theta), the formula of the book in its own variable."""
    cosine, sine = math.cos(theta), math.sin(theta)
    odd = freedom % 2
    term = cosine if odd else 1.0
    terms = [term] if freedom > 1 else []
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        terms.append(term)
    inner = sine * math.fsum(terms)
    return 2 / math.pi * (theta + inner) if odd else inner
