"""Fulfilment credit: an order is let in while the store, and the couriers of its zone, can deliver what was promised.

    a place's work ahead = (queued + on the way + admitted since it was told) * interval - what it has done since
    admit iff for the store and for the zone alike: work ahead + cost * interval <= horizon

`interval` is the time a place takes for one order: of a store, making time / makers; of a zone, the courier's time for
one order (the trip / orders a trip) / couriers on shift. `horizon` is how long after admission it has: a store until
the order must be ready, a zone until it must be at the door. So credit = rate * horizon - queued - on the way, and
likewise in courier-minutes: the zone is a place like a store. The law is ours. It predicts: the loop (an order that is
let in too many shows up as a late one) is 10 to 40 minutes long, in which a law that waits for signs lets in all that
comes. In form it is `limits.gcra` with the horizon for a burst, whose debt is corrected by what the street says.

Before an order is refused: `best` finds, among stores nearby, who has the shortest wait; `decide` then admits, or says
in how many ns there will be credit - a later slot, which is promised wait + horizon from now - or, where that is more
than `longest_wait_ns`, SHED.

It has to be told, live, of each place: how long an order takes (0: closed), how many of these orders have arrived there
since ever, how many of anybody's are queued or being made, and of which instant that is. What was admitted and has not
arrived is on the way, whatever delays it; `gone` takes back what will never arrive (not paid, cancelled). How stale the
news may be: work is taken to go on at the pace last told, for `stale_ns` at most, then as standing still. So a place
that closes without a word is given at most (horizon + stale) / interval orders after that. Where the time for an order
goes from i to i' and that is told s later, the last one let in by then takes (horizon + s) * i' / i - s: at a horizon
of 30 minutes and half the pace 61 minutes if told after 1, 65 after 5, 90 after 30 (tested in
tests/limits/test_fulfilment_credit.py). What is inside already costs the horizon once more, whatever the news; late
news add their age. Give stale_ns two or three times the interval of the news.

Known failures: an order is taken to be like another: give large ones their cost. A place idles while its orders are on
the way, so the last may be late by the longest of these delays: take it from the horizon. Gateways that each keep their
own rows let in the horizon once each; one row for all, or a share of the pace each.

State of a place: [at] its interval, 0 closed or never told; [at + 1] of when the last news is; [at + 2] when it will be
done with all that it has; [at + 3] orders admitted, less those gone; [at + 4] orders arrived. A row of zeros is closed
until it is told of. Bounds: all up to limits.row.LARGEST; what would be later than that, is then.
"""

from __future__ import annotations

from limits.row import LARGEST, Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 5


def decide(
    state: Row,
    store: int,
    zone: int,
    store_horizon_ns: int,
    zone_horizon_ns: int,
    stale_ns: int,
    longest_wait_ns: int,
    now_ns: int,
    cost: int,
) -> int:
    """Admit an order at both places (0), or say after how many ns both will have credit, or SHED. Or NEVER.

    `store` and `zone` are where their rows start in `state`; both are charged, or neither. SHED: the wait would be over
    `longest_wait_ns`, a place is closed, or what is known of it is too old to say. NEVER: a negative cost, or one that
    takes longer than the horizon by itself. At an instant before the news all is as of the news.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if never_fits(state, store, store_horizon_ns, cost) or never_fits(state, zone, zone_horizon_ns, cost):
        return NEVER
    wait_ns = max(
        wait(state, store, store_horizon_ns, stale_ns, now_ns, cost),
        wait(state, zone, zone_horizon_ns, stale_ns, now_ns, cost),
    )
    if wait_ns > max(0, min(LARGEST - 1, longest_wait_ns)):
        return SHED
    if wait_ns == 0:
        charge(state, store, stale_ns, now_ns, cost)
        charge(state, zone, stale_ns, now_ns, cost)
    return wait_ns


def best(state: Row, places: Row, first: int, many: int, horizon_ns: int, stale_ns: int, now_ns: int, cost: int) -> int:
    """Return which of `many` stores, 0 for the first, has the shortest wait; of equals the first. -1 if all are shut.

    places[first], places[first + 1], ... say where the rows of the stores start, the one that is wanted most first.
    """
    found = -1
    shortest_ns = LARGEST
    for k in range(many):
        at = places[first + k]
        if not never_fits(state, at, horizon_ns, cost):
            wait_ns = wait(state, at, horizon_ns, stale_ns, now_ns, cost)
            if wait_ns < shortest_ns:
                found = k
                shortest_ns = wait_ns
    return found


def tell(state: Row, at: int, interval_ns: int, arrived: int, queued: int, told_ns: int, now_ns: int) -> None:
    """Say what a place knew of itself at an instant; news older than what is known are not looked at.

    What was on the way then is taken not to be begun before now: it may have been admitted since.
    """
    if told_ns < state[at + 1]:
        return
    state[at] = max(0, interval_ns)
    state[at + 1] = told_ns
    state[at + 4] = max(arrived, state[at + 4])
    on_the_way = max(0, state[at + 3] - state[at + 4])
    free_ns = told_ns + takes(state[at], max(0, queued))
    if on_the_way > 0:
        free_ns = max(free_ns, now_ns)
    state[at + 2] = free_ns + min(2 * LARGEST - free_ns, takes(state[at], on_the_way))


def gone(state: Row, at: int, cost: int) -> None:
    """Say that an order that was admitted will never arrive."""
    cost = max(0, min(state[at + 3] - state[at + 4], cost))
    state[at + 3] -= cost
    state[at + 2] -= min(state[at + 2], takes(state[at], cost))


def credit(state: Row, at: int, horizon_ns: int, stale_ns: int, now_ns: int) -> int:
    """Return how many more orders a place can be given now."""
    if state[at] == 0:
        return 0
    since_ns = known(state, at, stale_ns, now_ns)
    return max(0, horizon_ns - max(0, state[at + 2] - since_ns)) // state[at]


def wait(state: Row, at: int, horizon_ns: int, stale_ns: int, now_ns: int, cost: int) -> int:
    """Return after how many ns a place will have credit, LARGEST where nobody can say."""
    if state[at] == 0:
        return LARGEST
    since_ns = known(state, at, stale_ns, now_ns)
    behind_ns = max(0, state[at + 2] - since_ns)
    wait_ns = min(LARGEST, behind_ns - horizon_ns) + takes(state[at], cost)
    if wait_ns <= 0:
        return 0
    return min(LARGEST, wait_ns) if since_ns == max(now_ns, state[at + 1]) else LARGEST


def never_fits(state: Row, at: int, horizon_ns: int, cost: int) -> bool:
    """Return whether a place takes longer for such an order than it has; a closed one may open."""
    return takes(state[at], cost) > horizon_ns


def charge(state: Row, at: int, stale_ns: int, now_ns: int, cost: int) -> None:
    """Give a place an order."""
    free_ns = max(state[at + 2], known(state, at, stale_ns, now_ns))
    state[at + 2] = free_ns + min(2 * LARGEST - free_ns, takes(state[at], cost))
    state[at + 3] = min(LARGEST, state[at + 3] + cost)


def known(state: Row, at: int, stale_ns: int, now_ns: int) -> int:
    """Return up to when a place is taken to have worked: now, but at most stale_ns after the news."""
    told_ns = state[at + 1]
    return told_ns + max(0, min(stale_ns, now_ns - told_ns))


def takes(interval_ns: int, orders: int) -> int:
    """Return how long so many orders take, at most LARGEST."""
    if interval_ns > 0 and orders > LARGEST // interval_ns:
        return LARGEST
    return interval_ns * orders
