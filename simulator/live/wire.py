"""What gateway workers, the supervisor and the upstream say to each other, over one stream each.

A frame is a kind (one byte), the length of the rest (four bytes, little-endian) and the rest: a struct for what there
are thousands of a second, JSON for all else.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple, cast

HEADER = struct.Struct("<BI")
CALL, ANSWER, SAID = 1, 2, 3
MOST_BYTES = 1 << 20
VERDICTS = ("placed", "throttled", "shed", "expired", "sold_out", "store", "error", "timed_out", "outrun")
ANSWERED, ENDED, REPLAYED = 1, 2, 4

_CALL = struct.Struct("<QQIIIIqqB")
_CALL_FRAME = struct.Struct(HEADER.format + _CALL.format[1:])
_ANSWER = struct.Struct("<QBBHIqq")
_ANSWER_FRAME = struct.Struct(HEADER.format + _ANSWER.format[1:])


class Call(NamedTuple):
    """An attempt that the gateway hands to the upstream. `number` names it on this stream."""

    number: int
    want: int
    attempt: int
    segment: int
    zone: int
    kind: int
    start_ns: int
    timeout_ns: int
    decided: bool
    """Whether the gateway has let it in; else the upstream asks its own gateway."""


class Answer(NamedTuple):
    """What became of it; `what` says whether this answers the person, ends the work or both, and if it is old news."""

    number: int
    what: int
    verdict: int
    stage: int
    retry_after_s: int
    store: int
    order: int


def call_frame(call: Call, number: int) -> bytes:
    """Return a call as it is sent, by this number."""
    return _CALL_FRAME.pack(CALL, _CALL.size, number, *call[1:])


def answer_frame(answer: Answer) -> bytes:
    """Return an answer as it is sent."""
    return _ANSWER_FRAME.pack(ANSWER, _ANSWER.size, *answer)


def said_frame(said: dict[str, Any]) -> bytes:
    """Return anything else as it is sent."""
    rest = json.dumps(said).encode()
    return HEADER.pack(SAID, len(rest)) + rest


class Stream(asyncio.Protocol):
    """One end of a stream: calls back with each frame that has come whole."""

    def __init__(
        self,
        on_call: Callable[[Stream, Call], None] | None = None,
        on_answer: Callable[[Answer], None] | None = None,
        on_said: Callable[[Stream, dict[str, Any]], None] | None = None,
        on_made: Callable[[Stream], None] | None = None,
        on_lost: Callable[[Stream], None] | None = None,
    ) -> None:
        self.on_call, self.on_answer, self.on_said = on_call, on_answer, on_said
        self.on_made, self.on_lost = on_made, on_lost
        self.transport: asyncio.Transport | None = None
        self._rest = b""

    def send(self, frame: bytes) -> None:
        """Send a frame; nothing happens where the other end has gone."""
        if self.transport is not None:
            self.transport.write(frame)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember how to answer."""
        self.transport = cast(asyncio.Transport, transport)
        if self.on_made:
            self.on_made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end has gone."""
        self.transport = None
        if self.on_lost:
            self.on_lost(self)

    def data_received(self, data: bytes) -> None:
        """Take frames apart, and keep what is not whole."""
        data = self._rest + data if self._rest else data
        at = 0
        while len(data) - at >= HEADER.size:
            kind, length = HEADER.unpack_from(data, at)
            if length > MOST_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            begin, end = at + HEADER.size, at + HEADER.size + length
            if end > len(data):
                break
            if kind == CALL and self.on_call:
                self.on_call(self, Call(*_CALL.unpack_from(data, begin)))
            elif kind == ANSWER and self.on_answer:
                self.on_answer(Answer(*_ANSWER.unpack_from(data, begin)))
            elif kind == SAID and self.on_said:
                self.on_said(self, json.loads(data[begin:end]))
            at = end
        self._rest = data[at:]
