"""Rows of distributions: their exact means, and what cannot be drawn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from scenarios import draws, tables
from scenarios.distributions import CountDistribution, TimeDistribution
from tests.test_draws import CUPS, TIMES


def time(distribution: Any) -> Any:
    return TypeAdapter[Any](TimeDistribution).validate_python(distribution)


def count(distribution: Any) -> Any:
    return TypeAdapter[Any](CountDistribution).validate_python(distribution)


MEANS = {
    "constant": 3e9,
    "exponential": 20e9,
    "lognormal": stats.lognorm(0.8, scale=15e9).mean(),
    "gamma": 2e9,
    "gamma-below-one": 2e9,
    "uniform": 600e9,
    "empirical": 0.5 * 1.5e6 + 0.45 * 5.5e6 + 0.05 * 54.5e6,
    "mixture": 0.6 * 20e9 + 0.3 * stats.lognorm(0.5, scale=180e9).mean() + 0.1 * 14_400e9,
}


@pytest.mark.parametrize("kind", MEANS)
def test_the_mean_of_a_distribution_is_exact(kind: str) -> None:
    assert tables.mean(time(TIMES[kind]), whole=False) == pytest.approx(MEANS[kind], rel=1e-12)


@pytest.mark.parametrize("kind", MEANS)
def test_the_mean_of_what_is_drawn_is_that_mean(kind: str) -> None:
    row = tables.table(time(TIMES[kind]), whole=False)
    drawn = np.array([draws.sample(row, 0, draws.key(1, 5, want, 0)) for want in range(20_000)])
    assert abs(drawn.mean() - MEANS[kind]) <= 5 * drawn.std() / math.sqrt(len(drawn))


def test_the_mean_of_cups_counts_whole_numbers() -> None:
    assert tables.mean(count(CUPS), whole=True) == pytest.approx(0.7 + 0.4 + 0.36 + 0.2)
    assert tables.mean(count({"kind": "uniform", "low": 0.5, "high": 4.9}), whole=True) == 2.5
    assert tables.mean(count({"kind": "uniform", "low": 0.5, "high": 4.9}), whole=False) == 2.7


def test_a_lognormal_by_its_cv_has_that_cv() -> None:
    row = tables.table(count({"kind": "lognormal", "median": 3, "cv": 0.5}), whole=True)
    assert stats.lognorm(row[2], scale=row[1]).std() / stats.lognorm(row[2], scale=row[1]).mean() == pytest.approx(0.5)


def test_a_lognormal_by_its_p95_has_that_p95() -> None:
    row = tables.table(time({"kind": "lognormal", "median": "195ms", "p95": "370ms"}), whole=False)
    assert stats.lognorm(row[2], scale=row[1]).sf(370e6) == pytest.approx(0.05)


def test_a_mean_too_large_for_a_number_is_infinite() -> None:
    assert tables.mean(time({"kind": "lognormal", "median": "1s", "sigma": 50}), whole=False) == math.inf


BAD = [
    ({"kind": "lognormal", "median": 1, "sigma": 51}, "a lognormal of sigma 51 cannot be drawn; at most 50 can be"),
    ({"kind": "gamma", "mean": 1, "cv": 2000}, "a gamma with cv 2000 cannot be drawn; cv is 0.0001 to 1000"),
    ({"kind": "gamma", "mean": 1, "cv": 1e-9}, 'for less spread use kind = "constant"'),
    ({"kind": "uniform", "low": 0.2, "high": 0.8}, "there is no whole number from 0.2 to 0.8, and this is a count"),
]


@pytest.mark.parametrize(("distribution", "says"), BAD)
def test_what_cannot_be_drawn_is_refused_in_words(distribution: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        tables.table(count(distribution), whole=True)
    with pytest.raises(ValueError, match=says):
        tables.mean(count(distribution), whole=True)
    with pytest.raises(ValueError, match=says):
        tables.table(count({"kind": "mixture", "parts": [{"weight": 1, "of": distribution}]}), whole=True)
