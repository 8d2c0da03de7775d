"""One attempt's work at one stage, as a station sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import simpy

if TYPE_CHECKING:
    from simulator.reference.attempt import Attempt

End = Literal["served", "dropped"]


@dataclass(slots=True, eq=False, kw_only=True)
class Work:
    """A unit of work: `done` happens when the station has served it (value "served") or dropped it ("dropped").

    The station sets `started_ns` when service begins and `ended_ns` when it is over.
    """

    want: int
    attempt: int
    done: simpy.Event
    service_ns: int  # the demand: service time alone; at a batching stage the replica time in a full batch
    arrived_ns: int
    deadline_ns: int  # the instant at which the person stops waiting
    prompt: int = 0  # batching stages only, tokens
    output: int = 0
    shard: int = 0
    whose: Attempt | None = None  # for laws of queues that tell attempts apart
    on_turn: Callable[[int], None] | None = None  # told how long it waited when its turn comes
    started_ns: int = field(default=-1)
    ended_ns: int = field(default=-1)
