"""The laws that learn from answers, and the waiting room, compiled from outside: as interpreted, over long runs."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from limits import circuit_breaker, retry_ratio, retry_throttle, sre_throttle, waiting_room
from limits.row import LARGEST
from tests.compiling import compiled

AT = 3  # rows lie anywhere in the table
MOVES = 20_000
# A move: now_ns, what to do (0 to 5), a cost, a draw, an outcome, a small number.
Drive = Callable[..., None]


def sre(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, cost, draw, outcome, _ = moves[i]
        if what < 3:
            answers[i] = sre_throttle.decide(state, AT, 5, 20, 2000, draw, now_ns, cost)
        else:
            sre_throttle.observe(state, AT, 5, 20, now_ns, 1, 1, outcome)


def ratio(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, cost, _, _, _ = moves[i]
        if what < 3:
            answers[i] = retry_ratio.decide(state, AT, 5, 20, 3, now_ns, cost)
        else:
            retry_ratio.earn(state, AT, 5, 20, 300, now_ns)


def throttle(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, cost, _, outcome, _ = moves[i]
        if what < 2:
            answers[i] = retry_throttle.decide(state, AT, 6000, now_ns, cost)
        else:
            retry_throttle.observe(state, AT, 6000, 900, now_ns, 1, 1, outcome)


def breaker(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, cost, _, outcome, k = moves[i]
        if what < 3:
            answers[i] = circuit_breaker.decide(state, AT, 30, 3, 40, now_ns, cost)
        else:
            circuit_breaker.observe(state, AT, 10, 8, 500, 600, 3, 3, 40, now_ns, k, 1, outcome)


def room(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, cost, draw, outcome, k = moves[i]
        if what == 0:
            answers[i] = waiting_room.join(state, AT, 2, 12, 50, draw if outcome == 0 else -1, now_ns)
        elif what < 4:
            answers[i] = waiting_room.decide(state, AT, 2, 12, 50, state[AT] - k, now_ns, cost)
        elif what == 4:
            waiting_room.grant(state, AT, 2, 12, k % 2, 4, k, now_ns)
            answers[i] = waiting_room.before(state, AT, 2, 12, state[AT] - k)
        elif outcome == 1:
            waiting_room.leave(state, AT, 2, 12, state[AT] - k, now_ns)


RUNS: list[tuple[ModuleType, Drive, int, int]] = [
    (sre_throttle, sre, sre_throttle.WIDTH + 10, 3),
    (retry_ratio, ratio, retry_ratio.WIDTH + 10, 3),
    (retry_throttle, throttle, retry_throttle.WIDTH, 3),
    (circuit_breaker, breaker, circuit_breaker.WIDTH + 10, 20),
    (waiting_room, room, waiting_room.WIDTH + 2 + 36, 100),
]


def moves(seed: int) -> list[list[int]]:
    """Return moves with ties, leaps and steps back, and costs from -1 up to far too much."""
    generator = np.random.default_rng(seed)
    steps = generator.integers(0, 13, MOVES)
    steps[generator.random(MOVES) < 0.3] = 0
    steps[generator.random(MOVES) < 0.02] = -9
    steps[generator.random(MOVES) < 0.002] = 10**6
    columns = [
        np.maximum(0, np.cumsum(steps)),
        generator.integers(0, 6, MOVES),
        generator.choice([1, 1, 1, 1, 2, 3, 0, -1, LARGEST], MOVES),
        generator.integers(0, 10**9, MOVES),
        generator.choice([0, 0, 0, 1, 1, 2], MOVES),
        generator.integers(0, 7, MOVES),
    ]
    return [list(map(int, move)) for move in zip(*columns, strict=True)]


@pytest.mark.parametrize(("drive", "width", "kinds"), [run[1:] for run in RUNS])
def test_a_law_does_the_same_interpreted_and_compiled(drive: Drive, width: int, kinds: int) -> None:
    made = moves(11)
    listed, spoken = [0] * (AT + width), [0] * MOVES
    drive(listed, made, spoken)
    state, answers = np.zeros(AT + width, np.int64), np.zeros(MOVES, np.int64)
    compiled(drive)(state, np.array(made), answers)
    assert answers.tolist() == spoken
    assert state.tolist() == listed
    assert listed[:AT] == [0] * AT
    assert len(set(spoken)) >= kinds  # the run meets what the law is for


def edges(state: Any, numbers: Any, answers: Any) -> None:
    """Ask every law with all triples of the largest numbers there are, from rows of zeros."""
    i = 0
    for a in numbers:
        for b in numbers:
            for now_ns in numbers:
                for k in range(len(state)):
                    state[k] = 0
                sre_throttle.observe(state, 0, 2, max(1, b), now_ns, b, b, 0)
                answers[i] = sre_throttle.decide(state, 0, 2, max(1, b), a, 999_999_999, now_ns, 1)
                answers[i + 1] = sre_throttle.decide(state, 0, 2, max(1, b), a, 999_999_999, now_ns, a)
                retry_ratio.earn(state, 10, 2, max(1, b), a, now_ns)
                retry_ratio.earn(state, 10, 2, max(1, b), a, now_ns)
                answers[i + 2] = retry_ratio.decide(state, 10, 2, max(1, b), a // 1000, now_ns, b // 500)
                answers[i + 3] = retry_ratio.decide(state, 10, 2, max(1, b), a // 1000, now_ns, 1)
                retry_throttle.observe(state, 20, a, b, now_ns, b, b, 1)
                answers[i + 4] = retry_throttle.decide(state, 20, a, now_ns, b)
                retry_throttle.observe(state, 20, a, b, now_ns, b, b, 0)
                circuit_breaker.observe(state, 21, 2, a, b, a, b, a, b, now_ns, b, b, 1)
                circuit_breaker.observe(state, 21, 2, a, b, a, b, a, b, now_ns, a, b, 1)
                answers[i + 5] = circuit_breaker.decide(state, 21, a, b, a, 0, 1)
                answers[i + 6] = circuit_breaker.decide(state, 21, a, b, a, now_ns, b)
                answers[i + 7] = waiting_room.join(state, 30, 1, 2, a, 999_999_999, now_ns)
                waiting_room.grant(state, 30, 1, 2, 0, a, b, now_ns)
                waiting_room.grant(state, 30, 1, 2, 0, a, b, now_ns)
                answers[i + 8] = waiting_room.decide(state, 30, 1, 2, a, 1, now_ns, 1)
                answers[i + 9] = waiting_room.decide(state, 30, 1, 2, a, b, b, a)
                answers[i + 10] = max(state)
                answers[i + 11] = min(state)
                i += 12


def test_the_largest_numbers_do_not_wrap_when_compiled() -> None:
    numbers = [0, 1, 2, LARGEST // 2, LARGEST - 1, LARGEST]
    listed, spoken = [0] * 41, [0] * 12 * len(numbers) ** 3
    edges(listed, numbers, spoken)
    assert max(abs(answer) for answer in spoken) < 2**63
    state, answers = np.zeros(41, np.int64), np.zeros(len(spoken), np.int64)
    compiled(edges)(state, np.array(numbers), answers)
    assert answers.tolist() == spoken
    assert state.tolist() == listed
