"""An event loop whose clock jumps to the next timer: hours of waiting in no time, the same in each run."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")
MS = 1_000_000
S = 1_000_000_000
START_NS = 1_000 * S


class Loop(asyncio.SelectorEventLoop):
    """Its time is `now_ns`, which passes only where all tasks wait."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now_ns / S


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("all tasks wait, and nothing will wake them")
        self._loop.now_ns += max(0, round(timeout * S))
        return super().select(0)


def run(main: Callable[[Callable[[], int]], Coroutine[Any, Any, R]]) -> R:
    """Run `main(clock)` in a fresh loop; a hang is an AssertionError."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Loop)
        return runner.run(main(lambda: loop.now_ns))


async def spin(times: int = 5) -> None:
    """Let others run as far as they get without time passing."""
    for _ in range(times):
        await asyncio.sleep(0)


async def ended(*tasks: Awaitable[Any]) -> list[Any]:
    """Wait for tasks, and return what they returned or raised."""
    return await asyncio.gather(*tasks, return_exceptions=True)
