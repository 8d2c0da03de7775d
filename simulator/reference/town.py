"""The world of one run: people, gateway, stages and street, and the ledger in which they meet."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import simpy

from scenarios import model
from scenarios.apis import TopDown
from scenarios.asking import ADMITTED, PENDING, REASONS
from scenarios.credits import Credits
from scenarios.habits import Habits
from scenarios.importance import PiRejector
from scenarios.learning import BbrCpu
from scenarios.lending import Breakwater
from scenarios.person import Person
from scenarios.policy import Client, build_laws, outcome_of, policy_at
from scenarios.world import World
from simulator.rank import Rank
from simulator.reference.attempt import Attempt, Try
from simulator.reference.instants import call_at
from simulator.reference.ledger import Ledger
from simulator.reference.person import invited_person
from simulator.reference.stages import Gateway, build_stages
from simulator.reference.street import Street
from simulator.reference.tracing import Tracing

ATTEMPTS_BETWEEN_STOPS = 4096


@dataclass(slots=True)
class SegmentCounts:
    """One segment's people so far."""

    wanted: int = 0
    placed: int = 0
    time_to_order_ns: array[int] = field(default_factory=lambda: array("q"))


class Town:
    """Everything that people meet. Its methods are the moments of a life at which something is written down."""

    def __init__(
        self, env: simpy.Environment, scenario: model.Scenario, *, seed: int, world: World, trace: bool
    ) -> None:
        self.env = env
        self.scenario = scenario
        self.seed = seed
        self.world = world
        self.habits = Habits(scenario, world, seed)
        self.ledger = Ledger(horizon_ns=scenario.horizon_ns, bucket_ns=scenario.bucket_ns)
        self.tracing = Tracing() if trace else None
        self.laws = build_laws(scenario, self.habits)
        self.client = Client(scenario, self.laws)
        self.gateway = Gateway(self, scenario.gateway, policy_at("gateway", scenario, self.laws))
        self.stages = build_stages(self)
        self.street = Street(
            env,
            scenario,
            seed=seed,
            world=world,
            habits=self.habits,
            ledger=self.ledger,
            store_policy=policy_at("store", scenario, self.laws),
            zone_policy=policy_at("zone", scenario, self.laws),
            on_delivered=lambda want: self._invites(want, "delivered"),
        )
        self._shows_laws_around()
        self.people: set[Person] = set()  # who has neither an order nor left
        self.attempts: set[Attempt] = set()  # which have not both ended and been answered
        self.ask_to_stop: Callable[[], None] = lambda: None
        self.stopped_within = False  # an instant, of which some events have happened and others have not
        self.trying = 0
        self.away = 0
        self.zones_wanted = [0] * world.zones
        self.zones_placed = [0] * world.zones
        self.segments = [SegmentCounts() for _ in range(max(1, len(scenario.segments)))]

    @property
    def now_ns(self) -> int:
        return int(self.env.now)

    def _shows_laws_around(self) -> None:
        """Laws are there before what they look at."""
        at = {f"stage:{stage.name}": stage for stage in self.stages}
        for admission in self.scenario.admission:
            law = self.laws.get(admission.name)
            if isinstance(law, Credits):
                law.street = self.street
            elif isinstance(law, BbrCpu):
                servers = at.get(admission.at, self.gateway.station)
                assert servers is not None
                law.servers = servers
            elif isinstance(law, TopDown):
                law.stages = self.stages
            elif isinstance(law, Breakwater):
                law.lender = at[f"stage:{law.of.queue}"]
            elif isinstance(law, PiRejector) and isinstance(admission, model.ByPriorityAdmission):
                law.servers = at[f"stage:{admission.watched}"]

    # people

    def newcomer(self, want: int, invited_by: int) -> Person:
        """Somebody's first try is now."""
        person = self.habits.newcomer(want, self.now_ns, invited_by)
        self.people.add(person)
        self.trying += 1
        self.ledger.count("people.wanted")
        self.zones_wanted[person.zone] += 1
        self.segments[person.segment].wanted += 1
        return person

    def goes_away(self) -> None:
        """Somebody's session ended; they mean to come back."""
        self.trying -= 1
        self.away += 1

    def is_back(self) -> None:
        """Somebody's next session begins."""
        self.away -= 1
        self.trying += 1

    def leaves(self, person: Person) -> None:
        """Somebody gives up for good, now."""
        self.trying -= 1
        self.people.remove(person)
        self.ledger.count("people.abandoned")
        self.ledger.tried(self.now_ns - person.first_try_ns, ordered=False)
        if self.tracing:
            self.tracing.person(person, self.now_ns, None)

    # attempts

    def send(self, person: Person, of: Try) -> Attempt:
        """An attempt leaves for the gateway, now, and its timeout is set."""
        attempt = Attempt(
            person=person,
            of=of,
            number=person.attempt,
            session=person.session,
            copy=of.copies,
            start_ns=self.now_ns,
            deadline_ns=of.timeout_ns,
        )
        of.copies += 1
        of.awaited.append(attempt)
        person.sent += 1
        self.awaits(attempt)
        return attempt

    def awaits(self, attempt: Attempt) -> None:
        """An attempt is on its way, and its person waits for it until its timeout."""
        self.attempts.add(attempt)
        self.ledger.count("attempts.offered")
        if attempt.copy:
            self.ledger.count("attempts.hedged")
        if self.ledger.counts["attempts.offered"] % ATTEMPTS_BETWEEN_STOPS == 0:
            self.ask_to_stop()
        call_at(
            self.env,
            lambda: self._times_out(attempt),
            attempt.of.timeout_ns,
            Rank.TIMEOUT,
            0,
            attempt.person.want,
            attempt.number,
        )

    def ends(self, attempt: Attempt, failure: str, retry_after_s: int) -> None:
        """The work on an attempt is over without an order; tell the person, if they still wait."""
        self.ledger.work_ns["wasted"] += attempt.done_ns
        self.street.gives_up(attempt)
        attempt.retry_after_s = retry_after_s
        self.closes(attempt, failure)
        self.answers(attempt, failure)
        self._forget(attempt)

    def commits(self, attempt: Attempt) -> int | None:
        """All stages are done: an order, if its person still waits, a store takes it, and the zone has room for it.

        Where no store takes it and a later slot is offered and taken: the instant of that slot, to commit again.
        """
        if attempt.answered:
            self.ends(attempt, "outrun" if attempt.answer == "outrun" else "timed_out", 0)
            return None
        store = self.street.pick_store(attempt, self.gateway.policy.credited_store(attempt))
        if store is None:
            return self._has_no_store(attempt)
        verdict = self.street.zone_policy.ask(attempt.person, attempt, self.now_ns)
        if verdict.code != ADMITTED:
            self.ends(attempt, REASONS[verdict.code], verdict.retry_after_s)
            return None
        self.places(attempt, store)
        return None

    def places(self, attempt: Attempt, store: int) -> None:
        """An attempt has become an order, now."""
        for policy in (self.gateway.policy, self.street.store_policy):
            policy.places(attempt, store, self.now_ns)
        self.ledger.work_ns["useful"] += attempt.done_ns
        attempt.budgets.clear()
        self.closes(attempt, "placed")
        self.answers(attempt, "placed")
        self._forget(attempt)
        for other in attempt.of.awaited:
            self._outruns(other)
        self._begins_order(attempt, store)

    def _has_no_store(self, attempt: Attempt) -> int | None:
        """No store takes an order, now: wait for the slot that a credit offers, or fail."""
        slot_ns = self.gateway.policy.slot_ns(attempt, self.now_ns)
        if slot_ns is None:
            self.ledger.count("kitchens.refused")
            self.ends(attempt, "store", 0)
        else:
            attempt.has_slot = True
        return slot_ns

    def closes(self, attempt: Attempt, reason: str) -> None:
        """The work on an attempt is over: what it held is given back."""
        attempt.ended_ns = self.now_ns
        for stage in attempt.budgets:
            stage.return_unit()
        self.gateway.policy.give_back(attempt, self.now_ns, outcome_of(reason))

    def _times_out(self, attempt: Attempt) -> None:
        if not attempt.has_slot:  # who has one waits for it
            self.answers(attempt, "timed_out")

    def answers(self, attempt: Attempt, reason: str) -> None:
        """Tell the person what became of an attempt, if they still wait."""
        if attempt.answered:
            return
        attempt.answer = reason
        attempt.answered_ns = self.now_ns
        refused = attempt.gateway not in (PENDING, ADMITTED)
        self.ledger.sample("response_refused_ns" if refused else "response_admitted_ns", self.now_ns - attempt.start_ns)
        if reason == "placed":
            self.ledger.count("attempts.completed")
        else:
            self.ledger.count("attempts.timed_out" if reason == "timed_out" else "attempts.failed")
            self.ledger.count(f"failures.{reason}")
        self.client.hears(attempt.person, reason, self.now_ns, self.now_ns - attempt.start_ns)
        attempt.of.awaited.remove(attempt)
        if reason == "placed" or not attempt.of.awaited:
            attempt.of.over.succeed(attempt)
        self._forget(attempt)

    def _outruns(self, attempt: Attempt) -> None:
        """Another copy has become the order, now: nobody awaits this one, and its work is past its deadline."""
        attempt.answer = "outrun"
        attempt.answered_ns = attempt.deadline_ns = self.now_ns
        if attempt.work is not None:
            attempt.work.deadline_ns = self.now_ns
        self.ledger.count("attempts.outrun")
        self.client.hears(attempt.person, "outrun", self.now_ns, self.now_ns - attempt.start_ns)
        self._forget(attempt)

    def _forget(self, attempt: Attempt) -> None:
        if attempt.ended_ns >= 0 and attempt.answered and attempt in self.attempts:
            self.attempts.remove(attempt)
            if self.tracing:
                self.tracing.attempt(attempt)

    # orders

    def _begins_order(self, attempt: Attempt, store: int) -> None:
        person = attempt.person
        time_to_order_ns = self.now_ns - person.first_try_ns
        self.trying -= 1
        self.people.remove(person)
        self.ledger.count("people.placed")
        self.ledger.count("orders.placed")
        self.ledger.sample("time_to_order_ns", time_to_order_ns)
        self.ledger.tried(time_to_order_ns, ordered=True)
        self.zones_placed[person.zone] += 1
        self.segments[person.segment].placed += 1
        self.segments[person.segment].time_to_order_ns.append(time_to_order_ns)
        self.client.succeeded(person, self.now_ns)
        order = self.street.takes(attempt, store)
        if self.tracing:
            self.tracing.person(person, self.now_ns, order)
        self._invites(person.want, "placed")

    def _invites(self, want: int, after: str) -> None:
        if self.scenario.invitations is None or self.scenario.invitations.after != after:
            return
        for invited, delay_ns in self.habits.invited(want):
            if self.now_ns + delay_ns < self.scenario.horizon_ns:
                self.env.process(invited_person(self, invited, want, self.now_ns + delay_ns))

    # the end of the run

    def work_pending_ns(self) -> int:
        """Server time done for attempts that have not ended, and what waits or is in service for them."""
        return sum(a.done_ns + a.at_stage_ns for a in self.attempts if a.ended_ns < 0)
