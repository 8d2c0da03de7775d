from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import fixed_concurrency
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED


def test_two_at_once() -> None:
    row = [0]
    assert [fixed_concurrency.decide(row, 0, 2, 0, 1) for _ in range(3)] == [ADMITTED, ADMITTED, SHED]
    fixed_concurrency.release(row, 0, 1)
    assert [fixed_concurrency.decide(row, 0, 2, 0, 1) for _ in range(2)] == [ADMITTED, SHED]


def test_a_lower_limit_throws_nobody_out() -> None:
    row = [0]
    assert fixed_concurrency.decide(row, 0, 5, 0, 5) == ADMITTED
    assert fixed_concurrency.decide(row, 0, 2, 1, 1) == SHED
    fixed_concurrency.release(row, 0, 3)
    assert fixed_concurrency.decide(row, 0, 2, 2, 1) == SHED
    fixed_concurrency.release(row, 0, 1)
    assert fixed_concurrency.decide(row, 0, 2, 3, 1) == ADMITTED
    assert row == [2]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [1]
    assert fixed_concurrency.decide(row, 0, 2, 0, 3) == NEVER
    assert fixed_concurrency.decide(row, 0, 2, 0, 2**63 - 1) == NEVER
    assert fixed_concurrency.decide(row, 0, 2, 0, -1) == NEVER
    assert fixed_concurrency.decide(row, 0, 0, 0, 1) == NEVER
    assert row == [1]


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [2]
    assert fixed_concurrency.decide(row, 0, 2, 0, 0) == ADMITTED
    assert fixed_concurrency.decide(row, 0, 0, 0, 0) == ADMITTED
    fixed_concurrency.release(row, 0, 0)
    assert row == [2]


def test_what_was_never_taken_cannot_be_given_back() -> None:
    row = [1]
    fixed_concurrency.release(row, 0, 2)
    assert row == [0]
    fixed_concurrency.release(row, 0, -5)
    assert row == [0]


def test_time_does_not_matter() -> None:
    row = [2]
    assert fixed_concurrency.decide(row, 0, 2, LARGEST, 1) == SHED
    assert fixed_concurrency.decide(row, 0, 2, -5, 1) == SHED


def test_the_largest_limit_stays_inside_64_bits() -> None:
    row = [0]
    assert fixed_concurrency.decide(row, 0, LARGEST, 0, LARGEST) == ADMITTED
    assert fixed_concurrency.decide(row, 0, LARGEST, 0, LARGEST) == SHED


@given(st.integers(0, 6), st.lists(st.integers(-3, 4), max_size=60))
def test_in_flight_is_what_was_admitted_less_what_was_released(limit: int, moves: list[int]) -> None:
    row, inside = [0], 0
    for move in moves:
        if move < 0:
            gone = min(-move, inside)
            fixed_concurrency.release(row, 0, gone)
            inside -= gone
        elif fixed_concurrency.decide(row, 0, limit, 0, move) == ADMITTED:
            inside += move
        assert row == [inside]
        assert 0 <= inside <= limit
