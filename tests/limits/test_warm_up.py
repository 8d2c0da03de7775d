from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import rates, warm_up
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED
from tests.limits.asking import Ask, admitted, instants, waits_are_exact

S = 1_000_000_000
TEN = rates.warm_up(Fraction(10), 10 * S)
# In steps of 100 ms, so that half seconds and seconds end all the time.
STEPS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), max_size=80).map(
    lambda steps: [(100_000_000 * step, cost) for step, cost in steps]
)


def law(params: tuple[int, int, int] = TEN, cold_factor: int = 3) -> Ask:
    rate_milli, warning, most = params
    return lambda row, now_ns, cost: warm_up.decide(row, 0, rate_milli, cold_factor, warning, most, now_ns, cost)


def passed_each_second(ask: Ask, row: list[int], start_s: int, seconds: int, tries: int = 20) -> list[int]:
    """Ask many times at the start of each second; return how many of them pass."""
    return [sum(ask(row, second * S, 1) == 0 for _ in range(tries)) for second in range(start_s, start_s + seconds)]


def test_ten_a_second_in_ten_seconds() -> None:
    # Sentinel's own numbers: warning 10 * 10 / 2, most 50 + 2 * 100 / 4; cold: 10 / 3.
    assert TEN == (10_000, 50, 100)
    assert warm_up.allowed(10_000, 3, 50, 100, 0) == 3
    # Above the warning line: 50, 47, 44, 41, 38, 35, 31, 27, 23, 18, 13, 7, 0; allowed is 500 / (50 + 2 * that).
    assert passed_each_second(law(), [0] * 4, 0, 15) == [3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 6, 7, 10, 10, 10]


def test_the_test_of_sentinel() -> None:
    # Cold, 8 are too many and 1 is not; after 10 s with 10 a second 8 + 1 pass and 10 + 1 do not.
    ask = law()
    assert ask([0, 8, 0, 0], 0, 1) > 0
    assert ask([0, 1, 0, 0], 0, 1) == ADMITTED
    row = [0, 0, 0, 1]
    for second in range(1, 11):
        row[0:3] = [2 * second - 1, 5, 5]  # 10 passed in the second before
        ask(row, second * S, 1)
    assert row[3] >= 50
    row[0:3] = [20, 4, 4]
    assert ask(row, 10 * S, 1) == ADMITTED
    row[0:3] = [20, 5, 5]
    assert ask(row, 10 * S, 1) > 0


def test_it_fails_by_being_cold_again_after_a_quiet_time() -> None:
    ask, row = law(), [0] * 4
    assert passed_each_second(ask, row, 0, 13)[-1] == 10
    # A minute in which two a second come, less than a third of the rate; then the crowd.
    assert passed_each_second(ask, row, 13, 60, tries=2) == [2] * 60
    assert passed_each_second(ask, row, 73, 1) == [3]


def test_a_third_of_the_rate_or_more_keeps_warm() -> None:
    ask, row = law(), [0] * 4
    passed_each_second(ask, row, 0, 40)
    assert passed_each_second(ask, row, 40, 60, tries=9) == [9] * 60
    assert passed_each_second(ask, row, 100, 1) == [10]


def test_where_nothing_is_added_on_the_warning_line_ever() -> None:
    row = [2 * 5, 0, 0, 50]
    assert warm_up.decide(row, 0, 10_000, 3, 50, 100, 10**6 * S, 10) == ADMITTED
    assert row[3] == 50


def test_what_passed_counts_for_the_rest_of_its_half_second_and_the_next() -> None:
    ask, row = law(), [0] * 4
    half = S // 2
    assert [ask(row, half - 1, 1) for _ in range(4)] == [0, 0, 0, half + 1]
    assert [ask(row, now_ns, 1) for now_ns in (half, 2 * half - 1)] == [half, 1]
    assert ask(row, 2 * half, 1) == ADMITTED


def test_a_cost_that_only_others_could_make_room_for_is_shed() -> None:
    row = [0] * 4
    assert law()(row, 0, 4) == SHED
    assert law()(row, 0, 3) == ADMITTED


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [4, 1, 2, 3]
    assert law()(row, 90 * S, 0) == ADMITTED
    assert law((0, 0, 0))(row, 90 * S, 0) == ADMITTED
    assert row == [4, 1, 2, 3]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [4, 1, 2, 3]
    assert law()(row, 90 * S, 11) == NEVER
    assert law()(row, 90 * S, 2**63 - 1) == NEVER
    assert law()(row, 90 * S, -1) == NEVER
    assert law((0, 0, 0))(row, 90 * S, 1) == NEVER
    assert row == [4, 1, 2, 3]


def test_an_earlier_instant_counts_as_of_the_last_half_second() -> None:
    ask, row = law(), [0] * 4
    assert ask(row, 10 * S, 3) == ADMITTED
    assert ask(row, 0, 1) == 11 * S
    assert row[0] == 20


def test_another_rate_counts_at_once_and_keeps_what_is_missing() -> None:
    row = [20, 0, 0, 60]
    assert warm_up.decide(row, 0, *(20_000, 3, 100, 200), 10 * S, 14) == SHED  # 140 of 200 there: cold again
    assert warm_up.decide(row, 0, *(10_000, 3, 50, 100), 10 * S, 10) == ADMITTED


def test_an_idle_time_however_long_does_not_overflow() -> None:
    row = [1, 3, 2, 99]
    assert law()(row, LARGEST, 3) == ADMITTED
    assert row == [LARGEST // warm_up.HALF_NS, 3, 0, 0]
    rate_milli, warning, most = rates.warm_up(Fraction(10**6), 10 * S)
    row = [0, 0, 0, most]
    assert warm_up.decide(row, 0, rate_milli, 3, warning, most, LARGEST, 1) == ADMITTED
    assert row[3] == 0


def test_parameters_that_do_not_fit_are_refused() -> None:
    assert rates.warm_up(Fraction(0), 10 * S) == (0, 0, 0)
    assert rates.warm_up(Fraction(28, 25), 10 * S) == (1120, 5, 10)
    for rate, warm_up_ns, cold_factor, said in (
        (Fraction(1, 2), 10 * S, 3, "nobody"),
        (Fraction(10), 10 * S, 1, "cold factor"),
        (Fraction(10), S // 10, 3, "lengthen"),
        (Fraction(10**9), 3600 * S, 3, "shorten"),
    ):
        with pytest.raises(ValueError, match=said):
            rates.warm_up(rate, warm_up_ns, cold_factor)


@given(STEPS, st.sampled_from([TEN, (4_000, 6, 14), (7_500, 20, 21)]))
def test_who_waits_as_told_is_admitted_and_one_ns_earlier_is_not(
    steps: list[tuple[int, int]], params: tuple[int, int, int]
) -> None:
    waits_are_exact(law(params), [0] * 4, instants(steps))


@given(STEPS)
def test_no_two_half_seconds_hold_more_than_the_rate_and_storage_stays_in_bounds(steps: list[tuple[int, int]]) -> None:
    ask, row, passed = law(), [0] * 4, []
    for now_ns, cost in instants(steps):
        passed += admitted(ask, row, [(now_ns, cost)])
        assert 0 <= row[3] <= 100
        assert min(row) >= 0
    for now_ns, _ in passed:
        half = now_ns // warm_up.HALF_NS
        assert sum(cost for at_ns, cost in passed if at_ns // warm_up.HALF_NS in (half, half + 1)) <= 10


@given(st.integers(0, 99), st.integers(0, 99))
def test_the_colder_the_fewer(used: int, other: int) -> None:
    first, second = sorted((used, other))
    assert warm_up.allowed(10_000, 3, 50, 100, first) <= warm_up.allowed(10_000, 3, 50, 100, second)
