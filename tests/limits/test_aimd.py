from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import aimd, fixed_concurrency
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST
from limits.verdicts import ADMITTED, SHED

S = 1_000_000_000
MS = 1_000_000
NETFLIX = (20, 20, 200, 900, 5 * S)  # start, least, most, backoff, longest rtt


def after(limit: int, calls: list[tuple[int, int, int]], params: tuple[int, int, int, int, int] = NETFLIX) -> int:
    """Return the limit after calls of (rtt_ns, inflight, outcome)."""
    row = [limit + 1]
    for rtt_ns, inflight, outcome in calls:
        aimd.observe(row, 0, *params, 0, rtt_ns, inflight, outcome)
    return aimd.limit(row, 0, params[0])


def test_the_tests_of_netflix() -> None:
    assert after(20, [(MS, 10, SUCCESS)]) == 21  # increaseOnSuccess
    assert after(30, [(0, 0, FAILURE)]) == 27  # decreaseOnDrops
    assert after(21, [(MS, 10, SUCCESS)], (21, 0, 21, 900, 5 * S)) == 21  # successOverflow


def test_a_new_row_starts_where_it_is_told() -> None:
    row = [0]
    assert aimd.limit(row, 0, 20) == 20
    aimd.observe(row, 0, *NETFLIX, 0, MS, 10, SUCCESS)
    assert aimd.limit(row, 0, 20) == 21


def test_the_limit_grows_only_where_at_least_half_of_it_is_used() -> None:
    assert after(41, [(MS, 20, SUCCESS)]) == 41
    assert after(41, [(MS, 21, SUCCESS)]) == 42


def test_too_slow_is_a_drop_and_just_not_too_slow_is_none() -> None:
    assert after(101, [(5 * S + 1, 101, SUCCESS)]) == 90  # 90.9
    assert after(101, [(5 * S, 101, SUCCESS)]) == 102


def test_what_is_ignored_changes_nothing() -> None:
    row = [0]
    aimd.observe(row, 0, *NETFLIX, 0, 60 * S, 0, IGNORED)
    assert row == [0]


def test_a_limit_stays_within_its_bounds() -> None:
    assert after(200, [(MS, 200, SUCCESS)]) == 200
    assert after(20, [(MS, 1, FAILURE)]) == 20
    assert after(5, [(MS, 0, SUCCESS)]) == 20
    assert after(50, [(MS, 0, SUCCESS)], (20, 40, 30, 900, S)) == 30  # where they cross, the upper counts


def test_how_many_and_who() -> None:
    # 20 get in and are dropped together: 20, 18, 16, 14 and so on, to 10. Those inside stay; none comes until 10 left.
    gate, law, params = [0], [0], (20, 10, 200, 900, 5 * S)
    answers = [fixed_concurrency.decide(gate, 0, aimd.limit(law, 0, 20), 0, 1) for _ in range(21)]
    assert answers == [ADMITTED] * 20 + [SHED]
    for left in range(1, 12):
        fixed_concurrency.release(gate, 0, 1)
        aimd.observe(law, 0, *params, 0, MS, 20, FAILURE)
        may = fixed_concurrency.decide(gate, 0, aimd.limit(law, 0, 20), 0, 1)
        assert may == (ADMITTED if left == 11 else SHED)
    assert aimd.limit(law, 0, 20) == 10


def test_it_fails_by_counting_one_overload_many_times() -> None:
    assert after(200, [(MS, 200, FAILURE)] * 20) == 21  # 180, 162, 145, 130, 117, ...: a tenth of 200, and not 180


def test_it_fails_by_growing_until_something_breaks_however_slow_it_gets() -> None:
    assert after(20, [(4900 * MS, 200, SUCCESS)] * 180) == 200


def test_a_least_of_nothing_can_shut_the_door_for_good() -> None:
    params = (20, 0, 200, 500, S)
    assert after(1, [(MS, 1, FAILURE)], params) == 0
    assert fixed_concurrency.decide([0], 0, 0, 0, 1) != ADMITTED


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    params = (LARGEST, 0, LARGEST, 999, LARGEST)
    assert after(LARGEST, [(LARGEST, LARGEST, SUCCESS)], params) == LARGEST
    assert after(LARGEST, [(LARGEST, LARGEST, FAILURE)], params) == LARGEST * 999 // 1000
    assert after(LARGEST, [(0, 0, FAILURE)], (1, 0, LARGEST, 1000, 0)) == LARGEST


@given(
    st.integers(0, 50),
    st.integers(0, 30),
    st.integers(0, 60),
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), st.sampled_from([SUCCESS, FAILURE, IGNORED]))),
)
def test_a_limit_moves_by_one_up_or_by_the_share_down(
    start: int, least: int, more: int, backoff_milli: int, calls: list[tuple[int, int, int]]
) -> None:
    row, most = [0], least + more
    for rtt_ns, inflight, outcome in calls:
        before = aimd.limit(row, 0, start)
        aimd.observe(row, 0, start, least, most, backoff_milli, 5, 0, rtt_ns, inflight, outcome)
        now = aimd.limit(row, 0, start)
        if outcome == IGNORED:
            assert now == before
        else:
            assert least <= now <= most
            assert now in (before, before + 1, before * backoff_milli // 1000, least, most)
