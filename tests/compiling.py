"""The plain functions of draws and people as the compiled engine has them compiled."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getmembers, isfunction
from types import ModuleType
from typing import Any

from numba import njit

from scenarios import draws, people
from simulator.compiled import jit

compiled: Callable[[Callable[..., Any]], Any] = njit


def functions_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the functions that a module defines itself, private ones too."""
    return {
        name: function for name, function in getmembers(module, isfunction) if function.__module__ == module.__name__
    }


def compilable() -> list[Callable[..., Any]]:
    """Return all functions that are written to be compiled."""
    return [*functions_of(draws).values(), *functions_of(people).values(), *jit.LOOPS]
