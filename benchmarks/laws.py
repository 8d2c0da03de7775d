"""Median CPU ns of one decision of each law, from Python on a list and inside a Numba loop: python -m benchmarks.laws

Called like that, and not limits.py, since a script's own folder comes first on the path and would hide the package.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

import simulator.compiled.jit  # noqa: F401  # has every law compiled from outside
from limits.laws import MODULES, Law, width

S = 1_000_000_000
ROUNDS = 9
FROM_PYTHON, COMPILED = 20_000, 1_000_000
# Questions come 3.3 ms apart, a little more often than the laws of rates admit: both answers are given all the time.
PARAMETERS: dict[Law, tuple[int, ...]] = {
    Law.TOKEN_BUCKET: (29, 10**8, 50),
    Law.GCRA: (3_448_276, 50),
    Law.FIXED_WINDOW: (280, S),
    Law.SLIDING_WINDOW_LOG: (280, 280, S),
    Law.FIXED_CONCURRENCY: (10**9,),
    Law.DEADLINE: (S, 2**61),
    Law.RETRY_BUDGET: (10**12,),
    Law.PACING: (3_448_276, S // 2),
}
SLOTS = 280  # of the log


def loop(decide: Callable[..., int]) -> Callable[..., int]:
    """Return a loop over instants that asks the law for one, fit to be compiled."""

    def ask_all(state: Any, params: tuple[int, ...], now_ns: Any) -> int:
        admitted = 0
        for i in range(len(now_ns)):
            if decide(state, 0, *(*params, now_ns[i], 1)) == 0:
                admitted += 1
        return admitted

    return ask_all


def from_python(decide: Callable[..., int], room: int, params: tuple[int, ...], now_ns: list[int]) -> float:
    """Return ns per decision: a call from Python, its state in a list."""
    ask = partial(decide, [0] * room, 0, *params)
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
    for law, module in MODULES.items():
        params, room = PARAMETERS[law], max(width(law, SLOTS), 1)
        compiled = numba.njit(loop(module.decide))
        compiled(np.zeros(room, np.int64), params, now_ns[:10])
        in_python = [from_python(module.decide, room, params, spoken) for _ in range(ROUNDS)]
        in_numba = []
        for _ in range(ROUNDS):
            state = np.zeros(room, np.int64)
            start_ns = time.thread_time_ns()
            compiled(state, params, now_ns)
            in_numba.append((time.thread_time_ns() - start_ns) / COMPILED)
        print(f"{law.name.lower():20} {statistics.median(in_python):9.0f} {statistics.median(in_numba):9.1f}")


if __name__ == "__main__":
    main()
