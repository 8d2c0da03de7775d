"""A run as files: written once, never over another run, and read back with errors that say what to do."""

from __future__ import annotations

import contextlib
import json
import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scenarios.model import Scenario
from scenarios.units import NS_PER_S
from simulator.manifest import FORMAT
from simulator.outcome import Ints, Outcome
from simulator.summary import as_json

ROWS_IN_A_GROUP = 1 << 17
MANIFEST, RESOLVED, SUMMARY = "manifest.json", "resolved.toml", "summary.json"
TIMESERIES, ORDERS, ATTEMPTS = "timeseries.parquet", "orders.parquet", "attempts.parquet"
UNFINISHED = ".unfinished"

Columns = Mapping[str, NDArray[Any]]
T = TypeVar("T")


class ResultError(Exception):
    """A run that cannot be written or read; the text names the file and the remedy."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A run and all that is kept of it. `resolved` is the text of resolved.toml, `scenario` what it says."""

    scenario: Scenario
    resolved: str
    summary: Mapping[str, Any]
    timeseries: Columns
    orders: Mapping[str, Ints] | None = None
    attempts: Mapping[str, Ints] | None = None
    manifest: Mapping[str, Any]


def timeseries(outcome: Outcome) -> dict[str, NDArray[Any]]:
    """Return the columns of timeseries.parquet, a row a bucket: its start `t_s`, counters within it, gauges at its end.

    Counters are named and have the unit that they have in the summary; gauges follow in the order of their names.
    """
    rows = max(1, -(-outcome.ended_ns // outcome.bucket_ns))
    columns: dict[str, NDArray[Any]] = {"t_s": np.arange(rows, dtype=np.int64) * outcome.bucket_ns / NS_PER_S}
    for name, values in outcome.per_bucket.items():
        columns[name] = (values / NS_PER_S).astype(np.float64) if name.startswith("work.") else values
    return columns | {name: outcome.gauges[name] for name in sorted(outcome.gauges)}


def run_folder(base: Path, scenario_name: str, seed: int, utc: datetime) -> Path:
    """Make a new folder for a run and return it; two runs of the same second get two folders."""
    stem = f"{scenario_name.replace('/', '-')}-{seed}-{utc.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    number = 1
    while True:
        folder = base / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise ResultError(f"{folder}: cannot be made: {why(error)}; choose another folder with --out") from error
        else:
            return folder


def write(result: RunResult, folder: Path, beside: Collection[str] = ()) -> None:
    """Write a run into a folder that is new, or has no more than what it may stand beside.

    The manifest comes last: where it stands, all else is whole.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(path.name not in beside for path in folder.iterdir()):
            raise ResultError(f"{folder}: is not empty, and a run is never written over another; choose a new folder")
        _write_text(folder / RESOLVED, result.resolved)
        _write_text(folder / SUMMARY, as_json(result.summary))
        _write_table(folder / TIMESERIES, result.timeseries)
        for name, trace in ((ORDERS, result.orders), (ATTEMPTS, result.attempts)):
            if trace is not None:
                _write_table(folder / name, trace)
        _write_text(folder / MANIFEST, as_json(result.manifest))
    except OSError as error:
        raise ResultError(f"{folder}: cannot be written: {why(error)}; make room, or choose another folder") from error


def read(folder: Path) -> RunResult:
    """Read a run back; traces are None where it has none."""
    scenario, summary = read_summary(folder)
    return RunResult(
        scenario=scenario,
        resolved=_read(folder / RESOLVED, lambda path: path.read_text(encoding="utf-8")),
        summary=summary,
        timeseries=_read(folder / TIMESERIES, _table),
        orders=_read(folder / ORDERS, _table) if (folder / ORDERS).exists() else None,
        attempts=_read(folder / ATTEMPTS, _table) if (folder / ATTEMPTS).exists() else None,
        manifest=_read(folder / MANIFEST, _manifest),
    )


def read_summary(folder: Path) -> tuple[Scenario, dict[str, Any]]:
    """Read what a run was and its figures, and nothing large."""
    if not folder.is_dir():
        raise ResultError(f"{folder}: is not a folder of a run; name one that `sluice run` has written")
    _read(folder / MANIFEST, _manifest)
    scenario = _read(folder / RESOLVED, lambda path: Scenario.model_validate(tomllib.loads(path.read_text("utf-8"))))
    return scenario, _read(folder / SUMMARY, _json_object)


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of a run that holds one JSON object."""
    return _read(path, _json_object)


def write_text(path: Path, text: str) -> None:
    """Write a file of a run: as a whole, or not at all."""
    try:
        _write_text(path, text)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {why(error)}; make room, or choose another folder") from error


def _write_text(path: Path, text: str) -> None:
    in_one_step(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8", newline="\n"))


def _write_table(path: Path, columns: Columns) -> None:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    in_one_step(
        path, lambda unfinished: pq.write_table(table, unfinished, compression="zstd", row_group_size=ROWS_IN_A_GROUP)
    )


def in_one_step(path: Path, write_to: Callable[[Path], Any]) -> None:
    """Write under another name, and give the file its own when it is on the disk as a whole."""
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        write_to(unfinished)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _read(path: Path, parse: Callable[[Path], T]) -> T:
    if not path.exists():
        raise ResultError(f"{path}: is missing, so the run was not written to its end; run the scenario again")
    try:
        return parse(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultError(
            f"{path}: cannot be read: {why(error)}; restore the file, or run the scenario again"
        ) from error


def _json_object(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("holds no JSON object")
    return content


def _manifest(path: Path) -> dict[str, Any]:
    content = _json_object(path)
    if content.get("format") != FORMAT:
        raise ValueError(f"it is of format {content.get('format')!r} and this version of Sluice reads format {FORMAT}")
    return content


def _table(path: Path) -> dict[str, NDArray[Any]]:
    table = pq.read_table(path)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def why(error: BaseException) -> str:
    """Return the first line of what went wrong, without the path, which the message has already."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (text.strip() or type(error).__name__).splitlines()[0].rstrip(".")
