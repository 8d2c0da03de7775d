"""An attempt's way: gateway, stages, and the commit that makes it an order - or not (docs/model.md)."""

from __future__ import annotations

from scenarios import people
from scenarios.draws import Stream
from simulator.compiled.calendar import STAGE, ref_of, schedule, schedule_timeout
from simulator.compiled.chains import (
    FAILURE,
    IGNORED,
    NO_STORE,
    SUCCESS,
    ask_for,
    ask_gateway,
    code_of,
    concerns_person,
    earns,
    give_back,
    retry_after_of,
)
from simulator.compiled.credits import places_at_store, places_credited, takes_later_slot
from simulator.compiled.ends import (
    calls,
    close,
    count_refusal,
    draws_as,
    end_then,
    goes_to,
    is_answered,
    is_called_again,
    is_decided,
    is_dropped,
    next_stage,
    outruns,
    stage_number,
    will_end,
)
from simulator.compiled.habits import drawn_ns, output_of, prompt_of
from simulator.compiled.holding import ask_chain, gives_up_store
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_AT_STAGE_NS,
    A_BUDGETS,
    A_CREDIT,
    A_DONE_NS,
    A_NUMBER,
    A_OUTPUT,
    A_PERSON,
    A_PROMPT,
    A_SEQ,
    A_SERVICE_NS,
    A_SHARD_BIT,
    A_STATE,
    A_TIMEOUT_NS,
    A_WANT,
    ANSWERED,
    ATTEMPTS_COMPLETED,
    BATCHING_STAGE,
    BUDGET_COUNT,
    CREDIT_LAW,
    CREDITS,
    ENDING,
    ERROR,
    EXPIRED,
    G_ARRIVED,
    G_BUDGET,
    G_ERRORS,
    G_HAS_BUDGET,
    G_KIND,
    G_LAW_COUNT,
    G_LAWS,
    G_PACED,
    G_PER_PREFILL_NS,
    G_PER_TOKEN_NS,
    G_SERVED,
    G_SERVICE_TIME,
    G_SHARDS,
    G_SHED,
    G_SLOTS,
    G_SOLD_OUT,
    G_STATION,
    KITCHENS_REFUSED,
    MOST_HEDGES,
    NO_STAGE,
    ON_SUCCESS,
    ORDERS_PLACED,
    OUTRUN,
    OUTRUN_BY_COPY,
    P_FIRST_NS,
    P_PLACE,
    P_SEGMENT_MASK,
    P_TRACE,
    P_WANT,
    P_ZONE_BITS,
    P_ZONE_MASK,
    PEOPLE_PLACED,
    PLACED,
    SEED,
    SEGMENT_PLACED,
    SEGMENT_WIDTH,
    SEGMENTS,
    SESSIONS_SERVED,
    SHED,
    SOLD_OUT,
    STAGE_COUNT,
    STAGE_FACTORS,
    STAGE_FIGURES,
    STAGE_WIDTH,
    STAGES,
    STATION_WIDTH,
    STORE,
    STORE_CREDIT_LAW,
    TIME_TO_ORDER,
    TIMED_OUT,
    TRACED,
    TRYING,
    WORK_BROUGHT,
    WORK_USEFUL,
    Z_PLACED,
    ZONE_LAW_COUNT,
    ZONE_LAWS,
    ZONE_WIDTH,
    ZONES,
)
from simulator.compiled.memory import Numbers, Words, adjust, carry, sample
from simulator.compiled.persons import invites, shut_out
from simulator.compiled.pools import departs_from_pool, joins_pool
from simulator.compiled.rows import forget, give_person
from simulator.compiled.stations import FULL, LEFT, QUEUED, is_free, joins
from simulator.compiled.street import NONE_TAKES_IT, begins, pick_store
from simulator.compiled.traces import TRACE_STAGE, trace

shard_of, fails_at = people.shard_of, people.fails
_LAST_STAGE = -(1 << 63)  # the highest of 64 bits
_SERVICE = int(Stream.SERVICE)


@kernel
def reaches_gateway(M: Words, F: Numbers, attempt: int, now_ns: int) -> None:
    """An attempt arrives at the gateway; one without servers decides in no time.

    Its timeout is scheduled where it can come before the verdict; else, if it is let in, with that.
    """
    if M[STAGES + G_KIND] == NO_STAGE:
        is_decided(M, F, attempt, ask_gateway(M, F, STAGES, attempt, now_ns), now_ns)
        return
    M[STAGES + G_ARRIVED] += 1
    joined = joins(M, F, 0, M[STAGES + G_STATION], attempt, now_ns)
    if joined == FULL:
        M[STAGES + G_SHED] += 1
        is_decided(M, F, attempt, -SHED, now_ns)
    elif joined == LEFT:
        is_dropped(M, F, attempt, EXPIRED, now_ns)
    elif joined == QUEUED or M[attempt + A_TIMEOUT_NS] < now_ns + M[attempt + A_SERVICE_NS]:
        schedule_timeout(M, M[attempt + A_TIMEOUT_NS], attempt)


@kernel
def reaches_stage(M: Words, F: Numbers, attempt: int, now_ns: int) -> None:
    """An attempt arrives at a stage, or has kept the distance of a pacing law there."""
    number = stage_number(M, attempt)
    stage = STAGES + number * STAGE_WIDTH
    asked = M[attempt + A_SEQ]
    if asked:
        M[stage + G_PACED] -= 1
    else:
        M[stage + G_ARRIVED] += 1
        trace(M, attempt, TRACE_STAGE, number)
    while asked < M[stage + G_LAW_COUNT]:
        verdict = ask_for(M, F, M[M[stage + G_LAWS] + asked], attempt, now_ns)
        asked += 1
        if verdict < 0:
            give_back(M, stage, attempt, now_ns, IGNORED)
            count_refusal(M, stage, code_of(verdict))
            will_end(M, attempt, code_of(verdict), retry_after_of(verdict))
            return
        if verdict:
            M[stage + G_PACED] += 1
            M[attempt + A_SEQ] = asked
            schedule(M, now_ns + verdict, ref_of(STAGE, attempt, 0))
            return
    enters(M, F, number, attempt, now_ns)


@kernel
def enters(M: Words, F: Numbers, number: int, attempt: int, now_ns: int) -> None:
    """The laws of a stage have let an attempt in: budget, demand, station."""
    stage = STAGES + number * STAGE_WIDTH
    unit = 1 << (number - 1) if number < 64 else _LAST_STAGE
    if M[stage + G_HAS_BUDGET] and M[attempt + A_BUDGETS] & unit == 0:
        if M[stage + G_BUDGET] == 0:
            M[stage + G_SOLD_OUT] += 1
            give_back(M, stage, attempt, now_ns, SUCCESS)
            will_end(M, attempt, SOLD_OUT, 0)
            return
        M[stage + G_BUDGET] -= 1
        M[attempt + A_BUDGETS] |= unit
    joined = joins_station(M, F, number, attempt, now_ns)
    if joined == FULL:
        M[attempt + A_AT_STAGE_NS] = 0
        M[stage + G_SHED] += 1
        give_back(M, stage, attempt, now_ns, FAILURE)
        will_end(M, attempt, SHED, 0)
        return
    carry(M, WORK_BROUGHT, M[attempt + A_AT_STAGE_NS])
    if joined == LEFT:
        is_dropped(M, F, attempt, EXPIRED, now_ns)


@kernel
def joins_station(M: Words, F: Numbers, number: int, attempt: int, now_ns: int) -> int:
    """Draw what an attempt asks of a stage, and hand it over; return as `joins_pool` does."""
    stage = STAGES + number * STAGE_WIDTH
    want, tried = M[attempt + A_WANT], M[attempt + A_NUMBER]
    station = M[stage + G_STATION]
    if M[stage + G_KIND] == BATCHING_STAGE:
        prompt, output = prompt_of(M, F, number, want, tried), output_of(M, F, number, want, tried)
        M[attempt + A_PROMPT] = prompt
        M[attempt + A_OUTPUT] = output
        work_ns = (M[stage + G_PER_PREFILL_NS] * prompt + M[stage + G_PER_TOKEN_NS] * output) // M[stage + G_SLOTS]
        M[attempt + A_SERVICE_NS] = work_ns
        M[attempt + A_AT_STAGE_NS] = work_ns
        return joins_pool(M, F, station, attempt, now_ns)
    tried = draws_as(M, stage, attempt)
    service_ns = drawn_ns(M, F, stage + G_SERVICE_TIME, _SERVICE + number, want, tried)
    M[attempt + A_SERVICE_NS] = service_ns
    M[attempt + A_AT_STAGE_NS] = service_ns
    if M[stage + G_SHARDS] > 1:
        shard = shard_of(M[stage + G_SHARDS], M[SEED], number, want)
        M[attempt + A_STATE] = (M[attempt + A_STATE] & ~(4095 << A_SHARD_BIT)) | shard << A_SHARD_BIT
        station += shard * STATION_WIDTH
    return joins(M, F, number, station, attempt, now_ns)


@kernel
def departs(M: Words, F: Numbers, attempt: int, now_ns: int) -> None:
    """The service of an attempt is over: first the server takes the next, then the attempt goes on.

    Those whom the server drops then end after it.
    """
    number = stage_number(M, attempt)
    stage = STAGES + number * STAGE_WIDTH
    station = M[stage + G_STATION]
    if M[stage + G_KIND] == BATCHING_STAGE:
        departs_from_pool(M, station, attempt, now_ns)
    else:
        if M[stage + G_SHARDS] > 1:
            station += ((M[attempt + A_STATE] >> A_SHARD_BIT) & 4095) * STATION_WIDTH
        is_free(M, F, number, station, attempt, now_ns)
    M[stage + G_SERVED] += 1
    dropped, last = M[ENDING], M[ENDING + 1]
    M[ENDING] = 0
    goes_on(M, F, number, attempt, now_ns)
    if dropped:
        end_then(M, dropped, last)


@kernel
def goes_on(M: Words, F: Numbers, number: int, attempt: int, now_ns: int) -> None:
    """What was served goes on: it is decided, or fails, or goes to the next stage, or becomes an order."""
    stage = STAGES + number * STAGE_WIDTH
    service_ns = M[attempt + A_SERVICE_NS]
    M[attempt + A_DONE_NS] += service_ns
    drawn = M[attempt + A_AT_STAGE_NS]
    M[attempt + A_AT_STAGE_NS] = 0
    if number == 0:
        is_decided(M, F, attempt, M[attempt + A_SEQ], now_ns)
        return
    adjust(M, WORK_BROUGHT, service_ns - drawn)
    failure = F[STAGE_FACTORS + 2 * number + 1]
    tried = draws_as(M, stage, attempt)
    fails = failure > 0.0 and fails_at(failure, M[SEED], number, M[attempt + A_WANT], tried)
    give_back(M, stage, attempt, now_ns, FAILURE if fails else SUCCESS)
    if fails:
        M[stage + G_ERRORS] += 1
        will_end(M, attempt, ERROR, 0)
        return
    if is_called_again(M, stage, attempt, False):
        calls(M, F, attempt, number, now_ns)
        return
    following = next_stage(M, attempt, number)
    if following < M[STAGE_COUNT]:
        goes_to(M, F, attempt, following, now_ns)
    else:
        commits(M, F, attempt, now_ns)


@kernel
def commits(M: Words, F: Numbers, attempt: int, now_ns: int) -> None:
    """All stages are done: an order, if its person still waits, a store takes it, and the zone has room for it."""
    if M[attempt + A_STATE] & ANSWERED:
        will_end(M, attempt, OUTRUN if M[attempt + A_STATE] & OUTRUN_BY_COPY else TIMED_OUT, 0)
        return
    person = M[attempt + A_PERSON]
    credited = M[attempt + A_CREDIT] - 1 if M[CREDIT_LAW] else NO_STORE
    store = pick_store(M, F, person, M[attempt + A_NUMBER], credited, now_ns)
    if store == NONE_TAKES_IT:
        if credited == NO_STORE or not takes_later_slot(M, F, attempt, now_ns):
            M[KITCHENS_REFUSED] += 1
            will_end(M, attempt, STORE, 0)
        return
    if M[ZONE_LAW_COUNT]:
        verdict = ask_chain(M, F, ZONE_LAWS, person, M[attempt + A_NUMBER], store, now_ns)
        if verdict < 0:
            gives_up_store(M, now_ns)
            will_end(M, attempt, code_of(verdict), retry_after_of(verdict))
            return
    if M[CREDITS]:
        tells_credits(M, F, attempt, person, store, now_ns)
    carry(M, WORK_USEFUL, M[attempt + A_DONE_NS])
    close(M, attempt, PLACED, now_ns)
    is_answered(M, attempt, PLACED, now_ns)
    M[ATTEMPTS_COMPLETED] += 1
    if M[MOST_HEDGES]:
        outruns(M, attempt, now_ns)
    forget(M, attempt)
    is_served(M, F, person, store, now_ns)


@kernel
def tells_credits(M: Words, F: Numbers, attempt: int, person: int, store: int, now_ns: int) -> None:
    """An attempt becomes an order of a store, now."""
    if M[CREDIT_LAW]:
        places_credited(M, attempt, store)
    law = M[STORE_CREDIT_LAW]
    if law and concerns_person(M, law, person):
        places_at_store(M, F, law, M[person + P_WANT], store, M[person + P_PLACE] & P_ZONE_MASK, now_ns)


@kernel
def is_served(M: Words, F: Numbers, person: int, store: int, now_ns: int) -> None:
    """A person's want has become an order."""
    want, place = M[person + P_WANT], M[person + P_PLACE]
    zone, segment = place & P_ZONE_MASK, (place >> P_ZONE_BITS) & P_SEGMENT_MASK
    took_ns = now_ns - M[person + P_FIRST_NS]
    M[TRYING] -= 1
    M[PEOPLE_PLACED] += 1
    M[ORDERS_PLACED] += 1
    M[SESSIONS_SERVED] += 1
    sample(M, TIME_TO_ORDER, took_ns)
    sample(M, STAGE_FIGURES + 2 * M[STAGE_COUNT] + segment, took_ns)
    shut_out(M, took_ns - 1)  # who got it in that very ns has it by then
    M[M[ZONES] + zone * ZONE_WIDTH + Z_PLACED] += 1
    M[M[SEGMENTS] + segment * SEGMENT_WIDTH + SEGMENT_PLACED] += 1
    if M[BUDGET_COUNT]:
        earns(M, person, ON_SUCCESS, now_ns)
    begins(M, F, want, zone, store, M[person + P_TRACE] if M[TRACED] else 0, now_ns)
    invites(M, F, want, PLACED, now_ns)
    give_person(M, person)
