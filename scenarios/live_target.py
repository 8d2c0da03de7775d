"""The request of an attempt, and what its answer means, as `[live.target]` says; and where load may go at all."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from scenarios.model import Target

GATEWAY = Target.model_validate(
    {
        "path": "/v1/orders",
        "headers": {
            "Content-Type": "application/json",
            "Idempotency-Key": "{want}",
            "X-Sluice-Intended-Ns": "{intended_ns}",
        },
        "body": '{"want": "{want}", "attempt": {attempt}, "person": {"segment": {segment}, "zone": {zone}, '
        '"kind": {kind}}, "timeout_ms": {timeout_ms}}',
        "answers": [
            {"status": 201, "verdict": "placed"},
            {"status": 200, "verdict": "placed"},
            {"status": 429, "verdict": "throttled"},
            {"status": 503, "verdict": "shed"},
            {"status": 504, "verdict": "expired"},
            {"status": 409, "verdict": "sold_out"},
            {"status": 422, "verdict": "store"},
        ],
    }
)
"""Our own gateway."""

_HOLE = re.compile(r"\{([A-Za-z_]\w*)\}")


class TargetError(ValueError):
    """An address that is not asked; the text says why, and what to do."""


def address(url: str) -> tuple[str, int]:
    """Return the host and port of a target. Load goes to loopback alone: any other host is refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetError(f"{url[:200]!r}: {error}; write it like http://127.0.0.1:8000") from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query or parts.username:
        raise TargetError(f"{url[:200]!r}: is not the root of a server; write it like http://127.0.0.1:8000")
    if host != "localhost" and not _is_loopback(host):
        raise TargetError(
            f"{url[:200]!r}: is not on this machine, and load goes to loopback alone, so that nobody rehearses on a"
            " stranger's servers; run the target here, or bring it here with a tunnel of your own"
        )
    return host, port or 80


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Mapped:
    """A target, ready for many attempts: bytes of requests, and verdicts of answers."""

    def __init__(self, target: Target, host: str) -> None:
        """Split the templates once; `host` is what the header Host says."""
        self._field = target.field.split(".") if target.field else []
        self._answers = target.answers
        self.name = f"{target.method} {target.path.partition('?')[0]}"
        head = [f"{target.method} {target.path} HTTP/1.1", f"Host: {host}"]
        head += [f"{name}: {value}" for name, value in target.headers.items()]
        self._head = _split("\r\n".join(head) + "\r\n")
        self._body = _split(target.body)
        self._has_length = bool(target.body) or target.method not in ("GET", "DELETE")

    def request(self, values: Mapping[str, int]) -> bytes:
        """Return the whole request of an attempt."""
        body = _join(self._body, values).encode()
        length = b"Content-Length: %d\r\n" % len(body) if self._has_length else b""
        return _join(self._head, values).encode("ascii") + length + b"\r\n" + body

    def verdict(self, status: int, body: bytes) -> str:
        """Return what an answer means; one that nothing fits is an error."""
        value = _found(body, self._field) if self._field else None
        for answer in self._answers:
            if answer.status == status and (answer.value is None or answer.value == value):
                return answer.verdict
        return "error"


def retry_after_s(text: str) -> int:
    """Return the whole seconds of a Retry-After; 0, not told, for a date or anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _split(template: str) -> list[str]:
    """Cut a template into texts and, at every second place, names."""
    return _HOLE.split(template)


def _join(parts: list[str], values: Mapping[str, int]) -> str:
    filled = parts.copy()
    filled[1::2] = [str(values[name]) for name in parts[1::2]]
    return "".join(filled)


def _found(body: bytes, path: list[str]) -> str | None:
    """Return the text of a field of a JSON body: `true` and `12` as JSON writes them; None where it is not there."""
    try:
        here: Any = json.loads(body)
    except ValueError:
        return None
    for key in path:
        if not isinstance(here, dict) or key not in here:
            return None
        here = here[key]
    return here if isinstance(here, str) else json.dumps(here)
