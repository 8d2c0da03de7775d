"""What benchmarks keep: a JSON file of parts, and the page made of it.

A part is what is measured at a time: a benchmark, a slice with one seed, a case of chaos. Each says when it began and
how busy the machine was then. Some measured anew take the place of their own; the others stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.machine import load_before, machine
from simulator.manifest import sources_hash

Part = Mapping[str, Any]
Rows = list[dict[str, Any]]
Page = Callable[[Sequence[Part]], str]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file of parts in the order of `names`, others than which it does not keep, and beside it their page."""

    file: Path
    names: Sequence[str]
    page: Page

    def __post_init__(self) -> None:
        """Look at the file before anything is measured for it."""
        parts(self.file)

    def measure(self, name: str, rows: Callable[[], Rows], **said: Any) -> Part:
        """Measure a part, keep it in the place of an earlier one, and return it; `said` is kept with it."""
        began = {"date_utc": _now(), "load_before": load_before(), "machine": machine(), "sources": sources_hash()}
        part = {"name": name, **began, **said, "rows": rows()}
        known = {one["name"]: one for one in parts(self.file)} | {name: part}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        _write(self.file, [known[one] for one in self.names if one in known], part["machine"])
        write_page(self.file, self.page)
        return part


def parts(file: Path) -> list[Part]:
    """Return what is kept in a file; nothing where there is none."""
    if not file.exists():
        return []
    try:
        content = json.loads(file.read_text("utf-8"))
        return [{"machine": content["machine"], **part} for part in content["parts"]]
    except (ValueError, KeyError, TypeError):
        raise click.UsageError(
            f"{file}: is not what benchmarks keep; remove it, or name another file with --json"
        ) from None


def write_page(file: Path, page: Page) -> None:
    """Write the page of what is kept in a file, beside it."""
    file.with_suffix(".md").write_text(page(parts(file)), "utf-8")


def begun(part: Part) -> tuple[str, str]:
    """Return when the run of a part began, and the load average of the minute before."""
    load = part["load_before"]
    return part["date_utc"][:16].replace("T", " "), "not known" if load is None else f"{load[0]:g}"


def told(part: Part) -> str:
    """Return the same as a sentence."""
    when, load = begun(part)
    return f"Run of {when} UTC; load average before: {load}."


def machines(measured: Iterable[Part]) -> str:
    """Say on what the parts were measured; where that was not the same for all, on what each."""
    names_on: dict[str, list[str]] = {}
    for part in measured:
        names_on.setdefault(_on(part["machine"]), []).append(part["name"])
    if len(names_on) == 1:
        return f"Measured on {next(iter(names_on))}\n"
    return "".join(f"- On {on} There: {'; '.join(names)}.\n" for on, names in names_on.items())


def table(columns: Sequence[str], rows: Sequence[tuple[Part, Sequence[str]]]) -> str:
    """Return a table of rows and their parts, with when and how busy: above it where all are alike, else by row."""
    if len({begun(part) for part, _ in rows}) > 1:
        return plain_table([*columns, "run of, UTC", "load before"], ([*cells, *begun(part)] for part, cells in rows))
    above = [f"{told(part)}\n\n" for part, _ in rows[:1]]
    return "".join([*above, plain_table(columns, [cells for _, cells in rows])])


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "".join(f"{line(cells)}\n" for cells in (columns, ["---"] * len(columns), *rows))


def line(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def _write(file: Path, kept: Iterable[Part], machine_now: Any) -> None:
    """Write the file; a part has its machine where that is another than what measured last."""
    lean = [{key: one for key, one in part.items() if key != "machine" or one != machine_now} for part in kept]
    file.write_text(json.dumps({"machine": machine_now, "parts": lean}, indent=1) + "\n", "utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _on(one: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    return f"{one['cores']} cores of {one['processor']}, {one['memory_gb']:g} GB, {one['system']};\n{versions}."
