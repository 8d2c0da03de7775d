"""A client that asks at Poisson instants, whatever the answers: response times from the instants that were intended.

One process, connections that stay open, one request on each at a time. Who is due while all are busy waits for one, and
that counts too. So does what it sleeps too long, some 0.1 ms (`select` on an epoll: timers of event loops have a grain
of 1 ms).
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from benchmarks.apart import MeasurementError

PATIENCE_S = 5.0


@dataclass(slots=True, eq=False)
class Connection:
    """An open connection, and the request on it."""

    socket: socket.socket
    due_s: float = 0.0
    answer: bytearray = field(default_factory=bytearray)

    def is_answered(self) -> bool:
        """Take in what has come; whether that is a whole answer."""
        part = self.socket.recv(65_536)
        if not part:
            raise MeasurementError("the server closed a connection")
        self.answer += part
        head, found, body = self.answer.partition(b"\r\n\r\n")
        return bool(found) and len(body) >= _content_length(bytes(head))


def response_times_s(
    port: int, requests: Sequence[bytes], *, per_s: float, connections: int, status: int, seed: int = 1
) -> tuple[list[float], list[float]]:
    """Send requests to a port of loopback, `per_s` a second, and return their response times and how late they left.

    MeasurementError unless each has an answer of this status.
    """
    expected = b"HTTP/1.1 %d " % status
    gaps_s = np.random.default_rng(seed).exponential(1 / per_s, len(requests))
    times_s, lags_s = list[float](), list[float]()
    with select.epoll() as epoll, ExitStack() as sockets:
        try:
            opened = [sockets.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
            idle = [Connection(one) for one in opened]
            known = {one.socket.fileno(): one for one in idle}
            for number, one in known.items():
                one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                epoll.register(number, select.EPOLLIN)
            due_s = (time.perf_counter() + 0.1 + np.cumsum(gaps_s)).tolist()
            sent = 0
            while len(times_s) < len(requests):
                now_s = time.perf_counter()
                if now_s > due_s[-1] + PATIENCE_S:
                    raise MeasurementError(f"{len(requests) - len(times_s)} requests had no answer in time")
                while sent < len(requests) and due_s[sent] <= now_s and idle:
                    one = idle.pop()
                    one.due_s = due_s[sent]
                    one.answer.clear()
                    one.socket.sendall(requests[sent])
                    now_s = time.perf_counter()
                    lags_s.append(now_s - one.due_s)
                    sent += 1
                rest_s = due_s[sent] - now_s if sent < len(requests) and idle else PATIENCE_S
                select.select([epoll], [], [], max(0.0, rest_s))
                for number, _ in epoll.poll(0):
                    one = known[number]
                    if one.is_answered():
                        times_s.append(time.perf_counter() - one.due_s)
                        if not one.answer.startswith(expected):
                            raise MeasurementError(f"an answer was {bytes(one.answer[:40])!r}")
                        idle.append(one)
        except OSError as error:
            raise MeasurementError(f"a connection to the server broke: {error}") from None
    return times_s, lags_s


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise MeasurementError(f"an answer without a length: {head[:80]!r}")
