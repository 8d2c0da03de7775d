"""The page of `make slices`: it is of its figures, and nothing is missing."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import slices

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "live-agreement.md"


def test_the_page_is_of_its_figures_and_has_every_slice() -> None:
    content = json.loads(PAGE.with_suffix(".json").read_text("utf-8"))
    assert slices.page(content) == PAGE.read_text("utf-8"), "docs/live-agreement.md is old"
    played = [(one["slice"], one["seed"]) for one in content["rows"]]
    assert played == [(name, seed) for name, case in slices.CASES.items() for seed in case.seeds]
    jittered = [(one["slice"], one["jitter_ms"]) for one in content["jitter"]]
    assert jittered == [(name, jitter_ms) for name in slices.JITTERED for jitter_ms in slices.JITTERS_MS]


def test_quiet_slices_agree_and_in_others_a_quarter_fails() -> None:
    """What the issue of a slice is about has to be in it: enough attempts, and enough that fail."""
    for one in json.loads(PAGE.with_suffix(".json").read_text("utf-8"))["rows"]:
        assert one["attempts"] >= 2000
        assert one["same"] >= 0.97 if one["slice"] == "quiet" else one["failed_share"] >= 0.25
