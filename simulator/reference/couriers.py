"""Couriers of a zone: when a ready order is picked up, and when it is at the door (docs/model.md, Couriers)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from scenarios import draws, model
from scenarios.draws import Stream
from scenarios.people import pace_ns
from scenarios.tables import table
from scenarios.world import trip_mean_ns
from simulator.rank import Rank
from simulator.reference.instants import call_at, happen
from simulator.reference.orders import Order

if TYPE_CHECKING:
    from simulator.reference.street import Street


class Couriers(Protocol):
    """What the street asks of its couriers."""

    slowdown: float

    def news(self, zone: int) -> tuple[int, int] | None:
        """What a zone says of itself: the time that an order takes it, and how many wait; None: no couriers."""

    def carry(self, order: Order) -> None:
        """Take over an order that is ready now; `order.over` happens when it is delivered or cancelled."""


class NoCouriers:
    """Goods that need no way: delivered when they are ready."""

    slowdown = 1.0

    def __init__(self, street: Street) -> None:
        self.street = street

    def news(self, zone: int) -> tuple[int, int] | None:
        return None

    def carry(self, order: Order) -> None:
        order.delivered_ns = self.street.now_ns
        order.over.succeed("delivered")


class ClockCouriers:
    """A work clock per zone: orders are picked up one after another, in the order in which they are ready."""

    def __init__(self, street: Street, couriers: model.ClockCouriers) -> None:
        self.street = street
        self.slowdown = couriers.slowdown
        self.trip_table = table(couriers.trip, whole=False)
        self.busy_until_ns = [0] * street.world.zones

    def news(self, zone: int) -> tuple[int, int] | None:
        ns_per_order, behind_ns = self.ns_per_order(zone), max(0, self.busy_until_ns[zone] - self.street.now_ns)
        return ns_per_order, -(-behind_ns // ns_per_order)

    def ns_per_order(self, zone: int) -> int:
        """The time one order takes the couriers of a zone now, at least 1 ns."""
        return max(1, int(int(self.street.world.zone_ns_per_order[zone]) * self.slowdown + 0.5))

    def carry(self, order: Order) -> None:
        street, zone = self.street, order.zone
        ns_per_order = self.ns_per_order(zone)
        picked_up_ns = max(self.busy_until_ns[zone], street.now_ns) + ns_per_order
        ends_ns, how = order.cancel_ns, "cancelled"
        street.ledger.step("couriers.waiting", street.now_ns, 1)
        street.ledger.step("couriers.waiting", min(picked_up_ns, order.cancel_ns), -1)
        if picked_up_ns < order.cancel_ns:
            self.busy_until_ns[zone] = picked_up_ns
            order.picked_up_ns = picked_up_ns
            street.ledger.count_later("couriers.carried", picked_up_ns)
            trip_ns = draws.sample_ns(self.trip_table, 0, draws.key(street.seed, Stream.TRIP, order.want, 0))
            if picked_up_ns + trip_ns <= order.cancel_ns:
                order.delivered_ns = picked_up_ns + trip_ns
                ends_ns, how = order.delivered_ns, "delivered"
        happen(order.over, ends_ns, Rank.DEPARTURE, street.courier_stage, order.want, 1, how)


class ServerCouriers:
    """Couriers on trips: each takes up to `carry` ready orders of its zone, oldest first."""

    def __init__(self, street: Street, couriers: model.ServerCouriers) -> None:
        self.street = street
        self.slowdown = couriers.slowdown
        self.most_carried = couriers.carry
        self.pickup_table = table(couriers.pickup, whole=False)
        self.travel_table = table(couriers.travel, whole=False)
        self.dropoff_table = table(couriers.dropoff, whole=False)
        self.trip_mean_ns = trip_mean_ns(couriers)
        self.free = [int(couriers) for couriers in street.world.zone_couriers]
        self.ready: list[deque[Order]] = [deque() for _ in range(street.world.zones)]

    def news(self, zone: int) -> tuple[int, int] | None:
        at_once = int(self.street.world.zone_couriers[zone]) * self.most_carried
        waiting = sum(not order.over.triggered for order in self.ready[zone])
        return pace_ns(self.trip_mean_ns, self.slowdown, at_once), waiting

    def carry(self, order: Order) -> None:
        self.street.ledger.step("couriers.waiting", self.street.now_ns, 1)
        self.ready[order.zone].append(order)
        assert order.over.callbacks is not None
        order.over.callbacks.append(lambda _: self._no_longer_waiting(order))
        self._leave(order.zone)

    def _leave(self, zone: int) -> None:
        while self.free[zone]:
            load = self._load(zone)
            if not load:
                return
            self.free[zone] -= 1
            back_ns = self._trip(load)
            call_at(
                self.street.env,
                lambda: self._back(zone),
                back_ns,
                Rank.DEPARTURE,
                self.street.courier_stage,
                load[0].want,
                0,
            )

    def _load(self, zone: int) -> list[Order]:
        load: list[Order] = []
        while self.ready[zone] and len(load) < self.most_carried:
            order = self.ready[zone].popleft()
            if not order.over.triggered:  # else it was cancelled while it waited
                self.street.ledger.step("couriers.waiting", self.street.now_ns, -1)
                self.street.ledger.count("couriers.carried")
                order.picked_up_ns = self.street.now_ns
                load.append(order)
        return load

    def _no_longer_waiting(self, order: Order) -> None:
        if order.picked_up_ns < 0:
            self.street.ledger.step("couriers.waiting", self.street.now_ns, -1)

    def _trip(self, load: list[Order]) -> int:
        street = self.street
        at_ns = street.now_ns + self._draw_ns(self.pickup_table, Stream.PICKUP, load[0].want)
        for order in load:
            at_ns += self._draw_ns(self.travel_table, Stream.TRAVEL, order.want)
            at_ns += self._draw_ns(self.dropoff_table, Stream.DROPOFF, order.want)
            if at_ns <= order.cancel_ns:
                order.delivered_ns = at_ns
                happen(order.over, at_ns, Rank.DEPARTURE, street.courier_stage, order.want, 1, "delivered")
        street.ledger.count("couriers.trips")
        return at_ns

    def _draw_ns(self, row: list[float], stream: Stream, want: int) -> int:
        drawn_ns = draws.sample_ns(row, 0, draws.key(self.street.seed, stream, want, 0))
        return int(drawn_ns * self.slowdown + 0.5)

    def _back(self, zone: int) -> None:
        self.free[zone] += 1
        self._leave(zone)


def couriers_of(street: Street, couriers: model.Couriers | None) -> Couriers:
    """Build the couriers that a scenario names."""
    if couriers is None:
        return NoCouriers(street)
    if isinstance(couriers, model.ClockCouriers):
        return ClockCouriers(street, couriers)
    return ServerCouriers(street, couriers)
