"""A scenario in words: what the tables "what was asked" of a report say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports import figures
from scenarios import model, units
from scenarios.units import NS_PER_S

_LAWS = {
    "token_bucket": "token bucket: {rate_per_s}{burst}",
    "gcra": "even spacing (GCRA): {rate_per_s}{burst}",
    "hot_key": "token bucket by hot key: {rate_per_s}{burst}",
    "warm_up": "warm-up: {rate_per_s} once warm, 1/{cold_factor} cold, {warm_up_ns} to warm up",
    "fixed_window": "fixed window: {limit} in {window_ns}",
    "sliding_window": "sliding window (two counts): {limit} in {window_ns}",
    "sliding_window_log": "sliding window: {limit} in {window_ns}",
    "fixed_concurrency": "at most so many at once: {limit}",
    "aimd": "a limit that learns (AIMD): {least} to {most} at once",
    "vegas": "a limit that learns (Vegas): {least} to {most} at once",
    "gradient2": "a limit that learns (gradient): {least} to {most} at once",
    "envoy_gradient": "a limit that learns (gradient of medians): {least} to {most} at once",
    "bbr_cpu": "a limit while servers are busy (BBR): at {cpu} of servers busy",
    "load_multiplier": "a rate that learns (load multiplier): less at {tolerance} times the usual time",
    "top_down": "rates by what is overloaded (TopFull): less while answers take over {target_ns}",
    "seda": "a rate that learns (SEDA): less while the slowest take over {target_ns}",
    "breakwater": "credits of a stage (Breakwater): as many as keep the queue of {queue} under {target_ns}",
    "dagor": "by priority and wait (DAGOR): fewer while waits are over {target_ns}",
    "pi_rejector": "by priority and surplus (PI): a share every {period_ns}",
    "deadline": "deadline: at least {least_left_ns} left",
    "retry_budget": "retry budget: {earn} of a retry a {earn_on}, at most {cap} saved",
    "retry_ratio": "retry budget by ratio: {ratio} retries a first try in {window_ns}, and {reserve}",
    "retry_throttle": "retry budget by answers: {cap} failures, of which each answer makes up {earn}",
    "sre_throttle": "throttle of its own: tries at most {k} times the answers of {window_ns}",
    "circuit_breaker": "circuit breaker: at {failed} failures of {last_calls} none for {open_for_ns}",
    "codel": "CoDel: waits over {target_ns} for {interval_ns}",
    "adaptive_lifo": "adaptive LIFO: newest first after {standing_ns} of queue, then waits of {short_ns}",
    "strict_priority": "the most important first: of equals the one that came first",
    "wfq": "weighted fair queueing: turns by weights {weight_of_priority}",
    "apf": "priority and fairness (APF): servers {share_of_level}, {hand} of {queues} queues",
    "pacing": "pacing: {rate_per_s}, refused beyond a wait of {longest_wait_ns}",
    "waiting_room": "waiting room: {rate_per_s} are called, who wait ask again within {hold_ns}",
    "fulfilment_credit": "fulfilment credit: {store_within_ns} for the store, {courier_within_ns} for couriers",
}
"""What each law is called, and what it is told."""
_SHARES = ("cpu", "failed")
_KEYS = {
    "global": "all together",
    "person": "each person",
    "segment": "each segment",
    "zone": "each zone",
    "store": "each store",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """A knob and what stood on it: (start, end, value) in s, in order, first value included."""

    name: str
    knob: str
    spans: tuple[tuple[float, float, str], ...]

    @property
    def title(self) -> str:
        """Return the knob in words, behind the name of what changes it: "rain: couriers slowdown"."""
        return f"{self.name}: {knob_words(self.knob)}"


def time_words(of: Any) -> str:
    """Write a distribution of times: "lognormal, median 40 ms, CV 0.5"."""
    return _distribution(of, lambda ns: figures.duration(ns / NS_PER_S))


def count_words(of: Any) -> str:
    """Write a distribution of counts: "uniform, 3 to 5"."""
    return _distribution(of, figures.decimal)


def _distribution(of: Any, word: Any) -> str:
    if of.kind == "constant":
        return str(word(of.mean))
    if of.kind == "exponential":
        return f"exponential, mean {word(of.mean)}"
    if of.kind == "gamma":
        return f"gamma, mean {word(of.mean)}, CV {figures.decimal(of.cv)}"
    if of.kind == "uniform":
        return f"uniform, {word(of.low)} to {word(of.high)}"
    if of.kind == "lognormal":
        width = f"p95 {word(of.p95)}" if of.p95 is not None else f"CV {figures.decimal(of.cv)}"
        width = f"sigma {figures.decimal(of.sigma)}" if of.sigma is not None else width
        return f"lognormal, median {word(of.median)}, {width}"
    if of.kind == "empirical":
        return f"measured, {word(of.quantiles[0][1])} to {word(of.quantiles[-1][1])}"
    total = sum(part.weight for part in of.parts)
    return "; ".join(f"{figures.share(part.weight / total)} {_distribution(part.of, word)}" for part in of.parts)


def arrivals_words(scenario: model.Scenario) -> str:
    """Write who comes: "Poisson arrivals, at most 585/s before its curves day and ramp"."""
    arrivals = scenario.arrivals
    if arrivals.process == "trace":
        return f"Arrivals of the trace {arrivals.file}"
    rates = [float(rate) for _, rate in arrivals.rate_per_s]
    kind = {"poisson": "Poisson arrivals", "steady": "Steady arrivals", "gamma": "Gamma arrivals"}[arrivals.process]
    level = (
        figures.rate(rates[0]) if len(set(rates)) == 1 else f"{figures.rate(min(rates))} to {figures.rate(max(rates))}"
    )
    curves = [shape.name for shape in arrivals.shapes]
    shaped = f" times {' times '.join(curves)}" if curves else ""
    return f"{kind}, {level}{shaped}"


def people_words(scenario: model.Scenario) -> str:
    """Write how people wait, retry and come back."""
    people = scenario.people
    tries = "1 try" if people.attempts == 1 else f"up to {figures.short_count(people.attempts)} tries"
    words = [f"time until an answer is given up: {time_words(people.timeout)}", f"{tries} a session"]
    if people.attempts > 1:
        words.append(f"time between tries: {time_words(people.retry_delay)}")
    if people.come_back is not None:
        words.append(f"{figures.share(people.come_back.probability)} of those who fail come back another time")
    return "; ".join(words)


def stage_rows(scenario: model.Scenario) -> list[tuple[str, str, str, str, str]]:
    """Return per stage: name, capacity, work of one attempt, queue, and what happens to work whose person has left."""
    rows = []
    if scenario.gateway is not None:
        gateway = scenario.gateway
        work = f"{time_words(gateway.admit)} to admit, {time_words(gateway.refuse)} to refuse"
        rows.append(("gateway", _many(gateway.servers, "server"), work, _queue(gateway), _left(gateway)))
    return rows + [
        (stage.name, _capacity(stage), _work(stage), _queue(stage), _left(stage)) for stage in scenario.stages
    ]


def _many(number: float, word: str) -> str:
    many = figures.short_count(number) if number == int(number) else figures.decimal(number)
    return f"{many} {word if number == 1 else word + 's'}"


def _capacity(stage: Any) -> str:
    if stage.kind == "batching":
        return f"{_many(stage.replicas, 'replica')} of {figures.count(stage.slots)} calls at once"
    shards = f"{figures.count(stage.shards)} shards of " if stage.shards > 1 else ""
    return shards + _many(stage.servers, "server")


def _work(stage: Any) -> str:
    if stage.kind == "batching":
        return f"{count_words(stage.prompt)} tokens in, {count_words(stage.output)} out"
    growing = (
        f", {figures.duration(stage.per_busy_ns / NS_PER_S)} more for each in service" if stage.per_busy_ns else ""
    )
    failing = f", {figures.share(stage.failure)} fail" if stage.failure else ""
    return time_words(stage.service) + growing + failing


def _queue(stage: Any) -> str:
    order = "newest first" if getattr(stage, "discipline", "fifo") == "lifo" else "oldest first"
    return f"up to {figures.short_count(stage.queue_limit)} wait, {order}"


def _left(stage: Any) -> str:
    return "dropped" if stage.deadline else "worked on all the same"


def limit_rows(scenario: model.Scenario) -> list[tuple[str, str, str, str]]:
    """Return per limit: name, where it stands, its rule, and whom it counts together."""
    return [
        (limit.name, _place(limit.at), _LAWS[limit.law].format_map(_Told(limit)), _KEYS[limit.key])
        for limit in scenario.admission
    ]


def _place(at: str) -> str:
    return at.replace("stage:", "stage ").replace("queue:", "queue of ")


class _Told:
    """What a limit is told, in words."""

    def __init__(self, limit: Any) -> None:
        self.limit = limit

    def __getitem__(self, key: str) -> str:
        value = getattr(self.limit, key)
        if key == "burst":
            return f", bursts of {figures.count(value)}" if value else ""
        if key == "rate_per_s":
            return knob_value("rate", value)
        if key.endswith("_ns"):
            return figures.duration(value / NS_PER_S)
        if key in _SHARES:
            return figures.share(value)
        if isinstance(value, tuple):
            return " : ".join(map(figures.count, value))
        if isinstance(value, float):
            return figures.decimal(value)
        return figures.count(value) if isinstance(value, int) else str(value)


def knob_value(knob: str, value: Any) -> str:
    """Write the value of a knob in its unit: "302/s", "14.4", "40%"; a rate of none is "off"."""
    if value is None or value == "off":
        return "off"
    last = knob.rsplit(".", 1)[-1]
    if last == "rate":
        return figures.rate(float(value if not isinstance(value, str) else units.rate_per_s(value)))
    if last in ("failure", "closed"):
        return figures.share(units.share(value))
    if isinstance(value, int | float):
        return f"x {figures.decimal(value)}" if last == "slowdown" else figures.decimal(value)
    return str(value)


def knob_words(knob: str) -> str:
    """Write a knob: "stages.intent.servers" is "intent servers", "admission.door.rate" is "door rate"."""
    parts = knob.split(".")
    return " ".join(parts[1:] if parts[0] in ("stages", "admission") else parts).replace("_", " ")


def changes(scenario: model.Scenario) -> list[Change]:
    """Return what was changed during the run, a row a knob: timelines with their first value, then incidents."""
    horizon_s = scenario.horizon_ns / NS_PER_S
    return [*_timelines(scenario, horizon_s), *_incidents(scenario, horizon_s)]


def change_instants(scenario: model.Scenario) -> list[float]:
    """Return the instants (s, within the run) at which something was changed or changed back."""
    ends = {at_s for change in changes(scenario) for start_s, end_s, _ in change.spans for at_s in (start_s, end_s)}
    return sorted(at_s for at_s in ends if 0 < at_s < scenario.horizon_ns / NS_PER_S)


def _timelines(scenario: model.Scenario, horizon_s: float) -> Iterator[Change]:
    for timeline in scenario.timelines:
        steps = [(at_ns / NS_PER_S, knob_value(timeline.knob, value)) for at_ns, value in timeline.steps]
        if steps[0][0] > 0:
            steps.insert(0, (0.0, knob_value(timeline.knob, _first_value(scenario, timeline.knob))))
        ends = [*(at_s for at_s, _ in steps[1:]), horizon_s]
        spans = [(at_s, min(end_s, horizon_s), word) for (at_s, word), end_s in zip(steps, ends, strict=True)]
        yield Change(name=timeline.name, knob=timeline.knob, spans=tuple(s for s in spans if s[0] < s[1]))


def _incidents(scenario: model.Scenario, horizon_s: float) -> Iterator[Change]:
    for incident in scenario.incidents:
        start_s = incident.at_ns / NS_PER_S
        end_s = min(start_s + incident.for_ns / NS_PER_S, horizon_s)
        for knob, value in incident.set.items():
            yield Change(name=incident.name, knob=knob, spans=((start_s, end_s, knob_value(knob, value)),))


def _first_value(scenario: model.Scenario, knob: str) -> Any:
    """Return what the file sets a knob to, before any timeline."""
    place, *name, last = knob.split(".")
    here: Any = getattr(scenario, place, None)
    if name:
        here = next((part for part in here or () if part.name == name[0]), None)
    return getattr(here, "rate_per_s" if last == "rate" else last, None)
