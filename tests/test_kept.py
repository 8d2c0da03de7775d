"""What benchmarks keep: each part says when and how busy it was, and measuring some leaves the others."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import click
import pytest

from benchmarks import kept, machine
from benchmarks.kept import Kept, Part

NAMES = ("first", "second", "third")


def page(parts: Sequence[Part]) -> str:
    return " ".join(part["name"] for part in parts)


def keeping(file: Path, names: Sequence[str] = NAMES) -> Kept:
    return Kept(file=file, names=names, page=page)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to keep things in, on a machine whose load grows by one each time that somebody looks."""
    load = count(1)
    monkeypatch.setattr(os, "getloadavg", lambda: (float(next(load)), 0.0, 0.0))
    days = count(1)
    monkeypatch.setattr(kept, "_now", lambda: f"2026-11-0{next(days)}T10:20:30Z")
    return tmp_path / "new" / "kept.json"


def rows(value: int) -> list[dict[str, Any]]:
    return [{"value": value}]


def test_a_part_measured_anew_takes_its_own_place_and_leaves_the_others(file: Path) -> None:
    for name in ("second", "first"):
        keeping(file).measure(name, lambda: rows(1))
    before = {part["name"]: part for part in kept.parts(file)}
    keeping(file).measure("second", lambda: rows(2))
    first, second = kept.parts(file)
    assert first == before["first"]
    assert (second["name"], second["rows"]) == ("second", rows(2))
    assert [kept.begun(part) for part in (first, second)] == [("2026-11-02 10:20", "2"), ("2026-11-03 10:20", "3")]
    assert file.with_suffix(".md").read_text("utf-8") == "first second"


def test_the_load_is_that_before_the_part_begins(file: Path) -> None:
    seen: list[tuple[float, float, float]] = []

    def measured() -> list[dict[str, Any]]:
        seen.append(os.getloadavg())
        return rows(1)

    part = keeping(file).measure("first", measured)
    assert (part["load_before"][0], seen[0][0]) == (1, 2)


def test_what_is_said_of_a_part_is_kept_with_it_and_what_nobody_measures_any_more_goes(file: Path) -> None:
    keeping(file, ["gone"]).measure("gone", lambda: rows(1))
    keeping(file).measure("third", lambda: rows(3), size="quick")
    (part,) = kept.parts(file)
    assert (part["name"], part["size"]) == ("third", "quick")


def test_a_part_of_another_machine_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = keeping(file).measure("first", lambda: rows(1))
    keeping(file).measure("second", lambda: rows(1))
    assert [list(part).count("machine") for part in json.loads(file.read_text("utf-8"))["parts"]] == [0, 0]
    assert kept.machines(kept.parts(file)).startswith("Measured on ")

    there = {**here["machine"], "processor": "Abacus"}
    monkeypatch.setattr(kept, "machine", lambda: there)
    keeping(file).measure("third", lambda: rows(1))
    assert [part["machine"] for part in kept.parts(file)] == [here["machine"], here["machine"], there]
    on_here, on_there = kept.machines(kept.parts(file)).removesuffix("\n").split("\n- ")
    assert on_here.endswith("There: first; second.")
    assert " of Abacus, " in on_there
    assert on_there.endswith("There: third.")


def test_a_table_says_once_what_is_the_same_for_all_its_rows(file: Path) -> None:
    first, second = (keeping(file).measure(name, lambda: rows(1)) for name in ("first", "second"))
    assert kept.table(["a"], [(first, ["1"]), (first, ["2"])]).splitlines() == [
        "Run of 2026-11-01 10:20 UTC; load average before: 1.",
        "",
        "| a |",
        "| --- |",
        "| 1 |",
        "| 2 |",
    ]
    assert kept.table(["a"], [(first, ["1"]), (second, ["2"])]).splitlines() == [
        "| a | run of, UTC | load before |",
        "| --- | --- | --- |",
        "| 1 | 2026-11-01 10:20 | 1 |",
        "| 2 | 2026-11-02 10:20 | 2 |",
    ]


def test_a_load_that_nobody_wrote_down_is_not_known() -> None:
    assert kept.begun({"date_utc": "2026-11-22T09:51Z", "load_before": None}) == ("2026-11-22 09:51", "not known")


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": []}', '{"machine": {}, "parts": [1]}'])
def test_a_file_of_something_else_is_refused_before_anything_is_measured(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content, "utf-8")
    with pytest.raises(click.UsageError, match=r"kept\.json: is not what benchmarks keep; remove it, or name another"):
        keeping(file)
    assert file.read_text("utf-8") == content


def test_the_load_is_of_three_spans() -> None:
    assert len(machine.load_before()) == 3
