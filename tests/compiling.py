"""Compile the plain functions of draws and people from outside, as a compiled engine does."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getmembers, isfunction
from types import ModuleType
from typing import Any

from numba import njit
from numba.extending import register_jitable

from scenarios import draws, people, traces, workload

compiled: Callable[[Callable[..., Any]], Any] = njit


def functions_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the functions that a module defines itself, private ones too."""
    return {
        name: function for name, function in getmembers(module, isfunction) if function.__module__ == module.__name__
    }


def compilable() -> list[Callable[..., Any]]:
    """Return all functions that are written to be compiled."""
    loops: list[Callable[..., Any]] = [workload.fill, workload.into_cell, traces.fill_kept]
    return [*functions_of(draws).values(), *functions_of(people).values(), *loops]


for _function in compilable():
    register_jitable(_function)
