"""Eight replications of a part of the day by one worker and by two, what it takes to start two included."""

from __future__ import annotations

import os
import time
from fractions import Fraction
from functools import partial

from benchmarks import apart
from benchmarks.rehearsal import DAY, said, warm_up
from benchmarks.rows import Row, Size, at_least, in_turns, ratios

REPLICATIONS = 8


def rows(size: Size) -> list[Row]:
    """Return the time of each, and the ratio."""
    scale, rounds = (Fraction(1, 1000), 1) if size is Size.QUICK else (Fraction(1, 5), 3)
    what = f"{REPLICATIONS} replications of the day {said(scale)}"
    if (os.cpu_count() or 1) < 2:
        return [Row(what=f"{what}: one core over two", unit="times", missing="this machine has one core")]
    found = in_turns(
        rounds,
        {str(workers): partial(apart.call, replicated_s, scale=str(scale), workers=workers) for workers in (1, 2)},
    )
    one, two = (tuple(float(run.returned) for run in found[workers]) for workers in ("1", "2"))
    return [
        Row(what=f"{what}: one core over two", unit="times", values=ratios(one, two), goal=at_least(1.8)),
        Row(what=f"{what}: one core", unit="s", values=one),
        Row(what=f"{what}: two cores", unit="s", values=two),
    ]


def replicated_s(scale: str, workers: int) -> float:
    """Return how long all of them take."""
    from scenarios.loader import load
    from simulator.replications import replicate

    warm_up()
    loaded = load(DAY)
    begun_s = time.perf_counter()
    replicate(loaded, engine="compiled", seeds=range(1, REPLICATIONS + 1), scale=Fraction(scale), workers=workers)
    return time.perf_counter() - begun_s
