"""Circuit breaker: once too many of the last calls failed or were slow, none for a while, then a few to try.

    CLOSED: all go; after an answer, with min(least_calls, window) in the window: a share >= its limit: OPEN
    OPEN: none go; asked at opened + open_ns or later: HALF_OPEN
    HALF_OPEN: `probes` go; after min(least_calls, probes) answers: a share >= its limit: OPEN, else CLOSED

The shares are of failed calls and of slow ones; slow is what took more than `slow_ns`, whatever its outcome. Source:
resilience4j (CircuitBreakerStateMachine, CircuitBreakerMetrics, CircuitBreakerConfig): window 100, at least 100 calls,
50% failed, or 100% slower than 60 s; open 60 s; 10 probes; a half-open state has no end unless given one
(`half_open_ns`, then it opens again). As there:

- an answer counts in the state in which it comes: calls still out from before are taken for probes' answers when
  half-open, though they took no permit, and for fresh ones when closed again; when open they change nothing;
- a permit is given back by an IGNORED call only. Probes that never answer leave nobody in, for ever at half_open_ns =
  0 (resilience4j issue 935, tests/limits/test_circuit_breaker.py);
- every state begins with nothing seen; at most `window` and `probes` calls are waited for, whatever `least_calls` is.

Differences: there the call that comes in the tick in which the wait ends is refused unless the transition is
automatic; here it goes. There an IGNORED call from before adds a permit to the `probes`; here there are never more
than `probes` taken and not given back. Left out: the window by time, waits that grow, closing where half-open ends.

State: [at] phase; [at + 1] the instant at which it began; [at + 2] permits taken; [at + 3], [at + 4], [at + 5] calls
seen, failed, slow; [at + 6] where the oldest lies; [at + WIDTH ...] a ring of `window` of them: 1 failed, 2 slow, 3
both. Bounds: instants and all parameters up to limits.row.LARGEST. The window is not to change while the row lives.
"""

from __future__ import annotations

from limits.outcomes import FAILURE, IGNORED
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 7
"""Without the ring: a row takes WIDTH + window ints."""

CLOSED = 0
OPEN = 1
HALF_OPEN = 2


def decide(state: Row, at: int, open_ns: int, probes: int, half_open_ns: int, now_ns: int, cost: int) -> int:
    """Let a call go (0), say after how many ns there will be probes, or SHED: all probes are out. Or NEVER.

    NEVER: a negative cost. Any cost above 0 is one call. At an instant before the phase began the wait is as long as
    it is from there. With no probes (0 or less) half-open lets nobody in. Every call that goes is observed
    once, as IGNORED where a later law of the chain refuses it.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    give_up(state, at, half_open_ns, now_ns)
    if state[at] == CLOSED:
        return ADMITTED
    if state[at] == OPEN:
        wait_ns = state[at + 1] + max(0, open_ns) - now_ns
        if wait_ns > 0:
            return wait_ns
        begin(state, at, HALF_OPEN, now_ns)
    if state[at + 2] >= probes:
        return SHED
    state[at + 2] += 1
    return ADMITTED


def observe(
    state: Row,
    at: int,
    window: int,
    least_calls: int,
    failed_milli: int,
    slow_milli: int,
    slow_ns: int,
    probes: int,
    half_open_ns: int,
    now_ns: int,
    rtt_ns: int,
    inflight: int,
    outcome: int,
) -> None:
    """Learn how a call ended. A share of 0 or less opens at any call that is judged, one above 1,000 never.

    A window of 0 or less stays closed.
    """
    give_up(state, at, half_open_ns, now_ns)
    if outcome == IGNORED:
        if state[at] == HALF_OPEN:
            state[at + 2] = max(0, state[at + 2] - 1)
        return
    if state[at] == OPEN or window < 1:
        return
    count(state, at, window, (1 if outcome == FAILURE else 0) + (2 if rtt_ns > slow_ns else 0))
    seen = state[at + 3]
    if seen < min(least_calls, window if state[at] == CLOSED else probes):
        return
    if reaches(state[at + 4], seen, failed_milli) or reaches(state[at + 5], seen, slow_milli):
        begin(state, at, OPEN, now_ns)
    elif state[at] == HALF_OPEN:
        begin(state, at, CLOSED, now_ns)


def give_up(state: Row, at: int, half_open_ns: int, now_ns: int) -> None:
    """Open again, as of the instant at which it was due, where probes have not decided within half_open_ns."""
    if state[at] == HALF_OPEN and 0 < half_open_ns <= now_ns - state[at + 1]:
        begin(state, at, OPEN, state[at + 1] + half_open_ns)


def begin(state: Row, at: int, phase: int, now_ns: int) -> None:
    """Begin a phase with nothing seen, not before the one that ends."""
    state[at] = phase
    state[at + 1] = max(now_ns, state[at + 1])
    for i in range(at + 2, at + WIDTH):
        state[i] = 0


def count(state: Row, at: int, window: int, kind: int) -> None:
    """Count a call; when closed put it in the ring, in the place of the oldest once that is full."""
    if state[at] == CLOSED:
        place = at + WIDTH + state[at + 6]
        if state[at + 3] == window:
            state[at + 3] -= 1
            state[at + 4] -= state[place] % 2
            state[at + 5] -= state[place] // 2
        state[place] = kind
        state[at + 6] = (state[at + 6] + 1) % window
    state[at + 3] += 1
    state[at + 4] += kind % 2
    state[at + 5] += kind // 2


def reaches(part: int, seen: int, share_milli: int) -> bool:
    """Return whether part / seen >= share_milli / 1000."""
    return part * 1000 >= max(0, min(share_milli, 1001)) * seen
