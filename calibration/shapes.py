"""Laws that adapt, on five shapes of load and capacity, beside a simple baseline.

`python -m calibration.shapes` runs every cell of `calibration.labs`, keeps the figures in docs/adaptive-limits.json,
draws docs/adaptive-limits/*.png and writes docs/adaptive-limits.md. `python -m calibration.shapes aimd` runs and draws
one law, and leaves what was found of the others.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from calibration import learned, shapes_page
from calibration.labs import LABS, Figures, Lab, cells
from reports import plots
from scenarios.loader import load
from scenarios.units import NS_PER_S
from simulator.compiled import Run, first_arrivals
from simulator.results import timeseries
from simulator.run import simulate

SEEDS = (1, 2, 3, 4, 5)
BACK = 0.95


def figures(lab: Lab, sets: Sequence[str], end_s: int, seed: int) -> Figures:
    """Simulate a run in which the shape is over at `end_s`, and return what is told of it."""
    result = simulate(load(lab.scenario, sets=sets), engine="compiled", seed=seed)
    if violated := result.summary["invariants"]["violated"]:
        raise RuntimeError(f"{lab.scenario}: the books do not balance: {violated[0]}")
    at_s, good, wanted = (result.timeseries[name] for name in ("t_s", lab.good, "people.wanted"))
    counted = (at_s >= lab.begin_s) & (at_s < end_s + lab.rest_s)
    found: Figures = {"good_per_s": float(good[counted].sum()) / (end_s + lab.rest_s - lab.begin_s)}
    if lab.look_s is not None:
        found["back_s"] = back_s(at_s, good, wanted, end_s, lab.look_s)
    return found | lab.figures(result.summary)


def back_s(at_s: Any, good: Any, wanted: Any, end_s: int, look_s: int) -> float | None:
    """Return how long after the end the first `look_s` begin that serve as many as come; None: they never do."""
    looked = np.ones(round(look_s / (at_s[1] - at_s[0])))
    served, came = (np.convolve(counts, looked, "valid") for counts in (good, wanted))
    begins = at_s[: len(served)]
    back = begins[(begins >= end_s) & (served >= BACK * came)]
    return float(back[0] - end_s) if len(back) else None


def row(name: str, lab: Lab, cell: tuple[str, str, str], seeds: Sequence[int]) -> dict[str, Any]:
    """Simulate a cell with every seed and return its row of the results: of each figure the values, seed by seed."""
    setting, shape, arm = cell
    found = [figures(lab, lab.sets_of(*cell), lab.shapes[shape].end_s, seed) for seed in seeds]
    values = {figure: [_short(one[figure]) for one in found] for figure in found[0]}
    return {"lab": name, "setting": setting, "shape": shape, "arm": arm, "seeds": list(seeds), **values}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def keep(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Put rows into the results, in place of those of the same cells; a row a line, in the order of the labs."""
    found = shapes_page.found(path) if path.exists() else {}
    found |= {shapes_page.cell_of(row): row for row in rows}
    ordered = [found[name, *cell] for name, lab in LABS.items() for cell in cells(lab) if (name, *cell) in found]
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in ordered) + "\n]\n", "utf-8")


def panel(lab: Lab, shape: str, arm: str, seed: int) -> tuple[str, plots.LawPanel]:
    """Simulate a run of an arm alone; return the unit of what its law learns, and what is drawn of the run.

    How full it is is drawn beside, where that has the same unit, or nothing is learned.
    """
    scenario = load(lab.scenario, sets=lab.sets_of("alone", shape, arm)).scenario
    run = Run(scenario, seed=seed, first_arrivals_ns=first_arrivals(scenario, seed, Fraction(1)))
    unit, read = learned.reader(scenario) or (lab.unit, None)
    said = []
    for end_ns in range(scenario.bucket_ns, scenario.horizon_ns + 1, scenario.bucket_ns):
        run.advance(end_ns)
        said.append(read(run) if read else math.nan)
    series = timeseries(run.outcome())
    each = scenario.bucket_ns / NS_PER_S / lab.over_s
    tried, refused, inside = (
        np.sum([series[name] for name in names], axis=0)
        for names in (
            ("attempts.offered", "attempts.held_back"),
            ("attempts.held_back", "failures.throttled", "failures.shed", "failures.store"),
            lab.inside,
        )
    )
    return unit, plots.LawPanel(
        title=shape,
        at=series["t_s"] / lab.over_s + each,
        shaded=(lab.begin_s / lab.over_s, lab.shapes[shape].end_s / lab.over_s),
        rates={"tries": tried / each, "let in": (tried - refused) / each, "good": series[lab.good] / each},
        below=({"learned": np.array(said)} if read else {}) | ({"inside": inside} if unit == lab.unit else {}),
    )


def draw(name: str, lab: Lab, arm: str, folder: Path, seed: int = 1) -> None:
    """Draw a picture of an arm alone: a column a shape."""
    units, panels = zip(*(panel(lab, shape, arm, seed) for shape in lab.shapes), strict=True)
    folder.mkdir(exist_ok=True)
    plots.picture_of_a_law(
        panels,
        title=shapes_page.titled(arm),
        good=f"orders {lab.good.partition('.')[2].replace('_', ' ')}",
        unit=units[0],
        over_s=lab.over_s,
        path=folder / shapes_page.picture(name, arm),
    )


def main() -> None:
    """Run every cell of every lab, or those of some arms, and write the results, the pictures and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--draw", action="store_true", help="only draw the pictures, and write the page of what was found"
    )
    parser.add_argument("arms", nargs="*", help="a law, or what it is held against; all unless given")
    asked = parser.parse_args()
    for name, lab in LABS.items():
        for cell in () if asked.draw else cells(lab):
            if cell[-1] in asked.arms or not asked.arms:
                found = row(name, lab, cell, SEEDS)
                keep([found], shapes_page.RESULTS)
                print(json.dumps(found), file=sys.stderr, flush=True)
        for arm in shapes_page.drawn(lab):
            if arm in asked.arms or not asked.arms:
                draw(name, lab, arm, shapes_page.PICTURES)
    shapes_page.PAGE.write_text(shapes_page.page(), "utf-8")


if __name__ == "__main__":
    main()
