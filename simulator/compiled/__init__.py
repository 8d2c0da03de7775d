"""The compiled engine: one event loop under Numba, with exactly the outcome of the SimPy engine."""

from simulator.compiled.arrivals import first_arrivals
from simulator.compiled.engine import Run, run

__all__ = ["Run", "first_arrivals", "run"]
