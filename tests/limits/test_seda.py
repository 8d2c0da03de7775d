from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import seda
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER

S = 1_000_000_000
MS = 1_000_000
START, LEAST, MOST, INCREASE = 100_000_000, 50_000, 5_000_000_000, 2_000_000  # millionths a second
WELSH = (START, LEAST, MOST, INCREASE, 1200, 900)  # ..., divisor, quantile
TARGET = 100 * MS


def row_of(calls: int = 100) -> list[int]:
    return [0] * (seda.WIDTH + calls)


def answer(row: list[int], now_ns: int, rtt_ns: int, calls: int = 100, outcome: int = SUCCESS) -> None:
    seda.observe(row, 0, *WELSH, TARGET, calls, S, 1, now_ns, rtt_ns, 1, outcome)


def rate(row: list[int]) -> float:
    return seda.rate_micro(row, 0, START) / 1_000_000


def test_the_rate_follows_the_slow_calls_as_worked_by_hand() -> None:
    row, found = row_of(1), []
    for ms in (100, 500, 500, 0, 0, 0, 0, 0):
        answer(row, 0, ms * MS, calls=1)
        found.append((row[2] / MS, round(rate(row), 4)))
    # 30: + 2 * (0.7 - 0.1); 171 and 269.7: / 1.2; then 0.7 of it each time, down to 92.5, between half and all of 100
    assert [slow for slow, _ in found[:5]] == [30, 171, 269.7, 188.79, 132.153]
    assert [each for _, each in found[:6]] == [101.2, 84.3333, 70.2778, 58.5648, 48.804, 48.804]
    assert found[6:] == [(64.75497, 48.804), (45.328479, 49.6974)]  # + 2 * (0.5467152 - 0.1)


def test_the_slow_call_is_the_one_of_the_rank_and_comes_in_any_order() -> None:
    row = row_of()
    for ms in [*range(50, 0, -1), *range(51, 100)]:
        answer(row, 0, ms * MS)
    assert (row[2], row[4]) == (0, 99)
    assert row[seda.WIDTH :][:99] == [ms * MS for ms in range(1, 100)]
    answer(row, 0, 1000 * MS)
    assert (row[2], row[4]) == (91 * 3 * MS // 10, 0)  # the 91st of a hundred


def test_it_changes_after_so_many_calls_or_so_long_and_starts_anew() -> None:
    row = row_of(3)
    answer(row, 0, MS, calls=3)
    answer(row, S - 1, MS, calls=3)
    assert rate(row) == 100
    answer(row, S, MS, calls=3, outcome=IGNORED)
    assert row[4] == 2
    answer(row, S, MS, calls=3)
    first = rate(row)
    assert (first > 100, row[3], row[4]) == (True, 1 + S, 0)
    answer(row, 2 * S, MS, calls=3, outcome=FAILURE)
    assert (rate(row) > first, row[4]) == (True, 0)


def test_the_rate_stays_between_its_bounds() -> None:
    row = row_of(1)
    for _ in range(120):
        answer(row, 0, 10**12, calls=1)
    assert rate(row) == 0.05
    for _ in range(3000):
        answer(row, 0, 1, calls=1)
    assert rate(row) == 5000


def test_a_bucket_with_that_rate_admits_and_keeps_its_tokens() -> None:
    row = row_of(1)
    assert [seda.decide(row, 0, START, 2, 0, 1) for _ in range(3)] == [ADMITTED, ADMITTED, 10 * MS]
    seda.observe(row, 0, *WELSH, TARGET, 1, S, 2, 0, 10**12, 1, SUCCESS)  # to 100/1.2 a second
    assert seda.decide(row, 0, START, 2, 0, 1) == 12 * MS
    assert seda.decide(row, 0, START, 2, 12 * MS - 1, 1) == 1
    assert seda.decide(row, 0, START, 2, 12 * MS, 1) == ADMITTED
    assert [seda.decide(row, 0, START, 2, 12 * MS, cost) for cost in (0, -1, 3)] == [ADMITTED, NEVER, NEVER]
    assert seda.decide(row_of(), 0, 0, 1, 0, 1) == NEVER


def test_it_fails_by_going_on_down_and_then_up_slowly() -> None:
    """1,000 calls a second, of which those of the first 100 ms take 20 times the target, and the others nothing."""
    row, rates = row_of(), []
    row[0] = 1 + 1_000_000_000
    for ms in range(20_000):
        if seda.decide(row, 0, START, 1, ms * MS, 1) == ADMITTED:
            answer(row, ms * MS, 2000 * MS if ms < 100 else MS)
        rates.append(rate(row))
    assert round(min(rates)) == round(
        1000 / 1.2**6
    )  # one bad hundred, and five more until the mean is under the target
    assert rates.index(min(rates)) == 1299
    assert 380 < rates[1299 + 10_000] < 400  # 1.8/s each 100 calls


def test_at_a_call_a_second_it_changes_once_a_second() -> None:
    row, rates = row_of(), []
    row[0] = 1 + 1_000_000
    for second in range(1, 6):
        if seda.decide(row, 0, START, 1, second * S, 1) == ADMITTED:
            answer(row, second * S, MS)
        rates.append(round(rate(row), 2))
    assert rates == [1, 2.79, 4.58, 6.37, 8.16]


def test_the_largest_numbers_and_the_smallest() -> None:
    for one in (0, 1, LARGEST):
        for other in (0, 1, LARGEST):
            row = row_of(2)
            for _ in range(4):
                seda.observe(row, 0, one, other, one, other, one, other, one, 2, other, one, other, one, 1, 0)
                assert seda.decide(row, 0, one, other, one, 1) >= NEVER
            assert min(row) >= 0
            assert max(row) < 2**63


@given(
    st.lists(
        st.tuples(st.integers(0, 400 * MS), st.integers(0, 10**9), st.sampled_from([SUCCESS, FAILURE, IGNORED])),
        max_size=80,
    ),
    st.integers(1, 9),
)
def test_no_second_lets_in_more_than_a_burst_and_the_highest_rate_of_it(
    moves: list[tuple[int, int, int]], calls: int
) -> None:
    row, now_ns, admitted = row_of(calls), 0, []
    highest = 0.0
    for step, rtt_ns, outcome in moves:
        now_ns += step
        highest = max(highest, rate(row))
        if seda.decide(row, 0, START, 3, now_ns, 1) == ADMITTED:
            admitted.append(now_ns)
        seda.observe(row, 0, *WELSH, TARGET, calls, S, 3, now_ns, rtt_ns, 1, outcome)
        assert 0.05 <= rate(row) <= 5000
        assert row[seda.WIDTH :][: row[4]] == sorted(row[seda.WIDTH :][: row[4]])
        recent = [at_ns for at_ns in admitted if at_ns > now_ns - S]
        assert len(recent) <= 3 + highest + 1
