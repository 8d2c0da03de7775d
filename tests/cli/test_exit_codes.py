"""What the exit code says, and what is said with it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scenarios import loader
from simulator import run as simulator_run
from sluice.cli import start
from sluice.exits import Exit, gravest
from tests.cli.processes import only_run


def test_run_warns_of_missed_milestones_and_gates_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        start(
            [
                "run",
                "tiny.toml",
                "--set",
                "gates.most-get-one.metric=orders.placed",
                "--set",
                "gates.most-get-one.min=1e6",
            ]
        )
        == 0
    )
    said = capsys.readouterr().err
    assert "warning: 1 of 1 milestones missed: a-few" in said
    assert "warning: 1 of 1 gates do not hold: most-get-one" in said


def test_a_gate_that_holds_exits_0_and_one_that_does_not_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["gate", "tiny.toml"]) == 0
    assert capsys.readouterr().out.startswith("passed    most-get-one: orders.placed_share is ")
    assert (
        start(
            [
                "gate",
                "tiny.toml",
                "--set",
                "gates.most-get-one.metric=orders.placed",
                "--set",
                "gates.most-get-one.min=1e6",
            ]
        )
        == 3
    )
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
        assert (
            start(
                [
                    command,
                    "tiny.toml",
                    "--set",
                    "gates.most-get-one.metric=orders.placed",
                    "--set",
                    "gates.most-get-one.min=1e6",
                ]
            )
            == 6
        )
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


def test_ctrl_c_outside_a_simulation_exits_130(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loader, "load", interrupted)
    assert start(["run", "tiny.toml"]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert not (here / "runs").exists()


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
