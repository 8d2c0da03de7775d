"""Fixtures for all tests; the servers themselves are in tests/servers.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from benchmarks.servers import PostgresServer, RedisServer
from tests import servers

settings.register_profile("sluice", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("sluice")


@pytest.fixture(scope="session")
def redis_of_all() -> Iterator[RedisServer]:
    """A Redis for tests that choose keys of their own."""
    with servers.redis() as server:
        yield server


@pytest.fixture
def shared_redis(redis_of_all: RedisServer) -> RedisServer:
    """A Redis for tests that leave it running, empty: without keys and without scripts."""
    redis_of_all.ask("FLUSHALL")
    redis_of_all.ask("SCRIPT", "FLUSH")
    return redis_of_all


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of its own, for tests that kill or pause it."""
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for tests that make a database of their own."""
    with servers.postgres() as server:
        yield server
