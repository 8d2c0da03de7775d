"""How an attempt goes on from one station to the next, and how it ends without an order."""

from __future__ import annotations

from scenarios.draws import Stream
from simulator.compiled.calendar import STAGE, ref_of, schedule, schedule_at_once, schedule_timeout
from simulator.compiled.chains import FAILURE, client_hears, code_of, give_back, outcome_of, retry_after_of
from simulator.compiled.habits import drawn_ns
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_AT_STAGE_NS,
    A_BUDGETS,
    A_CALL,
    A_DONE_NS,
    A_GATEWAY_BIT,
    A_NEXT,
    A_NUMBER,
    A_PERSON,
    A_SEQ,
    A_STAGE_BIT,
    A_START_NS,
    A_STATE,
    A_TIMEOUT_NS,
    A_WANT,
    ADMITTED,
    ANSWERED,
    ATTEMPTS_ADMITTED,
    ATTEMPTS_FAILED,
    ATTEMPTS_OUTRUN,
    ATTEMPTS_TIMED_OUT,
    ENDED,
    ENDING,
    EXPIRED,
    FAILURES_THROTTLED,
    G_BUDGET,
    G_CALL_ATTEMPTS,
    G_EXPIRED,
    G_MOST_CALLS,
    G_NETWORK_TIME,
    G_SEGMENTS,
    G_SHED,
    G_THROTTLED,
    HEARING_LAW_COUNT,
    LIVE,
    NO_TIME,
    OUTRUN,
    OUTRUN_BY_COPY,
    P_COPIES,
    P_SENT,
    RESPONSE_ADMITTED,
    RESPONSE_REFUSED,
    SHED,
    STAGE_COUNT,
    STAGE_WIDTH,
    STAGES,
    THROTTLED,
    TIMED,
    TIMED_OUT,
    WORK_DROPPED,
    WORK_WASTED,
)
from simulator.compiled.memory import Numbers, Words, carry, sample
from simulator.compiled.persons import ends_try, fails
from simulator.compiled.rows import forget, segment_of
from simulator.compiled.traces import (
    TRACE_ANSWER,
    TRACE_ANSWERED,
    TRACE_DECIDED,
    TRACE_ENDED,
    TRACE_GATEWAY,
    TRACE_RETRY_AFTER,
    trace,
)

_NETWORK = int(Stream.NETWORK)
_ANSWER_BITS = 4
_STAGE_BITS = 255 << A_STAGE_BIT
_GATEWAY_BITS = 7 << A_GATEWAY_BIT


@kernel
def stage_number(M: Words, attempt: int) -> int:
    """Return the stage at which an attempt is, or to which it is on its way; 0: the gateway."""
    return (M[attempt + A_STATE] >> A_STAGE_BIT) & 255


@kernel
def goes_to(M: Words, F: Numbers, attempt: int, number: int, now_ns: int) -> None:
    """Send an attempt on its way to a stage."""
    M[attempt + A_STATE] = (M[attempt + A_STATE] & ~_STAGE_BITS) | number << A_STAGE_BIT
    M[attempt + A_CALL] = 0
    calls(M, F, attempt, number, now_ns)


@kernel
def calls(M: Words, F: Numbers, attempt: int, number: int, now_ns: int) -> None:
    """Send a call of an attempt on its way to a stage."""
    M[attempt + A_SEQ] = 0
    stage = STAGES + number * STAGE_WIDTH
    ref = ref_of(STAGE, attempt, 0)
    if M[stage + G_NETWORK_TIME] == NO_TIME:
        schedule_at_once(M, now_ns, ref)
    else:
        want, tried = M[attempt + A_WANT], draws_as(M, stage, attempt)
        schedule(M, now_ns + drawn_ns(M, F, stage + G_NETWORK_TIME, _NETWORK + number, want, tried), ref)


@kernel
def draws_as(M: Words, stage: int, attempt: int) -> int:
    """Return what an attempt's draws at a stage go by: its number, and that of the call."""
    number = M[attempt + A_NUMBER]
    return number + (M[attempt + A_CALL] << 32) if M[stage + G_MOST_CALLS] > 1 else number


@kernel
def is_called_again(M: Words, stage: int, attempt: int, refused: bool) -> bool:
    """Whether an attempt whose call has been served, or refused, makes another: the next, or that one once more."""
    tries, most = M[stage + G_CALL_ATTEMPTS], M[stage + G_MOST_CALLS]
    if most <= 1 or M[attempt + A_CALL] >= most:
        return False
    M[attempt + A_CALL] += 1 if refused else tries - M[attempt + A_CALL] % tries
    return M[attempt + A_CALL] % tries > 0 if refused else M[attempt + A_CALL] < most


@kernel
def next_stage(M: Words, attempt: int, number: int) -> int:
    """Return the stage after this one that an attempt calls; after the last there is none."""
    number += 1
    while number < M[STAGE_COUNT]:
        callers = M[STAGES + number * STAGE_WIDTH + G_SEGMENTS]
        if callers == 0 or M[callers + segment_of(M, attempt)]:
            break
        number += 1
    return number


@kernel
def is_decided(M: Words, F: Numbers, attempt: int, verdict: int, now_ns: int) -> None:
    """The verdict of the gateway stands: on to the first stage, or the end."""
    code = ADMITTED if verdict >= 0 else code_of(verdict)
    M[attempt + A_STATE] |= code << A_GATEWAY_BIT
    M[ATTEMPTS_ADMITTED + code - ADMITTED] += 1
    trace(M, attempt, TRACE_DECIDED, now_ns)
    trace(M, attempt, TRACE_GATEWAY, code)
    if verdict >= 0:
        if not M[attempt + A_STATE] & (TIMED | ANSWERED):
            schedule_timeout(M, M[attempt + A_TIMEOUT_NS], attempt)
        goes_to(M, F, attempt, next_stage(M, attempt, 0), now_ns)
    else:
        will_end(M, attempt, code, retry_after_of(verdict))


@kernel
def count_refusal(M: Words, stage: int, answer: int) -> None:
    """Count a refusal at a stage, or at the gateway."""
    if answer == THROTTLED:
        M[stage + G_THROTTLED] += 1
    elif answer == SHED:
        M[stage + G_SHED] += 1
    else:
        M[stage + G_EXPIRED] += 1


@kernel
def is_dropped(M: Words, F: Numbers, attempt: int, code: int, now_ns: int) -> None:
    """The turn of an attempt has come, and it is not served: EXPIRED, or SHED."""
    number = stage_number(M, attempt)
    stage = STAGES + number * STAGE_WIDTH
    count_refusal(M, stage, code)
    if number == 0:
        is_decided(M, F, attempt, -code, now_ns)
        return
    carry(M, WORK_DROPPED, M[attempt + A_AT_STAGE_NS])
    M[attempt + A_AT_STAGE_NS] = 0
    will_end(M, attempt, code, 0)


@kernel
def will_end(M: Words, attempt: int, answer: int, retry_after_s: int) -> None:
    """An attempt ends without an order, after all else that this event does."""
    M[attempt + A_SEQ] = retry_after_s << _ANSWER_BITS | answer
    M[attempt + A_NEXT] = 0
    if M[ENDING] == 0:
        M[ENDING] = attempt
    else:
        M[M[ENDING + 1] + A_NEXT] = attempt
    M[ENDING + 1] = attempt


@kernel
def end_then(M: Words, first: int, last: int) -> None:
    """Let a list of attempts end after those that are to end."""
    if M[ENDING] == 0:
        M[ENDING] = first
    else:
        M[M[ENDING + 1] + A_NEXT] = first
    M[ENDING + 1] = last


@kernel
def end_all(M: Words, F: Numbers, now_ns: int) -> None:
    """The attempts that are to end do so, unless a call is tried again; people who still wait hear of it."""
    while M[ENDING]:
        attempt = M[ENDING]
        M[ENDING] = M[attempt + A_NEXT]
        answer = M[attempt + A_SEQ] & (1 << _ANSWER_BITS) - 1
        retry_after_s = M[attempt + A_SEQ] >> _ANSWER_BITS
        number = stage_number(M, attempt)
        stage = STAGES + number * STAGE_WIDTH
        if answer in (EXPIRED, SHED):  # perhaps a drop, which was counted in the midst of what made it one
            give_back(M, stage, attempt, now_ns, FAILURE)
        if answer in (THROTTLED, SHED) and is_called_again(M, stage, attempt, True):
            calls(M, F, attempt, number, now_ns)
            continue
        carry(M, WORK_WASTED, M[attempt + A_DONE_NS])
        trace(M, attempt, TRACE_RETRY_AFTER, retry_after_s)
        return_units(M, M[attempt + A_BUDGETS])
        close(M, attempt, answer, now_ns)
        waits = not M[attempt + A_STATE] & ANSWERED
        person = M[attempt + A_PERSON]
        if waits:
            is_answered(M, attempt, answer, now_ns)
            waits = ends_try(M, attempt)
        forget(M, attempt)
        if waits:
            fails(M, F, person, answer, retry_after_s, now_ns)


@kernel
def return_units(M: Words, budgets: int) -> None:
    """Give back the units of budgets that an attempt held: one bit a stage."""
    stage = STAGES + STAGE_WIDTH
    while budgets:
        M[stage + G_BUDGET] += budgets & 1
        budgets = (budgets >> 1) & ((1 << 63) - 1)
        stage += STAGE_WIDTH


@kernel
def close(M: Words, attempt: int, answer: int, now_ns: int) -> None:
    """The work on an attempt is over."""
    M[attempt + A_STATE] |= ENDED
    M[LIVE] -= 1
    trace(M, attempt, TRACE_ENDED, now_ns)
    give_back(M, STAGES, attempt, now_ns, outcome_of(answer))


@kernel
def is_answered(M: Words, attempt: int, answer: int, now_ns: int) -> None:
    """The person has an answer, or stops waiting for one; failures are counted."""
    M[attempt + A_STATE] |= ANSWERED
    trace(M, attempt, TRACE_ANSWERED, now_ns)
    trace(M, attempt, TRACE_ANSWER, answer)
    if M[HEARING_LAW_COUNT]:
        client_hears(M, M[attempt + A_PERSON], answer, now_ns, now_ns - M[attempt + A_START_NS])
    refused = M[attempt + A_STATE] & _GATEWAY_BITS > ADMITTED << A_GATEWAY_BIT
    sample(M, RESPONSE_REFUSED if refused else RESPONSE_ADMITTED, now_ns - M[attempt + A_START_NS])
    if answer >= THROTTLED:
        M[ATTEMPTS_TIMED_OUT if answer == TIMED_OUT else ATTEMPTS_FAILED] += 1
        M[FAILURES_THROTTLED + answer - THROTTLED] += 1


@kernel
def times_out(M: Words, F: Numbers, attempt: int, now_ns: int) -> None:
    """The person stops waiting for an attempt, now; the work on it goes on."""
    is_answered(M, attempt, TIMED_OUT, now_ns)
    if ends_try(M, attempt):
        fails(M, F, M[attempt + A_PERSON], TIMED_OUT, 0, now_ns)


@kernel
def outruns(M: Words, attempt: int, now_ns: int) -> None:
    """An attempt has become the order, now: nobody awaits other copies of it, and their work is past its deadline."""
    person = M[attempt + A_PERSON]
    for slot in range(person + P_COPIES, person + P_COPIES + M[person + P_SENT]):
        copy = M[slot]
        if copy and copy != attempt:
            M[copy + A_STATE] |= ANSWERED | OUTRUN_BY_COPY
            M[copy + A_TIMEOUT_NS] = now_ns
            trace(M, copy, TRACE_ANSWERED, now_ns)
            trace(M, copy, TRACE_ANSWER, OUTRUN)
            M[ATTEMPTS_OUTRUN] += 1
            if M[HEARING_LAW_COUNT]:
                client_hears(M, person, OUTRUN, now_ns, now_ns - M[copy + A_START_NS])
