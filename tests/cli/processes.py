"""Runs the command as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).parent.parent.parent


def environment(**variables: str) -> dict[str, str]:
    found = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{TOP}{os.pathsep}{found}" if found else str(TOP), **variables}


def process(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), "timeout": 120, **more}
    return subprocess.run([sys.executable, "-m", "sluice", *arguments], text=True, **given)


def hearing_signals() -> None:
    """A shell in the background hands down deaf ears; give the child its own."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def only_run(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found
