"""In the live town a place of a store is held while the ledger is asked, and given back where it says no."""

from __future__ import annotations

import simpy

from scenarios.world import build_world
from simulator.live.town import LiveTown, an_attempt
from simulator.reference.attempt import Attempt, through_stages
from tests.live.stacks import scenario

PARTS = {
    "street": {"zones": 1, "stores_per_zone": 1},
    "kitchens": {"kind": "clock", "cups_per_hour": 3600},  # 1 s a cup
    "admission": [
        {"name": "counter", "at": "store", "law": "fixed_concurrency", "limit": 1},
        {"name": "zone", "at": "zone", "law": "fixed_concurrency", "limit": 1},
    ],
}


def test_places_are_held_while_the_ledger_is_asked_and_given_back_where_it_fails() -> None:
    of, asked, ended = scenario(**PARTS), [], []
    town = LiveTown(
        simpy.Environment(),
        of,
        seed=1,
        world=build_world(of),
        keep=lambda attempt, store: asked.append((attempt, store)),
        on_answer=lambda attempt: None,
        on_end=lambda attempt, reason: ended.append((attempt.person.want, reason)),
    )

    def comes(want: int) -> Attempt:
        person = town.meets(want, 0, 0, 0)
        attempt = an_attempt(town.env, person, 1, town.now_ns, town.now_ns + 10**9)
        town.awaits(attempt)
        town.env.process(through_stages(town, attempt))
        town.env.run(until=town.now_ns + 10**7)
        return attempt

    first = comes(1)
    comes(2)
    assert ([one.person.want for one, _ in asked], ended) == ([1], [(2, "store")])
    town.ends(first, "error", 0)  # the ledger has failed
    third = comes(3)
    town.has_placed(third, 0)
    comes(4)
    assert ([one.person.want for one, _ in asked], ended[1:]) == ([1, 3], [(1, "error"), (3, "placed"), (4, "store")])
    town.env.run(until=town.now_ns + 10**9)  # the kitchen has handed it over
    comes(5)
    assert asked[-1][0].person.want == 5
