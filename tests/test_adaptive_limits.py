"""Laws that adapt on five shapes: the study, how it reads what a law has learned, and its page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from calibration import learned, shapes, shapes_page
from calibration.labs import BASELINE, LABS, LAWS, SHORT_QUEUE, STREET_LAWS, Lab, Shape, cells
from calibration.shapes_page import BEATS, LIKE, LOSES
from scenarios.loader import load
from simulator.compiled import Run, first_arrivals

STEP = "arrivals.rate=[['2s', '150/s'], ['2.001s', '900/s'], ['4s', '900/s'], ['4.001s', '150/s']]"
TINY = replace(
    LABS["service"],
    sets=("horizon='8s'", "stages.backend.servers=20"),
    shapes={"step": Shape(sets=(STEP,), end_s=4)},
    begin_s=2,
    rest_s=1,
    look_s=1,
    laws={"aimd": LAWS["aimd"]},
)
UNDISTURBED: dict[str, Callable[[float], bool]] = {
    "aimd": lambda told: 20 <= told <= 200,
    "vegas": lambda told: 1 <= told <= 1000,
    "gradient2": lambda told: 20 <= told <= 200,
    "envoy_gradient": lambda told: 3 <= told <= 1000,
    "bbr_cpu": lambda told: 1 <= told <= 200,
    "load_multiplier": math.isnan,
    "dagor": lambda told: told == 100,
    "pi_rejector": lambda told: told == 100,
    "seda": lambda told: 0 < told < 400,
    "top_down": math.isnan,
    "breakwater": lambda told: 40 <= told < 64,
    "sre_throttle": lambda told: told == 0,
    "fulfilment_credit": lambda told: 100 <= told <= 1000,
}


def run_of(lab: Lab, arm: str) -> Run:
    scenario = load(lab.scenario, sets=[*lab.sets, *lab.arms("alone")[arm]]).scenario
    return Run(scenario, seed=1, first_arrivals_ns=first_arrivals(scenario, 1, Fraction(1)))


def test_the_page_is_current() -> None:
    current = shapes_page.page() == shapes_page.PAGE.read_text("utf-8")
    assert current, "docs/adaptive-limits.md is old; run python -m calibration.shapes_page"


def test_every_arm_that_is_drawn_has_its_picture_and_no_other_is_there() -> None:
    drawn = {shapes_page.picture(name, arm) for name, lab in LABS.items() for arm in shapes_page.drawn(lab)}
    assert {file.name for file in shapes_page.PICTURES.iterdir()} == drawn


def test_a_tiny_study_runs_and_draws(tmp_path: Path) -> None:
    rows = {cell: shapes.row("service", TINY, cell, (1, 2)) for cell in cells(TINY)}
    assert len(rows) == 5 + 1 + 5
    nothing, baseline = (rows["alone", "step", arm] for arm in ("nothing", BASELINE))
    assert min(baseline["good_per_s"]) > max(nothing["good_per_s"]) > 0
    assert min(nothing["wasted"]) > 0.3
    assert max(baseline["back_s"]) <= 2
    shapes.draw("service", TINY, "aimd", tmp_path)
    assert (tmp_path / "service-aimd.png").read_bytes().startswith(b"\x89PNG")


def test_a_panel_has_the_rates_of_the_run_and_its_learned_limit() -> None:
    unit, panel = shapes.panel(TINY, "step", "aimd", seed=1)
    assert unit == learned.CALLS
    assert len(panel.at) == 8
    assert panel.below["learned"][0] >= 20
    assert panel.rates["tries"][2] > panel.rates["let in"][2] >= panel.rates["good"][2]
    assert max(panel.below["inside"]) <= 200


@pytest.mark.parametrize(("arm", "fits"), UNDISTURBED.items())
def test_what_a_law_has_learned_is_read_and_the_run_does_not_notice(arm: str, fits: Callable[[float], bool]) -> None:
    lab = LABS["street" if arm in STREET_LAWS else "service"]
    watched, other = run_of(lab, arm), run_of(lab, arm)
    found = learned.reader(watched.scenario)
    assert found is not None
    told = []
    for hours_or_s in (2, 3, 4, 5, 6):
        watched.advance(hours_or_s * lab.over_s * 10**9)
        told.append(found[1](watched))
    other.advance(6 * lab.over_s * 10**9)
    assert all(map(fits, told)), told
    top = int(other.words[: len(other.words)].nonzero()[0][-1])
    assert np.array_equal(watched.words[: top + 1], other.words[: top + 1])


def test_what_is_back_serves_as_many_as_come_for_as_long_as_is_looked() -> None:
    at_s = np.arange(10.0)
    wanted, good = np.full(10, 100), np.array([100, 100, 0, 0, 50, 96, 100, 90, 96, 100])
    assert shapes.back_s(at_s, good, wanted, end_s=3, look_s=2) == 2
    assert shapes.back_s(at_s, good, wanted, end_s=3, look_s=1) == 2
    assert shapes.back_s(at_s, np.zeros(10), wanted, end_s=3, look_s=2) is None


def test_a_law_beats_where_the_interval_excludes_zero_and_there_is_a_hundredth_more() -> None:
    def of(*values: float) -> str:
        rows: shapes_page.Found = {
            ("service", "alone", "step", BASELINE): {"good_per_s": [100.0, 101.0, 99.0]},
            ("service", "added", "step", "aimd"): {"good_per_s": list(values)},
        }
        return shapes_page.compared(rows, "service", "added", "step", "aimd", BASELINE, "good_per_s")[0]

    assert of(110.0, 111.2, 109.1) == BEATS
    assert of(90.0, 91.2, 89.1) == LOSES
    assert of(100.5, 101.5, 99.5) == LIKE
    assert of(110.0, 130.0, 90.0) == LIKE


def test_rows_of_the_same_cell_are_replaced_and_stand_in_the_order_of_the_labs(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    rows = [{"lab": "service", "setting": "alone", "shape": "step", "arm": arm, "n": 1} for arm in (*LAWS, BASELINE)]
    shapes.keep(rows, file)
    shapes.keep([rows[0] | {"n": 2}], file)
    kept = json.loads(file.read_text())
    assert [one["arm"] for one in kept] == [BASELINE, *LAWS]
    assert [one["n"] for one in kept if one["arm"] == "aimd"] == [2]


def verdict(law: str, shape: str, setting: str, to: str = BASELINE, figure: str = "good_per_s") -> str:
    lab = "street" if law in STREET_LAWS else "service"
    return shapes_page.compared(FOUND, lab, setting, shape, law, to, figure)[0]


def gain(law: str, shape: str, setting: str) -> float:
    mean = shapes_page.compared(FOUND, "service", setting, shape, law, BASELINE, "good_per_s")[1].mean
    assert mean is not None
    return mean


FOUND = shapes_page.found(shapes_page.RESULTS)
SERVICE = LABS["service"]
OTHER_SHAPES = [shape for shape in SERVICE.shapes if shape != "slow drift"]


@pytest.mark.parametrize("law", ["aimd", "gradient2", "bbr_cpu", "breakwater"])
def test_as_the_page_says_some_laws_save_the_drift_and_a_short_queue_does_too(law: str) -> None:
    assert [verdict(law, "slow drift", setting) for setting in SERVICE.settings] == [BEATS] * 3
    assert verdict(SHORT_QUEUE, "slow drift", "alone") == BEATS
    assert verdict(law, "slow drift", "alone", to=SHORT_QUEUE) != BEATS


@pytest.mark.parametrize("law", ["aimd", "gradient2"])
def test_as_the_page_says_some_laws_cost_nothing_elsewhere(law: str) -> None:
    assert min(gain(law, shape, "added") for shape in OTHER_SHAPES) > -0.01
    assert LOSES not in [verdict(law, shape, "alone") for shape in SERVICE.shapes]


@pytest.mark.parametrize("law", ["load_multiplier", "pi_rejector", "sre_throttle", "seda", "top_down"])
def test_as_the_page_says_some_laws_beat_the_baseline_nowhere(law: str) -> None:
    assert BEATS not in [verdict(law, shape, setting) for shape in SERVICE.shapes for setting in SERVICE.settings]


def test_as_the_page_says_no_law_gains_much_while_servers_do_what_they_did() -> None:
    assert (
        max(gain(law, shape, setting) for law in LAWS for shape in OTHER_SHAPES for setting in SERVICE.settings) < 0.02
    )


def test_as_the_page_says_of_single_laws() -> None:
    assert min(gain("breakwater", shape, setting) for shape in OTHER_SHAPES for setting in SERVICE.settings) > -0.03
    assert 0.165 < min(gain("breakwater", "slow drift", setting) for setting in SERVICE.settings) < 0.175
    assert [verdict("top_down", shape, "added") for shape in ("step", "slow drift")] == [LIKE, LOSES]
    assert LIKE not in {verdict("seda", shape, setting) for shape in SERVICE.shapes for setting in SERVICE.settings}
    assert [verdict("vegas", shape, "alike") for shape in ("slow drift", "step")] == [BEATS, LOSES]
    assert verdict("envoy_gradient", "slow drift", "alike") == BEATS
    slow = "load_multiplier"
    assert [verdict("sre_throttle, 10 s", shape, "added") for shape in ("slow drift", "dead backend")] == [BEATS, LOSES]
    assert gain("no budget", "spike", "alone") == pytest.approx(0.015, abs=0.0005)
    assert gain("aimd", "spike", "alone") == pytest.approx(0.013, abs=0.0005)
    helps = {
        shape for shape in SERVICE.shapes if gain(f"{slow}, 1 s", shape, "alone") > gain(slow, shape, "alone") + 0.02
    }
    assert helps == {"step", "spike"}
    for shape in ("ramp", "slow drift"):
        assert min(FOUND["service", "alone", shape, "dagor"]["first_fifth"]) > 0.999


def test_as_the_page_says_credits_beat_stores_that_pause_where_the_street_gets_worse() -> None:
    assert [verdict("fulfilment_credit", shape, "alone") for shape in LABS["street"].shapes] == [
        *[LIKE] * 3,
        *[BEATS] * 2,
    ]
    for shape in ("step", "spike", "ramp"):
        credit, pauses = (FOUND["street", "alone", shape, arm]["cancelled"] for arm in ("fulfilment_credit", BASELINE))
        assert min(credit) > max(pauses)
