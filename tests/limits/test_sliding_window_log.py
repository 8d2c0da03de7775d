from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import sliding_window_log
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER
from tests.limits.asking import STEPS, Ask, admitted, instants, waits_are_exact

S = 1_000_000_000
LIMIT = st.integers(1, 6)
WINDOW = st.integers(1, 15)


def law(limit: int, window_ns: int) -> Ask:
    return lambda row, now_ns, cost: sliding_window_log.decide(row, 0, limit, limit, window_ns, now_ns, cost)


def empty(slots: int) -> list[int]:
    return [0] * (sliding_window_log.WIDTH + slots)


def test_three_a_minute() -> None:
    ask, row = law(3, 60 * S), empty(3)
    questions = [0, 10 * S, 20 * S, 30 * S, 60 * S - 1, 60 * S, 60 * S, 70 * S, 200 * S]
    assert [ask(row, now_ns, 1) for now_ns in questions] == [0, 0, 0, 30 * S, 1, 0, 10 * S, 0, 0]


def test_what_is_refused_is_not_logged() -> None:
    ask, row = law(1, 60 * S), empty(1)
    assert [ask(row, second * S, 1) for second in (0, 20, 40, 60)] == [0, 40 * S, 20 * S, 0]


def test_a_large_cost_waits_until_enough_has_left() -> None:
    ask, row = law(5, 100), empty(5)
    assert [ask(row, 0, 2), ask(row, 10, 2), ask(row, 30, 3), ask(row, 30, 4), ask(row, 30, 1)] == [0, 0, 70, 80, 0]
    assert [ask(row, 100, 3), ask(row, 100, 2)] == [10, 0]


def test_the_ring_goes_round_many_times() -> None:
    ask, row = law(3, 10), empty(3)
    passed = admitted(ask, row, [(now_ns, 1) for now_ns in range(1000)])
    assert [now_ns for now_ns, _ in passed] == [
        n for tens in range(100) for n in (10 * tens, 10 * tens + 1, 10 * tens + 2)
    ]


def test_a_changed_limit_counts_at_once_up_to_the_slots_there_are() -> None:
    row = empty(4)
    assert sliding_window_log.decide(row, 0, 4, 2, 100, 0, 2) == ADMITTED
    assert sliding_window_log.decide(row, 0, 4, 2, 100, 1, 1) == 99
    assert sliding_window_log.decide(row, 0, 4, 4, 100, 2, 2) == ADMITTED
    assert sliding_window_log.decide(row, 0, 4, 1, 100, 3, 1) == 99
    assert sliding_window_log.decide(row, 0, 4, 9, 100, 3, 1) == 97
    assert sliding_window_log.decide(row, 0, 4, 9, 100, 200, 5) == NEVER


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [0, 1, 5, 0]
    assert sliding_window_log.decide(row, 0, 2, 0, 10, 90, 0) == ADMITTED
    assert row == [0, 1, 5, 0]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [0, 1, 5, 0]
    assert sliding_window_log.decide(row, 0, 2, 2, 10, 90, 3) == NEVER
    assert sliding_window_log.decide(row, 0, 2, 2, 10, 90, 2**63 - 1) == NEVER
    assert sliding_window_log.decide(row, 0, 2, 2, 10, 90, -1) == NEVER
    assert sliding_window_log.decide(row, 0, 2, 0, 10, 90, 1) == NEVER
    assert sliding_window_log.decide(row, 0, 2, 2, 0, 90, 1) == NEVER
    assert sliding_window_log.decide(row, 0, 0, 2, 10, 90, 1) == NEVER
    assert row == [0, 1, 5, 0]


def test_an_earlier_instant_counts_as_the_newest_in_the_log() -> None:
    ask, row = law(2, 10), empty(2)
    assert [ask(row, 25, 1), ask(row, 5, 1), ask(row, 5, 1), ask(row, 35, 2)] == [0, 0, 30, 0]
    assert row[2:] == [35, 35]


def test_a_refusal_forgets_nothing_that_an_earlier_instant_still_sees() -> None:
    ask, row = law(5, 8), empty(5)
    assert [ask(row, now_ns, cost) for now_ns, cost in ((0, 1), (1, 4), (8, 2), (7, 1), (8, 1))] == [0, 0, 1, 1, 0]


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = empty(1)
    assert sliding_window_log.decide(row, 0, 1, 1, LARGEST, LARGEST, 1) == ADMITTED
    assert sliding_window_log.decide(row, 0, 1, 1, LARGEST, 0, 1) == 2 * LARGEST < 2**63
    assert sliding_window_log.decide(row, 0, 1, LARGEST, 1, LARGEST, 1) == 1


@given(LIMIT, WINDOW, STEPS)
def test_no_window_anywhere_holds_more_than_the_limit(limit: int, window_ns: int, steps: list[tuple[int, int]]) -> None:
    passed = admitted(law(limit, window_ns), empty(limit), instants(steps))
    for start_ns, _ in passed:
        assert sum(cost for at_ns, cost in passed if start_ns <= at_ns < start_ns + window_ns) <= limit


@given(LIMIT, WINDOW, STEPS)
def test_who_waits_as_told_is_admitted_and_one_ns_earlier_is_not(
    limit: int, window_ns: int, steps: list[tuple[int, int]]
) -> None:
    waits_are_exact(law(limit, window_ns), empty(limit), instants(steps))
