"""limits.shared with a real Redis that works."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.servers import RedisServer
from limits import gcra, quota_lease, quota_report, shared
from limits.shared import LEASE, LONGEST_DEBT_NS, LeasedQuota, ReportedQuota, SharedGcra, Store
from limits.verdicts import ADMITTED, NEVER
from limits.without_store import CLOSED, LAST_SHARE

S = 1_000_000_000
PATIENT_S = 10.0  # where time is not what is tested: this machine may be busy
HELD = {"term_s": 60.0, "idle_s": 30.0}  # leases that do not end because it is
EXAMPLES = settings(max_examples=100, deadline=None)
BUCKETS = st.integers(1, 12).flatmap(
    lambda burst: st.tuples(
        st.integers(1, 10**5) | st.integers(10**5, 10**8) | st.integers(10**8, (LONGEST_DEBT_NS - 1) // burst),
        st.just(burst),
    )
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def store(redis_of_all: RedisServer, runner: asyncio.Runner) -> Iterator[Store]:
    one = Store(redis_of_all.url, timeout_s=PATIENT_S, connections=4)
    yield one
    runner.run(one.__aexit__())


def limit(interval_ns: int, burst: int, **more: Any) -> dict[str, Any]:
    return {"name": "q", "rate_per_s": Fraction(S, interval_ns), "burst": burst, **more}


names = iter(range(10**9))


@EXAMPLES
@given(bucket=BUCKETS, costs=st.lists(st.integers(-1, 14), max_size=30))
def test_it_answers_as_gcra_to_the_ns(
    store: Store, runner: asyncio.Runner, bucket: tuple[int, int], costs: list[int]
) -> None:
    interval_ns, burst = bucket
    quota, key, row = SharedGcra(store, **limit(*bucket)), f"exact-{next(names)}", [0]
    assert quota.interval_ns == interval_ns

    async def ask() -> None:
        for cost in costs:
            answer, now_ns = await quota.decide_at(key, cost)
            assert answer == gcra.decide(row, 0, interval_ns, burst, now_ns, cost)
            assert (now_ns == 0) == (cost <= 0 or cost > burst)

    runner.run(ask())


def test_hundreds_of_waits_are_those_of_gcra_to_the_ns(store: Store, runner: asyncio.Runner) -> None:
    quota, row = SharedGcra(store, **limit(10_742_701, 3)), [0]

    async def ask() -> int:
        found = 0
        for _ in range(300):
            answer, now_ns = await quota.decide_at("waits")
            assert answer == gcra.decide(row, 0, 10_742_701, 3, now_ns, 1)
            found += answer > 0
        return found

    assert runner.run(ask()) > 150


@EXAMPLES
@given(
    bucket=BUCKETS,
    steps=st.lists(
        st.tuples(st.integers(0, 1), st.integers(1, 4), st.integers(0, 14), st.integers(0, 9), st.booleans()),
        max_size=30,
    ),
)
def test_leases_are_granted_and_taken_back_as_the_law_says(
    store: Store, runner: asyncio.Runner, bucket: tuple[int, int], steps: list[tuple[int, int, int, int, bool]]
) -> None:
    interval_ns, burst = bucket
    tag = f"{{lease-{next(names)}}}"
    row, records = [0], [[0] * quota_lease.RECORD_WIDTH for _ in range(2)]

    async def ask() -> None:
        for gateway, number, tokens, left, back in steps:
            keys, record = [tag, f"{tag}:g", f"{tag}:{gateway}"], records[gateway]
            if back:
                found, s, ns = await store.run(shared.TAKE_BACK, keys[::2], [interval_ns, number, tokens])
                at = (row, 0, interval_ns, record, 0)
                assert found == quota_lease.take_back(*at, number, tokens, s * S + ns)
                continue
            found, wait_ns, gateways, s, ns = await store.run(
                LEASE, keys, [interval_ns, burst, gateway, number, tokens, left, 60_000, 60]
            )
            bucket_ = (row, 0, interval_ns, burst)
            assert found == quota_lease.grant(*bucket_, record, 0, number, tokens, left, 60 * S, s * S + ns)
            assert wait_ns == quota_lease.shortage_ns(*bucket_, s * S + ns)
            assert gateways in (1, 2)

    runner.run(ask())


@EXAMPLES
@given(
    interval_ns=st.integers(1, LONGEST_DEBT_NS // 1_000),
    steps=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 60), st.integers(0, 9)), max_size=30),
)
def test_reports_are_charged_as_the_law_says(
    store: Store, runner: asyncio.Runner, interval_ns: int, steps: list[tuple[int, int, int]]
) -> None:
    tag = f"{{report-{next(names)}}}"
    row, records = [0], [[0], [0]]

    async def ask() -> None:
        for gateway, total, since in steps:
            keys = [tag, f"{tag}:g", f"{tag}:{gateway}"]
            debt_ns, _, s, ns = await store.run(shared.CHARGE, keys, [interval_ns, gateway, total, since, 60])
            at = (row, 0, interval_ns, records[gateway], 0)
            assert debt_ns == quota_report.charge(*at, total, since, LONGEST_DEBT_NS, s * S + ns)

    runner.run(ask())


def test_a_decision_is_one_round_trip_also_after_scripts_were_flushed(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            quota = SharedGcra(store, **limit(S, 100))
            assert [await quota.decide("a") for _ in range(10)] == [ADMITTED] * 10
            assert (shared_redis.calls("evalsha") - before[0], shared_redis.calls("eval") - before[1]) == (10, 1)
            shared_redis.ask("SCRIPT", "FLUSH")
            assert [await quota.decide("a") for _ in range(10)] == [ADMITTED] * 10
            assert (shared_redis.calls("evalsha") - before[0], shared_redis.calls("eval") - before[1]) == (20, 2)

    before = (shared_redis.calls("evalsha"), shared_redis.calls("eval"))
    asyncio.run(ask())


def test_idle_keys_vanish(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            exact = SharedGcra(store, **limit(10_000_000, 5))
            assert [await exact.decide(f"person-{person}") for person in range(20)] == [ADMITTED] * 20
            some = limit(10_000_000, 5, trust_s=1)
            async with LeasedQuota(store, lease=2, term_s=0.2, idle_s=0.1, **some) as leased:
                assert await leased.decide("leased") == ADMITTED
            async with ReportedQuota(store, every_s=0.05, **some) as reported:
                assert await reported.decide("reported") == ADMITTED

    asyncio.run(ask())
    until_s = time.monotonic() + PATIENT_S
    while shared_redis.ask("DBSIZE") != b":0\r\n":
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_a_row_from_a_clock_that_was_ahead_owes_its_burst_and_no_more(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            shared_redis.ask("SET", "{sluice:q:a}", "9999999999.000000000")
            assert await SharedGcra(store, **limit(S, 5)).decide("a", 2) == 2 * S

    asyncio.run(ask())


def test_what_needs_no_store_does_not_ask_it() -> None:
    async def ask() -> None:
        async with Store("redis://127.0.0.1:1/0", timeout_s=PATIENT_S) as store:
            exact = SharedGcra(store, **limit(S, 5))
            assert [await exact.decide("a", cost) for cost in (0, -1, 6)] == [ADMITTED, NEVER, NEVER]
            shut: dict[str, Any] = {"name": "q", "rate_per_s": Fraction(0), "burst": 5}
            assert await SharedGcra(store, **shut).decide("a") == NEVER
            async with LeasedQuota(store, lease=5, **shut) as leased, ReportedQuota(store, **shut) as reported:
                assert [await quota.decide("a", 1) for quota in (leased, reported)] == [NEVER, NEVER]
            async with LeasedQuota(store, lease=3, **limit(S, 5)) as leased:
                assert [await leased.decide("a", cost) for cost in (0, -1, 4)] == [ADMITTED, NEVER, NEVER]
            assert store.failures == 0

    asyncio.run(ask())


def test_a_crowd_shares_few_connections_and_gets_the_burst_exactly(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S, connections=4) as store:
            quota = SharedGcra(store, **limit(3600 * S, 40))
            answers = await asyncio.gather(*(quota.decide("hot") for _ in range(300)))
            assert answers.count(ADMITTED) == 40
            found = re.search(rb"connected_clients:(\d+)", shared_redis.ask("INFO", "clients"))
            assert found is not None
            assert int(found[1]) <= before + 4

    found = re.search(rb"connected_clients:(\d+)", shared_redis.ask("INFO", "clients"))
    assert found is not None
    before = int(found[1])
    asyncio.run(ask())


def test_a_crowd_at_one_gateway_asks_for_one_lease_at_a_time_and_gets_all_there_is(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with (
            Store(shared_redis.url, timeout_s=PATIENT_S) as store,
            LeasedQuota(store, lease=20, **limit(3600 * S, 50, **HELD)) as quota,
        ):
            answers = await asyncio.gather(*(quota.decide("hot") for _ in range(300)))
            assert answers.count(ADMITTED) == 50
            assert all(answer > 0 for answer in answers if answer != ADMITTED)
            assert shared_redis.calls("evalsha") - before <= 6

    before = shared_redis.calls("evalsha")
    asyncio.run(ask())


def test_two_gateways_never_lease_more_than_there_is(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            some = limit(3600 * S, 50, **HELD)
            async with LeasedQuota(store, lease=10, **some) as one, LeasedQuota(store, lease=10, **some) as two:
                answers = await asyncio.gather(*((one, two)[n % 2].decide("hot") for n in range(200)))
                assert answers.count(ADMITTED) <= 50
                assert answers.count(ADMITTED) >= 41  # one may sit on what the other would have used

    asyncio.run(ask())


def owed(server: RedisServer, key: str) -> bool:
    return server.ask("GET", f"{{sluice:q:{key}}}") != b"$-1\r\n"


def test_what_is_not_used_comes_back_when_it_is_idle_and_at_the_end(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            some = limit(3600 * S, 50)
            async with LeasedQuota(store, lease=50, term_s=60, idle_s=0.05, **some) as one:
                assert await one.decide("a", 10) == ADMITTED
                async with LeasedQuota(store, lease=50, term_s=1.0, idle_s=0.9, **some) as two:
                    until_s = time.monotonic() + PATIENT_S
                    while await two.decide("a", 40) != ADMITTED:
                        assert time.monotonic() < until_s
                        await asyncio.sleep(0.02)
                    assert await two.decide("b", 1) == ADMITTED
            exact = SharedGcra(store, **some)
            assert await exact.decide("a", 1) > 0
            assert await exact.decide("b", 49) == ADMITTED

    asyncio.run(ask())


def test_a_lease_that_ended_is_not_taken_back(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            keys = ["{k}", "{k}:g", "{k}:of"]
            assert (await store.run(LEASE, keys, [S, 50, "g", 1, 20, 0, 30, 60]))[0] == 20
            await asyncio.sleep(0.1)
            assert (await store.run(shared.TAKE_BACK, keys[::2], [S, 1, 20]))[0] == 0

    asyncio.run(ask())


def test_reports_reach_other_gateways(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            some = limit(3600 * S, 10)
            async with ReportedQuota(store, every_s=0.05, **some) as one, ReportedQuota(store, **some) as two:
                assert [await one.decide("a") for _ in range(11)][:10] == [ADMITTED] * 10
                await asyncio.sleep(0.3)
                assert await two.decide("a") > 0
            assert await SharedGcra(store, **some).decide("a") > 0

    asyncio.run(ask())


def test_what_was_admitted_last_is_reported_at_the_end(shared_redis: RedisServer) -> None:
    async def ask() -> None:
        async with Store(shared_redis.url, timeout_s=PATIENT_S) as store:
            some = limit(3600 * S, 10)
            async with ReportedQuota(store, every_s=30, **some) as one:
                assert [await one.decide("a") for _ in range(10)] == [ADMITTED] * 10
            assert await SharedGcra(store, **some).decide("a") > 0

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"mode": 7}, "mode = 7: needs CLOSED, OPEN or LAST_SHARE"),
        ({"lease": 51}, "lease = 51: needs at least 1, at most the burst of 50"),
        ({"idle_s": 2.0}, "needs 0 < idle_s < term_s"),
        ({"trust_s": 0}, "need at least 1"),
        ({"rate_per_s": Fraction(1, 86400), "burst": 53}, "takes 52 days to fill; lower the burst"),
    ],
)
def test_what_does_not_fit_is_named(wrong: dict[str, Any], says: str) -> None:
    some = {"lease": 5, "mode": CLOSED, **limit(S, 50), **wrong}
    with pytest.raises(ValueError, match=says):
        LeasedQuota(Store("redis://127.0.0.1:1/0"), **some)


def test_settings_of_reports_and_stores_are_checked_too() -> None:
    store = Store("redis://127.0.0.1:1/0")
    with pytest.raises(ValueError, match="every_s = 0"):
        ReportedQuota(store, every_s=0, **limit(S, 5))
    with pytest.raises(ValueError, match=r"stale_s = 0\.1: needs every_s and a timeout"):
        ReportedQuota(store, stale_s=0.1, **limit(S, 5, mode=LAST_SHARE))
    with pytest.raises(ValueError, match="timeout_s = 0: needs more than 0"):
        Store("redis://127.0.0.1:1/0", timeout_s=0)
    with pytest.raises(ValueError, match="connections = 0"):
        Store("redis://127.0.0.1:1/0", connections=0)


def test_without_the_client_of_redis_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['redis'] = None; import limits.shared"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ImportError: limits.shared needs the client of Redis: pip install 'sluice[redis]'" in done.stderr
