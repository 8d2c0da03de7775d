"""What must hold for any run of any legal scenario, on every engine.

The same EXAMPLES every time, so that a change is judged by itself; SLUICE_EXAMPLES=1000 looks at so many fresh ones.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios.loader import load
from scenarios.model import Scenario
from scenarios.units import NS_PER_S
from simulator.engines import ENGINES, Engine
from simulator.outcome import FAILURES, Ints, Way
from simulator.results import RunResult
from simulator.run import simulate
from simulator.summary import as_json
from simulator.trace import ANSWERS, DELIVERIES, ENDS, NOT_YET, VERDICTS
from tests.agreement import seldom_told
from tests.scenario_strategy import Tree, loaded, scenarios

Columns = Mapping[str, Ints]
T = TypeVar("T", bound=Callable[..., None])

FRESH = "SLUICE_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("SLUICE_EXAMPLES", "100"))
SEEDS = st.integers(0, 2**32)


def on_every_engine(test: T) -> T:
    """Run a test of (engine, ...) on generated scenarios, on each engine."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    often = settings(
        max_examples=EXAMPLES, deadline=None, derandomize=not FRESH, print_blob=True, suppress_health_check=slow
    )
    marked: T = pytest.mark.parametrize("engine", ENGINES)(often(test))
    return marked


def run(engine: Engine, tree: Tree, seed: int, *, trace: bool = True) -> RunResult:
    with seldom_told():
        return simulate(loaded(tree), engine=engine, seed=seed, trace=trace)


def rows(result: RunResult) -> tuple[Columns, Columns]:
    assert result.orders is not None
    assert result.attempts is not None
    return result.orders, result.attempts


def assert_same_rows(one: RunResult, other: RunResult) -> None:
    for left, right in zip(rows(one), rows(other), strict=True):
        assert list(left) == list(right)
        for name in left:
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def assert_in_turn(table: Columns, *names: str) -> None:
    """Instants that came, of each row, stand in this order."""
    latest = np.full(len(table["want"]), NOT_YET, dtype=np.int64)
    for name in names:
        came = table[name] != NOT_YET
        assert np.all(table[name][came] >= latest[came]), (name, names)
        latest = np.maximum(latest, table[name])


def number(flags: Any) -> int:
    return int(np.count_nonzero(flags))


# one run


@on_every_engine
@given(tree=scenarios(), seed=SEEDS)
def test_any_run_balances_its_books_and_its_rows_tell_what_its_summary_counts(
    engine: Engine, tree: Tree, seed: int
) -> None:
    result = run(engine, tree, seed)
    assert result.summary["invariants"]["violated"] == []
    check_counts(result)
    check_instants_of_attempts(result)
    check_instants_of_orders(result)
    check_lives(result)


def check_counts(result: RunResult) -> None:
    summary, (orders, attempts) = result.summary, rows(result)
    people, tries = summary["people"], summary["attempts"]
    assert len(orders["want"]) == people["wanted"]
    assert [number(orders["end"] == code) for code in range(len(ENDS))] == [people[end] for end in ENDS]
    assert int(orders["attempts"].sum()) == tries["offered"] == len(attempts["want"])
    assert int(orders["sessions"].sum()) == summary["sessions"]["started"]
    assert [number(attempts["gateway"] == code) for code in range(len(VERDICTS))] == [tries[v] for v in VERDICTS]
    assert number(attempts["answer"] == ANSWERS.index("placed")) == tries["completed"] == summary["orders"]["placed"]
    assert number(attempts["answer"] == ANSWERS.index("outrun")) == tries["outrun"]
    assert number(attempts["copy"] > 0) == tries["hedged"]
    for reason in FAILURES:
        on_the_way = number(attempts["answer"] == ANSWERS.index(reason))
        assert on_the_way == summary["failures"][reason], reason
    cancelled = orders["delivery"] == DELIVERIES.index("cancelled")
    assert number(cancelled) == summary["orders"]["cancelled"]
    assert number(orders["delivered_ns"] >= 0) == summary["orders"]["delivered"]
    assert number(orders["delivery"] == DELIVERIES.index("late")) == summary["orders"]["late"]
    assert int(orders["cups"].sum()) == summary["kitchens"]["cups"]
    assert int(orders["cups"][cancelled].sum()) == summary["kitchens"]["wasted_cups"]
    assert number(orders["picked_up_ns"] >= 0) == summary["couriers"]["carried"]
    for index, stage in enumerate(result.scenario.stages, start=1):
        way, came = Way.to(stage), number(attempts["stage"] >= index)
        arrived = summary["stages"][stage.name]["arrived"]
        assert came * way.for_all <= arrived <= came * way.most_calls, stage.name


def check_instants_of_attempts(result: RunResult) -> None:
    _, attempts = rows(result)
    over_ns, last_ns = ended_ns(result), latest_ns(result)
    assert_in_turn(attempts, "start_ns", "decided_ns", "ended_ns")
    assert_in_turn(attempts, "start_ns", "answered_ns", "timeout_ns")
    for name in ("start_ns", "decided_ns", "answered_ns", "ended_ns"):
        assert np.all(attempts[name] <= last_ns), name
    decided, answered = attempts["decided_ns"] != NOT_YET, attempts["answered_ns"] != NOT_YET
    assert np.array_equal(decided, attempts["gateway"] != VERDICTS.index("pending"))
    assert np.array_equal(answered, attempts["answer"] != ANSWERS.index("unanswered"))
    assert np.all(decided[attempts["ended_ns"] != NOT_YET])
    assert np.all(answered[attempts["timeout_ns"] < over_ns])
    timed_out = attempts["answer"] == ANSWERS.index("timed_out")
    assert np.array_equal(attempts["answered_ns"][timed_out], attempts["timeout_ns"][timed_out])
    others = answered & ~timed_out & (attempts["answer"] != ANSWERS.index("outrun"))
    assert np.array_equal(attempts["answered_ns"][others], attempts["ended_ns"][others])
    assert np.all(attempts["stage"][attempts["gateway"] != VERDICTS.index("admitted")] == 0)


def check_instants_of_orders(result: RunResult) -> None:
    orders, _ = rows(result)
    couriers, last_ns = result.scenario.couriers, latest_ns(result)
    assert_in_turn(orders, "first_try_ns", "placed_ns", "ready_ns", "picked_up_ns", "delivered_ns")
    for name in ("first_try_ns", "placed_ns", "ready_ns", "picked_up_ns", "delivered_ns"):
        assert np.all(orders[name] <= last_ns), name
    placed, delivered = orders["placed_ns"] != NOT_YET, orders["delivered_ns"] != NOT_YET
    assert np.array_equal(placed, orders["end"] == ENDS.index("placed"))
    assert np.array_equal(orders["placed_ns"][placed], orders["ended_ns"][placed])
    assert np.all(orders["ready_ns"][delivered] != NOT_YET)
    assert np.array_equal(orders["store"] != NOT_YET, placed & (result.scenario.kitchens is not None))
    way_ns = (orders["delivered_ns"] - orders["placed_ns"])[delivered]
    if couriers is None:
        assert np.all(orders["picked_up_ns"] == NOT_YET)
        assert np.array_equal(orders["ready_ns"][delivered], orders["delivered_ns"][delivered])
        return
    assert np.all(orders["picked_up_ns"][delivered] != NOT_YET)
    assert np.all(way_ns <= couriers.cancel_after_ns)
    on_time = orders["delivery"][delivered] == DELIVERIES.index("on time")
    assert np.array_equal(on_time, way_ns <= couriers.promise_ns)
    cancelled = orders["delivery"] == DELIVERIES.index("cancelled")
    due_ns = orders["placed_ns"] + couriers.cancel_after_ns
    assert np.all(cancelled[placed & ~delivered & (due_ns < ended_ns(result))])
    assert np.all((placed & ~delivered & (due_ns <= last_ns))[cancelled])


def check_lives(result: RunResult) -> None:
    """Tries of one person come one after another; who is invited comes after their inviter's order."""
    orders, attempts = rows(result)
    invitations = result.scenario.invitations
    after = "delivered_ns" if invitations is not None and invitations.after == "delivered" else "placed_ns"
    tries: dict[int, list[int]] = {want: [] for want in orders["want"].tolist()}
    for row, want in enumerate(attempts["want"].tolist()):
        tries[want].append(row)
    ordered_ns = dict(zip(orders["want"].tolist(), orders[after].tolist(), strict=True))
    for row, want in enumerate(orders["want"].tolist()):
        own = {name: values[tries[want]].tolist() for name, values in attempts.items()}
        assert len(tries[want]) == orders["attempts"][row]
        check_tries(own)
        assert own["session"] == sorted(own["session"])
        assert all(start >= orders["first_try_ns"][row] for start in own["start_ns"])
        served = [ns for ns, answer in zip(own["ended_ns"], own["answer"], strict=True) if ANSWERS[answer] == "placed"]
        assert served == [ns for ns in [int(orders["placed_ns"][row])] if ns != NOT_YET]
        inviter = int(orders["invited_by"][row])
        assert inviter == NOT_YET or NOT_YET < ordered_ns[inviter] <= orders["first_try_ns"][row]


def check_tries(own: dict[str, list[int]]) -> None:
    """A try begins when all copies of the one before are answered, each copy while the one before it is not."""
    for at, copy in enumerate(own["copy"]):
        start_ns, first = own["start_ns"][at], at - copy
        if copy == 0:
            assert all(answered_ns <= start_ns for answered_ns in own["answered_ns"][:at])
        else:
            assert own["copy"][at - 1] == copy - 1
            assert own["timeout_ns"][at] == own["timeout_ns"][first]
            assert own["answered_ns"][at - 1] == NOT_YET or start_ns <= own["answered_ns"][at - 1]
        if ANSWERS[own["answer"][at]] == "outrun":
            of_try = [row for row in range(first, len(own["copy"])) if row - own["copy"][row] == first]
            winner = next(row for row in of_try if ANSWERS[own["answer"][row]] == "placed")
            assert own["answered_ns"][at] == own["answered_ns"][winner]


def ended_ns(result: RunResult) -> int:
    ended_s: float = result.summary["ended_s"]
    return round(ended_s * NS_PER_S)


def latest_ns(result: RunResult) -> int:
    """The last instant at which something can have happened: a run may be stopped between two events of one."""
    return ended_ns(result) - (not result.manifest["interrupted"])


# the same run again


@on_every_engine
@given(tree=scenarios(), seed=SEEDS)
def test_the_same_run_again_is_the_same_to_the_last_byte_with_or_without_a_trace(
    engine: Engine, tree: Tree, seed: int
) -> None:
    first, again, untraced = (run(engine, tree, seed, trace=trace) for trace in (True, True, False))
    assert as_json(again.summary) == as_json(first.summary)
    assert_same_rows(again, first)
    assert as_json(without_checked(untraced.summary)) == as_json(without_checked(first.summary))
    assert untraced.orders is untraced.attempts is None


def without_checked(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """A trace is checked against the counts too, so that more is checked with it."""
    return {**summary, "invariants": summary["invariants"]["violated"]}


@on_every_engine
@given(tree=scenarios(), seed=SEEDS)
def test_a_resolved_file_runs_like_the_scenario_that_it_was_written_from(engine: Engine, tree: Tree, seed: int) -> None:
    first = run(engine, tree, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resolved.toml"
        path.write_text(first.resolved, encoding="utf-8")
        read = load(path)
    assert read.scenario == first.scenario
    assert_same_rows(simulate(read, engine=engine, seed=seed, trace=True), first)


@on_every_engine
@given(tree=scenarios(), seed=SEEDS, asks=st.integers(0, 40) | st.integers(0, 2000))
def test_a_run_that_is_stopped_is_the_beginning_of_the_whole_one_and_its_books_balance(
    engine: Engine, tree: Tree, seed: int, asks: int
) -> None:
    whole = run(engine, tree, seed)
    asked = count()
    with (
        seldom_told(),
        mock.patch("simulator.reference.town.ATTEMPTS_BETWEEN_STOPS", 1),
        mock.patch("simulator.compiled.engine.EVENTS_BETWEEN_STOPS", 1),
    ):
        part = simulate(loaded(tree), engine=engine, seed=seed, trace=True, stop=lambda: next(asked) >= asks)
    assert part.summary["invariants"]["violated"] == []
    check_counts(part)
    check_instants_of_attempts(part)
    check_instants_of_orders(part)
    until_ns = ended_ns(part)
    check_beginning(rows(part)[1], rows(whole)[1], "start_ns", ("decided_ns", "answered_ns", "ended_ns"), until_ns)
    instants = ("ended_ns", "placed_ns", "ready_ns", "picked_up_ns", "delivered_ns")
    check_beginning(rows(part)[0], rows(whole)[0], "first_try_ns", instants, until_ns)


def check_beginning(part: Columns, whole: Columns, begins: str, reached: tuple[str, ...], until_ns: int) -> None:
    """All of before `until_ns` is there and as it was; of that very ns, what is there is as it was."""
    there = np.isin(name_of(whole), name_of(part))
    np.testing.assert_array_equal(name_of(part), name_of(whole)[there])
    assert np.all(there[whole[begins] < until_ns])
    assert np.all(whole[begins][there] <= until_ns)
    for name in reached:
        came, comes = part[name], whole[name][there]
        not_yet = (came == NOT_YET) & ((comes == NOT_YET) | (comes >= until_ns))
        assert np.all(not_yet | ((came == comes) & (came <= until_ns))), name


def name_of(table: Columns) -> Ints:
    """A number for each row, the same in each run."""
    numbers: Ints = table["want"] * 1000 + table.get("attempt", 0)
    return numbers


# what must not matter


@on_every_engine
@given(tree=scenarios(), seed=SEEDS, first=st.booleans())
def test_laws_that_never_refuse_change_no_row(engine: Engine, tree: Tree, seed: int, first: bool) -> None:
    places = ["client", "gateway", *(f"stage:{stage['name']}" for stage in tree["stages"])]
    open_doors = [
        {"name": f"{law['law']}-{at.replace(':', '-')}", "at": at, "key": "person", **law}
        for at in places
        for law in (
            {"law": "token_bucket", "rate": "off"},
            {"law": "gcra", "rate": "1000000000/s"},
            {"law": "fixed_window", "limit": 10**7, "window": "1s"},
            {"law": "fixed_concurrency", "limit": 10**7},
        )
        if at != "client" or law["law"] != "fixed_concurrency"
    ]
    open_doors.append({"name": "calls", "at": "client", "law": "retry_budget", "earn": 1.0, "cap": 10**6})
    laws = tree.get("admission", [])
    more = {**tree, "admission": [*open_doors, *laws] if first else [*laws, *open_doors]}
    assert_same_rows(run(engine, more, seed), run(engine, tree, seed))


@on_every_engine
@given(tree=scenarios(), seed=SEEDS, at_ms=st.integers(0, 19), bucket_ms=st.integers(1, 19))
def test_neither_an_incident_that_changes_nothing_nor_the_width_of_buckets_changes_a_row(
    engine: Engine, tree: Tree, seed: int, at_ms: int, bucket_ms: int
) -> None:
    turned = {timeline["knob"] for timeline in tree.get("timelines", [])}
    turned |= {knob for incident in tree.get("incidents", []) for knob in incident["set"]}
    if tree.get("controls"):  # which an incident would take their knobs back from, and which may read by the bucket
        return
    knobs = knobs_as_they_are(loaded(tree).scenario)
    as_they_are = {knob: value for knob, value in knobs.items() if knob not in turned}
    if not as_they_are:
        return
    nothing = {"name": "nothing", "at": f"{at_ms}ms", "for": "3ms", "set": as_they_are}
    more = {**tree, "incidents": [*tree.get("incidents", []), nothing], "bucket": f"{bucket_ms}ms"}
    assert_same_rows(run(engine, more, seed), run(engine, tree, seed))


def knobs_as_they_are(scenario: Scenario) -> dict[str, Any]:
    knobs: dict[str, Any] = {}
    for stage in scenario.stages:
        names = ("replicas",) if stage.kind == "batching" else ("servers", "slowdown")
        for name in (*names, "queue_limit", "failure"):
            knobs[f"stages.{stage.name}.{name}"] = getattr(stage, name)
    if scenario.gateway is not None:
        knobs["gateway.servers"] = scenario.gateway.servers
    if scenario.kitchens is not None:
        knobs |= {"kitchens.slowdown": scenario.kitchens.slowdown, "kitchens.closed": scenario.kitchens.closed}
    if scenario.couriers is not None:
        knobs["couriers.slowdown"] = scenario.couriers.slowdown
    return knobs
