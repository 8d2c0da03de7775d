"""A placed order on its way: from the kitchen to a courier to a door, or to its cancellation."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import simpy

from limits.outcomes import SUCCESS
from simulator.rank import Rank
from simulator.reference.instants import call_at

if TYPE_CHECKING:
    from simulator.reference.attempt import Attempt
    from simulator.reference.street import Street

NEVER_NS = 1 << 62
How = Literal["delivered", "cancelled"]


@dataclass(slots=True, eq=False, kw_only=True)
class Order:
    """One placed order. `over` happens once, at its delivery or cancellation; instants are -1 until they are known."""

    attempt: Attempt  # by which laws of its store and zone find what it holds
    want: int
    zone: int
    store: int
    cups: int
    placed_ns: int
    cancel_ns: int
    over: simpy.Event
    ready_ns: int = -1
    picked_up_ns: int = -1
    delivered_ns: int = -1
    is_ready: bool = False
    how: How | None = None


def delivery(street: Street, order: Order) -> Generator[simpy.Event, Any, None]:
    """Live the life of an order. Whoever ends it (courier, timer, kitchen clock) triggers `order.over`."""
    assert order.over.callbacks is not None
    order.over.callbacks.append(lambda over: street.is_over(order, over.value))
    if street.cancels_by_timer:
        _cancel_in_time(street, order)
    ready = street.kitchens.make(order)
    if ready is None:  # cancelled before it can be ready
        return
    yield ready
    if order.over.triggered:
        return
    order.is_ready = True
    street.store_policy.give_back(order.attempt, order.ready_ns, SUCCESS)
    street.ledger.sample("ready_ns", order.ready_ns - order.placed_ns)
    street.ledger.step("kitchens.backlog_cups", order.ready_ns, -order.cups)
    street.couriers.carry(order)


def _cancel_in_time(street: Street, order: Order) -> None:
    def cancel() -> None:
        if not order.over.triggered:
            order.over.succeed("cancelled")

    call_at(street.env, cancel, order.cancel_ns, Rank.DEPARTURE, street.courier_stage, order.want, 2)
