"""The same scenario, smaller or larger: everything that counts people or what serves them, and nothing that is a time.

Multiplied: arrival rates; rates, bursts, limits, caps and reserves of laws keyed globally or by segment; queue limits,
lengths of the queues of an apf, budgets, servers, replicas, zones, the couriers' national rate; what incidents and
timelines set of these; values of milestones and gates whose figure grows with the run. Left alone: times, patience,
stores and couriers of a zone, limits of one person, store or zone, costs, the calls that a circuit breaker judges by,
shards, and traces of arrivals (`scenarios.workload` thins them). Numbers that must be whole go to the nearest, halves
up, at least 1 where they were not 0; replicas and rates stay exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from scenarios import knobs, metrics
from scenarios.distributions import Frozen
from scenarios.errors import Problem, ScenarioError
from scenarios.knobs import Kind
from scenarios.model import (
    ApfAdmission,
    BatchingStage,
    ClockCouriers,
    ConcurrencyAdmission,
    DagorAdmission,
    EnvoyGradientAdmission,
    Gate,
    Gradient2Admission,
    HotKeyAdmission,
    Incident,
    Milestone,
    RateAdmission,
    RetryBudgetAdmission,
    RetryRatioAdmission,
    RetryThrottleAdmission,
    Scenario,
    SedaAdmission,
    ServerStage,
    StartingAdmission,
    Timeline,
    TopDownAdmission,
    WaitingRoomAdmission,
    WindowAdmission,
)
from scenarios.schedule import changes

LARGEST = 10
_WHOLE = (Kind.STAGE_SERVERS, Kind.STAGE_QUEUE_LIMIT, Kind.GATEWAY_SERVERS, Kind.ADMISSION_LIMIT)
_SHARED_KEYS = ("global", "segment")

P = TypeVar("P", bound=Frozen)


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """A number that had to be whole: where it stands, what the scale made of it, and what is used."""

    path: str
    exact: Fraction
    used: int


def scaled(scenario: Scenario, scale: Fraction) -> tuple[Scenario, tuple[Rounding, ...]]:
    """Return the scenario at a scale, and every rounding. At scale 1 it is the scenario itself."""
    if not 0 < scale <= LARGEST:
        remedy = f"{float(scale):g} is not a scale; use more than 0 and at most {LARGEST}, such as 0.02"
        raise ScenarioError(Problem(source="--scale", remedy=remedy))
    if scale == 1:
        return scenario, ()
    scaling = _Scaling(scenario, scale)
    result = scaling.scenario()
    try:
        changes(result)
        for law in result.admission:
            for rate_per_s in law.credits_per_s.values() if isinstance(law, WaitingRoomAdmission) else ():
                knobs.check_rate(law, rate_per_s)
            if isinstance(law, knobs.RATED):
                knobs.check_rate(law, law.rate_per_s)
            for override in law.overrides if isinstance(law, HotKeyAdmission) else ():
                knobs.check_override(override)
    except ValueError as error:
        remedy = f"{float(scale):g} is too far from 1 for a law or a knob: {error}"
        raise ScenarioError(Problem(source="--scale", remedy=remedy)) from None
    return result, tuple(scaling.roundings)


def scaled_value(scenario: Scenario, path: str, raw: Any, scale: Fraction) -> Any:
    """Return what becomes of a knob's value, given for full size as a file would give it, at a scale."""
    return raw if scale == 1 else _Scaling(scenario, scale).turned(path, raw, path)


class _Scaling:
    """One scenario at one scale; each method returns a part of it scaled, and notes what it rounds."""

    def __init__(self, scenario: Scenario, scale: Fraction) -> None:
        self.original = scenario
        self.scale = scale
        self.roundings: list[Rounding] = []

    def scenario(self) -> Scenario:
        original = self.original
        rates = tuple((at_ns, rate * self.scale) for at_ns, rate in original.arrivals.rate_per_s)
        return _with(
            original,
            arrivals=_with(original.arrivals, rate_per_s=rates),
            gateway=original.gateway and self.whole(original.gateway, "gateway", ("servers", "queue_limit")),
            stages=tuple(self.stage(stage) for stage in original.stages),
            admission=tuple(self.law(law) for law in original.admission),
            street=original.street and self.whole(original.street, "street", ("zones",)),
            couriers=self.couriers(),
            timelines=tuple(self.timeline(timeline) for timeline in original.timelines),
            incidents=tuple(self.incident(incident) for incident in original.incidents),
            milestones=tuple(self.milestone(milestone) for milestone in original.milestones),
            gates=tuple(self.gate(gate) for gate in original.gates),
        )

    def stage(self, stage: ServerStage | BatchingStage) -> ServerStage | BatchingStage:
        path = f"stages.{stage.name}"
        if isinstance(stage, BatchingStage):
            return self.whole(_with(stage, replicas=self.real(stage.replicas)), path, ("queue_limit",))
        return self.whole(stage, path, ("servers", "queue_limit", "budget"))

    def law(self, law: Any) -> Any:
        path = f"admission.{law.name}"
        if isinstance(law, HotKeyAdmission):
            return self.hot_key(law, path)
        if isinstance(law, ApfAdmission):
            return self.whole(law, path, ("length",))
        if law.key not in _SHARED_KEYS:
            return law
        if isinstance(law, knobs.RATED):
            scaled_law = _with(law, rate_per_s=None if law.rate_per_s is None else law.rate_per_s * self.scale)
            if isinstance(law, WaitingRoomAdmission):
                rates = {name: rate_per_s * self.scale for name, rate_per_s in law.rates_per_s.items()}
                return self.whole(_with(scaled_law, rates_per_s=rates), path, ("burst", "most"))
            return self.whole(scaled_law, path, ("burst",)) if isinstance(law, RateAdmission) else scaled_law
        if isinstance(law, WindowAdmission | ConcurrencyAdmission):
            return self.whole(law, path, ("limit",))
        if isinstance(law, Gradient2Admission):
            return self.whole(law, path, ("start", "least", "most", "queue"))
        if isinstance(law, StartingAdmission):
            return self.whole(law, path, ("start", "least", "most"))
        if isinstance(law, DagorAdmission):
            return self.whole(law, path, ("window_calls",))
        if isinstance(law, TopDownAdmission):
            return _with(law, least_per_s=law.least_per_s * self.scale)
        if isinstance(law, SedaAdmission):
            names = ("start_per_s", "least_per_s", "most_per_s", "increase_per_s")
            own = {name: getattr(law, name) * self.scale for name in names}
            return self.whole(_with(law, **own), path, ("calls", "burst"))
        if isinstance(law, EnvoyGradientAdmission):
            return self.whole(law, path, ("least", "most"))
        if isinstance(law, RetryBudgetAdmission):
            return _with(law, cap=max(1.0, self.real(law.cap)))
        if isinstance(law, RetryThrottleAdmission):
            return _with(law, cap=max(min(1.0, law.cap), self.real(law.cap)))
        if isinstance(law, RetryRatioAdmission):
            return self.whole(law, path, ("reserve",))
        return law

    def hot_key(self, law: HotKeyAdmission, path: str) -> HotKeyAdmission:
        if law.key != "segment":  # more people, zones and stores, each as ever
            return self.whole(law, path, ("most_keys",))
        overrides = (
            self.whole(_with(each, rate_per_s=each.rate_per_s * self.scale), f"{path}.overrides.{at}", ("burst",))
            for at, each in enumerate(law.overrides)
        )
        rate_per_s = None if law.rate_per_s is None else law.rate_per_s * self.scale
        return self.whole(_with(law, rate_per_s=rate_per_s, overrides=tuple(overrides)), path, ("burst",))

    def couriers(self) -> Any:
        couriers = self.original.couriers
        if isinstance(couriers, ClockCouriers):
            return _with(couriers, rate_per_s=couriers.rate_per_s * self.scale)
        return couriers

    def timeline(self, timeline: Timeline) -> Timeline:
        path = f"timelines.{timeline.name}.steps"
        steps = (
            (at_ns, self.turned(timeline.knob, raw, f"{path}.{at}")) for at, (at_ns, raw) in enumerate(timeline.steps)
        )
        return _with(timeline, steps=tuple(steps))

    def incident(self, incident: Incident) -> Incident:
        path = f"incidents.{incident.name}.set"
        return _with(
            incident, set={knob: self.turned(knob, raw, f"{path}.{knob}") for knob, raw in incident.set.items()}
        )

    def turned(self, path: str, raw: Any, place: str) -> Any:
        knob = knobs.parse(path, self.original)
        value = knobs.value(knob, raw, self.original)
        if knob.kind in (Kind.ADMISSION_RATE, Kind.ADMISSION_LIMIT):
            law = self.original.admission[knob.index]
            if law.key not in _SHARED_KEYS:
                return raw
        if knob.kind in _WHOLE:
            return self.rounded(int(value or 0), place)
        if knob.kind is Kind.STAGE_REPLICAS:
            return self.real(float(value or 0))
        if knob.kind is Kind.ADMISSION_RATE and value is not None:
            return Fraction(value) * self.scale
        return raw

    def milestone(self, milestone: Milestone) -> Milestone:
        if self.grows(milestone.metric):
            return _with(milestone, value=self.real(milestone.value))
        return milestone

    def gate(self, gate: Gate) -> Gate:
        if not self.grows(gate.metric):
            return gate
        bounds = {name: getattr(gate, name) for name in ("min", "max")}
        return _with(gate, **{name: None if bound is None else self.real(bound) for name, bound in bounds.items()})

    def grows(self, metric: str) -> bool:
        found = metrics.find(metric, self.original)
        return found is not None and found.scales

    def whole(self, part: P, path: str, fields: Sequence[str]) -> P:
        numbers = {name: getattr(part, name) for name in fields}
        return _with(
            part,
            **{name: self.rounded(n, f"{path}.{name}") if n is not None else None for name, n in numbers.items()},
        )

    def rounded(self, number: int, path: str) -> int:
        exact = number * self.scale
        used = max((2 * exact + 1) // 2, min(number, 1))
        if used != exact:
            self.roundings.append(Rounding(path=path, exact=exact, used=used))
        return used

    def real(self, number: float) -> float:
        return float(Fraction(number) * self.scale)


def _with(part: P, **changes: Any) -> P:
    return part.model_copy(update=changes)
