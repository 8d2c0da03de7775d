"""Laws that count orders inside a store or a zone, worked out by hand: a till of 1 ms, a kitchen of 10 ms a cup."""

from __future__ import annotations

import pytest

from simulator.engines import ENGINES, Engine
from tests.scenario_strategy import Tree
from tests.test_laws_in_engines import AIMD, answers, live, placed_at

CLOCK = {"kind": "clock", "cups_per_hour": 360_000}
MAKER = {"kind": "servers", "makers": 1, "make": "10ms"}
COURIERS = {"kind": "clock", "rate": "1000/s", "trip": "20ms", "promise": "1s", "cancel_after": "1s"}
TOWN: Tree = {"street": {"zones": 1, "stores_per_zone": 1}, "kitchens": CLOCK}
BUCKET = {"law": "token_bucket", "rate": "1/s", "burst": 1}
ONE = {"law": "fixed_concurrency", "limit": 1}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kitchens", [CLOCK, MAKER])
def test_a_store_holds_a_place_until_the_kitchen_hands_the_order_over(engine: Engine, kitchens: Tree) -> None:
    at_ms = [0, 5, 10, 11, 20]
    result = live(engine, at_ms, {"at": "store", **ONE}, **{**TOWN, "kitchens": kitchens})
    # ready at 11 ms: a departure from the till is before a readiness of that ns, so that of 10 comes too early
    assert answers(result) == ["placed", "store", "store", "placed", "store"]
    assert result.summary["kitchens"]["refused"] == 3
    assert result.summary["invariants"]["violated"] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_zone_holds_a_place_until_the_order_is_at_the_door_and_sheds(engine: Engine) -> None:
    at_ms = [0, 12, 30, 31, 32]
    result = live(engine, at_ms, {"at": "zone", "key": "zone", **ONE}, **TOWN, couriers=COURIERS)
    # ready at 11 ms, picked up at 12, at the door at 32: that of 31 departs from the till before
    assert answers(result) == ["placed", "shed", "shed", "shed", "placed"]
    assert result.attempts is not None
    assert set(result.attempts["retry_after_s"].tolist()) == {0}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kitchens", [CLOCK, MAKER])
@pytest.mark.parametrize("at", ["store", "zone"])
def test_an_order_that_is_cancelled_in_the_kitchen_gives_its_place_back_then(
    engine: Engine, kitchens: Tree, at: str
) -> None:
    street = {**TOWN, "kitchens": {**kitchens, "slowdown": 3}, "couriers": {**COURIERS, "promise": "9ms"}}
    street["couriers"]["cancel_after"] = "15ms"
    result = live(engine, [0, 14, 16], {"at": at, **ONE}, **street)
    # it would be ready at 31 ms and is cancelled at 16, though it is made all the same
    assert answers(result) == ["placed", "store" if at == "store" else "shed", "placed"]
    assert result.summary["orders"]["cancelled"] == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_each_store_has_places_of_its_own(engine: Engine) -> None:
    town = {**TOWN, "street": {"zones": 1, "stores_per_zone": 2, "repicks": 30}}
    at_ms = [0] * 6
    assert answers(live(engine, at_ms, {"at": "store", "key": "store", **ONE}, **town)).count("placed") == 2
    assert answers(live(engine, at_ms, {"at": "store", **ONE}, **town)).count("placed") == 1
    assert answers(live(engine, at_ms, {"at": "zone", "key": "store", **ONE}, **town)).count("placed") == 2


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("brake", ["store", "zone"])
def test_what_a_later_law_refuses_gives_the_place_of_the_store_back(engine: Engine, brake: str) -> None:
    at_ms = [0, 20, 1010]
    result = live(engine, at_ms, {"at": "store", **ONE}, {"at": brake, **BUCKET}, **TOWN)
    # the bucket has one for 0 and one for 1,010 ms, and nothing is in the kitchen by then
    assert placed_at(result, at_ms) == [0, 1010]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_may_hold_so_many_cups(engine: Engine) -> None:
    law = {"at": "store", "law": "fixed_concurrency", "limit": 3, "cost": "cups"}
    at_ms = [0, 5, 20, 21, 50]
    # two cups until 21 ms
    result = live(engine, at_ms, law, **{**TOWN, "kitchens": {**CLOCK, "cups": 2}})
    assert placed_at(result, at_ms) == [0, 21, 50]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["store", "zone"])
def test_a_limit_of_orders_grows_with_those_that_end_well(engine: Engine, at: str) -> None:
    at_ms = [0, 0, 0, 40, 40, 40, 40]
    # 2 of 0 ms go in and end at 11 and 21 ms: 3, the most
    assert placed_at(live(engine, at_ms, {"at": at, **AIMD}, **TOWN), at_ms) == [0, 0, 40, 40, 40]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["store", "zone"])
def test_a_limit_of_orders_is_cut_by_those_that_are_cancelled(engine: Engine, at: str) -> None:
    street = {**TOWN, "kitchens": {**CLOCK, "slowdown": 3}, "couriers": {**COURIERS, "promise": "9ms"}}
    street["couriers"]["cancel_after"] = "15ms"
    # one of 0 ms is cancelled at 16, so of two at 20 ms one goes in
    at_ms = [0, 20, 20]
    assert placed_at(live(engine, at_ms, {"at": at, **AIMD}, **street), at_ms) == [0, 20]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_limit_learns_nothing_from_what_a_later_law_refuses(engine: Engine) -> None:
    at_ms = [0, 0, 1100, 1100, 1100]
    laws = ({"at": "store", **AIMD, "start": 1}, {"at": "store", "law": "fixed_window", "limit": 2, "window": "1s"})
    # of 0 ms one goes in and makes it 2; were the refusal of 1,100 ms a success, it would be 3 by then
    assert placed_at(live(engine, at_ms, *laws, **TOWN), at_ms) == [0, 1100, 1100]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("law", ["fixed_concurrency", "aimd", "vegas", "gradient2", "envoy_gradient"])
@pytest.mark.parametrize("kind", ["clock", "servers"])
def test_whatever_becomes_of_orders_all_places_are_there_in_the_end(engine: Engine, law: str, kind: str) -> None:
    """A rush that is refused here and there, partly cancelled and partly late; and a second one when all is over."""
    limits = {"limit": 3} if law == "fixed_concurrency" else {"least": 3, "most": 3}
    limits |= {"start": 3} if law in ("aimd", "vegas", "gradient2") else {}
    couriers = {"kind": "servers", "per_zone": 1, "pickup": "1ms", "travel": "9ms", "dropoff": "1ms"}
    street: Tree = {
        "street": {"zones": 1, "stores_per_zone": 2, "repicks": 3},
        "kitchens": {**(CLOCK if kind == "clock" else MAKER), "cups": {"kind": "uniform", "low": 1, "high": 3}},
        "couriers": {**(couriers if kind == "servers" else COURIERS), "promise": "30ms", "cancel_after": "60ms"},
    }
    laws: list[Tree] = [{"at": at, "law": law, **limits} for at in ("store", "zone")]
    laws.append({"at": "zone", "law": "token_bucket", "rate": "60/s", "burst": 3})
    at_ms = [*range(0, 600, 2), *[9000] * 5]
    result = live(engine, at_ms, *laws, **street)
    assert result.summary["orders"]["cancelled"] > 0
    assert len([ms for ms in placed_at(result, at_ms) if ms == 9000]) == 3
