"""Retry throttle: failures take tokens, successes give some back, and there are retries only above half.

    a failure: tokens = max(0, tokens - 1);  a success: tokens = min(cap, tokens + earn)
    a retry: admit iff tokens > cap / 2

A retry itself takes nothing: if it fails, its failure does. Every attempt that is sent is observed, first tries and
retries alike. So retries stop once failures outnumber successes times `earn` for long enough: at 0.1, above about one
failure in eleven. Source: gRPC proposal A6, retryThrottling (one a server name). It has no defaults: maxTokens 10 and
tokenRatio 0.1 are its example, and then a server that is down sees 4 retries. Failures are only those that may be
retried, or whose server says not to; what was wrong in itself is IGNORED, as is what never reached the server. A6 cuts
tokenRatio after the third decimal, where `rates.milli` rounds.

State: [at] tokens missing, in thousandths. Starts full. Another cap counts from the next failure or success on.
Bounds: cap_milli and earn_milli up to limits.row.LARGEST.
"""

from __future__ import annotations

from limits.outcomes import FAILURE, SUCCESS
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 1


def decide(state: Row, at: int, cap_milli: int, now_ns: int, cost: int) -> int:
    """Let a retry go (0), or SHED until there were successes. Or NEVER. Ask for retries only; nothing is taken.

    NEVER: a cap of 0 or less (never above half of it), a negative cost. Any other cost is one retry.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if cap_milli <= 0:
        return NEVER
    return ADMITTED if state[at] < cap_milli - state[at] else SHED


def observe(
    state: Row, at: int, cap_milli: int, earn_milli: int, now_ns: int, rtt_ns: int, inflight: int, outcome: int
) -> None:
    """Take a token for a FAILURE, give back earn_milli for a SUCCESS; below 0 it is 0."""
    if outcome == FAILURE:
        state[at] = min(max(0, cap_milli), state[at] + 1000)
    elif outcome == SUCCESS:
        state[at] = max(0, min(max(0, cap_milli), state[at]) - max(0, earn_milli))
