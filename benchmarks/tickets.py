"""Median CPU ns of signing, checking and refusing a ticket, from Python: python -m benchmarks.tickets

Beside it what a gateway does without one: ask the waiting room; and a JSON body of an order, parsed, for scale.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from limits import waiting_room
from limits.tickets import Keyring, Kind, fresh_secret

ROUNDS, CALLS = 9, 20_000
S = 1_000_000_000
HOUR = 3600 * S


def measured(call: Callable[[], Any]) -> float:
    """Return the median over rounds of the CPU ns of one call."""
    rounds = []
    for _ in range(ROUNDS):
        start_ns = time.process_time_ns()
        for _ in range(CALLS):
            call()
        rounds.append((time.process_time_ns() - start_ns) / CALLS)
    return statistics.median(rounds)


def main() -> None:
    """Print a line for each."""
    ring = Keyring({1: fresh_secret()}, signs_with=1)
    other = Keyring({1: fresh_secret()}, signs_with=1)
    person = "person-12345678"
    good = ring.sign(Kind.ADMITTED, person, 42, HOUR)
    forged = other.sign(Kind.ADMITTED, person, 42, HOUR)
    huge = good * 100_000
    room = [0] * (waiting_room.WIDTH + 4 + 3 * 100)
    for _ in range(50):
        waiting_room.join(room, 0, 4, 100, HOUR, waiting_room.IN_ORDER, 0)
    order = json.dumps({"want": 42, "items": [{"tea": "jasmine", "sugar": 30, "count": 2}] * 3, "store": 17})
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("sign", lambda: ring.sign(Kind.ADMITTED, person, 42, HOUR)),
        ("check, good", lambda: ring.check(good, Kind.ADMITTED, person, S)),
        ("check, forged", lambda: ring.check(forged, Kind.ADMITTED, person, S)),
        ("check, expired", lambda: ring.check(good, Kind.ADMITTED, person, HOUR)),
        ("check, truncated", lambda: ring.check(good[:-1], Kind.ADMITTED, person, S)),
        ("check, 4.8 MB of text", lambda: ring.check(huge, Kind.ADMITTED, person, S)),
        ("waiting_room.decide, waiting, 4 stages", lambda: waiting_room.decide(room, 0, 4, 100, HOUR, 40, S, 1)),
        ("json.loads of a small order", lambda: json.loads(order)),
    ]
    for name, call in calls:
        print(f"{name:40} {measured(call):7,.0f} ns")


if __name__ == "__main__":
    main()
