"""The whole stack as one context: it starts the processes, starts again what dies, and ends them all.

The supervisor holds the listening sockets and hands them to each process that it starts: a killed worker's port stays
open, and who connects meanwhile waits in the kernel for the next one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scenarios.errors import ScenarioError
from scenarios.model import Live, RateAdmission, Scenario
from simulator.control.drive import Drive
from simulator.live import faults
from simulator.live.clock import ModelClock
from simulator.live.contents import Contents
from simulator.live.controls import Controls
from simulator.live.faults import Faults
from simulator.live.ledger import Ledger
from simulator.live.settings import Settings, of_the_model
from simulator.live.wire import HEADER, said_frame
from simulator.live_results import Broken

START_S = 60.0
LOOK_S = 0.05
LOOPBACK = "127.0.0.1"
BACKLOG = 2048

log = logging.getLogger(__name__)


class StackError(Exception):
    """What went wrong with a stack, and where to look."""


@dataclass
class _Process:
    """One process of the stack, through all its lives."""

    name: str
    command: list[str]
    sockets: list[socket.socket]
    popen: subprocess.Popen[bytes] | None = None
    restarts: int = 0


class Stack:
    """Gateway workers, upstream and admin on loopback, for a scenario that is already scaled."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        from_ns: int,
        speed: float,
        workers: int,
        ledger_url: str,
        redis_url: str | None,
        folder: Path,
        contents: Contents | None = None,
        controls: Drive | None = None,
    ) -> None:
        """Say what is to be started; ValueError for what cannot be. `controls` have been brought to `from_ns`."""
        check(scenario, workers=workers, ledger_url=ledger_url, redis_url=redis_url, speed=speed)
        self.folder = folder
        self._private = Path(tempfile.mkdtemp(prefix="sluice-"))  # short: the path of a socket has 108 bytes at most
        self.settings = Settings(
            scenario=scenario,
            seed=seed,
            from_ns=from_ns,
            speed=speed,
            workers=workers,
            ledger_url=ledger_url,
            redis_url=redis_url,
            token=secrets.token_urlsafe(32),
            folder=self._private,
            upstream_path=str(self._private / "upstream"),
            contents=contents,
        )
        self.restarts = 0
        self.broken: list[Broken] = []
        """The scenario's faults that were done, once the stack has ended."""
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._processes: list[_Process] = []
        self._sockets: list[socket.socket] = []
        self._supervisor: threading.Thread | None = None
        self._zero_ns: int | None = None
        self._faults: Faults | None = None
        self._drive = controls
        self._controls: Controls | None = None

    def __enter__(self) -> Self:
        """Start everything and wait until it is healthy."""
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """End every process and close every port."""
        self._end()

    @property
    def gateway(self) -> str:
        """The gateway's URL."""
        return _url(self._sockets[0])

    @property
    def admin(self) -> str:
        """The admin's URL."""
        return _url(self._sockets[1])

    @property
    def pids(self) -> dict[str, int]:
        """The process ids, by name."""
        with self._lock:
            return {one.name: one.popen.pid for one in self._processes if one.popen is not None}

    def begin(self, zero_monotonic_ns: int) -> None:
        """Model time runs from this instant of the monotonic clock on; faults come and control processes wake."""
        self._zero_ns = zero_monotonic_ns
        _write(self.settings.zero_file, str(zero_monotonic_ns))
        self._say(do="begin", zero_ns=zero_monotonic_ns)
        self._write_file()
        settings = self.settings
        clock = ModelClock(settings.from_ns, settings.speed, zero_monotonic_ns)
        self._faults = Faults((settings.scenario.live or Live()).faults, clock, self._ending, self.upset)
        self._faults.begin()
        if self._drive is not None:
            self._controls = Controls(self._drive, settings.scenario, clock, self._ending, self._say)
            self._controls.begin()

    @property
    def failed(self) -> ScenarioError | None:
        """What a control process is to blame for, which ends the run."""
        return None if self._controls is None else self._controls.failed

    def turn(self, knob: str, value: Any) -> None:
        """Turn a knob of the scenario, now."""
        self._say(do="turn", knob=knob, value=value, by="stack")

    def upset(self, kind: str, for_s: float = 0.0, delay_s: float = 0.0) -> None:
        """Do what a fault of this kind does, for real; return when it is done, at the latest when the stack ends.

        kill_worker, kill_upstream: SIGKILL; the supervisor starts them again. pause_redis: SIGSTOP for `for_s`.
        restart_postgres: SIGKILL to one of its processes, so that it ends all others and recovers. slow_disk: each
        transaction of the ledger takes `delay_s` more, for `for_s`. The servers have to be on this machine.
        """
        if kind == "kill_worker":
            self._kill("gateway-0")
        elif kind == "kill_upstream":
            self._kill("upstream")
        elif kind == "restart_postgres":
            faults.crash_postgres(self.settings.ledger_url)
        elif kind == "pause_redis":
            assert self.settings.redis_url is not None
            faults.pause_redis(self.settings.redis_url, lambda: self._ending.wait(for_s))
        else:
            assert kind == "slow_disk"
            _write(self.settings.slow_file, str(delay_s))  # an upstream that is new meanwhile reads it too
            self._say(do="slow")
            self._ending.wait(for_s)
            self.settings.slow_file.unlink(missing_ok=True)
            if not self._ending.is_set():
                self._say(do="slow")

    def is_healthy(self) -> bool:
        """Whether the gateway answers, and its upstream too."""
        try:
            with urllib.request.urlopen(f"{self.gateway}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def gauges(self) -> dict[str, float]:
        """What the upstream holds now."""
        found: dict[str, float] = self._say(do="gauges")["gauges"]
        return found

    def ledger_rows(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield want, number, attempt and model ns of each order in the ledger; also after the stack has ended."""
        ledger = Ledger(self.settings.ledger_url, lambda: 0)
        try:
            for order in ledger.rows():
                yield order.want, order.number, order.attempt, order.placed_ns
        finally:
            ledger.close()

    def ledger_balance(self) -> dict[str, Any]:
        """Return the numbers of orders and payments, and budget and units left of each coupon."""
        ledger = Ledger(self.settings.ledger_url, lambda: 0)
        try:
            return ledger.balance()
        finally:
            ledger.close()

    def _start(self) -> None:
        settings = self.settings
        self.folder.mkdir(parents=True, exist_ok=True)
        settings.write()
        for _ in range(2):
            listener = socket.create_server((LOOPBACK, 0), backlog=BACKLOG)
            self._sockets.append(listener)
        upstream = socket.socket(socket.AF_UNIX)
        self._sockets.append(upstream)
        upstream.bind(settings.upstream_path)
        upstream.listen(BACKLOG)
        gateway, admin, _ = self._sockets
        self._add("upstream", "simulator.live.upstream", [upstream, admin])
        for number in range(settings.workers):
            self._add(f"gateway-{number}", "simulator.live.worker", [gateway], str(number))
        for process in self._processes:
            self._run(process)
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._supervisor.start()
        until_s = time.monotonic() + START_S
        while not self.is_healthy():
            dead = [one.name for one in self._processes if one.restarts]
            if dead or time.monotonic() > until_s:
                raise StackError(f"the stack did not start: {self._last_words(dead)}")
            time.sleep(LOOK_S)
        self._write_file()

    def _add(self, name: str, module: str, sockets: list[socket.socket], *arguments: str) -> None:
        numbers = [str(one.fileno()) for one in sockets]
        command = [sys.executable, "-m", module, str(self.settings.file), *numbers, *arguments]
        self._processes.append(_Process(name, command, sockets))

    def _run(self, process: _Process) -> None:
        for one in process.sockets:
            one.setblocking(False)
        with (self.folder / f"{process.name}.log").open("ab") as out:
            process.popen = subprocess.Popen(
                process.command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                pass_fds=[one.fileno() for one in process.sockets],
                start_new_session=True,
            )

    def _supervise(self) -> None:
        while not self._ending.wait(LOOK_S):
            with self._lock:
                for process in self._processes:
                    if process.popen is not None and process.popen.poll() is not None and not self._ending.is_set():
                        log.warning("%s ended with %s; starting it again", process.name, process.popen.returncode)
                        _close(process.popen)
                        process.restarts += 1
                        self.restarts += 1
                        self._run(process)

    def _kill(self, name: str) -> None:
        """Kill a process, and return when its successor has been started."""
        (process,) = (one for one in self._processes if one.name == name)
        with self._lock:  # so that the supervisor does not reap it meanwhile, and its number is not another's
            killed = process.popen
            assert killed is not None
            killed.kill()
        while process.popen is killed and not self._ending.wait(LOOK_S / 5):
            pass

    def _say(self, **said: Any) -> dict[str, Any]:
        """Say something to the upstream, and return its answer."""
        until_s = time.monotonic() + START_S
        while True:
            try:
                return self._say_once(said)
            except OSError as error:  # it is being started again
                if self._ending.is_set() or time.monotonic() > until_s:
                    raise StackError(f"the upstream does not answer: {error}") from error
                time.sleep(LOOK_S)

    def _say_once(self, said: dict[str, Any]) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(self.settings.upstream_path)
            stream.sendall(said_frame({"number": 1, **said}))
            with stream.makefile("rb") as frames:
                while True:
                    head = frames.read(HEADER.size)
                    if len(head) < HEADER.size:
                        raise ConnectionError("it closed the connection")
                    answer: dict[str, Any] = json.loads(frames.read(HEADER.unpack(head)[1]))
                    if answer.get("answer") == 1:
                        if "error" in answer:
                            raise ValueError(answer["error"])
                        return answer

    def _write_file(self) -> None:
        settings = self.settings
        told = {
            "gateway": self.gateway,
            "admin": self.admin,
            "token": settings.token,
            "zero_monotonic_ns": self._zero_ns,
            "from_ns": settings.from_ns,
            "speed": settings.speed,
            "pids": self.pids,
        }
        file = self.folder / "stack.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(told, indent=2) + "\n")

    def _last_words(self, names: list[str]) -> str:
        file = self.folder / f"{names[0] if names else 'upstream'}.log"
        return f"{file}: {file.read_text(errors='replace')[-800:]}"

    def _end(self) -> None:
        self._ending.set()
        if self._faults is not None:
            self.broken = self._faults.end()
        if self._controls is not None:
            self._controls.end()
        if self._supervisor is not None:
            self._supervisor.join()
        with self._lock:
            alive = [one.popen for one in self._processes if one.popen is not None]
        for popen in alive:
            if popen.stdin is not None:
                with contextlib.suppress(OSError):
                    popen.stdin.close()
        until_s = time.monotonic() + 5
        for popen in alive:
            try:
                popen.wait(max(0.1, until_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()
        for one in self._sockets:
            one.close()
        changes = self._private / "admin.jsonl"
        if changes.exists():
            shutil.copy(changes, self.folder / "admin.jsonl")
        shutil.rmtree(self._private, ignore_errors=True)


def check(scenario: Scenario, *, workers: int, ledger_url: str, redis_url: str | None, speed: float) -> None:
    """Raise ValueError for what cannot be run live."""
    if workers < 1:
        raise ValueError(f"workers = {workers}: needs at least 1")
    if not 0 < speed <= 1000:
        raise ValueError(f"speed = {speed:g}: needs more than 0 and at most 1000")
    faults.check((scenario.live or Live()).faults, ledger_url=ledger_url, redis_url=redis_url)
    if redis_url is not None:
        for law in scenario.admission:
            leased = isinstance(law, RateAdmission) and law.name not in of_the_model(scenario)
            if law.at == "gateway" and not leased and workers > 1:
                raise ValueError(
                    f"admission.{law.name}: a {law.law} cannot be leased, so {workers} workers would each keep their "
                    "own; use one worker, or leave Redis out (then one process decides for all)"
                )


def _write(file: Path, text: str) -> None:
    """Write a file that other processes may read meanwhile: as a whole."""
    unfinished = file.with_suffix(".new")
    unfinished.write_text(text)
    unfinished.replace(file)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


def _close(popen: subprocess.Popen[bytes]) -> None:
    if popen.stdin is not None:
        with contextlib.suppress(OSError):
            popen.stdin.close()
