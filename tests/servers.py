"""Real servers for tests (benchmarks/servers.py runs them).

A server that this machine does not have skips the tests that need it, with the reason; where CI=true they fail.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.servers import MissingProgramError, PostgresServer, RedisServer, Server

ROOT = Path(__file__).resolve().parent.parent
STOP_S = 30.0


def redis() -> RedisServer:
    """Return a Redis to be started; else skip, or fail where CI=true."""
    try:
        return RedisServer()
    except MissingProgramError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def postgres() -> PostgresServer:
    """Return a PostgreSQL to be started; else skip, or fail where CI=true."""
    try:
        return PostgresServer()
    except MissingProgramError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


class AsgiServer(Server):
    """Uvicorn before an app of ours, `module:name`, without anything that is not pure Python."""

    def __init__(self, app: str) -> None:
        """Choose a port."""
        super().__init__()
        self._app = app

    def stop(self) -> int:
        """End it as a service manager does (SIGTERM), and return its status."""
        self.send_signal(signal.SIGTERM)
        assert self._process is not None
        status = self._process.wait(STOP_S)
        self._process = None
        return status

    def _command(self) -> Sequence[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--app-dir", str(ROOT)]
        kinds = ["--loop", "asyncio", "--http", "h11", "--ws", "wsproto", "--lifespan", "on"]
        return [sys.executable, "-m", "uvicorn", self._app, *where, *kinds, "--timeout-graceful-shutdown", "1"]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False
