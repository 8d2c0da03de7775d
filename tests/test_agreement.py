"""Both engines, row by row, with no tolerance: generated scenarios, and the whole catalogue at a small scale.

Other EXAMPLES every time: a failure prints all that is needed to see it again, and hypothesis tries it first the next
time. `make agree N=10000` looks at so many.
"""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios.loader import catalogue, load
from simulator.compiled.jit import INTERPRETED
from tests.agreement import compare
from tests.scenario_strategy import ANYWHERE, AT_CLIENT, AT_STAGES, INSIDE, LAW_PLACES, Tree, loaded, scenarios

EXAMPLES = int(os.environ.get("SLUICE_AGREE", "300"))
PARTS = 4  # for as many processes
INTERPRETED_EXAMPLES = 24
SCALES = st.sampled_from([Fraction(1), Fraction(1), Fraction(1, 2), Fraction(3, 2)])
SMALL = {"milk-tea-day": Fraction(1, 2000), "labs/kitchen-rush": Fraction(1, 2), "labs/batching-server": Fraction(1, 4)}

POINTS = {
    ANYWHERE: ("client", "gateway", "stage:desk", "stage:till"),
    INSIDE: ("gateway", "stage:desk", "stage:till"),
    AT_STAGES: ("stage:desk", "stage:till"),
    AT_CLIENT: ("client",),
}
LAWS: dict[str, Tree] = {
    "token_bucket": {"rate": "300/s", "burst": 2},
    "gcra": {"rate": "300/s", "burst": 2},
    "fixed_window": {"limit": 2, "window": "7ms"},
    "sliding_window_log": {"limit": 3, "window": "7ms"},
    "fixed_concurrency": {"limit": 2},
    "deadline": {"least_left": "5ms"},
    "pacing": {"rate": "300/s", "longest_wait": "9ms"},
    "retry_budget": {"earn": 0.5, "cap": 2},
}
CROWD: Tree = {
    "schema": 1,
    "name": "crowd",
    "title": "Two segments and three zones, who try again at once, two desks and a till",
    "horizon": "60ms",
    "bucket": "10ms",
    "arrivals": {"process": "poisson", "rate": "1000/s"},
    "people": {"timeout": "12ms", "attempts": 4, "retry_delay": "1ms", "patience": "40ms"},
    "segments": [{"name": "some", "share": 0.5}, {"name": "others", "share": 0.5}],
    "street": {"zones": 3, "stores_per_zone": 1},
    "stages": [
        {"name": "desk", "servers": 2, "service": "1ms", "failure": 0.2},
        {"name": "till", "servers": 2, "service": "1ms", "network_delay": "1ms", "queue_limit": 9},
    ],
}


@pytest.mark.parametrize("part", range(PARTS))
def test_both_engines_live_the_same_lives(part: int) -> None:
    @settings(
        max_examples=-(-EXAMPLES // PARTS),
        deadline=None,
        derandomize=False,  # which hypothesis would do where CI is set
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(tree=scenarios(), scale=SCALES, seed=st.integers(0, 99))
    def agree(tree: Tree, scale: Fraction, seed: int) -> None:
        difference = compare(loaded(tree).scenario, seed=seed, scale=scale)
        assert difference is None, f"{tree}\n{difference}"

    agree()


@pytest.mark.skipif(INTERPRETED, reason="this is it")
def test_both_engines_live_the_same_lives_where_nothing_is_compiled() -> None:
    command = [sys.executable, "-m", "pytest", "-n0", __file__, "-k", test_both_engines_live_the_same_lives.__name__]
    variables = {**os.environ, "NUMBA_DISABLE_JIT": "1", "SLUICE_AGREE": str(INTERPRETED_EXAMPLES)}
    ended = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("law", sorted(LAWS))
def test_both_engines_agree_on_every_law_with_every_key_at_every_point(law: str) -> None:
    for key, at in product(("global", "person", "segment", "zone"), POINTS[LAW_PLACES[law]]):
        door = {"name": "door", "at": at, "key": key, "law": law, **LAWS[law]}
        turns = [{"name": "turns", "knob": "admission.door.limit", "steps": [["10ms", 0], ["14ms", 1], ["20ms", 3]]}]
        if "rate" in door:
            rest = "1/s" if law == "pacing" else "off"
            turns = [{**turns[0], "knob": "admission.door.rate", "steps": [["10ms", rest], ["14ms", "700/s"]]}]
        tree = {**CROWD, "admission": [door], "timelines": turns if {"rate", "limit"} & door.keys() else []}
        difference = compare(loaded(tree).scenario)
        assert difference is None, f"{tree}\n{difference}"


@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_both_engines_agree_on_the_catalogue(name: str) -> None:
    scale = SMALL.get(name, Fraction(1, 20))
    difference = compare(load(name, scale=scale).scenario, seed=3, scale=scale)
    assert difference is None, difference
