"""What a benchmark finds: one row a figure, with every repetition and what it was to be."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


class Size(Enum):
    """How much to measure. Goals are for USUAL and FULL; QUICK shows that everything runs."""

    QUICK = "quick"
    USUAL = "usual"
    FULL = "full"  # with 10^8 orders: minutes, and several GB


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What the median of a row has to reach; the better `stretch` is only wished for."""

    bound: float
    lower_is_better: bool
    stretch: float | None = None

    def met_by(self, value: float, bound: float) -> bool:
        """Whether a value is at least as good as a bound."""
        return value <= bound if self.lower_is_better else value >= bound

    def verdict(self, value: float) -> str:
        """Say whether it was reached."""
        if self.stretch is not None and self.met_by(value, self.stretch):
            return "met, stretch too"
        return "met" if self.met_by(value, self.bound) else "missed"


def at_most(bound: float, stretch: float | None = None) -> Goal:
    """Less is better."""
    return Goal(bound=bound, lower_is_better=True, stretch=stretch)


def at_least(bound: float) -> Goal:
    """More is better."""
    return Goal(bound=bound, lower_is_better=False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: a value a repetition, or none and the reason why."""

    what: str
    unit: str
    values: tuple[float, ...] = ()
    goal: Goal | None = None
    note: str = ""
    missing: str = ""

    def content(self, size: Size) -> dict[str, Any]:
        """Return the row as JSON has it; the verdict is on the median, and QUICK has none."""
        goal, judged = self.goal, size is not Size.QUICK and bool(self.values)
        return {
            "what": self.what,
            "unit": self.unit,
            "min": _rounded(min(self.values)) if self.values else None,
            "median": _rounded(statistics.median(self.values)) if self.values else None,
            "n": len(self.values),
            "values": [_rounded(value) for value in self.values],
            "goal": None if goal is None else ("at most" if goal.lower_is_better else "at least"),
            "bound": None if goal is None else goal.bound,
            "stretch": None if goal is None else goal.stretch,
            "verdict": goal.verdict(statistics.median(self.values)) if goal is not None and judged else None,
            "note": self.note,
            "missing": self.missing,
        }


def in_turns(rounds: int, measure: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Let competitors take turns, and return what each found, in the order of the rounds."""
    found: dict[str, list[T]] = {name: [] for name in measure}
    for _ in range(rounds):
        for name, once in measure.items():
            found[name].append(once())
    return found


def ratios(over: Iterable[float], under: Iterable[float]) -> tuple[float, ...]:
    """Return a ratio for each round."""
    return tuple(a / b for a, b in zip(over, under, strict=True))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
