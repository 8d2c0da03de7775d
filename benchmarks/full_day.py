"""The flagship day, one core, no trace, no report: the engine alone, and the whole command beside it."""

from __future__ import annotations

from fractions import Fraction

from benchmarks.apart import Measured
from benchmarks.rehearsal import DAY, said, simulated_day, sluice_run
from benchmarks.rows import Row, Size, at_least, at_most, in_turns

GB = 1e9


def rows(size: Size) -> list[Row]:
    """Return time, events/s and memory."""
    scale, rounds = (Fraction(1, 500), 2) if size is Size.QUICK else (Fraction(1), 3)
    # the machine code is there before the first command is timed: the run before it made it
    found = in_turns(
        rounds,
        {"engine": lambda: simulated_day(scale), "command": lambda: sluice_run(DAY, "--scale", str(scale))},
    )
    manifests = [one.returned["manifest"] for one in found["engine"]]
    orders = [one.returned["summary"]["orders"]["placed"] for one in found["engine"]]
    day = f"day {said(scale)}"
    return [
        Row(
            what=f"{day}: engine",
            unit="s",
            values=tuple(one["engine_s"] for one in manifests),
            goal=at_most(30, stretch=20),
            note=f"{orders[0]:,} orders, {manifests[0]['events']:,} events",
        ),
        Row(
            what=f"{day}: engine, peak memory", unit="GB", values=_peaks(found["engine"]), goal=at_most(2, stretch=1.5)
        ),
        Row(
            what=f"{day}: events",
            unit="1/s",
            values=tuple(one["events_per_s"] for one in manifests),
            goal=at_least(5e6),
        ),
        Row(what=f"{day}: sluice run", unit="s", values=tuple(one.wall_s for one in found["command"])),
        Row(what=f"{day}: sluice run, peak memory", unit="GB", values=_peaks(found["command"])),
    ]


def _peaks(processes: list[Measured]) -> tuple[float, ...]:
    return tuple(one.peak_bytes / GB for one in processes)
