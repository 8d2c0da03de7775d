"""Vegas: a limit on concurrency that keeps a small queue, estimated from how much longer a call takes than unloaded.

    queue = ceil(L * (1 - rtt0 / rtt)), g = max(1, floor(log10 L)), rtt0 the shortest round trip of late
    dropped: L' = L - g;  else if 2 * inflight < L: L' = L
    else queue <= g: L' = L + 6 g;  queue < 3 g: L' = L + g;  queue > 6 g: L' = L - g;  else L' = L
    and then least <= L' <= most
    before all that: after jitter * probe * L calls rtt0 = rtt, or where rtt < rtt0: rtt0 = rtt, and L stays

The jitter is a draw between 1/2 and 1 for each span; the first call's is the first. How many, and not who: as
`limits.aimd`. Source: Netflix concurrency-limits, VegasLimit with its tests (start 20, at least 1, at most 1000, probe
30, no smoothing). Two bounds are ours: `least`, 1 there, and `longest_rtt0_ns`, above which rtt0 never goes: the
service time where it is known, else LARGEST. A round trip of 0 is an error there, here it counts as 1 ns.

Known failures: under a load that lasts, what a probe finds is a call that waited: rtt0 grows, the queue looks empty, L
grows, and so on (bounded by longest_rtt0_ns). A refusal that comes back quickly becomes rtt0, and everything after it
looks like a queue until the next probe, with L down to `least`. Mixed quick and slow calls look like a queue too.

State: [at] 1 + L, 0 before the first call has ended; [at + 1] rtt0, 0 for none; [at + 2] calls since the last probe;
[at + 3] 1 + the draw of this span. Bounds: all up to limits.row.LARGEST, of which L and inflight count up to
learned.MOST, probe up to 1000, round trips up to learned.LONGEST_NS.
"""

from __future__ import annotations

from limits.aimd import limit as limit
from limits.learned import MOST, counted_ns, within
from limits.outcomes import FAILURE, IGNORED
from limits.row import Row

WIDTH = 4
BILLION = 1_000_000_000
MOST_PROBE = 1000


def observe(
    state: Row,
    at: int,
    start: int,
    least: int,
    most: int,
    probe: int,
    longest_rtt0_ns: int,
    draw_ppb: int,
    now_ns: int,
    rtt_ns: int,
    inflight: int,
    outcome: int,
) -> None:
    """Learn from a call that ended. The instant does not matter; an IGNORED call changes nothing.

    `draw_ppb` is a uniform draw from 0 to 999,999,999; it is used where a span begins.
    """
    if outcome == IGNORED:
        return
    rtt_ns = counted_ns(rtt_ns)
    rtt0_ns = min(rtt_ns, max(1, longest_rtt0_ns))
    many = min(MOST, limit(state, at, start))
    if state[at + 3] == 0:
        state[at + 3] = 1 + draw_ppb
    state[at + 2] += 1
    if is_time_to_probe(state, at, many, probe):
        state[at + 1] = rtt0_ns
        state[at + 2] = 0
        state[at + 3] = 1 + draw_ppb
    elif state[at + 1] == 0 or rtt_ns < state[at + 1]:
        state[at + 1] = rtt0_ns
    else:
        many = moved(many, queue(many, state[at + 1], rtt_ns), min(MOST, inflight), outcome)
    state[at] = 1 + min(MOST, within(least, most, many))


def is_time_to_probe(state: Row, at: int, many: int, probe: int) -> bool:
    """Return whether the calls of this span are at least jitter * probe * many."""
    jitter = BILLION + state[at + 3] - 1  # of two billion
    return jitter * min(MOST_PROBE, probe) * many <= 2 * BILLION * min(state[at + 2], MOST_PROBE * MOST)


def queue(many: int, rtt0_ns: int, rtt_ns: int) -> int:
    """Return how many of those inside are waiting: ceil(many * (1 - rtt0 / rtt))."""
    return -(many * (rtt0_ns - rtt_ns) // rtt_ns)


def moved(many: int, waiting: int, inflight: int, outcome: int) -> int:
    """Return the limit after a call that found so many waiting."""
    step = log10(many)
    if outcome == FAILURE:
        return many - step
    if 2 * inflight < many:
        return many
    if waiting <= step:
        return many + 6 * step
    if waiting < 3 * step:
        return many + step
    return many - step if waiting > 6 * step else many


def log10(many: int) -> int:
    """Return floor(log10(many)), at least 1."""
    digits = 1
    while many >= 100:
        many //= 10
        digits += 1
    return digits
