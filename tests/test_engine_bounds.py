"""Both engines where generated scenarios are too small to come: sums beyond 64 bits, more than there was room for."""

from __future__ import annotations

from fractions import Fraction
from unittest import mock

import numpy as np

from simulator import compiled
from simulator.samples import EXACT_UP_TO, Sample
from tests.agreement import compare
from tests.interpreted import sized
from tests.scenario_strategy import Tree, loaded


def scenario(**more: object) -> Tree:
    return {
        "schema": 1,
        "name": "bounds",
        "title": "Far out",
        "horizon": "1s",
        "bucket": "1s",
        "arrivals": {"process": "steady", "rate": "10/s"},
        "people": {"timeout": "24h", "attempts": 2},
        "stages": [{"name": "desk", "servers": 1, "service": "1ms"}],
        **more,
    }


def at_once(people: int) -> Tree:
    crowd = {"name": "crowd", "curve": [["0s", people], ["1ns", people], ["2ns", 0]]}
    return {"process": "steady", "rate": "1000000000/s", "shapes": [crowd]}


def agree(tree: Tree) -> None:
    difference = compare(loaded(tree).scenario)
    assert difference is None, difference


def test_sums_of_server_time_may_go_beyond_64_bits() -> None:
    agree(
        scenario(
            horizon="366d",
            bucket="1d",
            arrivals={"process": "steady", "rate": "0.00001/s"},
            stages=[{"name": "desk", "servers": 10**12, "service": "20d", "queue_limit": 10**6}],
            timelines=[{"name": "fewer", "knob": "stages.desk.servers", "steps": [["183d", 1], ["300d", 10**12]]}],
        )
    )


def test_sums_of_what_still_waits_may_go_beyond_64_bits() -> None:
    people = {"timeout": "366d", "attempts": 1}
    stages = [{"name": "desk", "servers": 0, "service": "1ms"}]
    agree(scenario(horizon="366d", bucket="366d", arrivals=at_once(400), people=people, stages=stages))


def test_sums_of_work_may_go_beyond_64_bits_within_one_bucket() -> None:
    """2**63 ns are 292 years. Each of 2,100 people brings 180 days to two desks; the second needs only half of them."""
    tree = scenario(
        horizon="366d",
        bucket="366d",
        arrivals=at_once(1400),
        people={"timeout": "366d", "attempts": 1},
        stages=[
            {"name": name, "servers": 4000, "service": "180d", "slowdown": slowdown}
            for name, slowdown in (("desk", 1.0), ("till", 0.5))
        ],
    )
    agree(tree)
    running = loaded(tree).scenario
    outcome = compiled.run(running, seed=1, first_arrivals_ns=compiled.first_arrivals(running, 1, Fraction(1)))
    placed = outcome.counts["people.placed"]
    assert 1400 <= placed == outcome.counts["people.wanted"]
    assert outcome.work_ns["brought"] == outcome.work_ns["useful"] == placed * 270 * 86_400 * 10**9 > 2**63
    assert list(outcome.per_bucket["work.useful"]) == [outcome.work_ns["useful"]]


def test_a_crowd_larger_than_the_first_room_for_it_has_room() -> None:
    """They all come back in one slot of the wheel, then wait together; memory grows a word at a time."""
    tree = scenario(
        arrivals=at_once(3000),
        people={"timeout": "24h", "attempts": 2, "retry_delay": "100ms"},
        stages=[{"name": "desk", "servers": 1, "service": "1ms", "queue_limit": 0}],
        timelines=[{"name": "open", "knob": "stages.desk.queue_limit", "steps": [["50ms", 10_000]]}],
    )
    with mock.patch("simulator.compiled.engine.LEAST_GROWTH", 1):
        agree(tree)


def test_who_has_left_before_a_free_server_of_the_gateway_takes_them_up_is_expired() -> None:
    agree(scenario(people={"timeout": "0s", "attempts": 2}, gateway={"servers": 1, "deadline": True}))


def test_more_values_of_a_figure_than_are_kept_are_counted() -> None:
    """People come 1 ms apart to one server who takes 2 ms: the i-th waits i ms."""
    most = sized(EXACT_UP_TO, 100)
    people = most + 100
    rate = [["0s", "1000/s"], [f"{people}ms", "1000/s"], [f"{people * 10**6 + 1}ns", "0/s"]]
    running = loaded(
        scenario(
            horizon=f"{3 * people}ms",
            bucket="1s" if people > 1000 else "100ms",
            arrivals={"process": "steady", "rate": rate},
            stages=[{"name": "desk", "servers": 1, "service": "2ms"}],
        )
    ).scenario
    with mock.patch("simulator.samples.EXACT_UP_TO", most), mock.patch("simulator.compiled.memory.EXACT_UP_TO", most):
        first_ns = compiled.first_arrivals(running, 1, Fraction(1))
        found = compiled.run(running, seed=1, first_arrivals_ns=first_ns).stages[0].waiting_ns
        wanted = Sample.of(np.arange(people, dtype=np.int64) * 10**6)
    assert (found.count, found.total, found.largest) == (wanted.count, wanted.total, wanted.largest)
    assert found.values is wanted.values is None
    assert found.places is not None
    np.testing.assert_array_equal(found.places, wanted.places)
