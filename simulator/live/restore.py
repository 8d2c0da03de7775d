"""Puts into an upstream what was under way at an instant of a simulated run, so that a slice begins with its queues.

What waits keeps its turn, where a law of the queue does not order it anew, and the laws of its stage are not asked
again: those behind one of pacing never, of whom that holds back. Whoever is inside holds places of laws with a given
limit; laws that learn do not hear of them. Who is served at servers is served for as
long as was left; calls that a batching replica works on have evenly spread parts of their answers left, for their
progress is not in the contents. What was at the gateway is not here, nor are orders in the hands of couriers;
those in kitchens hold no places.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import simpy

from scenarios.asking import ADMITTED
from scenarios.person import Person
from scenarios.policy import begin_with, outcome_of
from simulator.live.contents import Contents
from simulator.live.town import LiveTown, an_attempt
from simulator.rank import Rank
from simulator.reference.attempt import Attempt, Try, calls, through_stages
from simulator.reference.batching import BatchingPool
from simulator.reference.instants import moment
from simulator.reference.kitchens import ClockKitchens
from simulator.reference.work import Work

ON_THE_WAY, PACED, QUEUED, IN_SERVICE = range(4)
"""As simulator.compiled.contents.AttemptState, which this process does not import: it would load the compiler."""
IN_KITCHEN = 0


def restore(town: LiveTown, contents: Contents) -> Iterator[tuple[Person, Attempt]]:
    """Begin with these attempts at their stages and with what kitchens have taken; yield those under way."""
    rows = [row for row in _rows(contents.attempts) if row["stage"] > 0]
    served = [row for row in rows if row["state"] == IN_SERVICE]
    waiting = sorted((row for row in rows if row["state"] == QUEUED), key=lambda row: (row["stage"], row["turn"]))
    coming = [row for row in rows if row["state"] in (ON_THE_WAY, PACED)]
    people: dict[int, Person] = {}
    tries: dict[int, Try] = {}
    for place, row in enumerate((*served, *waiting, *coming)):
        person = people.get(row["want"])
        if person is None:
            person = people[row["want"]] = town.meets(row["want"], *town.habits.who(row["want"]))
        # one that nobody awaits has been followed by another
        person.attempt = max(person.attempt, row["attempt"] + (not row["awaited"]))
        # whose copy was placed first has passed its deadline
        timeout_ns = max(row["timeout_ns"], town.now_ns) if row["awaited"] else town.now_ns
        of = tries.get(row["want"]) if row["awaited"] else None
        attempt = an_attempt(town.env, person, row["attempt"], row["start_ns"], timeout_ns, of)
        attempt.gateway, attempt.stage, attempt.call = ADMITTED, row["stage"], row["call"]
        town.gateway.policy.holds(attempt, town.now_ns)
        for stage in town.stages[: row["stage"] - (row["state"] != IN_SERVICE)]:
            if stage.budget_left is not None and person.segment in stage.callers:
                stage.budget_left -= 1
                attempt.budgets.append(stage)
        if row["awaited"]:
            tries[row["want"]] = attempt.of
            town.awaits(attempt)
        else:
            town.attempts.add(attempt)
            attempt.answer, attempt.answered_ns = "timed_out", town.now_ns
            attempt.of.awaited.clear()
        town.env.process(_goes_on(town, attempt, row, (place + 0.5) / max(1, len(served))))
        yield person, attempt
    _fill_kitchens(town, contents)


def _goes_on(town: LiveTown, attempt: Attempt, row: dict[str, int], left: float) -> Generator[simpy.Event, Any, None]:
    stage = town.stages[row["stage"] - 1]
    if row["state"] != ON_THE_WAY:
        stage.policy.holds(attempt, town.now_ns)
    if row["state"] == IN_SERVICE:
        work = Work(
            want=row["want"],
            attempt=row["attempt"],
            done=simpy.Event(town.env),
            service_ns=max(0, row["next_ns"] - town.now_ns),
            arrived_ns=town.now_ns,
            deadline_ns=attempt.of.timeout_ns,
            shard=row["shard"],
            whose=attempt,
        )
        if isinstance(stage.stations[0], BatchingPool):
            _, output = town.habits.tokens(stage.name, row["want"], row["attempt"])
            work.prompt, work.output = 1, max(1, round(output * left))
        if stage.stations[work.shard].join(work):
            how = yield work.done
        else:
            how = "shed"
        failure = "" if how == "served" else how
        retry_after_s = 0
        stage.policy.give_back(attempt, town.now_ns, outcome_of(failure))
    else:
        at_ns = max(row["next_ns"], town.now_ns)
        if row["state"] != QUEUED:
            yield moment(town.env, at_ns, Rank.ARRIVAL, stage.index, row["want"], row["attempt"])
        served = stage.serve if row["state"] == ON_THE_WAY else stage.serve_admitted
        failure, retry_after_s = yield from served(attempt)
    if stage.is_called_again(attempt, failure):
        failure, retry_after_s = yield from calls(town, attempt, stage)
    if failure:
        town.ends(attempt, failure, retry_after_s)
        return
    yield from through_stages(town, attempt, after=stage.index)


def restore_levels(town: LiveTown, levels: Mapping[str, Any]) -> None:
    """Let laws begin with these rows."""
    for name in town.laws.keys() & levels.keys():
        begin_with(town.laws[name], levels[name])


def _fill_kitchens(town: LiveTown, contents: Contents) -> None:
    kitchens = town.street.kitchens
    if not isinstance(kitchens, ClockKitchens):
        return
    for row in _rows(contents.orders):
        if row["state"] == IN_KITCHEN and row["store"] >= 0 and row["ready_ns"] >= 0:
            made_ns = row["ready_ns"] - kitchens.finishing_ns
            kitchens.busy_until_ns[row["store"]] = max(kitchens.busy_until_ns[row["store"]], made_ns)


def _rows(table: Any) -> Iterator[dict[str, int]]:
    """The rows of a structured array; wants as the 64 bits they are."""
    names = table.dtype.names
    for values in table.tolist():
        row = dict(zip(names, values, strict=True))
        row["want"] &= 2**64 - 1
        yield row
