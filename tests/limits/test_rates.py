from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import rates
from limits.level import carried
from limits.row import LARGEST
from tests.limits import oracle

PARTS = st.integers(1, LARGEST)


@pytest.mark.parametrize(
    ("rate_per_s", "burst", "tokens", "per_ns"),
    [
        (Fraction(290), 50, 29, 100_000_000),
        (Fraction(3), 1, 3, 1_000_000_000),
        (Fraction(88, 3600), 10, 11, 450_000_000_000),
        (Fraction(10**9), 10**9, 1, 1),
        (Fraction(0), 50, 0, 1),
        (Fraction(1, 86_400), 53_000, 1, 86_400_000_000_000),
        (Fraction(1, 10**9), 4, 1, 10**18),
    ],
)
def test_a_rate_people_write_is_exact(rate_per_s: Fraction, burst: int, tokens: int, per_ns: int) -> None:
    assert rates.ratio(rate_per_s, burst) == (tokens, per_ns)


@given(st.fractions(Fraction(1, 1000), 10**9, max_denominator=10**30), st.integers(1, 10**6))
def test_a_rate_of_many_digits_is_within_a_billionth_and_fits(rate_per_s: Fraction, burst: int) -> None:
    try:
        tokens, per_ns = rates.ratio(rate_per_s, burst)
    except ValueError:
        assert burst * 10**9 / rate_per_s > LARGEST // 10**9  # refused only where the bucket takes long to fill
        return
    assert burst * per_ns <= LARGEST
    assert abs(Fraction(tokens, per_ns) * 10**9 / rate_per_s - 1) <= Fraction(1, 10**9)


@pytest.mark.parametrize(
    ("rate_per_s", "burst", "said"),
    [
        (Fraction(-1), 1, "-1/s is not a rate"),
        (Fraction(10**9 + 1), 1, "1e+09/s is not a rate from 0 to 1,000,000,000/s"),
        (Fraction(1, 86_400), 10**6, "with a burst of 1,000,000 does not fit 64 bits"),
    ],
)
def test_a_rate_that_does_not_fit_is_refused_in_words(rate_per_s: Fraction, burst: int, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("+", r"\+")):
        rates.ratio(rate_per_s, burst)


def test_an_interval_is_rounded_to_the_nearest_ns() -> None:
    assert [rates.interval_ns(Fraction(n)) for n in (0, 1, 3, 7, 290, 10**9)] == [
        0,
        1_000_000_000,
        333_333_333,
        142_857_143,
        3_448_276,
        1,
    ]
    assert rates.interval_ns(Fraction(88, 3600)) == 40_909_090_909


def test_an_interval_whose_burst_takes_too_long_is_refused_in_words() -> None:
    assert rates.interval_ns(Fraction(1, 86_400), 53_000) == 86_400_000_000_000
    with pytest.raises(ValueError, match="takes longer than 146 years to fill"):
        rates.interval_ns(Fraction(1, 86_400), 54_000)
    with pytest.raises(ValueError, match="is not a rate"):
        rates.interval_ns(Fraction(-1, 3))


def test_a_burst_that_was_not_given_is_a_second_of_the_rate() -> None:
    given = [Fraction(290), Fraction(29, 10), Fraction(1, 60), Fraction(0)]
    assert [rates.second_of(rate_per_s) for rate_per_s in given] == [290, 3, 1, 1]


def test_a_lease_is_worth_what_its_span_brings_and_at_least_a_token() -> None:
    spans_ns = [100_000_000, 10_000_000, 1]
    assert [rates.worth(Fraction(290), span_ns) for span_ns in spans_ns] == [29, 2, 1]


def test_tokens_are_counted_in_thousandths() -> None:
    assert [rates.milli(tokens) for tokens in (0.1, 5.0, 0.2, 0.0333, 0)] == [100, 5000, 200, 33, 0]


@given(st.integers(0, LARGEST), PARTS, PARTS, st.integers(0, LARGEST))
def test_a_level_is_carried_exactly_however_large_the_product(level: int, old: int, new: int, most: int) -> None:
    most = min(most, LARGEST // new)
    assert carried(level, old, new, most) == oracle.carried(level, old, new, most)
