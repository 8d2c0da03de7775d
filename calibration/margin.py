"""How large a trigger variants of the flagship day survive: its margin to a metastable failure.

On the day as it was, demand alone outgrew the servers, so no trigger was needed. Here the tripled servers are there
from the beginning, and what is sized by servers is sized by these: limits at what they can do, and the queue, where it
has a bound, at 120 s of that, as it was of the first ones. Then, at a busy hour, a part of the servers is gone for some
minutes. A variant **survives** where, 25 to 30 min after they are back, at least 95% as many orders are placed as in
the run without a trigger. For each depth the longest survived is found by bisection, to the minute; of several seeds
the shortest counts.

`python -m calibration.margin --scale 1/50` puts what it finds into docs/better-limits.json and draws docs/margins.png.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from calibration.variants import DAY, RESULTS, kept
from reports import plots
from scenarios.loader import load
from simulator.results import RunResult
from simulator.run import simulate

REPLICAS = 43.1
ENOUGH = (f"stages.intent.replicas={REPLICAS}", f"timelines.scale-out.steps=[['0h', {REPLICAS}]]")
QUEUE = "stages.intent.queue_limit=123480"
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no-limits": ("no-limits", ()),
    "static-limit": ("static-limit", (QUEUE, "timelines.limits.steps=[['0h', '1029/s']]")),
    "static-limit at 0.88": ("static-limit", (QUEUE, "timelines.limits.steps=[['0h', '906/s']]")),
    "deadline-and-budget": ("deadline-and-budget", (QUEUE,)),
    "waiting-room": ("waiting-room", (QUEUE, "timelines.line.steps=[['0h', '978/s']]")),
    "fulfilment-credits": ("fulfilment-credits", (QUEUE, "timelines.limits.steps=[['0h', '1029/s']]")),
}
"""The variant of each case, and what is set: limits at all that servers can do, and once as low as that of the day."""
BEGIN_MIN = 270  # 12:15
RECOVERY_MIN = 30
JUDGED_MIN = 5  # the last of the recovery
BACK = 0.95
DEPTHS = (0.25, 0.5, 0.75, 0.9, 1.0)
LONGEST_MIN = 60


def longest(survives: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to `most` that is survived, supposing that what is longer is no easier."""
    if survives(most):
        return most
    survived, failed = 0, most
    while failed - survived > 1:
        middle = (survived + failed) // 2
        survived, failed = (middle, failed) if survives(middle) else (survived, middle)
    return survived


class Trigger:
    """One case at one scale, and what it does where nothing happens to it."""

    def __init__(self, case: str, scale: Fraction, seed: int) -> None:
        self.case, self.scale, self.seed = case, scale, seed
        self.undisturbed = self._run(LONGEST_MIN)

    def survives(self, depth: float, length_min: int) -> bool:
        """Whether orders are back after so large a part of the servers was gone for so long."""
        cut = (
            f"{{name='cut',at='{BEGIN_MIN}m',for='{length_min}m',set={{'stages.intent.replicas'={self._left(depth)}}}}}"
        )
        end_min = BEGIN_MIN + length_min + RECOVERY_MIN
        disturbed = self._run(length_min, f"incidents=[{cut}]")
        return orders(disturbed, end_min) >= BACK * orders(self.undisturbed, end_min)

    def _left(self, depth: float) -> float:
        return round(REPLICAS * (1 - depth), 6)

    def _run(self, length_min: int, *more: str) -> RunResult:
        variant, sets = CASES[self.case]
        loaded = load(f"{DAY}/{variant}", sets=[*ENOUGH, *sets, *more], scale=self.scale)
        until_ns = (BEGIN_MIN + length_min + RECOVERY_MIN) * 60 * 10**9
        return simulate(loaded, engine="compiled", seed=self.seed, scale=self.scale, until_ns=until_ns)


def orders(result: RunResult, end_min: int) -> int:
    """Orders placed in the minutes before an instant in which recovery is judged."""
    t_s, placed = result.timeseries["t_s"], result.timeseries["orders.placed"]
    judged = (t_s >= (end_min - JUDGED_MIN) * 60) & (t_s < end_min * 60)
    return int(placed[judged].sum())


def margin(trigger: Trigger, depth: float, most: int = LONGEST_MIN) -> int:
    """Return how many minutes of a cut of this depth are survived, at most `most`."""
    return longest(lambda length_min: trigger.survives(depth, length_min), most)


def main() -> None:
    """Search for the margin of every case, keep the numbers and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=Fraction, default=Fraction(1, 50))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("cases", nargs="*", default=tuple(CASES))
    parser.add_argument("--draw", action="store_true", help="only draw what was found before")
    asked = parser.parse_args()
    for case, seed in () if asked.draw else product(asked.cases, asked.seeds.split(",")):
        trigger = Trigger(case, asked.scale, int(seed))
        for depth in DEPTHS:
            survived = margin(trigger, depth)
            about = {"case": case, "scale": str(asked.scale), "seed": int(seed), "depth": depth}
            kept("margins", [{**about, "survived_min": survived, "most_min": LONGEST_MIN}], list(about))
            print(f"{case}, seed {seed}: {depth:.0%} of servers gone for {survived} min", file=sys.stderr, flush=True)
    draw()


def shortest(found: Sequence[Mapping[str, Any]], case: str) -> dict[float, int]:
    """Return the minutes that a case survives with every seed, by the share of the servers that is gone."""
    here = [one for one in found if one["case"] == case]
    depths = sorted({one["depth"] for one in here})
    return {depth: min(one["survived_min"] for one in here if one["depth"] == depth) for depth in depths}


def draw() -> None:
    """Draw docs/margins.png from the numbers that are kept."""
    found = json.loads(RESULTS.read_text("utf-8"))["margins"]
    lines = {case: list(shortest(found, case).items()) for case in CASES}
    plots.picture_of_margins(lines, LONGEST_MIN, RESULTS.with_name("margins.png"))


if __name__ == "__main__":
    main()
