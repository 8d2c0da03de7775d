"""Each law answers, question by question, as the naive one in exact fractions: ties, bursts, odd costs, clocks back."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from limits import (
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    pacing,
    retry_budget,
    sliding_window_log,
    token_bucket,
)
from tests.limits import oracle
from tests.limits.asking import ANY_STEPS, instants

SMALL = st.integers(0, 9)
Steps = list[tuple[int, int]]
thorough = settings(max_examples=400)


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
