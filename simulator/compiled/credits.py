"""Fulfilment credits: orders are let in where stores and couriers can deliver (docs/model.md, Fulfilment credits)."""

from __future__ import annotations

from limits import fulfilment_credit, row, verdicts
from scenarios import draws, people
from scenarios.draws import Stream
from simulator.compiled.calendar import SLOT, ref_of, schedule
from simulator.compiled.habits import NEVER_NS, chosen_by, drawn_ns
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_CREDIT,
    A_CUPS,
    A_NUMBER,
    A_OFFERS,
    A_SEQ,
    A_START_NS,
    A_STATE,
    A_WANT,
    C_ARRIVED,
    C_NEWS_NS,
    COURIER_KIND,
    CREDIT_LAW,
    CREDIT_WIDTH,
    CUPS_TABLE,
    HAS_SLOT,
    L_FIVE,
    L_FOUR,
    L_ONE,
    L_SEVEN,
    L_SIX,
    L_STATE,
    L_THREE,
    L_TWO,
    POPULARITY_EDGES,
    SEED,
    SLOT_PROBABILITY,
    SLOT_TIME,
    SLOT_UP_TO_NS,
    STORES_PER_ZONE,
)
from simulator.compiled.memory import Numbers, Words
from simulator.compiled.rows import zone_of
from simulator.compiled.stores import store_news, zone_news

LARGEST, SHED = row.LARGEST, verdicts.SHED
credit_tell, credit_wait, credit_charge = fulfilment_credit.tell, fulfilment_credit.wait, fulfilment_credit.charge
credit_never_fits, credit_gone = fulfilment_credit.never_fits, fulfilment_credit.gone
cups_of, nearby_store_of, takes_slot = people.cups_of, people.nearby_store_of, people.takes_slot
uniform, key = draws.uniform, draws.key
_STORE, _LATER_SLOT = int(Stream.STORE), int(Stream.LATER_SLOT)
_OFFER_BIT = 32


@kernel
def store_row(M: Words, law: int, store: int) -> int:
    """Return where the state of a store begins."""
    return M[law + L_STATE] + store * CREDIT_WIDTH


@kernel
def zone_row(M: Words, law: int, zone: int) -> int:
    """Return where the state of a zone's couriers begins."""
    return M[law + L_SEVEN] + zone * CREDIT_WIDTH


@kernel
def wait_of(M: Words, law: int, place: int, horizon_ns: int, now_ns: int, cost: int) -> int:
    """Return how long until a place that has been told of has credit; LARGEST where nobody can say."""
    if credit_never_fits(M, place, horizon_ns, cost):
        return LARGEST
    return credit_wait(M, place, horizon_ns, M[law + L_THREE], now_ns, cost)


@kernel
def store_wait(M: Words, F: Numbers, law: int, store: int, cups: int, now_ns: int) -> int:
    """Return how long until a store has credit for an order."""
    place = store_row(M, law, store)
    if now_ns >= M[place + C_NEWS_NS]:
        ns_per_cup, queued = store_news(M, F, store, now_ns)
        is_told(M, law, place, ns_per_cup, queued, now_ns)
    return wait_of(M, law, place, M[law + L_ONE], now_ns, cups)


@kernel
def zone_wait(M: Words, F: Numbers, law: int, zone: int, now_ns: int) -> int:
    """Return how long until the couriers of a zone have credit for an order; none are never in the way."""
    if M[COURIER_KIND] == 0:
        return 0
    place = zone_row(M, law, zone)
    if now_ns >= M[place + C_NEWS_NS]:
        ns_per_order, queued = zone_news(M, F, zone, now_ns)
        is_told(M, law, place, ns_per_order, queued, now_ns)
    return wait_of(M, law, place, M[law + L_TWO], now_ns, 1)


@kernel
def is_told(M: Words, law: int, place: int, interval_ns: int, queued: int, now_ns: int) -> None:
    """Tell a law what a place says of itself."""
    credit_tell(M, place, interval_ns, M[place + C_ARRIVED], queued, now_ns, now_ns)
    M[place + C_NEWS_NS] = now_ns + M[law + L_THREE]


@kernel
def is_charged(M: Words, law: int, store: int, zone: int, cups: int, now_ns: int) -> None:
    """An order is on its way to a store, and to the couriers of its zone."""
    credit_charge(M, store_row(M, law, store), M[law + L_THREE], now_ns, cups)
    credit_charge(M, zone_row(M, law, zone), M[law + L_THREE], now_ns, 1)


@kernel
def ask_at_gateway(M: Words, F: Numbers, law: int, attempt: int, now_ns: int) -> int:
    """Give an attempt the credit of the first store that has some; else return when there will be, or SHED."""
    want, number, zone = M[attempt + A_WANT], M[attempt + A_NUMBER], zone_of(M, attempt)
    cups = cups_of(F, M[CUPS_TABLE], M[SEED], want)
    zone_ns, shortest_ns = zone_wait(M, F, law, zone, now_ns), LARGEST
    picks, stores = M[law + L_FOUR], M[STORES_PER_ZONE]
    for k in range(picks + M[law + L_FIVE]):
        if k < picks:
            place = chosen_by(M, F, POPULARITY_EDGES, 0, stores, uniform(key(M[SEED], _STORE, want, number), k))
        else:
            place = nearby_store_of(stores, M[SEED], want, number, k - picks)
        store = zone * stores + place
        store_ns = store_wait(M, F, law, store, cups, now_ns)
        if store_ns == 0 and zone_ns == 0:
            is_charged(M, law, store, zone, cups, now_ns)
            M[attempt + A_CREDIT] = store + 1
            M[attempt + A_CUPS] = cups
            M[attempt + A_OFFERS] = 0
            return 0
        shortest_ns = min(shortest_ns, store_ns)
    wait_ns = max(shortest_ns, zone_ns)
    return wait_ns if wait_ns <= M[law + L_SIX] else SHED


@kernel
def ask_at_store(M: Words, F: Numbers, law: int, want: int, store: int, zone: int, now_ns: int) -> int:
    """Say whether a store and the couriers of its zone have credit for an order."""
    cups = cups_of(F, M[CUPS_TABLE], M[SEED], want)
    has_credit = store_wait(M, F, law, store, cups, now_ns) == 0 and zone_wait(M, F, law, zone, now_ns) == 0
    return 0 if has_credit else SHED


@kernel
def places_at_store(M: Words, F: Numbers, law: int, want: int, store: int, zone: int, now_ns: int) -> None:
    """Charge an order that is placed, and has arrived."""
    cups = cups_of(F, M[CUPS_TABLE], M[SEED], want)
    is_charged(M, law, store, zone, cups, now_ns)
    M[store_row(M, law, store) + C_ARRIVED] += cups
    M[zone_row(M, law, zone) + C_ARRIVED] += 1


@kernel
def places_credited(M: Words, attempt: int, store: int) -> None:
    """What had a credit is placed: at the store that gave it, or at another one of the zone."""
    law = M[CREDIT_LAW]
    if M[attempt + A_CREDIT] == store + 1:
        M[store_row(M, law, store) + C_ARRIVED] += M[attempt + A_CUPS]
    elif M[attempt + A_CREDIT]:
        credit_gone(M, store_row(M, law, M[attempt + A_CREDIT] - 1), M[attempt + A_CUPS])
    if M[attempt + A_CREDIT]:
        M[zone_row(M, law, zone_of(M, attempt)) + C_ARRIVED] += 1
    M[attempt + A_CREDIT] = 0


@kernel
def gives_credit_back(M: Words, law: int, attempt: int) -> None:
    """What had a credit, if it still has it, will never arrive."""
    if M[attempt + A_CREDIT]:
        credit_gone(M, store_row(M, law, M[attempt + A_CREDIT] - 1), M[attempt + A_CUPS])
        credit_gone(M, zone_row(M, law, zone_of(M, attempt)), 1)
        M[attempt + A_CREDIT] = 0


@kernel
def takes_later_slot(M: Words, F: Numbers, attempt: int, now_ns: int) -> bool:
    """Whether an attempt with a credit, which no store takes now, waits for a later slot; then it commits again."""
    if M[SLOT_UP_TO_NS] < 0:
        return False
    want, number = M[attempt + A_WANT], M[attempt + A_NUMBER]
    offer = M[attempt + A_OFFERS]
    M[attempt + A_OFFERS] += 1
    slot_ns = min(now_ns + drawn_ns(M, F, SLOT_TIME, _LATER_SLOT, want, number + (offer << _OFFER_BIT)), NEVER_NS)
    if slot_ns - M[attempt + A_START_NS] > M[SLOT_UP_TO_NS]:
        return False
    if not takes_slot(F[SLOT_PROBABILITY], M[SEED], want, number, offer):
        return False
    M[attempt + A_STATE] |= HAS_SLOT
    M[attempt + A_SEQ] = 0
    schedule(M, slot_ns, ref_of(SLOT, attempt, 0))
    return True
