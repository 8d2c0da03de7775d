"""Control processes: when they wake, what they see, what their turns do, and what becomes of their mistakes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from fractions import Fraction
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scenarios import metrics
from scenarios.errors import ScenarioError
from scenarios.knobs import Knob, Value
from scenarios.loader import load
from scenarios.model import Control, Scenario
from scenarios.scale import scaled
from scenarios.schedule import changes
from scenarios.workload import first_arrivals
from simulator import compiled, reference
from simulator.control.drive import Drive
from simulator.control.plane import Plane
from simulator.control.room import ControlRoom
from simulator.outcome import MOST_TURNS, Outcome
from simulator.rank import Rank
from simulator.run import simulate

S = 1_000_000_000
Life = Generator[Any, Any, None]
Add = Callable[[Callable[..., Any]], str]


@pytest.fixture
def user_code(monkeypatch: pytest.MonkeyPatch) -> Add:
    """Lend a module of user code; what is added to it can be named in a scenario."""
    module = ModuleType("user_code_of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def add(function: Callable[..., Any]) -> str:
        setattr(module, function.__name__, function)
        return f"{module.__name__}:{function.__name__}"

    return add


def shop(*controls: dict[str, Any], **more: Any) -> Scenario:
    """One till, ten seconds a person; somebody comes at the instants that a test hands in."""
    return Scenario.model_validate(
        {
            "schema": 1,
            "name": "shop",
            "title": "A shop",
            "horizon": "100s",
            "bucket": "10s",
            "arrivals": {"process": "steady", "rate": "1/s"},
            "people": {"timeout": "90s", "attempts": 1},
            "stages": [{"name": "till", "servers": 1, "service": "10s"}],
            "admission": [{"name": "door", "at": "gateway", "law": "token_bucket", "rate": "off"}],
            "controls": controls,
            **more,
        }
    )


def ran(scenario: Scenario, *arrivals_s: float, scale: Fraction = Fraction(1)) -> Outcome:
    as_run, _ = scaled(scenario, scale)
    first = np.array([round(at * S) for at in arrivals_s], dtype=np.int64)
    return reference.run(as_run, seed=1, first_arrivals_ns=first, room=ControlRoom(scenario, as_run, scale))


def control(process: str, name: str = "hand", /, **more: Any) -> dict[str, Any]:
    return {"name": name, "process": process, **more}


def turned(outcome: Outcome) -> list[tuple[float, Any]]:
    return [(turn.at_ns / S, turn.value) for turn in outcome.turns]


# when it wakes, and what it sees


def test_a_control_sees_the_departure_and_the_arrival_of_its_own_ns(user_code: Add) -> None:
    seen: list[tuple[float, ...]] = []

    def watch(plane: Plane) -> Life:
        while True:
            names = ("orders.placed", "people.wanted", "stages.till.busy", "stages.till.backlog", "people.trying")
            seen.append((plane.now_ns / S, *(plane.gauge(name) for name in names)))
            yield plane.wait("10s")

    ran(shop(control(user_code(watch)), horizon="31s"), 0, 10, 20, 20)
    assert seen == [(0, 0, 1, 1, 0, 1), (10, 1, 2, 1, 0, 1), (20, 2, 4, 1, 1, 2), (30, 3, 4, 1, 0, 1)]


def test_a_control_sees_the_timeout_of_its_own_ns(user_code: Add) -> None:
    seen = []

    def watch(plane: Plane) -> Life:
        yield plane.wait(5 * S - 1)
        seen.append(plane.gauge("attempts.timed_out"))
        yield plane.wait(1)
        seen.append(plane.gauge("attempts.timed_out"))

    ran(shop(control(user_code(watch)), people={"timeout": "5s", "attempts": 1}), 0)
    assert seen == [0, 1]


def test_the_sample_of_a_ns_sees_what_a_control_turned_in_it(user_code: Add) -> None:
    def open_up(plane: Plane) -> Life:
        yield plane.wait("10s")
        plane.turn("stages.till.servers", 3)
        yield plane.wait("10s")
        plane.turn("stages.till.servers", 2)

    outcome = ran(shop(control(user_code(open_up))), 1, 2, 3)
    assert outcome.gauges["stages.till.capacity"][:3].tolist() == [3, 2, 2]
    assert outcome.gauges["stages.till.busy"][:2].tolist() == [3, 0]


def test_controls_of_one_ns_wake_in_the_order_of_the_file(user_code: Add) -> None:
    woken: list[str] = []

    def note(plane: Plane, *, first: str) -> Life:
        yield plane.wait(first)
        woken.append(plane.name)
        yield plane.wait(10 * S - plane.now_ns)
        woken.append(plane.name)

    process = user_code(note)
    scenario = shop(
        control(process, "a", **{"with": {"first": "5s"}}), control(process, "b", **{"with": {"first": "1s"}})
    )
    ran(scenario)
    assert woken == ["b", "a", "a", "b"]
    woken.clear()
    Drive(ControlRoom(scenario, scenario, Fraction(1)), Tape()).advance(11 * S)
    assert woken == ["b", "a", "a", "b"]


def test_it_begins_at_from_and_no_more_wakes_at_until(user_code: Add) -> None:
    woken: list[float] = []

    def note(plane: Plane) -> Life:
        while True:
            woken.append(plane.now_ns / S)
            yield plane.wait("5s")

    ran(shop(control(user_code(note), **{"from": "10s", "until": "25s"})))
    assert woken == [10, 15, 20]


def test_nothing_wakes_at_the_horizon(user_code: Add) -> None:
    woken: list[int] = []

    def note(plane: Plane) -> Life:
        while True:
            yield plane.wait("50s")
            woken.append(plane.now_ns)

    ran(shop(control(user_code(note))))
    assert woken == [50 * S]


def test_what_work_clocks_know_beforehand_is_told_by_the_bucket(user_code: Add) -> None:
    seen = []

    def watch(plane: Plane) -> Life:
        for _ in range(4):
            yield plane.wait("10s")
            seen.append(tuple(plane.gauge(f"couriers.{name}") for name in ("carried", "waiting")))

    clock = {"kind": "clock", "rate": "4/m", "trip": "1s", "promise": "1m", "cancel_after": "90s"}
    street = {"zones": 1, "stores_per_zone": 1}
    # placed at 11, 21 and 31 s, picked up 15 s apart: at 26, 41 and 56 s
    ran(shop(control(user_code(watch)), horizon="41s", street=street, couriers=clock), 1, 2, 3)
    assert seen == [(0, 0), (0, 0), (0, 1), (1, 1)]


# what its turns do


def test_capacity_turned_up_takes_up_waiting_work_in_that_instant(user_code: Add) -> None:
    def open_up(plane: Plane) -> Life:
        yield plane.wait("3s")
        plane.turn("stages.till.servers", 2)

    outcome = ran(shop(control(user_code(open_up))), 1, 2)
    found = outcome.samples["time_to_order_ns"].values
    assert found is not None
    assert found.tolist() == [10 * S, 11 * S]
    assert [(t.at_ns, t.control, t.knob, t.value) for t in outcome.turns] == [(3 * S, "hand", "stages.till.servers", 2)]


def test_one_wake_reads_one_state_and_the_next_control_sees_the_turn(user_code: Add) -> None:
    seen = []

    def turn(plane: Plane) -> Life:
        yield plane.wait("3s")
        plane.turn("stages.till.servers", 2)
        seen.append(
            (plane.gauge("stages.till.capacity"), plane.gauge("stages.till.busy"), plane.knob("stages.till.servers"))
        )

    def look(plane: Plane) -> Life:
        yield plane.wait("3s")
        seen.append(
            (plane.gauge("stages.till.capacity"), plane.gauge("stages.till.busy"), plane.knob("stages.till.servers"))
        )

    ran(shop(control(user_code(turn), "a"), control(user_code(look), "b")), 1, 2)
    assert seen == [(1, 1, 2), (2, 2, 2)]


def test_the_schedule_takes_a_knob_back_even_with_the_value_it_had(user_code: Add) -> None:
    seen = []

    def meddle(plane: Plane) -> Life:
        while True:
            plane.turn("stages.till.servers", 9)
            yield plane.wait("10s")
            seen.append((plane.knob("stages.till.servers"), plane.gauge("stages.till.capacity")))

    steps = [["5s", 1], ["15s", 4]]  # the first changes nothing by itself
    timeline = {"name": "day", "knob": "stages.till.servers", "steps": steps}
    incident = {"name": "jam", "at": "30s", "for": "5s", "set": {"stages.till.servers": 0}}
    ran(shop(control(user_code(meddle)), timelines=[timeline], incidents=[incident], horizon="51s"))
    assert seen == [(1, 1), (4, 4), (0, 0), (4, 4), (9, 9)]


def test_a_rate_is_turned_and_told_as_a_rate(user_code: Add) -> None:
    seen: list[Value] = []

    def throttle(plane: Plane) -> Life:
        before = plane.knob("admission.door.rate")
        plane.turn("admission.door.rate", "90/m")
        seen.extend((before, plane.knob("admission.door.rate")))
        yield plane.wait("1s")
        plane.turn("admission.door.rate", plane.knob("admission.door.rate"))
        plane.turn("admission.door.rate", before)

    assert turned(ran(shop(control(user_code(throttle))))) == [(0, "1.5/s"), (1, "1.5/s"), (1, "off")]
    assert seen == [None, Fraction(3, 2)]


def test_figures_and_knobs_are_those_of_full_size(user_code: Add) -> None:
    seen: list[tuple[Any, ...]] = []

    def grow(plane: Plane) -> Life:
        for _ in range(3):
            yield plane.wait("1s")
            servers: Any = plane.knob("stages.till.servers")
            seen.append((servers, plane.gauge("stages.till.capacity"), plane.gauge("people.wanted")))
            plane.turn("stages.till.servers", servers + 20)

    stages = [{"name": "till", "servers": 40, "service": "10s"}]
    outcome = ran(shop(control(user_code(grow)), stages=stages), 0.5, 1.5, scale=Fraction(1, 50))
    # at 1:50, 40 servers (0.8) and 60 (1.2) are one, 80 (1.6) are two
    assert seen == [(40, 50, 50), (60, 50, 100), (80, 100, 100)]
    assert turned(outcome) == [(1, 60), (2, 80), (3, 100)]


def test_a_turn_is_scaled_as_a_timeline_is(user_code: Add) -> None:
    steps = {"stages.till.servers": 130, "admission.door.rate": "300/s", "admission.each.rate": "2/s"}

    def turn(plane: Plane) -> Life:
        yield plane.wait("1s")
        for knob, value in steps.items():
            plane.turn(knob, value)

    door = {"name": "door", "at": "gateway", "law": "token_bucket", "rate": "off"}
    laws = [door, {**door, "name": "each", "key": "person"}]
    scale = Fraction(1, 50)
    stepped = [
        {"name": f"t{at}", "knob": knob, "steps": [["1s", step]]} for at, (knob, step) in enumerate(steps.items())
    ]
    by_timeline = changes(scaled(shop(admission=laws, timelines=stepped), scale)[0])
    full, tape = shop(control(user_code(turn)), admission=laws), Tape()
    Drive(ControlRoom(full, scaled(full, scale)[0], scale), tape).advance(2 * S)
    turns = [asked[1:] for asked in tape.asked if asked[0] == "turn"]
    assert turns == [(change.knob.path, change.value) for change in by_timeline]
    assert turns == [("stages.till.servers", 3), ("admission.door.rate", 6), ("admission.each.rate", 2)]


def test_turns_are_counted_beyond_what_is_kept(user_code: Add) -> None:
    def flutter(plane: Plane) -> Life:
        for number in range(MOST_TURNS + 5):
            plane.turn("stages.till.servers", number)
        yield plane.wait("1s")

    outcome = ran(shop(control(user_code(flutter))))
    assert (len(outcome.turns), outcome.turn_count, outcome.turns[-1].value) == (
        MOST_TURNS,
        MOST_TURNS + 5,
        MOST_TURNS - 1,
    )


# an engine that is not SimPy's


class Tape:
    """An engine that writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def gauge(self, name: str) -> float:
        self.asked.append(("gauge", name))
        return 4.0

    def counter(self, name: str) -> int:
        self.asked.append(("counter", name))
        return 3

    def turn(self, knob: Knob, value: Value, /) -> None:
        self.asked.append(("turn", knob.path, value))

    def advance(self, until_ns: int, rank: Rank, /) -> None:
        self.asked.append((until_ns // S, rank.name))


def test_an_engine_is_brought_to_just_before_each_wake(user_code: Add) -> None:
    def first(plane: Plane) -> Life:
        yield plane.wait("2s")
        plane.turn("stages.till.servers", int(plane.gauge("stages.till.backlog")))
        yield plane.wait("4s")

    def second(plane: Plane) -> Life:
        yield plane.wait("2s")
        assert plane.gauge("orders.placed") == 3

    scenario = shop(control(user_code(first), "a"), control(user_code(second), "b", **{"from": "1s"}))
    tape = Tape()
    drive = Drive(ControlRoom(scenario, scenario, Fraction(1)), tape)
    drive.advance(2 * S)
    assert [asked for asked in tape.asked if asked[0]] == [(1, "CONTROL"), (2, "INCIDENT")]
    tape.asked.clear()
    drive.advance(5 * S)
    wake = [(2, "CONTROL"), ("gauge", "stages.till.backlog"), ("turn", "stages.till.servers", 4)]
    assert tape.asked == [*wake, (3, "CONTROL"), ("counter", "orders.placed"), (3, "CONTROL"), (5, "INCIDENT")]


def test_what_a_turn_lets_happen_comes_before_the_next_control_of_that_ns(user_code: Add) -> None:
    def note(plane: Plane) -> Life:
        yield plane.wait("2s")
        plane.turn("stages.till.servers", 2)
        yield plane.wait("2s")

    process = user_code(note)
    scenario, tape = shop(control(process, "a"), control(process, "b")), Tape()
    Drive(ControlRoom(scenario, scenario, Fraction(1)), tape).advance(3 * S)
    turn = ("turn", "stages.till.servers", 2)
    assert [asked for asked in tape.asked if asked[0]][:4] == [(2, "CONTROL"), turn, (2, "CONTROL"), turn]


KITCHENS_AND_COURIERS = [["kitchens.closed", ["20%", 0]], ["kitchens.slowdown", [2, 1]], ["couriers.slowdown", [2, 1]]]
POOL = [
    ["stages.gpu.replicas", [2, 1.5, 0.25, 0]],
    ["stages.gpu.slowdown", [1.5, 1]],
    ["stages.gpu.failure", ["10%", 0]],
]
DAY = [["stages.intent.replicas", [20, 30, 14.4]], ["gateway.servers", [50, 0, 100]]]
DAY += [["admission.throttle.rate", ["300/s", "off", "200/s"]], *KITCHENS_AND_COURIERS]


@pytest.mark.parametrize(
    ("name", "scale", "every", "turns"),
    [
        ("labs/batching-server", "0.5", "10s", POOL),
        ("labs/kitchen-rush", "0.5", "77s", KITCHENS_AND_COURIERS),
        ("milk-tea-day", "0.0002", "61s", DAY),
    ],
)
def test_both_engines_tell_a_control_the_same_and_obey_it_alike(
    user_code: Add, name: str, scale: str, every: str, turns: list[Any]
) -> None:
    told: list[Any] = []

    def probe(plane: Plane) -> Life:
        for wake in count():
            told.append((plane.now_ns, *(plane.gauge(each) for each in metrics.readable(full))))
            knob, values = turns[wake % len(turns)]
            plane.turn(knob, values[wake // len(turns) % len(values)])
            yield plane.wait(every)

    process = user_code(probe)
    probes = tuple(Control(name=each, process=process) for each in "ab")
    full = load(name).scenario.model_copy(update={"controls": probes})
    as_run, _ = scaled(full, Fraction(scale))
    first = first_arrivals(as_run, 1, Fraction(scale))

    def lived(run: Callable[..., Outcome]) -> tuple[Outcome, list[Any]]:
        told.clear()
        outcome = run(
            as_run, seed=1, first_arrivals_ns=first, trace=True, room=ControlRoom(full, as_run, Fraction(scale))
        )
        return outcome, list(told)

    (one, told_one), (other, told_other) = lived(reference.run), lived(compiled.run)
    assert told_other == told_one
    assert (other.turns, other.counts) == (one.turns, one.counts)
    assert one.orders is not None
    assert other.orders is not None
    assert {column: other.orders[column].tolist() for column in other.orders} == {
        column: one.orders[column].tolist() for column in one.orders
    }


# mistakes


def refused(scenario: Scenario) -> str:
    with pytest.raises(ScenarioError) as caught:
        ran(scenario)
    return str(caught.value)


def test_an_argument_that_is_unknown_or_missing_is_named_with_the_nearest() -> None:
    arguments = {"knob": "stages.till.servers", "least": 1, "most": 5, "utilization": 0.5}
    told = "shop: controls.hand.with.utilization: is not an argument of autoscaler; did you mean utilisation?"
    assert refused(shop(control("autoscaler", **{"with": arguments}))) == told
    del arguments["utilization"], arguments["most"]
    told = "shop: controls.hand.with.most: is missing; autoscaler needs it"
    assert refused(shop(control("autoscaler", **{"with": arguments}))) == told


def test_code_that_cannot_be_imported_is_told_before_the_run() -> None:
    assert refused(shop(control("no_such_code:run"))) == (
        "shop: controls.hand.process: no_such_code cannot be imported: "
        "ModuleNotFoundError: No module named 'no_such_code'"
    )
    told = refused(shop(control("json:dumbs")))
    assert told == "shop: controls.hand.process: json has no function dumbs; did you mean dumps?"


def test_code_beside_the_scenario_is_found(tmp_path: Path) -> None:
    (tmp_path / "beside_a_scenario.py").write_text("def wait(plane):\n    yield plane.wait('1s')\n    1 / 0\n")
    (tmp_path / "day.toml").write_text(
        'schema = 1\nextends = "labs/operator"\nname = "day"\n'
        '[[controls]]\nname = "operator"\nprocess = "beside_a_scenario:wait"\n'
    )
    with pytest.raises(ScenarioError) as caught:
        simulate(load(tmp_path / "day.toml"))
    told = "its process failed at 1s (beside_a_scenario.py:3): ZeroDivisionError: division by zero"
    assert str(caught.value) == f"day: controls.operator: {told}"


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (
            lambda plane: plane.gauge("stages.till.backlock"),
            "no gauge or counter of this scenario; did you mean stages",
        ),
        (lambda plane: plane.gauge("kitchens.cups"), "kitchens.cups is no gauge or counter of this scenario"),
        (lambda plane: plane.knob("stages.til.servers"), "there is no stage til; did you mean till?"),
        (lambda plane: plane.turn("stages.till.servers", 1.5), "stages.till.servers: 1.5 is not a whole number"),
        (lambda plane: plane.turn("stages.till.replicas", 2), "only a batching stage has replicas"),
        (lambda plane: plane.wait(0), "wait: 0 is no time to wait; give whole ns, at least 1"),
        (lambda plane: plane.wait("soon"), 'wait: "soon" is not a duration'),
        (lambda plane: plane.turn("admission.log.limit", 9), "9 is more than 8, the largest limit that the file gives"),
        (lambda plane: {"some": 1}["nothing"], "KeyError: 'nothing'"),
    ],
)
def test_a_process_that_fails_ends_the_run_with_its_name_and_why(
    user_code: Add, does: Callable[[Plane], Any], says: str
) -> None:
    def fail(plane: Plane) -> Life:
        yield plane.wait("7s")
        does(plane)

    log = {"name": "log", "at": "gateway", "law": "sliding_window_log", "limit": 8, "window": "1s"}
    told = refused(shop(control(user_code(fail)), admission=[log]))
    assert told.startswith("shop: controls.hand: its process failed at 7s (test_control.py:")
    assert says in told


def test_a_process_yields_its_own_latest_wait_and_nothing_else(user_code: Add) -> None:
    def repeat(plane: Plane) -> Life:
        event = plane.wait("1s")
        while True:
            yield event

    def give(plane: Plane) -> Life:
        yield "5s"

    def no_generator(plane: Plane) -> None:
        plane.check(knob="stages.till.servers")

    said = "it yielded something else than what plane.wait(...) has just returned"
    assert said in refused(shop(control(user_code(repeat))))
    assert said in refused(shop(control(user_code(give))))
    assert "is no generator; let it yield plane.wait(...)" in refused(shop(control(user_code(no_generator))))
