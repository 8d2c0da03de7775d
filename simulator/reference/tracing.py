"""One row a want and one row an attempt, for runs with --trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.outcome import Ints
from simulator.reference.attempt import Attempt
from simulator.reference.orders import Order
from simulator.trace import ANSWERS, ATTEMPT_COLUMNS, ORDER_COLUMNS, Trace

if TYPE_CHECKING:
    from scenarios.person import Person

PENDING, PLACED, ABANDONED = range(3)
UNDER_WAY, ON_TIME, LATE, CANCELLED = range(4)


class Tracing:
    """Collects lives as they end; those that have not ended are written when the run does."""

    def __init__(self) -> None:
        self.wants: list[tuple[Person, int, Order | None]] = []
        self.attempts = Trace(ATTEMPT_COLUMNS)

    def person(self, person: Person, ended_ns: int, order: Order | None) -> None:
        """A person has an order, or has left; the order's row is written at the end of the run."""
        self.wants.append((person, ended_ns, order))

    def attempt(self, attempt: Attempt) -> None:
        """An attempt has ended and been answered, or the run is over."""
        person = attempt.person
        self.attempts.append(
            (
                person.want,
                attempt.number,
                attempt.session,
                attempt.copy,
                attempt.start_ns,
                attempt.of.timeout_ns,
                attempt.decided_ns,
                attempt.gateway,
                attempt.retry_after_s,
                attempt.stage,
                attempt.answered_ns,
                ANSWERS.index(attempt.answer),
                attempt.ended_ns,
            )
        )

    def order_rows(self, alive: set[Person], reached_ns: int, promise_ns: int) -> dict[str, Ints]:
        """Rows of all wants, sorted; instants that the run did not reach are -1."""
        rows = Trace(ORDER_COLUMNS)
        for person in alive:
            rows.append(_order_row(person, PENDING, -1, None, reached_ns, promise_ns))
        for person, left_ns, order in self.wants:
            end = ABANDONED if order is None else PLACED
            rows.append(_order_row(person, end, left_ns, order, reached_ns, promise_ns))
        return rows.sorted_columns()


def _order_row(
    person: Person, end: int, left_ns: int, order: Order | None, reached_ns: int, promise_ns: int
) -> tuple[int, ...]:
    def reached(at_ns: int) -> int:
        return at_ns if at_ns < reached_ns else -1

    about_person = person.row(left_ns, end)
    if order is None:
        return (*about_person, -1, 0, -1, -1, -1, -1, UNDER_WAY)
    delivery = UNDER_WAY
    if order.how == "cancelled":
        delivery = CANCELLED
    elif order.how == "delivered":
        delivery = ON_TIME if order.delivered_ns - order.placed_ns <= promise_ns else LATE
    return (
        *about_person,
        order.store,
        order.cups,
        order.placed_ns,
        reached(order.ready_ns),
        reached(order.picked_up_ns),
        order.delivered_ns if order.how == "delivered" else -1,
        delivery,
    )
