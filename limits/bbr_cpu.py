"""BBR by CPU: when the processor is nearly full, no more inside than the best throughput times the best round trip.

    may = max_pass * min_rt_ms * buckets per s / 1000, rounded down; over the buckets of the window but that of now:
        max_pass: the most calls that ended in one, at least 1;  min_rt_ms: the least mean round trip, at least 1 ms
    refuse iff inside > 1 and inside > may and (cpu >= cpu_milli, or dropping began at most 1 s ago)
    dropping begins with a refusal at cpu >= cpu_milli, unless it goes on; it ends when asked more than 1 s after it
        began, at cpu < cpu_milli;  cpu: EWMA, every 500 ms cpu' = floor(0.95 * cpu + 0.05 * usage) thousandths

`inside` does not count this call: up to may + 1 get in, and always two. Little's law with the two best values of the
window, as in TCP's BBR. Source: go-kratos aegis, ratelimit/bbr with its tests: 10 s in 100 buckets, cpu 80%, which took
it from Alibaba Sentinel. Its `+ 0.5` is added after the rounding down, and does nothing. There a round trip is in whole
ms, rounded up, and so it is here: below 1 ms may is too large. There the window is aligned to the start and what it
says is kept for a bucket's length from when it was asked; here buckets begin at 0, bucket_ns, 2 * bucket_ns ...

Gate and limit in one, since dropping is part of the state: the calls inside are counted here. Every call that was
admitted is observed once, as IGNORED where a later law refuses it, which gives the place back and is not counted.

Known failures: it sees the processor alone, so that a far side that hangs, or a pool that is empty, never makes it
refuse. The cut of the EWMA to whole thousandths makes it stand still up to 1.9% below what is used: at 81.8% used it
never comes to 80%. Without quick calls in the last 10 s min_rt is that of calls that waited, and `may` grows.

State: [at] cpu in thousandths; [at + 1] inside; [at + 2] 1 + the instant at which dropping began, 0 for none; [at + 3]
the number of the newest bucket; [at + 4] 1 + the bucket in which `may` was found, [at + 5] `may`; from [at + WIDTH] on
a ring of `buckets` of three ints: ended, timed, the sum of their ms. Bounds: instants and parameters up to
limits.row.LARGEST, of more than learned.MOST calls in a bucket the rest are not counted, round trips up to
learned.LONGEST_NS, a bucket is at least 10 us. An instant before the newest bucket counts as that.
"""

from __future__ import annotations

from limits.learned import LONGEST_NS, MOST
from limits.outcomes import IGNORED
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 6
"""Without the ring: a row takes WIDTH + 3 * buckets ints."""
S = 1_000_000_000
MS = 1_000_000
SHORTEST_BUCKET_NS = 10_000


def decide(state: Row, at: int, buckets: int, bucket_ns: int, cpu_milli: int, now_ns: int, cost: int) -> int:
    """Let a call in (0), or SHED. NEVER: a negative cost. Any cost above 0 is one call."""
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if must_drop(state, at, buckets, bucket_ns, cpu_milli, now_ns):
        return SHED
    state[at + 1] += 1
    return ADMITTED


def observe(
    state: Row, at: int, buckets: int, bucket_ns: int, now_ns: int, rtt_ns: int, inflight: int, outcome: int
) -> None:
    """Give the place of a call back, and count it in the bucket in which it ended, whether or not it failed."""
    state[at + 1] = max(0, state[at + 1] - 1)
    if outcome == IGNORED or buckets < 1:
        return
    roll(state, at, buckets, bucket_ns, now_ns)
    place = at + WIDTH + 3 * (state[at + 3] % buckets)
    if state[place] < MOST:
        state[place] += 1
        if rtt_ns > 0:
            state[place + 1] += 1
            state[place + 2] += -(-min(LONGEST_NS, rtt_ns) // MS)


def sample_cpu(state: Row, at: int, used_milli: int) -> None:
    """Say how much of the processor was used in the last 500 ms, in thousandths; more than all counts as all."""
    state[at] = (95 * state[at] + 5 * max(0, min(1000, used_milli))) // 100


def must_drop(state: Row, at: int, buckets: int, bucket_ns: int, cpu_milli: int, now_ns: int) -> bool:
    """Return whether a call that comes now is one too many, and keep when dropping began or ended."""
    overloaded = state[at] >= cpu_milli
    if not overloaded and state[at + 2] == 0:
        return False
    if not overloaded and now_ns - (state[at + 2] - 1) > S:
        state[at + 2] = 0
        return False
    if state[at + 1] <= 1 or state[at + 1] <= may_be_inside(state, at, buckets, bucket_ns, now_ns):
        return False
    if overloaded and state[at + 2] == 0:
        state[at + 2] = 1 + now_ns
    return True


def may_be_inside(state: Row, at: int, buckets: int, bucket_ns: int, now_ns: int) -> int:
    """Return how many calls the window says can be inside without waiting."""
    if buckets < 1:
        return 0
    roll(state, at, buckets, bucket_ns, now_ns)
    if state[at + 4] != state[at + 3] + 1:
        state[at + 4] = state[at + 3] + 1
        state[at + 5] = best(state, at, buckets) * (S // max(SHORTEST_BUCKET_NS, bucket_ns)) // 1000
    return state[at + 5]


def best(state: Row, at: int, buckets: int) -> int:
    """Return max_pass * min_rt_ms over the buckets that are full."""
    max_pass = 1
    min_rt_ms = 0
    for back in range(1, buckets):
        place = at + WIDTH + 3 * ((state[at + 3] - back) % buckets)
        max_pass = max(max_pass, state[place])
        if state[place + 1] > 0:
            rt_ms = -(-state[place + 2] // state[place + 1])
            min_rt_ms = rt_ms if min_rt_ms == 0 else min(min_rt_ms, rt_ms)
    return max_pass * max(1, min_rt_ms)


def roll(state: Row, at: int, buckets: int, bucket_ns: int, now_ns: int) -> None:
    """Empty the buckets that have left the window by now."""
    number = now_ns // max(SHORTEST_BUCKET_NS, bucket_ns)
    for newer in range(1, min(number - state[at + 3], buckets) + 1):
        place = at + WIDTH + 3 * ((state[at + 3] + newer) % buckets)
        for i in range(place, place + 3):
            state[i] = 0
    state[at + 3] = max(number, state[at + 3])
