"""Queues of attempts, and the laws that look after them (docs/model.md, Laws)."""

from __future__ import annotations

from limits import adaptive_lifo, codel
from limits.laws import Law
from simulator.compiled.chains import has_turn
from simulator.compiled.jit import kernel
from simulator.compiled.lanes import joins_lane, leaves_lane
from simulator.compiled.layout import (
    A_NEXT,
    A_SEQ,
    A_SINCE_NS,
    A_TIMEOUT_NS,
    AT_DEADLINE,
    AT_TURN,
    AT_WAIT,
    BOTH_ENDS,
    EXPIRED,
    G_LOOKS,
    G_ORDER,
    G_QUEUE_LAW,
    G_STATION,
    IN_LANES,
    L_LAW,
    L_ONE,
    L_ROW_WIDTH,
    L_STATE,
    L_TWO,
    NEWEST_FIRST,
    S_HEAD,
    S_LENGTH,
    S_TAIL,
    SHED,
    STATION_WIDTH,
)
from simulator.compiled.memory import Numbers, Words

_CODEL = int(Law.CODEL)
codel_decide = codel.decide
adaptive_lifo_decide, adaptive_lifo_arrives = adaptive_lifo.decide, adaptive_lifo.arrives
adaptive_lifo_newest_first = adaptive_lifo.newest_first


@kernel
def enqueue(M: Words, F: Numbers, stage: int, station: int, attempt: int, now_ns: int) -> bool:
    """Put an attempt into a queue, at its end, or on top where the newest is first; False where it is refused."""
    order = M[stage + G_ORDER]
    if order == IN_LANES:
        return joins_lane(M, F, stage, station, queue_row(M, stage, station), attempt, now_ns)
    if order == BOTH_ENDS:
        adaptive_lifo_arrives(M, queue_row(M, stage, station), M[station + S_LENGTH], now_ns)
        M[attempt + A_SEQ] = M[station + S_TAIL]
    M[station + S_LENGTH] += 1
    if order == NEWEST_FIRST:
        M[attempt + A_NEXT] = M[station + S_HEAD]
        M[station + S_HEAD] = attempt
        return True
    M[attempt + A_NEXT] = 0
    if M[station + S_HEAD] == 0:
        M[station + S_HEAD] = attempt
    else:
        M[M[station + S_TAIL] + A_NEXT] = attempt
    M[station + S_TAIL] = attempt
    return True


@kernel
def dequeue(M: Words, stage: int, station: int, now_ns: int) -> int:
    """Take the attempt whose turn it is out of a queue that is not empty; 0: nobody's, as no seat is free."""
    if M[stage + G_ORDER] == IN_LANES:
        return leaves_lane(M, stage, station, queue_row(M, stage, station), now_ns)
    attempt = M[station + S_HEAD]
    if M[stage + G_ORDER] == BOTH_ENDS and M[station + S_LENGTH] > 1 and newest_is_next(M, stage, station, now_ns):
        attempt = M[station + S_TAIL]
        M[station + S_TAIL] = M[attempt + A_SEQ]
        M[M[attempt + A_SEQ] + A_NEXT] = 0
    else:
        M[station + S_HEAD] = M[attempt + A_NEXT]
    M[station + S_LENGTH] -= 1
    return attempt


@kernel
def newest_is_next(M: Words, stage: int, station: int, now_ns: int) -> bool:
    """Whether an adaptive LIFO takes the newest; the oldest where it will be dropped."""
    law, row = M[stage + G_QUEUE_LAW], queue_row(M, stage, station)
    standing_ns, short_ns = M[law + L_ONE], M[law + L_TWO]
    waited_ns = now_ns - M[M[station + S_HEAD] + A_SINCE_NS]
    if adaptive_lifo_decide(M, row, standing_ns, short_ns, waited_ns, now_ns, 1) != 0:
        return False
    return adaptive_lifo_newest_first(M, row, standing_ns, now_ns)


@kernel
def queue_row(M: Words, stage: int, station: int) -> int:
    """Return where the state of the law of a queue begins: one row a shard."""
    law = M[stage + G_QUEUE_LAW]
    return M[law + L_STATE] + (station - M[stage + G_STATION]) // STATION_WIDTH * M[law + L_ROW_WIDTH] + 1


@kernel
def why_not(M: Words, stage: int, station: int, attempt: int, now_ns: int) -> int:
    """Return why an attempt whose turn has come is dropped: EXPIRED, or SHED by the law of the queue; or 0."""
    looks = M[stage + G_LOOKS]
    if looks & AT_TURN:
        has_turn(M, stage, attempt, now_ns)
    if looks & AT_DEADLINE and now_ns >= M[attempt + A_TIMEOUT_NS]:
        return EXPIRED
    if looks & AT_WAIT:
        law, row = M[stage + G_QUEUE_LAW], queue_row(M, stage, station)
        one, two, waited_ns = M[law + L_ONE], M[law + L_TWO], now_ns - M[attempt + A_SINCE_NS]
        if M[law + L_LAW] == _CODEL:
            answer = codel_decide(M, row, one, two, waited_ns, now_ns, 1)
        else:
            answer = adaptive_lifo_decide(M, row, one, two, waited_ns, now_ns, 1)
        return SHED if answer != 0 else 0
    return 0
