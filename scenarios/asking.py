"""What every law of a chain shares: its verdict, a row of state for each key, and what it charges whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from limits import rates, retry_after, verdicts
from scenarios import model

if TYPE_CHECKING:
    from scenarios.habits import Habits
    from scenarios.person import Person

PENDING, ADMITTED, THROTTLED, SHED, EXPIRED = range(5)
REASONS = {THROTTLED: "throttled", SHED: "shed", EXPIRED: "expired"}
CODES = {verdicts.SHED: SHED, verdicts.EXPIRED: EXPIRED, verdicts.NEVER: THROTTLED}


class Attempt(Protocol):
    """What laws may want to know of an attempt, and by which they find what it holds."""

    person: Person
    number: int
    start_ns: int
    deadline_ns: int
    store: int  # -1: none has been asked


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gateway code; for a refusal Retry-After (0 s: none told); for an admission by pacing the wait to keep first."""

    code: int
    retry_after_s: int = 0
    wait_ns: int = 0


ADMIT = Verdict(ADMITTED)


class Law(Protocol):
    """One law of a chain, with its parameters and its rows."""

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        """Decide on one attempt now; at the client there is no attempt yet."""


def verdict_of(answer: int) -> Verdict:
    """What a law's answer means, for all laws but pacing."""
    if answer == verdicts.ADMITTED:
        return ADMIT
    if answer > 0:
        return Verdict(THROTTLED, retry_after_s=retry_after.seconds(answer))
    return Verdict(CODES[answer])


def store_asked(person: Person, attempt: Attempt | None) -> int:
    """The store that is asked, or has been chosen."""
    assert attempt is not None
    return attempt.store


KEYS: dict[str, Callable[[Person, Attempt | None], int]] = {
    "global": lambda person, attempt: 0,
    "person": lambda person, attempt: person.want,
    "segment": lambda person, attempt: person.segment,
    "zone": lambda person, attempt: person.zone,
    "store": store_asked,
}


class Rows:
    """A row of state for each value of a key, all zeros at first."""

    def __init__(self, key: str, width: int) -> None:
        self.key = KEYS[key]
        self.width = width
        self.rows: dict[int, list[int]] = {}

    def of(self, person: Person, attempt: Attempt | None = None) -> list[int]:
        key = self.key(person, attempt)
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = [0] * self.width
        return row


class Terms:
    """What a law charges an attempt, and how much of its limit there is for one of this priority."""

    def __init__(self, admission: model.Admission, habits: Habits) -> None:
        self.habits = habits
        self.unit = admission.cost if isinstance(admission, model.Charging) else 1
        reserve = admission.reserve if isinstance(admission, model.Reserving) else ()
        self.reserve_milli = [rates.milli(share) for share in reserve]

    def cost(self, person: Person, attempt: Attempt | None) -> int:
        if isinstance(self.unit, int):
            return self.unit
        if self.unit == "cups":
            return self.habits.cups(person.want)
        number = person.attempt if attempt is None else attempt.number
        return sum(self.habits.tokens(self.unit.removeprefix("tokens:"), person.want, number))

    def rest(self, limit: int, person: Person) -> int:
        if not self.reserve_milli:
            return limit
        return limit - limit * self.reserve_milli[min(person.priority, len(self.reserve_milli) - 1)] // 1000
