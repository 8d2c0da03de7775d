"""CPU ns of one decision of each law, asked from Python with its state in a list, and from a compiled loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import apart
from benchmarks.rows import Row, Size, in_turns
from limits.laws import MODULES, Law, width

S = 1_000_000_000
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
    Law.SLIDING_WINDOW: (280, S),
    Law.WARM_UP: (280_000, 3, 1_400, 2_800),
    Law.RETRY_RATIO: (10, S, 2_800),
    Law.RETRY_THROTTLE: (10_000,),
    Law.SRE_THROTTLE: (12, 10 * S, 2_000, 500_000_000),
    Law.CIRCUIT_BREAKER: (60 * S, 10, 0),
    Law.CODEL: (S // 10, S // 200, S // 100),
    Law.ADAPTIVE_LIFO: (S // 10, S // 200, S // 100),
}
"""hot_key is measured in benchmarks.keys; aimd decides nothing; a waiting_room is asked about a number."""
SLOTS = 280  # of rings


def rows(size: Size) -> list[Row]:
    """Return two rows a law."""
    rounds, in_python, compiled = (1, 1_000, 10_000) if size is Size.QUICK else (9, 20_000, 1_000_000)
    found = apart.call(per_decision_ns, rounds=rounds, in_python=in_python, compiled=compiled).returned
    return [Row(what=what, unit="ns", values=tuple(values)) for what, values in found.items()]


def per_decision_ns(rounds: int, in_python: int, compiled: int) -> dict[str, list[float]]:
    """Return, for each law asked either way, a time a round."""
    import numba
    import numpy as np

    import simulator.compiled.jit  # noqa: F401  # has every law compiled from outside

    now_ns = np.cumsum(np.random.default_rng(1).integers(0, 6_600_000, compiled))
    few_ns = now_ns[:in_python].tolist()
    measure: dict[str, Callable[[], float]] = {}
    for law, params in PARAMETERS.items():
        module, room, name = MODULES[law], max(width(law, SLOTS), 1), law.name.lower()
        ask_all = numba.njit(_loop(module.decide))
        ask_all(np.zeros(room, np.int64), params, now_ns[:10])
        measure[f"{name}: a decision from Python"] = partial(_from_python, module.decide, room, params, few_ns)
        measure[f"{name}: a decision, compiled"] = partial(_compiled, ask_all, np.zeros, room, params, now_ns)
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


def _from_python(decide: Callable[..., int], room: int, params: tuple[int, ...], now_ns: list[int]) -> float:
    ask = partial(decide, [0] * room, 0, *params)
    start_ns = time.thread_time_ns()
    for instant_ns in now_ns:
        ask(instant_ns, 1)
    return (time.thread_time_ns() - start_ns) / len(now_ns)


def _compiled(ask_all: Callable[..., int], zeros: Any, width: int, params: tuple[int, ...], now_ns: Any) -> float:
    state = zeros(width, "int64")
    start_ns = time.thread_time_ns()
    ask_all(state, params, now_ns)
    return (time.thread_time_ns() - start_ns) / len(now_ns)
