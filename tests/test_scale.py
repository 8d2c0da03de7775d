"""The same scenario at another scale: what is multiplied, what is left alone, and what is rounded."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from scenarios.errors import ScenarioError
from scenarios.loader import catalogue, load
from scenarios.model import (
    BatchingStage,
    ClockCouriers,
    ConcurrencyAdmission,
    HotKeyAdmission,
    PacingAdmission,
    RateAdmission,
    RetryBudgetAdmission,
    Scenario,
    SedaAdmission,
    ServerStage,
    WaitingRoomAdmission,
    WarmUpAdmission,
    WindowAdmission,
)
from scenarios.scale import Rounding, scaled
from scenarios.schedule import changes

S = 1_000_000_000


def law(name: str, key: str = "global", **more: Any) -> dict[str, Any]:
    return {"name": name, "at": "gateway", "key": key, **more}


PLAN: dict[str, Any] = {
    "schema": 1,
    "name": "town",
    "title": "A town",
    "horizon": "100s",
    "arrivals": {"process": "poisson", "rate": [["0s", "100/s"], ["50s", "30/s"]]},
    "people": {"timeout": "3s", "patience": "1m", "attempts": 5},
    "segments": [{"name": "all", "share": 1}],
    "gateway": {"servers": 10, "admit": "1ms", "queue_limit": 1000},
    "stages": [
        {"name": "till", "servers": 13, "service": "1s", "queue_limit": 25, "budget": 1004, "shards": 2},
        {"name": "closed", "servers": 0, "service": "1s", "queue_limit": 0, "deadline": True},
        {"name": "model", "kind": "batching", "replicas": 14.4, "prompt": 7, "output": 6, "step": "1ms"}
        | {"slots": 4, "step_tokens": 64, "queue_limit": 50},
    ],
    "admission": [
        law("bucket", law="token_bucket", rate="90/s", burst=45),
        law("off", law="gcra", rate="off"),
        law("window", law="fixed_window", limit=70, window="1s"),
        law("slots", law="fixed_concurrency", limit=80),
        law("pace", law="pacing", rate="60/s") | {"at": "stage:till"},
        law("budget", law="retry_budget", cap=50.0) | {"at": "client"},
        law("group", key="segment", law="token_bucket", rate="50/s"),
        law("each", key="person", law="token_bucket", rate="1/s", burst=5),
        law("zonal", key="zone", law="fixed_window", limit=70, window="1s"),
    ],
    "street": {"zones": 44, "stores_per_zone": 50},
    "kitchens": {"kind": "clock", "cups_per_hour": 90},
    "couriers": {"kind": "clock", "rate": "400/s", "trip": "9m", "promise": "1h", "cancel_after": "2h"},
    "timelines": [
        {"name": "day", "knob": "stages.till.servers", "steps": [["10s", 26], ["20s", 0]]},
        {"name": "limit", "knob": "admission.bucket.rate", "steps": [["10s", "off"], ["20s", "80/s"]]},
        {"name": "person", "knob": "admission.each.rate", "steps": [["10s", "2/s"]]},
        {"name": "gpus", "knob": "stages.model.replicas", "steps": [["10s", 28.8]]},
        {"name": "bad", "knob": "stages.till.failure", "steps": [["10s", "5%"]]},
    ],
    "incidents": [
        {"name": "jam", "at": "1s", "for": "2s", "set": {"admission.slots.limit": 8, "kitchens.slowdown": 2}},
        {"name": "cut", "at": "1s", "for": "2s", "set": {"gateway.servers": 3, "admission.zonal.limit": 30}},
    ],
    "milestones": [
        {"name": "sold", "metric": "orders.placed", "at": "50s", "value": 3000, "tolerance": 0.1},
        {"name": "share", "metric": "orders.placed_share", "value": 0.5, "tolerance": 0.1},
        {"name": "wait", "metric": "stages.till.waiting_time_s.p90", "value": 9, "tolerance": 0.1},
    ],
    "gates": [
        {"name": "sold", "metric": "orders.placed", "min": 2000},
        {"name": "share", "metric": "orders.placed_share", "max": 0.9},
    ],
}
TOWN = Scenario.model_validate(PLAN)
TENTH, ROUNDINGS = scaled(TOWN, Fraction(1, 10))


def test_at_scale_one_a_scenario_is_itself() -> None:
    same, roundings = scaled(TOWN, Fraction(1))
    assert same is TOWN
    assert roundings == ()


def test_arrival_rates_are_multiplied_exactly_and_their_times_are_not() -> None:
    assert TENTH.arrivals.rate_per_s == ((0, Fraction(10)), (50 * S, Fraction(3)))
    assert scaled(TOWN, Fraction(1, 3))[0].arrivals.rate_per_s[0] == (0, Fraction(100, 3))


def test_servers_queues_and_budgets_go_to_the_nearest() -> None:
    till, closed, _ = TENTH.stages
    assert isinstance(till, ServerStage)
    assert isinstance(closed, ServerStage)
    assert TENTH.gateway is not None
    assert (till.servers, till.queue_limit, till.budget, till.shards) == (1, 3, 100, 2)
    assert (closed.servers, closed.queue_limit, closed.budget) == (0, 0, None)
    assert (TENTH.gateway.servers, TENTH.gateway.queue_limit) == (1, 100)


def test_what_was_not_none_is_never_rounded_away() -> None:
    till = scaled(TOWN, Fraction(1, 10_000))[0].stages[0]
    assert isinstance(till, ServerStage)
    assert (till.servers, till.queue_limit, till.budget) == (1, 1, 1)


def test_a_batching_pool_keeps_its_capacity_exactly() -> None:
    model = TENTH.stages[2]
    assert isinstance(model, BatchingStage)
    assert (model.replicas, model.queue_limit, model.slots, model.step_tokens) == (1.44, 5, 4, 64)


def test_laws_shared_by_all_or_by_a_segment_are_multiplied_and_those_of_a_person_or_zone_are_not() -> None:
    bucket, off, window, slots, pace, budget, group, each, zonal = TENTH.admission
    assert isinstance(bucket, RateAdmission)
    assert isinstance(off, RateAdmission)
    assert isinstance(window, WindowAdmission)
    assert isinstance(slots, ConcurrencyAdmission)
    assert isinstance(pace, PacingAdmission)
    assert isinstance(budget, RetryBudgetAdmission)
    assert isinstance(group, RateAdmission)
    assert (bucket.rate_per_s, bucket.burst, off.rate_per_s) == (Fraction(9), 5, None)
    assert (window.limit, window.window_ns, slots.limit, pace.rate_per_s, budget.cap) == (7, S, 8, Fraction(6), 5.0)
    assert (group.rate_per_s, group.burst) == (Fraction(5), None)
    assert (each, zonal) == TOWN.admission[7:]


def test_a_rate_that_learns_is_multiplied_with_its_bounds_and_steps_and_that_of_a_zone_is_not() -> None:
    rates: dict[str, Any] = {"start": "200/s", "least": "10/s", "most": "500/s", "increase": "5/s", "burst": 20}
    laws = [
        law("all", law="seda", target="1s", **rates),
        law("each", law="seda", key="zone", target="1s", **rates),
    ]
    plan = {**PLAN, "admission": laws, "incidents": [], "timelines": []}
    scenario = Scenario.model_validate(plan)
    small, of_zone = scaled(scenario, Fraction(1, 10))[0].admission
    assert isinstance(small, SedaAdmission)
    bounds = (small.least_per_s, small.start_per_s, small.most_per_s)
    assert bounds == (Fraction(1), Fraction(20), Fraction(50))
    assert (small.increase_per_s, small.calls, small.burst, small.target_ns) == (Fraction(1, 2), 10, 2, S)
    assert of_zone == scenario.admission[1]


def test_limits_that_learn_are_multiplied_with_their_bounds_and_multiples_are_not() -> None:
    laws = [
        law("vegas", law="vegas", start=40, least=10, most=500),
        law("gradient", law="gradient2", start=40, least=10, most=500, queue=20),
        law("envoy", law="envoy_gradient", least=30, most=500, calls=50),
        law("dagor", law="dagor", queue="till", window_calls=2000),
        law("multiplier", law="load_multiplier", most=2.0),
        law("bbr", law="bbr_cpu"),
        law("top", law="top_down", least="90/s"),
    ]
    plan = {**PLAN, "admission": laws, "incidents": [], "timelines": []}
    scenario = Scenario.model_validate(plan)
    small = [one.model_dump() for one in scaled(scenario, Fraction(1, 10))[0].admission]
    assert [small[0][key] for key in ("start", "least", "most")] == [4, 1, 50]
    assert [small[1][key] for key in ("start", "least", "most", "queue")] == [4, 1, 50, 2]
    assert [small[2][key] for key in ("least", "most", "calls")] == [3, 50, 50]
    assert small[3]["window_calls"] == 200
    assert small[4:6] == [one.model_dump() for one in scenario.admission[4:6]]
    assert small[6]["least_per_s"] == "9/s"


def test_queues_of_an_apf_are_as_many_and_shorter() -> None:
    laws = [law(key, key=key, law="apf", shares=[2, 1]) | {"at": f"queue:{key}"} for key in ("person", "segment")]
    scenario = Scenario.model_validate({**PLAN, "admission": laws, "incidents": [], "timelines": []})
    small = [one.model_dump() for one in scaled(scenario, Fraction(1, 10))[0].admission]
    assert small == [{**one.model_dump(), "length": 10} for one in scenario.admission]


def test_a_warm_up_of_all_is_multiplied() -> None:
    warm = {**PLAN, "admission": [law("warm", law="warm_up", rate="90/s")], "incidents": [], "timelines": []}
    (small,) = scaled(Scenario.model_validate(warm), Fraction(1, 10))[0].admission
    assert isinstance(small, WarmUpAdmission)
    assert small.rate_per_s == 9


def test_each_rate_of_a_waiting_room_is_multiplied_and_a_turned_one_too() -> None:
    room = law("room", law="waiting_room", rates={"till": "90/s", "couriers": "80/s"}, burst=20)
    turns = [{"name": "turns", "knob": "admission.room.rates.till", "steps": [["1m", "50/s"]]}]
    plan = {**PLAN, "admission": [room], "incidents": [], "timelines": turns}
    small = scaled(Scenario.model_validate(plan), Fraction(1, 10))[0]
    (scaled_room,) = small.admission
    assert isinstance(scaled_room, WaitingRoomAdmission)
    assert (scaled_room.rates_per_s, scaled_room.burst) == ({"till": Fraction(9), "couriers": Fraction(8)}, 2)
    assert small.timelines[0].steps[0][1] == 5


def test_a_table_of_hot_keys_is_multiplied_and_rates_only_of_segments() -> None:
    hot = {"law": "hot_key", "rate": "90/s", "most_keys": 500, "overrides": [{"value": 0, "rate": "10/s"}]}
    plan = {
        **PLAN,
        "admission": [law("a", "zone", **hot), law("b", "segment", **hot)],
        "incidents": [],
        "timelines": [],
    }
    zones, segments = scaled(Scenario.model_validate(plan), Fraction(1, 10))[0].admission
    assert isinstance(zones, HotKeyAdmission)
    assert isinstance(segments, HotKeyAdmission)
    assert (zones.rate_per_s, zones.most_keys, zones.overrides[0].rate_per_s) == (Fraction(90), 50, Fraction(10))
    assert (segments.rate_per_s, segments.most_keys, segments.overrides[0].rate_per_s) == (
        Fraction(9),
        500,
        Fraction(1),
    )


def test_the_street_has_fewer_zones_of_as_many_stores() -> None:
    assert TENTH.street is not None
    assert (TENTH.street.zones, TENTH.street.stores_per_zone) == (4, 50)
    assert isinstance(TENTH.couriers, ClockCouriers)
    assert TENTH.couriers.rate_per_s == Fraction(40)
    assert TENTH.kitchens == TOWN.kitchens


def test_what_incidents_and_timelines_set_is_multiplied_too() -> None:
    made = {(change.at_ns // S, change.knob.path): change.value for change in changes(TENTH)}
    assert made == {
        (1, "admission.slots.limit"): 1,
        (3, "admission.slots.limit"): 8,
        (1, "kitchens.slowdown"): 2.0,
        (3, "kitchens.slowdown"): 1.0,
        (1, "admission.zonal.limit"): 30,
        (3, "admission.zonal.limit"): 70,
        (10, "stages.till.servers"): 3,
        (20, "stages.till.servers"): 0,
        (10, "admission.bucket.rate"): None,
        (20, "admission.bucket.rate"): Fraction(8),
        (10, "admission.each.rate"): Fraction(2),
        (10, "stages.model.replicas"): 2.88,
        (10, "stages.till.failure"): 0.05,
    }


def test_milestones_and_gates_of_figures_that_grow_with_the_run_are_multiplied() -> None:
    assert [milestone.value for milestone in TENTH.milestones] == [300, 0.5, 9]
    assert [(gate.min, gate.max) for gate in TENTH.gates] == [(200, None), (None, 0.9)]


def test_times_and_people_are_left_alone() -> None:
    for part in ("horizon_ns", "bucket_ns", "people", "segments", "world_seed"):
        assert getattr(TENTH, part) == getattr(TOWN, part)


def test_each_rounding_is_told_with_what_it_was() -> None:
    assert list(ROUNDINGS) == [
        Rounding(path="stages.till.servers", exact=Fraction(13, 10), used=1),
        Rounding(path="stages.till.queue_limit", exact=Fraction(5, 2), used=3),
        Rounding(path="stages.till.budget", exact=Fraction(502, 5), used=100),
        Rounding(path="admission.bucket.burst", exact=Fraction(9, 2), used=5),
        Rounding(path="street.zones", exact=Fraction(22, 5), used=4),
        Rounding(path="timelines.day.steps.0", exact=Fraction(13, 5), used=3),
        Rounding(path="incidents.jam.set.admission.slots.limit", exact=Fraction(4, 5), used=1),
        Rounding(path="incidents.cut.set.gateway.servers", exact=Fraction(3, 10), used=1),
    ]


def test_a_trace_of_arrivals_is_left_to_be_thinned() -> None:
    trace = Scenario.model_validate({**PLAN, "arrivals": {"process": "trace", "file": "seen.csv"}})
    assert scaled(trace, Fraction(1, 10))[0].arrivals == trace.arrivals


def test_a_scale_may_be_above_one() -> None:
    till = scaled(TOWN, Fraction(3, 2))[0].stages[0]
    assert isinstance(till, ServerStage)
    assert till.servers == 20  # 19.5, halves up


@pytest.mark.parametrize("scale", [Fraction(0), Fraction(-1), Fraction(11)])
def test_a_scale_that_makes_no_sense_is_refused(scale: Fraction) -> None:
    with pytest.raises(ScenarioError, match=f"--scale: {int(scale)} is not a scale; use more than 0 and at most 10"):
        scaled(TOWN, scale)


def test_a_scale_that_leaves_what_a_knob_can_be_is_refused() -> None:
    steps = [["10s", 90_000]]
    large = {**PLAN, "timelines": [{"name": "gpus", "knob": "stages.model.replicas", "steps": steps}]}
    with pytest.raises(ScenarioError, match=r"--scale: 2 is too far from 1 .* is not between 0 and 100,000"):
        scaled(Scenario.model_validate(large), Fraction(2))


def test_a_scale_at_which_a_law_cannot_count_its_rate_is_refused() -> None:
    slow = {**PLAN, "admission": [law("slow", law="gcra", rate="1/d", burst=50_000)], "incidents": [], "timelines": []}
    with pytest.raises(ScenarioError, match=r"--scale: 1e-12 is too far from 1 .* 146 years"):
        scaled(Scenario.model_validate(slow), Fraction(1, 10**12))


@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_every_scenario_of_the_catalogue_can_be_scaled(name: str) -> None:
    smaller, _ = scaled(load(name).scenario, Fraction(1, 50))
    assert len(changes(smaller)) >= 0
