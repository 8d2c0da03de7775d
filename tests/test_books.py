"""The books: every identity, broken on purpose, is reported with both its sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simulator.books import Violation, check, identities
from simulator.outcome import Outcome
from simulator.samples import Sample
from tests.hand_made import (
    COUNTS,
    DESK,
    GATEWAY,
    NO_STAGE_COUNTS,
    OUTCOME,
    PER_BUCKET,
    S,
    attempts,
    ints,
    orders,
    sample,
    seconds,
    with_counts,
    with_samples,
    with_series,
)


def with_gateway(**changed: Any) -> Outcome:
    return replace(OUTCOME, stages=(replace(GATEWAY, **changed), DESK))


def with_desk(**changed: Any) -> Outcome:
    return replace(OUTCOME, stages=(GATEWAY, replace(DESK, **changed)))


def with_work(**changed: int) -> Outcome:
    return replace(OUTCOME, work_ns={**OUTCOME.work_ns, **changed})


TAMPERED = [
    (
        replace(OUTCOME, counts={name: n for name, n in COUNTS.items() if name != "couriers.trips"}),
        "counts that are missing (couriers.trips): missing 1 is not allowed 0",
    ),
    (with_counts(people__pending=-1), "no count of counts is negative: zero 0 is more than people.pending -1"),
    (with_work(pending=-5), "no count of work is negative: zero 0 is more than pending -5"),
    (
        with_desk(counts={**DESK.counts, "errors": -1}),
        "no count of stages.desk is negative: zero 0 is more than errors -1",
    ),
    (
        with_gateway(counts={**GATEWAY.counts, "sold_out": -2}),
        "no count of stages.gateway is negative: zero 0 is more than sold_out -2",
    ),
    (
        with_counts(people__wanted=6),
        "people: people.wanted 6 is not people.placed 2 + people.abandoned 2 + people.pending 1 = 5",
    ),
    (with_counts(sessions__started=4), "sessions begun: people.wanted 5 is more than sessions.started 4"),
    (
        with_counts(sessions__failed=5),
        "sessions ended: sessions.served 2 + sessions.failed 5 = 7 is more than sessions.started 6",
    ),
    (with_counts(sessions__served=3), "sessions served: sessions.served 3 is not people.placed 2"),
    (with_samples(time_to_order_ns=sample(60)), "times to an order: samples 1 is not people.placed 2"),
    (replace(OUTCOME, shut_out=(6, 0, 0)), "people shut out for 1 h: shut out 6 is more than people.wanted 5"),
    (replace(OUTCOME, shut_out=(1, 2, 0)), "people shut out for 2 h: shut out 2 is more than shut out for less 1"),
    (replace(OUTCOME, shut_out=(1, 1, 3)), "people shut out for 6 h: shut out 3 is more than shut out for less 1"),
    (
        with_counts(attempts__admitted=6),
        "verdicts of the gateway: attempts.offered 9 is not attempts.admitted 6 + attempts.throttled 2 + "
        "attempts.shed 1 + attempts.expired 0 + attempts.pending 1 = 10",
    ),
    (
        with_counts(attempts__unanswered=0),
        "answers to attempts: attempts.offered 9 is not attempts.completed 2 + attempts.failed 4 + "
        "attempts.timed_out 2 + attempts.outrun 0 + attempts.unanswered 0 = 8",
    ),
    (with_counts(attempts__outrun=1), "attempts outrun: attempts.outrun 1 is more than attempts.hedged 0"),
    (with_counts(attempts__hedged=10), "hedges: attempts.hedged 10 is more than attempts.offered 9"),
    (
        with_counts(failures__error=1),
        "failures by reason: attempts.failed 4 is not failures.throttled 2 + failures.shed 1 + failures.expired 0 + "
        "failures.error 1 + failures.sold_out 0 + failures.store 1 = 5",
    ),
    (with_counts(failures__timed_out=3), "timeouts: attempts.timed_out 2 is not failures.timed_out 3"),
    (with_counts(orders__placed=3), "attempts that became orders: attempts.completed 2 is not orders.placed 3"),
    (with_counts(people__placed=1), "attempts that served a person: attempts.completed 2 is not people.placed 1"),
    (
        with_samples(response_refused_ns=sample(1, 1)),
        "response times: samples of admitted 5 + samples of refused 2 = 7 is not attempts.completed 2 + "
        "attempts.failed 4 + attempts.timed_out 2 = 8",
    ),
    (
        with_samples(response_refused_ns=sample(1, 1, 1, 1)),
        "refusals heard: samples of refused 4 is more than attempts.throttled 2 + attempts.shed 1 + "
        "attempts.expired 0 = 3",
    ),
    (with_counts(kitchens__refused=0), "attempts without a store: failures.store 1 is not kitchens.refused 0"),
    (
        with_counts(orders__cancelled=1),
        "orders: orders.placed 2 is not orders.delivered 1 + orders.cancelled 1 + orders.in_progress 1 = 3",
    ),
    (
        with_counts(orders__late=1),
        "deliveries: orders.delivered 1 is not orders.delivered_on_time 1 + orders.late 1 = 2",
    ),
    (with_samples(delivery_ns=sample()), "times of delivery: samples 0 is not orders.delivered 1"),
    (with_samples(ready_ns=sample()), "delivered orders were ready: orders.delivered 1 is more than samples 0"),
    (with_samples(ready_ns=sample(1, 2, 3)), "orders ready: samples 3 is more than orders.placed 2"),
    (with_counts(kitchens__wasted_cups=4), "cups: kitchens.wasted_cups 4 is more than kitchens.cups 3"),
    (
        with_work(useful=43 * S),
        "work (server-ns): work.brought 156,000,000,000 is not work.useful 43,000,000,000 + "
        "work.wasted 64,000,000,000 + work.dropped 50,000,000,000 + work.pending 0 = 157,000,000,000",
    ),
    (
        with_desk(counts={**DESK.counts, "shed": 1}),
        "stages.desk arrivals: arrived 5 is not served 4 + shed 1 + throttled 0 + expired 1 + sold_out 0 + "
        "waiting 0 + in_service 0 = 6",
    ),
    (with_desk(counts={**DESK.counts, "errors": 5}), "stages.desk errors: errors 5 is more than served 4"),
    (
        with_gateway(waiting_ns=sample(1)),
        "stages.gateway services begun: samples of waiting 1 is not samples of service 7 + in_service 0 = 7",
    ),
    (with_desk(service_ns=sample(10, 20)), "stages.desk services ended: samples of service 2 is not served 4"),
    (
        with_desk(queue_integral_ns=15 * S),
        "stages.desk Little's law of the queue (ns): integral of the queue 15,000,000,000 is not "
        "waited before service 6,000,000,000 + waited without 10,000,000,000 = 16,000,000,000",
    ),
    (
        with_gateway(unserved_waiting_ns=2 * S),
        "stages.gateway Little's law of the queue (ns): integral of the queue 4,000,000,000 is not "
        "waited before service 1,000,000,000 + waited without 2,000,000,000 = 3,000,000,000",
    ),
    (
        with_desk(busy_ns=201 * S),
        "stages.desk servers (server-ns): busy 201,000,000,000 is more than available 200,000,000,000",
    ),
    (
        with_gateway(counts=NO_STAGE_COUNTS | {"arrived": 8, "served": 7, "shed": 1}),
        "arrivals at the gateway: attempts.offered 9 is not arrived 8",
    ),
    (
        with_gateway(counts=NO_STAGE_COUNTS | {"arrived": 9, "served": 7, "shed": 2}),
        "those still at the gateway: attempts.pending 1 is not waiting 0 + in_service 0 = 0",
    ),
    (
        with_desk(counts=NO_STAGE_COUNTS | {"arrived": 6, "served": 4, "expired": 2}),
        "the way to desk: stages.desk.arrived 6 is more than attempts.admitted 5",
    ),
    (
        with_desk(counts={**DESK.counts, "errors": 2}),
        "the way to an order: attempts.completed 2 + failures.store 1 = 3 is more than stages.desk served well 2",
    ),
    (
        with_series(orders__placed=ints(1, 1)),
        "length of the series of orders.placed: values 2 is not buckets 3",
    ),
    (
        with_series(attempts__held_back=ints(1, 1, 0)),
        "series of attempts.held_back: sum of the buckets 2 is not attempts.held_back 1",
    ),
    (
        with_series(work__dropped=seconds(1, 0, 50)),
        "series of work.dropped: sum of the buckets 51,000,000,000 is not work.dropped 50,000,000,000",
    ),
    (
        replace(OUTCOME, gauges={"stages.desk.backlog": np.array([1.0])}),
        "length of the series of stages.desk.backlog: values 1 is not buckets 3",
    ),
    (replace(OUTCOME, zones_wanted=ints(3, 3)), "people by zone: sum of zones 6 is not people.wanted 5"),
    (replace(OUTCOME, zones_placed=ints(0, 1)), "orders by zone: sum of zones 1 is not people.placed 2"),
    (
        replace(OUTCOME, segments={"city": (3, 2, sample(60, 20))}),
        "people by segment: sum of segments 3 is not people.wanted 5",
    ),
    (
        replace(OUTCOME, segments={"city": (5, 1, sample(60))}),
        "orders by segment: sum of segments 1 is not people.placed 2",
    ),
    (
        replace(OUTCOME, segments={"city": (5, 2, sample(60))}),
        "times to an order of city: samples 1 is not placed 2",
    ),
    (
        replace(OUTCOME, segments={**OUTCOME.segments, "county": (2, 1, sample())}),
        "times to an order of county: samples 0 is not placed 1",
    ),
    (replace(OUTCOME, orders=orders(want=ints(0, 1, 1, 3, 4))), "orders trace: rows out of order 1 is not allowed 0"),
    (
        replace(OUTCOME, attempts=attempts(attempt=ints(1, 2, 1, 1, 2, 1, 2, 1, 2))),
        "attempts trace: rows out of order 1 is not allowed 0",
    ),
    (
        replace(OUTCOME, orders=orders(end=ints(1, 2, 2, 1, 1))),
        "orders trace, end 1: rows 3 is not people.placed 2",
    ),
    (
        replace(OUTCOME, orders=orders(delivery=ints(3, 0, 0, 0, 0))),
        "orders trace, delivery 3: rows 1 is not orders.cancelled 0",
    ),
    (
        replace(OUTCOME, orders=orders(delivery=ints(1, 0, 0, 0, 9))),
        "orders trace, delivery of no meaning: rows 1 is not allowed 0",
    ),
    (
        replace(OUTCOME, orders=orders(end=ints(1, 2, 2, 1, -1))),
        "orders trace, end of no meaning: rows 1 is not allowed 0",
    ),
    (
        replace(OUTCOME, attempts=attempts(gateway=ints(1, 2, 1, 1, 1, 3, 1, 2, 5))),
        "attempts trace, gateway of no meaning: rows 1 is not allowed 0",
    ),
    (
        replace(OUTCOME, attempts=attempts(answer=ints(1, 2, 5, 8, 5, 3, 1, 2, 10))),
        "attempts trace, answer of no meaning: rows 1 is not allowed 0",
    ),
    (
        replace(OUTCOME, attempts=attempts(gateway=ints(1, 2, 1, 1, 1, 3, 1, 2, 4))),
        "attempts trace, gateway 4: rows 1 is not attempts.expired 0",
    ),
    (
        replace(OUTCOME, attempts=attempts(answer=ints(1, 2, 5, 8, 8, 3, 1, 2, 0))),
        "attempts trace, answer 8: rows 2 is not failures.store 1",
    ),
]


def test_a_run_that_balances_has_no_violation() -> None:
    assert check(OUTCOME) == []


def test_a_run_without_traces_and_segments_balances_too() -> None:
    assert check(replace(OUTCOME, orders=None, attempts=None, segments={})) == []


@pytest.mark.parametrize(("tampered", "says"), TAMPERED, ids=[says.partition(":")[0] for _, says in TAMPERED])
def test_an_identity_that_is_broken_on_purpose_is_reported_with_both_sides(tampered: Outcome, says: str) -> None:
    assert Violation(says.partition(": ")[0], says) in check(tampered)


def tampered_everywhere() -> Iterator[Outcome]:
    """The table above, and every count, series, stage and column of codes changed by one."""
    yield from (tampered for tampered, _ in TAMPERED)
    for name, number in COUNTS.items():
        yield replace(OUTCOME, counts={**COUNTS, name: number + 1})
    for name, values in PER_BUCKET.items():
        yield replace(OUTCOME, per_bucket={**PER_BUCKET, name: np.append(values, 1)})
    for with_stage, stage in ((with_gateway, GATEWAY), (with_desk, DESK)):
        yield with_stage(busy_ns=stage.available_ns + 1)
        yield with_stage(queue_integral_ns=stage.queue_integral_ns + 1)
        yield with_stage(waiting_ns=Sample.of(np.zeros(len(stage.waiting_ns) + 1, dtype=np.int64)))
        yield with_stage(service_ns=Sample.of(np.zeros(len(stage.service_ns) + 1, dtype=np.int64)))
        yield from (with_stage(counts={**stage.counts, name: n + 9}) for name, n in stage.counts.items())


def test_there_is_no_identity_that_nothing_breaks() -> None:
    every = {identity.about for identity in identities(OUTCOME)} - {"counts that are missing (none)"}
    broken = {violation.about for tampered in tampered_everywhere() for violation in check(tampered)}
    assert every - broken == set()


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_no_count_can_be_changed_unnoticed(name: str) -> None:
    assert check(replace(OUTCOME, counts={**COUNTS, name: COUNTS[name] + 1})) != []


@pytest.mark.parametrize("name", sorted(PER_BUCKET))
def test_no_series_can_be_changed_unnoticed(name: str) -> None:
    missing = {other: values for other, values in PER_BUCKET.items() if other != name}
    assert check(replace(OUTCOME, per_bucket={**missing, name: PER_BUCKET[name] + ints(0, 0, 1)})) != []
    assert check(replace(OUTCOME, per_bucket=missing)) != []


@pytest.mark.parametrize("stage", [GATEWAY, DESK], ids=["gateway", "desk"])
@pytest.mark.parametrize("name", sorted(NO_STAGE_COUNTS.keys() - {"errors"}))
def test_no_count_of_a_stage_can_be_changed_unnoticed(stage: Any, name: str) -> None:
    changed = replace(stage, counts={**stage.counts, name: stage.counts[name] + 1})
    stages = tuple(changed if each is stage else each for each in OUTCOME.stages)
    assert check(replace(OUTCOME, stages=stages)) != []


def test_an_interrupted_run_is_counted_to_its_last_begun_bucket() -> None:
    short = {name: values[:2] for name, values in PER_BUCKET.items()}
    stopped = replace(OUTCOME, ended_ns=61 * S, interrupted=True, per_bucket=short)
    assert not any(violation.about.startswith("length") for violation in check(replace(stopped, gauges={})))


def test_sums_beyond_64_bits_are_exact() -> None:
    hours_ns = np.full(2_000_000, 6 * 3600 * S, dtype=np.int64)
    waited_ns = 2_000_000 * 6 * 3600 * S  # 4.3e19, where 64 bits end at 9.2e18
    counts = {**DESK.counts, "served": 2_000_000}
    desk = replace(DESK, waiting_ns=Sample.of(hours_ns), queue_integral_ns=waited_ns + 10 * S, counts=counts)
    violated = check(replace(OUTCOME, stages=(GATEWAY, desk)))
    assert not any("Little's law" in violation.about for violation in violated)
