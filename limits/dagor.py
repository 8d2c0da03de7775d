"""DAGOR: when those served have waited too long, the least important are refused, level by level; callers are told.

    levels = businesses * 128, level = business * 128 + person level; 0 matters most;  admit iff level < L
    each window of window_ns or window_calls arrivals, whichever ends first, with the arrivals at each level counted:
        mean wait at their turn > target: walk L down until at most (1 - down) * admitted would have got in
        else: walk L up until at least admitted + ceil(up * arrived) would have got in, or L = levels
    L >= 1;  person level = hash(person, hour) mod 128, so that in each hour others are the first to be refused

The level goes with a request to all that it calls, so that one want is either let in everywhere or refused at once:
`person_level` where it enters, once. `open_levels` is told to the caller with each answer, which then refuses at home
what would be refused (level >= what it was told). Source: Zhou et al., Overload Control for Scaling WeChat
Microservices (SoCC 2018): 20 ms, 1 s or 2,000 requests, 5% down, 1% up, 128 levels, hourly. The paper was read as
others quote it, the walk is its third version's as we know it; Caladan's copy of DAGOR (dg_config.h, dg_server.c) has
its numbers, keeps no histogram, and never shuts the first level, as here. What the hash is, is ours.

Known failures: the level goes down for as long as the queue drains, and back by 1% of what comes - with 200 a second
where 100 can be served, down to 31 after 29 s and back to 100 after 58 (tests/limits/test_dagor.py), so bound the queue
too. Most at one level (one big caller, no person) - L goes over it and back, all or none. Within an hour
the same people are refused.

State: [at] 1 + when the window began, 0 before the first; [at + 1] arrived; [at + 2] admitted; [at + 3] the sum of
waits, ns, and [at + 4] their number; [at + 5] levels - L; from [at + WIDTH] on how many arrived at each level. Bounds:
instants and parameters up to limits.row.LARGEST, shares up to 1000 thousandths, of more than learned.MOST arrivals or
waits in a window the rest are not counted; a wait counts up to learned.LONGEST_NS. A level outside counts as the
nearest. At an instant before the window began it goes on.
"""

from __future__ import annotations

from limits.learned import LONGEST_NS, MOST
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 6
"""Without the histogram: a row takes WIDTH + PERSONS * businesses ints."""
PERSONS = 128
HOUR_NS = 3_600_000_000_000
BITS = 2**31 - 1


def decide(
    state: Row,
    at: int,
    businesses: int,
    window_ns: int,
    window_calls: int,
    target_ns: int,
    down_milli: int,
    up_milli: int,
    level: int,
    now_ns: int,
    cost: int,
) -> int:
    """Admit a request of a level (0), or SHED. NEVER: a negative cost, no level at all. Any cost above 0 is one."""
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    levels = businesses * PERSONS
    if levels < 1:
        return NEVER
    if state[at] == 0:
        state[at] = 1 + now_ns
    if now_ns - (state[at] - 1) >= window_ns or state[at + 1] >= window_calls:
        adapt(state, at, levels, target_ns, down_milli, up_milli)
        state[at] = 1 + now_ns
    level = max(0, min(levels - 1, level))
    admitted = level < levels - state[at + 5]
    if state[at + 1] < MOST:
        state[at + 1] += 1
        state[at + WIDTH + level] += 1
        if admitted:
            state[at + 2] += 1
    return ADMITTED if admitted else SHED


def waited(state: Row, at: int, waited_ns: int) -> None:
    """Say how long a request had waited when it got its turn; below 0 counts as 0."""
    if state[at + 4] < MOST:
        state[at + 3] += max(0, min(LONGEST_NS, waited_ns))
        state[at + 4] += 1


def open_levels(state: Row, at: int, businesses: int) -> int:
    """Return how many levels are let in, from the first: what the caller is told, to refuse the others itself."""
    return businesses * PERSONS - state[at + 5]


def person_level(person: int, now_ns: int) -> int:
    """Return the level of a person within a business in this hour, 0 to 127. A person is an int from 0 to LARGEST."""
    hashed = mixed(mixed(mixed(now_ns // HOUR_NS & BITS) ^ (person & BITS)) ^ (person >> 31))
    return hashed % PERSONS


def mixed(number: int) -> int:
    """Return 31 bits mixed well."""
    for _ in range(2):
        number = ((number >> 16) ^ number) * 0x45D9F3B & BITS
    return (number >> 16) ^ number


def adapt(state: Row, at: int, levels: int, target_ns: int, down_milli: int, up_milli: int) -> None:
    """Move the level by what the window that ended has seen, and begin to count anew."""
    first = at + WIDTH
    arrived, admitted = state[at + 1], state[at + 2]
    level = levels - state[at + 5]
    if state[at + 4] > 0 and -(-state[at + 3] // state[at + 4]) > target_ns:
        expected = admitted * (1000 - min(1000, down_milli)) // 1000
        while admitted > expected and level > 1:
            level -= 1
            admitted -= state[first + level]
    else:
        expected = admitted - -arrived * min(1000, up_milli) // 1000
        while admitted < expected and level < levels:
            admitted += state[first + level]
            level += 1
    state[at + 5] = levels - level
    for i in range(at + 1, at + 5):
        state[i] = 0
    for i in range(first, first + levels):
        state[i] = 0
