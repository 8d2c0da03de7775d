"""The street behind the stages: kitchens, couriers and orders in their hands (docs/model.md, Kitchens, Couriers)."""

from __future__ import annotations

from scenarios import draws, people
from scenarios.draws import Stream
from simulator.compiled.calendar import BACK, CANCEL, IS_OVER, IS_READY, MADE, ref_of, schedule
from simulator.compiled.chains import NO_STORE
from simulator.compiled.habits import NEVER_NS, chosen_by, drawn_ns, slowed
from simulator.compiled.holding import ask_chain, keeps, leaves_store, leaves_zone
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    BATCH_CUPS,
    CANCEL_AFTER_NS,
    CANCELLED,
    CANCELS_BY_TIMER,
    CARRIED_LATER,
    CARRY,
    CLOCK,
    COURIER_KIND,
    COURIERS_CARRIED,
    COURIERS_SLOWDOWN,
    COURIERS_TRIPS,
    CUPS_STEPS,
    CUPS_TABLE,
    DECIDED,
    DELIVERED,
    DELIVERY_TIME,
    DROPOFF_TIME,
    FINISHING_NS,
    HORIZON_NS,
    IN_PROGRESS,
    IN_USE,
    INVITES_AFTER,
    KITCHEN_KIND,
    KITCHENS_CUPS,
    KITCHENS_PAUSES,
    KITCHENS_REPICKS,
    KITCHENS_SLOWDOWN,
    KITCHENS_WASTED_CUPS,
    MAKE_TIME,
    O_BATCHES,
    O_CUPS,
    O_NEXT,
    O_PICKED_UP_NS,
    O_PLACED_NS,
    O_REFS_BIT,
    O_STATE,
    O_STORE,
    O_TO_FINISH,
    O_TO_START,
    O_TRACE,
    O_WANT,
    O_ZONE,
    ORDER_POOL,
    ORDERS_CANCELLED,
    ORDERS_DELIVERED,
    ORDERS_LATE,
    ORDERS_ON_TIME,
    OVER,
    P_PLACE,
    P_WANT,
    P_ZONE_MASK,
    PAUSED_STEPS,
    PICKUP_TIME,
    POPULARITY_EDGES,
    PROMISE_NS,
    READY,
    READY_TIME,
    REOPEN_SHARE,
    REPICK,
    REPICKS,
    SEED,
    SERVERS,
    ST_BACKLOG,
    ST_BUSY_UNTIL_NS,
    ST_FREE,
    ST_HEAD,
    ST_NS_PER_CUP,
    ST_PAUSE,
    ST_PAUSED,
    ST_REOPENS_NS,
    STORE_LAW_COUNT,
    STORE_LAWS,
    STORE_WIDTH,
    STORES,
    STORES_PER_ZONE,
    TRACED,
    TRAVEL_TIME,
    TRIP_TIME,
    WAITING_STEPS,
    Z_BUSY_UNTIL_NS,
    Z_FREE,
    Z_HEAD,
    Z_NS_PER_ORDER,
    Z_WAITING,
    ZONE_WIDTH,
    ZONES,
)
from simulator.compiled.memory import Numbers, Words, give_row, sample, take_row
from simulator.compiled.persons import invites
from simulator.compiled.series import bucket_of, step
from simulator.compiled.stores import accepts
from simulator.compiled.traces import CANCELLED as TRACE_CANCELLED
from simulator.compiled.traces import LATE, ON_TIME, TRACE_PICKED_UP, TRACE_READY, trace_order, trace_over

key, uniform = draws.key, draws.uniform
cups_of, picks_again = people.cups_of, people.picks_again
_STORE, _MAKE, _TRIP = int(Stream.STORE), int(Stream.MAKE), int(Stream.TRIP)
_PICKUP, _TRAVEL, _DROPOFF = int(Stream.PICKUP), int(Stream.TRAVEL), int(Stream.DROPOFF)
NONE_TAKES_IT = -2
_A_REF = 1 << O_REFS_BIT


@kernel
def pick_store(M: Words, F: Numbers, person: int, attempt: int, credited: int, now_ns: int) -> int:
    """Return a store that takes the order, a credited one asked first.

    NO_STORE where there are no kitchens, NONE_TAKES_IT where none will.
    """
    if M[KITCHEN_KIND] == 0:
        return NO_STORE
    want, zone = M[person + P_WANT], M[person + P_PLACE] & P_ZONE_MASK
    for pick in range(M[REPICKS] + 1):
        if pick:
            if not picks_again(F[REPICK], M[SEED], want, attempt, pick):
                break
            M[KITCHENS_REPICKS] += 1
        if pick == 0 and credited != NO_STORE:
            store = credited
        else:
            draw = uniform(key(M[SEED], _STORE, want, attempt), pick)
            store = zone * M[STORES_PER_ZONE] + chosen_by(M, F, POPULARITY_EDGES, 0, M[STORES_PER_ZONE], draw)
        if accepts(M, F, store, now_ns) and (
            M[STORE_LAW_COUNT] == 0 or ask_chain(M, F, STORE_LAWS, person, attempt, store, now_ns) == 0
        ):
            return store
    return NONE_TAKES_IT


@kernel
def begins(M: Words, F: Numbers, want: int, zone: int, store: int, trace_row: int, now_ns: int) -> None:
    """Start a placed order on its way, now."""
    order = take_row(M, ORDER_POOL)
    M[order + O_STATE] = IN_USE
    M[order + O_WANT] = want
    M[order + O_ZONE] = zone
    M[order + O_STORE] = store
    cups = cups_of(F, M[CUPS_TABLE], M[SEED], want) if store >= 0 else 0
    M[order + O_CUPS] = cups
    M[order + O_PLACED_NS] = now_ns
    M[order + O_PICKED_UP_NS] = -1
    M[order + O_TRACE] = trace_row
    keeps(M, order)
    M[IN_PROGRESS] += 1
    M[KITCHENS_CUPS] += cups
    step(M, CUPS_STEPS, now_ns, cups)
    if M[TRACED]:
        trace_order(M, trace_row, order)
    if M[CANCELS_BY_TIMER]:
        names(M, order, schedule(M, cancel_ns_of(M, order), ref_of(CANCEL, order, 0)))
    if M[KITCHEN_KIND] == CLOCK:
        makes_by_clock(M, F, order, now_ns)
    elif M[KITCHEN_KIND] == SERVERS:
        makes_at_counter(M, F, order, now_ns)
    elif M[COURIER_KIND] or M[INVITES_AFTER] == DELIVERED:
        will_be_ready(M, order, now_ns)
    else:
        is_delivered_at_once(M, F, order, now_ns)


@kernel
def is_delivered_at_once(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """Goods that need neither making nor a way, and bring nobody: what else is in this ns makes no difference."""
    names(M, order, True)
    if M[TRACED]:
        M[M[order + O_TRACE] + TRACE_READY] = now_ns
    is_ready(M, F, order, now_ns)


@kernel
def cancel_ns_of(M: Words, order: int) -> int:
    """Return the instant at which an order is cancelled that is not delivered by then."""
    return min(M[order + O_PLACED_NS] + M[CANCEL_AFTER_NS], NEVER_NS)


@kernel
def names(M: Words, order: int, scheduled: bool) -> None:
    """An event that was scheduled names the order, so that its row stays."""
    if scheduled:
        M[order + O_STATE] += _A_REF


@kernel
def let_go(M: Words, order: int) -> None:
    """An event or a queue names the order no more; the row of one that is over goes with the last of them."""
    M[order + O_STATE] -= _A_REF
    if M[order + O_STATE] >> O_REFS_BIT == 0 and M[order + O_STATE] & OVER:
        give_row(M, ORDER_POOL, order)


@kernel
def will_be_ready(M: Words, order: int, ready_ns: int) -> None:
    """It is known when an order is ready."""
    if M[TRACED]:
        M[M[order + O_TRACE] + TRACE_READY] = ready_ns
    names(M, order, schedule(M, ready_ns, ref_of(IS_READY, order, 0)))


@kernel
def will_be_over(M: Words, order: int, at_ns: int, cancelled: int) -> None:
    """It is known when and how an order ends."""
    M[order + O_STATE] |= DECIDED | (CANCELLED if cancelled else 0)
    names(M, order, schedule(M, at_ns, ref_of(IS_OVER, order, 0)))


@kernel
def makes_by_clock(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """The store's work clock goes on by the cups of the order."""
    store = M[STORES] + M[order + O_STORE] * M[STORE_WIDTH]
    ns_per_cup = max(1, slowed(M[store + ST_NS_PER_CUP], F[KITCHENS_SLOWDOWN]))
    busy_ns = max(M[store + ST_BUSY_UNTIL_NS], now_ns) + product(M[order + O_CUPS], ns_per_cup)
    busy_ns = min(busy_ns, NEVER_NS)
    M[store + ST_BUSY_UNTIL_NS] = busy_ns
    pause_if_behind(M, F, store, ns_per_cup, now_ns)
    ready_ns = min(busy_ns + M[FINISHING_NS], NEVER_NS)
    if ready_ns >= cancel_ns_of(M, order):
        if M[TRACED]:
            M[M[order + O_TRACE] + TRACE_READY] = ready_ns
        will_be_over(M, order, cancel_ns_of(M, order), 1)
    else:
        will_be_ready(M, order, ready_ns)


@kernel
def product(number: int, ns: int) -> int:
    """Return number * ns, at most what can be added to an instant."""
    return NEVER_NS - 1 if number > (NEVER_NS - 1) // ns else number * ns


@kernel
def pause_if_behind(M: Words, F: Numbers, store: int, ns_per_cup: int, now_ns: int) -> None:
    """A store with too much to make takes no orders until it has made enough."""
    pause = M[store + ST_PAUSE]
    busy_ns = M[store + ST_BUSY_UNTIL_NS]
    if pause < 0 or busy_ns - now_ns < product(pause, ns_per_cup):
        return
    reopens_ns = busy_ns - product(reopen_backlog(F, pause), ns_per_cup)
    M[store + ST_REOPENS_NS] = reopens_ns
    if reopens_ns > now_ns:
        M[KITCHENS_PAUSES] += 1
        step(M, PAUSED_STEPS, now_ns, 1)
        step(M, PAUSED_STEPS, reopens_ns, -1)


@kernel
def reopen_backlog(F: Numbers, pause: int) -> int:
    """Return the cups at which a store that has paused takes orders again."""
    return int(pause * F[REOPEN_SHARE])


@kernel
def makes_at_counter(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """The order waits for makers."""
    store = M[STORES] + M[order + O_STORE] * M[STORE_WIDTH]
    cups = M[order + O_CUPS]
    M[order + O_TO_START] = cups
    M[order + O_TO_FINISH] = cups
    M[order + O_BATCHES] = 0
    M[order + O_STATE] += _A_REF  # the kitchen's, until its last cup is made
    put(M, store + ST_HEAD, order)
    M[store + ST_BACKLOG] += cups
    pause = M[store + ST_PAUSE]
    if 0 <= pause <= M[store + ST_BACKLOG] and not M[store + ST_PAUSED]:
        M[store + ST_PAUSED] = 1
        M[KITCHENS_PAUSES] += 1
        step(M, PAUSED_STEPS, now_ns, 1)
    makers_start(M, F, store, now_ns)


@kernel
def put(M: Words, queue: int, order: int) -> None:
    """Put an order at the end of a queue, whose words are head and tail."""
    M[order + O_NEXT] = 0
    if M[queue] == 0:
        M[queue] = order
    else:
        M[M[queue + 1] + O_NEXT] = order
    M[queue + 1] = order


@kernel
def makers_start(M: Words, F: Numbers, store: int, now_ns: int) -> None:
    """Free makers take up to a batch of cups each."""
    while M[store + ST_FREE] and M[store + ST_HEAD]:
        order = M[store + ST_HEAD]
        M[order + O_TO_START] -= min(M[BATCH_CUPS], M[order + O_TO_START])
        M[order + O_BATCHES] += 1
        number = M[order + O_BATCHES]
        if M[order + O_TO_START] == 0:
            M[store + ST_HEAD] = M[order + O_NEXT]
        M[store + ST_FREE] -= 1
        done_ns = now_ns + slowed(drawn_ns(M, F, MAKE_TIME, _MAKE, M[order + O_WANT], number), F[KITCHENS_SLOWDOWN])
        schedule(M, done_ns, ref_of(MADE, order, number))


@kernel
def is_made(M: Words, F: Numbers, order: int, number: int, now_ns: int) -> None:
    """A maker is done with a batch of cups."""
    store = M[STORES] + M[order + O_STORE] * M[STORE_WIDTH]
    cups = min(M[BATCH_CUPS], M[order + O_CUPS] - (number - 1) * M[BATCH_CUPS])
    M[store + ST_FREE] += 1
    M[store + ST_BACKLOG] -= cups
    M[order + O_TO_FINISH] -= cups
    if M[store + ST_PAUSED] and M[store + ST_BACKLOG] <= reopen_backlog(F, M[store + ST_PAUSE]):
        M[store + ST_PAUSED] = 0
        step(M, PAUSED_STEPS, now_ns, -1)
    makers_start(M, F, store, now_ns)
    if M[order + O_TO_FINISH] == 0:
        will_be_ready(M, order, now_ns + M[FINISHING_NS])
        let_go(M, order)


@kernel
def is_ready(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """An order is ready for its courier."""
    if M[order + O_STATE] & DECIDED:
        let_go(M, order)
        return
    M[order + O_STATE] |= READY
    leaves_store(M, order, now_ns)
    sample(M, READY_TIME, now_ns - M[order + O_PLACED_NS])
    step(M, CUPS_STEPS, now_ns, -M[order + O_CUPS])
    if M[COURIER_KIND] == CLOCK:
        carried_by_clock(M, F, order, now_ns)
    elif M[COURIER_KIND] == SERVERS:
        M[order + O_STATE] += _A_REF  # the queue's, until it is picked up or found cancelled
        step(M, WAITING_STEPS, now_ns, 1)
        zone = M[ZONES] + M[order + O_ZONE] * ZONE_WIDTH
        M[zone + Z_WAITING] += 1
        put(M, zone + Z_HEAD, order)
        couriers_leave(M, F, M[order + O_ZONE], now_ns)
    else:
        M[order + O_STATE] |= DECIDED
        is_over(M, F, order, now_ns)
    let_go(M, order)


@kernel
def carried_by_clock(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """The zone's work clock goes on by one order."""
    zone = M[ZONES] + M[order + O_ZONE] * ZONE_WIDTH
    ns_per_order = max(1, slowed(M[zone + Z_NS_PER_ORDER], F[COURIERS_SLOWDOWN]))
    picked_up_ns = max(M[zone + Z_BUSY_UNTIL_NS], now_ns) + ns_per_order
    cancel_ns = cancel_ns_of(M, order)
    step(M, WAITING_STEPS, now_ns, 1)
    step(M, WAITING_STEPS, min(picked_up_ns, cancel_ns), -1)
    if picked_up_ns >= cancel_ns:
        will_be_over(M, order, cancel_ns, 1)
        return
    M[zone + Z_BUSY_UNTIL_NS] = picked_up_ns
    M[order + O_PICKED_UP_NS] = picked_up_ns
    if M[TRACED]:
        M[M[order + O_TRACE] + TRACE_PICKED_UP] = picked_up_ns
    if picked_up_ns < M[HORIZON_NS]:
        M[M[CARRIED_LATER] + bucket_of(M, picked_up_ns)] += 1
    trip_ns = drawn_ns(M, F, TRIP_TIME, _TRIP, M[order + O_WANT], 0)
    if picked_up_ns + trip_ns <= cancel_ns:
        will_be_over(M, order, picked_up_ns + trip_ns, 0)
    else:
        will_be_over(M, order, cancel_ns, 1)


@kernel
def couriers_leave(M: Words, F: Numbers, zone: int, now_ns: int) -> None:
    """Free couriers of a zone take up ready orders and leave."""
    row = M[ZONES] + zone * ZONE_WIDTH
    while M[row + Z_FREE]:
        first = takes_load(M, F, row, now_ns)
        if first == 0:
            return
        M[row + Z_FREE] -= 1
        M[COURIERS_TRIPS] += 1


@kernel
def takes_load(M: Words, F: Numbers, row: int, now_ns: int) -> int:
    """Load up to so many ready orders, oldest first, and drive; return the first of them, 0 where there is none."""
    first = 0
    loaded = 0
    at_ns = now_ns
    while M[row + Z_HEAD] and loaded < M[CARRY]:
        order = M[row + Z_HEAD]
        M[row + Z_HEAD] = M[order + O_NEXT]
        if not M[order + O_STATE] & DECIDED:  # else it was cancelled while it waited
            if first == 0:
                first = order
                at_ns = later(at_ns, drive_ns(M, F, PICKUP_TIME, _PICKUP, order))
            loaded += 1
            M[row + Z_WAITING] -= 1
            step(M, WAITING_STEPS, now_ns, -1)
            M[COURIERS_CARRIED] += 1
            M[order + O_PICKED_UP_NS] = now_ns
            if M[TRACED]:
                M[M[order + O_TRACE] + TRACE_PICKED_UP] = now_ns
            at_ns = later(at_ns, drive_ns(M, F, TRAVEL_TIME, _TRAVEL, order))
            at_ns = later(at_ns, drive_ns(M, F, DROPOFF_TIME, _DROPOFF, order))
            if at_ns <= cancel_ns_of(M, order):
                will_be_over(M, order, at_ns, 0)
        if order != first:
            let_go(M, order)
    if first and not schedule(M, at_ns, ref_of(BACK, first, 0)):
        let_go(M, first)
    return first


@kernel
def later(at_ns: int, ns: int) -> int:
    """Return an instant so many ns later, at most NEVER_NS."""
    return min(at_ns + ns, NEVER_NS)


@kernel
def drive_ns(M: Words, F: Numbers, time: int, stream: int, order: int) -> int:
    """Return a drawn time of couriers."""
    return slowed(drawn_ns(M, F, time, stream, M[order + O_WANT], 0), F[COURIERS_SLOWDOWN])


@kernel
def is_back(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """A courier is back; `order` was the first of the trip."""
    zone = M[order + O_ZONE]
    M[M[ZONES] + zone * ZONE_WIDTH + Z_FREE] += 1
    couriers_leave(M, F, zone, now_ns)
    let_go(M, order)


@kernel
def cancels(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """It is too late for an order, unless it is known how it ends."""
    if not M[order + O_STATE] & DECIDED:
        M[order + O_STATE] |= DECIDED | CANCELLED
        is_over(M, F, order, now_ns)
        if M[order + O_STATE] & READY and M[order + O_PICKED_UP_NS] < 0:
            M[M[ZONES] + M[order + O_ZONE] * ZONE_WIDTH + Z_WAITING] -= 1
            step(M, WAITING_STEPS, now_ns, -1)
    let_go(M, order)


@kernel
def is_over(M: Words, F: Numbers, order: int, now_ns: int) -> None:
    """An order has reached its person, or is cancelled, now."""
    state = M[order + O_STATE]
    M[order + O_STATE] = state | OVER
    leaves_zone(M, order, now_ns)
    M[IN_PROGRESS] -= 1
    if state & CANCELLED:
        M[ORDERS_CANCELLED] += 1
        M[KITCHENS_WASTED_CUPS] += M[order + O_CUPS]
        if not state & READY:
            step(M, CUPS_STEPS, now_ns, -M[order + O_CUPS])
        if M[TRACED]:
            trace_over(M, M[order + O_TRACE], -1, TRACE_CANCELLED)
        return
    took_ns = now_ns - M[order + O_PLACED_NS]
    sample(M, DELIVERY_TIME, took_ns)
    M[ORDERS_DELIVERED] += 1
    on_time = took_ns <= M[PROMISE_NS]
    M[ORDERS_ON_TIME if on_time else ORDERS_LATE] += 1
    if M[TRACED]:
        trace_over(M, M[order + O_TRACE], now_ns, ON_TIME if on_time else LATE)
    invites(M, F, M[order + O_WANT], DELIVERED, now_ns)
