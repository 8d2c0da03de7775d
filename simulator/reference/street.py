"""The street behind the stages: who makes an order, who carries it, and how it ends."""

from __future__ import annotations

from collections.abc import Callable

import simpy

from limits import outcomes
from scenarios import model
from scenarios.asking import ADMITTED
from scenarios.habits import Habits
from scenarios.policy import Policy
from scenarios.world import World
from simulator.reference.attempt import Attempt
from simulator.reference.couriers import couriers_of
from simulator.reference.kitchens import kitchens_of
from simulator.reference.ledger import Ledger
from simulator.reference.orders import NEVER_NS, How, Order, delivery


class Street:
    """Kitchens and couriers of all zones, and the orders in their hands."""

    def __init__(
        self,
        env: simpy.Environment,
        scenario: model.Scenario,
        *,
        seed: int,
        world: World,
        habits: Habits,
        ledger: Ledger,
        store_policy: Policy,
        zone_policy: Policy,
        on_delivered: Callable[[int], None],
    ) -> None:
        self.env = env
        self.seed = seed
        self.world = world
        self.habits = habits
        self.ledger = ledger
        self.store_policy = store_policy
        self.zone_policy = zone_policy
        self.on_delivered = on_delivered
        self.kitchen_stage = len(scenario.stages) + 1
        self.courier_stage = len(scenario.stages) + 2
        self.has_kitchens = scenario.kitchens is not None
        self.promise_ns = NEVER_NS if scenario.couriers is None else scenario.couriers.promise_ns
        self.cancel_after_ns = NEVER_NS if scenario.couriers is None else scenario.couriers.cancel_after_ns
        self.kitchens = kitchens_of(self, scenario.kitchens)
        self.couriers = couriers_of(self, scenario.couriers)
        self.cancels_by_timer = scenario.couriers is not None and "servers" in (
            scenario.couriers.kind,
            scenario.kitchens.kind if scenario.kitchens is not None else "",
        )
        self.in_progress = 0

    @property
    def now_ns(self) -> int:
        return int(self.env.now)

    def pick_store(self, attempt: Attempt, credited: int | None) -> int | None:
        """A store that takes the order, the one that gave it a credit asked first.

        -1 where the scenario has no kitchens, None where none will.
        """
        if not self.has_kitchens:
            return -1
        for pick in range(self.habits.repicks + 1):
            if pick:
                if not self.habits.picks_again(attempt.person.want, attempt.number, pick):
                    break
                self.ledger.count("kitchens.repicks")
            if pick == 0 and credited is not None:
                attempt.store = credited
            else:
                attempt.store = self.habits.store(attempt.person.zone, attempt.person.want, attempt.number, pick)
            if self._takes_orders(attempt):
                return attempt.store
        return None

    def _takes_orders(self, attempt: Attempt) -> bool:
        """Whether the store that is asked takes the order: not paused or closed, and let by its laws."""
        if not self.kitchens.accepts(attempt.store):
            return False
        return self.store_policy.ask(attempt.person, attempt, self.now_ns).code == ADMITTED

    def gives_up(self, attempt: Attempt) -> None:
        """An attempt that a store, or its zone too, has let through becomes no order there."""
        for policy in (self.store_policy, self.zone_policy):
            policy.give_back(attempt, self.now_ns, outcomes.IGNORED)

    def takes(self, attempt: Attempt, store: int) -> Order:
        """Start a placed order on its way, now."""
        order = Order(
            attempt=attempt,
            want=attempt.person.want,
            zone=attempt.person.zone,
            store=store,
            cups=self.habits.cups(attempt.person.want) if store >= 0 else 0,
            placed_ns=self.now_ns,
            cancel_ns=min(self.now_ns + self.cancel_after_ns, NEVER_NS),
            over=simpy.Event(self.env),
        )
        self.in_progress += 1
        self.ledger.count("kitchens.cups", order.cups)
        self.ledger.step("kitchens.backlog_cups", self.now_ns, order.cups)
        self.env.process(delivery(self, order))
        return order

    def is_over(self, order: Order, how: How) -> None:
        """An order has reached its person, or is cancelled, now."""
        self.in_progress -= 1
        order.how = how
        for policy in (self.store_policy, self.zone_policy):
            policy.give_back(order.attempt, self.now_ns, outcomes.FAILURE if how == "cancelled" else outcomes.SUCCESS)
        if how == "cancelled":
            self.ledger.count("orders.cancelled")
            self.ledger.count("kitchens.wasted_cups", order.cups)
            if not order.is_ready:
                self.ledger.step("kitchens.backlog_cups", self.now_ns, -order.cups)
            return
        on_time = self.now_ns - order.placed_ns <= self.promise_ns
        self.ledger.sample("delivery_ns", self.now_ns - order.placed_ns)
        self.ledger.count("orders.delivered")
        self.ledger.count("orders.delivered_on_time" if on_time else "orders.late")
        self.on_delivered(order.want)
