"""A person's life where answers come from outside (docs/model.md, A person): what somebody does next, and when.

The rules and the draws are those of the engines. Nothing here waits or reads a clock: whoever plays the people asks
`next_try` at the instant of each try and `hedges` at those of its copies, and tells `answered` what came of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from scenarios.asking import ADMITTED, REASONS
from scenarios.habits import Habits
from scenarios.knobs import Kind
from scenarios.model import Scenario
from scenarios.person import Person
from scenarios.policy import Client, begin_with, build_laws, turn_law
from scenarios.schedule import Change, changes
from scenarios.world import build_world

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

End = Literal["pending", "placed", "abandoned"]


@dataclass(slots=True, eq=False, kw_only=True)
class Alive:
    """A person on the way: tries in this session (0: the next one begins it), when that ends, and what they await."""

    person: Person
    tries: int = 0
    session_end_ns: int = 0
    awaited: list[Try] = field(default_factory=list)
    end: End = "pending"
    ended_ns: int = -1

    @property
    def is_over(self) -> bool:
        """Whether the want has ended: with an order, or without one for good."""
        return self.end != "pending"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Try:
    """An attempt that is sent at `start_ns`; its person waits until `timeout_ns`. From `copy` 1 on it is a hedge."""

    number: int
    session: int
    copy: int = 0
    start_ns: int
    timeout_ns: int


Next = int | None
"""The instant of the next try; None: there will be none, or a copy of this one is awaited still."""


class People:
    """All who live in one process. Laws of the client that are not for each person alone are shared by these."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        """The scenario is the one that is played, already scaled."""
        self._scenario = scenario
        self.habits = Habits(scenario, build_world(scenario), seed)
        self._client = Client(scenario, build_laws(scenario, self.habits))
        self._invites = scenario.invitations is not None and scenario.invitations.after == "placed"
        self.held_back = 0

    def begin(self, from_ns: int, levels: Mapping[str, NDArray[np.int64]]) -> list[Change]:
        """Be at an instant: laws of the client as turned before it, with these levels. Return their turns to come."""
        turned = (Kind.ADMISSION_RATE, Kind.ADMISSION_LIMIT)
        ours = [
            one for one in changes(self._scenario) if one.knob.kind in turned and self._law_of(one) in self._client.laws
        ]
        for change in ours:
            if change.at_ns < from_ns:
                self.turn(change)
        for name in levels.keys() & self._client.laws.keys():
            begin_with(self._client.laws[name], levels[name])
        return [change for change in ours if change.at_ns >= from_ns]

    def turn(self, change: Change) -> None:
        """Turn a knob of a law of the client, now, before anybody else does anything in this instant."""
        turn_law(self._client.laws[self._law_of(change)], change.knob, change.value, change.at_ns)

    def _law_of(self, change: Change) -> str:
        return self._scenario.admission[change.knob.index].name

    def newcomer(self, want: int, first_try_ns: int, invited_by: int = -1) -> Alive:
        """Somebody who comes for the first time."""
        return Alive(person=self.habits.newcomer(want, first_try_ns, invited_by))

    def next_try(self, alive: Alive, now_ns: int) -> Try | Next:
        """Try now: the attempt to send, or, where the client's own laws hold it back, what comes of that."""
        person = alive.person
        if alive.tries == 0:
            alive.session_end_ns = self.habits.session_end_ns(person.want, person.kind, person.session, now_ns)
        alive.tries += 1
        if alive.tries > 1 and not self._client.allows_retry(person, now_ns):
            self.held_back += 1
            return self._session_ends(alive, now_ns)
        person.attempt += 1
        if alive.tries == 1:
            self._client.calls(person, now_ns)
        verdict = self._client.policy.ask(person, None, now_ns)
        if verdict.code != ADMITTED:
            self.held_back += 1
            return self._fails(alive, REASONS[verdict.code], verdict.retry_after_s, now_ns)
        person.sent += 1
        timeout_ns = self.habits.timeout_at_ns(person.want, person.attempt, alive.session_end_ns, now_ns)
        one = Try(number=person.attempt, session=person.session, start_ns=now_ns, timeout_ns=timeout_ns)
        alive.awaited.append(one)
        return one

    def hedge_at_ns(self, alive: Alive, one: Try) -> Next:
        """The instant at which a copy of an attempt is due, if it has no answer by then; None: there will be none."""
        if one.copy >= self.habits.most_hedges:
            return None
        return one.start_ns + self.habits.hedge_ns(alive.person.want, one.number)

    def hedges(self, alive: Alive, one: Try, now_ns: int) -> Try | None:
        """Send a copy of an attempt that has no answer yet, now, if the laws of the client let it go."""
        person = alive.person
        if alive.is_over or one not in alive.awaited:
            return None
        if not self._client.allows_retry(person, now_ns):
            self.held_back += 1
            return None
        person.attempt += 1
        if self._client.policy.ask(person, None, now_ns).code != ADMITTED:
            self.held_back += 1
            return None
        person.sent += 1
        copy = replace(one, number=person.attempt, copy=one.copy + 1, start_ns=now_ns)
        alive.awaited.append(copy)
        return copy

    def answered(self, alive: Alive, one: Try, reason: str, retry_after_s: int, now_ns: int) -> Next:
        """Hear "placed", or why the attempt failed, "timed_out" among them: the try fails with the last of its copies.

        With an order, those still awaited are outrun: `alive.awaited` has them afterwards.
        """
        self._client.hears(alive.person, reason, now_ns, now_ns - one.start_ns)
        alive.awaited.remove(one)
        if reason == "placed":
            for other in alive.awaited:
                self._client.hears(alive.person, "outrun", now_ns, now_ns - other.start_ns)
            self._client.succeeded(alive.person, now_ns)
            return _ends(alive, "placed", now_ns)
        return None if alive.awaited else self._fails(alive, reason, retry_after_s, now_ns)

    def invited(self, want: int, placed_ns: int) -> Iterator[tuple[int, int]]:
        """Whom an order invites when it is placed, each with the instant of their first try."""
        if self._invites:
            for invited, delay_ns in self.habits.invited(want):
                yield invited, placed_ns + delay_ns

    def _fails(self, alive: Alive, reason: str, retry_after_s: int, now_ns: int) -> Next:
        person = alive.person
        if self.habits.resigns(person.want, person.attempt, now_ns):
            return _ends(alive, "abandoned", now_ns)
        if alive.tries == self.habits.attempts:
            return self._session_ends(alive, now_ns)
        again_ns = now_ns + self.habits.think_ns(
            person.want,
            person.kind,
            person.attempt,
            alive.tries,
            retry_after_s=retry_after_s,
            store_failed=reason == "store",
        )
        return again_ns if again_ns < alive.session_end_ns else self._session_ends(alive, now_ns)

    def _session_ends(self, alive: Alive, now_ns: int) -> Next:
        person = alive.person
        if not self.habits.comes_back(person.want, person.session):
            return _ends(alive, "abandoned", now_ns)
        back_ns = now_ns + self.habits.away_ns(person.want, person.session)
        person.session += 1
        alive.tries = 0
        return back_ns


def _ends(alive: Alive, end: End, now_ns: int) -> Next:
    alive.end = end
    alive.ended_ns = now_ns
    return None
