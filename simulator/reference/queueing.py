"""Those who wait at a station, and the laws that say who is next and who is dropped (docs/model.md, Laws)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from limits import adaptive_lifo, apf, codel, strict_priority, verdicts, wfq
from limits.row import LARGEST
from scenarios import model
from scenarios.asking import KEYS, Terms
from scenarios.importance import levels_of
from simulator.reference.work import Work

if TYPE_CHECKING:
    from scenarios.habits import Habits
    from simulator.reference.attempt import Attempt


class Queue:
    """Work that waits for servers or replicas; the oldest is next, or the newest. Without a law it is just that."""

    def __init__(self, newest_first: bool = False) -> None:
        self.newest_first = newest_first
        self.line: deque[Work] = deque()
        self.servers = 0

    def __len__(self) -> int:
        return len(self.line)

    def __iter__(self) -> Iterator[Work]:
        return iter(self.line)

    def has_servers(self, servers: int, now_ns: int) -> None:
        """So many servers look after it from now on."""
        self.servers = servers

    def lets_pass(self, work: Work, now_ns: int) -> bool:
        """Whether work that finds a free server need not wait, and so has its turn."""
        return True

    def joins(self, work: Work, now_ns: int) -> bool:
        """Work begins to wait; False where there is no room for it."""
        self.line.append(work)
        return True

    def take(self, now_ns: int) -> Work | None:
        """Take out the work whose turn it is, of those who wait; None: nobody's."""
        return self.line.pop() if self.newest_first else self.line.popleft()

    def serves(self, work: Work, now_ns: int) -> bool:
        """Whether work whose turn has come is served, or dropped."""
        return True

    def leaves(self, work: Work, took_ns: int, now_ns: int) -> None:
        """Work that had its turn has been served for so long, or was dropped."""


class Codel(Queue):
    """limits.codel."""

    def __init__(self, admission: model.CodelAdmission, newest_first: bool) -> None:
        super().__init__(newest_first)
        self.of = admission
        self.row = [0] * codel.WIDTH

    def serves(self, work: Work, now_ns: int) -> bool:
        of, waited_ns = self.of, now_ns - work.arrived_ns
        return codel.decide(self.row, 0, of.interval_ns, of.target_ns, waited_ns, now_ns, 1) == verdicts.ADMITTED


class AdaptiveLifo(Queue):
    """limits.adaptive_lifo; the oldest is next where it will be dropped."""

    def __init__(self, admission: model.AdaptiveLifoAdmission) -> None:
        super().__init__()
        self.of = admission
        self.row = [0] * adaptive_lifo.WIDTH

    def joins(self, work: Work, now_ns: int) -> bool:
        adaptive_lifo.arrives(self.row, 0, len(self), now_ns)
        return super().joins(work, now_ns)

    def take(self, now_ns: int) -> Work | None:
        self.newest_first = self.serves(self.line[0], now_ns) and adaptive_lifo.newest_first(
            self.row, 0, self.of.standing_ns, now_ns
        )
        return super().take(now_ns)

    def serves(self, work: Work, now_ns: int) -> bool:
        of, row, waited_ns = self.of, self.row, now_ns - work.arrived_ns
        return adaptive_lifo.decide(row, 0, of.standing_ns, of.short_ns, waited_ns, now_ns, 1) == verdicts.ADMITTED


class Lanes(Queue):
    """Work that waits in lanes, first come, first served in each."""

    def __init__(self, lanes: int) -> None:
        super().__init__()
        self.lanes: list[deque[Work]] = [deque() for _ in range(lanes)]

    def __len__(self) -> int:
        return sum(map(len, self.lanes))

    def __iter__(self) -> Iterator[Work]:
        return chain(*self.lanes)


class StrictPriority(Lanes):
    """limits.strict_priority: a lane for each priority."""

    def joins(self, work: Work, now_ns: int) -> bool:
        self.lanes[strict_priority.enqueue(len(self.lanes), whose(work).person.priority)].append(work)
        return True

    def take(self, now_ns: int) -> Work | None:
        return next(lane for lane in self.lanes if lane).popleft()


class Wfq(Lanes):
    """limits.wfq: a lane for each flow; of equal tags the one that has waited longest, then the first flow."""

    def __init__(self, admission: model.WfqAdmission, flows: int, habits: Habits) -> None:
        super().__init__(flows)
        self.of = admission
        self.terms = Terms(admission, habits)
        self.row = [0] * (wfq.WIDTH + flows)
        self.tags: dict[Work, int] = {}

    def joins(self, work: Work, now_ns: int) -> bool:
        attempt, weights = whose(work), self.of.weight_of_priority
        flow = KEYS[self.of.key](attempt.person, attempt)
        weight = weights[min(attempt.person.priority, len(weights) - 1)]
        self.tags[work] = wfq.enqueue(self.row, 0, flow, weight, self.terms.cost(attempt.person, attempt))
        self.lanes[flow].append(work)
        return True

    def take(self, now_ns: int) -> Work | None:
        heads = [lane[0] for lane in self.lanes if lane]
        work = min(heads, key=lambda work: (self.tags[work], work.arrived_ns))
        flow = KEYS[self.of.key](whose(work).person, None)
        wfq.serve(self.row, 0, len(self.lanes), self.tags.pop(work))
        return self.lanes[flow].popleft()


class Apf(Lanes):
    """limits.apf: a row for each level, and a lane for each of its queues; who has a turn has a seat until it leaves.

    A free server goes to the first level, from the most important on, that has a seat free and somebody waiting.
    """

    def __init__(self, admission: model.ApfAdmission) -> None:
        self.of = admission
        levels = len(admission.share_of_level)
        super().__init__(levels * admission.queues)
        self.rows = [[0] * apf.width(admission.queues, admission.length) for _ in range(levels)]
        self.lane_of: dict[Work, int] = {}  # who waits, or has a seat

    def seats(self, level: int) -> int:
        """The servers that a level may have."""
        shares = self.of.share_of_level
        return apf.seats_of(self.servers, shares[level], sum(shares))

    def has_servers(self, servers: int, now_ns: int) -> None:
        for level, row in enumerate(self.rows):
            apf.advance(row, 0, self.seats(level), now_ns)
        super().has_servers(servers, now_ns)

    def lets_pass(self, work: Work, now_ns: int) -> bool:
        level = self._level(work)
        if not apf.has_seat(self.rows[level], 0, self.seats(level)):
            return False
        return self.joins(work, now_ns) and self.take(now_ns) is work  # nobody of its level waits

    def joins(self, work: Work, now_ns: int) -> bool:
        of, level = self.of, self._level(work)
        flow = KEYS[of.key](whose(work).person, None) & LARGEST
        dealt = (of.queues, of.hand, of.length, self.seats(level), flow)
        queue = apf.enqueue(self.rows[level], 0, *dealt, now_ns)
        if queue == verdicts.SHED:
            return False
        self.lane_of[work] = level * of.queues + queue
        self.lanes[self.lane_of[work]].append(work)
        return True

    def take(self, now_ns: int) -> Work | None:
        of = self.of
        for level, row in enumerate(self.rows):
            queue = apf.next_queue(row, 0, of.queues, of.length, self.seats(level), of.guess_ns, now_ns)
            if queue >= 0:
                return self.lanes[level * of.queues + queue].popleft()
        return None

    def leaves(self, work: Work, took_ns: int, now_ns: int) -> None:
        level, queue = divmod(self.lane_of.pop(work), self.of.queues)
        done = (self.of.length, self.seats(level), queue, self.of.guess_ns, took_ns)
        apf.finish(self.rows[level], 0, *done, now_ns)

    def _level(self, work: Work) -> int:
        return min(whose(work).person.priority, len(self.rows) - 1)


def whose(work: Work) -> Attempt:
    """The attempt whose work it is, for laws that tell attempts apart."""
    assert work.whose is not None
    return work.whose


def queue_at(scenario: model.Scenario, place: str, habits: Habits, newest_first: bool = False) -> Queue:
    """A new queue of a place (gateway, or a stage), with the law that the scenario has for it."""
    law = next((admission for admission in scenario.admission if admission.at == f"queue:{place}"), None)
    if isinstance(law, model.CodelAdmission):
        return Codel(law, newest_first)
    if isinstance(law, model.AdaptiveLifoAdmission):
        return AdaptiveLifo(law)
    if isinstance(law, model.StrictPriorityAdmission):
        return StrictPriority(levels_of(scenario))
    if isinstance(law, model.WfqAdmission):
        return Wfq(law, len(scenario.segments) if law.key == "segment" else habits.world.zones, habits)
    if isinstance(law, model.ApfAdmission):
        return Apf(law)
    return Queue(newest_first)
