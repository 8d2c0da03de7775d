"""What of a run is given a place in a picture where there is not room for all."""

from __future__ import annotations

from typing import Any

from reports import figures
from reports.run import Run, number, rows, scale, series, stage_names


def points(run: Run, times: float = 1.0) -> list[dict[str, Any]]:
    """Return the milestones that are points of the plot of orders, lowest first, so many times their value."""
    found = [milestone for milestone in rows(run, "milestones") if milestone["metric"] == "orders.placed"]
    scaled = [{**milestone, "value": times * float(milestone["value"])} for milestone in found]
    return sorted(scaled, key=lambda point: point["value"])


def point_words(point: dict[str, Any]) -> str:
    """Write a point and how far the run is from it: "10 million (-9.4%)"."""
    deviation = point.get("deviation")
    return figures.short_count(point["value"]) + ("" if deviation is None else f" ({figures.deviation(deviation)})")


def tightest(run: Run, most: int) -> list[str]:
    """Return the stages that were used most (of equals: with the longest queue), in the order of an attempt."""

    def tightness(name: str) -> tuple[float, float]:
        used, queue = number(run, f"stages.{name}.utilisation"), number(run, f"stages.{name}.queue_max")
        return used or 0.0, queue or 0.0

    drawable = [name for name in stage_names(run) if series(run, f"stages.{name}.backlog") is not None]
    chosen = sorted(drawable, key=tightness, reverse=True)[:most]
    return [name for name in drawable if name in chosen]


def headline(run: Run) -> str:
    """Write the day in a line, at full size."""
    parts = [f"{figures.count((number(run, 'orders.placed') or 0.0) / scale(run))} orders placed"]
    lost_s = sum(float(outage["end_s"]) - float(outage["start_s"]) for outage in rows(run, "outages"))
    if lost_s:
        parts.append(f"{figures.duration(lost_s)} of outage (under half of the attempts succeed)")
    if scale(run) != 1:
        parts.append(f"simulated at {figures.scale(scale(run))}, shown at full size")
    return ", ".join(parts)
