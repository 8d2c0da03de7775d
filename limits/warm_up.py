"""Warm-up: after a quiet time only rate/cold_factor is let in, and more as the work comes, up to the whole rate.

    admit iff passed in the last second + cost <= allowed
    allowed = rate if stored < warning, else rate * R / (R + (stored - warning) * (cold_factor - 1)), R = most - warning
    at the first question of each second: if stored < warning, or stored > warning and passed < rate/cold_factor:
        stored = min(most, stored + seconds since the last question * rate);  then stored = max(0, stored - passed)
    (`passed`: in the second just before; rate/cold_factor there: in whole calls, rounded down)

Tokens that are stored stand for what has gone cold (caches, connections): they are there when nobody came, and calls
use them up. `limits.rates.warm_up` turns rate, time and cold factor into `rate_milli`, `warning` and `most`. Source:
Alibaba Sentinel, WarmUpController; 10 s and a cold factor of 3 unless given (FlowRule, SentinelConfig). "The last
second" is, as in its StatisticNode, the half second of now and the one before. Where Sentinel has doubles, nudged
upwards, here the fractions are exact. Kept from it: with stored = warning exactly nothing is added, ever; and what
passed in a second is taken out only by a question in the next one. There a new row is warm in the second 0; here a row
of zeros is cold.

State: [at] the number of the half second; [at + 1] passed in it; [at + 2] in the one before; [at + 3] most - stored, so
that a row of zeros is full, which is cold. Another rate counts at once, and keeps what is missing. Bounds: instants,
rate_milli * R and 1000 * cold_factor * most up to limits.row.LARGEST; `rates.warm_up` sees to them.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 4
HALF_NS = 500_000_000


def decide(
    state: Row, at: int, rate_milli: int, cold_factor: int, warning: int, most: int, now_ns: int, cost: int
) -> int:
    """Admit `cost` now (0), say after how many ns (exactly), SHED where only others' work could warm it, or NEVER.

    NEVER: a cost above a second of the rate (so any, below 1/s), a negative cost.
    An instant before the half second of the last one counts as that; the wait is from the instant given.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cost > rate_milli // 1000:
        return NEVER
    half = max(state[at], now_ns // HALF_NS)
    used = missing(state, at, rate_milli, cold_factor, warning, most, half)
    if half > state[at]:
        state[at + 2] = passed_in(state, at, half - 1)
        state[at + 1] = 0
        state[at] = half
        state[at + 3] = used
    if state[at + 2] + state[at + 1] + cost <= allowed(rate_milli, cold_factor, warning, most, used):
        state[at + 1] += cost
        return ADMITTED
    # From the second next half on nothing is counted any more, and the longer nobody comes the colder it gets.
    for later in range(half + 1, half + 3):
        used = missing(state, at, rate_milli, cold_factor, warning, most, later)
        if passed_in(state, at, later - 1) + cost <= allowed(rate_milli, cold_factor, warning, most, used):
            return later * HALF_NS - now_ns
    return SHED


def allowed(rate_milli: int, cold_factor: int, warning: int, most: int, used: int) -> int:
    """Return how many a second may pass while `used` of `most` tokens are missing, rounded down."""
    above = most - used - warning
    if above <= 0:
        return rate_milli // 1000
    to_warm = most - warning
    return rate_milli * to_warm // (1000 * (to_warm + above * (cold_factor - 1)))


def missing(state: Row, at: int, rate_milli: int, cold_factor: int, warning: int, most: int, half: int) -> int:
    """Return how many of the `most` tokens are missing in a half second, if it is the next in which somebody comes."""
    used = min(most, state[at + 3])
    second = half // 2
    seconds = second - state[at] // 2
    if seconds <= 0:
        return used
    passed = passed_in(state, at, 2 * second - 2) + passed_in(state, at, 2 * second - 1)
    stored = most - used
    if stored < warning or (stored > warning and passed < rate_milli // 1000 // cold_factor):
        # Compared by division: after a long idle time the product would overflow.
        used = 0 if seconds > used * 1000 // rate_milli else used - seconds * rate_milli // 1000
    return min(most, used + passed)


def passed_in(state: Row, at: int, half: int) -> int:
    """Return how many passed in a half second: 0 for those that the row has forgotten or that are to come."""
    if half == state[at]:
        return state[at + 1]
    return state[at + 2] if half == state[at] - 1 else 0
