"""Locust as processes of their own, playing the people of a slice."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sluice.exits import UserError

if TYPE_CHECKING:
    from simulator.live_slice import Slice

TOP = Path(__file__).resolve().parent.parent
START_S = 60.0
END_S = 30.0
LOOKS_EVERY_S = 0.02


class GeneratorError(RuntimeError):
    """The processes of people ended, or never began; what Locust said is in its log."""


class Generator:
    """People who stand ready when the block begins, and have ended when it does."""

    def __init__(self, slice_: Slice, plan: Mapping[str, Any], *, folder: Path, processes: int, web: bool) -> None:
        """`folder` is that of the run: Locust writes into `locust/` in it, people into `people/`."""
        import numpy as np

        self._processes = processes
        self.said, self.played = folder.resolve() / "locust", folder.resolve() / "people"  # processes stand elsewhere
        self.said.mkdir()
        self.played.mkdir()
        np.save(self.played / "people.npy", slice_.people)
        np.save(self.played / "first.npy", slice_.first_ns)
        laws = [law.name if law.at == "client" else "" for law in slice_.scenario.admission]
        levels: dict[str, Any] = {
            str(place): slice_.levels[name] for place, name in enumerate(laws) if name in slice_.levels
        }
        np.savez(self.played / "levels.npz", **levels)
        told = {
            **plan,
            "processes": processes,
            "people": "people.npy",
            "levels": "levels.npz",
            "first": "first.npy",
            "first_want": slice_.first_want,
            "begin": "begin.json",
            "ends_with_input": True,
        }
        self._plan = self.played / "plan.json"
        self._plan.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        self._host = str(plan["url"])
        self.web_port = _free_port() if web else None

    def __enter__(self) -> Self:
        """Start Locust, and return when all its processes stand ready."""
        with (self.said / "locust.log").open("wb") as log:
            self._locust = subprocess.Popen(
                self._command(),
                cwd=self.said,
                env=self._environment(),
                stdin=subprocess.PIPE,  # held open as long as this process lives
                stdout=log,
                stderr=log,
                start_new_session=True,  # ctrl-C is for us, who tell it to end
            )
        try:
            self._wait(lambda: len(list(self.played.glob("ready-*"))) == self._processes, START_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End whatever has not ended."""
        self._end()

    def begin(self, zero_monotonic_ns: int) -> None:
        """Tell when model time begins."""
        unfinished = self.played / "begin.unfinished"
        unfinished.write_text(json.dumps({"zero_monotonic_ns": zero_monotonic_ns}))
        unfinished.rename(self.played / "begin.json")

    def wait(self, stop: Callable[[], bool], longest_s: float, tell: Callable[[], None]) -> None:
        """Wait until all have played their people and Locust has written its files; `stop` ends it early."""
        told = False
        until_s = time.monotonic() + longest_s
        while self._locust.poll() is None:
            tell()
            if (stop() and not told) or time.monotonic() > until_s:
                if told:
                    raise GeneratorError(f"Locust did not end; see {self.said / 'locust.log'}")
                self._locust.send_signal(signal.SIGTERM)
                told, until_s = True, time.monotonic() + END_S
            time.sleep(LOOKS_EVERY_S)
        if not all((self.played / f"generator-{number}.json").exists() for number in range(self._processes)):
            raise GeneratorError(f"Locust ended before its people had; see {self.said / 'locust.log'}")

    def forget(self) -> None:
        """Remove what the people were told and wrote, once it is kept elsewhere."""
        shutil.rmtree(self.played)

    def _wait(self, come: Callable[[], bool], longest_s: float) -> None:
        until_s = time.monotonic() + longest_s
        while not come():
            if self._locust.poll() is not None or time.monotonic() > until_s:
                said = (self.said / "locust.log").read_text(errors="replace").strip()
                raise GeneratorError(f"Locust did not start: {said[-500:]}")
            time.sleep(LOOKS_EVERY_S)

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._locust.pid, signal.SIGKILL)  # its workers too
        self._locust.wait()

    def _command(self) -> list[str]:
        locustfile = Path(__file__).resolve().parent.parent / "scenarios" / "locustfile.py"
        command = [sys.executable, "-P", "-m", "locust", "-f", str(locustfile), "-u", str(self._processes)]
        command += ["-r", str(self._processes), "--csv", "stats", "--html", "report.html", "--json-file", "stats"]
        command += ["--only-summary", "--exit-code-on-error", "0", "--host", self._host]
        if self._processes > 1:
            port = str(_free_port())
            where = ["--master-host", "127.0.0.1", "--master-port", port]
            command += ["--processes", str(self._processes), *where, "--master-bind-host", "127.0.0.1"]
            command += ["--master-bind-port", port, "--expect-workers", str(self._processes)]
        if self.web_port is None:
            return [*command, "--headless"]
        web = ["--web-host", "127.0.0.1", "--web-port", str(self.web_port)]
        return [*command, "--autostart", "--autoquit", "0", *web]

    def _environment(self) -> dict[str, str]:
        from scenarios.live_plan import VARIABLE

        ours = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST_", "SLUICE_"))}
        found = os.environ.get("PYTHONPATH", "")
        return {**ours, VARIABLE: str(self._plan), "PYTHONPATH": f"{TOP}{os.pathsep}{found}" if found else str(TOP)}


def check_installed() -> None:
    """Say what to install where Locust, or what it is used with, is not here."""
    from importlib.util import find_spec

    missing = [name for name in ("locust", "httptools") if find_spec(name) is None]
    if missing:
        raise UserError(f"`sluice live` needs {' and '.join(missing)}; install it: pip install 'sluice[live]'")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
