"""The middleware, spoken to as a server speaks to an app."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from limits.aio import Limiter
from limits.asgi import Limited, Message, Receive, Scope, Send, client_address, forwarded_for, header
from limits.chain import Chain
from limits.rules import Aimd, Concurrency, Deadline, FixedWindow, Gcra, Pacing, Rule, TokenBucket, WarmUp, itself
from tests.limits.virtual import S, ended, run, spin

Clock = Callable[[], int]


def http(**more: Any) -> Scope:
    return {"type": "http", "client": ("192.0.2.7", 5555), "headers": [], **more}


async def ok(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]})
    await send({"type": "http.response.body", "body": b"tea", "more_body": True})
    await send({"type": "http.response.body", "body": b"!"})


async def ask(app: Any, scope: Scope | None = None, received: Iterable[Message] = ()) -> list[Message]:
    """Return what an app sends."""
    sent: list[Message] = []
    messages = iter(received)

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope if scope is not None else http(), receive, send)
    return sent


def headers(sent: Sequence[Message]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def limited(clock: Clock, *rules: Rule, app: Any = ok, longest_wait_s: float = 0, **more: Any) -> Limited:
    limiter = Limiter(Chain(*rules, clock=clock), longest_wait_s=longest_wait_s)
    return Limited(app, limiter, **{"when_broken": "closed", **more})


def test_an_answer_says_what_is_left_and_a_refusal_when_to_come_back() -> None:
    async def main(clock: Clock) -> None:
        app = limited(clock, Gcra("all", 1000), TokenBucket("address", 1, 10, burst=2, by=itself))
        sent = await ask(app)
        assert headers(sent) == {
            "x-app": "1",
            "ratelimit-policy": '"address";q=2;w=20',
            "ratelimit": '"address";r=1;t=10',
        }
        assert sent[0]["status"] == 200
        await asyncio.sleep(2.5)
        assert headers(await ask(app))["ratelimit"] == '"address";r=0;t=8'
        refused = await ask(app)
        assert refused[0]["status"] == 429
        body = refused[1]["body"]
        assert headers(refused) == {
            "ratelimit-policy": '"address";q=2;w=20',
            "ratelimit": '"address";r=0;t=8',
            "retry-after": "8",
            "content-type": "application/problem+json",
            "content-length": str(len(body)),
        }
        assert json.loads(body) == {
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Too many requests",
            "violated-policies": ["address"],
        }
        assert (await ask(app, http(client=("192.0.2.8", 1))))[0]["status"] == 200

    run(main)


def test_overload_is_503_and_tells_nothing_of_what_is_for_all() -> None:
    async def main(clock: Clock) -> None:
        app = limited(clock, Concurrency("inside", 1), app=waits_for(gate := asyncio.Event()))
        first = asyncio.create_task(ask(app))
        await spin()
        sent = await ask(app)
        assert sent[0]["status"] == 503
        assert set(headers(sent)) == {"content-type", "content-length"}
        assert json.loads(sent[1]["body"])["violated-policies"] == []
        gate.set()
        assert headers(await first) == {}

    run(main)


def waits_for(gate: asyncio.Event) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    return app


def test_what_is_to_be_shown_is_shown() -> None:
    async def main(clock: Clock) -> None:
        inside = Concurrency('in"side\\', 7)
        app = limited(clock, inside, Gcra("all", 5, burst=9, unit="tokens"), shown=['in"side\\', "all"])
        assert headers(await ask(app)) == {
            "x-app": "1",
            "ratelimit-policy": '"in\\"side\\\\";q=7;qu="concurrent-requests", "all";q=9;qu="tokens";w=2',
            "ratelimit": '"in\\"side\\\\";r=6, "all";r=9',
        }

    run(main)


@pytest.mark.parametrize(
    ("rule", "policy", "limit"),
    [
        (FixedWindow("a", 5, 7), '"a";q=5;w=7', '"a";r=3;t=1'),  # windows of 7 s begin at 994 s and 1001 s
        (WarmUp("a", 30), '"a";q=30;w=1', '"a";r=8;t=1'),
        (Gcra("a", 10**9, burst=10**9), '"a";q=1000000000;w=1', '"a";r=999999998;t=1'),
        (Gcra("a", 1, 10**6, burst=10**3), '"a";q=1000;w=1000000000', '"a";r=998;t=1000000'),
    ],
)
def test_each_law_says_what_would_be_admitted(rule: Rule, policy: str, limit: str) -> None:
    async def main(clock: Clock) -> None:
        app = limited(clock, rule, shown=["a"], cost=lambda scope: 2)
        found = headers(await ask(app))
        assert (found["ratelimit-policy"], found["ratelimit"]) == (policy, limit)

    run(main)


def test_a_rule_without_quota_is_not_shown() -> None:
    async def main(clock: Clock) -> None:
        rules = Pacing("paced", 10, by=itself), Deadline("there", of=lambda subject: clock() + S)
        assert headers(await ask(limited(clock, *rules, shown=["paced", "there"]))) == {"x-app": "1"}

    run(main)


@pytest.mark.parametrize("end", ["sent", "raises", "cancelled", "disconnected", "nothing"])
def test_a_place_is_held_until_the_answer_is_complete(end: str) -> None:
    async def main(clock: Clock) -> None:
        inside = Concurrency("inside", 1)
        sent_all, gate = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await sent_all.wait()
            if end == "raises":
                raise LookupError
            if end != "nothing":
                await send({"type": "http.response.body", "body": b"b"})
            if end == "sent":
                await gate.wait()  # work after the answer holds no place

        async def send(message: Message) -> None:
            if end == "disconnected" and message.get("body") == b"b":
                raise OSError

        task = asyncio.create_task(limited(clock, inside, app=app)(http(), None, send))  # type: ignore[arg-type]
        await spin()
        assert inside.inside() == 1
        if end == "cancelled":
            task.cancel()
        sent_all.set()
        await spin()
        assert inside.inside() == 0
        gate.set()
        (found,) = await ended(task)
        kinds = {"raises": LookupError, "cancelled": asyncio.CancelledError, "disconnected": OSError}
        assert isinstance(found, kinds.get(end, type(None)))

    run(main)


@pytest.mark.parametrize(("status", "limit"), [(200, 3), (404, 3), (500, 3), (503, 1), (429, 1)])
def test_a_law_that_learns_hears_of_overload_further_on(status: int, limit: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body"})

    async def main(clock: Clock) -> None:
        rule = Concurrency("inside", Aimd(start=2, least=1, most=9, backoff=0.5))
        await ask(limited(clock, rule, app=app))
        assert rule.quota() == limit

    run(main)


def test_people_wait_where_the_limiter_lets_them() -> None:
    async def main(clock: Clock) -> None:
        app = limited(clock, Gcra("all", 1, burst=1), longest_wait_s=5)
        begun_ns = clock()
        found = await asyncio.gather(*(asyncio.create_task(ask(app)) for _ in range(3)))
        assert [sent[0]["status"] for sent in found] == [200, 200, 200]
        assert clock() == begun_ns + 2 * S

    run(main)


def websocket(*extensions: str) -> Scope:
    return {**http(), "type": "websocket", "extensions": {key: {} for key in extensions}}


CONNECT = {"type": "websocket.connect"}


async def chat(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    assert (await receive())["type"] == "websocket.disconnect"


def test_a_websocket_is_refused_before_it_is_accepted() -> None:
    async def main(clock: Clock) -> None:
        app = limited(clock, Gcra("address", 1, 10, burst=1, by=itself), app=chat)
        accepted = await ask(app, websocket(), [CONNECT, {"type": "websocket.disconnect"}])
        assert headers(accepted)["ratelimit"] == '"address";r=0;t=10'
        assert await ask(app, websocket(), [CONNECT]) == [{"type": "websocket.close", "code": 1013}]
        start, body = await ask(app, websocket("websocket.http.response"), [CONNECT])
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
        assert headers([start])["retry-after"] == "10"
        assert body["type"] == "websocket.http.response.body"
        assert await ask(app, websocket(), [{"type": "websocket.disconnect"}]) == []

    run(main)


def test_a_websocket_holds_its_place_until_it_is_closed() -> None:
    async def main(clock: Clock) -> None:
        inside = Concurrency("inside", 5)
        gate = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            assert inside.inside() == 1
            await send({"type": "websocket.close"})
            assert inside.inside() == 0
            await gate.wait()

        task = asyncio.create_task(ask(limited(clock, inside, app=app), websocket()))
        await spin()
        gate.set()
        await task

    run(main)


def test_lifespan_passes_through() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def main(clock: Clock) -> None:
        await ask(limited(clock, Gcra("closed", 0), app=app), {"type": "lifespan"})
        assert seen == [{"type": "lifespan"}]

    run(main)


@pytest.mark.parametrize(("when_broken", "status"), [("open", 200), ("closed", 503)])
@pytest.mark.parametrize("where", ["subject", "cost", "rule"])
def test_a_broken_limiter_lets_all_pass_or_nobody_as_told(
    where: str, when_broken: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> Any:
        raise ZeroDivisionError

    async def main(clock: Clock) -> None:
        rule = Gcra("person", 1, by=fails if where == "rule" else itself)
        more: dict[str, Any] = {where: fails} if where != "rule" else {}
        sent = await ask(limited(clock, rule, when_broken=when_broken, **more))
        assert sent[0]["status"] == status
        lost = limited(clock, rule, when_broken=when_broken, **more)
        closed = [{"type": "websocket.close", "code": 1013}]
        accepted = [{"type": "websocket.accept"}]
        lost._app = chat
        end = {"type": "websocket.disconnect"}
        assert await ask(lost, websocket(), [CONNECT, end]) == (accepted if status == 200 else closed)

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "the limiter is broken; it lets" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_fields_that_cannot_be_made_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[object] = []

    def once(subject: object) -> object:
        calls.append(subject)
        if len(calls) > 1:
            raise ZeroDivisionError
        return subject

    async def main(clock: Clock) -> None:
        assert headers(await ask(limited(clock, Gcra("person", 1, by=once)))) == {"x-app": "1"}

    run(main)
    assert "this answer goes without its fields" in caplog.text


def test_an_error_of_the_app_is_not_one_of_the_limiter() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    async def main(clock: Clock) -> None:
        with pytest.raises(ZeroDivisionError):
            await ask(limited(clock, Gcra("a", 1), app=app))

    run(main)


@pytest.mark.parametrize(
    ("client", "customer"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
        (("2001:db8:1:2::9", 1), "2001:db8:1:2::"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("fe80::1%eth0", 1), "fe80::"),
        (("unix:x:y", 1), "unix:x:y"),
        (None, ""),
    ],
)
def test_a_client_is_an_address_or_the_network_of_one_customer(client: Any, customer: str) -> None:
    assert client_address(http(client=client)) == customer


@pytest.mark.parametrize(
    ("proxies", "told", "customer"),
    [
        (1, ["198.51.100.1"], "198.51.100.1"),
        (1, ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        (2, ["6.6.6.6, 198.51.100.1, 10.0.0.1"], "198.51.100.1"),
        (2, ["6.6.6.6, 198.51.100.1", "10.0.0.1"], "198.51.100.1"),
        (2, ["198.51.100.1"], "192.0.2.7"),
        (1, [], "192.0.2.7"),
        (1, ["198.51.100.1:4711"], "198.51.100.1"),
        (1, ["[2001:db8:1:2::9]:4711"], "2001:db8:1:2::"),
        (1, ["\xff" * 100_000], "\xff" * 100_000),
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_ones_own_proxies(
    proxies: int, told: list[str], customer: str
) -> None:
    scope = http(headers=[(b"X-Forwarded-For", value.encode("latin-1")) for value in told])
    assert forwarded_for(proxies)(scope) == customer
    assert client_address(scope) == "192.0.2.7"


def test_a_header_is_a_key_however_long_it_is() -> None:
    async def main(clock: Clock) -> None:
        rule = Gcra("api-key", 1, burst=1, by=itself, slots=10)
        app = limited(clock, rule, subject=header("X-API-Key"))
        long = [(b"x-api-key", b"k" * 1_000_000)]
        statuses = [(await ask(app, http(headers=long)))[0]["status"] for _ in range(2)]
        for number in range(100):
            await ask(app, http(headers=[(b"x-api-key", b"%d" % number * 100_000)]))
        assert statuses == [200, 429]
        assert len(rule.table.places) == 10
        assert all(len(str(key)) < 300 for key in rule.table.places)
        assert header("x-api-key")(http()) == b""

    run(main)


def test_what_is_told_wrongly_is_an_error() -> None:
    limiter = Limiter(Chain(Gcra("a", 1)))
    with pytest.raises(ValueError, match=r"shown = \['b'\]: no such rule; there are \['a'\]"):
        Limited(ok, limiter, when_broken="open", shown=["b"])
    with pytest.raises(ValueError, match="needs 'open' or 'closed'"):
        Limited(ok, limiter, when_broken="ajar")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="proxies = 0: needs 1 or more"):
        forwarded_for(0)
