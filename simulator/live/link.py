"""A gateway worker's stream to the upstream: calls go out, answers come back, and a lost stream is made again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from simulator.live.wire import ANSWERED, ENDED, VERDICTS, Answer, Call, Stream, call_frame, said_frame

AGAIN_S = 0.05
ANSWER_S = 5.0

OnEnd = Callable[[str], None]


class Link:
    """One stream; while there is none, every call fails at once."""

    def __init__(self, path: str, on_said: Callable[[dict[str, Any]], None]) -> None:
        self._path = path
        self._on_said = on_said
        self._stream: Stream | None = None
        self._is_connected = False
        self._number = 0
        self._calls: dict[int, tuple[asyncio.Future[Answer | None], OnEnd]] = {}
        self._questions: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether the upstream can be asked."""
        return self._stream is not None

    @property
    def under_way(self) -> int:
        """Calls that have not ended."""
        return len(self._calls)

    def begin(self) -> None:
        """Connect, now and whenever the stream is lost."""
        self._task = asyncio.create_task(self._keep_connected())

    def call(self, call: Call, on_end: OnEnd) -> asyncio.Future[Answer | None]:
        """Hand an attempt over: its answer, or None where the upstream is lost. `on_end` is told how its work ended."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        if self._stream is None:
            future.set_result(None)
            on_end("error")
            return future
        self._number += 1
        self._calls[self._number] = future, on_end
        self._stream.send(call_frame(call, self._number))
        return future

    def tell(self, **said: Any) -> None:
        """Say something that has no answer."""
        if self._stream is not None:
            self._stream.send(said_frame(said))

    async def ask(self, **said: Any) -> dict[str, Any]:
        """Say something else and return the answer; ConnectionError where nobody is there."""
        if self._stream is None:
            raise ConnectionError("the upstream is being started again")
        self._number += 1
        number, future = self._number, asyncio.get_running_loop().create_future()
        self._questions[number] = future
        self._stream.send(said_frame({"number": number, **said}))
        try:
            async with asyncio.timeout(ANSWER_S):
                answer: dict[str, Any] = await future
                return answer
        except TimeoutError:
            raise ConnectionError("the upstream does not answer") from None
        finally:
            self._questions.pop(number, None)

    def _answered(self, answer: Answer) -> None:
        found = self._calls.get(answer.number)
        if found is None:
            return
        future, on_end = found
        if answer.what & ENDED:
            del self._calls[answer.number]
            on_end(VERDICTS[answer.verdict])
        if answer.what & ANSWERED and not future.done():
            future.set_result(answer)

    def _said(self, stream: Stream, said: dict[str, Any]) -> None:
        if "answer" in said:
            future = self._questions.get(said["answer"])
            if future is not None and not future.done():
                future.set_result(said)
        else:
            self._stream = stream  # the first that it says: a socket alone takes connections while nobody is there
            self._on_said(said)

    def _lost(self, stream: Stream) -> None:
        self._stream, self._is_connected = None, False
        calls, self._calls = self._calls, {}
        for future, on_end in calls.values():
            on_end("error")
            if not future.done():
                future.set_result(None)
        for question in self._questions.values():
            if not question.done():
                question.set_exception(ConnectionError("the upstream was lost"))

    def _end(self) -> Stream:
        return Stream(on_answer=self._answered, on_said=self._said, on_lost=self._lost)

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._is_connected:
                with contextlib.suppress(OSError):
                    await loop.create_unix_connection(self._end, self._path)
                    self._is_connected = True
            await asyncio.sleep(AGAIN_S)
