"""The traces of a run, a row a want and a row an attempt: columns, codes, and a recorder of integers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

import numpy as np

from simulator.outcome import FAILURES, Ints

ENDS = ("pending", "placed", "abandoned")
DELIVERIES = ("none", "on time", "late", "cancelled")
VERDICTS = ("pending", "admitted", "throttled", "shed", "expired")
ANSWERS = ("unanswered", "placed", *FAILURES, "outrun")
"""What a code in a trace stands for: its place in the tuple."""

NOT_YET = -1
"""An instant that did not come, and a number that does not apply."""


def _codes(words: tuple[str, ...]) -> str:
    return ", ".join(f"{code} {word}" for code, word in enumerate(words))


ORDER_COLUMNS: Mapping[str, str] = {
    "want": "number of the person, and so of their wish for one order",
    "invited_by": "want of the person who invited them; -1: came by themselves",
    "segment": "index of the segment in the scenario; 0 without segments",
    "zone": "index of the zone; 0 without a street",
    "kind": "index of the kind of person in the scenario; 0 without kinds",
    "first_try_ns": "first try",
    "ended_ns": "when the want ended: order placed, or left for good; -1 while pending",
    "end": f"how the want ended: {_codes(ENDS)}",
    "attempts": "attempts sent",
    "sessions": "sessions begun",
    "store": "index of the store that took the order; -1 without an order or without kitchens",
    "cups": "cups of the order; 0 without an order or without kitchens",
    "placed_ns": "order placed; -1 without an order",
    "ready_ns": "order ready; -1 where it was not before the end",
    "picked_up_ns": "order picked up by a courier; -1 where it was not before the end",
    "delivered_ns": "order delivered; -1 where it was not before the end",
    "delivery": f"how the delivery ended: {_codes(DELIVERIES)} (none: no order, or still in progress)",
}
ATTEMPT_COLUMNS: Mapping[str, str] = {
    "want": "whose attempt",
    "attempt": "number of the attempt within the want, from 1",
    "session": "number of the session within the want, from 0",
    "copy": "number among the copies of its try: 0 is the first attempt, from 1 on they are hedges",
    "start_ns": "attempt sent",
    "timeout_ns": "when its person would stop waiting",
    "decided_ns": "verdict of the gateway; -1 while pending",
    "gateway": f"verdict of the gateway: {_codes(VERDICTS)}",
    "retry_after_s": "seconds after which to come back, as told by whoever refused; 0: not told",
    "stage": "last stage that it reached, from 1 in file order; 0: the gateway",
    "answered_ns": "when its person had an answer or stopped waiting; -1 while unanswered",
    "answer": f"what its person saw: {_codes(ANSWERS)}",
    "ended_ns": "when the work on it ended, which may be after its person left; -1 where it had not",
}
KEYS = ("want", "attempt")
"""What rows are sorted by; orders have no second key."""

ORDER_COUNTS: Mapping[str, tuple[str, ...]] = {
    "end": ("people.pending", "people.placed", "people.abandoned"),
    "delivery": ("", "orders.delivered_on_time", "orders.late", "orders.cancelled"),
}
ATTEMPT_COUNTS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("attempts.pending", *(f"attempts.{verdict}" for verdict in VERDICTS[1:])),
    "answer": (
        "attempts.unanswered",
        "attempts.completed",
        *(f"failures.{reason}" for reason in FAILURES),
        "attempts.outrun",
    ),
}
"""The count of the summary that rows with each code add up to ("": none does)."""


class Trace:
    """Rows of int64, kept column by column while a run goes on."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns: dict[str, array[int]] = {name: array("q") for name in columns}

    def append(self, row: tuple[int, ...]) -> None:
        """Keep one row, its values in the order of the columns."""
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def sorted_columns(self) -> dict[str, Ints]:
        """Return the columns with rows sorted by want, and by attempt where there is one."""
        columns = {name: np.array(values, dtype=np.int64) for name, values in self._columns.items()}
        order = np.lexsort([columns[key] for key in reversed(KEYS) if key in columns])
        return {name: values[order] for name, values in columns.items()}
