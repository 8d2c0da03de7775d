"""The SimPy engine: builds the town, lets it live until the horizon, and hands back what happened."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import simpy

from scenarios import model
from scenarios.knobs import Knob, Value
from scenarios.schedule import Change, changes
from scenarios.world import build_world
from simulator.control.room import ControlRoom
from simulator.outcome import Ints, Outcome, StageOutcome, Way
from simulator.progress import OnProgress, Stop
from simulator.rank import Rank
from simulator.reference.changing import turn
from simulator.reference.instants import call_at, happen_next, moment
from simulator.reference.person import person_life
from simulator.reference.stations import Station
from simulator.reference.town import Town
from simulator.samples import Sample

TELLS = 20_000  # how often over the horizon progress is told and a stop is heard


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
) -> Outcome:
    """Simulate a scenario (already scaled) to its horizon, or to `until_ns`, or until `stop` says so.

    What is in the ns of `until_ns` does not happen. `room` holds its control processes; without one they take the
    scenario for one of full size.
    """
    room = room or ControlRoom(scenario, scenario, Fraction(1))
    env = simpy.Environment()
    town = Town(env, scenario, seed=seed, world=build_world(scenario), trace=trace)
    _watch_gauges(town)
    env.process(_arrivals(town, first_arrivals_ns))
    env.process(_samples(town))
    for index, change in enumerate(changes(scenario)):
        call_at(env, _applying(town, change), change.at_ns, Rank.INCIDENT, 0, index, 0)
    room.open(env, partial(_control_moment, env), _Controlled(town))
    end_ns = scenario.horizon_ns if until_ns is None else until_ns
    heard = _hears(town, stop) if stop is not None else lambda: False
    for told in range(1, TELLS + 1):
        next_ns = end_ns * told // TELLS
        if next_ns <= env.now:
            continue
        env.run(until=next_ns)
        if on_progress is not None:
            on_progress(next_ns, end_ns, _events(env), town.ledger.counts["orders.placed"])
        if next_ns < end_ns and heard():
            break
    return replace(_outcome(town), turns=tuple(room.panel.turns), turn_count=room.panel.turn_count)


class _Controlled:
    """What control processes see of a town, and do to it."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def gauge(self, name: str) -> float:
        return self.town.ledger.gauge(name)

    def counter(self, name: str) -> int:
        return self.town.ledger.counter(name)

    def turn(self, knob: Knob, value: Value) -> None:
        turn(self.town, knob, value)


def _control_moment(env: simpy.Environment, at_ns: int, index: int) -> simpy.Event:
    return moment(env, at_ns, Rank.CONTROL, 0, index, 0)


def _hears(town: Town, stop: Stop) -> Callable[[], bool]:
    """Let the town ask `stop` within a stretch of time too, which may hold a storm; returns whether to end."""

    def ask() -> None:
        if not town.stopped_within and stop():
            town.stopped_within = True
            end = simpy.Event(town.env)
            end.callbacks.append(simpy.core.StopSimulation.callback)
            happen_next(end)

    town.ask_to_stop = ask
    return lambda: town.stopped_within or stop()


def _arrivals(town: Town, first_arrivals_ns: Ints) -> Generator[simpy.Event, Any, None]:
    for want, at_ns in enumerate(first_arrivals_ns):
        yield moment(town.env, int(at_ns), Rank.ARRIVAL, 0, want, 1)
        town.env.process(person_life(town, want))


def _samples(town: Town) -> Generator[simpy.Event, Any, None]:
    while True:
        yield moment(town.env, town.now_ns + town.scenario.bucket_ns, Rank.SAMPLE, 0, 0, 0)
        town.ledger.close_bucket()


def _applying(town: Town, change: Change) -> Callable[[], None]:
    return lambda: turn(town, change.knob, change.value)


def _watch_gauges(town: Town) -> None:
    gauges = town.ledger.gauges
    gauges["people.trying"] = lambda: town.trying
    gauges["people.away"] = lambda: town.away
    gauges["orders.in_progress"] = lambda: town.street.in_progress
    for stage in town.stages:
        gauges[f"stages.{stage.name}.backlog"] = lambda stage=stage: stage.waiting  # type: ignore[misc]
        gauges[f"stages.{stage.name}.busy"] = lambda stage=stage: stage.in_service  # type: ignore[misc]
        gauges[f"stages.{stage.name}.capacity"] = lambda stage=stage: stage.capacity  # type: ignore[misc]
    if town.gateway.station is not None:
        station = town.gateway.station
        gauges["stages.gateway.backlog"] = lambda: station.waiting
        gauges["stages.gateway.busy"] = lambda: station.in_service
        gauges["stages.gateway.capacity"] = lambda: station.servers


def _events(env: simpy.Environment) -> int:
    """How many events SimPy has been given so far, its own hops included."""
    return int(repr(env._eid).removeprefix("count(").removesuffix(")"))  # to copy or pickle it is deprecated


def _outcome(town: Town) -> Outcome:
    ledger, ended_ns = town.ledger, town.now_ns
    reached_ns = ended_ns + town.stopped_within  # what is known beforehand and before this has happened
    ledger.close_bucket()
    for person in town.people:
        ledger.tried(ended_ns - person.first_try_ns, ordered=False)
    counts = ledger.totals(reached_ns)
    counts["people.pending"] = len(town.people)
    counts["attempts.pending"] = town.gateway.pending
    counts["attempts.unanswered"] = sum(attempt.answered_ns < 0 for attempt in town.attempts)
    counts["orders.in_progress"] = town.street.in_progress
    work_ns = {**ledger.work_ns, "pending": town.work_pending_ns()}
    names = [segment.name for segment in town.scenario.segments]
    orders = attempts = None
    if town.tracing is not None:
        for attempt in town.attempts:
            town.tracing.attempt(attempt)
        orders = town.tracing.order_rows(town.people, reached_ns, town.street.promise_ns)
        attempts = town.tracing.attempts.sorted_columns()
    return Outcome(
        horizon_ns=town.scenario.horizon_ns,
        ended_ns=ended_ns,
        interrupted=ended_ns < town.scenario.horizon_ns,
        events=_events(town.env),
        counts=counts,
        work_ns=work_ns,
        samples={name: _sample([values]) for name, values in ledger.samples.items()},
        shut_out=tuple(ledger.shut_out.values()),
        stages=tuple(_stage_outcomes(town)),
        bucket_ns=town.scenario.bucket_ns,
        per_bucket=ledger.per_bucket(reached_ns),
        gauges=ledger.gauge_series(),
        zones_wanted=np.array(town.zones_wanted, dtype=np.int64),
        zones_placed=np.array(town.zones_placed, dtype=np.int64),
        segments={
            name: (counted.wanted, counted.placed, _sample([counted.time_to_order_ns]))
            for name, counted in zip(names, town.segments, strict=False)
        },
        orders=orders,
        attempts=attempts,
    )


def _stage_outcomes(town: Town) -> Generator[StageOutcome, None, None]:
    gateway = town.gateway
    if gateway.station is not None:
        yield _stage_outcome("gateway", gateway.counts, 0, [gateway.station], Way())
    for stage, of in zip(town.stages, town.scenario.stages, strict=True):
        yield _stage_outcome(stage.name, stage.counts, stage.paced, stage.stations, Way.to(of))


def _stage_outcome(
    name: str, counts: dict[str, int], paced: int, stations: Sequence[Station], way: Way
) -> StageOutcome:
    for station in stations:
        station.count_time()
    return StageOutcome(
        name=name,
        waiting_ns=_sample([station.waiting_ns for station in stations]),
        service_ns=_sample([station.service_ns for station in stations]),
        busy_ns=sum(station.busy_integral_ns for station in stations),
        available_ns=sum(station.available_integral_ns for station in stations),
        queue_max=max((station.queue_max for station in stations), default=0),
        queue_integral_ns=sum(station.queue_integral_ns for station in stations),
        unserved_waiting_ns=sum(station.unserved_waiting_ns for station in stations),
        counts={
            **counts,
            "waiting": paced + sum(station.waiting for station in stations),
            "in_service": sum(station.in_service for station in stations),
        },
        way=way,
        kv_blocked=sum(station.kv_blocked for station in stations),
    )


def _sample(parts: list[array[int]]) -> Sample:
    return Sample.of(np.concatenate([np.array(part, dtype=np.int64) for part in parts]))
