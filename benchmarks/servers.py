"""Real servers as processes, for benchmarks and tests: on a free port of loopback, ended with the block they serve."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_S = 30.0


class MissingProgramError(RuntimeError):
    """This machine has no such program."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def program(*names: str, package: str, beside: str = "") -> str:
    """Return the first of these programs that is on the PATH, or in a folder that `beside` matches."""
    for name in names:
        if found := shutil.which(name):
            return found
        for folder in sorted(Path("/").glob(beside), reverse=True) if beside else []:
            if found := shutil.which(name, path=str(folder)):
                return found
    raise MissingProgramError(
        f"needs {' or '.join(names)} on the PATH (Debian: apt-get install {package}; macOS: brew install "
        f"{package.partition('-')[0]})"
    )


class Server:
    """A process that listens on a port of its own, in a folder of its own."""

    _as: Mapping[str, Any] = {}  # who it runs as

    def __init__(self) -> None:
        """Choose a port, and keep it through restarts."""
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self._folder = tempfile.TemporaryDirectory()
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """End it, also where it is paused."""
        self.kill()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._folder.name,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                **self._as,
            )
        until_s = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until_s:
                self.kill()
                raise RuntimeError(f"{type(self).__name__} did not start: {self.said()[-500:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash does; nothing is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        """Return what it has written to its output."""
        return self._log.read_text(errors="replace")

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def _log(self) -> Path:
        return Path(self._folder.name, "log")

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


class RedisServer(Server):
    """A Redis that keeps nothing on disk, so that whoever kills it loses its data."""

    def __init__(self) -> None:
        """Choose a port; MissingProgramError where there is no Redis."""
        super().__init__()
        self._program = program("redis-server", "valkey-server", package="redis-server")
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def pause(self) -> None:
        """Stop it (SIGSTOP): it goes on accepting connections, in the kernel, and answers nothing."""
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self.send_signal(signal.SIGCONT)

    def ask(self, *words: str) -> bytes:
        """Send one command and return what comes back, as it comes."""
        command = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(command)
            return connection.recv(1 << 20)

    def calls(self, command: str) -> int:
        """Return how often it was asked for a command since it started."""
        found = re.search(rb"cmdstat_%s:calls=(\d+)" % command.encode(), self.ask("INFO", "commandstats"))
        return int(found[1]) if found else 0

    def _command(self) -> Sequence[str]:
        return [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ask("PING") == b"+PONG\r\n"
        return False


class PostgresServer(Server):
    """A PostgreSQL whose data are gone with it; all that it has committed survives its kills."""

    def __init__(self) -> None:
        """Choose a port; MissingProgramError where there is no PostgreSQL."""
        super().__init__()
        where = "usr/lib/postgresql/*/bin"  # where Debian keeps it, away from the PATH
        self._program = program("postgres", package="postgresql", beside=where)
        self._initdb = program("initdb", package="postgresql", beside=where)
        # It does not run as root; who is root runs it as nobody.
        self._as: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}

    def url(self, database: str = "postgres") -> str:
        """Return where a database is, for SQLAlchemy."""
        return f"postgresql+psycopg://sluice@127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> Self:
        """Make its data, and start it."""
        self._folder = tempfile.TemporaryDirectory()
        if self._as:
            shutil.chown(self._folder.name, "nobody")
        make = [self._initdb, "-D", f"{self._folder.name}/data", "-U", "sluice", "--auth=trust", "-N"]
        subprocess.run(make, check=True, capture_output=True, cwd=self._folder.name, **self._as)
        self.start()
        return self

    def _command(self) -> Sequence[str]:
        data, port = f"{self._folder.name}/data", str(self.port)
        return [self._program, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-k", ""]

    def _answers(self) -> bool:
        # An SSLRequest: who accepts one answers with a letter, before anybody has to be known.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
            return connection.recv(1) in (b"N", b"S") and b"ready to accept" in self.said().encode()
        return False
