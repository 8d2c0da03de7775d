"""The flagship day under other limits: the same people, hardware and street, one variant after another.

`python -m calibration.variants --scale 1/50 --seeds 1,2,3 --couriers 1.0,1.3,2.0` runs them and puts what it finds
into docs/better-limits.json, in place of what is there of the same run; `python -m calibration.page` writes the page.
Counts are of full size: what was counted, over the scale.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from scenarios.loader import load
from simulator.results import RunResult
from simulator.run import simulate

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "better-limits.json"
DAY = "milk-tea-day"
VARIANTS = (
    DAY,
    f"{DAY}/no-limits",
    f"{DAY}/static-limit",
    f"{DAY}/deadline-and-budget",
    f"{DAY}/waiting-room",
    f"{DAY}/fulfilment-credits",
)
MEAN_ORDERS_PER_S = 309  # derived: ten million orders in nine hours
HOURS = (3, 4, 5, 9, 16.25)


def row(variant: str, scale: Fraction, seed: int, couriers: str) -> dict[str, Any]:
    """Simulate a variant with couriers for so many times the day's mean of orders, and return what is compared."""
    loaded = load(variant, sets=[f"couriers.rate='{float(couriers) * MEAN_ORDERS_PER_S:.1f}/s'"], scale=scale)
    result = simulate(loaded, engine="compiled", seed=seed, scale=scale)
    summary = result.summary
    if violated := summary["invariants"]["violated"]:
        raise RuntimeError(f"{variant}: the books do not balance: {violated[0]}")
    orders, people = summary["orders"], summary["people"]
    return {
        "variant": variant,
        "scale": str(scale),
        "seed": seed,
        "couriers": couriers,
        "wanted": full(people["wanted"], scale),
        "orders_by_hour": {f"{hour:g}": full(placed_by(result, hour), scale) for hour in HOURS},
        "commands": full(summary["attempts"]["offered"], scale),
        "time_to_order_s": {name: round(summary["time_to_order_s"][name], 3) for name in ("p50", "p90", "p99")},
        "shut_out": {name: round(share, 6) for name, share in people["shut_out"].items()},
        "wasted_share": round(summary["work"]["wasted_share"], 4),
        "delivered_on_time": full(orders["delivered_on_time"], scale),
        "late": full(orders["late"], scale),
        "cancelled": full(orders["cancelled"], scale),
        "engine_s": round(result.manifest["engine_s"], 1),
    }


def full(counted: int, scale: Fraction) -> int:
    """What was counted at a scale, at full size."""
    return round(counted / scale)


def placed_by(result: RunResult, hour: float) -> int:
    """Orders placed in the buckets that begin before an hour; hours are whole numbers of buckets."""
    series = result.timeseries
    return int(series["orders.placed"][series["t_s"] < hour * 3600].sum())


def kept(part: str, rows: Sequence[dict[str, Any]], same: Sequence[str]) -> None:
    """Put rows into a part of the results, in place of those with equal fields of `same`, and sort by these."""
    content: dict[str, list[dict[str, Any]]] = json.loads(RESULTS.read_text("utf-8"))
    found = {tuple(str(one[field]) for field in same): one for one in [*content.get(part, []), *rows]}
    content[part] = [found[key] for key in sorted(found)]
    RESULTS.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")


def main() -> None:
    """Run variants one after another; what was found is kept after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=Fraction, default=Fraction(1, 50))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--couriers", default="1.3", help="times the day's mean of 309 orders/s")
    parser.add_argument("variants", nargs="*", default=VARIANTS)
    asked = parser.parse_args()
    for seed in asked.seeds.split(","):
        for couriers in asked.couriers.split(","):
            for variant in asked.variants:
                found = row(variant, asked.scale, int(seed), couriers)
                kept("days", [found], ("variant", "scale", "seed", "couriers"))
                print(json.dumps(found), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
