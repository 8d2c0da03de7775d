"""Incidents and timelines, flattened to the instants at which a knob's value changes (docs/model.md, Knobs)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from scenarios import knobs
from scenarios.knobs import Knob, Value
from scenarios.model import Scenario, WindowAdmission


@dataclass(frozen=True, slots=True)
class Change:
    """From this instant on, before anything else that happens in it, a knob has this value."""

    at_ns: int
    knob: Knob
    value: Value


@dataclass
class _Turns:
    """All that turns one knob: steps of its timeline in time order, incidents (from, until, value) in file order."""

    steps_ns: list[int] = field(default_factory=list)
    steps: list[Value] = field(default_factory=list)
    incidents: list[tuple[int, int, Value]] = field(default_factory=list)

    def instants_ns(self) -> list[int]:
        ends = {at_ns for begin_ns, end_ns, _ in self.incidents for at_ns in (begin_ns, end_ns)}
        return sorted({*self.steps_ns, *ends})

    def at(self, now_ns: int, untouched: Value) -> Value:
        standing = [
            (begin_ns, order, value)
            for order, (begin_ns, end_ns, value) in enumerate(self.incidents)
            if begin_ns <= now_ns < end_ns
        ]
        if standing:
            return max(standing, key=lambda one: one[:2])[2]
        last = bisect_right(self.steps_ns, now_ns) - 1
        return self.steps[last] if last >= 0 else untouched


def changes(scenario: Scenario) -> tuple[Change, ...]:
    """Return every change of a knob before the horizon, in the order in which they happen.

    A timeline gives a knob its value from its first step on; an incident overrides it while it stands, the one that
    began last (then the later in the file) first. A knob changes at most once in an instant, and only to another
    value. In one instant, knobs change in the order in which the file names them, timelines first. Where the scenario
    has control processes, steps and incidents that leave the value as it is count too: they take the knob back.
    """
    found = [
        (change.at_ns, order, change)
        for order, (knob, turns) in enumerate(_turns(scenario).items())
        for change in _changes(knob, turns, scenario)
    ]
    return tuple(change for _, _, change in sorted(found, key=lambda one: one[:2]))


def most_slots(scenario: Scenario, admission: WindowAdmission) -> int:
    """The largest limit that a log will have in the run."""
    path = f"admission.{admission.name}.limit"
    changed = [change.value for change in changes(scenario) if change.knob.path == path]
    return max([admission.limit, *(limit for limit in changed if isinstance(limit, int))])


def _turns(scenario: Scenario) -> dict[Knob, _Turns]:
    turns: dict[Knob, _Turns] = {}
    for timeline in scenario.timelines:
        knob = knobs.parse(timeline.knob, scenario)
        of = turns.setdefault(knob, _Turns())
        of.steps_ns = [at_ns for at_ns, _ in timeline.steps]
        of.steps = [knobs.value(knob, raw, scenario) for _, raw in timeline.steps]
    for incident in scenario.incidents:
        for path, raw in incident.set.items():
            knob = knobs.parse(path, scenario)
            span = (incident.at_ns, incident.at_ns + incident.for_ns, knobs.value(knob, raw, scenario))
            turns.setdefault(knob, _Turns()).incidents.append(span)
    return turns


def _changes(knob: Knob, turns: _Turns, scenario: Scenario) -> Iterator[Change]:
    untouched = before = knobs.base(knob, scenario)
    for at_ns in turns.instants_ns():
        now = turns.at(at_ns, untouched)
        if (now != before or scenario.controls) and at_ns < scenario.horizon_ns:
            yield Change(at_ns, knob, now)
        before = now
