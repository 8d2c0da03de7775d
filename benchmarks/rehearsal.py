"""Runs of the product's engines, to be measured from outside."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from typing import Any

from benchmarks import apart
from benchmarks.apart import Measured, MeasurementError

DAY = "milk-tea-day"
SMALL_LAB = "labs/retry-trap"


def simulated_day(scale: Fraction, engine: str = "compiled", scenario: str = DAY) -> Measured:
    """Simulate the day, or a variant, in a fresh process after compilation; it returns summary and manifest."""
    return apart.call(_simulated_day, scale=str(scale), engine=engine, scenario=scenario)


def sluice_run(scenario: str, *options: str, environment: dict[str, str] | None = None) -> Measured:
    """Run the whole command with the compiled engine: loading, simulating, figures and files."""
    with tempfile.TemporaryDirectory() as folder:
        asked = ["run", scenario, "--engine", "compiled", "--quiet", "--out", folder, *options]
        return apart.python("-m", "sluice", *asked, environment=environment)


def warm_up() -> None:
    """Have the machine code made, if it is not there yet, and loaded."""
    from scenarios.loader import load
    from simulator.run import simulate

    simulate(load(SMALL_LAB), engine="compiled")


def _simulated_day(scale: str, engine: Any, scenario: str) -> dict[str, Any]:
    from scenarios.loader import load
    from simulator.run import simulate

    if engine == "compiled":
        warm_up()
    done = simulate(load(scenario), engine=engine, scale=Fraction(scale))
    if violated := done.summary["invariants"]["violated"]:
        raise MeasurementError(f"{scenario}: the books do not balance: {violated[0]}")
    return {"summary": done.summary, "manifest": done.manifest}


def said(scale: Fraction) -> str:
    """Say a scale as people do: 1:1, 1:200, or 6.67:1."""
    return f"1:{float(1 / scale):g}" if scale <= 1 else f"{float(scale):.3g}:1"
