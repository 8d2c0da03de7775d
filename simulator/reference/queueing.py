"""Laws of queues, asked when the turn of work has come (docs/model.md, Laws): one object for each queue."""

from __future__ import annotations

from typing import Protocol

from limits import adaptive_lifo, codel, verdicts
from scenarios import model


class QueueLaw(Protocol):
    """What a station asks about its queue."""

    def arrives(self, waiting: int, now_ns: int) -> None:
        """Work is about to join those who wait."""

    def newest_first(self, oldest_ns: int, now_ns: int) -> bool | None:
        """Whether the newest is next, where the oldest has waited for so long; None: as the stage has it."""

    def serves(self, waited_ns: int, now_ns: int) -> bool:
        """Whether work whose turn has come is served, or dropped."""


class Codel:
    """limits.codel."""

    def __init__(self, admission: model.CodelAdmission) -> None:
        self.of = admission
        self.row = [0] * codel.WIDTH

    def arrives(self, waiting: int, now_ns: int) -> None:
        """It looks at turns alone."""

    def newest_first(self, oldest_ns: int, now_ns: int) -> bool | None:
        return None

    def serves(self, waited_ns: int, now_ns: int) -> bool:
        of = self.of
        return codel.decide(self.row, 0, of.interval_ns, of.target_ns, waited_ns, now_ns, 1) == verdicts.ADMITTED


class AdaptiveLifo:
    """limits.adaptive_lifo; the oldest is next where it will be dropped."""

    def __init__(self, admission: model.AdaptiveLifoAdmission) -> None:
        self.of = admission
        self.row = [0] * adaptive_lifo.WIDTH

    def arrives(self, waiting: int, now_ns: int) -> None:
        adaptive_lifo.arrives(self.row, 0, waiting, now_ns)

    def newest_first(self, oldest_ns: int, now_ns: int) -> bool | None:
        return self.serves(oldest_ns, now_ns) and adaptive_lifo.newest_first(self.row, 0, self.of.standing_ns, now_ns)

    def serves(self, waited_ns: int, now_ns: int) -> bool:
        of, row = self.of, self.row
        return adaptive_lifo.decide(row, 0, of.standing_ns, of.short_ns, waited_ns, now_ns, 1) == verdicts.ADMITTED


def queue_law(scenario: model.Scenario, queue: str) -> QueueLaw | None:
    """A new law of a queue (gateway, or a stage), as the scenario has it."""
    for admission in scenario.admission:
        if admission.at == f"queue:{queue}":
            if isinstance(admission, model.CodelAdmission):
                return Codel(admission)
            if isinstance(admission, model.AdaptiveLifoAdmission):
                return AdaptiveLifo(admission)
    return None
