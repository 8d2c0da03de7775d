"""The page of `make chaos`: it is of its figures, nothing is missing, and nothing in it was lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import chaos, hostile

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "chaos.md"
CONTENT = json.loads(PAGE.with_suffix(".json").read_text("utf-8"))
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
    assert chaos.page(CONTENT) == PAGE.read_text("utf-8"), "docs/chaos.md is old; make chaos JSON=docs/chaos.json"
    assert [(one["what"], one["ledger"], one["redis"]) for one in CONTENT["rows"]] == list(chaos.cases())
    assert [one["who"] for one in CONTENT["hostile"]] == ["nobody", *hostile.ATTACKS]
    assert len(list(chaos.cases())) == 24


def test_promises_that_were_not_kept_are_told() -> None:
    assert chaos.wrong(CONTENT["rows"]) == []
    assert all(one["placed"] == one["orders"] for one in CONTENT["hostile"])
    assert chaos.wrong([GOOD]) == []
    for name in chaos.BOOKS:
        assert chaos.wrong([{**GOOD, name: 1}]) == [f"kill_worker, SQLite, Redis: no: 1 {name}"]
    for slow in ([0.1, 10.1, 0.1], [0.1, None, 0.1], [0.1, 0.1]):
        assert len(chaos.wrong([{**GOOD, "served_again_s": slow}])) == 1
