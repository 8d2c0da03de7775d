"""What makes sense only together: references, places of laws, times within the horizon, sizes that can be run."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel

from limits import apf, rates
from scenarios import knobs, metrics, tables, units
from scenarios.distributions import DISTRIBUTIONS, Constant
from scenarios.errors import Problem, Steps, did_you_mean
from scenarios.model import (
    AdaptiveLifoAdmission,
    ApfAdmission,
    Arrivals,
    BatchingStage,
    BbrCpuAdmission,
    BreakwaterAdmission,
    ByPriorityAdmission,
    Charging,
    CircuitBreakerAdmission,
    ConcurrencyAdmission,
    CreditAdmission,
    DeadlineAdmission,
    HotKeyAdmission,
    Learning,
    Ordering,
    PacingAdmission,
    QueueLaw,
    Reserving,
    RetryBudget,
    Scenario,
    ServerStage,
    Shape,
    SreThrottleAdmission,
    StrictPriorityAdmission,
    Ticketing,
    TopDownAdmission,
    WaitingRoomAdmission,
    WfqAdmission,
)
from scenarios.tree import Node

MOST_WANTS = 10**8
MOST_BUCKETS = 100_000
MOST_STORES = 10**7
MOST_SLOTS = 10_000  # of a log for each value of a key
MOST_LOGGED = 10**8  # of the logs of all stores
MOST_FLOWS = 100_000  # of a wfq, in all shards
MOST_PLACES = 10**7  # of an apf
QUEUE_LAWS = "codel, adaptive_lifo, strict_priority, wfq and apf"

COUNTED = {"makers", "cups", "prompt", "output", "pause_backlog", "per_zone"}  # keys of what is drawn in whole numbers

Finding = tuple[Steps, str]


def problems(scenario: Scenario, root: Node, scale: Fraction) -> list[Problem]:
    """Return what is wrong with a scenario that is well formed, told at the places of its tree."""
    return [
        root.problem(steps, remedy)
        for check in (_names, _routes, _laws, _street, _spreads, _turns, _controls, _marks, _sizes, _growth, _trace)
        for steps, remedy in check(scenario)
    ] + [root.problem(steps, remedy) for steps, remedy in (*_wants(scenario, scale), *_bounds(scenario, root))]


def _names(scenario: Scenario) -> Iterator[Finding]:
    for at, stage in enumerate(scenario.stages):
        if stage.name in ("gateway", "client"):
            yield ("stages", at, "name"), "is the name of a place of its own; call the stage something else"


def _routes(scenario: Scenario) -> Iterator[Finding]:
    known = [segment.name for segment in scenario.segments]
    for at, stage in enumerate(scenario.stages):
        for index, name in enumerate(stage.segments):
            if name not in known:
                remedy = f"there is no segment {name}{did_you_mean(name, known)}"
                yield ("stages", at, "segments", index), remedy
    for at, name in enumerate(known):
        if all(stage.segments and name not in stage.segments for stage in scenario.stages):
            yield ("segments", at, "name"), "passes all stages by; name it in the segments of one of them"


def _laws(scenario: Scenario) -> Iterator[Finding]:
    stages = [stage.name for stage in scenario.stages]
    for at, law in enumerate(scenario.admission):
        place, _, stage = law.at.partition(":")
        steps: Steps = ("admission", at)
        yield from _queue(scenario, at)
        yield from _street_law(scenario, at)
        yield from _terms(scenario, at)
        yield from _credit(scenario, at)
        yield from _by_priority(scenario, at)
        yield from _top_down(scenario, at)
        yield from _breakwater(scenario, at)
        if place == "stage" and stage not in stages:
            yield (*steps, "at"), f"there is no stage {stage}{did_you_mean(stage, stages)}"
        if isinstance(law, RetryBudget) and place != "client":
            yield (*steps, "at"), f'a {law.law} holds back retries before they are sent; it stands at = "client"'
        if isinstance(law, SreThrottleAdmission) and place != "client":
            yield (*steps, "at"), 'an sre_throttle is a client that spares the far side; it stands at = "client"'
        if isinstance(law, CircuitBreakerAdmission) and place in ("gateway", "store", "zone"):
            remedy = f'a circuit_breaker stands before what it calls: at = "client" or "stage:{stages[0]}"'
            yield (*steps, "at"), remedy
        if isinstance(law, WaitingRoomAdmission):
            if place != "gateway":
                yield (*steps, "at"), 'a waiting_room is before all else; write at = "gateway"'
            if law.key == "person":
                yield (*steps, "key"), "a waiting_room is one line for many; take key out, or use segment or zone"
            yield from _credited(scenario, law, steps)
        if isinstance(law, PacingAdmission) and place != "stage":
            yield (*steps, "at"), f'pacing holds work back before a stage; write at = "stage:{stages[0]}"'
        if isinstance(law, DeadlineAdmission | ConcurrencyAdmission | Learning) and place == "client":
            yield (*steps, "at"), f"a {law.law} stands at the gateway or a stage; a client knows nothing of others"
        if isinstance(law, Ticketing) and law.ticket_ns is not None and place not in ("gateway", "stage"):
            yield (*steps, "ticket"), "is given at the gateway or a stage; put the law there, or take ticket out"
        if isinstance(law, DeadlineAdmission | BbrCpuAdmission) and place in ("store", "zone"):
            remedy = f"a {law.law} stands at the gateway or a stage; at stores and zones rates, windows and slots do"
            yield (*steps, "at"), remedy
        if isinstance(law, BbrCpuAdmission) and place == "gateway" and scenario.gateway is None:
            remedy = (
                "a bbr_cpu sees how many servers are busy, and the gateway has none; add a [gateway], or use a stage"
            )
            yield (*steps, "at"), remedy
        if isinstance(law, knobs.ONE_RATE):
            yield from _told(partial(knobs.check_rate, law, law.rate_per_s), (*steps, "rate"))
        if isinstance(law, HotKeyAdmission):
            for index, override in enumerate(law.overrides):
                yield from _told(partial(knobs.check_override, override), (*steps, "overrides", index, "rate"))
        if law.key in ("zone", "store") and scenario.street is None:
            yield (*steps, "key"), f"there are no {law.key}s without a [street]; add one, or use another key"
        if law.key == "segment" and not scenario.segments:
            yield (*steps, "key"), "there are no [[segments]]; add some, or use another key"


def _credited(scenario: Scenario, law: WaitingRoomAdmission, steps: Steps) -> Iterator[Finding]:
    parts = [part for part in ("kitchens", "couriers") if getattr(scenario, part) is not None]
    known = [*(stage.name for stage in scenario.stages), *parts]
    for name, rate_per_s in law.credits_per_s.items():
        place: Steps = (*steps, "rates", name) if name else (*steps, "rate")
        if name and name not in known:
            yield place, f"there is no stage {name}{did_you_mean(name, known)}"
        yield from _told(partial(rates.interval_ns, rate_per_s), place)


def _queue(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    place, _, queue = law.at.partition(":")
    queues = ["gateway"] * (scenario.gateway is not None) + [stage.name for stage in scenario.stages]
    pools = [stage.name for stage in scenario.stages if isinstance(stage, BatchingStage)]
    if not isinstance(law, QueueLaw):
        if place == "queue":
            yield (*steps, "at"), f"at a queue stand {QUEUE_LAWS}; a {law.law} stands before it"
        return
    if place != "queue":
        yield (
            (*steps, "at"),
            f'{law.law} is about those who wait in a queue; write at = "queue:{queues[0]}"',
        )
    elif queue not in queues:
        yield (*steps, "at"), f"there is no queue {queue}{did_you_mean(queue, queues)}"
    elif any(law.at == before.at for before in scenario.admission[:at]):
        yield (*steps, "at"), "the queue has a law already; take one of them out"
    elif isinstance(law, AdaptiveLifoAdmission | Ordering) and any(
        s.name == queue and s.discipline == "lifo" for s in scenario.stages
    ):
        yield (*steps, "at"), f'{law.law} says who is next; take discipline = "lifo" out of the stage'
    elif isinstance(law, ApfAdmission) and queue in pools:
        yield (*steps, "at"), f"an apf shares servers, and {queue} has replicas; use wfq there"
    if law.key != "global" and not isinstance(law, WfqAdmission | ApfAdmission):
        yield (*steps, "key"), "a queue is one for all; take key out"
    if law.priorities:
        yield (*steps, "priorities"), "a queue is one for all; take priorities out"
    yield from _lanes(scenario, at)


def _lanes(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    if len({segment.priority for segment in scenario.segments}) < 2:
        remedy = "everybody has the same priority; give one of [[segments]] another"
        if isinstance(law, StrictPriorityAdmission):
            yield (*steps, "law"), remedy
        for key in ("weights", "shares"):
            if len(getattr(law, key, ())) > 1:
                yield (*steps, key), remedy
    shards = next((getattr(stage, "shards", 1) for stage in scenario.stages if law.at == f"queue:{stage.name}"), 1)
    zones = scenario.street.zones if scenario.street else 0
    if isinstance(law, WfqAdmission) and law.key == "zone" and zones * shards > MOST_FLOWS:
        remedy = f"a wfq looks at each flow at each turn, at most at {MOST_FLOWS:,} in all shards; use segment"
        yield (*steps, "key"), remedy
    elif isinstance(law, ApfAdmission):
        places = len(law.share_of_level) * shards * apf.width(law.queues, law.length)
        if places > MOST_PLACES:
            remedy = f"queues of all levels and shards take {places:,} numbers, and {MOST_PLACES:,} is the most"
            yield (*steps, "queues"), f"{remedy}; use fewer or shorter ones"


def _street_law(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    if law.at == "zone" and scenario.street is None:
        yield (*steps, "at"), "there are no zones without a [street]; add one, or use another place"
    if law.at == "store" and scenario.kitchens is None:
        yield (*steps, "at"), "no store takes an order without [kitchens]; add them, or use another place"
    if law.at in ("store", "zone") and isinstance(law, ConcurrencyAdmission | Learning):
        if law.key == "person":
            yield (*steps, "key"), f"a person has one order, which is alone inside; a {law.law} needs another key"
        if law.at == "zone" and scenario.kitchens is None and scenario.couriers is None:
            remedy = "is delivered in the instant in which it is placed, without [kitchens] and [couriers]; add some"
            yield (*steps, "at"), f"nothing is ever inside: an order {remedy}"
    if law.key != "store" or isinstance(law, HotKeyAdmission) or scenario.street is None:
        return
    if law.at not in ("store", "zone"):
        remedy = 'the store is known at = "store" and "zone"; elsewhere law = "hot_key" goes by the one picked first'
        yield (*steps, "key"), remedy
    elif law.at == "zone" and scenario.kitchens is None:
        yield (*steps, "key"), "no store takes an order without [kitchens]; add them, or use another key"


def _credit(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    if not isinstance(law, CreditAdmission):
        return
    if law.at not in ("gateway", "store"):
        remedy = 'a fulfilment_credit is asked before all work, at = "gateway", and at the commit, at = "store"'
        yield (*steps, "at"), remedy
    elif any(isinstance(before, CreditAdmission) and before.at == law.at for before in scenario.admission[:at]):
        yield (*steps, "at"), "a fulfilment_credit stands there already; take one of them out"
    if law.key != "global":
        yield (*steps, "key"), "a fulfilment_credit is by store and zone; take key out"
    if scenario.kitchens is None:
        yield (*steps, "law"), "no store delivers an order without [kitchens]; add them, or use another law"
    if law.at == "store":
        for field in ("picks", "nearby", "longest_wait_ns", "later"):
            if field in law.model_fields_set:
                key = field.removesuffix("_ns")
                yield (*steps, key), f'{key} belongs at = "gateway"; at the store one is asked about, and says no time'


def _by_priority(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    if not isinstance(law, ByPriorityAdmission):
        return
    place, _, stands = law.at.partition(":")
    stages = [stage.name for stage in scenario.stages]
    if place not in ("gateway", "stage"):
        yield (*steps, "at"), f'a {law.law} stands before the queue it looks at; write at = "stage:{stages[0]}"'
    elif place == "gateway" and law.queue is None:
        yield steps, f'needs the stage whose queue it looks at, such as queue = "{stages[0]}"'
    elif law.queue is not None and law.queue not in stages:
        yield (*steps, "queue"), f"there is no stage {law.queue}{did_you_mean(law.queue, stages)}"
    elif law.queue is not None and stands in stages and stages.index(law.queue) < stages.index(stands):
        yield (*steps, "queue"), f"{law.queue} is before {stands}; name a stage from there on"
    if law.key != "global":
        yield (*steps, "key"), f"a {law.law} tells people apart by their priority; take key out"


def _top_down(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    if not isinstance(law, TopDownAdmission):
        return
    if law.at != "gateway":
        yield (*steps, "at"), 'a top_down cuts rates before all stages; write at = "gateway"'
    if law.key != "global":
        yield (*steps, "key"), "a top_down has a rate for each segment; take key out"


def _breakwater(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    if not isinstance(law, BreakwaterAdmission):
        return
    if law.at != "gateway":
        yield (*steps, "at"), 'who has no credit is not to cost a stage anything; write at = "gateway"'
    stages = {stage.name: stage for stage in scenario.stages}
    lender = stages.get(law.queue)
    if lender is None:
        yield (*steps, "queue"), f"there is no stage {law.queue}{did_you_mean(law.queue, list(stages))}"
    elif lender.discipline == "lifo":
        remedy = f"credits go by how long the oldest has waited, and {law.queue} serves the newest; make it fifo"
        yield (*steps, "queue"), remedy
    elif isinstance(lender, ServerStage) and lender.shards > 1:
        yield (*steps, "queue"), f"credits are of one queue, and {law.queue} has one a shard; take its shards out"
    elif isinstance(lender, ServerStage) and (lender.calls > 1 or lender.call_attempts > 1):
        yield (*steps, "queue"), f"a credit is for one call, and {law.queue} is called more than once; use another one"
    for other in scenario.admission:
        if isinstance(other, Ordering) and other.at == f"queue:{law.queue}":
            remedy = (
                f"credits go by how long the oldest has waited, and {other.name} lets others go first; take one out"
            )
            yield (*steps, "queue"), remedy
    if law.key in ("person", "store"):
        remedy = "a client that holds credits stays: one for all, or one for each segment or zone; use another key"
        yield (*steps, "key"), remedy


def _terms(scenario: Scenario, at: int) -> Iterator[Finding]:
    law, steps = scenario.admission[at], ("admission", at)
    if isinstance(law, Charging) and isinstance(law.cost, str):
        _, _, stage = law.cost.partition(":")
        pools = [stage.name for stage in scenario.stages if isinstance(stage, BatchingStage)]
        if stage and stage not in pools:
            yield (*steps, "cost"), f"there is no batching stage {stage}{did_you_mean(stage, pools)}"
        if not stage and scenario.kitchens is None:
            yield (*steps, "cost"), "an order has no cups without [kitchens]; add them, or use another cost"
    known = sorted({segment.priority for segment in scenario.segments} or {0})
    for priority in sorted(set(law.priorities) - set(known)):
        have = ", ".join(map(str, known))
        yield (*steps, "priorities"), f"nobody has priority {priority}, but {have}; give it to one of [[segments]]"
    if isinstance(law, Reserving) and law.reserve and len(known) < 2:
        yield (*steps, "reserve"), "everybody has the same priority; give one of [[segments]] another"


def _street(scenario: Scenario) -> Iterator[Finding]:
    street, segments = scenario.street, scenario.segments
    if street is None:
        for part in ("kitchens", "couriers"):
            if getattr(scenario, part) is not None:
                yield (part,), "stands on a street; add a [street] with zones and stores_per_zone"
    elif street.zones * street.stores_per_zone > MOST_STORES:
        stores = street.zones * street.stores_per_zone
        yield ("street", "zones"), f"{stores:,} stores are more than {MOST_STORES:,}; use fewer"
    if scenario.couriers is not None and scenario.couriers.cancel_after_ns < scenario.couriers.promise_ns:
        yield ("couriers", "cancel_after"), "is sooner than the promise, so nothing could ever be late; use more"
    if segments and abs(sum(segment.share for segment in segments) - 1) > 1e-9:
        total = sum(segment.share for segment in segments)
        yield ("segments",), f"the shares add up to {total:g}, not 1; change one of them"
    yield from _zones_of_segments(scenario)


def _zones_of_segments(scenario: Scenario) -> Iterator[Finding]:
    given = {at: segment.zones for at, segment in enumerate(scenario.segments) if segment.zones is not None}
    total = sum(given.values())
    if given and scenario.street is None:
        yield ("segments", min(given), "zones"), "there are no zones without a [street]; add one, or take this out"
    elif given and abs(total - 1) > 1e-9:
        yield ("segments", min(given), "zones"), f"the shares of zones add up to {total:g}, not 1; change one of them"


def _turns(scenario: Scenario) -> Iterator[Finding]:
    turned: dict[str, str] = {}
    for at, timeline in enumerate(scenario.timelines):
        steps: Steps = ("timelines", at)
        if timeline.knob in turned:
            yield (*steps, "knob"), f"is stepped by timeline {turned[timeline.knob]} already; join the two"
        turned.setdefault(timeline.knob, timeline.name)
        yield from _knob(scenario, timeline.knob, (*steps, "knob"))
        for step, (at_ns, raw) in enumerate(timeline.steps):
            yield from _before_horizon(scenario, at_ns, (*steps, "steps", step, 0))
            yield from _value(scenario, timeline.knob, raw, (*steps, "steps", step, 1))
    for at, incident in enumerate(scenario.incidents):
        yield from _before_horizon(scenario, incident.at_ns, ("incidents", at, "at"))
        for path, raw in incident.set.items():
            yield from _knob(scenario, path, ("incidents", at, "set", path))
            yield from _value(scenario, path, raw, ("incidents", at, "set", path))
    for at, fault in enumerate(scenario.live.faults if scenario.live else ()):
        yield from _before_horizon(scenario, fault.at_ns, ("live", "faults", at, "at"))


def _controls(scenario: Scenario) -> Iterator[Finding]:
    for at, control in enumerate(scenario.controls):
        yield from _before_horizon(scenario, control.from_ns, ("controls", at, "from"))
        if control.until_ns is not None and control.until_ns <= control.from_ns:
            begin = units.duration_text(control.from_ns)
            yield ("controls", at, "until"), f"is not after its beginning at {begin}; use a later time, or take it out"


def _knob(scenario: Scenario, path: str, steps: Steps) -> Iterator[Finding]:
    return _told(lambda: knobs.parse(path, scenario), steps)


def _value(scenario: Scenario, path: str, raw: object, steps: Steps) -> Iterator[Finding]:
    try:
        knob = knobs.parse(path, scenario)
    except ValueError:
        return iter(())  # told once, at the knob
    return _told(lambda: knobs.value(knob, raw, scenario), steps)


def _told(attempt: Callable[[], object], steps: Steps) -> Iterator[Finding]:
    try:
        attempt()
    except ValueError as error:
        yield steps, str(error)


def _before_horizon(scenario: Scenario, at_ns: int, steps: Steps) -> Iterator[Finding]:
    if at_ns >= scenario.horizon_ns:
        horizon = units.duration_text(scenario.horizon_ns)
        yield steps, f"never happens, for the run ends at {horizon}; use an earlier time, or a longer horizon"


def _marks(scenario: Scenario) -> Iterator[Finding]:
    known = metrics.names(scenario)
    marks = [("milestones", at, milestone.metric) for at, milestone in enumerate(scenario.milestones)]
    marks += [("gates", at, gate.metric) for at, gate in enumerate(scenario.gates)]
    for part, at, metric in marks:
        if metric not in known:
            yield (part, at, "metric"), f"is no figure of a run of this scenario{did_you_mean(metric, known)}"
    for at, milestone in enumerate(scenario.milestones):
        yield from _when(scenario, milestone.at_ns, milestone.metric, ("milestones", at, "at"))


def _bounds(scenario: Scenario, root: Node) -> Iterator[Finding]:
    """Look at bounds and values as the file has them: whether their unit is that of the figure, and shares are some."""
    for part, keys in (("gates", ("min", "max")), ("milestones", ("value",))):
        for at, mark in enumerate(getattr(scenario, part)):
            metric = metrics.find(mark.metric, scenario)
            if metric is None:
                continue  # told at its metric
            for key in keys:
                figure = getattr(mark, key)
                raw = root.at((part, at, key)).value
                if figure is not None and (remedy := _misfit(metric.unit, figure, raw)):
                    yield (part, at, key), remedy


def _misfit(unit: str, figure: float, raw: object) -> str | None:
    written = "share" if str(raw).strip().endswith("%") else "s"
    if isinstance(raw, str) and unit != written:
        number = f"in {unit}" if unit in metrics.FRACTIONAL else f"of {unit}"
        return (
            f"the figure is a number {number}, so a {'percentage' if written == 'share' else 'duration'} does not fit"
        )
    if unit == "share" and not 0 <= figure <= 1:
        asked = f'; write {figure / 100:g} or "{figure:g}%"' if 1 < figure <= 100 else ", between 0 and 1"
        return f"{units.shown(raw)} is not a share{asked}"
    return None


def _when(scenario: Scenario, at_ns: int | None, name: str, steps: Steps) -> Iterator[Finding]:
    metric = metrics.find(name, scenario)
    if at_ns is None or metric is None:
        return
    horizon = units.duration_text(scenario.horizon_ns)
    if at_ns > scenario.horizon_ns:
        yield steps, f"is after the end of the run at {horizon}; use an earlier time, or a longer horizon"
    elif at_ns < scenario.horizon_ns and not metric.counter and name not in metrics.OF_OUTAGES:
        yield steps, f"{name} is known at the end only, not within the run; take at out, or use a counter"


def _sizes(scenario: Scenario) -> Iterator[Finding]:
    horizon, bucket = units.duration_text(scenario.horizon_ns), units.duration_text(scenario.bucket_ns)
    if scenario.bucket_ns > scenario.horizon_ns:
        yield ("bucket",), f"a bucket of {bucket} is longer than the horizon of {horizon}; use a shorter one"
    elif scenario.horizon_ns > scenario.bucket_ns * MOST_BUCKETS:
        yield (
            ("bucket",),
            f"a bucket of {bucket} makes more than {MOST_BUCKETS:,} of them in {horizon}; use a longer one",
        )


def _growth(scenario: Scenario) -> Iterator[Finding]:
    invitations = scenario.invitations
    if invitations is not None and invitations.mean >= 1 and tables.mean(invitations.delay, whole=False) < 1:
        yield (
            ("invitations", "delay"),
            "with one invitation an order or more it needs to be longer than 0, or nothing ends",
        )
    for at, law in enumerate(scenario.admission):
        if law.law == "sliding_window_log" and law.key != "global" and law.limit > MOST_SLOTS:
            yield ("admission", at, "limit"), f"a log per {law.key} keeps at most {MOST_SLOTS:,} instants; use a window"
        elif law.law == "sliding_window_log" and law.key == "store" and scenario.street is not None:
            stores = scenario.street.zones * scenario.street.stores_per_zone
            if stores * law.limit > MOST_LOGGED:
                remedy = f"logs of {stores:,} stores keep at most {MOST_LOGGED:,} instants in all; use a window"
                yield ("admission", at, "limit"), remedy


def _distributions(part: BaseModel, above: Steps = ()) -> Iterator[Finding]:
    """Go through all distributions of a part of a scenario, for those that cannot be drawn from."""
    for name, field in type(part).model_fields.items():
        key = field.alias or name
        value = getattr(part, name)
        for at, one in enumerate(value) if isinstance(value, tuple) else ((None, value),):
            steps = (*above, key) if at is None else (*above, key, at)
            if isinstance(one, DISTRIBUTIONS):
                yield from _told(partial(tables.table, one, key in COUNTED), steps)
            elif isinstance(one, BaseModel):
                yield from _distributions(one, steps)


def _spreads(scenario: Scenario) -> Iterator[Finding]:
    yield from _distributions(scenario)
    cv, street = scenario.arrivals.cv, scenario.street
    if cv is not None:
        yield from _told(lambda: tables.gamma_row(1.0, cv), ("arrivals", "cv"))
    if street is not None and isinstance(street.zone_demand, Constant) and street.zone_demand.mean == 0:
        yield ("street", "zone_demand"), "leaves every zone without people; use something above 0"


def _trace(scenario: Scenario) -> Iterator[Finding]:
    file = scenario.arrivals.file
    if file is not None and not Path(file).is_file():
        yield ("arrivals", "file"), "is not a file; give the path of a CSV, relative to the scenario file"


def _wants(scenario: Scenario, scale: Fraction) -> Iterator[Finding]:
    wants = expected_wants(scenario) * float(scale)
    if not wants <= MOST_WANTS:
        remedy = f"about {wants:.3g} people would come, and {MOST_WANTS:,} is the most; lower the rate, or run a part "
        yield ("arrivals", "rate"), remedy + "of it with --scale"


def expected_wants(scenario: Scenario) -> float:
    """Return about how many people come before the horizon, the invited too: an estimate in a ms, for a bound."""
    arrivals, horizon_ns = scenario.arrivals, scenario.horizon_ns
    bends = {at_ns for curve in _curves(arrivals) for at_ns, _ in curve if at_ns < horizon_ns}
    instants = sorted({*bends, *(horizon_ns * part // 200 for part in range(201))})
    points = [(at_ns, _rate_per_s(arrivals, at_ns)) for at_ns in instants]
    first = math.fsum((b_ns - a_ns) / units.NS_PER_S * (a + b) / 2 for (a_ns, a), (b_ns, b) in pairwise(points))
    mean = scenario.invitations.mean if scenario.invitations else 0.0
    return first / (1 - mean) if mean < 1 else first  # above 1 the capacity bounds what is placed and invites


def _curves(arrivals: Arrivals) -> list[Sequence[tuple[int, Fraction | float]]]:
    return [arrivals.rate_per_s, *(shape.curve for shape in arrivals.shapes if shape.curve is not None)]


def _rate_per_s(arrivals: Arrivals, at_ns: int) -> float:
    if not arrivals.rate_per_s:
        return 0.0
    return math.prod((_level(arrivals.rate_per_s, at_ns), *(_factor(shape, at_ns) for shape in arrivals.shapes)))


def _factor(shape: Shape, at_ns: int) -> float:
    if shape.curve is not None:
        return _level(shape.curve, at_ns)
    assert shape.logistic is not None
    step = shape.logistic
    x = max(-700.0, min(700.0, (at_ns - step.middle_ns) / step.width_ns))
    return step.low + (step.high - step.low) / (1 + math.exp(-x))


def _level(curve: Sequence[tuple[int, Fraction | float]], at_ns: int) -> float:
    after = bisect_right(curve, at_ns, key=lambda point: point[0])
    if after in (0, len(curve)):
        return float(curve[max(after - 1, 0)][1])
    (a_ns, a), (b_ns, b) = curve[after - 1], curve[after]
    return float(a) + float(b - a) * ((at_ns - a_ns) / (b_ns - a_ns))
