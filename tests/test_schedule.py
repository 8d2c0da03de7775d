"""Knobs, and what incidents and timelines make of them over a run."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios import knobs
from scenarios.knobs import Kind, Value
from scenarios.model import Scenario
from scenarios.schedule import changes

S = 1_000_000_000
TILL, OVEN, DOOR = "stages.till.servers", "stages.oven.queue_limit", "admission.door.rate"


def scenario(*, horizon: str = "100s", timelines: Any = (), incidents: Any = (), **more: Any) -> Scenario:
    """Four servers at the till, three may wait at the oven, and the door lets in 5/s."""
    return Scenario.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "title": "A shop",
            "horizon": horizon,
            "arrivals": {"process": "poisson", "rate": "5/s"},
            "people": {"timeout": "3s"},
            "stages": [
                {"name": "till", "servers": 4, "service": "1s"},
                {"name": "oven", "servers": 1, "service": "1s", "queue_limit": 3},
                {"name": "model", "kind": "batching", "replicas": 1.5, "prompt": 7, "output": 6, "step": "1ms"}
                | {"slots": 4, "step_tokens": 64},
            ],
            "admission": [
                {"name": "door", "at": "gateway", "law": "token_bucket", "rate": "5/s"},
                {"name": "slots", "at": "gateway", "law": "fixed_concurrency", "limit": 7},
                {"name": "window", "at": "gateway", "law": "fixed_window", "limit": 8, "window": "1s"},
                {"name": "pace", "at": "stage:till", "law": "pacing", "rate": "6/s"},
                {"name": "room", "at": "gateway", "law": "waiting_room", "rates": {"till": "8/s", "oven": "9/s"}},
            ],
            "timelines": [
                {"name": f"t{at}", "knob": knob, "steps": steps} for at, (knob, steps) in enumerate(timelines)
            ],
            "incidents": [
                {"name": f"i{at}", "at": begin, "for": length, "set": turned}
                for at, (begin, length, turned) in enumerate(incidents)
            ],
            **more,
        }
    )


def turned(of: Scenario) -> list[tuple[float, str, Value]]:
    """The changes, with their instants in seconds."""
    return [(change.at_ns / S, change.knob.path, change.value) for change in changes(of)]


def test_nothing_changes_where_nothing_is_planned() -> None:
    assert changes(scenario()) == ()


def test_an_incident_sets_a_knob_and_gives_it_back() -> None:
    of = scenario(incidents=[("10s", "5s", {TILL: 0})])
    assert turned(of) == [(10, TILL, 0), (15, TILL, 4)]


def test_a_timeline_steps_a_knob_and_its_last_step_stays() -> None:
    of = scenario(timelines=[(TILL, [["10s", 8], ["20s", 12]])])
    assert turned(of) == [(10, TILL, 8), (20, TILL, 12)]


def test_a_step_at_the_start_is_the_first_event_of_the_run() -> None:
    assert turned(scenario(timelines=[(TILL, [["0s", 8]])])) == [(0, TILL, 8)]


def test_a_step_to_the_value_that_a_knob_has_is_no_change() -> None:
    of = scenario(timelines=[(TILL, [["10s", 4], ["20s", 5], ["30s", 5], ["40s", 4]])])
    assert turned(of) == [(20, TILL, 5), (40, TILL, 4)]


def test_after_an_incident_a_knob_is_where_its_timeline_has_got_to_meanwhile() -> None:
    of = scenario(timelines=[(TILL, [["10s", 8], ["20s", 12]])], incidents=[("15s", "10s", {TILL: 1})])
    assert turned(of) == [(10, TILL, 8), (15, TILL, 1), (25, TILL, 12)]


def test_the_incident_that_began_last_wins_while_it_stands() -> None:
    of = scenario(incidents=[("10s", "30s", {TILL: 1}), ("20s", "10s", {TILL: 2})])
    assert turned(of) == [(10, TILL, 1), (20, TILL, 2), (30, TILL, 1), (40, TILL, 4)]


def test_the_incident_that_began_last_wins_wherever_it_stands_in_the_file() -> None:
    of = scenario(incidents=[("20s", "10s", {TILL: 2}), ("10s", "30s", {TILL: 1})])
    assert turned(of) == [(10, TILL, 1), (20, TILL, 2), (30, TILL, 1), (40, TILL, 4)]


def test_of_incidents_that_began_together_the_later_in_the_file_wins() -> None:
    of = scenario(incidents=[("10s", "30s", {TILL: 1}), ("10s", "10s", {TILL: 2})])
    assert turned(of) == [(10, TILL, 2), (20, TILL, 1), (40, TILL, 4)]


def test_an_incident_that_outlasts_a_later_one_comes_back_after_it() -> None:
    of = scenario(incidents=[("10s", "10s", {TILL: 1}), ("15s", "10s", {TILL: 2}), ("18s", "1s", {TILL: 3})])
    assert turned(of) == [(10, TILL, 1), (15, TILL, 2), (18, TILL, 3), (19, TILL, 2), (25, TILL, 4)]


def test_an_incident_that_begins_as_another_ends_makes_one_change() -> None:
    of = scenario(incidents=[("10s", "10s", {TILL: 1}), ("20s", "10s", {TILL: 2})])
    assert turned(of) == [(10, TILL, 1), (20, TILL, 2), (30, TILL, 4)]


def test_what_would_happen_at_the_horizon_does_not() -> None:
    of = scenario(horizon="20s", incidents=[("10s", "10s", {TILL: 0})])
    assert turned(of) == [(10, TILL, 0)]


def test_in_one_instant_knobs_change_as_the_file_names_them_timelines_first() -> None:
    of = scenario(
        timelines=[(OVEN, [["10s", 9]])],
        incidents=[("10s", "5s", {DOOR: "off", TILL: 0}), ("10s", "5s", {OVEN: 1})],
    )
    assert turned(of) == [(10, OVEN, 1), (10, DOOR, None), (10, TILL, 0), (15, OVEN, 9), (15, DOOR, 5), (15, TILL, 4)]


def test_a_rate_may_be_off_and_on_again() -> None:
    of = scenario(timelines=[(DOOR, [["10s", "off"], ["20s", "30/m"]])])
    assert turned(of) == [(10, DOOR, None), (20, DOOR, Fraction(1, 2))]


spans = st.tuples(st.integers(0, 9), st.integers(1, 9), st.integers(0, 3))


@given(
    steps=st.dictionaries(st.integers(0, 9), st.integers(0, 3), min_size=0, max_size=4),
    incidents=st.lists(spans, max_size=5),
)
def test_changes_rebuild_the_value_at_every_instant(
    steps: dict[int, int], incidents: list[tuple[int, int, int]]
) -> None:
    timelines = [(TILL, [[f"{at}ns", value] for at, value in sorted(steps.items())])] if steps else []
    planned = [(f"{at}ns", f"{length}ns", {TILL: value}) for at, length, value in incidents]
    made = {c.at_ns: c.value for c in changes(scenario(horizon="10ns", timelines=timelines, incidents=planned))}
    expected, before = {}, 4
    for now in range(10):
        value = 4
        for at in range(now + 1):
            value = steps.get(at, value)
        begun = -1
        for at, length, its_value in incidents:
            if at <= now < at + length and at >= begun:
                begun, value = at, its_value
        if value != before:
            expected[now] = value
        before = value
    assert made == expected


@pytest.mark.parametrize(
    ("path", "kind", "index", "raw", "value", "base"),
    [
        ("stages.till.servers", Kind.STAGE_SERVERS, 0, 0, 0, 4),
        ("stages.oven.queue_limit", Kind.STAGE_QUEUE_LIMIT, 1, 5, 5, 3),
        ("stages.oven.slowdown", Kind.STAGE_SLOWDOWN, 1, 2, 2.0, 1.0),
        ("stages.model.failure", Kind.STAGE_FAILURE, 2, "25%", 0.25, 0.0),
        ("stages.model.replicas", Kind.STAGE_REPLICAS, 2, 0.29, 0.29, 1.5),
        ("gateway.servers", Kind.GATEWAY_SERVERS, 0, 0, 0, 2),
        ("admission.door.rate", Kind.ADMISSION_RATE, 0, "280/s", Fraction(280), Fraction(5)),
        ("admission.door.rate", Kind.ADMISSION_RATE, 0, "off", None, Fraction(5)),
        ("admission.door.rate", Kind.ADMISSION_RATE, 0, Fraction(1, 3), Fraction(1, 3), Fraction(5)),
        ("admission.pace.rate", Kind.ADMISSION_RATE, 3, "1/s", Fraction(1), Fraction(6)),
        ("admission.room.rates.oven", Kind.ADMISSION_RATE, 4, "3/s", Fraction(3), Fraction(9)),
        ("admission.slots.limit", Kind.ADMISSION_LIMIT, 1, 10**9, 10**9, 7),
        ("admission.window.limit", Kind.ADMISSION_LIMIT, 2, 3, 3, 8),
        ("kitchens.slowdown", Kind.KITCHENS_SLOWDOWN, 0, 1.5, 1.5, 1.0),
        ("kitchens.closed", Kind.KITCHENS_CLOSED, 0, 0.5, 0.5, 0.0),
        ("couriers.slowdown", Kind.COURIERS_SLOWDOWN, 0, 3, 3.0, 1.0),
    ],
)
def test_a_knob_has_a_kind_a_place_a_typed_value_and_a_base(
    path: str, kind: Kind, index: int, raw: object, value: Value, base: Value
) -> None:
    of = scenario(
        gateway={"servers": 2},
        street={"zones": 2, "stores_per_zone": 2},
        kitchens={"kind": "clock", "cups_per_hour": 90},
        couriers={"kind": "clock", "rate": "1/s", "trip": "9m", "promise": "1h", "cancel_after": "2h"},
    )
    knob = knobs.parse(path, of)
    assert (knob.kind, knob.index, knob.path) == (kind, index, path)
    assert (knobs.value(knob, raw, of), type(knobs.value(knob, raw, of))) == (value, type(value))
    assert knobs.base(knob, of) == base


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", "is not a knob"),
        ("stages", "is not a knob"),
        ("stages.till", "is not a knob"),
        ("stages.servers", "is not a knob"),
        ("till.servers", "is not a knob"),
        ("kitchens.x.slowdown", "is not a knob"),
        ("stages.till.server", "mean stages.<name>.servers?"),
        ("stages.tll.servers", "there is no stage tll; did you mean till?"),
        ("stages.model.servers", "set its replicas"),
        ("stages.till.replicas", "set its servers"),
        ("admission.slots.rate", "fixed_concurrency has no rate"),
        ("admission.room.rates", "is not a knob"),
        ("admission.room.rates.ovem", "no rate of ovem; did you mean oven?"),
        ("kitchens.closed", r"no \[kitchens\]"),
    ],
)
def test_a_path_that_is_no_knob_is_told_what_is_near(path: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        knobs.parse(path, scenario())


@pytest.mark.parametrize(
    ("path", "raw", "says"),
    [
        ("stages.till.servers", 2.0, "2.0 is not a whole number"),
        ("stages.till.servers", True, "true is not a whole number"),
        ("stages.till.servers", -1, "-1 is not between 0"),
        ("stages.till.slowdown", 0, "is not between 0"),
        ("stages.till.slowdown", float("nan"), "nan is not a finite number"),
        ("stages.till.failure", "x", "is not a share"),
        ("stages.model.replicas", 1e6, "is not between 0 and 100,000"),
        ("stages.model.slowdown", 1001, "is not between 0 and 1,000;"),
        ("admission.door.rate", 280, "280 is not a rate"),
        ("admission.pace.rate", "off", "pacing needs a rate"),
        ("admission.window.limit", 10**8, "is not between 0 and 10,000,000"),
    ],
)
def test_a_value_that_does_not_fit_its_knob_is_told(path: str, raw: object, says: str) -> None:
    of = scenario()
    with pytest.raises(ValueError, match=says):
        knobs.value(knobs.parse(path, of), raw, of)
