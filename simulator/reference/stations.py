"""Servers behind a queue: what every stage that is not a batching pool is made of."""

from __future__ import annotations

from array import array
from typing import Protocol

import simpy

from simulator.rank import Rank
from simulator.reference.instants import happen
from simulator.reference.queueing import Queue
from simulator.reference.work import Work


class Station(Protocol):
    """What a stage asks of its servers, or of its pool of replicas; integrals are in server-ns."""

    queue: Queue
    queue_limit: int
    slowdown: float
    waiting_ns: array[int]
    service_ns: array[int]
    queue_max: int
    queue_integral_ns: int

    @property
    def waiting(self) -> int:
        """Work in the queue."""

    @property
    def in_service(self) -> int:
        """Work begun and not done."""

    @property
    def capacity(self) -> float:
        """Servers, or replicas, that there are now."""

    @property
    def busy_integral_ns(self) -> int:
        """Server time spent."""

    @property
    def available_integral_ns(self) -> int:
        """Server time there was."""

    @property
    def unserved_waiting_ns(self) -> int:
        """Time in the queue of those dropped at their turn and of those still there."""

    @property
    def kv_blocked(self) -> int:
        """Batching: how often the head of a queue did not fit into KV memory."""

    def join(self, work: Work) -> bool:
        """Take the work up, or queue it; False where the queue is full."""

    def count_time(self) -> None:
        """Bring the integrals up to now."""


def why_not_served(work: Work, deadline: bool, queue: Queue, now_ns: int) -> str:
    """Why work whose turn has come is dropped: its person has left, where deadlines are looked at, or a law; or ""."""
    if work.on_turn is not None:
        work.on_turn(now_ns - work.arrived_ns)
    if deadline and now_ns >= work.deadline_ns:
        return "expired"
    return "" if queue.serves(work, now_ns) else "shed"


class ServerStation:
    """Servers in parallel, one queue with a limit, with or without a check of deadlines."""

    def __init__(
        self,
        env: simpy.Environment,
        *,
        stage: int,
        servers: int,
        queue_limit: int,
        queue: Queue,
        deadline: bool = False,
        slowdown: float = 1.0,
        per_busy_ns: int = 0,
    ) -> None:
        self.env = env
        self.stage = stage
        self.servers = servers
        self.queue_limit = queue_limit
        self.queue = queue
        self.queue.has_servers(servers, int(env.now))
        self.deadline = deadline
        self.slowdown = slowdown
        self.per_busy_ns = per_busy_ns
        self.in_service = 0
        self.queue_max = 0
        self.waiting_ns = array("q")
        self.service_ns = array("q")
        self.busy_integral_ns = 0
        self.available_integral_ns = 0
        self.kv_blocked = 0
        self.queue_integral_ns = 0
        self._dropped_waiting_ns = 0
        self._counted_to_ns = 0

    @property
    def waiting(self) -> int:
        return len(self.queue)

    @property
    def capacity(self) -> float:
        return self.servers

    def join(self, work: Work) -> bool:
        """Take the work up, or queue it; False where the queue is full."""
        self.count_time()
        now_ns = int(self.env.now)
        if self.in_service < self.servers and self.queue.lets_pass(work, now_ns):
            self._watch(work)
            self._take(work)
        elif len(self.queue) < self.queue_limit and self.queue.joins(work, now_ns):
            self._watch(work)
            self.queue_max = max(self.queue_max, len(self.queue))
        else:
            return False
        return True

    def set_servers(self, servers: int) -> None:
        """Change the capacity now: busy servers finish what they have, new ones take up waiting work at once."""
        self.count_time()
        self.servers = servers
        self.queue.has_servers(servers, int(self.env.now))
        self._take_up()

    @property
    def unserved_waiting_ns(self) -> int:
        """Time in the queue of those dropped at their turn and of those still there."""
        now_ns = int(self.env.now)
        return self._dropped_waiting_ns + sum(now_ns - work.arrived_ns for work in self.queue)

    def count_time(self) -> None:
        """Bring the integrals of busy, available and queued up to now."""
        passed_ns = int(self.env.now) - self._counted_to_ns
        if passed_ns:
            self.busy_integral_ns += self.in_service * passed_ns
            # servers taken away while busy are available until they finish
            self.available_integral_ns += max(self.servers, self.in_service) * passed_ns
            self.queue_integral_ns += len(self.queue) * passed_ns
            self._counted_to_ns += passed_ns

    def service_for(self, work: Work) -> int:
        """The service time of work that starts now; `in_service` counts it already."""
        return int(work.service_ns * self.slowdown + 0.5) + self.per_busy_ns * self.in_service

    def _watch(self, work: Work) -> None:
        # First in the list of callbacks: a server is free again before the attempt goes on.
        assert work.done.callbacks is not None
        work.done.callbacks.append(lambda done: self._departed(work, done))

    def _start(self, work: Work) -> None:
        now_ns = int(self.env.now)
        self.in_service += 1
        work.started_ns = now_ns
        work.service_ns = self.service_for(work)
        self.waiting_ns.append(now_ns - work.arrived_ns)
        happen(work.done, now_ns + work.service_ns, Rank.DEPARTURE, self.stage, work.want, work.attempt, "served")

    def _take_up(self) -> None:
        while self.queue and self.in_service < self.servers:
            work = self.queue.take(int(self.env.now))
            if work is None:
                return
            self._take(work)

    def _take(self, work: Work) -> None:
        """Its turn has come: start it, or drop it."""
        now_ns = int(self.env.now)
        why_not = why_not_served(work, self.deadline, self.queue, now_ns)
        if why_not:
            self.queue.leaves(work, 0, now_ns)
            work.ended_ns = now_ns
            self._dropped_waiting_ns += now_ns - work.arrived_ns
            work.done.succeed(why_not)
        else:
            self._start(work)

    def _departed(self, work: Work, done: simpy.Event) -> None:
        if done.value != "served":
            return
        self.count_time()
        self.in_service -= 1
        work.ended_ns = int(self.env.now)
        self.service_ns.append(work.service_ns)
        self.queue.leaves(work, work.service_ns, work.ended_ns)
        self._take_up()
