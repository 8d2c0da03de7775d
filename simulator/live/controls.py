"""Control processes beside a running stack: the clock brings them to the instants at which they wake."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from scenarios import metrics
from scenarios.errors import ScenarioError
from scenarios.knobs import Knob, Value
from scenarios.model import Scenario
from simulator.control.drive import Drive
from simulator.control.panel import as_in_a_file
from simulator.live.admin import BY_CONTROLS
from simulator.live.clock import ModelClock
from simulator.outcome import FAILURES
from simulator.rank import Rank

Say = Callable[..., dict[str, Any]]
FAILED = tuple(reason for reason in FAILURES if reason != "timed_out")


class Controls:
    """A thread in which they live, from where the simulated run has brought them, until `ending`."""

    def __init__(self, drive: Drive, scenario: Scenario, clock: ModelClock, ending: threading.Event, say: Say) -> None:
        """`say` says something to the upstream, and returns its answer."""
        self.failed: ScenarioError | None = None
        self._drive = drive
        self._horizon_ns = scenario.horizon_ns
        self._ending = ending
        drive.go_on_with(_Running(drive, scenario, clock, ending, say))
        self._thread = threading.Thread(target=self._live, name="controls")

    def begin(self) -> None:
        """Wait for the instants at which they wake."""
        self._thread.start()

    def end(self) -> None:
        """Return when none is awake any more; `ending` has been set."""
        self._thread.join()

    def _live(self) -> None:
        try:
            self._drive.advance(self._horizon_ns)
        except _Ended:
            pass
        except ScenarioError as error:
            if not self._ending.is_set():  # else it asked a stack that has ended
                self.failed = error


class _Ended(Exception):  # noqa: N818  # it is no error
    """The stack ends."""


class _Running:
    """A running stack, as control processes see it."""

    def __init__(self, drive: Drive, scenario: Scenario, clock: ModelClock, ending: threading.Event, say: Say) -> None:
        counters = [name for name in metrics.COUNTERS if name in metrics.readable_live(scenario)]
        self._before = {name: drive.engine.counter(name) for name in counters}
        self._clock = clock
        self._ending = ending
        self._say = say
        self._seen = dict.fromkeys(counters, 0)

    def gauge(self, name: str) -> float:
        found: dict[str, float] = self._say(do="figures")["gauges"]
        return found[name]

    def counter(self, name: str) -> int:
        """What was counted before the slice, and since; an upstream that is new counts from 0 again."""
        now = counted(name, self._say(do="figures"))
        if now < self._seen[name]:
            self._before[name] += self._seen[name]
        self._seen[name] = now
        return self._before[name] + now

    def turn(self, knob: Knob, value: Value) -> None:
        self._say(do="turn", knob=knob.path, value=as_in_a_file(knob, value), by=BY_CONTROLS)

    def advance(self, until_ns: int, rank: Rank) -> None:
        """Wait until it is that instant here."""
        left_s = self._clock.seconds_until(until_ns)
        assert left_s is not None
        if self._ending.wait(max(0.0, left_s)):
            raise _Ended


def counted(name: str, figures: Mapping[str, Any]) -> int:
    """Return a counter from what the upstream tells: answers of all gateway workers, and orders of the ledger."""
    said: Mapping[str, int] = figures["totals"]["counts"]
    if name == "orders.placed":
        return int(figures["gauges"]["orders"])
    if name == "attempts.completed":
        return said.get("placed", 0)
    if name == "attempts.timed_out":
        return said.get("timed_out", 0)
    if name == "attempts.failed":
        return sum(said.get(reason, 0) for reason in FAILED)
    if name == "attempts.offered":
        answered = sum(said.get(verdict, 0) for verdict in ("placed", "timed_out", *FAILED))
        return answered + int(figures["totals"]["under_way"])
    return said.get(name.removeprefix("failures."), 0)
