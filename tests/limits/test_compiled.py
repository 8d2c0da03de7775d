"""The laws as the compiled engine has them compiled: same answers and same state as interpreted, over long runs."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from limits import (
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    pacing,
    retry_after,
    retry_budget,
    sliding_window_log,
    token_bucket,
)
from limits.laws import MODULES
from limits.row import LARGEST
from tests.compiling import compiled
from tests.limits import test_adaptive_compiled, test_answers_compiled, test_compiled_more

Ints = NDArray[np.int64]

AT = 3  # rows lie anywhere in the table
S = 1_000_000_000
QUESTIONS = 20_000

ROWS: list[tuple[ModuleType, int, tuple[int, ...], int]] = [  # law, width, parameters, mean step in ns
    (token_bucket, 2, (29, 10**8, 50), S // 400),
    (token_bucket, 2, (3, S, 1), S // 5),
    (token_bucket, 2, (0, 1, 5), S),
    (token_bucket, 2, (LARGEST, LARGEST, 1), 1),
    (gcra, 1, (3_448_276, 50), S // 400),
    (gcra, 1, (1, LARGEST), S),
    (fixed_window, 2, (10, 60 * S), 4 * S),
    (sliding_window_log, 2 + 12, (12, 10, 60 * S), 4 * S),
    (fixed_concurrency, 1, (100,), 1),
    (deadline, 0, (S, 20_000 * S), 2 * S),
    (retry_budget, 1, (5_000_000,), 1),
    (pacing, 1, (S // 10, S // 2), S // 20),
]


def test_every_law_is_asked() -> None:
    others = [*test_compiled_more.RUNS, *test_answers_compiled.RUNS, *test_adaptive_compiled.RUNS]
    assert {law for law, *_ in [*ROWS, *others]} == {*MODULES.values()}


def asked(decide: Callable[..., int]) -> Callable[..., None]:
    """Return a loop that asks a law everything, as an engine does: plain Python, fit to be compiled."""

    def ask_all(state: Any, params: tuple[int, ...], now_ns: Ints, costs: Ints, answers: Ints) -> None:
        for i in range(len(now_ns)):
            answers[i] = decide(state, AT, *(*params, now_ns[i], costs[i]))

    return ask_all


def questions(seed: int, mean_step_ns: int) -> tuple[Ints, Ints]:
    """Return instants with ties, leaps and steps back, and costs from -1 up to far too much."""
    generator = np.random.default_rng(seed)
    steps = generator.integers(0, 2 * mean_step_ns + 1, QUESTIONS)
    steps[generator.random(QUESTIONS) < 0.3] = 0
    back = generator.random(QUESTIONS) < 0.02
    steps[back] = -generator.integers(0, 3 * mean_step_ns + 1, int(back.sum()))
    costs = generator.choice([1, 1, 1, 1, 2, 3, 5, 0, -1, 1000, LARGEST], QUESTIONS)
    return np.maximum(0, np.cumsum(steps)), costs.astype(np.int64)


@pytest.mark.parametrize(("law", "width", "params", "mean_step_ns"), ROWS)
def test_a_law_answers_the_same_interpreted_and_compiled(
    law: ModuleType, width: int, params: tuple[int, ...], mean_step_ns: int
) -> None:
    now_ns, costs = questions(7, mean_step_ns)
    listed, spoken = [0] * (AT + width), [0] * QUESTIONS
    asked(law.decide)(listed, params, now_ns.tolist(), costs.tolist(), spoken)
    state, answers = np.zeros(AT + width, np.int64), np.zeros(QUESTIONS, np.int64)
    compiled(asked(law.decide))(state, params, now_ns, costs, answers)
    assert answers.tolist() == spoken
    assert state.tolist() == listed
    assert listed[:AT] == [0] * AT
    assert len(set(spoken)) > 1  # not all alike: the run meets what the law is for


@pytest.mark.parametrize(("law", "width", "params", "mean_step_ns"), ROWS[:1] + ROWS[4:5] + ROWS[6:])
def test_a_law_answers_the_same_on_a_list_and_on_an_array(
    law: ModuleType, width: int, params: tuple[int, ...], mean_step_ns: int
) -> None:
    now_ns, costs = (column[:2000] for column in questions(8, mean_step_ns))
    listed, spoken = [0] * (AT + width), [0] * 2000
    asked(law.decide)(listed, params, now_ns.tolist(), costs.tolist(), spoken)
    state, answers = np.zeros(AT + width, np.int64), np.zeros(2000, np.int64)
    asked(law.decide)(state, params, now_ns, costs, answers)
    assert answers.tolist() == spoken
    assert state.tolist() == listed


def edges(state: Any, numbers: Any, answers: Any) -> None:
    """Ask every law with all pairs of the largest numbers there are, from rows that hold the largest there are."""
    i = 0
    for a in numbers:
        for b in numbers:
            for now_ns in numbers:
                state[0] = a
                state[1] = b
                answers[i] = token_bucket.decide(state, 0, a, b, 1, now_ns, 1)
                answers[i + 1] = gcra.decide(state, 1, b, 1, now_ns, 1)
                answers[i + 2] = pacing.decide(state, 1, a, b, now_ns, 1)
                state[0] = 0
                state[1] = a
                answers[i + 3] = fixed_window.decide(state, 0, a, b, now_ns, b)
                answers[i + 4] = fixed_concurrency.decide(state, 1, a, now_ns, b)
                answers[i + 5] = retry_budget.decide(state, 1, a, now_ns, b)
                answers[i + 6] = deadline.decide(state, 0, a, b, now_ns, 1)
                answers[i + 7] = sliding_window_log.decide(state, 2, 1, a, b, now_ns, 1)
                answers[i + 8] = state[0]
                answers[i + 9] = state[1]
                i += 10


def test_the_largest_numbers_do_not_wrap_when_compiled() -> None:
    numbers = [0, 1, 2, LARGEST // 2, LARGEST - 1, LARGEST]
    listed, spoken = [0] * 5, [0] * 10 * len(numbers) ** 3
    edges(listed, numbers, spoken)
    assert max(abs(answer) for answer in spoken) < 2**63
    state, answers = np.zeros(5, np.int64), np.zeros(len(spoken), np.int64)
    compiled(edges)(state, np.array(numbers), answers)
    assert answers.tolist() == spoken
    assert state.tolist() == listed


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
    listed, spoken = [0] * 3, [0] * 3 * count
    changing(listed, rates.tolist(), now_ns.tolist(), spoken)
    state, kept = np.zeros(3, np.int64), np.zeros(3 * count, np.int64)
    compiled(changing)(state, rates, now_ns, kept)
    assert kept.tolist() == spoken
    assert state.tolist() == listed


def counting(state: Any, moves: Any, kept: Any) -> None:
    """Take and give back, spend and earn."""
    for i in range(len(moves)):
        fixed_concurrency.release(state, 0, moves[i])
        kept[3 * i] = fixed_concurrency.decide(state, 0, 9, 0, 2 * moves[i])
        retry_budget.earn(state, 1, moves[i] * 333)
        kept[3 * i + 1] = retry_budget.decide(state, 1, 5000, 0, 1)
        kept[3 * i + 2] = retry_after.seconds(moves[i] * 700_000_000)


def test_giving_back_and_earning_are_the_same_interpreted_and_compiled() -> None:
    moves = np.random.default_rng(10).integers(-1, 6, 3000)
    listed, spoken = [0] * 2, [0] * 3 * len(moves)
    counting(listed, moves.tolist(), spoken)
    state, kept = np.zeros(2, np.int64), np.zeros(3 * len(moves), np.int64)
    compiled(counting)(state, moves, kept)
    assert kept.tolist() == spoken
    assert state.tolist() == listed
