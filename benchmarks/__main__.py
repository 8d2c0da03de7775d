"""`python -m benchmarks [NAME ...]`: run benchmarks, print one table, write JSON. `make bench` runs all."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.table import Table

from benchmarks import (
    chains,
    cores,
    decisions,
    engines,
    full_day,
    gateway,
    hot_spots,
    laws,
    mm20,
    orders,
    pending,
    startup,
)
from benchmarks.apart import MeasurementError
from benchmarks.kept import Kept, Part, Rows, begun, machines
from benchmarks.page import page
from benchmarks.rows import Row, Size
from benchmarks.table import COLUMNS, cells

WIDE = 180  # columns where nobody looks: nothing is cut in a file
BENCHMARKS: dict[str, Callable[[Size], list[Row]]] = {
    "full_day": full_day.rows,
    "chains": chains.rows,
    "engines": engines.rows,
    "mm20": mm20.rows,
    "orders": orders.rows,
    "pending": pending.rows,
    "cores": cores.rows,
    "startup": startup.rows,
    "laws": laws.rows,
    "decisions": decisions.rows,
    "hot_spots": hot_spots.rows,
    "gateway": gateway.rows,
}


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option(
    "--json",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("runs/benchmarks.json"),
    show_default=True,
    help="Where the JSON goes, with a page beside it; what is there of other benchmarks stays.",
)
@click.option("--quick", "size", flag_value=Size.QUICK.value, help="Small sizes: shows that all runs, judges no goal.")
@click.option("--full", "size", flag_value=Size.FULL.value, help="10^8 orders too: minutes more, and several GB.")
def main(names: tuple[str, ...], file: Path, size: str | None) -> None:
    """Run benchmarks, all unless NAMEs are given, print one table and write JSON."""
    asked = Size(size or Size.USUAL.value)
    kept = Kept(file=file, names=list(BENCHMARKS), page=page)
    measured = []
    failures: list[str] = []
    for name in names or BENCHMARKS:
        begun_s = time.perf_counter()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        try:
            measured.append(kept.measure(name, partial(_rows, name, asked), size=asked.value))
        except MeasurementError as error:
            failures.append(name)
            print(f"failed: {error}; what is kept of it stays as it was", file=sys.stderr)
        else:
            print(f"{time.perf_counter() - begun_s:.0f} s", file=sys.stderr)
    if measured:
        _print(measured)
    if failures:
        sys.exit(1)


def _rows(name: str, size: Size) -> Rows:
    return [row.content(size) for row in BENCHMARKS[name](size)]


def _print(measured: Sequence[Part]) -> None:
    table = Table(title=machines(measured))
    for column in COLUMNS:
        justify: Literal["left", "right"] = "right" if column in ("median", "min", "n") else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column == "what")
    for part in measured:
        table.add_row(f"{part['name']}, load before: {begun(part)[1]}")
        for row in part["rows"]:
            table.add_row(*cells(row))
        table.add_section()
    Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE).print(table)


if __name__ == "__main__":
    main()
