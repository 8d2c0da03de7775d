"""Laws of stores and zones, and what an order holds of them until it is ready, or over (docs/model.md, Laws)."""

from __future__ import annotations

from limits import fixed_concurrency, outcomes
from limits.laws import Law
from simulator.compiled.chains import ask_about, concerns_person, cost_of, is_told, law_row
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    BY_STORE,
    CALL_BEGAN_NS,
    CALL_INFLIGHT,
    CALL_LAW,
    CALL_NEXT,
    CALL_NUMBER,
    CALL_ROW,
    CALL_WANT,
    CANCELLED,
    HOLDS,
    L_KEY,
    L_LAW,
    L_SLOTS,
    O_HELD_AT_STORE,
    O_HELD_AT_ZONE,
    O_STATE,
    P_PLACE,
    P_SEGMENT_MASK,
    P_WANT,
    P_ZONE_BITS,
    P_ZONE_MASK,
    STORE_HOLDS,
    ZONE_HOLDS,
)
from simulator.compiled.learning import learns
from simulator.compiled.memory import Numbers, Words, give_cell, take_cell

_FIXED_CONCURRENCY = int(Law.FIXED_CONCURRENCY)
fixed_concurrency_release = fixed_concurrency.release
_SUCCESS, _FAILURE, _IGNORED = outcomes.SUCCESS, outcomes.FAILURE, outcomes.IGNORED


@kernel
def ask_chain(M: Words, F: Numbers, chain: int, person: int, number: int, store: int, now_ns: int) -> int:
    """Ask the laws of stores, or of zones, about an order that an attempt is about to become."""
    for at in range(M[chain], M[chain] + M[chain + 1]):
        law = M[at]
        verdict = ask_about(M, F, law, person, number, store, now_ns)
        if verdict < 0:
            lets_go(M, chain + 2, now_ns, _IGNORED)
            return verdict
        if is_told(M[law + L_LAW]) and concerns_person(M, law, person):
            takes_hold(M, F, chain + 2, law, person, number, store, now_ns)
    return 0


@kernel
def takes_hold(M: Words, F: Numbers, held: int, law: int, person: int, number: int, store: int, now_ns: int) -> None:
    """Note in a list that a law has let an attempt through, and how many were inside then, or its slots."""
    place = M[person + P_PLACE]
    segment, zone = (place >> P_ZONE_BITS) & P_SEGMENT_MASK, place & P_ZONE_MASK
    row = law_row(M, law, segment, store if M[law + L_KEY] == BY_STORE else zone, 0)
    call = take_cell(M)
    M[call + CALL_NEXT] = M[held]
    M[call + CALL_LAW] = law
    M[call + CALL_BEGAN_NS] = now_ns
    M[call + CALL_ROW] = row
    M[call + CALL_WANT] = M[person + P_WANT]
    M[call + CALL_NUMBER] = number
    if M[law + L_SLOTS]:
        M[call + CALL_INFLIGHT] = M[row + M[law + L_SLOTS]]
    else:
        M[call + CALL_INFLIGHT] = cost_of(M, F, law, M[person + P_WANT], number)
    M[held] = call


@kernel
def lets_go(M: Words, held: int, now_ns: int, outcome: int) -> None:
    """Give back what is held of the laws in a list, and tell those that listen how it ended."""
    while M[held]:
        call = M[held]
        M[held] = M[call + CALL_NEXT]
        law, row = M[call + CALL_LAW], M[call + CALL_ROW]
        rtt_ns, inflight = now_ns - M[call + CALL_BEGAN_NS], M[call + CALL_INFLIGHT]
        if M[law + L_LAW] == _FIXED_CONCURRENCY:
            fixed_concurrency_release(M, row, inflight)
        else:
            learns(M, law, row, M[call + CALL_WANT], M[call + CALL_NUMBER], now_ns, rtt_ns, inflight, outcome)
        give_cell(M, call)


@kernel
def gives_up_store(M: Words, now_ns: int) -> None:
    """What a store has let through becomes no order: the zone refuses it."""
    lets_go(M, STORE_HOLDS, now_ns, _IGNORED)


@kernel
def keeps(M: Words, order: int) -> None:
    """What the laws of a store and of its zone have let through is an order, which holds on."""
    if M[STORE_HOLDS] or M[ZONE_HOLDS]:
        M[order + O_STATE] |= HOLDS
        M[order + O_HELD_AT_STORE] = M[STORE_HOLDS]
        M[order + O_HELD_AT_ZONE] = M[ZONE_HOLDS]
        M[STORE_HOLDS] = 0
        M[ZONE_HOLDS] = 0


@kernel
def leaves_store(M: Words, order: int, now_ns: int) -> None:
    """The kitchen hands an order over."""
    if M[order + O_STATE] & HOLDS:
        lets_go(M, order + O_HELD_AT_STORE, now_ns, _SUCCESS)


@kernel
def leaves_zone(M: Words, order: int, now_ns: int) -> None:
    """An order has reached its person, or is cancelled, be it in the kitchen."""
    if M[order + O_STATE] & HOLDS:
        outcome = _FAILURE if M[order + O_STATE] & CANCELLED else _SUCCESS
        lets_go(M, order + O_HELD_AT_STORE, now_ns, outcome)
        lets_go(M, order + O_HELD_AT_ZONE, now_ns, outcome)
