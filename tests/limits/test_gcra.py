from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import gcra, rates, token_bucket
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER
from tests.limits.asking import STEPS, Ask, admitted, instants, most_in_any_window, waits_are_exact

S = 1_000_000_000
INTERVAL = st.integers(1, 9)
BURST = st.integers(1, 5)


def law(interval_ns: int, burst: int) -> Ask:
    return lambda row, now_ns, cost: gcra.decide(row, 0, interval_ns, burst, now_ns, cost)


def test_two_a_second_with_a_burst_of_three() -> None:
    ask, row = law(S // 2, 3), [0]
    questions = [(0, 1), (0, 1), (0, 1), (0, 1), (S // 4, 1), (S // 2, 1), (S // 2, 1), (10 * S, 3), (10 * S, 1)]
    answers = [ask(row, now_ns, cost) for now_ns, cost in questions]
    assert answers == [0, 0, 0, S // 2, S // 4, 0, S // 2, 0, S // 2]
    assert row == [10 * S + 3 * S // 2]


def test_a_burst_of_one_is_plain_spacing() -> None:
    ask, row = law(10, 1), [0]
    assert [ask(row, now_ns, 1) for now_ns in (0, 0, 9, 10, 25, 34, 35)] == [0, 10, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(("per_s", "interval"), [(3, 333_333_333), (7, 142_857_143), (290, 3_448_276), (6 * 10**8, 2)])
def test_rounding_the_interval_makes_the_rate_wrong_by_at_most_half_of_its_inverse(per_s: int, interval: int) -> None:
    interval_ns = rates.interval_ns(Fraction(per_s))
    assert interval_ns == interval
    assert abs(Fraction(S, interval_ns) / per_s - 1) <= Fraction(1, 2 * interval_ns)


def test_a_third_of_a_second_drifts_by_a_ns_a_second() -> None:
    ask, row, now_ns = law(rates.interval_ns(Fraction(3)), 2), [0], 0
    assert ask(row, 0, 2) == ADMITTED
    for _ in range(3 * 3600):
        now_ns += ask(row, now_ns, 1)
        assert ask(row, now_ns, 1) == ADMITTED
    assert now_ns == 3600 * S - 3600


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [400]
    assert gcra.decide(row, 0, 10, 4, 90, 0) == ADMITTED
    assert gcra.decide(row, 0, 0, 0, 90, 0) == ADMITTED
    assert row == [400]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [95]
    assert gcra.decide(row, 0, 10, 4, 90, 5) == NEVER
    assert gcra.decide(row, 0, 10, 4, 90, 2**63 - 1) == NEVER
    assert gcra.decide(row, 0, 10, 4, 90, -1) == NEVER
    assert gcra.decide(row, 0, 10, 0, 90, 1) == NEVER
    assert gcra.decide(row, 0, rates.interval_ns(Fraction(0)), 4, 90, 1) == NEVER
    assert row == [95]


def test_an_earlier_instant_sees_a_larger_debt() -> None:
    ask, row = law(10, 2), [0]
    assert ask(row, 100, 1) == ADMITTED
    assert ask(row, 40, 1) == 60
    assert ask(row, 99, 1) == 1
    assert row == [110]


def test_an_idle_key_never_has_more_than_its_burst() -> None:
    ask, row = law(9, 5), [0]
    assert ask(row, 0, 5) == ADMITTED
    assert ask(row, LARGEST, 5) == ADMITTED
    assert ask(row, LARGEST, 1) == 9


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [0]
    assert gcra.decide(row, 0, LARGEST, 1, LARGEST, 1) == ADMITTED
    assert row == [2 * LARGEST]
    assert gcra.decide(row, 0, LARGEST, 1, LARGEST, 1) == LARGEST
    assert gcra.decide(row, 0, LARGEST, 1, 0, 1) == 2 * LARGEST < 2**63
    row = [0]
    assert gcra.decide(row, 0, 1, LARGEST, LARGEST, LARGEST) == ADMITTED
    assert gcra.decide(row, 0, 1, LARGEST, LARGEST, LARGEST) == LARGEST


@given(INTERVAL, BURST, STEPS)
def test_no_window_admits_more_than_the_burst_and_the_rate(
    interval_ns: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    passed = admitted(law(interval_ns, burst), [0], instants(steps))
    assert most_in_any_window(passed, Fraction(1, interval_ns)) <= burst


@given(INTERVAL, BURST, STEPS)
def test_who_waits_as_told_is_admitted_and_one_ns_earlier_is_not(
    interval_ns: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    waits_are_exact(law(interval_ns, burst), [0], instants(steps))


@given(INTERVAL, BURST, STEPS)
def test_with_a_whole_interval_it_is_the_token_bucket(
    interval_ns: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    one, two = [0], [0, 0]
    for now_ns, cost in instants(steps):
        answer = token_bucket.decide(two, 0, 1, interval_ns, burst, now_ns, cost)
        assert gcra.decide(one, 0, interval_ns, burst, now_ns, cost) == answer


@given(INTERVAL, BURST, st.integers(0, 60), st.integers(0, 40), st.integers(1, 5), st.integers(0, 9))
def test_coming_later_or_asking_for_less_never_makes_it_worse(
    interval_ns: int, burst: int, full_at_ns: int, now_ns: int, cost: int, later_ns: int
) -> None:
    ask, cost = law(interval_ns, burst), min(cost, burst)
    wait_ns = ask([full_at_ns], now_ns, cost)
    assert ask([full_at_ns], now_ns + later_ns, cost) == max(0, wait_ns - later_ns)
    assert ask([full_at_ns], now_ns, cost - 1) <= wait_ns


@given(st.lists(st.tuples(st.integers(0, 9), BURST, STEPS), min_size=1, max_size=4), st.integers(0, 20))
def test_changes_of_rate_are_the_same_as_in_the_token_bucket(
    phases: list[tuple[int, int, list[tuple[int, int]]]], later_ns: int
) -> None:
    one, two, start_ns, before, before_two = [0], [0, 0], 0, (0, 1), (0, 1, 1)
    for interval_ns, burst, steps in phases:
        after, after_two = (interval_ns, burst), (min(1, interval_ns), max(1, interval_ns), burst)
        gcra.change(one, 0, *before, *after, start_ns)
        token_bucket.change(two, 0, *before_two, *after_two, start_ns)
        for now_ns, cost in instants([(start_ns, 1), *steps]):
            assert gcra.decide(one, 0, *after, now_ns, cost) == token_bucket.decide(two, 0, *after_two, now_ns, cost)
            start_ns = now_ns + later_ns
        before, before_two = after, after_two


def test_a_closed_door_opens_with_the_whole_tokens_there_were() -> None:
    row = [650]
    gcra.change(row, 0, 100, 10, 0, 10, 100)  # 4.5 left
    assert row == [6]
    assert gcra.decide(row, 0, 0, 10, 300, 1) == NEVER
    gcra.change(row, 0, 0, 10, 100, 10, 700)
    assert gcra.decide(row, 0, 100, 10, 700, 5) == 100


def test_a_full_key_behind_a_closed_door_has_nothing_spent() -> None:
    row = [400]
    gcra.change(row, 0, 100, 10, 0, 10, 900)
    assert row == [0]


def test_a_key_that_owes_more_than_its_burst_is_empty() -> None:
    row = [1000]
    gcra.change(row, 0, 100, 4, 100, 10, 0)
    assert gcra.decide(row, 0, 100, 10, 0, 1) == 100
