"""Ctrl-C: the first asks the simulation to stop and write what there is, the second ends the process at once."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

STOPPING = b"\nstopping: what there is will be written (ctrl-C again ends at once)\n"
STDERR = 2


class Interrupts:
    """While open, counts ctrl-C; called, it answers whether to stop. That is the `stop` which engines ask."""

    def __init__(self) -> None:
        self._heard = False

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before != signal.SIG_IGN:  # a job in the background was told not to listen
            signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._before)

    def __call__(self) -> bool:
        return self._heard

    def _hear(self, signum: int, frame: FrameType | None) -> None:
        self._heard = True
        # the system ends the process on the next one, even inside compiled code that Python cannot interrupt
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with suppress(OSError):
            os.write(STDERR, STOPPING)  # not print: the signal may have come in the middle of one
