"""The two control processes that come with Sluice, worked by hand; their labs; and the process of the guide."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from scenarios.loader import catalogue, load
from simulator.run import simulate
from tests.test_control import control, ran, refused, shop, turned

DOCS = Path(__file__).parent.parent / "docs"


def autoscaler(**arguments: Any) -> dict[str, Any]:
    return control("autoscaler", **{"with": {"knob": "stages.till.servers", "every": "10s"} | arguments})


def test_an_autoscaler_orders_for_its_target_and_what_is_ordered_serves_later() -> None:
    # at 10 s one of one is busy: 1 / 0.5 = 2; at 20 s it is on its way, at 25 s it serves; at 30 s both are busy (until
    # 45 and 46 s): 2 / 0.5 = 4, which serve at 45 s; at 50 s one of four is busy: 4 * 0.25 / 0.5 = 2
    stages = [{"name": "till", "servers": 1, "service": "20s"}]
    scenario = shop(autoscaler(utilisation=0.5, least=1, most=9, start_up="15s"), stages=stages, horizon="51s")
    assert turned(ran(scenario, 5, 6, 26, 35)) == [(25, 2), (45, 4), (50, 2)]


def test_an_autoscaler_keeps_its_bounds_steps_and_rest() -> None:
    # 14 wait at 20 s, 8 at 40 s: 5 at most, two more at a time, and a rest of 15 s leaves every other look; at 60 s two
    # wait: down by one at a time, and nobody at 80 s: down to two, were it not by one
    scaler = autoscaler(backlog=1, least=2, most=5, most_up=2, most_down=1, cool_down="15s")
    stages = [{"name": "till", "servers": 1, "service": "20s"}]
    outcome = ran(shop(scaler, stages=stages, horizon="95s"), *range(1, 17))
    assert turned(outcome) == [(0, 2), (20, 4), (40, 5), (60, 4), (80, 3)]


def test_an_autoscaler_takes_back_first_what_has_not_started() -> None:
    # wanted: 4 at 10 s (four wait); 2 at 20 s, when the queue is two long; nobody waits at 30 s
    scaler = autoscaler(backlog=1, least=1, most=9, start_up="15s")
    stages = [{"name": "till", "servers": 1, "service": "5s"}]
    assert turned(ran(shop(scaler, stages=stages, horizon="60s"), 9, 9.1, 9.2, 9.3, 9.4)) == [(25, 2), (30, 1)]


def operator(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return control("runbook", **{"with": {"rules": list(rules), "every": "10s", **more}})


def rule(**more: Any) -> dict[str, Any]:
    throttle = {"turn": "admission.door.rate", "to": "1/m"}
    return {"name": "throttle", "gauge": "stages.till.backlog", "above": 2, **throttle, **more}


def test_an_operator_acts_when_it_has_held_long_enough_and_releases() -> None:
    # waiting, by 10 s: 0, 3, 3 (held for 10 s), 2, 1, 0, 0: released when below 1 for 10 s
    arrivals_s = (1, 2, 3, 4, 15)
    watching = rule(**{"for": "10s"}, release={"below": 1, "for": "10s"})
    assert turned(ran(shop(operator(watching)), *arrivals_s)) == [(20, "1/m"), (60, "off")]


def test_an_operator_acts_at_most_so_often() -> None:
    # always more than two wait: turned at 10 s, again at 50 s
    busy = {"stages": [{"name": "till", "servers": 0, "service": "1s"}]}
    often = rule(turn="stages.till.queue_limit", to=7, at_most_every="40s")
    assert turned(ran(shop(operator(often), **busy), 1, 2, 3)) == [(10, 7), (50, 7), (90, 7)]


def test_a_counter_is_told_to_an_operator_as_its_growth() -> None:
    # at 10 s 0.3/s, at 20 s 0.1/s
    growth = rule(gauge="people.wanted", above=0.25, release={"below": 0.15, "to": "2/s"})
    assert turned(ran(shop(operator(growth)), 1, 2, 3, 15)) == [(10, "1/m"), (20, "2/s")]


@pytest.mark.parametrize(
    ("process", "arguments", "says"),
    [
        ("runbook", {"rules": []}, "rules: there is none"),
        ("runbook", {"rules": [rule(below=1)]}, "rules.throttle: needs above or below, one of the two"),
        ("runbook", {"rules": [rule(till="1s")]}, "rules.throttle.till: is not a known key"),
        ("runbook", {"rules": [rule(gauge="stages.till.queue")]}, "rules.throttle: stages.till.queue is no gauge"),
        ("runbook", {"rules": [rule(to="fast")]}, 'rules.throttle: admission.door.rate: "fast" is not a rate'),
        ("runbook", {"rules": [rule()], "every": "0s"}, 'every: "0s" is no time at all'),
        (
            "autoscaler",
            {"knob": "stages.till.slowdown", "least": 1, "most": 2},
            "is neither the servers nor the replicas",
        ),
        ("autoscaler", {"knob": "stages.till.servers", "least": 1, "most": 2}, "it needs a target"),
        (
            "autoscaler",
            {"knob": "stages.till.servers", "least": 3, "most": 2, "backlog": 1},
            "most: 2 is less than least",
        ),
        ("autoscaler", {"knob": "stages.tell.servers", "least": 1, "most": 2, "backlog": 1}, "did you mean till?"),
        (
            "autoscaler",
            {"knob": "stages.till.servers", "least": 1, "most": 2, "backlog": 0},
            "backlog: 0 is not above 0",
        ),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_happens(
    process: str, arguments: dict[str, Any], says: str
) -> None:
    told = refused(shop(control(process, **{"with": arguments})))
    assert told.startswith("shop: controls.hand: its process failed at 0s: ")
    assert says in told


@pytest.mark.parametrize("name", ["labs/autoscaler", "labs/operator"])
def test_the_labs_hold_their_gates_and_log_their_turns(name: str) -> None:
    assert name in [entry.name for entry in catalogue()]
    run = simulate(load(name), seed=2)
    assert [gate["verdict"] for gate in run.summary["gates"]] == ["passed"] * len(run.scenario.gates)
    log = run.summary["controls"]
    assert log["turned"] == len(log["turns"]) > 0


def test_the_process_of_the_guide_frees_a_stuck_database(tmp_path: Path) -> None:
    code = re.findall(r"```(python|toml)\n(.*?)```", (DOCS / "controls.md").read_text(encoding="utf-8"), re.DOTALL)
    (process,) = (text for kind, text in code if kind == "python")
    entry = next(text for kind, text in code if kind == "toml" and "shed_early" in text)
    (tmp_path / "shedding.py").write_text(process)
    head = 'schema = 1\nextends = "labs/operator"\nname = "guide"\n[[controls]]\nname = "operator"\nremove = true\n'
    (tmp_path / "guide.toml").write_text(head + entry)
    assert simulate(load(tmp_path / "guide.toml")).summary["orders"]["placed_share"] > 0.7
