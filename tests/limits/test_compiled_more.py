"""The laws of queues, keys and concurrency, compiled as in test_compiled: the same as interpreted."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from limits import (
    adaptive_lifo,
    aimd,
    codel,
    fixed_concurrency,
    gcra,
    hot_key,
    keys,
    quota_lease,
    quota_report,
    sliding_window,
    token_bucket,
    warm_up,
    without_store,
)
from limits.row import LARGEST
from tests.compiling import compiled

AT = 3  # rows lie anywhere in the table
S = 1_000_000_000
MS = 1_000_000
COUNT = 5_000


def sliding(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    for i in range(len(now_ns)):
        answers[i] = sliding_window.decide(state, AT, 40, 10 * S, now_ns[i], numbers[i] - 1)


def sliding_with_large_numbers(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    for i in range(len(now_ns)):
        cost = (numbers[i] - 1) * (LARGEST // 12)
        answers[i] = sliding_window.decide(state, AT, LARGEST, 10 * S, now_ns[i], cost)


def warming(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    for i in range(len(now_ns)):
        answers[i] = warm_up.decide(state, AT, 10_000, 3, 50, 100, now_ns[i], numbers[i] - 1)


def dropping(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    for i in range(len(now_ns)):
        answers[i] = codel.decide(state, AT, S, 300 * MS, numbers[i] * 150 * MS, now_ns[i], 1)


def queueing(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    for i in range(len(now_ns)):
        adaptive_lifo.arrives(state, AT, numbers[i] - 1, now_ns[i])
        answers[i] = adaptive_lifo.decide(state, AT, S, 300 * MS, numbers[i] * 150 * MS, now_ns[i], 1)
        if adaptive_lifo.newest_first(state, AT, S, now_ns[i]):
            answers[i] += 10


def learning(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    for i in range(len(now_ns)):
        limit = aimd.limit(state, AT, 20)
        answers[i] = 1000 * limit + fixed_concurrency.decide(state, AT + 1, limit, now_ns[i], 1)
        fixed_concurrency.release(state, AT + 1, numbers[i] // 6)
        aimd.observe(
            state, AT, 20, 20, 200, 900, S, now_ns[i], numbers[i] * 150 * MS, state[AT + 1] + 20, numbers[i] // 12
        )


def by_key(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    for i in range(len(now_ns)):
        row = keys.row_of(state, AT, 9, gcra.WIDTH, now_ns[i] // (100 * MS) % 7 * 9 + numbers[i])
        answers[i] = gcra.decide(state, row, S, 3, now_ns[i], 1)


def hot(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    overrides = np.array([3, 1, 10 * S, 1, 5, 9, S, 20])
    for i in range(len(now_ns)):
        key = now_ns[i] // (100 * MS) % 7 * numbers[i]
        answers[i] = hot_key.decide(state, AT, 9, 1, S, 3, overrides, 0, 2, key, now_ns[i], numbers[i] // 3)


def leasing(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    """The row of the store, a record, and a gateway whose every seventh question fails."""
    record, row = AT + 1, AT + 1 + quota_lease.RECORD_WIDTH
    for i in range(len(now_ns)):
        now, cost = now_ns[i], numbers[i] - 1
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


def reporting(state: Any, now_ns: Any, numbers: Any, answers: Any) -> None:
    """The row of the store, a record, and a gateway that is not heard for a while now and then."""
    record, row = AT + 1, AT + 2
    for i in range(len(now_ns)):
        now, cost = now_ns[i], numbers[i] - 1
        answers[i] = quota_report.decide(state, row, S // 9, 20, S, without_store.LAST_SHARE, 9 * S, now, cost)
        if quota_report.due(state, row, now):
            quota_report.asked(state, row, now)
            total, since = state[row + quota_report.TOTAL], quota_report.unheard(state, row)
            debt_ns = quota_report.charge(state, AT, S // 9, state, record, total, since, LARGEST // 2, now)
            if now // S % 7 < 3:
                quota_report.failed(state, row, now + S)
            else:
                quota_report.answered(state, row, S // 9, debt_ns, 3, S, now)


RUNS: list[tuple[ModuleType, Callable[..., None], int]] = [
    (sliding_window, sliding, sliding_window.WIDTH),
    (sliding_window, sliding_with_large_numbers, sliding_window.WIDTH),
    (warm_up, warming, warm_up.WIDTH),
    (codel, dropping, codel.WIDTH),
    (adaptive_lifo, queueing, adaptive_lifo.WIDTH),
    (aimd, learning, aimd.WIDTH + fixed_concurrency.WIDTH),
    (gcra, by_key, keys.width(9, gcra.WIDTH)),
    (hot_key, hot, hot_key.width(9)),
    (quota_lease, leasing, 1 + quota_lease.RECORD_WIDTH + quota_lease.WIDTH),
    (quota_report, reporting, 2 + quota_report.WIDTH),
]


@pytest.mark.parametrize(("run", "width"), [run[1:] for run in RUNS])
def test_a_law_answers_the_same_interpreted_and_compiled(run: Callable[..., None], width: int) -> None:
    generator = np.random.default_rng(11)
    steps = generator.integers(0, 500 * MS, COUNT)
    steps[generator.random(COUNT) < 0.3] = 0
    steps[generator.random(COUNT) < 0.02] = -S
    now_ns, numbers = np.maximum(0, np.cumsum(steps)), generator.integers(0, 13, COUNT)
    listed, spoken = [0] * (AT + width), [0] * COUNT
    run(listed, now_ns.tolist(), numbers.tolist(), spoken)
    state, answers = np.zeros(AT + width, np.int64), np.zeros(COUNT, np.int64)
    compiled(run)(state, now_ns, numbers, answers)
    assert answers.tolist() == spoken
    assert state.tolist() == listed
    assert listed[:AT] == [0] * AT
    assert len(set(spoken)) > 1  # not all alike: the run meets what the law is for


def edges(state: Any, numbers: Any, answers: Any) -> None:
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


def test_the_largest_numbers_do_not_wrap_when_compiled() -> None:
    numbers = [0, 1, 2, 7, LARGEST // 2, LARGEST - 1, LARGEST]
    width = 12 + keys.width(1, 2)
    listed, spoken = [0] * width, [0] * 9 * len(numbers) ** 3
    edges(listed, numbers, spoken)
    assert max(abs(answer) for answer in spoken) < 2**63
    state, answers = np.zeros(width, np.int64), np.zeros(len(spoken), np.int64)
    compiled(edges)(state, np.array(numbers), answers)
    assert answers.tolist() == spoken
    assert state.tolist() == listed


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
    state = np.zeros(hot_key.width(1000), np.int64)
    assert compiled(invent)(state, 1000, 1_000_000, np.zeros(0, np.int64)) == (1, 500)
    assert state[0] > 998_000  # all but the first thousand pushed one out that was not full
