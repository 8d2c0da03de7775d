from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from limits import pacing
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED
from tests.limits.asking import STEPS, instants

MS = 1_000_000
INTERVAL = st.integers(1, 9)
LONGEST = st.integers(0, 30)


def test_ten_a_second_and_at_most_half_a_second_of_waiting() -> None:
    row = [0]
    answers = [pacing.decide(row, 0, 100 * MS, 500 * MS, 0, 1) for _ in range(7)]
    assert answers == [ADMITTED, 100 * MS, 200 * MS, 300 * MS, 400 * MS, 500 * MS, SHED]
    assert pacing.decide(row, 0, 100 * MS, 500 * MS, 100 * MS - 1, 1) == SHED
    assert pacing.decide(row, 0, 100 * MS, 500 * MS, 100 * MS, 1) == 500 * MS


def test_a_positive_answer_is_a_place_taken() -> None:
    row = [0]
    assert pacing.decide(row, 0, 100, 500, 0, 1) == ADMITTED
    assert pacing.decide(row, 0, 100, 500, 0, 1) == 100
    assert pacing.decide(row, 0, 100, 500, 0, 1) == 200


def test_who_is_refused_takes_no_place() -> None:
    row = [0]
    assert [pacing.decide(row, 0, 100, 100, 0, 1) for _ in range(4)] == [0, 100, SHED, SHED]
    assert pacing.decide(row, 0, 100, 100, 100, 1) == 100


def test_time_that_was_idle_is_not_saved_up() -> None:
    row = [0]
    assert [pacing.decide(row, 0, 100, 500, now_ns, 1) for now_ns in (0, 10_000, 10_000)] == [0, 0, 100]


def test_the_first_passes_at_once_even_at_instant_zero_or_at_a_slow_rate() -> None:
    assert pacing.decide([0], 0, 100, 0, 0, 1) == ADMITTED
    assert pacing.decide([0], 0, LARGEST, 0, 0, 1) == ADMITTED


def test_a_large_cost_keeps_its_distance_before_it() -> None:
    row = [0]
    assert [pacing.decide(row, 0, 100, 500, 0, cost) for cost in (1, 3, 1, 2)] == [0, 300, 400, SHED]
    row = [0]
    assert [pacing.decide(row, 0, 100, 500, now_ns, 6) for now_ns in (0, 99, 100, 1300)] == [0, SHED, 500, 0]


def test_a_changed_rate_keeps_the_places_taken() -> None:
    row = [0]
    assert [pacing.decide(row, 0, 100, 500, 0, 1) for _ in range(3)] == [0, 100, 200]
    assert [pacing.decide(row, 0, 10, 500, 0, 1) for _ in range(2)] == [210, 220]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [51]
    assert pacing.decide(row, 0, 0, 500, 60, 1) == NEVER
    assert pacing.decide(row, 0, 100, 500, 60, -1) == NEVER
    assert pacing.decide(row, 0, 100, 500, 60, 2**63 - 1) == NEVER
    assert row == [51]


def test_a_cost_of_nothing_passes_at_once_and_takes_no_place() -> None:
    row = [51]
    assert pacing.decide(row, 0, 100, 500, 10, 0) == ADMITTED
    assert row == [51]


def test_an_earlier_instant_waits_for_its_turn_after_the_last() -> None:
    row = [0]
    assert pacing.decide(row, 0, 10, 100, 50, 1) == ADMITTED
    assert pacing.decide(row, 0, 10, 100, 30, 1) == 30
    assert pacing.decide(row, 0, 10, 0, 30, 1) == SHED


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [0]
    assert pacing.decide(row, 0, LARGEST, LARGEST, LARGEST, 1) == ADMITTED
    assert pacing.decide(row, 0, LARGEST, LARGEST, LARGEST, 1) == LARGEST
    assert row == [2 * LARGEST + 1]
    assert pacing.decide(row, 0, LARGEST, LARGEST, 0, 1) == SHED
    assert pacing.decide([1], 0, 1, 0, LARGEST, LARGEST) == ADMITTED


@given(INTERVAL, LONGEST, STEPS)
def test_calls_go_on_apart_and_nobody_waits_too_long(
    interval_ns: int, longest_ns: int, steps: list[tuple[int, int]]
) -> None:
    row, passages = [0], []
    for now_ns, cost in instants(steps):
        answer = pacing.decide(row, 0, interval_ns, longest_ns, now_ns, cost)
        assert SHED <= answer <= longest_ns
        if answer >= 0:
            passages.append((now_ns + answer, cost))
    for (earlier_ns, _), (later_ns, cost) in pairwise(passages):
        assert later_ns - earlier_ns >= cost * interval_ns


@given(INTERVAL, LONGEST, STEPS)
def test_nobody_waits_longer_than_their_distance_asks(
    interval_ns: int, longest_ns: int, steps: list[tuple[int, int]]
) -> None:
    row, last_ns = [0], -(10**9)
    for now_ns, cost in instants(steps):
        answer = pacing.decide(row, 0, interval_ns, longest_ns, now_ns, cost)
        if answer > 0:
            assert now_ns + answer == last_ns + cost * interval_ns
        if answer == SHED:
            assert last_ns + cost * interval_ns - now_ns > longest_ns
        else:
            last_ns = now_ns + answer
