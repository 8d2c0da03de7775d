"""The laws as the compiled engine has them compiled: same answers and same state as interpreted, over long runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from limits import fixed_concurrency, gcra, hot_key, retry_after, retry_budget, token_bucket
from limits.laws import MODULES
from limits.row import LARGEST
from tests.compiling import compiled
from tests.interpreted import sized
from tests.limits import adaptive_drives, drives
from tests.limits.drives import AT, MOVES, Drive, Edges, Run, S

RUNS = [*drives.RUNS, *adaptive_drives.RUNS]
EDGES = [*drives.EDGES, *adaptive_drives.EDGES]
NUMBERS = np.array([0, 1, 2, 7, LARGEST // 2, LARGEST - 1, LARGEST])


def test_every_law_is_asked() -> None:
    assert {run.law for run in RUNS} == {*MODULES.values()}


def alike(
    drive: Callable[..., None], width: int, told: list[Any], answers: int, other: Callable[..., Any] = compiled
) -> tuple[list[int], list[int]]:
    """Drive rows in lists and, another way, in arrays; return state and answers, which have to be the same."""
    listed, spoken = [0] * width, [0] * answers
    drive(listed, *(one.tolist() for one in told), spoken)
    state, found = np.zeros(width, np.int64), np.zeros(answers, np.int64)
    other(drive)(state, *told, found)
    assert found.tolist() == spoken
    assert state.tolist() == listed
    return listed, spoken


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.drive.__name__)
def test_a_law_does_the_same_interpreted_and_compiled(run: Run) -> None:
    listed, spoken = alike(run.drive, AT + run.width, [np.array(run.moves(MOVES))], MOVES)
    assert listed[:AT] == [0] * AT
    assert len(set(spoken)) >= run.kinds  # the run meets what the law is for


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.drive.__name__)
def test_a_law_does_the_same_on_a_list_and_on_an_array(run: Run) -> None:
    made = run.moves(1000)

    def interpreted(drive: Drive) -> Drive:
        return lambda state, _, answers: drive(state, made, answers)

    alike(run.drive, AT + run.width, [np.array(made)], 1000, interpreted)


@pytest.mark.parametrize("edges", EDGES, ids=lambda edges: edges.drive.__name__)
def test_the_largest_numbers_do_not_wrap_when_compiled(edges: Edges) -> None:
    _, spoken = alike(edges.drive, edges.width, [NUMBERS], edges.each * len(NUMBERS) ** 3)
    assert max(abs(answer) for answer in spoken) < 2**63


def changing(state: Any, rates: Any, now_ns: Any, kept: Any) -> None:
    """Change rates again and again, spend between, and keep what the rows hold."""
    for i in range(1, len(now_ns)):
        old_tokens, old_per_ns, old_burst = rates[i - 1]
        tokens, per_ns, burst = rates[i]
        token_bucket.change(state, 0, old_tokens, old_per_ns, old_burst, tokens, per_ns, burst, now_ns[i])
        gcra.change(state, 2, old_per_ns, old_burst, per_ns, burst, now_ns[i])
        token_bucket.decide(state, 0, tokens, per_ns, burst, now_ns[i], 1)
        gcra.decide(state, 2, per_ns, burst, now_ns[i], 1)
        kept[3 * i] = state[0]
        kept[3 * i + 1] = state[1]
        kept[3 * i + 2] = state[2]


def test_changes_of_rate_are_the_same_interpreted_and_compiled() -> None:
    generator, count = np.random.default_rng(9), 3000
    rates = np.stack(
        [
            generator.integers(0, 10**6, count),
            generator.integers(1, 10**15, count),
            generator.integers(1, 4000, count),
        ],
        axis=1,
    )
    now_ns = np.cumsum(generator.integers(0, 10**9, count))
    alike(changing, 3, [rates, now_ns], 3 * count)


def counting(state: Any, moves: Any, kept: Any) -> None:
    """Take and give back, spend and earn."""
    for i in range(len(moves)):
        fixed_concurrency.release(state, 0, moves[i])
        kept[3 * i] = fixed_concurrency.decide(state, 0, 9, 0, 2 * moves[i])
        retry_budget.earn(state, 1, moves[i] * 333)
        kept[3 * i + 1] = retry_budget.decide(state, 1, 5000, 0, 1)
        kept[3 * i + 2] = retry_after.seconds(moves[i] * 700_000_000)


def test_giving_back_and_earning_are_the_same_interpreted_and_compiled() -> None:
    alike(counting, 2, [np.random.default_rng(10).integers(-1, 6, 3000)], 3 * 3000)


def invent(state: Any, slots: int, count: int, overrides: Any) -> tuple[int, int]:
    """Invent keys, and ask for one of them often and for one seldom; return how often the two were admitted."""
    often = 0
    seldom = 0
    for i in range(count):
        hot_key.decide(state, 0, slots, 1, 3600 * S, 1, overrides, 0, 0, 10 + i, i, 1)
        if i % (slots // 2) == 0 and hot_key.decide(state, 0, slots, 1, 3600 * S, 1, overrides, 0, 0, 1, i, 1) == 0:
            often += 1
        if i % (slots * 2) == 0 and hot_key.decide(state, 0, slots, 1, 3600 * S, 1, overrides, 0, 0, 2, i, 1) == 0:
            seldom += 1
    return often, seldom


def test_a_million_invented_keys_shut_out_nobody_and_let_only_the_seldom_in_again() -> None:
    count = sized(1_000_000, 100_000)
    state = np.zeros(hot_key.width(1000), np.int64)
    assert compiled(invent)(state, 1000, count, np.zeros(0, np.int64)) == (1, count // 2000)
    assert state[0] > count - 2000  # all but the first thousand pushed one out that was not full
