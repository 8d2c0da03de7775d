"""A chain that charges as it goes answers as the model's gateway does, which charges so too (docs/model.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import retry_after, verdicts
from limits.aio import Limiter
from limits.chain import Chain, Charging, Permit, Refusal
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.rules import (
    Aimd,
    Concurrency,
    Deadline,
    FixedWindow,
    Gcra,
    Rule,
    SlidingWindow,
    SlidingWindowLog,
    TokenBucket,
    WarmUp,
)
from scenarios.asking import ADMITTED, EXPIRED, SHED, THROTTLED
from scenarios.policy import build_laws, policy_at
from tests.limits.test_chain import START_NS, Clock, answer
from tests.scenario_strategy import Tree, loaded

MS = 1_000_000
S = 1_000 * MS


@dataclass(frozen=True)
class Asked:
    """A person with an attempt, for both: the model asks about two objects, and reads only this of them."""

    want: int
    number: int
    deadline_ns: int


BY: dict[str, Callable[[Asked], int] | None] = {"global": None, "person": lambda asked: asked.want}
Both = tuple[Tree, Callable[[str, Any], Rule]]
LAWS: list[Both] = [
    ({"law": "token_bucket", "rate": "3/s", "burst": 4}, lambda name, by: TokenBucket(name, 3, burst=4, by=by)),
    ({"law": "token_bucket", "rate": "0/s"}, lambda name, by: TokenBucket(name, 0, by=by)),
    ({"law": "gcra", "rate": "7/m", "burst": 2}, lambda name, by: Gcra(name, 7, 60, burst=2, by=by)),
    ({"law": "warm_up", "rate": "6/s", "warm_up": "2s"}, lambda name, by: WarmUp(name, 6, warm_up_s=2, by=by)),
    ({"law": "fixed_window", "limit": 3, "window": "1s"}, lambda name, by: FixedWindow(name, 3, 1, by=by)),
    ({"law": "sliding_window", "limit": 3, "window": "1s"}, lambda name, by: SlidingWindow(name, 3, 1, by=by)),
    ({"law": "sliding_window_log", "limit": 3, "window": "1s"}, lambda name, by: SlidingWindowLog(name, 3, 1, by=by)),
    ({"law": "fixed_concurrency", "limit": 2}, lambda name, by: Concurrency(name, 2, by=by)),
    ({"law": "fixed_concurrency", "limit": 0}, lambda name, by: Concurrency(name, 0, by=by)),
]
FOR_ALL: list[Both] = [
    (
        {"law": "aimd", "start": 3, "least": 1, "most": 4, "backoff": 0.5, "longest_rtt": "1s"},
        lambda name, by: Concurrency(name, Aimd(start=3, least=1, most=4, backoff=0.5, longest_rtt_s=1)),
    ),
    (
        {"law": "deadline", "least_left": "300ms"},
        lambda name, by: Deadline(name, of=lambda asked: asked.deadline_ns, least_left_s=0.3),
    ),
]
chains = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(LAWS), st.sampled_from(list(BY))),
        st.tuples(st.sampled_from(FOR_ALL), st.just("global")),
    ),
    min_size=1,
    max_size=5,
)
steps = st.lists(
    st.tuples(
        st.integers(0, 400 * MS),  # later than the step before
        st.integers(0, 3),  # the person
        st.integers(0, S),  # how long the person will wait
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from([SUCCESS, FAILURE, IGNORED])), max_size=2),  # who ends
    ),
    min_size=1,
    max_size=40,
)


def code_of(verdict: Permit | Refusal) -> tuple[int, int]:
    """What a gateway of the model makes of it: a code and Retry-After. No place at all is overload to a person."""
    if verdict.admitted:
        return ADMITTED, 0
    if verdict.wait_ns > 0:
        return THROTTLED, retry_after.seconds(verdict.wait_ns)
    if verdict.answer == verdicts.NEVER:
        return SHED if isinstance(verdict.rule, Concurrency) else THROTTLED, 0
    return {verdicts.SHED: SHED, verdicts.EXPIRED: EXPIRED}[verdict.answer], 0


def gateway(laws: list[Tree]) -> Any:
    """Return the gateway's policy of a scenario with these laws."""
    scenario = loaded(
        {
            "schema": 1,
            "name": "chain",
            "title": "A chain",
            "horizon": "10s",
            "arrivals": {"process": "poisson", "rate": "1/s"},
            "people": {"timeout": "1s"},
            "stages": [{"name": "till", "servers": 1, "service": "1ms"}],
            "admission": laws,
        }
    ).scenario
    return policy_at("gateway", scenario, build_laws(scenario, cast(Any, None)))


@given(laws=chains, asked=steps)
def test_it_answers_as_the_gateway_of_the_model(
    laws: list[tuple[Both, str]], asked: list[tuple[int, int, int, list[tuple[int, int]]]]
) -> None:
    trees, rules = [], []
    for index, ((tree, rule), key) in enumerate(laws):
        trees.append({"name": f"law{index}", "at": "gateway", "key": key, **tree})
        rules.append(rule(f"law{index}", BY[key]))
    policy, clock = gateway(trees), Clock()
    chain = Chain(*rules, clock=clock, charging=Charging.AS_IT_GOES)
    inside: list[tuple[Asked, Permit]] = []
    for number, (later_ns, person, patience_ns, ended) in enumerate(asked):
        clock.now_ns += later_ns
        for which, outcome in ended:
            if which < len(inside):
                left, permit = inside.pop(which)
                policy.give_back(left, clock.now_ns, outcome)
                permit.release(outcome)
        question = Asked(person, number, clock.now_ns + patience_ns)
        expected = policy.ask(question, question, clock.now_ns)
        verdict = chain.ask(question)
        assert code_of(verdict) == (expected.code, expected.retry_after_s)
        if verdict.admitted:
            inside.append((question, verdict))


def test_who_is_refused_has_used_up_what_earlier_rules_took() -> None:
    for charging, others in ((Charging.AS_IT_GOES, 0), (Charging.ALL_OR_NOTHING, 2)):
        everybody, person = TokenBucket("everybody", 1, burst=3), Gcra("person", 1, by=lambda name: name)
        chain = Chain(everybody, person, clock=Clock(), charging=charging)
        assert [chain.ask("alice").admitted for _ in range(3)] == [True, False, False]
        assert [chain.ask(name).admitted for name in ("bob", "carol")].count(True) == others


ALONE: list[Callable[[str], Rule]] = [
    lambda name: TokenBucket(name, 3, burst=4),
    lambda name: Gcra(name, 3, burst=4, by=lambda key: key, slots=2),
    lambda name: SlidingWindowLog(name, 4, 2, by=lambda key: key),
    lambda name: Concurrency(name, 4),
]


@given(
    kinds=st.lists(st.sampled_from(ALONE), min_size=1, max_size=4),
    asked=st.lists(st.tuples(st.integers(0, S), st.sampled_from("abc"), st.sampled_from([-1, 1, 2, 5])), max_size=30),
)
def test_whatever_the_cost_each_rule_is_charged_up_to_the_one_that_refuses(
    kinds: list[Callable[[str], Rule]], asked: list[tuple[int, str, int]]
) -> None:
    clock = Clock()
    chain = Chain(*(kind(f"{at}") for at, kind in enumerate(kinds)), clock=clock, charging=Charging.AS_IT_GOES)
    alone = [Chain(kind(f"{at}"), clock=clock) for at, kind in enumerate(kinds)]
    for later_ns, key, cost in asked:
        clock.now_ns += later_ns
        held, refusal = [], None
        for one in alone:
            said = one.ask(key, cost)
            if not said.admitted:
                refusal = said
                break
            held.append(said)
        verdict = chain.ask(key, cost)
        assert answer(verdict) == (0 if refusal is None else refusal.answer)
        for permit in (*held, *((verdict,) if verdict.admitted else ())):
            permit.release()


def test_places_are_given_back_and_laws_that_learn_are_told_that_nothing_was_learned() -> None:
    told: list[tuple[int, ...]] = []

    def decide(state: Any, at: int, now_ns: int, cost: int) -> int:
        return 0

    def observe(state: Any, at: int, now_ns: int, rtt_ns: int, inflight: int, outcome: int) -> None:
        told.append((now_ns, rtt_ns, outcome))

    def broken(subject: object) -> str:
        raise LookupError("no store")

    inside, learns = Concurrency("inside", 5), Rule("learns", decide, (), width=0, observe=observe)
    refuses, fails = TokenBucket("never", 0), Gcra("store", 1, by=broken)
    assert not Chain(inside, learns, refuses, clock=Clock(), charging=Charging.AS_IT_GOES).ask().admitted
    with pytest.raises(LookupError):
        Chain(inside, learns, fails, clock=Clock(), charging=Charging.AS_IT_GOES).ask()
    assert inside.inside() == 0
    assert told == [(START_NS, 0, IGNORED)] * 2


def test_nobody_waits_for_it_since_they_would_be_charged_each_time_they_ask() -> None:
    chain = Chain(Gcra("calls", 1), charging=Charging.AS_IT_GOES)
    with pytest.raises(ValueError, match=r"longest_wait_s = 2: who waits asks again"):
        Limiter(chain, longest_wait_s=2)
    with pytest.raises(ValueError, match=r"longest_wait_s = 1: who waits asks again"):
        Limiter(chain)(longest_wait_s=1)
