"""Whose turn it is where a law of a queue orders those who wait, worked out by hand: all come at once to one server."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import accumulate

import pytest

from simulator.engines import ENGINES, Engine
from simulator.results import RunResult
from tests.scenario_strategy import Tree
from tests.test_laws_in_engines import ONE_BY_ONE, answered_ms, answers, live

SEGMENTS = [{"name": "some", "share": 0.5}, {"name": "others", "share": 0.5, "priority": 1}]
SHOP: Tree = {
    "street": {"zones": 1, "stores_per_zone": 1},
    "kitchens": {"kind": "clock", "cups_per_hour": 10**9, "cups": {"kind": "uniform", "low": 1, "high": 4}},
}


def column(result: RunResult, name: str) -> list[int]:
    """Return a column of the rows of wants, by want."""
    assert result.orders is not None
    values: list[int] = result.orders[name].tolist()
    return values


def turns(result: RunResult) -> list[int]:
    """Return the wants in the order in which they were answered, each at an instant of its own."""
    at_ms = answered_ms(result)
    assert len(set(at_ms)) == len(at_ms)
    return sorted(range(len(at_ms)), key=at_ms.__getitem__)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("queue", sorted(ONE_BY_ONE))
def test_the_important_are_served_first_and_equals_as_they_came(engine: Engine, queue: str) -> None:
    law = {"at": f"queue:{queue}", "law": "strict_priority"}
    result = live(engine, [0] * 12, law, segments=SEGMENTS, **ONE_BY_ONE[queue])
    segment = column(result, "segment")
    assert set(segment[1:]) == {0, 1}
    assert turns(result) == [0, *sorted(range(1, 12), key=lambda want: (segment[want], want))]


@pytest.mark.parametrize("engine", ENGINES)
def test_who_is_in_service_is_not_put_back_for_somebody_more_important(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "strict_priority"}
    result = live(engine, list(range(12)), law, segments=SEGMENTS, **ONE_BY_ONE["till"])
    segment, waiting, expected = column(result, "segment"), set(range(12)), list[int]()
    for turn in range(12):  # 4 ms each, and one more came each ms; who comes in the ns of a turn is late for it
        there = [want for want in waiting if want < 4 * turn or want == turn == 0]
        expected.append(min(there, key=lambda want: (segment[want], want)))
        waiting.remove(expected[-1])
    assert turns(result) == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("queue", sorted(ONE_BY_ONE))
def test_flows_take_turns_by_their_weights(engine: Engine, queue: str) -> None:
    law = {"at": f"queue:{queue}", "law": "wfq", "weights": [3, 1]}
    result = live(engine, [0] * 24, law, segments=SEGMENTS, **ONE_BY_ONE[queue])
    segment, before, tags = column(result, "segment"), Counter[int](), {}
    for want in range(1, 24):
        before[segment[want]] += 1
        tags[want] = Fraction(before[segment[want]], [3, 1][segment[want]]), segment[want]
    assert turns(result) == [0, *sorted(tags, key=tags.__getitem__)]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_costs_more_uses_up_more_of_a_flows_turns(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "wfq", "cost": "cups"}
    result = live(engine, [0] * 24, law, segments=SEGMENTS, **SHOP, **ONE_BY_ONE["till"])
    segment, cups = column(result, "segment"), column(result, "cups")
    tags: dict[int, tuple[int, int]] = {}
    for flow in (0, 1):
        wants = [want for want in range(1, 24) if segment[want] == flow]
        tags |= {want: (tag, flow) for want, tag in zip(wants, accumulate(cups[want] for want in wants), strict=True)}
    assert turns(result) == [0, *sorted(tags, key=tags.__getitem__)]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_level_has_its_seats_and_lends_none(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "apf", "shares": [3, 1]}
    stages = [{"name": "till", "servers": 4, "service": "10ms"}]
    result = live(engine, [0] * 12, law, segments=SEGMENTS, stages=stages)
    for level, seats in ((0, 3), (1, 1)):
        at_ms = sorted(
            ms for ms, mine in zip(answered_ms(result), column(result, "segment"), strict=True) if mine == level
        )
        assert at_ms == [10 * (1 + place // seats) for place in range(len(at_ms))]
        assert len(at_ms) > seats


@pytest.mark.parametrize("engine", ENGINES)
def test_seats_are_rounded_up_and_the_important_take_a_free_server_first(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "apf", "shares": [1, 1], "key": "segment", "queues": 1, "hand": 1}
    result = live(engine, [0] * 12, law, segments=SEGMENTS, **ONE_BY_ONE["till"])
    segment = column(result, "segment")
    assert turns(result) == [0, *sorted(range(1, 12), key=lambda want: (segment[want], want))]


@pytest.mark.parametrize("engine", ENGINES)
def test_servers_that_come_are_seats(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "apf"}
    more = {"name": "more", "knob": "stages.till.servers", "steps": [["10ms", 3]]}
    result = live(engine, [0] * 7, law, timelines=[more], **ONE_BY_ONE["till"])
    assert sorted(answered_ms(result)) == [4, 8, 12, 14, 14, 16, 18]


@pytest.mark.parametrize("engine", ENGINES)
def test_virtual_time_has_run_with_the_seats_that_there_were(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "apf", "key": "segment", "queues": 8, "hand": 1, "guess": "0s"}
    parts: Tree = {"segments": [{"name": "many", "share": 0.9}, {"name": "few", "share": 0.1}]}
    parts |= {"stages": [{"name": "till", "servers": 1, "service": "40ms"}]}
    other = column(live(engine, [0] * 40, **parts), "segment").index(1)  # the first who is in another segment
    assert other > 4
    more = {"name": "more", "knob": "stages.till.servers", "steps": [["100ms", 2]]}
    result = live(engine, [0] * other + [105], law, timelines=[more], **parts)
    # R is 100 ms as the other server comes and runs twice as fast from then on, so that the other begins at 110; at 120
    # the many have had 120. Had R run twice as fast from 80 ms on, the other would begin at 130
    assert answered_ms(result)[other] == 160


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("queue", ["gateway", "till"])
def test_who_finds_the_queues_of_their_hand_full_is_shed(engine: Engine, queue: str) -> None:
    law = {"at": f"queue:{queue}", "law": "apf", "key": "segment", "queues": 9, "hand": 2, "length": 2}
    result = live(engine, [0] * 7, law, segments=[{"name": "all", "share": 1}], **ONE_BY_ONE[queue])
    assert answers(result) == ["placed"] * 5 + ["shed"] * 2
    assert result.summary["invariants"]["violated"] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_one_whose_person_has_left_takes_no_seat(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "apf"}
    stages = [{"name": "till", "servers": 1, "service": "4ms", "deadline": True}]
    result = live(engine, [0, 0, 0, 7], law, people={"timeout": "5ms"}, stages=stages)
    # of two that wait one begins at 4, in time for nobody; the other is dropped at 8, and the one of 7 begins
    assert answers(result) == ["placed", "timed_out", "timed_out", "placed"]
    assert answered_ms(result)[-1] == 12
    assert result.summary["stages"]["till"]["expired"] == 1
