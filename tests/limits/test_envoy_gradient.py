from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from limits import envoy_gradient
from limits.learned import MOST
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST

US = 1_000
MS = 1_000_000
S = 1_000_000_000
# least, most, calls, quantile, buffer, update, interval, jitter
DEFAULTS = (3, 1000, 50, 500, 250, 100 * MS, 60 * S, 150)
Params = tuple[int, int, int, int, int, int, int, int]
Call = tuple[int, int]  # now_ns, rtt_ns


def answered(calls: list[Call], params: Params = DEFAULTS, row: list[int] | None = None, draw: int = 0) -> list[int]:
    """Answer calls; return the row."""
    row = [0] * envoy_gradient.WIDTH if row is None else row
    for now_ns, rtt_ns in calls:
        envoy_gradient.observe(row, 0, *params, draw, now_ns, rtt_ns, 1, SUCCESS)
    return row


def measured(rtt_ns: int, params: Params = DEFAULTS) -> list[int]:
    """Return a row that has measured a round trip at the start: it ended at 1 s."""
    return answered([(S, rtt_ns)] * params[2], params)


def bound(row: list[int]) -> int:
    return envoy_gradient.limit(row, 0, 3)


def test_it_holds_three_until_fifty_answers_have_told_how_long_a_call_takes_alone() -> None:
    row = answered([(S, 5 * MS)] * 49)
    assert (row[1], bound(row)) == (0, 3)
    answered([(S, 5 * MS)], row=row)
    assert (row[1], row[2], bound(row)) == (1, 5_050, 3)  # the middle of the bin from 5.0 to 5.1 ms
    assert row[4:6] == [61 * S, S + 100 * MS]


def test_the_update_worked_by_hand() -> None:
    row = [16, 1, 1000, 0, 60 * S, 100 * MS, 0, 0] + [0] * envoy_gradient.BINS
    # minrtt 1 ms and as much now: gradient 1.25, 16 * 1.25 = 20, + sqrt(20) = 24.47. The last is not seen yet.
    answered([(99 * MS, 1000 * US)] * 4 + [(100 * MS, 9 * S)], row=row)
    assert row[0] == 23  # the bin from 1.0 to 1.1 ms has its middle at 1.05: 1.19 * 16 = 19.04, + 4.36
    row = [16, 1, 50, 0, 60 * S, 100 * MS, 0, 0] + [0] * envoy_gradient.BINS
    answered([(99 * MS, 50 * US)] * 4 + [(100 * MS, 1)], row=row)  # 50 us are a bin of their own
    assert row[0] == 24


def test_a_gradient_is_between_a_half_and_two() -> None:
    row = [100, 1, 50, 0, 60 * S, 100 * MS, 0, 0] + [0] * envoy_gradient.BINS
    assert answered([(US, US), (100 * MS, US)], row=row.copy())[0] == 214  # 200 + sqrt(200)
    assert answered([(10 * MS, 10 * MS), (100 * MS, US)], row=row.copy())[0] == 57  # 50 + sqrt(50)


def test_no_answers_no_update_and_updates_keep_to_their_grid() -> None:
    row = measured(50 * US)
    answered([(S + 1000 * MS + 7, 50 * US)], row=row)
    assert (bound(row), row[5]) == (3, S + 1100 * MS)
    answered([(S + 1100 * MS, 50 * US)], row=row)
    assert bound(row) == 5  # 3 * 1.25 + sqrt(3.75)


def test_it_measures_again_after_the_interval_and_its_jitter_and_comes_back_to_where_it_was() -> None:
    assert measured(50 * US)[4] == 61 * S
    row = answered([(S, 50 * US)] * 50, draw=999_999_999)
    assert row[4] == 61 * S + 8_999_999_940  # 15% of 60 s, but for a billionth of them
    row = measured(50 * US)
    row[0] = 40
    answered([(61 * S - 1, 50 * US)], row=row)
    assert bound(row) == 40
    answered([(61 * S, 50 * US)], row=row)
    assert (bound(row), row[3], row[7]) == (3, 61 * S, 0)  # an answer to a call from before is not seen
    answered([(62 * S, 80 * US)] * 50, row=row)
    assert (bound(row), row[2]) == (57, 80)  # it was 40 * 1.25 + sqrt(50)


def test_it_measures_again_at_once_after_five_updates_that_left_it_at_the_least() -> None:
    row = measured(50 * US)
    for k in range(1, 6):
        assert row[1] == 1
        answered([(S + k * 100 * MS - 1, 500 * US)], row=row)
        envoy_gradient.tick(row, 0, *DEFAULTS[:2], *DEFAULTS[3:6], S + k * 100 * MS)
        assert bound(row) == 3  # 3 / 2 + sqrt(3 / 2) = 2.72
    assert (row[1], row[3], row[7]) == (0, S + 500 * MS, 0)


def test_what_was_due_happens_as_of_when_it_was_due() -> None:
    row = measured(50 * US)
    answered([(S + 50 * MS, 50 * US), (70 * S, 5 * S), (70 * S, 10 * S)], row=row)
    assert row[0] == 5  # the update of 1.1 s, before
    assert (row[1], row[3], row[7]) == (0, 61 * S, 1)  # measuring since 61 s: the call of 65 s counts, that of 60 not


def test_ignored_calls_are_not_seen_and_failed_ones_are() -> None:
    row = [0] * envoy_gradient.WIDTH
    envoy_gradient.observe(row, 0, *DEFAULTS, 0, S, MS, 1, IGNORED)
    assert row == [0] * envoy_gradient.WIDTH
    envoy_gradient.observe(row, 0, *DEFAULTS, 0, S, MS, 1, FAILURE)
    assert row[7] == 1


def test_it_fails_by_shutting_all_but_three_out_while_it_measures_slow_work() -> None:
    row, now_ns, rounds = [0] * envoy_gradient.WIDTH, 0, 0
    while row[1] == 0:
        now_ns, rounds = now_ns + 5 * S, rounds + 1
        answered([(now_ns, 5 * S)] * 3, row=row)
    assert now_ns == 85 * S


def test_it_fails_by_growing_to_the_most_where_it_measured_something_slow() -> None:
    row = measured(40 * MS)
    answered([(S + k * 100 * MS + MS, 10 * MS) for k in range(40)], row=row)
    assert bound(row) == 1000


def test_the_histogram_has_two_digits_and_every_number_a_bin() -> None:
    for us in [*range(2000), 9_999, 10_000, 123_456, 4_398_046_511]:
        k = envoy_gradient.bin_of(us)
        assert envoy_gradient.start_of(k) <= us < envoy_gradient.start_of(k) + max(1, envoy_gradient.width_of(k))
    assert envoy_gradient.bin_of(4_398_046_511) < envoy_gradient.BINS


@given(st.integers(0, 2**61))
def test_the_root_is_that_of_the_library(number: int) -> None:
    assert envoy_gradient.root(number) == math.isqrt(number)


def test_the_largest_numbers_and_the_smallest() -> None:
    most = (LARGEST,) * 8
    row = answered([(LARGEST, LARGEST)] * 3 + [(LARGEST, -LARGEST)] * 3, most, draw=999_999_999)
    assert max(row) <= LARGEST
    row = answered([(LARGEST, 1)] * 3, (1, LARGEST, 1, 1000, LARGEST, LARGEST, LARGEST, LARGEST), draw=999_999_999)
    assert row[4] == row[5] == 2 * LARGEST
    answered([(k, 1) for k in range(5)], (0,) * 8)


@given(
    st.integers(1, 5),
    st.integers(0, 40),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(-5, 40), st.integers(-3, 99), st.sampled_from([SUCCESS, IGNORED])), max_size=80),
)
def test_a_limit_stays_within_its_bounds_whatever_the_clock_does(
    least: int, more: int, calls: int, moves: list[tuple[int, int, int]]
) -> None:
    row, now_ns = [0] * envoy_gradient.WIDTH, 0
    for step, rtt_us, outcome in moves:
        now_ns = max(0, now_ns + step * US)
        params = (least, least + more, calls, 500, 250, 10 * US, 100 * US, 150)
        envoy_gradient.observe(row, 0, *params, 0, now_ns, rtt_us * US, 1, outcome)
        assert least <= envoy_gradient.limit(row, 0, least) <= min(MOST, least + more)
        assert sum(row[8:]) == row[7]
        assert min(row) >= 0
