"""The event loop: first tries from their sorted list, everything else from the calendar."""

from __future__ import annotations

from simulator.compiled.calendar import (
    BACK,
    CANCEL,
    DEPARTURE,
    EXTRA_BIT,
    EXTRA_MASK,
    HEDGE,
    IS_OVER,
    IS_READY,
    MADE,
    PERSON,
    SLOT,
    STAGE,
    TIMEOUT,
    WAKE,
    events_in_next_slot,
    precedes_first_try,
    push,
    ref_of,
    remove_top,
    row_of,
    turn_slot,
    turn_wheel,
)
from simulator.compiled.ends import end_all, times_out
from simulator.compiled.jit import entry, kernel, pointer_to
from simulator.compiled.layout import (
    A_STATE,
    ANSWERED,
    AT_ONCE,
    BATCHING_STAGE,
    BUCKET_NS,
    CAPACITY,
    ENDING,
    EVENTS,
    FIRST_COUNT,
    G_KIND,
    G_STATION,
    HAS_SLOT,
    HEAP,
    HEAP_LENGTH,
    HEAP_ROOM,
    HEAP_SPARE,
    INVITED,
    LIVE,
    NEXT_FIRST,
    NEXT_SAMPLE_NS,
    NOW_NS,
    P_INVITED_BY,
    R_VERSION,
    SLOT_END_NS,
    STAGE_WIDTH,
    STAGES,
    TIMER,
    TOP,
    TURNED,
    TURNED_TO,
    WHEEL_END_NS,
)
from simulator.compiled.memory import Numbers, Words, needed
from simulator.compiled.persons import arrives, hedges
from simulator.compiled.pools import resize, wakes
from simulator.compiled.rows import forget, take_person
from simulator.compiled.series import close_bucket
from simulator.compiled.stations import set_servers
from simulator.compiled.street import cancels, is_back, is_made, is_over, is_ready, let_go
from simulator.compiled.walks import commits, departs, reaches_gateway, reaches_stage

DONE, NEEDS_WORDS, NEEDS_HEAP, PAUSED = range(4)
"""Why `advance` came back: it is there; or it needs more room, or has had its events, and is to be called again."""

_NEVER = 1 << 62


@kernel
def first_person(M: Words) -> int:
    """Return the row of the first person who comes next, by themselves."""
    person = take_person(M, M[NEXT_FIRST], INVITED)
    M[person + P_INVITED_BY] = -1
    M[NEXT_FIRST] += 1
    return person


@kernel
def takes_turn(M: Words, F: Numbers, stage: int, number: int, now_ns: int) -> None:
    """A stage has so many servers a shard from now on, or millionths of replicas."""
    if M[stage + G_KIND] == BATCHING_STAGE:
        resize(M, F, M[stage + G_STATION], number, now_ns)
    else:
        set_servers(M, F, (stage - STAGES) // STAGE_WIDTH, number, now_ns)


@entry
def advance(words: Words, numbers: Numbers, first: Words, until_ns: int, included: bool, events: int) -> int:
    """Let everything happen that is before `until_ns`; if `included`, also what is in that ns, samples apart.

    `first` are the instants of first tries. Return DONE, or why the call is to be repeated: after so many events at
    the latest, be it in the midst of an instant.
    """
    M, F, coming_ns = pointer_to(words), pointer_to(numbers), pointer_to(first)
    limit_ns = until_ns + 1 if included else until_ns
    now_ns = M[NOW_NS]
    if M[TURNED]:
        takes_turn(M, F, M[TURNED], M[TURNED_TO], now_ns)
        M[TURNED] = 0
    while True:
        if M[ENDING]:
            end_all(M, F, now_ns)
        if events == 0:
            return PAUSED
        first_ns = coming_ns[M[NEXT_FIRST]] if M[NEXT_FIRST] < M[FIRST_COUNT] else _NEVER
        heap_ns = M[M[HEAP]] if M[HEAP_LENGTH] else _NEVER
        next_ns = min(first_ns, heap_ns)
        if M[AT_ONCE]:
            ref = M[AT_ONCE]
            M[AT_ONCE] = 0
            if next_ns == now_ns:
                push(M, now_ns, ref)
                continue
        else:
            edge_ns = min(next_ns, M[SLOT_END_NS])
            if M[NEXT_SAMPLE_NS] < edge_ns and M[NEXT_SAMPLE_NS] < until_ns:
                close_bucket(M)
                M[EVENTS] += 1
                M[NEXT_SAMPLE_NS] += M[BUCKET_NS]
                continue
            if edge_ns >= limit_ns:
                break
            if M[TOP] + needed(M) > M[CAPACITY]:
                return NEEDS_WORDS
            if next_ns >= M[SLOT_END_NS]:
                if M[SLOT_END_NS] == M[WHEEL_END_NS]:
                    turn_wheel(M)
                elif M[HEAP_LENGTH] + events_in_next_slot(M) > M[HEAP_ROOM]:
                    return NEEDS_HEAP
                else:
                    turn_slot(M)
                continue
            if M[HEAP_LENGTH] + M[LIVE] + M[HEAP_SPARE] > M[HEAP_ROOM]:
                return NEEDS_HEAP
            now_ns = next_ns
            M[NOW_NS] = now_ns
            if first_ns < heap_ns or (first_ns == heap_ns and not precedes_first_try(M, M[M[HEAP] + 1], M[NEXT_FIRST])):
                ref = ref_of(PERSON, first_person(M), 0)
            else:
                ref = M[M[HEAP] + 1]
                remove_top(M)
        M[EVENTS] += 1
        events -= 1
        kind = ref & 15
        row = row_of(ref)
        if kind == STAGE:
            reaches_stage(M, F, row, now_ns)
        elif kind == DEPARTURE:
            departs(M, F, row, now_ns)
        elif kind == TIMEOUT:
            M[row + A_STATE] &= ~TIMER
            if M[row + A_STATE] & ANSWERED:
                forget(M, row)
            elif not M[row + A_STATE] & HAS_SLOT:
                times_out(M, F, row, now_ns)
        elif kind == PERSON:
            attempt = arrives(M, F, row, now_ns)
            if attempt:
                reaches_gateway(M, F, attempt, now_ns)
        elif kind == HEDGE:
            attempt = hedges(M, F, row, now_ns)
            if attempt:
                reaches_gateway(M, F, attempt, now_ns)
        elif kind == WAKE:
            if ref >> EXTRA_BIT == M[row + R_VERSION] & EXTRA_MASK:
                wakes(M, F, row, now_ns)
        elif kind == IS_READY:
            is_ready(M, F, row, now_ns)
        elif kind == IS_OVER:
            is_over(M, F, row, now_ns)
            let_go(M, row)
        elif kind == CANCEL:
            cancels(M, F, row, now_ns)
        elif kind == MADE:
            is_made(M, F, row, ref >> EXTRA_BIT, now_ns)
        elif kind == BACK:
            is_back(M, F, row, now_ns)
        elif kind == SLOT:
            commits(M, F, row, now_ns)
    M[NOW_NS] = until_ns
    return DONE
