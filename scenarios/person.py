"""Who a person is, and how far they have come: the same for every engine, and for the live client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False, kw_only=True)
class Person:
    """Who somebody is, drawn once; and how far they have come."""

    want: int
    invited_by: int
    segment: int
    zone: int
    kind: int
    priority: int
    first_try_ns: int
    attempt: int = 0  # number of the newest one, from 1
    session: int = 0  # from 0
    sent: int = 0

    def row(self, ended_ns: int, end: int) -> tuple[int, ...]:
        """What a trace of wants says of a person, in the order of its columns; `end` is a code."""
        who = (self.want, self.invited_by, self.segment, self.zone, self.kind, self.first_try_ns)
        return (*who, ended_ns, end, self.sent, self.session + 1)
