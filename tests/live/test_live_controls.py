"""Control processes beside a running stack: they read what it holds, turn its knobs, and go on from a simulated run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy

from limits import rates
from scenarios.knobs import Knob, Value
from scenarios.loader import load
from scenarios.model import Scenario
from simulator.compiled import Run, contents
from simulator.control.drive import Drive
from simulator.control.plane import Plane
from simulator.control.room import ControlRoom
from simulator.live.contents import Contents
from simulator.live.controls import counted
from simulator.live_slice import simulate_slice
from simulator.rank import Rank
from tests.live.stacks import SOON_S, Client, admin_of, order_once, running, scenario, verdict

S = 1_000_000_000
SERVERS = "stages.till.servers"
heard: list[Any] = []


def watches(plane: Plane, names: list[str]) -> Generator[simpy.Event, Any, None]:
    """Read gauges each tenth of a second, and count the looks in the queue's limit."""
    looks = 0
    while True:
        looks += 1
        heard.append([plane.gauge(name) for name in names])
        plane.turn("stages.till.queue_limit", 1000 + looks)
        yield plane.wait("100ms")


def closes(plane: Plane) -> Generator[simpy.Event, Any, None]:
    """Let nobody in any more after half a second, and fail after a second."""
    yield plane.wait("500ms")
    plane.turn("admission.door.rate", "1/h")
    yield plane.wait("500ms")
    raise RuntimeError("the operator has left")


class Nothing:
    """A run in which nothing happens, brought anywhere at once."""

    def gauge(self, name: str) -> float:
        return 0.0

    def counter(self, name: str) -> int:
        return 0

    def turn(self, knob: Knob, value: Value) -> None:
        """Nothing to turn."""

    def advance(self, until_ns: int, rank: Rank) -> None:
        """Nothing happens."""


def controlled(process: str, with_: Any = None, **more: Any) -> Scenario:
    control = {"name": "desk", "process": f"tests.live.test_live_controls:{process}", "with": with_ or {}}
    return scenario(controls=[control], **more)


def driven(of: Scenario, from_ns: int = 0) -> Drive:
    drive = Drive(ControlRoom(of, of, Fraction(1), live=True), Nothing())
    drive.advance(from_ns)
    return drive


def soon(what: Callable[[], object]) -> None:
    until_s = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def log_of(stack: Any) -> list[dict[str, Any]]:
    client = Client(stack.admin)
    _, _, said = client.ask("GET", "/admin/log", headers=admin_of(stack))
    client.close()
    found: list[dict[str, Any]] = said
    return found


def test_they_read_what_the_stack_holds_and_turn_its_knobs_also_those_of_a_new_upstream(tmp_path: Path) -> None:
    gauges = ["stages.till.busy", "stages.till.backlog", "stages.till.capacity", "orders.placed", "attempts.completed"]
    slow = [{"name": "till", "servers": 2, "service": "700ms"}]
    of = controlled("watches", {"names": gauges}, stages=slow)
    heard.clear()
    with running(of, tmp_path, controls=driven(of)) as stack:
        crowd = [threading.Thread(target=order_once, args=(stack.gateway, want)) for want in range(3)]
        for one in crowd:
            one.start()
        soon(lambda: [2.0, 1.0, 2.0] in [found[:3] for found in heard])
        for one in crowd:
            one.join()
        soon(lambda: heard[-1][3:] == [3.0, 3.0])
        stack.upset("kill_upstream")
        soon(lambda: stack.is_healthy() and len(heard) > 30)
        assert verdict(order_once(stack.gateway, 9))[1] == "placed"
        soon(lambda: heard[-1][3:] == [4.0, 4.0])  # it goes on counting though the new upstream began at 0
        turned = [one for one in log_of(stack) if one["by"] == "controls"]
        assert stack.failed is None
    assert [one["value"] for one in turned] == list(range(1001, 1001 + len(turned)))
    # one turn a tenth of a second: never early, late where there was no upstream, and none is left out
    late_ns = [one["model_ns"] - look * S // 10 for look, one in enumerate(turned)]
    assert min(late_ns) >= 0
    assert max(late_ns[:3]) < 2 * S
    assert not [one for one in threading.enumerate() if one.name == "controls"]


def test_a_process_that_fails_says_so_and_its_turns_stand_until_then(tmp_path: Path) -> None:
    door = {"name": "door", "at": "gateway", "law": "token_bucket", "rate": "100/s", "burst": 1}
    of = controlled("closes", admission=[door])
    with running(of, tmp_path, controls=driven(of)) as stack:
        assert verdict(order_once(stack.gateway, 1))[1] == "placed"
        soon(lambda: stack.failed)
        assert [verdict(order_once(stack.gateway, want))[1] for want in (2, 3)] == ["placed", "throttled"]
    assert "till: controls.desk: its process failed at 1s (test_live_controls.py:" in str(stack.failed)
    assert "RuntimeError: the operator has left" in str(stack.failed)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (
            {"gauge": "people.trying", "above": 1, "turn": SERVERS, "to": 1},
            "rules.r: a live stack cannot tell people.trying; it tells attempts.completed, ",
        ),
        (
            {"gauge": "stages.till.busy", "above": 1, "turn": "admission.mine.rate", "to": "1/s"},
            "rules.r: admission.mine.rate: people keep the laws of the client by themselves, live",
        ),
    ],
)
def test_what_a_live_stack_does_not_have_is_refused_before_it_starts(rule: Any, says: str) -> None:
    mine = {"name": "mine", "at": "client", "law": "token_bucket", "rate": "1/s"}
    control = {"name": "desk", "process": "runbook", "with": {"rules": [{"name": "r", **rule}]}}
    of = scenario(controls=[control], admission=[mine])
    with pytest.raises(Exception, match="its process failed at 0s") as failed:
        driven(of)
    assert says in str(failed.value)
    Drive(ControlRoom(of, of, Fraction(1)), Nothing())  # simulated, both are there


def test_counters_are_of_the_answers_of_all_workers() -> None:
    figures = {
        "totals": {"counts": {"placed": 7, "throttled": 2, "error": 1, "timed_out": 4, "bad 400": 9}, "under_way": 3},
        "gauges": {"orders": 6},
    }
    names = ("offered", "completed", "failed", "timed_out")
    assert [counted(f"attempts.{name}", figures) for name in names] == [17, 7, 3, 4]
    assert [counted(f"failures.{name}", figures) for name in ("throttled", "timed_out", "shed")] == [2, 4, 0]
    assert counted("orders.placed", figures) == 6


COUNTING = """
def counts(plane):
    looks = 0
    while True:
        looks += 1
        if looks != 3:
            plane.turn("stages.till.queue_limit", 1000 + looks)
        plane.turn("stages.till.servers", 40 + looks)
        if looks > 3:
            plane.turn("admission.door.rate", f"{plane.gauge('orders.placed') + 100 * looks}/s")
        yield plane.wait("1s")
"""
SHOP = """
schema = 1
name = "shop"
title = "A shop"
horizon = "20s"
arrivals = { process = "steady", rate = "20/s" }
people = { timeout = "1s" }
stages = [{ name = "till", servers = 50, service = "5ms" }]
admission = [{ name = "door", at = "gateway", law = "token_bucket", rate = "off" }]
controls = [{ name = "counter", process = "counting_live:counts" }]
timelines = [{ name = "fewer", knob = "stages.till.servers", steps = [["2500ms", 30]] }]
"""


def test_they_go_on_from_where_a_simulated_run_has_brought_them(tmp_path: Path) -> None:
    (tmp_path / "counting_live.py").write_text(COUNTING)
    (tmp_path / "shop.toml").write_text(SHOP)
    slice_ = simulate_slice(
        load(tmp_path / "shop.toml"), seed=1, scale=Fraction(1, 2), from_ns=2_600_000_000, until_ns=9 * S
    )
    drive = slice_.controls
    assert drive is not None
    # what the timeline has taken back since is not theirs any more; limits and servers are those of half the size
    assert drive.room.panel.standing(slice_.from_ns) == {"stages.till.queue_limit": 501}
    assert slice_.simulated.summary["controls"]["turned"] == 8 + 9 + 6
    of = slice_.scenario
    with running(of, tmp_path, from_ns=slice_.from_ns, speed=4.0, controls=drive) as stack:
        assert verdict(order_once(stack.gateway, 1))[1] == "placed"
        soon(lambda: len(log_of(stack)) >= 5)
        turned = [(one["knob"], one["value"]) for one in log_of(stack)][:5]
    # 10/s until the slice, one order in it, told at full size; then those of the knob are given at half of it again
    assert turned[:2] == [("stages.till.queue_limit", 502), ("stages.till.servers", 22)]
    rate = float(str(turned[2][1]).removesuffix("/s"))
    assert turned[2][0] == "admission.door.rate"
    assert rate == pytest.approx((2 * (26 + 1) + 400) / 2, abs=1)
    assert [knob for knob, _ in turned[3:]] == ["stages.till.queue_limit", "stages.till.servers"]
    assert [one.control for one in drive.room.panel.turns] == ["counter"] * len(drive.room.panel.turns)


def test_a_slice_begins_with_the_knobs_that_they_have_turned(tmp_path: Path) -> None:
    door = {"name": "door", "at": "gateway", "law": "token_bucket", "rate": "1000/s", "burst": 9}
    of = scenario(admission=[door])
    turned: dict[str, int | float | str] = {"admission.door.rate": "1/h", SERVERS: 3}
    run = Run(of, seed=1, first_arrivals_ns=np.zeros(0, dtype=np.int64), trace=False)
    run.advance(2 * S)
    _, per_ns = rates.ratio(Fraction(1, 3600), 9)
    held = Contents(
        attempts=contents.attempts(run),
        orders=contents.orders(run),
        levels={"door": np.array([[0, 8 * per_ns, 2 * S]])},  # one token is left, counted at the rate that was turned
        turned=turned,
    )
    with running(of, tmp_path, from_ns=2 * S, contents=held) as stack:
        assert stack.gauges()["stages.till.capacity"] == 3
        assert [verdict(order_once(stack.gateway, want))[1] for want in (1, 2)] == ["placed", "throttled"]
        assert [(one["knob"], one["value"]) for one in log_of(stack)] == list(turned.items())
    assert json.loads((tmp_path / "admin.jsonl").read_text().splitlines()[0])["by"] == "controls"
