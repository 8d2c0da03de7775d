"""docs/benchmarks.md, made from docs/benchmarks.json: `python -m benchmarks.page` writes it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.table import COLUMNS, cells

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

INTRODUCTION = """# How fast it is

This page is made from [benchmarks.json](benchmarks.json) (`python -m benchmarks.page`); a test keeps it current. To
measure anew: `make bench JSON=docs/benchmarks.json` on a machine that does nothing else. `QUICK=1` only shows that all
runs, `FULL=1` adds a day of 10^8 orders, and `python -m benchmarks NAME ...` runs some.

Every repetition is a fresh process; its peak memory is that of the whole process, libraries included. Competitors take
turns (A B A B), and a ratio is taken within each turn. Verdicts are on the median of n repetitions; the minimum stands
beside it, and all repetitions are in the JSON. "Engine" is the run alone, its first arrivals and street included;
"sluice run" is the whole command, from an empty process to the written files.
"""
QUICK = """
**These are quick sizes: they show that everything runs, and nothing else. No goal is judged.**
"""


def page() -> str:
    """Return the whole page."""
    content = json.loads(PAGE.with_suffix(".json").read_text("utf-8"))
    warning = QUICK if content["size"] == "quick" else ""
    sections = [
        _section(name, list(rows)) for name, rows in groupby(content["rows"], lambda row: str(row["benchmark"]))
    ]
    return "\n".join([INTRODUCTION + warning, _machine(content), *sections])


def _machine(content: Mapping[str, Any]) -> str:
    told = content["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    return (
        f"Measured {content['date_utc'][:10]} on {told['processor']}, {told['cores']} cores, {told['memory_gb']:g} GB, "
        f"{told['system']}; load\naverage before: {told['load_before'][0]:g}. {versions}.\n"
    )


def _section(name: str, rows: list[Mapping[str, Any]]) -> str:
    said = inspect.getdoc(import_module(f"benchmarks.{name}")) or ""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(cells(row) for row in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {name}\n\n{said}\n\n{table}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
