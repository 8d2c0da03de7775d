"""Run by decisions.py in an environment that has the competitors, and nothing of ours: prints ns a decision as JSON."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import aiolimiter
import pyrate_limiter

import limits  # here PyPI's

ENOUGH = 10**9
BATCH = 500


def median_ns(ask: Callable[[str], object], keys: Sequence[str]) -> float:
    """Return the CPU ns of a decision: the median of batches, the call of `ask` included."""
    found = []
    for begin in range(0, len(keys), BATCH):
        batch = keys[begin : begin + BATCH]
        start_ns = time.thread_time_ns()
        for key in batch:
            ask(key)
        found.append((time.thread_time_ns() - start_ns) / len(batch))
    return statistics.median(found)


async def of_aiolimiter(asked: int) -> dict[str, float]:
    """Return what an acquisition costs, and an `async with`."""
    limiter = aiolimiter.AsyncLimiter(ENOUGH, 1)
    acquired, entered = [], []
    for _ in range(0, asked, BATCH):
        start_ns = time.thread_time_ns()
        for _ in range(BATCH):
            await limiter.acquire()
        acquired.append((time.thread_time_ns() - start_ns) / BATCH)
        start_ns = time.thread_time_ns()
        for _ in range(BATCH):
            async with limiter:
                pass
        entered.append((time.thread_time_ns() - start_ns) / BATCH)
    return {"aiolimiter acquire": statistics.median(acquired), "aiolimiter async with": statistics.median(entered)}


def main(asked: int, keys: int) -> None:
    """Print what a decision costs each of them."""
    found = asyncio.run(of_aiolimiter(asked))
    with pyrate_limiter.Limiter(pyrate_limiter.InMemoryBucket([pyrate_limiter.Rate(ENOUGH, 1000)])) as limiter:
        found["pyrate-limiter"] = median_ns(lambda key: limiter.try_acquire("all", blocking=False), ["all"] * asked)
    strategies = limits.strategies  # type: ignore[attr-defined]
    per_second = limits.RateLimitItemPerSecond(ENOUGH)  # type: ignore[attr-defined]
    random_keys = random.Random(1).choices([f"person-{number}" for number in range(keys)], k=asked)
    for name, kind in (
        ("limits, fixed window", strategies.FixedWindowRateLimiter),
        ("limits, sliding window", strategies.SlidingWindowCounterRateLimiter),
    ):
        storage = limits.storage.MemoryStorage()  # type: ignore[attr-defined]
        limiter = kind(storage)
        found[name] = median_ns(lambda key, hit=limiter.hit: hit(per_second, key), ["all"] * asked)  # type: ignore[misc]
    limiter = strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage())  # type: ignore[attr-defined]
    hour = limits.RateLimitItemPerHour(ENOUGH)  # type: ignore[attr-defined]
    for number in range(keys):
        limiter.hit(hour, f"person-{number}")
    found["limits, fixed window, by key"] = median_ns(lambda key: limiter.hit(hour, key), random_keys)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
