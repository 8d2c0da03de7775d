"""Each law answers, question by question, as the naive one in exact fractions: ties, bursts, odd costs, clocks back."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from limits import (
    adaptive_lifo,
    aimd,
    circuit_breaker,
    codel,
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    hot_key,
    pacing,
    rates,
    retry_budget,
    retry_ratio,
    retry_throttle,
    sliding_window,
    sliding_window_log,
    sre_throttle,
    token_bucket,
    waiting_room,
    warm_up,
)
from limits.outcomes import FAILURE, SUCCESS
from tests.limits import oracle, oracle_of_answers
from tests.limits.asking import ANY_STEPS, instants

SMALL = st.integers(0, 9)
Steps = list[tuple[int, int]]
thorough = settings(max_examples=400)
BILLION = 10**9
STEP = st.integers(-6, 9)
COST = st.sampled_from([1, 1, 1, 1, 2, 3, 0, -1])
OUTCOME = st.sampled_from([0, 1, 2])
DRAW = st.integers(0, BILLION - 1)


@thorough
@given(SMALL, st.integers(1, 9), st.integers(0, 5), ANY_STEPS)
def test_token_bucket(tokens: int, per_ns: int, burst: int, steps: Steps) -> None:
    row, exact = [0, 0], oracle.TokenBucket(Fraction(tokens, per_ns), burst)
    for now_ns, cost in instants(steps):
        answer = token_bucket.decide(row, 0, tokens, per_ns, burst, now_ns, cost)
        assert answer == exact.ask(now_ns, cost)
        if answer >= 0 and cost > 0:
            assert Fraction(row[0], per_ns) == burst - exact.level


@thorough
@given(st.fractions(1, 10**6, max_denominator=3600), st.integers(1, 300), st.lists(st.integers(0, 10**9), max_size=60))
def test_token_bucket_at_rates_people_write(rate_per_s: Fraction, burst: int, steps_ns: list[int]) -> None:
    rate = rate_per_s / 10**9
    row, exact = [0, 0], oracle.TokenBucket(rate, burst)
    for now_ns, cost in instants([(step_ns, max(1, burst // 2)) for step_ns in steps_ns]):
        answer = token_bucket.decide(row, 0, rate.numerator, rate.denominator, burst, now_ns, cost)
        assert answer == exact.ask(now_ns, cost)


@thorough
@given(SMALL, st.integers(0, 5), ANY_STEPS)
def test_gcra(interval_ns: int, burst: int, steps: Steps) -> None:
    row, exact = [0], oracle.LeakyBucketMeter(interval_ns, burst)
    for now_ns, cost in instants(steps):
        assert gcra.decide(row, 0, interval_ns, burst, now_ns, cost) == exact.ask(now_ns, cost)


@thorough
@given(st.integers(0, 6), st.integers(1, 15), ANY_STEPS)
def test_fixed_window(limit: int, window_ns: int, steps: Steps) -> None:
    row, exact = [0, 0], oracle.FixedWindow(limit, window_ns)
    for now_ns, cost in instants(steps):
        assert fixed_window.decide(row, 0, limit, window_ns, now_ns, cost) == exact.ask(now_ns, cost)


@thorough
@given(st.integers(0, 6), st.integers(0, 3), st.integers(1, 15), ANY_STEPS)
def test_sliding_window_log(limit: int, spare_slots: int, window_ns: int, steps: Steps) -> None:
    slots = limit + spare_slots
    row, exact = [0] * (sliding_window_log.WIDTH + slots), oracle.SlidingWindowLog(limit, window_ns)
    for now_ns, cost in instants(steps):
        assert sliding_window_log.decide(row, 0, slots, limit, window_ns, now_ns, cost) == exact.ask(now_ns, cost)


@thorough
@given(st.integers(0, 6), st.lists(st.tuples(st.booleans(), st.integers(-1, 4)), max_size=60))
def test_fixed_concurrency(limit: int, moves: list[tuple[bool, int]]) -> None:
    row, exact = [0], oracle.FixedConcurrency(limit)
    for comes, cost in moves:
        if comes:
            assert fixed_concurrency.decide(row, 0, limit, 0, cost) == exact.ask(0, cost)
        else:
            fixed_concurrency.release(row, 0, cost)
            exact.release(cost)
        assert row == [len(exact.inside)]


@thorough
@given(st.integers(-2, 9), st.integers(0, 20), st.integers(0, 20))
def test_deadline(least_left_ns: int, deadline_ns: int, now_ns: int) -> None:
    answer = deadline.decide([], 0, least_left_ns, deadline_ns, now_ns, 1)
    assert answer == oracle.deadline(least_left_ns, deadline_ns, now_ns)


@thorough
@given(
    st.integers(0, 4500),
    st.integers(-100, 1500),
    st.lists(st.tuples(st.booleans(), st.integers(-1, 4)), max_size=60),
)
def test_retry_budget(cap_milli: int, earn_milli: int, moves: list[tuple[bool, int]]) -> None:
    row, exact = [0], oracle.RetryBudget(Fraction(cap_milli, 1000))
    for is_retry, cost in moves:
        if is_retry:
            assert retry_budget.decide(row, 0, cap_milli, 0, cost) == exact.ask(0, cost)
        else:
            retry_budget.earn(row, 0, earn_milli)
            exact.earn(Fraction(earn_milli, 1000))
        assert Fraction(cap_milli - row[0], 1000) == exact.tokens


@thorough
@given(SMALL, st.integers(0, 30), ANY_STEPS)
def test_pacing(interval_ns: int, longest_wait_ns: int, steps: Steps) -> None:
    row, exact = [0], oracle.Pacing(interval_ns, longest_wait_ns)
    for now_ns, cost in instants(steps):
        assert pacing.decide(row, 0, interval_ns, longest_wait_ns, now_ns, cost) == exact.ask(now_ns, cost)


@thorough
@given(st.integers(0, 9), st.integers(1, 15), ANY_STEPS)
def test_sliding_window(limit: int, window_ns: int, steps: Steps) -> None:
    row, exact = [0, 0, 0], oracle.SlidingWindow(limit, window_ns)
    for now_ns, cost in instants(steps):
        assert sliding_window.decide(row, 0, limit, window_ns, now_ns, cost) == exact.ask(now_ns, cost)


@thorough
@given(st.fractions(1, 30, max_denominator=4), st.integers(3, 9), st.integers(2, 4), ANY_STEPS, st.integers(0, 999))
def test_warm_up(rate: Fraction, seconds: int, cold_factor: int, steps: Steps, odd_ns: int) -> None:
    rate = Fraction(round(rate * 1000), 1000)
    rate_milli, warning, most = rates.warm_up(rate, seconds * rates.NS_PER_S, cold_factor)
    row, exact = [0] * warm_up.WIDTH, oracle.WarmUp(rate, seconds, cold_factor)
    for now_ns, cost in instants([(step * 97_000_000 + odd_ns, cost * max(1, int(rate) // 5)) for step, cost in steps]):
        assert warm_up.decide(row, 0, rate_milli, cold_factor, warning, most, now_ns, cost) == exact.ask(now_ns, cost)
        assert most - row[3] == exact.stored


@thorough
@given(st.integers(0, 20), st.integers(0, 9), st.lists(st.tuples(st.integers(-9, 12), st.integers(0, 25)), max_size=60))
def test_codel(interval_ns: int, target_ns: int, steps: Steps) -> None:
    row, exact = [0, 0, 0], oracle.CoDel(interval_ns, target_ns)
    for now_ns, waited_ns in instants(steps):
        assert codel.decide(row, 0, interval_ns, target_ns, waited_ns, now_ns, 1) == exact.ask(waited_ns, now_ns)


@thorough
@given(st.integers(0, 30), st.integers(0, 9), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), max_size=80))
def test_adaptive_lifo_needs_not_keep_the_time_that_the_article_sets_on_arrival(
    standing_ns: int, short_ns: int, steps: Steps
) -> None:
    row, exact = [0], oracle.AdaptiveLifo(standing_ns, short_ns)
    for now_ns, leaves in instants(steps):
        if not leaves:
            adaptive_lifo.arrives(row, 0, len(exact.queue), now_ns)
            exact.arrives(now_ns)
        elif exact.queue:
            assert adaptive_lifo.newest_first(row, 0, standing_ns, now_ns) == exact.stands(now_ns)
            came_ns, answer = exact.take(now_ns)
            assert adaptive_lifo.decide(row, 0, standing_ns, short_ns, now_ns - came_ns, now_ns, 1) == answer


@thorough
@given(
    st.integers(0, 40),
    st.integers(0, 30),
    st.integers(0, 3000),
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000), st.sampled_from([SUCCESS, FAILURE])), max_size=60),
)
def test_aimd(start: int, least: int, more: int, backoff_milli: int, calls: list[tuple[int, int, int]]) -> None:
    row, exact = [0], oracle.Aimd(start, least, least + more, Fraction(backoff_milli, 1000))
    for rtt_ns, inflight, outcome in calls:
        aimd.observe(row, 0, start, least, least + more, backoff_milli, 5, 0, rtt_ns, inflight, outcome)
        exact.observe(outcome == FAILURE or rtt_ns > 5, inflight)
        assert aimd.limit(row, 0, start) == exact.limit


@thorough
@given(
    st.integers(1, 12),
    st.integers(0, 3),
    st.integers(1, 9),
    st.integers(0, 3),
    st.dictionaries(
        st.integers(0, 20), st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(1, 3)), max_size=5
    ),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20), st.integers(-1, 3)), max_size=120),
)
def test_hot_key(
    slots: int,
    tokens: int,
    per_ns: int,
    burst: int,
    exceptions: dict[int, tuple[int, int, int]],
    questions: list[tuple[int, int, int]],
) -> None:
    overrides = [number for key, rate in sorted(exceptions.items()) for number in (key, *rate)]
    fractions = {key: (Fraction(some, per), most) for key, (some, per, most) in exceptions.items()}
    row, exact = [0] * hot_key.width(slots), oracle.HotKey(slots, Fraction(tokens, per_ns), burst, fractions)
    now_ns = 0
    for step_ns, key, cost in questions:
        now_ns += step_ns
        answer = hot_key.decide(row, 0, slots, tokens, per_ns, burst, overrides, 0, len(exceptions), key, now_ns, cost)
        assert answer == exact.ask(key, now_ns, cost)
        assert row[0] == exact.forgotten


@thorough
@given(
    st.integers(1, 5),
    st.integers(1, 7),
    st.integers(0, 3000),
    st.lists(st.tuples(STEP, st.booleans(), DRAW, COST, OUTCOME), max_size=60),
)
def test_sre_throttle(slices: int, slice_ns: int, k_milli: int, moves: list[tuple[int, bool, int, int, int]]) -> None:
    row = [0] * (sre_throttle.WIDTH + 2 * slices)
    exact = oracle_of_answers.SreThrottle(slices, slice_ns, Fraction(k_milli, 1000))
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
    exact = oracle_of_answers.RetryRatio(slices, slice_ns, Fraction(ratio_milli, 1000), reserve)
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
    row, exact = [0], oracle_of_answers.RetryThrottle(Fraction(cap_milli, 1000), Fraction(earn_milli, 1000))
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
        oracle_of_answers.Settings,
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
def test_circuit_breaker(s: oracle_of_answers.Settings, moves: list[tuple[int, bool, int, int, int]]) -> None:
    row, exact = [0] * (circuit_breaker.WIDTH + s.window), oracle_of_answers.CircuitBreaker(s)
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
    exact = oracle_of_answers.WaitingRoom(stages, slots, hold_ns)
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
