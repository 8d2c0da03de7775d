"""What a report reads of a run, and how it looks a figure up: what a run does not have is None, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reports import figures
from reports.words import knob_value, knob_words
from scenarios import metrics
from scenarios.model import Scenario
from scenarios.scale import scaled
from scenarios.units import NS_PER_S

Series = NDArray[np.float64]

INSTANTS = ("longest_outage.start_s", "longest_outage.end_s")
SMALLEST_UNBIASED = 1 / 50  # below it zones are few and servers round, and counts of the day drift
COMPARED = {"about": "", "at_least": ">= ", "at_most": "<= "}


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


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What a control process made of one knob: how often it turned it, and (instant, value) of the first and last."""

    control: str
    knob: str
    times: int
    first: tuple[str, str]
    last: tuple[str, str]


class MissingLibrary(ImportError):  # noqa: N818
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


def words(run: Run, metric: str, value: float | None) -> str:
    """Write a value of a metric in its unit; an instant as the clock shows it."""
    found = metrics.find(metric, run.scenario)
    if metric in INSTANTS and value is not None:
        return figures.clock(value, run.scenario.opens)
    return figures.value(found.unit if found else "", value)


def gate_words(run: Run, gate: Mapping[str, Any]) -> str:
    """Write what a gate asks, and what is: "quick: time_to_order_s.p50 is 9 s, must be <= 10 s"."""
    is_now = words(run, gate["metric"], gate.get("value"))
    return f"{gate['name']}: {gate['metric']} is {is_now}, must be {bounds(run, gate)}"


def bounds(run: Run, gate: Mapping[str, Any]) -> str:
    """Write what a gate asks: ">= 90%", "<= 10 min", "1 s to 2 s"."""
    low, high = (gate.get(bound) for bound in ("min", "max"))
    if low is not None and high is not None:
        return f"{words(run, gate['metric'], low)} to {words(run, gate['metric'], high)}"
    compared = COMPARED["at_most" if low is None else "at_least"]
    return compared + words(run, gate["metric"], high if low is None else low)


def milestone_words(run: Run, milestone: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Write a milestone: title (without one, name and instant), what is expected, what is simulated, how far off."""
    title, at_s = milestone.get("title"), milestone.get("at_s")
    if title is None:
        title = (
            milestone["name"] if at_s is None else f"{milestone['name']} at {figures.clock(at_s, run.scenario.opens)}"
        )
    expected, simulated = (words(run, milestone["metric"], milestone.get(of)) for of in ("value", "simulated"))
    if milestone.get("verdict") == "not reached":
        simulated = "not reached"
    compare = milestone.get("compare") or "about"
    return title, COMPARED[compare] + expected, simulated, _off_by(milestone, compare)


def tolerance(run: Run, milestone: Mapping[str, Any]) -> str:
    """Write how far a milestone may be off: "3%", or the time where it is an instant: "± 13 min 30 s"."""
    part = milestone.get("tolerance")
    if not part and milestone.get("compare", "about") != "about":
        return figures.NOTHING
    if milestone["metric"] in INSTANTS and part is not None:
        return f"± {figures.duration(float(part) * abs(float(milestone['value'])))}"
    return figures.tolerance(part)


def _off_by(milestone: Mapping[str, Any], compare: str) -> str:
    if milestone.get("simulated") is None or (compare != "about" and milestone.get("verdict") == "met"):
        return figures.NOTHING
    if milestone["metric"] in INSTANTS:
        late_s = float(milestone["simulated"]) - float(milestone["value"])
        return f"{'+' if late_s >= 0 else '-'}{figures.duration(abs(late_s))}"
    return figures.deviation(milestone.get("deviation"))


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
    """Say whether the run was stopped before its horizon, or before the end of the slice that was played."""
    if is_live(run):
        return bool(run.manifest.get("interrupted"))
    return bool(run.manifest.get("interrupted")) or ended_s(run) < horizon_s(run)


def is_live(run: Run) -> bool:
    """Say whether real clients and a real stack made the figures."""
    return run.summary.get("engine") == "live"


def scale(run: Run) -> float:
    """Return the scale at which the run counted."""
    return number(run, "scale") or 1.0


def bias(run: Run) -> str:
    """Write what its scale does to the milestones of a run, nothing where it is large enough or has none."""
    return bias_at(scale(run)) if rows(run, "milestones") else ""


def bias_at(factor: float) -> str:
    """Write what a scale does to milestones, nothing where it is large enough."""
    if factor >= SMALLEST_UNBIASED:
        return ""
    judged = figures.scale(SMALLEST_UNBIASED)
    return f"at {figures.scale(factor)} counts are biased; judge milestones at {judged} or larger"


def spreads(run: Run) -> list[str]:
    """Return the times that the run has something to say of, in the order of an order."""
    paths = ["time_to_order_s", "response_time_s.admitted"]
    if number(run, "response_time_s.refused.max"):  # a limit without a gateway refuses in no time
        paths.append("response_time_s.refused")
    if run.scenario.kitchens is not None:
        paths.append("kitchens.ready_time_s")
    if run.scenario.couriers is not None:
        paths.append("couriers.delivery_time_s")
    return [path for path in paths if number(run, f"{path}.p50") is not None]


def as_run(run: Run) -> Scenario:
    """Return the scenario with the numbers that the run had at its scale."""
    return scaled(run.scenario, Fraction(str(scale(run))))[0]


def stage_names(run: Run) -> list[str]:
    """Return the stages that the run has figures of, the gateway first."""
    stages = figure(run, "stages") or {}
    return [name for name in metrics.stage_names(run.scenario) if name in stages]


def reason(outage: Mapping[str, Any]) -> str:
    """Write what most attempts of an outage failed for."""
    word = str(outage.get("reason") or "")
    return {"store": "no store took the order", "error": "errors of a stage", "": "unknown"}.get(
        word, figures.name(word)
    )


def rows(run: Run, path: str) -> list[Mapping[str, Any]]:
    """Return a list of the summary such as milestones or outages, empty where the run has none."""
    found = figure(run, path)
    return list(found) if isinstance(found, list | tuple) else []


def turned(run: Run) -> list[Turned]:
    """Return each knob that a control process turned, in the order of first turns."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for turn in rows(run, "controls.turns"):
        found.setdefault((turn["control"], turn["knob"]), []).append(turn)
    return [
        Turned(
            control=control,
            knob=knob_words(knob),
            times=len(turns),
            first=_turn(run, turns[0]),
            last=_turn(run, turns[-1]),
        )
        for (control, knob), turns in found.items()
    ]


def _turn(run: Run, turn: Mapping[str, Any]) -> tuple[str, str]:
    return figures.clock(float(turn["at_s"]), run.scenario.opens), knob_value(turn["knob"], turn["value"])


def answered(run: Run) -> float:
    """Return how many attempts came to an end for their person: with an order, a failure, or a timeout."""
    return sum(number(run, f"attempts.{name}") or 0.0 for name in ("completed", "failed", "timed_out"))
