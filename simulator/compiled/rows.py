"""The rows of people and attempts: taken when somebody comes, given back when nothing names them any more."""

from __future__ import annotations

from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_AT_STAGE_NS,
    A_BUDGETS,
    A_DONE_NS,
    A_NUMBER,
    A_PERSON,
    A_SEQ,
    A_SIDE,
    A_START_NS,
    A_STATE,
    A_TIMEOUT_NS,
    A_TURN_BIT,
    A_WANT,
    ANSWERED,
    AS_CREDIT,
    AS_HELD,
    AS_LAWS,
    AS_SEGMENT,
    AS_TRACE,
    AS_ZONE,
    ATTEMPT_POOL,
    ENDED,
    FREE_LAW_ROW,
    HEDGING,
    IN_USE,
    LAW_ROW_WIDTH,
    LAW_ROWS,
    LIVE,
    LR_BEFORE,
    LR_FIRST,
    LR_FREE,
    LR_REFS,
    NEEDS_PERSON_SIDE,
    NEEDS_SIDE,
    P_ATTEMPT,
    P_PLACE,
    P_SEGMENT_MASK,
    P_SIDE,
    P_STATE,
    P_WANT,
    P_ZONE_BITS,
    P_ZONE_MASK,
    PEOPLE_POOL,
    PS_LAWS,
    PS_TRACE,
    TIMER,
    TOP,
)
from simulator.compiled.memory import Words, give_cell, give_row, take_cell, take_row

TURN_MASK = (1 << 27) - 1


@kernel
def take_person(M: Words, want: int, state: int) -> int:
    """Return the row of a new person."""
    person = take_row(M, PEOPLE_POOL)
    M[person + P_STATE] = state
    M[person + P_WANT] = want
    M[person + P_ATTEMPT] = 0
    M[person + P_SIDE] = 0
    if M[NEEDS_PERSON_SIDE]:
        side = take_cell(M)
        M[person + P_SIDE] = side
        M[side + PS_TRACE] = 0
        M[side + PS_LAWS] = take_law_row(M) if M[LAW_ROW_WIDTH] else 0
    return person


@kernel
def give_person(M: Words, person: int) -> None:
    """Let a person go who has an order or has left."""
    side = M[person + P_SIDE]
    if side:
        let_go_of_law_row(M, M[side + PS_LAWS])
        give_cell(M, side)
    give_row(M, PEOPLE_POOL, person)


@kernel
def take_attempt(M: Words, person: int, number: int, now_ns: int, timeout_ns: int) -> int:
    """Return the row of a new attempt of a person."""
    attempt = take_row(M, ATTEMPT_POOL)
    M[LIVE] += 1
    M[attempt + A_STATE] |= IN_USE
    M[attempt + A_WANT] = M[person + P_WANT]
    M[attempt + A_NUMBER] = number
    M[attempt + A_PERSON] = person
    M[attempt + A_START_NS] = now_ns
    M[attempt + A_TIMEOUT_NS] = timeout_ns
    M[attempt + A_AT_STAGE_NS] = 0
    M[attempt + A_DONE_NS] = 0
    M[attempt + A_SEQ] = 0
    M[attempt + A_BUDGETS] = 0
    M[attempt + A_SIDE] = 0
    if M[NEEDS_SIDE]:
        side = take_cell(M)
        M[attempt + A_SIDE] = side
        place = M[person + P_PLACE]
        M[side + AS_ZONE] = place & P_ZONE_MASK
        M[side + AS_SEGMENT] = (place >> P_ZONE_BITS) & P_SEGMENT_MASK
        M[side + AS_TRACE] = 0
        for word in range(side + AS_HELD, side + AS_CREDIT + 1):
            M[word] = 0
        laws = M[M[person + P_SIDE] + PS_LAWS] if M[LAW_ROW_WIDTH] else 0
        M[side + AS_LAWS] = laws
        if laws:
            M[laws + LR_REFS] += 1
    return attempt


@kernel
def forget(M: Words, attempt: int) -> None:
    """Give back the row of an attempt that has ended and been answered, and that no event names."""
    if M[attempt + A_STATE] & (ANSWERED | ENDED | TIMER | HEDGING) != ANSWERED | ENDED:
        return
    side = M[attempt + A_SIDE]
    if side:
        let_go_of_law_row(M, M[side + AS_LAWS])
        give_cell(M, side)
    next_turn = ((M[attempt + A_STATE] >> A_TURN_BIT) + 1) & TURN_MASK
    give_row(M, ATTEMPT_POOL, attempt)
    M[attempt + A_STATE] = next_turn << A_TURN_BIT


@kernel
def is_void(M: Words, attempt: int, turn: int) -> bool:
    """Whether a timeout has nothing left to do: its attempt is answered, or long gone."""
    state = M[attempt + A_STATE]
    return state & ANSWERED != 0 or (state >> A_TURN_BIT) & TURN_MASK != turn


@kernel
def take_law_row(M: Words) -> int:
    """Return a row of zeros for the laws keyed by person."""
    row = M[FREE_LAW_ROW]
    if row:
        M[FREE_LAW_ROW] = M[row + LR_FREE]
    else:
        row = M[TOP]
        M[TOP] = row + M[LAW_ROW_WIDTH]
        M[row + LR_BEFORE] = M[LAW_ROWS]
        M[LAW_ROWS] = row
    M[row + LR_REFS] = 1
    for word in range(row + LR_FIRST, row + M[LAW_ROW_WIDTH]):
        M[word] = 0
    return row


@kernel
def let_go_of_law_row(M: Words, row: int) -> None:
    """Give a law row back when neither its person nor an attempt of theirs names it any more."""
    if row == 0:
        return
    M[row + LR_REFS] -= 1
    if M[row + LR_REFS] == 0:
        M[row + LR_FREE] = M[FREE_LAW_ROW]
        M[FREE_LAW_ROW] = row
        for word in range(row + LR_FIRST, row + M[LAW_ROW_WIDTH]):
            M[word] = 0
