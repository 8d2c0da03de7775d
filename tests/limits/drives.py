"""What laws are asked where they are compared, compiled and not; those that adapt: `adaptive_drives.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from limits import (
    adaptive_lifo,
    aimd,
    circuit_breaker,
    codel,
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    hot_key,
    keys,
    pacing,
    quota_lease,
    quota_report,
    retry_budget,
    retry_ratio,
    retry_throttle,
    sliding_window,
    sliding_window_log,
    sre_throttle,
    token_bucket,
    waiting_room,
    warm_up,
    without_store,
)
from limits.row import LARGEST

AT = 3  # rows lie anywhere in the table
MS = 1_000_000
S = 1_000_000_000
MOVES = 10_000

Drive = Callable[[Any, Any, Any], None]
"""Asks laws everything, as an engine does: plain Python, fit to be compiled; (state, moves, answers)."""


class Run(NamedTuple):
    """How a law is driven: the width of its rows, moves (so many), and how many answers it gives at least."""

    law: ModuleType
    drive: Drive
    width: int
    moves: Callable[[int], list[list[int]]]
    kinds: int


class Edges(NamedTuple):
    """What is asked with the largest numbers there are: the width of all rows, and answers to a triple."""

    drive: Drive
    width: int
    each: int


def moves(largest_step_ns: int, count: int) -> list[list[int]]:
    """Return moves with ties, leaps and steps back, and any costs, far too much and below 0.

    A move: now_ns, a cost, what to do (0 to 5), a number (0 to 12), a draw, an outcome.
    """
    generator = np.random.default_rng(11)
    steps = generator.integers(0, largest_step_ns + 1, count)
    steps[generator.random(count) < 0.3] = 0
    steps[generator.random(count) < 0.02] = -largest_step_ns
    steps[generator.random(count) < 0.002] = 10_000 * largest_step_ns
    columns = [
        np.maximum(0, np.cumsum(steps)),
        generator.choice([1, 1, 1, 1, 1, 1, 2, 3, 5, 0, -1, 1000, LARGEST, 2**63 - 1, -(2**63)], count),
        generator.integers(0, 6, count),
        generator.integers(0, 13, count),
        generator.integers(0, 10**9, count),
        generator.choice([0, 0, 0, 1, 1, 2], count),
    ]
    return [list(map(int, move)) for move in zip(*columns, strict=True)]


def asked(decide: Callable[..., int], *params: int) -> Drive:
    """Return a drive that only asks."""

    def ask_all(state: Any, moves: Any, answers: Any) -> None:
        for i in range(len(moves)):
            answers[i] = decide(state, AT, *(*params, moves[i][0], moves[i][1]))

    return ask_all


def sliding_with_large_numbers(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        cost = (moves[i][3] - 1) * (LARGEST // 12)
        answers[i] = sliding_window.decide(state, AT, LARGEST, 10 * S, moves[i][0], cost)


def dropping(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        answers[i] = codel.decide(state, AT, S, 300 * MS, moves[i][3] * 150 * MS, moves[i][0], 1)


def queueing(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        adaptive_lifo.arrives(state, AT, moves[i][3] - 1, moves[i][0])
        answers[i] = adaptive_lifo.decide(state, AT, S, 300 * MS, moves[i][3] * 150 * MS, moves[i][0], 1)
        if adaptive_lifo.newest_first(state, AT, S, moves[i][0]):
            answers[i] += 10


def learning(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        limit = aimd.limit(state, AT, 20)
        answers[i] = 1000 * limit + fixed_concurrency.decide(state, AT + 1, limit, moves[i][0], 1)
        fixed_concurrency.release(state, AT + 1, moves[i][3] // 6)
        aimd.observe(
            state, AT, 20, 20, 200, 900, S, moves[i][0], moves[i][3] * 150 * MS, state[AT + 1] + 20, moves[i][3] // 12
        )


def by_key(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        row = keys.row_of(state, AT, 9, gcra.WIDTH, moves[i][0] // (100 * MS) % 7 * 9 + moves[i][3])
        answers[i] = gcra.decide(state, row, S, 3, moves[i][0], 1)


def hot(state: Any, moves: Any, answers: Any) -> None:
    overrides = np.array([3, 1, 10 * S, 1, 5, 9, S, 20])
    for i in range(len(moves)):
        key = moves[i][0] // (100 * MS) % 7 * moves[i][3]
        answers[i] = hot_key.decide(state, AT, 9, 1, S, 3, overrides, 0, 2, key, moves[i][0], moves[i][3] // 3)


def leasing(state: Any, moves: Any, answers: Any) -> None:
    """The row of the store, a record, and a gateway whose every seventh question fails."""
    record, row = AT + 1, AT + 1 + quota_lease.RECORD_WIDTH
    for i in range(len(moves)):
        now, cost = moves[i][0], moves[i][3] - 1
        answers[i] = quota_lease.decide(state, row, 8, S, without_store.LAST_SHARE, 9 * S, now, cost)
        wanted = quota_lease.wanted(state, row, 8, now, cost)
        if wanted > 0:
            number, left = quota_lease.asked(state, row, now), state[row]
            tokens = quota_lease.grant(state, AT, S, 20, state, record, number, wanted, left, 9 * S, now)
            wait_ns = quota_lease.shortage_ns(state, AT, S, 20, now)
            if number % 7 == 0:
                quota_lease.failed(state, row, now + S)
            else:
                quota_lease.granted(state, row, tokens, wanted, wait_ns, 3, 5 * S, S // 10, now)
        tokens = quota_lease.give_back(state, row, S // 2, now)
        quota_lease.take_back(state, AT, S, state, record, state[row + quota_lease.NUMBER], tokens, now)


def reporting(state: Any, moves: Any, answers: Any) -> None:
    """The row of the store, a record, and a gateway that is not heard for a while now and then."""
    record, row = AT + 1, AT + 2
    for i in range(len(moves)):
        now, cost = moves[i][0], moves[i][3] - 1
        answers[i] = quota_report.decide(state, row, S // 9, 20, S, without_store.LAST_SHARE, 9 * S, now, cost)
        if quota_report.due(state, row, now):
            quota_report.asked(state, row, now)
            total, since = state[row + quota_report.TOTAL], quota_report.unheard(state, row)
            debt_ns = quota_report.charge(state, AT, S // 9, state, record, total, since, LARGEST // 2, now)
            if now // S % 7 < 3:
                quota_report.failed(state, row, now + S)
            else:
                quota_report.answered(state, row, S // 9, debt_ns, 3, S, now)


def sre(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, cost, what, _, draw, outcome = moves[i]
        if what < 3:
            answers[i] = sre_throttle.decide(state, AT, 5, 20, 2000, draw, now_ns, cost)
        else:
            sre_throttle.observe(state, AT, 5, 20, now_ns, 1, 1, outcome)


def ratio(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, cost, what, _, _, _ = moves[i]
        if what < 3:
            answers[i] = retry_ratio.decide(state, AT, 5, 20, 3, now_ns, cost)
        else:
            retry_ratio.earn(state, AT, 5, 20, 300, now_ns)


def throttle(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, cost, what, _, _, outcome = moves[i]
        if what < 2:
            answers[i] = retry_throttle.decide(state, AT, 6000, now_ns, cost)
        else:
            retry_throttle.observe(state, AT, 6000, 900, now_ns, 1, 1, outcome)


def breaker(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, cost, what, k, _, outcome = moves[i]
        if what < 3:
            answers[i] = circuit_breaker.decide(state, AT, 30, 3, 40, now_ns, cost)
        else:
            circuit_breaker.observe(state, AT, 10, 8, 500, 600, 3, 3, 40, now_ns, k, 1, outcome)


def room(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, cost, what, k, draw, outcome = moves[i]
        if what == 0:
            answers[i] = waiting_room.join(state, AT, 2, 12, 50, draw if outcome == 0 else -1, now_ns)
        elif what < 4:
            answers[i] = waiting_room.decide(state, AT, 2, 12, 50, state[AT] - k, now_ns, cost)
        elif what == 4:
            waiting_room.grant(state, AT, 2, 12, k % 2, 4, k, now_ns)
            answers[i] = waiting_room.before(state, AT, 2, 12, state[AT] - k)
        elif outcome == 1:
            waiting_room.leave(state, AT, 2, 12, state[AT] - k, now_ns)


ASKED: list[tuple[ModuleType, Drive, int, int, int]] = [  # width, largest step in ns, kinds of answers at least
    (token_bucket, asked(token_bucket.decide, 29, 10**8, 50), 2, S // 200, 100),
    (token_bucket, asked(token_bucket.decide, 3, S, 1), 2, S, 100),
    (token_bucket, asked(token_bucket.decide, 0, 1, 5), 2, S, 2),
    (token_bucket, asked(token_bucket.decide, LARGEST, LARGEST, 1), 2, 2, 2),
    (gcra, asked(gcra.decide, 3_448_276, 50), 1, S // 200, 100),
    (gcra, asked(gcra.decide, 1, LARGEST), 1, S, 2),
    (gcra, by_key, keys.width(9, gcra.WIDTH), S // 2, 3),
    (fixed_window, asked(fixed_window.decide, 10, 60 * S), 2, 8 * S, 100),
    (sliding_window_log, asked(sliding_window_log.decide, 12, 10, 60 * S), 2 + 12, 8 * S, 100),
    (sliding_window, asked(sliding_window.decide, 40, 10 * S), sliding_window.WIDTH, S // 2, 100),
    (sliding_window, sliding_with_large_numbers, sliding_window.WIDTH, S // 2, 3),
    (fixed_concurrency, asked(fixed_concurrency.decide, 100), 1, 2, 3),
    (deadline, asked(deadline.decide, S, 20_000 * S), 0, 2 * S, 2),
    (retry_budget, asked(retry_budget.decide, 5_000_000), 1, 2, 3),
    (pacing, asked(pacing.decide, S // 10, S // 2), 1, S // 10, 100),
    (warm_up, asked(warm_up.decide, 10_000, 3, 50, 100), warm_up.WIDTH, S // 2, 100),
    (codel, dropping, codel.WIDTH, S // 2, 2),
    (adaptive_lifo, queueing, adaptive_lifo.WIDTH, S // 2, 3),
    (aimd, learning, aimd.WIDTH + fixed_concurrency.WIDTH, S // 2, 20),
    (hot_key, hot, hot_key.width(9), S // 2, 100),
    (quota_lease, leasing, 1 + quota_lease.RECORD_WIDTH + quota_lease.WIDTH, S // 2, 3),
    (quota_report, reporting, 2 + quota_report.WIDTH, S // 2, 3),
    (sre_throttle, sre, sre_throttle.WIDTH + 10, 12, 3),
    (retry_ratio, ratio, retry_ratio.WIDTH + 10, 12, 3),
    (retry_throttle, throttle, retry_throttle.WIDTH, 12, 3),
    (circuit_breaker, breaker, circuit_breaker.WIDTH + 10, 12, 20),
    (waiting_room, room, waiting_room.WIDTH + 2 + 36, 12, 100),
]
RUNS = [Run(law, drive, width, partial(moves, step_ns), kinds) for law, drive, width, step_ns, kinds in ASKED]


def edges_of_rates(state: Any, numbers: Any, answers: Any) -> None:
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


def edges_of_queues_and_keys(state: Any, numbers: Any, answers: Any) -> None:
    """Ask the laws with the largest numbers there are."""
    i = 0
    for a in numbers:
        for b in numbers:
            for now_ns in numbers:
                for j in range(len(state)):
                    state[j] = 0
                window_ns = max(1, b // 2)
                answers[i] = sliding_window.decide(state, 0, a, window_ns, now_ns, max(1, a // 2))
                answers[i + 1] = sliding_window.decide(state, 0, a, window_ns, b, max(1, a - 1))
                answers[i + 2] = sliding_window.decide(state, 0, a, window_ns, 0, a)
                codel.decide(state, 3, a, b, b, now_ns, 1)
                answers[i + 3] = codel.decide(state, 3, a, b, now_ns, b, 1)
                adaptive_lifo.arrives(state, 6, 0, a)
                answers[i + 4] = adaptive_lifo.decide(state, 6, b, a, b, now_ns, 1)
                aimd.observe(state, 7, a, 0, LARGEST, 999, b, 0, now_ns, b, 0)
                answers[i + 5] = aimd.limit(state, 7, a)
                answers[i + 6] = warm_up.decide(state, 8, 10_000, 3, 50, 100, now_ns, 3)
                answers[i + 7] = warm_up.decide(state, 8, 10_000, 3, 50, 100, a, 4)
                row = keys.row_of(state, 12, 1, 2, a)
                answers[i + 8] = token_bucket.decide(state, row, max(1, a), max(1, b), 1, now_ns, 1)
                i += 9


def edges_of_answers(state: Any, numbers: Any, answers: Any) -> None:
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


EDGES = [
    Edges(edges_of_rates, 5, 10),
    Edges(edges_of_queues_and_keys, 12 + keys.width(1, 2), 9),
    Edges(edges_of_answers, 41, 12),
]
