"""What may be asked of the command line, and what it says to what may not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from scenarios.units import NS_PER_S
from simulator import run as simulator_run
from sluice import options
from sluice.cli import start
from sluice.progress import progress, words
from tests.cli.processes import only_run

HOUR_NS = 3600 * NS_PER_S


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
        ("run tiny.toml --seed one", "'one' is not a whole number from 0"),
        ("run tiny.toml --seed 1.5", "'1.5' is not a whole number"),
        ("run tiny.toml --seed -1", "'-1' is not a whole number from 0"),
        ("run tiny.toml --seed 9223372036854775808", "is not a whole number from 0 to 9223372036854775807"),
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


@pytest.mark.parametrize("text", ["0.01", "1/100", "1:100", "1%", "1e-2", " 0.0100 "])
def test_a_scale_is_kept_exact_however_it_is_written(text: str) -> None:
    scale = options.Scale().convert(text, None, None)
    assert (scale.numerator, scale.denominator) == (1, 100)


def test_a_wrong_value_is_told_with_its_variable_only_where_it_came_from_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(["run", "tiny.toml", "--scale", "x"]) == 2
    typed = capsys.readouterr().err
    assert typed.startswith("sluice: Invalid value for '--scale': 'x' is not a scale")
    monkeypatch.setenv("SLUICE_SCALE", "x")
    assert start(["run", "tiny.toml"]) == 2
    assert capsys.readouterr().err.startswith("sluice: Invalid value for '--scale' (env var: 'SLUICE_SCALE'): 'x' is")


def test_the_help_of_set_names_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["run", "--help"]) == 0
    assert "SLUICE_SET" in capsys.readouterr().out


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_default(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked(*flags: str) -> tuple[str, int, float, float]:
        assert start(["run", "tiny.toml", "--format", "json", *flags]) == 0
        summary = json.loads(capsys.readouterr().out)
        return summary["engine"], summary["seed"], summary["scale"], summary["horizon_s"]

    assert asked() == ("compiled", 1, 1, 20)
    assert len(list(here.glob("runs/tiny-1-*"))) == 1
    for name, value in (("SEED", "5"), ("SCALE", "1/2"), ("OUT", "kept"), ("SET", "horizon=15s"), ("ENGINE", "simpy")):
        monkeypatch.setenv(f"SLUICE_{name}", value)
    assert asked() == ("simpy", 5, 0.5, 15)
    assert len(list(here.glob("kept/tiny-5-*"))) == 1
    flags = ("--engine", "compiled", "--seed", "6", "--scale", "0.25", "--out", "here", "--set", "horizon=12s")
    assert asked(*flags) == ("compiled", 6, 0.25, 12)
    assert len(list(here.glob("here/tiny-6-*"))) == 1


def test_a_variable_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SLUICE_SEED", "many")
    assert start(["run", "tiny.toml"]) == 2
    assert "SLUICE_SEED" in capsys.readouterr().err


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
    assert "pip install matplotlib" in capsys.readouterr().err
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


def test_without_a_terminal_a_line_is_said_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([100.0, 109.9, 110.0, 119.9, 130.0])
    with progress(quiet=False, clock=lambda: next(clock)) as tell:
        assert tell is not None
        for done in (1, 2, 3, 4):
            tell(done * HOUR_NS, 4 * HOUR_NS, done * 1000, done * 10)
    assert capsys.readouterr().err.splitlines() == [
        " 50%  02:00:00 of 04:00:00, 2 orders/s, 200 events/s, 00:00:10 left",
        "100%  04:00:00 of 04:00:00, 1 orders/s, 133 events/s, 00:00:00 left",
    ]


def test_no_rate_is_told_before_there_is_one() -> None:
    assert words(0, HOUR_NS, 0, 0, 0.0) == "00:00:00 of 01:00:00"
    assert words(0, HOUR_NS, 9, 0, 1.0) == "00:00:00 of 01:00:00, 0 orders/s, 9 events/s"
