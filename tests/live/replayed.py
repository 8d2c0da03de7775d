"""People of a live run in virtual time, who are told what the attempts of a trace were told."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from scenarios.live_lives import resumed
from scenarios.live_people import Alive, People, Try
from scenarios.model import Scenario
from simulator.rank import Rank
from simulator.trace import ANSWERS

Row = Mapping[str, Any]


def rows(columns: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a trace."""
    return [dict(zip(columns, map(int, row), strict=True)) for row in zip(*columns.values(), strict=True)]


class Replayed:
    """`sent`: what they sent, by want and number; `everybody`: who there was."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        attempts: list[Row],
        until_ns: int,
        from_ns: int = 0,
        levels: Mapping[str, Any] | None = None,
    ) -> None:
        """Nobody is there yet."""
        self.from_ns = from_ns
        self.people = People(scenario, seed)
        self.until_ns = until_ns
        self.told = {(row["want"], row["attempt"]): row for row in attempts}
        self.sent: dict[tuple[int, int], Try] = {}
        self.everybody: dict[int, Alive] = {}
        self._events: list[
            tuple[int, int, int, int]
        ] = []  # instant, rank, want, attempt: answered, 0: a try, < 0: a hedge of it
        self._turns = self.people.begin(from_ns, levels or {})
        for place, change in enumerate(self._turns):
            self._expect(change.at_ns, Rank.INCIDENT, place, 0)

    def come(self, first_tries: Iterable[tuple[int, int]]) -> None:
        """Let people come at their instants."""
        for want, at_ns in first_tries:
            self.everybody[want] = self.people.newcomer(want, at_ns)
            self._expect(at_ns, Rank.ARRIVAL, want, 0)

    def resume(self, on_the_way: Iterable[Any]) -> None:
        """Let people be on the way, as rows of PEOPLE_COLUMNS have them."""
        for want, of in groupby(on_the_way, key=lambda row: int(row["want"])):
            of_them = list(of)
            next_ns = int(of_them[0]["next_ns"])
            if of_them[0]["segment"] < 0:
                self.come([(want, next_ns)])
                continue
            alive = self.everybody[want] = resumed(of_them, self.people.habits)
            for awaited in alive.awaited:
                self._sends(want, awaited)
            if not alive.awaited:
                self._expect(next_ns, Rank.ARRIVAL, want, 0)

    def live(self) -> None:
        """Let all happen, in the order of events."""
        while self._events:
            now_ns, rank, want, attempt = heapq.heappop(self._events)
            if rank == Rank.INCIDENT:
                self.people.turn(self._turns[want])
                continue
            step = self._happens(want, attempt, now_ns)
            if isinstance(step, Try):
                self._sends(want, step)
            elif step is not None:
                self._expect(step, Rank.ARRIVAL, want, 0)

    def _happens(self, want: int, attempt: int, now_ns: int) -> Try | int | None:
        alive = self.everybody[want]
        if attempt < 0:
            return self.people.hedges(alive, self.sent[want, -attempt], now_ns)
        return self._hears(want, attempt, now_ns) if attempt else self.people.next_try(alive, now_ns)

    def _hears(self, want: int, attempt: int, now_ns: int) -> int | None:
        row = self.told[want, attempt]
        answer = ANSWERS[row["answer"]]
        if answer == "placed":
            self.come(self.people.invited(want, now_ns))
        one = self.sent[want, attempt]
        return self.people.answered(self.everybody[want], one, answer, row["retry_after_s"], now_ns)

    def _sends(self, want: int, one: Try) -> None:
        self.sent[want, one.number] = one
        hedge_ns = self.people.hedge_at_ns(self.everybody[want], one)
        if hedge_ns is not None and hedge_ns >= self.from_ns:
            self._expect(hedge_ns, Rank.ARRIVAL, want, -one.number)
        row = self.told[want, one.number]
        if row["answered_ns"] >= 0 and ANSWERS[row["answer"]] != "outrun":
            rank = Rank.TIMEOUT if ANSWERS[row["answer"]] == "timed_out" else Rank.DEPARTURE
            self._expect(row["answered_ns"], rank, want, one.number)

    def _expect(self, at_ns: int, rank: Rank, want: int, attempt: int) -> None:
        if at_ns < self.until_ns:
            heapq.heappush(self._events, (at_ns, rank, want, attempt))
