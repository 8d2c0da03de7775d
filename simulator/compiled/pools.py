"""A pool of replicas behind one queue (docs/model.md, A pool)."""

from __future__ import annotations

from simulator.compiled.calendar import EXTRA_MASK, WAKE, ref_of, schedule
from simulator.compiled.ends import is_dropped
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_SEQ,
    A_SINCE_NS,
    B_AVAILABLE,
    B_BUSY,
    B_CALLS,
    B_CAPACITY,
    B_LOADS,
    B_MILLIONTHS,
    B_PART_LAW,
    B_SEAT_COUNT,
    B_SEATS,
    B_STAGE,
    B_WAITING,
    B_WHOLE_LAW,
    B_WITH_ROOM,
    G_LOOKS,
    G_QUEUE_LIMIT,
    GONE,
    IDLE,
    LAW_OF_A_PART,
    NO_ROOM,
    R_ARMED,
    R_BUSY,
    R_GATE,
    R_HELD,
    R_INDEX,
    R_MILLIONTHS,
    R_POOL,
    R_SEGMENT,
    R_SLOTS,
    R_STATE,
    R_STEPS,
    R_VERSION,
    R_WAKE_NS,
    RETIRED,
    S_AVAILABLE,
    S_BUSY,
    S_COUNTED_TO_NS,
    S_DROPPED_WAITING,
    S_IN_SERVICE,
    S_LENGTH,
    S_QUEUE_MAX,
    S_QUEUED,
    SEAT_WIDTH,
    STAGE_FIGURES,
    STAGE_WIDTH,
    STAGES,
    TAKES_CALLS,
    TOP,
    WHOLE,
)
from simulator.compiled.memory import Numbers, Words, add_product, carry, sample
from simulator.compiled.queueing import dequeue, enqueue, why_not
from simulator.compiled.replicas import advance, call_arrives, plan, takes
from simulator.compiled.stations import FULL, LEFT, QUEUED

_FIRST_OF_LAW = min(LAW_OF_A_PART)
_LAW_WORDS = len(LAW_OF_A_PART)


@kernel
def count_pool_time(M: Words, pool: int, now_ns: int) -> None:
    """Bring the sums of busy, available (both in millionths of a replica) and waiting up to now."""
    passed_ns = now_ns - M[pool + S_COUNTED_TO_NS]
    if passed_ns:
        add_product(M, pool + S_BUSY, M[pool + B_BUSY], passed_ns)
        add_product(M, pool + S_AVAILABLE, M[pool + B_AVAILABLE], passed_ns)
        add_product(M, pool + S_QUEUED, M[pool + B_WAITING], passed_ns)
        M[pool + S_COUNTED_TO_NS] = now_ns


@kernel
def note_load(M: Words, seat: int) -> None:
    """Note how many calls a replica holds, or that it takes none."""
    pool = M[seat + R_POOL]
    place = M[pool + B_LOADS] + M[seat + R_INDEX]
    held = M[seat + R_HELD]
    load = held if M[seat + R_STATE] == TAKES_CALLS and held < M[seat + R_SLOTS] else NO_ROOM
    if (load == NO_ROOM) != (M[place] == NO_ROOM):
        M[pool + B_WITH_ROOM] += 1 if M[place] == NO_ROOM else -1
    M[place] = load


@kernel
def least_loaded(M: Words, pool: int) -> int:
    """Return, of the replicas with a free slot, the one with the fewest calls, the lowest index first; 0: none."""
    if M[pool + B_WITH_ROOM] == 0:
        return 0
    loads = M[pool + B_LOADS]
    best = 0
    for index in range(1, M[pool + B_SEAT_COUNT]):
        if M[loads + index] < M[loads + best]:
            best = index
    return M[M[pool + B_SEATS] + best]


@kernel
def drops(M: Words, F: Numbers, pool: int, attempt: int, why: int, now_ns: int) -> None:
    """Drop a call at its turn."""
    M[pool + B_WAITING] -= 1
    carry(M, pool + S_DROPPED_WAITING, now_ns - M[attempt + A_SINCE_NS])
    is_dropped(M, F, attempt, why, now_ns)


@kernel
def joins_pool(M: Words, F: Numbers, pool: int, attempt: int, now_ns: int) -> int:
    """Hand a call to a replica, or queue it; return FULL, QUEUED (there or here), or LEFT where its person has left."""
    count_pool_time(M, pool, now_ns)
    stage = STAGES + M[pool + B_STAGE] * STAGE_WIDTH
    seat = least_loaded(M, pool)
    if seat == 0 and M[pool + S_LENGTH] >= M[stage + G_QUEUE_LIMIT]:
        return FULL
    M[attempt + A_SINCE_NS] = now_ns
    if seat and M[stage + G_LOOKS] and why_not(M, stage, pool, attempt, now_ns) != 0:
        return LEFT
    M[pool + B_WAITING] += 1
    if seat == 0:
        enqueue(M, F, stage, pool, attempt, now_ns)
    else:
        number_call(M, pool, attempt)
        call_arrives(M, F, seat, attempt, now_ns)
        settle(M, seat)
    M[pool + S_QUEUE_MAX] = max(M[pool + S_QUEUE_MAX], M[pool + B_WAITING])
    return QUEUED


@kernel
def number_call(M: Words, pool: int, attempt: int) -> None:
    """Number a call as it is handed to a replica."""
    M[pool + B_CALLS] += 1
    M[attempt + A_SEQ] = M[pool + B_CALLS]


@kernel
def pulls(M: Words, F: Numbers, pool: int, seat: int, now_ns: int) -> None:
    """Hand calls of the queue to a replica while it holds fewer than its slots."""
    stage = STAGES + M[pool + B_STAGE] * STAGE_WIDTH
    while M[pool + S_LENGTH] and M[seat + R_HELD] < M[seat + R_SLOTS]:
        attempt = dequeue(M, stage, pool, now_ns)
        why = why_not(M, stage, pool, attempt, now_ns) if M[stage + G_LOOKS] else 0
        if why:
            drops(M, F, pool, attempt, why, now_ns)
        else:
            number_call(M, pool, attempt)
            takes(M, seat, attempt)


@kernel
def settle(M: Words, seat: int) -> None:
    """Note whether a replica is busy, and arm its next wake."""
    pool = M[seat + R_POOL]
    busy = 0 if M[seat + R_SEGMENT] == IDLE else 1
    if busy != M[seat + R_BUSY]:
        M[seat + R_BUSY] = busy
        M[pool + B_BUSY] += M[seat + R_MILLIONTHS] if busy else -M[seat + R_MILLIONTHS]
    if busy and M[seat + R_VERSION] != M[seat + R_ARMED]:
        M[seat + R_ARMED] = M[seat + R_VERSION]
        schedule(M, M[seat + R_WAKE_NS], ref_of(WAKE, seat, M[seat + R_VERSION] & EXTRA_MASK))
    if M[seat + R_STATE] == RETIRED and not busy:
        removes(M, seat)
    else:
        note_load(M, seat)


@kernel
def wakes(M: Words, F: Numbers, seat: int, now_ns: int) -> None:
    """A segment of a replica ends, and the next begins."""
    pool = M[seat + R_POOL]
    count_pool_time(M, pool, now_ns)
    advance(M, seat, now_ns)
    if M[seat + R_STATE] == TAKES_CALLS:
        pulls(M, F, pool, seat, now_ns)
    plan(M, F, seat, now_ns)
    settle(M, seat)


@kernel
def departs_from_pool(M: Words, pool: int, attempt: int, now_ns: int) -> None:
    """The finish of a call is reported."""
    M[pool + S_IN_SERVICE] -= 1
    sample(M, STAGE_FIGURES + 2 * M[pool + B_STAGE] + 1, now_ns - M[attempt + A_SINCE_NS])


@kernel
def retires(M: Words, seat: int) -> None:
    """Take a replica out of the choice; it keeps the calls that it holds, and goes when they are done."""
    M[seat + R_STATE] = RETIRED
    M[M[seat + R_POOL] + B_MILLIONTHS] -= M[seat + R_MILLIONTHS]
    M[M[seat + R_POOL] + B_CAPACITY] -= M[seat + R_SLOTS]
    note_load(M, seat)
    if not M[seat + R_BUSY]:
        removes(M, seat)


@kernel
def removes(M: Words, seat: int) -> None:
    """A retired replica is empty, and gone; its index is free."""
    pool = M[seat + R_POOL]
    M[pool + B_AVAILABLE] -= M[seat + R_MILLIONTHS]
    M[seat + R_STATE] = GONE
    note_load(M, seat)


@kernel
def adds(M: Words, pool: int, millionths: int, law: int) -> int:
    """Add a replica with the lowest free index; the six numbers of its law begin at `law`."""
    index = 0
    while index < M[pool + B_SEAT_COUNT] and M[M[M[pool + B_SEATS] + index] + R_STATE] != GONE:
        index += 1
    if index == M[pool + B_SEAT_COUNT]:
        new_seat(M, pool, index)
    seat = M[M[pool + B_SEATS] + index]
    M[seat + R_STATE] = TAKES_CALLS
    M[seat + R_MILLIONTHS] = millionths
    M[seat + R_STEPS] = 0
    M[seat + R_GATE] = 0
    M[seat + R_ARMED] = M[seat + R_VERSION]  # which goes on from who had the index before: old wakes stay void
    for word in range(_LAW_WORDS):
        M[seat + _FIRST_OF_LAW + word] = M[law + word]
    M[pool + B_AVAILABLE] += millionths
    M[pool + B_MILLIONTHS] += millionths
    M[pool + B_CAPACITY] += M[seat + R_SLOTS]
    return seat


@kernel
def new_seat(M: Words, pool: int, index: int) -> None:
    """Make a seat for an index that no replica had before."""
    seat = M[TOP]
    M[TOP] = seat + SEAT_WIDTH
    for word in range(seat, seat + SEAT_WIDTH):
        M[word] = 0
    M[M[pool + B_SEATS] + index] = seat
    M[M[pool + B_LOADS] + index] = NO_ROOM
    M[pool + B_SEAT_COUNT] += 1
    M[seat + R_POOL] = pool
    M[seat + R_INDEX] = index


@kernel
def resize(M: Words, F: Numbers, pool: int, wanted: int, now_ns: int) -> None:
    """Have so many millionths of replicas from now on; those that go drain first."""
    count_pool_time(M, pool, now_ns)
    part = wanted % WHOLE
    whole_left = wanted // WHOLE
    for index in range(M[pool + B_SEAT_COUNT]):
        seat = M[M[pool + B_SEATS] + index]
        if M[seat + R_STATE] == TAKES_CALLS:
            if M[seat + R_MILLIONTHS] == WHOLE:
                whole_left -= 1
                if whole_left < 0:
                    retires(M, seat)
            elif M[seat + R_MILLIONTHS] != part:
                retires(M, seat)
    missing = wanted - M[pool + B_MILLIONTHS]
    while missing:
        millionths = WHOLE if missing >= WHOLE else missing
        seat = adds(M, pool, millionths, pool + (B_WHOLE_LAW if missing >= WHOLE else B_PART_LAW))
        missing -= millionths
        pulls(M, F, pool, seat, now_ns)
        plan(M, F, seat, now_ns)
        settle(M, seat)
