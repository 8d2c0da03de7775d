"""The command line: exit codes, what goes to stdout and what to stderr, and how it ends when it is told to."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator import run as simulator_run
from sluice import __version__, options
from sluice.cli import start
from sluice.exits import Exit, gravest

TOP = Path(__file__).parent.parent
TINY = """
schema = 1
name = "tiny"
title = "A counter with one clerk"
horizon = "20s"
arrivals = { process = "poisson", rate = "20/s" }
people = { timeout = "5s", attempts = 1, retry_delay = "0s" }
stages = [{ name = "counter", servers = 1, service = "10ms" }]
gates = [{ name = "most-get-one", metric = "orders.placed_share", min = 0.9 }]
milestones = [{ name = "a-few", metric = "orders.placed", value = 1, tolerance = "1%" }]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in a folder of its own, with a small scenario and no variables of ours."""
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        monkeypatch.delenv(name)
    return tmp_path


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


def test_ctrl_c_writes_what_there_is_and_exits_130(here: Path) -> None:
    command = [sys.executable, "-m", "sluice", "run", "tiny.toml", "--set", "horizon=10h", "--format", "json"]
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
    assert 0 < summary["ended_s"] < summary["horizon_s"] == 36_000
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


@pytest.mark.parametrize("out", ["tiny.toml", "tiny.toml/deeper", "/dev/null/runs", "x" * 300])
def test_an_out_that_cannot_be_a_folder_is_named_before_anything_is_simulated(
    out: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulator_run, "simulate", None)
    assert start(["run", "tiny.toml", "--out", out]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert out in said.err
    assert "choose another folder with --out" in said.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here.joinpath("locked").mkdir(mode=0o500)
    assert start(["run", "tiny.toml", "--out", "locked"]) == 2
    assert "Permission denied; choose another folder with --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("run", "Missing argument 'SCENARIO'"),
        ("run tiny.toml extra", "Got unexpected extra argument (extra)"),
        ("run nothing-like-it", "nothing-like-it: is neither in the catalogue nor a file"),
        ("run milk-tea-dya", "did you mean milk-tea-day?"),
        ("run tiny.toml --scale 0", "--scale: 0 is not a scale; use more than 0"),
        ("run tiny.toml --scale -1", "'-1' is not a scale"),
        ("run tiny.toml --scale nan", "'nan' is not a scale; write it like 0.01, 1/100 or 2"),
        ("run tiny.toml --scale inf", "'inf' is not a scale"),
        ("run tiny.toml --scale 1/0", "'1/0' is not a scale"),
        ("run tiny.toml --scale 1e9", "--scale"),
        ("run tiny.toml --scale 1e999999999", "'1e999999999' is not a scale"),
        ("run tiny.toml --seed one", "'one' is not a valid integer range"),
        ("run tiny.toml --seed 1.5", "'1.5' is not a valid integer range"),
        ("run tiny.toml --seed -1", "-1 is not in the range"),
        ("run tiny.toml --seed 9223372036854775808", "is not in the range"),
        ("run tiny.toml --engine numpy", "'numpy' is not"),
        ("run tiny.toml --format xml", "'xml' is not one of 'text', 'json'"),
        ("run tiny.toml --set people.timeout", "people.timeout is not a setting"),
        ("run tiny.toml --set people.timeuot=1s", "did you mean timeout?"),
        ("run tiny.toml --sed 1", "No such option"),
        ("gate tiny.toml --set gates.most-get-one.metric=orders.plaecd", "did you mean orders.placed?"),
        ("validate", "name one SCENARIO, or ask for --schema alone"),
        ("validate tiny.toml --schema", "name one SCENARIO, or ask for --schema alone"),
        ("validate tiny.toml --set stages.counter.servers=-3", "stages.counter.servers = -3"),
        ("report .", "manifest.json: is missing"),
        ("report nowhere", "nowhere: is not a folder of a run"),
        ("frobnicate", "No such command 'frobnicate'"),
    ],
)
def test_a_mistake_exits_2_with_its_place_and_remedy(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: str, says: str
) -> None:
    assert start(arguments.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert "Traceback" not in said.err
    assert not (here / "runs").exists()


def test_without_a_command_it_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert start([]) == 2
    assert "Usage: sluice" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0.01", "1/100", "1%", "1e-2", " 0.0100 "])
def test_a_scale_is_kept_exact_however_it_is_written(text: str) -> None:
    scale = options.Scale().convert(text, None, None)
    assert (scale.numerator, scale.denominator) == (1, 100)


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_default(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked(*flags: str) -> tuple[int, float, float]:
        assert start(["run", "tiny.toml", "--format", "json", *flags]) == 0
        summary = json.loads(capsys.readouterr().out)
        return summary["seed"], summary["scale"], summary["horizon_s"]

    assert asked() == (1, 1, 20)
    assert len(list(here.glob("runs/tiny-1-*"))) == 1
    for name, value in (("SEED", "5"), ("SCALE", "1/2"), ("OUT", "kept"), ("SET", "horizon=15s"), ("ENGINE", "simpy")):
        monkeypatch.setenv(f"SLUICE_{name}", value)
    assert asked() == (5, 0.5, 15)
    assert len(list(here.glob("kept/tiny-5-*"))) == 1
    assert asked("--seed", "6", "--scale", "0.25", "--out", "here", "--set", "horizon=12s") == (6, 0.25, 12)
    assert len(list(here.glob("here/tiny-6-*"))) == 1


def test_a_variable_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SLUICE_SEED", "many")
    assert start(["run", "tiny.toml"]) == 2
    assert "SLUICE_SEED" in capsys.readouterr().err


def test_run_warns_of_missed_milestones_and_gates_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["run", "tiny.toml", "--set", "gates.most-get-one.min=2"]) == 0
    said = capsys.readouterr().err
    assert "warning: 1 of 1 milestones missed: a-few" in said
    assert "warning: 1 of 1 gates do not hold: most-get-one" in said


def test_a_gate_that_holds_exits_0_and_one_that_does_not_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["gate", "tiny.toml"]) == 0
    assert capsys.readouterr().out.startswith("passed    most-get-one: orders.placed_share is ")
    assert start(["gate", "tiny.toml", "--set", "gates.most-get-one.min=2"]) == 3
    assert capsys.readouterr().out.startswith("failed    most-get-one: ")
    assert start(["gate", "tiny.toml", "--format", "json"]) == 0
    assert [gate["verdict"] for gate in json.loads(capsys.readouterr().out)] == ["passed"]


def test_a_gate_without_a_value_exits_5_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["gate", "tiny.toml", "--set", "arrivals.rate=0/s"]) == 5
    said = capsys.readouterr()
    assert said.out.startswith("no value  most-get-one")
    assert "inconclusive: gate most-get-one: this run has no value of orders.placed_share" in said.err


def test_a_scenario_without_gates_exits_5_and_says_why(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "open.toml").write_text(
        'extends = "tiny.toml"\nname = "open"\n[[gates]]\nname = "most-get-one"\nremove = true'
    )
    assert start(["gate", "open.toml"]) == 5
    assert "inconclusive: the scenario has no gates" in capsys.readouterr().err


def test_books_that_do_not_balance_exit_6_and_say_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = simulator_run.simulate

    def wrong(*arguments: Any, **options: Any) -> Any:
        run = real(*arguments, **options)
        invariants = {"checked": 9, "violated": ["people: wanted 3 is not placed 2"]}
        return replace(run, summary={**run.summary, "invariants": invariants})

    monkeypatch.setattr(simulator_run, "simulate", wrong)
    for command in ("run", "gate"):
        assert start([command, "tiny.toml", "--set", "gates.most-get-one.min=2"]) == 6
        assert "the books do not balance: people: wanted 3 is not placed 2" in capsys.readouterr().err


def test_an_internal_error_exits_1_and_keeps_its_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("a bug\nof two lines")

    monkeypatch.setattr(simulator_run, "simulate", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(here / "saved"))
    (here / "saved").mkdir()
    assert start(["run", "tiny.toml"]) == 1
    said = capsys.readouterr().err
    saved = only_run(here / "saved")
    assert said.startswith("sluice: internal error, please report it: KeyError: ")
    assert f"The traceback is in {saved}" in said
    assert "Traceback" not in said
    assert "in broken" in saved.read_text()
    assert list((here / "runs").iterdir()) == []

    assert start(["--debug", "run", "tiny.toml"]) == 1
    assert "in broken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ((), 0),
        ((Exit.PASS, Exit.GATE), 3),
        ((Exit.GATE, Exit.INCONCLUSIVE), 5),
        ((Exit.INCONCLUSIVE, Exit.BOOKS, Exit.GATE), 6),
        ((Exit.BOOKS, Exit.INTERNAL), 1),
        ((Exit.PASS, Exit.INTERNAL, Exit.BOOKS, Exit.INTERRUPTED), 130),
    ],
)
def test_the_gravest_code_is_told(found: tuple[Exit, ...], told: int) -> None:
    assert gravest(*found) == told


def test_a_trace_is_kept_where_it_is_asked_for(here: Path) -> None:
    assert start(["run", "tiny.toml", "--out", "plain"]) == 0
    assert start(["run", "tiny.toml", "--out", "traced", "--trace"]) == 0
    assert not (only_run(here / "plain") / "orders.parquet").exists()
    assert (only_run(here / "traced") / "orders.parquet").exists()
    assert (only_run(here / "traced") / "attempts.parquet").exists()


def test_a_report_is_drawn_with_the_run_or_later(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["run", "tiny.toml", "--report"]) == 0
    folder = only_run(here / "runs")
    page = folder / "report.html"
    assert f"report: runs/{folder.name}/report.html" in capsys.readouterr().err
    drawn = page.read_text()
    page.unlink()
    assert start(["report", str(folder)]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    assert page.read_text() == drawn


def test_a_report_that_cannot_be_drawn_is_refused_before_the_run(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "reports.plots", raising=False)
    assert start(["run", "tiny.toml", "--report"]) == 2
    assert "pip install 'sluice[report]'" in capsys.readouterr().err
    assert not (here / "runs").exists()


def test_the_catalogue_is_listed_and_every_entry_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["list", "--format", "json"]) == 0
    names = [entry["name"] for entry in json.loads(capsys.readouterr().out)]
    assert {"milk-tea-day", "labs/retry-trap"} <= set(names)
    assert start(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == names
    for name in names:
        assert start(["validate", name]) == 0


def test_the_schema_of_scenarios_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["validate", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


def test_the_engines_offered_are_those_there_are() -> None:
    assert options.ENGINES == simulator_run.ENGINES


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
    seen = on_a_terminal("run", "tiny.toml", "--set", "arrivals.rate=90/s")
    assert b"of 00:00:20" in seen
    assert b"orders/s" in seen
    assert b"left" in seen
    assert b"\x1b[38" in seen or b"\x1b[3" in seen
    plain = on_a_terminal("run", "tiny.toml", "--set", "arrivals.rate=90/s", NO_COLOR="1")
    assert b"of 00:00:20" in plain
    assert b"\x1b[38" not in plain


def test_quiet_shows_no_progress_even_on_a_terminal() -> None:
    seen = on_a_terminal("run", "tiny.toml", "--quiet")
    assert b"of 00:00:20" not in seen
    assert b"run: runs/tiny-1-" in seen
