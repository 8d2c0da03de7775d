from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import gradient2, windowed
from limits.learned import LONGEST_NS, MOST
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST

S = 1_000_000_000
MS = 1_000_000
NETFLIX = (20, 20, 200, 4, 200, 1500, 600)  # start, least, most, queue, smoothing, tolerance, window
Params = tuple[int, int, int, int, int, int, int]
Call = tuple[int, int, int]  # rtt_ns, inflight, outcome


def after(calls: list[Call], params: Params = NETFLIX, row: list[int] | None = None) -> int:
    """Return the limit after calls."""
    row = [0] * gradient2.WIDTH if row is None else row
    for rtt_ns, inflight, outcome in calls:
        gradient2.observe(row, 0, *params, 0, rtt_ns, inflight, outcome)
    return gradient2.limit(row, 0, params[0])


def test_the_steps_worked_by_hand() -> None:
    row = [0] * gradient2.WIDTH
    after([(10 * MS, 10, SUCCESS)], row=row)  # 0.8 * 20 + 0.2 * (20 + 4)
    assert row == [20_800_001, 10 * MS * 1000, 1, 10 * MS]
    after([(30 * MS, 11, SUCCESS)], row=row)  # the mean is 20 ms: 1.5 * 20 / 30 = 1
    assert row[:2] == [21_600_001, 20 * MS * 1000]
    after([(110 * MS, 11, SUCCESS)], row=row)  # 50 ms, gradient 0.6818...: 0.8 * 21.6 + 0.2 * (14.727... + 4)
    assert row[0] - 1 == 21_025_453  # 21.0254545... cut twice
    after([(50 * MS, 10, SUCCESS)], row=row)  # under half of it is used
    assert row == [21_025_454, 50 * MS * 1000, 4, 200 * MS]


def test_the_average_is_a_mean_at_first_and_then_moves_by_two_601ths() -> None:
    row = [0] * gradient2.WIDTH
    after([(601 * MS, 0, SUCCESS)] * 10, row=row)
    after([(1202 * MS, 0, SUCCESS)], row=row)
    assert row[1] == 603 * MS * 1000


def test_an_average_over_twice_the_last_one_is_cut_after_its_use() -> None:
    row = [30_000_001, 100 * MS * 1000, 10, 0]
    after([(100 * MS, 0, SUCCESS)], row=row)
    assert row[1] == 100 * MS * 1000
    after([(1 * MS, 0, SUCCESS)], row=row)
    assert row[1] == (100 * MS * 1000 - 99 * MS * 1000 * 2 // 601 - 1) * 95 // 100
    for first_ns, cut in ((29 * MS, False), (31 * MS, True)):  # the mean of it and 10 ms is just under, just over twice
        row = [0] * gradient2.WIDTH
        after([(first_ns, 0, SUCCESS), (10 * MS, 0, SUCCESS)], row=row)
        assert (row[1] < (first_ns + 10 * MS) * 500) == cut


def test_it_settles_on_a_queue_of_four_where_the_round_trip_grows_with_what_is_inside() -> None:
    # Ten at a time, 10 ms each, and always enough calls, each told a second's worth.
    row = [20_000_001, 10 * MS * 1000, 10, 0]
    for _ in range(100):
        inside = gradient2.limit(row, 0, 20)
        after([(max(10, inside) * MS, inside, SUCCESS)], (20, 1, 200, 4, 200, 1000, 10**6), row)
    assert gradient2.limit(row, 0, 20) == 14  # where L = 10 / L * L + 4


def test_it_fails_by_learning_the_overload() -> None:
    calls = [(10 * MS, 40, SUCCESS)] * 600 + [(50 * MS, 200, SUCCESS)] * 30
    row = [0] * gradient2.WIDTH
    assert after(calls, row=row) == 20  # it saw that
    assert after([(50 * MS, 200, SUCCESS)] * 100, row=row) == 20
    assert after([(50 * MS, 200, SUCCESS)] * 400, row=row) == 200  # and got used to it


def test_it_fails_by_growing_on_quick_failures() -> None:
    assert after([(10 * MS, 20, SUCCESS)] * 10 + [(1 * MS, 200, FAILURE)] * 300) == 200


def test_what_is_ignored_changes_nothing() -> None:
    row = [0] * gradient2.WIDTH
    assert after([(1, 1, IGNORED)], row=row) == 20
    assert row == [0] * gradient2.WIDTH


def test_the_largest_numbers_and_the_smallest() -> None:
    params = (LARGEST, 0, LARGEST, LARGEST, 1000, LARGEST, LARGEST)
    row = [0] * gradient2.WIDTH
    assert after([(LARGEST, LARGEST, SUCCESS)] * 30, params, row) == MOST
    assert row[1] == LONGEST_NS * 1000
    assert after([(-5, -5, SUCCESS)] * 3, params, row) == MOST
    assert after([(10 * MS, 10, SUCCESS)] * 3, (0, 0, 0, 0, 0, 0, 0)) == 0


@given(
    st.integers(0, 50),
    st.integers(0, 30),
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(-3, 99), st.integers(-3, 60), st.sampled_from([SUCCESS, FAILURE, IGNORED]))),
)
def test_a_limit_stays_within_its_bounds_and_falls_by_at_most_a_tenth(
    start: int, least: int, more: int, calls: list[Call]
) -> None:
    row = [0] * gradient2.WIDTH
    for call in calls:
        before = start * gradient2.MILLION if row[0] == 0 else row[0] - 1
        after([call], (start, least, least + more, *NETFLIX[3:]), row)
        if row[0] != 0 and row[0] - 1 not in (before, (least + more) * gradient2.MILLION):
            assert least * gradient2.MILLION <= row[0] - 1 <= (least + more) * gradient2.MILLION
            assert before * 9 // 10 <= row[0] - 1 or row[0] - 1 == least * gradient2.MILLION


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**9))
def test_a_longer_round_trip_never_gives_a_larger_limit(average: int, rtt: int, more: int) -> None:
    quick = after(
        [(rtt, 100, SUCCESS)], row=[100_000_001, average * 1000, 10, 0], params=(20, 20, 200, 4, 200, 1500, 10**6)
    )
    slow = after(
        [(rtt + more, 100, SUCCESS)],
        row=[100_000_001, average * 1000, 10, 0],
        params=(20, 20, 200, 4, 200, 1500, 10**6),
    )
    assert slow <= quick


SECOND = (S, S, 10, 100_000)  # as Netflix: at least, at most, calls, shortest round trip


def told(
    calls: list[tuple[int, int, int, int]], row: list[int], params: tuple[int, int, int, int] = SECOND
) -> list[bool]:
    """Add calls of (now_ns, rtt_ns, inflight, outcome)."""
    return [windowed.add(row, 0, *params, *call) for call in calls]


def test_a_second_of_calls_is_told_as_one() -> None:
    row = [0] * windowed.WIDTH
    assert told([(1, MS, 1, SUCCESS)], row) == [False]  # the first ends a window of its own
    calls = [(k * S // 10, (k + 1) * MS, k, FAILURE if k == 3 else SUCCESS) for k in range(1, 12)]
    assert told(calls, row) == [False] * 10 + [True]  # 1 s and 1 ns is over at 1.1 s; the mean of 2, 3, ... 12 ms
    assert (windowed.rtt_ns(row, 0), windowed.inflight(row, 0), windowed.outcome(row, 0)) == (7 * MS, 11, FAILURE)
    assert row[:6] == [11 * S // 10 + S, 0, 0, 0, 0, 0]


def test_the_average_of_netflixs_test() -> None:
    row = [0] * windowed.WIDTH
    assert told([(0, 5000, 1, 0), (0, 500, 1, 0), (0, 10, 1, 0), (1, 5000, 1, 1)], row, (S, S, 4, 0))[3]
    assert windowed.rtt_ns(row, 0) == (5000 + 500 + 10 + 5000) // 4


def test_a_window_of_fewer_calls_is_thrown_away_so_that_nothing_is_learned_below_9_a_second() -> None:
    row = [0] * windowed.WIDTH
    assert not any(told([(k * S // 9 + k, MS, 1, SUCCESS) for k in range(100)], row))
    assert any(told([(k * S // 9, MS, 1, SUCCESS) for k in range(100, 200)], row))


def test_a_call_that_is_too_quick_or_ignored_is_not_seen() -> None:
    row = [0] * windowed.WIDTH
    assert told([(1, 99_999, 1, SUCCESS), (2 * S, MS, 1, IGNORED), (3 * S, -1, 1, FAILURE)], row) == [False] * 3
    assert row == [0] * windowed.WIDTH


def test_a_window_lasts_twice_the_shortest_round_trip_within_its_bounds() -> None:
    for rtt, lasts in ((MS, 100 * MS), (100 * MS, 200 * MS), (9 * S, S)):
        row = [0] * windowed.WIDTH
        told([(5, rtt, 1, SUCCESS)], row, (100 * MS, S, 10, 0))
        assert row[0] == 5 + lasts


def test_a_window_keeps_to_64_bits() -> None:
    row = [0, MOST, MOST * LONGEST_NS, 1, LARGEST, 1, 0, 0, 0]
    assert told([(LARGEST, LARGEST, LARGEST, SUCCESS)], row, (LARGEST, LARGEST, 0, 0)) == [True]
    assert row[0] == 2 * LARGEST
    assert windowed.rtt_ns(row, 0) == LONGEST_NS
