"""Rows that are taken and given back, sums of two words, and samples."""

from __future__ import annotations

from typing import Any

from limits.row import Row
from simulator.compiled.jit import bit_length, kernel
from simulator.compiled.layout import (
    ATTEMPT_SPARE,
    CAPACITY,
    CELL_VALUES,
    CELL_WIDTH,
    FIG_CELL,
    FIG_COUNT,
    FIG_COUNTS,
    FIG_FILL,
    FIG_MAX,
    FIG_TOTAL,
    FIGURE_WIDTH,
    FIGURES,
    FREE_CELL,
    LIVE,
    POOL_END,
    POOL_FREE,
    POOL_NEXT,
    POOL_SLAB,
    POOL_WIDTH,
    SLAB_ROWS,
    SPARE,
    TOP,
)
from simulator.samples import EXACT_UP_TO, OCTAVE_BITS, PLACES

Words = Row
"""The state of a run: an int64 array, or interpreted a memoryview of one, which gives plain ints."""
Numbers = Any
"""The float64 beside it."""

WORD_BITS = 62
WORD = 1 << WORD_BITS
INSTANT_BITS = 31
LOW_INSTANT = (1 << INSTANT_BITS) - 1
_LOW_20, _LOW_42 = (1 << 20) - 1, (1 << 42) - 1


@kernel
def needed(M: Words) -> int:
    """Return how many words one event can take at most: a few rows for each attempt in the system, and slabs."""
    return M[SPARE] + M[ATTEMPT_SPARE] * M[LIVE]


@kernel
def take_cell(M: Words) -> int:
    """Return a cell of 16 words of any content."""
    cell = M[FREE_CELL]
    if cell:
        M[FREE_CELL] = M[cell]
        return cell
    cell = M[TOP]
    M[TOP] = cell + CELL_WIDTH
    return cell


@kernel
def give_cell(M: Words, cell: int) -> None:
    """Give a cell back."""
    M[cell] = M[FREE_CELL]
    M[FREE_CELL] = cell


@kernel
def take_row(M: Words, pool: int) -> int:
    """Return a row of a pool, of any content."""
    row = M[pool + POOL_FREE]
    if row:
        M[pool + POOL_FREE] = M[row + 1]
        return row
    row = M[pool + POOL_NEXT]
    if row == M[pool + POOL_END]:
        slab = M[TOP]
        M[slab] = M[pool + POOL_SLAB]
        M[pool + POOL_SLAB] = slab
        row = slab + CELL_WIDTH
        M[pool + POOL_END] = row + M[pool + POOL_WIDTH] * SLAB_ROWS
        M[TOP] = M[pool + POOL_END]
    M[pool + POOL_NEXT] = row + M[pool + POOL_WIDTH]
    return row


@kernel
def give_row(M: Words, pool: int, row: int) -> None:
    """Give a row back to its pool; its first word becomes 0, so that who looks for rows in use sees it is none."""
    M[row] = 0
    M[row + 1] = M[pool + POOL_FREE]
    M[pool + POOL_FREE] = row


@kernel
def carry(M: Words, at: int, value: int) -> None:
    """Add 0 <= value < 2**62 to a sum of two words."""
    M[at] += value
    if M[at] >= WORD:
        M[at] -= WORD
        M[at + 1] += 1


@kernel
def adjust(M: Words, at: int, value: int) -> None:
    """Add -2**62 < value < 2**62 to a sum of two words, which stays positive."""
    carry(M, at, value)
    if M[at] < 0:
        M[at] += WORD
        M[at + 1] -= 1


@kernel
def one_more(M: Words, at: int, now_ns: int) -> None:
    """Note, in the time integral of a number, that it grew by one now.

    The integral up to T is the number at T times T, less every instant of growth, plus every one of decline. The sum of
    those instants is kept in two words, of the high and the low parts.
    """
    M[at] -= now_ns >> INSTANT_BITS
    M[at + 1] -= now_ns & LOW_INSTANT


@kernel
def one_less(M: Words, at: int, now_ns: int) -> None:
    """Note, in the time integral of a number, that it fell by one now."""
    M[at] += now_ns >> INSTANT_BITS
    M[at + 1] += now_ns & LOW_INSTANT


@kernel
def add_product(M: Words, at: int, number: int, ns: int) -> None:
    """Add number * ns to a sum of two words, for 0 <= number < 2**60 and 0 <= ns < 2**62."""
    if (number < 1 << 20 and ns < 1 << 42) or (number < 1 << 31 and ns < 1 << 31):
        carry(M, at, number * ns)
    else:
        add_long_product(M, at, number, ns)


@kernel
def add_long_product(M: Words, at: int, number: int, ns: int) -> None:
    """Add number * ns, part by part."""
    for number_shift in range(0, 60, 20):
        for ns_shift in (0, 42):
            part = ((number >> number_shift) & _LOW_20) * ((ns >> ns_shift) & _LOW_42)
            shift = number_shift + ns_shift
            if part and shift < WORD_BITS:
                M[at + 1] += part >> (WORD_BITS - shift)
                carry(M, at, (part & ((1 << (WORD_BITS - shift)) - 1)) << shift)
            elif part:
                M[at + 1] += part << (shift - WORD_BITS)


@kernel
def figure_place(value: int) -> int:
    """Return the place of a value >= 0 in the counts of a figure (simulator.samples)."""
    shift = max(bit_length(value) - OCTAVE_BITS - 1, 0)
    return (shift << OCTAVE_BITS) + (value >> shift)


@kernel
def sample(M: Words, figure: int, value: int) -> None:
    """Keep one value of a figure."""
    row = M[FIGURES] + figure * FIGURE_WIDTH
    fill = M[row + FIG_FILL]
    if fill == CELL_VALUES or M[row + FIG_CELL] == 0:
        goes_on(M, row)
        fill = 0
    M[M[row + FIG_CELL] + 1 + fill] = value
    M[row + FIG_FILL] = fill + 1


@kernel
def goes_on(M: Words, row: int) -> None:
    """The newest cell of a figure is full: begin another, or count its values where there are too many to keep.

    Counts lie far apart. Counting the values of a cell together, one does not wait for memory value by value.
    """
    cell = M[row + FIG_CELL]
    if cell:
        M[row + FIG_COUNT] += CELL_VALUES
        if M[row + FIG_COUNTS]:
            count_values(M, row, cell)
            return
        if M[row + FIG_COUNT] > EXACT_UP_TO and M[TOP] + PLACES + needed(M) < M[CAPACITY]:
            count_all(M, row)
            return
    new = take_cell(M)
    M[new] = cell
    M[row + FIG_CELL] = new


@kernel
def count_values(M: Words, row: int, cell: int) -> None:
    """Count the values of a full cell."""
    counts = M[row + FIG_COUNTS]
    for at in range(cell + 1, cell + 1 + CELL_VALUES):
        M[counts + figure_place(M[at])] += 1
        carry(M, row + FIG_TOTAL, M[at])
        M[row + FIG_MAX] = max(M[row + FIG_MAX], M[at])


@kernel
def count_all(M: Words, row: int) -> None:
    """Turn the values of a figure into counts; its newest cell, which is full, begins anew."""
    counts = M[TOP]
    M[TOP] = counts + PLACES
    for place in range(counts, counts + PLACES):
        M[place] = 0
    M[row + FIG_COUNTS] = counts
    newest = M[row + FIG_CELL]
    count_values(M, row, newest)
    cell = M[newest]
    while cell:
        count_values(M, row, cell)
        before = M[cell]
        give_cell(M, cell)
        cell = before
    M[newest] = 0
