"""Median CPU ns of one decision of each law, from Python on a list and inside a Numba loop: python -m benchmarks.laws

Called like that, and not limits.py, since a script's own folder comes first on the path and would hide the package.
"""

from __future__ import annotations

import inspect
import statistics
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

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
ROUNDS = 9
FROM_PYTHON, COMPILED = 20_000, 1_000_000
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


def loop(decide: Callable[..., int]) -> Callable[..., int]:
    """Return a loop over instants that asks the law for one, fit to be compiled."""

    def ask_all(state: Any, params: tuple[int, ...], now_ns: Any) -> int:
        admitted = 0
        for i in range(len(now_ns)):
            if decide(state, 0, *(*params, now_ns[i], 1)) == 0:
                admitted += 1
        return admitted

    return ask_all


def from_python(law: ModuleType, width: int, params: tuple[int, ...], now_ns: list[int]) -> float:
    """Return ns per decision: a call from Python, its state in a list."""
    ask = partial(law.decide, [0] * width, 0, *params)
    start_ns = time.thread_time_ns()
    for instant_ns in now_ns:
        ask(instant_ns, 1)
    return (time.thread_time_ns() - start_ns) / len(now_ns)


def main() -> None:
    """Print a line a law."""
    generator = np.random.default_rng(1)
    now_ns = np.cumsum(generator.integers(0, 6_600_000, COMPILED))
    spoken = now_ns[:FROM_PYTHON].tolist()
    print(f"{'law':20} {'Python':>9} {'Numba':>9}   median CPU ns per decision of {ROUNDS} rounds")
    for law, width, params in LAWS:
        for _, function in inspect.getmembers(law, inspect.isfunction):
            if function.__module__ == law.__name__:
                register_jitable(function)
        compiled = numba.njit(loop(law.decide))
        compiled(np.zeros(width, np.int64), params, now_ns[:10])
        in_python = [from_python(law, width, params, spoken) for _ in range(ROUNDS)]
        in_numba = []
        for _ in range(ROUNDS):
            state = np.zeros(width, np.int64)
            start_ns = time.thread_time_ns()
            compiled(state, params, now_ns)
            in_numba.append((time.thread_time_ns() - start_ns) / COMPILED)
        name = law.__name__.rpartition(".")[2]
        print(f"{name:20} {statistics.median(in_python):9.0f} {statistics.median(in_numba):9.1f}")


if __name__ == "__main__":
    main()
