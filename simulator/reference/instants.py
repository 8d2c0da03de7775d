"""Events at exact instants: SimPy's event loop, with this model's tie order as its priority."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy

from simulator.rank import Rank


def order_key(rank: Rank, stage: int, want: int, attempt: int) -> int:
    """Pack (rank, stage, want, attempt) into one int that sorts like the tuple: 64 bits of want, 32 of attempt."""
    return ((rank << 16 | stage) << 64 | want) << 32 | attempt


def happen(event: simpy.Event, at_ns: int, rank: Rank, stage: int, want: int, attempt: int, value: Any = None) -> None:
    """Let a pending event happen, successfully, at an instant and in its place among events of that ns."""
    env = event.env
    event._ok = True
    event._value = value
    env.schedule(event, order_key(rank, stage, want, attempt), at_ns - env.now)  # type: ignore[arg-type]


def happen_next(event: simpy.Event) -> None:
    """Let a pending event happen now, when SimPy's hops of the present event are done, and before the next event."""
    event._ok = True
    event._value = None
    event.env.schedule(event, 2)  # type: ignore[arg-type]


def moment(env: simpy.Environment, at_ns: int, rank: Rank, stage: int, want: int, attempt: int) -> simpy.Event:
    """Return an event that happens at an instant: `yield moment(...)`."""
    event = simpy.Event(env)
    happen(event, at_ns, rank, stage, want, attempt)
    return event


def call_at(
    env: simpy.Environment, call: Callable[[], None], at_ns: int, rank: Rank, stage: int, want: int, attempt: int
) -> None:
    """Call a function at an instant, without a process of its own."""
    event = moment(env, at_ns, rank, stage, want, attempt)
    assert event.callbacks is not None
    event.callbacks.append(lambda _: call())
