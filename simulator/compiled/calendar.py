"""What happens when: a heap for the events of the present slot of time, lists by slot and by bucket for later ones.

A bucket of the wheel is cut into slots when its time comes. So the heap holds a handful of events, however many wait.

An event is its instant and a ref, which names the kind of event and the row it is about. Events of one ns are ordered
as docs/model.md says, from what the row says of stage, want and attempt; a row stays in place while an event names it.
"""

from __future__ import annotations

from simulator.compiled.jit import kernel, prefetch
from simulator.compiled.layout import (
    A_NUMBER,
    A_STAGE_BIT,
    A_STATE,
    A_TURN_BIT,
    A_WANT,
    AT_ONCE,
    B_STAGE,
    BUCKET_COUNT_BIT,
    CELL_EVENTS,
    COURIER_STAGE,
    HEAP,
    HEAP_LENGTH,
    HORIZON_NS,
    KITCHEN_STAGE,
    O_WANT,
    OUTBOX,
    OUTBOX_LENGTH,
    OUTBOX_ROOM,
    P_ATTEMPT,
    P_WANT,
    R_INDEX,
    R_POOL,
    SLOT_AT,
    SLOT_BITS,
    SLOT_END_NS,
    SLOT_SHIFT,
    SLOTS,
    TIMED,
    TIMER,
    WHEEL,
    WHEEL_AT,
    WHEEL_END_NS,
    WHEEL_SHIFT,
)
from simulator.compiled.memory import Words, give_cell, take_cell
from simulator.compiled.rows import TURN_MASK, is_void
from simulator.rank import Rank

PERSON, TIMEOUT, STAGE, DEPARTURE, WAKE, MADE, IS_READY, IS_OVER, CANCEL, BACK, HEDGE, SLOT = range(1, 13)
"""Kinds of events. The first tries of first people and samples are kept apart."""

_KIND_BITS, _ROW_BITS = 4, 32
_ROW_MASK = (1 << _ROW_BITS) - 1
EXTRA_MASK = (1 << 27) - 1
SLOT_MASK = (1 << SLOT_BITS) - 1
FILL_MASK = 7
CELL_MASK = (1 << BUCKET_COUNT_BIT) - 1 - FILL_MASK
EXTRA_BIT = _KIND_BITS + _ROW_BITS

_INCIDENT, _DEPARTURE, _TIMEOUT, _ARRIVAL, _STEP = (
    int(Rank.INCIDENT) << 8,
    int(Rank.DEPARTURE) << 8,
    int(Rank.TIMEOUT) << 8,
    int(Rank.ARRIVAL) << 8,
    int(Rank.STEP) << 8,
)


@kernel
def ref_of(kind: int, row: int, extra: int) -> int:
    """Name an event: its kind, its row (a multiple of 8), and a number of 27 bits."""
    return kind | (row >> 3) << _KIND_BITS | extra << EXTRA_BIT


@kernel
def row_of(ref: int) -> int:
    """Return the row that a ref names."""
    return ((ref >> _KIND_BITS) & _ROW_MASK) << 3


@kernel
def order_of(M: Words, ref: int) -> tuple[int, int, int]:
    """Return rank and stage, want, and attempt of an event."""
    kind = ref & 15
    row = row_of(ref)
    if kind == PERSON:
        return _ARRIVAL, M[row + P_WANT], M[row + P_ATTEMPT] + 1
    if kind == TIMEOUT:
        return _TIMEOUT, M[row + A_WANT], M[row + A_NUMBER]
    if kind in (STAGE, DEPARTURE):
        stage = (M[row + A_STATE] >> A_STAGE_BIT) & 255
        return (_ARRIVAL if kind == STAGE else _DEPARTURE) + stage, M[row + A_WANT], M[row + A_NUMBER]
    if kind == HEDGE:
        return _ARRIVAL, M[row + A_WANT], M[row + A_NUMBER] + 1
    if kind == SLOT:
        return _ARRIVAL + M[KITCHEN_STAGE], M[row + A_WANT], M[row + A_NUMBER]
    if kind == WAKE:
        return _STEP + M[M[row + R_POOL] + B_STAGE], M[row + R_INDEX], 0
    if kind == MADE:
        return _DEPARTURE + M[KITCHEN_STAGE], M[row + O_WANT], ref >> EXTRA_BIT
    if kind == IS_READY:
        return _ARRIVAL + M[COURIER_STAGE], M[row + O_WANT], 0
    number = 1 if kind == IS_OVER else 2 if kind == CANCEL else 0
    return _DEPARTURE + M[COURIER_STAGE], M[row + O_WANT], number


@kernel
def precedes(M: Words, ref: int, other: int) -> bool:
    """Whether an event is before another of the same ns."""
    rank, want, attempt = order_of(M, ref)
    other_rank, other_want, other_attempt = order_of(M, other)
    if rank != other_rank:
        return rank < other_rank
    if want != other_want:
        return want < other_want
    return attempt < other_attempt


@kernel
def precedes_first_try(M: Words, ref: int, want: int) -> bool:
    """Whether an event is before the first try, in the same ns, of a first person."""
    rank, own_want, _ = order_of(M, ref)
    return rank < _ARRIVAL or (rank == _ARRIVAL and own_want < want)


@kernel
def push(M: Words, at_ns: int, ref: int) -> None:
    """Put an event into the heap: four children a node, two words an event."""
    heap = M[HEAP]
    at = M[HEAP_LENGTH]
    M[HEAP_LENGTH] = at + 1
    while at > 0:
        above = (at - 1) >> 2
        above_ns = M[heap + 2 * above]
        if above_ns < at_ns or (above_ns == at_ns and precedes(M, M[heap + 2 * above + 1], ref)):
            break
        M[heap + 2 * at] = above_ns
        M[heap + 2 * at + 1] = M[heap + 2 * above + 1]
        at = above
    M[heap + 2 * at] = at_ns
    M[heap + 2 * at + 1] = ref


@kernel
def sink(M: Words, at: int, at_ns: int, ref: int) -> None:
    """Let an event sink from a hole in the heap to its place."""
    heap = M[HEAP]
    length = M[HEAP_LENGTH]
    while True:
        child = 4 * at + 1
        if child >= length:
            break
        best = child
        best_ns = M[heap + 2 * child]
        for other in range(child + 1, min(child + 4, length)):
            other_ns = M[heap + 2 * other]
            if other_ns < best_ns or (
                other_ns == best_ns and precedes(M, M[heap + 2 * other + 1], M[heap + 2 * best + 1])
            ):
                best = other
                best_ns = other_ns
        if at_ns < best_ns or (at_ns == best_ns and precedes(M, ref, M[heap + 2 * best + 1])):
            break
        M[heap + 2 * at] = best_ns
        M[heap + 2 * at + 1] = M[heap + 2 * best + 1]
        at = best
    M[heap + 2 * at] = at_ns
    M[heap + 2 * at + 1] = ref


@kernel
def remove_top(M: Words) -> None:
    """Take the first event out of the heap."""
    heap = M[HEAP]
    last = M[HEAP_LENGTH] - 1
    M[HEAP_LENGTH] = last
    if last > 0:
        sink(M, 0, M[heap + 2 * last], M[heap + 2 * last + 1])


@kernel
def schedule(M: Words, at_ns: int, ref: int) -> bool:
    """Let an event happen; False where that is at the horizon or later, when nothing happens."""
    if at_ns < M[SLOT_END_NS]:
        push(M, at_ns, ref)
    elif at_ns < M[WHEEL_END_NS]:
        put(M, M[SLOTS] + ((at_ns >> M[SLOT_SHIFT]) & SLOT_MASK), at_ns, ref)
    elif at_ns < M[HORIZON_NS]:
        if M[OUTBOX_LENGTH] == OUTBOX_ROOM:
            empty_outbox(M)
        place = M[OUTBOX] + 2 * M[OUTBOX_LENGTH]
        M[OUTBOX_LENGTH] += 1
        M[place] = at_ns
        M[place + 1] = ref
    else:
        return False
    return True


@kernel
def empty_outbox(M: Words) -> None:
    """Put the events that are on their way to the wheel there: all of them together, so as to wait for memory once."""
    first = M[OUTBOX]
    end = first + 2 * M[OUTBOX_LENGTH]
    for place in range(first, end, 2):
        prefetch(M, M[WHEEL] + (M[place] >> M[WHEEL_SHIFT]))
    for place in range(first, end, 2):
        head = M[M[WHEEL] + (M[place] >> M[WHEEL_SHIFT])]
        prefetch(M, (head & CELL_MASK) + 2 * (head & FILL_MASK) + 1)
    for place in range(first, end, 2):
        put(M, M[WHEEL] + (M[place] >> M[WHEEL_SHIFT]), M[place], M[place + 1])
    M[OUTBOX_LENGTH] = 0


@kernel
def schedule_timeout(M: Words, at_ns: int, attempt: int) -> None:
    """Let the person of an attempt stop waiting for it."""
    M[attempt + A_STATE] |= TIMED
    ref = ref_of(TIMEOUT, attempt, (M[attempt + A_STATE] >> A_TURN_BIT) & TURN_MASK)
    if at_ns < M[SLOT_END_NS]:
        M[attempt + A_STATE] |= TIMER
        push(M, at_ns, ref)
    else:
        schedule(M, at_ns, ref)


@kernel
def put(M: Words, bucket: int, at_ns: int, ref: int) -> None:
    """Put an event into a bucket of the wheel, or a slot."""
    head = M[bucket]
    filled = head & FILL_MASK
    cell = head & CELL_MASK
    if filled == CELL_EVENTS or cell == 0:
        before = cell
        cell = take_cell(M)
        M[cell] = before
        filled = 0
    M[bucket] = (head >> BUCKET_COUNT_BIT) + 1 << BUCKET_COUNT_BIT | cell | filled + 1
    M[cell + 1 + 2 * filled] = at_ns
    M[cell + 2 + 2 * filled] = ref


@kernel
def schedule_at_once(M: Words, at_ns: int, ref: int) -> None:
    """Let an event happen in this very ns: most often nothing is before it, and the heap need not hear of it."""
    if M[AT_ONCE] == 0:
        M[AT_ONCE] = ref
    else:
        push(M, at_ns, ref)


@kernel
def turn_wheel(M: Words) -> None:
    """Go on to the next bucket of time: its events come into the slots, all of which are empty."""
    empty_outbox(M)
    M[WHEEL_AT] += 1
    M[SLOT_AT] = -1
    M[SLOT_END_NS] = M[WHEEL_AT] << M[WHEEL_SHIFT]
    M[WHEEL_END_NS] = min((M[WHEEL_AT] + 1) << M[WHEEL_SHIFT], M[HORIZON_NS])
    bucket = M[WHEEL] + M[WHEEL_AT]
    cell = M[bucket] & CELL_MASK
    filled = M[bucket] & FILL_MASK
    M[bucket] = 0
    while cell:
        before = M[cell]
        prefetch(M, before)
        prefetch(M, before + 8)
        for at in range(cell + 1, cell + 1 + 2 * filled, 2):
            ref = M[at + 1]
            if ref & 15 != TIMEOUT or not is_void(M, row_of(ref), ref >> EXTRA_BIT):
                put(M, M[SLOTS] + ((M[at] >> M[SLOT_SHIFT]) & SLOT_MASK), M[at], ref)
        give_cell(M, cell)
        cell = before
        filled = CELL_EVENTS


@kernel
def turn_slot(M: Words) -> None:
    """Go on to the next slot: its events come into the heap, which is empty."""
    M[SLOT_AT] += 1
    M[SLOT_END_NS] = min(M[SLOT_END_NS] + (1 << M[SLOT_SHIFT]), M[WHEEL_END_NS])
    slot = M[SLOTS] + M[SLOT_AT]
    cell = M[slot] & CELL_MASK
    filled = M[slot] & FILL_MASK
    M[slot] = 0
    while cell:
        for at in range(cell + 1, cell + 1 + 2 * filled, 2):
            ref = M[at + 1]
            if ref & 15 == TIMEOUT:
                if is_void(M, row_of(ref), ref >> EXTRA_BIT):
                    continue
                M[row_of(ref) + A_STATE] |= TIMER
            push(M, M[at], ref)
        before = M[cell]
        give_cell(M, cell)
        cell = before
        filled = CELL_EVENTS
    fetch_ahead(M, slot + 1)


@kernel
def fetch_ahead(M: Words, slot: int) -> None:
    """Have the rows at hand that the events of the next slot are about."""
    cell = M[slot] & CELL_MASK
    filled = M[slot] & FILL_MASK
    while cell:
        for at in range(cell + 2, cell + 2 + 2 * filled, 2):
            row = row_of(M[at])
            prefetch(M, row)
            if M[at] & 15 in (STAGE, DEPARTURE, TIMEOUT):
                prefetch(M, row + 8)
        cell = M[cell]
        filled = CELL_EVENTS


@kernel
def events_in_next_slot(M: Words) -> int:
    """Return how many events `turn_slot` would bring into the heap."""
    return M[M[SLOTS] + M[SLOT_AT] + 1] >> BUCKET_COUNT_BIT
