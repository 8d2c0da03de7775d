"""A person's life where answers come from outside (docs/model.md, A person): what somebody does next, and when.

The rules and the draws are those of the engines. Nothing here waits or reads a clock: whoever plays the people asks
`next_try` at the instant of each try, and tells `answered` what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scenarios.asking import ADMITTED, REASONS
from scenarios.habits import Habits
from scenarios.model import Scenario
from scenarios.person import Person
from scenarios.policy import Client, build_laws
from scenarios.world import build_world

End = Literal["pending", "placed", "abandoned"]


@dataclass(slots=True, eq=False, kw_only=True)
class Alive:
    """A person on the way: tries in the present session (0: the next one begins it), and when that ends."""

    person: Person
    tries: int = 0
    session_end_ns: int = 0
    end: End = "pending"
    ended_ns: int = -1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Try:
    """An attempt that is sent at `start_ns`; its person waits until `timeout_ns`."""

    number: int
    session: int
    start_ns: int
    timeout_ns: int


Next = int | None
"""The instant of the next try; None: there will be none."""


class People:
    """All who live in one process. Laws of the client that are not for each person alone are shared by these."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        """The scenario is the one that is played, already scaled."""
        self.habits = Habits(scenario, build_world(scenario), seed)
        self._client = Client(scenario, build_laws(scenario, self.habits))
        self._invites = scenario.invitations is not None and scenario.invitations.after == "placed"
        self.held_back = 0

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
        return Try(number=person.attempt, session=person.session, start_ns=now_ns, timeout_ns=timeout_ns)

    def answered(self, alive: Alive, one: Try, reason: str, retry_after_s: int, now_ns: int) -> Next:
        """Hear "placed", or why the attempt failed, "timed_out" among them."""
        self._client.hears(alive.person, reason, now_ns, now_ns - one.start_ns)
        if reason == "placed":
            self._client.succeeded(alive.person, now_ns)
            return _ends(alive, "placed", now_ns)
        return self._fails(alive, reason, retry_after_s, now_ns)

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
