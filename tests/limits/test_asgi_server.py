"""limits.asgi behind a real server, in a process of its own, as clients see it on the wire."""

from __future__ import annotations

import base64
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import pytest

from tests.servers import AsgiServer

HOUR_S = 3600
SOON_S = 20.0
POLICY = '"key";q=2;w=7200'
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
}


@pytest.fixture(scope="module")
def server() -> Iterator[AsgiServer]:
    """One server for tests that each use a key of their own."""
    with AsgiServer("tests.limits.served:app") as started:
        yield started


class Wire:
    """A connection, and what goes over it."""

    def __init__(self, server: AsgiServer) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=SOON_S)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.file.close()
        self.socket.close()

    def send(
        self, key: str, path: str = "/", *, times: int = 1, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        """Send a request, or several at once."""
        lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: tea", f"X-Key: {key}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        self.socket.sendall(("\r\n".join([*lines, "", ""]).encode() + body) * times)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer: status, headers as they were sent, body (the first part of one in chunks)."""
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("ascii").partition(": ")
            assert name not in headers
            headers[name] = value
        length = headers.get("content-length")
        if status == 101:
            return status, headers, b""
        return status, headers, self.file.read(int(self.file.readline(), 16) if length is None else int(length))


def ask(server: AsgiServer, key: str, path: str = "/") -> tuple[int, dict[str, str], bytes]:
    with Wire(server) as wire:
        wire.send(key, path)
        return wire.answer()


def about(value: str, name: str) -> int:
    """The number of a parameter of the field."""
    found = re.fullmatch(rf'"key";.*\b{name}=(\d+).*', value)
    assert found is not None, value
    return int(found[1])


def test_fields_and_problems_are_sent_as_they_are_specified(server: AsgiServer) -> None:
    status, headers, body = ask(server, "fields")
    assert (status, body, headers["ratelimit-policy"]) == (200, b"0", POLICY)
    assert (about(headers["ratelimit"], "r"), "retry-after" in headers) == (1, False)
    ask(server, "fields")
    status, headers, body = ask(server, "fields")
    assert (status, headers["ratelimit-policy"]) == (429, POLICY)
    assert about(headers["ratelimit"], "r") == 0
    assert HOUR_S - SOON_S < int(headers["retry-after"]) <= HOUR_S
    assert 0 <= int(headers["retry-after"]) - about(headers["ratelimit"], "t") <= 1
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(body)
    assert problem["type"].endswith("#quota-exceeded")
    assert (problem["title"], problem["violated-policies"]) == ("Too many requests", ["key"])


def test_one_connection_is_kept_for_answers_and_for_refusals(server: AsgiServer) -> None:
    with Wire(server) as wire:
        for expected in (200, 200, 429, 429):
            wire.send("kept")
            assert wire.answer()[0] == expected


def test_requests_that_come_all_at_once_are_answered_in_their_order(server: AsgiServer) -> None:
    with Wire(server) as wire:
        wire.send("pipelined", times=4)
        answers = [wire.answer() for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 429, 429]
    assert [about(headers["ratelimit"], "r") for _, headers, _ in answers] == [1, 0, 0, 0]


def test_a_refusal_before_the_body_was_read_leaves_nothing_of_it_for_the_next_request(server: AsgiServer) -> None:
    smuggled = b"GET / HTTP/1.1\r\nHost: tea\r\nX-Key: nobody\r\n\r\n" * 10_000
    for expected in (200, 200, 429):
        with Wire(server) as wire:
            wire.send("body", body=smuggled)
            status, _, body = wire.answer()
            assert status == expected
            assert expected == 429 or int(body) == len(smuggled)
    assert about(ask(server, "nobody")[1]["ratelimit"], "r") == 1


def taken(server: AsgiServer) -> Wire:
    """Return a connection that holds the one place, as soon as it is free."""
    until_s = time.monotonic() + SOON_S
    while time.monotonic() < until_s:
        wire = Wire(server)
        wire.send("", "/stream")
        status, headers, body = wire.answer()
        if status == 200:
            assert (body, headers["ratelimit"]) == (b"first", '"place";r=0')
            assert headers["ratelimit-policy"] == '"place";q=1;qu="concurrent-requests"'
            return wire
        wire.__exit__()
        time.sleep(0.02)
    raise AssertionError("the place was not given back")


def test_a_client_that_goes_away_in_the_middle_gives_its_place_back(server: AsgiServer) -> None:
    for _ in range(3):
        with taken(server):
            status, headers, body = ask(server, "", "/stream")
            assert (status, "retry-after" in headers, "ratelimit" in headers) == (503, False, False)
            assert json.loads(body)["type"].endswith("#temporary-reduced-capacity")


def test_websockets_pass_as_they_are_until_one_is_refused_before_it_is_accepted(server: AsgiServer) -> None:
    for _ in range(2):
        with Wire(server) as wire:
            wire.send("socket", headers=UPGRADE)
            status, headers, _ = wire.answer()
            assert (status, headers["ratelimit-policy"]) == (101, POLICY)
            text = b"milk tea"
            wire.socket.sendall(struct.pack("!BB4x", 0x81, 0x80 | len(text)) + text)  # one frame, masked with zeros
            assert wire.file.read(2 + len(text)) == struct.pack("!BB", 0x81, len(text)) + b"MILK TEA"
    with Wire(server) as wire:
        wire.send("socket", headers=UPGRADE)
        status, headers, _ = wire.answer()
    assert (status, headers["ratelimit-policy"]) == (429, POLICY)
    assert HOUR_S - SOON_S < int(headers["retry-after"]) <= HOUR_S


def test_lifespan_reaches_the_app_and_the_port_is_free_afterwards() -> None:
    with AsgiServer("tests.limits.served:app") as server:
        assert ask(server, "alone")[0] == 200
        with Wire(server) as wire:
            wire.send("", "/stream")
            wire.answer()
            server.stop()
        said = server.said()
        assert [line for line in said.splitlines() if line.startswith("lifespan")] == [
            "lifespan.startup",
            "lifespan.shutdown",
        ]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", server.port))
