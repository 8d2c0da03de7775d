"""Who is in a run at an instant, told by its contents and by the traces of the same run to its end."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.habits import Habits
from scenarios.loader import load
from scenarios.model import BatchingStage, Scenario
from scenarios.policy import Client, build_laws
from scenarios.scale import scaled
from scenarios.workload import first_arrivals
from scenarios.world import build_world
from simulator import compiled
from simulator.compiled import contents
from simulator.compiled.contents import AttemptState, OrderState, PersonState
from simulator.outcome import Ints, Outcome
from simulator.trace import ANSWERS, DELIVERIES, ENDS
from tests.agreement import SMALL
from tests.interpreted import AT_SIZE, compiled_only
from tests.scenario_strategy import Tree, loaded, uncontrolled
from tests.test_snapshots import SHOP, generated, in_one_go, stops

PLACED, CANCELLED, OUTRUN = ENDS.index("placed"), DELIVERIES.index("cancelled"), ANSWERS.index("outrun")
Row = dict[str, int]
Key = tuple[int, ...]


def by_key(table: Mapping[str, Ints] | None, *keys: str) -> dict[Key, Row]:
    assert table is not None
    columns = [values.tolist() for values in table.values()]
    rows = (dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True))
    return {tuple(row[key] for key in keys): row for row in rows}


def told(rows: Any, *keys: str) -> dict[Key, Row]:
    found = by_key({name: rows[name] for name in rows.dtype.names}, *keys)
    assert len(found) == len(rows)
    return found


def lasts(begin_ns: int, end_ns: int, now_ns: int) -> bool:
    """Whether something that began and ended at these instants (-1: never) is there before what happens now."""
    return begin_ns < now_ns and (end_ns < 0 or end_ns >= now_ns)


def check(scenario: Scenario, run: compiled.Run, whole: Outcome) -> None:
    """Compare what a run holds with what must be there by the traces to the end."""
    cut = run.outcome()
    check_people(scenario, run, whole)
    check_attempts(scenario, run, whole, cut)
    check_orders(run, whole, cut)
    check_levels(scenario, run, whole)


def check_people(scenario: Scenario, run: compiled.Run, whole: Outcome) -> None:
    now_ns = run.now_ns
    wants = by_key(whole.orders, "want")
    found = told(contents.people(run), "want")
    come = {key: person for key, person in found.items() if person["state"] != PersonState.INVITED}
    assert come.keys() == {key for key, row in wants.items() if lasts(row["first_try_ns"], row["ended_ns"], now_ns)}
    attempts_of: dict[int, list[Row]] = {}
    for row in by_key(whole.attempts, "want", "attempt").values():
        attempts_of.setdefault(row["want"], []).append(row)
    every_try_is_sent = not any(law.at == "client" for law in scenario.admission)
    for (want,), person in come.items():
        row = wants[want,]
        assert {name: person[name] for name in ("segment", "zone", "kind", "first_try_ns")} == {
            name: row[name] for name in ("segment", "zone", "kind", "first_try_ns")
        }
        sent = attempts_of.get(want, [])
        awaited = [one for one in sent if lasts(one["start_ns"], one["answered_ns"], now_ns)]
        assert (person["state"] == PersonState.WAITING) == bool(awaited)
        if awaited:
            own = (person["session"], person["next_ns"])
            assert {(one["session"], one["timeout_ns"]) for one in awaited} == {own}  # hedges wait as long as the first
            if every_try_is_sent:
                assert person["attempt"] == max(one["attempt"] for one in sent if one["start_ns"] < now_ns)
        elif every_try_is_sent:
            following = [one for one in sent if one["start_ns"] >= now_ns]
            assert person["attempt"] == len(sent) - len(following)
            assert person["next_ns"] == (following[0]["start_ns"] if following else -1)
            if following:
                assert person["session"] == following[0]["session"]
                anew = following[0]["session"] > sent[person["attempt"] - 1]["session"]
                assert person["state"] == (PersonState.AWAY if anew else PersonState.THINKING)
                assert (person["tries"] == 0) == anew
    invited = {key: person["next_ns"] for key, person in found.items() if key not in come}
    assert invited == {
        key: row["first_try_ns"]
        for key, row in wants.items()
        if row["first_try_ns"] >= now_ns and row["invited_by"] >= 0 and has_invited(scenario, wants, row, now_ns)
    }
    assert {want for (want,) in wants if want < 2**62} >= set(range(run.next_first))
    assert all(wants[want,]["first_try_ns"] == at_ns for want, at_ns in enumerate(run.first_ns[: run.next_first]))


def has_invited(scenario: Scenario, wants: dict[Key, Row], row: Row, now_ns: int) -> bool:
    assert scenario.invitations is not None
    by = wants[row["invited_by"],]
    return by["placed_ns" if scenario.invitations.after == "placed" else "delivered_ns"] < now_ns


def steps(scenario: Scenario, attempt: Row, on_the_way: bool) -> range:
    """Return by how many stages an attempt may be further than the last one it reached."""
    if not on_the_way or attempt["call"]:
        return range(1)
    return range(1, 1 + len(scenario.stages) if any(stage.segments for stage in scenario.stages) else 2)


def is_in_last_service(scenario: Scenario, attempt: Row) -> bool:
    last = scenario.stages[-1]
    calls, tries = getattr(last, "calls", 1), getattr(last, "call_attempts", 1)
    at_last = attempt["stage"] == len(scenario.stages) and attempt["call"] // tries == calls - 1
    return at_last and attempt["state"] == AttemptState.IN_SERVICE


def check_attempts(scenario: Scenario, run: compiled.Run, whole: Outcome, cut: Outcome) -> None:
    now_ns = run.now_ns
    until_now, to_the_end = (by_key(one.attempts, "want", "attempt") for one in (cut, whole))
    found = told(contents.attempts(run), "want", "attempt")
    assert found.keys() == {k for k, row in to_the_end.items() if lasts(row["start_ns"], row["ended_ns"], now_ns)}
    if any(is_beyond_telling(scenario, attempt) for attempt in found.values()):
        return
    for key, attempt in found.items():
        row = to_the_end[key]
        assert attempt["awaited"] == lasts(row["start_ns"], row["answered_ns"], now_ns)
        outrun = not attempt["awaited"] and row["answer"] == OUTRUN  # nobody waits for it from then on
        ends_ns = row["answered_ns"] if outrun else row["timeout_ns"]
        assert (attempt["start_ns"], attempt["timeout_ns"]) == (row["start_ns"], ends_ns)
        on_the_way = attempt["state"] == AttemptState.ON_THE_WAY
        assert attempt["stage"] - until_now[key]["stage"] in steps(scenario, attempt, on_the_way)
        assert (attempt["turn"] >= 0) == (attempt["state"] == AttemptState.QUEUED)
        assert attempt["next_ns"] == -1 or attempt["next_ns"] >= now_ns
        if is_in_last_service(scenario, attempt):
            assert attempt["next_ns"] in (-1, row["ended_ns"])
    for number, name in enumerate(["gateway", *(stage.name for stage in scenario.stages)]):
        if number == 0 and scenario.gateway is None:
            continue
        here = [one for one in found.values() if one["stage"] == number]
        states = [one["state"] for one in here]
        waiting = states.count(AttemptState.QUEUED) + states.count(AttemptState.PACED)
        assert waiting == run.gauge(f"stages.{name}.backlog")
        assert states.count(AttemptState.IN_SERVICE) == run.gauge(f"stages.{name}.busy")
        for shard in {one["shard"] for one in here}:
            turns = sorted(one["turn"] for one in here if one["shard"] == shard and one["turn"] >= 0)
            assert turns == list(range(len(turns)))


def is_beyond_telling(scenario: Scenario, attempt: Row) -> bool:
    """Whether an attempt may be told as not yet there that is, as the docstring of `contents.attempts` admits."""
    if attempt["state"] not in (AttemptState.ON_THE_WAY, AttemptState.PACED) or attempt["next_ns"] >= 0:
        return False
    stage = scenario.stages[attempt["stage"] - 1]
    return isinstance(stage, BatchingStage) or stage.per_busy_ns > 0


def check_orders(run: compiled.Run, whole: Outcome, cut: Outcome) -> None:
    until_now, to_the_end = (by_key(one.orders, "want") for one in (cut, whole))
    found = told(contents.orders(run), "want")
    assert found.keys() == {k for k, row in until_now.items() if row["end"] == PLACED and row["delivery"] == 0}
    for key, order in found.items():
        now, later = until_now[key], to_the_end[key]
        assert all(order[name] == now[name] for name in ("zone", "store", "cups", "placed_ns"))
        assert (order["state"] == OrderState.CARRIED) == (now["picked_up_ns"] >= 0)
        if order["state"] == OrderState.IN_KITCHEN:
            assert order["ready_ns"] in (-1, later["ready_ns"])
        else:
            assert now["ready_ns"] >= 0
        if order["picked_up_ns"] >= 0 and later["picked_up_ns"] >= 0:
            assert order["picked_up_ns"] == later["picked_up_ns"]
        if order["over_ns"] >= 0:
            assert (later["delivery"] == CANCELLED) == bool(order["cancelled"])
            assert order["cancelled"] or later["delivered_ns"] == order["over_ns"]


def check_levels(scenario: Scenario, run: compiled.Run, whole: Outcome) -> None:
    """The rows of a law are as wide as those of the reference, and belong to keys that there are."""
    habits = Habits(scenario, build_world(scenario), 1)
    laws: dict[str, Any] = build_laws(scenario, habits)
    laws |= Client(scenario, laws).laws
    segments, world = max(1, len(scenario.segments)), habits.world
    most = {"global": 1, "segment": segments, "zone": world.zones, "store": world.stores}
    for name, rows in contents.levels(run).items():
        law, admission = laws[name], next(one for one in scenario.admission if one.name == name)
        width = len(law.state) if admission.law == "hot_key" else law.rows.width
        assert rows.shape[1] == 1 + width
        keys = rows[:, 0].tolist()
        assert len(set(keys)) == len(keys)
        if admission.law == "hot_key":
            assert keys == [0]
        elif admission.key == "person":
            assert {(want,) for want in keys} <= by_key(whole.orders, "want").keys()
        else:
            assert set(keys) <= set(range(most[admission.key]))


@generated
@given(uncontrolled(), st.data())
def test_the_contents_of_generated_runs_are_what_their_traces_say(tree: Tree, data: st.DataObject) -> None:
    scenario = loaded(tree).scenario
    whole = in_one_go(scenario)
    run = compiled.Run(scenario, seed=1, first_arrivals_ns=first_arrivals(scenario, 1, Fraction(1)), trace=True)
    for stop_ns in data.draw(stops(scenario, whole)):
        run.advance(stop_ns)
        check(scenario, run, whole)


@compiled_only(AT_SIZE)
@pytest.mark.parametrize(
    "name", ["milk-tea-day", "labs/retry-trap", "labs/kitchen-rush", "labs/batching-server", "labs/impatience"]
)
def test_the_contents_of_the_catalogue_are_what_its_traces_say(name: str) -> None:
    scale = SMALL.get(name, Fraction(1, 20))
    scenario, _ = scaled(load(name, scale=scale).scenario, scale)
    first_ns = first_arrivals(scenario, 3, scale)
    whole = compiled.run(scenario, seed=3, first_arrivals_ns=first_ns, trace=True)
    run = compiled.Run(scenario, seed=3, first_arrivals_ns=first_ns, trace=True)
    assert whole.attempts is not None
    begun_ns = np.sort(whole.attempts["start_ns"])
    states: set[int] = set()
    for part in range(1, 8):
        run.advance(int(begun_ns[len(begun_ns) * part // 8]) + 1)
        check(scenario, run, whole)
        states |= set(contents.people(run)["state"].tolist())
    assert PersonState.WAITING in states


def test_nobody_is_in_a_run_that_has_not_begun() -> None:
    scenario, _ = scaled(load("labs/kitchen-rush").scenario, Fraction(1))
    run = compiled.Run(scenario, seed=1, first_arrivals_ns=first_arrivals(scenario, 1, Fraction(1)))
    assert [len(found(run)) for found in (contents.people, contents.attempts, contents.orders)] == [0, 0, 0]


@pytest.mark.parametrize("couriers", [{"kind": "clock", "rate": "1/s"}, {"kind": "servers", "per_zone": 4}])
def test_orders_are_in_kitchens_wait_for_couriers_and_are_carried(couriers: Tree) -> None:
    times = {"trip": "8s"} if couriers["kind"] == "clock" else {"pickup": "1s", "travel": "6s", "dropoff": "1s"}
    street = {
        "street": {"zones": 1, "stores_per_zone": 2},
        "kitchens": {"kind": "clock", "cups_per_hour": 5000, "cups": 1, "finishing": "2s"},
        "couriers": {**couriers, **times, "promise": "20s", "cancel_after": "40s"},
    }
    scenario = loaded({**SHOP, **street}).scenario
    whole = in_one_go(scenario)
    run = compiled.Run(scenario, seed=1, first_arrivals_ns=first_arrivals(scenario, 1, Fraction(1)), trace=True)
    for at_s in (10, 20, 40):
        run.advance(at_s * 10**9)
        check(scenario, run, whole)
    assert set(contents.orders(run)["state"].tolist()) == set(OrderState)


@pytest.mark.parametrize("order", ["strict_priority", "wfq"])
@pytest.mark.parametrize("queue", ["gateway", "desk", "model"])
def test_who_waits_stands_in_the_order_of_the_turns_to_come(order: str, queue: str) -> None:
    model = {"kind": "batching", "replicas": 1, "prompt": 0, "output": 1, "step": "1s", "slots": 1, "step_tokens": 1}
    tree: Tree = {
        **SHOP,
        "arrivals": {"process": "trace", "file": "t" + "\n0" * 12},
        "people": {"timeout": "1h"},
        "segments": [{"name": "some", "share": 0.5}, {"name": "others", "share": 0.5, "priority": 1}],
        "stages": [{"name": queue, **model} if queue == "model" else {"name": "desk", "servers": 1, "service": "1s"}],
        "admission": [{"name": "order", "at": f"queue:{queue}", "law": order}],
        **({"gateway": {"servers": 1, "admit": "1s"}} if queue == "gateway" else {}),
    }
    scenario = loaded(tree).scenario
    run = compiled.Run(scenario, seed=1, first_arrivals_ns=first_arrivals(scenario, 1, Fraction(1)), trace=True)
    run.advance(500_000_000)
    there = contents.attempts(run)
    waiting = there[there["state"] == AttemptState.QUEUED]
    by_turn = waiting["want"][np.argsort(waiting["turn"])].tolist()
    ended = by_key(in_one_go(scenario).attempts, "want")
    assert len(by_turn) == 11
    assert by_turn == sorted(by_turn, key=lambda want: ended[want,]["ended_ns"]) != sorted(by_turn)
