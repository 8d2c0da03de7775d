"""Kitchens of the street: which store takes an order, and when the order is ready (docs/model.md, Kitchens)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import simpy

from scenarios import draws, model
from scenarios.draws import Stream
from scenarios.people import pace_ns
from scenarios.tables import mean, table
from simulator.rank import Rank
from simulator.reference.instants import call_at, happen, moment
from simulator.reference.orders import Order

if TYPE_CHECKING:
    from simulator.reference.street import Street


class Kitchens(Protocol):
    """What the street asks of its kitchens."""

    slowdown: float
    closed: float

    def accepts(self, store: int) -> bool:
        """Whether a store takes orders now."""

    def news(self, store: int) -> tuple[int, int]:
        """What a store says of itself: the time that a cup takes it, 0: it takes no orders; the cups that wait."""

    def make(self, order: Order) -> simpy.Event | None:
        """Begin an order; the event is its readiness, None if it will be cancelled first."""


class NoKitchens:
    """Goods that need no making: ready in the instant in which they are placed."""

    slowdown = 1.0
    closed = 0.0

    def __init__(self, street: Street) -> None:
        self.street = street

    def accepts(self, store: int) -> bool:
        return True

    def news(self, store: int) -> tuple[int, int]:
        raise AssertionError("credits need kitchens")

    def make(self, order: Order) -> simpy.Event:
        order.ready_ns = order.placed_ns
        return moment(self.street.env, order.ready_ns, Rank.ARRIVAL, self.street.courier_stage, order.want, 0)


class ClockKitchens:
    """A work clock per store: the instant at which all that it has taken is made."""

    def __init__(self, street: Street, kitchens: model.ClockKitchens) -> None:
        self.street = street
        self.slowdown = kitchens.slowdown
        self.closed = kitchens.closed
        self.finishing_ns = kitchens.finishing_ns
        self.reopen_share = kitchens.reopen_share
        self.busy_until_ns = [0] * len(street.world.store_ns_per_cup)
        self.reopens_ns = [0] * len(street.world.store_ns_per_cup)

    def accepts(self, store: int) -> bool:
        world = self.street.world
        return self.street.now_ns >= self.reopens_ns[store] and world.store_closed_draw[store] >= self.closed

    def news(self, store: int) -> tuple[int, int]:
        ns_per_cup, behind_ns = self.ns_per_cup(store), max(0, self.busy_until_ns[store] - self.street.now_ns)
        return ns_per_cup if self.accepts(store) else 0, -(-behind_ns // ns_per_cup)

    def make(self, order: Order) -> simpy.Event | None:
        now_ns, store = self.street.now_ns, order.store
        ns_per_cup = self.ns_per_cup(store)
        self.busy_until_ns[store] = max(self.busy_until_ns[store], now_ns) + order.cups * ns_per_cup
        self._pause_if_behind(store, ns_per_cup)
        order.ready_ns = self.busy_until_ns[store] + self.finishing_ns
        if order.ready_ns >= order.cancel_ns:
            happen(order.over, order.cancel_ns, Rank.DEPARTURE, self.street.courier_stage, order.want, 1, "cancelled")
            return None
        return moment(self.street.env, order.ready_ns, Rank.ARRIVAL, self.street.courier_stage, order.want, 0)

    def ns_per_cup(self, store: int) -> int:
        """The time one cup takes at this store now, at least 1 ns."""
        return max(1, int(int(self.street.world.store_ns_per_cup[store]) * self.slowdown + 0.5))

    def _pause_if_behind(self, store: int, ns_per_cup: int) -> None:
        pause_backlog = int(self.street.world.store_pause_backlog[store])
        now_ns = self.street.now_ns
        if pause_backlog < 0 or self.busy_until_ns[store] - now_ns < pause_backlog * ns_per_cup:
            return
        reopen_backlog = int(pause_backlog * self.reopen_share)
        self.reopens_ns[store] = self.busy_until_ns[store] - reopen_backlog * ns_per_cup
        if self.reopens_ns[store] > now_ns:
            self.street.ledger.count("kitchens.pauses")
            self.street.ledger.step("kitchens.paused", now_ns, 1)
            self.street.ledger.step("kitchens.paused", self.reopens_ns[store], -1)


@dataclass(slots=True)
class _Counter:
    """One store: who makes, what waits."""

    free_makers: int
    cups_to_start: deque[_Ticket] = field(default_factory=deque)
    backlog_cups: int = 0
    paused: bool = False


@dataclass(slots=True)
class _Ticket:
    order: Order
    ready: simpy.Event
    to_start: int
    to_finish: int
    batches: int = 0


class ServerKitchens:
    """Makers at a counter: each makes up to a batch of cups of one order at a time."""

    def __init__(self, street: Street, kitchens: model.ServerKitchens) -> None:
        self.street = street
        self.slowdown = kitchens.slowdown
        self.closed = kitchens.closed
        self.finishing_ns = kitchens.finishing_ns
        self.reopen_share = kitchens.reopen_share
        self.batch = kitchens.batch
        self.make_table = table(kitchens.make, whole=False)
        self.make_mean_ns = mean(kitchens.make, whole=False)
        self.counters = [_Counter(int(makers)) for makers in street.world.store_makers]

    def accepts(self, store: int) -> bool:
        return not self.counters[store].paused and self.street.world.store_closed_draw[store] >= self.closed

    def news(self, store: int) -> tuple[int, int]:
        at_once, backlog = int(self.street.world.store_makers[store]) * self.batch, self.counters[store].backlog_cups
        return pace_ns(self.make_mean_ns, self.slowdown, at_once) if self.accepts(store) else 0, backlog

    def make(self, order: Order) -> simpy.Event:
        counter = self.counters[order.store]
        ticket = _Ticket(order, simpy.Event(self.street.env), order.cups, order.cups)
        counter.cups_to_start.append(ticket)
        counter.backlog_cups += order.cups
        pause_backlog = int(self.street.world.store_pause_backlog[order.store])
        if 0 <= pause_backlog <= counter.backlog_cups and not counter.paused:
            counter.paused = True
            self.street.ledger.count("kitchens.pauses")
            self.street.ledger.step("kitchens.paused", self.street.now_ns, 1)
        self._start(counter)
        return ticket.ready

    def _start(self, counter: _Counter) -> None:
        street = self.street
        while counter.free_makers and counter.cups_to_start:
            ticket = counter.cups_to_start[0]
            cups = min(self.batch, ticket.to_start)
            ticket.to_start -= cups
            ticket.batches += 1
            if not ticket.to_start:
                counter.cups_to_start.popleft()
            counter.free_makers -= 1
            want, number = ticket.order.want, ticket.batches
            drawn_ns = draws.sample_ns(self.make_table, 0, draws.key(street.seed, Stream.MAKE, want, number))
            done_ns = street.now_ns + int(drawn_ns * self.slowdown + 0.5)
            call_at(
                street.env,
                lambda ticket=ticket, cups=cups: self._made(counter, ticket, cups),  # type: ignore[misc]
                done_ns,
                Rank.DEPARTURE,
                street.kitchen_stage,
                want,
                number,
            )

    def _made(self, counter: _Counter, ticket: _Ticket, cups: int) -> None:
        street, order = self.street, ticket.order
        counter.free_makers += 1
        counter.backlog_cups -= cups
        ticket.to_finish -= cups
        if counter.paused and counter.backlog_cups <= self._reopen_backlog(order.store):
            counter.paused = False
            street.ledger.step("kitchens.paused", street.now_ns, -1)
        self._start(counter)
        if not ticket.to_finish:
            order.ready_ns = street.now_ns + self.finishing_ns
            happen(ticket.ready, order.ready_ns, Rank.ARRIVAL, street.courier_stage, order.want, 0)

    def _reopen_backlog(self, store: int) -> int:
        return int(int(self.street.world.store_pause_backlog[store]) * self.reopen_share)


def kitchens_of(street: Street, kitchens: model.Kitchens | None) -> Kitchens:
    """Build the kitchens that a scenario names."""
    if kitchens is None:
        return NoKitchens(street)
    if isinstance(kitchens, model.ClockKitchens):
        return ClockKitchens(street, kitchens)
    return ServerKitchens(street, kitchens)
