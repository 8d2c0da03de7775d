"""N gateways and a shared store in simulated time: clocks that differ, messages that are late or lost, lost data.

Every delay is data, so a run replays; the tests of the laws and the sweep of `benchmarks.shared_quota` use it.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from limits import quota_lease, quota_report
from limits.row import LARGEST
from limits.without_store import CLOSED

Admitted = tuple[int, int, int]
"""(gateway, now_ns, cost) of what got in."""
Answer = tuple[int, int]
"""Of the store: tokens and a wait (leases), or a debt and nothing (reports)."""

LOST = -1
"""A delay of a message that never arrives."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A gateway's own clock: off by an offset, and running at `speed_ppm` millionths of true speed."""

    offset_ns: int = 0
    speed_ppm: int = 1_000_000

    def at(self, true_ns: int) -> int:
        """Return what it shows."""
        return self.offset_ns + true_ns * self.speed_ppm // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One key: its rate and burst, and how gateways share it; `lease` is for leases, `every_ns` for reports."""

    interval_ns: int
    burst: int
    lease: int = 1
    term_ns: int = 1_000_000_000
    pause_ns: int = 10_000_000
    idle_ns: int = 500_000_000
    every_ns: int = 100_000_000
    stale_ns: int = 400_000_000
    timeout_ns: int = 100_000_000
    again_ns: int = 100_000_000
    mode: int = CLOSED
    trust_ns: int = 60_000_000_000


class Fleet(ABC):
    """`ask(gateway, cost, now_ns)` in order of time; `admitted` keeps (gateway, now_ns, cost) of what got in."""

    def __init__(
        self,
        settings: Settings,
        clocks: Sequence[Clock],
        delays: Callable[[], tuple[int, int]],
        *,
        width: int,
        record_width: int,
        beat_ns: int,
    ) -> None:
        """Start with a full bucket. `delays` are those of a question and of its answer, ns, LOST where none arrives."""
        self.settings, self.clocks, self.admitted = settings, clocks, list[Admitted]()
        self.questions = 0
        self.rows = [[0] * width for _ in clocks]
        self._delays, self._record_width, self._now_ns = delays, record_width, 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._tickets = count()  # what is due at one instant happens in the order it was thought of
        self.lose_data()
        for gateway in range(len(clocks)):
            self._beat(gateway, beat_ns)

    def ask(self, gateway: int, cost: int, now_ns: int) -> int:
        """Let one gateway decide, and return what it says."""
        self.advance(now_ns)
        answer = self._decide(gateway, cost)
        if answer == 0 and cost > 0:
            self.admitted.append((gateway, now_ns, cost))
        self._turn_to_store(gateway, cost)
        return answer

    def advance(self, now_ns: int) -> None:
        """Let everything happen that is due."""
        while self._events and self._events[0][0] <= now_ns:
            self._now_ns, _, happen = heapq.heappop(self._events)
            happen()
        self._now_ns = now_ns

    def lose_data(self) -> None:
        """Restart the store empty."""
        self.store = [0]
        self.records = [[0] * self._record_width for _ in self.clocks]

    def local_ns(self, gateway: int) -> int:
        """Return what a gateway's clock shows."""
        return self.clocks[gateway].at(self._now_ns)

    def _later(self, delay_ns: int, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now_ns + delay_ns, next(self._tickets), happen))

    def _beat(self, gateway: int, beat_ns: int) -> None:
        self._look_after(gateway)
        self._later(beat_ns, lambda: self._beat(gateway, beat_ns))

    def _send(self, gateway: int, in_store: Callable[[], Answer], heard: Callable[[Answer], None]) -> None:
        """Ask the store; what it does happens even where nobody hears the answer."""
        there_ns, back_ns = self._delays()
        self.questions += 1
        answers: list[Answer] = []
        if there_ns != LOST:
            self._later(there_ns, lambda: answers.append(in_store()))
        if LOST in (there_ns, back_ns) or there_ns + back_ns >= self.settings.timeout_ns:
            self._later(self.settings.timeout_ns, lambda: self._failed(gateway))
        else:
            self._later(there_ns + back_ns, lambda: heard(answers[0]))

    @abstractmethod
    def _decide(self, gateway: int, cost: int) -> int: ...

    @abstractmethod
    def _turn_to_store(self, gateway: int, cost: int) -> None: ...

    @abstractmethod
    def _look_after(self, gateway: int) -> None: ...

    @abstractmethod
    def _failed(self, gateway: int) -> None: ...


class Leased(Fleet):
    """Gateways that lease."""

    def __init__(self, settings: Settings, clocks: Sequence[Clock], delays: Callable[[], tuple[int, int]]) -> None:
        """See Fleet."""
        super().__init__(
            settings,
            clocks,
            delays,
            width=quota_lease.WIDTH,
            record_width=quota_lease.RECORD_WIDTH,
            beat_ns=max(1, settings.idle_ns // 2),
        )

    def _decide(self, gateway: int, cost: int) -> int:
        of, now_ns = self.settings, self.local_ns(gateway)
        return quota_lease.decide(self.rows[gateway], 0, of.lease, of.interval_ns, of.mode, of.trust_ns, now_ns, cost)

    def _turn_to_store(self, gateway: int, cost: int) -> None:
        of, row, now_ns = self.settings, self.rows[gateway], self.local_ns(gateway)
        wanted = quota_lease.wanted(row, 0, of.lease, now_ns, cost)
        if wanted <= 0:
            return
        number, left = quota_lease.asked(row, 0, now_ns), row[quota_lease.LEFT]

        def in_store() -> Answer:
            at = (self.store, 0, of.interval_ns, of.burst)
            record = self.records[gateway]
            tokens = quota_lease.grant(*at, record, 0, number, wanted, left, of.term_ns, self._now_ns)
            return tokens, quota_lease.shortage_ns(*at, self._now_ns)

        def heard(answer: Answer) -> None:
            tokens, wait_ns = answer
            quota_lease.granted(
                row, 0, tokens, wanted, wait_ns, len(self.clocks), of.term_ns, of.pause_ns, self.local_ns(gateway)
            )

        self._send(gateway, in_store, heard)

    def _look_after(self, gateway: int) -> None:
        of, row = self.settings, self.rows[gateway]
        tokens, number = quota_lease.give_back(row, 0, of.idle_ns, self.local_ns(gateway)), row[quota_lease.NUMBER]
        there_ns = self._delays()[0]
        if tokens > 0 and there_ns != LOST:
            self.questions += 1
            self._later(there_ns, lambda: self._take_back(gateway, number, tokens))

    def _take_back(self, gateway: int, number: int, tokens: int) -> None:
        quota_lease.take_back(
            self.store, 0, self.settings.interval_ns, self.records[gateway], 0, number, tokens, self._now_ns
        )

    def _failed(self, gateway: int) -> None:
        quota_lease.failed(self.rows[gateway], 0, self.local_ns(gateway) + self.settings.again_ns)


class Reported(Fleet):
    """Gateways that report."""

    def __init__(self, settings: Settings, clocks: Sequence[Clock], delays: Callable[[], tuple[int, int]]) -> None:
        """See Fleet."""
        super().__init__(
            settings, clocks, delays, width=quota_report.WIDTH, record_width=1, beat_ns=max(1, settings.every_ns // 2)
        )

    def _decide(self, gateway: int, cost: int) -> int:
        of, now_ns = self.settings, self.local_ns(gateway)
        return quota_report.decide(
            self.rows[gateway], 0, of.interval_ns, of.burst, of.stale_ns, of.mode, of.trust_ns, now_ns, cost
        )

    def _turn_to_store(self, gateway: int, cost: int) -> None:
        of, row, now_ns = self.settings, self.rows[gateway], self.local_ns(gateway)
        if not quota_report.due(row, 0, now_ns):
            return
        quota_report.asked(row, 0, now_ns)
        total, since = row[quota_report.SENT], quota_report.unheard(row, 0)

        def in_store() -> Answer:
            record = self.records[gateway]
            debt_ns = quota_report.charge(
                self.store, 0, of.interval_ns, record, 0, total, since, LARGEST // 2, self._now_ns
            )
            return debt_ns, 0

        def heard(answer: Answer) -> None:
            quota_report.answered(
                row, 0, of.interval_ns, answer[0], len(self.clocks), of.every_ns, self.local_ns(gateway)
            )

        self._send(gateway, in_store, heard)

    def _look_after(self, gateway: int) -> None:
        if quota_report.unheard(self.rows[gateway], 0) > 0:
            self._turn_to_store(gateway, 0)

    def _failed(self, gateway: int) -> None:
        quota_report.failed(self.rows[gateway], 0, self.local_ns(gateway) + self.settings.again_ns)


def overshoot(admitted: Sequence[Admitted], interval_ns: int, burst: int) -> float:
    """Return the tokens admitted above burst + rate * d in the worst [t, t + d] of all, negative where none is."""
    debt_ns = worst_ns = then_ns = 0
    for _, now_ns, cost in admitted:
        debt_ns = max(0, debt_ns - (now_ns - then_ns)) + cost * interval_ns
        then_ns = now_ns
        worst_ns = max(worst_ns, debt_ns)
    return worst_ns / interval_ns - burst
