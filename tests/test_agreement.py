"""Both engines, row by row, with no tolerance: generated scenarios, and the whole catalogue at a small scale.

Other EXAMPLES every time: a failure prints all that is needed to see it again, and hypothesis tries it first the next
time. `make agree N=10000` looks at so many.
"""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from itertools import product
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios import model
from scenarios.loader import catalogue, load
from tests.agreement import SMALL, compare
from tests.interpreted import compiled_only
from tests.scenario_strategy import (
    ANYWHERE,
    AT_CLIENT,
    AT_DOOR,
    AT_QUEUES,
    AT_STAGES,
    BEFORE_CALLS,
    CHARGING,
    COUNTS,
    INSIDE,
    LAW_PLACES,
    OF_STORES,
    RESERVING,
    Tree,
    loaded,
    scenarios,
)

EXAMPLES = int(os.environ.get("SLUICE_AGREE", "300"))
PARTS = 4  # for as many processes
INTERPRETED_EXAMPLES = 24
SCALES = st.sampled_from([Fraction(1), Fraction(1), Fraction(1, 2), Fraction(3, 2)])

POINTS = {
    ANYWHERE: ("client", "gateway", "stage:desk", "stage:till", "store", "zone"),
    INSIDE: ("gateway", "stage:desk", "stage:till"),
    COUNTS: ("gateway", "stage:desk", "stage:till", "store", "zone"),
    AT_STAGES: ("stage:desk", "stage:till"),
    AT_DOOR: ("gateway",),
    AT_CLIENT: ("client",),
    BEFORE_CALLS: ("client", "stage:desk", "stage:till"),
    OF_STORES: ("gateway", "store"),
    AT_QUEUES: ("queue:gateway", "queue:desk", "queue:till", "queue:model"),
}
LAWS: dict[str, Tree] = {
    "token_bucket": {"rate": "300/s", "burst": 2},
    "gcra": {"rate": "300/s", "burst": 2},
    "fixed_window": {"limit": 2, "window": "7ms"},
    "sliding_window": {"limit": 3, "window": "7ms"},
    "sliding_window_log": {"limit": 3, "window": "7ms"},
    "hot_key": {"rate": "90/s", "burst": 2, "most_keys": 2, "overrides": [{"value": 1, "rate": "9/s"}]},
    "warm_up": {"rate": "40/s", "warm_up": "200ms"},
    "fixed_concurrency": {"limit": 2},
    "aimd": {"start": 2, "least": 1, "most": 9, "backoff": 0.5, "longest_rtt": "4ms"},
    "vegas": {"start": 2, "least": 1, "most": 9, "probe": 2},
    "gradient2": {"start": 2, "least": 1, "most": 9, "sample": "1ms", "least_calls": 1, "queue": 1},
    "envoy_gradient": {"least": 1, "most": 9, "calls": 2, "update": "2ms", "interval": "20ms"},
    "bbr_cpu": {"buckets": 20, "bucket": "1ms", "cpu": 0.0},
    "load_multiplier": {"tick": "3ms", "tolerance": 0.9, "window": "20ms", "increment": 0.1},
    "top_down": {"tick": "3ms", "target": "2ms", "busy": 0.5, "down": 0.5, "least": "90/s"},
    "seda": {"target": "4ms", "start": "400/s", "increase": "90/s", "calls": 4, "every": "9ms", "burst": 2},
    "breakwater": {"queue": "till", "target": "0.5ms", "round_trip": "1ms", "increase": 2, "decrease": 0.1},
    "dagor": {"window": "3ms", "target": "0.5ms", "queue": "till"},
    "pi_rejector": {"period": "3ms", "ki": 0.5, "queue": "till"},
    "deadline": {"least_left": "5ms"},
    "codel": {"interval": "5ms", "target": "1ms"},
    "adaptive_lifo": {"standing": "4ms", "short": "2ms"},
    "strict_priority": {},
    "wfq": {"weights": [3, 1], "cost": "cups"},
    "apf": {"shares": [2, 1], "queues": 4, "hand": 2, "length": 2},
    "waiting_room": {"rate": "300/s", "burst": 1, "hold": "8ms", "most": 20, "order": "lottery"},
    "pacing": {"rate": "300/s", "longest_wait": "9ms"},
    "fulfilment_credit": {"store_within": "4ms", "told_every": "2ms"},
    "retry_budget": {"earn": 0.5, "cap": 2},
    "retry_ratio": {"ratio": 0.3, "reserve": 2, "window": "9ms"},
    "retry_throttle": {"cap": 4, "earn": 0.3},
    "sre_throttle": {"k": 1.1, "window": "9ms"},
    "circuit_breaker": {"last_calls": 5, "least_calls": 2, "failed": 0.4, "open_for": "3ms", "probes": 2},
}
CROWD: Tree = {
    "schema": 1,
    "name": "crowd",
    "title": "Two segments and three zones, who try again at once, two desks and a till",
    "horizon": "60ms",
    "bucket": "10ms",
    "arrivals": {"process": "poisson", "rate": "1000/s"},
    "people": {"timeout": "12ms", "attempts": 4, "retry_delay": "1ms", "patience": "40ms"},
    "segments": [{"name": "some", "share": 0.5}, {"name": "others", "share": 0.5, "priority": 1}],
    "street": {"zones": 3, "stores_per_zone": 2, "repicks": 1},
    "kitchens": {"kind": "clock", "cups_per_hour": 3_600_000, "cups": {"kind": "uniform", "low": 1, "high": 3}},
    "stages": [
        {"name": "desk", "servers": 2, "service": "1ms", "failure": 0.2},
        {"name": "till", "servers": 2, "service": "1ms", "network_delay": "1ms", "queue_limit": 9},
        {"name": "model", "kind": "batching", "replicas": 1, "prompt": 1, "output": 2, "step": "1ms"}
        | {"slots": 2, "step_tokens": 8},
    ],
}


@pytest.mark.parametrize("part", range(PARTS))
def test_both_engines_live_the_same_lives(part: int) -> None:
    @settings(
        max_examples=-(-EXAMPLES // PARTS),
        deadline=None,
        derandomize=False,  # which hypothesis would do where CI is set
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(tree=scenarios(), scale=SCALES, seed=st.integers(0, 99))
    def agree(tree: Tree, scale: Fraction, seed: int) -> None:
        difference = compare(loaded(tree).scenario, seed=seed, scale=scale)
        assert difference is None, f"{tree}\n{difference}"

    agree()


@compiled_only("this is it")
def test_both_engines_live_the_same_lives_where_nothing_is_compiled() -> None:
    command = [sys.executable, "-m", "pytest", "-n0", __file__, "-k", test_both_engines_live_the_same_lives.__name__]
    variables = {**os.environ, "NUMBA_DISABLE_JIT": "1", "SLUICE_AGREE": str(INTERPRETED_EXAMPLES)}
    ended = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_every_law_of_a_scenario_is_compared() -> None:
    kinds = get_args(get_args(model.Admission)[0])
    written = {name for kind in kinds for name in get_args(kind.model_fields["law"].annotation)}
    assert set(LAWS) == set(LAW_PLACES) == written


@pytest.mark.parametrize("law", sorted(LAWS))
def test_both_engines_agree_on_every_law_with_every_key_at_every_point(law: str) -> None:
    keys: dict[str, tuple[str, ...]] = {
        "hot_key": ("person", "segment", "zone", "store"),
        "waiting_room": ("global", "segment", "zone"),
        "breakwater": ("global", "segment", "zone"),
        "codel": ("global",),
        "fulfilment_credit": ("global",),
        "top_down": ("global",),
        "dagor": ("global",),
        "pi_rejector": ("global",),
        "adaptive_lifo": ("global",),
        "strict_priority": ("global",),
        "wfq": ("segment", "zone"),
        "apf": ("person", "segment", "zone"),
    }
    for key, at in product(keys.get(law, ("global", "person", "segment", "zone", "store")), POINTS[LAW_PLACES[law]]):
        if law == "apf" and at == "queue:model":  # which has no servers
            continue
        if key == "store" and law != "hot_key" and at not in ("store", "zone"):
            continue
        if key == "person" and LAW_PLACES[law] == COUNTS and at in ("store", "zone"):
            continue
        door = {"name": "door", "at": at, "key": key, "law": law, **LAWS[law]}
        turns = [{"name": "turns", "knob": "admission.door.limit", "steps": [["10ms", 0], ["14ms", 1], ["20ms", 3]]}]
        if "rate" in door:
            rest = "1/s" if law in ("pacing", "waiting_room") else "off"
            turns = [{**turns[0], "knob": "admission.door.rate", "steps": [["10ms", rest], ["14ms", "700/s"]]}]
        if law == "breakwater":  # else nobody waits there
            turns = [{**turns[0], "knob": "stages.till.servers", "steps": [["9ms", 0], ["15ms", 1], ["40ms", 2]]}]
        has_knob = {"rate", "limit", "round_trip"} & door.keys()
        has_gateway = at == "queue:gateway" or (law == "bbr_cpu" and at == "gateway")
        gateway = {"gateway": {"servers": 1, "admit": "1ms"}} if has_gateway else {}
        tree = {**CROWD, **gateway, "admission": [door], "timelines": turns if has_knob else []}
        difference = compare(loaded(tree).scenario)
        assert difference is None, f"{tree}\n{difference}"


@pytest.mark.parametrize("law", sorted(law for law in LAWS if LAW_PLACES[law] != AT_QUEUES))
def test_both_engines_agree_on_every_law_with_costs_and_priorities_at_every_point(law: str) -> None:
    terms: list[Tree] = [{"priorities": [0]}, {"priorities": [1]}]
    if law in CHARGING:
        terms += [
            {"cost": cost, **({"limit": 9} if "limit" in LAWS[law] else {})} for cost in (2, "cups", "tokens:model")
        ]
    if law in RESERVING:
        terms.append({"reserve": [0.0, 0.5]})
    for own, at in product(terms, POINTS[LAW_PLACES[law]]):
        door = {"name": "door", "at": at, "law": law, **LAWS[law], **own}
        door |= {"key": "zone"} if law == "hot_key" else {}
        gateway = {"gateway": {"servers": 1, "admit": "1ms"}} if law == "bbr_cpu" else {}
        difference = compare(loaded({**CROWD, **gateway, "admission": [door]}).scenario)
        assert difference is None, f"{door}\n{difference}"


def test_both_engines_agree_on_rates_by_what_is_overloaded_and_on_several_calls() -> None:
    segments = [{"name": name, "share": 1 / 3, "priority": number % 2} for number, name in enumerate("abc")]
    desk, till, model_ = CROWD["stages"]
    stages = [
        {**desk, "calls": 2, "call_attempts": 2, "failure": 0.0},
        {**till, "segments": ["a", "b"]},
        {**model_, "segments": ["a"]},
    ]
    for tick, target, busy, quantile in product(("1ms", "4ms"), ("2ms", "4ms"), (0.5, 1.0), (0.3, 0.7)):
        door = {"name": "door", "at": "gateway", "law": "top_down", "tick": tick, "target": target, "down": 0.5}
        door |= {"busy": busy, "quantile": quantile, "least": "9/s", "up": 0.1}
        tree = {**CROWD, "people": {"timeout": "50ms"}, "segments": segments, "stages": stages, "admission": [door]}
        difference = compare(loaded(tree).scenario)
        assert difference is None, f"{door}\n{difference}"


CLOCKS: Tree = {"kitchens": CROWD["kitchens"], "couriers": {"kind": "clock", "rate": "900/s", "trip": "3ms"}}
COUNTERS: Tree = {
    "kitchens": {"kind": "servers", "makers": 1, "make": "2ms", "cups": {"kind": "uniform", "low": 1, "high": 3}},
    "couriers": {"kind": "servers", "per_zone": 2, "carry": 2, "pickup": "1ms", "travel": "2ms", "dropoff": "1ms"},
}


@pytest.mark.parametrize("kitchens", [CLOCKS, COUNTERS])
@pytest.mark.parametrize("couriers", [CLOCKS, COUNTERS])
def test_both_engines_agree_on_credits_of_stores_and_couriers_that_offer_later_slots(
    kitchens: Tree, couriers: Tree
) -> None:
    street = {
        "street": {"zones": 2, "stores_per_zone": 4, "repicks": 2},
        "kitchens": {**kitchens["kitchens"], "pause_backlog": 6},
        "couriers": {**couriers["couriers"], "promise": "20ms", "cancel_after": "30ms"},
    }
    later = {"delay": {"kind": "uniform", "low": "1ms", "high": "6ms"}, "up_to": "20ms"}
    for told_every, longest_wait, points in product(("0s", "4ms"), ("0s", "9ms"), (("gateway",), ("gateway", "store"))):
        credit = {"law": "fulfilment_credit", "store_within": "9ms", "courier_within": "6ms", "told_every": told_every}
        own = {"gateway": {"longest_wait": longest_wait, "picks": 2, "nearby": 1, "later": later}, "store": {}}
        laws = [{"name": at, "at": at, **credit, **own[at]} for at in points]
        tree = {**CROWD, **street, "admission": laws}
        difference = compare(loaded(tree).scenario)
        assert difference is None, f"{laws}\n{difference}"


POOL: Tree = {"kind": "batching", "replicas": 1, "prompt": {"kind": "uniform", "low": 1, "high": 9}}
POOL |= {"output": {"kind": "uniform", "low": 1, "high": 30}, "step": "0.2ms", "slots": 60, "step_tokens": 90}
SELDOM: dict[str, Tree] = {
    "calls that grow beside each other until the memory of a replica is full": {
        "stages": [{"name": "model", **POOL, "kv_tokens": 60, "kv_mode": "peak"}],
        "people": {"timeout": "40ms", "attempts": 2},
    },
    "more calls of different lengths than a replica first has room for": {
        "stages": [{"name": "model", **POOL, "step": "1ms", "discipline": "lifo", "deadline": True}],
        "people": {"timeout": "40ms", "attempts": 2},
    },
    "servers that change under a fair queue, and people who have left it": {
        "stages": [{"name": "till", "servers": 2, "service": {"kind": "exponential", "mean": "3ms"}, "deadline": True}],
        "people": {"timeout": "30ms", "attempts": 2},
        "admission": [{"name": "turns", "at": "queue:till", "key": "person", "law": "apf", "queues": 8, "length": 9}],
        "timelines": [
            {"name": "t", "knob": "stages.till.servers", "steps": [["9ms", 1], ["15ms", 4], ["30ms", 1], ["45ms", 3]]}
        ],
    },
    "stores that pause and reopen by a clock": {
        "kitchens": {"kind": "clock", "cups_per_hour": 360_000, "cups": 2, "pause_backlog": 3, "reopen_share": 0.5},
    },
}
"""What chance seldom makes, and `make coverage` did not find."""


@pytest.mark.parametrize("what", SELDOM)
def test_both_engines_agree_on_what_is_seldom_generated(what: str) -> None:
    difference = compare(loaded({**CROWD, **SELDOM[what]}).scenario)
    assert difference is None, difference


@pytest.mark.parametrize("cpu", [0.02, 0.04, 0.06, 0.09, 0.12, 0.15])
def test_both_engines_agree_on_what_a_law_hears_of_busy_servers(cpu: float) -> None:
    """Each half second one of four servers more or less moves the average by about a hundredth."""
    tree = {
        **CROWD,
        "horizon": "2700ms",
        "bucket": "100ms",
        "arrivals": {"process": "poisson", "rate": "250/s"},
        "people": {"timeout": "90ms", "attempts": 1},
        "gateway": {"servers": 4, "admit": {"kind": "exponential", "mean": "8ms"}},
        "admission": [{"name": "door", "at": "gateway", "law": "bbr_cpu", **LAWS["bbr_cpu"], "cpu": cpu}],
    }
    difference = compare(loaded(tree).scenario)
    assert difference is None, difference


@pytest.mark.parametrize("law", sorted(law for law in LAWS if LAW_PLACES[law] == COUNTS))
def test_both_engines_agree_on_what_orders_hold_until_they_are_ready_or_over(law: str) -> None:
    street = {"street": {"zones": 2, "stores_per_zone": 3, "repicks": 2}}
    for kitchens, couriers, cancel_after in product((CLOCKS, COUNTERS), (CLOCKS, COUNTERS), ("7ms", "40ms")):
        way = {
            "kitchens": {**kitchens["kitchens"], "pause_backlog": 9},
            "couriers": {**couriers["couriers"], "promise": "5ms", "cancel_after": cancel_after},
        }
        laws = [
            {"name": "stores", "at": "store", "key": "store", "law": law, **LAWS[law]},
            {"name": "rate", "at": "store", "law": "gcra", "rate": "400/s"},
            {"name": "zones", "at": "zone", "key": "zone", "law": law, **LAWS[law]},
            {"name": "brake", "at": "zone", "law": "token_bucket", "rate": "300/s"},
        ]
        tree = {**CROWD, **street, **way, "admission": laws}
        difference = compare(loaded(tree).scenario)
        assert difference is None, f"{tree}\n{difference}"


@pytest.mark.parametrize("turned", ["desk", "till", "kitchens"])
def test_both_engines_agree_on_a_room_with_a_rate_for_each_of_several_stages(turned: str) -> None:
    rates = {"desk": "500/s", "till": "300/s", "kitchens": "400/s"}
    steps = [["10ms", "0/s"], ["20ms", "60/s"], ["35ms", "900/s"]]
    turns = [{"name": "turns", "knob": f"admission.room.rates.{turned}", "steps": steps}]
    for key, order, burst in product(("global", "zone"), ("fifo", "lottery"), (1, 3)):
        room = {"name": "room", "at": "gateway", "law": "waiting_room", "key": key, "order": order, "burst": burst}
        tree = {**CROWD, "admission": [{**room, "hold": "8ms", "most": 30, "rates": rates}], "timelines": turns}
        difference = compare(loaded(tree).scenario)
        assert difference is None, f"{room}\n{difference}"


@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_both_engines_agree_on_the_catalogue(name: str) -> None:
    scale = SMALL.get(name, Fraction(1, 20))
    difference = compare(load(name, scale=scale).scenario, seed=3, scale=scale)
    assert difference is None, difference
