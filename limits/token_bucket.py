"""Token bucket: a rate with a burst, exact for every rate that is a fraction.

    spent' = max(0, spent - (now - then) * rate);  admit iff spent' + cost <= burst, and then spent' += cost

The rate is `tokens` per `per_ns` (limits.rates.ratio), and what is spent is counted in 1/per_ns of a token: nothing is
ever rounded. Admitted in any [t, t + d]: at most burst + rate * d. Source: the bucket C of RFC 2698, section 3
(full at time 0, a token CIR times a second up to CBS); here with what is missing in place of what is there, so that
zeros are full.

State: [at] spent, in 1/per_ns of a token; [at + 1] the instant at which that was so, ns.
Bounds: instants, tokens and burst * per_ns up to limits.row.LARGEST; `ratio` sees to the last two.
"""

from __future__ import annotations

from limits.level import carried
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER

WIDTH = 2


def decide(state: Row, at: int, tokens: int, per_ns: int, burst: int, now_ns: int, cost: int) -> int:
    """Admit `cost` tokens now (0), say after how many ns they would be admitted (exactly), or NEVER.

    NEVER: a cost above burst, a rate of 0 (a closed door, whatever the bucket holds), a negative cost.
    An instant before the last one counts as the last one; the wait is from the instant given.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if tokens <= 0 or cost > burst:
        return NEVER
    fill(state, at, tokens, now_ns)
    too_much = state[at] - (burst - cost) * per_ns
    if too_much <= 0:
        state[at] += cost * per_ns
        return ADMITTED
    return (too_much - 1) // tokens + 1 + state[at + 1] - now_ns


def fill(state: Row, at: int, tokens: int, now_ns: int) -> None:
    """Put in the bucket what the time until now brings."""
    idle_ns = now_ns - state[at + 1]
    if idle_ns > 0:
        spent = state[at]
        # Compared by division: after a long idle time the product would overflow.
        state[at] = spent - idle_ns * tokens if idle_ns <= spent // tokens else 0
        state[at + 1] = now_ns


def change(
    state: Row,
    at: int,
    tokens: int,
    per_ns: int,
    burst: int,
    new_tokens: int,
    new_per_ns: int,
    new_burst: int,
    now_ns: int,
) -> None:
    """Go on at another rate and burst: a full bucket stays full, any other keeps the tokens that are in it.

    The bucket is filled up to now at the old rate, then cut to the new burst; less than 1/new_per_ns of a token is
    rounded away. So a full row goes on like one that was never asked, and a change gives no token to who has been
    spending. A closed door (a rate of 0) is a rate like others. No limit at all is not a rate: do not ask the law while
    it lasts, and put zeros in the row (full) when it ends.
    """
    if tokens > 0:
        fill(state, at, tokens, now_ns)
    if state[at] > 0:
        level = max(0, burst * per_ns - state[at])
        state[at] = new_burst * new_per_ns - carried(level, per_ns, new_per_ns, new_burst)
    state[at + 1] = max(now_ns, state[at + 1])
