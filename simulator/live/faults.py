"""What breaks for real: a scenario's faults at their instants, and signals to servers of this machine.

A fault that cannot be done is told of, for a rehearsal without it is not the one that was asked for.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from scenarios.model import Fault
from scenarios.units import NS_PER_S
from simulator.live.clock import ModelClock
from simulator.live.ledger import engine_of
from simulator.live_results import Broken

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PROCESSES = Path("/proc")


class Faults:
    """A thread for each fault, which waits for its instant."""

    def __init__(
        self,
        faults: Sequence[Fault],
        clock: ModelClock,
        ending: threading.Event,
        upset: Callable[[str, float, float], None],
    ) -> None:
        """`upset` does what is named for some seconds, a slow disk with some seconds of delay, until `ending`."""
        self._clock = clock
        self._ending = ending
        self._upset = upset
        self._broken: list[Broken] = []
        coming = [fault for fault in faults if fault.at_ns >= clock.from_ns]
        self._threads = [threading.Thread(target=self._breaks, args=(fault,), name=fault.name) for fault in coming]

    def begin(self) -> None:
        """Wait for their instants."""
        for thread in self._threads:
            thread.start()

    def end(self) -> list[Broken]:
        """Return what was done, in order, once `ending` has ended what still lasts."""
        for thread in self._threads:
            thread.join()
        return sorted(self._broken, key=lambda one: one.began_ns)

    def _breaks(self, fault: Fault) -> None:
        left_s = self._clock.seconds_until(fault.at_ns)
        if left_s is None or self._ending.wait(max(0.0, left_s)):
            return
        began_ns, wrong = self._clock.now_ns(), ""
        try:
            self._upset(fault.kind, self._by_clock_s(fault.for_ns), self._by_clock_s(fault.delay_ns))
        except Exception as error:  # whatever it is, the thread has nobody else to tell
            wrong = f"{type(error).__name__}: {error}".partition("\n")[0]
        ended_ns = self._clock.now_ns() if fault.for_ns else began_ns
        self._broken.append(Broken(fault=fault, began_ns=began_ns, ended_ns=ended_ns, wrong=wrong))

    def _by_clock_s(self, lasts_ns: int | None) -> float:
        return 0.0 if lasts_ns is None else lasts_ns / NS_PER_S / self._clock.speed


def check(faults: Sequence[Fault], *, ledger_url: str, redis_url: str | None) -> None:
    """Raise ValueError for a fault of something that this stack does not have, or that is not on this machine."""
    for fault in faults:
        where = f"live.faults.{fault.name}: {fault.kind}"
        if fault.kind == "pause_redis":
            if redis_url is None:
                raise ValueError(f"{where}: there is no Redis; name one with --redis, or take the fault out")
            host = urlsplit(redis_url).hostname
        elif fault.kind == "restart_postgres":
            if not ledger_url.startswith("postgresql"):
                raise ValueError(f"{where}: the ledger is no PostgreSQL; name one with --ledger, or take the fault out")
            host = sa.make_url(ledger_url).host
        else:
            continue
        if host not in LOOPBACK:
            raise ValueError(f"{where}: {host!r} is not this machine, where alone signals go; take the fault out")


def pause_redis(url: str, wait: Callable[[], object]) -> None:
    """Stop a Redis of this machine (SIGSTOP), and let it go on when `wait` returns."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or LOOPBACK[0], parts.port or 6379), timeout=5) as connection:
        connection.sendall(b"INFO server\r\n")
        found = re.search(rb"process_id:(\d+)", connection.recv(1 << 16))
    if found is None:
        raise OSError(f"the Redis of port {parts.port} does not tell its process id")
    pid = int(found[1])
    _signal(pid, signal.SIGSTOP, "redis", "valkey")
    try:
        wait()
    finally:
        os.kill(pid, signal.SIGCONT)


def crash_postgres(url: str) -> None:
    """Kill a process of a PostgreSQL on this machine, so that it ends all others and recovers."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            _signal(connection.scalar(sa.text("SELECT pg_backend_pid()")) or 0, signal.SIGKILL, "postgres")
            connection.invalidate()
    finally:
        engine.dispose()


def _signal(pid: int, number: signal.Signals, *programs: str) -> None:
    """Send a signal where the process runs such a program: behind a tunnel, or in a container, ids mean others."""
    if PROCESSES.exists():
        file = PROCESSES / str(pid) / "comm"
        runs = file.read_text() if file.exists() else ""
    else:
        asked = ["ps", "-o", "comm=", "-p", str(pid)]
        runs = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    if not any(program in runs for program in programs):
        raise OSError(f"process {pid} is no {programs[0]} of this machine")
    os.kill(pid, number)
