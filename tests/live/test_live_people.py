"""The people of a live run do what those of the reference do, told the same answers: replayed from its traces."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from scenarios.loader import Loaded, load
from scenarios.units import NS_PER_S
from simulator.live_slice import Slice, simulate_slice
from simulator.run import simulate
from simulator.trace import ENDS
from tests.live.replayed import Replayed, Row, rows

SHOP = """
schema = 1
name = "shop"
title = "A shop that is too small"
horizon = "90s"
arrivals = { process = "poisson", rate = "20/s" }
stages = [{ name = "till", servers = 2, service = { kind = "exponential", mean = "200ms" }, failure = 0.1 }]
"""
LIVES = {
    "sessions that end": """
invitations = { mean = 0.6, delay = "8s" }
admission = [{ name = "door", at = "gateway", law = "gcra", rate = "9/s" }]
[people]
timeout = "1s"
patience = { kind = "exponential", mean = "3s" }
attempts = 9
retry_delay = { kind = "exponential", mean = "2s" }
come_back = { probability = 0.6, delay = "3s", times = 3 }
""",
    "laws of the client that incidents and timelines turn": """
street = { zones = 3, stores_per_zone = 1 }
people = { timeout = "1s", attempts = 9, retry_delay = { kind = "exponential", mean = "1s" } }
admission = [
    { name = "all", at = "client", law = "token_bucket", rate = "15/s", burst = 30 },
    { name = "mine", at = "client", law = "gcra", key = "person", rate = "2/s", burst = 2 },
    { name = "zone", at = "client", law = "sliding_window_log", key = "zone", limit = 40, window = "2s" },
]
timelines = [
    { name = "less", knob = "admission.all.rate", steps = [["20s", "11/s"], ["50s", "off"], ["70s", "9/s"]] },
    { name = "sooner", knob = "admission.mine.rate", steps = [["30s", "1/s"]] },
]
[[incidents]]
name = "few"
at = "40s"
for = "10s"
set = { "admission.zone.limit" = 7 }
""",
    "laws of the client of every other kind": """
segments = [{ name = "a", share = 0.5 }, { name = "b", share = 0.5 }]
people = { timeout = "1s", attempts = 9, retry_delay = { kind = "exponential", mean = "1s" } }
admission = [
    { name = "ratio", at = "client", law = "retry_ratio", key = "segment", ratio = 0.6, window = "8s", slices = 4 },
    { name = "throttle", at = "client", law = "retry_throttle", cap = 40, earn = 0.9, key = "segment" },
    { name = "breaker", at = "client", law = "circuit_breaker", key = "segment", last_calls = 20, open_for = "1s" },
    { name = "warm", at = "client", law = "warm_up", rate = "13/s", warm_up = "9s" },
    { name = "hot", at = "client", law = "hot_key", key = "segment", rate = "7/s" },
]""",
    "retries at once": 'people = { timeout = "1s", attempts = 2, retry_delay = "0s" }',
    "a budget for retries": """
people = { timeout = "1s", attempts = 4, retry_delay = "100ms" }
admission = [{ name = "budget", at = "client", law = "retry_budget", earn = 0.2, cap = 3 }]""",
    "hedges on a budget": """
admission = [
    { name = "budget", at = "client", law = "retry_budget", earn = 0.5, cap = 9 },
    { name = "door", at = "gateway", law = "gcra", rate = "14/s" },
    { name = "mine", at = "client", law = "token_bucket", key = "person", rate = "2/s", burst = 3 },
]
[people]
timeout = "900ms"
attempts = 3
retry_delay = { kind = "exponential", mean = "2s" }
come_back = { probability = 0.6, delay = "3s", times = 3 }
hedge = { after = { kind = "exponential", mean = "150ms" }, most = 3 }
""",
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

HEDGES = """
[people]
timeout = "2s"
attempts = 2
hedge = { after = { kind = "exponential", mean = "400ms" }, most = 3 }
"""


def loaded(path: Path, name: str) -> Loaded:
    path.write_text(SHOP + LIVES[name])
    return load(path)


@pytest.mark.parametrize("name", LIVES)
def test_every_try_is_at_the_instant_of_the_reference(name: str, tmp_path: Path) -> None:
    scenario = loaded(tmp_path / "shop.toml", name)
    done = simulate(scenario, engine="simpy", seed=3, trace=True)
    assert done.attempts is not None
    assert done.orders is not None
    attempts, wants = rows(done.attempts), rows(done.orders)
    replayed = Replayed(scenario.scenario, seed=3, attempts=attempts, until_ns=scenario.scenario.horizon_ns)
    replayed.come((row["want"], row["first_try_ns"]) for row in wants if row["invited_by"] < 0)
    replayed.live()
    assert len(attempts) > 700
    assert sent(replayed) == asked(attempts)
    assert replayed.people.held_back == done.summary["attempts"]["held_back"]
    for row in wants:
        alive = replayed.everybody[row["want"]]
        assert (alive.end, alive.ended_ns) == (ENDS[row["end"]], row["ended_ns"])


def test_a_slice_goes_on_with_copies_that_are_awaited_and_those_to_come(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + HEDGES)
    scenario = load(tmp_path / "shop.toml")
    from_ns, until_ns = 30 * NS_PER_S, 60 * NS_PER_S
    slice_ = simulate_slice(scenario, seed=3, scale=Fraction(1), from_ns=from_ns, until_ns=until_ns)
    assert slice_.simulated.attempts is not None
    attempts = rows(slice_.simulated.attempts)
    replayed = Replayed(scenario.scenario, seed=3, attempts=attempts, until_ns=until_ns, from_ns=from_ns)
    replayed.resume(slice_.people)
    replayed.come((slice_.first_want + place, int(at_ns)) for place, at_ns in enumerate(slice_.first_ns))
    replayed.live()
    awaited = slice_.people[slice_.people["awaits"] > 0]
    assert len(awaited) > len(np.unique(awaited["want"])) > 2
    resumed = {want for want, _, start_ns in keys(attempts) if start_ns < from_ns}
    assert [start_ns >= from_ns for want, _, start_ns in keys(attempts) if want in resumed].count(True) > 5
    assert sent(replayed) == asked(attempts)
    copies = {(row["want"], row["attempt"]): row["copy"] for row in attempts}
    assert {key: one.copy for key, one in replayed.sent.items()} == copies


def keys(attempts: list[Row]) -> list[tuple[int, int, int]]:
    return [(row["want"], row["attempt"], row["start_ns"]) for row in attempts]


def test_a_slice_goes_on_with_the_people_who_are_on_the_way(tmp_path: Path) -> None:
    slice_, _ = goes_on("sessions that end", tmp_path)
    resumed = slice_.people["segment"] >= 0
    assert np.count_nonzero(slice_.people["awaits"]) > 2
    assert np.count_nonzero(resumed & (slice_.people["tries"] > 0) & (slice_.people["awaits"] == 0)) > 5
    assert np.count_nonzero(resumed & (slice_.people["tries"] == 0)) > 5
    assert np.count_nonzero(~resumed) > 2


@pytest.mark.parametrize("name", [name for name in LIVES if 'at = "client"' in LIVES[name]])
def test_laws_of_the_client_go_on_with_what_they_have_come_to(name: str, tmp_path: Path) -> None:
    slice_, replayed = goes_on(name, tmp_path)
    at_client = {law.name for law in slice_.scenario.admission if law.at == "client"}
    assert at_client <= slice_.levels.keys()
    assert replayed.people.held_back > 20


def goes_on(name: str, folder: Path) -> tuple[Slice, Replayed]:
    """Play a slice of a scenario on, and see that everybody does what they do in the simulation."""
    scenario = loaded(folder / "shop.toml", name)
    from_ns, until_ns = 30 * NS_PER_S, 70 * NS_PER_S
    slice_ = simulate_slice(scenario, seed=3, scale=Fraction(1), from_ns=from_ns, until_ns=until_ns)
    assert slice_.simulated.attempts is not None
    attempts = rows(slice_.simulated.attempts)
    replayed = Replayed(
        scenario.scenario, seed=3, attempts=attempts, until_ns=until_ns, from_ns=from_ns, levels=slice_.levels
    )
    replayed.resume(slice_.people)
    replayed.come((slice_.first_want + place, int(at_ns)) for place, at_ns in enumerate(slice_.first_ns))
    replayed.live()
    assert sent(replayed) == asked(attempts)
    assert min(row["start_ns"] for row in attempts) < from_ns <= max(row["start_ns"] for row in attempts)
    return slice_, replayed


def test_a_slice_from_the_beginning_has_nobody_on_the_way(tmp_path: Path) -> None:
    scenario = loaded(tmp_path / "shop.toml", "retries at once")
    slice_ = simulate_slice(scenario, seed=3, scale=Fraction(1), from_ns=0, until_ns=9 * NS_PER_S)
    assert (len(slice_.people), slice_.attempts, slice_.first_want) == (0, None, 0)


def sent(replayed: Replayed) -> dict[tuple[int, int], tuple[int, int, int]]:
    return {key: (one.session, one.start_ns, one.timeout_ns) for key, one in replayed.sent.items()}


def asked(attempts: list[Row]) -> dict[tuple[int, int], tuple[int, int, int]]:
    return {(row["want"], row["attempt"]): (row["session"], row["start_ns"], row["timeout_ns"]) for row in attempts}
