"""Kept connections against a server that says exactly these bytes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from scenarios.live_http import LARGEST_ANSWER, Answer, BrokenExchange, Connections

END = (BrokenExchange, ConnectionResetError)
CLOSE = b""  # in a list of answers: end the connection


@contextmanager
def saying(*answers: Sequence[bytes]) -> Iterator[Connections]:
    """A server whose n-th connection gives these answers, one to each request, and then stays open."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        for of_one in answers:
            connection, _ = listener.accept()
            kept.append(connection)
            for answer in of_one:
                if answer == CLOSE:
                    connection.close()
                    break
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    connections = Connections("127.0.0.1", listener.getsockname()[1])
    try:
        yield connections
    finally:
        connections.close()
        listener.close()
        thread.join(5)
        for connection in kept:
            connection.close()


SAID = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"


def test_a_connection_is_kept_for_the_next_exchange() -> None:
    with saying([SAID, SAID]) as connections:
        assert [connections.exchange(b"a"), connections.exchange(b"b")] == [Answer(201, "", b"ok")] * 2
        assert connections.opened == 1


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"HTTP/1.1 429 No\r\nRETRY-after: 3\r\nContent-Length: 0\r\n\r\n", Answer(429, "3", b"")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            Answer(200, "", b"abc"),
        ),
        (b"HTTP/1.1 204 Nothing\r\n\r\n", Answer(204, "", b"")),
    ],
)
def test_answers_of_every_form_are_read(said: bytes, answer: Answer) -> None:
    with saying([said, said]) as connections:
        assert [connections.exchange(b"a"), connections.exchange(b"b")] == [answer, answer]


def test_an_answer_may_last_until_its_connection_ends() -> None:
    said = b"HTTP/1.0 200 OK\r\n\r\nabc"
    with saying([said, CLOSE], [SAID]) as connections:
        assert connections.exchange(b"a") == Answer(200, "", b"abc")
        assert connections.exchange(b"b").status == 201
        assert connections.opened == 2


def test_a_connection_that_the_server_has_ended_is_not_used_again() -> None:
    with saying([SAID, CLOSE], [SAID]) as connections:
        assert connections.exchange(b"a").status == 201
        time.sleep(0.1)  # until its end has come
        assert connections.exchange(b"b").status == 201
        assert connections.opened == 2


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (2 * LARGEST_ANSWER, b"x" * 2 * LARGEST_ANSWER),
    ],
)
def test_what_is_no_answer_is_an_error_and_its_connection_is_closed(said: bytes) -> None:
    with saying([said], [SAID]) as connections:
        with pytest.raises(BrokenExchange):
            connections.exchange(b"a")
        assert connections.exchange(b"b").status == 201


def test_a_connection_that_ends_before_the_answer_is_an_error() -> None:
    with saying([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", CLOSE]) as connections, pytest.raises(END):
        connections.exchange(b"a")
