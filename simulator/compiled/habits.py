"""The rules of people, with their tables in `F` and their numbers in `M` (scenarios.people)."""

from __future__ import annotations

from scenarios import draws, people
from scenarios.draws import Stream
from scenarios.units import NS_PER_S
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    AWAY_TIME,
    COMES_BACK,
    COMES_BACK_TIMES,
    G_OUTPUT,
    G_OUTPUT_TABLE,
    G_PROMPT,
    G_PROMPT_TABLE,
    GUIDE_BINS,
    HEDGE_TIME,
    HEEDS,
    INVITED_MEAN,
    INVITED_TIME,
    KIND_COUNT,
    KIND_EDGES,
    KIND_PATIENCE,
    KIND_RETRY,
    KIND_WIDTH,
    KINDS,
    LEAST_TIMEOUT_NS,
    LONGEST_DELAY_NS,
    NO_TIME,
    P_SEGMENT_BITS,
    P_ZONE_BITS,
    RESIGNATION,
    RESIGNATION_SHARES,
    RESIGNATION_STEPS,
    RETRY_GROWTH,
    SEED,
    SEGMENT_COUNT,
    SEGMENT_EDGES,
    SEGMENT_FIRST,
    SEGMENT_LAST,
    SEGMENT_WIDTH,
    SEGMENTS,
    STAGE_WIDTH,
    STAGES,
    STORE_DELAY_TIME,
    TIMEOUT_TIME,
    ZONE_EDGES,
)
from simulator.compiled.memory import WORD, Numbers, Words

chosen, key, sample_ns, uniform, happens = draws.chosen, draws.key, draws.sample_ns, draws.uniform, draws.happens
think_ns_of, comes_back_of = people.think_ns, people.comes_back
invited_count_of = people.invited_count
drawn_prompt, drawn_output = people.prompt_of, people.output_of
MOST_PROMPT, MOST_OUTPUT = people.MOST_PROMPT, people.MOST_OUTPUT
_SEGMENT, _ZONE, _KIND, _PATIENCE, _TIMEOUT = (
    int(Stream.SEGMENT),
    int(Stream.ZONE),
    int(Stream.KIND),
    int(Stream.PATIENCE),
    int(Stream.TIMEOUT),
)
_RESIGNATION, _STORE_RETRY_DELAY = int(Stream.RESIGNATION), int(Stream.STORE_RETRY_DELAY)
_HEDGE = int(Stream.HEDGE)
_COME_BACK_DELAY, _INVITATION_DELAY = int(Stream.COME_BACK_DELAY), int(Stream.INVITATION_DELAY)
NEVER_NS = people.NEVER_NS
LONGEST_NS = float(WORD)


@kernel
def drawn_ns(M: Words, F: Numbers, time: int, stream: int, want: int, attempt: int) -> int:
    """Return a drawn time; one that is constant costs nothing."""
    if M[time + 1] >= 0:
        return M[time + 1]
    return sample_ns(F, M[time], key(M[SEED], stream, want, attempt))


@kernel
def slowed(ns: int, factor: float) -> int:
    """Return a time by a factor, to the nearest ns; what no run can reach stays inside 64 bits."""
    return int(min(ns * factor + 0.5, LONGEST_NS))


@kernel
def chosen_by(M: Words, F: Numbers, table: int, first: int, last: int, u: float) -> int:
    """Return what `draws.chosen` returns for the edges of a table, found by its guide.

    The guide says, for each of GUIDE_BINS parts of the whole weight, from where on to look.
    """
    edges = M[table]
    target = F[edges + first] + u * (F[edges + last] - F[edges + first])
    part = min(int(target * F[M[table + 1]]), GUIDE_BINS - 1)
    place = max(M[M[table + 2] + part], first)
    while place < last - 1 and F[edges + place + 1] <= target:
        place += 1
    return place


@kernel
def place_of(M: Words, F: Numbers, want: int) -> int:
    """Return kind, segment and zone of a person in one number."""
    segment = 0
    kind = 0
    if M[SEGMENT_COUNT] > 1:
        edges = M[SEGMENT_EDGES]
        draw = uniform(key(M[SEED], _SEGMENT, want, 0), 0)
        segment = chosen(F, edges, edges + M[SEGMENT_COUNT], draw) - edges
    row = M[SEGMENTS] + segment * SEGMENT_WIDTH
    zone = M[row + SEGMENT_FIRST]
    if M[row + SEGMENT_LAST] - zone > 1:
        edges = M[ZONE_EDGES]
        draw = uniform(key(M[SEED], _ZONE, want, 0), 0)
        zone = chosen_by(M, F, ZONE_EDGES, zone, M[row + SEGMENT_LAST], draw)
    if M[KIND_COUNT] > 1:
        edges = M[KIND_EDGES]
        kind = chosen(F, edges, edges + M[KIND_COUNT], uniform(key(M[SEED], _KIND, want, 0), 0)) - edges
    return zone | segment << P_ZONE_BITS | kind << (P_ZONE_BITS + P_SEGMENT_BITS)


@kernel
def prompt_of(M: Words, F: Numbers, number: int, want: int, attempt: int) -> int:
    """Return the tokens of the prompt with which an attempt calls a batching stage."""
    stage = STAGES + number * STAGE_WIDTH
    if M[stage + G_PROMPT] >= 0:
        return min(M[stage + G_PROMPT], MOST_PROMPT)
    return drawn_prompt(F, M[stage + G_PROMPT_TABLE], M[SEED], number, want, attempt)


@kernel
def output_of(M: Words, F: Numbers, number: int, want: int, attempt: int) -> int:
    """Return the tokens that answer an attempt at a batching stage."""
    stage = STAGES + number * STAGE_WIDTH
    if M[stage + G_OUTPUT] >= 0:
        return min(M[stage + G_OUTPUT], MOST_OUTPUT)
    return drawn_output(F, M[stage + G_OUTPUT_TABLE], M[SEED], number, want, attempt)


@kernel
def session_end_ns(M: Words, F: Numbers, place: int, want: int, session: int, now_ns: int) -> int:
    """Return when a session that starts now ends."""
    patience = M[KINDS] + (place >> (P_ZONE_BITS + P_SEGMENT_BITS)) * KIND_WIDTH + KIND_PATIENCE
    if M[patience] == NO_TIME:
        return NEVER_NS
    return now_ns + drawn_ns(M, F, patience, _PATIENCE, want, session)


@kernel
def timeout_at_ns(M: Words, F: Numbers, want: int, attempt: int, end_ns: int, now_ns: int) -> int:
    """Return when the person stops waiting for an attempt that is sent now."""
    timeout_ns = drawn_ns(M, F, TIMEOUT_TIME, _TIMEOUT, want, attempt)
    return now_ns + min(timeout_ns, max(M[LEAST_TIMEOUT_NS], end_ns - now_ns))


@kernel
def hedge_ns(M: Words, F: Numbers, want: int, attempt: int) -> int:
    """Return how long the person waits for the answer to an attempt before a copy of it is sent."""
    return drawn_ns(M, F, HEDGE_TIME, _HEDGE, want, attempt)


@kernel
def resigns(M: Words, F: Numbers, want: int, attempt: int, now_ns: int) -> bool:
    """Return whether the person leaves for good after this failure."""
    passed = M[RESIGNATION]
    rest = passed + M[RESIGNATION_STEPS]
    while passed < rest:
        middle = (passed + rest) >> 1
        if M[middle] <= now_ns:
            passed = middle + 1
        else:
            rest = middle
    passed -= M[RESIGNATION]
    if passed == 0:
        return False
    return happens(F[M[RESIGNATION_SHARES] + passed - 1], key(M[SEED], _RESIGNATION, want, attempt))


@kernel
def think_ns(
    M: Words, F: Numbers, place: int, want: int, attempt: int, tries: int, retry_after_s: int, store_failed: bool
) -> int:
    """Return how long the person waits before the next try."""
    least_ns = retry_after_s * NS_PER_S if M[HEEDS] else 0
    if store_failed:
        least_ns = max(least_ns, drawn_ns(M, F, STORE_DELAY_TIME, _STORE_RETRY_DELAY, want, attempt))
    row = M[M[KINDS] + (place >> (P_ZONE_BITS + P_SEGMENT_BITS)) * KIND_WIDTH + KIND_RETRY]
    growth, longest_ns = F[RETRY_GROWTH], M[LONGEST_DELAY_NS]
    return think_ns_of(F, row, M[SEED], want, attempt, tries, growth, longest_ns, least_ns)


@kernel
def comes_back(M: Words, F: Numbers, want: int, session: int) -> bool:
    """Return whether another session follows this one, which ended without an order."""
    return comes_back_of(F[COMES_BACK], M[COMES_BACK_TIMES], M[SEED], want, session)


@kernel
def away_ns(M: Words, F: Numbers, want: int, session: int) -> int:
    """Return the time from the end of this session to the start of the next."""
    return drawn_ns(M, F, AWAY_TIME, _COME_BACK_DELAY, want, session)


@kernel
def invited_count(M: Words, F: Numbers, want: int) -> int:
    """Return how many people an order invites."""
    return invited_count_of(F[INVITED_MEAN], M[SEED], want)


@kernel
def invitation_ns(M: Words, F: Numbers, invited: int) -> int:
    """Return the time from the order to the first try of an invited person."""
    return drawn_ns(M, F, INVITED_TIME, _INVITATION_DELAY, invited, 0)
