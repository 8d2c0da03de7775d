"""A person's life in SimPy: sessions of tries, until an order or until they leave (docs/model.md, A person)."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Literal

import simpy

from scenarios.asking import ADMITTED, REASONS
from scenarios.person import Person
from simulator.rank import Rank
from simulator.reference.attempt import Attempt, Try, journey
from simulator.reference.instants import call_at, moment

if TYPE_CHECKING:
    from simulator.reference.town import Town

SessionEnd = Literal["placed", "failed", "resigned"]
Life = Generator[simpy.Event, Any, None]


def invited_person(town: Town, want: int, inviter: int, first_try_ns: int) -> Life:
    """Wait for the instant of the first try, then live like everybody else."""
    yield moment(town.env, first_try_ns, Rank.ARRIVAL, 0, want, 1)
    yield from person_life(town, want, inviter)


def person_life(town: Town, want: int, invited_by: int = -1) -> Life:
    """From the first try, now, to an order or to leaving for good."""
    person = town.newcomer(want, invited_by)
    while True:
        how = yield from session(town, person)
        if how == "placed":
            return
        if how == "resigned" or not town.habits.comes_back(want, person.session):
            town.leaves(person)
            return
        back_ns = town.now_ns + town.habits.away_ns(want, person.session)
        town.goes_away()
        yield moment(town.env, back_ns, Rank.ARRIVAL, 0, want, person.attempt + 1)
        person.session += 1
        town.is_back()


def session(town: Town, person: Person) -> Generator[simpy.Event, Any, SessionEnd]:
    """Try until placed, or until patience, tries or a retry budget end; a failure can be final at any try."""
    habits, want = town.habits, person.want
    end_ns = habits.session_end_ns(want, person.kind, person.session, town.now_ns)
    town.ledger.count("sessions.started")
    for tries in range(1, habits.attempts + 1):
        if tries > 1 and not town.client.allows_retry(person, town.now_ns):
            town.ledger.count("attempts.held_back")
            break
        person.attempt += 1
        reason, retry_after_s = yield from one_try(town, person, tries, end_ns)
        if reason == "placed":
            town.ledger.count("sessions.served")
            return "placed"
        if habits.resigns(want, person.attempt, town.now_ns):
            town.ledger.count("sessions.failed")
            return "resigned"
        if tries == habits.attempts:
            break
        again_ns = town.now_ns + habits.think_ns(
            want, person.kind, person.attempt, tries, retry_after_s=retry_after_s, store_failed=reason == "store"
        )
        if again_ns >= end_ns:
            break
        yield moment(town.env, again_ns, Rank.ARRIVAL, 0, want, person.attempt + 1)
    town.ledger.count("sessions.failed")
    return "failed"


def one_try(town: Town, person: Person, tries: int, end_ns: int) -> Generator[simpy.Event, Any, tuple[str, int]]:
    """Ask the client's laws, send an attempt, and wait: for "placed", the reason of a failure, or the timeout."""
    if tries == 1:
        town.client.calls(person, town.now_ns)
    verdict = town.client.policy.ask(person, None, town.now_ns)
    if verdict.code != ADMITTED:
        town.ledger.count("attempts.held_back")
        return REASONS[verdict.code], verdict.retry_after_s
    timeout_ns = town.habits.timeout_at_ns(person.want, person.attempt, end_ns, town.now_ns)
    of = Try(timeout_ns=timeout_ns, over=simpy.Event(town.env))
    sends(town, person, of)
    attempt = yield of.over
    return attempt.answer, attempt.retry_after_s


def sends(town: Town, person: Person, of: Try) -> None:
    """Send an attempt, and a copy of it later if it has no answer by then."""
    attempt = town.send(person, of)
    town.env.process(journey(town, attempt))
    if attempt.copy < town.habits.most_hedges:
        at_ns = town.now_ns + town.habits.hedge_ns(person.want, attempt.number)
        call_at(town.env, lambda: hedges(town, attempt), at_ns, Rank.ARRIVAL, 0, person.want, attempt.number + 1)


def hedges(town: Town, attempt: Attempt) -> None:
    """Send a copy of an attempt that has no answer yet, if the laws of the client let it go."""
    person = attempt.person
    if attempt.answered or attempt.has_slot:
        return
    if not town.client.allows_retry(person, town.now_ns):
        town.ledger.count("attempts.held_back")
        return
    person.attempt += 1
    if town.client.policy.ask(person, None, town.now_ns).code != ADMITTED:
        town.ledger.count("attempts.held_back")
        return
    sends(town, person, attempt.of)
