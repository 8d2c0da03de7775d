"""The rules of a person (docs/model.md, A person) as pure functions: what they draw, how long they wait, if they stay.

Every function takes flat rows of numbers and plain ints, so that it can be compiled as it is. `table, at` is a row of
`scenarios.tables`; `edges` are running sums from 0 on. `attempt` counts a want's attempts from 1, `session` its
sessions from 0, `tries` the attempts of the present session from 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scenarios.draws import (
    Stream,
    chosen,
    happens,
    key,
    nearest,
    poisson,
    sample,
    sample_count,
    sample_ns,
    uniform,
)

NEVER_NS = 2**62  # later than any horizon; NEVER_NS + NEVER_NS - 1 still fits into 64 bits
MOST_PROMPT, MOST_OUTPUT = 1_000_000, 100_000  # tokens of a call; beyond them the clock of a long batch overflows
_LONGEST_PACE_NS = 2.0**61
NO_TABLE = -1  # instead of the place of a row: there is no such distribution


def segment_of(edges: Sequence[float], seed: int, want: int) -> int:
    """Return the segment of a person, by share."""
    return chosen(edges, 0, len(edges) - 1, uniform(key(seed, Stream.SEGMENT, want, 0), 0))


def zone_of(edges: Sequence[float], first: int, last: int, seed: int, want: int) -> int:
    """Return the zone of a person, by demand, of those of the segment: first..last-1."""
    return chosen(edges, first, last, uniform(key(seed, Stream.ZONE, want, 0), 0))


def kind_of(edges: Sequence[float], seed: int, want: int) -> int:
    """Return the kind of a person, by share."""
    return chosen(edges, 0, len(edges) - 1, uniform(key(seed, Stream.KIND, want, 0), 0))


def session_end_ns(table: Sequence[float], at: int, seed: int, want: int, session: int, now_ns: int) -> int:
    """Return when a session that starts now ends: now + patience, or NEVER_NS without a patience (NO_TABLE)."""
    if at == NO_TABLE:
        return NEVER_NS
    return now_ns + sample_ns(table, at, key(seed, Stream.PATIENCE, want, session))


def timeout_at_ns(
    table: Sequence[float],
    at: int,
    seed: int,
    want: int,
    attempt: int,
    least_timeout_ns: int,
    session_end_ns: int,
    now_ns: int,
) -> int:
    """Return when the person stops waiting for an attempt that is sent now."""
    timeout_ns = sample_ns(table, at, key(seed, Stream.TIMEOUT, want, attempt))
    return now_ns + min(timeout_ns, max(least_timeout_ns, session_end_ns - now_ns))


def hedge_ns(table: Sequence[float], at: int, seed: int, want: int, attempt: int) -> int:
    """Return the time from sending an attempt to sending its copy."""
    return sample_ns(table, at, key(seed, Stream.HEDGE, want, attempt))


def resigns(
    steps_at_ns: Sequence[int], steps_share: Sequence[float], seed: int, want: int, attempt: int, now_ns: int
) -> bool:
    """Return whether the person leaves for good after this failure; the share is 0 before the first step."""
    passed, rest = 0, len(steps_at_ns)
    while passed < rest:
        middle = (passed + rest) >> 1
        if steps_at_ns[middle] <= now_ns:
            passed = middle + 1
        else:
            rest = middle
    return passed > 0 and happens(steps_share[passed - 1], key(seed, Stream.RESIGNATION, want, attempt))


def think_ns(
    table: Sequence[float],
    at: int,
    seed: int,
    want: int,
    attempt: int,
    tries: int,
    growth: float,
    longest_ns: int,
    least_ns: int,
) -> int:
    """Return how long the person thinks after a failure: delay * growth^(tries - 1), at most longest_ns, nearest ns.

    `least_ns` bounds it from below, past the longest too: Retry-After where it is heeded, `store_delay_ns` after a
    store failure, else 0.
    """
    delay = sample(table, at, key(seed, Stream.RETRY_DELAY, want, attempt))
    if growth > 1.0 and tries > 1:
        delay *= _grown(growth, tries - 1)
    return max(nearest(min(max(delay, 0.0), float(longest_ns))), least_ns)


def _grown(growth: float, times: int) -> float:
    """Return growth^times, at most e^300: any delay that is not 0 has long been the longest by then."""
    if times * math.log(growth) > 300.0:
        return math.exp(300.0)
    return math.pow(growth, float(times))


def store_delay_ns(table: Sequence[float], at: int, seed: int, want: int, attempt: int) -> int:
    """Return the least that a person thinks after a failure for want of a store."""
    return sample_ns(table, at, key(seed, Stream.STORE_RETRY_DELAY, want, attempt))


def comes_back(probability: float, times: int, seed: int, want: int, session: int) -> bool:
    """Return whether another session follows this one, which ended without an order."""
    return session < times and happens(probability, key(seed, Stream.COME_BACK, want, session))


def come_back_delay_ns(table: Sequence[float], at: int, seed: int, want: int, session: int) -> int:
    """Return the time from the end of this session to the start of the next."""
    return sample_ns(table, at, key(seed, Stream.COME_BACK_DELAY, want, session))


def invited_count(mean: float, seed: int, want: int) -> int:
    """Return how many people an order invites; the k-th of them (from 1) is `draws.invited(want, k)`."""
    return poisson(mean, key(seed, Stream.INVITED, want, 0))


def invitation_delay_ns(table: Sequence[float], at: int, seed: int, invited: int) -> int:
    """Return the time from the order to the first try of an invited person, who is named by their own want."""
    return sample_ns(table, at, key(seed, Stream.INVITATION_DELAY, invited, 0))


def cups_of(table: Sequence[float], at: int, seed: int, want: int) -> int:
    """Return the cups of an order, at least 1."""
    return sample_count(table, at, key(seed, Stream.CUPS, want, 0), 1)


def prompt_of(table: Sequence[float], at: int, seed: int, stage: int, want: int, attempt: int) -> int:
    """Return the tokens of the prompt with which an attempt calls a batching stage (1, 2, ...)."""
    return min(sample_count(table, at, key(seed, Stream.PROMPT + stage, want, attempt), 0), MOST_PROMPT)


def output_of(table: Sequence[float], at: int, seed: int, stage: int, want: int, attempt: int) -> int:
    """Return the tokens that answer an attempt at a batching stage (1, 2, ...), at least 1."""
    return min(sample_count(table, at, key(seed, Stream.OUTPUT + stage, want, attempt), 1), MOST_OUTPUT)


def store_of(edges: Sequence[float], seed: int, want: int, attempt: int, pick: int) -> int:
    """Return the place in its zone of the store that an attempt picks (0 is the first pick), by popularity."""
    return chosen(edges, 0, len(edges) - 1, uniform(key(seed, Stream.STORE, want, attempt), pick))


def picks_again(probability: float, seed: int, want: int, attempt: int, pick: int) -> bool:
    """Return whether the re-pick of this number (from 1) is taken up."""
    return uniform(key(seed, Stream.REPICK, want, attempt), pick) < probability


def nearby_store_of(stores: int, seed: int, want: int, attempt: int, k: int) -> int:
    """Return the place in its zone of a store that a fulfilment credit looks at, each equally likely."""
    return int(uniform(key(seed, Stream.NEARBY_STORE, want, attempt), k) * stores)


def slot_delay_ns(table: Sequence[float], at: int, seed: int, want: int, attempt: int, offer: int) -> int:
    """Return how much later the slot is that an attempt is offered; its first offer is 0."""
    return sample_ns(table, at, key(seed, Stream.LATER_SLOT, want, attempt + (offer << 32)))


def takes_slot(probability: float, seed: int, want: int, attempt: int, offer: int) -> bool:
    """Return whether the person takes that slot."""
    return uniform(key(seed, Stream.TAKES_SLOT, want, attempt), offer) < probability


def pace_ns(mean_ns: float, slowdown: float, at_once: int) -> int:
    """Return how long one of many takes those who do so many at once, to the nearest ns, at least 1."""
    return max(1, int(min(mean_ns * slowdown / at_once + 0.5, _LONGEST_PACE_NS)))


def shard_of(shards: int, seed: int, stage: int, want: int) -> int:
    """Return the shard of a stage (1, 2, ...) to which a want always goes, each equally likely."""
    return int(uniform(key(seed, Stream.SHARD + stage, want, 0), 0) * shards)


def fails(probability: float, seed: int, stage: int, want: int, attempt: int) -> bool:
    """Return whether a stage (1, 2, ...) that has served an attempt answers with an error."""
    return happens(probability, key(seed, Stream.FAILURE + stage, want, attempt))
