"""What a law charges, for whom it keeps some of its limit, and the laws of stores and zones, worked out by hand."""

from __future__ import annotations

import pytest

from scenarios import people
from scenarios.distributions import Uniform
from scenarios.tables import table
from simulator.engines import ENGINES, Engine
from simulator.results import RunResult
from tests.scenario_strategy import Tree
from tests.test_laws_in_engines import BROKEN, answers, live, sent

BUCKET = {"law": "token_bucket", "rate": "1/s"}
KITCHENS = {"kind": "clock", "cups_per_hour": 10**9}
TOWN: Tree = {"street": {"zones": 1, "stores_per_zone": 2}, "kitchens": KITCHENS}
TWO_PRIORITIES = [{"name": "few", "share": 0.5}, {"name": "many", "share": 0.5, "priority": 1}]


def stores(result: RunResult) -> list[int]:
    """Return the store of each want; -1 where it has none."""
    assert result.orders is not None
    picked: list[int] = result.orders["store"].tolist()
    return picked


def segments(result: RunResult) -> list[int]:
    """Return the segment of each want; here it is the priority."""
    assert result.orders is not None
    known: list[int] = result.orders["segment"].tolist()
    return known


def told_s(result: RunResult) -> list[int]:
    """Return the Retry-After of each attempt."""
    assert result.attempts is not None
    told: list[int] = result.attempts["retry_after_s"].tolist()
    return told


# stores and zones


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("law", [{**BUCKET, "burst": 1}, {"law": "hot_key", "rate": "1/s", "burst": 1}])
def test_a_store_that_its_law_refuses_takes_no_order(engine: Engine, law: Tree) -> None:
    at_ms = list(range(9))
    would = stores(live(engine, at_ms, **TOWN))
    result = live(engine, at_ms, {"at": "store", "key": "store", **law}, **TOWN)
    firsts = {would.index(0), would.index(1)}
    assert answers(result) == ["placed" if want in firsts else "store" for want in at_ms]
    assert told_s(result) == [0] * 9  # one of them may be open any time: nobody says when
    assert result.summary["kitchens"]["refused"] == 7


@pytest.mark.parametrize("engine", ENGINES)
def test_who_is_refused_by_a_store_is_offered_another(engine: Engine) -> None:
    again: Tree = {**TOWN, "street": {**TOWN["street"], "repicks": 30}}
    would = stores(live(engine, [0, 1, 2], **again))
    assert would[0] == would[1]  # else this shows nothing
    result = live(engine, [0, 1, 2], {"at": "store", "key": "store", **BUCKET, "burst": 1}, **again)
    assert stores(result) == [would[0], 1 - would[0], -1]
    assert answers(result) == ["placed", "placed", "store"]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_laws_of_stores_are_not_asked_about_one_that_is_closed(engine: Engine) -> None:
    closed = {"name": "closed", "knob": "kitchens.closed", "steps": [["0s", 1.0], ["5ms", 0.0]]}
    law = {"at": "store", **BUCKET, "burst": 2}
    assert answers(live(engine, [0, 1, 6, 7, 8], law, timelines=[closed], **TOWN)) == [
        *2 * ["store"],
        *2 * ["placed"],
        "store",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_zone_says_when_to_come_back(engine: Engine) -> None:
    result = live(engine, [0, 1], {"at": "zone", "key": "zone", **BUCKET, "burst": 1}, street=TOWN["street"])
    assert answers(result) == ["placed", "throttled"]
    assert told_s(result) == [0, 1]
    assert result.summary["invariants"]["violated"] == []
    assert result.summary["attempts"]["admitted"] == 2  # by the gateway


@pytest.mark.parametrize("engine", ENGINES)
def test_a_zone_is_asked_after_the_store_whose_tokens_stay_taken(engine: Engine) -> None:
    store, zone = {"at": "store", **BUCKET, "burst": 2}, {"law": "fixed_window", "limit": 1, "window": "5ms"}
    # orders at 1 and 2 ms, in one window; that of 7 ms finds both tokens of the stores taken
    assert answers(live(engine, [0, 1, 6], {"at": "zone", **zone}, store, **TOWN)) == ["placed", "throttled", "store"]


# costs

MODEL: Tree = {"name": "model", "kind": "batching", "replicas": 1, "prompt": 5, "output": 3, "step": "1ms", "slots": 9}
MODEL |= {"step_tokens": 100}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["client", "gateway", "stage:till", "store", "zone"])
def test_an_order_is_charged_by_its_cups(engine: Engine, at: str) -> None:
    law = {"at": at, **BUCKET, "burst": 7, "cost": "cups"}
    result = live(engine, [0, 1, 2], law, **{**TOWN, "kitchens": {**KITCHENS, "cups": 3}})
    refused = {"store": "store", "client": None}.get(at, "throttled")
    assert answers(result) == ["placed", "placed", *([refused] if refused else [])]
    assert told_s(result)[2:] == {"client": [], "store": [0]}.get(at, [2])  # one token of three is there


@pytest.mark.parametrize("engine", ENGINES)
def test_a_chain_charges_tokens_to_one_law_and_cups_to_another(engine: Engine) -> None:
    tokens = {"at": "gateway", **BUCKET, "burst": 20, "cost": "tokens:model"}  # for two calls of eight
    cups = {"at": "gateway", **BUCKET, "burst": 5, "cost": "cups"}
    more: Tree = {**TOWN, "kitchens": {**KITCHENS, "cups": 2}, "stages": [MODEL]}
    assert answers(live(engine, [0, 1, 2], tokens, cups, **more)) == ["placed", "placed", "throttled"]
    more["kitchens"]["cups"] = 3
    assert answers(live(engine, [0, 1, 2], tokens, cups, **more)) == ["placed", *2 * ["throttled"]]


@pytest.mark.parametrize("engine", ENGINES)
def test_tokens_are_those_of_the_call_that_is_to_come(engine: Engine) -> None:
    span = {"kind": "uniform", "low": 1, "high": 9}
    row = table(Uniform[float].model_validate(span), whole=True)
    left, goes = 40, []
    for want in range(12):
        cost = people.prompt_of(row, 0, 1, 2, want, 1) + people.output_of(row, 0, 1, 2, want, 1)
        goes.append("placed" if cost <= left else "throttled")
        left -= cost if cost <= left else 0
    assert len(set(goes)) == 2
    stages = [{"name": "till", "servers": 9, "service": "0s"}, {**MODEL, "prompt": span, "output": span}]
    law = {"at": "stage:till", "law": "fixed_window", "limit": 40, "window": "10s", "cost": "tokens:model"}
    assert answers(live(engine, list(range(12)), law, stages=stages)) == goes


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cost_above_the_burst_is_refused_without_a_time_to_come_back(engine: Engine) -> None:
    result = live(engine, [0], {"at": "gateway", **BUCKET, "burst": 2, "cost": 3})
    assert (answers(result), told_s(result)) == (["throttled"], [0])
    slots = live(engine, [0], {"at": "gateway", "law": "fixed_concurrency", "limit": 2, "cost": 3})
    assert answers(slots) == ["shed"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["gateway", "stage:till"])
@pytest.mark.parametrize("cost", [2, "cups"])
def test_all_slots_that_an_attempt_took_are_given_back(engine: Engine, at: str, cost: int | str) -> None:
    law = {"at": at, "law": "fixed_concurrency", "limit": 5, "cost": cost}
    more: Tree = {**TOWN, "kitchens": {**KITCHENS, "cups": 2}}
    assert answers(live(engine, [0, 0, 0, 5, 5, 5], law, **more)) == 2 * ["placed", "placed", "shed"]


@pytest.mark.parametrize("engine", ENGINES)
def test_work_is_paced_by_what_it_costs(engine: Engine) -> None:
    result = live(engine, [0, 0, 0], {"at": "stage:till", "law": "pacing", "rate": "1000/s", "cost": 4})
    assert result.attempts is not None
    assert [ns / 1_000_000 for ns in result.attempts["answered_ns"].tolist()] == [1, 5, 9]


# priorities


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["gateway", "stage:till", "zone"])
def test_a_law_of_some_priorities_lets_others_pass(engine: Engine, at: str) -> None:
    law = {"at": at, "law": "fixed_window", "limit": 2, "window": "10s", "priorities": [1]}
    result = live(engine, list(range(12)), law, segments=TWO_PRIORITIES, street=TOWN["street"])
    priorities = segments(result)
    assert 2 < sum(priorities) < 12
    let_in = [want for want in range(12) if priorities[want]][:2]
    assert answers(result) == [
        "placed" if priority == 0 or want in let_in else "throttled" for want, priority in enumerate(priorities)
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_retry_budget_of_some_priorities_holds_nobody_else_back(engine: Engine) -> None:
    law = {"at": "client", "law": "retry_budget", "key": "person", "cap": 1, "earn": 0, "priorities": [1]}
    patient = {"attempts": 3, "retry_delay": "10ms"}
    result = live(engine, list(range(6)), law, people=patient, stages=BROKEN, segments=TWO_PRIORITIES)
    tries = [3 - priority for priority in segments(result)]
    assert set(tries) == {2, 3}
    assert sent(result) == [want for want, times in enumerate(tries) for _ in range(times)]


LIMITED: dict[str, Tree] = {
    "token_bucket": {"rate": "1/s", "burst": 5},
    "gcra": {"rate": "1/s", "burst": 5},
    "fixed_window": {"limit": 5, "window": "10s"},
    "sliding_window": {"limit": 5, "window": "10s"},
    "sliding_window_log": {"limit": 5, "window": "10s"},
    "fixed_concurrency": {"limit": 5},
    "aimd": {"start": 5, "least": 5, "most": 5},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("law", LIMITED)
def test_a_reserve_is_kept_for_the_important(engine: Engine, law: str) -> None:
    door = {"at": "gateway", "law": law, **LIMITED[law], "reserve": [0, 0.5]}
    slow = [{"name": "till", "servers": 100, "service": "900ms"}]
    few = [{"name": "few", "share": 0.3}, {"name": "many", "share": 0.7, "priority": 1}]
    result = live(engine, list(range(9)), door, segments=few, stages=slow)
    assert segments(result) == [1, 1, 1, 1, 0, 0, 1, 1, 1]
    # half of 5, rounded down, is kept: so 3 of the many go in
    assert [want for want, answer in enumerate(answers(result)) if answer == "placed"] == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_last_reserve_is_that_of_all_less_important(engine: Engine) -> None:
    many = [{"name": "many", "share": 0.5, "priority": 31}, {"name": "few", "share": 0.5}]
    door = {"at": "gateway", **BUCKET, "burst": 5, "reserve": [0, 1.0]}
    result = live(engine, list(range(6)), door, segments=many)
    assert [answer == "placed" for answer in answers(result)] == [segment == 1 for segment in segments(result)]
    assert told_s(result) == [0] * 6  # with all of it kept, it never is their turn
