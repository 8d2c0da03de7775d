"""Laws that refuse the least important, by what they hear of a queue (docs/model.md, Laws)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limits import dagor, pi_rejector, rates
from limits.row import LARGEST
from scenarios import model
from scenarios.asking import ADMIT, Attempt, Verdict, verdict_of
from scenarios.learning import Servers

if TYPE_CHECKING:
    from scenarios.person import Person


class Dagor:
    """limits.dagor; a person is the low bits of the want."""

    def __init__(self, admission: model.DagorAdmission, levels: int) -> None:
        self.of = admission
        self.levels = levels
        self.row = [0] * (dagor.WIDTH + dagor.PERSONS * levels)

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        of = self.of
        level = person.priority * dagor.PERSONS + dagor.person_level(person.want & LARGEST, now_ns)
        shares = (rates.milli(of.down), rates.milli(of.up))
        window = (of.window_ns, of.window_calls, of.target_ns)
        return verdict_of(dagor.decide(self.row, 0, self.levels, *window, *shares, level, now_ns, 1))

    def has_turn(self, attempt: Attempt, waited_ns: int) -> None:
        """The turn of an attempt has come in the queue that it looks at."""
        dagor.waited(self.row, 0, waited_ns)


class PiRejector:
    """limits.pi_rejector."""

    servers: Servers
    """Of the stage whose queue it looks at; the town sets it."""

    def __init__(self, admission: model.PiRejectorAdmission, levels: int) -> None:
        self.of = admission
        self.levels = levels
        self.row = [0] * (pi_rejector.WIDTH + levels)
        self.entered: set[Attempt] = set()  # and have not left

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        gains = (rates.milli(self.of.kp), rates.milli(self.of.ki))
        free = max(0, int(self.servers.capacity) - self.servers.in_service)
        answer = pi_rejector.decide(
            self.row, 0, self.levels, self.of.period_ns, *gains, free, person.priority, now_ns, 1
        )
        verdict = verdict_of(answer)
        if verdict is ADMIT:
            self.entered.add(attempt)
        return verdict

    def has_turn(self, attempt: Attempt, waited_ns: int) -> None:
        """The turn of an attempt has come in the queue that it looks at."""
        self._leaves(attempt)

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        """An attempt ends here, or is refused by a later law, perhaps without a turn."""
        self._leaves(attempt)

    def _leaves(self, attempt: Attempt) -> None:
        if attempt in self.entered:
            self.entered.remove(attempt)
            pi_rejector.leave(self.row, 0)


def levels_of(scenario: model.Scenario) -> int:
    """How many priorities there are, from 0 to that of the least important."""
    return 1 + max((segment.priority for segment in scenario.segments), default=0)
