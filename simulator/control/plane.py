"""What a control process is given: a clock to wait by, gauges to read, knobs to turn."""

from __future__ import annotations

from typing import Protocol

import simpy

from scenarios import units
from scenarios.knobs import Value
from simulator.control.panel import ControlError, Panel


class Moment(Protocol):
    """How an engine makes an event that happens at (at_ns, CONTROL, 0, index of the control, 0)."""

    def __call__(self, at_ns: int, index: int, /) -> simpy.Event:
        """Return the event."""


class Plane:
    """One control process's hold on a run. All figures and values are those of full size, whatever the scale."""

    def __init__(self, env: simpy.Environment, panel: Panel, moment: Moment, *, index: int, name: str) -> None:
        self.name = name
        self.wakes_ns = -1
        self.awaited: simpy.Event | None = None
        self._env = env
        self._panel = panel
        self._moment = moment
        self._index = index

    @property
    def now_ns(self) -> int:
        """The present instant, in ns from the start of the run."""
        return int(self._env.now)

    def wait(self, duration: int | str) -> simpy.Event:
        """Return an event to yield: so many ns later (or "30s"), after all else of its ns and before its sample."""
        try:
            wait_ns = units.duration_ns(duration) if isinstance(duration, str) else duration
        except ValueError as error:
            raise ControlError(f"wait: {error}") from None
        if isinstance(wait_ns, bool) or not isinstance(wait_ns, int) or not 1 <= wait_ns <= units.LONGEST_NS:
            raise ControlError(f'wait: {units.shown(duration)} is no time to wait; give whole ns, at least 1, or "30s"')
        return self.wake_at(self.now_ns + wait_ns)

    def wake_at(self, at_ns: int) -> simpy.Event:
        """Return an event to yield that happens at an instant."""
        self.wakes_ns = at_ns
        self.awaited = self._moment(at_ns, self._index)
        return self.awaited

    def gauge(self, name: str) -> float:
        """Return a gauge, or what a counter has counted since the start (docs/results.md lists both)."""
        return self._panel.read(name)

    def knob(self, path: str) -> Value:
        """Return the value that a knob has now: a number; of a rate a Fraction per second, or None for no limit."""
        return self._panel.value(path, self.now_ns)

    def turn(self, path: str, value: object) -> None:
        """Give a knob a value, in this ns, when the process waits again; `value` as in a file, or as `knob` has it."""
        self._panel.turn(self.name, path, value, self.now_ns)

    def check(self, *, gauge: str | None = None, knob: str | None = None, value: object = None) -> None:
        """Raise `ControlError` where a gauge is not there, or a knob, or a knob does not take a value (if given)."""
        if gauge is not None:
            self._panel.check_readable(gauge)
        if knob is not None:
            self.knob(knob)
            if value is not None:
                self._panel.parsed(knob, value)
