from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from limits import fixed_window
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER
from tests.limits.asking import STEPS, Ask, admitted, instants, waits_are_exact

S = 1_000_000_000
LIMIT = st.integers(1, 6)
WINDOW = st.integers(1, 15)


def law(limit: int, window_ns: int) -> Ask:
    return lambda row, now_ns, cost: fixed_window.decide(row, 0, limit, window_ns, now_ns, cost)


def test_ten_a_minute() -> None:
    ask, row = law(10, 60 * S), [0, 0]
    assert [ask(row, second * S, 1) for second in range(12)] == [0] * 10 + [50 * S, 49 * S]
    assert ask(row, 60 * S - 1, 1) == 1
    assert ask(row, 60 * S, 1) == 0


def test_the_border_of_two_windows_admits_the_limit_twice() -> None:
    ask, row = law(100, 60 * S), [0, 0]
    passed = admitted(ask, row, [(60 * S - 1, 1)] * 150 + [(60 * S, 1)] * 150)
    assert len(passed) == 200
    assert passed[-1][0] - passed[0][0] == 1


def test_costs_share_the_window() -> None:
    ask, row = law(10, 100), [0, 0]
    assert [ask(row, 5, 7), ask(row, 5, 4), ask(row, 5, 3), ask(row, 100, 10)] == [0, 95, 0, 0]


def test_a_changed_limit_counts_at_once() -> None:
    row = [0, 0]
    assert fixed_window.decide(row, 0, 5, 100, 0, 5) == ADMITTED
    assert fixed_window.decide(row, 0, 6, 100, 1, 1) == ADMITTED
    assert fixed_window.decide(row, 0, 3, 100, 2, 1) == 98


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [3, 2]
    assert fixed_window.decide(row, 0, 0, 10, 90, 0) == ADMITTED
    assert row == [3, 2]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [3, 2]
    assert fixed_window.decide(row, 0, 4, 10, 90, 5) == NEVER
    assert fixed_window.decide(row, 0, 4, 10, 90, 2**63 - 1) == NEVER
    assert fixed_window.decide(row, 0, 4, 10, 90, -1) == NEVER
    assert fixed_window.decide(row, 0, 0, 10, 90, 1) == NEVER
    assert fixed_window.decide(row, 0, 4, 0, 90, 1) == NEVER
    assert row == [3, 2]


def test_an_instant_of_an_earlier_window_counts_as_of_the_last_one() -> None:
    ask, row = law(1, 10), [0, 0]
    assert ask(row, 25, 1) == ADMITTED
    assert ask(row, 5, 1) == 25
    assert row == [2, 1]


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [0, 0]
    assert fixed_window.decide(row, 0, LARGEST, LARGEST, LARGEST, LARGEST) == ADMITTED
    assert fixed_window.decide(row, 0, LARGEST, LARGEST, LARGEST, 1) == LARGEST
    assert fixed_window.decide(row, 0, LARGEST, 1, LARGEST, LARGEST) == ADMITTED
    assert fixed_window.decide(row, 0, 1, 1, LARGEST, 1) == 1


@given(LIMIT, WINDOW, STEPS)
def test_no_window_holds_more_than_its_limit(limit: int, window_ns: int, steps: list[tuple[int, int]]) -> None:
    held: Counter[int] = Counter()
    for now_ns, cost in admitted(law(limit, window_ns), [0, 0], instants(steps)):
        held[now_ns // window_ns] += cost
    assert all(total <= limit for total in held.values())


@given(LIMIT, WINDOW, STEPS)
def test_who_waits_as_told_is_admitted_and_one_ns_earlier_is_not(
    limit: int, window_ns: int, steps: list[tuple[int, int]]
) -> None:
    waits_are_exact(law(limit, window_ns), [0, 0], instants(steps))
