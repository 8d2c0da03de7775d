"""How far gateways that share a rate overshoot it: python -m benchmarks.shared_quota [--redis] [--seconds N]

8 gateways, one hot key, twice the rate offered; leases and reports, the interval swept. In simulated time (clocks off
by up to a second and 100 ppm, messages 0.1 to 2 ms each way), and with a redis-server of its own, in real time.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from benchmarks.quota_fleet import Admitted, Clock, Leased, Reported, Settings, overshoot
from benchmarks.servers import RedisServer
from limits import rates
from limits.shared import LeasedQuota, Limit, ReportedQuota, Store

MS = 1_000_000
S = 1_000 * MS
INTERVALS_MS = (10, 20, 50, 100, 200, 500, 1000)
LIVE_INTERVALS_MS = (10, 100, 1000)
GATEWAYS = 8
RATE = 1_000  # a second
OFFERED = 2.0  # times the rate
LIVE_RATE = 400  # of real time, which has to be decided on two cores beside the server


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run found, in tokens unless said otherwise."""

    mode: str
    interval_ms: int
    lease: int  # 0 with reports
    offered: float  # times the rate
    rate: int
    worst: float  # admitted above burst + rate * d, over all [t, t + d]
    bound: float
    mean: float  # % by which all that was admitted after the first second is above the rate
    questions: float  # to the store, a second

    def cells(self) -> list[str]:
        """Return a row of the table."""
        return [
            self.mode,
            f"{self.offered:g}",
            str(self.interval_ms),
            str(self.lease or ""),
            f"{self.worst:.0f}",
            f"{self.bound:.0f}",
            f"{100 * self.worst / self.rate:.1f}%",
            f"{self.mean:+.1f}%",
            f"{self.questions:.0f}",
        ]


HEAD = (
    "mode",
    "offered",
    "interval, ms",
    "lease",
    "overshoot, tokens",
    "bound",
    "overshoot, of a second's rate",
    "mean, over the rate",
    "questions/s",
)


def judged(
    mode: str,
    interval_ms: int,
    *,
    rate: int,
    offered: float,
    delay_ms: float,
    run_s: float,
    admitted: Sequence[Admitted],
    questions: int,
) -> Found:
    """Hold what was admitted against the rate; a message and its answer take up to `delay_ms`.

    The bound of leases is their sum. That of reports is what the others offer in twice the interval and the delay: on
    average, and four standard deviations of it, since people come at random.
    """
    lease = lease_of(rate, interval_ms) if mode == "lease" else 0
    unseen = offered * rate * (GATEWAYS - 1) / GATEWAYS * 2 * (interval_ms + delay_ms) / 1000
    later = sum(now_ns - admitted[0][1] >= S for _, now_ns, _ in admitted)
    return Found(
        mode=mode,
        interval_ms=interval_ms,
        lease=lease,
        offered=offered,
        rate=rate,
        worst=max(0.0, overshoot(admitted, S // rate, burst_of(rate))),
        bound=GATEWAYS * lease if lease else unseen + 4 * math.sqrt(unseen),
        mean=100 * (later / (run_s - 1) / rate - 1),
        questions=questions / run_s,
    )


def burst_of(rate: int) -> int:
    """Return the burst: a tenth of a second."""
    return rate // 10


def lease_of(rate: int, interval_ms: int) -> int:
    """Return the lease with which all gateways together hold an interval's worth."""
    return min(burst_of(rate), rates.worth(Fraction(rate, GATEWAYS), interval_ms * MS))


def simulated(mode: str, interval_ms: int, *, offered: float = OFFERED, run_s: int = 20, seed: int = 1) -> Found:
    """Run one fleet in simulated time."""
    draw = random.Random(seed)
    clocks = [
        Clock(offset_ns=draw.randrange(S), speed_ppm=1_000_000 + draw.randint(-100, 100)) for _ in range(GATEWAYS)
    ]
    settings = Settings(
        interval_ns=S // RATE,
        burst=burst_of(RATE),
        lease=lease_of(RATE, interval_ms),
        term_ns=10 * interval_ms * MS,
        idle_ns=5 * interval_ms * MS,
        pause_ns=min(10, interval_ms // 2) * MS,
        every_ns=interval_ms * MS,
        stale_ns=3 * interval_ms * MS + 100 * MS,
    )

    def delays() -> tuple[int, int]:
        return draw.randint(MS // 10, 2 * MS), draw.randint(MS // 10, 2 * MS)

    fleet = (Leased if mode == "lease" else Reported)(settings, clocks, delays)
    now_s = 0.0
    while (now_s := now_s + draw.expovariate(offered * RATE)) < run_s:
        fleet.ask(draw.randrange(GATEWAYS), 1, int(now_s * S))
    return judged(
        mode,
        interval_ms,
        rate=RATE,
        offered=offered,
        delay_ms=4,
        run_s=run_s,
        admitted=fleet.admitted,
        questions=fleet.questions,
    )


async def live(mode: str, interval_ms: int, server: RedisServer, *, run_s: float) -> Found:
    """Run one fleet of tasks against a Redis; each has a clock and connections of its own."""
    admitted: list[Admitted] = []
    asked_before = server.calls("evalsha")
    begun_s = time.monotonic() + 0.1

    async def gateway(number: int) -> None:
        draw = random.Random(number)
        offset_ns = draw.randrange(1000 * S)
        store = Store(server.url, timeout_s=1.0, connections=2)
        limit = Limit(
            name=f"{mode}-{interval_ms}",
            rate_per_s=Fraction(LIVE_RATE),
            burst=burst_of(LIVE_RATE),
            clock_ns=lambda: time.monotonic_ns() + offset_ns,
        )
        quota: LeasedQuota | ReportedQuota
        if mode == "lease":
            term_s = max(0.1, interval_ms / 100)
            pause_s = min(10, interval_ms // 2) / 1000
            lease = lease_of(LIVE_RATE, interval_ms)
            quota = LeasedQuota(store, lease=lease, term_s=term_s, idle_s=term_s / 2, pause_s=pause_s, **limit)
        else:
            quota = ReportedQuota(store, every_s=interval_ms / 1000, **limit)
        async with store, quota:
            next_s = begun_s
            while (next_s := next_s + draw.expovariate(OFFERED * LIVE_RATE / GATEWAYS)) < begun_s + run_s:
                await asyncio.sleep(next_s - time.monotonic())
                if await quota.decide("hot") == 0:
                    admitted.append((number, time.monotonic_ns(), 1))

    await asyncio.gather(*(gateway(number) for number in range(GATEWAYS)))
    return judged(
        mode,
        interval_ms,
        rate=LIVE_RATE,
        offered=OFFERED,
        delay_ms=50,
        run_s=run_s,
        admitted=sorted(admitted, key=lambda one: one[1]),
        questions=server.calls("evalsha") - asked_before,
    )


def table(rows: Sequence[Found]) -> str:
    """Return a Markdown table."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print the tables of docs/shared-quota.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis", action="store_true", help="with a redis-server too, in real time")
    parser.add_argument("--seconds", type=float, default=10, help="of each run in real time")
    chosen = parser.parse_args()
    print(table([simulated(mode, ms) for mode in ("lease", "report") for ms in INTERVALS_MS]))
    print()
    print(table([simulated("report", 100, offered=offered) for offered in (1.1, 1.25, 1.5, 1.75, 2, 3, 5)]))
    if chosen.redis:
        print()
        with RedisServer() as server:
            found = [
                asyncio.run(live(mode, ms, server, run_s=chosen.seconds))
                for mode in ("lease", "report")
                for ms in LIVE_INTERVALS_MS
            ]
        print(table(found))


if __name__ == "__main__":
    main()
