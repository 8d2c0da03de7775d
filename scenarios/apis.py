"""A rate for each segment at the gateway, by what its attempts meet behind it (docs/model.md, Laws)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limits import rates, top_down
from limits.outcomes import IGNORED
from scenarios import model
from scenarios.asking import Attempt, Terms
from scenarios.learning import Listening, Servers, Told

if TYPE_CHECKING:
    from scenarios.person import Person


class TopDown(Listening):
    """limits.top_down, whose APIs are the segments."""

    stages: Sequence[Servers]
    """Of the scenario, in its order; the town sets them."""

    def __init__(self, admission: model.TopDownAdmission, scenario: model.Scenario, terms: Terms) -> None:
        self.of = admission
        self.callers = [callers(scenario, stage) for stage in scenario.stages]
        priorities = [segment.priority for segment in scenario.segments] or [0]
        self.matters = [top_down.LEAST_IMPORTANT - priority for priority in priorities]
        super().__init__(admission, top_down.WIDTH + top_down.API * len(self.matters), terms)
        self.ended, self.late = [0] * len(self.matters), [0] * len(self.matters)  # in this tick

    def decide(self, row: list[int], person: Person, attempt: Attempt, now_ns: int) -> int:
        if row[0] and now_ns - (row[0] - 1) >= self.of.tick_ns:
            self._control(row, now_ns)
        return top_down.decide(row, 0, person.segment, now_ns, self.terms.cost(person, attempt))

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        _, rtt_ns, _, outcome = told
        if outcome != IGNORED:
            self.ended[attempt.person.segment] += 1
            self.late[attempt.person.segment] += rtt_ns > self.of.target_ns

    def _control(self, row: list[int], now_ns: int) -> None:
        of, apis, busy_milli = self.of, len(self.matters), rates.milli(self.of.busy)
        overloaded = [
            those
            for those, stage in zip(self.callers, self.stages, strict=True)
            if 1000 * stage.in_service >= busy_milli * int(stage.capacity)
        ]
        any_late = 0
        for api in range(apis):
            shared_by = min((len(those) for those in overloaded if api in those), default=0)
            top_down.tell(row, 0, api, shared_by, self.matters[api])
            if shared_by or row[top_down.WIDTH + top_down.API * api]:
                any_late |= 1000 * self.late[api] > (1000 - rates.milli(of.quantile)) * self.ended[api]
            self.ended[api] = self.late[api] = 0
        shares = (rates.milli(of.down), rates.milli(of.up))
        top_down.control(row, 0, apis, 0, *shares, of.least_milli, int(any_late), now_ns)


def callers(scenario: model.Scenario, stage: model.Stage) -> frozenset[int]:
    """Return whose attempts call a stage, by the numbers of their segments; 0 where there are no segments."""
    names = [segment.name for segment in scenario.segments] or [""]
    return frozenset(at for at, name in enumerate(names) if not stage.segments or name in stage.segments)
