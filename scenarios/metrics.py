"""Every figure of summary.json by name: its unit, its definition and whom it counts.

Milestones and gates name figures of this table; docs/results.md and the JSON schema of the summary are made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from scenarios.model import Scenario

STAGE, SEGMENT = "<stage>", "<segment>"
FRACTIONAL = frozenset({"s", "server-s", "orders/s", "share", "ratio"})
OF_ANY_SIZE = frozenset({"s", "share", "ratio"})


@dataclass(frozen=True)
class Metric:
    """One figure. A counter is counted bucket by bucket, so it also has a value at an instant within the run.

    `better` is the direction that is an improvement, all else equal; None where there is none.
    """

    name: str
    unit: str
    counter: bool
    definition: str
    counts_whom: str
    null_when: str = ""
    better: Literal["higher", "lower"] | None = None

    @property
    def whole(self) -> bool:
        """Whether the figure is a whole number of its unit."""
        return self.unit not in FRACTIONAL

    @property
    def scales(self) -> bool:
        """Whether the figure grows with the scale of the run; times and shares do not."""
        return self.unit not in OF_ANY_SIZE


def _counter(name: str, definition: str, whom: str) -> Metric:
    return Metric(name, name.partition(".")[0], True, definition, whom)


def _stock(name: str, definition: str, whom: str) -> Metric:
    return Metric(name, name.partition(".")[0], False, definition, whom)


_QUANTILES = {
    "mean": "mean",
    "p50": "the least that half do not exceed",
    "p90": "the least that 90% do not exceed",
    "p99": "the least that 99% do not exceed",
    "p999": "the least that 99.9% do not exceed",
    "max": "the largest",
}
SPREAD = tuple(_QUANTILES)
SHORT_SPREAD = ("mean", "p50", "p90", "p99", "max")


def _spread(name: str, keys: tuple[str, ...], definition: str, whom: str, null_when: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(f"{name}.{key}", "s", False, f"{definition}: {_QUANTILES[key]}", whom, null_when) for key in keys
    )


_SENT = "attempts that were sent"
_ANSWERED = "attempts whose person has an answer, or stopped waiting for one"
_ORDERS = "orders placed"
_NOBODY = "nobody wanted an order"

_PEOPLE = (
    _counter("people.wanted", "people who made their first try", "everybody, the invited too"),
    _counter("people.placed", "people who got their order", "everybody who wanted one"),
    _counter("people.abandoned", "people who left for good without an order", "everybody who wanted one"),
    _stock("people.pending", "people between tries, or waiting for an answer, at the end", "everybody who wanted one"),
    *(
        Metric(
            f"people.shut_out.{hours}h",
            "share",
            False,
            f"share of people who tried for {hours} h or longer and had no order by then: from the first try to the "
            "order, to leaving for good, or to the end of the run",
            "everybody who wanted one; who came too late to try so long counts as not shut out",
            _NOBODY,
        )
        for hours in (1, 2, 6)
    ),
)
_ATTEMPTS = (
    _counter("attempts.offered", "attempts that reached the gateway", _SENT),
    _counter("attempts.admitted", "attempts that the gateway let in", _SENT),
    _counter("attempts.throttled", "attempts refused at the gateway for a rate, with a time to come back", _SENT),
    _counter("attempts.shed", "attempts refused at the gateway for overload: a full queue or no free slot", _SENT),
    _counter("attempts.expired", "attempts dropped at the gateway because their person had left, or soon will", _SENT),
    _stock("attempts.pending", "attempts without a verdict of the gateway at the end", _SENT),
    _counter("attempts.timed_out", "attempts whose person stopped waiting before an answer came", _ANSWERED),
    _counter(
        "attempts.failed",
        "attempts answered with a failure of any kind, wherever it happened; a timeout is not among them",
        _ANSWERED,
    ),
    _counter("attempts.completed", "attempts answered with an order placed", _ANSWERED),
    _stock("attempts.unanswered", "attempts whose person still waited at the end", _SENT),
    _counter("attempts.hedged", "attempts sent as copies of one that had no answer yet", _SENT),
    _counter("attempts.outrun", "attempts whose person had the order by another copy of the same try first", _SENT),
    _counter(
        "attempts.held_back",
        "tries that a law at the client did not send; they are no attempts and are in no other figure",
        "tries that were not sent",
    ),
)
_REASONS = {
    "throttled": "a rate was exceeded, at the gateway, at a stage or in a zone",
    "shed": "the gateway or a stage was overloaded",
    "expired": "the deadline that travels with the attempt had passed, or was too near",
    "timed_out": "the person stopped waiting first",
    "error": "a stage failed",
    "sold_out": "the budget of a stage was used up",
    "store": "no store took the order",
}
_FAILURES = tuple(
    Metric(f"failures.{reason}", "attempts", True, f"attempts that failed for their person because {why}", _ANSWERED)
    for reason, why in _REASONS.items()
)
_SESSIONS = (
    _counter("sessions.started", "sessions begun: each person's first, and those who came back", "sessions"),
    _counter("sessions.served", "sessions that ended with an order", "sessions"),
    _counter("sessions.failed", "sessions that ended without an order", "sessions"),
)
_ORDER_FIGURES = (
    _counter("orders.placed", "orders placed", _ORDERS),
    Metric("orders.placed_share", "share", False, "people.placed / people.wanted", "everybody who wanted one", _NOBODY),
    _counter("orders.delivered", "orders that reached their person, on time or late", _ORDERS),
    _counter("orders.delivered_on_time", "orders that reached their person within the promise", _ORDERS),
    _counter("orders.late", "orders that reached their person after the promise", _ORDERS),
    _counter("orders.cancelled", "orders that would have come too late and were cancelled", _ORDERS),
    _stock("orders.in_progress", "orders placed and neither delivered nor cancelled at the end", _ORDERS),
)
_WORK = (
    *(
        Metric(f"work.{name}", "server-s", counter, definition, "work of all attempts at the gateway and all stages")
        for name, counter, definition in (
            ("brought", True, "service time of all work that joined a station"),
            ("useful", True, "work done for attempts that became orders"),
            ("wasted", True, "work done for attempts that did not, the cost of refusing them included"),
            ("dropped", True, "drawn service of work dropped at its turn, because its person had left"),
            ("pending", False, "work of attempts that had not ended at the end"),
        )
    ),
    Metric(
        "work.wasted_share",
        "share",
        False,
        "work.wasted / (work.useful + work.wasted)",
        "work done for attempts that ended",
        "no work was done",
    ),
)
_RATES = (
    Metric("goodput_per_s", "orders/s", False, "orders placed per second of the run", _ORDERS, "the run has no length"),
    Metric("retry_amplification", "ratio", False, "attempts.offered / people.wanted", _SENT, _NOBODY),
)
_TIMES = (
    *_spread(
        "time_to_order_s",
        SPREAD,
        "time from a person's first try to the order placed",
        "people who got an order",
        "nobody got an order",
    ),
    *_spread(
        "response_time_s.admitted",
        SPREAD,
        "time from the start of an attempt to its answer, or to the timeout where that came first",
        "answered and timed-out attempts that the gateway did not refuse",
        "there was no such attempt",
    ),
    *_spread(
        "response_time_s.refused",
        SPREAD,
        "time from the start of an attempt to the refusal of the gateway",
        "attempts whose person heard a refusal of the gateway (throttled, shed or expired there)",
        "there was no such attempt",
    ),
)


def _stage_count(name: str, definition: str) -> Metric:
    return Metric(f"stages.{STAGE}.{name}", "attempts", False, definition, "attempts at the stage")


_STAGE = (
    Metric(
        f"stages.{STAGE}.utilisation",
        "share",
        False,
        "busy server time / available server time; servers taken away while busy are available until they finish",
        "servers of the stage",
        "no server was ever available",
    ),
    Metric(
        f"stages.{STAGE}.queue_max",
        "attempts",
        False,
        "the most that ever waited at once (in one shard)",
        "attempts at the stage",
    ),
    *_spread(
        f"stages.{STAGE}.waiting_time_s",
        SHORT_SPREAD,
        "time in the queue before service began",
        "attempts whose service began",
        "no service began",
    ),
    *_spread(
        f"stages.{STAGE}.service_time_s",
        SHORT_SPREAD,
        "time in service",
        "attempts whose service ended; at the gateway refusals that took a server's time too",
        "no service ended",
    ),
    _stage_count("arrived", "attempts that arrived"),
    _stage_count(
        "served", "attempts whose service ended, with an error or not; at the gateway refusals that took time too"
    ),
    _stage_count("errors", "attempts that were served and failed"),
    _stage_count("throttled", "attempts refused for a rate before any service"),
    _stage_count("shed", "attempts refused for overload before any service: a full queue or no free slot"),
    _stage_count("expired", "attempts dropped before any service because their person had left, or soon will"),
    _stage_count("sold_out", "attempts refused because a budget was used up"),
    _stage_count("waiting", "attempts waiting at the end"),
    _stage_count("in_service", "attempts in service at the end"),
    Metric(
        f"stages.{STAGE}.kv_blocked",
        "times",
        False,
        "how often the next call had to wait for room for its tokens; always 0 but at batching stages",
        "calls at the head of the queue",
    ),
)


def _street(name: str, unit: str, definition: str, whom: str) -> Metric:
    return Metric(name, unit, True, definition, whom)


_KITCHENS = (
    _street("kitchens.cups", "cups", "cups ordered", "orders that a kitchen took"),
    _street("kitchens.wasted_cups", "cups", "cups of orders that were cancelled, made or not", "cancelled orders"),
    _street("kitchens.pauses", "times", "how often a store stopped taking orders for its backlog", "stores"),
    _street(
        "kitchens.repicks", "picks", "how often another store was tried after one that did not take the order", "picks"
    ),
    _street(
        "kitchens.refused", "attempts", "attempts that found no store", "attempts that reached the pick of a store"
    ),
    *_spread(
        "kitchens.ready_time_s",
        SPREAD,
        "time from an order placed to its last cup ready",
        "orders that became ready before the end",
        "no order became ready",
    ),
)
_COURIERS = (
    _street("couriers.trips", "trips", "trips begun; couriers of kind clock count none", "couriers of kind servers"),
    _street("couriers.carried", "orders", "orders picked up", "orders that became ready"),
    *_spread(
        "couriers.delivery_time_s",
        SPREAD,
        "time from an order placed to its delivery",
        "orders delivered before the end",
        "no order was delivered",
    ),
)
_SEGMENT = (
    Metric(
        f"segments.{SEGMENT}.placed_share",
        "share",
        False,
        "people of the segment who got their order / those who wanted one",
        "people of the segment",
        "nobody of the segment wanted an order",
    ),
    *_spread(
        f"segments.{SEGMENT}.time_to_order_s",
        SPREAD,
        "time from a person's first try to the order placed",
        "people of the segment who got an order",
        "nobody of the segment got an order",
    ),
)
_FAIRNESS = (
    Metric(
        "fairness.jain",
        "ratio",
        False,
        "Jain's index over x = placed / wanted of each zone: (sum of x)^2 / (n * sum of x^2); 1 when all are equal",
        "zones in which somebody wanted an order",
        "there is no street, or nobody got an order",
    ),
)
_STANDING = "; for a milestone with at: of the outage that stands then"
_OUTAGE = (
    Metric(
        "longest_outage.start_s",
        "s",
        False,
        f"start of the longest outage (the first of equals){_STANDING}",
        "outages",
        "there was none",
    ),
    Metric("longest_outage.end_s", "s", False, f"end of the longest outage{_STANDING}", "outages", "there was none"),
    Metric(
        "longest_outage.length_s",
        "s",
        False,
        f"length of the longest outage; 0 when there was none{_STANDING}",
        "outages",
    ),
)
OF_OUTAGES = tuple(metric.name for metric in _OUTAGE)
"""Figures that a milestone may ask for at an instant, beside counters."""

_BETTER_HIGHER = frozenset(
    {
        *("people.placed", "attempts.completed", "sessions.served", "goodput_per_s", "fairness.jain"),
        *("orders.placed", "orders.placed_share", "orders.delivered", "orders.delivered_on_time"),
        f"segments.{SEGMENT}.placed_share",
    }
)
_BETTER_LOWER = frozenset(
    {
        *("people.abandoned", *(f"people.shut_out.{hours}h" for hours in (1, 2, 6))),
        *("attempts.timed_out", "sessions.failed", "retry_amplification", "longest_outage.length_s"),
        *("orders.late", "orders.cancelled", "work.wasted", "work.wasted_share", "kitchens.wasted_cups"),
        *(f"{name}.{key}" for name in ("time_to_order_s", "response_time_s.admitted") for key in SPREAD),
        *(f"{name}.{key}" for name in ("kitchens.ready_time_s", "couriers.delivery_time_s") for key in SPREAD),
        *(f"segments.{SEGMENT}.time_to_order_s.{key}" for key in SPREAD),
        *(f"stages.{STAGE}.waiting_time_s.{key}" for key in SHORT_SPREAD),
    }
)


def _judged(metric: Metric) -> Metric:
    """A throttle or a refusal is a means: more of it may be the better day. Only ends have a direction."""
    if metric.name in _BETTER_HIGHER:
        return replace(metric, better="higher")
    return replace(metric, better="lower") if metric.name in _BETTER_LOWER else metric


_FIGURES = (
    *_PEOPLE,
    *_ATTEMPTS,
    *_FAILURES,
    *_SESSIONS,
    *_ORDER_FIGURES,
    *_WORK,
    *_RATES,
    *_TIMES,
    *_STAGE,
    *_KITCHENS,
    *_COURIERS,
    *_SEGMENT,
    *_FAIRNESS,
    *_OUTAGE,
)
ALL = tuple(map(_judged, _FIGURES))
"""Every figure, in the order of the summary; families carry `<stage>` or `<segment>` in their names."""

COUNTERS = tuple(metric.name for metric in ALL if metric.counter and metric.unit != "server-s")
"""What an engine counts as it happens, in total and per bucket."""

STOCKS = ("people.pending", "attempts.pending", "attempts.unanswered", "orders.in_progress")
"""What an engine counts once, at the end: everybody and everything that has not come to an end."""

GAUGES = {
    "people.trying": "people in a session: between tries, or waiting for an answer",
    "people.away": "people between sessions, who mean to come back",
    "orders.in_progress": "orders placed and neither delivered nor cancelled",
    f"stages.{STAGE}.backlog": "attempts waiting",
    f"stages.{STAGE}.busy": "attempts in service",
    f"stages.{STAGE}.capacity": "servers; slots of all replicas of a batching stage",
    "kitchens.backlog_cups": "cups ordered and not yet ready",
    "kitchens.paused": "stores that take no orders for their backlog",
    "couriers.waiting": "orders ready that wait for a courier",
}
"""Values at the end of a bucket, in the time series; and at any instant, for control processes."""

BY_BUCKET = frozenset({"kitchens.backlog_cups", "kitchens.paused", "couriers.waiting", "couriers.carried"})
"""What control processes are told as it was at the end of the last whole bucket: work clocks know it beforehand."""


TOLD_LIVE = frozenset(
    {
        *(f"stages.{STAGE}.{what}" for what in ("backlog", "busy", "capacity")),
        *(f"attempts.{what}" for what in ("offered", "completed", "failed", "timed_out")),
        *(f"failures.{reason}" for reason in _REASONS),
        "orders.placed",
    }
)
"""What a live stack can tell control processes: the rest is people's own, or begins with the slice."""


def stage_names(scenario: Scenario) -> tuple[str, ...]:
    """Return the names of the stages in the summary: the gateway first, where there is one."""
    return (*(("gateway",) if scenario.gateway else ()), *(stage.name for stage in scenario.stages))


def readable(scenario: Scenario) -> tuple[str, ...]:
    """Return the name of every gauge and counter that a control process may read."""
    return _readable(scenario, (*GAUGES, *COUNTERS))


def readable_live(scenario: Scenario) -> tuple[str, ...]:
    """Return those that a live stack can tell."""
    return _readable(scenario, (name for name in (*GAUGES, *COUNTERS) if name in TOLD_LIVE))


def _readable(scenario: Scenario, families: Iterable[str]) -> tuple[str, ...]:
    absent = [f"{part}." for part in ("kitchens", "couriers") if getattr(scenario, part) is None]
    names = [
        family.replace(STAGE, stage)
        for family in families
        for stage in (stage_names(scenario) if STAGE in family else ("",))
    ]
    return tuple(name for name in names if not name.startswith(tuple(absent)))


def of(scenario: Scenario) -> Iterator[Metric]:
    """Go through every figure that a run of the scenario has, families resolved."""
    members = {STAGE: stage_names(scenario), SEGMENT: tuple(segment.name for segment in scenario.segments)}
    for metric in ALL:
        family = next((mark for mark in members if mark in metric.name), None)
        if family is None:
            yield metric
        else:
            yield from (replace(metric, name=metric.name.replace(family, name)) for name in members[family])


def names(scenario: Scenario) -> tuple[str, ...]:
    """Return the name of every figure that a run of the scenario has."""
    return tuple(metric.name for metric in of(scenario))


def find(name: str, scenario: Scenario) -> Metric | None:
    """Return the figure of that name, or None where a run of the scenario has no such figure."""
    return next((metric for metric in of(scenario) if metric.name == name), None)
