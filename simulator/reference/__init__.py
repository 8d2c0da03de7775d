"""The SimPy engine: one process per order, written to be read like a biography. `run` is all that others use."""

from simulator.reference.engine import run

__all__ = ["run"]
