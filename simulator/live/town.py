"""The town of the reference engine without its people: they come over the wire, and an order stands in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy

from scenarios.model import Scenario
from scenarios.person import Person
from scenarios.world import World
from simulator.reference.attempt import Attempt, Try
from simulator.reference.town import Town


class LiveTown(Town):
    """Asks `keep` for an order before it tells of one, and tells `on_answer` and `on_end` what became of attempts."""

    def __init__(
        self,
        env: simpy.Environment,
        scenario: Scenario,
        *,
        seed: int,
        world: World,
        keep: Callable[[Attempt, int], None],
        on_answer: Callable[[Attempt], None],
        on_end: Callable[[Attempt, str], None],
    ) -> None:
        super().__init__(env, without_people(scenario), seed=seed, world=world, trace=False)
        self.keep = keep
        self.on_answer = on_answer
        self.on_end = on_end

    def meets(self, want: int, segment: int, zone: int, kind: int) -> Person:
        """Somebody of whom nothing is under way here."""
        priority = self.habits.priority(segment)
        person = Person(
            want=want, invited_by=-1, segment=segment, zone=zone, kind=kind, priority=priority, first_try_ns=self.now_ns
        )
        self.people.add(person)
        self.trying += 1
        return person

    def parts_from(self, person: Person) -> None:
        """Nothing of theirs is under way any more."""
        if person in self.people:
            self.people.remove(person)
            self.trying -= 1

    def places(self, attempt: Attempt, store: int) -> None:
        """All but the ledger have agreed."""
        self.keep(attempt, store)

    def has_placed(self, attempt: Attempt, store: int) -> None:
        """The order stands in the ledger."""
        super().places(attempt, store)

    def answers(self, attempt: Attempt, reason: str) -> None:
        """Tell the person what became of an attempt, if they still wait."""
        if not attempt.answered:
            super().answers(attempt, reason)
            self.on_answer(attempt)

    def closes(self, attempt: Attempt, reason: str) -> None:
        """The work on an attempt is over: what it held is given back."""
        super().closes(attempt, reason)
        self.on_end(attempt, reason)

    def _begins_order(self, attempt: Attempt, store: int) -> None:
        if attempt.person not in self.people:  # nothing of theirs was under way when the ledger answered
            self.people.add(attempt.person)
            self.trying += 1
        super()._begins_order(attempt, store)


def an_attempt(
    env: simpy.Environment,
    person: Person,
    number: int,
    start_ns: int,
    timeout_ns: int,
    of: Try | None = None,
) -> Attempt:
    """Return an attempt for whose answer somebody waits until an instant; `of`: the try of which it is a copy."""
    attempt = Attempt(
        person=person,
        of=of or Try(timeout_ns=timeout_ns, over=simpy.Event(env)),
        number=number,
        session=person.session,
        copy=0,
        start_ns=start_ns,
        deadline_ns=timeout_ns,
    )
    attempt.of.awaited.append(attempt)
    return attempt


def without_people(scenario: Scenario) -> Scenario:
    """The scenario as the stack needs it: whom an order invites is the client's affair."""
    changed: dict[str, Any] = {"invitations": None}
    return scenario.model_copy(update=changed)
