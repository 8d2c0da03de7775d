"""One attempt's journey: gateway, stages, and the commit that makes it an order - or not (docs/model.md)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import simpy

from scenarios.asking import ADMITTED, EXPIRED, PENDING, REASONS, SHED, THROTTLED
from simulator.rank import Rank
from simulator.reference.instants import moment

if TYPE_CHECKING:
    from scenarios.person import Person
    from simulator.reference.stages import Failure, Stage
    from simulator.reference.town import Town
    from simulator.reference.work import Work

GATEWAY_COUNTERS = {
    ADMITTED: "attempts.admitted",
    THROTTLED: "attempts.throttled",
    SHED: "attempts.shed",
    EXPIRED: "attempts.expired",
}


@dataclass(slots=True, eq=False, kw_only=True)
class Try:
    """What a person waits for: one attempt, or its hedges too. `over` happens with the attempt whose answer it is."""

    timeout_ns: int  # the instant at which the person stops waiting
    over: simpy.Event
    copies: int = 0
    awaited: list[Attempt] = field(default_factory=list)


@dataclass(slots=True, eq=False, kw_only=True)
class Attempt:
    """One attempt. Its answer is "placed", the reason of a failure, timed_out among them, or "outrun"."""

    person: Person
    of: Try
    number: int
    session: int
    copy: int  # 0: the first of its try
    start_ns: int
    deadline_ns: int  # which travels with its work
    work: Work | None = None  # the last that a station had of it
    decided_ns: int = -1
    gateway: int = PENDING
    retry_after_s: int = 0
    stage: int = 0  # the last one reached
    call: int = 0  # the number of its call there, of all that it may make
    store: int = -1  # the last one asked to take the order
    has_slot: bool = False  # its person has taken a later slot
    answer: str = "unanswered"
    answered_ns: int = -1
    ended_ns: int = -1
    done_ns: int = 0  # server time spent on it so far
    at_stage_ns: int = 0  # server time of its work at the present stage, queued or in service
    budgets: list[Stage] = field(default_factory=list)  # stages whose budget it holds a unit of

    @property
    def draws_as(self) -> int:
        """What its draws at a stage go by: its number, and that of the call."""
        return self.number + (self.call << 32)

    @property
    def answered(self) -> bool:
        """Whether its person awaits it no more."""
        return self.answered_ns >= 0


def journey(town: Town, attempt: Attempt) -> Generator[simpy.Event, Any, None]:
    """Walk from the gateway through the stages to the commit; the person may long have stopped waiting."""
    verdict = yield from town.gateway.pass_through(attempt)
    if verdict.code != ADMITTED:
        town.ends(attempt, REASONS[verdict.code], verdict.retry_after_s)
        return
    yield from through_stages(town, attempt)


def calls(town: Town, attempt: Attempt, stage: Stage) -> Generator[simpy.Event, Any, Failure]:
    """Call a stage, from the present call on: one after the other, and again where a call is refused."""
    while True:
        delay_ns = stage.network_ns(attempt)
        yield moment(town.env, town.now_ns + delay_ns, Rank.ARRIVAL, stage.index, attempt.person.want, attempt.number)
        attempt.stage = stage.index
        failure, retry_after_s = yield from stage.serve(attempt)
        if not stage.is_called_again(attempt, failure):
            return failure, retry_after_s


def through_stages(town: Town, attempt: Attempt, after: int = 0) -> Generator[simpy.Event, Any, None]:
    """Walk through the stages after this one (0: the gateway, which has let it in) to the commit."""
    for stage in town.stages[after:]:
        if attempt.person.segment not in stage.callers:
            continue
        attempt.call = 0
        failure, retry_after_s = yield from calls(town, attempt, stage)
        if failure:
            town.ends(attempt, failure, retry_after_s)
            return
    slot_ns = town.commits(attempt)
    while slot_ns is not None:
        kitchens = town.street.kitchen_stage
        yield moment(town.env, slot_ns, Rank.ARRIVAL, kitchens, attempt.person.want, attempt.number)
        slot_ns = town.commits(attempt)
