"""Credits that a stage lends to those who call it (docs/model.md, Laws)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from limits import breakwater, rates
from scenarios import model
from scenarios.asking import Attempt, Rows, Verdict, verdict_of
from scenarios.learning import Servers

if TYPE_CHECKING:
    from scenarios.person import Person


class Lender(Servers, Protocol):
    """What is told of the stage that gives the credits."""

    @property
    def oldest_ns(self) -> int:
        """How long the oldest in its queue has waited; 0 where nobody waits."""


class Breakwater:
    """limits.breakwater at the gateway: a row for each client; an attempt has its credit until the stage is done.

    `queue` is what stands at the stage for it.
    """

    lender: Lender
    """Set by the town."""

    def __init__(self, admission: model.BreakwaterAdmission, clients: int) -> None:
        self.of = admission
        self.clients = clients
        self.server = [0] * breakwater.WIDTH
        self.rows = Rows(admission.key, breakwater.CLIENT_WIDTH)
        self.out: dict[Attempt, list[int]] = {}  # the row of its client
        self.queue = BreakwaterQueue(self)

    @property
    def cores(self) -> int:
        return max(1, int(self.lender.capacity))

    def tick(self, now_ns: int) -> None:
        """Move the credits up to now."""
        of = self.of
        shares = (rates.milli(of.increase), rates.milli(of.decrease))
        queue_ns = self.lender.oldest_ns
        breakwater.tick(
            self.server, 0, of.round_trip_ns, of.target_ns, *shares, self.cores, self.clients, queue_ns, now_ns
        )

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        self.tick(now_ns)
        row = self.rows.of(person)
        answer = breakwater.spend(self.server, 0, row, 0, self.cores, self.clients)
        if answer == 0:
            self.out[attempt] = row
        return verdict_of(answer)

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.out:
            self.tick(now_ns)
            breakwater.answered(self.server, 0, self.out.pop(attempt), 0, self.cores, self.clients)


class BreakwaterQueue:
    """limits.breakwater at the stage: what comes to a long queue is dropped; what is done there is out no more."""

    def __init__(self, law: Breakwater) -> None:
        self.law = law

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        law = self.law
        law.tick(now_ns)
        return verdict_of(breakwater.decide(law.server, 0, law.of.target_ns, law.lender.oldest_ns, now_ns, 1))

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        self.law.give_back(attempt, now_ns, outcome)
