"""Randomness as data: every random quantity is a pure function of (seed, stream, want, attempt).

Plain Python with scalar `math`, so that the same lines can be compiled with `numba.extending.register_jitable` and
give the same bits. Two rules make that so. Hashing is arithmetic modulo 2**64: interpreted it is masked; compiled,
`mix64`, `key`, `uniform` and `invited` are replaced by unsigned forms (`simulator.compiled.hashing`), because signed
overflow has no meaning in machine code. Powers go through `math.pow`, because `**` is compiled differently.

Arguments are plain ints (compiled: int64), not NumPy scalars. Seeds may be any 64-bit int, wants any int below 2**63.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum

TEN_YEARS_NS = 10 * 366 * 86_400 * 1_000_000_000
MOST_COUNTED = 1_000_000_000_000

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_LOW_33, _LOW_34, _LOW_37, _LOW_53, _LOW_62 = 2**33 - 1, 2**34 - 1, 2**37 - 1, 2**53 - 1, 2**62 - 1
_FIRST = 0xBF58_476D_1CE4_E5B9 - 2**64  # multipliers of splitmix64 (Steele, Lea and Flood 2014; Stafford's mix 13)
_SECOND = 0x94D0_49BB_1331_11EB - 2**64
_GOLDEN = 0x9E37_79B9_7F4A_7C15 - 2**64  # odd steps of the lattices that keys and uniforms are hashed from
_STREAM_STEP = 0xD1B5_4A32_D192_ED03 - 2**64
_ATTEMPT_STEP = 0x8CB9_2BA7_2F3D_8DD7 - 2**64
_TO_UNIT = 2.0**-53
_TWO_PI = 2.0 * math.pi
_INVITED_FROM = 2**62

# Kinds of a table: the first number of its row, then what it needs. `scenarios.tables` writes them.
CONSTANT = 0  # value
EXPONENTIAL = 1  # mean
LOGNORMAL = 2  # median, sigma
GAMMA = 3  # shape, scale
UNIFORM = 4  # low, high
WHOLE_UNIFORM = 5  # low, how many whole numbers from there on
EMPIRICAL = 6  # n, n shares from 0 to 1, n values
MIXTURE = 7  # n, n + 1 edges of weights, n places relative to the row's start; then the rows of the parts

_GAMMA_TRIES = 100  # each is refused with probability under 0.05


class Stream(IntEnum):
    """One per random quantity; of the last six `stream + stage` is the stream of that stage (1, 2, ...)."""

    SEGMENT = 1
    ZONE = 2
    KIND = 3
    PATIENCE = 4
    TIMEOUT = 5
    RETRY_DELAY = 6
    STORE_RETRY_DELAY = 7
    RESIGNATION = 8
    COME_BACK = 9
    COME_BACK_DELAY = 10
    ARRIVAL = 11
    STORE = 12
    REPICK = 13
    CUPS = 14
    TRIP = 15
    PICKUP = 16
    TRAVEL = 17
    DROPOFF = 18
    MAKE = 19
    INVITED = 20
    INVITATION_DELAY = 21
    ADMIT = 22
    REFUSE = 23
    ZONE_DEMAND = 24
    STORE_RATE = 25
    STORE_PAUSE = 26
    STORE_MAKERS = 27
    STORE_CLOSED = 28
    ZONE_COURIERS = 29
    TRACE_KEPT = 30
    TRACE_INSTANT = 31
    HELD_BACK = 32
    HEDGE = 33
    PLACE_IN_LINE = 34
    NEARBY_STORE = 35
    LATER_SLOT = 36
    TAKES_SLOT = 37
    PROBE = 38
    SERVICE = 1000
    NETWORK = 2000
    FAILURE = 3000
    PROMPT = 4000
    OUTPUT = 5000
    SHARD = 6000


def mix64(x: int) -> int:
    """Return the splitmix64 finalizer of the low 64 bits of x: a bijection of 64-bit words.

    Interpreted the word is unsigned; compiled it is the int64 of the same bits.
    """
    x = (x ^ ((x >> 30) & _LOW_34)) * _FIRST & _MASK
    x = (x ^ ((x >> 27) & _LOW_37)) * _SECOND & _MASK
    return x ^ ((x >> 31) & _LOW_33)


def key(seed: int, stream: int, want: int, attempt: int) -> int:
    """Return the 64-bit key of one random quantity, to be given to `uniform`, `sample` and their kin."""
    return mix64(mix64(seed + stream * _STREAM_STEP) + want * _GOLDEN + attempt * _ATTEMPT_STEP)


def uniform(key: int, k: int) -> float:
    """Return the k-th uniform of a key: a multiple of 2**-53 in [0, 1)."""
    return ((mix64(key + k * _GOLDEN) >> 11) & _LOW_53) * _TO_UNIT


def happens(probability: float, key: int) -> bool:
    """Return whether what has this probability happens: never at 0, always at 1."""
    return uniform(key, 0) < probability


def invited(want: int, k: int) -> int:
    """Return the identity of the k-th person (from 1) whom a want's order invites: 2**62 or more, below 2**63."""
    return _INVITED_FROM | ((mix64(mix64(want) + k) >> 2) & _LOW_62)


def chosen(edges: Sequence[float], first: int, last: int, u: float) -> int:
    """Return the i in first..last-1 that u in [0, 1) picks, where i has the weight edges[i + 1] - edges[i]."""
    target = edges[first] + u * (edges[last] - edges[first])
    low, high = first, last - 1
    while low < high:
        middle = (low + high) >> 1
        if edges[middle + 1] > target:
            high = middle
        else:
            low = middle + 1
    return low


def nearest(x: float) -> int:
    """Return the nearest whole number, half up."""
    whole = math.floor(x)
    return whole + 1 if x - whole >= 0.5 else whole


def normal(key: int, k: int) -> float:
    """Return a standard normal from uniforms k and k + 1 (Box and Muller 1958)."""
    return math.sqrt(-2.0 * math.log(1.0 - uniform(key, k))) * math.cos(_TWO_PI * uniform(key, k + 1))


def gamma(shape: float, key: int, k: int) -> float:
    """Return a gamma variate of scale 1 from uniforms k and on (Marsaglia and Tsang 2000; boosted below shape 1)."""
    boost = 1.0
    if shape < 1.0:
        boost = math.pow(1.0 - uniform(key, k), 1.0 / shape)
        shape += 1.0
        k += 1
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for _ in range(_GAMMA_TRIES):
        x = normal(key, k)
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            if math.log(1.0 - uniform(key, k + 2)) < 0.5 * x * x + d - d * v + d * math.log(v):
                return boost * d * v
        k += 3
    return boost * d


def _simple(table: Sequence[float], at: int, key: int, k: int) -> float:
    kind = int(table[at])
    if kind == CONSTANT:
        return table[at + 1]
    if kind == EXPONENTIAL:
        return -table[at + 1] * math.log(1.0 - uniform(key, k))
    if kind == LOGNORMAL:
        return table[at + 1] * math.exp(table[at + 2] * normal(key, k))
    if kind == GAMMA:
        return table[at + 2] * gamma(table[at + 1], key, k)
    if kind == UNIFORM:
        return table[at + 1] + (table[at + 2] - table[at + 1]) * uniform(key, k)
    if kind == WHOLE_UNIFORM:
        return table[at + 1] + math.floor(table[at + 2] * uniform(key, k))
    return _empirical(table, at, uniform(key, k))


def _empirical(table: Sequence[float], at: int, u: float) -> float:
    n = int(table[at + 1])
    i = chosen(table, at + 2, at + 1 + n, u)
    part = (u - table[i]) / (table[i + 1] - table[i])
    return table[i + n] + (table[i + 1 + n] - table[i + n]) * part


def sample(table: Sequence[float], at: int, key: int) -> float:
    """Return the value that a key draws from the distribution whose row starts at table[at]."""
    if table[at] != MIXTURE:
        return _simple(table, at, key, 0)
    n = int(table[at + 1])
    part = chosen(table, at + 2, at + 2 + n, uniform(key, 0))
    return _simple(table, at + int(table[part + n + 1]), key, 1)


def sample_ns(table: Sequence[float], at: int, key: int) -> int:
    """Return a drawn time in whole ns, nearest, half up, at most ten years."""
    return nearest(min(max(sample(table, at, key), 0.0), float(TEN_YEARS_NS)))


def sample_count(table: Sequence[float], at: int, key: int, least: int) -> int:
    """Return a drawn count: nearest, half up, at least `least`, at most 10**12."""
    return max(nearest(min(max(sample(table, at, key), 0.0), float(MOST_COUNTED))), least)


def poisson(mean: float, key: int) -> int:
    """Return a Poisson count by inversion of one uniform, for means up to 500; at most mean + 12 sd + 20."""
    u = uniform(key, 0)
    most = int(mean + 12.0 * math.sqrt(mean) + 20.0)
    probability = math.exp(-mean)
    total = probability
    count = 0
    while u >= total and count < most:
        count += 1
        probability *= mean / count
        total += probability
    return count
