"""Laws go on, live, from what they had come to in the simulated run: the same questions have the same answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy

from scenarios.asking import ADMITTED
from scenarios.habits import Habits
from scenarios.person import Person
from scenarios.schedule import changes
from scenarios.units import NS_PER_S
from scenarios.world import build_world
from simulator.compiled import Run, contents
from simulator.compiled.contents import AttemptState
from simulator.live import upstream as upstream_module
from simulator.live.clock import ModelClock
from simulator.live.contents import Contents
from simulator.live.door import Asking, Door
from simulator.live.laws import Laws
from simulator.live.restore import restore, restore_levels
from simulator.live.settings import Settings
from simulator.live.town import LiveTown, an_attempt
from simulator.live.upstream import Upstream
from simulator.live_slice import Slice, simulate_slice
from simulator.rank import Rank
from simulator.reference.attempt import Attempt, journey
from simulator.reference.changing import turn
from simulator.reference.instants import call_at
from simulator.run import simulate
from simulator.trace import ANSWERS
from tests.live.replayed import Row, rows
from tests.live.stacks import order_once, running, scenario, verdict
from tests.scenario_strategy import Tree, loaded

FROM_NS, UNTIL_NS = 30 * NS_PER_S, 60 * NS_PER_S
SHOP: Tree = {
    "schema": 1,
    "name": "shop",
    "title": "A shop",
    "horizon": "60s",
    "arrivals": {"process": "poisson", "rate": "12/s"},
    "people": {"timeout": "1s", "attempts": 9, "retry_delay": {"kind": "exponential", "mean": "1s"}},
    "stages": [{"name": "till", "servers": 2, "service": {"kind": "exponential", "mean": "200ms"}, "shards": 2}],
    "street": {"zones": 3, "stores_per_zone": 2},
    "segments": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}],
}
LAWS: dict[str, Tree] = {
    "bucket": {"law": "token_bucket", "rate": "6/s", "burst": 20},
    "bucket by person": {"law": "token_bucket", "key": "person", "rate": "20/m", "burst": 2},
    "gcra by person": {"law": "gcra", "key": "person", "rate": "20/m", "burst": 2},
    "gcra by zone": {"law": "gcra", "key": "zone", "rate": "3/s"},
    "hot zones": {"law": "hot_key", "key": "zone", "rate": "2/s", "overrides": [{"value": 1, "rate": "5/s"}]},
    "hot people": {"law": "hot_key", "key": "person", "rate": "20/m", "burst": 2, "most_keys": 90},
    "hot stores": {"law": "hot_key", "key": "store", "rate": "2/s"},
    "warm by segment": {"law": "warm_up", "key": "segment", "rate": "6/s", "warm_up": "5s"},
    "window by zone": {"law": "fixed_window", "key": "zone", "limit": 9, "window": "4s"},
    "sliding by person": {"law": "sliding_window", "key": "person", "limit": 2, "window": "7s"},
    "log by segment": {"law": "sliding_window_log", "key": "segment", "limit": 11, "window": "3s"},
    "log": {"law": "sliding_window_log", "limit": 20, "window": "3s"},
}
TURNED: list[tuple[str, int]] = [("10s", 3), ("30s", 1), ("45s", 2)]
"""A step before the slice, one at its beginning and one in it: so many times half of the law's own rate, or limit."""


class Standing(ModelClock):
    """A clock of the model that stands where it is put, before model time begins."""

    at_ns = FROM_NS

    def now_ns(self) -> int:
        return self.at_ns


def tree_of(law: Tree, at: str = "gateway", **of_till: int | str) -> Tree:
    knob = "limit" if "limit" in law else "rate"
    steps: Any = [[at_s, _times(law[knob], halves)] for at_s, halves in TURNED]
    return {
        **SHOP,
        "stages": [{**SHOP["stages"][0], **of_till}],
        "admission": [{"name": "law", "at": at, **law}],
        "timelines": [{"name": "turned", "knob": f"admission.law.{knob}", "steps": steps}],
    }


def sliced(law: Tree, at: str = "gateway", **of_till: int | str) -> Slice:
    tree = tree_of(law, at, **of_till)
    return simulate_slice(loaded(tree), seed=1, scale=Fraction(1), from_ns=FROM_NS, until_ns=UNTIL_NS)


def _times(value: Any, halves: int) -> int | str:
    if isinstance(value, int):
        return max(1, value * halves // 2)
    number, _, unit = value.partition("/")
    return f"{int(number) * halves / 2:g}/{unit}"


def settings(slice_: Slice, folder: Path, workers: int = 1) -> Settings:
    held = Contents(attempts=slice_.attempts, orders=slice_.orders, levels=slice_.levels, placed=slice_.placed_before)
    return Settings(
        scenario=slice_.scenario,
        seed=1,
        from_ns=FROM_NS,
        speed=1.0,
        workers=workers,
        ledger_url=f"sqlite:///{folder}/ledger.db",
        redis_url=None,
        token="",
        folder=folder,
        upstream_path="",
        contents=held,
    )


Ask = Callable[[Asking, int], Any]


@contextmanager
def worker(slice_: Slice, folder: Path) -> Iterator[Ask]:
    """Ask the gateway worker, which is alone."""
    loop, clock = asyncio.new_event_loop(), Standing(FROM_NS, 1.0)
    door = Door(settings(slice_, folder), 0, clock, loop)

    def ask(attempt: Asking, now_ns: int) -> Any:
        clock.at_ns = now_ns
        door.pace.run()
        return door.ask_now(attempt, now_ns)

    try:
        yield ask
    finally:
        loop.close()


@contextmanager
def upstream(slice_: Slice, folder: Path) -> Iterator[Ask]:
    """Ask the upstream, where there are several workers, at the gateway or, if the law is there, at the stage."""
    loop = asyncio.new_event_loop()
    clock = Standing(FROM_NS, 1.0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(upstream_module, "ModelClock", lambda *_: clock)
        of = Upstream(settings(slice_, folder, workers=2), loop)
    at_gateway = slice_.scenario.admission[0].at == "gateway"
    policy = of.town.gateway.policy if at_gateway else of.town.stages[0].policy

    def ask(attempt: Asking, now_ns: int) -> Any:
        clock.at_ns = now_ns
        of.pace.run()
        return policy.ask(attempt.person, attempt, now_ns)

    try:
        yield ask
    finally:
        of.end()
        loop.close()


def questions(slice_: Slice) -> Iterator[tuple[Row, Asking]]:
    """The attempts that came in the slice, in their order, each with its row in the trace."""
    habits = Habits(slice_.scenario, build_world(slice_.scenario), 1)
    assert slice_.simulated.attempts is not None
    came = [row for row in rows(slice_.simulated.attempts) if row["start_ns"] >= FROM_NS]
    for row in sorted(came, key=lambda row: (row["start_ns"], row["want"], row["attempt"])):
        person = habits.newcomer(row["want"], row["start_ns"], -1)
        person.attempt = row["attempt"]
        yield row, Asking(person, row["attempt"], row["start_ns"], row["timeout_ns"])


@pytest.mark.parametrize("asked", [worker, upstream])
@pytest.mark.parametrize("law", LAWS)
def test_the_gateway_answers_on_as_in_the_simulation(law: str, asked: Any, tmp_path: Path) -> None:
    slice_ = sliced(LAWS[law])
    refused = 0
    with asked(slice_, tmp_path) as ask:
        for row, attempt in questions(slice_):
            found = ask(attempt, row["start_ns"])
            told_s = 0 if found.code == ADMITTED else row["retry_after_s"]
            assert (found.code, found.retry_after_s) == (row["gateway"], told_s)
            refused += found.code != ADMITTED
    assert refused > 20


INSIDE: dict[str, Tree] = {
    "few": {"law": "fixed_concurrency", "limit": 9},
    "few by zone": {"law": "fixed_concurrency", "key": "zone", "limit": 4},
    "one by one": {"law": "pacing", "rate": "8/s", "longest_wait": "900ms"},
}


@pytest.mark.parametrize("at", ["gateway", "stage:till"])
@pytest.mark.parametrize("law", ["bucket", "gcra by person", "hot people", "log by segment", *INSIDE])
def test_everybody_in_the_upstream_goes_on_as_in_the_simulation(law: str, at: str) -> None:
    if (law, at) == ("one by one", "gateway"):
        pytest.skip("pacing stands at stages")
    slice_ = sliced({**LAWS, **INSIDE}[law], at, servers=1, service="350ms", queue_limit=6)
    assert slice_.attempts is not None
    assert slice_.simulated.attempts is not None
    told: dict[tuple[int, int], tuple[str, int]] = {}
    env = simpy.Environment(initial_time=FROM_NS)
    town = LiveTown(
        env,
        slice_.scenario,
        seed=1,
        world=build_world(slice_.scenario),
        keep=lambda attempt, store: town.has_placed(attempt, store),
        on_answer=lambda one: told.update({(one.person.want, one.number): (one.answer, one.answered_ns)}),
        on_end=lambda attempt, reason: None,
    )
    for place, change in enumerate(changes(slice_.scenario)):
        turned = partial(turn, town, change.knob, change.value)
        if change.at_ns < FROM_NS:
            turned()
        else:
            call_at(env, turned, change.at_ns, Rank.INCIDENT, 0, place, 0)
    held = Contents(attempts=slice_.attempts, orders=slice_.orders)
    people = {person.want: person for person, _ in restore(town, held)}
    restore_levels(town, slice_.levels)
    for row, asked in questions(slice_):
        env.run(until=row["start_ns"])
        person = people.get(row["want"]) or people.setdefault(row["want"], town.meets(row["want"], *who(asked.person)))
        person.attempt = row["attempt"]
        attempt = an_attempt(env, person, row["attempt"], row["start_ns"], row["timeout_ns"])
        call_at(env, partial(comes, town, attempt), row["start_ns"], Rank.ARRIVAL, 0, person.want, attempt.number)
    env.run(until=UNTIL_NS)
    expected = {
        (row["want"], row["attempt"]): (ANSWERS[row["answer"]], row["answered_ns"])
        for row in rows(slice_.simulated.attempts)
        if row["answered_ns"] >= 0
    }
    assert np.count_nonzero(slice_.attempts["state"] == AttemptState.QUEUED) > 2
    assert (law != "one by one") or np.count_nonzero(slice_.attempts["state"] == AttemptState.PACED) > 3
    assert sum(answer in ("throttled", "shed") for answer, _ in expected.values()) > 20
    assert told == expected


def comes(town: LiveTown, attempt: Attempt) -> None:
    town.awaits(attempt)
    town.env.process(journey(town, attempt))


def who(person: Person) -> tuple[int, int, int]:
    return person.segment, person.zone, person.kind


def test_rows_stand_in_the_order_in_which_their_keys_were_asked_about() -> None:
    slice_ = sliced(LAWS["gcra by person"])
    whole = simulate(loaded(tree_of(LAWS["gcra by person"])), engine="compiled", seed=1, trace=True)
    assert whole.attempts is not None
    newest = {row["want"]: row["start_ns"] for row in rows(whole.attempts) if row["start_ns"] < FROM_NS}
    wants = slice_.levels["law"][:, 0].tolist()
    assert len(wants) > 20
    assert wants == sorted(wants, key=lambda want: newest[want]) != sorted(wants)


def test_the_newest_rows_are_those_that_find_room() -> None:
    of = scenario(admission=[{"name": "mine", "at": "gateway", "law": "gcra", "key": "person", "rate": "1/h"}])
    laws = Laws(of, Habits(of, build_world(of), 1))
    rule: Any = laws.rules["mine"]
    rule.table = rule.table.__class__(2, 1)
    rule.rows = rule.table.rows
    laws.begin_with({"mine": np.array([[7, 70], [5, 50], [6, 60]])})
    assert {key: rule.rows[at] for key, at in rule.table.places.items()} == {5: 50, 6: 60}
    rule.table.place(8)
    assert list(rule.table.places) == [6, 8]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stack_begins_with_the_levels_of_people(workers: int, tmp_path: Path) -> None:
    of = scenario(
        admission=[{"name": "mine", "at": "gateway", "law": "gcra", "key": "person", "rate": "1/h", "burst": 2}]
    )
    run = Run(of, seed=1, first_arrivals_ns=np.zeros(0, dtype=np.int64), trace=False)
    run.advance(NS_PER_S)
    hour_ns = 3600 * NS_PER_S
    held = Contents(
        attempts=contents.attempts(run),
        orders=contents.orders(run),
        levels={"mine": np.array([[7, 2 * hour_ns], [8, hour_ns]])},
    )
    with running(of, tmp_path, from_ns=NS_PER_S, contents=held, workers=workers) as stack:
        asked = [verdict(order_once(stack.gateway, want, attempt))[1] for want, attempt in ((7, 2), (8, 2), (9, 1))]
    assert asked == ["throttled", "placed", "placed"]


def test_a_worker_holds_the_places_of_those_who_were_let_in_before(tmp_path: Path) -> None:
    slice_ = sliced(INSIDE["few by zone"])
    assert slice_.attempts is not None
    loop = asyncio.new_event_loop()
    door = Door(settings(slice_, tmp_path), 0, Standing(FROM_NS, 1.0), loop)
    loop.close()
    of_law: Any = door.laws.rules["law"]
    awaited = slice_.attempts[slice_.attempts["awaited"] == 1]
    keys = awaited[["want", "attempt"]].tolist()
    zones = [door.inside[key].person.zone for key in keys]
    assert [of_law.inside(zone) for zone in range(3)] == [zones.count(zone) for zone in range(3)]
    for key in keys:
        door.end_of(*key)("placed")
    assert [of_law.inside(zone) for zone in range(3)] == [0, 0, 0]
    door.end_of(*keys[0])("placed")  # told once more
