"""Chains of laws: who gets in (docs/model.md, The gateway; the laws themselves are in limits)."""

from __future__ import annotations

from limits import (
    circuit_breaker,
    dagor,
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    hot_key,
    outcomes,
    pacing,
    pi_rejector,
    retry_after,
    retry_budget,
    retry_ratio,
    retry_throttle,
    sliding_window,
    sliding_window_log,
    sre_throttle,
    token_bucket,
    verdicts,
    waiting_room,
    warm_up,
)
from limits.laws import Law
from scenarios import draws, people
from scenarios.draws import Stream
from simulator.compiled.apis import ask_top_down, tells_top_down
from simulator.compiled.credits import ask_at_gateway, ask_at_store, gives_credit_back
from simulator.compiled.habits import chosen_by, output_of, prompt_of
from simulator.compiled.importance import ask_by_priority
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_CALLS,
    A_HELD,
    A_NUMBER,
    A_PERSON,
    A_SINCE_NS,
    A_TIMEOUT_NS,
    A_WANT,
    BUDGET_COUNT,
    BUDGETS,
    BY_ALL,
    BY_PERSON,
    BY_SEGMENT,
    BY_STORE,
    CALL_BEGAN_NS,
    CALL_INFLIGHT,
    CALL_LAW,
    CALL_NEXT,
    CLIENT_LAW_COUNT,
    CLIENT_LAWS,
    CUPS_TABLE,
    EXPIRED,
    G_LAW_COUNT,
    G_LAWS,
    G_SLOTS_LAWS,
    G_TURN_LAW_COUNT,
    G_TURN_LAWS,
    HEARING_LAW_COUNT,
    HEARING_LAWS,
    HELD_BITS,
    IN_CUPS,
    L_COST,
    L_EARN,
    L_EARN_ON,
    L_EIGHT,
    L_FIVE,
    L_FOUR,
    L_KEY,
    L_LAW,
    L_NUMBER,
    L_OFF,
    L_ONE,
    L_PARTICULAR,
    L_PRIORITIES,
    L_RESERVE,
    L_RESERVES,
    L_ROW_WIDTH,
    L_SEVEN,
    L_SIMPLE,
    L_SIX,
    L_SLOT,
    L_SLOTS,
    L_STATE,
    L_THREE,
    L_TICKET,
    L_TICKET_NS,
    L_TWO,
    OUTRUN,
    P_ATTEMPT,
    P_PLACE,
    P_SEGMENT_MASK,
    P_WANT,
    P_ZONE_BITS,
    P_ZONE_MASK,
    PLACED,
    POPULARITY_EDGES,
    SEED,
    SEGMENT_PRIORITY,
    SEGMENT_WIDTH,
    SEGMENTS,
    SHED,
    SOLD_OUT,
    STORE,
    STORES_PER_ZONE,
    THROTTLED,
)
from simulator.compiled.learning import ask_learned, learns
from simulator.compiled.lending import ask_borrower, ask_lender, is_at_lender, is_out_no_more
from simulator.compiled.memory import Numbers, Words, give_cell, take_cell
from simulator.compiled.rows import segment_of, zone_of

# A verdict in one number: 0 or more admits, after so many ns (pacing); less refuses, with a code and Retry-After.
_CODE_BITS = 3
_TOKEN_BUCKET = int(Law.TOKEN_BUCKET)
_GCRA = int(Law.GCRA)
_PACING = int(Law.PACING)
_HOT_KEY = int(Law.HOT_KEY)
_STORE = int(Stream.STORE)
_FIXED_WINDOW = int(Law.FIXED_WINDOW)
_SLIDING_WINDOW = int(Law.SLIDING_WINDOW)
_SLIDING_WINDOW_LOG = int(Law.SLIDING_WINDOW_LOG)
_WARM_UP = int(Law.WARM_UP)
_FIXED_CONCURRENCY = int(Law.FIXED_CONCURRENCY)
_DEADLINE = int(Law.DEADLINE)
_AIMD, _VEGAS, _BBR_CPU = int(Law.AIMD), int(Law.VEGAS), int(Law.BBR_CPU)
_LOAD_MULTIPLIER, _SEDA = int(Law.LOAD_MULTIPLIER), int(Law.SEDA)
_BREAKWATER = int(Law.BREAKWATER)
_TOP_DOWN = int(Law.TOP_DOWN)
_DAGOR, _PI_REJECTOR = int(Law.DAGOR), int(Law.PI_REJECTOR)
_RETRY_RATIO = int(Law.RETRY_RATIO)
_RETRY_THROTTLE = int(Law.RETRY_THROTTLE)
_SRE_THROTTLE = int(Law.SRE_THROTTLE)
_CIRCUIT_BREAKER = int(Law.CIRCUIT_BREAKER)
_FULFILMENT_CREDIT = int(Law.FULFILMENT_CREDIT)
_WAITING_ROOM = int(Law.WAITING_ROOM)
_HELD_BACK, _PLACE_IN_LINE = int(Stream.HELD_BACK), int(Stream.PLACE_IN_LINE)

token_bucket_decide = token_bucket.decide
gcra_decide = gcra.decide
hot_key_decide = hot_key.decide
fixed_window_decide = fixed_window.decide
sliding_window_decide = sliding_window.decide
sliding_window_log_decide = sliding_window_log.decide
warm_up_decide = warm_up.decide
fixed_concurrency_decide = fixed_concurrency.decide
fixed_concurrency_release = fixed_concurrency.release
deadline_decide = deadline.decide
pacing_decide = pacing.decide
retry_budget_decide = retry_budget.decide
retry_budget_earn = retry_budget.earn
retry_ratio_decide = retry_ratio.decide
retry_ratio_earn = retry_ratio.earn
retry_throttle_decide = retry_throttle.decide
retry_throttle_observe = retry_throttle.observe
sre_throttle_decide = sre_throttle.decide
sre_throttle_observe = sre_throttle.observe
room_join, room_decide, room_grants = waiting_room.join, waiting_room.decide, waiting_room.grant_by_rates
circuit_breaker_decide = circuit_breaker.decide
circuit_breaker_observe = circuit_breaker.observe
dagor_waited, pi_rejector_leave = dagor.waited, pi_rejector.leave
uniform, key = draws.uniform, draws.key
cups_of = people.cups_of
seconds = retry_after.seconds
_SHED, _EXPIRED, _NEVER = verdicts.SHED, verdicts.EXPIRED, verdicts.NEVER
_IN_ORDER = waiting_room.IN_ORDER
SUCCESS, FAILURE, IGNORED = outcomes.SUCCESS, outcomes.FAILURE, outcomes.IGNORED
_BILLION = sre_throttle.BILLION
NO_STORE = -1


@kernel
def refusal(code: int, retry_after_s: int) -> int:
    """Write a refusal in one number."""
    return -(code | retry_after_s << _CODE_BITS)


@kernel
def code_of(verdict: int) -> int:
    """Return the gateway's code of a refusal."""
    return -verdict & ((1 << _CODE_BITS) - 1)


@kernel
def retry_after_of(verdict: int) -> int:
    """Return the seconds of a refusal; 0: none told."""
    return -verdict >> _CODE_BITS


@kernel
def verdict_of(answer: int) -> int:
    """Return what a law's answer means, for all laws but pacing."""
    if answer == 0:
        return 0
    if answer > 0:
        return refusal(THROTTLED, seconds(answer))
    if answer == _SHED:
        return refusal(SHED, 0)
    return refusal(EXPIRED if answer == _EXPIRED else THROTTLED, 0)


@kernel
def law_row(M: Words, law: int, segment: int, place: int, person: int) -> int:
    """Return where the state of a law begins for somebody, and mark the row as begun."""
    by = M[law + L_KEY]
    row = M[law + L_STATE]
    if by == BY_PERSON:
        row += person
    elif by == BY_SEGMENT:
        row += segment * M[law + L_ROW_WIDTH]
    elif by != BY_ALL:
        row += place * M[law + L_ROW_WIDTH]
    M[row] = 1
    return row + 1


@kernel
def priority_of(M: Words, segment: int) -> int:
    """Return how important somebody is; 0 is the most."""
    return M[M[SEGMENTS] + segment * SEGMENT_WIDTH + SEGMENT_PRIORITY]


@kernel
def concerns(M: Words, law: int, segment: int) -> bool:
    """Return whether a law is asked about people of this priority."""
    return M[law + L_PRIORITIES] == 0 or (M[law + L_PRIORITIES] >> priority_of(M, segment)) & 1 == 1


@kernel
def concerns_person(M: Words, law: int, person: int) -> bool:
    """Return whether a law at the client is asked about a person."""
    return M[law + L_PARTICULAR] == 0 or concerns(M, law, (M[person + P_PLACE] >> P_ZONE_BITS) & P_SEGMENT_MASK)


@kernel
def cost_of(M: Words, F: Numbers, law: int, want: int, number: int) -> int:
    """Return what a law charges for an attempt."""
    cost = M[law + L_COST]
    if cost > 0:
        return cost
    if cost == IN_CUPS:
        return cups_of(F, M[CUPS_TABLE], M[SEED], want)
    return prompt_of(M, F, IN_CUPS - cost, want, number) + output_of(M, F, IN_CUPS - cost, want, number)


@kernel
def kept_of(M: Words, law: int, segment: int) -> int:
    """Return the thousandths of its limit that a law keeps for others than people of this priority."""
    if M[law + L_RESERVES] == 0:
        return 0
    return M[M[law + L_RESERVE] + min(priority_of(M, segment), M[law + L_RESERVES] - 1)]


@kernel
def rest(limit: int, kept_milli: int) -> int:
    """Return what of a limit is not kept for others."""
    return limit - limit * kept_milli // 1000 if kept_milli else limit


@kernel
def ask(
    M: Words,
    law: int,
    segment: int,
    place: int,
    person: int,
    timeout_ns: int,
    now_ns: int,
    cost: int,
    kept_milli: int,
) -> int:
    """Ask one law; `place` is the zone, or the store for a law keyed by store."""
    kind = M[law + L_LAW]
    if kind == _DEADLINE:
        return verdict_of(deadline_decide(M, 0, M[law + L_ONE], timeout_ns, now_ns, 1))
    if M[law + L_OFF]:
        return 0
    row = law_row(M, law, segment, place, person)
    one = M[law + L_ONE]
    two = M[law + L_TWO]
    if kind == _TOKEN_BUCKET:
        burst = rest(M[law + L_THREE], kept_milli)
        return verdict_of(token_bucket_decide(M, row, one, two, burst, now_ns, cost))
    if kind == _GCRA:
        return verdict_of(gcra_decide(M, row, one, rest(two, kept_milli), now_ns, cost))
    if kind == _PACING:
        wait_ns = pacing_decide(M, row, one, two, now_ns, cost)
        return wait_ns if wait_ns >= 0 else refusal(SHED, 0)
    return ask_other(M, law, kind, row, now_ns, cost, kept_milli)


@kernel
def ask_other(M: Words, law: int, kind: int, row: int, now_ns: int, cost: int, kept_milli: int) -> int:
    """Ask a law of another kind: so the code for the commonest stays small."""
    one, two = M[law + L_ONE], M[law + L_TWO]
    if kind == _FIXED_WINDOW:
        return verdict_of(fixed_window_decide(M, row, rest(one, kept_milli), two, now_ns, cost))
    if kind == _SLIDING_WINDOW:
        return verdict_of(sliding_window_decide(M, row, rest(one, kept_milli), two, now_ns, cost))
    if kind == _WARM_UP:
        return verdict_of(warm_up_decide(M, row, one, two, M[law + L_THREE], M[law + L_FOUR], now_ns, cost))
    if kind == _SLIDING_WINDOW_LOG:
        limit, slots = rest(one, kept_milli), M[law + L_THREE]
        return verdict_of(sliding_window_log_decide(M, row, slots, limit, two, now_ns, cost))
    if kind == _FIXED_CONCURRENCY:
        # at a limit of 0 the law says never; to the person it is overload too
        return 0 if fixed_concurrency_decide(M, row, rest(one, kept_milli), now_ns, cost) == 0 else refusal(SHED, 0)
    if kind != _CIRCUIT_BREAKER:
        return verdict_of(ask_learned(M, law, row, now_ns, cost, kept_milli))
    return verdict_of(circuit_breaker_decide(M, row, M[law + L_SIX], M[law + L_SEVEN], M[law + L_EIGHT], now_ns, 1))


@kernel
def ask_for(M: Words, F: Numbers, law: int, attempt: int, now_ns: int) -> int:
    """Ask one law of the gateway or a stage about an attempt, and note the slot it takes."""
    segment, person = segment_of(M, attempt), M[attempt + A_PERSON]
    if M[law + L_SIMPLE]:
        return ask(M, law, segment, zone_of(M, attempt), person, M[attempt + A_TIMEOUT_NS], now_ns, 1, 0)
    cost, kept_milli = 1, 0
    if M[law + L_PARTICULAR]:
        if not concerns(M, law, segment):
            return 0
        cost = cost_of(M, F, law, M[attempt + A_WANT], M[attempt + A_NUMBER])
        kept_milli = kept_of(M, law, segment)
    if M[law + L_TICKET] == 0:
        return ask_beside(M, F, law, attempt, now_ns, cost, kept_milli)
    until = person + M[law + L_TICKET]
    if now_ns < M[until]:
        return 0
    verdict = ask_beside(M, F, law, attempt, now_ns, cost, kept_milli)
    if verdict == 0:
        M[until] = now_ns + M[law + L_TICKET_NS]
    return verdict


@kernel
def ask_beside(M: Words, F: Numbers, law: int, attempt: int, now_ns: int, cost: int, kept_milli: int) -> int:
    """Ask one law that may want more of an attempt than its timeout: what is held of it."""
    kind, segment, zone = M[law + L_LAW], segment_of(M, attempt), zone_of(M, attempt)
    if kind >= _HOT_KEY:
        return ask_rare(M, F, law, kind, attempt, now_ns, cost, kept_milli)
    verdict = ask(M, law, segment, zone, M[attempt + A_PERSON], M[attempt + A_TIMEOUT_NS], now_ns, cost, kept_milli)
    if kind == _FIXED_CONCURRENCY and verdict == 0 and M[law + L_COST] == 1:
        slot = M[law + L_SLOT]
        M[attempt + A_HELD + slot // HELD_BITS] |= 1 << slot % HELD_BITS
    elif verdict == 0 and is_told(kind):
        goes_in(M, law, attempt, now_ns, cost)
    return verdict


@kernel
def ask_rare(M: Words, F: Numbers, law: int, kind: int, attempt: int, now_ns: int, cost: int, kept_milli: int) -> int:
    """Ask one of the laws that few scenarios have: so the code for the others stays small."""
    want, segment, zone = M[attempt + A_WANT], segment_of(M, attempt), zone_of(M, attempt)
    if kind == _WAITING_ROOM:
        return ask_room(M, law, attempt, now_ns)
    if kind == _HOT_KEY:
        return ask_hot(M, F, law, want, M[attempt + A_NUMBER], segment, zone, NO_STORE, now_ns, cost)
    if kind == _FULFILMENT_CREDIT:
        return verdict_of(ask_at_gateway(M, F, law, attempt, now_ns))
    if kind in (_DAGOR, _PI_REJECTOR):
        answer = ask_by_priority(M, law, want, priority_of(M, segment), now_ns)
    elif kind == _TOP_DOWN:
        answer = ask_top_down(M, law, segment, now_ns, cost)
    elif kind == _BREAKWATER:
        if is_at_lender(M, law, attempt):
            return verdict_of(ask_lender(M, law, now_ns))
        answer = ask_borrower(M, law, law_row(M, law, segment, zone, 0), now_ns)
    else:
        row = law_row(M, law, segment, zone, M[attempt + A_PERSON])
        answer = ask_learned(M, law, row, now_ns, cost, kept_milli)
    if answer == 0 and is_told(kind):
        goes_in(M, law, attempt, now_ns, cost)
    return verdict_of(answer)


@kernel
def is_told(kind: int) -> bool:
    """Whether a law of this kind hears of the end of what it let in."""
    return (
        kind in (_FIXED_CONCURRENCY, _AIMD, _CIRCUIT_BREAKER, _PI_REJECTOR, _LOAD_MULTIPLIER)
        or kind in (_TOP_DOWN, _BREAKWATER, _SEDA)
        or _VEGAS <= kind <= _BBR_CPU
    )


@kernel
def ask_room(M: Words, law: int, attempt: int, now_ns: int) -> int:
    """Ask a waiting room: who has no place there, or has lost it, joins the line first."""
    row, stages = law_row(M, law, segment_of(M, attempt), zone_of(M, attempt), 0), M[law + L_TWO]
    room, slots, hold_ns, opens_ns = row + stages, M[law + L_FOUR], M[law + L_THREE], M[law + L_SIX]
    for granted in range(row, room):
        M[granted] = max(M[granted], opens_ns)
    room_grants(M, room, stages, slots, M, M[law + L_ONE], M, row, now_ns)
    mine = M[attempt + A_PERSON] + M[law + L_SEVEN]
    answer = room_decide(M, room, stages, slots, hold_ns, M[mine], now_ns, 1)
    if answer in (_EXPIRED, _NEVER):  # the place is lost, or there was none
        draw_ppb = _IN_ORDER
        if now_ns < M[law + L_FIVE]:
            drawn = uniform(key(M[SEED], _PLACE_IN_LINE, M[attempt + A_WANT], M[attempt + A_NUMBER]), M[law + L_NUMBER])
            draw_ppb = int(drawn * _BILLION)
        number = room_join(M, room, stages, slots, hold_ns, draw_ppb, now_ns)
        if number == _SHED:
            return refusal(SHED, 0)
        M[mine] = number
        answer = room_decide(M, room, stages, slots, hold_ns, number, now_ns, 1)
    return verdict_of(answer)


@kernel
def goes_in(M: Words, law: int, attempt: int, now_ns: int, cost: int) -> None:
    """Note for a law that it has let an attempt in, and how many were inside then, or how many slots it holds."""
    call = take_cell(M)
    M[call + CALL_NEXT] = M[attempt + A_CALLS]
    M[call + CALL_LAW] = law
    M[call + CALL_BEGAN_NS] = now_ns
    row = law_row(M, law, segment_of(M, attempt), zone_of(M, attempt), M[attempt + A_PERSON])
    M[call + CALL_INFLIGHT] = M[row + M[law + L_SLOTS]] if M[law + L_SLOTS] else cost
    M[attempt + A_CALLS] = call


@kernel
def comes_out(M: Words, law: int, attempt: int, now_ns: int, outcome: int) -> None:
    """Tell a law how what it let in has ended, if it did let the attempt in."""
    link = attempt + A_CALLS
    while M[link] and M[M[link] + CALL_LAW] != law:
        link = M[link] + CALL_NEXT
    call = M[link]
    if call == 0:
        return
    M[link] = M[call + CALL_NEXT]
    row = law_row(M, law, segment_of(M, attempt), zone_of(M, attempt), M[attempt + A_PERSON])
    rtt_ns, inflight = now_ns - M[call + CALL_BEGAN_NS], M[call + CALL_INFLIGHT]
    give_cell(M, call)
    if M[law + L_LAW] == _CIRCUIT_BREAKER:
        breaker_observes(M, law, row, now_ns, rtt_ns, outcome)
        return
    if M[law + L_LAW] == _FIXED_CONCURRENCY:
        fixed_concurrency_release(M, row, inflight)
        return
    if M[law + L_LAW] == _PI_REJECTOR:
        pi_rejector_leave(M, row)
        return
    if M[law + L_LAW] == _TOP_DOWN:
        tells_top_down(M, law, segment_of(M, attempt), rtt_ns, outcome)
        return
    if M[law + L_LAW] == _BREAKWATER:
        is_out_no_more(M, law, row, now_ns)
        return
    learns(M, law, row, M[attempt + A_WANT], M[attempt + A_NUMBER], now_ns, rtt_ns, inflight, outcome)


@kernel
def has_turn(M: Words, stage: int, attempt: int, now_ns: int) -> None:
    """Tell the laws that look at the queue of a stage that the turn of an attempt has come."""
    for at in range(M[stage + G_TURN_LAWS], M[stage + G_TURN_LAWS] + M[stage + G_TURN_LAW_COUNT]):
        law = M[at]
        if not concerns(M, law, segment_of(M, attempt)):
            continue
        if M[law + L_LAW] == _DAGOR:
            dagor_waited(M, M[law + L_STATE] + 1, now_ns - M[attempt + A_SINCE_NS])
        else:
            comes_out(M, law, attempt, now_ns, IGNORED)


@kernel
def give_back(M: Words, stage: int, attempt: int, now_ns: int, outcome: int) -> None:
    """Give back the slots that an attempt holds at a stage, or at the gateway, and tell laws there how it ended."""
    if M[stage + G_SLOTS_LAWS]:
        comes_out_of_all(M, stage, attempt, now_ns, outcome)


@kernel
def comes_out_of_all(M: Words, stage: int, attempt: int, now_ns: int, outcome: int) -> None:
    """Give back slots, and tell laws, where there are such."""
    for at in range(M[stage + G_LAWS], M[stage + G_LAWS] + M[stage + G_LAW_COUNT]):
        law = M[at]
        if M[law + L_LAW] == _FIXED_CONCURRENCY and M[law + L_COST] == 1:
            slot = M[law + L_SLOT]
            word, bit = attempt + A_HELD + slot // HELD_BITS, 1 << slot % HELD_BITS
            if M[word] & bit:
                M[word] &= ~bit
                row = law_row(M, law, segment_of(M, attempt), zone_of(M, attempt), M[attempt + A_PERSON])
                fixed_concurrency_release(M, row, 1)
        elif M[law + L_LAW] == _FULFILMENT_CREDIT:
            gives_credit_back(M, law, attempt)
        elif is_told(M[law + L_LAW]):
            comes_out(M, law, attempt, now_ns, outcome)


@kernel
def ask_gateway(M: Words, F: Numbers, gateway: int, attempt: int, now_ns: int) -> int:
    """Ask all laws of the gateway; the first refusal ends it."""
    for at in range(M[gateway + G_LAWS], M[gateway + G_LAWS] + M[gateway + G_LAW_COUNT]):
        verdict = ask_for(M, F, M[at], attempt, now_ns)
        if verdict < 0:
            give_back(M, gateway, attempt, now_ns, IGNORED)
            return verdict
    return 0


@kernel
def law_row_of_person(M: Words, law: int, person: int) -> int:
    """Return where the state of a law at the client begins for a person."""
    place = M[person + P_PLACE]
    return law_row(M, law, (place >> P_ZONE_BITS) & P_SEGMENT_MASK, place & P_ZONE_MASK, person)


@kernel
def ask_client(M: Words, F: Numbers, person: int, now_ns: int) -> int:
    """Ask the laws at the client; an admission that a later one refuses says nothing of the far side."""
    first = M[CLIENT_LAWS]
    for at in range(first, first + M[CLIENT_LAW_COUNT]):
        verdict = ask_about(M, F, M[at], person, M[person + P_ATTEMPT], NO_STORE, now_ns)
        if verdict < 0:
            for before in range(first, at):
                hears(M, M[before], person, now_ns, 0, IGNORED)
            return verdict
    return 0


@kernel
def ask_about(M: Words, F: Numbers, law: int, person: int, number: int, store: int, now_ns: int) -> int:
    """Ask one law at the client, a store or a zone about a person's try."""
    if not concerns_person(M, law, person):
        return 0
    if M[law + L_LAW] == _SRE_THROTTLE:
        drawn = uniform(key(M[SEED], _HELD_BACK, M[person + P_WANT], number), M[law + L_NUMBER])
        row, one, two = law_row_of_person(M, law, person), M[law + L_ONE], M[law + L_TWO]
        return verdict_of(sre_throttle_decide(M, row, one, two, M[law + L_THREE], int(drawn * _BILLION), now_ns, 1))
    place = M[person + P_PLACE]
    segment, zone = (place >> P_ZONE_BITS) & P_SEGMENT_MASK, place & P_ZONE_MASK
    cost, kept_milli = 1, 0
    if M[law + L_PARTICULAR]:
        cost, kept_milli = cost_of(M, F, law, M[person + P_WANT], number), kept_of(M, law, segment)
    if M[law + L_LAW] == _HOT_KEY:
        return ask_hot(M, F, law, M[person + P_WANT], number, segment, zone, store, now_ns, cost)
    if M[law + L_LAW] == _FULFILMENT_CREDIT:
        return verdict_of(ask_at_store(M, F, law, M[person + P_WANT], store, zone, now_ns))
    return ask(M, law, segment, store if M[law + L_KEY] == BY_STORE else zone, person, 0, now_ns, cost, kept_milli)


@kernel
def ask_hot(
    M: Words,
    F: Numbers,
    law: int,
    want: int,
    number: int,
    segment: int,
    zone: int,
    store: int,
    now_ns: int,
    cost: int,
) -> int:
    """Ask a law of hot keys; where no store is asked yet, it is the one that the attempt would pick first."""
    if M[law + L_OFF]:
        return 0
    by = M[law + L_FIVE]
    value = want if by == BY_PERSON else segment if by == BY_SEGMENT else zone
    if by == BY_STORE and store != NO_STORE:
        value = store
    elif by == BY_STORE:
        drawn = uniform(key(M[SEED], _STORE, want, number), 0)
        value = zone * M[STORES_PER_ZONE] + chosen_by(M, F, POPULARITY_EDGES, 0, M[STORES_PER_ZONE], drawn)
    row = law_row(M, law, segment, zone, 0)
    slots, exceptions, count = M[law + L_FOUR], M[law + L_SIX], M[law + L_SEVEN]
    one, two, three = M[law + L_ONE], M[law + L_TWO], M[law + L_THREE]
    return verdict_of(hot_key_decide(M, row, slots, one, two, three, M, exceptions, count, value, now_ns, cost))


@kernel
def allows_retry(M: Words, person: int, now_ns: int) -> bool:
    """Ask each retry budget; False where one has none left."""
    for at in range(M[BUDGETS], M[BUDGETS] + M[BUDGET_COUNT]):
        law = M[at]
        if not concerns_person(M, law, person):
            continue
        row = law_row_of_person(M, law, person)
        kind, one = M[law + L_LAW], M[law + L_ONE]
        if kind == _RETRY_RATIO:
            answer = retry_ratio_decide(M, row, one, M[law + L_TWO], M[law + L_THREE], now_ns, 1)
        elif kind == _RETRY_THROTTLE:
            answer = retry_throttle_decide(M, row, one, now_ns, 1)
        else:
            answer = retry_budget_decide(M, row, one, now_ns, 1)
        if answer != 0:
            return False
    return True


@kernel
def earns(M: Words, person: int, what: int, now_ns: int) -> None:
    """Earn for a first try, or for an order."""
    for at in range(M[BUDGETS], M[BUDGETS] + M[BUDGET_COUNT]):
        law = M[at]
        if M[law + L_EARN_ON] == what and concerns_person(M, law, person):
            row = law_row_of_person(M, law, person)
            if M[law + L_LAW] == _RETRY_RATIO:
                retry_ratio_earn(M, row, M[law + L_ONE], M[law + L_TWO], M[law + L_EARN], now_ns)
            else:
                retry_budget_earn(M, row, M[law + L_EARN])


@kernel
def outcome_of(answer: int) -> int:
    """Return what an answer says of the far side: sold out, or without a store, it did what it could."""
    if answer == OUTRUN:
        return IGNORED
    return SUCCESS if answer in (PLACED, SOLD_OUT, STORE) else FAILURE


@kernel
def client_hears(M: Words, person: int, answer: int, now_ns: int, rtt_ns: int) -> None:
    """Somebody has an answer, or waits for it no more: tell the laws at the client that listen."""
    for at in range(M[HEARING_LAWS], M[HEARING_LAWS] + M[HEARING_LAW_COUNT]):
        hears(M, M[at], person, now_ns, rtt_ns, outcome_of(answer))


@kernel
def hears(M: Words, law: int, person: int, now_ns: int, rtt_ns: int, outcome: int) -> None:
    """Tell one law at the client what became of a try, if it listens."""
    if not concerns_person(M, law, person):
        return
    kind = M[law + L_LAW]
    if kind == _SRE_THROTTLE:
        row = law_row_of_person(M, law, person)
        sre_throttle_observe(M, row, M[law + L_ONE], M[law + L_TWO], now_ns, rtt_ns, 0, outcome)
    elif kind == _RETRY_THROTTLE:
        row = law_row_of_person(M, law, person)
        retry_throttle_observe(M, row, M[law + L_ONE], M[law + L_EARN], now_ns, rtt_ns, 0, outcome)
    elif kind == _CIRCUIT_BREAKER:
        breaker_observes(M, law, law_row_of_person(M, law, person), now_ns, rtt_ns, outcome)


@kernel
def breaker_observes(M: Words, law: int, row: int, now_ns: int, rtt_ns: int, outcome: int) -> None:
    """Tell a circuit breaker how a call ended."""
    calls, least, probes, half_open_ns = M[law + L_ONE], M[law + L_TWO], M[law + L_SEVEN], M[law + L_EIGHT]
    failed, slow, slow_ns = M[law + L_THREE], M[law + L_FOUR], M[law + L_FIVE]
    circuit_breaker_observe(
        M, row, calls, least, failed, slow, slow_ns, probes, half_open_ns, now_ns, rtt_ns, 0, outcome
    )
