"""A gateway worker: one process, which shares the gateway's port with the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from typing import Any

import uvloop

from scenarios.garbage import collect_seldom
from simulator.live import settings as settings_of
from simulator.live.clock import ModelClock
from simulator.live.door import Door
from simulator.live.gateway import Gateway
from simulator.live.link import Link
from simulator.live.process import allow_connections, until_told
from simulator.live.server import serve
from simulator.live.settings import Settings


async def _work(settings: Settings, listener: socket.socket, number: int) -> None:
    loop = asyncio.get_running_loop()
    clock = ModelClock(settings.from_ns, settings.speed, settings.zero_ns())
    door = Door(settings, number, clock, loop) if settings.decides_in_worker else None

    def said(what: dict[str, Any]) -> None:
        if what.get("zero_ns") is not None:
            clock.zero_monotonic_ns = what["zero_ns"]
        if door is not None:
            for path, raw in what.get("turn", {}).items():
                door.turn_now(path, raw)
            door.pace.run()

    link = Link(settings.upstream_path, said)
    link.begin()
    app = Gateway(settings, link, door, clock.now_ns)
    collect_seldom()
    told = asyncio.Event()
    serving = asyncio.create_task(serve(app, listener, told))
    telling = asyncio.create_task(app.tell(number))
    await until_told(loop)
    telling.cancel()
    told.set()
    await serving


def main() -> None:
    """Be a worker, until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = settings_of.of_this_process()
    allow_connections()
    listener = socket.socket(fileno=int(sys.argv[2]))
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_work(settings, listener, int(sys.argv[3])))


if __name__ == "__main__":
    main()
