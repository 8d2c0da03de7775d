"""The app that test_asgi_server.py puts behind a real server: a rate by key, and one place that streams hold."""

from __future__ import annotations

from typing import Any

from limits.aio import Limiter
from limits.asgi import Limited, Receive, Scope, Send, header
from limits.chain import Chain
from limits.rules import Concurrency, Gcra, itself


async def tea(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HTTP with the length of what was sent, WebSockets with what they say, and tell of lifespan on stdout."""
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            print(event, flush=True)
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"].upper()})
    else:
        length, more = 0, True
        while more:
            message = await receive()
            length, more = length + len(message.get("body", b"")), message.get("more_body", False)
        await answer(send, str(length).encode())


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a first part, and go on until the client has gone."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(send: Send, body: bytes) -> None:
    """Send a whole answer."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


place = Limiter(Chain(Concurrency("place", 1)))
by_key = Limited(
    tea,
    Limiter(Chain(Gcra("key", 1, per_s=3600, burst=2, by=itself))),
    when_broken="closed",
    subject=header("x-key"),
)
streams = Limited(stream, place, when_broken="closed", shown=["place"])


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Go to the streams, or to the tea."""
    chosen: Any = streams if scope.get("path") == "/stream" else by_key
    await chosen(scope, receive, send)
