"""Where the SimPy engine writes down what happened: counters, series, samples and work, all in integers."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from scenarios.metrics import BY_BUCKET, COUNTERS
from scenarios.units import NS_PER_S
from simulator.outcome import SHUT_OUT_HOURS, BigInts, Ints, work_within

SAMPLES = (
    "time_to_order_ns",
    "response_admitted_ns",
    "response_refused_ns",
    "ready_ns",
    "delivery_ns",
)
WORK = ("brought", "useful", "wasted", "dropped")


class Ledger:
    """Counts events as they happen, and per bucket (start, end]; a bucket is closed by `close_bucket` at its end."""

    def __init__(self, *, horizon_ns: int, bucket_ns: int) -> None:
        self.horizon_ns = horizon_ns
        self.bucket_ns = bucket_ns
        self.buckets = -(-horizon_ns // bucket_ns)
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.work_ns = dict.fromkeys(WORK, 0)
        self.samples: dict[str, array[int]] = {name: array("q") for name in SAMPLES}
        self.shut_out = dict.fromkeys(SHUT_OUT_HOURS, 0)
        self.gauges: dict[str, Callable[[], float]] = {}
        self._closed: list[tuple[int, ...]] = []
        self._gauged: list[tuple[float, ...]] = []
        self._steps: dict[str, NDArray[np.int64]] = {}
        self._later: dict[str, list[int]] = {}

    def count(self, name: str, number: int = 1) -> None:
        """Count something that happens now."""
        self.counts[name] += number

    def count_later(self, name: str, at_ns: int) -> None:
        """Count something that is known now to happen at an instant; at the horizon or after it does not."""
        if at_ns < self.horizon_ns:
            self._later.setdefault(name, []).append(at_ns)

    def step(self, name: str, at_ns: int, change: int) -> None:
        """Change a gauge at an instant, now or later."""
        steps = self._steps.get(name)
        if steps is None:
            steps = self._steps[name] = np.zeros(self.buckets + 1, dtype=np.int64)
        steps[self._bucket(at_ns)] += change

    def sample(self, name: str, value_ns: int) -> None:
        """Keep one value for quantiles."""
        self.samples[name].append(value_ns)

    def tried(self, tried_ns: int, *, ordered: bool) -> None:
        """Count how long somebody tried; who got the order in that very ns has it by then."""
        for hours in SHUT_OUT_HOURS:
            if tried_ns - ordered >= hours * 3600 * NS_PER_S:
                self.shut_out[hours] += 1

    def close_bucket(self) -> None:
        """Note the counters and gauges as they are at the end of a bucket."""
        self._closed.append((*self.counts.values(), *self.work_ns.values()))
        self._gauged.append(tuple(read() for read in self.gauges.values()))

    def gauge(self, name: str) -> float:
        """Return a gauge as it is now; one that is stepped, as it was at the end of the last closed bucket."""
        if name in self.gauges:
            return float(self.gauges[name]())
        steps = self._steps.get(name)
        return 0.0 if steps is None else float(steps[: len(self._closed)].sum())

    def counter(self, name: str) -> int:
        """Return a counter as it is now; one that is known ahead, as it was at the end of the last closed bucket."""
        if name not in BY_BUCKET:
            return self.counts[name]
        if not self._closed:
            return 0
        end_ns = len(self._closed) * self.bucket_ns
        late = sum(at_ns <= end_ns for at_ns in self._later.get(name, ()))
        return self._closed[-1][COUNTERS.index(name)] + late

    def totals(self, reached_ns: int) -> dict[str, int]:
        """The counters at the end of the run, what was known ahead included."""
        late = {name: sum(at_ns < reached_ns for at_ns in instants) for name, instants in self._later.items()}
        return {name: number + late.get(name, 0) for name, number in self.counts.items()}

    def per_bucket(self, reached_ns: int) -> dict[str, Ints | BigInts]:
        """Each counter, counted within each closed bucket; work in server-ns under work.<name>."""
        table = np.array(self._closed, dtype=np.object_).reshape(len(self._closed), len(self.counts) + len(WORK))
        counted: Ints = table[:, : len(self.counts)].astype(np.int64)
        within = np.diff(counted, axis=0, prepend=0)
        series: dict[str, Ints | BigInts] = {name: within[:, column] for column, name in enumerate(self.counts)}
        for name, instants in self._later.items():
            happened = np.array([at_ns for at_ns in instants if at_ns < reached_ns], dtype=np.int64)
            buckets = np.maximum(happened - 1, 0) // self.bucket_ns
            series[name] = series[name] + np.bincount(buckets, minlength=self.buckets)[: len(self._closed)]
        return series | work_within(WORK, table[:, len(self.counts) :])

    def gauge_series(self) -> Mapping[str, NDArray[np.float64]]:
        """Each gauge at the end of each closed bucket."""
        table = np.array(self._gauged, dtype=np.float64).reshape(len(self._gauged), len(self.gauges))
        read = {name: table[:, column] for column, name in enumerate(self.gauges)}
        stepped = {
            name: np.cumsum(steps)[: len(self._closed)].astype(np.float64) for name, steps in self._steps.items()
        }
        return read | stepped

    def _bucket(self, at_ns: int) -> int:
        return min(max(at_ns - 1, 0) // self.bucket_ns, self.buckets)
