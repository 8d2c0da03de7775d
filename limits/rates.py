"""From a rate as people write it to the whole numbers that the laws take: the loader's side, once per law.

A rate is an exact fraction per second, at most 1e9. Every function raises `ValueError` saying what does not fit.
"""

from __future__ import annotations

import math
from fractions import Fraction

from limits.row import LARGEST

NS_PER_S = 1_000_000_000
FINEST = Fraction(1, 10**9)
"""How wrong, as a share of itself, a rate may become where its exact fraction does not fit 64 bits."""


def ratio(rate_per_s: Fraction, burst: int) -> tuple[int, int]:
    """Return (tokens, per_ns) of a rate: exact where burst * per_ns fits `LARGEST`, else the nearest that fits.

    Exact are n/s with any burst up to 4e9, n/h up to 1e6, n/d up to 5e4. The nearest is within a share of 1e-9 of the
    rate, or it is a ValueError. A rate of 0 is (0, 1).
    """
    _check(rate_per_s)
    exact = Fraction(rate_per_s) / NS_PER_S
    near = exact.limit_denominator(max(1, LARGEST // max(1, burst)))
    if abs(near - exact) > exact * FINEST:
        raise ValueError(f"{float(rate_per_s):g}/s with a burst of {burst:,} does not fit 64 bits; lower the burst")
    return near.numerator, near.denominator


def interval_ns(rate_per_s: Fraction, burst: int = 1) -> int:
    """Return 1/rate in whole ns, to the nearest (half to even), for `gcra` and `pacing`; 0 for a rate of 0."""
    _check(rate_per_s)
    if rate_per_s == 0:
        return 0
    nearest = round(NS_PER_S / Fraction(rate_per_s))
    if nearest * max(1, burst) > LARGEST:
        raise ValueError(f"{float(rate_per_s):g}/s with a burst of {burst:,} takes longer than 146 years to fill")
    return nearest


def warm_up(rate_per_s: Fraction, warm_up_ns: int, cold_factor: int = 3) -> tuple[int, int, int]:
    """Return (rate_milli, warning, most) of a rate for `warm_up`: the rate to the nearest thousandth (half to even).

    warning = floor(time * rate) / (cold_factor - 1) and most = warning + 2 * time * rate / (1 + cold_factor), each
    rounded down, as in Sentinel. A rate of 0 is (0, 0, 0).
    """
    _check(rate_per_s)
    if rate_per_s == 0:
        return 0, 0, 0
    if rate_per_s < 1:
        raise ValueError(f"{float(rate_per_s):g}/s would let nobody in: a warm-up counts whole calls in a second")
    if cold_factor < 2:
        raise ValueError(f"a cold factor of {cold_factor} is not one: needs at least 2")
    rate_milli = round(rate_per_s * 1000)
    brought = Fraction(rate_milli * warm_up_ns, 1000 * NS_PER_S)
    warning = math.floor(brought) // (cold_factor - 1)
    to_warm = math.floor(2 * brought / (1 + cold_factor))
    if to_warm < 1:
        raise ValueError(
            f"a warm-up of {warm_up_ns:,} ns is shorter than a call at {float(rate_per_s):g}/s; lengthen it"
        )
    if max(rate_milli * to_warm, 1000 * cold_factor * (warning + to_warm)) > LARGEST:
        raise ValueError(
            f"{float(rate_per_s):g}/s over a warm-up of {warm_up_ns:,} ns does not fit 64 bits; shorten it"
        )
    return rate_milli, warning, warning + to_warm


def second_of(rate_per_s: Fraction) -> int:
    """Return the burst of a rate that was given none: 1 s of it, rounded up, at least 1."""
    _check(rate_per_s)
    return max(1, math.ceil(rate_per_s))


def worth(rate_per_s: Fraction, span_ns: int) -> int:
    """Return the tokens that a rate brings in a span, rounded down, at least 1, for the lease of `quota_lease`."""
    _check(rate_per_s)
    return max(1, math.floor(rate_per_s * span_ns / NS_PER_S))


def milli(tokens: float) -> int:
    """Return tokens in thousandths, to the nearest (half to even), for `retry_budget`."""
    return round(tokens * 1000)


def micro(rate_per_s: Fraction) -> int:
    """Return a rate in millionths a second, to the nearest (half to even), for `seda`."""
    _check(rate_per_s)
    return round(rate_per_s * 10**6)


def _check(rate_per_s: Fraction) -> None:
    if not 0 <= rate_per_s <= NS_PER_S:
        raise ValueError(f"{float(rate_per_s):g}/s is not a rate from 0 to 1,000,000,000/s")
