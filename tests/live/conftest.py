"""Fixtures for tests of the live stack."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from benchmarks.servers import PostgresServer


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresServer:
    """The PostgreSQL of all tests, without the tables of the one before."""
    engine = sa.create_engine(postgres_server.url())
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres_server
