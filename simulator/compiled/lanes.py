"""Queues whose law lets work wait in lanes, first come, first served in each, and says whose turn it is.

The row of such a law has, after the law's own numbers, two words a lane: head and tail. Under an apf those who are
served, too, have a lane: that in whose level they have a seat.
"""

from __future__ import annotations

from limits import apf, row, strict_priority, wfq
from limits.laws import Law
from simulator.compiled.chains import cost_of, priority_of
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_NEXT,
    A_NUMBER,
    A_SEQ,
    A_SINCE_NS,
    A_WANT,
    BY_PERSON,
    BY_SEGMENT,
    G_QUEUE_LAW,
    G_SERVERS,
    L_EIGHT,
    L_FIVE,
    L_FOUR,
    L_KEY,
    L_LAW,
    L_NINE,
    L_ONE,
    L_SEVEN,
    L_SIX,
    L_TEN,
    L_THREE,
    L_TWO,
    S_LENGTH,
)
from simulator.compiled.memory import Numbers, Words
from simulator.compiled.rows import segment_of, zone_of

_STRICT_PRIORITY, _WFQ, _LARGEST = int(Law.STRICT_PRIORITY), int(Law.WFQ), row.LARGEST
strict_priority_enqueue = strict_priority.enqueue
wfq_enqueue, wfq_serve = wfq.enqueue, wfq.serve
apf_enqueue, apf_next_queue, apf_finish, apf_advance = apf.enqueue, apf.next_queue, apf.finish, apf.advance
seats_of, has_seat = apf.seats_of, apf.has_seat


@kernel
def joins_lane(M: Words, F: Numbers, stage: int, station: int, state: int, attempt: int, now_ns: int) -> bool:
    """Put an attempt into its lane; False where there is no room for it."""
    lane = lane_for(M, F, stage, state, attempt, now_ns)
    if lane < 0:
        return False
    place = state + M[M[stage + G_QUEUE_LAW] + L_EIGHT] + 2 * lane
    M[attempt + A_NEXT] = 0
    if M[place] == 0:
        M[place] = attempt
    else:
        M[M[place + 1] + A_NEXT] = attempt
    M[place + 1] = attempt
    M[station + S_LENGTH] += 1
    return True


@kernel
def leaves_lane(M: Words, stage: int, station: int, state: int, now_ns: int) -> int:
    """Take the attempt whose turn it is out of its lane; 0: nobody's."""
    law = M[stage + G_QUEUE_LAW]
    lane = next_lane(M, stage, state, now_ns)
    if lane < 0:
        return 0
    place = state + M[law + L_EIGHT] + 2 * lane
    attempt = M[place]
    M[place] = M[attempt + A_NEXT]
    M[attempt + A_NEXT] = lane
    M[station + S_LENGTH] -= 1
    if M[law + L_LAW] == _WFQ:
        wfq_serve(M, state, M[law + L_SEVEN], M[attempt + A_SEQ])
    return attempt


@kernel
def lane_for(M: Words, F: Numbers, stage: int, state: int, attempt: int, now_ns: int) -> int:
    """Return the lane in which an attempt is to wait; below 0 none."""
    law = M[stage + G_QUEUE_LAW]
    priority = priority_of(M, segment_of(M, attempt))
    if M[law + L_LAW] == _STRICT_PRIORITY:
        return strict_priority_enqueue(M[law + L_SEVEN], priority)
    flow = flow_of(M, law, attempt)
    if M[law + L_LAW] == _WFQ:
        weight = M[M[law + L_FIVE] + min(priority, M[law + L_SIX] - 1)]
        cost = cost_of(M, F, law, M[attempt + A_WANT], M[attempt + A_NUMBER])
        M[attempt + A_SEQ] = wfq_enqueue(M, state, flow, weight, cost)
        return flow
    level = min(priority, M[law + L_SIX] - 1)
    of_level, seats = state + level * M[law + L_TEN], seats_at(M, stage, level)
    queue = apf_enqueue(M, of_level, M[law + L_ONE], M[law + L_TWO], M[law + L_THREE], seats, flow, now_ns)
    return level * M[law + L_ONE] + queue if queue >= 0 else -1


@kernel
def next_lane(M: Words, stage: int, state: int, now_ns: int) -> int:
    """Return the lane whose first is next, of a queue that is not empty; below 0: none, as no seat is free."""
    law = M[stage + G_QUEUE_LAW]
    lanes, first = M[law + L_SEVEN], state + M[law + L_EIGHT]
    if M[law + L_LAW] == _STRICT_PRIORITY:
        lane = 0
        while M[first + 2 * lane] == 0:
            lane += 1
        return lane
    if M[law + L_LAW] == _WFQ:
        return smallest_tag(M, first, lanes)
    for level in range(M[law + L_SIX]):
        of_level, seats = state + level * M[law + L_TEN], seats_at(M, stage, level)
        queue = apf_next_queue(M, of_level, M[law + L_ONE], M[law + L_THREE], seats, M[law + L_FOUR], now_ns)
        if queue >= 0:
            return level * M[law + L_ONE] + queue
    return -1


@kernel
def smallest_tag(M: Words, first: int, lanes: int) -> int:
    """Return the lane whose head has the smallest tag, of equals has waited longest, then the first."""
    best, least, since_ns = -1, 0, 0
    for lane in range(lanes):
        head = M[first + 2 * lane]
        if head:
            tag = M[head + A_SEQ]
            if best < 0 or tag < least or (tag == least and M[head + A_SINCE_NS] < since_ns):
                best, least, since_ns = lane, tag, M[head + A_SINCE_NS]
    return best


@kernel
def flow_of(M: Words, law: int, attempt: int) -> int:
    """Return the number of the flow of an attempt, by the key of the law."""
    if M[law + L_KEY] == BY_PERSON:
        return M[attempt + A_WANT] & _LARGEST
    return segment_of(M, attempt) if M[law + L_KEY] == BY_SEGMENT else zone_of(M, attempt)


@kernel
def seats_at(M: Words, stage: int, level: int) -> int:
    """Return the servers that a level of an apf may have."""
    law = M[stage + G_QUEUE_LAW]
    return seats_of(M[stage + G_SERVERS], M[M[law + L_FIVE] + level], M[law + L_NINE])


@kernel
def takes_seat(M: Words, F: Numbers, stage: int, station: int, state: int, attempt: int, now_ns: int) -> bool:
    """Whether an attempt that finds a free server has a seat in its level, and takes it."""
    law = M[stage + G_QUEUE_LAW]
    level = min(priority_of(M, segment_of(M, attempt)), M[law + L_SIX] - 1)
    if not has_seat(M, state + level * M[law + L_TEN], seats_at(M, stage, level)):
        return False
    joins_lane(M, F, stage, station, state, attempt, now_ns)
    leaves_lane(M, stage, station, state, now_ns)  # it, for nobody of its level waits
    return True


@kernel
def gives_seat(M: Words, stage: int, state: int, attempt: int, took_ns: int, now_ns: int) -> None:
    """An attempt that had a seat has been served for so long, or was dropped."""
    law = M[stage + G_QUEUE_LAW]
    level, queue = M[attempt + A_NEXT] // M[law + L_ONE], M[attempt + A_NEXT] % M[law + L_ONE]
    of_level, seats = state + level * M[law + L_TEN], seats_at(M, stage, level)
    apf_finish(M, of_level, M[law + L_THREE], seats, queue, M[law + L_FOUR], took_ns, now_ns)


@kernel
def advances(M: Words, stage: int, state: int, now_ns: int) -> None:
    """Let the virtual time of all levels run up to now, before the number of servers changes."""
    law = M[stage + G_QUEUE_LAW]
    for level in range(M[law + L_SIX]):
        apf_advance(M, state + level * M[law + L_TEN], seats_at(M, stage, level), now_ns)
