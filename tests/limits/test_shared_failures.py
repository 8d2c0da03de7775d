"""limits.shared with a Redis that is paused, killed, restarted, slow, or never answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest

from benchmarks.servers import RedisServer
from limits.shared import (
    DECIDE,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    LeasedQuota,
    ReportedQuota,
    SharedGcra,
    Store,
    UnavailableError,
)
from limits.verdicts import ADMITTED, SHED
from limits.without_store import CLOSED, LAST_SHARE, OPEN

TIMEOUT_S = 0.3
SLACK_S = 1.5  # for a machine that is busy; what hangs, hangs for ever or for the 5 s that the client has unless told
HOUR: dict[str, Any] = {"name": "q", "rate_per_s": Fraction(1, 3600)}  # so slow that time brings nothing
Quota = SharedGcra | LeasedQuota | ReportedQuota
Make = Callable[..., Quota]


def exact(store: Store, **more: Any) -> SharedGcra:
    return SharedGcra(store, **(HOUR | more))


def leased(store: Store, **more: Any) -> LeasedQuota:
    return LeasedQuota(store, lease=4, **(HOUR | more))


def reported(store: Store, **more: Any) -> ReportedQuota:
    return ReportedQuota(store, every_s=0.05, **(HOUR | more))


KINDS = pytest.mark.parametrize("make", [exact, leased, reported])


@contextlib.asynccontextmanager
async def used(quota: Quota) -> AsyncIterator[Quota]:
    async with contextlib.AsyncExitStack() as stack:
        if not isinstance(quota, SharedGcra):
            await stack.enter_async_context(quota)
        yield quota


@contextlib.asynccontextmanager
async def network(port: int = 0, delay_s: float = 0.0) -> AsyncIterator[tuple[str, list[float]]]:
    """A way to a server that takes its time; without a port, one that accepts and never answers. When who connected."""
    connected: list[float] = []
    open_ends: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while words := await reader.read(65536):
                await asyncio.sleep(delay_s)
                writer.write(words)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(time.monotonic())
        open_ends.append(writer)
        if port:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            open_ends.append(far_writer)
            await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", connected
    finally:
        server.close()
        for end in open_ends:
            end.close()
        await asyncio.sleep(0.05)


async def timed(quota: Quota, key: str = "a") -> tuple[int, float]:
    begun_s = time.monotonic()
    answer = await quota.decide(key)
    return answer, time.monotonic() - begun_s


@pytest.fixture
def paused(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis_server.pause()
    yield redis_server
    redis_server.resume()


@KINDS
@pytest.mark.parametrize("mode", [CLOSED, OPEN, LAST_SHARE])
def test_a_redis_that_never_answers_is_waited_for_no_longer_than_the_timeout(make: Make, mode: int) -> None:
    async def ask() -> None:
        async with (
            network() as (url, _),
            Store(url, timeout_s=TIMEOUT_S, connections=2) as store,
            used(make(store, burst=50, mode=mode)) as quota,
        ):
            found = await asyncio.gather(*(timed(quota, f"person-{n}") for n in range(100)))
            assert {answer for answer, _ in found} == {ADMITTED if mode == OPEN else SHED}
            assert max(took_s for _, took_s in found) < TIMEOUT_S + SLACK_S
            begun_s = time.monotonic()
        assert time.monotonic() - begun_s < 2 * TIMEOUT_S + SLACK_S

    asyncio.run(ask())


@KINDS
def test_a_paused_redis_is_waited_for_no_longer_than_the_timeout(make: Make, paused: RedisServer) -> None:
    async def ask() -> None:
        async with Store(paused.url, timeout_s=TIMEOUT_S) as store, used(make(store, burst=50)) as quota:
            answer, took_s = await timed(quota)
            assert answer == SHED
            assert TIMEOUT_S * 0.9 < took_s < TIMEOUT_S + SLACK_S
            answer, took_s = await timed(quota)  # it is left alone now: nobody waits again
            assert answer == SHED
            assert took_s < TIMEOUT_S * 0.9

    asyncio.run(ask())


@KINDS
def test_a_slow_network_is_waited_for_no_longer_than_the_timeout(make: Make, redis_server: RedisServer) -> None:
    async def ask() -> None:
        async with (
            network(redis_server.port, delay_s=1.0) as (url, _),
            Store(url, timeout_s=TIMEOUT_S) as store,
            used(make(store, burst=50)) as quota,
        ):
            answer, took_s = await timed(quota)
            assert answer == SHED
            assert took_s < TIMEOUT_S + SLACK_S

    asyncio.run(ask())


def test_a_network_within_the_timeout_is_waited_for(redis_server: RedisServer) -> None:
    async def ask() -> None:
        async with network(redis_server.port, delay_s=0.02) as (url, _), Store(url, timeout_s=10.0) as store:
            for make in (exact, leased, reported):
                async with used(make(store, burst=50)) as quota:
                    assert await quota.decide(make.__name__) == ADMITTED

    asyncio.run(ask())


async def until_unavailable(store: Store, quota: Quota) -> None:
    until_s = time.monotonic() + 10
    while store.failures == 0:
        assert time.monotonic() < until_s
        await quota.decide("other")
        await asyncio.sleep(0.02)


@KINDS
@pytest.mark.parametrize("fault", ["killed", "paused"])
@pytest.mark.parametrize("mode", [CLOSED, OPEN, LAST_SHARE])
def test_without_redis_each_mode_does_what_it_says(
    make: Make, mode: int, fault: str, redis_server: RedisServer
) -> None:
    """Two gateways; the one that is watched has asked for both keys before."""

    async def ask() -> None:
        async with Store(redis_server.url, timeout_s=TIMEOUT_S) as store, contextlib.AsyncExitStack() as stack:
            other, quota = [await stack.enter_async_context(used(make(store, burst=10, mode=mode))) for _ in range(2)]
            for one in (other, quota):
                for key in ("a", "other"):
                    assert await one.decide(key) == ADMITTED
            if fault == "killed":
                redis_server.kill()
            else:
                redis_server.pause()
            await until_unavailable(store, quota)
            if make is reported:
                await asyncio.sleep(0.5)  # until its view is stale
                await quota.decide("a")
                await asyncio.sleep(TIMEOUT_S + 0.1)
            answers = [await timed(quota) for _ in range(40)]
            assert max(took_s for _, took_s in answers) < TIMEOUT_S + SLACK_S
            many = [answer for answer, _ in answers].count(ADMITTED)
            held = 3 if make is leased else 0  # of the lease; then comes the mode
            share = 4 if make is leased else 9 if make is reported else 10  # a lease, or the burst, one used above
            assert many == {CLOSED: held, OPEN: 40, LAST_SHARE: held + share}[mode]

    asyncio.run(ask())
    if fault == "paused":
        redis_server.resume()


@KINDS
@pytest.mark.parametrize("fault", ["killed", "paused"])
def test_redis_is_found_again_within_the_stated_time(make: Make, fault: str, redis_server: RedisServer) -> None:
    async def ask() -> None:
        async with Store(redis_server.url, timeout_s=TIMEOUT_S) as store, used(make(store, burst=1_000)) as quota:
            assert await quota.decide("a") == ADMITTED
            if fault == "killed":
                redis_server.kill()
            else:
                redis_server.pause()
            until_s = time.monotonic() + 2.5  # until pauses are as long as they get
            while time.monotonic() < until_s:
                await quota.decide("fresh")
                await asyncio.sleep(0.02)
            assert store.failures > 2
            if fault == "killed":
                redis_server.start()
            else:
                redis_server.resume()
            begun_s = time.monotonic()
            while await quota.decide("fresh") != ADMITTED:
                assert time.monotonic() - begun_s < LONGEST_PAUSE_S + 2 * TIMEOUT_S + SLACK_S
                await asyncio.sleep(0.02)
            assert store.failures == 0

    asyncio.run(ask())


@KINDS
def test_who_hammers_does_not_make_a_storm_of_connections(make: Make) -> None:
    async def ask() -> None:
        async with (
            network() as (url, connected),
            Store(url, timeout_s=0.05, connections=8) as store,
            used(make(store, burst=50)) as quota,
        ):
            until_s = time.monotonic() + 2
            while time.monotonic() < until_s:
                await asyncio.gather(*(quota.decide(f"person-{n}") for n in range(50)))
                await asyncio.sleep(0.005)
            # 8 at first; then one for each pause: 50-100 ms, 100-200, ...
            assert len(connected) <= 8 + 8
            assert 1 <= sum(at_s > connected[0] + 0.3 for at_s in connected) <= 8

    asyncio.run(ask())


def test_pauses_double_with_jitter_and_what_fails_together_counts_once() -> None:
    async def ask() -> None:
        draws = iter([0.0, 0.999999])
        async with network() as (url, _), Store(url, timeout_s=0.05, draw=lambda: next(draws)) as store:
            quota = exact(store, burst=5)
            await asyncio.gather(*(quota.decide("a") for _ in range(10)))
            assert store.failures == 1
            with pytest.raises(UnavailableError) as error:
                await store.run(DECIDE, [], [])
            assert 0 < error.value.again_in_ns <= FIRST_PAUSE_S * 1e9
            await asyncio.sleep(FIRST_PAUSE_S + 0.01)
            await quota.decide("a")
            assert store.failures == 2
            with pytest.raises(UnavailableError) as error:
                await store.run(DECIDE, [], [])
            assert 0 <= error.value.again_in_ns <= FIRST_PAUSE_S * 1e9 * 1.001  # twice as long, half of it by chance

    asyncio.run(ask())


def test_lost_data_adds_one_burst_and_takes_no_lease_back(redis_server: RedisServer) -> None:
    async def ask() -> None:
        async with Store(redis_server.url, timeout_s=TIMEOUT_S) as store:
            long = {"term_s": 60.0, "idle_s": 30.0, "lease": 10, "burst": 50, **HOUR}
            async with LeasedQuota(store, **long) as one, LeasedQuota(store, **long) as two:
                assert await one.decide("a") == ADMITTED
                assert await two.decide("a") == ADMITTED
                redis_server.kill()
                redis_server.start()
                total = 2
                until_s = time.monotonic() + 6
                while time.monotonic() < until_s and total < 200:
                    answers = [await quota.decide("a") for quota in (one, two)]
                    total += answers.count(ADMITTED)
                    await asyncio.sleep(0.005)
                assert 50 < total <= 2 * 50
                assert total <= 50 + 2 * 10  # only what was out when the data was lost is on top of the new burst

    asyncio.run(ask())


def test_what_a_paused_redis_does_late_is_counted_once(redis_server: RedisServer) -> None:
    """Questions given up by gateways wait in the sockets, and happen when Redis goes on."""

    async def ask() -> None:
        async with Store(redis_server.url, timeout_s=0.05) as store:
            long = {"term_s": 60.0, "idle_s": 0.02, "lease": 10, "burst": 50, **HOUR}
            total = 0
            async with contextlib.AsyncExitStack() as stack:
                fleet = [await stack.enter_async_context(LeasedQuota(store, **long)) for _ in range(4)]
                for _ in range(4):
                    for quota in fleet:
                        total += await quota.decide("a") == ADMITTED
                    redis_server.pause()
                    for quota in fleet:
                        total += await quota.decide("a") == ADMITTED
                    await asyncio.sleep(0.2)
                    redis_server.resume()
                    await asyncio.sleep(0.2)
                until_s = time.monotonic() + 2
                while time.monotonic() < until_s:
                    for quota in fleet:
                        total += await quota.decide("a") == ADMITTED
                    await asyncio.sleep(0.01)
            assert total <= 50

    asyncio.run(ask())
