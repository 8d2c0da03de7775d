"""The flagship day with the one law of its gateway, and with a chain of four: the same people get the same orders."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.apart import MeasurementError
from benchmarks.rehearsal import DAY, said, simulated_day
from benchmarks.rows import Row, Size, at_most, in_turns

FOUR = str(Path(__file__).with_name("chain_of_four.toml"))


def rows(size: Size) -> list[Row]:
    """Return both times and their ratio."""
    scale, rounds = (Fraction(1, 500), 1) if size is Size.QUICK else (Fraction(1), 3)
    found = in_turns(rounds, {name: partial(simulated_day, scale, scenario=name) for name in (DAY, FOUR)})
    one, four = (tuple(run.returned["manifest"]["engine_s"] for run in runs) for runs in found.values())
    placed = {run.returned["summary"]["orders"]["placed"] for runs in found.values() for run in runs}
    if len(placed) > 1:
        raise MeasurementError(f"a law of the chain refused somebody: {sorted(placed)} orders placed")
    day = f"day {said(scale)}"
    return [
        Row(what=f"{day}: one law at the gateway, engine", unit="s", values=one),
        Row(what=f"{day}: a chain of four, engine", unit="s", values=four),
        Row(
            what=f"{day}: a chain of four over one law",
            unit="times",
            values=tuple(b / a for a, b in zip(one, four, strict=True)),
            goal=at_most(1.15),
        ),
    ]
