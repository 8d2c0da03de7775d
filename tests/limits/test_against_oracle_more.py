"""The laws of queues, keys and concurrency against the naive ones, question by question, as in test_against_oracle."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from limits import adaptive_lifo, aimd, codel, hot_key, rates, sliding_window, warm_up
from limits.outcomes import FAILURE, SUCCESS
from tests.limits import oracle_more as oracle
from tests.limits.asking import ANY_STEPS, instants

Steps = list[tuple[int, int]]
thorough = settings(max_examples=400)


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
