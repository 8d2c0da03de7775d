"""The rows of people and attempts: taken when somebody comes, given back when nothing names them any more."""

from __future__ import annotations

from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_AT_STAGE_NS,
    A_BUDGETS,
    A_DONE_NS,
    A_NUMBER,
    A_PERSON,
    A_PLACE,
    A_SEQ,
    A_START_NS,
    A_STATE,
    A_TIMEOUT_NS,
    A_TURN_BIT,
    A_WANT,
    ANSWERED,
    ATTEMPT_POOL,
    ATTEMPT_WIDTH,
    ENDED,
    HEDGING,
    IN_USE,
    LIVE,
    NOBODY,
    P_ATTEMPT,
    P_PLACE,
    P_REFS,
    P_SEGMENT_MASK,
    P_STATE,
    P_WANT,
    P_ZONE_BITS,
    P_ZONE_MASK,
    PEOPLE_HAVE_LAWS,
    PEOPLE_POOL,
    PERSON_WIDTH,
    POOL_WIDTH,
    TIMER,
)
from simulator.compiled.memory import Words, give_row, take_row

TURN_MASK = (1 << 27) - 1


@kernel
def take_person(M: Words, want: int, state: int) -> int:
    """Return the row of a new person."""
    person = take_row(M, PEOPLE_POOL)
    M[person + P_STATE] = state
    M[person + P_WANT] = want
    M[person + P_ATTEMPT] = 0
    M[person + P_REFS] = 1
    for word in range(person + PERSON_WIDTH, person + M[PEOPLE_POOL + POOL_WIDTH]):
        M[word] = 0
    return person


@kernel
def give_person(M: Words, person: int) -> None:
    """Let a person go who has an order or has left."""
    M[person + P_STATE] = NOBODY
    needs_no_more(M, person)


@kernel
def needs_no_more(M: Words, person: int) -> None:
    """Give a person's row back when neither the person nor an attempt of theirs needs it any more."""
    M[person + P_REFS] -= 1
    if M[person + P_REFS] == 0:
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
    M[attempt + A_PLACE] = M[person + P_PLACE]
    for word in range(attempt + ATTEMPT_WIDTH, attempt + M[ATTEMPT_POOL + POOL_WIDTH]):
        M[word] = 0
    if M[PEOPLE_HAVE_LAWS]:
        M[person + P_REFS] += 1
    return attempt


@kernel
def segment_of(M: Words, attempt: int) -> int:
    """Return the segment of an attempt's person."""
    return (M[attempt + A_PLACE] >> P_ZONE_BITS) & P_SEGMENT_MASK


@kernel
def zone_of(M: Words, attempt: int) -> int:
    """Return the zone of an attempt's person."""
    return M[attempt + A_PLACE] & P_ZONE_MASK


@kernel
def forget(M: Words, attempt: int) -> None:
    """Give back the row of an attempt that has ended and been answered, and that no event names."""
    if M[attempt + A_STATE] & (ANSWERED | ENDED | TIMER | HEDGING) != ANSWERED | ENDED:
        return
    if M[PEOPLE_HAVE_LAWS]:
        needs_no_more(M, M[attempt + A_PERSON])
    next_turn = ((M[attempt + A_STATE] >> A_TURN_BIT) + 1) & TURN_MASK
    give_row(M, ATTEMPT_POOL, attempt)
    M[attempt + A_STATE] = next_turn << A_TURN_BIT


@kernel
def is_void(M: Words, attempt: int, turn: int) -> bool:
    """Whether a timeout has nothing left to do: its attempt is answered, or long gone."""
    state = M[attempt + A_STATE]
    return state & ANSWERED != 0 or (state >> A_TURN_BIT) & TURN_MASK != turn
