"""What is asked of somebody's API, what its answers mean, and where load may go."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.live_target import GATEWAY, Mapped, TargetError, address, retry_after_s
from scenarios.model import Target

VALUES = {
    "want": 7,
    "attempt": 2,
    "session": 1,
    "segment": 0,
    "zone": 3,
    "kind": 1,
    "timeout_ms": 1500,
    "intended_ns": 10**9,
}


def target(**more: Any) -> Mapped:
    plain: dict[str, Any] = {"path": "/buy", "answers": [{"status": 201, "verdict": "placed"}]}
    return Mapped(Target.model_validate({**plain, **more}), "127.0.0.1:8000")


def test_our_gateway_is_asked_by_its_contract() -> None:
    head, _, body = Mapped(GATEWAY, "127.0.0.1:8000").request(VALUES).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /v1/orders HTTP/1.1",
        b"Host: 127.0.0.1:8000",
        b"Content-Type: application/json",
        b"Idempotency-Key: 7",
        b"X-Sluice-Intended-Ns: 1000000000",
        b"Content-Length: %d" % len(body),
    ]
    assert body == b'{"want": "7", "attempt": 2, "person": {"segment": 0, "zone": 3, "kind": 1}, "timeout_ms": 1500}'


def test_every_template_is_filled_in_wherever_it_stands() -> None:
    asked = target(
        path="/shops/{zone}/orders?try={attempt}", headers={"X-Person": "{want}-{kind}"}, body="{session} {intended_ns}"
    ).request(VALUES)
    assert b"POST /shops/3/orders?try=2 HTTP/1.1\r\n" in asked
    assert b"X-Person: 7-1\r\n" in asked
    assert asked.endswith(b"\r\n\r\n1 1000000000")


def test_a_get_without_a_body_says_no_length() -> None:
    assert b"Content-Length" not in target(method="GET").request(VALUES)
    assert b"Content-Length: 0\r\n" in target(method="POST").request(VALUES)


ANSWERS = [
    {"status": 200, "value": "sold out", "verdict": "sold_out"},
    {"status": 200, "value": "true", "verdict": "placed"},
    {"status": 200, "verdict": "store"},
    {"status": 429, "verdict": "throttled"},
]


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"order": {"state": "sold out"}}', "sold_out"),
        (200, b'{"order": {"state": true}}', "placed"),
        (200, b'{"order": {"state": 1}}', "store"),
        (200, b'{"order": "sold out"}', "store"),
        (200, b"[1]", "store"),
        (200, b"no JSON", "store"),
        (429, b"", "throttled"),
        (500, b'{"order": {"state": true}}', "error"),
    ],
)
def test_the_first_answer_that_fits_counts(status: int, body: bytes, verdict: str) -> None:
    assert target(field="order.state", answers=ANSWERS).verdict(status, body) == verdict


@pytest.mark.parametrize(
    ("text", "seconds"), [("3", 3), ("0", 0), ("", 0), ("-1", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("9" * 10, 0)]
)
def test_retry_after_is_whole_seconds_or_not_told(text: str, seconds: int) -> None:
    assert retry_after_s(text) == seconds


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("http://127.9.9.9/", ("127.9.9.9", 80)),
        ("http://localhost:1", ("localhost", 1)),
        ("http://[::1]:8000", ("::1", 8000)),
    ],
)
def test_loopback_is_asked(url: str, where: tuple[str, int]) -> None:
    assert address(url) == where


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example:8000", "load goes to loopback alone"),
        ("http://10.0.0.1", "load goes to loopback alone"),
        ("http://0.0.0.0:80", "load goes to loopback alone"),
        ("http://localhost.example", "load goes to loopback alone"),
        ("https://127.0.0.1", "http://127.0.0.1:8000"),
        ("http://me@127.0.0.1", "http://127.0.0.1:8000"),
        ("http://127.0.0.1/path", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:99999", "http://127.0.0.1:8000"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("", "http://127.0.0.1:8000"),
    ],
)
def test_nothing_else_is_asked_and_the_reason_is_told(url: str, why: str) -> None:
    with pytest.raises(TargetError, match=why):
        address(url)
