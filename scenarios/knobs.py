"""What timelines, incidents and control processes may turn: paths such as `stages.intent.servers`, and their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from limits import rates
from scenarios import units
from scenarios.errors import did_you_mean
from scenarios.model import (
    Admission,
    BatchingStage,
    ConcurrencyAdmission,
    HotKeyAdmission,
    HotKeyOverride,
    PacingAdmission,
    RateAdmission,
    Scenario,
    WaitingRoomAdmission,
    WarmUpAdmission,
    WindowAdmission,
)

ONE_RATE = RateAdmission | HotKeyAdmission | WarmUpAdmission | PacingAdmission
RATED = ONE_RATE | WaitingRoomAdmission
"""Laws whose rate is a knob."""

Value = int | float | Fraction | None
"""Servers and limits: int; replicas, slowdowns and shares: float; rates: Fraction per second, None for no limit."""


class Kind(Enum):
    """What a knob sets; the value is the end of its path."""

    STAGE_SERVERS = "stages.servers"
    STAGE_REPLICAS = "stages.replicas"
    STAGE_QUEUE_LIMIT = "stages.queue_limit"
    STAGE_SLOWDOWN = "stages.slowdown"
    STAGE_FAILURE = "stages.failure"
    GATEWAY_SERVERS = "gateway.servers"
    ADMISSION_RATE = "admission.rate"
    ADMISSION_LIMIT = "admission.limit"
    KITCHENS_SLOWDOWN = "kitchens.slowdown"
    KITCHENS_CLOSED = "kitchens.closed"
    COURIERS_SLOWDOWN = "couriers.slowdown"


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob of a scenario: `index` is the place of the stage or admission law in its array, 0 for other knobs.

    `of` is the stage of one of the `rates` of a waiting room; else it is empty.
    """

    kind: Kind
    index: int
    path: str
    of: str = ""


def parse(path: str, scenario: Scenario) -> Knob:
    """Return the knob of a path, or raise `ValueError` that says what is wrong and what is near."""
    parts, of = path.split("."), ""
    if len(parts) == 4 and parts[0] == "admission" and parts[2] == "rates":
        parts, of = [*parts[:2], "rate"], parts[3]
    part, name, setting = parts[0], ".".join(parts[1:-1]), parts[-1]
    known = [f"{kind.value.replace('.', '.<name>.') if _many(kind) else kind.value}" for kind in Kind]
    known.append("admission.<name>.rates.<stage>")
    kind = next((kind for kind in Kind if kind.value == f"{part}.{setting}" and _many(kind) == bool(name)), None)
    if kind is None:
        pattern = ".".join((part, "<name>", setting)) if name else path
        raise ValueError(f"is not a knob{did_you_mean(pattern, known)}")
    index = _index(part, name, scenario) if _many(kind) else 0
    _fits(kind, index, scenario)
    if kind is Kind.ADMISSION_RATE:
        _names_rate(scenario.admission[index], of)
    return Knob(kind, index, path, of)


def value(knob: Knob, raw: object, scenario: Scenario) -> Value:
    """Return a knob's value from what a file says, or raise `ValueError`. A rate that is a fraction stays as it is."""
    if knob.kind is Kind.ADMISSION_RATE:
        law = scenario.admission[knob.index]
        if raw == "off" and isinstance(law, PacingAdmission | WaitingRoomAdmission):
            raise ValueError(f'"off" is for laws that can do without; a {law.law} needs a rate, if need be a high one')
        rate = raw if isinstance(raw, Fraction) else units.rate_or_off(raw)
        check_rate(law, rate)
        return rate
    if knob.kind is Kind.ADMISSION_LIMIT and isinstance(scenario.admission[knob.index], WindowAdmission):
        return _whole(10**7)(raw)
    if knob.kind is Kind.STAGE_SLOWDOWN and isinstance(scenario.stages[knob.index], BatchingStage):
        return _slowdown(raw, most=1000)
    return _READERS[knob.kind](raw)


def given(path: str, raw: object, scenario: Scenario) -> tuple[Knob, Value]:
    """Return the knob of a path and its value, or raise `ValueError` that says what is wrong with them."""
    knob = parse(path, scenario)
    return knob, value(knob, raw, scenario)


def check_rate(law: Admission, rate_per_s: Fraction | None) -> None:
    """Raise `ValueError` where a law cannot count a rate in 64 bits."""
    if rate_per_s is None:
        return
    if isinstance(law, PacingAdmission | WaitingRoomAdmission):
        rates.interval_ns(rate_per_s)
    elif isinstance(law, WarmUpAdmission):
        rates.warm_up(rate_per_s, law.warm_up_ns, law.cold_factor)
    elif isinstance(law, RateAdmission | HotKeyAdmission):
        bucket_of(law, rate_per_s)


def check_override(override: HotKeyOverride) -> None:
    """Raise `ValueError` where a bucket cannot count the rate of an exception in 64 bits."""
    bucket_of(override, override.rate_per_s)


def bucket_of(law: RateAdmission | HotKeyAdmission | HotKeyOverride, rate_per_s: Fraction) -> tuple[int, ...]:
    """Return the numbers of a rate as its law wants them, the burst last; `ValueError` where 64 bits cannot hold it."""
    burst = law.burst or rates.second_of(rate_per_s)
    if isinstance(law, RateAdmission) and law.law == "gcra":
        return rates.interval_ns(rate_per_s, burst), burst
    return *rates.ratio(rate_per_s, burst), burst


def exceptions_of(law: HotKeyAdmission) -> list[int]:
    """Return the overrides of a hot_key as its functions want them."""
    flat: list[int] = []
    for override in sorted(law.overrides, key=lambda override: override.value):
        flat += [override.value, *bucket_of(override, override.rate_per_s)]
    return flat


def credit_rate(law: WaitingRoomAdmission, rate_per_s: Fraction) -> list[int]:
    """Return what is saved up of the credit of a stage at a rate, and how far apart it comes."""
    return [law.burst or rates.second_of(rate_per_s), rates.interval_ns(rate_per_s)]


def credit_rates(law: WaitingRoomAdmission) -> list[int]:
    """Return the rates of a waiting room as its functions want them."""
    each = (credit_rate(law, rate_per_s) for rate_per_s in law.credits_per_s.values())
    return [number for rate in each for number in rate]


def base(knob: Knob, scenario: Scenario) -> Value:
    """Return the value that a knob has where nothing turns it."""
    part, _, setting = knob.kind.value.partition(".")
    owner = getattr(scenario, part)
    if knob.of:
        law = owner[knob.index]
        assert isinstance(law, WaitingRoomAdmission)
        return law.rates_per_s[knob.of]
    found: Value = getattr(owner[knob.index] if _many(knob.kind) else owner, _FIELDS.get(setting, setting))
    return found


_FIELDS = {"rate": "rate_per_s"}


def _many(kind: Kind) -> bool:
    return kind.value.startswith(("stages.", "admission."))


def _index(part: str, name: str, scenario: Scenario) -> int:
    names = [each.name for each in getattr(scenario, part)]
    if name not in names:
        what = "stage" if part == "stages" else "admission law"
        raise ValueError(f"there is no {what} {name}{did_you_mean(name, names)}")
    return names.index(name)


def _fits(kind: Kind, index: int, scenario: Scenario) -> None:
    part, _, setting = kind.value.partition(".")
    if part == "stages":
        batching = isinstance(scenario.stages[index], BatchingStage)
        if batching and setting == "servers":
            raise ValueError("a batching stage has no servers; set its replicas")
        if not batching and setting == "replicas":
            raise ValueError("only a batching stage has replicas; set its servers")
    elif part == "admission":
        law = scenario.admission[index]
        if setting == "rate" and not isinstance(law, RATED):
            raise ValueError(f"a law of kind {law.law} has no rate to turn")
        if setting == "limit" and not isinstance(law, WindowAdmission | ConcurrencyAdmission):
            raise ValueError(f"a law of kind {law.law} has no limit")
    elif getattr(scenario, part) is None:
        raise ValueError(f"the scenario has no [{part}]; add it, or take this out")


def _names_rate(law: Admission, of: str) -> None:
    """Raise `ValueError` where a path does not name the one rate that a law has, or one of several."""
    known = list(law.rates_per_s) if isinstance(law, WaitingRoomAdmission) else []
    if of and not known:
        raise ValueError(f"{law.name} has no rates; turn admission.{law.name}.rate")
    if of and of not in known:
        raise ValueError(f"{law.name} has no rate of {of}{did_you_mean(of, known)}")
    if known and not of:
        raise ValueError(
            f"{law.name} has several rates; turn one of them, such as admission.{law.name}.rates.{known[0]}"
        )


def _whole(most: int) -> Callable[[object], int]:
    def read(raw: object) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise ValueError(f"{units.shown(raw)} is not a whole number; write it without quotes, like 40")
        if not 0 <= raw <= most:
            raise ValueError(f"{units.shown(raw)} is not between 0 and {most:,}")
        return raw

    return read


def _replicas(raw: object) -> float:
    number = units.number(raw)
    if not 0 <= number <= 100_000:
        raise ValueError(f"{units.shown(raw)} is not between 0 and 100,000")
    return number


def _slowdown(raw: object, most: float = 1e6) -> float:
    number = units.number(raw)
    if not 0 < number <= most:
        raise ValueError(f"{units.shown(raw)} is not between 0 and {most:,.0f}; 1 is the usual speed, 2 half of it")
    return number


_READERS: dict[Kind, Callable[[object], Value]] = {
    Kind.STAGE_SERVERS: _whole(10**12),
    Kind.STAGE_REPLICAS: _replicas,
    Kind.STAGE_QUEUE_LIMIT: _whole(10**12),
    Kind.STAGE_SLOWDOWN: _slowdown,
    Kind.STAGE_FAILURE: units.share,
    Kind.GATEWAY_SERVERS: _whole(10**12),
    Kind.ADMISSION_LIMIT: _whole(10**12),
    Kind.KITCHENS_SLOWDOWN: _slowdown,
    Kind.KITCHENS_CLOSED: units.share,
    Kind.COURIERS_SLOWDOWN: _slowdown,
}
