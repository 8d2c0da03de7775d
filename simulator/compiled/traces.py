"""The rows of the traces: written while a life goes on (columns and codes: simulator.trace)."""

from __future__ import annotations

from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_NUMBER,
    A_TRACE,
    A_WANT,
    ATTEMPT_ROW_BEFORE,
    ATTEMPT_ROW_WIDTH,
    ATTEMPT_ROWS,
    O_CUPS,
    O_PLACED_NS,
    O_STORE,
    ORDER_ROW_BEFORE,
    ORDER_ROW_WIDTH,
    ORDER_ROWS,
    P_SEGMENT_BITS,
    P_SEGMENT_MASK,
    P_ZONE_BITS,
    P_ZONE_MASK,
    TOP,
    TRACED,
)
from simulator.compiled.memory import Words
from simulator.trace import ATTEMPT_COLUMNS, DELIVERIES, ENDS, ORDER_COLUMNS

ABANDONED = ENDS.index("abandoned")
_PLACED = ENDS.index("placed")
ON_TIME, LATE, CANCELLED = DELIVERIES.index("on time"), DELIVERIES.index("late"), DELIVERIES.index("cancelled")

_ORDER = {name: place for place, name in enumerate(ORDER_COLUMNS)}
_WANT, _INVITED_BY, _SEGMENT, _ZONE, _KIND = (
    _ORDER[name] for name in ("want", "invited_by", "segment", "zone", "kind")
)
_FIRST_TRY, _ENDED, _END, _ATTEMPTS, _SESSIONS = (
    _ORDER[name] for name in ("first_try_ns", "ended_ns", "end", "attempts", "sessions")
)
_STORE, _CUPS, _PLACED_NS = _ORDER["store"], _ORDER["cups"], _ORDER["placed_ns"]
TRACE_READY, TRACE_PICKED_UP = _ORDER["ready_ns"], _ORDER["picked_up_ns"]
_DELIVERED_NS, _DELIVERY = _ORDER["delivered_ns"], _ORDER["delivery"]

_ATTEMPT = {name: place for place, name in enumerate(ATTEMPT_COLUMNS)}
_NUMBER, _SESSION, _COPY = (_ATTEMPT[name] for name in ("attempt", "session", "copy"))
_START, _TIMEOUT = _ATTEMPT["start_ns"], _ATTEMPT["timeout_ns"]
TRACE_DECIDED, TRACE_GATEWAY, TRACE_RETRY_AFTER, TRACE_STAGE = (
    _ATTEMPT[name] for name in ("decided_ns", "gateway", "retry_after_s", "stage")
)
TRACE_ANSWERED, TRACE_ANSWER, TRACE_ENDED = (_ATTEMPT[name] for name in ("answered_ns", "answer", "ended_ns"))


@kernel
def trace_person(M: Words, want: int, invited_by: int, place: int, now_ns: int) -> int:
    """Begin the row of a want; until it ends it is pending."""
    row = M[TOP]
    M[TOP] = row + ORDER_ROW_WIDTH
    for at in range(ORDER_ROW_WIDTH):
        M[row + at] = -1
    M[row + ORDER_ROW_BEFORE] = M[ORDER_ROWS]
    M[ORDER_ROWS] = row
    M[row + _WANT] = want
    M[row + _INVITED_BY] = invited_by
    M[row + _ZONE] = place & P_ZONE_MASK
    M[row + _SEGMENT] = (place >> P_ZONE_BITS) & P_SEGMENT_MASK
    M[row + _KIND] = place >> (P_ZONE_BITS + P_SEGMENT_BITS)
    M[row + _FIRST_TRY] = now_ns
    M[row + _END] = 0
    M[row + _ATTEMPTS] = 0
    M[row + _SESSIONS] = 1
    M[row + _CUPS] = 0
    M[row + _DELIVERY] = 0
    return row


@kernel
def trace_sent(M: Words, row: int) -> None:
    """An attempt is sent."""
    M[row + _ATTEMPTS] += 1


@kernel
def trace_session(M: Words, row: int) -> None:
    """Another session begins."""
    M[row + _SESSIONS] += 1


@kernel
def trace_end(M: Words, row: int, now_ns: int, end: int) -> None:
    """A want has ended."""
    M[row + _ENDED] = now_ns
    M[row + _END] = end


@kernel
def trace_order(M: Words, row: int, order: int) -> None:
    """A want has become an order."""
    trace_end(M, row, M[order + O_PLACED_NS], _PLACED)
    M[row + _STORE] = M[order + O_STORE]
    M[row + _CUPS] = M[order + O_CUPS]
    M[row + _PLACED_NS] = M[order + O_PLACED_NS]


@kernel
def trace_over(M: Words, row: int, delivered_ns: int, delivery: int) -> None:
    """An order has reached its person, or is cancelled."""
    M[row + _DELIVERED_NS] = delivered_ns
    M[row + _DELIVERY] = delivery


@kernel
def trace_attempt(M: Words, attempt: int, session: int, copy: int, now_ns: int, timeout_ns: int) -> int:
    """Begin the row of an attempt."""
    row = M[TOP]
    M[TOP] = row + ATTEMPT_ROW_WIDTH
    for at in range(ATTEMPT_ROW_WIDTH):
        M[row + at] = 0
    M[row + ATTEMPT_ROW_BEFORE] = M[ATTEMPT_ROWS]
    M[ATTEMPT_ROWS] = row
    M[row + _WANT] = M[attempt + A_WANT]
    M[row + _NUMBER] = M[attempt + A_NUMBER]
    M[row + _SESSION] = session
    M[row + _COPY] = copy
    M[row + _START] = now_ns
    M[row + _TIMEOUT] = timeout_ns
    M[row + TRACE_DECIDED] = -1
    M[row + TRACE_ANSWERED] = -1
    M[row + TRACE_ENDED] = -1
    return row


@kernel
def trace(M: Words, attempt: int, column: int, value: int) -> None:
    """Write one number of an attempt's row, if there are traces."""
    if M[TRACED]:
        M[M[attempt + A_TRACE] + column] = value
