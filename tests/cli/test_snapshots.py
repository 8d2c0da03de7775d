"""`sluice run` to an instant, into a snapshot, and on from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator import run as simulator_run
from sluice.cli import start
from tests.cli.processes import only_run

UNTIL_8_S = "run tiny.toml --engine compiled --seed 3 --until 8s --save-snapshot 8s.snapshot"


def command(line: str) -> int:
    return start(line.split())


@pytest.fixture
def saved(here: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert start([*UNTIL_8_S.split(), "--trace", "--out", "first"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "snapshot: 8s.snapshot (at 8.0 s)"
    return here / "8s.snapshot"


def test_a_run_goes_on_from_its_snapshot_with_the_same_bytes(
    saved: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("run tiny.toml --engine compiled --seed 3 --trace --out whole --format json") == 0
    whole = capsys.readouterr().out
    again = "--until 15s --save-snapshot 15s.snapshot --out second"
    assert command(f"run --from-snapshot 8s.snapshot {again}") == 0
    capsys.readouterr()
    assert command("run --from-snapshot 15s.snapshot --out third --format json") == 0
    assert capsys.readouterr().out == whole
    folders = [only_run(here / name) for name in ("whole", "third")]
    for name in ("summary.json", "resolved.toml", "timeseries.parquet", "orders.parquet", "attempts.parquet"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    told = [json.loads((folder / "manifest.json").read_text()) for folder in folders]
    assert told[0]["went_on_from"] is None
    assert told[1]["went_on_from"]["instant_s"] == 15
    assert told[1]["events"] == told[0]["events"]


def test_a_run_that_ends_where_it_was_asked_to_exits_0_and_is_marked(here: Path) -> None:
    assert command("run tiny.toml --until 8s --format json") == 0
    folder = only_run(here / "runs")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["interrupted"], manifest["until_s"]) == (True, 8)
    assert json.loads((folder / "summary.json").read_text())["ended_s"] == 8


def test_a_run_goes_on_with_options_that_say_what_it_is_of(saved: Path) -> None:
    assert command("run --from-snapshot 8s.snapshot --engine compiled --seed 3 --scale 1 --trace") == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("run", "Missing argument 'SCENARIO', or a snapshot to go on from"),
        ("run tiny.toml --until 25s", "--until: 25s: is after the horizon, 20s; use that or less"),
        ("run tiny.toml --until soon", '"soon" is not a duration; write it like "350ms" or "2h35m"'),
        (
            "run tiny.toml --engine compiled --save-snapshot x",
            "x: needs an instant at which to save, such as --until 4h",
        ),
        ("run tiny.toml --engine simpy --until 8s --save-snapshot x", "are not saved; use --engine compiled"),
        ("run tiny.toml --until 8s --replications 3", "--until: is for one run; leave out --replications 3"),
        (UNTIL_8_S, "8s.snapshot: is there already, and a snapshot is never written over another file"),
        (UNTIL_8_S.replace("8s.snapshot", "none/x"), "none/x: none is not a folder; make it, or"),
        ("run labs/autoscaler --engine compiled --until 1m --save-snapshot x", "controls.scaler: a control process"),
        (
            "run tiny.toml --from-snapshot 8s.snapshot",
            "tiny.toml: the scenario comes from --from-snapshot 8s.snapshot;",
        ),
        ("run --from-snapshot tiny.toml", "tiny.toml: is not a snapshot of Sluice; name a file that"),
        ("run --from-snapshot gone", "gone: cannot be read: No such file or directory"),
        ("run --from-snapshot 8s.snapshot --until 7s", "--until: 7s: is before the snapshot, 8s"),
        (
            "run --from-snapshot 8s.snapshot --seed 4",
            "--seed: the snapshot 8s.snapshot is of seed 3, and a run goes on",
        ),
        ("run --from-snapshot 8s.snapshot --scale 1/2", "--scale: the snapshot 8s.snapshot is of scale 1, and"),
        ("run --from-snapshot 8s.snapshot --engine simpy", "--engine: the snapshot 8s.snapshot is of engine compiled"),
        ("run --from-snapshot 8s.snapshot --set horizon=30s", "--set horizon=30s: the past of --from-snapshot"),
        ("gate tiny.toml --until 8s", "No such option '--until'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_simulated(
    saved: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    says: str,
) -> None:
    monkeypatch.setattr(simulator_run, "simulate", None)
    assert command(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert not (here / "runs").exists()


def test_variables_and_traces_that_a_snapshot_does_not_have_are_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(UNTIL_8_S) == 0
    assert command("run --from-snapshot 8s.snapshot --trace") == 2
    assert "--trace: the snapshot 8s.snapshot is without traces, and" in capsys.readouterr().err
    monkeypatch.setenv("SLUICE_SET", "horizon=30s")
    assert command("run --from-snapshot 8s.snapshot") == 2
    assert "SLUICE_SET: the past of --from-snapshot 8s.snapshot was lived without it" in capsys.readouterr().err
    monkeypatch.delenv("SLUICE_SET")
    monkeypatch.setenv("SLUICE_SEED", "4")
    assert command("run --from-snapshot 8s.snapshot") == 2
    assert "SLUICE_SEED: the snapshot 8s.snapshot is of seed 3" in capsys.readouterr().err
