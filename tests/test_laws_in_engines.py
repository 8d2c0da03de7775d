"""What each law does in a run, worked out by hand: a few people, who come at given ms and try once unless told else."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.engines import ENGINES, Engine
from simulator.results import RunResult
from simulator.run import simulate
from simulator.trace import ANSWERS
from tests.agreement import seldom_told
from tests.scenario_strategy import Tree, loaded


def live(engine: Engine, at_ms: list[int], law: Tree, people: Tree | None = None, **more: Any) -> RunResult:
    """Run people who come at these ms, the first of them at 0, to a till that serves 100 at once for 1 ms each."""
    tree: Tree = {
        "schema": 1,
        "name": "by-hand",
        "title": "A law by hand",
        "horizon": "10s",
        "arrivals": {"process": "trace", "file": "\n".join(["t", *(f"{ms / 1000:.3f}" for ms in at_ms), ""])},
        "people": {"timeout": "1s", "attempts": 1, **(people or {})},
        "stages": [{"name": "till", "servers": 100, "service": "1ms"}],
        "admission": [{"name": "law", **law}],
        **more,
    }
    with seldom_told():
        return simulate(loaded(tree), engine=engine, trace=True)


def answers(result: RunResult) -> list[str]:
    """Return what each attempt was answered, by want and attempt."""
    assert result.attempts is not None
    return [ANSWERS[answer] for answer in result.attempts["answer"].tolist()]


def placed_at(result: RunResult, at_ms: list[int]) -> list[int]:
    """Return the ms of those who were placed, where each tries once."""
    return [ms for ms, answer in zip(at_ms, answers(result), strict=True) if answer == "placed"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sliding_window_counts_its_part_of_the_window_before(engine: Engine) -> None:
    at_ms = [0, 1, 2, 3, 4, 12, 13, 14, 15, 16]
    law = {"at": "gateway", "law": "sliding_window", "limit": 4, "window": "10ms"}
    # of the 4 of before: 8/10 is 3 at 12 ms, 2 at 13, 14 and 15, 1 at 16
    assert placed_at(live(engine, at_ms, law), at_ms) == [0, 1, 2, 3, 12, 13, 16]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cold_door_lets_in_a_third_of_its_rate_and_says_when_to_come_back(engine: Engine) -> None:
    at_ms = list(range(0, 2000, 100))
    result = live(engine, at_ms, {"at": "stage:till", "law": "warm_up", "rate": "10/s"})
    assert placed_at(result, at_ms) == [0, 100, 200, 1000, 1100, 1200]
    assert result.attempts is not None
    assert result.attempts["retry_after_s"].tolist()[3:6] == [1, 1, 1]
