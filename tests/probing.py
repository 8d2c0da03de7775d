"""A control process of tests: reads every instrument at each wake, writes down what it is told, and turns knobs."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import simpy

from scenarios import metrics
from simulator.control.plane import Plane

PROBE = f"{__name__}:probe"

told: list[tuple[Any, ...]] = []
"""What all probes were told since it was cleared: when, which one, what it read, and the knobs that it turns."""


def probe(plane: Plane, *, wakes: Sequence[Mapping[str, Any]]) -> Generator[simpy.Event, Any, None]:
    """At each wake look at everything, `turn` some knobs, and `wait`."""
    turned = sorted({knob for wake in wakes for knob in wake["turn"]})
    for wake in wakes:
        read = [(name, plane.gauge(name)) for name in metrics.readable(plane._panel.full)]
        told.append((plane.now_ns, plane.name, *read, *((knob, plane.knob(knob)) for knob in turned)))
        for knob, value in wake["turn"].items():
            plane.turn(knob, value)
        yield plane.wait(wake["wait"])
