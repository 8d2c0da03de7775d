"""The page of `make chaos`: it is of its figures, nothing is missing, and nothing in it was lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import chaos, hostile
from benchmarks.kept import parts

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "chaos.md"
PARTS = parts(PAGE.with_suffix(".json"))
CASES = [one for part in PARTS if part["name"] != "hostile" for one in part["rows"]]
HOSTILE = [one for part in PARTS if part["name"] == "hostile" for one in part["rows"]]
GOOD: dict[str, Any] = {
    "what": "kill_worker",
    "ledger": "SQLite",
    "redis": "no",
    "told": 9,
    "found": 9,
    "errors": 1,
    "served_again_s": [0.1, 9.9, 0.2],
    **dict.fromkeys(chaos.BOOKS, 0),
}


def test_the_page_is_of_its_figures_and_of_all_cases() -> None:
    assert chaos.page(PARTS) == PAGE.read_text("utf-8"), "docs/chaos.md is old; run python -m benchmarks.page"
    assert [(one["what"], one["ledger"], one["redis"]) for one in CASES] == list(chaos.cases())
    assert [one["who"] for one in HOSTILE] == ["nobody", *hostile.ATTACKS]
    assert len(list(chaos.cases())) == 24


def test_promises_that_were_not_kept_are_told() -> None:
    assert chaos.wrong(CASES) == []
    assert all(one["placed"] == one["orders"] for one in HOSTILE)
    assert chaos.wrong([GOOD]) == []
    for name in chaos.BOOKS:
        assert chaos.wrong([{**GOOD, name: 1}]) == [f"kill_worker, SQLite, Redis: no: 1 {name}"]
    for slow in ([0.1, 10.1, 0.1], [0.1, None, 0.1], [0.1, 0.1]):
        assert len(chaos.wrong([{**GOOD, "served_again_s": slow}])) == 1
