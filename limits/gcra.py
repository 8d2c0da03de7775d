"""GCRA: a rate with a burst in one number a key, for when there are many keys.

    debt = max(0, full_at - now);  admit iff debt + cost * T <= burst * T, and then full_at' = now + debt + cost * T

T is 1/rate in whole ns (limits.rates.interval_ns). Where 1/rate is whole, this is the token bucket; else rounding makes
the rate wrong by a share of at most 1/(2T): 5e-7 at 1,000/s, 5e-5 at 100,000/s, half at 1e9/s. Source: the virtual
scheduling algorithm of ITU-T I.371: a cell that comes at t conforms iff TAT <= t + tau, and then TAT = max(TAT, t) + T;
with tau = (burst - 1) * T and cost 1 that is the rule above. Costs as in throttled (Go), whose MaxBurst is burst - 1.

State: [at] full_at_ns, the instant from which on the whole burst is there (I.371: TAT, the theoretical arrival time).
Bounds: instants and burst * T up to limits.row.LARGEST; `interval_ns` sees to the second.
"""

from __future__ import annotations

from limits.level import carried
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER

WIDTH = 1


def decide(state: Row, at: int, interval_ns: int, burst: int, now_ns: int, cost: int) -> int:
    """Admit `cost` tokens now (0), say after how many ns they would be admitted (exactly), or NEVER.

    NEVER: a cost above burst, an interval of 0 (which stands for a rate of 0, a closed door), a negative cost.
    The law keeps no last instant: at an earlier one it is as strict as the debt seen from there, so stricter.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if interval_ns <= 0 or cost > burst:
        return NEVER
    full_at_ns = state[at]
    if full_at_ns < now_ns:  # not max(): from Python it would cost as much as the rest
        full_at_ns = now_ns
    wait_ns = full_at_ns - now_ns - (burst - cost) * interval_ns
    if wait_ns > 0:
        return wait_ns
    state[at] = full_at_ns + cost * interval_ns
    return ADMITTED


def change(
    state: Row, at: int, interval_ns: int, burst: int, new_interval_ns: int, new_burst: int, now_ns: int
) -> None:
    """Go on at another rate and burst, as `token_bucket.change`: full stays full, else the tokens there are are kept.

    Rounded down by less than a ns. Behind a closed door (an interval of 0) the row holds the tokens spent, in place of
    an instant: the time that it lasts brings none.
    """
    per_token, new_per_token = max(1, interval_ns), max(1, new_interval_ns)
    spent = max(0, state[at] - now_ns) if interval_ns > 0 else state[at]
    if spent > 0:
        level = max(0, burst * per_token - spent)
        spent = new_burst * new_per_token - carried(level, per_token, new_per_token, new_burst)
    state[at] = now_ns + spent if new_interval_ns > 0 else spent
