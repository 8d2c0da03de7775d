"""CPU ns of one decision of each law, asked from Python with its state in a list, and from a compiled loop."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from benchmarks import apart
from benchmarks.rows import Row, Size, in_turns
from limits import (
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    pacing,
    retry_budget,
    sliding_window_log,
    token_bucket,
)

S = 1_000_000_000
# Questions come 3.3 ms apart, a little more often than the laws of rates admit: both answers are given all the time.
LAWS: list[tuple[ModuleType, int, tuple[int, ...]]] = [
    (token_bucket, 2, (29, 10**8, 50)),
    (gcra, 1, (3_448_276, 50)),
    (fixed_window, 2, (280, S)),
    (sliding_window_log, 2 + 280, (280, 280, S)),
    (fixed_concurrency, 1, (10**9,)),
    (deadline, 1, (S, 2**61)),
    (retry_budget, 1, (10**12,)),
    (pacing, 1, (3_448_276, S // 2)),
]


def rows(size: Size) -> list[Row]:
    """Return two rows a law."""
    rounds, in_python, compiled = (1, 1_000, 10_000) if size is Size.QUICK else (9, 20_000, 1_000_000)
    found = apart.call(per_decision_ns, rounds=rounds, in_python=in_python, compiled=compiled).returned
    return [Row(what=what, unit="ns", values=tuple(values)) for what, values in found.items()]


def per_decision_ns(rounds: int, in_python: int, compiled: int) -> dict[str, list[float]]:
    """Return, for each law asked either way, a time a round."""
    import numba
    import numpy as np
    from numba.extending import register_jitable

    now_ns = np.cumsum(np.random.default_rng(1).integers(0, 6_600_000, compiled))
    few_ns = now_ns[:in_python].tolist()
    measure: dict[str, Callable[[], float]] = {}
    for law, width, params in LAWS:
        for _, function in inspect.getmembers(law, inspect.isfunction):
            if function.__module__ == law.__name__:
                register_jitable(function)
        ask_all = numba.njit(_loop(law.decide))
        ask_all(np.zeros(width, np.int64), params, now_ns[:10])
        name = law.__name__.rpartition(".")[2]
        measure[f"{name}: a decision from Python"] = partial(_from_python, law, width, params, few_ns)
        measure[f"{name}: a decision, compiled"] = partial(_compiled, ask_all, np.zeros, width, params, now_ns)
    return in_turns(rounds, measure)


def _loop(decide: Callable[..., int]) -> Callable[..., int]:
    """Return a loop over instants that asks the law for one, fit to be compiled."""

    def ask_all(state: Any, params: tuple[int, ...], now_ns: Any) -> int:
        admitted = 0
        for i in range(len(now_ns)):
            if decide(state, 0, *(*params, now_ns[i], 1)) == 0:
                admitted += 1
        return admitted

    return ask_all


def _from_python(law: ModuleType, width: int, params: tuple[int, ...], now_ns: list[int]) -> float:
    ask = partial(law.decide, [0] * width, 0, *params)
    start_ns = time.thread_time_ns()
    for instant_ns in now_ns:
        ask(instant_ns, 1)
    return (time.thread_time_ns() - start_ns) / len(now_ns)


def _compiled(ask_all: Callable[..., int], zeros: Any, width: int, params: tuple[int, ...], now_ns: Any) -> float:
    state = zeros(width, "int64")
    start_ns = time.thread_time_ns()
    ask_all(state, params, now_ns)
    return (time.thread_time_ns() - start_ns) / len(now_ns)
