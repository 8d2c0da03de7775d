"""The gateway as a pure ASGI app: checks what it is sent, asks the laws, hands on what gets in, says what became of it.

    POST /v1/orders          an attempt at a want's order
    GET  /v1/orders/<want>   the order of a want (admin token)
    GET  /healthz /metrics /openapi.json

What it takes is bounded: the body, the head and time by the server (simulator.live.server), attempts under way here.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from limits import fields
from scenarios.asking import ADMITTED, REASONS, Verdict
from scenarios.model import Scenario
from scenarios.person import Person
from simulator.live.contents import Contents
from simulator.live.door import Asking, Door
from simulator.live.laws import Named
from simulator.live.link import Link
from simulator.live.settings import Settings
from simulator.live.tally import TELL_S, Tally, held, page
from simulator.live.wire import REPLAYED, VERDICTS, Answer, Call
from simulator.reference.attempt import Attempt

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Messages = tuple[dict[str, Any], dict[str, Any]]
"""An answer as ASGI sends it: its start, and its body."""

KNOWN = {"want", "attempt", "person", "timeout_ms"}
MOST_BODY = 4096
MOST_UNDER_WAY = 20_000
MOST_WANT = 2**64 - 1
MOST_ATTEMPT = 2**31
MOST_TIMEOUT_MS = 86_400_000
AFTER_TIMEOUT_S = 0.05
"""The client that has stopped waiting is answered a little later, so that it is the first to know."""

STATUS = {
    "throttled": 429,
    "shed": 503,
    "expired": 504,
    "timed_out": 504,
    "sold_out": 409,
    "store": 422,
    "error": 502,
}
JSON = (b"content-type", b"application/json")
CLOSE = (b"connection", b"close")
OPENAPI = files("simulator.live").joinpath("openapi.json").read_bytes()
_decode = json.JSONDecoder().raw_decode


class BadRequestError(Exception):
    """What is wrong with a request, and the status that says so."""

    def __init__(self, status: int, said: str) -> None:
        """Keep the status."""
        super().__init__(said)
        self.status = status


class Gateway:
    """The app of one worker; `door` is None where the upstream decides for all workers."""

    def __init__(self, settings: Settings, link: Link, door: Door | None, now_ns: Callable[[], int]) -> None:
        self._settings = settings
        self._link = link
        self._door = door
        self._now_ns = now_ns
        self._scenario = settings.scenario
        self._last = last_of(settings.scenario)
        self._priorities = [segment.priority for segment in settings.scenario.segments] or [0]
        self._stages = ["gateway", *(stage.name for stage in settings.scenario.stages)]
        self._under_way = 0
        self._let_in = let_in_before(settings.contents)
        self._loop = asyncio.get_running_loop()
        self.tally = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        try:
            if path == "/v1/orders":
                if method != "POST":
                    raise BadRequestError(405, "POST an attempt here")
                await self._order(scope, receive, send)
            elif method != "GET":
                raise BadRequestError(405 if path in PAGES else 404, "there is nothing here to send to")
            elif path == "/healthz":
                up = self._link.is_up
                await _send(send, 200 if up else 503, b'{"upstream": %s}' % (b"true" if up else b"false"), [JSON])
            elif path == "/metrics":
                await _send(send, 200, await self._page(), [(b"content-type", b"text/plain; version=0.0.4")])
            elif path == "/openapi.json":
                await _send(send, 200, OPENAPI, [JSON])
            elif path.startswith("/v1/orders/"):
                await self._find(scope, path.removeprefix("/v1/orders/"), send)
            else:
                raise BadRequestError(404, "there is nothing here; see /openapi.json")
        except BadRequestError as bad:
            self.tally.bad(bad.status)
            # What is left of the request is not read: the connection ends with the answer.
            headers = [JSON, CLOSE] if bad.status in (400, 413) or method == "POST" else [JSON]
            await send_answer(send, bad.status, {"error": str(bad)}, headers)

    async def tell(self, worker: int) -> None:
        """Tell the upstream what has been counted, for as long as the worker lives."""
        while True:
            await asyncio.sleep(TELL_S)
            if self._link.is_up:
                station = held(None if self._door is None else self._door.gateway.station)
                self._link.tell(tally=self.tally.take(), worker=worker, under_way=self._under_way, station=station)

    async def _page(self) -> bytes:
        try:
            found = await self._link.ask(do="figures")
        except ConnectionError as error:
            raise BadRequestError(503, str(error)) from None
        return page(found["totals"], found["gauges"])

    async def _order(self, scope: Scope, receive: Receive, send: Send) -> None:
        key, intended = _headers(scope)
        body = await read_body(receive)
        if body is None:
            return
        began_s = self._loop.time()
        now_ns = self._now_ns()
        call = read(body, key, intended, now_ns, self._last, decided=self._door is not None)
        self._under_way += 1
        try:
            verdict, messages = await self._attempt(call, now_ns)
        finally:
            self._under_way -= 1
        self.tally.answered(verdict, self._loop.time() - began_s)
        for message in messages:
            await send(message)

    async def _attempt(self, call: Call, now_ns: int) -> tuple[str, Messages]:
        """Return the verdict, and the answer that tells it."""
        if self._under_way > MOST_UNDER_WAY:
            return "shed", _refusal("shed", "gateway", 1)
        if call.timeout_ns <= now_ns:
            return "expired", _refusal("expired", "timeout")
        on_end: Callable[[str], None] = _nothing
        if (call.want, call.attempt) in self._let_in:
            call = call._replace(decided=True)
            if self._door is not None:
                on_end = self._door.end_of(call.want, call.attempt)
        elif self._door is not None:
            attempt = self._asks(self._door, call)
            verdict = self._door.ask_now(attempt, now_ns) or await self._door.ask(attempt)
            if verdict.code != ADMITTED:
                return self._refused(self._door, verdict, attempt)
            door = self._door
            on_end = lambda reason: door.ended(attempt, reason)  # noqa: E731
        answer = await self._link.call(call, on_end)
        if answer is None:
            return "error", _refusal("error", "upstream")
        return await self._told(answer)

    def _asks(self, door: Door, call: Call) -> Attempt | Asking:
        person = Person(
            want=call.want,
            invited_by=-1,
            segment=call.segment,
            zone=call.zone,
            kind=call.kind,
            priority=self._priorities[call.segment],
            first_try_ns=call.start_ns,
            attempt=call.attempt,
        )
        return door.attempt(person, call.attempt, call.start_ns, call.timeout_ns)

    def _refused(self, door: Door, verdict: Verdict, attempt: Attempt | Asking) -> tuple[str, Messages]:
        by = verdict.law if isinstance(verdict, Named) else "gateway"
        reason = REASONS[verdict.code]
        rule = door.laws.linked.get(by)
        if reason != "throttled" or rule is None:
            return reason, _refusal(reason, by, verdict.retry_after_s)
        # Where laws are plain, one more is too many, so there are none, and it is known until when.
        left = "" if door.laws.is_plain else fields.limit([rule], attempt, self._now_ns())
        return reason, _refusal(reason, by, verdict.retry_after_s, door.laws.policies[by], left)

    async def _told(self, answer: Answer) -> tuple[str, Messages]:
        verdict = VERDICTS[answer.verdict]
        if verdict == "placed":
            return verdict, _placed(answer)
        if verdict == "timed_out":
            await asyncio.sleep(AFTER_TIMEOUT_S)
            return verdict, _refusal(verdict, "timeout")
        return verdict, _refusal(verdict, self._stages[answer.stage], answer.retry_after_s)

    async def _find(self, scope: Scope, want: str, send: Send) -> None:
        if not is_authorised(scope, self._settings.token):
            await send_answer(send, 401, {"error": "needs the admin token"}, [JSON, (b"www-authenticate", b"Bearer")])
            return
        number = _whole(want, "want", MOST_WANT)
        try:
            found = (await self._link.ask(do="find", want=number))["order"]
        except ConnectionError as error:
            raise BadRequestError(503, str(error)) from None
        if found is None:
            raise BadRequestError(404, f"want {want} has no order")
        order, attempt, store, placed_ns = found
        said = {"want": want, "order": str(order), "attempt": attempt, "store": store, "placed_ns": str(placed_ns)}
        await send_answer(send, 200, said, [JSON])


def let_in_before(contents: Contents | None) -> frozenset[tuple[int, int]]:
    """The attempts that were past the gateway when model time began: who asks for such an answer is not asked again."""
    if contents is None:
        return frozenset()
    rows = contents.attempts
    pairs = zip(rows["want"].tolist(), rows["attempt"].tolist(), rows["stage"].tolist(), strict=True)
    return frozenset((want & MOST_WANT, attempt) for want, attempt, stage in pairs if stage > 0)


PAGES = ("/healthz", "/metrics", "/openapi.json")


def last_of(scenario: Scenario) -> dict[str, int]:
    """The largest segment, zone and kind that there are."""
    return {
        "segment": max(1, len(scenario.segments)) - 1,
        "zone": (scenario.street.zones if scenario.street else 1) - 1,
        "kind": max(1, len(scenario.people.kinds)) - 1,
    }


def read(
    body: bytes, key: str | None, intended: bytes | None, now_ns: int, last: dict[str, int], *, decided: bool
) -> Call:
    """Return the attempt of a request; BadRequestError says what is wrong with it."""
    try:
        text = body.decode().strip(" \t\n\r")
        told, end = _decode(text)
    except ValueError:
        raise BadRequestError(400, "the body is not JSON") from None
    except RecursionError:
        raise BadRequestError(400, "the body is nested too deeply") from None
    if end < len(text):
        raise BadRequestError(400, "the body is not JSON")
    if not isinstance(told, dict):
        raise BadRequestError(400, "the body is not an object")
    if not told.keys() <= KNOWN:
        unknown = min(told.keys() - KNOWN)
        raise BadRequestError(400, f"{unknown[:40]!r} is not known; there are want, attempt, person, timeout_ms")
    want = told.get("want")
    if not isinstance(want, str):
        raise BadRequestError(400, "want: needs a whole number as a string")
    if key is not None and key != want:
        raise BadRequestError(400, "Idempotency-Key: is not the want")
    person = told.get("person")
    if not isinstance(person, dict) or not person.keys() <= last.keys():
        raise BadRequestError(400, "person: needs an object with segment, zone and kind")
    segment = _int(person.get("segment", 0), "person.segment", 0, last["segment"])
    zone = _int(person.get("zone", 0), "person.zone", 0, last["zone"])
    kind = _int(person.get("kind", 0), "person.kind", 0, last["kind"])
    timeout_ms = told.get("timeout_ms")
    if type(timeout_ms) is not int and type(timeout_ms) is not float:
        raise BadRequestError(400, "timeout_ms: needs a number")
    if not 0 < timeout_ms <= MOST_TIMEOUT_MS:
        raise BadRequestError(400, f"timeout_ms: needs more than 0 and at most {MOST_TIMEOUT_MS}")
    start_ns = now_ns
    if intended is not None:
        start_ns = min(now_ns, _whole(intended.decode("latin-1"), "X-Sluice-Intended-Ns", 2**62))
    return Call(
        number=0,
        want=_whole(want, "want", MOST_WANT),
        attempt=_int(told.get("attempt"), "attempt", 1, MOST_ATTEMPT),
        segment=segment,
        zone=zone,
        kind=kind,
        start_ns=start_ns,
        timeout_ns=start_ns + round(timeout_ms * 1_000_000),
        decided=decided,
    )


def _placed(answer: Answer) -> Messages:
    replayed = bool(answer.what & REPLAYED)
    body = b'{"verdict": "placed", "order": "%d", "store": %d, "replayed": %s}' % (
        answer.order,
        answer.store,
        b"true" if replayed else b"false",
    )
    return _messages(200 if replayed else 201, body, [JSON])


@lru_cache(maxsize=1000)
def _refusal(verdict: str, by: str, retry_after_s: int = 0, policy: str = "", left: str = "") -> Messages:
    """The same for all who are refused alike, so made once. A policy without what is left: nothing is, until then."""
    headers = [JSON]
    if retry_after_s:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    if policy:
        headers.append((b"ratelimit-policy", policy.encode()))
        headers.append((b"ratelimit", (left or f'"{by}";r=0;t={retry_after_s}').encode()))
    said = {"verdict": "expired" if verdict == "timed_out" else verdict, "by": by}
    return _messages(STATUS[verdict], json.dumps(said).encode(), headers)


def is_authorised(scope: Scope, token: str) -> bool:
    """Whether a request carries the token."""
    told = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return hmac.compare_digest(told, b"Bearer " + token.encode())


def _headers(scope: Scope) -> tuple[str | None, bytes | None]:
    key = intended = None
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            key = value.decode("latin-1")
        elif name == b"x-sluice-intended-ns":
            intended = value
        elif name == b"content-length" and (len(value) > 9 or int(value) > MOST_BODY):
            raise BadRequestError(413, f"the body is longer than {MOST_BODY} bytes")
    return key, intended


async def read_body(receive: Receive) -> bytes | None:
    """Read the whole body; None where the client has gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MOST_BODY:
            raise BadRequestError(413, f"the body is longer than {MOST_BODY} bytes")
        if not message.get("more_body", False):
            return body


def _int(value: object, name: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BadRequestError(400, f"{name}: needs a whole number from {least} to {most}")
    return value


def _whole(text: str, name: str, most: int) -> int:
    if 0 < len(text) <= 20 and text.isascii() and text.isdigit():
        number = int(text)
        if number <= most:
            return number
    raise BadRequestError(400, f"{name}: needs a whole number from 0 to {most}")


def _nothing(reason: str) -> None:
    """Nobody here wants to know."""


async def send_answer(send: Send, status: int, said: Any, headers: Headers) -> None:
    """Send an answer in JSON."""
    await _send(send, status, json.dumps(said).encode(), headers)


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    for message in _messages(status, body, headers):
        await send(message)


def _messages(status: int, body: bytes, headers: Headers) -> Messages:
    length = (b"content-length", b"%d" % len(body))
    return (
        {"type": "http.response.start", "status": status, "headers": [*headers, length]},
        {"type": "http.response.body", "body": body},
    )
