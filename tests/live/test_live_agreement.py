"""The page of `make slices`: it is of its figures, and nothing is missing."""

from __future__ import annotations

from pathlib import Path

from benchmarks import slices
from benchmarks.kept import parts

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "live-agreement.md"
PARTS = parts(PAGE.with_suffix(".json"))
PLAYED = [one for part in PARTS if part["name"] != "jitter" for one in part["rows"]]


def test_the_page_is_of_its_figures_and_has_every_slice() -> None:
    assert slices.page(PARTS) == PAGE.read_text("utf-8"), "docs/live-agreement.md is old; run python -m benchmarks.page"
    assert [(one["slice"], one["seed"]) for one in PLAYED] == list(slices.slices())
    jittered = [(one["slice"], one["jitter_ms"]) for part in PARTS if part["name"] == "jitter" for one in part["rows"]]
    assert jittered == [(name, jitter_ms) for name in slices.JITTERED for jitter_ms in slices.JITTERS_MS]


def test_quiet_slices_agree_and_in_others_a_quarter_fails() -> None:
    """What the issue of a slice is about has to be in it: enough attempts, and enough that fail."""
    for one in PLAYED:
        assert one["attempts"] >= 2000
        assert one["same"] >= 0.97 if one["slice"] == "quiet" else one["failed_share"] >= 0.25
