"""The gateway of the scenario in real time, in a worker: its laws, and its servers where it has any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from scenarios import knobs
from scenarios.asking import ADMITTED, Verdict
from scenarios.knobs import Kind, Knob, Value
from scenarios.person import Person
from scenarios.policy import outcome_of
from scenarios.schedule import changes
from scenarios.world import build_world
from simulator.live.clock import ModelClock, Pace
from simulator.live.contents import Contents
from simulator.live.laws import Laws
from simulator.live.settings import Settings
from simulator.live.town import an_attempt, without_people
from simulator.rank import Rank
from simulator.reference.attempt import Attempt
from simulator.reference.instants import call_at
from simulator.reference.town import Town

if TYPE_CHECKING:
    from simulator.live.leases import Leases

OURS = (Kind.ADMISSION_RATE, Kind.ADMISSION_LIMIT, Kind.GATEWAY_SERVERS)


MOST_LATE_NS = 50_000_000
"""By the clock, how much later than intended an attempt may come and still be judged as of then."""


@dataclass(slots=True, eq=False)
class Asking:
    """An attempt as laws see it: what the model would add, nobody here asks for."""

    person: Person
    number: int
    start_ns: int
    deadline_ns: int
    store: int = -1


class Door:
    """Who gets in. Without servers of the gateway it decides at once; with them, when one takes the attempt up."""

    def __init__(self, settings: Settings, worker: int, clock: ModelClock, loop: asyncio.AbstractEventLoop) -> None:
        scenario = share_of_servers(settings, worker)
        self.scenario = scenario
        self.clock = clock
        self.env = simpy.Environment(initial_time=max(settings.from_ns, clock.now_ns()))
        self.pace = Pace(self.env, clock, loop)
        self.town = Town(
            self.env, without_people(scenario), seed=settings.seed, world=build_world(scenario), trace=False
        )
        self.laws = Laws(scenario, self.town.habits)
        self.leases: Leases | None = None
        if settings.redis_url is not None:
            from simulator.live.leases import Leases  # the client of Redis comes with it: who has none starts sooner

            self.leases = Leases(settings, scenario, self.town.habits)
            self.laws.leave_out(self.leases.names)
        self.gateway = self.town.gateway
        self.gateway.policy = self.laws
        if self.gateway.station is not None:
            self.gateway.station.policy = self.laws
        self._loop = loop
        self._asked_ns = settings.from_ns
        self._most_late_ns = int(MOST_LATE_NS * clock.speed)
        self.inside: dict[tuple[int, int], Asking] = {}
        """Attempts, by want and number, that somebody awaits and that were let in before model time began."""
        self._schedule()
        if settings.contents is not None and clock.zero_monotonic_ns is None:
            for path, raw in settings.contents.turned.items():
                self.turn(*knobs.given(path, raw, scenario))
            self.laws.begin_with(settings.contents.levels)
            self._let_in(settings.contents)

    def _let_in(self, contents: Contents) -> None:
        """Let those who are past the gateway hold places, if they are awaited: of others nobody here hears the end."""
        rows = contents.attempts
        for row in rows[(rows["stage"] > 0) & (rows["awaited"] == 1)].tolist():
            of = dict(zip(rows.dtype.names, row, strict=True))
            want, number = of["want"], of["attempt"]
            person = self.town.habits.newcomer(want, of["start_ns"], -1)
            asking = self.inside[want, number] = Asking(person, number, of["start_ns"], of["timeout_ns"])
            self.laws.holds(asking, self.clock.from_ns)

    def attempt(self, person: Person, number: int, start_ns: int, timeout_ns: int) -> Attempt | Asking:
        """Return somebody's try, as it comes to the gateway."""
        if self.gateway.station is None:
            return Asking(person, number, start_ns, timeout_ns)
        return an_attempt(self.env, person, number, start_ns, timeout_ns)

    def ask_now(self, attempt: Attempt | Asking, now_ns: int) -> Verdict | None:
        """Let an attempt in that is here now, or not; None where that takes time."""
        if self.leases is None and self.gateway.station is None:
            return self.laws.ask(attempt.person, attempt, self._as_of_ns(attempt.start_ns, now_ns))
        return None

    async def ask(self, attempt: Attempt | Asking) -> Verdict:
        """Let an attempt in, or not; the verdict stands when the gateway is done with it."""
        if self.leases is not None:
            refused = await self.leases.ask(attempt)
            if refused is not None:
                return refused
        if isinstance(attempt, Asking):
            return self.laws.ask(attempt.person, attempt, self._as_of_ns(attempt.start_ns, self.clock.now_ns()))
        future: asyncio.Future[Verdict] = self._loop.create_future()

        def passes() -> None:
            self.env.process(self._passes(attempt, future))

        want, number = attempt.person.want, attempt.number
        self.pace.at_now(lambda now_ns: call_at(self.env, passes, now_ns, Rank.ARRIVAL, 0, want, number))
        return await future

    def _as_of_ns(self, start_ns: int, now_ns: int) -> int:
        """The instant at which laws are asked: the intended one, where it is a little past, but never back in time.

        So the way here decides little on who gets the last token. Who forges it gains nothing: earlier, there is less.
        """
        as_of_ns = min(max(start_ns, now_ns - self._most_late_ns), now_ns)
        self._asked_ns = max(as_of_ns, self._asked_ns)
        return self._asked_ns

    def end_of(self, want: int, number: int) -> Callable[[str], None]:
        """Return what is to be told the end of an attempt that was let in before model time began."""
        asking = self.inside.pop((want, number), None)
        return (lambda reason: None) if asking is None else (lambda reason: self.ended(asking, reason))

    def ended(self, attempt: Attempt | Asking, reason: str) -> None:
        """The work on an attempt that was let in is over."""
        self.laws.give_back(attempt, self.clock.now_ns(), outcome_of(reason))

    def turn(self, knob: Knob, value: Value) -> None:
        """Give a knob of the gateway a value, now; those of others are not ours."""
        if knob.kind is Kind.GATEWAY_SERVERS:
            assert self.gateway.station is not None
            assert isinstance(value, int)
            self.gateway.station.set_servers(value)
        elif knob.kind in OURS:
            law = self.scenario.admission[knob.index]
            if law.name in self.laws.rules:
                self.laws.turn(law.name, value, int(self.env.now))
                if self.leases is not None:
                    self.leases.turn(law.name, value)

    def turn_now(self, path: str, raw: Any) -> None:
        """Turn a knob that somebody names."""
        knob, value = knobs.given(path, raw, self.scenario)
        self.pace.at_now(
            lambda now_ns: call_at(self.env, lambda: self.turn(knob, value), now_ns, Rank.INCIDENT, 0, 0, 0)
        )

    def _passes(self, attempt: Attempt, future: asyncio.Future[Verdict]) -> Generator[simpy.Event, Any, None]:
        verdict = yield from self.gateway.pass_through(attempt)
        if not future.done():
            future.set_result(verdict)
        elif verdict.code == ADMITTED:  # who asked was cancelled
            self.ended(attempt, "error")

    def _schedule(self) -> None:
        for index, change in enumerate(changes(self.scenario)):
            if change.knob.kind not in OURS:
                continue
            if change.at_ns < self.env.now:
                self.turn(change.knob, change.value)
            else:
                happen = lambda change=change: self.turn(change.knob, change.value)  # noqa: E731
                call_at(self.env, happen, change.at_ns, Rank.INCIDENT, 0, index, 0)


def share_of_servers(settings: Settings, worker: int) -> Any:
    """The scenario with this worker's part of the gateway's servers."""
    scenario = settings.scenario
    if scenario.gateway is None or settings.workers == 1:
        return scenario
    servers = (scenario.gateway.servers + worker) // settings.workers
    return scenario.model_copy(update={"gateway": scenario.gateway.model_copy(update={"servers": max(1, servers)})})
