"""The labs in which laws that adapt are tried beside a simple baseline: who is tried, where, and what goes wrong.

The baseline is a bounded queue with deadline and a retry budget: of a street, stores that pause at a backlog, and the
same budget. One rule sizes both bounds: the queue holds what is served in half of the timeout, a store what it makes in
20 of the 40 minutes of the promise; at full capacity, and known beforehand. A law more is a line of `LAWS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from calibration.learned import CALLS, CUPS

NOTHING, BASELINE, SHORT_QUEUE = "nothing", "baseline", "short queue"
Sets = tuple[str, ...]
Figures = dict[str, float | None]

_BUDGET = "{name='budget', at='client', law='retry_budget', key='global'}"
_ONE_BUDGET = f"admission=[{_BUDGET}]"
LAWS = {
    "aimd": "at='gateway', law='aimd'",
    "vegas": "at='gateway', law='vegas'",
    "gradient2": "at='gateway', law='gradient2'",
    "envoy_gradient": "at='gateway', law='envoy_gradient'",
    "bbr_cpu": "at='stage:backend', law='bbr_cpu'",
    "load_multiplier": "at='gateway', law='load_multiplier'",
    "load_multiplier, 1 s": "at='gateway', law='load_multiplier', tick='1s'",
    "seda": "at='gateway', law='seda', target='1s'",
    "top_down": "at='gateway', law='top_down'",
    "breakwater": "at='gateway', law='breakwater', queue='backend', target='400ms', round_trip='100ms'",
    "dagor": "at='gateway', law='dagor', queue='backend'",
    "pi_rejector": "at='gateway', law='pi_rejector', queue='backend'",
    "sre_throttle": "at='client', law='sre_throttle', key='global'",
    "sre_throttle, 10 s": "at='client', law='sre_throttle', key='global', window='10s', slices=10",
}
"""The entry of `admission` of each law, with its defaults unless its name says otherwise."""
STREET_LAWS = {
    "fulfilment_credit": "at='gateway', law='fulfilment_credit', store_within='20m', courier_within='20m'",
    "fulfilment_credit, defaults": "at='gateway', law='fulfilment_credit'",
}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What goes wrong from the beginning of the shapes of a lab on, and when it is over."""

    sets: Sets
    end_s: int


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How laws are tried: what is set for everybody, and whether a law joins the baseline or stands alone."""

    sets: Sets = ()
    joins: bool = False


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A scenario, what goes wrong in it, and who is tried there.

    `beside` is what the baseline has but its budget. What is `good` is counted from `begin_s` until `rest_s` after the
    shape is over. Where `look_s` is given, it is told how long it takes until so long a time serves all who come.
    Times and rates are told of `over_s`, a second or an hour. The sum of the gauges `inside` is in `unit`.
    """

    scenario: str
    sets: Sets
    shapes: Mapping[str, Shape]
    settings: Mapping[str, Setting]
    references: Mapping[str, Sets]
    beside: Sets
    laws: Mapping[str, str]
    begin_s: int
    rest_s: int
    over_s: int
    unit: str
    inside: tuple[str, ...]
    good: str
    figures: Callable[[Mapping[str, Any]], Figures]
    look_s: int | None = None

    def arms(self, setting: str) -> dict[str, Sets]:
        """What is set for each who is tried; what laws are held against stands alone."""
        joins = self.settings[setting].joins
        others, rest = (self.beside, f", {_BUDGET}") if joins else (self.references[NOTHING], "")
        tried = {name: (*others, f"admission=[{{name='law', {law}}}{rest}]") for name, law in self.laws.items()}
        return tried if joins else {**self.references, **tried}

    def sets_of(self, setting: str, shape: str, arm: str) -> list[str]:
        """All that is set for one run."""
        return [*self.sets, *self.settings[setting].sets, *self.shapes[shape].sets, *self.arms(setting)[arm]]


def _rate(*points: tuple[str, str]) -> str:
    return "arrivals.rate=[" + ", ".join(f"['{at}', '{rate}']" for at, rate in points) + "]"


def _slower(knob: str, begin_s: int, end_s: int, times: float, steps: int = 60) -> str:
    """A timeline that makes work slower, step by step, until it is mended at the end."""
    each_s = (end_s - begin_s) / steps
    turns = [(begin_s + step * each_s, 1 + (times - 1) * (step + 1) / steps) for step in range(steps)]
    told = ", ".join(f"['{at_s:g}s', {slowdown:.4f}]" for at_s, slowdown in [*turns, (end_s, 1)])
    return f"timelines=[{{name='drift', knob='{knob}', steps=[{told}]}}]"


def _incident(begin_s: int, end_s: int, knob: str, value: float) -> str:
    return f"incidents=[{{name='dead', at='{begin_s}s', for='{end_s - begin_s}s', set={{'{knob}'={value}}}}}]"


def of_a_service(summary: Mapping[str, Any]) -> Figures:
    """What is told of a run of the backend."""
    first = [summary["segments"][f"p{priority}"]["placed_share"] for priority in range(4)]
    return {
        "wasted": summary["work"]["wasted_share"],
        "p99_s": summary["time_to_order_s"]["p99"],
        "attempts": summary["retry_amplification"],
        "first_fifth": sum(first) / len(first),
    }


def of_a_street(summary: Mapping[str, Any]) -> Figures:
    """What is told of a run of the street: cups are its work."""
    return {
        "wasted": summary["kitchens"]["wasted_cups"] / max(1, summary["kitchens"]["cups"]),
        "p99_s": summary["couriers"]["delivery_time_s"]["p99"],
        "attempts": summary["retry_amplification"],
        "cancelled": summary["orders"]["cancelled"] / max(1, summary["orders"]["placed"]),
    }


def _queue(calls: int) -> Sets:
    return (f"stages.backend.queue_limit={calls}", "stages.backend.deadline=true")


_PAUSES = ("kitchens.pause_backlog=40",)
_NO_PAUSES = ("kitchens.pause_backlog=1000000",)
LABS = {
    "service": Lab(
        scenario="labs/near-capacity",
        sets=(),
        shapes={
            "step": Shape(
                sets=(_rate(("60s", "300/s"), ("60.001s", "600/s"), ("120s", "600/s"), ("120.001s", "300/s")),),
                end_s=120,
            ),
            "spike": Shape(
                sets=(_rate(("60s", "300/s"), ("60.001s", "2000/s"), ("65s", "2000/s"), ("65.001s", "300/s")),),
                end_s=65,
            ),
            "ramp": Shape(sets=(_rate(("60s", "300/s"), ("120s", "800/s"), ("120.001s", "300/s")),), end_s=120),
            "slow drift": Shape(sets=(_slower("stages.backend.slowdown", 60, 180, 2),), end_s=180),
            "dead backend": Shape(sets=(_incident(60, 80, "stages.backend.servers", 0),), end_s=80),
        },
        settings={
            "alone": Setting(),
            "added": Setting(joins=True),
            "alike": Setting(sets=("stages.backend.service={kind='uniform', low='90ms', high='110ms'}",)),
        },
        references={
            NOTHING: (),
            BASELINE: (*_queue(200), _ONE_BUDGET),
            SHORT_QUEUE: (*_queue(50), _ONE_BUDGET),
            "no budget": _queue(200),
        },
        beside=_queue(200),
        laws=LAWS,
        begin_s=60,
        rest_s=60,
        over_s=1,
        unit=CALLS,
        inside=("stages.backend.backlog", "stages.backend.busy"),
        good="orders.placed",
        figures=of_a_service,
        look_s=10,
    ),
    "street": Lab(
        scenario="labs/kitchen-rush",
        sets=("horizon='8h'", "bucket='10m'", _rate(("0s", "0.1/s"))),
        shapes={
            "step": Shape(
                sets=(_rate(("2h", "0.1/s"), ("2h1s", "0.4/s"), ("3h", "0.4/s"), ("3h1s", "0.1/s")),), end_s=10800
            ),
            "spike": Shape(
                sets=(_rate(("2h", "0.1/s"), ("2h1s", "1.5/s"), ("2h10m", "1.5/s"), ("2h10m1s", "0.1/s")),), end_s=7800
            ),
            "ramp": Shape(sets=(_rate(("2h", "0.1/s"), ("3h", "0.6/s"), ("3h1s", "0.1/s")),), end_s=10800),
            "slow drift": Shape(sets=(_slower("kitchens.slowdown", 7200, 14400, 5),), end_s=14400),
            "dead backend": Shape(sets=(_incident(7200, 10800, "kitchens.closed", 0.75),), end_s=10800),
        },
        settings={"alone": Setting(), "added": Setting(joins=True)},
        references={NOTHING: _NO_PAUSES, BASELINE: (*_PAUSES, _ONE_BUDGET)},
        beside=_PAUSES,
        laws=STREET_LAWS,
        begin_s=7200,
        rest_s=3600,
        over_s=3600,
        unit=CUPS,
        inside=("kitchens.backlog_cups",),
        good="orders.delivered_on_time",
        figures=of_a_street,
    ),
}


def cells(lab: Lab) -> Iterator[tuple[str, str, str]]:
    """Every setting, shape and arm of a lab."""
    for setting in lab.settings:
        for shape in lab.shapes:
            for arm in lab.arms(setting):
                yield setting, shape, arm
