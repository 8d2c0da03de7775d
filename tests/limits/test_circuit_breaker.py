from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import circuit_breaker
from limits.circuit_breaker import CLOSED, HALF_OPEN, OPEN
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

S = 1_000_000_000
QUICK, SLOW = S // 10, 5 * S


class Breaker:
    """A breaker with resilience4j's defaults, but where a test says otherwise."""

    def __init__(
        self,
        window: int = 100,
        least_calls: int = 100,
        failed_milli: int = 500,
        slow_milli: int = 1000,
        slow_ns: int = 60 * S,
        open_ns: int = 60 * S,
        probes: int = 10,
        half_open_ns: int = 0,
    ) -> None:
        self.row = [0] * (circuit_breaker.WIDTH + window)
        self.asking = (open_ns, probes, half_open_ns)
        self.learning = (window, least_calls, failed_milli, slow_milli, slow_ns, probes, half_open_ns)

    def ask(self, now_ns: int, cost: int = 1) -> int:
        return circuit_breaker.decide(self.row, 0, *self.asking, now_ns, cost)

    def hear(self, *outcomes: int, now_ns: int = 0, rtt_ns: int = QUICK) -> int:
        """Observe these and return the phase."""
        for outcome in outcomes:
            circuit_breaker.observe(self.row, 0, *self.learning, now_ns, rtt_ns, 1, outcome)
        return self.row[0]


def opened(now_ns: int = 0, **settings: int) -> Breaker:
    breaker = Breaker(window=5, **settings)
    assert breaker.hear(*[FAILURE] * 5, now_ns=now_ns) == OPEN
    return breaker


def test_three_failures_of_five_open_it() -> None:  # resilience4j's own test
    breaker = Breaker(window=5, least_calls=5)
    assert breaker.hear(FAILURE, FAILURE, FAILURE, SUCCESS) == CLOSED
    assert breaker.hear(SUCCESS) == OPEN
    assert breaker.ask(0) == 60 * S


def test_three_slow_ones_of_five_open_it() -> None:  # resilience4j's own test
    breaker = Breaker(window=5, least_calls=5, slow_milli=500, slow_ns=4 * S, failed_milli=1001)
    breaker.hear(FAILURE, SUCCESS, rtt_ns=SLOW)
    breaker.hear(FAILURE, SUCCESS, rtt_ns=QUICK)
    assert breaker.hear(SUCCESS, rtt_ns=SLOW) == OPEN


def test_slow_is_longer_than_the_limit() -> None:
    breaker = Breaker(window=2, least_calls=2, slow_ns=S)
    assert breaker.hear(SUCCESS, SUCCESS, rtt_ns=S) == CLOSED
    assert breaker.hear(SUCCESS, SUCCESS, rtt_ns=S + 1) == OPEN


def test_half_of_a_hundred_is_enough_and_ninety_nine_calls_are_not() -> None:
    breaker = Breaker()
    assert breaker.hear(*[FAILURE] * 99) == CLOSED
    assert breaker.hear(SUCCESS) == OPEN
    breaker = Breaker()
    assert breaker.hear(*[FAILURE] * 49, *[SUCCESS] * 51) == CLOSED
    assert breaker.hear(SUCCESS, FAILURE) == CLOSED  # the oldest, failures, leave the window as others come
    assert breaker.hear(*[SUCCESS] * 48) == CLOSED
    assert breaker.hear(*[FAILURE] * 48) == CLOSED
    assert breaker.hear(FAILURE) == OPEN


def test_the_window_is_waited_for_where_it_is_smaller_than_the_least_number_of_calls() -> None:
    breaker = Breaker(window=3, least_calls=100)
    assert breaker.hear(FAILURE, FAILURE) == CLOSED
    assert breaker.hear(FAILURE) == OPEN


def test_open_lasts_a_minute_to_the_ns() -> None:
    breaker = opened(now_ns=7)
    assert breaker.ask(7) == 60 * S
    assert breaker.ask(60 * S + 6) == 1
    assert breaker.ask(60 * S + 7) == ADMITTED
    assert breaker.row[0] == HALF_OPEN


def test_ten_probes_go_and_their_ten_answers_close_it() -> None:
    breaker = opened()
    assert [breaker.ask(60 * S) for _ in range(12)] == [ADMITTED] * 10 + [SHED] * 2
    assert breaker.hear(*[SUCCESS] * 6, *[FAILURE] * 3) == HALF_OPEN
    assert breaker.ask(99 * S) == SHED
    assert breaker.hear(FAILURE, now_ns=100 * S) == CLOSED  # 4 of 10


def test_half_of_the_probes_open_it_for_another_minute() -> None:
    breaker = opened()
    for _ in range(10):
        breaker.ask(60 * S)
    assert breaker.hear(*[SUCCESS, FAILURE] * 5, now_ns=61 * S) == OPEN
    assert breaker.ask(61 * S) == 60 * S


def test_fewer_probes_are_waited_for_where_fewer_calls_are_enough() -> None:
    breaker = opened(open_ns=0)
    breaker.learning = (5, 3, *breaker.learning[2:])
    assert breaker.ask(0) == ADMITTED
    assert breaker.hear(SUCCESS, SUCCESS) == HALF_OPEN
    assert breaker.hear(SUCCESS) == CLOSED


def test_more_probes_than_the_window_holds_are_waited_for() -> None:
    breaker = opened()
    breaker.asking, breaker.learning = (0, 8, 0), (5, 100, *breaker.learning[2:5], 8, 0)
    assert breaker.ask(0) == ADMITTED
    assert breaker.hear(*[SUCCESS] * 7) == HALF_OPEN
    assert breaker.hear(SUCCESS) == CLOSED


def test_an_ignored_probe_gives_its_permit_back_and_decides_nothing() -> None:
    breaker = opened(probes=2)
    assert [breaker.ask(60 * S) for _ in range(3)] == [ADMITTED, ADMITTED, SHED]
    assert breaker.hear(IGNORED) == HALF_OPEN
    assert [breaker.ask(60 * S) for _ in range(2)] == [ADMITTED, SHED]
    breaker.hear(IGNORED, IGNORED, IGNORED)
    assert [breaker.ask(60 * S) for _ in range(3)] == [ADMITTED, ADMITTED, SHED]


def test_an_ignored_call_does_not_count_when_closed() -> None:
    assert Breaker(window=2, least_calls=2).hear(FAILURE, IGNORED, IGNORED) == CLOSED


def test_answers_that_come_while_it_is_open_change_nothing() -> None:
    breaker = opened()
    before = breaker.row.copy()
    breaker.hear(SUCCESS, FAILURE, IGNORED, now_ns=30 * S)
    assert breaker.row == before


def test_calls_still_out_from_before_are_taken_for_the_probes() -> None:
    # One probe goes; the answers of ten old calls, all failures, decide before it comes back.
    breaker = opened()
    assert breaker.ask(60 * S) == ADMITTED
    assert breaker.hear(*[FAILURE] * 10, now_ns=61 * S) == OPEN
    assert breaker.hear(SUCCESS, now_ns=62 * S) == OPEN


def test_when_closed_again_nothing_is_remembered() -> None:
    breaker = opened(probes=1)
    breaker.ask(60 * S)
    assert breaker.hear(SUCCESS) == CLOSED
    assert breaker.hear(*[FAILURE] * 4) == CLOSED
    assert breaker.hear(FAILURE) == OPEN


def test_known_failure_probes_that_never_answer_lock_everybody_out_for_ever() -> None:
    breaker = opened()
    assert [breaker.ask(60 * S) for _ in range(10)] == [ADMITTED] * 10
    assert breaker.ask(LARGEST) == SHED


def test_a_half_open_state_with_an_end_opens_again_as_of_that_end() -> None:
    breaker = opened(half_open_ns=20 * S)
    assert [breaker.ask(60 * S) for _ in range(11)] == [ADMITTED] * 10 + [SHED]
    assert breaker.ask(80 * S - 1) == SHED
    assert breaker.ask(90 * S) == 50 * S  # open since 80 s
    assert breaker.ask(140 * S) == ADMITTED
    assert breaker.hear(*[SUCCESS] * 10, now_ns=160 * S) == OPEN  # too late by then
    assert breaker.ask(220 * S) == ADMITTED


def test_known_failure_one_broken_shard_of_two_shuts_out_the_other() -> None:
    breaker = Breaker()
    assert breaker.hear(*[FAILURE, SUCCESS] * 50) == OPEN
    assert breaker.ask(1) > 0


def test_an_earlier_instant_waits_for_as_long_as_it_is_from_there() -> None:
    breaker = opened(now_ns=50 * S)
    assert breaker.ask(0) == 110 * S
    breaker.ask(110 * S)
    assert breaker.hear(*[FAILURE] * 10, now_ns=0) == OPEN
    assert breaker.ask(0) == 170 * S


def test_odd_costs_and_parameters() -> None:
    breaker = opened()
    before = breaker.row.copy()
    assert breaker.ask(99 * S, cost=0) == ADMITTED
    assert breaker.ask(99 * S, cost=-1) == NEVER
    assert breaker.row == before
    assert breaker.ask(60 * S, cost=LARGEST) == ADMITTED
    assert breaker.row[2] == 1  # one call, whatever it costs
    assert opened(open_ns=-5).ask(0) == ADMITTED
    assert opened(open_ns=0, probes=0).ask(0) == SHED
    assert Breaker(window=0).hear(*[FAILURE] * 9) == CLOSED
    assert Breaker(failed_milli=1001, window=1).hear(FAILURE) == CLOSED
    assert Breaker(failed_milli=0, window=1).hear(SUCCESS) == OPEN
    assert Breaker(failed_milli=-LARGEST, window=1).hear(SUCCESS) == OPEN
    assert Breaker(least_calls=-1, window=9).hear(FAILURE) == OPEN


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    breaker = Breaker(2, LARGEST, LARGEST, LARGEST, LARGEST, LARGEST, LARGEST, LARGEST)
    breaker.row[0], breaker.row[1] = OPEN, LARGEST
    assert breaker.ask(0) == 2 * LARGEST < 2**63
    assert breaker.ask(LARGEST) == LARGEST
    breaker.row[0] = HALF_OPEN
    assert breaker.hear(FAILURE, now_ns=LARGEST, rtt_ns=LARGEST) == HALF_OPEN
    assert max(breaker.row) < 2**63


@pytest.mark.parametrize("half_open_ns", [0, 9])
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from([SUCCESS, FAILURE]))))
def test_never_more_than_the_probes_go_while_it_is_half_open(
    half_open_ns: int, moves: list[tuple[int, bool, int]]
) -> None:
    breaker = Breaker(window=4, least_calls=2, open_ns=10, probes=3, half_open_ns=half_open_ns)
    now_ns = gone = since = 0
    for step_ns, asks, outcome in moves:
        now_ns += step_ns
        if asks:
            goes = breaker.ask(now_ns) == ADMITTED
        else:
            breaker.hear(outcome, now_ns=now_ns)
            goes = False
        if breaker.row[0] != HALF_OPEN or breaker.row[1] != since:
            gone, since = 0, breaker.row[1]
        gone += goes
        assert breaker.row[0] != HALF_OPEN or gone <= 3
        assert breaker.row[0] != OPEN or not goes
        assert all(n >= 0 for n in breaker.row)
        assert max(breaker.row[4:6]) <= breaker.row[3] <= 4
