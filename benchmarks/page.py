"""The page of benchmarks.json. `python -m benchmarks.page` writes the pages in docs/ of all figures that are kept."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.kept import Part, machines, plain_table, told, write_page
from benchmarks.rows import Size
from benchmarks.table import COLUMNS, cells

DOCS = Path(__file__).resolve().parent.parent / "docs"
MADE_BY = {"benchmarks": "benchmarks.page", "chaos": "benchmarks.chaos", "live-agreement": "benchmarks.slices"}

INTRODUCTION = """# How fast it is

This page is made from [benchmarks.json](benchmarks.json) (`python -m benchmarks.page`); a test keeps it current. To
measure anew: `make bench JSON=docs/benchmarks.json` on a machine that does nothing else. `QUICK=1` only shows that all
runs, `FULL=1` adds a day of 10^8 orders, and `python -m benchmarks NAME ... --json docs/benchmarks.json` measures some
and leaves the others as they are.

Every repetition is a fresh process; its peak memory is that of the whole process, libraries included. Competitors take
turns (A B A B), and a ratio is taken within each turn. Verdicts are on the median of n repetitions; the minimum stands
beside it, and all repetitions are in the JSON. "Engine" is the run alone, its first arrivals and street included;
"sluice run" is the whole command, from an empty process to the written files.
"""
QUICK = "These are quick sizes: they show that everything runs, and nothing else. No goal is judged."


def page(parts: Sequence[Part]) -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, machines(parts), *map(_section, parts)])


def _section(part: Part) -> str:
    said = inspect.getdoc(import_module(f"benchmarks.{part['name']}")) or ""
    warning = f"\n{QUICK}\n" if part["size"] == Size.QUICK.value else ""
    return f"## {part['name']}\n\n{said}\n\n{told(part)}\n{warning}\n{plain_table(COLUMNS, map(cells, part['rows']))}"


if __name__ == "__main__":
    for name, module in MADE_BY.items():
        write_page(DOCS / f"{name}.json", import_module(module).page)
