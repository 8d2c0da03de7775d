"""What an order costs as the day grows: from 10^5 orders to 10^7, with FULL to 10^8."""

from __future__ import annotations

import statistics
from fractions import Fraction
from functools import partial

from benchmarks.apart import Measured
from benchmarks.rehearsal import simulated_day
from benchmarks.rows import Row, Size, at_most, in_turns, ratios

OF_THE_DAY = 15_000_000
BASE, GROWTH = 6, 1.6  # an order among 10^6 is what larger ones are held against


def rows(size: Size) -> list[Row]:
    """Return ns per order and per event, and peak memory, at each size; and how much more an order costs."""
    if size is Size.QUICK:
        found = _days(3, 4, 1)
    else:
        found = _days(5, 7, 3)
        if size is Size.FULL:
            found |= _days(8, 8, 1)
    result = [row for power, runs in found.items() for row in _of_a_size(power, runs)]
    if BASE in found:
        base = statistics.median(_per_order_ns(found[BASE]))
        result += [
            Row(
                what=f"an order among 10^{power} over one among 10^{BASE}",
                unit="times",
                values=tuple(cost / base for cost in _per_order_ns(runs)),
                goal=at_most(GROWTH),
            )
            for power, runs in found.items()
            if power > BASE
        ]
    return result


def _days(smallest: int, largest: int, rounds: int) -> dict[int, list[Measured]]:
    powers = {str(power): Fraction(10**power, OF_THE_DAY) for power in range(smallest, largest + 1)}
    found = in_turns(rounds, {power: partial(simulated_day, scale) for power, scale in powers.items()})
    return {int(power): runs for power, runs in found.items()}


def _of_a_size(power: int, runs: list[Measured]) -> list[Row]:
    manifests = [one.returned["manifest"] for one in runs]
    return [
        Row(what=f"10^{power} orders: an order", unit="ns", values=_per_order_ns(runs)),
        Row(
            what=f"10^{power} orders: an event",
            unit="ns",
            values=tuple(1e9 * one["engine_s"] / one["events"] for one in manifests),
        ),
        Row(
            what=f"10^{power} orders: peak memory",
            unit="GB",
            values=tuple(one.peak_bytes / 1e9 for one in runs),
        ),
    ]


def _per_order_ns(runs: list[Measured]) -> tuple[float, ...]:
    return ratios(
        (1e9 * one.returned["manifest"]["engine_s"] for one in runs),
        (one.returned["summary"]["orders"]["placed"] for one in runs),
    )
