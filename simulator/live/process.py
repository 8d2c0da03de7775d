"""What all processes of a stack have in common: they end when their supervisor does, however it ends."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys


async def until_told(loop: asyncio.AbstractEventLoop) -> None:
    """Return at SIGTERM, or when standard input ends, which the supervisor holds open while it lives."""
    told = asyncio.Event()

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            told.set()

    loop.add_reader(sys.stdin.fileno(), read)
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor hears it too, and ends us
    await told.wait()


def allow_connections() -> None:
    """Allow as many open files as the machine lets this user have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
