"""What generated scenarios have found, as small runs worked out by hand."""

from __future__ import annotations

from unittest import mock

import pytest

from simulator.engines import ENGINES, Engine
from simulator.run import simulate
from tests.scenario_strategy import Tree, loaded

ONE_AT_1_MS: Tree = {
    "schema": 1,
    "name": "regression",
    "title": "One person, who comes after 1 ms",
    "horizon": "20ms",
    "bucket": "10ms",
    "arrivals": {"process": "steady", "rate": [["0s", "500/s"], ["2ms", "500/s"], ["2000001ns", "0/s"]]},
    "people": {"timeout": "1s", "attempts": 1},
    "stages": [{"name": "desk", "servers": 1, "service": "1ms"}],
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_session_that_a_person_means_to_come_back_for_has_not_begun(engine: Engine) -> None:
    closed = [{"name": "desk", "servers": 0, "service": "1ms", "queue_limit": 0}]
    comes_back = {"timeout": "1s", "attempts": 1, "come_back": {"probability": 1.0, "delay": "1s", "times": 2}}
    result = simulate(loaded({**ONE_AT_1_MS, "stages": closed, "people": comes_back}), engine=engine, trace=True)
    assert result.orders is not None
    assert result.orders["sessions"].tolist() == [1] == [result.summary["sessions"]["started"]]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_resigns_does_not_come_back(engine: Engine) -> None:
    broken = [{"name": "desk", "servers": 1, "service": "1ms", "failure": 1.0}]
    people = {
        "timeout": "1s",
        "attempts": 1,
        "resignation": [["0s", 1.0]],
        "come_back": {"probability": 1.0, "delay": "1ms", "times": 6},
    }
    result = simulate(loaded({**ONE_AT_1_MS, "stages": broken, "people": people}), engine=engine)
    assert result.summary["attempts"]["offered"] == 1
    assert result.summary["people"]["abandoned"] == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stop_is_heard_within_a_storm_of_one_ns(engine: Engine) -> None:
    """600 people, each of whom is shed at once a thousand times, before a slice of time is over."""
    people = {"timeout": "1s", "attempts": 1000, "retry_delay": "0s"}
    crowd = {"name": "crowd", "curve": [["0s", 600], ["1ns", 600], ["2ns", 0]]}
    arrivals = {"process": "steady", "rate": "1000000000/s", "shapes": [crowd]}
    closed = [{"name": "desk", "servers": 0, "service": "1ms", "queue_limit": 0}]
    storm = loaded({**ONE_AT_1_MS, "arrivals": arrivals, "people": people, "stages": closed})
    with mock.patch("simulator.compiled.engine.EVENTS_BETWEEN_STOPS", 1 << 12):
        result = simulate(storm, engine=engine, stop=lambda: True)
    assert result.summary["ended_s"] <= 2e-9
    assert result.summary["invariants"]["violated"] == []
    assert 1000 < result.summary["attempts"]["offered"] < 600_000


@pytest.mark.parametrize("engine", ENGINES)
def test_who_is_invited_at_a_delivery_comes_before_the_next_delivery_of_that_ns(engine: Engine) -> None:
    """Orders of one ns are delivered one by one; whom the first brings has arrived when the second is delivered."""
    crowd = {"name": "crowd", "curve": [["0s", 10], ["1ns", 10], ["2ns", 0]]}
    tree = {
        **ONE_AT_1_MS,
        "arrivals": {"process": "steady", "rate": "1000000000/s", "shapes": [crowd]},
        "stages": [{"name": "desk", "servers": 100, "service": "1ms"}],
        "timelines": [{"name": "one-left", "knob": "stages.desk.servers", "steps": [["500us", 1]]}],
        "invitations": {"after": "delivered", "delay": "0s", "mean": 0.9},
    }
    orders = simulate(loaded(tree), engine=engine, trace=True).orders
    assert orders is not None
    at_once = orders["first_try_ns"] == orders["first_try_ns"][orders["invited_by"] == 0][0]
    inviters = orders["invited_by"][at_once][orders["placed_ns"][at_once].argsort()].tolist()
    assert len(set(inviters)) >= 3
    assert inviters == sorted(inviters)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_changes_in_the_last_ns_of_a_bucket_is_in_its_gauge(engine: Engine) -> None:
    """Two cups are ordered at 2 ms, at the end of the second bucket, and made at 12 ms, at the end of the twelfth."""
    kitchens = {"kind": "servers", "makers": 1, "make": "5ms", "cups": 2}
    street = {"street": {"zones": 1, "stores_per_zone": 1}, "kitchens": kitchens}
    result = simulate(loaded({**ONE_AT_1_MS, **street, "bucket": "1ms"}), engine=engine)
    assert result.timeseries["kitchens.backlog_cups"].tolist() == [0] + 10 * [2] + 9 * [0]
