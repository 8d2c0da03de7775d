"""Turning knobs of a running town: what timelines, incidents and control processes do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.knobs import Kind, Knob, Value
from scenarios.policy import turn_law
from simulator.reference.batching import BatchingPool
from simulator.reference.stations import ServerStation

if TYPE_CHECKING:
    from simulator.reference.town import Town


def turn(town: Town, knob: Knob, value: Value) -> None:
    """Give a knob a value, now."""
    if knob.kind in (Kind.ADMISSION_RATE, Kind.ADMISSION_LIMIT):
        turn_law(town.laws[town.scenario.admission[knob.index].name], knob, value, town.now_ns)
    elif knob.kind in (Kind.KITCHENS_SLOWDOWN, Kind.KITCHENS_CLOSED, Kind.COURIERS_SLOWDOWN, Kind.GATEWAY_SERVERS):
        _turn_town(town, knob, value)
    else:
        _turn_stage(town, knob, value)


def _turn_stage(town: Town, knob: Knob, value: Value) -> None:
    assert value is not None
    stage = town.stages[knob.index]
    if knob.kind is Kind.STAGE_FAILURE:
        stage.failure = float(value)
        return
    for station in stage.stations:
        if knob.kind is Kind.STAGE_QUEUE_LIMIT:
            station.queue_limit = int(value)
        elif knob.kind is Kind.STAGE_SLOWDOWN:
            station.slowdown = float(value)
        elif isinstance(station, BatchingPool):
            station.resize(value)
        elif isinstance(station, ServerStation):
            station.set_servers(int(value))


def _turn_town(town: Town, knob: Knob, value: Value) -> None:
    assert value is not None
    if knob.kind is Kind.GATEWAY_SERVERS:
        assert town.gateway.station is not None
        town.gateway.station.set_servers(int(value))
    elif knob.kind is Kind.KITCHENS_SLOWDOWN:
        town.street.kitchens.slowdown = float(value)
    elif knob.kind is Kind.KITCHENS_CLOSED:
        town.street.kitchens.closed = float(value)
    else:
        town.street.couriers.slowdown = float(value)
