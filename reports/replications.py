"""Replications, and the comparison of two variants, as plain text that fits a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports import figures
from reports.lines import COLUMNS, cut, table, wrapped
from reports.run import COMPARED, INSTANTS, bias_at
from scenarios import metrics
from scenarios.model import Scenario
from scenarios.units import NS_PER_S

_UNITS = ((1.0, 0.001, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "min"), (math.inf, 3600.0, "h"))
"""Below what a time is written in a unit, how long that is, and its name."""
_MAIN = (
    *("people.wanted", "people.placed", "people.abandoned", "people.shut_out.1h", "people.shut_out.6h"),
    *("attempts.offered", "attempts.throttled", "attempts.shed", "attempts.timed_out", "retry_amplification"),
    *("orders.placed_share", "orders.delivered_on_time", "orders.cancelled", "goodput_per_s", "work.wasted_share"),
    *("time_to_order_s.mean", "time_to_order_s.p50", "time_to_order_s.p99"),
    *("response_time_s.admitted.p50", "response_time_s.admitted.p99", "longest_outage.length_s"),
)
_VERDICTS = {
    "worse": "WORSE",
    "not worse": "not worse",
    "unclear": "unclear: the tolerance lies within the interval",
    "no interval": "no interval: too few replications have a value",
}

Figures = Mapping[str, Mapping[str, Any]]


def text(runs: Mapping[str, Any], scenario: Scenario) -> str:
    """Return the main figures of replications.json, its milestones, gates and books; the same bytes for one content."""
    few = len(runs["seeds"]) < 2
    interval = "no interval" if few else f"+- {_percent(runs['confidence'])}"
    cells = [["Figures", "mean", interval, "sd", ""]]
    for name, one in _main(runs["figures"], scenario):
        missing = "" if one["n"] == len(runs["seeds"]) else str(one["n"])
        cells.append([f"  {name}", *aligned(one["unit"], one["mean"], one["half_width"], one["sd"]), missing])
    lines = [*_asked(runs, scenario), "", *table(cells, "lrrrr")]
    lines += _few_values(runs["figures"], len(runs["seeds"]), scenario)
    lines += [*_milestones(runs, scenario), *_gates(runs), *_books(runs)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def gates_text(runs: Mapping[str, Any]) -> str:
    """Return a line or two for each gate: verdict, interval, bounds, in how many replications it holds by itself."""
    return "".join(f"{line}\n" for line in _gates(runs)[1:])


def comparison_text(found: Mapping[str, Any], scenario: Scenario) -> str:
    """Return what differs between two variants: the judged and the main figures, and how many were compared."""
    seeds, compared = len(found["seeds"]), found["compared"]
    lines = [f"A: {cut(found['a'], COLUMNS - 3)}", f"B: {cut(found['b'], COLUMNS - 3)}"]
    lines += [_seeds(found["seeds"]) + " in common, paired: both meet the same people", ""]
    cells = [["Figures", "A", "B", "B - A", f"+- {_percent(found['confidence'])}"]]
    for name, one in _main(found["figures"], scenario, also=[row["name"] for row in found["judged"]]):
        both = [written(one["unit"], one[key]) for key in ("a", "b")]
        difference, half, _ = aligned(one["unit"], one["difference"], one["half_width"], None)
        mark = " " if not one["differs"] else "!" if one["differs_after_holm"] else "*"
        cells.append([f"{mark} {name}", *both, difference, half])
    lines += [*table(cells, "lrrrr"), ""]
    if seeds < 2:
        lines += wrapped("One common seed gives no interval: nothing is known of the noise. Use --replications.")
    else:
        chance = compared * (1 - found["confidence"])
        lines += wrapped(
            f"{compared} figures compared: {found['differ']} have an interval that excludes 0 (*), where chance alone "
            f"may give {chance:.3g}; {found['differ_after_holm']} still differ after Holm's correction for all of them "
            "(!). All are in --format json."
        )
    for row in found["judged"]:
        asked = f"{row['better']} is better, {figures.tolerance(row['tolerance'])} allowed"
        lines += wrapped(f"{row['name']} ({asked}): {_VERDICTS[row['verdict']]}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def aligned(unit: str, mean: float | None, half: float | None, sd: float | None) -> tuple[str, str, str]:
    """Write a mean with as many digits as its half-width has a meaning for: "44.12%", "+- 0.31%"; "-" for nothing."""
    if mean is None:
        return figures.NOTHING, figures.NOTHING, figures.NOTHING
    if half is None or sd == 0 or half == 0:
        same = figures.NOTHING if half is None else "+- 0"
        return written(unit, mean), same, figures.NOTHING if half is None else "0"
    size, suffix = _size(unit, max(abs(mean), half))
    digits = _decimals(half * size)
    shown = [f"{value * size:,.{digits}f}{suffix}" for value in (mean, half)]
    spread = figures.NOTHING if sd is None else f"{sd * size:,.{_decimals(sd * size)}f}{suffix}"
    return shown[0], f"+- {shown[1]}", spread


def written(unit: str, value: float | None) -> str:
    """Write a mean of a unit; a count may have a fraction, and a difference may be below 0."""
    if value is not None and value < 0:
        return f"-{written(unit, -value)}"
    fraction = value is not None and value != round(value) and value < 1000
    if unit in metrics.FRACTIONAL or not fraction:
        return figures.value(unit, value)
    return figures.decimal(value)


def _size(unit: str, largest: float) -> tuple[float, str]:
    """By what a figure is multiplied, and what is written behind it."""
    if unit == "share":
        return 100.0, "%"
    if unit == "s":
        return next((1 / of_s, f" {name}") for below_s, of_s, name in _UNITS if largest < below_s)
    return 1.0, "/s" if unit == "orders/s" else ""


def _decimals(half: float) -> int:
    """Digits behind the point that show two digits of a half-width, and no more than anybody reads."""
    return min(4, max(0, 1 - math.floor(math.log10(half))))


def _asked(runs: Mapping[str, Any], scenario: Scenario) -> list[str]:
    sized = figures.scale(runs["scale"])
    sized = sized if runs["scale"] == 1 else f"scale {sized} (so are all counts)"
    length = figures.duration(scenario.horizon_ns / NS_PER_S)
    lines = [cut(f"{scenario.name}: {figures.plain(scenario.title)}", COLUMNS)]
    lines += wrapped(f"{runs['engine']} engine, {sized}, {length}, {_seeds(runs['seeds'])}")
    if len(runs["seeds"]) < runs["asked"]:
        lines.append(f"INTERRUPTED: {len(runs['seeds'])} of {runs['asked']} replications are done.")
    if len(runs["seeds"]) < 2:
        lines += wrapped("One replication has no interval: nothing is known of the noise.")
    return lines


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return f"1 replication (seed {seeds[0]})"
    row = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    named = f"{seeds[0]} to {seeds[-1]}" if row else ", ".join(map(str, seeds[:5])) + (" ..." if len(seeds) > 5 else "")
    return f"{len(seeds)} replications (seeds {named})"


def _main(found: Figures, scenario: Scenario, also: Sequence[str] = ()) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the main figures that have a value, those of the scenario's gates and what was asked for too."""
    chosen = {*_MAIN, *also, *(gate.metric for gate in scenario.gates)}
    chosen |= {f"stages.{stage}.utilisation" for stage in metrics.stage_names(scenario)[:6]}
    for name, one in found.items():
        if name in chosen and one["n"] and (name in also or _is_something(one)):
            yield name, one


def _is_something(one: Mapping[str, Any]) -> bool:
    """Whether there is more to say than that nothing of the kind ever happens."""
    return any(one.get(key) for key in ("mean", "a", "b"))


def _few_values(found: Figures, of: int, scenario: Scenario) -> list[str]:
    if all(one["n"] == of for _, one in _main(found, scenario)):
        return []
    return wrapped("A number behind a row: only so many replications had a value of it, and its mean is theirs.")


def _milestones(runs: Mapping[str, Any], scenario: Scenario) -> list[str]:
    if not runs["milestones"]:
        return []
    cells = [["Milestones", "expected", "mean", "met in"]]
    for one in runs["milestones"]:
        unit = runs["figures"].get(one["metric"], {}).get("unit", "")
        clock = one["metric"] in INSTANTS
        expected, mean = (
            figures.clock(value, scenario.opens) if clock and value is not None else written(unit, value)
            for value in (one["value"], one["mean"])
        )
        title = figures.plain(one["title"] or one["name"])
        cells.append([f"  {title}", COMPARED[one["compare"]] + expected, mean, f"{one['met']} of {one['of']}"])
    bias = bias_at(runs["scale"])
    return ["", *table(cells, "lrrl"), *([f"  {bias}"] if bias else [])]


def _gates(runs: Mapping[str, Any]) -> list[str]:
    lines = [""] if runs["gates"] else []
    for one in runs["gates"]:
        unit = runs["figures"].get(one["metric"], {}).get("unit", "")
        mean, half, _ = aligned(unit, one["mean"], one["half_width"], one["sd"])
        bounds = [
            f"{sign} {written(unit, one[key])}" for key, sign in (("min", ">="), ("max", "<=")) if one[key] is not None
        ]
        verdict = one["verdict"].upper() if one["verdict"] == "failed" else one["verdict"]
        lines += wrapped(
            f"{verdict}  {one['name']}: {one['metric']} is {mean} {half}, must be {' and '.join(bounds)}; "
            f"holds in {one['passed']} of {one['of']}"
        )
    return lines


def _books(runs: Mapping[str, Any]) -> list[str]:
    checked, violated = runs["invariants"]["checked"], runs["invariants"]["violated"]
    if not violated:
        return ["", f"Books balance ({checked} identities checked)"]
    return ["", *wrapped(f"BOOKS DO NOT BALANCE: {len(violated)} of {checked} identities, the first: {violated[0]}")]


def _percent(confidence: float) -> str:
    return f"{confidence * 100:.6g}%"
