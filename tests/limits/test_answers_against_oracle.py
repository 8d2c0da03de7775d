"""The laws that learn from answers, and the waiting room, do as the naive ones: ties, odd costs, clocks back."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from limits import circuit_breaker, retry_ratio, retry_throttle, sre_throttle, waiting_room
from tests.limits import oracle_of_answers as oracle

thorough = settings(max_examples=400)
BILLION = 10**9
STEP = st.integers(-6, 9)
COST = st.sampled_from([1, 1, 1, 1, 2, 3, 0, -1])
OUTCOME = st.sampled_from([0, 1, 2])
DRAW = st.integers(0, BILLION - 1)


@thorough
@given(
    st.integers(1, 5),
    st.integers(1, 7),
    st.integers(0, 3000),
    st.lists(st.tuples(STEP, st.booleans(), DRAW, COST, OUTCOME), max_size=60),
)
def test_sre_throttle(slices: int, slice_ns: int, k_milli: int, moves: list[tuple[int, bool, int, int, int]]) -> None:
    row = [0] * (sre_throttle.WIDTH + 2 * slices)
    exact = oracle.SreThrottle(slices, slice_ns, Fraction(k_milli, 1000))
    now_ns = 0
    for step_ns, asks, draw, cost, outcome in moves:
        now_ns = max(0, now_ns + step_ns)
        if asks:
            answer = sre_throttle.decide(row, 0, slices, slice_ns, k_milli, draw, now_ns, cost)
            assert answer == exact.ask(Fraction(draw, BILLION), now_ns, cost)
        else:
            sre_throttle.observe(row, 0, slices, slice_ns, now_ns, 1, 1, outcome)
            exact.observe(now_ns, outcome)
        if asks and cost > 0:
            assert row[1:3] == [exact.past.sum("request"), exact.past.sum("accept")]


@thorough
@given(
    st.integers(1, 5),
    st.integers(1, 7),
    st.integers(0, 1500),
    st.integers(0, 3),
    st.lists(st.tuples(STEP, st.booleans(), COST), max_size=60),
)
def test_retry_ratio(
    slices: int, slice_ns: int, ratio_milli: int, reserve: int, moves: list[tuple[int, bool, int]]
) -> None:
    row = [0] * (retry_ratio.WIDTH + 2 * slices)
    exact = oracle.RetryRatio(slices, slice_ns, Fraction(ratio_milli, 1000), reserve)
    now_ns = 0
    for step_ns, asks, cost in moves:
        now_ns = max(0, now_ns + step_ns)
        if asks:
            answer = retry_ratio.decide(row, 0, slices, slice_ns, reserve, now_ns, cost)
            assert answer == exact.ask(now_ns, cost)
        else:
            retry_ratio.earn(row, 0, slices, slice_ns, ratio_milli, now_ns)
            exact.earn(now_ns)


@thorough
@given(st.integers(0, 9000), st.integers(0, 1500), st.lists(st.tuples(st.booleans(), COST, OUTCOME), max_size=60))
def test_retry_throttle(cap_milli: int, earn_milli: int, moves: list[tuple[bool, int, int]]) -> None:
    row, exact = [0], oracle.RetryThrottle(Fraction(cap_milli, 1000), Fraction(earn_milli, 1000))
    for asks, cost, outcome in moves:
        if asks:
            assert retry_throttle.decide(row, 0, cap_milli, 0, cost) == exact.ask(cost)
        else:
            retry_throttle.observe(row, 0, cap_milli, earn_milli, 0, 1, 1, outcome)
            exact.observe(outcome)
        assert Fraction(cap_milli - row[0], 1000) == exact.tokens


@thorough
@given(
    st.builds(
        oracle.Settings,
        window=st.integers(1, 6),
        least_calls=st.integers(1, 8),
        failed=st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(1)]),
        slow=st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(2)]),
        slow_ns=st.integers(0, 5),
        open_ns=st.integers(0, 12),
        probes=st.integers(1, 4),
        half_open_ns=st.sampled_from([0, 0, 4, 15]),
    ),
    st.lists(st.tuples(STEP, st.booleans(), COST, st.integers(0, 8), OUTCOME), max_size=80),
)
def test_circuit_breaker(s: oracle.Settings, moves: list[tuple[int, bool, int, int, int]]) -> None:
    row, exact = [0] * (circuit_breaker.WIDTH + s.window), oracle.CircuitBreaker(s)
    shares = int(s.failed * 1000), int(s.slow * 1000)
    now_ns = 0
    for step_ns, asks, cost, rtt_ns, outcome in moves:
        now_ns = max(0, now_ns + step_ns)
        if asks:
            answer = circuit_breaker.decide(row, 0, s.open_ns, s.probes, s.half_open_ns, now_ns, cost)
            assert answer == exact.ask(now_ns, cost)
        else:
            circuit_breaker.observe(
                row,
                0,
                s.window,
                s.least_calls,
                *shares,
                s.slow_ns,
                s.probes,
                s.half_open_ns,
                now_ns,
                rtt_ns,
                1,
                outcome,
            )
            exact.observe(now_ns, rtt_ns, outcome)
        assert ["closed", "open", "half-open"][row[0]] == exact.state


@settings(max_examples=1000)
@given(
    st.integers(0, 3),
    st.integers(0, 6),
    st.integers(0, 20),
    st.integers(0, 5),
    st.lists(
        st.tuples(st.integers(-3, 9), st.sampled_from("jjaaagggl"), DRAW, st.integers(0, 5), COST, st.booleans()),
        max_size=100,
    ),
)
def test_waiting_room(
    stages: int, slots: int, hold_ns: int, ahead: int, moves: list[tuple[int, str, int, int, int, bool]]
) -> None:
    row = [0] * (waiting_room.WIDTH + stages + 3 * slots)
    exact = oracle.WaitingRoom(stages, slots, hold_ns)
    room = (row, 0, stages, slots)
    now_ns = 1
    for step_ns, move, draw, k, cost, drawn in moves:
        now_ns = max(1, now_ns + step_ns)
        number = row[0] - k
        if move == "j":
            answer = waiting_room.join(*room, hold_ns, draw if drawn else waiting_room.IN_ORDER, now_ns)
            assert answer == exact.join(Fraction(draw, BILLION) if drawn else None, now_ns)
        elif move == "a":
            answer = waiting_room.decide(*room, hold_ns, number, now_ns, cost)
            assert answer == exact.ask(number, now_ns, cost)
        elif move == "g" and stages > 0:
            waiting_room.grant(*room, draw % stages, ahead, k, now_ns)
            exact.grant(draw % stages, ahead, k, now_ns)
        elif move == "l":
            waiting_room.leave(*room, number, now_ns)
            exact.leave(number, now_ns)
        assert row[4 : 4 + stages] == exact.credit
        for place, waiting in enumerate(exact.waiting):
            assert waiting_room.before(*room, waiting) == place
