"""Time series made coarse enough to draw: a few hundred bins, sums for counters and means for gauges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.run import Run, Series, ended_s, series
from scenarios.units import NS_PER_S

Ints = NDArray[np.int64]
MOST = 330


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Bins of whole buckets: the first bucket of each, and its start and end in s."""

    first: Ints
    start_s: Series
    end_s: Series

    @property
    def at_s(self) -> Series:
        """Return where to draw a value of each bin: its middle, and the two ends of the run."""
        return np.concatenate((self.start_s[:1], (self.start_s + self.end_s) / 2, self.end_s[-1:]))

    @property
    def width_s(self) -> Series:
        """Return the length of each bin; only the last may be shorter than the others."""
        return self.end_s - self.start_s


def bins(run: Run, most: int = MOST) -> Bins | None:
    """Return at most `most` bins over the run, None where it has no series."""
    start_s = series(run, "t_s")
    if start_s is None:
        return None
    first: Ints = np.arange(0, len(start_s), _buckets_a_bin(len(start_s), run.scenario.bucket_ns / NS_PER_S, most))
    last_s = min(start_s[-1] + run.scenario.bucket_ns / NS_PER_S, max(ended_s(run), start_s[-1] + 1e-9))
    ends = np.append(start_s[first[1:]], last_s)
    return Bins(first=first, start_s=start_s[first], end_s=ends)


def _buckets_a_bin(buckets: int, bucket_s: float, most: int) -> int:
    """Return how many buckets make a bin: whole minutes, where buckets fit a minute and a bin is longer than one."""
    needed = -(-buckets // most)
    in_a_minute = round(60 / bucket_s) if bucket_s <= 60 else 0
    if needed * bucket_s <= 60 or not in_a_minute or abs(in_a_minute * bucket_s - 60) > 1e-9:
        return needed
    return -(-needed // in_a_minute) * in_a_minute


def summed(run: Run, name: str, over: Bins) -> Series | None:
    """Return how often something was counted in each bin."""
    column = series(run, name)
    return None if column is None else np.add.reduceat(column, over.first)


def mean(run: Run, name: str, over: Bins) -> Series | None:
    """Return the mean of a gauge in each bin."""
    column = series(run, name)
    if column is None:
        return None
    return np.asarray(np.add.reduceat(column, over.first) / np.diff(np.append(over.first, len(column))))


def per_s(run: Run, name: str, over: Bins) -> Series | None:
    """Return the rate of a counter in each bin."""
    total = summed(run, name, over)
    return None if total is None else total / over.width_s


def to_ends(values: Series) -> Series:
    """Return the values for `at_s`: those of the first and the last bin reach to the ends of the run."""
    return np.pad(values, 1, mode="edge")


def share(part: Series, whole: Series) -> Series:
    """Return part / whole, NaN (a gap in the line) where there is nothing to share."""
    parts = np.full(len(part), np.nan)
    np.divide(part, whole, out=parts, where=whole > 0)
    return parts
