"""Who is on the way when a slice begins, as rows that a file can hold; and what became of attempts and wants."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scenarios.habits import Habits
from scenarios.live_people import Alive, Try
from scenarios.person import Person

ANSWERS = ("unanswered", "placed", "throttled", "shed", "expired", "timed_out", "error", "sold_out", "store", "outrun")
"""What a code stands for: its place. The same as in the traces of the engines."""
ENDS = ("pending", "placed", "abandoned")

PEOPLE_COLUMNS = (
    "want",
    "awaits",  # number of an attempt that started at start_ns and is awaited until next_ns; 0: none, a try is due then
    "copy",  # its number among the copies of its try; who awaits several has a row for each, one after the other
    "segment",  # -1: has been invited, and not come yet; then want and next_ns alone count
    "zone",
    "kind",
    "first_try_ns",
    "attempt",
    "session",
    "tries",
    "session_end_ns",
    "start_ns",
    "next_ns",
)
ATTEMPT_COLUMNS = {
    "want": "whose attempt",
    "attempt": "number of the attempt within the want, from 1",
    "session": "number of the session within the want, from 0",
    "start_ns": "when it was to be sent, in the time of the model",
    "sent_ns": "when it was sent; -1 where it was dropped by a generator that had too many in flight",
    "timeout_ns": "when its person would stop waiting",
    "answered_ns": "when its person had an answer or stopped waiting; -1 while unanswered",
    "answer": f"what its person saw: {', '.join(f'{code} {word}' for code, word in enumerate(ANSWERS))}",
    "retry_after_s": "seconds after which to come back, as told by whoever refused; 0: not told",
    "status": "HTTP status of the answer; 0 without one",
    "copy": "number among the copies of its try: 0 is the first attempt, from 1 on they are hedges",
}
WANT_COLUMNS = {
    "want": "number of the person, and so of their wish for one order",
    "invited_by": "want of the person who invited them in this slice; -1: nobody, or before it",
    "segment": "index of the segment in the scenario; 0 without segments",
    "zone": "index of the zone; 0 without a street",
    "kind": "index of the kind of person in the scenario; 0 without kinds",
    "first_try_ns": "first try",
    "ended_ns": "when the want ended: told of the order, or left for good; -1 while pending",
    "end": f"how the want ended: {', '.join(f'{code} {word}' for code, word in enumerate(ENDS))}",
    "attempts": "attempts sent in the slice",
    "sessions": "sessions begun",
}


class Rows:
    """Rows of int64, kept column by column, and written at the end."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = {name: array("q") for name in columns}

    def append(self, *row: int) -> None:
        """Keep one row, its values in the order of the columns."""
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def write(self, path: Path) -> None:
        """Write a Parquet file."""
        pq.write_table(pa.table({name: pa.array(values, pa.int64()) for name, values in self._columns.items()}), path)


def resumed(rows: Sequence[Any], habits: Habits) -> Alive:
    """Return somebody on the way, of whom these are the rows of PEOPLE_COLUMNS."""
    row = rows[0]
    person = Person(
        want=int(row["want"]),
        invited_by=-1,
        segment=int(row["segment"]),
        zone=int(row["zone"]),
        kind=int(row["kind"]),
        priority=habits.priority(int(row["segment"])),
        first_try_ns=int(row["first_try_ns"]),
        attempt=int(row["attempt"]),
        session=int(row["session"]),
    )
    alive = Alive(person=person, tries=int(row["tries"]), session_end_ns=int(row["session_end_ns"]))
    for one in rows:
        if one["awaits"]:
            alive.awaited.append(
                Try(
                    number=int(one["awaits"]),
                    session=person.session,
                    copy=int(one["copy"]),
                    start_ns=int(one["start_ns"]),
                    timeout_ns=int(one["next_ns"]),
                )
            )
    return alive


def want_row(alive: Alive) -> tuple[int, ...]:
    """Return the row of a want, in the order of WANT_COLUMNS."""
    return alive.person.row(alive.ended_ns, ENDS.index(alive.end))
