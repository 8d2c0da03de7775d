"""AIMD: a limit on concurrency that grows by one while calls succeed and is cut by a share when one is dropped.

    dropped, or rtt > longest_rtt: L' = floor(backoff * L);  else if 2 * inflight >= L: L' = L + 1;  else L' = L
    and then least <= L' <= most

How many, and not who: `limit` goes into `fixed_concurrency.decide`, which keeps the places; `observe` is told of each
call that ended, beside `fixed_concurrency.release`. `inflight` is how many were inside when the call went in, itself
included (the gate's row right after its admission). Source: Netflix concurrency-limits, AIMDLimit and AbstractLimiter:
start 20, 20 to 200, backoff 0.9, 5 s. There the share is a double, here thousandths, exactly.

Known failures: each call counts, so that L grows by one a call, not one a round trip (it doubles in one), and calls
that fail together cut it many times; and it looks at loss alone, so that anything quicker than longest_rtt makes it
grow.

State: [at] 1 + L; 0 before the first call has ended, when L is `start`, whatever the bounds. Other parameters count
from the next call on. A `least` of 0 can shut the door for good. Bounds: least, most, start, inflight and rtt up to
limits.row.LARGEST, backoff_milli from 0 to 1000; where least > most, most counts.
"""

from __future__ import annotations

from limits.outcomes import FAILURE, IGNORED
from limits.row import Row

WIDTH = 1


def limit(state: Row, at: int, start: int) -> int:
    """Return how many may be inside now."""
    return start if state[at] == 0 else state[at] - 1


def observe(
    state: Row,
    at: int,
    start: int,
    least: int,
    most: int,
    backoff_milli: int,
    longest_rtt_ns: int,
    now_ns: int,
    rtt_ns: int,
    inflight: int,
    outcome: int,
) -> None:
    """Learn from a call that ended. The instant does not matter; an IGNORED call changes nothing."""
    if outcome == IGNORED:
        return
    many = limit(state, at, start)
    if outcome == FAILURE or rtt_ns > longest_rtt_ns:
        # Thousands and the rest apart: the product would overflow.
        many = many // 1000 * backoff_milli + many % 1000 * backoff_milli // 1000
    elif 2 * inflight >= many:
        many += 1
    state[at] = 1 + min(most, max(least, many))
