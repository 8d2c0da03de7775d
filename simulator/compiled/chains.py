"""Chains of laws: who gets in (docs/model.md, The gateway; the laws themselves are in limits)."""

from __future__ import annotations

from limits import (
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    pacing,
    retry_after,
    retry_budget,
    sliding_window,
    sliding_window_log,
    token_bucket,
    verdicts,
    warm_up,
)
from limits.laws import Law
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_SIDE,
    A_TIMEOUT_NS,
    AS_HELD,
    AS_LAWS,
    AS_SEGMENT,
    AS_ZONE,
    BUDGET_COUNT,
    BUDGETS,
    BY_ALL,
    BY_PERSON,
    BY_SEGMENT,
    CLIENT_LAW_COUNT,
    CLIENT_LAWS,
    EXPIRED,
    G_LAW_COUNT,
    G_LAWS,
    G_SLOTS_LAWS,
    L_EARN,
    L_EARN_ON_SUCCESS,
    L_FOUR,
    L_KEY,
    L_LAW,
    L_OFF,
    L_ONE,
    L_ROW_WIDTH,
    L_SLOT,
    L_STATE,
    L_THREE,
    L_TWO,
    P_PLACE,
    P_SEGMENT_MASK,
    P_SIDE,
    P_ZONE_BITS,
    P_ZONE_MASK,
    PS_LAWS,
    SHED,
    THROTTLED,
)
from simulator.compiled.memory import Words

# A verdict in one number: 0 or more admits, after so many ns (pacing); less refuses, with a code and Retry-After.
_CODE_BITS = 3
_TOKEN_BUCKET = int(Law.TOKEN_BUCKET)
_GCRA = int(Law.GCRA)
_FIXED_WINDOW = int(Law.FIXED_WINDOW)
_SLIDING_WINDOW = int(Law.SLIDING_WINDOW)
_SLIDING_WINDOW_LOG = int(Law.SLIDING_WINDOW_LOG)
_WARM_UP = int(Law.WARM_UP)
_FIXED_CONCURRENCY = int(Law.FIXED_CONCURRENCY)
_DEADLINE = int(Law.DEADLINE)

token_bucket_decide = token_bucket.decide
gcra_decide = gcra.decide
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
seconds = retry_after.seconds
_SHED, _EXPIRED = verdicts.SHED, verdicts.EXPIRED


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
def law_row(M: Words, law: int, segment: int, zone: int, laws: int) -> int:
    """Return where the state of a law begins for somebody, and mark the row as begun."""
    by = M[law + L_KEY]
    row = M[law + L_STATE]
    if by == BY_PERSON:
        row += laws
    elif by == BY_SEGMENT:
        row += segment * M[law + L_ROW_WIDTH]
    elif by != BY_ALL:
        row += zone * M[law + L_ROW_WIDTH]
    M[row] = 1
    return row + 1


@kernel
def ask(M: Words, law: int, segment: int, zone: int, laws: int, timeout_ns: int, now_ns: int) -> int:
    """Ask one law."""
    kind = M[law + L_LAW]
    if kind == _DEADLINE:
        return verdict_of(deadline_decide(M, 0, M[law + L_ONE], timeout_ns, now_ns, 1))
    if M[law + L_OFF]:
        return 0
    row = law_row(M, law, segment, zone, laws)
    one = M[law + L_ONE]
    two = M[law + L_TWO]
    if kind == _TOKEN_BUCKET:
        return verdict_of(token_bucket_decide(M, row, one, two, M[law + L_THREE], now_ns, 1))
    if kind == _GCRA:
        return verdict_of(gcra_decide(M, row, one, two, now_ns, 1))
    if kind == _FIXED_WINDOW:
        return verdict_of(fixed_window_decide(M, row, one, two, now_ns, 1))
    if kind == _SLIDING_WINDOW:
        return verdict_of(sliding_window_decide(M, row, one, two, now_ns, 1))
    if kind == _WARM_UP:
        return verdict_of(warm_up_decide(M, row, one, two, M[law + L_THREE], M[law + L_FOUR], now_ns, 1))
    if kind == _SLIDING_WINDOW_LOG:
        return verdict_of(sliding_window_log_decide(M, row, M[law + L_THREE], one, two, now_ns, 1))
    if kind == _FIXED_CONCURRENCY:
        # at a limit of 0 the law says never; to the person it is overload too
        return 0 if fixed_concurrency_decide(M, row, one, now_ns, 1) == 0 else refusal(SHED, 0)
    wait_ns = pacing_decide(M, row, one, two, now_ns, 1)
    return wait_ns if wait_ns >= 0 else refusal(SHED, 0)


@kernel
def ask_for(M: Words, law: int, attempt: int, now_ns: int) -> int:
    """Ask one law of the gateway or a stage about an attempt, and note the slot it takes."""
    side = M[attempt + A_SIDE]
    if side == 0:
        return ask(M, law, 0, 0, 0, M[attempt + A_TIMEOUT_NS], now_ns)
    verdict = ask(M, law, M[side + AS_SEGMENT], M[side + AS_ZONE], M[side + AS_LAWS], M[attempt + A_TIMEOUT_NS], now_ns)
    if M[law + L_LAW] == _FIXED_CONCURRENCY and verdict == 0:
        slot = M[law + L_SLOT]
        M[side + AS_HELD + (slot >> 5)] |= 1 << (slot & 31)
    return verdict


@kernel
def give_slots_back(M: Words, stage: int, attempt: int) -> None:
    """Give back the slots of concurrency that an attempt holds at a stage, or at the gateway."""
    if not M[stage + G_SLOTS_LAWS]:
        return
    side = M[attempt + A_SIDE]
    for at in range(M[stage + G_LAWS], M[stage + G_LAWS] + M[stage + G_LAW_COUNT]):
        law = M[at]
        if M[law + L_LAW] == _FIXED_CONCURRENCY:
            slot = M[law + L_SLOT]
            word = side + AS_HELD + (slot >> 5)
            if M[word] & 1 << (slot & 31):
                M[word] &= ~(1 << (slot & 31))
                row = law_row(M, law, M[side + AS_SEGMENT], M[side + AS_ZONE], M[side + AS_LAWS])
                fixed_concurrency_release(M, row, 1)


@kernel
def ask_gateway(M: Words, gateway: int, attempt: int, now_ns: int) -> int:
    """Ask all laws of the gateway; the first refusal ends it."""
    for at in range(M[gateway + G_LAWS], M[gateway + G_LAWS] + M[gateway + G_LAW_COUNT]):
        verdict = ask_for(M, M[at], attempt, now_ns)
        if verdict < 0:
            give_slots_back(M, gateway, attempt)
            return verdict
    return 0


@kernel
def law_row_of_person(M: Words, law: int, person: int) -> int:
    """Return where the state of a law at the client begins for a person."""
    place = M[person + P_PLACE]
    laws = M[M[person + P_SIDE] + PS_LAWS] if M[law + L_KEY] == BY_PERSON else 0
    return law_row(M, law, (place >> P_ZONE_BITS) & P_SEGMENT_MASK, place & P_ZONE_MASK, laws)


@kernel
def ask_client(M: Words, person: int, now_ns: int) -> int:
    """Ask the laws at the client."""
    for at in range(M[CLIENT_LAWS], M[CLIENT_LAWS] + M[CLIENT_LAW_COUNT]):
        place = M[person + P_PLACE]
        law = M[at]
        laws = M[M[person + P_SIDE] + PS_LAWS] if M[law + L_KEY] == BY_PERSON else 0
        verdict = ask(M, law, (place >> P_ZONE_BITS) & P_SEGMENT_MASK, place & P_ZONE_MASK, laws, 0, now_ns)
        if verdict < 0:
            return verdict
    return 0


@kernel
def allows_retry(M: Words, person: int, now_ns: int) -> bool:
    """Take a token of each retry budget; False where one is empty."""
    for at in range(M[BUDGETS], M[BUDGETS] + M[BUDGET_COUNT]):
        row = law_row_of_person(M, M[at], person)
        if retry_budget_decide(M, row, M[M[at] + L_ONE], now_ns, 1) != 0:
            return False
    return True


@kernel
def earns(M: Words, person: int, on_success: int) -> None:
    """Earn for a first try, or for an order."""
    for at in range(M[BUDGETS], M[BUDGETS] + M[BUDGET_COUNT]):
        if M[M[at] + L_EARN_ON_SUCCESS] == on_success:
            retry_budget_earn(M, law_row_of_person(M, M[at], person), M[M[at] + L_EARN])
