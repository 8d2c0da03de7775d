"""An autoscaler: so many servers or replicas that utilisation, or backlog, comes to a target."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

from scenarios import units
from simulator.control.arguments import pause_ns, positive, read, whole
from simulator.control.panel import ControlError
from simulator.control.plane import Plane


@dataclass(frozen=True, kw_only=True)
class _Aims:
    """What it is after, and within which bounds; times in ns."""

    knob: str
    stage: str
    utilisation: float | None
    backlog: float | None
    least: int
    most: int
    most_up: int
    most_down: int
    every_ns: int
    cool_down_ns: int
    start_up_ns: int

    def wanted(self, plane: Plane, units_now: float) -> int:
        """Return how many units (servers, replicas) would bring what is measured to its target, within the bounds."""
        wanted = 0
        if self.utilisation is not None:
            capacity = plane.gauge(f"stages.{self.stage}.capacity")
            busy = plane.gauge(f"stages.{self.stage}.busy") / capacity if capacity else 0.0
            wanted = _up(units_now * busy / self.utilisation)
        if self.backlog is not None:
            wanted = max(wanted, _up(plane.gauge(f"stages.{self.stage}.backlog") / self.backlog))
        return min(max(wanted, self.least), self.most)


def autoscaler(
    plane: Plane,
    *,
    knob: str,
    least: int,
    most: int,
    utilisation: float | str | None = None,
    backlog: float | None = None,
    every: str = "15s",
    cool_down: str = "0s",
    start_up: str = "0s",
    most_up: int = 1_000_000,
    most_down: int = 1_000_000,
) -> Generator[simpy.Event, Any, None]:
    """Keep `stages.<name>.servers`, `stages.<name>.replicas` or `gateway.servers` at what the load needs.

    Every `every` it looks, and wants units now * (busy / capacity) / `utilisation`, or backlog / `backlog` (what may
    wait for each unit), rounded up; the larger where both are given; between `least` and `most`. It orders at most
    `most_up` units, or takes away at most `most_down`, and then nothing for `cool_down`. What is ordered serves after
    `start_up`; what is taken away goes at once, first of all what has not started yet.
    """
    if knob != "gateway.servers" and not (knob.startswith("stages.") and knob.endswith((".servers", ".replicas"))):
        raise ControlError(f"knob: {knob} is neither the servers nor the replicas of a stage")
    if utilisation is None and backlog is None:
        raise ControlError("it needs a target: utilisation, backlog, or both")
    aims = _Aims(
        knob=knob,
        stage="gateway" if knob == "gateway.servers" else ".".join(knob.split(".")[1:-1]),
        utilisation=None if utilisation is None else read("utilisation", units.share, utilisation),
        backlog=None if backlog is None else read("backlog", positive, backlog),
        least=read("least", whole, least),
        most=read("most", whole, most),
        most_up=read("most_up", whole, most_up),
        most_down=read("most_down", whole, most_down),
        every_ns=read("every", pause_ns, every),
        cool_down_ns=read("cool_down", units.duration_ns, cool_down),
        start_up_ns=read("start_up", units.duration_ns, start_up),
    )
    if aims.utilisation == 0:
        raise ControlError("utilisation: 0 can never be reached; use more")
    if aims.most < aims.least:
        raise ControlError(f"most: {most} is less than least, {least}")
    plane.check(knob=knob, value=most)
    return _scaling(plane, aims)


def _scaling(plane: Plane, aims: _Aims) -> Generator[simpy.Event, Any, None]:
    starting: list[tuple[int, int]] = []  # units ordered: (when they serve, how many), in this order
    looks_ns, rests_until_ns = plane.now_ns, plane.now_ns
    while True:
        now_ns = plane.now_ns
        while starting and starting[0][0] <= now_ns:
            plane.turn(aims.knob, _units(plane, aims) + starting.pop(0)[1])
        if now_ns >= looks_ns:
            looks_ns += aims.every_ns
            if now_ns >= rests_until_ns and _ordered(plane, aims, starting):
                rests_until_ns = now_ns + aims.cool_down_ns
        wakes_ns = min([looks_ns, *(at_ns for at_ns, _ in starting[:1])])
        yield plane.wait(wakes_ns - now_ns)


def _ordered(plane: Plane, aims: _Aims, starting: list[tuple[int, int]]) -> bool:
    """Order units, or take some away; False where all is as it should be."""
    now = _units(plane, aims)
    missing = aims.wanted(plane, now) - now - sum(number for _, number in starting)
    if missing > 0:
        added = min(math.ceil(missing), aims.most_up)
        if aims.start_up_ns:
            starting.append((plane.now_ns + aims.start_up_ns, added))
        else:
            plane.turn(aims.knob, now + added)
        return True
    surplus = min(math.floor(-missing), aims.most_down)
    if surplus < 1:
        return False
    while starting and surplus:
        at_ns, number = starting.pop()
        if number > surplus:
            starting.append((at_ns, number - surplus))
        surplus -= min(number, surplus)
    if surplus:
        plane.turn(aims.knob, now - surplus)
    return True


def _units(plane: Plane, aims: _Aims) -> int | float:
    """Return the units that serve: whole servers; replicas may have a part."""
    now = plane.knob(aims.knob)
    assert now is not None
    return int(now) if aims.knob.endswith("servers") else float(now)


def _up(number: float) -> int:
    """Round up, but not for what is an error of binary fractions: 10 * 0.7 / 0.7 is 10."""
    return math.ceil(round(number, 9))
