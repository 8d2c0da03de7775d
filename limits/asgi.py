"""A pure ASGI middleware: a limiter before any app, with the answers and fields that clients know.

    app = Limited(app, Limiter(Chain(Gcra("address", 10, burst=20, by=itself))), when_broken="open")

| verdict | HTTP | WebSocket, before it is accepted |
|---|---|---|
| a wait, NEVER | 429, with Retry-After where there is a wait | the same, if the server can send it; else 403 |
| SHED, EXPIRED | 503 | the same |

RateLimit and RateLimit-Policy (limits.fields) tell of the rules that are kept by key, or of those named in `shown`, on
every answer; a refusal tells of the rule that refused alone, so that Retry-After never comes before a `t`. A rule for
all is not told unless named: what a service can take is not everybody's to know.

A permit is held until the whole answer has been sent, or the app ends, returning, raising or cancelled: a client who
has gone away holds their place while the app still works for them. Laws that learn are told FAILURE for 429, 503 and
504, IGNORED where the app raised or was cancelled, else SUCCESS. A WebSocket is held until it is closed or the app
ends. Who has gone away while waiting for a turn is noticed only then: ASGI has no other way to know, so keep
`longest_wait_s` short.

`subject` makes of the scope what the rules take their keys from. `client_address` is who connected: behind a proxy, the
proxy. `forwarded_for` believes X-Forwarded-For, which anybody can write, as far as one's own proxies wrote it. An error
of the limiter itself (of `subject`, `cost`, a rule) is logged and lets all pass ("open") or nobody (503, "closed"): so
with "open", let no `cost` fail for what a client wrote.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from ipaddress import IPv6Address
from typing import Any, Literal

from limits import fields
from limits.aio import Limiter, Refused
from limits.chain import Cost, Permit
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.rules import Subject
from limits.verdicts import EXPIRED, SHED

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

OVERLOADED = frozenset({429, 503, 504})
PROBLEM = "https://iana.org/assignments/http-problem-types#"
TRY_AGAIN_LATER = 1013

_log = logging.getLogger(__name__)


def client_address(scope: Scope) -> str:
    """Return who connected: an IPv4 address, or the /64 of an IPv6 address, which is one customer's; "" if unknown."""
    client = scope.get("client")
    return _customer(client[0]) if client else ""


def forwarded_for(proxies: int) -> Callable[[Scope], str]:
    """Return a subject: who spoke to the outermost of so many proxies of one's own, each of which adds an address.

    Their addresses stand last in X-Forwarded-For; what stands before them a client may have invented. Where there are
    fewer, the request did not come through them all: then it is who connected.
    """
    if proxies < 1:
        raise ValueError(f"proxies = {proxies}: needs 1 or more; with none, take client_address")

    def address(scope: Scope) -> str:
        told = b",".join(value for name, value in scope["headers"] if name.lower() == b"x-forwarded-for")
        hops = told.rsplit(b",", proxies)
        if len(hops) < proxies or not told:
            return client_address(scope)
        return _customer(hops[-proxies].decode("latin-1").strip())

    return address


def header(name: str) -> Callable[[Scope], bytes]:
    """Return a subject: the value of a header, an API key say; b"" where it is missing."""
    wanted = name.lower().encode("latin-1")
    return lambda scope: next((value for key, value in scope["headers"] if key.lower() == wanted), b"")


class Limited:
    """The middleware. One Limiter may stand before several apps."""

    def __init__(
        self,
        app: App,
        limiter: Limiter,
        *,
        when_broken: Literal["open", "closed"],
        subject: Callable[[Scope], Subject] = client_address,
        cost: Callable[[Scope], Cost] = lambda scope: 1,
        shown: Collection[str] | None = None,
    ) -> None:
        """Put a limiter before an app; ValueError for a `shown` that names no rule."""
        names = {rule.name for rule in limiter.chain.rules}
        if unknown := set(shown or ()) - names:
            raise ValueError(f"shown = {sorted(unknown)}: no such rule; there are {sorted(names)}")
        if when_broken not in ("open", "closed"):
            raise ValueError(f"when_broken = {when_broken!r}: needs 'open' or 'closed'")
        self._app = app
        self._limiter = limiter
        self._open = when_broken == "open"
        self._subject = subject
        self._cost = cost
        rules = limiter.chain.rules
        self._shown = [rule for rule in rules if (rule.by is not None if shown is None else rule.name in shown)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection; other scopes than http and websocket (lifespan) pass through."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            subject = self._subject(scope)
            entry = self._limiter(subject, self._cost(scope))
            permit = await entry.__aenter__()
        except Refused as refused:
            await self._refuse(refused, subject, scope, receive, send)
        except Exception:
            _log.exception("the limiter is broken; it %s", "lets all pass" if self._open else "lets nobody pass")
            if self._open:
                await self._app(scope, receive, send)
            else:
                await _answer(503, [], b"", scope, receive, send)
        else:
            answer = _Answer(self, send, permit, subject)
            try:
                await self._app(scope, receive, answer.send)
            except BaseException:
                permit.release(IGNORED)
                raise
            permit.release(answer.outcome)

    def fields(self, subject: Subject, law: str | None = None) -> Headers:
        """Return the fields about the rules shown, or about one of them; none if the limiter is broken."""
        rules = [rule for rule in self._shown if law is None or rule.name == law]
        try:
            values = (fields.policy(rules), fields.limit(rules, subject, self._limiter.chain.clock()))
        except Exception:
            _log.exception("the limiter is broken; this answer goes without its fields")
            return []
        names = (b"ratelimit-policy", b"ratelimit")
        return [(name, value.encode("ascii")) for name, value in zip(names, values, strict=True) if value]

    async def _refuse(self, refused: Refused, subject: Subject, scope: Scope, receive: Receive, send: Send) -> None:
        overload = refused.refusal.answer in (SHED, EXPIRED)
        headers = [] if overload else self.fields(subject, refused.law)
        if refused.retry_after is not None:
            headers.append((b"retry-after", str(refused.retry_after).encode("ascii")))
        told = any(rule.name == refused.law for rule in self._shown)
        problem = {
            "type": PROBLEM + ("temporary-reduced-capacity" if overload else "quota-exceeded"),
            "title": "Overloaded" if overload else "Too many requests",
            "violated-policies": [refused.law] if told else [],
        }
        await _answer(503 if overload else 429, headers, json.dumps(problem).encode(), scope, receive, send)


class _Answer:
    """Sends what the app sends: adds fields at its start, and releases the permit at its end."""

    def __init__(self, limited: Limited, send: Send, permit: Permit, subject: Subject) -> None:
        self.outcome = SUCCESS
        self._limited = limited
        self._send = send
        self._permit = permit
        self._subject = subject

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.accept", "websocket.http.response.start"):
            if message.get("status") in OVERLOADED:
                self.outcome = FAILURE
            message = {**message, "headers": [*message.get("headers", ()), *self._limited.fields(self._subject)]}
        await self._send(message)
        if kind == "websocket.close" or (kind == "http.response.body" and not message.get("more_body", False)):
            self._permit.release(self.outcome)


async def _answer(status: int, headers: Headers, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        if (await receive())["type"] != "websocket.connect":
            return
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
            return
        kind = "websocket.http.response"
    if body:
        headers = [*headers, (b"content-type", b"application/problem+json")]
    headers = [*headers, (b"content-length", str(len(body)).encode("ascii"))]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def _customer(address: str) -> str:
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:  # a port
        address = address.partition(":")[0]
    if ":" not in address:
        return address
    try:
        whole = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(whole.ipv4_mapped or IPv6Address(int(whole) >> 64 << 64))
