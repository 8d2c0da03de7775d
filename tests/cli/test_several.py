"""Several seeds, and two variants, from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sluice.cli import start
from tests.cli.processes import environment, hearing_signals, only_run, process

SLOWER = """
schema = 1
extends = "tiny.toml"
name = "slower"
stages = [{ name = "counter", service = "60ms" }]
"""


@pytest.fixture
def slower(here: Path) -> str:
    (here / "slower.toml").write_text(SLOWER)
    return "slower.toml"


def wait_for_a_replication(here: Path) -> None:
    until_s = time.monotonic() + 60
    while not list(here.glob("runs/*/seed-*/manifest.json")) and time.monotonic() < until_s:
        time.sleep(0.05)


@pytest.mark.parametrize("form", ["text", "json"])
def test_stdout_is_the_same_bytes_for_any_number_of_workers(form: str) -> None:
    one, two = (
        process("run", "tiny.toml", "--replications", "3", "--workers", workers, "--format", form)
        for workers in ("1", "2")
    )
    assert (one.returncode, two.returncode) == (0, 0)
    assert one.stdout == two.stdout != ""
    assert max(map(len, one.stdout.splitlines())) <= 80 or form == "json"


def test_every_seed_has_a_run_of_its_own_beside_what_they_have_in_common(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(["run", "tiny.toml", "--replications", "3", "--seed", "7", "--workers", "1", "--format", "json"]) == 0
    folder = only_run(here / "runs")
    assert sorted(path.name for path in folder.iterdir()) == ["replications.json", "seed-7", "seed-8", "seed-9"]
    assert json.loads(capsys.readouterr().out) == json.loads((folder / "replications.json").read_text())
    assert start(["report", str(folder)]) == 2
    assert "holds several runs; name one of its folders" in capsys.readouterr().err


@pytest.mark.parametrize(("bound", "code"), [("min=0.5", 0), ("max=0.91", 3), ("min=0.99999", 5)])
def test_a_gate_goes_by_the_interval(here: Path, bound: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--replications", "3", "--workers", "1", "--set", f"gates.most-get-one.{bound}"]
    assert start(["gate", "tiny.toml", *asked]) == code
    assert ("inconclusive" in capsys.readouterr().err) == (code == 5)


def test_ctrl_c_keeps_the_replications_that_are_done_and_exits_130(here: Path) -> None:
    command = ["run", "tiny.toml", "--replications", "500", "--workers", "2", "--format", "json"]
    running = subprocess.Popen(
        [sys.executable, "-m", "sluice", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=hearing_signals,
        start_new_session=True,
    )
    wait_for_a_replication(here)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: the workers hear it too
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    kept = json.loads(out)
    assert 1 <= len(kept["seeds"]) < kept["asked"] == 500
    assert {path.name for path in only_run(here / "runs").glob("seed-*")} == {f"seed-{seed}" for seed in kept["seeds"]}


def test_workers_end_with_a_command_that_was_killed(here: Path) -> None:
    command = ["run", "tiny.toml", "--replications", "500", "--workers", "2"]
    running = subprocess.Popen(
        [sys.executable, "-m", "sluice", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    wait_for_a_replication(here)
    running.kill()
    assert running.stderr is not None
    running.communicate(timeout=30)  # the workers hold the other end of stderr: it closes when they have ended


def test_worse_than_the_baseline_exits_4_and_within_the_tolerance_0(
    slower: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compare = ["compare", "tiny.toml", slower, "--replications", "3", "--workers", "1"]
    time_to_order = ["--metric", "time_to_order_s.mean"]
    assert start([*compare, *time_to_order, "--tolerance", "10%"]) == 4
    text = capsys.readouterr().out
    assert "time_to_order_s.mean (lower is better, 10% allowed): WORSE" in text
    assert "figures compared" in text
    assert max(map(len, text.splitlines())) <= 80
    assert start([*compare, *time_to_order, "--tolerance", "100000%"]) == 0


def test_a_kept_run_is_a_baseline_with_its_own_seeds_and_scale(
    here: Path, slower: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(["run", "tiny.toml", "--replications", "2", "--seed", "5", "--scale", "0.5", "--workers", "1"]) == 0
    folder = str(only_run(here / "runs"))
    capsys.readouterr()
    assert start(["compare", folder, "tiny.toml", "--workers", "1", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["seeds"], found["differ"]) == ([5, 6], 0)
    assert found["judged"] == [
        {"name": "orders.placed_share", "better": "higher", "tolerance": 0.0, "verdict": "not worse"}
    ]
    assert start(["compare", folder, folder]) == 0
    assert start(["compare", folder, f"{folder}/seed-5"]) == 5
    assert start(["compare", folder, slower, "--seed", "1"]) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "tiny.toml", "tiny.toml", "--metric", "people.wanted"], "neither more nor less of it is better"),
        (["compare", "tiny.toml", "tiny.toml", "--metric", "orders.plaecd"], "did you mean orders.placed?"),
        (["compare", "tiny.toml", "tinny.toml"], "tinny.toml: is neither in the catalogue nor a file"),
        (["compare", "runs", "tiny.toml"], "is neither in the catalogue nor a file"),
        (["run", "tiny.toml", "--replications", "0"], "--replications"),
        (["run", "tiny.toml", "--replications", "2", "--confidence", "1"], "is not from 50% to 99.99%"),
        (["run", "tiny.toml", "--replications", "2", "--seed", str(2**63 - 1)], "leaves no room for 2 seeds"),
    ],
)
def test_a_mistake_is_named_before_anything_is_run(
    here: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(arguments) == 2
    assert says in capsys.readouterr().err
    assert not (here / "runs").exists()
