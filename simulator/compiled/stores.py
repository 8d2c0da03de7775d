"""What a store, and the couriers of a zone, say of themselves (docs/model.md, Kitchens, Fulfilment credits)."""

from __future__ import annotations

from scenarios import people
from simulator.compiled.habits import slowed
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    BATCH_CUPS,
    CARRY,
    CLOCK,
    CLOSED_DRAWS,
    COURIER_KIND,
    COURIERS_SLOWDOWN,
    KITCHEN_KIND,
    KITCHENS_CLOSED,
    KITCHENS_SLOWDOWN,
    MAKE_MEAN_NS,
    ST_BACKLOG,
    ST_BUSY_UNTIL_NS,
    ST_MAKERS,
    ST_NS_PER_CUP,
    ST_PAUSED,
    ST_REOPENS_NS,
    STORE_WIDTH,
    STORES,
    TRIP_MEAN_NS,
    Z_BUSY_UNTIL_NS,
    Z_COURIERS,
    Z_NS_PER_ORDER,
    Z_WAITING,
    ZONE_WIDTH,
    ZONES,
)
from simulator.compiled.memory import Numbers, Words

pace_ns = people.pace_ns


@kernel
def accepts(M: Words, F: Numbers, store: int, now_ns: int) -> bool:
    """Whether a store takes orders now."""
    row = M[STORES] + store * M[STORE_WIDTH]
    if M[KITCHEN_KIND] == CLOCK:
        if now_ns < M[row + ST_REOPENS_NS]:
            return False
    elif M[row + ST_PAUSED]:
        return False
    closed: float = F[KITCHENS_CLOSED]
    if closed <= 0.0:
        return True
    draw: float = F[M[CLOSED_DRAWS] + store]
    return draw >= closed


@kernel
def store_news(M: Words, F: Numbers, store: int, now_ns: int) -> tuple[int, int]:
    """Return how long a cup takes a store, 0 if it takes no orders, and the cups that wait there."""
    row = M[STORES] + store * M[STORE_WIDTH]
    if M[KITCHEN_KIND] == CLOCK:
        ns_per_cup = max(1, slowed(M[row + ST_NS_PER_CUP], F[KITCHENS_SLOWDOWN]))
        queued = behind(M[row + ST_BUSY_UNTIL_NS], ns_per_cup, now_ns)
    else:
        ns_per_cup = pace_ns(F[MAKE_MEAN_NS], F[KITCHENS_SLOWDOWN], M[row + ST_MAKERS] * M[BATCH_CUPS])
        queued = M[row + ST_BACKLOG]
    return ns_per_cup if accepts(M, F, store, now_ns) else 0, queued


@kernel
def zone_news(M: Words, F: Numbers, zone: int, now_ns: int) -> tuple[int, int]:
    """Return how long an order takes the couriers of a zone, and how many wait for them."""
    row = M[ZONES] + zone * ZONE_WIDTH
    if M[COURIER_KIND] == CLOCK:
        ns_per_order = max(1, slowed(M[row + Z_NS_PER_ORDER], F[COURIERS_SLOWDOWN]))
        return ns_per_order, behind(M[row + Z_BUSY_UNTIL_NS], ns_per_order, now_ns)
    return pace_ns(F[TRIP_MEAN_NS], F[COURIERS_SLOWDOWN], M[row + Z_COURIERS] * M[CARRY]), M[row + Z_WAITING]


@kernel
def behind(busy_until_ns: int, ns_each: int, now_ns: int) -> int:
    """Return how many a work clock has ahead of it, the one begun too."""
    return (max(0, busy_until_ns - now_ns) + ns_each - 1) // ns_each
