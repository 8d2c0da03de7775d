"""Where the SimPy engine's time goes on a slice of the day, by file; the profiler's own cost is in it."""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from fractions import Fraction
from pathlib import Path

from benchmarks import apart
from benchmarks.rehearsal import DAY, said
from benchmarks.rows import Row, Size

SHOWN = 14
OURS = ("reference", "scenarios", "limits", "simpy", "simulator")


def rows(size: Size) -> list[Row]:
    """Return a row a file, those that take most first."""
    scale = Fraction(1, 5000) if size is Size.QUICK else Fraction(1, 500)
    shares = apart.call(shares_percent, scale=str(scale)).returned
    return [Row(what=f"SimPy engine, day {said(scale)}: {file}", unit="%", values=(own,)) for file, own in shares]


def shares_percent(scale: str) -> list[tuple[str, float]]:
    """Return the files that take most time themselves, and their shares."""
    from scenarios.loader import load
    from simulator.run import simulate

    profile = cProfile.Profile()
    profile.runcall(simulate, load(DAY), engine="simpy", scale=Fraction(scale))
    own_s: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        path = Path(file)
        own_s[f"{path.parent.name}/{path.name}" if path.parent.name in OURS else "all else"] += own
    whole_s = sum(own_s.values())
    return [(file, 100 * own / whole_s) for file, own in own_s.most_common(SHOWN)]
