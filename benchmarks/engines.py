"""The SimPy engine and the compiled one on the same slice of the day: the same orders, row by row."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from benchmarks.apart import Measured
from benchmarks.rehearsal import said, simulated_day
from benchmarks.rows import Row, Size, at_least, in_turns, ratios


def rows(size: Size) -> list[Row]:
    """Return the speed of each, and the ratio."""
    scale, rounds = (Fraction(1, 2000), 1) if size is Size.QUICK else (Fraction(1, 200), 3)
    found = in_turns(rounds, {engine: partial(simulated_day, scale, engine) for engine in ("simpy", "compiled")})
    slow, quick = found["simpy"], found["compiled"]
    slice_ = f"day {said(scale)}"
    return [
        Row(
            what=f"{slice_}: SimPy engine over compiled engine",
            unit="times",
            values=ratios(_engine_s(slow), _engine_s(quick)),
            goal=at_least(100),
        ),
        *(
            row
            for name, engine in (("SimPy", slow), ("compiled", quick))
            for row in (
                Row(what=f"{slice_}: {name} engine, orders", unit="1/s", values=_orders_per_s(engine)),
                Row(
                    what=f"{slice_}: {name} engine, peak memory",
                    unit="MB",
                    values=tuple(one.peak_bytes / 1e6 for one in engine),
                ),
            )
        ),
    ]


def _engine_s(runs: list[Measured]) -> list[float]:
    return [one.returned["manifest"]["engine_s"] for one in runs]


def _orders_per_s(runs: list[Measured]) -> tuple[float, ...]:
    orders = [one.returned["summary"]["orders"]["placed"] for one in runs]
    return ratios(orders, _engine_s(runs))
