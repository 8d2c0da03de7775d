from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import rates, retry_throttle
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

CAP, EARN = rates.milli(10), rates.milli(0.1)  # the example of proposal A6


def observe(row: list[int], outcome: int, times: int = 1) -> None:
    for _ in range(times):
        retry_throttle.observe(row, 0, CAP, EARN, 0, 1, 1, outcome)


def test_a_server_that_is_down_sees_four_retries() -> None:
    # Tokens after each failure: 9, 8, 7, 6, 5; at 5 = cap / 2 and below there are no retries.
    row, answers = [0], []
    for _ in range(6):
        observe(row, FAILURE)
        answers.append(retry_throttle.decide(row, 0, CAP, 0, 1))
    assert answers == [ADMITTED] * 4 + [SHED] * 2


def test_from_empty_it_takes_fifty_one_successes() -> None:
    row = [0]
    observe(row, FAILURE, 15)
    assert row == [CAP]
    observe(row, SUCCESS, 50)  # 5.0 tokens: half, and not above it
    assert retry_throttle.decide(row, 0, CAP, 0, 1) == SHED
    observe(row, SUCCESS)
    assert retry_throttle.decide(row, 0, CAP, 0, 1) == ADMITTED


def test_a_retry_takes_nothing() -> None:
    row = [4000]
    assert [retry_throttle.decide(row, 0, CAP, 0, 1) for _ in range(9)] == [ADMITTED] * 9
    assert row == [4000]


def test_what_says_nothing_changes_nothing() -> None:
    row = [4000]
    observe(row, IGNORED, 9)
    assert row == [4000]


def test_time_does_not_matter() -> None:
    assert retry_throttle.decide([5000], 0, CAP, LARGEST, 1) == SHED
    assert retry_throttle.decide([5000], 0, CAP, -5, 1) == SHED


def test_odd_costs_and_parameters() -> None:
    row = [5000]
    assert retry_throttle.decide(row, 0, CAP, 0, 0) == ADMITTED
    assert retry_throttle.decide(row, 0, CAP, 0, -1) == NEVER
    assert retry_throttle.decide([0], 0, CAP, 0, LARGEST) == ADMITTED
    assert retry_throttle.decide([0], 0, 0, 0, 1) == NEVER
    assert retry_throttle.decide([0], 0, -1, 0, 1) == NEVER
    assert retry_throttle.decide([0], 0, 1, 0, 1) == ADMITTED
    retry_throttle.observe(row, 0, CAP, -100, 0, 1, 1, SUCCESS)
    assert row == [5000]
    retry_throttle.observe(row, 0, -1, EARN, 0, 1, 1, FAILURE)
    assert row == [0]


def test_another_cap_counts_from_the_next_answer_on() -> None:
    row = [9000]
    assert retry_throttle.decide(row, 0, 4000, 0, 1) == SHED
    retry_throttle.observe(row, 0, 4000, EARN, 0, 1, 1, SUCCESS)
    assert row == [3900]


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [LARGEST]
    retry_throttle.observe(row, 0, LARGEST, LARGEST, 0, 1, 1, FAILURE)
    assert row == [LARGEST]
    assert retry_throttle.decide(row, 0, LARGEST, 0, 1) == SHED
    retry_throttle.observe(row, 0, LARGEST, LARGEST, 0, 1, 1, SUCCESS)
    assert row == [0]


@given(st.integers(1, 9000), st.integers(0, 1500), st.lists(st.sampled_from([SUCCESS, FAILURE, IGNORED])))
def test_tokens_stay_between_none_and_the_cap_and_success_never_shuts(
    cap_milli: int, earn_milli: int, outcomes: list[int]
) -> None:
    row = [0]
    for outcome in outcomes:
        was = retry_throttle.decide(row, 0, cap_milli, 0, 1)
        retry_throttle.observe(row, 0, cap_milli, earn_milli, 0, 1, 1, outcome)
        assert 0 <= row[0] <= cap_milli
        if outcome != FAILURE:
            assert retry_throttle.decide(row, 0, cap_milli, 0, 1) >= was  # SHED < ADMITTED


def shares(one_failure_in: int) -> float:
    """Return the share of failures that may be retried, in the long run."""
    row, may = [0], 0
    for _ in range(2000):
        observe(row, FAILURE)
        may += retry_throttle.decide(row, 0, CAP, 0, 1) == ADMITTED
        observe(row, SUCCESS, one_failure_in - 1)
    return may / 2000


def test_known_failure_it_is_all_or_nothing_around_one_failure_in_eleven() -> None:
    # Per eleven calls one token goes and ten tenths come back. A little better: all retried; a little worse: none.
    assert shares(12) == 1.0
    assert shares(11) == 1.0
    assert shares(10) < 0.05
