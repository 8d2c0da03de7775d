"""The command as a process: what goes to stdout and what to stderr, and how it ends when it is told to."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sluice import __version__
from tests.cli.processes import environment, hearing_signals, only_run, process
from tests.interpreted import sized


def test_stdout_is_the_same_bytes_for_one_seed() -> None:
    first, again, other = (
        process("run", "tiny.toml", "--format", form, "--seed", seed, env=environment(PYTHONHASHSEED=hashing)).stdout
        for form, seed, hashing in (("text", "7", "1"), ("text", "7", "2"), ("text", "8", "1"))
    )
    assert first == again != other
    assert "tiny: A counter with one clerk" in first


def test_the_result_goes_to_stdout_and_the_folder_to_stderr(here: Path) -> None:
    result = process("run", "tiny.toml", "--format", "json")
    assert result.returncode == 0
    folder = only_run(here / "runs")
    assert json.loads(result.stdout) == json.loads((folder / "summary.json").read_text())
    assert result.stderr.splitlines()[0] == f"run: runs/{folder.name}"
    assert folder.name not in result.stdout


def test_help_imports_no_engine_and_nothing_heavy() -> None:
    code = """
import sys
from sluice.cli import start
start(["--help"]), start(["run", "--help"]), start(["--version"])
heavy = "simulator.run", "simulator.reference", "simpy", "numpy", "numba", "pydantic", "pyarrow", "rich", "matplotlib"
print("loaded:", sorted(set(heavy) & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert "Usage: sluice" in result.stdout
    assert f"sluice {__version__}" in result.stdout
    assert result.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize(("engine", "hours"), [("simpy", 10), ("compiled", sized(200, 10))])
def test_ctrl_c_writes_what_there_is_and_exits_130(here: Path, engine: str, hours: int) -> None:
    asked = ["run", "tiny.toml", "--engine", engine, "--set", f"horizon={hours}h", "--format", "json"]
    command = [sys.executable, "-m", "sluice", *asked]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=hearing_signals,
    )
    until_s = time.monotonic() + 60
    while not list(here.glob("runs/*")) and time.monotonic() < until_s:
        time.sleep(0.05)
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    summary = json.loads(out)
    assert 0 < summary["ended_s"] < summary["horizon_s"] == hours * 3600
    assert summary["orders"]["placed"] > 0
    folder = only_run(here / "runs")
    assert json.loads((folder / "manifest.json").read_text())["interrupted"] is True
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert f"run: runs/{folder.name}" in err
    assert "ctrl-C again ends at once" in err
    assert "Traceback" not in err


def test_a_second_ctrl_c_ends_the_process_at_once() -> None:
    code = """
import time
from sluice.interrupts import Interrupts
with Interrupts() as stop:
    print(stop(), flush=True)
    while not stop():
        time.sleep(0.01)
    print(stop(), flush=True)
    while True:
        sum(range(10**12))  # deaf to Python's own handlers
"""
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
        preexec_fn=hearing_signals,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "False\n"
    running.send_signal(signal.SIGINT)
    assert running.stdout.readline() == "True\n"
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=10) == -signal.SIGINT  # a shell calls that 130
    running.stdout.close()


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["validate", "--schema"], ["run", "tiny.toml", "--quiet"]])
def test_a_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = process(*arguments, stdout=writing)
    finally:
        os.close(writing)
    assert result.returncode == 0
    assert "Broken" not in result.stderr
    assert "Exception" not in result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_stdout_is_named() -> None:
    with open("/dev/full", "w") as full:
        result = process("list", stdout=full)
    assert result.returncode == 2
    assert result.stderr == "sluice: stdout: No space left on device; make room, or write the result elsewhere\n"


def test_no_stdout_at_all_is_no_error() -> None:
    command = f"{sys.executable} -m sluice list >&-"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment())
    assert (result.returncode, result.stderr) == (0, "")


def test_a_disk_that_fills_up_leaves_a_message_and_no_half_run(here: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    result = process("run", "tiny.toml", preexec_fn=little_room)
    assert (result.returncode, result.stdout) == (2, "")
    assert "runs/tiny-1-" in result.stderr
    assert "cannot be written: File too large; make room, or choose another folder" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(here.glob("runs/*/manifest.json"))


def on_a_terminal(*arguments: str, **variables: str) -> bytes:
    """Run with stderr a terminal, and return what it showed."""
    shown, terminal = pty.openpty()
    command = [sys.executable, "-m", "sluice", *arguments]
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=terminal, env=environment(TERM="xterm", COLUMNS="120", **variables)
    )
    os.close(terminal)
    seen = b""
    try:
        while part := os.read(shown, 65536):
            seen += part
    except OSError:  # how Linux says that the other end has closed
        pass
    os.close(shown)
    assert running.wait(timeout=60) == 0
    return seen


def test_a_terminal_shows_a_bar_with_clock_and_rates_and_no_colour_has_none() -> None:
    asked = ("run", "tiny.toml", "--set", f"arrivals.rate={sized(90, 3)}/s", "--set", "horizon=2h")
    seen = on_a_terminal(*asked)
    assert b"of 02:00:00" in seen
    assert b"orders/s" in seen
    assert b"left" in seen
    assert b"\x1b[38" in seen or b"\x1b[3" in seen
    plain = on_a_terminal(*asked, NO_COLOR="1")
    assert b"of 02:00:00" in plain
    assert b"\x1b[38" not in plain


def test_quiet_shows_no_progress_even_on_a_terminal() -> None:
    seen = on_a_terminal("run", "tiny.toml", "--quiet")
    assert b"of 00:00:20" not in seen
    assert b"run: runs/tiny-1-" in seen
