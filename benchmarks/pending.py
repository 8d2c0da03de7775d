"""Events/s against how many are pending: the same people at the same instants, with longer and longer services."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from benchmarks import apart
from benchmarks.rehearsal import warm_up
from benchmarks.rows import Row, Size, in_turns

SCENARIO = str(Path(__file__).with_name("pending.toml"))
RATE_PER_S = 100_000


def rows(size: Size) -> list[Row]:
    """Return events/s with each number of events pending."""
    horizon_s, largest, rounds = (10, 4, 1) if size is Size.QUICK else (100, 6, 3)
    sets = {
        f"10^{power}": [f"horizon={horizon_s}s", f"stages.pool.service.mean={10**9 * 10**power // RATE_PER_S}ns"]
        for power in range(2, largest + 1)
    }
    found = in_turns(rounds, {name: partial(apart.call, events_per_s, sets=of_size) for name, of_size in sets.items()})
    return [
        Row(what=f"{name} events pending: events", unit="1/s", values=tuple(one.returned for one in runs))
        for name, runs in found.items()
    ]


def events_per_s(sets: list[str]) -> float:
    """Return the speed over the second half: the first is five services or more, so that as many leave as come."""
    from scenarios.loader import load
    from simulator.run import simulate

    told: list[tuple[float, int]] = []

    def tell(now_ns: int, horizon_ns: int, events: int, orders: int) -> None:
        if 2 * now_ns >= horizon_ns:
            told.append((time.perf_counter(), events))

    warm_up()
    simulate(load(SCENARIO, sets=sets), engine="compiled", on_progress=tell)
    (begun_s, before), (ended_s, after) = told[0], told[-1]
    return (after - before) / (ended_s - begun_s)
