"""An operator with a runbook: watches gauges, turns a knob when one is out of bounds, and back when all is well."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

from scenarios import metrics, units
from scenarios.errors import did_you_mean
from scenarios.knobs import Value
from simulator.control.arguments import pause_ns, read
from simulator.control.panel import ControlError
from simulator.control.plane import Plane

_BOUND = ("above", "below", "for")
_RULE = ("name", "gauge", *_BOUND, "turn", "to", "at_most_every", "release")


@dataclass(frozen=True, kw_only=True)
class _Bound:
    """Holds while a figure is above (or below) a bound, and long enough."""

    above: float | None
    below: float | None
    for_ns: int

    def holds(self, figure: float) -> bool:
        return (self.above is not None and figure > self.above) or (self.below is not None and figure < self.below)


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """When a gauge is out of bounds, turn a knob; with `release`, turn it back when that bound holds."""

    gauge: str
    when: _Bound
    knob: str
    to: object
    at_most_every_ns: int
    release: _Bound | None
    release_to: object  # None: what the knob had before


@dataclass
class _State:
    """Where the operator is with a rule; instants in ns, -1 for none."""

    since_ns: int = -1  # from this look on what is waited for has held
    acted_ns: int = -1
    engaged: bool = False
    before: Value = None
    counted: float = 0.0
    looked_ns: int = -1


def runbook(
    plane: Plane, *, rules: Sequence[Mapping[str, Any]], every: str = "10s"
) -> Generator[simpy.Event, Any, None]:
    """Look at all rules every `every`, in their order.

    A rule has a `name`, a `gauge` with `above` or `below` and `for` (0s unless given: the first look that sees it), a
    knob to `turn` and the value `to` give it, `at_most_every` (0s), and a `release` with `above` or `below`, `for` and
    `to` (unless given, the value that the knob had before). A counter in place of a gauge is told as its growth per
    second since the look before; at the first look it is not known, and nothing holds.
    """
    pairs = [(_rule(plane, at, raw), _State()) for at, raw in enumerate(rules)]
    if not pairs:
        raise ControlError("rules: there is none; write at least one")
    return _watching(plane, pairs, read("every", pause_ns, every))


def _watching(plane: Plane, pairs: Sequence[tuple[_Rule, _State]], every_ns: int) -> Generator[simpy.Event, Any, None]:
    while True:
        for rule, state in pairs:
            _look(plane, rule, state)
        yield plane.wait(every_ns)


def _look(plane: Plane, rule: _Rule, state: _State) -> None:
    now_ns, figure = plane.now_ns, _figure(plane, rule, state)
    bound = rule.release if state.engaged and rule.release is not None else rule.when
    if figure is None or not bound.holds(figure):
        state.since_ns = -1
        return
    if state.since_ns < 0:
        state.since_ns = now_ns
    if now_ns - state.since_ns < bound.for_ns:
        return
    if state.engaged:
        plane.turn(rule.knob, state.before if rule.release_to is None else rule.release_to)
        state.engaged, state.since_ns = False, -1
    elif state.acted_ns < 0 or now_ns - state.acted_ns >= rule.at_most_every_ns:
        state.before = plane.knob(rule.knob)
        plane.turn(rule.knob, rule.to)
        state.acted_ns, state.since_ns, state.engaged = now_ns, -1, rule.release is not None


def _figure(plane: Plane, rule: _Rule, state: _State) -> float | None:
    """Return the gauge now, or how fast a counter has grown since the look before."""
    now = plane.gauge(rule.gauge)
    if rule.gauge not in metrics.COUNTERS:
        return now
    grown, passed_ns, known = now - state.counted, plane.now_ns - state.looked_ns, state.looked_ns >= 0
    state.counted, state.looked_ns = now, plane.now_ns
    return grown * units.NS_PER_S / passed_ns if known else None


def _rule(plane: Plane, at: int, raw: object) -> _Rule:
    if not isinstance(raw, Mapping):
        raise ControlError(f"rules.{at}: needs a table of keys and values")
    where = f"rules.{raw.get('name', at)}"
    _check_keys(where, raw, _RULE, ("name", "gauge", "turn", "to"))
    release = raw.get("release")
    if release is not None:
        if not isinstance(release, Mapping):
            raise ControlError(f"{where}.release: needs a table of keys and values")
        _check_keys(f"{where}.release", release, (*_BOUND, "to"), ())
    try:
        plane.check(gauge=raw["gauge"], knob=raw["turn"], value=raw["to"])
        if release is not None:
            plane.check(knob=raw["turn"], value=release.get("to"))
    except ControlError as error:
        raise ControlError(f"{where}: {error}") from None
    return _Rule(
        gauge=raw["gauge"],
        when=_bound(where, raw),
        knob=raw["turn"],
        to=raw["to"],
        at_most_every_ns=read(f"{where}.at_most_every", units.duration_ns, raw.get("at_most_every", "0s")),
        release=None if release is None else _bound(f"{where}.release", release),
        release_to=None if release is None else release.get("to"),
    )


def _bound(where: str, raw: Mapping[str, Any]) -> _Bound:
    if ("above" in raw) == ("below" in raw):
        raise ControlError(f"{where}: needs above or below, one of the two")
    bounds = {name: read(f"{where}.{name}", units.number, raw[name]) for name in ("above", "below") if name in raw}
    for_ns = read(f"{where}.for", units.duration_ns, raw.get("for", "0s"))
    return _Bound(above=bounds.get("above"), below=bounds.get("below"), for_ns=for_ns)


def _check_keys(where: str, raw: Mapping[str, Any], known: Sequence[str], needed: Sequence[str]) -> None:
    for key in raw:
        if key not in known:
            raise ControlError(f"{where}.{key}: is not a known key{did_you_mean(key, known)}")
    for key in needed:
        if key not in raw:
            raise ControlError(f"{where}.{key}: is missing; add it")
