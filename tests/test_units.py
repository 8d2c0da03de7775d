"""Words with units in, exact numbers out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios import units

S = units.NS_PER_S


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0s", 0),
        ("1ns", 1),
        ("350ms", 350_000_000),
        ("39.4us", 39_400),
        ("39.4µs", 39_400),
        ("9h", 9 * 3600 * S),
        ("2h35m", 155 * 60 * S),
        ("2h 35m 10s", (155 * 60 + 10) * S),
        ("1d", 86_400 * S),
        ("5min", 300 * S),
        ("1.5h", 5400 * S),
        ("1e-3s", 1_000_000),
        (" 1 s ", S),
        ("366d", 366 * 86_400 * S),
        ("3.333333ms", 3_333_333),
        ("0.5ns", 0),  # halves to even
        ("1.5ns", 2),
        ("499ps", 0),
        ("501ps", 1),
    ],
)
def test_a_duration_becomes_whole_ns(text: str, ns: int) -> None:
    assert units.duration_ns(text) == ns


def test_a_duration_may_be_counted_in_ps() -> None:
    assert units.duration_ps("116ns") == 116_000
    assert units.duration_ps("0.5ps") == 0


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (60, "60 is not a duration with its unit"),
        (True, "true is not a duration"),
        (None, "None is not a duration"),
        ("", 'like "350ms"'),
        ("s", 'like "350ms"'),
        ("10", 'like "350ms"'),
        ("10 parsecs", "ps ns us ms s m h d"),
        ("1h and 5m", "ps ns us ms s m h d"),
        ("-1s", "negative"),
        ("367d", "366 days"),
        ("1e999d", "366 days"),
        ("1e9999s", "is not a duration"),
        ("nan s", "is not a duration"),
        ("9" * 201 + "s", "a text of 202 characters is not a duration"),
    ],
)
def test_what_is_no_duration_is_refused(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        units.duration_ns(value)


@pytest.mark.parametrize(
    ("text", "per_s"),
    [
        ("280/s", Fraction(280)),
        ("10/m", Fraction(1, 6)),
        ("10 / min", Fraction(1, 6)),
        ("88/h", Fraction(88, 3600)),
        ("1/d", Fraction(1, 86_400)),
        ("0.1/ms", Fraction(100)),
        ("0/s", Fraction(0)),
    ],
)
def test_a_rate_becomes_an_exact_fraction(text: str, per_s: Fraction) -> None:
    assert units.rate_per_s(text) == per_s


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (280, "280 is not a rate with its unit"),
        ("280", "280/s"),
        ("280/y", "280/s"),
        ("-1/s", "negative"),
        ("inf/s", "is not a rate"),
        ("off", "is not a rate"),
        ("1000000001/s", "1,000,000,000 a second"),
    ],
)
def test_what_is_no_rate_is_refused(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        units.rate_per_s(value)


def test_a_rate_may_be_off_where_there_need_be_none() -> None:
    assert units.rate_or_off("off") is None
    assert units.rate_or_off("1/s") == 1


@pytest.mark.parametrize(
    ("value", "share"), [("25%", 0.25), ("0%", 0.0), ("100 %", 1.0), (0.25, 0.25), (0, 0.0), (1, 1.0)]
)
def test_a_share_is_between_0_and_1(value: object, share: float) -> None:
    assert units.share(value) == share


@pytest.mark.parametrize(
    "value", ["25", "101%", "-1%", "x%", 1.0000001, -0.1, float("nan"), float("inf"), 10**400, True, None, [0.5]]
)
def test_what_is_no_share_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"is not a share|is not between 0 and 1"):
        units.share(value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("3", '"3" is not a number'),
        (True, "true is not a number"),
        (float("nan"), "nan is not a finite number"),
        (float("-inf"), "-inf is not a finite number"),
        (10**400, "too large"),
    ],
)
def test_what_is_no_number_is_refused(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        units.number(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r'"a\nb"'),
        ("x" * 61, "a text of 61 characters"),
        (True, "true"),
        (-3, "-3"),
        pytest.param(16**6000, "a whole number of more than 40 digits", id="huge"),
        ([1, "a"], '[1, "a"]'),
        (list(range(100)), "a list of 100"),
        ({"a": 1}, "a table"),
    ],
)
def test_a_value_is_shown_as_a_file_would_have_it_and_short(value: object, text: str) -> None:
    assert units.shown(value) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0s"), (1, "1ns"), (1500, "1500ns"), (2000, "2us"), (S, "1s"), (90 * S, "90s"), (3600 * S, "1h")],
)
def test_a_duration_is_written_in_the_largest_unit_that_fits(ns: int, text: str) -> None:
    assert units.duration_text(ns) == text


@given(st.integers(0, units.LONGEST_NS))
def test_a_duration_written_reads_back_the_same(ns: int) -> None:
    assert units.duration_ns(units.duration_text(ns)) == ns


@given(st.decimals(0, 10**6, places=6), st.sampled_from(["ms", "s", "m", "min", "h", "d"]))
def test_a_rate_that_was_read_is_written_so_that_it_reads_back_the_same(number: object, unit: str) -> None:
    rate = units.rate_per_s(f"{number}/{unit}")
    assert units.rate_per_s(units.rate_text(rate)) == rate


@given(st.decimals(0, 10**5, places=4), st.decimals(0, 59, places=9))
def test_parts_of_a_duration_add_up(minutes: object, seconds: object) -> None:
    assert units.seconds(f"{minutes}m{seconds}s") == Fraction(str(minutes)) * 60 + Fraction(str(seconds))
