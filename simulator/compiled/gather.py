"""Loops over what lies scattered in the state of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.compiled import layout
from simulator.compiled.calendar import CELL_MASK, FILL_MASK
from simulator.compiled.jit import entry
from simulator.compiled.layout import (
    A_NEXT,
    A_SINCE_NS,
    BUCKET_COUNT_BIT,
    CELL_EVENTS,
    CELL_VALUES,
    FIG_CELL,
    FIG_FILL,
    HEAP,
    HEAP_LENGTH,
    HORIZON_NS,
    OUTBOX,
    OUTBOX_LENGTH,
    SLOT_BITS,
    SLOTS,
    WHEEL,
    WHEEL_SHIFT,
)
from simulator.compiled.memory import Words, carry
from simulator.compiled.queueing import queue_row
from simulator.outcome import Ints


def rows_of(words: Ints, pool: int) -> tuple[Ints, Ints]:
    """Return the places and the words of all rows of a pool, those not in use too."""
    width, end, slab = (int(words[pool + field]) for field in (layout.POOL_WIDTH, layout.POOL_NEXT, layout.POOL_SLAB))
    places, rows = [np.zeros(0, dtype=np.int64)], [np.zeros((0, width), dtype=np.int64)]
    while slab:
        first = slab + layout.CELL_WIDTH
        places.append(np.arange(first, end, width))
        rows.append(words[first:end].reshape(-1, width))
        slab = int(words[slab])
        end = slab + layout.CELL_WIDTH + width * layout.SLAB_ROWS
    return np.concatenate(places), np.concatenate(rows)


@entry
def count_events(M: Words) -> int:
    """Return how many events are to come, void ones too."""
    count = M[HEAP_LENGTH] + M[OUTBOX_LENGTH]
    for slot in range(M[SLOTS], M[SLOTS] + (1 << SLOT_BITS)):
        count += M[slot] >> BUCKET_COUNT_BIT
    for bucket in range(M[WHEEL], M[WHEEL] + (M[HORIZON_NS] >> M[WHEEL_SHIFT]) + 1):
        count += M[bucket] >> BUCKET_COUNT_BIT
    return count


@entry
def gather_events(M: Words, at_ns: Any, refs: Any) -> None:
    """Copy instants and refs of all events to come, in no order."""
    place = 0
    for first, count in ((M[HEAP], M[HEAP_LENGTH]), (M[OUTBOX], M[OUTBOX_LENGTH])):
        for event in range(first, first + 2 * count, 2):
            at_ns[place] = M[event]
            refs[place] = M[event + 1]
            place += 1
    slots = 1 << SLOT_BITS
    for index in range(slots + (M[HORIZON_NS] >> M[WHEEL_SHIFT]) + 1):
        head = M[M[SLOTS] + index] if index < slots else M[M[WHEEL] + index - slots]
        cell = head & CELL_MASK
        filled = head & FILL_MASK
        while cell:
            for event in range(cell + 1, cell + 1 + 2 * filled, 2):
                at_ns[place] = M[event]
                refs[place] = M[event + 1]
                place += 1
            cell = M[cell]
            filled = CELL_EVENTS


@entry
def gather_queue(M: Words, attempt: int, out: Any) -> int:
    """Copy the attempts of a queue in the order of their turns, and return how many there are."""
    count = 0
    while attempt:
        out[count] = attempt
        count += 1
        attempt = M[attempt + A_NEXT]
    return count


def heads_of(words: Ints, stage: int, station: int) -> list[int]:
    """Return the first of those who wait at a station, of each lane where its law has lanes."""
    if not words[station + layout.S_LENGTH]:
        return []
    if words[stage + layout.G_ORDER] != layout.IN_LANES:
        return [int(words[station + layout.S_HEAD])]
    law = int(words[stage + layout.G_QUEUE_LAW])
    first = int(queue_row(words, stage, station) + words[law + layout.L_EIGHT])
    heads: list[int] = words[first : first + 2 * words[law + layout.L_SEVEN] : 2].tolist()
    return [head for head in heads if head]


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
def add_waited_in(M: Words, attempt: int, now_ns: int, sums: Words) -> None:
    """Add the time that all attempts of a queue have waited to a sum of two words."""
    while attempt:
        carry(sums, 0, now_ns - M[attempt + A_SINCE_NS])
        attempt = M[attempt + A_NEXT]
