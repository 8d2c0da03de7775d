"""The street: who lives where, what stores and couriers can do, all drawn from the world's own seed."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from scenarios import draws
from scenarios.draws import Stream
from scenarios.model import Scenario
from scenarios.units import LONGEST_NS
from scenarios.world import NEVER_PAUSES, World, build_world

FALSE_ALARM = 1e-6

CLOCK_KITCHENS = {"kind": "clock", "cups_per_hour": 120, "share": 0.6}
CLOCK_COURIERS = {"kind": "clock", "rate": "30/s", "trip": "15m", "promise": "1h", "cancel_after": "2h"}
SERVER_COURIERS = {
    "kind": "servers",
    "per_zone": 3,
    "pickup": "4m",
    "travel": "7m",
    "dropoff": "4m",
    "promise": "1h",
    "cancel_after": "2h",
}


def street(zones: int, stores_per_zone: int = 5, **keys: Any) -> dict[str, Any]:
    return {"zones": zones, "stores_per_zone": stores_per_zone, **keys}


def world(**parts: Any) -> World:
    return build_world(
        Scenario.model_validate(
            {
                "schema": 1,
                "name": "street",
                "title": "A street",
                "horizon": "1h",
                "arrivals": {"process": "steady", "rate": "1/s"},
                "people": {"timeout": "1s"},
                "stages": [{"name": "till", "servers": 1, "service": "1s"}],
                **parts,
            }
        )
    )


def weights(edges: tuple[float, ...]) -> list[float]:
    return [b - a for a, b in pairwise(edges)]


# zones and segments


def test_without_a_street_everybody_lives_in_one_zone_without_stores() -> None:
    plain = world(segments=[{"name": "young", "share": 0.3}, {"name": "old", "share": 0.7}])
    assert (plain.zones, plain.stores_per_zone, plain.stores) == (1, 0, 0)
    assert (plain.zone_first, plain.zone_last) == ((0, 0), (1, 1))
    assert plain.segment_edges == (0.0, 0.3, 1.0)
    assert plain.zone_demand == (1.0,)
    assert (plain.store_closed_draw, plain.store_ns_per_cup, plain.zone_ns_per_order) == ((), (), ())


def test_without_segments_everybody_is_of_one_segment_that_lives_in_all_zones() -> None:
    found = world(street=street(4))
    assert (found.segment_edges, found.zone_first, found.zone_last) == ((0.0, 1.0), (0,), (4,))
    assert found.zone_demand == (0.25, 0.25, 0.25, 0.25)


def test_segments_own_runs_of_zones_cut_at_the_nearest() -> None:
    segments = [
        {"name": "county", "share": 0.5, "zones": 0.4},
        {"name": "visitors", "share": 0.2},
        {"name": "city", "share": 0.3, "zones": 0.6},
    ]
    found = world(street=street(9), segments=segments)
    assert (found.zone_first, found.zone_last) == ((0, 0, 4), (4, 9, 9))
    at_home = [0.5 / 4] * 4 + [0.3 / 5] * 5
    assert found.zone_demand == pytest.approx([share + 0.2 / 9 for share in at_home])


def test_every_segment_has_a_zone_however_small_the_scale() -> None:
    segments = [{"name": f"s{i}", "share": 0.25, "zones": 0.25} for i in range(4)]
    found = world(street=street(1), segments=segments)
    assert (found.zone_first, found.zone_last) == ((0, 0, 0, 0), (1, 1, 1, 1))
    found = world(street=street(2), segments=segments)
    assert all(0 <= first < last <= 2 for first, last in zip(found.zone_first, found.zone_last, strict=True))


def test_demand_of_zones_has_the_distribution_that_was_asked_for() -> None:
    found = world(street=street(20_000, zone_demand={"kind": "lognormal", "median": 1, "sigma": 0.6}))
    demand = np.array(weights(found.zone_edges))
    assert stats.kstest(demand, stats.lognorm(0.6).cdf).pvalue > FALSE_ALARM
    assert np.allclose(found.zone_demand, demand / demand.sum(), rtol=1e-9)
    assert math.fsum(found.zone_demand) == pytest.approx(1)


def test_a_uniform_demand_is_not_rounded_to_whole_numbers() -> None:
    found = world(street=street(50, zone_demand={"kind": "uniform", "low": 0.5, "high": 0.9}))
    assert all(0.5 <= demand < 0.9 for demand in weights(found.zone_edges))
    assert len(set(found.zone_demand)) == 50


def test_a_segment_without_demand_is_refused() -> None:
    with pytest.raises(ValueError, match=r"street.zone_demand: zones 0 to 2 have a demand of 0 in all"):
        world(street=street(3, zone_demand=0))


def test_too_many_stores_are_refused() -> None:
    with pytest.raises(ValueError, match="street: 100,000,000 stores, more than 10,000,000; lower zones or the scale"):
        world(street=street(100_000, 1_000))


# stores


def test_popularity_falls_with_the_place_in_the_zone() -> None:
    found = world(street=street(3, 4, popularity=1.2))
    assert weights(found.popularity_edges) == pytest.approx([1, 2**-1.2, 3**-1.2, 4**-1.2])


def test_ns_per_cup_leave_out_the_walk_in_share() -> None:
    # 120 cups an hour, 0.6 of them for these orders: 72 an hour, 50 s each
    found = world(street=street(2, 3), kitchens=CLOCK_KITCHENS)
    assert found.store_ns_per_cup == (50_000_000_000,) * 6


def test_ns_per_cup_are_rounded_to_the_nearest_and_bounded() -> None:
    def ns_per_cup(cups_per_hour: float) -> int:
        kitchens = {"kind": "clock", "cups_per_hour": cups_per_hour}
        return world(street=street(1, 1), kitchens=kitchens).store_ns_per_cup[0]

    assert ns_per_cup(7) == 514_285_714_286
    assert ns_per_cup(1e12) == 4  # 3.6
    assert ns_per_cup(0) == LONGEST_NS


def test_stores_differ_as_their_distributions_say() -> None:
    kitchens = {
        "kind": "clock",
        "cups_per_hour": {"kind": "uniform", "low": 72, "high": 200},
        "pause_backlog": {"kind": "uniform", "low": 300, "high": 1400},
    }
    found = world(street=street(400, 50), kitchens=kitchens)
    per_hour = 3600e9 / np.array(found.store_ns_per_cup)
    assert stats.kstest(per_hour, stats.uniform(72, 128).cdf).pvalue > FALSE_ALARM
    assert (min(found.store_pause_backlog), max(found.store_pause_backlog)) == (300, 1400)
    assert stats.kstest(found.store_closed_draw, stats.uniform().cdf).pvalue > FALSE_ALARM
    assert abs(np.corrcoef(per_hour, found.store_pause_backlog)[0, 1]) < 5 / math.sqrt(found.stores)


def test_a_store_without_a_threshold_never_pauses() -> None:
    assert world(street=street(2, 2), kitchens=CLOCK_KITCHENS).store_pause_backlog == (NEVER_PAUSES,) * 4


def test_kitchens_of_servers_have_makers_at_least_one() -> None:
    kitchens = {"kind": "servers", "makers": {"kind": "uniform", "low": 0, "high": 3}, "make": "90s"}
    found = world(street=street(50), kitchens=kitchens)
    assert set(found.store_makers) == {1, 2, 3}
    assert (len(found.store_makers), found.store_ns_per_cup) == (250, ())


def test_a_street_without_kitchens_draws_no_stores() -> None:
    found = world(street=street(3))
    assert (found.store_closed_draw, found.store_pause_backlog, found.stores) == ((), (), 15)


# couriers


def test_couriers_are_shared_by_the_root_of_demand() -> None:
    # demand 1:4 by segments, so roots 1:2, so 10 and 20 orders a second
    segments = [{"name": "a", "share": 0.2, "zones": 0.5}, {"name": "b", "share": 0.8, "zones": 0.5}]
    found = world(street=street(2), segments=segments, couriers=CLOCK_COURIERS)
    assert found.zone_ns_per_order == (100_000_000, 50_000_000)


def test_an_exponent_of_zero_shares_couriers_evenly() -> None:
    demand = {"kind": "lognormal", "median": 1, "sigma": 2}
    found = world(street=street(3, zone_demand=demand), couriers={**CLOCK_COURIERS, "demand_exponent": 0})
    assert found.zone_ns_per_order == (100_000_000,) * 3


def test_all_zones_together_carry_the_national_rate() -> None:
    demand = {"kind": "lognormal", "median": 1, "sigma": 0.6}
    found = world(street=street(500, zone_demand=demand), couriers=CLOCK_COURIERS)
    assert math.fsum(1e9 / ns for ns in found.zone_ns_per_order) == pytest.approx(30, rel=1e-8)


def test_couriers_without_a_street_serve_one_zone() -> None:
    assert world(couriers=CLOCK_COURIERS).zone_ns_per_order == (33_333_333,)
    assert world(couriers=SERVER_COURIERS).zone_couriers == (3,)


def test_couriers_of_kind_servers_are_drawn_for_each_zone_at_least_one() -> None:
    per_zone = {"kind": "uniform", "low": 0, "high": 2}
    found = world(street=street(60), couriers={**SERVER_COURIERS, "per_zone": per_zone})
    assert (set(found.zone_couriers), len(found.zone_couriers)) == ({1, 2}, 60)
    assert found.zone_ns_per_order == ()


# seeds and scale


def test_the_street_is_drawn_from_the_world_seed_alone() -> None:
    parts = {"street": street(20, zone_demand={"kind": "exponential", "mean": 1}), "kitchens": CLOCK_KITCHENS}
    assert world(**parts, world_seed=5) == world(**parts, world_seed=5)
    here, there = world(**parts, world_seed=5), world(**parts, world_seed=6)
    assert not set(here.zone_demand) & set(there.zone_demand)
    assert not set(here.store_closed_draw) & set(there.store_closed_draw)


def test_a_smaller_street_is_the_beginning_of_the_larger() -> None:
    kitchens = {"kind": "clock", "cups_per_hour": {"kind": "uniform", "low": 72, "high": 200}}
    demand = {"kind": "lognormal", "median": 1, "sigma": 0.6}
    small, large = (world(street=street(zones, zone_demand=demand), kitchens=kitchens) for zones in (10, 100))
    assert large.zone_edges[:11] == small.zone_edges
    assert large.store_ns_per_cup[:50] == small.store_ns_per_cup


def test_a_store_draws_with_its_zone_and_its_place() -> None:
    found = world(street=street(3, 4), kitchens=CLOCK_KITCHENS, world_seed=9)
    assert found.store_closed_draw[2 * 4 + 3] == draws.uniform(draws.key(9, Stream.STORE_CLOSED, 2, 3), 0)
