"""The gateway's rules of the library answer as the model's gateway, whatever the laws, terms and turned knobs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from scenarios import knobs
from scenarios.asking import ADMITTED
from scenarios.habits import Habits
from scenarios.person import Person
from scenarios.policy import build_laws, policy_at
from scenarios.world import build_world
from simulator.live.laws import Laws
from simulator.live.town import an_attempt
from simulator.reference.attempt import Attempt
from tests.live.stacks import scenario
from tests.scenario_strategy import Tree

MS = 1_000_000
LAWS: list[Tree] = [
    {"law": "token_bucket", "rate": "3/s", "burst": 4, "reserve": [0.0, 0.5]},
    {"law": "token_bucket", "rate": "off"},
    {"law": "gcra", "rate": "7/m", "burst": 2},
    {"law": "gcra", "rate": "9/s", "cost": "cups"},
    {"law": "warm_up", "rate": "6/s", "warm_up": "2s"},
    {"law": "hot_key", "key": "zone", "rate": "2/s", "overrides": [{"value": 1, "rate": "5/s", "burst": 3}]},
    {"law": "hot_key", "key": "store", "rate": "2/s"},
    {"law": "fixed_window", "limit": 3, "window": "1s", "cost": 2},
    {"law": "sliding_window", "limit": 3, "window": "1s", "reserve": [0.0, 0.34]},
    {"law": "sliding_window_log", "limit": 3, "window": "1s"},
    {"law": "fixed_concurrency", "limit": 4, "reserve": [0.0, 0.5]},
    {"law": "fixed_concurrency", "limit": 0},
    {"law": "aimd", "start": 3, "least": 1, "most": 4, "backoff": 0.5, "longest_rtt": "1s"},
    {"law": "deadline", "least_left": "300ms"},
]
KEYED = {"token_bucket", "gcra", "warm_up", "fixed_window", "sliding_window", "sliding_window_log"}
chains = st.lists(
    st.tuples(st.sampled_from(LAWS), st.sampled_from(["global", "person", "zone"]), st.sampled_from([[], [], [0]])),
    min_size=1,
    max_size=5,
)
steps = st.lists(
    st.tuples(
        st.integers(0, 400 * MS),
        st.integers(0, 5),
        st.integers(0, 1000 * MS),
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=2),
        st.none() | st.tuples(st.integers(0, 4), st.sampled_from(["off", "1/s", "20/s"]), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=40,
)


@given(laws=chains, asked=steps)
def test_it_answers_as_the_gateway_of_the_model(laws: list[Any], asked: list[Any]) -> None:
    entries = []
    for index, (law, key, priorities) in enumerate(laws):
        entry = {"name": f"law{index}", "at": "gateway", "priorities": priorities, **law}
        entries.append({**entry, "key": key} if law["law"] in KEYED else entry)
    of = scenario(
        admission=entries,
        street={"zones": 3, "stores_per_zone": 2},
        kitchens={"kind": "clock", "cups_per_hour": 100, "cups": {"kind": "uniform", "low": 1, "high": 3}},
        segments=[{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "priority": 1}],
    )
    habits = Habits(of, build_world(of), 1)
    of_model = build_laws(of, habits)
    policy, live = policy_at("gateway", of, of_model), Laws(of, habits)
    inside: list[Attempt] = []
    now_ns, env = 0, simpy.Environment()
    for number, (later_ns, want, patience_ns, ended, turned) in enumerate(asked):
        now_ns += later_ns
        for which, outcome in ended:
            if which < len(inside):
                left = inside.pop(which)
                policy.give_back(left, now_ns, outcome)
                live.give_back(left, now_ns, outcome)
        if turned is not None and turned[0] < len(laws):
            _turn(of, of_model, live, turned, now_ns)
        segment, zone, kind = habits.who(want)
        priority = habits.priority(segment)
        person = Person(
            want=want, invited_by=-1, segment=segment, zone=zone, kind=kind, priority=priority, first_try_ns=0
        )
        timeout_ns = now_ns + patience_ns
        attempt = an_attempt(env, person, number, now_ns, timeout_ns)
        expected, found = policy.ask(person, attempt, now_ns), live.ask(person, attempt, now_ns)
        assert (found.code, found.retry_after_s) == (expected.code, expected.retry_after_s)
        if attempt.gateway == 0 and found.code == 1:
            inside.append(attempt)


def test_a_law_that_fails_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = {"name": "inside", "at": "gateway", "law": "fixed_concurrency", "limit": 1}
    of = scenario(admission=[inside, {"name": "rate", "at": "gateway", "law": "gcra", "rate": "9/s"}])
    live = Laws(of, Habits(of, build_world(of), 1))
    person = Person(want=1, invited_by=-1, segment=0, zone=0, kind=0, priority=0, first_try_ns=0)
    attempt = an_attempt(simpy.Environment(), person, 1, 0, MS)

    def fails(subject: object, now_ns: int, cost: int) -> int:
        raise LookupError("on purpose")

    with monkeypatch.context() as broken:
        broken.setattr(live.rules["rate"], "ask", fails)
        with pytest.raises(LookupError):
            live.ask(person, attempt, 0)
    assert live.ask(person, attempt, 0).code == ADMITTED


def _turn(of: Any, of_model: Any, live: Laws, turned: tuple[int, str, int], now_ns: int) -> None:
    index, rate, limit = turned
    law = of.admission[index]
    if isinstance(law, knobs.RATED):
        value = knobs.value(knobs.parse(f"admission.{law.name}.rate", of), rate, of)
        assert value is None or isinstance(value, Fraction)
        of_model[law.name].set_rate(value, now_ns)
        live.turn(law.name, value, now_ns)
    elif hasattr(law, "limit"):
        of_model[law.name].set_limit(limit)
        live.turn(law.name, limit, now_ns)
