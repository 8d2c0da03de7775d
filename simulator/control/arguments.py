"""Reading the arguments of the processes that come with Sluice, with errors that name the argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from scenarios import units
from simulator.control.panel import ControlError

T = TypeVar("T")


def read(name: str, reader: Callable[[object], T], raw: object) -> T:
    """Return an argument as a reader of `scenarios.units` reads it, or raise `ControlError` with its name."""
    try:
        return reader(raw)
    except ValueError as error:
        raise ControlError(f"{name}: {error}") from None


def pause_ns(raw: object) -> int:
    """Return a duration of at least 1 ns."""
    duration_ns = units.duration_ns(raw)
    if duration_ns == 0:
        raise ValueError(f"{units.shown(raw)} is no time at all; use a longer one")
    return duration_ns


def whole(raw: object) -> int:
    """Return a whole number, 1 or more."""
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise ValueError(f"{units.shown(raw)} is not a whole number, 1 or more")
    return raw


def positive(raw: object) -> float:
    """Return a number above 0."""
    number = units.number(raw)
    if number <= 0:
        raise ValueError(f"{units.shown(raw)} is not above 0")
    return number
