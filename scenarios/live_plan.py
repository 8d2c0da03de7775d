"""What a process of people is told: a JSON file, named by the variable SLUICE_LIVE_PLAN.

`{"scenario": "labs/retry-trap", "url": "http://127.0.0.1:8000"}` is a whole plan; docs/live.md has every key.
Paths in it are relative to the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from scenarios import workload
from scenarios.distributions import DurationNs, Frozen, Positive
from scenarios.live_target import GATEWAY, TargetError, address
from scenarios.loader import load
from scenarios.model import Live, Scenario, Target
from scenarios.scale import scaled

VARIABLE = "SLUICE_LIVE_PLAN"


class PlanError(Exception):
    """A plan that cannot be followed; the text names the file, the key and the remedy."""


class Plan(Frozen):
    """One slice of a scenario, for all processes that play it.

    `first`: a .npy of the instants of first tries in the slice, the first of them by the person `first_want`; without
    it they are drawn. `people`: a .npy of who is on the way when the slice begins (columns: `scenarios.live_lives`).
    `levels`: a .npz of rows of laws of the client at that instant, by their places in `admission`.
    `begin`: a file that says when, {"zero_monotonic_ns": ...}, which somebody writes once all processes have put a
    file `ready-<number>` beside it; without it each process begins when it is ready. `own_gateway`: the mapping is
    that of our gateway, whatever the scenario says of a target. `ends_with_input`: a process ends, whatever it is at,
    when its standard input does, which somebody holds open while they live.
    """

    scenario: str
    sets: tuple[str, ...] = ()
    scale: str = Field(pattern=r"^\d{1,30}(/\d{1,30}|\.\d{1,30})?$", default="1")
    seed: int = Field(strict=True, ge=0, lt=2**63, default=1)
    from_ns: DurationNs = Field(alias="from", default=0)
    for_ns: DurationNs | None = Field(alias="for", default=None)
    speed: Positive = 1.0
    url: str | None = None
    own_gateway: bool = Field(strict=True, default=False)
    processes: Annotated[int, Field(strict=True, ge=1, le=256)] = 1
    first: str | None = None
    first_want: int = Field(strict=True, ge=0, default=0)
    people: str | None = None
    levels: str | None = None
    begin: str | None = None
    out: str = "."
    ends_with_input: bool = Field(strict=True, default=False)


class Orders:
    """A plan with all that it names."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Load the scenario. Raises PlanError or ScenarioError."""
        self.plan = plan
        self._folder = path.resolve().parent
        self._scale = Fraction(plan.scale)
        named = self._folder / plan.scenario
        loaded = load(named if named.is_file() else plan.scenario, sets=plan.sets, scale=self._scale)
        self.scenario: Scenario = scaled(loaded.scenario, self._scale)[0]
        self.live = self.scenario.live or Live()
        horizon_ns = self.scenario.horizon_ns
        self.until_ns = horizon_ns if plan.for_ns is None else min(plan.from_ns + plan.for_ns, horizon_ns)
        if plan.from_ns >= self.until_ns:
            raise PlanError(f"{path}: from: the slice begins when the scenario has ended, or is empty; begin earlier")

    @property
    def target(self) -> Target:
        """What is asked, and what its answers mean."""
        mapped = None if self.plan.own_gateway else self.live.target
        return mapped or GATEWAY

    def path(self, name: str) -> Path:
        """Return the path of something that the plan names."""
        return self._folder / name

    def first_tries(self) -> tuple[NDArray[np.int64], int]:
        """Return the instants of first tries in the slice, and who comes at the first of them."""
        plan = self.plan
        if plan.first is not None:
            coming_ns: NDArray[np.int64] = np.load(self.path(plan.first), allow_pickle=False)
            return coming_ns, plan.first_want
        all_ns = workload.first_arrivals(self.scenario, plan.seed, self._scale)
        begin, end = np.searchsorted(all_ns, [plan.from_ns, self.until_ns])
        return all_ns[begin:end], int(begin)

    def people(self) -> NDArray[Any]:
        """Return who is on the way when the slice begins."""
        return np.zeros(0) if self.plan.people is None else np.load(self.path(self.plan.people), allow_pickle=False)

    def levels(self) -> dict[str, NDArray[np.int64]]:
        """Return what laws of the client have come to when the slice begins, by name."""
        if self.plan.levels is None:
            return {}
        with np.load(self.path(self.plan.levels), allow_pickle=False) as found:
            return {self.scenario.admission[int(place)].name: rows for place, rows in found.items()}


def read(environment: Mapping[str, str]) -> Orders:
    """Read the plan that the environment names. Raises PlanError or ScenarioError."""
    if not environment.get(VARIABLE):
        raise PlanError(f'{VARIABLE} is not set; let it name a file such as {{"scenario": "labs/retry-trap"}}')
    path = Path(environment[VARIABLE])
    try:
        plan = Plan.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}; let {VARIABLE} name another file") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        raise PlanError(f"{path}: {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error
    except ValueError as error:
        raise PlanError(f"{path}: is no JSON: {error}") from error
    try:
        if plan.url is not None:
            address(plan.url)
    except TargetError as error:
        raise PlanError(f"{path}: url: {error}") from error
    return Orders(path, plan)
