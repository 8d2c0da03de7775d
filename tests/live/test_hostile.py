"""Clients that mean no good: refused cheaply and in time, while honest people are served."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from simulator.live import server
from simulator.live.gateway import Receive, Scope, Send, send_answer
from simulator.live.process import allow_connections
from simulator.live.server import MOST_HEAD, REQUEST_S
from simulator.live.stack import Stack
from tests.live.stacks import SOON_S, Client, admin_of, check_books, order_once, running, scenario, verdict

IDLE = 3000
BODY = b'{"want": "7", "attempt": 1, "person": {}, "timeout_ms": 1000}'
HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: tea\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all of them."""
    with running(scenario(), tmp_path_factory.mktemp("hostile")) as started:
        yield started


def connect(stack: Stack) -> socket.socket:
    parts = urlsplit(stack.gateway)
    return socket.create_connection((parts.hostname, parts.port), timeout=SOON_S)


def said(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    while True:
        try:
            part = connection.recv(1 << 16)
        except ConnectionResetError:
            return found
        if not part:
            return found
        found += part


def is_served(stack: Stack, want: int) -> None:
    began_s = time.monotonic()
    assert verdict(order_once(stack.gateway, want))[1] == "placed"
    assert time.monotonic() - began_s < 2


def test_slow_senders_are_cut_off_while_others_are_served(stack: Stack) -> None:
    with connect(stack) as head, connect(stack) as body, connect(stack) as nothing:
        head.sendall(b"POST /v1/orders HTTP/1.1\r\nX-Slow: ")
        body.sendall(HEAD % len(BODY) + BODY[:10])
        began_s = time.monotonic()
        is_served(stack, 1)
        while time.monotonic() - began_s < REQUEST_S - 1:
            head.sendall(b"a")
            body.sendall(b" ")
            time.sleep(0.25)
        for slow in (head, body, nothing):
            assert said(slow).startswith(b"HTTP/1.1 408 ")
        assert REQUEST_S - 0.5 < time.monotonic() - began_s < REQUEST_S + 2


def test_long_heads_and_bodies_are_refused_before_they_have_come(stack: Stack) -> None:
    with connect(stack) as long_head:
        long_head.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * (MOST_HEAD + 1))
        assert said(long_head).startswith(b"HTTP/1.1 431 ")
    with connect(stack) as promised:
        promised.sendall(HEAD % 10**9)
        assert said(promised).startswith(b"HTTP/1.1 413 ")
    with connect(stack) as in_parts:
        in_parts.sendall(b"POST /v1/orders HTTP/1.1\r\nHost: tea\r\nTransfer-Encoding: chunked\r\n\r\n")
        in_parts.sendall(b"1000\r\n" + b" " * 0x1000 + b"\r\n1000\r\n" + b" " * 0x1000 + b"\r\n")
        assert said(in_parts).startswith(b"HTTP/1.1 413 ")
    with connect(stack) as two_lengths:
        two_lengths.sendall(b"POST /v1/orders HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
        assert said(two_lengths).startswith(b"HTTP/1.1 400 ")
    is_served(stack, 2)


def test_many_idle_connections_keep_nobody_out(stack: Stack) -> None:
    allow_connections()
    with ExitStack() as idle:
        for number in range(IDLE):
            one = idle.enter_context(connect(stack))
            if number % 2:  # half of them have asked for something, and may be idle for longer
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: tea\r\n\r\n")
        is_served(stack, 3)


def test_the_longest_idle_connection_makes_room_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send_answer(send, 200, "here", [])

    async def serves() -> None:
        told, listener = asyncio.Event(), socket.create_server(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(app, listener, told))
        opened = []
        for _ in range(4):
            opened.append(await asyncio.open_connection(*listener.getsockname()))
            await asyncio.sleep(0.05)
        assert await asyncio.wait_for(opened[0][0].read(), SOON_S) == b""
        for reader, writer in opened[1:]:
            writer.write(b"GET / HTTP/1.1\r\nHost: tea\r\n\r\n")
            assert (await asyncio.wait_for(reader.readline(), SOON_S)).startswith(b"HTTP/1.1 200 ")
        for _, writer in opened:
            writer.close()
            await writer.wait_closed()
        told.set()
        await serving
        listener.close()

    asyncio.run(serves())


def test_a_key_that_is_replayed_a_hundred_times_is_one_order(stack: Stack) -> None:
    for attempt in range(100):
        assert verdict(order_once(stack.gateway, 4, attempt + 1))[1] == "placed"
    assert [row[0] for row in stack.ledger_rows()].count(4) == 1
    check_books(stack, {4})


def test_a_ticket_is_its_owners_and_cannot_be_forged(tmp_path: Path) -> None:
    of = scenario(
        stages=[{"name": "till", "servers": 50, "service": "300ms"}],
        admission=[{"name": "door", "at": "gateway", "law": "gcra", "rate": "1/h", "burst": 1, "ticket": "10m"}],
    )
    with running(of, tmp_path, workers=2) as stack:
        assert verdict(order_once(stack.gateway, 1, timeout_ms=100)) == (504, "expired")  # let in, and too impatient
        client = Client(stack.gateway)
        for attempt, headers in (
            (1, {}),
            (2, {}),
            (1000, {"X-Sluice-Intended-Ns": "0"}),
            (3, {"X-Sluice-Ticket": "1", "Cookie": "ticket=1", "Idempotency-Key": "2"}),
        ):
            body = {"want": "2", "attempt": attempt, "person": {}, "timeout_ms": 60_000}
            assert verdict(client.ask("POST", "/v1/orders", body, headers)) == (429, "throttled")
        body = {"want": "2", "attempt": 4, "person": {}, "timeout_ms": 1000}
        assert client.ask("POST", "/v1/orders", body, {"Idempotency-Key": "1"})[0] == 400
        client.close()
        assert verdict(order_once(stack.gateway, 1, attempt=2)) == (201, "placed")


def test_the_admin_reads_nothing_from_who_has_no_token_and_is_not_at_the_gateway(stack: Stack) -> None:
    path = b"/admin/incidents?token=" + stack.settings.token.encode()
    head = b"POST %s HTTP/1.1\r\nHost: tea\r\nAuthorization: %s\r\nContent-Length: 1000000000\r\n\r\n"
    parts = urlsplit(stack.admin)
    for guess in (b"", b"Bearer ", b"Bearer guess", b"Basic " + stack.settings.token.encode(), b"Bearer \xff"):
        with socket.create_connection((parts.hostname, parts.port), timeout=SOON_S) as knocking:
            knocking.sendall(head % (path, guess))
            assert knocking.recv(1 << 16).startswith(b"HTTP/1.1 401 ")
    client = Client(stack.gateway)
    assert client.ask("GET", "/admin/log", headers=admin_of(stack))[0] == 404
    client.close()
    admin = Client(stack.admin)
    assert admin.ask("GET", "/admin/log", headers=admin_of(stack))[::2] == (200, [])
    admin.close()
    is_served(stack, 5)


def test_no_port_is_left_open_and_no_process_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(scenario(), tmp_path_factory.mktemp("ends")) as stack:
        ports = [urlsplit(url).port for url in (stack.gateway, stack.admin)]
        pids = stack.pids
        stack.upset("kill_worker")
        assert verdict(order_once(stack.gateway, 1))[1] == "placed"
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    for pid in (*pids.values(), *stack.pids.values()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
