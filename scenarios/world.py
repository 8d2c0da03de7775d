"""The street: zones, stores and couriers with what each can do, drawn from the scenario's `world_seed`.

A store's number is zone * stores_per_zone + its place in the zone. Everything is a flat tuple of plain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.distributions import CountDistribution
from scenarios.draws import Stream, key, nearest, sample, sample_count, uniform
from scenarios.model import ClockCouriers, ClockKitchens, Scenario, Segment, ServerCouriers, ServerKitchens
from scenarios.tables import edges, mean, table
from scenarios.units import LONGEST_NS, NS_PER_S

MOST_STORES = 10_000_000
NEVER_PAUSES = -1


@dataclass(frozen=True, kw_only=True)
class World:
    """What stands before the first person comes. Tuples that the scenario has no use for are empty.

    `*_edges` are running sums for `draws.chosen`. Segment s lives in zones zone_first[s]..zone_last[s]-1; a zone's
    demand is the share of all first people who live there.
    """

    zones: int
    stores_per_zone: int
    segment_edges: tuple[float, ...]
    zone_first: tuple[int, ...]
    zone_last: tuple[int, ...]
    zone_edges: tuple[float, ...]
    zone_demand: tuple[float, ...]
    popularity_edges: tuple[float, ...]  # of the places 1, 2, ... in any zone
    store_ns_per_cup: tuple[int, ...]  # clock kitchens, before slowdown
    store_makers: tuple[int, ...]  # kitchens of servers
    store_pause_backlog: tuple[int, ...]  # cups; NEVER_PAUSES
    store_closed_draw: tuple[float, ...]  # a store is closed while this is below the closed share
    zone_ns_per_order: tuple[int, ...]  # clock couriers, before slowdown
    zone_couriers: tuple[int, ...]  # couriers of kind servers

    @property
    def stores(self) -> int:
        """How many stores there are in all zones."""
        return self.zones * self.stores_per_zone


def build_world(scenario: Scenario) -> World:
    """Draw the street of a scenario; without `[street]` it is one zone without stores.

    Raises ValueError where there are too many stores, or a segment's zones have no demand.
    """
    seed, street = scenario.world_seed, scenario.street
    zones, stores_per_zone = (street.zones, street.stores_per_zone) if street else (1, 0)
    if zones * max(stores_per_zone, 1) > MOST_STORES:
        raise ValueError(
            f"street: {zones * stores_per_zone:,} stores, more than {MOST_STORES:,}; lower zones or the scale"
        )
    raw_demand = _zone_demand(street.zone_demand, seed, zones) if street else [1.0]
    shares = [segment.share for segment in scenario.segments] or [1.0]
    runs = _runs(scenario.segments, zones) if street else [(0, 1)] * len(shares)
    demand = _share_of_people(raw_demand, shares, runs)
    popularity = street.popularity if street else 0.0
    kitchens, couriers = scenario.kitchens, scenario.couriers
    stores = (zones, stores_per_zone if kitchens else 0)
    pause = kitchens.pause_backlog if kitchens else None
    return World(
        zones=zones,
        stores_per_zone=stores_per_zone,
        segment_edges=tuple(edges(shares)),
        zone_first=tuple(first for first, _ in runs),
        zone_last=tuple(last for _, last in runs),
        zone_edges=tuple(edges(raw_demand)),
        zone_demand=tuple(demand),
        popularity_edges=tuple(edges([math.pow(place, -popularity) for place in range(1, stores_per_zone + 1)])),
        store_ns_per_cup=_ns_per_cup(kitchens, seed, *stores) if isinstance(kitchens, ClockKitchens) else (),
        store_makers=_makers(kitchens, seed, *stores) if isinstance(kitchens, ServerKitchens) else (),
        store_pause_backlog=_pause_backlog(pause, seed, *stores),
        store_closed_draw=_closed_draws(seed, *stores),
        zone_ns_per_order=_ns_per_order(couriers, demand) if isinstance(couriers, ClockCouriers) else (),
        zone_couriers=_zone_couriers(couriers, seed, zones) if isinstance(couriers, ServerCouriers) else (),
    )


def _zone_demand(distribution: CountDistribution, seed: int, zones: int) -> list[float]:
    row = table(distribution, whole=False)
    return [max(sample(row, 0, key(seed, Stream.ZONE_DEMAND, zone, 0)), 0.0) for zone in range(zones)]


def _runs(segments: Sequence[Segment], zones: int) -> list[tuple[int, int]]:
    """Return the first zone of each segment and the one after its last.

    Segments with a `zones` share own runs one after another, cut at the nearest zone, at least one zone each; the
    others live in all zones.
    """
    runs, before = [], 0.0
    for segment in segments:
        if segment.zones is None:
            runs.append((0, zones))
            continue
        first = min(nearest(zones * before), zones - 1)
        before += segment.zones
        runs.append((first, min(max(nearest(zones * before), first + 1), zones)))
    return runs or [(0, zones)]


def _share_of_people(
    raw_demand: Sequence[float], shares: Sequence[float], runs: Sequence[tuple[int, int]]
) -> list[float]:
    """Return the share of all people who live in each zone."""
    demand = [0.0] * len(raw_demand)
    for share, (first, last) in zip(shares, runs, strict=True):
        of_run = math.fsum(raw_demand[first:last])
        if not 0.0 < of_run < math.inf:
            raise ValueError(
                f"street.zone_demand: zones {first} to {last - 1} have a demand of {of_run:g} in all, and people to "
                "place there; choose a distribution that is mostly above 0"
            )
        for zone in range(first, last):
            demand[zone] += share * (raw_demand[zone] / of_run)
    return demand


def _ns_per_cup(kitchens: ClockKitchens, seed: int, zones: int, stores: int) -> tuple[int, ...]:
    row = table(kitchens.cups_per_hour, whole=False)
    return tuple(
        _ns_each(sample(row, 0, key(seed, Stream.STORE_RATE, zone, store)) * kitchens.share, 3600 * NS_PER_S)
        for zone in range(zones)
        for store in range(stores)
    )


def _makers(kitchens: ServerKitchens, seed: int, zones: int, stores: int) -> tuple[int, ...]:
    """Draw the makers of each store, at least 1."""
    row = table(kitchens.makers, whole=True)
    return tuple(
        sample_count(row, 0, key(seed, Stream.STORE_MAKERS, zone, store), 1)
        for zone in range(zones)
        for store in range(stores)
    )


def _pause_backlog(distribution: CountDistribution | None, seed: int, zones: int, stores: int) -> tuple[int, ...]:
    if distribution is None:
        return (NEVER_PAUSES,) * (zones * stores)
    row = table(distribution, whole=True)
    return tuple(
        sample_count(row, 0, key(seed, Stream.STORE_PAUSE, zone, store), 0)
        for zone in range(zones)
        for store in range(stores)
    )


def _closed_draws(seed: int, zones: int, stores: int) -> tuple[float, ...]:
    return tuple(
        uniform(key(seed, Stream.STORE_CLOSED, zone, store), 0) for zone in range(zones) for store in range(stores)
    )


def _ns_per_order(couriers: ClockCouriers, demand: Sequence[float]) -> tuple[int, ...]:
    """Share the national rate over zones as demand ** demand_exponent."""
    weights = [math.pow(of_zone, couriers.demand_exponent) for of_zone in demand]
    total, rate_per_s = math.fsum(weights), float(couriers.rate_per_s)
    return tuple(_ns_each(rate_per_s * (weight / total), NS_PER_S) for weight in weights)


def _zone_couriers(couriers: ServerCouriers, seed: int, zones: int) -> tuple[int, ...]:
    """Draw the couriers of each zone, at least 1."""
    row = table(couriers.per_zone, whole=True)
    return tuple(sample_count(row, 0, key(seed, Stream.ZONE_COURIERS, zone, 0), 1) for zone in range(zones))


def _ns_each(rate: float, period_ns: int) -> int:
    """Return the ns from one to the next at so many a period: nearest, at least 1, at most LONGEST_NS."""
    if rate * LONGEST_NS <= period_ns:
        return LONGEST_NS
    return max(nearest(period_ns / rate), 1)


def trip_mean_ns(couriers: ServerCouriers) -> float:
    """Return the mean time of a trip with as many orders as a courier carries."""
    each = mean(couriers.travel, whole=False) + mean(couriers.dropoff, whole=False)
    return mean(couriers.pickup, whole=False) + couriers.carry * each
