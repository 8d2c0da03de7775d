"""Runs of a case with seeds of its own, and the interval that they give for what is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from scipy import stats

from scenarios.loader import load
from simulator.engines import Engine
from simulator.results import RunResult
from simulator.run import simulate
from tests.theory.cases import CASES, Case

SCENARIOS = Path(__file__).parent / "scenarios"
FALSE_ALARM = 1e-4


@dataclass(frozen=True)
class Interval:
    """A mean over replications, and the half-width of Student's interval that is wrong once in 1/FALSE_ALARM."""

    mean: float
    half_width: float

    def holds(self, value: float) -> bool:
        """Whether the value is in the interval."""
        return abs(value - self.mean) <= self.half_width


def interval(values: Sequence[float]) -> Interval:
    """Return Student's interval of the mean of independent values."""
    quantile = float(stats.t.ppf(1 - FALSE_ALARM / 2, len(values) - 1))
    return Interval(fmean(values), quantile * stdev(values) / math.sqrt(len(values)))


def values(case: Case, engine: Engine, seeds: int) -> list[list[float]]:
    """Return what each check measures, run by run, through the public function; the books of each run must balance."""
    loaded = load(SCENARIOS / f"{case.scenario}.toml")
    first = 1000 * CASES.index(case)  # no two cases share a seed, or the same draws would tell on both
    found: list[list[float]] = [[] for _ in case.checks]
    for seed in range(first, first + seeds):
        run = simulate(loaded, engine=engine, seed=seed, trace=True)
        assert_books(run)
        for check, row in zip(case.checks, found, strict=True):
            row.append(check.measure(run))
    return found


def measured(case: Case, engine: Engine) -> list[Interval]:
    """Return the interval of each check of a case."""
    return [interval(row) for row in values(case, engine, case.seeds)]


def assert_books(run: RunResult) -> None:
    """Little's law at every station is among the identities that each run checks; people are counted here again."""
    assert run.summary["invariants"]["violated"] == []
    people = run.summary["people"]
    assert people["wanted"] == people["placed"] + people["abandoned"] + people["pending"] > 0
