"""Hedged attempts, worked out by hand: people at given ms, a till whose first copies are slow, and who wins."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.engines import ENGINES, Engine
from simulator.results import RunResult
from tests.scenario_strategy import Tree
from tests.test_laws_in_engines import answered_ms, answers, live

S_MS = 1_000_000


def hedged(
    engine: Engine,
    at_ms: list[int],
    *laws: Tree,
    after: str = "5ms",
    most: int = 1,
    people: Tree | None = None,
    **more: Any,
) -> RunResult:
    return live(engine, at_ms, *laws, people={"hedge": {"after": after, "most": most}, **(people or {})}, **more)


def rows(result: RunResult, *columns: str) -> list[tuple[int, ...]]:
    """Return columns of the attempts, instants in ms."""
    assert result.attempts is not None
    assert result.summary["invariants"]["violated"] == []
    values = [
        [value // S_MS if name.endswith("_ns") and value >= 0 else value for value in result.attempts[name].tolist()]
        for name in columns
    ]
    return list(zip(*values, strict=True))


def till(servers: int, service: str, **more: Any) -> list[Tree]:
    return [{"name": "till", "servers": servers, "service": service, **more}]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_copy_follows_what_has_no_answer_and_the_first_that_is_placed_wins(engine: Engine) -> None:
    result = hedged(engine, [0, 3], most=2, stages=till(9, "8ms"))
    # copies at 5 and (of the one of 3 ms) 8 ms; the second hedges, at 10 and 13, come after the orders of 8 and 11
    assert rows(result, "want", "attempt", "copy", "start_ns", "answered_ns", "ended_ns") == [
        (0, 1, 0, 0, 8, 8),
        (0, 2, 1, 5, 8, 13),
        (1, 1, 0, 3, 11, 11),
        (1, 2, 1, 8, 11, 16),
    ]
    assert answers(result) == ["placed", "outrun"] * 2
    attempts = result.summary["attempts"]
    assert [attempts[name] for name in ("offered", "hedged", "outrun", "completed")] == [4, 2, 2, 2]
    assert result.summary["work"]["wasted"] == pytest.approx(0.016)  # it goes on
    assert result.summary["orders"]["placed"] == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_an_answer_in_the_ns_of_the_hedge_comes_first(engine: Engine) -> None:
    assert answers(hedged(engine, [0], stages=till(9, "5ms"))) == ["placed"]
    timed_out = hedged(engine, [0], people={"timeout": "5ms"}, stages=till(9, "9ms"))
    assert answers(timed_out) == ["timed_out"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_copy_that_fails_leaves_the_try_to_the_others(engine: Engine) -> None:
    window = {"at": "gateway", "law": "fixed_window", "limit": 1, "window": "10s"}
    result = hedged(engine, [0], window, most=3, stages=till(9, "8ms"))
    # the copy of 5 ms is throttled: no copy follows it, and the first is placed at 8
    assert answers(result) == ["placed", "throttled"]
    assert answered_ms(result) == [8, 5]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_try_fails_when_its_last_copy_does_and_the_next_follows_from_then(engine: Engine) -> None:
    people = {"attempts": 2, "retry_delay": "10ms"}
    result = hedged(engine, [0], people=people, stages=till(9, "8ms", failure=1.0))
    # at 8 ms the first fails, at 13 its copy; the next try is at 23
    assert rows(result, "attempt", "copy", "start_ns", "answered_ns") == [
        (1, 0, 0, 8),
        (2, 1, 5, 13),
        (3, 0, 23, 31),
        (4, 1, 28, 36),
    ]
    assert result.summary["sessions"]["failed"] == 1
    assert result.summary["people"]["abandoned"] == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_all_copies_time_out_with_their_try(engine: Engine) -> None:
    result = hedged(engine, [0], most=2, people={"timeout": "12ms"}, stages=till(9, "20ms"))
    assert rows(result, "start_ns", "timeout_ns", "answered_ns", "ended_ns") == [
        (0, 12, 12, 20),
        (5, 12, 12, 25),
        (10, 12, 12, 30),
    ]
    assert result.summary["attempts"]["timed_out"] == 3
    assert result.summary["sessions"]["failed"] == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("deadline", "ends_ms"), [(False, 22), (True, 15)])
def test_an_outrun_copy_is_dropped_at_its_turn_where_the_deadline_travels(
    engine: Engine, deadline: bool, ends_ms: int
) -> None:
    stages = [*till(9, "1ms"), {"name": "pay", "servers": 1, "service": "7ms", "deadline": deadline}]
    result = hedged(engine, [0, 4], stages=stages)
    # placed at 8 ms, while the copy, at the second stage from 6 on, waits for the other person to be served until 15
    assert rows(result, "want", "copy", "answered_ns", "ended_ns")[:2] == [(0, 0, 8, 8), (0, 1, 8, ends_ms)]


@pytest.mark.parametrize("engine", ENGINES)
def test_hedges_are_paid_from_the_budget_of_retries(engine: Engine) -> None:
    budget = {"at": "client", "law": "retry_budget", "earn": 0.0, "cap": 2}
    people = {"attempts": 3, "retry_delay": "10ms"}
    result = hedged(engine, [0], budget, people=people, stages=till(9, "8ms", failure=1.0))
    # a hedge at 5 ms and the retry at 23 take both tokens; the hedge of 28 is held back, and so is the next retry
    assert rows(result, "attempt", "copy", "start_ns") == [(1, 0, 0), (2, 1, 5), (3, 0, 23)]
    assert result.summary["attempts"]["held_back"] == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hedge_that_a_law_of_the_client_refuses_is_no_failure_of_the_try(engine: Engine) -> None:
    window = {"at": "client", "law": "fixed_window", "limit": 1, "window": "7ms"}
    result = hedged(engine, [0], window, most=9, stages=till(9, "20ms"))
    assert answers(result) == ["placed"]
    assert result.summary["attempts"]["held_back"] == 1  # the hedge of 5 ms, and none follows it


@pytest.mark.parametrize("engine", ENGINES)
def test_an_outrun_copy_teaches_the_client_nothing(engine: Engine) -> None:
    breaker = {
        "at": "client",
        "law": "circuit_breaker",
        "last_calls": 2,
        "least_calls": 2,
        "open_for": "1s",
        "probes": 1,
    }
    # two orders with an outrun copy each: were these failures, half of the calls would have failed, and it would open
    result = hedged(engine, [0, 20, 40], {**breaker, "failed": 0.5}, stages=till(9, "8ms"))
    assert answers(result) == ["placed", "outrun"] * 3


@pytest.mark.parametrize("engine", ENGINES)
def test_an_outrun_copy_that_is_served_to_the_end_teaches_the_gateway_nothing(engine: Engine) -> None:
    aimd = {"at": "gateway", "law": "aimd", "start": 2, "least": 1, "most": 2, "backoff": 0.0, "longest_rtt": "1s"}
    result = hedged(engine, [0, 20], aimd, stages=till(9, "8ms"))
    # were the end at 13 ms a failure, one would be let in at 20, and its copy shed
    assert answers(result) == ["placed", "outrun"] * 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_want_is_placed_once_also_where_both_copies_are_done_in_one_ns(engine: Engine) -> None:
    stages = [{"name": "till", "servers": 1, "service": "0s"}, {"name": "pay", "servers": 2, "service": "8ms"}]
    result = hedged(engine, [0], after="0s", stages=stages)
    assert rows(result, "answered_ns", "ended_ns") == [(8, 8), (8, 8)]
    assert answers(result) == ["placed", "outrun"]
    assert result.summary["orders"]["placed"] == 1
