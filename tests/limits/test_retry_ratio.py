from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import retry_ratio
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

S = 1_000_000_000
FINAGLE = (10, S)
RESERVE = 100  # 10/s over 10 s


def fresh(slices: int = 10) -> list[int]:
    return [0] * (retry_ratio.WIDTH + 2 * slices)


def retries(row: list[int], reserve: int, now_ns: int, tries: int = 200) -> int:
    return sum(retry_ratio.decide(row, 0, *FINAGLE, reserve, now_ns, 1) == ADMITTED for _ in range(tries))


@pytest.mark.parametrize(
    ("reserve", "ratio_milli", "most"),
    [  # Finagle's own tests: 10,000 requests in one instant, each of which is retried if it may
        (0, 100, 1000),
        (0, 500, 5000),
        (0, 250, 2500),
        (0, 750, 7500),
        (0, 999, 9990),
        (0, 1, 10),
        (10, 0, 10),
        (10, 100, 1010),
        (10, 500, 5010),
    ],
)
def test_of_ten_thousand_requests_so_many_are_retried(reserve: int, ratio_milli: int, most: int) -> None:
    row, retried = fresh(), 0
    for _ in range(10_000):
        retry_ratio.earn(row, 0, *FINAGLE, ratio_milli, 0)
        retried += retry_ratio.decide(row, 0, *FINAGLE, reserve, 0, 1) == ADMITTED
    assert retried == most


def test_two_retries_a_request() -> None:
    row = fresh()
    assert retry_ratio.decide(row, 0, *FINAGLE, 0, 0, 1) == SHED
    for _ in range(50):
        retry_ratio.earn(row, 0, *FINAGLE, 2000, 0)
    assert retries(row, 0, 0) == 100


def test_the_reserve_may_go_at_once_and_comes_back_a_window_later() -> None:
    row = fresh()
    assert retries(row, RESERVE, 0) == RESERVE
    assert retries(row, RESERVE, 10 * S - 1) == 0
    assert retries(row, RESERVE, 10 * S) == RESERVE


def test_what_requests_earned_goes_first_and_retries_wait_for_those_made() -> None:
    row = fresh()
    for _ in range(100):
        retry_ratio.earn(row, 0, *FINAGLE, 200, 0)
    assert retries(row, 10, 9 * S) == 30  # 20 earned, 10 in reserve
    assert retries(row, 10, 10 * S) == 0  # earned: 0; made: 30
    assert retries(row, 10, 19 * S) == 10


def test_costs_above_what_is_left_take_nothing() -> None:
    row = fresh()
    assert retry_ratio.decide(row, 0, *FINAGLE, 3, 0, 4) == SHED
    assert retry_ratio.decide(row, 0, *FINAGLE, 3, 0, LARGEST) == SHED
    assert retry_ratio.decide(row, 0, *FINAGLE, 3, 0, 3) == ADMITTED
    assert retry_ratio.decide(row, 0, *FINAGLE, 3, 0, 1) == SHED


def test_odd_costs_and_parameters_change_nothing() -> None:
    row = fresh()
    assert retry_ratio.decide(row, 0, *FINAGLE, 0, 0, 0) == ADMITTED
    assert retry_ratio.decide(row, 0, *FINAGLE, 9, 0, -1) == NEVER
    assert retry_ratio.decide(row, 0, 0, S, 9, 0, 1) == NEVER
    assert retry_ratio.decide(row, 0, 10, 0, 9, 0, 1) == NEVER
    assert retry_ratio.decide(row, 0, *FINAGLE, -9, 0, 1) == SHED
    retry_ratio.earn(row, 0, *FINAGLE, -200, 0)
    retry_ratio.earn(row, 0, 0, S, 200, 0)
    assert row == fresh()


def test_an_earlier_instant_counts_as_the_newest_slice() -> None:
    row = fresh()
    assert retries(row, 5, 20 * S) == 5
    assert retries(row, 5, 0) == 0


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    row, reserve = fresh(1), LARGEST // 1000
    for _ in range(3):
        retry_ratio.earn(row, 0, 1, LARGEST, LARGEST, 0)
    assert row[1] == LARGEST
    assert 1000 * reserve + row[1] < 2**63
    assert retry_ratio.decide(row, 0, 1, LARGEST, reserve, 0, 2 * reserve) == ADMITTED
    assert retry_ratio.decide(row, 0, 1, LARGEST, reserve, 0, 1000) == SHED
    assert 1000 * row[2] < 2**63
    assert retry_ratio.decide(row, 0, 1, LARGEST, 0, LARGEST, 1) == SHED
    assert row[1:3] == [0, 0]


@given(st.integers(0, 1500), st.integers(0, 4), st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=150))
def test_retries_of_a_window_are_at_most_the_reserve_and_a_share_of_the_requests_since_one_before(
    ratio_milli: int, reserve: int, moves: list[tuple[int, bool]]
) -> None:
    row = [0] * (retry_ratio.WIDTH + 2 * 4)
    now_ns = 0
    made: list[int] = []
    came: list[int] = []
    for step_ns, is_request in moves:
        now_ns += step_ns
        if is_request:
            retry_ratio.earn(row, 0, 4, 2, ratio_milli, now_ns)
            came.append(now_ns)
        elif retry_ratio.decide(row, 0, 4, 2, reserve, now_ns, 1) == ADMITTED:
            made.append(now_ns)
            oldest_ns = (now_ns // 2 - 3) * 2
            share = ratio_milli * sum(t >= oldest_ns for t in came)
            assert 1000 * sum(t >= oldest_ns for t in made) <= share + 1000 * reserve


def test_known_failure_the_reserves_of_many_clients_add_up() -> None:
    # 50 clients with one request each: 20% would be 10 retries. Each may make 100.
    assert sum(retries(fresh(), RESERVE, 0) for _ in range(50)) == 5000
