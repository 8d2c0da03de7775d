"""Whether a slice fits this machine: descriptors, ports, and processor time, estimated before anything is started."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from sluice.exits import UserError
from sluice.options import usable_cores

PEOPLE_S, STACK_S = 350e-6, 550e-6
"""Processor time of an attempt in the people and in a stack of ours, where a draw takes DRAW_S (docs/live.md)."""
DRAW_S = 0.65e-6
BUSY, PEOPLE_BUSY = 0.85, 0.5
"""Of the machine and of a process of people, what may be kept busy before the people no longer keep their time."""
BUSIEST_S = 10
"""The span whose mean has to fit: what a second has too much is caught up with."""
CLOSED_PORTS_S = 60.0  # for how long a port is not used again after its client closed the connection
SPARE_DESCRIPTORS = 500
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a slice will ask of the machine, by the clock, as its simulation says."""

    attempts_per_s: float  # of the busiest BUSIEST_S
    timeouts_per_s: float  # in the mean
    in_flight: int  # at once

    def fits(self, what: str, has: float, needs: float) -> tuple[str, float]:
        """Return what is short of what, and the share that fits."""
        return f"{what}: it needs {needs:,.0f}, and there are {has:,.0f}", has / needs if needs else math.inf


def load(attempts: Mapping[str, Any], *, from_ns: int, until_ns: int, speed: float, timed_out: int) -> Load:
    """Return the load of simulated attempts; `timed_out` is the code of an answer that did not come in time."""
    import numpy as np

    begun = np.maximum(attempts["start_ns"], from_ns)
    over = np.where(attempts["answered_ns"] < 0, until_ns, attempts["answered_ns"])
    clock_s = (until_ns - from_ns) / speed / 1e9
    per_s = np.bincount(((begun - from_ns) / speed / 1e9).astype(np.int64), minlength=1)
    span_s = min(BUSIEST_S, len(per_s))
    steps = np.concatenate([np.ones(len(begun), dtype=np.int64), -np.ones(len(over), dtype=np.int64)])
    order = np.argsort(np.concatenate([begun, over]), kind="stable")
    return Load(
        attempts_per_s=float(np.convolve(per_s, np.ones(span_s), "valid").max()) / span_s,
        timeouts_per_s=float(np.count_nonzero(attempts["answer"] == timed_out)) / clock_s,
        in_flight=int(np.cumsum(steps[order]).max(initial=0)),
    )


def check(found: Load, *, scale: Fraction, processes: int, own_stack: bool) -> None:
    """Refuse a slice that does not fit, with the largest scale that does."""
    slower = max(1.0, draw_s() / DRAW_S)
    per_attempt_s = slower * (PEOPLE_S + (STACK_S if own_stack else 0.0))
    attempts = found.attempts_per_s
    of_ports = CLOSED_PORTS_S * found.timeouts_per_s + found.in_flight
    of_people = f"attempts/s of --users-processes {processes}"
    limits = [
        found.fits("attempts/s of all processors", BUSY * usable_cores() / per_attempt_s, attempts),
        found.fits(of_people, PEOPLE_BUSY * processes / (slower * PEOPLE_S), attempts),
        found.fits("descriptors of a process", _descriptors() - SPARE_DESCRIPTORS, found.in_flight),
        found.fits("ports of loopback", _ports(), of_ports),
    ]
    what, part = min(limits, key=lambda limit: limit[1])
    if part < 1.0:
        largest = _rounded_down(float(scale) * part)
        more = "more --users-processes, " if what.startswith(of_people) else ""
        raise UserError(
            f"--scale {float(scale):g}: does not fit this machine: {what}; the largest scale that fits is about"
            f" {largest:g} ({more}less --speed, fewer people or a quieter part of the day help too)"
        )


def draw_s() -> float:
    """Measure this machine: the processor time of one draw of the model, the best of a few."""
    from scenarios.draws import mix64

    best_s = math.inf
    for _ in range(3):
        begun_s, x = time.process_time(), 1
        for i in range(10_000):
            x = mix64(x + i)
        best_s = min(best_s, (time.process_time() - begun_s) / 10_000)
    return best_s


def _descriptors() -> float:
    """How many descriptors a process may have: Locust asks for all that it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if hard == resource.RLIM_INFINITY else float(hard)


def _ports() -> float:
    try:
        low, high = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        return 16_383.0  # what most systems have, 49152 to 65535
    return float(high - low + 1)


def _rounded_down(scale: float) -> float:
    """Return a scale in two digits, not above."""
    if scale <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(scale)) - 1)
    return math.floor(scale / unit + 1e-9) * unit
