"""What generated scenarios reach, in counts: `python -m tests.reach [N]` prints them for N fresh ones (300).

Of each scenario: which laws with which key stand where, which knobs are turned by what, what has no capacity, which
deadlines are equal; and, from a run of the SimPy engine, which kinds of events happened in the same ns.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from heapq import heappop
from itertools import combinations_with_replacement
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings

from scenarios.workload import first_arrivals
from simulator import reference
from simulator.rank import Rank
from tests.agreement import seldom_told
from tests.probing import PROBE
from tests.scenario_strategy import COUNTS, LAW_PLACES, Tree, loaded, scenarios

LEAST_KEY = 1 << 96  # of an event of the model, as simulator.reference.instants packs it; SimPy's own are below


def ties(pairs: Iterable[tuple[int, int]] = tuple(combinations_with_replacement(Rank, 2))) -> list[str]:
    """Return what is counted where events of two ranks happen in the same ns."""
    return [f"ties: {Rank(one).name.lower()} and {Rank(other).name.lower()}" for one, other in pairs]


def reached(trees: list[Tree]) -> Counter[str]:
    """Count in how many scenarios each thing is there."""
    found: Counter[str] = Counter()
    for tree in trees:
        found.update({*_written(tree), *_ties(tree)})
    return found


def generated(number: int, *, fresh: bool) -> list[Tree]:
    """Return so many scenarios; the same each time, unless `fresh`."""
    trees: list[Tree] = []

    @settings(
        max_examples=number,
        phases=[Phase.generate],
        derandomize=not fresh,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios())
    def keep(tree: Tree) -> None:
        trees.append(tree)

    keep()
    return trees


def _written(tree: Tree) -> Iterator[str]:
    yield f"arrivals: {tree['arrivals']['process']}"
    for law in tree.get("admission", []):
        point = law["at"].partition(":")[0]
        yield f"law: {law['law']}"
        if "ticket" in law:
            yield "law: with a ticket"
        yield f"law: {law['law']} by {law.get('key', 'global')} at {point}"
        yield f"law: at {point}"
        if point in ("store", "zone") and LAW_PLACES[law["law"]] == COUNTS:
            yield f"law: orders inside a {point}"
        if "rates" in law:
            yield "law: several rates"
        if "cost" in law:
            yield f"law: cost of {str(law['cost']).partition(':')[0]}"
        for terms in ("reserve", "priorities"):
            if law.get(terms):
                yield f"law: {terms}"
    for how, knob in _turned(tree):
        if ".rates." in knob:
            yield f"knob: one of several rates by {how}"
        yield f"knob: {knob.partition('.')[0]}.{knob.rpartition('.')[2]} by {how}"
    for control in tree.get("controls", []):
        yield f"control: {'probe' if control['process'] == PROBE else control['process']}"
    yield from _without_capacity(tree)
    for stage in tree["stages"]:
        if stage.get("kind") == "batching":
            yield f"batching: {stage.get('discipline', 'fifo')}, deadline {stage.get('deadline', False)}"
            yield f"batching: kv {stage.get('kv_mode', 'peak')}" if "kv_tokens" in stage else "batching: no kv limit"
        elif "shards" in stage:
            yield f"stage: {stage['shards']} shards"
        if stage.get("segments"):
            yield "stage: that some pass by"
        if stage.get("calls", 1) > 1:
            yield f"stage: several calls, {stage.get('call_attempts', 1)} tries of each"
    for part in ("kitchens", "couriers"):
        if part in tree:
            yield f"{part}: {tree[part]['kind']}"
    people = tree["people"]
    if isinstance(people["timeout"], str) and people.get("patience") == people["timeout"]:
        yield "equal: timeout and patience"
    if isinstance(people["timeout"], str):
        yield "equal: timeouts of all"
    if "hedge" in people:
        yield "people: hedges"


def _turned(tree: Tree) -> Iterator[tuple[str, str]]:
    for timeline in tree.get("timelines", []):
        yield "timeline", timeline["knob"]
    for incident in tree.get("incidents", []):
        for knob in incident["set"]:
            yield "incident", knob
    for control in tree.get("controls", []):
        arguments: dict[str, Any] = control["with"]
        if control["process"] == "autoscaler":
            yield "control", arguments["knob"]
        for turn in [knob for wake in arguments.get("wakes", []) for knob in wake["turn"]]:
            yield "control", turn
        for rule in arguments.get("rules", []):
            yield "control", rule["turn"]


def _without_capacity(tree: Tree) -> Iterator[str]:
    for stage in tree["stages"]:
        for what in ("servers", "replicas", "queue_limit", "budget", "step", "service"):
            if stage.get(what) in (0, "0ms"):
                yield f"zero: {what} of a stage"
    if tree.get("gateway", {}).get("queue_limit") == 0:
        yield "zero: queue_limit of the gateway"
    for law in tree.get("admission", []):
        if law.get("limit") == 0 or law.get("rate") == "0/s":
            yield f"zero: {'limit' if 'limit' in law else 'rate'} of {law['law']}"
    for what in ("makers", "cups_per_hour", "pause_backlog"):
        if tree.get("kitchens", {}).get(what) == 0:
            yield f"zero: {what} of kitchens"
    for what in ("per_zone", "trip"):
        if tree.get("couriers", {}).get(what) in (0, "0ms"):
            yield f"zero: {what} of couriers"
    for _, knob in _turned(tree):
        if knob == "kitchens.closed":
            yield "zero: stores that close"
    for how, values in _given(tree):
        if 0 in values:
            yield f"zero: {how} turned to 0"


def _given(tree: Tree) -> Iterator[tuple[str, list[Any]]]:
    steps = [(timeline["knob"], value) for timeline in tree.get("timelines", []) for _, value in timeline["steps"]]
    steps += [item for incident in tree.get("incidents", []) for item in incident["set"].items()]
    for knob, value in steps:
        if not isinstance(value, str):
            yield knob.rpartition(".")[2], [value]


def _ties(tree: Tree) -> Iterator[str]:
    """Run a scenario in the SimPy engine, and yield which kinds of events shared a ns."""
    of_instant: dict[int, Counter[int]] = {}

    def noted(queue: Any) -> Any:
        entry = heappop(queue)
        if entry[1] >= LEAST_KEY:
            of_instant.setdefault(entry[0], Counter())[entry[1] >> 112] += 1
        return entry

    scenario = loaded(tree).scenario
    with mock.patch("simpy.core.heappop", noted), seldom_told():
        reference.run(scenario, seed=1, first_arrivals_ns=first_arrivals(scenario, 1, Fraction(1)))
    for ranks in of_instant.values():
        for one, other in combinations_with_replacement(sorted(ranks), 2):
            if one != other or ranks[one] > 1:
                yield from ties([(one, other)])


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    counts = reached(generated(number, fresh=True))
    for name in sorted({*counts, *ties()}):
        print(f"{counts[name]:6,}  {name}")
