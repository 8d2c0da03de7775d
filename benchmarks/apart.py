"""One measurement in a process of its own, with its clock time and its peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UNIT_OF_RSS = 1 if sys.platform == "darwin" else 1024
KEPT = {"PYTHONDONTWRITEBYTECODE": ""}
"""Modules are kept compiled, as they are for users: where they are not, each start compiles all of them again."""


class MeasurementError(Exception):
    """A measurement that failed, or that measured something else than it should."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What became of a process. Linux counts the peak of whoever started it too, so that one has to stay small."""

    wall_s: float
    peak_bytes: int
    returned: Any = None


def command(arguments: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command, its variables added to ours, and forget what it prints."""
    with tempfile.TemporaryFile() as complaints:
        begun_s = time.perf_counter()
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={**os.environ, **KEPT, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - begun_s
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        if process.returncode:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise MeasurementError(f"{arguments[0]} ended with {process.returncode}: {said[-1]}")
    return Measured(wall_s=wall_s, peak_bytes=used.ru_maxrss * UNIT_OF_RSS)


def python(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run this Python with arguments."""
    return command([sys.executable, *arguments], environment)


def call(function: Callable[..., Any], **arguments: Any) -> Measured:
    """Call a function of a module in a fresh process; arguments and what it returns have to be JSON."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        process = python("-m", __name__, function.__module__, function.__name__, json.dumps(arguments), answer)
        returned = json.loads(answer.read_text("utf-8"))
    return replace(process, returned=returned)


def _answer(module: str, function: str, arguments: str, answer: str) -> None:
    returned = getattr(import_module(module), function)(**json.loads(arguments))
    Path(answer).write_text(json.dumps(returned), "utf-8")


if __name__ == "__main__":
    _answer(*sys.argv[1:])
