"""The people of a live run do what those of the reference do, told the same answers: replayed from its traces."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scenarios.live_people import Alive, People, Try
from scenarios.loader import Loaded, load
from simulator.rank import Rank
from simulator.run import simulate
from simulator.trace import ANSWERS, ENDS

SHOP = """
schema = 1
name = "shop"
title = "A shop that is too small"
horizon = "90s"
arrivals = { process = "poisson", rate = "20/s" }
stages = [{ name = "till", servers = 2, service = { kind = "exponential", mean = "200ms" }, failure = 0.1 }]
"""
LIVES = {
    "retries at once": 'people = { timeout = "1s", attempts = 2, retry_delay = "0s" }',
    "a budget for retries": """
people = { timeout = "1s", attempts = 4, retry_delay = "100ms" }
admission = [{ name = "budget", at = "client", law = "retry_budget", earn = 0.2, cap = 3 }]""",
    "clients that learn, sessions that end, people who leave": """
admission = [
    { name = "mine", at = "client", law = "token_bucket", key = "person", rate = "1/s", burst = 2 },
    { name = "door", at = "gateway", law = "gcra", rate = "12/s" },
    { name = "spares", at = "client", law = "sre_throttle", window = "10s", slices = 5 },
]
invitations = { mean = 0.3, delay = "2s" }
[people]
timeout = { kind = "exponential", mean = "800ms" }
attempts = 9
retry_delay = { kind = "lognormal", median = "400ms", sigma = 1 }
retry_delay_growth = 1.5
come_back = { probability = 0.6, delay = "3s", times = 3 }
resignation = [["30s", 0.1]]
kinds = [
    { name = "in-a-hurry", share = 0.5, patience = { kind = "exponential", mean = "3s" } },
    { name = "patient", share = 0.5, retry_delay = "1s" },
]
""",
}

Row = Mapping[str, Any]


def loaded(path: Path, name: str) -> Loaded:
    path.write_text(SHOP + LIVES[name])
    return load(path)


def rows(columns: Mapping[str, Any]) -> list[Row]:
    return [dict(zip(columns, map(int, row), strict=True)) for row in zip(*columns.values(), strict=True)]


class Replayed:
    """People who are told what the attempts of a trace were told, in the order of events."""

    def __init__(self, scenario: Loaded, seed: int, attempts: list[Row], first_tries: Mapping[int, int]) -> None:
        self.people = People(scenario.scenario, seed)
        self.horizon_ns = scenario.scenario.horizon_ns
        self.told = {(row["want"], row["attempt"]): row for row in attempts}
        self.sent: dict[tuple[int, int], Try] = {}
        self.everybody: dict[int, Alive] = {}
        self.events: list[tuple[int, int, int, int]] = []  # instant, rank, want, attempt that is answered, 0: a try
        for want, at_ns in first_tries.items():
            self.comes(want, at_ns)

    def comes(self, want: int, at_ns: int) -> None:
        self.everybody[want] = self.people.newcomer(want, at_ns)
        self.happens(at_ns, Rank.ARRIVAL, want, 0)

    def happens(self, at_ns: int, rank: Rank, want: int, attempt: int) -> None:
        if at_ns < self.horizon_ns:
            heapq.heappush(self.events, (at_ns, rank, want, attempt))

    def live(self) -> None:
        while self.events:
            now_ns, _, want, attempt = heapq.heappop(self.events)
            alive = self.everybody[want]
            if attempt:
                row, one = self.told[want, attempt], self.sent[want, attempt]
                answer = ANSWERS[row["answer"]]
                step: Try | int | None = self.people.answered(alive, one, answer, row["retry_after_s"], now_ns)
                if answer == "placed":
                    for invited, at_ns in self.people.invited(want, now_ns):
                        self.comes(invited, at_ns)
            else:
                step = self.people.next_try(alive, now_ns)
            if isinstance(step, Try):
                self.sent[want, step.number] = step
                row = self.told[want, step.number]
                if row["answered_ns"] >= 0:
                    rank = Rank.TIMEOUT if ANSWERS[row["answer"]] == "timed_out" else Rank.DEPARTURE
                    self.happens(row["answered_ns"], rank, want, step.number)
            elif step is not None:
                self.happens(step, Rank.ARRIVAL, want, 0)


@pytest.mark.parametrize("name", LIVES)
def test_every_try_is_at_the_instant_of_the_reference(name: str, tmp_path: Path) -> None:
    scenario = loaded(tmp_path / "shop.toml", name)
    done = simulate(scenario, engine="simpy", seed=3, trace=True)
    assert done.attempts is not None
    assert done.orders is not None
    attempts, wants = rows(done.attempts), rows(done.orders)
    first = {row["want"]: row["first_try_ns"] for row in wants if row["invited_by"] < 0}
    replayed = Replayed(scenario, 3, attempts, first)
    replayed.live()
    assert len(attempts) > 700
    assert {key: (one.session, one.start_ns, one.timeout_ns) for key, one in replayed.sent.items()} == {
        (row["want"], row["attempt"]): (row["session"], row["start_ns"], row["timeout_ns"]) for row in attempts
    }
    assert replayed.people.held_back == done.summary["attempts"]["held_back"]
    for row in wants:
        alive = replayed.everybody[row["want"]]
        assert (alive.end, alive.ended_ns) == (ENDS[row["end"]], row["ended_ns"])
