"""A pool of continuous-batching replicas behind one queue (docs/model.md, "The batching station")."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import simpy

from simulator.rank import Rank
from simulator.reference.instants import call_at, happen
from simulator.reference.queueing import Queue
from simulator.reference.replica import WHOLE, Call, Replica, ReplicaLaw, Segment
from simulator.reference.stations import why_not_served
from simulator.reference.work import Work


@dataclass(slots=True, eq=False)
class Seat:
    """A replica's place in a pool."""

    index: int
    millionths: int  # of a whole replica
    replica: Replica
    busy: bool = False
    retired: bool = False
    armed: int = 0  # version of the replica's wake that was scheduled last


class BatchingPool:
    """Replicas behind one queue with a limit, with or without a check of deadlines."""

    def __init__(
        self,
        env: simpy.Environment,
        *,
        stage: int,
        law: ReplicaLaw,
        replicas: float | Fraction,
        queue_limit: int,
        queue: Queue,
        deadline: bool = False,
        slowdown: float = 1.0,
    ) -> None:
        self.env = env
        self.stage = stage
        self.law = law
        self.queue_limit = queue_limit
        self.queue = queue
        self.deadline = deadline
        self.slowdown = slowdown
        self.seats: list[Seat] = []  # whose replicas take calls, by index
        self.draining: list[Seat] = []
        self.waiting = 0  # calls that no step has taken in yet: in the queue, or handed to a replica
        self.in_service = 0  # taken into a step, finish not yet reported
        self.queue_max = 0
        self.waiting_ns = array("q")
        self.service_ns = array("q")
        self.queue_integral_ns = 0
        self._busy_integral = 0  # in millionths of a replica-ns
        self._available_integral = 0
        self._busy = 0  # in millionths of a replica, now
        self._available = 0
        self._counted_to_ns = int(env.now)
        self._dropped_waiting_ns = 0
        self._kv_blocked_before = 0  # at replicas that are gone
        self._calls = 0  # handed to replicas so far
        self._handed: dict[int, Work] = {}  # held by replicas, by the number of their call
        self.resize(replicas)

    @property
    def busy_integral_ns(self) -> int:
        """Replica-ns in which a replica was not idle; a part of a replica counts as its share."""
        return self._busy_integral // WHOLE

    @property
    def available_integral_ns(self) -> int:
        """Replica-ns that there were, retired replicas until they are empty; a part counts as its share."""
        return self._available_integral // WHOLE

    @property
    def capacity(self) -> float:
        """Calls that the replicas that take calls now can run at once."""
        return sum(seat.replica.law.slots for seat in self.seats)

    @property
    def unserved_waiting_ns(self) -> int:
        """Time waited by calls that were dropped at their turn, and by those that no step has taken in yet."""
        now_ns = int(self.env.now)
        inside = (work for work in self._handed.values() if work.started_ns < 0)
        return self._dropped_waiting_ns + sum(now_ns - work.arrived_ns for work in chain(self.queue, inside))

    @property
    def kv_blocked(self) -> int:
        """In how many plans the oldest call of a replica did not fit into its KV memory."""
        return self._kv_blocked_before + sum(seat.replica.kv_blocked for seat in self.seats + self.draining)

    def join(self, work: Work) -> bool:
        """Hand the work to a replica, or queue it; False where the queue is full."""
        self.count_time()
        now_ns = int(self.env.now)
        seat = self._least_loaded()
        if seat is None and (len(self.queue) >= self.queue_limit or not self.queue.joins(work, now_ns)):
            return False
        # First in the list of callbacks: the counts are right before the attempt goes on.
        assert work.done.callbacks is not None
        work.done.callbacks.append(lambda done: self._departed(work, done))
        self.waiting += 1
        if seat is not None and not self._drops(work, now_ns):
            self._settle(seat, seat.replica.arrive(self._call(work), now_ns, self.slowdown), now_ns)
        self.queue_max = max(self.queue_max, self.waiting)
        return True

    def resize(self, replicas: float | Fraction) -> None:
        """Have so many replicas from now on: 14.4 is 14 whole ones and one of 0.4. Those that go drain first."""
        self.count_time()
        now_ns = int(self.env.now)
        wanted = math.floor(Fraction(replicas) * WHOLE + Fraction(1, 2))
        whole, part = divmod(wanted, WHOLE)
        for seat in [seat for seat in self.seats if seat.millionths == WHOLE][whole:]:
            self._retire(seat)
        for seat in [seat for seat in self.seats if seat.millionths not in (WHOLE, part)]:
            self._retire(seat)
        missing = wanted - sum(seat.millionths for seat in self.seats)
        added = [self._add(WHOLE) for _ in range(missing // WHOLE)]
        if missing % WHOLE:
            added.append(self._add(part))
        self.seats.sort(key=lambda seat: seat.index)
        for seat in added:
            self._pull(seat, now_ns)
            self._settle(seat, seat.replica.plan(now_ns, self.slowdown), now_ns)

    def count_time(self) -> None:
        """Bring the integrals of busy, available and waiting up to now."""
        passed_ns = int(self.env.now) - self._counted_to_ns
        if passed_ns:
            self._busy_integral += self._busy * passed_ns
            self._available_integral += self._available * passed_ns
            self.queue_integral_ns += self.waiting * passed_ns
            self._counted_to_ns += passed_ns

    def _wake(self, seat: Seat, version: int) -> None:
        if version != seat.replica.version:
            return  # void: an arrival has cut the segment short
        self.count_time()
        now_ns = int(self.env.now)
        for call in seat.replica.advance(now_ns):
            work = self._handed.pop(call.seq)
            happen(work.done, call.finish_ns, Rank.DEPARTURE, self.stage, work.want, work.attempt, "served")
        if not seat.retired:
            self._pull(seat, now_ns)
        self._settle(seat, seat.replica.plan(now_ns, self.slowdown), now_ns)

    def _least_loaded(self) -> Seat | None:
        """Of the replicas with a free slot, return the one with the fewest calls, the lowest index first."""
        best: Seat | None = None
        for seat in self.seats:
            held = seat.replica.held
            if held < seat.replica.law.slots and (best is None or held < best.replica.held):
                best = seat
        return best

    def _pull(self, seat: Seat, now_ns: int) -> None:
        """Hand calls of the queue to a replica while it holds fewer than its slots."""
        while self.queue and seat.replica.held < seat.replica.law.slots:
            work = self.queue.take(now_ns)
            assert work is not None
            if not self._drops(work, now_ns):
                seat.replica.take(self._call(work))

    def _settle(self, seat: Seat, taken: Sequence[Call], now_ns: int) -> None:
        """Note what a replica has taken into a step, and arm its next wake."""
        for call in taken:
            work = self._handed[call.seq]
            work.started_ns = now_ns
            self.waiting_ns.append(now_ns - work.arrived_ns)
        self.waiting -= len(taken)
        self.in_service += len(taken)
        replica = seat.replica
        busy = replica.segment is not Segment.IDLE
        if busy != seat.busy:
            seat.busy = busy
            self._busy += seat.millionths if busy else -seat.millionths
        if busy and replica.version != seat.armed:
            version = seat.armed = replica.version
            call_at(self.env, lambda: self._wake(seat, version), replica.wake_ns, Rank.STEP, self.stage, seat.index, 0)
        if seat.retired and not busy:
            self._remove(seat)

    def _departed(self, work: Work, done: simpy.Event) -> None:
        if done.value != "served":
            return
        self.in_service -= 1
        work.ended_ns = int(self.env.now)
        self.service_ns.append(work.ended_ns - work.started_ns)

    def _call(self, work: Work) -> Call:
        self._calls += 1
        self._handed[self._calls] = work
        return Call(self._calls, work.prompt, work.output)

    def _drops(self, work: Work, now_ns: int) -> bool:
        """Drop work whose turn has come, or say that it is to be served."""
        why_not = why_not_served(work, self.deadline, self.queue, now_ns)
        if not why_not:
            return False
        self.waiting -= 1
        self._dropped_waiting_ns += now_ns - work.arrived_ns
        work.ended_ns = now_ns
        work.done.succeed(why_not)
        return True

    def _add(self, millionths: int) -> Seat:
        taken = {seat.index for seat in self.seats + self.draining}
        index = next(index for index in range(len(taken) + 1) if index not in taken)
        law = self.law if millionths == WHOLE else self.law.part(millionths)
        seat = Seat(index, millionths, Replica(law))
        self.seats.append(seat)
        self._available += millionths
        return seat

    def _retire(self, seat: Seat) -> None:
        """Take a replica out of the choice; it keeps the calls that it holds, and goes when they are done."""
        seat.retired = True
        self.seats.remove(seat)
        self.draining.append(seat)
        if not seat.busy:
            self._remove(seat)

    def _remove(self, seat: Seat) -> None:
        self.draining.remove(seat)
        self._available -= seat.millionths
        self._kv_blocked_before += seat.replica.kv_blocked
