"""Weighted fair queueing: who waits is served in the order of virtual finishes, so that flows share by their weights.

    tag = max(V, the flow's last tag) + cost / weight;  the smallest tag is next, of equals the first that came
    V = the tag that was served last;  once nobody waits everything is 0 again

So a flow that asks for more than its share waits behind itself, and one that was away is not owed for it. Tags are in
2^-20 of cost / weight 1, rounded down. No law of a door: it refuses nobody, and orders what waits. The queue keeps a
tag with each that waits (a heap of (tag, arrival)); `serve` is told when one is taken, `leave` when one gives up.

Source: self-clocked fair queueing (Golestani, 1994), as in FluxNinja Aperture's scheduler (wfq.go), which tags the
first of a flow when it becomes the first: the same order while costs of a flow are alike. Left out of that: a flow's
cost counts once for each fairness label in its workload.

Known failures: a weight is a share of what is served and not a bound on the wait; and as many flows as anybody likes to
invent have a share each.

State: [at] V; [at + 1] how many wait; [at + WIDTH ..] the last tag of each flow. Bounds: cost and weight count from 1
to learned.MOST; tags stay at limits.row.LARGEST when they come to it, after 4 million of the largest without a pause.
"""

from __future__ import annotations

from limits.learned import MOST
from limits.row import LARGEST, Row

WIDTH = 2
"""Without the flows: a row takes WIDTH + flows ints."""
ONE = 2**20


def enqueue(state: Row, at: int, flow: int, weight: int, cost: int) -> int:
    """Return the tag of one that begins to wait."""
    work = max(1, min(MOST, cost)) * ONE // max(1, min(MOST, weight))
    tag = min(LARGEST, max(state[at], state[at + WIDTH + flow]) + work)
    state[at + WIDTH + flow] = tag
    state[at + 1] += 1
    return tag


def serve(state: Row, at: int, flows: int, tag: int) -> None:
    """Say that the one with this tag, the smallest, is taken."""
    state[at] = max(state[at], tag)
    leave(state, at, flows)


def leave(state: Row, at: int, flows: int) -> None:
    """Say that one that waited gave up. What it would have cost stays counted to its flow while anybody waits."""
    state[at + 1] = max(0, state[at + 1] - 1)
    if state[at + 1] == 0:
        state[at] = 0
        for flow in range(flows):
            state[at + WIDTH + flow] = 0
