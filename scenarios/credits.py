"""Fulfilment credits: orders are let in where stores and couriers can deliver (docs/model.md, Fulfilment credits)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from limits import fulfilment_credit
from limits.row import LARGEST
from limits.verdicts import ADMITTED as CREDIT
from scenarios import model
from scenarios.asking import ADMIT, SHED, Attempt, Verdict, verdict_of

if TYPE_CHECKING:
    from scenarios.habits import Habits
    from scenarios.person import Person


class Kitchens(Protocol):
    """What credits want to know of stores."""

    def news(self, store: int) -> tuple[int, int]:
        """The time that a cup takes a store, 0: it takes no orders; the cups that wait."""


class Couriers(Protocol):
    """What credits want to know of couriers."""

    def news(self, zone: int) -> tuple[int, int] | None:
        """The time that an order takes the zone, and how many wait; None: there are no couriers."""


class Street(Protocol):
    """Who is asked for news."""

    @property
    def kitchens(self) -> Kitchens:
        """Those of all zones."""

    @property
    def couriers(self) -> Couriers:
        """Those of all zones."""


@dataclass(slots=True)
class Place:
    """What is known of a store, or of a zone's couriers."""

    row: list[int]
    horizon_ns: int
    arrived: int = 0
    next_news_ns: int = 0


class Credits:
    """limits.fulfilment_credit at stores, where an order is charged as it is placed."""

    street: Street
    """The street that is asked for news; the town sets it, since laws are there before it."""

    def __init__(self, admission: model.CreditAdmission, habits: Habits) -> None:
        self.of = admission
        self.habits = habits
        self.stores: dict[int, Place] = {}
        self.zones: dict[int, Place] = {}

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        if self.wait_ns(person, attempt.store, now_ns) == CREDIT and self.zone_wait_ns(person, now_ns) == CREDIT:
            return ADMIT
        return Verdict(SHED)

    def places(self, attempt: Attempt, store: int, now_ns: int) -> None:
        """An attempt becomes an order of a store, now."""
        self.charge(attempt.person, store, now_ns)
        self.arrives(attempt.person, store)

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        """Nothing is on its way."""

    def wait_ns(self, person: Person, store: int, now_ns: int) -> int:
        """How long until the store has credit for the order; LARGEST where nobody can say."""
        place = self._store(store)
        if now_ns >= place.next_news_ns:
            self._tell(place, *self.street.kitchens.news(store), now_ns)
        return self._wait_ns(place, self.habits.cups(person.want), now_ns)

    def zone_wait_ns(self, person: Person, now_ns: int) -> int:
        """The same of the couriers of the person's zone; none are never in the way."""
        news = self.street.couriers.news(person.zone)
        if news is None:
            return CREDIT
        place = self._zone(person.zone)
        if now_ns >= place.next_news_ns:
            self._tell(place, *news, now_ns)
        return self._wait_ns(place, 1, now_ns)

    def charge(self, person: Person, store: int, now_ns: int) -> None:
        """An order is on its way to a store, and to the couriers of its zone."""
        for place, cost in self._charged(person, store):
            fulfilment_credit.charge(place.row, 0, self.of.told_every_ns, now_ns, cost)

    def arrives(self, person: Person, store: int) -> None:
        """It has arrived there."""
        for place, cost in self._charged(person, store):
            place.arrived += cost

    def _charged(self, person: Person, store: int) -> list[tuple[Place, int]]:
        return [(self._store(store), self.habits.cups(person.want)), (self._zone(person.zone), 1)]

    def _store(self, store: int) -> Place:
        return self.stores.setdefault(store, Place([0] * fulfilment_credit.WIDTH, self.of.store_within_ns))

    def _zone(self, zone: int) -> Place:
        return self.zones.setdefault(zone, Place([0] * fulfilment_credit.WIDTH, self.of.courier_within_ns))

    def _tell(self, place: Place, interval_ns: int, queued: int, now_ns: int) -> None:
        fulfilment_credit.tell(place.row, 0, interval_ns, place.arrived, queued, now_ns, now_ns)
        place.next_news_ns = now_ns + self.of.told_every_ns

    def _wait_ns(self, place: Place, cost: int, now_ns: int) -> int:
        if fulfilment_credit.never_fits(place.row, 0, place.horizon_ns, cost):
            return LARGEST
        return fulfilment_credit.wait(place.row, 0, place.horizon_ns, self.of.told_every_ns, now_ns, cost)


class GatewayCredits(Credits):
    """The same at the gateway, for the first store that has credit; what is let in is on its way until it ends."""

    def __init__(self, admission: model.CreditAdmission, habits: Habits) -> None:
        super().__init__(admission, habits)
        self.held: dict[Attempt, int] = {}  # the store
        self.offers: dict[Attempt, int] = {}

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        zone_ns, shortest_ns = self.zone_wait_ns(person, now_ns), LARGEST
        for k in range(self.of.picks + self.of.nearby):
            if k < self.of.picks:
                store = self.habits.store(person.zone, person.want, attempt.number, k)
            else:
                store = self.habits.nearby_store(person.zone, person.want, attempt.number, k - self.of.picks)
            store_ns = self.wait_ns(person, store, now_ns)
            if store_ns == zone_ns == CREDIT:
                self.charge(person, store, now_ns)
                self.held[attempt] = store
                return ADMIT
            shortest_ns = min(shortest_ns, store_ns)
        wait_ns = max(shortest_ns, zone_ns)
        return verdict_of(wait_ns) if wait_ns <= self.of.longest_wait_ns else Verdict(SHED)

    def places(self, attempt: Attempt, store: int, now_ns: int) -> None:
        """An attempt becomes an order of a store, now."""
        held = self.held.pop(attempt, None)
        if held == store:
            self.arrives(attempt.person, store)
        elif held is not None:
            fulfilment_credit.gone(self._store(held).row, 0, self.habits.cups(attempt.person.want))
            self._zone(attempt.person.zone).arrived += 1

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        """What was on its way will never arrive."""
        if attempt in self.held:
            for place, cost in self._charged(attempt.person, self.held.pop(attempt)):
                fulfilment_credit.gone(place.row, 0, cost)

    def slot_ns(self, attempt: Attempt, now_ns: int) -> int | None:
        """When an attempt that no store takes now will be placed, if it is offered a later slot and takes it."""
        if self.of.later is None or attempt not in self.held:
            return None
        offer = self.offers.get(attempt, 0)
        self.offers[attempt] = offer + 1
        slot_ns = now_ns + self.habits.slot_delay_ns(attempt.person.want, attempt.number, offer)
        in_time = slot_ns - attempt.start_ns <= self.of.later.up_to_ns
        takes = self.habits.takes_slot(attempt.person.want, attempt.number, offer)
        return slot_ns if in_time and takes else None


def credits_of(admission: model.CreditAdmission, habits: Habits) -> Credits:
    """The law of an entry of `admission`."""
    return (GatewayCredits if admission.at == "gateway" else Credits)(admission, habits)
