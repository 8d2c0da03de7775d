"""Stacks for tests: small scenarios, a client that is a few lines, and what must hold of every ledger afterwards."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scenarios.model import Scenario
from simulator.live.stack import Stack
from tests.scenario_strategy import Tree, loaded

SOON_S = 20.0
ANYBODY = {"segment": 0, "zone": 0, "kind": 0}
Answer = tuple[int, dict[str, str], Any]


def tree(**changed: Any) -> Tree:
    """A scenario of one quick stage, with parts changed."""
    return {
        "schema": 1,
        "name": "till",
        "title": "A till",
        "horizon": "1h",
        "arrivals": {"process": "poisson", "rate": "1/s"},
        "people": {"timeout": "1s"},
        "stages": [{"name": "till", "servers": 50, "service": "5ms"}],
        **changed,
    }


def scenario(**changed: Any) -> Scenario:
    """The same, loaded."""
    return loaded(tree(**changed)).scenario


@contextmanager
def running(of: Scenario, folder: Path, *, begun: bool = True, **options: Any) -> Iterator[Stack]:
    """A stack whose model time runs."""
    given = {
        "seed": 1,
        "from_ns": 0,
        "speed": 1.0,
        "workers": 1,
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "redis_url": None,
    }
    with Stack(of, folder=folder, **{**given, **options}) as stack:
        if begun:
            stack.begin(time.monotonic_ns())
        yield stack


def until(holds: Callable[[], bool], within_s: float = SOON_S) -> None:
    """Wait for something to hold."""
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.01)


class Client:
    """One connection that is kept, and made again where it was lost."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SOON_S)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """Send a request, and return status, headers and what the JSON says."""
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self._connection.request(method, path, sent, headers or {})
            answer = self._connection.getresponse()
            said = answer.read()
        except BaseException:
            self._connection.close()
            raise
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, told, json.loads(said) if "json" in told.get("content-type", "") else said

    def order(self, want: int, attempt: int = 1, *, timeout_ms: float = 5000, person: Any = ANYBODY) -> Answer:
        """Send an attempt."""
        body = {"want": str(want), "attempt": attempt, "person": person, "timeout_ms": timeout_ms}
        return self.ask("POST", "/v1/orders", body, {"Idempotency-Key": str(want)})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def order_once(url: str, want: int, attempt: int = 1, *, timeout_ms: float = 5000, person: Any = ANYBODY) -> Answer:
    """Send an attempt over a connection of its own."""
    client = Client(url)
    try:
        return client.order(want, attempt, timeout_ms=timeout_ms, person=person)
    finally:
        client.close()


def admin_of(stack: Stack) -> dict[str, str]:
    """The header that admits to what is the admin's."""
    return {"Authorization": f"Bearer {stack.settings.token}"}


def verdict(answer: Answer) -> tuple[int, str]:
    """Status and verdict."""
    return answer[0], answer[2]["verdict"]


def check_books(stack: Stack, told: set[int]) -> None:
    """Every order that somebody was told of is there, no want has two, none is charged twice, no coupon overdrawn."""
    rows = list(stack.ledger_rows())
    wants = [want for want, *_ in rows]
    assert told <= set(wants)
    assert len(set(wants)) == len(wants) == len({number for _, number, *_ in rows})
    balance = stack.ledger_balance()
    assert balance["orders"] == balance["payments"] == len(wants)
    for budget, left in balance["coupons"].values():
        assert left >= 0
        assert budget - left == len(wants)
