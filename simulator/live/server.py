"""Uvicorn on uvloop, with the bounds that it lacks: on the head of a request, on the time it takes, on connections."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 16_384
MOST_CONNECTIONS = 10_000
REQUEST_S = 5.0
"""From its first byte (of a new connection: from its beginning) to its last."""
IDLE_S = 30.0
SWEEP_S = 0.5


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is closed where its request is too slow or its head too long."""

    began_s: float | None = None
    head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; where there are too many connections, the longest idle one makes room."""
        super().connection_made(transport)
        self.began_s = self.loop.time()
        if len(self.connections) > MOST_CONNECTIONS:
            idle = [one for one in self.connections if isinstance(one, BoundedProtocol) and one.is_idle]
            oldest = min(idle, key=lambda one: one.began_s or 0.0, default=self)
            oldest.transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether nobody here works for it."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Look at the head's length before it is parsed."""
        if self.began_s is None:
            self.began_s, self.head_bytes = self.loop.time(), 0
        self.head_bytes += len(data)
        super().data_received(data)
        if self.head_bytes > MOST_HEAD:
            self.refuse(b"431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """The head is whole: what follows is the body, which the app bounds."""
        self.head_bytes = -(2**62)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.began_s = None
        super().on_message_complete()

    def refuse(self, status: bytes) -> None:
        """Say why, and close."""
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
            self.transport.close()


async def serve(app: Any, listener: socket.socket, told: asyncio.Event) -> None:
    """Serve an app until told to end."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=1,
        backlog=2048,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    sweeper = asyncio.create_task(_sweep(server))
    ticker = asyncio.create_task(server.main_loop())
    await told.wait()
    server.should_exit = True
    sweeper.cancel()
    await ticker
    await server.shutdown(sockets=[listener])


async def _sweep(server: uvicorn.Server) -> None:
    """Close what is slow."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_S)
        late_s = loop.time() - REQUEST_S
        for one in list(server.server_state.connections):
            if isinstance(one, BoundedProtocol) and one.began_s is not None and one.began_s < late_s:
                one.refuse(b"408 Request Timeout")
