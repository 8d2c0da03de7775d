"""What callers might send, to every law and every rule: odd costs, clocks that step back, shut doors, invented keys."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from limits import rules, without_store
from limits.aio import Limiter, Refused
from limits.chain import Chain, Charging
from limits.laws import MODULES, Law, width
from limits.row import LARGEST
from limits.rules import (
    Aimd,
    By,
    Concurrency,
    Deadline,
    FixedWindow,
    Gcra,
    Pacing,
    RetryBudget,
    Rule,
    SlidingWindow,
    SlidingWindowLog,
    TokenBucket,
    WarmUp,
    itself,
)
from limits.verdicts import ADMITTED, EXPIRED, NEVER, SHED
from tests.limits import virtual

S = 1_000_000_000
NOW_NS = 1_000 * S
KEYS = 9
ODD_COSTS = (-1, -LARGEST, -(2**63), -(10**30))
LARGE_COSTS = (10**6, LARGEST, 2**63 - 1, 10**30)

BUCKET = (1, S, 5)
ASKED: dict[Law, tuple[int, tuple[Any, ...]]] = {  # slots, parameters: what lets in a few, and then none for a second
    Law.TOKEN_BUCKET: (0, BUCKET),
    Law.GCRA: (0, (S, 5)),
    Law.FIXED_WINDOW: (0, (5, 10 * S)),
    Law.SLIDING_WINDOW_LOG: (6, (6, 5, 10 * S)),
    Law.FIXED_CONCURRENCY: (0, (5,)),
    Law.DEADLINE: (0, (S, NOW_NS - S)),
    Law.RETRY_BUDGET: (0, (5_000,)),
    Law.PACING: (0, (S, 0)),
    Law.SLIDING_WINDOW: (0, (5, 10 * S)),
    Law.WARM_UP: (0, (10_000, 3, 50, 100)),
    Law.RETRY_RATIO: (5, (5, S, 5)),
    Law.RETRY_THROTTLE: (0, (6_000,)),
    Law.SRE_THROTTLE: (5, (5, S, 2_000, 0)),
    Law.CIRCUIT_BREAKER: (5, (S, 2, 0)),
    Law.CODEL: (0, (S, S // 10, S)),
    Law.ADAPTIVE_LIFO: (0, (S, S // 10, 2 * S)),
    Law.HOT_KEY: (KEYS, (KEYS, *BUCKET, [], 0, 0, 7)),
    Law.WAITING_ROOM: (3, (1, 3, S, 1)),
    Law.QUOTA_LEASE: (0, (5, S, without_store.CLOSED, S)),
    Law.QUOTA_REPORT: (0, (S, 5, S, without_store.CLOSED, S)),
    Law.BBR_CPU: (5, (5, S, 800)),
    Law.DAGOR: (1, (1, S, 2_000, S, 50, 10, 3)),
    Law.PI_REJECTOR: (9, (9, S, 100, 100, 5, 3)),
    Law.FULFILMENT_CREDIT: (0, (0, S, S, S, S)),
    Law.BREAKWATER: (0, (S, 0)),
    Law.LOAD_MULTIPLIER: (2, (S, 1_250, 100, 25, 2_000)),
    Law.TOP_DOWN: (1, (0,)),
    Law.SEDA: (9, (1_000_000, 5)),
}
BLIND = {Law.DEADLINE}
"""It does not look at the cost."""
COUNTS_CALLS = {
    Law.RETRY_THROTTLE,
    Law.SRE_THROTTLE,
    Law.CIRCUIT_BREAKER,
    Law.CODEL,
    Law.ADAPTIVE_LIFO,
    Law.BBR_CPU,
    Law.DAGOR,
    Law.PI_REJECTOR,
    Law.BREAKWATER,
}
"""To these any cost above 0 is one call."""
OPEN = {Law.LOAD_MULTIPLIER, Law.TOP_DOWN}
"""They let all in until something is slow."""
BY_TIME = {
    Law.TOKEN_BUCKET,
    Law.GCRA,
    Law.FIXED_WINDOW,
    Law.SLIDING_WINDOW_LOG,
    Law.SLIDING_WINDOW,
    Law.WARM_UP,
    Law.PACING,
    Law.HOT_KEY,
}


def asked(law: Law) -> tuple[list[int], Callable[[int, int], int]]:
    """Return a row that has been used a little, and the law: (now_ns, cost) -> answer."""
    slots, params = ASKED[law]
    row = [0] * (width(law, slots) + (1 if law is Law.WAITING_ROOM else 0))

    def ask(now_ns: int, cost: int) -> int:
        answer: int = MODULES[law].decide(row, 0, *params, now_ns, cost)
        return answer

    for _ in range(2):
        ask(NOW_NS, 1)
    return row, ask


def test_every_law_that_decides_is_asked() -> None:
    assert set(ASKED) == {law for law, module in MODULES.items() if hasattr(module, "decide")}


@pytest.mark.parametrize("law", sorted(set(ASKED) - BLIND))
def test_a_cost_of_0_is_admitted_a_negative_one_never_and_neither_leaves_a_trace(law: Law) -> None:
    row, ask = asked(law)
    before = list(row)
    assert ask(NOW_NS + 1, 0) == ADMITTED
    assert [ask(NOW_NS + 1, cost) for cost in ODD_COSTS] == [NEVER] * len(ODD_COSTS)
    assert row == before


@pytest.mark.parametrize("law", sorted(set(ASKED) - BLIND - OPEN))
def test_a_cost_above_all_bounds_counts_as_one_call_or_is_refused_and_takes_nothing(law: Law) -> None:
    for cost in LARGE_COSTS:
        large, ask_large = asked(law)
        small, ask_small = asked(law)
        if law in COUNTS_CALLS:
            assert ask_large(NOW_NS + 1, cost) == ask_small(NOW_NS + 1, 1)
            assert large == small
        else:
            assert ask_large(NOW_NS + 1, cost) in (NEVER, SHED)
            assert ask_large(NOW_NS + 2, 1) == ask_small(NOW_NS + 2, 1)


@pytest.mark.parametrize("law", sorted(BY_TIME))
def test_a_clock_that_steps_back_lets_nobody_in_who_had_to_wait(law: Law) -> None:
    _, ask = asked(law)
    while ask(NOW_NS, 1) == ADMITTED:
        pass
    for back_ns in (1, S, 100 * S, NOW_NS):
        assert ask(NOW_NS - back_ns, 1) != ADMITTED
    assert ask(NOW_NS, 1) != ADMITTED
    assert ask(NOW_NS + 60 * S, 1) == ADMITTED


@pytest.mark.parametrize(
    ("law", "params"),
    [
        (Law.TOKEN_BUCKET, (0, 1, 5)),
        (Law.TOKEN_BUCKET, (-1, 1, 5)),
        (Law.TOKEN_BUCKET, (1, S, 0)),
        (Law.TOKEN_BUCKET, (1, S, -5)),
        (Law.GCRA, (0, 5)),
        (Law.GCRA, (-S, 5)),
        (Law.GCRA, (S, -5)),
        (Law.FIXED_WINDOW, (0, S)),
        (Law.FIXED_WINDOW, (-1, S)),
        (Law.SLIDING_WINDOW_LOG, (6, 0, S)),
        (Law.SLIDING_WINDOW_LOG, (6, -1, S)),
        (Law.FIXED_CONCURRENCY, (0,)),
        (Law.FIXED_CONCURRENCY, (-1,)),
        (Law.RETRY_BUDGET, (0,)),
        (Law.RETRY_BUDGET, (-1_000,)),
        (Law.PACING, (0, S)),
        (Law.PACING, (-S, S)),
        (Law.SLIDING_WINDOW, (0, S)),
        (Law.SLIDING_WINDOW, (-1, S)),
        (Law.WARM_UP, (0, 3, 0, 0)),
        (Law.RETRY_RATIO, (5, S, 0)),
        (Law.RETRY_RATIO, (5, S, -1)),
        (Law.RETRY_THROTTLE, (0,)),
        (Law.HOT_KEY, (KEYS, 0, 1, 5, [], 0, 0, 7)),
        (Law.QUOTA_LEASE, (5, 0, without_store.OPEN, S)),
        (Law.QUOTA_REPORT, (0, 5, S, without_store.OPEN, S)),
    ],
)
def test_no_rate_and_no_limit_and_less_than_none_let_nobody_in(law: Law, params: tuple[Any, ...]) -> None:
    row = [0] * width(law, ASKED[law][0])
    for now_ns in (0, NOW_NS, LARGEST):
        assert MODULES[law].decide(row, 0, *params, now_ns, 1) in (NEVER, SHED)


# The rules.

RULES: dict[str, Callable[[By | None], Rule]] = {
    "TokenBucket": lambda by: TokenBucket("a", 1, burst=5, by=by),
    "Gcra": lambda by: Gcra("a", 1, burst=5, by=by),
    "FixedWindow": lambda by: FixedWindow("a", 5, 10, by=by),
    "SlidingWindow": lambda by: SlidingWindow("a", 5, 10, by=by),
    "SlidingWindowLog": lambda by: SlidingWindowLog("a", 5, 10, by=by),
    "WarmUp": lambda by: WarmUp("a", 10, by=by),
    "Pacing": lambda by: Pacing("a", 1, longest_wait_s=2, by=by),
    "Deadline": lambda by: Deadline("a", of=lambda subject: 0),
    "RetryBudget": lambda by: RetryBudget("a", by=by),
    "Concurrency": lambda by: Concurrency("a", 5, by=by),
}
NUMBERS: list[tuple[str, Callable[[Any], Rule]]] = [
    ("a rate", lambda x: TokenBucket("a", x)),
    ("a rate", lambda x: Gcra("a", x)),
    ("a rate", lambda x: WarmUp("a", x)),
    ("a rate", lambda x: Pacing("a", x)),
    ("per_s", lambda x: TokenBucket("a", 1, x)),
    ("per_s", lambda x: Gcra("a", 1, x)),
    ("burst", lambda x: TokenBucket("a", 1, burst=x)),
    ("burst", lambda x: Gcra("a", 1, burst=x)),
    ("slots", lambda x: Gcra("a", 1, by=itself, slots=x)),
    ("slots", lambda x: Concurrency("a", 1, by=itself, slots=x)),
    ("limit", lambda x: FixedWindow("a", x, 1)),
    ("limit", lambda x: SlidingWindow("a", x, 1)),
    ("limit", lambda x: SlidingWindowLog("a", x, 1)),
    ("limit", lambda x: Concurrency("a", x)),
    ("window_s", lambda x: FixedWindow("a", 1, x)),
    ("window_s", lambda x: SlidingWindow("a", 1, x)),
    ("window_s", lambda x: SlidingWindowLog("a", 1, x)),
    ("warm_up_s", lambda x: WarmUp("a", 5, warm_up_s=x)),
    ("cold factor", lambda x: WarmUp("a", 5, cold_factor=x)),
    ("longest_wait_s", lambda x: Pacing("a", 1, longest_wait_s=x)),
    ("least_left_s", lambda x: Deadline("a", of=lambda subject: 0, least_left_s=x)),
    ("earn", lambda x: RetryBudget("a", earn=x)),
    ("cap", lambda x: RetryBudget("a", cap=x)),
    ("start", lambda x: Concurrency("a", Aimd(start=x, least=1, most=LARGEST))),
    ("least", lambda x: Concurrency("a", Aimd(least=x))),
    ("most", lambda x: Concurrency("a", Aimd(most=x))),
    ("backoff", lambda x: Concurrency("a", Aimd(backoff=x))),
    ("longest_rtt_s", lambda x: Concurrency("a", Aimd(longest_rtt_s=x))),
]


def test_every_rule_is_asked() -> None:
    assert set(RULES) == {
        name
        for name, kind in vars(rules).items()
        if isinstance(kind, type) and issubclass(kind, Rule) and kind is not Rule
    } - {"_Rated", "_Window"}


@pytest.mark.parametrize("what_make", NUMBERS, ids=lambda pair: pair[0])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, -0.5, 2**63, 10**30, 1e300])
def test_a_parameter_that_makes_no_sense_is_an_error_that_names_the_rule(
    what_make: tuple[str, Callable[[Any], Rule]], value: float
) -> None:
    with pytest.raises(ValueError, match="rule 'a': "):
        what_make[1](value)


@pytest.mark.parametrize("what", ["burst", "slots", "limit", "cold factor", "start", "least", "most"])
@pytest.mark.parametrize("value", [30.5, 30.0, Fraction(61, 2), "30"])
def test_what_is_counted_is_whole(what: str, value: Any) -> None:
    for said, make in NUMBERS:
        if said == what:
            with pytest.raises(ValueError, match="rule 'a': "):
                make(value)


@pytest.mark.parametrize("charging", Charging)
@pytest.mark.parametrize("by", [None, itself], ids=["for all", "by key"])
@pytest.mark.parametrize("kind", sorted(set(RULES) - {"Deadline"}))
def test_an_odd_cost_takes_nothing_whatever_the_chain(kind: str, by: By | None, charging: Charging) -> None:
    unit = RULES[kind](by).unit
    for chain in (
        Chain(RULES[kind](by), clock=lambda: NOW_NS, charging=charging),
        Chain(Gcra("b", 100), RULES[kind](by), clock=lambda: NOW_NS, charging=charging),
    ):
        assert chain.ask("k", {unit: 1}).admitted
        for cost in (*ODD_COSTS, *LARGE_COSTS):
            verdict = chain.ask("k", {"calls": 0, unit: cost})
            assert not verdict.admitted
            assert verdict.answer in (NEVER, SHED)
        assert chain.ask("k", {unit: 1}).admitted


@pytest.mark.parametrize("charging", Charging)
def test_invented_keys_are_kept_within_the_slots_and_nobody_goes_in_where_none_leaves(
    charging: Charging,
) -> None:
    calls, inside = Gcra("calls", 1, by=itself, slots=100), Concurrency("inside", 1, by=itself, slots=100)
    chain = Chain(calls, inside, clock=lambda: NOW_NS, charging=charging)
    assert sum(chain.ask(invented).admitted for invented in range(100_000)) == 100
    assert (len(calls.table.places), len(calls.rows), len(inside._inside)) == (100, 100, 100)


def test_a_clock_that_steps_back_makes_nobody_wait_longer_than_they_said() -> None:
    async def waits(clock: Callable[[], int]) -> int:
        back_ns = 0
        limiter = Limiter(Chain(Gcra("a", 1, burst=1), clock=lambda: clock() - back_ns), longest_wait_s=3)
        limiter.ask()
        start_ns = clock()
        waiter = asyncio.ensure_future(limiter().__aenter__())
        await virtual.spin()
        back_ns = 100 * S
        with pytest.raises(Refused):
            await waiter
        assert limiter.waiting == 0
        return clock() - start_ns

    assert virtual.run(waits) <= 3 * S


def test_who_must_leave_before_they_could_be_served_is_told_so() -> None:
    assert Chain(RULES["Deadline"](None), clock=lambda: NOW_NS).ask().answer == EXPIRED  # type: ignore[union-attr]
