"""First arrivals as `scenarios.workload` makes them, with its loops compiled."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from scenarios import model, workload
from simulator.compiled.jit import INTERPRETED, entry
from simulator.outcome import Ints

_fill = entry(workload.fill)


def first_arrivals(scenario: model.Scenario, seed: int, scale: Fraction) -> Ints:
    """Return the instants of first tries before the horizon, in ns, sorted; want i comes at instant i.

    As `scenarios.workload.first_arrivals`, which reads traces of arrivals for both.
    """
    arrivals, horizon_ns = scenario.arrivals, scenario.horizon_ns
    if INTERPRETED or arrivals.process == "trace":
        return workload.first_arrivals(scenario, seed, scale)
    size = workload.room(scenario)
    grid = workload.rate_grid(arrivals, horizon_ns)
    row, start = workload.increments(arrivals)
