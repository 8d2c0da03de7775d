"""All rules of a chain admit and are charged, or none is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import token_bucket
from limits.chain import PASSED, Chain, Permit, Refusal
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.rules import (
    Aimd,
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
from limits.verdicts import EXPIRED, NEVER, SHED

S = 1_000_000_000
START_NS = 1_000 * S


class Clock:
    """Returns what it was set to."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


def answer(verdict: Permit | Refusal) -> int:
    return verdict.wait_ns if verdict.admitted else verdict.answer


RATES: list[Callable[[str], Rule]] = [
    lambda name: TokenBucket(name, 3, burst=4),
    lambda name: TokenBucket(name, 3, burst=4, by=itself),
    lambda name: Gcra(name, 3, burst=4),
    lambda name: Gcra(name, 3, burst=4, by=itself, slots=2),
    lambda name: FixedWindow(name, 4, 2, by=itself),
    lambda name: SlidingWindow(name, 4, 2),
    lambda name: SlidingWindowLog(name, 4, 2, by=itself),
    lambda name: WarmUp(name, 6, warm_up_s=2),
    lambda name: Concurrency(name, 4),
    lambda name: Concurrency(name, 4, by=itself),
]


def state(rule: Rule) -> tuple[Any, ...]:
    """What a rule remembers of its keys, whichever of them it knows."""
    known = {key: list(rule.table.look(key)) for key in rule.table.places} if rule.by is not None else {}
    inside = (
        {key: list(row) for key, row in rule._inside.items() if key is not None or any(row)}
        if isinstance(rule, Concurrency)
        else {}
    )
    return list(rule.rows) if rule.by is None else [], {k: row for k, row in known.items() if any(row)}, inside


questions = st.lists(st.tuples(st.integers(0, S), st.sampled_from("ab"), st.integers(0, 5)), min_size=1, max_size=40)


@given(first=st.sampled_from(RATES), second=st.sampled_from(RATES), asked=questions)
def test_what_a_later_rule_refuses_leaves_no_trace_in_an_earlier_one(
    first: Callable[[str], Rule], second: Callable[[str], Rule], asked: list[tuple[int, str, int]]
) -> None:
    clock = Clock()
    rules = first("first"), second("second")
    chain = Chain(*rules, clock=clock)
    for later_ns, key, cost in asked:
        clock.now_ns += later_ns
        before = [state(rule) for rule in rules]
        verdict = chain.ask(key, cost)
        if not verdict.admitted and verdict.law == "second":
            assert state(rules[0]) == before[0]


@given(kind=st.sampled_from(RATES), asked=questions)
def test_a_chain_of_one_answers_as_its_law(kind: Callable[[str], Rule], asked: list[tuple[int, str, int]]) -> None:
    clock = Clock()
    chain, rule, twice = Chain(kind("one"), clock=clock), kind("one"), Chain(kind("one"), kind("two"), clock=clock)
    for later_ns, key, cost in asked:
        clock.now_ns += later_ns
        expected = rule.ask(key, clock.now_ns, cost) if cost else 0
        assert answer(chain.ask(key, cost)) == expected
        assert answer(twice.ask(key, cost)) == expected


def test_a_refusal_names_the_rule_and_the_wait_and_charges_nobody() -> None:
    everybody, person = Gcra("everybody", 10, burst=3), Gcra("person", 1, burst=1, by=itself)
    chain = Chain(everybody, person, clock=Clock())
    assert chain.ask("alice") is PASSED
    for _ in range(5):
        refusal = chain.ask("alice")
        assert not refusal.admitted
        assert (refusal.law, refusal.wait_ns) == ("person", S)
    assert chain.ask("bob").admitted
    assert chain.ask("carol").admitted
    assert repr(chain.ask("dave")) == "Refusal(law='everybody', answer=100000000)"


def test_a_cost_charges_quantities_apart() -> None:
    chain = Chain(
        Gcra("calls", 1, burst=10),
        TokenBucket("tokens", 100, burst=1000, unit="tokens"),
        TokenBucket("cups", 1, burst=2, unit="cups"),
        clock=Clock(),
    )
    assert chain.ask(None, {"tokens": 900, "cups": 2}).admitted
    assert [answer(chain.ask(None, {"tokens": 200})), answer(chain.ask(None, {"cups": 1}))] == [S, S]
    assert chain.ask(None, {"tokens": 100, "calls": 9}).admitted
    assert answer(chain.ask()) == S
    assert chain.ask(None, {"calls": 0}).admitted


@pytest.mark.parametrize(
    "cost", [math.nan, math.inf, 1.5, "1", None, {"calls": 0.5}, {"calls": "1"}, {"calls": math.nan}]
)
@pytest.mark.parametrize("kind", RATES)
def test_a_cost_that_is_no_int_is_an_error_and_charges_nobody(kind: Callable[[str], Rule], cost: Any) -> None:
    for chain in (Chain(kind("one"), clock=Clock()), Chain(kind("one"), kind("two"), clock=Clock())):
        with pytest.raises(TypeError, match="a cost of"):
            chain.ask("a", cost)
        assert [state(rule)[1:] for rule in chain.rules] == [({}, {})] * len(chain.rules)


def test_a_unit_that_nothing_charges_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"a cost in 'cup': no rule charges it; there are \['calls', 'cups'\]"):
        Chain(TokenBucket("cups", 1, unit="cups")).ask(None, {"cup": 1})


@pytest.mark.parametrize("kind", RATES)
def test_a_negative_cost_and_one_that_overflows_are_refused_for_good(kind: Callable[[str], Rule]) -> None:
    for chain in (Chain(kind("one"), clock=Clock()), Chain(kind("one"), kind("two"), clock=Clock())):
        for cost in (-1, -(10**30), 2**63, 10**30):
            assert answer(chain.ask("a", cost)) == NEVER
        assert chain.ask("a").admitted


def test_a_closed_door_admits_nobody() -> None:
    closed: list[Rule] = [TokenBucket("a", 0), Gcra("a", 0), FixedWindow("a", 0, 1), Concurrency("a", 0)]
    for rule in closed:
        assert answer(Chain(rule).ask()) == NEVER
        assert rule.left(None, START_NS) == (0, 0)


@pytest.mark.parametrize("kind", RATES)
def test_a_clock_that_steps_back_gives_nobody_more(kind: Callable[[str], Rule]) -> None:
    clock = Clock()
    chain = Chain(kind("one"), kind("two"), clock=clock)
    while chain.ask("a").admitted:
        pass
    clock.now_ns -= 500 * S
    assert not chain.ask("a").admitted


def test_an_error_in_a_question_leaves_no_trace() -> None:
    def fails(subject: object) -> str:
        raise LookupError("no store")

    first = Concurrency("first", 1)
    with pytest.raises(LookupError):
        Chain(first, Gcra("store", 1, by=fails)).ask("a")
    with pytest.raises(TypeError, match="unhashable"):
        Chain(first, Gcra("store", 1, by=itself)).ask([])
    assert first.inside() == 0


def test_places_are_held_until_the_release_which_counts_once() -> None:
    rule = Concurrency("inside", 2)
    chain = Chain(rule)
    one, two = chain.ask(), chain.ask()
    assert one.admitted
    assert two.admitted
    assert answer(chain.ask()) == SHED
    one.release()
    one.release()
    assert rule.inside() == 1
    assert chain.ask(None, 2).admitted is False
    two.release()
    assert chain.ask(None, 2).admitted


def test_a_place_is_given_back_where_a_later_rule_refuses() -> None:
    inside = Concurrency("inside", 5, by=itself)
    chain = Chain(inside, Gcra("rate", 1, burst=1), clock=Clock())
    held = chain.ask("a")
    assert not chain.ask("a").admitted
    assert not chain.ask("b").admitted
    assert (inside.inside("a"), inside.inside("b")) == (1, 0)
    assert held.admitted
    held.release()
    assert inside._inside == {}


def test_keys_inside_are_never_forgotten_and_others_are_shed_when_the_table_is_full() -> None:
    rule = Concurrency("inside", 1, by=itself, slots=2)
    chain = Chain(rule)
    held = [chain.ask("a"), chain.ask("b")]
    assert [answer(chain.ask(key)) for key in "abc"] == [SHED, SHED, SHED]
    assert held[0].admitted
    held[0].release()
    assert chain.ask("c").admitted
    assert answer(chain.ask("a")) == SHED


def test_a_learned_limit_is_told_of_each_call_and_no_key_may_have_one() -> None:
    clock = Clock()
    rule = Concurrency("inside", Aimd(start=10, least=1, most=20, backoff=0.5))
    chain = Chain(rule, clock=clock)

    def call(outcome: int, took_ns: int = 0) -> int:
        permits = [chain.ask() for _ in range(5)]
        clock.now_ns += took_ns
        assert permits[-1].admitted
        permits[-1].release(outcome)
        for permit in permits[:-1]:
            assert permit.admitted
            permit.release(IGNORED)
        return rule.quota()

    assert [call(SUCCESS), call(FAILURE), call(IGNORED), call(SUCCESS), call(SUCCESS, 6 * S)] == [11, 5, 5, 6, 3]
    with pytest.raises(ValueError, match="has no keys"):
        Concurrency("inside", Aimd(), by=itself)


def test_pacing_admits_with_a_wait_from_which_a_deadline_counts() -> None:
    paced = Pacing("paced", 10, longest_wait_s=1)
    chain = Chain(Concurrency("inside", 9), paced, Deadline("there", of=lambda at_ns: at_ns), clock=Clock())
    waits = [answer(chain.ask(START_NS + S)) for _ in range(3)]
    assert waits == [0, S // 10, S // 5]
    row = list(paced.rows)
    assert answer(chain.ask(START_NS + S // 4)) == EXPIRED
    assert list(paced.rows) == row
    assert answer(chain.ask(START_NS + S)) == 3 * S // 10


def test_a_retry_budget_is_asked_for_retries_only() -> None:
    budget = RetryBudget("retries", earn=0.5, cap=1)
    chain = Chain(Gcra("calls", 10), budget, clock=Clock())
    assert [answer(chain.ask(None, cost)) for cost in (1, {"retries": 1}, {"retries": 1})] == [0, 0, SHED]
    budget.earn()
    budget.earn()
    assert answer(chain.ask(None, {"retries": 1})) == 0


def test_a_law_that_watches_answers_is_told_of_each_call() -> None:
    seen: list[tuple[int, ...]] = []

    def decide(state: Any, at: int, wanted: int, draw: int, now_ns: int, cost: int) -> int:
        return 0 if draw < wanted else SHED

    def observe(state: Any, at: int, factor: int, now_ns: int, rtt_ns: int, inflight: int, outcome: int) -> None:
        seen.append((factor, rtt_ns, inflight, outcome))

    clock = Clock()
    draws = iter([3, 8])
    rule = Rule("far side", decide, (5,), width=1, given=lambda subject: (next(draws),), observe=observe, observed=(7,))
    chain = Chain(rule, clock=clock)
    permit = chain.ask()
    assert permit.admitted
    clock.now_ns += 25
    permit.release(FAILURE)
    assert seen == [(7, 25, 0, FAILURE)]
    assert answer(chain.ask()) == SHED


def test_two_chains_share_a_rule() -> None:
    shared = Gcra("all", 1, burst=2)
    one, two = Chain(shared, clock=Clock()), Chain(shared, Gcra("own", 9), clock=Clock())
    assert [one.ask().admitted, two.ask().admitted, one.ask().admitted] == [True, True, False]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Chain(), r"a chain of \[\]: needs one rule at least"),
        (lambda: Chain(Gcra("a", 1), Gcra("a", 1)), "a name for each"),
        (lambda: Chain(Pacing("p", 1), Gcra("a", 1)), "rule 'p' makes people wait: put it after 'a'"),
        (lambda: Gcra("", 1), "a name has 1 to 64 printable ASCII characters"),
        (lambda: Gcra("naïve", 1), "a name has 1 to 64"),
        (lambda: Gcra("a\r\nb: c", 1), "a name has 1 to 64"),
        (lambda: Gcra("a", -1), "rule 'a': -1/s is not a rate"),
        (lambda: Gcra("a", math.nan), "rule 'a': "),
        (lambda: Gcra("a", math.inf), "rule 'a': "),
        (lambda: TokenBucket("a", 1, 0), "rule 'a': per_s = 0: needs more than 0"),
        (lambda: TokenBucket("a", 1, burst=0), "rule 'a': burst = 0: needs a whole number from 1"),
        (lambda: Gcra("a", 1, by=itself, slots=0), "rule 'a': slots = 0: needs a whole number from 1"),
        (lambda: FixedWindow("a", -1, 1), "rule 'a': limit = -1"),
        (lambda: FixedWindow("a", 1, -1), "rule 'a': window_s in ns"),
        (lambda: FixedWindow("a", 1, 2**70), "rule 'a': window_s in ns"),
        (lambda: WarmUp("a", 0.5), "rule 'a': 0.5/s would let nobody in"),
        (lambda: Concurrency("a", -1), "rule 'a': limit = -1"),
        (lambda: Concurrency("a", Aimd(start=1)), "needs least <= start <= most"),
        (lambda: RetryBudget("a", cap=-1), "rule 'a': cap = -1"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_the_rule(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_a_rate_means_what_is_written() -> None:
    assert TokenBucket("a", 0.1).params == TokenBucket("a", 1, 10).params == token_params(1, 10 * S, 1)
    assert Gcra("a", 6, 60, burst=2).params == (10 * S, 2)
    assert TokenBucket("a", 290).params[2] == 290


def test_a_class_whose_own_ask_nobody_would_call_is_an_error() -> None:
    def ask(self: Rule, subject: str, now_ns: int, cost: int) -> int:
        return NEVER

    with pytest.raises(TypeError, match="class Closed: its ask would not be called; give its law another decide"):
        type("Closed", (Gcra,), {"ask": ask})


def token_params(tokens: int, per_ns: int, burst: int) -> tuple[int, ...]:
    assert token_bucket.decide([0, 0], 0, tokens, per_ns, burst, START_NS, burst) == 0
    return tokens, per_ns, burst


@given(
    kind=st.sampled_from(RATES),
    asked=questions,
    later_ns=st.integers(0, 3 * S),
)
def test_what_is_left_is_what_would_be_admitted_and_comes_when_it_says(
    kind: Callable[[str], Rule], asked: list[tuple[int, str, int]], later_ns: int
) -> None:
    rule, now_ns = kind("one"), START_NS
    for after_ns, key, cost in asked:
        now_ns += after_ns
        if rule.ask(key, now_ns, cost) == 0 and rule.holds and cost > 0:
            rule.hold(key, cost)
    now_ns += later_ns
    left, wait_ns = rule.left("a", now_ns)
    if wait_ns > 0:
        assert rule.left("a", now_ns + wait_ns)[0] > left
        assert rule.left("a", now_ns + wait_ns - 1)[0] <= left
    assert rule.ask("a", now_ns, left + 1) != 0
    assert rule.ask("a", now_ns, left) == 0
