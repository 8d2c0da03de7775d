"""People of a live run in virtual time, who are told what the attempts of a trace were told."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
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

    def __init__(self, scenario: Scenario, *, seed: int, attempts: list[Row], until_ns: int) -> None:
        """Nobody is there yet."""
        self.people = People(scenario, seed)
        self.until_ns = until_ns
        self.told = {(row["want"], row["attempt"]): row for row in attempts}
        self.sent: dict[tuple[int, int], Try] = {}
        self.everybody: dict[int, Alive] = {}
        self._events: list[tuple[int, int, int, int]] = []  # instant, rank, want, attempt that is answered, 0: a try

    def come(self, first_tries: Iterable[tuple[int, int]]) -> None:
        """Let people come at their instants."""
        for want, at_ns in first_tries:
            self.everybody[want] = self.people.newcomer(want, at_ns)
            self._expect(at_ns, Rank.ARRIVAL, want, 0)

    def resume(self, on_the_way: Iterable[Any]) -> None:
        """Let people be on the way, as rows of PEOPLE_COLUMNS have them."""
        for row in on_the_way:
            want, next_ns = int(row["want"]), int(row["next_ns"])
            if row["segment"] < 0:
                self.come([(want, next_ns)])
                continue
            alive, awaited = resumed(row, self.people.habits)
            self.everybody[want] = alive
            if row["waits"]:
                self._sends(want, awaited)
            else:
                self._expect(next_ns, Rank.ARRIVAL, want, 0)

    def live(self) -> None:
        """Let all happen, in the order of events."""
        while self._events:
            now_ns, _, want, attempt = heapq.heappop(self._events)
            step = self._hears(want, attempt, now_ns) if attempt else self._tries(want, now_ns)
            if isinstance(step, Try):
                self._sends(want, step)
            elif step is not None:
                self._expect(step, Rank.ARRIVAL, want, 0)

    def _tries(self, want: int, now_ns: int) -> Try | int | None:
        return self.people.next_try(self.everybody[want], now_ns)

    def _hears(self, want: int, attempt: int, now_ns: int) -> int | None:
        row = self.told[want, attempt]
        answer = ANSWERS[row["answer"]]
        if answer == "placed":
            self.come(self.people.invited(want, now_ns))
        one = self.sent[want, attempt]
        return self.people.answered(self.everybody[want], one, answer, row["retry_after_s"], now_ns)

    def _sends(self, want: int, one: Try) -> None:
        self.sent[want, one.number] = one
        row = self.told[want, one.number]
        if row["answered_ns"] >= 0:
            rank = Rank.TIMEOUT if ANSWERS[row["answer"]] == "timed_out" else Rank.DEPARTURE
            self._expect(row["answered_ns"], rank, want, one.number)

    def _expect(self, at_ns: int, rank: Rank, want: int, attempt: int) -> None:
        if at_ns < self.until_ns:
            heapq.heappush(self._events, (at_ns, rank, want, attempt))
