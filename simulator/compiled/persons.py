"""A person's life (docs/model.md, A person): sessions of tries, until an order or until they leave."""

from __future__ import annotations

from scenarios import draws
from scenarios.units import NS_PER_S
from simulator.compiled.calendar import HEDGE, PERSON, ref_of, schedule
from simulator.compiled.chains import allows_retry, ask_client, code_of, earns, retry_after_of
from simulator.compiled.habits import (
    away_ns,
    comes_back,
    hedge_ns,
    invitation_ns,
    invited_count,
    place_of,
    resigns,
    session_end_ns,
    think_ns,
    timeout_at_ns,
)
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_PERSON,
    A_STATE,
    A_TIMEOUT_NS,
    A_TRACE,
    ANSWERED,
    ATTEMPTS_HEDGED,
    ATTEMPTS_HELD_BACK,
    ATTEMPTS_OFFERED,
    AWAY,
    BUDGET_COUNT,
    CLIENT_LAW_COUNT,
    GONE_AWAY,
    HAS_SLOT,
    HEDGING,
    HORIZON_NS,
    INVITED,
    INVITES_AFTER,
    MOST_HEDGES,
    MOST_TRIES,
    ON_CALL,
    P_ATTEMPT,
    P_COPIES,
    P_FIRST_NS,
    P_INVITED_BY,
    P_PLACE,
    P_SEGMENT_MASK,
    P_SENT,
    P_SESSION,
    P_SESSION_END_NS,
    P_STATE,
    P_TRACE,
    P_TRIES_BITS,
    P_TRIES_MASK,
    P_WANT,
    P_ZONE_BITS,
    P_ZONE_MASK,
    PEOPLE_ABANDONED,
    PEOPLE_WANTED,
    SEGMENT_WANTED,
    SEGMENT_WIDTH,
    SEGMENTS,
    SESSIONS_FAILED,
    SESSIONS_STARTED,
    SHUT_OUT,
    STORE,
    THINKING,
    TRACED,
    TRYING,
    WAITING,
    Z_WANTED,
    ZONE_WIDTH,
    ZONES,
)
from simulator.compiled.memory import Numbers, Words
from simulator.compiled.rows import forget, give_person, take_attempt, take_person
from simulator.compiled.traces import (
    ABANDONED,
    trace_attempt,
    trace_end,
    trace_person,
    trace_sent,
    trace_session,
)

invited_want = draws.invited
_HOUR_NS = 3600 * NS_PER_S


@kernel
def comes(M: Words, F: Numbers, person: int, invited_by: int, now_ns: int) -> None:
    """Somebody's first try is now."""
    want = M[person + P_WANT]
    place = place_of(M, F, want)
    M[person + P_PLACE] = place
    M[person + P_FIRST_NS] = now_ns
    M[person + P_SESSION] = 0
    M[TRYING] += 1
    M[PEOPLE_WANTED] += 1
    M[M[ZONES] + (place & P_ZONE_MASK) * ZONE_WIDTH + Z_WANTED] += 1
    M[M[SEGMENTS] + ((place >> P_ZONE_BITS) & P_SEGMENT_MASK) * SEGMENT_WIDTH + SEGMENT_WANTED] += 1
    if M[TRACED]:
        M[person + P_TRACE] = trace_person(M, want, invited_by, place, now_ns)


@kernel
def begins_session(M: Words, F: Numbers, person: int, now_ns: int) -> None:
    """A session starts now, before its first try."""
    want, place = M[person + P_WANT], M[person + P_PLACE]
    session = M[person + P_SESSION] >> P_TRIES_BITS
    M[person + P_SESSION_END_NS] = session_end_ns(M, F, place, want, session, now_ns)
    M[SESSIONS_STARTED] += 1


@kernel
def tries(M: Words, F: Numbers, person: int, now_ns: int) -> int:
    """Somebody tries, now; return the attempt that is sent, or 0 where a law at the client holds it back."""
    M[person + P_SESSION] += 1
    tried = M[person + P_SESSION] & P_TRIES_MASK
    if tried > 1 and M[BUDGET_COUNT] and not allows_retry(M, person, now_ns):
        M[ATTEMPTS_HELD_BACK] += 1
        session_fails(M, F, person, now_ns)
        return 0
    M[person + P_ATTEMPT] += 1
    if tried == 1 and M[BUDGET_COUNT]:
        earns(M, person, ON_CALL, now_ns)
    if M[CLIENT_LAW_COUNT]:
        verdict = ask_client(M, F, person, now_ns)
        if verdict < 0:
            M[ATTEMPTS_HELD_BACK] += 1
            fails(M, F, person, code_of(verdict), retry_after_of(verdict), now_ns)
            return 0
    want, number, end_ns = M[person + P_WANT], M[person + P_ATTEMPT], M[person + P_SESSION_END_NS]
    if M[MOST_HEDGES]:
        M[person + P_SENT] = 0
    return sends(M, F, person, timeout_at_ns(M, F, want, number, end_ns, now_ns), now_ns)


@kernel
def sends(M: Words, F: Numbers, person: int, timeout_ns: int, now_ns: int) -> int:
    """An attempt leaves for the gateway, now, and its timeout is set."""
    M[person + P_STATE] = WAITING
    attempt = take_attempt(M, person, M[person + P_ATTEMPT], now_ns, timeout_ns)
    M[ATTEMPTS_OFFERED] += 1
    copy = awaits(M, F, person, attempt, now_ns) if M[MOST_HEDGES] else 0
    if M[TRACED]:
        trace_sent(M, M[person + P_TRACE])
        session = M[person + P_SESSION] >> P_TRIES_BITS
        M[attempt + A_TRACE] = trace_attempt(M, attempt, session, copy, now_ns, timeout_ns)
    return attempt


@kernel
def awaits(M: Words, F: Numbers, person: int, attempt: int, now_ns: int) -> int:
    """Note an attempt as a copy of the present try, let the next one follow it, and return its number among them."""
    copy = M[person + P_SENT]
    M[person + P_SENT] = copy + 1
    M[person + P_COPIES + copy] = attempt
    if copy:
        M[ATTEMPTS_HEDGED] += 1
    if copy < M[MOST_HEDGES]:
        after_ns = hedge_ns(M, F, M[person + P_WANT], M[person + P_ATTEMPT])
        if schedule(M, now_ns + after_ns, ref_of(HEDGE, attempt, 0)):
            M[attempt + A_STATE] |= HEDGING
    return copy


@kernel
def hedges(M: Words, F: Numbers, attempt: int, now_ns: int) -> int:
    """Send a copy of an attempt that has no answer yet, if the laws of the client let it go; return it, or 0."""
    M[attempt + A_STATE] &= ~HEDGING
    if M[attempt + A_STATE] & (ANSWERED | HAS_SLOT):
        forget(M, attempt)
        return 0
    person = M[attempt + A_PERSON]
    if M[BUDGET_COUNT] and not allows_retry(M, person, now_ns):
        M[ATTEMPTS_HELD_BACK] += 1
        return 0
    M[person + P_ATTEMPT] += 1
    if M[CLIENT_LAW_COUNT] and ask_client(M, F, person, now_ns) < 0:
        M[ATTEMPTS_HELD_BACK] += 1
        return 0
    return sends(M, F, person, M[attempt + A_TIMEOUT_NS], now_ns)


@kernel
def ends_try(M: Words, attempt: int) -> bool:
    """Whether somebody who awaits an attempt no more awaits no other copy of the try either."""
    if M[MOST_HEDGES] == 0:
        return True
    person = M[attempt + A_PERSON]
    others = 0
    for slot in range(person + P_COPIES, person + P_COPIES + M[person + P_SENT]):
        if M[slot] == attempt:
            M[slot] = 0
        others |= M[slot]
    return others == 0


@kernel
def fails(M: Words, F: Numbers, person: int, answer: int, retry_after_s: int, now_ns: int) -> None:
    """A try has failed, now: leave for good, think and try again, or end the session."""
    want, number = M[person + P_WANT], M[person + P_ATTEMPT]
    tried = M[person + P_SESSION] & P_TRIES_MASK
    if resigns(M, F, want, number, now_ns):
        M[SESSIONS_FAILED] += 1
        leaves(M, person, now_ns)
        return
    if tried < M[MOST_TRIES]:
        place = M[person + P_PLACE]
        again_ns = now_ns + think_ns(M, F, place, want, number, tried, retry_after_s, answer == STORE)
        if again_ns < M[person + P_SESSION_END_NS]:
            M[person + P_STATE] = THINKING
            schedule(M, again_ns, ref_of(PERSON, person, 0))
            return
    session_fails(M, F, person, now_ns)


@kernel
def session_fails(M: Words, F: Numbers, person: int, now_ns: int) -> None:
    """A session ends without an order, now: come back later, or leave."""
    M[SESSIONS_FAILED] += 1
    want = M[person + P_WANT]
    session = M[person + P_SESSION] >> P_TRIES_BITS
    if not comes_back(M, F, want, session):
        leaves(M, person, now_ns)
        return
    back_ns = now_ns + away_ns(M, F, want, session)
    M[person + P_SESSION] = (session + 1) << P_TRIES_BITS
    M[TRYING] -= 1
    M[AWAY] += 1
    M[person + P_STATE] = GONE_AWAY
    schedule(M, back_ns, ref_of(PERSON, person, 0))


@kernel
def leaves(M: Words, person: int, now_ns: int) -> None:
    """Somebody gives up for good, now."""
    M[TRYING] -= 1
    M[PEOPLE_ABANDONED] += 1
    shut_out(M, now_ns - M[person + P_FIRST_NS])
    if M[TRACED]:
        trace_end(M, M[person + P_TRACE], now_ns, ABANDONED)
    give_person(M, person)


@kernel
def shut_out(M: Words, tried_ns: int) -> None:
    """Count somebody who tried for so long and had no order by then."""
    if tried_ns >= _HOUR_NS:
        M[SHUT_OUT] += 1
        if tried_ns >= 2 * _HOUR_NS:
            M[SHUT_OUT + 1] += 1
            if tried_ns >= 6 * _HOUR_NS:
                M[SHUT_OUT + 2] += 1


@kernel
def arrives(M: Words, F: Numbers, person: int, now_ns: int) -> int:
    """Somebody's next try, first try or next session is now; return the attempt that is sent, or 0."""
    state = M[person + P_STATE]
    if state != THINKING:
        if state == INVITED:
            comes(M, F, person, M[person + P_INVITED_BY], now_ns)
        else:
            M[AWAY] -= 1
            M[TRYING] += 1
            if M[TRACED]:
                trace_session(M, M[person + P_TRACE])
        begins_session(M, F, person, now_ns)
    return tries(M, F, person, now_ns)


@kernel
def invites(M: Words, F: Numbers, want: int, after: int, now_ns: int) -> None:
    """An order brings new people, at its placing or at its delivery."""
    if M[INVITES_AFTER] != after:
        return
    for k in range(1, invited_count(M, F, want) + 1):
        invited = invited_want(want, k)
        first_ns = now_ns + invitation_ns(M, F, invited)
        if first_ns < M[HORIZON_NS]:
            person = take_person(M, invited, INVITED)
            M[person + P_INVITED_BY] = want
            schedule(M, first_ns, ref_of(PERSON, person, 0))
