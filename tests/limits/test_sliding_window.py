from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from limits import sliding_window, sliding_window_log
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER
from tests.limits.asking import ANY_STEPS, STEPS, Ask, admitted, instants, most_in_any_window, waits_are_exact

S = 1_000_000_000
LIMIT = st.integers(1, 6)
WINDOW = st.integers(1, 15)


def law(limit: int, window_ns: int) -> Ask:
    return lambda row, now_ns, cost: sliding_window.decide(row, 0, limit, window_ns, now_ns, cost)


def test_the_example_of_cloudflare() -> None:
    # 42 in the last minute, 18 in this one, 15 s old: 42 * 45/60 + 18 = 49.5 of 50. Rounded down one more gets in.
    ask, row = law(50, 60 * S), [1, 18, 42]
    assert ask(row, 75 * S, 1) == ADMITTED
    # The next needs floor(42 * rest / 60 s) = 30, so rest < 31 * 60/42 s = 44.285714285714... s, from 45 s.
    assert ask(row, 75 * S, 1) == 714_285_715
    assert row == [1, 19, 42]


def test_ten_a_minute_from_nothing() -> None:
    ask, row = law(10, 60 * S), [0, 0, 0]
    # Full at 0 s: in the next minute floor(10 * rest / 60 s) = 9 as soon as a ns of it has gone.
    assert [ask(row, 0, 1) for _ in range(11)] == [0] * 10 + [60 * S + 1]
    # Halfway through it five have faded, and six fit 24 s before its end: floor(10 * 29.9.../60) = 4.
    assert [ask(row, 90 * S, 1) for _ in range(6)] == [0] * 5 + [1]
    assert ask(row, 200 * S, 10) == ADMITTED


def test_a_window_in_which_nobody_came_is_forgotten() -> None:
    ask, row = law(5, 10), [0, 0, 0]
    assert ask(row, 0, 5) == ADMITTED
    assert ask(row, 20, 5) == ADMITTED
    assert row == [2, 5, 0]


def test_a_large_cost_may_have_to_wait_for_the_window_after_the_next() -> None:
    # floor(4 * rest / 3) <= 0 needs a rest of 0: no instant of the next window will do.
    ask, row = law(4, 3), [0, 0, 0]
    assert ask(row, 2, 4) == ADMITTED
    assert ask(row, 2, 4) == 4
    assert ask(row, 6, 4) == ADMITTED


def test_the_border_of_two_windows_no_longer_admits_the_limit_twice() -> None:
    ask = law(100, 60 * S)
    passed = admitted(ask, [0, 0, 0], [(60 * S - 1, 1)] * 150 + [(60 * S, 1)] * 150)
    assert len(passed) == 100


def test_it_fails_by_admitting_twice_the_limit_within_a_window_spread_out() -> None:
    end = 60 * S - 1
    passed = admitted(law(10, 60 * S), [0, 0, 0], [(end, 1)] * 20 + [(end + s * S, 1) for s in range(1, 60)])
    assert sum(end <= now_ns < end + 60 * S for now_ns, _ in passed) == 20


def test_it_fails_by_refusing_one_whose_log_is_empty() -> None:
    counter, log = [0, 0, 0], [0] * 12
    assert sliding_window.decide(counter, 0, 10, 60 * S, 0, 10) == ADMITTED
    assert sliding_window_log.decide(log, 0, 10, 10, 60 * S, 0, 10) == ADMITTED
    assert sliding_window_log.decide(log, 0, 10, 10, 60 * S, 60 * S, 10) == ADMITTED
    assert sliding_window.decide(counter, 0, 10, 60 * S, 60 * S, 10) == 54 * S + 1  # floor(10 * 6 s / 60 s) is still 1


def test_a_changed_limit_counts_at_once() -> None:
    row = [0, 0, 0]
    assert sliding_window.decide(row, 0, 5, 100, 0, 5) == ADMITTED
    assert sliding_window.decide(row, 0, 6, 100, 1, 1) == ADMITTED
    assert sliding_window.decide(row, 0, 3, 100, 2, 1) == 98 + 51  # floor(6 * 49 / 100) = 2


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [3, 2, 1]
    assert sliding_window.decide(row, 0, 0, 10, 90, 0) == ADMITTED
    assert row == [3, 2, 1]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [3, 2, 1]
    for limit, window_ns, cost in ((4, 10, 5), (4, 10, 2**63 - 1), (4, 10, -1), (0, 10, 1), (4, 0, 1)):
        assert sliding_window.decide(row, 0, limit, window_ns, 90, cost) == NEVER
    assert row == [3, 2, 1]


def test_an_instant_of_an_earlier_window_counts_as_the_start_of_the_last_one() -> None:
    ask, row = law(1, 10), [0, 0, 0]
    assert ask(row, 25, 1) == ADMITTED
    assert ask(row, 5, 1) == 26
    assert row == [2, 1, 0]


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    half = LARGEST // 2
    row = [0, 0, 0]
    assert sliding_window.decide(row, 0, LARGEST, half, LARGEST, LARGEST) == ADMITTED
    assert 0 < sliding_window.decide(row, 0, LARGEST, half, 0, LARGEST) <= 2**63 - 1
    assert sliding_window.decide(row, 0, LARGEST, half, LARGEST, 1) > 0
    # Counts times ns far beyond 64 bits are still exact: half of the window's share of LARGEST.
    assert sliding_window.share(LARGEST, half // 2, half) == LARGEST * (half // 2) // half
    assert sliding_window.longest_rest(LARGEST, LARGEST // 3, half) == ((LARGEST // 3 + 1) * half - 1) // LARGEST


@given(st.integers(0, LARGEST), st.integers(1, LARGEST // 2), st.data())
def test_a_share_is_exact_however_large(count: int, window_ns: int, data: st.DataObject) -> None:
    rest_ns, room = data.draw(st.integers(0, window_ns)), data.draw(st.integers(0, LARGEST))
    assert sliding_window.share(count, rest_ns, window_ns) == count * rest_ns // window_ns
    longest_ns = sliding_window.longest_rest(count, room, window_ns)
    assert count * longest_ns // window_ns <= room
    assert longest_ns == window_ns or count * (longest_ns + 1) // window_ns > room


@given(LIMIT, WINDOW, STEPS)
def test_bursts_are_at_most_those_of_a_token_bucket_and_one(
    limit: int, window_ns: int, steps: list[tuple[int, int]]
) -> None:
    passed = admitted(law(limit, window_ns), [0, 0, 0], instants(steps))
    assert most_in_any_window(passed, Fraction(limit, window_ns)) < limit + 1


@given(LIMIT, WINDOW, STEPS)
def test_who_waits_as_told_is_admitted_and_one_ns_earlier_is_not(
    limit: int, window_ns: int, steps: list[tuple[int, int]]
) -> None:
    waits_are_exact(law(limit, window_ns), [0, 0, 0], instants(steps))


@given(LIMIT, WINDOW, ANY_STEPS)
def test_the_row_says_what_was_admitted_and_never_more_than_the_limit(
    limit: int, window_ns: int, steps: list[tuple[int, int]]
) -> None:
    row = [0, 0, 0]
    for now_ns, cost in instants(steps):
        sliding_window.decide(row, 0, limit, window_ns, now_ns, cost)
        assert 0 <= row[1] <= limit
        assert 0 <= row[2] <= limit
