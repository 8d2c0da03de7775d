"""Bytes a key of the bounded table, and CPU ns of one question to hot_key, from Python: python -m benchmarks.keys"""

from __future__ import annotations

import sys
import time
from array import array

from limits import (
    adaptive_lifo,
    aimd,
    codel,
    fixed_concurrency,
    fixed_window,
    gcra,
    hot_key,
    keys,
    pacing,
    retry_budget,
    sliding_window,
    token_bucket,
    warm_up,
)

S = 1_000_000_000
SLOTS = 100_000
INVENTED = 1_000_000
LAWS = (
    adaptive_lifo,
    aimd,
    codel,
    fixed_concurrency,
    fixed_window,
    gcra,
    pacing,
    retry_budget,
    sliding_window,
    token_bucket,
    warm_up,
)


def per_question_ns(state: array[int], asked: range) -> float:
    """Ask for each key once, a us apart."""
    start_ns = time.thread_time_ns()
    for now_us, key in enumerate(asked):
        hot_key.decide(state, 0, SLOTS, 1, 60 * S, 5, [], 0, 0, key, 1000 * now_us, 1)
    return (time.thread_time_ns() - start_ns) / len(asked)


def main() -> None:
    """Print a line a law, then what questions cost."""
    for law in LAWS:
        table = array("q", [0]) * keys.width(SLOTS, law.WIDTH)
        print(f"{law.__name__.rpartition('.')[2]:20} {sys.getsizeof(table) / SLOTS:6.1f} bytes a key of {SLOTS:,}")
    state = array("q", [0]) * hot_key.width(SLOTS)
    before = sys.getsizeof(state)
    print(f"hot_key, new keys        {per_question_ns(state, range(SLOTS)):6.0f} ns a question")
    print(f"hot_key, known keys      {per_question_ns(state, range(SLOTS)):6.0f} ns")
    invented = per_question_ns(state, range(SLOTS, SLOTS + INVENTED))
    print(f"hot_key, invented keys   {invented:6.0f} ns, {INVENTED:,} of them")
    print(f"forgotten {state[0]:,}; the table had {before:,} bytes and has {sys.getsizeof(state):,}")


if __name__ == "__main__":
    main()
