from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import rates, retry_budget
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED


def test_a_cap_of_five_and_a_tenth_a_call() -> None:
    row, cap_milli, earn_milli = [0], rates.milli(5.0), rates.milli(0.1)
    assert [retry_budget.decide(row, 0, cap_milli, 0, 1) for _ in range(6)] == [ADMITTED] * 5 + [SHED]
    for _ in range(9):
        retry_budget.earn(row, 0, earn_milli)
    assert retry_budget.decide(row, 0, cap_milli, 0, 1) == SHED
    retry_budget.earn(row, 0, earn_milli)
    assert [retry_budget.decide(row, 0, cap_milli, 0, 1) for _ in range(2)] == [ADMITTED, SHED]


def test_an_outage_of_a_thousand_calls_sees_a_tenth_more() -> None:
    row, retries = [0], 0
    for _ in range(1000):
        retry_budget.earn(row, 0, 100)
        retries += retry_budget.decide(row, 0, 5000, 0, 1) == ADMITTED
    assert retries == 104  # 5 that were saved up, and 0.1 a call; 0.1 of the first call was over the cap


def test_a_budget_never_holds_more_than_its_cap() -> None:
    row = [0]
    for _ in range(1000):
        retry_budget.earn(row, 0, 700)
    assert row == [0]
    assert [retry_budget.decide(row, 0, 1500, 0, 1) for _ in range(2)] == [ADMITTED, SHED]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [300]
    assert retry_budget.decide(row, 0, 5000, 0, 6) == NEVER
    assert retry_budget.decide(row, 0, 5000, 0, 2**63 - 1) == NEVER
    assert retry_budget.decide(row, 0, 999, 0, 1) == NEVER
    assert retry_budget.decide(row, 0, 0, 0, 1) == NEVER
    assert retry_budget.decide(row, 0, 5000, 0, -1) == NEVER
    assert row == [300]


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [5000]
    assert retry_budget.decide(row, 0, 5000, 0, 0) == ADMITTED
    retry_budget.earn(row, 0, 0)
    retry_budget.earn(row, 0, -700)
    assert row == [5000]


def test_time_does_not_fill_it() -> None:
    row = [5000]
    assert retry_budget.decide(row, 0, 5000, LARGEST, 1) == SHED


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [0]
    assert retry_budget.decide(row, 0, LARGEST, 0, LARGEST // 1000) == ADMITTED
    assert retry_budget.decide(row, 0, LARGEST, 0, LARGEST // 1000) == SHED
    retry_budget.earn(row, 0, LARGEST)
    assert row == [0]


@given(st.integers(1000, 9000), st.integers(0, 1500), st.lists(st.booleans(), max_size=200))
def test_retries_are_at_most_the_cap_and_what_was_earned(cap_milli: int, earn_milli: int, moves: list[bool]) -> None:
    row, retries, calls = [0], 0, 0
    for is_call in moves:
        if is_call:
            retry_budget.earn(row, 0, earn_milli)
            calls += 1
        else:
            retries += retry_budget.decide(row, 0, cap_milli, 0, 1) == ADMITTED
        assert 0 <= row[0] <= cap_milli
        assert 1000 * retries <= cap_milli + earn_milli * calls
