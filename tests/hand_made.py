"""Three minutes of a made-up run, small enough to check by eye: five people, nine attempts, two orders.

Attempts (want.attempt): 0.1 and 3.2 become orders; 1.1 and 4.1 are throttled; 2.1 finds no store; 1.2 is served after
its person left; 2.2 is dropped at its turn, its person gone; 3.1 is shed by the full gateway; 4.2 still waits there.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np

from scenarios.metrics import COUNTERS, STOCKS
from scenarios.model import Scenario
from simulator.outcome import Ints, Outcome, StageOutcome
from simulator.samples import Sample
from simulator.trace import ATTEMPT_COLUMNS, ORDER_COLUMNS

S = 1_000_000_000

RESOLVED = """\
schema = 1
name = "corner-shop"
title = "Five people and a counter"
horizon = "3m"
bucket = "1m"
segments = [{ name = "city", share = 0.6, zones = 0.5 }, { name = "county", share = 0.4, zones = 0.5 }]
street = { zones = 2, stores_per_zone = 1 }
gateway = { servers = 1, admit = "1s", refuse = "500ms" }

[arrivals]
process = "steady"
rate = "2/m"

[people]
timeout = "50s"

[[stages]]
name = "desk"
servers = 1
service = "25s"
deadline = true

[[milestones]]
name = "two-orders"
title = "Two orders after two minutes"
metric = "orders.placed"
at = "2m"
value = 2
tolerance = "10%"
grade = "published"
source = "the shop's own book"

[[milestones]]
name = "hopes"
metric = "orders.delivered"
value = 4
tolerance = "50%"

[[gates]]
name = "enough"
metric = "orders.placed_share"
min = 0.4
max = 1

[[gates]]
name = "short-outages"
metric = "longest_outage.length_s"
max = 30
"""
SCENARIO = Scenario.model_validate(tomllib.loads(RESOLVED))


def ints(*values: int) -> Ints:
    return np.array(values, dtype=np.int64)


def seconds(*values: float) -> Ints:
    return np.array([round(value * S) for value in values], dtype=np.int64)


def sample(*values: float) -> Sample:
    return Sample.of(seconds(*values))


PER_BUCKET = {name: ints(0, 0, 0) for name in COUNTERS} | {
    "people.wanted": ints(3, 2, 0),
    "people.placed": ints(1, 1, 0),
    "people.abandoned": ints(0, 1, 1),
    "attempts.offered": ints(4, 3, 2),
    "attempts.admitted": ints(2, 2, 1),
    "attempts.throttled": ints(1, 1, 0),
    "attempts.shed": ints(0, 0, 1),
    "attempts.timed_out": ints(0, 0, 2),
    "attempts.failed": ints(1, 1, 2),
    "attempts.completed": ints(1, 1, 0),
    "attempts.held_back": ints(0, 1, 0),
    "failures.throttled": ints(1, 1, 0),
    "failures.shed": ints(0, 0, 1),
    "failures.timed_out": ints(0, 0, 2),
    "failures.store": ints(0, 0, 1),
    "sessions.started": ints(3, 3, 0),
    "sessions.served": ints(1, 1, 0),
    "sessions.failed": ints(0, 2, 1),
    "orders.placed": ints(1, 1, 0),
    "orders.delivered": ints(0, 1, 0),
    "orders.delivered_on_time": ints(0, 1, 0),
    "kitchens.cups": ints(1, 2, 0),
    "kitchens.pauses": ints(0, 1, 0),
    "kitchens.repicks": ints(1, 1, 0),
    "kitchens.refused": ints(0, 0, 1),
    "couriers.trips": ints(0, 1, 0),
    "couriers.carried": ints(0, 1, 0),
    "work.brought": seconds(60, 60, 36),
    "work.useful": seconds(11, 31, 0),
    "work.wasted": seconds(10, 20, 34),
    "work.dropped": seconds(0, 0, 50),
}
COUNTS = (
    {name: int(PER_BUCKET[name].sum()) for name in COUNTERS}
    | dict.fromkeys(STOCKS, 0)
    | {"people.pending": 1, "attempts.pending": 1, "attempts.unanswered": 1, "orders.in_progress": 1}
)
NO_STAGE_COUNTS = dict.fromkeys(
    ("arrived", "served", "shed", "throttled", "expired", "errors", "sold_out", "waiting", "in_service"), 0
)
GATEWAY = StageOutcome(
    name="gateway",
    waiting_ns=sample(0, 0, 0, 0, 0, 0, 1),
    service_ns=sample(1, 1, 0.5, 1, 0.5, 1, 1),
    busy_ns=6 * S,
    available_ns=180 * S,
    queue_max=1,
    queue_integral_ns=4 * S,
    unserved_waiting_ns=3 * S,
    counts=NO_STAGE_COUNTS | {"arrived": 9, "served": 7, "shed": 1, "waiting": 1},
)
DESK = StageOutcome(
    name="desk",
    waiting_ns=sample(0, 4, 0, 2),
    service_ns=sample(10, 20, 30, 40),
    busy_ns=100 * S,
    available_ns=200 * S,
    queue_max=2,
    queue_integral_ns=16 * S,
    unserved_waiting_ns=10 * S,
    counts=NO_STAGE_COUNTS | {"arrived": 5, "served": 4, "expired": 1},
)


def orders(**columns: Ints) -> dict[str, Ints]:
    blank = {name: ints(0, 0, 0, 0, 0) for name in ORDER_COLUMNS}
    return blank | {"want": ints(0, 1, 2, 3, 4), "end": ints(1, 2, 2, 1, 0), "delivery": ints(1, 0, 0, 0, 0)} | columns


def attempts(**columns: Ints) -> dict[str, Ints]:
    blank = {name: ints(0, 0, 0, 0, 0, 0, 0, 0, 0) for name in ATTEMPT_COLUMNS}
    told = {
        "want": ints(0, 1, 1, 2, 2, 3, 3, 4, 4),
        "attempt": ints(1, 1, 2, 1, 2, 1, 2, 1, 2),
        "gateway": ints(1, 2, 1, 1, 1, 3, 1, 2, 0),
        "answer": ints(1, 2, 5, 8, 5, 3, 1, 2, 0),
    }
    return blank | told | columns


OUTCOME = Outcome(
    horizon_ns=180 * S,
    ended_ns=180 * S,
    interrupted=False,
    events=60,
    counts=COUNTS,
    work_ns={"brought": 156 * S, "useful": 42 * S, "wasted": 64 * S, "dropped": 50 * S, "pending": 0},
    samples={
        "time_to_order_ns": sample(60, 20),
        "response_admitted_ns": sample(11, 31, 50, 50, 21),
        "response_refused_ns": sample(0.5, 1.5, 0),
        "ready_ns": sample(100, 40),
        "delivery_ns": sample(110),
    },
    shut_out=(0, 0, 0),
    stages=(GATEWAY, DESK),
    bucket_ns=60 * S,
    per_bucket=PER_BUCKET,
    gauges={"stages.desk.backlog": np.array([1.0, 2.0, 0.0])},
    zones_wanted=ints(3, 2),
    zones_placed=ints(1, 1),
    segments={"city": (3, 1, sample(60)), "county": (2, 1, sample(20))},
    orders=orders(),
    attempts=attempts(),
)


def with_counts(**changed: int) -> Outcome:
    """The run with some counts changed; `people__wanted` stands for people.wanted."""
    return replace(OUTCOME, counts=COUNTS | {name.replace("__", "."): number for name, number in changed.items()})


def with_samples(**changed: Sample) -> Outcome:
    return replace(OUTCOME, samples={**OUTCOME.samples, **changed})


def with_series(**changed: Ints) -> Outcome:
    return replace(
        OUTCOME, per_bucket=PER_BUCKET | {name.replace("__", "."): values for name, values in changed.items()}
    )
