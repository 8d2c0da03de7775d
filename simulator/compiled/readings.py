"""Gauges and counters of a run that has been brought to an instant: what control processes read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.metrics import BY_BUCKET, COUNTERS
from simulator.compiled import layout as at
from simulator.compiled.series import capacity_of, in_service_at, waiting_at

if TYPE_CHECKING:
    from simulator.compiled.engine import Run

_OF_PEOPLE = {"people.trying": at.TRYING, "people.away": at.AWAY, "orders.in_progress": at.IN_PROGRESS}
_STEPPED = {"kitchens.backlog_cups": 0, "kitchens.paused": 1, "couriers.waiting": 2}
_OF_STAGES = {"backlog": waiting_at, "busy": in_service_at, "capacity": capacity_of}


def gauge(run: Run, name: str) -> float:
    """Return a gauge now; those of BY_BUCKET as they were at the end of the last closed bucket."""
    words = run.words
    if name in _OF_PEOPLE:
        return float(words[_OF_PEOPLE[name]])
    if name in _STEPPED:
        place = int(words[at.CUPS_STEPS + _STEPPED[name]])
        return float(words[place : place + int(words[at.CLOSED])].sum())
    stage, _, what = name.removeprefix("stages.").rpartition(".")
    number = ["gateway", *(each.name for each in run.scenario.stages)].index(stage)
    row = at.STAGES + number * at.STAGE_WIDTH
    return float(_OF_STAGES[what](run.views[0], row))


def counter(run: Run, name: str) -> int:
    """Return a counter now; those of BY_BUCKET as they were at the end of the last closed bucket."""
    words, place = run.words, COUNTERS.index(name)
    if name not in BY_BUCKET:
        return int(words[at.COUNTS + place])
    closed = int(words[at.CLOSED])
    if not closed:
        return 0
    row = int(words[at.SERIES]) + (closed - 1) * int(words[at.SERIES_WIDTH])
    known_ahead = int(words[at.CARRIED_LATER])
    return int(words[row + place]) + int(words[known_ahead : known_ahead + closed].sum())
