"""`python -m benchmarks [NAME ...]`: run benchmarks, print one table, write JSON. `make bench` runs all."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

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
from benchmarks.machine import machine
from benchmarks.rows import Row, Size
from benchmarks.table import COLUMNS, cells

FORMAT = 1
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
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Where the JSON goes.")
@click.option("--quick", "size", flag_value=Size.QUICK.value, help="Small sizes: shows that all runs, judges no goal.")
@click.option("--full", "size", flag_value=Size.FULL.value, help="10^8 orders too: minutes more, and several GB.")
def main(names: tuple[str, ...], file: Path | None, size: str | None) -> None:
    """Run benchmarks, all unless NAMEs are given, print one table and write JSON."""
    asked = Size(size or Size.USUAL.value)
    content: dict[str, Any] = {
        "format": FORMAT,
        "date_utc": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "size": asked.value,
        "machine": machine(),
        "rows": [],
    }
    failed = False
    for name in names or BENCHMARKS:
        begun_s = time.perf_counter()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        try:
            found = BENCHMARKS[name](asked)
        except MeasurementError as error:
            failed = True
            found = [Row(what=f"{name}: failed", unit="", missing=str(error))]
        content["rows"] += [row.content(name, asked) for row in found]
        print(f"{time.perf_counter() - begun_s:.0f} s", file=sys.stderr)
        if file is not None:  # after each: whoever interrupts keeps what was found
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    _print(content)
    if failed:
        sys.exit(1)


def _print(content: dict[str, Any]) -> None:
    told = content["machine"]
    table = Table(
        title=f"{told['processor']}, {told['cores']} cores, load before {told['load_before'][0]}, "
        f"{content['size']} sizes, {content['date_utc']}"
    )
    for column in COLUMNS:
        justify: Literal["left", "right"] = "right" if column in ("median", "min", "n") else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column == "what")
    before = None
    for row in content["rows"]:
        if before is not None and before != row["benchmark"]:
            table.add_section()
        before = row["benchmark"]
        table.add_row(*cells(row))
    Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE).print(table)


if __name__ == "__main__":
    main()
