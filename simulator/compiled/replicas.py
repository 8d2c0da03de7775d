"""One replica of continuous batching (docs/model.md, One replica): a state machine in the words of its seat."""

from __future__ import annotations

import math

from simulator.compiled.calendar import DEPARTURE, ref_of, schedule
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_NEXT,
    A_OUTPUT,
    A_PROMPT,
    A_SEQ,
    A_SINCE_NS,
    B_GATE_STEPS,
    B_KV_BLOCKED,
    B_PEAK,
    B_REPORTED_NS,
    B_RESERVE_MILLI,
    B_STAGE,
    B_STEP_NS,
    B_WAITING,
    B_WITH_PREFILL_NS,
    BULK,
    CELL_WIDTH,
    DECODE,
    IDLE,
    MIX,
    R_BASE_NS,
    R_BEGAN_NS,
    R_CONTEXT,
    R_CONTEXT_PS,
    R_DONE,
    R_DONE_HEAD,
    R_DONE_TAIL,
    R_GATE,
    R_HEAD,
    R_HEAP,
    R_HEAP_ROOM,
    R_HELD,
    R_KV_RESERVED,
    R_KV_TOKENS,
    R_PARTIAL,
    R_PER_CONTEXT_PS,
    R_PER_PREFILL_NS,
    R_PER_SEQUENCE_NS,
    R_PER_STEP,
    R_POOL,
    R_QUEUED,
    R_REST,
    R_RUNNING,
    R_SEGMENT,
    R_SLOTS,
    R_STEP_TOKENS,
    R_STEPS,
    R_TAIL,
    R_UNTIL,
    R_VERSION,
    R_WAKE_NS,
    S_IN_SERVICE,
    SCRATCH,
    STAGE_FACTORS,
    STAGE_FIGURES,
    TOP,
)
from simulator.compiled.memory import Numbers, Words, give_cell, sample

_ENTRY = 3  # of a heap of running calls: the step of the last token, the number of the call, the attempt


@kernel
def reservation(M: Words, pool: int, call: int) -> int:
    """Return the KV memory that a call reserves."""
    return M[call + A_PROMPT] + (M[pool + B_RESERVE_MILLI] * M[call + A_OUTPUT] + 999) // 1000


@kernel
def runs(M: Words, seat: int, last_step: int, call: int) -> None:
    """Put a call into the heap of running calls, ordered by last step, then by number."""
    at = M[seat + R_RUNNING]
    if at == M[seat + R_HEAP_ROOM]:
        widen_heap(M, seat)
    M[seat + R_RUNNING] = at + 1
    heap = M[seat + R_HEAP]
    seq = M[call + A_SEQ]
    while at > 0:
        above = (at - 1) >> 1
        entry = heap + _ENTRY * above
        if M[entry] < last_step or (M[entry] == last_step and M[entry + 1] < seq):
            break
        hole = heap + _ENTRY * at
        M[hole] = M[entry]
        M[hole + 1] = M[entry + 1]
        M[hole + 2] = M[entry + 2]
        at = above
    hole = heap + _ENTRY * at
    M[hole] = last_step
    M[hole + 1] = seq
    M[hole + 2] = call


@kernel
def widen_heap(M: Words, seat: int) -> None:
    """Give the running calls of a replica twice the room."""
    room = M[seat + R_HEAP_ROOM]
    old = M[seat + R_HEAP]
    new = M[TOP]
    wider = max(16, 2 * room)
    M[TOP] = new + _ENTRY * wider
    for word in range(_ENTRY * room):
        M[new + word] = M[old + word]
    for cell in range(old, old + _ENTRY * room, CELL_WIDTH):
        give_cell(M, cell)
    M[seat + R_HEAP] = new
    M[seat + R_HEAP_ROOM] = wider


@kernel
def pop_running(M: Words, seat: int) -> int:
    """Take the call whose last token comes first out of the heap."""
    heap = M[seat + R_HEAP]
    call = M[heap + 2]
    length = M[seat + R_RUNNING] - 1
    M[seat + R_RUNNING] = length
    last = heap + _ENTRY * length
    step, seq, moved = M[last], M[last + 1], M[last + 2]
    at = 0
    while 2 * at + 1 < length:
        child = 2 * at + 1
        entry = heap + _ENTRY * child
        other = entry + _ENTRY
        if child + 1 < length and (M[other] < M[entry] or (M[other] == M[entry] and M[other + 1] < M[entry + 1])):
            child += 1
            entry = other
        if step < M[entry] or (step == M[entry] and seq < M[entry + 1]):
            break
        hole = heap + _ENTRY * at
        M[hole] = M[entry]
        M[hole + 1] = M[entry + 1]
        M[hole + 2] = M[entry + 2]
        at = child
    hole = heap + _ENTRY * at
    M[hole] = step
    M[hole + 1] = seq
    M[hole + 2] = moved
    return call


@kernel
def steps_to_first_end(M: Words, seat: int) -> int:
    """Return the steps until a running call has its last token."""
    return M[M[seat + R_HEAP]] - M[seat + R_STEPS]


@kernel
def takes(M: Words, seat: int, call: int) -> None:
    """A call joins the replica's queue."""
    M[call + A_NEXT] = 0
    if M[seat + R_HEAD] == 0:
        M[seat + R_HEAD] = call
    else:
        M[M[seat + R_TAIL] + A_NEXT] = call
    M[seat + R_TAIL] = call
    M[seat + R_QUEUED] += 1
    M[seat + R_HELD] += 1


@kernel
def call_arrives(M: Words, F: Numbers, seat: int, call: int, now_ns: int) -> None:
    """A call arrives at the replica."""
    takes(M, seat, call)
    if M[seat + R_SEGMENT] == IDLE:
        plan(M, F, seat, now_ns)
    elif M[seat + R_SEGMENT] == DECODE and M[seat + R_QUEUED] == 1 and M[seat + R_RUNNING] < M[seat + R_SLOTS]:
        end_at_boundary_after(M, seat, now_ns)


@kernel
def duration_ns(M: Words, seat: int, steps: int) -> int:
    """Return the time of the first so many steps of the segment."""
    read = M[seat + R_CONTEXT] * steps + M[seat + R_RUNNING] * (steps * (steps - 1) // 2)
    context_ps = M[seat + R_CONTEXT_PS]
    return steps * M[seat + R_BASE_NS] + (read // 1000) * context_ps + (read % 1000) * context_ps // 1000


@kernel
def arm(M: Words, seat: int, until: int) -> None:
    """Set the steps of the segment, and so its wake."""
    M[seat + R_UNTIL] = until
    M[seat + R_WAKE_NS] = M[seat + R_BEGAN_NS] + duration_ns(M, seat, until)
    M[seat + R_VERSION] += 1


@kernel
def end_at_boundary_after(M: Words, seat: int, now_ns: int) -> None:
    """End a segment of decoding at the first boundary, now or later, at which the gate is open."""
    low = max(1, M[seat + R_GATE] - M[seat + R_STEPS])
    high = M[seat + R_UNTIL]
    passed_ns = now_ns - M[seat + R_BEGAN_NS]
    while low < high:
        middle = (low + high) >> 1
        if duration_ns(M, seat, middle) >= passed_ns:
            high = middle
        else:
            low = middle + 1
    if low < M[seat + R_UNTIL]:
        arm(M, seat, low)


@kernel
def begin(M: Words, F: Numbers, seat: int, segment: int, until: int, base_ns: int, per_step: int) -> None:
    """Begin a segment."""
    slowdown = F[STAGE_FACTORS + 2 * M[M[seat + R_POOL] + B_STAGE]]
    M[seat + R_SEGMENT] = segment
    M[seat + R_BASE_NS] = math.floor(base_ns * slowdown + 0.5)
    M[seat + R_CONTEXT_PS] = math.floor(M[seat + R_PER_CONTEXT_PS] * slowdown + 0.5)
    M[seat + R_PER_STEP] = per_step
    arm(M, seat, until)


@kernel
def leaves_replica(M: Words, seat: int, call: int, now_ns: int) -> None:
    """A call is finished; that is reported after the delay."""
    pool = M[seat + R_POOL]
    M[seat + R_HELD] -= 1
    M[seat + R_KV_RESERVED] -= reservation(M, pool, call)
    schedule(M, now_ns + M[pool + B_REPORTED_NS], ref_of(DEPARTURE, call, 0))


@kernel
def advance(M: Words, seat: int, now_ns: int) -> None:
    """Do what the segment that ends now has done."""
    until = M[seat + R_UNTIL]
    M[seat + R_STEPS] += until
    steps = M[seat + R_STEPS]
    M[seat + R_CONTEXT] += M[seat + R_RUNNING] * until
    while M[seat + R_RUNNING] and M[M[seat + R_HEAP]] <= steps:
        call = pop_running(M, seat)
        M[seat + R_CONTEXT] -= M[call + A_PROMPT] + M[call + A_OUTPUT]
        leaves_replica(M, seat, call, now_ns)
    if M[seat + R_SEGMENT] == BULK:
        M[seat + R_REST] -= until * M[seat + R_PER_STEP]
        if M[seat + R_REST] == 0 and M[seat + R_PARTIAL]:
            ends_prompt(M, seat, M[seat + R_PARTIAL])
            M[seat + R_PARTIAL] = 0
    call = M[seat + R_DONE_HEAD]
    while call:
        after = M[call + A_NEXT]
        if M[call + A_OUTPUT] <= 1:
            leaves_replica(M, seat, call, now_ns)
        else:
            runs(M, seat, steps + M[call + A_OUTPUT] - 1, call)
            M[seat + R_CONTEXT] += M[call + A_PROMPT] + 1
        call = after
    M[seat + R_DONE_HEAD] = 0
    M[seat + R_DONE] = 0


@kernel
def ends_prompt(M: Words, seat: int, call: int) -> None:
    """The prompt of a call ends in this segment."""
    M[call + A_NEXT] = 0
    if M[seat + R_DONE_HEAD] == 0:
        M[seat + R_DONE_HEAD] = call
    else:
        M[M[seat + R_DONE_TAIL] + A_NEXT] = call
    M[seat + R_DONE_TAIL] = call
    M[seat + R_DONE] += 1


@kernel
def plan(M: Words, F: Numbers, seat: int, now_ns: int) -> None:
    """Begin a segment at a boundary between steps."""
    pool = M[seat + R_POOL]
    M[seat + R_BEGAN_NS] = now_ns
    running = M[seat + R_RUNNING]
    steps = M[seat + R_STEPS]
    budget = max(M[seat + R_STEP_TOKENS] - running, 1)
    cost_ns = M[pool + B_STEP_NS] + M[seat + R_PER_SEQUENCE_NS] * running
    if M[seat + R_PARTIAL] and M[seat + R_REST] >= budget:
        until = M[seat + R_REST] // budget
        if running:
            until = min(until, steps_to_first_end(M, seat))
        cost_ns += M[pool + B_WITH_PREFILL_NS] + M[seat + R_PER_PREFILL_NS] * budget
        begin(M, F, seat, BULK, until, cost_ns, budget)
        return
    waiting = M[seat + R_QUEUED]
    prefill = fill(M, seat, pool, budget, now_ns)
    if M[seat + R_QUEUED] < waiting:
        M[seat + R_GATE] = steps + M[pool + B_GATE_STEPS]
    if prefill > 0:
        cost_ns += M[pool + B_WITH_PREFILL_NS] + M[seat + R_PER_PREFILL_NS] * prefill
        begin(M, F, seat, MIX, 1, cost_ns, prefill)
    elif running:
        until = steps_to_first_end(M, seat)
        if M[seat + R_QUEUED] and M[seat + R_GATE] > steps and running < M[seat + R_SLOTS]:
            until = min(until, M[seat + R_GATE] - steps)
        begin(M, F, seat, DECODE, until, cost_ns, 0)
    else:
        M[seat + R_SEGMENT] = IDLE
        M[seat + R_UNTIL] = 0
        M[seat + R_VERSION] += 1


@kernel
def fill(M: Words, seat: int, pool: int, budget: int, now_ns: int) -> int:
    """Fill a step with prefill; return the tokens used of the budget."""
    running = M[seat + R_RUNNING]
    is_open = M[seat + R_STEPS] >= M[seat + R_GATE] or (running == 0 and M[seat + R_PARTIAL] == 0)
    left = budget
    if M[seat + R_PARTIAL]:
        left -= M[seat + R_REST]
        ends_prompt(M, seat, M[seat + R_PARTIAL])
        M[seat + R_PARTIAL] = 0
    active = running + M[seat + R_DONE]
    while is_open and M[seat + R_QUEUED] and left > 0 and active < M[seat + R_SLOTS]:
        call = M[seat + R_HEAD]
        if active > 0 and not kv_fits(M, seat, pool, call):
            M[pool + B_KV_BLOCKED] += 1
            break
        M[seat + R_HEAD] = M[call + A_NEXT]
        M[seat + R_QUEUED] -= 1
        active += 1
        M[seat + R_KV_RESERVED] += reservation(M, pool, call)
        is_taken_in(M, pool, call, now_ns)
        tokens = max(M[call + A_PROMPT], 1)
        if tokens <= left:
            left -= tokens
            ends_prompt(M, seat, call)
        else:
            M[seat + R_PARTIAL] = call
            M[seat + R_REST] = tokens - left
            left = 0
    return budget - left


@kernel
def is_taken_in(M: Words, pool: int, call: int, now_ns: int) -> None:
    """The service of a call begins."""
    sample(M, STAGE_FIGURES + 2 * M[pool + B_STAGE], now_ns - M[call + A_SINCE_NS])
    M[call + A_SINCE_NS] = now_ns
    M[pool + B_WAITING] -= 1
    M[pool + S_IN_SERVICE] += 1


@kernel
def kv_fits(M: Words, seat: int, pool: int, call: int) -> bool:
    """Whether the oldest waiting call fits into the KV memory beside the others."""
    limit = M[seat + R_KV_TOKENS]
    if not M[pool + B_PEAK]:
        return M[seat + R_KV_RESERVED] + reservation(M, pool, call) <= limit
    # How long each call still grows, and how much it holds now; memory is fullest when one of them ends.
    rows = M[SCRATCH]
    count = 0
    for at in range(M[seat + R_HEAP], M[seat + R_HEAP] + _ENTRY * M[seat + R_RUNNING], _ENTRY):
        left = M[at] - M[seat + R_STEPS]
        other = M[at + 2]
        M[rows + 2 * count] = left
        M[rows + 2 * count + 1] = M[other + A_PROMPT] + M[other + A_OUTPUT] - left
        count += 1
    other = M[seat + R_DONE_HEAD]
    while other:
        M[rows + 2 * count] = M[other + A_OUTPUT] - 1
        M[rows + 2 * count + 1] = M[other + A_PROMPT] + 1
        count += 1
        other = M[other + A_NEXT]
    M[rows + 2 * count] = M[call + A_OUTPUT] - 1
    M[rows + 2 * count + 1] = M[call + A_PROMPT] + 1
    count += 1
    sort_falling(M, rows, count)
    held = 0
    for place in range(count):
        held += M[rows + 2 * place + 1]
        if M[rows + 2 * place] * (place + 1) + held >= limit:
            return False
    return True


@kernel
def sort_falling(M: Words, rows: int, count: int) -> None:
    """Sort rows of two words by the first, largest first (heapsort)."""
    for root in range(count // 2 - 1, -1, -1):
        sift_smallest(M, rows, root, count)
    for end in range(count - 1, 0, -1):
        for word in range(2):
            smallest = M[rows + word]
            M[rows + word] = M[rows + 2 * end + word]
            M[rows + 2 * end + word] = smallest
        sift_smallest(M, rows, 0, end)


@kernel
def sift_smallest(M: Words, rows: int, at: int, count: int) -> None:
    """Let a row sink in a heap whose top is the smallest."""
    first, second = M[rows + 2 * at], M[rows + 2 * at + 1]
    while 2 * at + 1 < count:
        child = 2 * at + 1
        if child + 1 < count and M[rows + 2 * child + 2] < M[rows + 2 * child]:
            child += 1
        if first <= M[rows + 2 * child]:
            break
        M[rows + 2 * at] = M[rows + 2 * child]
        M[rows + 2 * at + 1] = M[rows + 2 * child + 1]
        at = child
    M[rows + 2 * at] = first
    M[rows + 2 * at + 1] = second
