"""Rows as people read them: on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COLUMNS = ("what", "median", "min", "unit", "n", "goal", "verdict", "note")


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row's cells, in the order of COLUMNS."""
    if row["missing"]:
        return (row["what"], "", "", row["unit"], "0", _goal(row), "not measured", row["missing"])
    figures = (figure(row["median"]), figure(row["min"]))
    return (row["what"], *figures, row["unit"], str(row["n"]), _goal(row), row["verdict"] or "", row["note"])


def figure(value: float) -> str:
    """Write a number with three digits or more."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _goal(row: Mapping[str, Any]) -> str:
    if row["goal"] is None:
        return ""
    said = f"{row['goal']} {row['bound']:,.15g}"
    return said if row["stretch"] is None else f"{said} (stretch {row['stretch']:,.15g})"
