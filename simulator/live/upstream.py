"""The upstream: one process that hosts the stages, the kitchens and the couriers of the reference model in real time.

Gateway workers and the supervisor each have one stream to it (simulator.live.wire). An attempt enters the model at the
instant at which it is here, and its answer goes back when the model says so, an order's when it stands in the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import simpy
import uvloop

from scenarios import knobs
from scenarios.asking import ADMITTED
from scenarios.garbage import collect_seldom
from scenarios.knobs import Kind
from scenarios.person import Person
from scenarios.schedule import Change, changes
from scenarios.world import build_world
from simulator.live import settings as settings_of
from simulator.live.admin import BY_CONTROLS, Admin, Log
from simulator.live.clock import ModelClock, Pace
from simulator.live.ledger import Keeper, Kept, Ledger, Newest, Order, Placing
from simulator.live.process import until_told
from simulator.live.restore import restore, restore_levels
from simulator.live.server import serve
from simulator.live.settings import Settings
from simulator.live.tally import Totals, held
from simulator.live.town import LiveTown, an_attempt
from simulator.live.wire import ANSWERED, ENDED, REPLAYED, VERDICTS, Answer, Call, Stream, answer_frame, said_frame
from simulator.rank import Rank
from simulator.reference.attempt import Attempt, Try, journey, through_stages
from simulator.reference.changing import turn
from simulator.reference.instants import call_at

MOST_INSIDE = 500_000
"""Attempts under way; one more is shed."""

NS_PER_MS = 1_000_000
Caller = tuple[Stream, int]


class Upstream:
    """The town, its clock, its ledger, and who waits for what."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = settings
        self.loop = loop
        scenario = settings.scenario
        self.clock = ModelClock(settings.from_ns, settings.speed, settings.zero_ns())
        env = simpy.Environment(initial_time=max(settings.from_ns, self.clock.now_ns()))
        self.pace = Pace(env, self.clock, loop)
        self.town = LiveTown(
            env,
            scenario,
            seed=settings.seed,
            world=build_world(scenario),
            keep=self._keep,
            on_answer=self._answers,
            on_end=self._ends,
        )
        self.ledger = Ledger(settings.ledger_url, self.clock.now_ns)
        self.ledger.slow_s = settings.slow_s()
        self.keeper = Keeper(self.ledger, self._told_by_keeper)
        self.hedged = self.town.habits.most_hedges > 0
        """Whether people wait for several attempts at once: then a newer one does not fence off those before it."""
        self.placed = {order.want: order for order in self.ledger.rows()}
        self._open_budgets(settings.contents.placed if settings.contents is not None else 0)
        self.people: dict[int, tuple[Person, dict[int, Attempt]]] = {}
        self.callers: dict[Attempt, list[Caller]] = {}
        self.keeping: dict[tuple[int, int], tuple[Attempt, int]] = {}
        self.streams: set[Stream] = set()
        self.turned: dict[str, Any] = {}
        self.totals = Totals()
        self.log = Log(settings.folder / "admin.jsonl")
        if settings.contents is not None and self.clock.zero_monotonic_ns is None:
            for person, attempt in restore(self.town, settings.contents):
                self.people.setdefault(person.want, (person, {}))[1][attempt.number] = attempt
                self.callers[attempt] = []
            for path, raw in settings.contents.turned.items():
                self._write_down(path, raw, BY_CONTROLS)
        self._schedule()
        self._turn_again()
        if settings.contents is not None and self.clock.zero_monotonic_ns is None:
            restore_levels(self.town, settings.contents.levels)

    def stream(self) -> Stream:
        """One end of a stream to a gateway worker or the supervisor."""
        return Stream(on_call=self.call, on_said=self.said, on_made=self._made, on_lost=self.streams.discard)

    def begin(self, zero_monotonic_ns: int) -> None:
        """Model time begins to run at this instant of the machine's clock; tell the gateway."""
        self.clock.zero_monotonic_ns = zero_monotonic_ns
        for stream in self.streams:
            stream.send(said_frame({"zero_ns": zero_monotonic_ns}))
        self.pace.run()

    def end(self) -> None:
        """Keep what has been brought to the ledger."""
        self.keeper.end()
        self.ledger.close()

    # attempts

    def call(self, stream: Stream, call: Call) -> None:
        """An attempt is here."""
        order = self.placed.get(call.want)
        if order is not None:
            stream.send(answer_frame(_told(call.number, "placed", order, ANSWERED | ENDED | REPLAYED)))
        elif len(self.callers) >= MOST_INSIDE:
            stream.send(answer_frame(_told(call.number, "shed", None, ANSWERED | ENDED)))
        else:
            self.pace.at_now(lambda now_ns: self._enters((stream, call.number), call, now_ns))

    def _enters(self, caller: Caller, call: Call, now_ns: int) -> None:
        person, under_way = self.people.get(call.want) or self._meets(call)
        attempt = under_way.get(call.attempt)
        if attempt is not None:  # the same attempt once more: both wait for one answer
            self.callers[attempt].append(caller)
            return
        if call.attempt > person.attempt:
            person.attempt = call.attempt
            if call.attempt > 1 and not self.hedged:
                self.keeper.bring(Newest(call.want, call.attempt))
                for older in list(under_way.values()):
                    self.town.answers(older, "timed_out")
        timeout_ns = max(call.timeout_ns, now_ns)
        of = copied(under_way.values(), timeout_ns) if self.hedged else None
        attempt = an_attempt(self.pace.env, person, call.attempt, call.start_ns, timeout_ns, of)
        under_way[call.attempt] = attempt
        self.callers[attempt] = [caller]
        if call.decided:
            attempt.gateway = ADMITTED
        walk = through_stages if call.decided else journey
        self._at(now_ns, Rank.ARRIVAL, attempt, lambda: self._walks(attempt, walk))

    def _walks(self, attempt: Attempt, walk: Any) -> None:
        self.town.awaits(attempt)
        self.pace.env.process(walk(self.town, attempt))

    def _meets(self, call: Call) -> tuple[Person, dict[int, Attempt]]:
        met: tuple[Person, dict[int, Attempt]] = (
            self.town.meets(call.want, call.segment, call.zone, call.kind),
            {},
        )
        self.people[call.want] = met
        return met

    def _at(self, now_ns: int, rank: Rank, attempt: Attempt, happen: Any) -> None:
        call_at(self.pace.env, happen, now_ns, rank, 0, attempt.person.want, attempt.number)

    def _answers(self, attempt: Attempt) -> None:
        what = ANSWERED | (ENDED if attempt.ended_ns >= 0 else 0)
        order = self.placed.get(attempt.person.want) if attempt.answer == "placed" else None
        for stream, number in self.callers.get(attempt, ()):
            stream.send(answer_frame(_told(number, attempt.answer, order, what, attempt)))
        if attempt.ended_ns >= 0:
            self._forget(attempt)

    def _ends(self, attempt: Attempt, reason: str) -> None:
        if attempt.answered:  # the person has left; the gateway gives its places back
            for stream, number in self.callers.get(attempt, ()):
                if attempt.answer == "outrun":  # nobody has been told anything here: there is the order of the other
                    order = self.placed[attempt.person.want]
                    stream.send(answer_frame(_told(number, "placed", order, ANSWERED | REPLAYED)))
                stream.send(answer_frame(_told(number, reason, None, ENDED, attempt)))
            self._forget(attempt)

    def _forget(self, attempt: Attempt) -> None:
        self.callers.pop(attempt, None)
        met = self.people.get(attempt.person.want)
        if met is not None:
            met[1].pop(attempt.number, None)
            if not met[1]:
                del self.people[attempt.person.want]
                self.loop.call_soon(self._parts_from, attempt.person)

    def _parts_from(self, person: Person) -> None:
        if person.want not in self.people:
            self.town.parts_from(person)

    # the ledger

    def _keep(self, attempt: Attempt, store: int) -> None:
        want = attempt.person.want
        coupons = tuple(stage.name for stage in attempt.budgets)
        if self.keeper.bring(Placing(want, attempt.number, attempt.of.timeout_ns, store, coupons)):
            self.keeping[want, attempt.number] = attempt, store
        else:
            self.town.ends(attempt, "error", 0)

    def _told_by_keeper(self, told: Sequence[tuple[Placing, Kept]]) -> None:
        """In the keeper's thread."""
        self.loop.call_soon_threadsafe(self._kept, told)

    def _kept(self, told: Sequence[tuple[Placing, Kept]]) -> None:
        def happen(now_ns: int) -> None:
            for placing, kept in told:
                attempt, store = self.keeping.pop((placing.want, placing.attempt))
                if isinstance(kept, Order):
                    self.placed[kept.want] = kept
                self._at(now_ns, Rank.DEPARTURE, attempt, lambda a=attempt, s=store, k=kept: self._settles(a, s, k))

        self.pace.at_now(happen)

    def _settles(self, attempt: Attempt, store: int, kept: Kept) -> None:
        if not isinstance(kept, Order):
            self.town.ends(attempt, kept, 0)
        elif kept.attempt == attempt.number:
            self.town.has_placed(attempt, store)
        elif attempt.answered:
            self.town.ends(attempt, attempt.answer, 0)
        else:  # another attempt was first, before this process began or in the same transaction
            self.town.street.gives_up(attempt)
            self.town.closes(attempt, "placed")
            self.town.answers(attempt, "placed")

    def _open_budgets(self, placed: int) -> None:
        budgets = {
            stage.name: max(0, stage.budget_left - placed)
            for stage in self.town.stages
            if stage.budget_left is not None
        }
        left = self.ledger.open_budgets(budgets)
        for stage in self.town.stages:
            if stage.budget_left is not None:
                stage.budget_left = left[stage.name]

    # knobs

    def _schedule(self) -> None:
        for index, change in enumerate(changes(self.settings.scenario)):
            if change.at_ns < self.pace.env.now:
                turn(self.town, change.knob, change.value)
            else:
                happen = lambda change=change: self._turn_by_schedule(change)  # noqa: E731
                call_at(self.pace.env, happen, change.at_ns, Rank.INCIDENT, 0, index, 0)

    def _turn_by_schedule(self, change: Change) -> None:
        self.turned.pop(change.knob.path, None)
        turn(self.town, change.knob, change.value)

    def _turn_again(self) -> None:
        """Make the changes of the log that no schedule has undone since."""
        now_ns = int(self.pace.env.now)
        scheduled = [(one.knob.path, one.at_ns) for one in changes(self.settings.scenario)]
        for one in self.log.read():
            if not any(path == one["knob"] and one["model_ns"] < at_ns <= now_ns for path, at_ns in scheduled):
                self.turned[one["knob"]] = one["value"]
                turn(self.town, *knobs.given(one["knob"], one["value"], self.settings.scenario))

    def turn(self, path: str, raw: Any, by: str) -> dict[str, Any]:
        """Turn a knob now, here and in the gateway, and return what the log says; ValueError says what is wrong."""
        knob, value = knobs.given(path, raw, self.settings.scenario)
        change = self._write_down(path, raw, by)
        self.turned[path] = raw
        env = self.pace.env
        self.pace.at_now(
            lambda now_ns: call_at(env, lambda: turn(self.town, knob, value), now_ns, Rank.INCIDENT, 0, 0, 0)
        )
        if knob.kind in (Kind.ADMISSION_RATE, Kind.ADMISSION_LIMIT, Kind.GATEWAY_SERVERS):
            for stream in self.streams:
                stream.send(said_frame({"turn": {path: raw}}))
        return change

    def _write_down(self, path: str, raw: Any, by: str) -> dict[str, Any]:
        change = {"at": time.time(), "model_ns": self.clock.now_ns(), "knob": path, "value": raw, "by": by}
        self.log.write(change)
        return change

    # what else is said

    def _made(self, stream: Stream) -> None:
        self.streams.add(stream)
        stream.send(said_frame({"zero_ns": self.clock.zero_monotonic_ns, "turn": self.turned}))

    def said(self, stream: Stream, said: dict[str, Any]) -> None:
        """Do what the supervisor, an operator or a worker says, and answer."""
        if "tally" in said:
            self.totals.add(said["worker"], {**said["tally"], **said})
            return
        number = said.get("number", 0)
        try:
            answer = self._do(said["do"], said)
        except ValueError as error:
            answer = {"error": str(error)}
        stream.send(said_frame({"answer": number, **answer}))

    def _do(self, what: str, said: dict[str, Any]) -> dict[str, Any]:
        if what == "begin":
            self.begin(said["zero_ns"])
        elif what == "turn":
            self.turn(said["knob"], said["value"], said["by"])
        elif what == "slow":
            self.ledger.slow_s = self.settings.slow_s()
        elif what == "find":
            order = self.placed.get(said["want"])
            return {"order": None if order is None else [order.number, order.attempt, order.store, order.placed_ns]}
        elif what == "gauges":
            return {"gauges": self._gauges()}
        elif what == "figures":
            return {"totals": self.totals.told(), "gauges": self._gauges()}
        else:
            raise ValueError(f"{what}: is nothing that can be done here")
        return {}

    def _gauges(self) -> dict[str, float]:
        found: dict[str, float] = {"attempts": len(self.callers), "transactions": self.keeper.transactions}
        found |= {"orders": len(self.placed), "ledger_failures": self.keeper.failures}
        for stage in self.town.stages:
            found[f"stages.{stage.name}.backlog"] = stage.waiting
            found[f"stages.{stage.name}.busy"] = stage.in_service
            found[f"stages.{stage.name}.capacity"] = stage.capacity
        found |= self.totals.stations() if self.settings.decides_in_worker else held(self.town.gateway.station)
        return found


def copied(under_way: Iterable[Attempt], timeout_ns: int) -> Try | None:
    """Return the try of which a person awaits other copies until this instant; on the wire it is rounded to ms."""
    for one in under_way:
        if not one.answered and abs(one.of.timeout_ns - timeout_ns) < NS_PER_MS:
            return one.of
    return None


def _told(number: int, reason: str, order: Order | None, what: int, attempt: Attempt | None = None) -> Answer:
    return Answer(
        number=number,
        what=what,
        verdict=VERDICTS.index(reason),
        stage=0 if attempt is None else attempt.stage,
        retry_after_s=0 if attempt is None else attempt.retry_after_s,
        store=-1 if order is None else order.store,
        order=-1 if order is None else order.number,
    )


async def _serve(settings: Settings, listener: socket.socket, admin: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    upstream = Upstream(settings, loop)
    server = await loop.create_unix_server(upstream.stream, sock=listener)
    app = Admin(settings.scenario, settings.token, upstream.log, upstream.turn)
    told = asyncio.Event()
    serving = asyncio.create_task(serve(app, admin, told))
    upstream.pace.run()
    collect_seldom()
    await until_told(loop)
    told.set()
    server.close()
    await serving
    upstream.end()


def main() -> None:
    """Be the upstream, until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = settings_of.of_this_process()
    listener, admin = (socket.socket(fileno=int(number)) for number in sys.argv[2:4])
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(settings, listener, admin))


if __name__ == "__main__":
    main()
