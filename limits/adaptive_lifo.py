"""Adaptive LIFO: while a queue stands, the newest is served first and nobody may have waited long.

    a queue stands iff it was last empty more than `standing` ago
    drop iff waited > (short if the queue stood when this came, else standing);  newest first iff it stands

A station calls `arrives` before it queues work. When a server is free it drops from the old end what `decide` says
SHED, then takes work from the end that `newest_first` says, and asks `decide` for that too (in LIFO the oldest would
otherwise lie there for ever, and the queue would never be empty). The time allowed is set by the state of the queue on
arrival; nothing need be kept for it with the work, since a queue that holds the work has not been empty since.

Sources: Maurer, "Fail at Scale" (ACM Queue, 2015), as quoted by others: the two timeouts, 100 ms and 5 ms, are its
"controlled delay"; newest first "when a queue is starting to form" is its "adaptive LIFO". When that is, it does not
say. HHVM (util/job-queue.h) goes by length and drops from the old end first; here it is while the queue stands, as in
goresilience. folly has only CoDel (see `codel`). What has waited exactly the time allowed is served, as in HHVM.

Known failures: unfair by intent, those in the queue when it begins to stand are dropped while later ones are served;
and a busy queue that has not been empty for a while counts as standing though its waits are short: `short` has to be
above the service time.

State: [at] the instant at which the queue was last known to be empty. Other parameters count at once. Bounds: instants,
waits and parameters up to limits.row.LARGEST.
"""

from __future__ import annotations

from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 1


def arrives(state: Row, at: int, waiting: int, now_ns: int) -> None:
    """Say how many wait when work arrives, itself not counted. An instant that steps back leaves a queue as it is."""
    if waiting <= 0:
        state[at] = max(state[at], now_ns)


def newest_first(state: Row, at: int, standing_ns: int, now_ns: int) -> bool:
    """Return whether to take the newest (the queue stands) or the oldest."""
    return now_ns - standing_ns > state[at]


def decide(state: Row, at: int, standing_ns: int, short_ns: int, waited_ns: int, now_ns: int, cost: int) -> int:
    """Serve work that waited so long (0), or drop it: SHED. NEVER: a negative cost. Changes nothing.

    A wait below 0 counts as 0.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    waited_ns = max(0, waited_ns)
    allowed_ns = short_ns if newest_first(state, at, standing_ns, now_ns - waited_ns) else standing_ns
    return SHED if waited_ns > allowed_ns else ADMITTED
