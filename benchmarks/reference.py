"""The SimPy engine on a slice of the flagship day: orders/s, events/s, peak memory, and where the time goes.

`python -m benchmarks.reference [SCALE]` (default 0.002). The profile is a second run of the same seed.
"""

from __future__ import annotations

import cProfile
import pstats
import resource
import sys
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

from scenarios.loader import load
from simulator.run import simulate


def main() -> None:
    """Run once for time, once for the profile."""
    scale = Fraction(sys.argv[1] if len(sys.argv) > 1 else "0.002")
    loaded = load("milk-tea-day", scale=scale)
    begun = time.process_time()
    result = simulate(loaded, engine="simpy", seed=1, scale=scale)
    spent = time.process_time() - begun
    orders, events = result.summary["orders"]["placed"], result.manifest["events"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"milk-tea-day at {float(scale):g}: {spent:.1f} s of CPU, {orders / spent:,.0f} orders/s, ", end="")
    print(f"{events / spent:,.0f} events/s, {peak / 1e6:.0f} MB")
    profile = cProfile.Profile()
    profile.runcall(simulate, loaded, engine="simpy", seed=1, scale=scale)
    shares: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        path = Path(file)
        known = path.parent.name in ("reference", "scenarios", "limits", "simpy", "simulator")
        shares[f"{path.parent.name}/{path.name}" if known else "all else"] += own
    whole = sum(shares.values())
    for name, own in shares.most_common(14):
        print(f"  {own / whole:5.1%}  {name}")


if __name__ == "__main__":
    main()
