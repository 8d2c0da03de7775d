"""Both engines, row by row, with no tolerance: generated scenarios, and the whole catalogue at a small scale.

The same EXAMPLES every time; `make agree N=10000` looks at so many fresh ones.
"""

from __future__ import annotations

import os
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings

from scenarios.loader import catalogue, load
from tests.agreement import SMALL, compare
from tests.scenario_strategy import Tree, loaded, scenarios

FRESH = "SLUICE_AGREE" in os.environ
EXAMPLES = int(os.environ.get("SLUICE_AGREE", "300"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not FRESH,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(scenarios())
def test_both_engines_live_the_same_lives(tree: Tree) -> None:
    difference = compare(loaded(tree).scenario)
    assert difference is None, f"{tree}\n{difference}"


@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_both_engines_agree_on_the_catalogue(name: str) -> None:
    scale = SMALL.get(name, Fraction(1, 20))
    difference = compare(load(name, scale=scale).scenario, seed=3, scale=scale)
    assert difference is None, difference
