"""Top-down: a rate for each API at the door, moved by whether calls get through in time, those first that free most.

    each second or two: the APIs that are limited, or cross a service that is overloaded, are in question
        latency > target: amount = down * their rates, of those that come first by (shared by, matters): taken from
            them evenly, each down to `least`, what is left of it from those that come next, and so on
        else: amount = up * their rates, of those that come last: given to them evenly, each up to 1.1 * what it was
            asked for, what is left of it to those that come before; once each has what it is asked for, none is limited
    an API that is not limited yet begins with what it was asked for in the last tick

`shared by`: how many APIs the overloaded service on its path has that has the fewest, 100 where there is none. Who is
alone on an overloaded service is cut first, since cutting it helps nobody else's; of equals who matters least. Source:
TopFull (Park et al., SIGCOMM 2024), its published multiplicative variant (deploy_mimd.py, overload_detection.py): 1 s,
95th percentile over 1 s -5%, else +1%, at least 10 a second. Its main form learns the share of a step (reinforcement
learning), which is no law. There several clusters are moved at once, one for each overloaded service; give each a row.
There what a group cannot bear is spread within it again before others are asked.

Known failures: it sees only whole paths, once a second: 5% a second takes 14 s to halve. A rate that follows what was
asked for stands still for an API whose crowd comes back later. Rates of one row add nothing up: it needs the latency.

State: [at] 1 + when the tick began; then for each API: its rate in thousandths a second, 0 for none; shared by, 0 for
100; how much it matters; asked for in this tick; a row of gcra. Bounds: instants and parameters up to
limits.row.LARGEST, of which shares count up to 1000 thousandths, shared by, matters and what is asked for up to
learned.MOST. Call `control` at each tick; at an instant not after the last it does nothing.
"""

from __future__ import annotations

from limits import gcra
from limits.learned import MOST
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 1
"""Without the APIs: a row takes WIDTH + API * apis ints."""
API = 5
S = 1_000_000_000
FAR = 100
LEAST_IMPORTANT = 31
"""The last of the priorities, from 0: what has it matters 0."""


def decide(state: Row, at: int, api: int, now_ns: int, cost: int) -> int:
    """Admit a call of an API (0), or say after how many ns, or SHED: it costs more than a second. Or NEVER.

    NEVER: a negative cost, one above learned.MOST.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > MOST:
        return NEVER
    place = at + WIDTH + API * api
    if state[at] == 0:
        state[at] = 1 + now_ns
    state[place + 3] = min(MOST, state[place + 3] + cost)
    if state[place] == 0:
        return ADMITTED
    interval_ns = max(1, 1000 * S // state[place])
    answer = gcra.decide(state, place + 4, interval_ns, max(1, S // interval_ns), now_ns, cost)
    return SHED if answer == NEVER else answer


def tell(state: Row, at: int, api: int, shared_by: int, matters: int) -> None:
    """Say how many share the overloaded service on an API's path with the fewest, 0 if none is, and its priority."""
    place = at + WIDTH + API * api
    state[place + 1] = max(0, min(MOST, shared_by))
    state[place + 2] = max(0, min(MOST, matters))


def control(
    state: Row,
    at: int,
    apis: int,
    target_ns: int,
    down_milli: int,
    up_milli: int,
    least_milli: int,
    latency_ns: int,
    now_ns: int,
) -> None:
    """Move the rates by the worst latency of the APIs in question, and begin to count anew."""
    took_ns = now_ns - (state[at] - 1)
    if state[at] == 0 or took_ns <= 0:
        state[at] = max(state[at], 1 + now_ns)
        return
    if latency_ns > target_ns:
        for api in range(apis):
            place = at + WIDTH + API * api
            if state[place] == 0 and state[place + 1] > 0 and state[place + 3] > 0:
                state[place] = max(1, rate_milli(state[place + 3], took_ns))
        move(state, at, apis, -1, min(1000, down_milli), min(1000 * MOST, least_milli), took_ns)
    else:
        move(state, at, apis, 1, min(1000, up_milli), min(1000 * MOST, least_milli), took_ns)
        release(state, at, apis, took_ns)
    for api in range(apis):
        state[at + WIDTH + API * api + 3] = 0
    state[at] = 1 + now_ns


def move(state: Row, at: int, apis: int, sign: int, share_milli: int, least_milli: int, took_ns: int) -> None:
    """Take from the first, or give to the last, group after group, until the amount is spent."""
    amount = -1
    group = next_group(state, at, apis, sign, -1)
    while group >= 0 and amount != 0:
        members = 0
        total = 0
        for api in range(apis):
            place = at + WIDTH + API * api
            if key(state, place) == group:
                members += 1
                total += state[place]
        if amount < 0:
            amount = total * share_milli // 1000
        each = -(-amount // members)
        for api in range(apis):
            place = at + WIDTH + API * api
            if key(state, place) == group:
                if sign < 0:
                    room = state[place] - least_milli
                else:
                    room = rate_milli(state[place + 3], took_ns) * 11 // 10 - state[place]
                moved = max(0, min(each, amount, room))
                state[place] += sign * moved
                amount -= moved
        group = next_group(state, at, apis, sign, group)


def next_group(state: Row, at: int, apis: int, sign: int, group: int) -> int:
    """Return the key that comes after one, -1 for the first (the last, where sign is 1); -1 if there is none."""
    found = -1
    for api in range(apis):
        mine = key(state, at + WIDTH + API * api)
        if mine >= 0 and (group < 0 or sign * mine < sign * group) and (found < 0 or sign * mine > sign * found):
            found = mine
    return found


def key(state: Row, place: int) -> int:
    """Return where an API comes in the order, -1 for one that is not limited."""
    if state[place] == 0:
        return -1
    return (FAR if state[place + 1] == 0 else state[place + 1]) * 2 * MOST + state[place + 2]


def release(state: Row, at: int, apis: int, took_ns: int) -> None:
    """Limit none any more, once each may do what it is asked for."""
    for api in range(apis):
        place = at + WIDTH + API * api
        if 0 < state[place] < rate_milli(state[place + 3], took_ns):
            return
    for api in range(apis):
        state[at + WIDTH + API * api] = 0


def rate_milli(asked: int, took_ns: int) -> int:
    """Return what was asked for in thousandths a second."""
    return asked * 1000 * S // max(1, took_ns)
