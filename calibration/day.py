"""Fit the flagship day to its published milestones.

`python -m calibration.day` searches, `python -m calibration.day profile` says what the milestones identify.

The search turns four numbers of `milk-tea-day` (level of demand, demand at noon, when the news spreads, how soon people
come back) and leaves all else as it is. Its loss is the sum of squared deviations, each in units of its tolerance. A
profile moves one number that the search does not turn, fits the four again, and tells whether every milestone is still
met: where it is over a wide interval, the facts do not identify that number.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

from scipy.optimize import minimize

from scenarios.loader import load
from simulator.run import simulate

SCENARIO = "milk-tea-day"
START = {"demand": 596.0, "noon": 1.13, "news_h": 1.842, "back_h": 1.9}
STEPS = {"demand": 25.0, "noon": 0.1, "news_h": 0.05, "back_h": 0.4}
BOUNDS = {"demand": (300.0, 1200.0), "noon": (0.5, 2.0), "news_h": (1.2, 2.6), "back_h": (0.3, 6.0)}
PROFILES: Mapping[str, tuple[str, Sequence[str]]] = {
    "invitations per order": ("invitations.mean", ("0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.8")),
    "share who come back": ("people.come_back.probability", ("0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7")),
    "patience of the persistent": (
        "people.kinds.persistent.patience.mean",
        ("'30m'", "'1h'", "'2h'", "'3h'", "'4h'", "'6h'", "'8h'", "'16h'"),
    ),
    "resignation in the evening": (
        "people.resignation",
        ("[['9h51m', 0]]", "[['9h51m', 0.1]]", "[['9h51m', 0.3]]", "[['9h51m', 0.6]]", "[['9h51m', 1]]"),
    ),
    "capacity of couriers": ("couriers.rate", ("'154/s'", "'309/s'", "'401.7/s'", "'618/s'")),
}
Point = dict[str, float]


def sets(point: Mapping[str, float]) -> list[str]:
    """Return the `--set` options of a point of the search."""
    noon = point["noon"]
    curve = (
        f"[['0h',0.25],['1h15m',0.35],['2h15m',0.6],['3h15m',0.9],['4h15m',{noon:.4f}],['5h',{noon:.4f}],['5h45m',0.75],"
        "['7h15m',0.5],['8h15m',0.5],['9h45m',0.62],['11h15m',0.7],['12h45m',0.55],['14h15m',0.3],['16h15m',0.1]]"
    )
    return [
        f"arrivals.rate='{point['demand']:.2f}/s'",
        f"arrivals.shapes.time-of-day.curve={curve}",
        f"arrivals.shapes.word-of-mouth.logistic.middle='{point['news_h'] * 3600:.0f}s'",
        f"people.come_back.delay.mean='{point['back_h'] * 3600:.0f}s'",
    ]


def judge(point: Mapping[str, float], scale: Fraction, seed: int, more: Sequence[str] = ()) -> dict[str, Any]:
    """Simulate a point and return the summary."""
    loaded = load(SCENARIO, sets=[*sets(point), *more], scale=scale)
    return dict(simulate(loaded, engine="compiled", seed=seed, scale=scale).summary)


def loss(summary: Mapping[str, Any]) -> float:
    """Sum of squared deviations in units of the tolerance; an `at_least` that is met costs nothing."""
    total = 0.0
    for milestone in summary["milestones"]:
        if milestone["simulated"] is None:
            total += 100.0
        elif milestone["compare"] == "about":
            total += (milestone["deviation"] / milestone["tolerance"]) ** 2
        elif milestone["verdict"] != "met":
            total += 25.0
    return total


def missed(summary: Mapping[str, Any]) -> list[str]:
    """Return the names of the milestones that are not met."""
    return [milestone["name"] for milestone in summary["milestones"] if milestone["verdict"] != "met"]


def told(summary: Mapping[str, Any]) -> str:
    """One line: the milestones' deviations."""
    return " ".join(
        f"{m['name']} {'none' if m['deviation'] is None else format(m['deviation'], '+.1%')}"
        for m in summary["milestones"]
        if m["compare"] == "about"
    )


class _FoundError(Exception):
    """A point at which every milestone is met has been found, and no better one is asked for."""


def fit(
    start: Point, scale: Fraction, seed: int, tries: int, more: Sequence[str] = (), *, enough: bool = False
) -> tuple[Point, dict[str, Any]]:
    """Nelder and Mead's search from a start, within bounds; returns the best point seen and its summary.

    `enough`: stop at the first point that meets every milestone.
    """
    names = list(start)
    best: tuple[float, Point, dict[str, Any]] | None = None

    def at(vector: Sequence[float]) -> float:
        nonlocal best
        point = {
            name: min(max(start[name] + x * STEPS[name], BOUNDS[name][0]), BOUNDS[name][1])
            for name, x in zip(names, vector, strict=True)
        }
        summary = judge(point, scale, seed, more)
        value = loss(summary)
        if best is None or value < best[0]:
            best = (value, point, summary)
            shown = ", ".join(f"{name} {number:.4g}" for name, number in point.items())
            print(f"  loss {value:8.2f}: {shown} | {told(summary)}", flush=True)
        if enough and not missed(summary):
            raise _FoundError
        return value

    simplex = [[0.0] * len(names)] + [[1.0 if i == j else 0.0 for j in range(len(names))] for i in range(len(names))]
    options = {"initial_simplex": simplex, "maxfev": tries, "fatol": 0.02}
    with suppress(_FoundError):
        minimize(at, simplex[0], method="Nelder-Mead", options=options)
    assert best is not None
    return best[1], best[2]


def main() -> None:
    """Search, then profile if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("search", "profile"), default="search")
    parser.add_argument("--scale", type=Fraction, default=Fraction(1, 50))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tries", type=int, default=60)
    parser.add_argument("--start", default="", help="demand=600,noon=1.2,...")
    asked = parser.parse_args()
    start = START | {name: float(value) for name, _, value in (p.partition("=") for p in asked.start.split(",") if p)}
    if asked.what == "search":
        point, summary = fit(start, asked.scale, asked.seed, asked.tries)
        print("best:", point, "\n", told(summary))
        return
    for title, (key, values) in PROFILES.items():
        for value in values:
            _, summary = fit(start, asked.scale, asked.seed, asked.tries, [f"{key}={value}"], enough=True)
            verdict = "missed " + ", ".join(missed(summary)) if missed(summary) else "every milestone met"
            print(f"{title} = {value}: {verdict}", flush=True)


if __name__ == "__main__":
    main()
