"""CoDel in folly's form: if all work has waited too long of late, what waited longest is dropped at its turn.

    smallest = the shortest wait of the interval so far; when a question comes after the end of the interval:
        overloaded = smallest > target; a new interval starts, up to now + interval, with this wait as its smallest
    drop iff overloaded and wait > 2 * target; the first of an interval is served in any case

Source: folly, executors/Codel.cpp (5 ms and 100 ms unless given), whose tests are vectors here. Networks' CoDel drops
at shortening intervals instead (Nichols and Jacobson; RFC 8289). A target above the interval counts as the interval.

Known failures: one that waited little in each interval, whatever the reason, keeps it quiet. So it does nothing where
the newest is served first, nor for the low class behind a high one. And 5 ms are right for work of about a ms: where
the service time is above the target, a queue of one is an overload.

State: [at] the end of the interval, ns; [at + 1] 1 + the smallest wait, 0 before the first; [at + 2] 1 if overloaded.
Other parameters count at once, but for the end of the interval that runs. Bounds: all up to limits.row.LARGEST.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 3


def decide(state: Row, at: int, interval_ns: int, target_ns: int, waited_ns: int, now_ns: int, cost: int) -> int:
    """Serve work that waited so long (0), or drop it: SHED. NEVER: a negative cost. A cost of 0 is served and not seen.

    Ask once for each piece of work, when its turn comes. A wait below 0 counts as 0; an instant that steps back belongs
    to the interval that runs.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    waited_ns = max(0, waited_ns)
    target_ns = min(target_ns, interval_ns)
    first = state[at + 1] == 0
    if not first and now_ns > state[at]:
        state[at] = now_ns + interval_ns
        state[at + 2] = 1 if state[at + 1] - 1 > target_ns else 0
        first = True
    if first:
        state[at + 1] = waited_ns + 1
        return ADMITTED
    state[at + 1] = min(state[at + 1], waited_ns + 1)
    return SHED if state[at + 2] == 1 and waited_ns > 2 * target_ns else ADMITTED
