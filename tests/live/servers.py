"""Servers that a live run asks in tests: one that answers as our gateway does, and one that nobody here wrote."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.servers import Server

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICE_S = 0.005
SLOW_S = 3.0

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def answers(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Place every order whose want is no multiple of 3; of those refuse the odd, and keep the even waiting."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = json.loads((await receive())["body"])
    want = int(body["want"])
    headers = dict(scope["headers"])
    assert headers[b"idempotency-key"] == b"%d" % want
    assert int(headers[b"x-sluice-intended-ns"]) >= 0
    assert set(body["person"]) == {"segment", "zone", "kind"}
    await asyncio.sleep(SLOW_S if want % 6 == 0 else SERVICE_S)
    status, more = (201, []) if want % 3 else (429, [(b"retry-after", b"2")])
    told = json.dumps({"verdict": "placed" if want % 3 else "throttled"}).encode()
    length = (b"content-length", b"%d" % len(told))
    await send({"type": "http.response.start", "status": status, "headers": [length, *more]})
    await send({"type": "http.response.body", "body": told})


class _Listening(Server):
    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


class FakeGateway(_Listening):
    """`answers`, run by uvicorn."""

    def _command(self) -> Sequence[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--app-dir", str(ROOT)]
        kinds = ["--loop", "asyncio", "--http", "h11", "--ws", "none", "--log-level", "error"]
        return [sys.executable, "-m", "uvicorn", "tests.live.servers:answers", *where, *kinds]


class PackageIndex(_Listening):
    """pypiserver, which takes packages into its folder: an API that nobody here made."""

    def _command(self) -> Sequence[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        return [sys.executable, "-m", "pypiserver", "run", *where, "--passwords", ".", "--authenticate", ".", "."]

    def packages(self) -> set[str]:
        """What it has taken."""
        return {path.name for path in Path(self._folder.name).iterdir() if path.suffix == ".gz"}
