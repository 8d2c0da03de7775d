"""What each process of a stack is told when it starts."""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

from scenarios import model
from scenarios.model import Scenario
from simulator.live.contents import Contents


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One file for all processes of a stack, in a folder that only their user may read."""

    scenario: Scenario
    seed: int
    from_ns: int
    speed: float
    workers: int
    ledger_url: str
    redis_url: str | None
    token: str
    folder: Path
    upstream_path: str
    contents: Contents | None

    @property
    def decides_in_worker(self) -> bool:
        """Whether gateway workers decide by themselves: where there is one, or where they share quota by leases.

        Not where a law has no rule of the library, or gives tickets: the model decides.
        """
        return (self.workers == 1 or self.redis_url is not None) and not of_the_model(self.scenario)

    @property
    def file(self) -> Path:
        """Where processes find this."""
        return self.folder / "settings"

    @property
    def zero_file(self) -> Path:
        """Where a process that starts later finds when model time began."""
        return self.folder / "zero"

    @property
    def slow_file(self) -> Path:
        """Where a process that starts later finds how slow the disk is, while it is."""
        return self.folder / "slow"

    def write(self) -> None:
        """Write it for processes to come."""
        self.file.touch(mode=0o600)
        self.file.write_bytes(pickle.dumps(self))

    def zero_ns(self) -> int | None:
        """When model time began, if it has."""
        return int(self.zero_file.read_text()) if self.zero_file.exists() else None

    def slow_s(self) -> float:
        """What a slow disk adds to each transaction of the ledger now."""
        return float(self.slow_file.read_text()) if self.slow_file.exists() else 0.0


RULED = (
    model.RateAdmission
    | model.HotKeyAdmission
    | model.WarmUpAdmission
    | model.WindowAdmission
    | model.ConcurrencyAdmission
    | model.AimdAdmission
    | model.DeadlineAdmission
)
"""Laws that are rules of the library too (`simulator.live.laws`)."""


def of_the_model(scenario: Scenario) -> list[str]:
    """The laws at the gateway that the model alone can ask: no rules of the library, or remembering whom they met."""
    return [
        law.name
        for law in scenario.admission
        if law.at == "gateway"
        and (not isinstance(law, RULED) or (isinstance(law, model.Ticketing) and law.ticket_ns is not None))
    ]


def of_this_process() -> Settings:
    """Read what this process has been told: the file is its first argument."""
    settings = pickle.loads(Path(sys.argv[1]).read_bytes())
    assert isinstance(settings, Settings)
    return settings
