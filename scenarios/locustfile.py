"""Locust plays the people of a scenario: `locust -f scenarios/locustfile.py`, told what by scenarios.live_plan.

One scheduler a process walks the instants at which its people try, first tries and later ones alike, and starts a
greenlet for each attempt: an open generator, which no slow answer slows down. Response times count from the intended
start. People are sharded over Locust's workers; each writes what became of its own, and when all are done, Locust ends.
"""

from __future__ import annotations

import heapq
import json
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import gevent
from gevent import Greenlet
from gevent.event import Event
from gevent.monkey import get_original
from locust import User, events, task
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from scenarios.errors import ScenarioError
from scenarios.garbage import collect_seldom
from scenarios.live_http import Connections
from scenarios.live_lives import ANSWERS, ATTEMPT_COLUMNS, WANT_COLUMNS, Rows, resumed, want_row
from scenarios.live_people import Alive, People, Try
from scenarios.live_plan import Orders, PlanError, read
from scenarios.live_target import Mapped, TargetError, address, retry_after_s
from scenarios.units import NS_PER_S

DONE = "sluice-done"
LOOKS_EVERY_S = 0.01
DROPPED = -1
BEFORE_ALL = -1
"""In the place of a want, for what happens in an instant before anybody does anything."""


class Everybody(User):
    """What Locust counts as a user; the people are in `Replay`, one for each process."""

    @task
    def live(self) -> None:
        """Leave the work to the scheduler."""
        gevent.sleep(1)


class Failed(Exception):  # noqa: N818
    """An attempt that became no order; Locust groups failures by its text."""


@dataclass(slots=True)
class InFlight:
    """An attempt that has no answer yet, and the greenlet that waits for it."""

    alive: Alive
    sent_ns: int
    greenlet: Greenlet


class Replay:
    """The people of one process, from the beginning of the slice to its end."""

    def __init__(self, orders: Orders, shard: int, environment: Environment) -> None:
        """Load all that is needed before the first try."""
        plan = orders.plan
        self.orders, self.shard, self.environment = orders, shard, environment
        host, port = address(plan.url or environment.host or "")
        self.connections = Connections(host, port)
        self.target = Mapped(orders.target, f"{host}:{port}")
        self.people = People(orders.scenario, plan.seed)
        self.attempts, self.wants = Rows(list(ATTEMPT_COLUMNS)), Rows(list(WANT_COLUMNS))
        self.in_flight: dict[Try, InFlight] = {}
        self.on_the_way: set[Alive] = set()
        self.coming: list[tuple[int, int, int, Callable[[], None]]] = []  # instant, want, number of the attempt; what
        self.sooner = Event()
        self.greenlets = gevent.pool.Group()
        self.first_ns, self.first_want = orders.first_tries()
        self.next_first = (shard - self.first_want) % plan.processes
        for number, change in enumerate(self.people.begin(plan.from_ns, orders.levels())):
            self._comes(change.at_ns, BEFORE_ALL, number, partial(self.people.turn, change))
        for want, rows in groupby(orders.people(), key=lambda row: int(row["want"])):
            if want % plan.processes == shard:
                self._resume(list(rows))
        self.zero_ns = time.monotonic_ns()
        self.cpu_s = _cpu_s()
        self.ended = False

    def wait_for_beginning(self) -> None:
        """Say that all is ready, and wait until model time begins."""
        plan = self.orders.plan
        if plan.begin is None:
            self.zero_ns = time.monotonic_ns() + NS_PER_S // 2
            return
        begin = self.orders.path(plan.begin)
        begin.with_name(f"ready-{self.shard}").touch()
        while not begin.exists():
            gevent.sleep(LOOKS_EVERY_S)
        self.zero_ns = int(json.loads(begin.read_text())["zero_monotonic_ns"])

    def live(self) -> None:
        """Play the slice, and write what became of it."""
        self._sleep_until(self.orders.plan.from_ns)
        self.cpu_s = _cpu_s()
        while (happens := self._next()) is not None:
            happens()
        self._sleep_until(self.orders.until_ns)
        self.end()

    def end(self) -> None:
        """Write what became of everybody, once: at the end of the slice, or earlier where the run is interrupted."""
        if self.ended:
            return
        self.ended = True
        self._write()
        self.greenlets.kill()
        self.connections.close()

    # when

    def _now_ns(self) -> int:
        plan = self.orders.plan
        return plan.from_ns + int((time.monotonic_ns() - self.zero_ns) * plan.speed)

    def _seconds_until(self, at_ns: int) -> float:
        return (at_ns - self._now_ns()) / self.orders.plan.speed / NS_PER_S

    def _sleep_until(self, at_ns: int) -> None:
        while (left_s := self._seconds_until(at_ns)) > 0:
            gevent.sleep(left_s)

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next try, hedge or turn of a knob; None at the end of the slice."""
        while True:
            want = self.first_want + self.next_first
            first = (self._first_ns(), want)
            is_first = not self.coming or first < self.coming[0][:2]
            at_ns = first[0] if is_first else self.coming[0][0]
            left_s = self._seconds_until(min(at_ns, self.orders.until_ns))
            if left_s > 0:
                self.sooner.clear()
                self.sooner.wait(left_s)
                continue
            if at_ns >= self.orders.until_ns:
                return None
            gevent.sleep(0)  # behind or not, answers are heard
            if is_first:
                self.next_first += self.orders.plan.processes
                return partial(self._try, self.people.newcomer(want, at_ns), at_ns)
            return heapq.heappop(self.coming)[-1]

    def _first_ns(self) -> int:
        """The instant at which the next of the first people comes."""
        return int(self.first_ns[self.next_first]) if self.next_first < len(self.first_ns) else self.orders.until_ns

    # who

    def _resume(self, rows: list[Any]) -> None:
        next_ns = int(rows[0]["next_ns"])
        if rows[0]["segment"] < 0:
            self._expect(self.people.newcomer(int(rows[0]["want"]), next_ns), next_ns)
            return
        alive, from_ns = resumed(rows, self.people.habits), self.orders.plan.from_ns
        self.on_the_way.add(alive)
        for one in alive.awaited:
            self._comes(from_ns, alive.person.want, one.number, partial(self._send, alive, one))
        if not alive.awaited:
            self._expect(alive, next_ns)

    def _expect(self, alive: Alive, at_ns: int) -> None:
        self._comes(at_ns, alive.person.want, alive.person.attempt + 1, partial(self._try, alive, at_ns))

    def _comes(self, at_ns: int, want: int, number: int, happens: Callable[[], None]) -> None:
        """Something happens at an instant; beyond the slice nothing does."""
        if at_ns < self.orders.until_ns:
            heapq.heappush(self.coming, (at_ns, want, number, happens))
            self.sooner.set()

    def _try(self, alive: Alive, at_ns: int) -> None:
        self.on_the_way.add(alive)
        step = self.people.next_try(alive, at_ns)
        if isinstance(step, Try):
            self._send(alive, step)
        else:
            self._goes_on(alive, step)

    def _goes_on(self, alive: Alive, again_ns: int | None) -> None:
        if again_ns is not None:
            self._expect(alive, again_ns)
        elif alive.is_over:
            self.on_the_way.discard(alive)
            self.wants.append(*want_row(alive))

    # attempts

    def _send(self, alive: Alive, one: Try) -> None:
        hedge_ns = self.people.hedge_at_ns(alive, one)
        if hedge_ns is not None and hedge_ns >= self.orders.plan.from_ns:
            self._comes(hedge_ns, alive.person.want, one.number + 1, partial(self._hedge, alive, one, hedge_ns))
        if len(self.in_flight) >= self.orders.live.most_in_flight:
            self._keep(alive, one, sent_ns=DROPPED)
            return
        greenlet = self.greenlets.spawn(self._attempt, alive, one)
        self.in_flight[one] = InFlight(alive, self._now_ns(), greenlet)

    def _hedge(self, alive: Alive, one: Try, at_ns: int) -> None:
        copy = self.people.hedges(alive, one, at_ns)
        if copy is not None:
            self._send(alive, copy)

    def _attempt(self, alive: Alive, one: Try) -> None:
        self.in_flight[one].sent_ns = sent_ns = self._now_ns()
        reason, told_s, status, length = "timed_out", 0, 0, 0
        try:
            with gevent.Timeout(max(self._seconds_until(one.timeout_ns), 0.0), False):
                answer = self.connections.exchange(self.target.request(_values(alive, one)))
                reason, status = self.target.verdict(answer.status, answer.body), answer.status
                told_s, length = retry_after_s(answer.retry_after), len(answer.body)
        except OSError:
            reason = "error"
        now_ns = self._now_ns()
        if self.ended or now_ns >= self.orders.until_ns:
            return  # the slice is over: it stays unanswered
        if now_ns >= one.timeout_ns:
            reason, now_ns = "timed_out", one.timeout_ns
        del self.in_flight[one]
        self._keep(alive, one, sent_ns=sent_ns, answered_ns=now_ns, answer=reason, retry_after_s=told_s, status=status)
        self._tell_locust(one, reason, now_ns, length)
        again_ns = self.people.answered(alive, one, reason, told_s, now_ns)
        if reason == "placed":
            self._abandon(alive, now_ns)
            for invited, at_ns in self.people.invited(alive.person.want, now_ns):
                self._expect(self.people.newcomer(invited, at_ns, alive.person.want), at_ns)
        self._goes_on(alive, again_ns)

    def _abandon(self, alive: Alive, now_ns: int) -> None:
        """Somebody has the order: the other copies are outrun, and who asked for them closes the connection."""
        for one in alive.awaited:
            outrun = self.in_flight.pop(one, None)
            if outrun is not None:  # else it was dropped
                outrun.greenlet.kill(block=False)
                self._keep(alive, one, sent_ns=outrun.sent_ns, answered_ns=now_ns, answer="outrun")
                self._tell_locust(one, "outrun", now_ns, 0)

    def _keep(
        self,
        alive: Alive,
        one: Try,
        *,
        sent_ns: int,
        answered_ns: int = -1,
        answer: str = "unanswered",
        retry_after_s: int = 0,
        status: int = 0,
    ) -> None:
        times = (one.start_ns, sent_ns, one.timeout_ns, answered_ns)
        said = (ANSWERS.index(answer), retry_after_s, status)
        self.attempts.append(alive.person.want, one.number, one.session, *times, *said, one.copy)

    def _tell_locust(self, one: Try, reason: str, now_ns: int, length: int) -> None:
        method, _, name = self.target.name.partition(" ")
        self.environment.events.request.fire(
            request_type=method,
            name=name,
            response_time=(now_ns - one.start_ns) / self.orders.plan.speed / 1e6,
            response_length=length,
            exception=None if reason in ("placed", "outrun") else Failed(reason),
            context={},
        )

    def _write(self) -> None:
        ended_ns = min(max(self._now_ns(), self.orders.plan.from_ns), self.orders.until_ns)
        for one, flying in self.in_flight.items():
            self._keep(flying.alive, one, sent_ns=flying.sent_ns)
        for alive in self.on_the_way:
            self.wants.append(*want_row(alive))
        out = self.orders.path(self.orders.plan.out)
        self.attempts.write(out / f"attempts-{self.shard}.parquet")
        self.wants.write(out / f"wants-{self.shard}.parquet")
        told = {
            "ended_ns": ended_ns,
            "cpu_s": _cpu_s() - self.cpu_s,
            "held_back": self.people.held_back,
            "connections": self.connections.opened,
        }
        (out / f"generator-{self.shard}.json").write_text(json.dumps(told))


def _values(alive: Alive, one: Try) -> dict[str, int]:
    person = alive.person
    return {
        "want": person.want,
        "attempt": one.number,
        "session": one.session,
        "segment": person.segment,
        "zone": person.zone,
        "kind": person.kind,
        "timeout_ms": -(-(one.timeout_ns - one.start_ns) // 1_000_000),
        "intended_ns": one.start_ns,
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@events.init.add_listener
def _count_those_done(environment: Environment, **_: Any) -> None:
    """The master ends the test when every worker has played its people."""
    master = environment.runner
    if isinstance(master, MasterRunner):
        done: list[str] = []

        def one_more(environment: Environment, msg: Any, **_: Any) -> None:
            done.append(msg.node_id)
            if len(done) == ORDERS.plan.processes:
                gevent.spawn(_quit, environment)

        master.register_message(DONE, one_more)


@events.test_start.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    """Play the people of this process, wherever it stands: alone, or as one of Locust's workers."""
    if not isinstance(environment.runner, MasterRunner):
        gevent.spawn(_play, environment).link_exception(lambda _: os._exit(1))


def _play(environment: Environment) -> None:
    runner = environment.runner
    assert runner is not None
    shard = runner.worker_index if isinstance(runner, WorkerRunner) else 0
    if shard >= ORDERS.plan.processes:
        raise PlanError(f"processes = {ORDERS.plan.processes}: there are more workers; let the plan say how many")
    replay = Replay(ORDERS, shard, environment)
    events.quitting.add_listener(lambda **_: replay.end())
    collect_seldom()
    replay.wait_for_beginning()
    replay.live()
    if isinstance(runner, WorkerRunner):
        runner.send_message(DONE)
    else:
        _quit(environment)


def _quit(environment: Environment) -> None:
    """End Locust; it waits for its own pages where it shows them."""
    assert environment.runner is not None
    environment.runner.quit()
    if environment.web_ui is not None:
        environment.web_ui.stop()


def _orders() -> Orders:
    try:
        return read(os.environ)
    except (PlanError, ScenarioError, TargetError) as error:
        raise SystemExit(f"sluice: {error}") from None


def _end_with_input() -> None:
    """End this process, and each that it forks, when standard input does, whatever they are at."""

    def end() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    def watch() -> None:
        get_original("_thread", "start_new_thread")(end, ())  # a greenlet would have to be given its turn

    watch()
    os.register_at_fork(after_in_child=watch)  # threads do not come along


ORDERS = _orders()
if ORDERS.plan.ends_with_input:
    _end_with_input()
