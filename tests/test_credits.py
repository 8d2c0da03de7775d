"""Fulfilment credits, worked out by hand: a store makes a cup in 10 ms, or couriers take up an order in 10 ms."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.engines import ENGINES, Engine
from simulator.results import RunResult
from tests.scenario_strategy import Tree
from tests.test_laws_in_engines import BROKEN, answers, live, placed_at

CREDIT = {"at": "gateway", "law": "fulfilment_credit", "store_within": "25ms"}
STREET: Tree = {
    "street": {"zones": 1, "stores_per_zone": 1},
    "kitchens": {"kind": "clock", "cups_per_hour": 360_000},
}
SLOW_COURIERS: Tree = {
    **STREET,
    "kitchens": {"kind": "clock", "cups_per_hour": 10**12},
    "couriers": {"kind": "clock", "rate": "100/s", "trip": "1ms", "promise": "1s", "cancel_after": "1s"},
}
CLOSED = [{"name": "shut", "at": "0.5ms", "for": "9ms", "set": {"kitchens.closed": 1.0}}]
LATER = {"delay": "5ms", "probability": 1.0, "up_to": "1s"}


def credited(engine: Engine, at_ms: list[int], *laws: Tree, **more: Any) -> RunResult:
    result = live(engine, at_ms, *laws, **{**STREET, **more})
    assert result.summary["invariants"]["violated"] == []
    return result


def placed_ns(result: RunResult) -> list[int]:
    assert result.orders is not None
    instants: list[int] = result.orders["placed_ns"].tolist()
    return instants


@pytest.mark.parametrize("engine", ENGINES)
def test_a_credit_counts_what_waits_at_the_store_and_what_is_on_its_way(engine: Engine) -> None:
    at_ms = [0, 0, 0, 5, 10, 11]
    # two are on their way to a store that has 25 ms, placed at 1 ms; at 10 ms 11 ms are left: two cups
    assert placed_at(credited(engine, at_ms, CREDIT), at_ms) == [0, 0, 11]


@pytest.mark.parametrize("engine", ENGINES)
def test_between_news_a_store_is_taken_to_go_on_as_it_was_told(engine: Engine) -> None:
    at_ms = [0, 0, 0, 5, 6, 20, 24, 25]
    # told empty at 0; 15 ms are left at 5, and one more fits; told at 20 of two cups, which are 15 ms at 25
    law = {**CREDIT, "told_every": "20ms"}
    assert placed_at(credited(engine, at_ms, law), at_ms) == [0, 0, 5, 25]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("longest_wait", "answer"), [("4ms", ("shed", 0)), ("5ms", ("throttled", 1))])
def test_who_would_have_credit_soon_is_told_when(engine: Engine, longest_wait: str, answer: tuple[str, int]) -> None:
    result = credited(engine, [0, 0, 0], {**CREDIT, "longest_wait": longest_wait})
    assert result.attempts is not None
    assert (answers(result)[2], result.attempts["retry_after_s"][2]) == answer


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("nearby", "stores"), [(0, [0, 0]), (20, [0, 0, 1, 1])])
def test_another_store_nearby_gives_credit_and_makes_the_order(engine: Engine, nearby: int, stores: list[int]) -> None:
    popular = {"zones": 1, "stores_per_zone": 2, "popularity": 10}  # the other is picked by one in a thousand
    law = {**CREDIT, "picks": 1, "nearby": nearby}
    result = credited(engine, [0] * 5, law, street=popular)
    assert result.orders is not None
    assert [store for store in result.orders["store"].tolist() if store >= 0] == stores


@pytest.mark.parametrize("engine", ENGINES)
def test_couriers_have_to_have_credit_too(engine: Engine) -> None:
    at_ms = [0, 0, 0, 5, 12]
    law = {**CREDIT, "store_within": "1s", "courier_within": "25ms"}
    assert placed_at(live(engine, at_ms, law, **SLOW_COURIERS), at_ms) == [0, 0, 12]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_will_never_arrive_gives_its_credit_back(engine: Engine) -> None:
    result = credited(engine, [0, 0, 0, 2, 2, 2], CREDIT, stages=BROKEN)
    assert answers(result) == ["error", "error", "shed"] * 2


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_later_law_refuses_gives_its_credit_back(engine: Engine) -> None:
    rest = {"at": "gateway", "law": "fixed_window", "limit": 1, "window": "2ms"}
    # of three only the first is on its way; at 2 ms the store has 9 ms to do
    result = credited(engine, [0, 0, 0, 2], CREDIT, rest)
    assert answers(result) == ["placed", "throttled", "throttled", "placed"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("told_every", ["0s", "1s"])
def test_at_the_commit_a_store_without_credit_does_not_take_the_order(engine: Engine, told_every: str) -> None:
    result = credited(engine, [0, 0, 0], {**CREDIT, "at": "store", "told_every": told_every})
    assert answers(result) == ["placed", "placed", "store"]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_has_a_credit_and_no_store_waits_for_a_later_slot_past_the_timeout(engine: Engine) -> None:
    people = {"timeout": "3ms", "hedge": {"after": "2ms"}}
    result = credited(engine, [0], {**CREDIT, "later": LATER}, people=people, incidents=CLOSED)
    assert placed_ns(result) == [11_000_000]  # commits at 1, 6 and 11 ms; the stores open at 9.5
    assert answers(result) == ["placed"]  # and no copy was sent
    assert result.summary["attempts"]["timed_out"] == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("later", "fails_ms"), [({"probability": 0.0}, 1), ({"up_to": "10ms"}, 6)])
def test_a_slot_that_is_not_taken_or_too_late_is_a_failure(engine: Engine, later: Tree, fails_ms: int) -> None:
    result = credited(engine, [0], {**CREDIT, "later": {**LATER, **later}}, incidents=CLOSED)
    assert answers(result) == ["store"]
    assert result.attempts is not None
    assert result.attempts["answered_ns"].tolist() == [fails_ms * 1_000_000]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_is_not_asked_holds_no_credit_and_is_offered_no_slot(engine: Engine) -> None:
    segments = [{"name": "all", "share": 1.0, "priority": 1}, {"name": "none", "share": 0.0}]
    law = {**CREDIT, "later": LATER, "priorities": [0]}
    assert answers(credited(engine, [0], law, incidents=CLOSED, segments=segments)) == ["store"]
