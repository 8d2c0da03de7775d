from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from limits import codel
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

MS = 1_000_000
Questions = list[tuple[int, int]]  # (step, waited)


def asked(questions: Questions, interval_ms: int = 100, target_ms: int = 5, row: list[int] | None = None) -> list[int]:
    """Ask about (ms since the last question, ms waited)."""
    row = [0, 0, 0] if row is None else row
    now_ms, answers = 0, []
    for step_ms, waited_ms in questions:
        now_ms += step_ms
        answers.append(codel.decide(row, 0, interval_ms * MS, target_ms * MS, waited_ms * MS, now_ms * MS, 1))
    return answers


def test_the_tests_of_folly() -> None:
    assert asked([(110, 100), (90, 50), (0, 50), (110, 2), (90, 20)]) == [0, 0, SHED, 0, SHED]  # Basic
    assert asked([(0, 20), (90, 8)]) == [0, 0]  # mediumLoad
    assert asked([(0, 20), (90, 4)]) == [0, 0]  # reducingLoad
    assert asked([(0, 20)]) == [0]  # oneRequestNoDrop


def test_other_parameters_count_at_once_as_in_folly() -> None:
    row = [0, 0, 0]  # updateTargetDelay, with instants of our own
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 40 * MS, 0, 1) == ADMITTED
    assert codel.decide(row, 0, 100 * MS, 40 * MS, 40 * MS, 1 * MS, 1) == ADMITTED
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 40 * MS, 112 * MS, 1) == ADMITTED
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 40 * MS, 112 * MS, 1) == SHED
    row = [0, 0, 0]  # updateInterval
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 50 * MS, 0, 1) == ADMITTED
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 50 * MS, 110 * MS, 1) == ADMITTED
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 50 * MS, 110 * MS, 1) == SHED
    assert codel.decide(row, 0, 200 * MS, 5 * MS, 20 * MS, 211 * MS, 1) == ADMITTED
    assert codel.decide(row, 0, 200 * MS, 5 * MS, 20 * MS, 211 * MS, 1) == SHED


def test_borders() -> None:
    # The target itself is not over it, twice the target is not over that, the end of an interval belongs to it.
    assert asked([(1, 5), (1, 5), (101, 50), (0, 50)]) == [0, 0, 0, 0]
    assert asked([(1, 6), (1, 6), (101, 10), (0, 10), (0, 11)]) == [0, 0, 0, 0, SHED]
    row = [0, 0, 0]
    assert asked([(1, 6), (1, 6)], row=row) == [0, 0]
    assert row == [102 * MS, 6 * MS + 1, 1]
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 11 * MS, 102 * MS, 1) == SHED
    assert codel.decide(row, 0, 100 * MS, 5 * MS, 11 * MS, 102 * MS + 1, 1) == ADMITTED


def test_a_target_above_the_interval_counts_as_the_interval() -> None:
    assert asked([(1, 150), (1, 150), (0, 201)], target_ms=500) == [0, 0, SHED]


def test_it_fails_by_doing_nothing_where_the_newest_is_served_first() -> None:
    # Two come for each one served. From the old end it drops; from the new end all that is served is fresh.
    def dropped(newest_first: bool) -> int:
        queue, row, count = deque[int](), [0, 0, 0], 0
        for now_ms in range(2000):
            queue.extend((now_ms, now_ms))
            while queue:
                came_ms = queue.pop() if newest_first else queue.popleft()
                if codel.decide(row, 0, 100 * MS, 5 * MS, (now_ms - came_ms) * MS, now_ms * MS, 1) == ADMITTED:
                    break
                count += 1
        return count

    assert dropped(newest_first=True) == 0
    assert dropped(newest_first=False) > 1800


def test_a_cost_of_nothing_and_a_negative_one_are_not_seen() -> None:
    row = [7, 8, 1]
    assert codel.decide(row, 0, 100, 5, 50, 200, 0) == ADMITTED
    assert codel.decide(row, 0, 100, 5, 50, 200, -1) == NEVER
    assert row == [7, 8, 1]


def test_a_clock_that_steps_back_and_a_wait_below_zero() -> None:
    row = [0, 0, 0]
    assert [codel.decide(row, 0, 100, 5, 50, now_ns, 1) for now_ns in (10, 20, 15, 3)] == [0, 0, SHED, SHED]
    assert codel.decide(row, 0, 100, 5, -50, 20, 1) == ADMITTED
    assert row == [120, 1, 1]


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [0, 0, 0]
    for _ in range(2):
        assert codel.decide(row, 0, LARGEST, LARGEST, LARGEST, LARGEST, 1) == ADMITTED
    assert row == [2 * LARGEST, LARGEST + 1, 0]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=80))
def test_what_waited_at_most_twice_the_target_is_always_served(questions: Questions) -> None:
    for (_, waited), answer in zip(questions, asked(questions), strict=True):
        assert answer == ADMITTED or waited > 10


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=80), st.integers(0, 10**6))
def test_once_nobody_waits_over_the_target_none_is_dropped_two_intervals_later(questions: Questions, late: int) -> None:
    row = [0, 0, 0]
    asked([(1, late), (1, late), *questions, (200, 0), (200, 0)], row=row)
    assert row[2] == 0
