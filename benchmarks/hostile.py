"""Honest people while others mean no good: how long they wait for their orders, and how many get them.

A gateway worker of the live stack, 40 honest orders a second, and in a process of their own those who attack. What each
of them is answered is counted too.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from scenarios.loader import load
from scenarios.scale import scaled
from simulator.live.process import allow_connections
from simulator.live.stack import Stack

SCENARIO = Path(__file__).with_name("chaos.toml")
FREE = ("admission=[]", "stages.coupon.budget=1000000")
RATE_PER_S = 40
LASTS_S = 4.0
IDLE = 5000
SLOW = 500
AT_ONCE = 4
KEY = 7
SLOW_HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: tea\r\nX-Slow: "
BODY = {"want": str(KEY), "attempt": 1, "person": {}, "timeout_ms": 2000}

Attack = Callable[[str, str], Counter[str]]


def measured() -> list[dict[str, Any]]:
    """Measure one attack after the other, and nobody's first."""
    scenario, _ = scaled(load(SCENARIO, sets=FREE).scenario, Fraction(1))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(["nobody", *ATTACKS]):
            at = Path(folder, str(number))
            at.mkdir()
            stack = Stack(
                scenario,
                seed=1,
                from_ns=0,
                speed=1.0,
                workers=1,
                ledger_url=f"sqlite:///{at}/ledger.db",
                redis_url=None,
                folder=at,
            )
            with stack:
                stack.begin(time.monotonic_ns())
                with _attacked(name, stack) as answers:
                    honest = _honest(stack.gateway)
            found.append({"who": name, "answers": answers, **honest})
    return found


@contextmanager
def _attacked(name: str, stack: Stack) -> Iterator[dict[str, int]]:
    """Let those attack who are in ATTACKS by this name; what they are answered is known afterwards."""
    answers: dict[str, int] = {}
    if name == "nobody":
        yield answers
        return
    command = [sys.executable, "-m", __name__, name, stack.gateway, stack.admin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as attacking:
        assert attacking.stdout is not None
        assert attacking.stdout.readline() == "ready\n"
        yield answers
        said, _ = attacking.communicate("stop\n", timeout=60)
    answers.update(json.loads(said))


def _honest(url: str) -> dict[str, Any]:
    """Send orders at their instants, and return how long each took from then, and how many were placed."""
    count = round(RATE_PER_S * LASTS_S)
    took_s, placed = np.full(count, np.inf), np.zeros(count, dtype=bool)
    zero_s = time.monotonic() + 0.1

    def send(number: int) -> None:
        at_s = zero_s + number / RATE_PER_S
        time.sleep(max(0.0, at_s - time.monotonic()))
        want = 1_000_000 + number
        try:
            status = _ask(url, "POST", "/v1/orders", {**BODY, "want": str(want)})
        except (OSError, http.client.HTTPException):
            return
        took_s[number], placed[number] = time.monotonic() - at_s, status in (200, 201)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p50_s, p99_s = np.quantile(took_s, [0.5, 0.99], method="inverted_cdf").tolist()
    return {"orders": count, "placed": int(placed.sum()), "p50_ms": p50_s * 1000, "p99_ms": p99_s * 1000}


def _ask(url: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> int:
    connection = _connection(url)
    try:
        connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), dict(headers or {}))
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)


def _again_and_again(once: Callable[[], int]) -> Counter[str]:
    """Do it AT_ONCE at a time until told to stop; return how often it was answered what."""
    stopped, answers = threading.Event(), Counter[str]()

    def repeat() -> None:
        while not stopped.is_set():
            try:
                answers[str(once())] += 1
            except (OSError, http.client.HTTPException):
                answers["closed"] += 1

    threads = [threading.Thread(target=repeat) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    _ready()
    stopped.set()
    for thread in threads:
        thread.join()
    return answers


def _ready() -> None:
    """Say so, and return when told to stop."""
    print("ready", flush=True)
    sys.stdin.readline()


def idle(gateway: str, _: str) -> Counter[str]:
    """Hold connections and say nothing."""
    with ExitStack() as held:
        for _number in range(IDLE):
            held.enter_context(_connect(gateway))
        _ready()
    return Counter(held=IDLE)


def slow(gateway: str, _: str) -> Counter[str]:
    """Send the head of a request, a byte now and then."""
    with ExitStack() as held:
        sending = [held.enter_context(_connect(gateway)) for _number in range(SLOW)]
        for one in sending:
            one.sendall(SLOW_HEAD)
        stopped = threading.Event()

        def send() -> None:
            while not stopped.wait(0.5):
                for one in list(sending):
                    try:
                        one.sendall(b"a")
                    except OSError:  # cut off
                        sending.remove(one)

        thread = threading.Thread(target=send)
        thread.start()
        _ready()
        stopped.set()
        thread.join()
    return Counter(held=SLOW)


def huge(gateway: str, _: str) -> Counter[str]:
    """Promise a body of a gigabyte."""
    return _again_and_again(lambda: _ask(gateway, "POST", "/v1/orders", b"", {"Content-Length": "1000000000"}))


def malformed(gateway: str, _: str) -> Counter[str]:
    """Nest JSON deeply."""
    return _again_and_again(lambda: _ask(gateway, "POST", "/v1/orders", b"[" * 4000))


def replayed(gateway: str, _: str) -> Counter[str]:
    """Send one key again and again."""
    return _again_and_again(lambda: _ask(gateway, "POST", "/v1/orders", BODY, {"Idempotency-Key": str(KEY)}))


def forged(gateway: str, _: str) -> Counter[str]:
    """Ask for others' orders with a token that was guessed."""
    return _again_and_again(
        lambda: _ask(gateway, "GET", "/v1/orders/1000000", headers={"Authorization": "Bearer guess"})
    )


def admin(_: str, admin: str) -> Counter[str]:
    """Turn knobs without a token."""
    change = {"knob": "stages.till.servers", "value": 0}
    return _again_and_again(lambda: _ask(admin, "POST", "/admin/incidents", change))


ATTACKS: dict[str, Attack] = {
    f"{IDLE:,} idle connections": idle,
    f"{SLOW} slow senders": slow,
    "bodies of a gigabyte, promised": huge,
    "deeply nested JSON": malformed,
    "one key, again and again": replayed,
    "others' orders, with a guessed token": forged,
    "admin without a token": admin,
}


if __name__ == "__main__":
    allow_connections()
    which, *urls = sys.argv[1:]
    print(json.dumps(ATTACKS[which](*urls)))
