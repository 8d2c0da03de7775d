"""Pacing: a leaky bucket as a queue. Calls go on 1/rate apart; who would wait too long is refused.

    expected = last + cost * T;  expected <= now: last = now, pass;  else wait = expected - now;
    wait > longest_wait: refuse;  else last = expected, wait, pass

CAREFUL: A POSITIVE ANSWER MEANS ADMITTED HERE. The place in the queue is taken: wait so long, then pass, and do not ask
again. Refused is SHED. In every other law a positive answer is a refusal.

T is 1/rate in whole ns (limits.rates.interval_ns). A cost of c keeps c * T of distance before it, not after it. Of cost
1, at most floor(longest_wait / T) wait at a time. Source: Alibaba Sentinel, ThrottlingController (RateLimiterController
before), 500 ms unless given (FlowRule.maxQueueingTimeMs). Sentinel rounds cost * T as a whole, to ms or ns.

State: [at] the ns after the last passage, 0 where nobody has passed (the first passes at once). Another interval or
longest wait counts at once; places once taken stay. Bounds: instants, longest_wait_ns and interval_ns up to LARGEST.
"""

from __future__ import annotations

from limits.row import LARGEST, Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 1


def decide(state: Row, at: int, interval_ns: int, longest_wait_ns: int, now_ns: int, cost: int) -> int:
    """Pass now (0), pass after this wait in ns (positive: ADMITTED, the place is taken), SHED, or NEVER.

    NEVER: an interval of 0 (which stands for a rate of 0), a negative cost, a cost whose distance is over LARGEST ns.
    A cost of 0 passes at once and takes no place. An instant before the last passage waits for its turn after it.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if interval_ns <= 0 or cost > LARGEST // interval_ns:
        return NEVER
    distance_ns = cost * interval_ns
    since_last_ns = distance_ns if state[at] == 0 else now_ns - (state[at] - 1)
    if distance_ns <= since_last_ns:
        state[at] = now_ns + 1
        return ADMITTED
    if distance_ns > longest_wait_ns + since_last_ns:
        return SHED
    wait_ns = distance_ns - since_last_ns
    state[at] = now_ns + wait_ns + 1
    return wait_ns
