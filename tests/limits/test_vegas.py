from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import vegas
from limits.learned import LONGEST_NS, MOST
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST

MS = 1_000_000
NETFLIX = (10, 1, 20, 30, LARGEST)  # as its tests: start, least, most, probe, longest rtt0
DEFAULTS = (20, 1, 1000, 30, LARGEST)
Params = tuple[int, int, int, int, int]
Call = tuple[int, int, int]  # rtt_ns, inflight, outcome
LATE = 999_999_999  # a draw: probe as late as can be


def after(calls: list[Call], params: Params = NETFLIX, row: list[int] | None = None, draw: int = LATE) -> int:
    """Return the limit after calls."""
    row = [0] * vegas.WIDTH if row is None else row
    for rtt_ns, inflight, outcome in calls:
        vegas.observe(row, 0, *params, draw, 0, rtt_ns, inflight, outcome)
    return vegas.limit(row, 0, params[0])


def test_the_tests_of_netflix() -> None:
    first = (10 * MS, 10, SUCCESS)
    assert after([first]) == 10
    assert after([first, (10 * MS, 11, SUCCESS)]) == 16  # increaseLimit
    assert after([first, (50 * MS, 11, SUCCESS)]) == 9  # decreaseLimit: 8 wait
    assert after([first, (14 * MS, 14, SUCCESS)]) == 10  # noChangeIfWithinThresholds: 3 wait


def test_the_steps_worked_by_hand() -> None:
    # L = 100, g = 2, rtt0 = 10 ms. Of 100, those waiting at a round trip of r: 100 * (1 - 10 / r), rounded up.
    row = [101, 10 * MS, 0, 1]
    assert after([(10_204_081, 50, SUCCESS)], DEFAULTS, row.copy()) == 112  # 2 wait
    assert after([(10_204_082, 50, SUCCESS)], DEFAULTS, row.copy()) == 102  # 3, a hair above 2
    assert after([(10_526_315, 50, SUCCESS)], DEFAULTS, row.copy()) == 102  # 5
    assert after([(10_526_316, 50, SUCCESS)], DEFAULTS, row.copy()) == 100  # 6
    assert after([(11_363_636, 50, SUCCESS)], DEFAULTS, row.copy()) == 100  # 12
    assert after([(11_363_637, 50, SUCCESS)], DEFAULTS, row.copy()) == 98  # 13
    assert after([(10 * MS, 49, SUCCESS)], DEFAULTS, row.copy()) == 100  # not used
    assert after([(10 * MS, 0, FAILURE)], DEFAULTS, row.copy()) == 98


def test_a_step_grows_with_the_digits_of_the_limit() -> None:
    many = [0, 1, 9, 10, 99, 100, 999, 1000, 10**6]
    assert [vegas.log10(n) for n in many] == [1, 1, 1, 1, 1, 2, 2, 3, 6]


def test_a_shorter_round_trip_is_learned_and_moves_nothing() -> None:
    row = [0] * vegas.WIDTH
    assert after([(10 * MS, 10, SUCCESS), (8 * MS, 10, SUCCESS)], row=row) == 10
    assert row[1] == 8 * MS


def test_a_probe_takes_the_next_round_trip_for_the_shortest() -> None:
    row = [0] * vegas.WIDTH  # start 2, probe 4: after ceil(0.5 * 4 * 2) calls for a draw of 0, after 8 for the largest
    calls = [(9 * MS, 0, SUCCESS)] + [(10 * MS, 0, SUCCESS)] * 2
    assert after(calls, (2, 1, 20, 4, LARGEST), row, draw=0) == 2
    assert row == [3, 9 * MS, 3, 1]
    assert after([(50 * MS, 2, SUCCESS)], (2, 1, 20, 4, LARGEST), row, draw=LATE) == 2
    assert row == [3, 50 * MS, 0, 1 + LATE]
    assert after([(50 * MS, 0, SUCCESS)] * 7, (2, 1, 20, 4, LARGEST), row) == 2
    assert row == [3, 50 * MS, 7, 1 + LATE]
    assert after([(60 * MS, 0, SUCCESS)], (2, 1, 20, 4, LARGEST), row) == 2
    assert row[1:3] == [60 * MS, 0]


def test_what_is_ignored_changes_nothing() -> None:
    row = [0] * vegas.WIDTH
    assert after([(1, 1, IGNORED)], row=row) == 10
    assert row == [0] * vegas.WIDTH


def served(concurrency: int, rounds: int, params: Params) -> int:
    """Return the limit where each call takes 10 ms for ten inside at a time, and there are always enough calls."""
    row = [0] * vegas.WIDTH
    for _ in range(rounds):
        inside = vegas.limit(row, 0, params[0])
        vegas.observe(row, 0, *params, LATE // 2, 0, max(10, inside) * MS * 10 // concurrency, inside, SUCCESS)
    return vegas.limit(row, 0, params[0])


def test_it_fails_by_drifting_under_a_load_that_lasts_unless_rtt0_is_bounded() -> None:
    params = (5, 1, 1000, 30, LARGEST)
    assert [served(10, calls, params) for calls in (200, 1000, 5000, 20_000)] == [16, 28, 52, 112]
    assert served(10, 20_000, (5, 1, 1000, 30, 10 * MS)) == 16


def test_it_fails_by_taking_a_quick_refusal_for_the_shortest_round_trip() -> None:
    good = (10 * MS, 20, SUCCESS)
    assert after([good] * 10, DEFAULTS) > 20
    assert after([good, (MS // 10, 20, FAILURE)] + [good] * 10, DEFAULTS) == 10  # a cut for each good call


def test_the_largest_numbers_and_the_smallest() -> None:
    params = (LARGEST, 0, LARGEST, LARGEST, LARGEST)
    row = [0] * vegas.WIDTH
    assert after([(LARGEST, LARGEST, SUCCESS)] * 3, params, row) == MOST
    assert row[1] == LONGEST_NS
    assert after([(-5, -5, SUCCESS)] * 2, params, row) == MOST
    assert row[1] == 1
    assert after([(10 * MS, 10, SUCCESS)] * 3, (0, 0, 0, 0, 0)) == 0


@given(
    st.integers(0, 50),
    st.integers(0, 30),
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(-3, 99), st.integers(-3, 60), st.sampled_from([SUCCESS, FAILURE, IGNORED]))),
)
def test_a_limit_stays_within_its_bounds_and_moves_by_no_more_than_six_steps(
    start: int, least: int, more: int, calls: list[Call]
) -> None:
    row = [0] * vegas.WIDTH
    params = (start, least, least + more, 3, LARGEST)
    for call in calls:
        before = vegas.limit(row, 0, start)
        now = after([call], params, row)
        if call[2] == IGNORED:
            assert now == before
        else:
            assert least <= now <= least + more
            assert now in (least, least + more) or -2 <= now - before <= 6 * vegas.log10(before)


@given(st.integers(1, 1000), st.integers(1, 100), st.integers(0, 99), st.integers(0, 99))
def test_a_longer_round_trip_never_gives_a_larger_limit(many: int, rtt0: int, more: int, yet_more: int) -> None:
    quick = after([(rtt0 + more, many, SUCCESS)], DEFAULTS, [many + 1, rtt0, 0, 1])
    slow = after([(rtt0 + more + yet_more, many, SUCCESS)], DEFAULTS, [many + 1, rtt0, 0, 1])
    assert slow <= quick
