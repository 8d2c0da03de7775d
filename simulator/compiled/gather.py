"""Loops over what lies scattered in the state of a run."""

from __future__ import annotations

from typing import Any

from simulator.compiled.jit import entry
from simulator.compiled.layout import A_NEXT, A_SINCE_NS, CELL_VALUES, FIG_CELL, FIG_FILL
from simulator.compiled.memory import Words


@entry
def gather_sample(M: Words, row: int, out: Any) -> None:
    """Copy the values of a figure that keeps them."""
    cell = M[row + FIG_CELL]
    fill = M[row + FIG_FILL]
    place = 0
    while cell:
        for at in range(fill):
            out[place] = M[cell + 1 + at]
            place += 1
        cell = M[cell]
        fill = CELL_VALUES


@entry
def count_rows(M: Words, row: int, before: int) -> int:
    """Return how many rows a trace has; each names the one before."""
    count = 0
    while row:
        count += 1
        row = M[row + before]
    return count


@entry
def gather_column(M: Words, row: int, before: int, column: int, out: Any) -> None:
    """Copy one column of a trace, the newest row last."""
    place = len(out)
    while row:
        place -= 1
        out[place] = M[row + column]
        row = M[row + before]


@entry
def waited_in(M: Words, attempt: int, now_ns: int) -> int:
    """Return the time that all attempts of a queue have waited."""
    waited_ns = 0
    while attempt:
        waited_ns += now_ns - M[attempt + A_SINCE_NS]
        attempt = M[attempt + A_NEXT]
    return waited_ns
