"""What a report reads of a run, and how it looks a figure up: what a run does not have is None, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reports import figures
from scenarios import metrics
from scenarios.model import Scenario
from scenarios.units import NS_PER_S

Series = NDArray[np.float64]


class Run(Protocol):
    """A finished (or interrupted) run: the summary and series of docs/model.md, what was asked, and the manifest."""

    @property
    def summary(self) -> Mapping[str, Any]: ...
    @property
    def timeseries(self) -> Mapping[str, NDArray[Any]]: ...
    @property
    def scenario(self) -> Scenario: ...
    @property
    def manifest(self) -> Mapping[str, Any]: ...


class MissingLibrary(ImportError):
    """A library that only some need is not installed; the text says what to install."""


def figure(run: Run, path: str) -> Any:
    """Return the figure of the summary at a dotted path, None where the run has none."""
    here: Any = run.summary
    for part in path.split("."):
        if not isinstance(here, Mapping):
            return None
        here = here.get(part)
    return here


def number(run: Run, path: str) -> float | None:
    """Return the number of the summary at a dotted path, None where the run has none."""
    found = figure(run, path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def words(run: Run, metric: str, value: float | None = None) -> str:
    """Write a figure of the summary (or another value of that metric) in its unit."""
    found = metrics.find(metric, run.scenario)
    return figures.value(found.unit if found else "", number(run, metric) if value is None else value)


def series(run: Run, name: str) -> Series | None:
    """Return one column of the time series, None where the run has none."""
    found = run.timeseries.get(name)
    return None if found is None or len(found) == 0 else np.asarray(found, dtype=np.float64)


def horizon_s(run: Run) -> float:
    """Return how long the scenario lasts."""
    return run.scenario.horizon_ns / NS_PER_S


def ended_s(run: Run) -> float:
    """Return the instant at which the run ended: the horizon, or where it was interrupted."""
    ended = number(run, "ended_s")
    return horizon_s(run) if ended is None else min(ended, horizon_s(run))


def interrupted(run: Run) -> bool:
    """Say whether the run was stopped before its horizon."""
    return bool(run.summary.get("interrupted")) or ended_s(run) < horizon_s(run)


def stage_names(run: Run) -> list[str]:
    """Return the stages that the run has figures of, the gateway first."""
    stages = figure(run, "stages")
    return list(stages) if isinstance(stages, Mapping) else []


def rows(run: Run, path: str) -> list[Mapping[str, Any]]:
    """Return a list of the summary such as milestones or outages, empty where the run has none."""
    found = figure(run, path)
    return list(found) if isinstance(found, list | tuple) else []


def answered(run: Run) -> float:
    """Return how many attempts came to an end for their person: with an order, a failure, or a timeout."""
    return sum(number(run, f"attempts.{name}") or 0.0 for name in ("completed", "failed", "timed_out"))
