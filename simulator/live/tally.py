"""What a gateway worker counts, and the page for Prometheus that the figures of all workers and the upstream make.

Counting has to cost nearly nothing: a worker adds ints, and tells the upstream twice a second what came since. So the
page is the same whichever worker is asked. A new upstream counts from 0 again, as Prometheus expects of a restart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

if TYPE_CHECKING:
    from simulator.reference.stations import ServerStation

TELL_S = 0.5
EDGES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Tally:
    """Counts since it was last told of."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places = [0] * (len(EDGES_S) + 1)
        self._seconds = 0.0

    def answered(self, verdict: str, took_s: float) -> None:
        """Count an attempt that was answered."""
        self._counts[verdict] += 1
        self._places[bisect_left(EDGES_S, took_s)] += 1
        self._seconds += took_s

    def bad(self, status: int) -> None:
        """Count a request that was no attempt."""
        self._counts[f"bad {status}"] += 1

    def take(self) -> dict[str, Any]:
        """Return what was counted, and begin again."""
        told = {"counts": dict(self._counts), "places": self._places, "seconds": self._seconds}
        self._begin()
        return told


class Totals:
    """What all workers have told."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.places = [0] * (len(EDGES_S) + 1)
        self.seconds = 0.0
        self.under_way: dict[int, int] = {}
        self._stations: dict[int, Mapping[str, float]] = {}

    def add(self, worker: int, told: Mapping[str, Any]) -> None:
        """Add what a worker tells."""
        self.counts.update(told["counts"])
        self.places = [a + b for a, b in zip(self.places, told["places"], strict=True)]
        self.seconds += told["seconds"]
        self.under_way[worker] = told["under_way"]
        self._stations[worker] = told["station"]

    def stations(self) -> dict[str, float]:
        """Return what the servers of the gateway hold, where workers have them."""
        found: Counter[str] = Counter()
        for station in self._stations.values():
            found.update(station)
        return dict(found)

    def told(self) -> dict[str, Any]:
        """Return them as JSON can say them."""
        under_way = sum(self.under_way.values())
        return {"counts": self.counts, "places": self.places, "seconds": self.seconds, "under_way": under_way}


def held(station: ServerStation | None) -> dict[str, float]:
    """Return the gauges of the gateway's servers, where it has any."""
    if station is None:
        return {}
    of = {"backlog": station.waiting, "busy": station.in_service, "capacity": station.servers}
    return {f"stages.gateway.{name}": value for name, value in of.items()}


def page(totals: Mapping[str, Any], gauges: Mapping[str, float]) -> bytes:
    """Return the figures as Prometheus reads them."""

    class Figures:
        def collect(self) -> Iterable[Metric]:
            return _families(totals, gauges)

    registry = CollectorRegistry()
    registry.register(Figures())
    written: bytes = generate_latest(registry)
    return written


def _families(totals: Mapping[str, Any], gauges: Mapping[str, float]) -> Iterable[Metric]:
    attempts = CounterMetricFamily("sluice_attempts", "Attempts answered, by verdict", labels=["verdict"])
    bad = CounterMetricFamily("sluice_bad_requests", "Requests that were no attempts", labels=["status"])
    for name, count in totals["counts"].items():
        if name.startswith("bad "):
            bad.add_metric([name.removeprefix("bad ")], count)
        else:
            attempts.add_metric([name], count)
    yield attempts
    yield bad
    seconds = HistogramMetricFamily("sluice_response_seconds", "From the whole request to the answer")
    below, buckets = 0, []
    for edge, count in zip([*map(str, EDGES_S), "+Inf"], totals["places"], strict=True):
        below += count
        buckets.append((edge, below))
    seconds.add_metric([], buckets, totals["seconds"])
    yield seconds
    yield GaugeMetricFamily("sluice_under_way", "Attempts at the gateway without an answer", totals["under_way"])
    upstream = GaugeMetricFamily("sluice_upstream", "What the upstream holds", labels=["what"])
    for name, value in gauges.items():
        upstream.add_metric([name], value)
    yield upstream
