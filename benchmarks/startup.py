"""How long commands take to start: `--help`, a small lab with machine code and without, and what imports cost."""

from __future__ import annotations

import tempfile
from functools import partial

from benchmarks import apart
from benchmarks.rehearsal import SMALL_LAB, sluice_run
from benchmarks.rows import Row, Size, at_most, in_turns

PARTS = {
    "python alone": "pass",
    "import sluice.cli": "import sluice.cli",
    "import limits.laws": "import limits.laws",
    "import scenarios.loader": "import scenarios.loader",
    "import simulator.run": "import simulator.run",
    "import simulator.compiled": "import simulator.compiled",
    "import reports.text": "import reports.text",
    "import reports.html": "import reports.html",
    "import reports.plots": "import reports.plots",
}


def rows(size: Size) -> list[Row]:
    """Return the time of whole processes, from their start to their end."""
    rounds, runs, colds = (2, 1, 0) if size is Size.QUICK else (10, 5, 2)
    quick = in_turns(
        rounds,
        {
            "sluice --help": partial(apart.python, "-m", "sluice", "--help"),
            **{name: partial(apart.python, "-c", code) for name, code in PARTS.items()},
        },
    )
    sluice_run(SMALL_LAB)  # makes the machine code, where it is not there yet
    lab = f"sluice run {SMALL_LAB}"
    warm = in_turns(runs, {lab: partial(sluice_run, SMALL_LAB)})[lab]
    cold = [_with_an_empty_cache() for _ in range(colds)]
    goals = {"sluice --help": at_most(0.3)}
    return [
        Row(
            what=f"{lab}: the first time, which compiles",
            unit="s",
            values=tuple(cold),
            goal=at_most(30),
            missing="" if cold else "not measured with quick sizes",
        ),
        Row(what=f"{lab}: warm", unit="s", values=tuple(one.wall_s for one in warm), goal=at_most(1.5)),
        *(
            Row(what=name, unit="s", values=tuple(one.wall_s for one in runs), goal=goals.get(name))
            for name, runs in quick.items()
        ),
    ]


def _with_an_empty_cache() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return sluice_run(SMALL_LAB, environment={"XDG_CACHE_HOME": folder}).wall_s
