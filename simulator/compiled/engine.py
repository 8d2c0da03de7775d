"""A run of the compiled engine: it can be brought to any instant, read, turned, saved, and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from scenarios import model
from scenarios.knobs import Kind, Knob, Value
from scenarios.schedule import changes
from scenarios.world import build_world
from simulator.compiled import layout as at
from simulator.compiled import readings
from simulator.compiled.build import State, build
from simulator.compiled.jit import INTERPRETED
from simulator.compiled.loop import DONE, NEEDS_HEAP, NEEDS_WORDS, advance
from simulator.compiled.outcome import outcome_of
from simulator.compiled.turning import turn
from simulator.control.drive import Drive
from simulator.control.room import ControlRoom
from simulator.outcome import Ints, Outcome
from simulator.progress import OnProgress, Stop
from simulator.rank import Rank

TELLS = 2000  # how often over the horizon progress is told and a stop is heard
EVENTS_BETWEEN_STOPS = 1 << 18  # less than 0.2 s
LEAST_GROWTH = 1 << 20
MOST_AHEAD = 1 << 28  # words taken in advance; a word costs memory once it is written to


class Stopped(Exception):  # noqa: N818  # it is no error
    """The run was told to stop within a stretch of time; it stands where it is."""


class Run:
    """One run. `words` and `numbers` are its whole state; layout.py says what lies where."""

    def __init__(
        self,
        scenario: model.Scenario,
        *,
        seed: int,
        first_arrivals_ns: Ints,
        trace: bool = False,
        state: State | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Begin at time 0; or go on from a saved state of the same scenario. `stop` is asked while it advances."""
        self.scenario = scenario
        self.stop = stop
        self.stopped_within = False
        self.changes = changes(scenario)
        begins = state is None
        if state is None:
            world = build_world(scenario)
            state = build(scenario, world, seed=seed, first_arrivals_ns=first_arrivals_ns, trace=trace)
        self.words, self.numbers, self.first_ns = state.words, state.numbers.copy(), state.first_ns
        self.views: tuple[Any, Any] = (None, None)
        self.make_room(LEAST_GROWTH)
        for index, stage in enumerate(scenario.stages):
            if begins and isinstance(stage, model.BatchingStage):
                self.turn(Knob(Kind.STAGE_REPLICAS, index, ""), stage.replicas)

    @property
    def now_ns(self) -> int:
        """The instant to which the run has been brought."""
        return int(self.words[at.NOW_NS])

    @property
    def next_first(self) -> int:
        """The want of the first person, of those who come by themselves, who has not come yet."""
        return int(self.words[at.NEXT_FIRST])

    @property
    def events(self) -> int:
        """How many events have happened."""
        return int(self.words[at.EVENTS])

    def advance(self, until_ns: int, rank: Rank = Rank.INCIDENT) -> None:
        """Let all events before (until_ns, rank) happen, changes of knobs included; rank is INCIDENT or CONTROL.

        Raises `Stopped` where `stop` says so, between two events that may be of one instant.
        """
        included = rank > Rank.INCIDENT
        for change in self.changes[int(self.words[at.CHANGES_DONE]) :]:
            if change.at_ns > until_ns or (change.at_ns == until_ns and not included):
                break
            self._advance(change.at_ns, False)
            self.words[at.CHANGES_DONE] += 1
            self.turn(change.knob, change.value)
        self._advance(until_ns, included)

    def turn(self, knob: Knob, value: Value) -> None:
        """Give a knob a value, now."""
        turn(self, knob, value)
        self._advance(self.now_ns, False)  # servers take up work at this turn, and who is dropped is told

    def gauge(self, name: str) -> float:
        """Return a gauge as control processes are told it."""
        return readings.gauge(self, name)

    def counter(self, name: str) -> int:
        """Return a counter as control processes are told it."""
        return readings.counter(self, name)

    def state(self) -> State:
        """A copy of all that the run is, from which another one can go on."""
        return State(self.words[: self.words[at.TOP]].copy(), self.numbers.copy(), self.first_ns)

    def outcome(self) -> Outcome:
        """What has happened so far."""
        return outcome_of(self)

    def make_room(self, words: int) -> None:
        """Have room for so many words beside what one event needs."""
        spare = int(self.words[at.SPARE] + self.words[at.ATTEMPT_SPARE] * self.words[at.LIVE])
        top = int(self.words[at.TOP])
        if top + words + spare > len(self.words) or self.words[at.CAPACITY] != len(self.words):
            self._resize(max(top + words + spare + LEAST_GROWTH, min(4 * top, top + MOST_AHEAD)))
        entries = int(self.words[at.HEAP_LENGTH] + self.words[at.LIVE] + self.words[at.HEAP_SPARE])
        if entries > self.words[at.HEAP_ROOM]:
            self._widen_heap(2 * entries)

    def _advance(self, until_ns: int, included: bool) -> None:
        first = _view(self.first_ns)
        while (came_back := advance(*self.views, first, until_ns, included, EVENTS_BETWEEN_STOPS)) != DONE:
            if came_back == NEEDS_HEAP:
                self._widen_heap(2 * int(self.words[at.HEAP_ROOM]))
            elif came_back == NEEDS_WORDS:
                self.make_room(LEAST_GROWTH)
            elif self.stop is not None and self.stop():
                self.stopped_within = True
                raise Stopped

    def _resize(self, capacity: int) -> None:
        words = np.zeros(capacity, dtype=np.int64)
        top = int(self.words[at.TOP])
        words[:top] = self.words[:top]
        words[at.CAPACITY] = capacity
        self.words = words
        self.views = _view(words), _view(self.numbers)

    def _widen_heap(self, room: int) -> None:
        words = self.words
        old, length = int(words[at.HEAP]), 2 * int(words[at.HEAP_LENGTH])
        place = int(words[at.TOP])
        self._resize(max(len(words), place + 2 * room + LEAST_GROWTH))
        self.words[place : place + length] = self.words[old : old + length]
        self.words[at.HEAP] = place
        self.words[at.HEAP_ROOM] = room
        self.words[at.TOP] = place + -(-2 * room // 16) * 16


def _view(array: Any) -> Any:
    """Return what the kernel reads an array through: interpreted it needs plain numbers, not those of NumPy."""
    return memoryview(array) if INTERPRETED else array


def run(
    scenario: model.Scenario,
    *,
    seed: int,
    first_arrivals_ns: Ints,
    trace: bool = False,
    on_progress: OnProgress | None = None,
    stop: Stop | None = None,
    room: ControlRoom | None = None,
    until_ns: int | None = None,
    state: State | None = None,
    on_end: Callable[[Run], None] | None = None,
) -> Outcome:
    """Simulate a scenario (already scaled) to its horizon, or to `until_ns`, or until `stop` says so.

    What is in the ns of `until_ns` does not happen. `room` holds its control processes; without one they take the
    scenario for one of full size. `state` is that of a run which goes on; `on_end` is given the run where it ends.
    """
    room = room or ControlRoom(scenario, scenario, Fraction(1))
    life = Run(scenario, seed=seed, first_arrivals_ns=first_arrivals_ns, trace=trace, state=state, stop=stop)
    drive = Drive(room, life)
    end_ns = scenario.horizon_ns if until_ns is None else until_ns
    begin_ns, events, orders = life.now_ns, life.events, int(life.words[at.ORDERS_PLACED])
    with suppress(Stopped):
        for told in range(1, TELLS + 1):
            next_ns = begin_ns + (end_ns - begin_ns) * told // TELLS
            if next_ns <= life.now_ns:
                continue
            drive.advance(next_ns)
            if on_progress is not None:
                so_far = life.events - events, int(life.words[at.ORDERS_PLACED]) - orders
                on_progress(next_ns - begin_ns, end_ns - begin_ns, *so_far)
            if stop is not None and next_ns < end_ns and stop():
                break
    if on_end is not None:
        on_end(life)
    return replace(life.outcome(), turns=tuple(room.panel.turns), turn_count=room.panel.turn_count)
