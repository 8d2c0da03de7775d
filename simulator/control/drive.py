"""Control processes beside an engine whose events are not SimPy's: it advances between their events."""

from __future__ import annotations

import simpy

from simulator.control.controlled import Advancing
from simulator.control.room import ControlRoom
from simulator.rank import Rank

_ABOVE_SIMPYS_OWN = 2


class Drive:
    """A small SimPy environment for the control plane alone, and the engine that it holds."""

    def __init__(self, room: ControlRoom, engine: Advancing) -> None:
        self.room = room
        self.engine = engine
        self._env = simpy.Environment()
        room.open(self._env, self._moment, engine)

    def go_on_with(self, engine: Advancing) -> None:
        """Hold another engine from now on, which has been brought to the same instant."""
        self.engine = self.room.panel.engine = engine

    def advance(self, until_ns: int) -> None:
        """Let all of the run happen that is before an instant; events of the instant itself do not."""
        while self._env.peek() < until_ns:
            # Before each of them, not once a ns: what one control process turned happens before the next one wakes.
            self.engine.advance(int(self._env.peek()), Rank.CONTROL)
            self._env.step()
        self.engine.advance(until_ns, Rank.INCIDENT)

    def _moment(self, at_ns: int, index: int, /) -> simpy.Event:
        event = simpy.Event(self._env)
        event._ok = True
        event._value = None
        self._env.schedule(event, _ABOVE_SIMPYS_OWN + index, at_ns - self._env.now)  # type: ignore[arg-type]
        return event
