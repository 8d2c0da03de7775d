"""Variants of the flagship day, the search for what each survives, and the page about both."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from calibration import margin, page, variants
from calibration.variants import DAY, VARIANTS
from reports import plots
from scenarios.loader import catalogue, load
from tests.interpreted import sized

TINY = Fraction(1, sized(1000, 10_000))


def test_the_page_is_current() -> None:
    assert page.page() == page.PAGE.read_text("utf-8"), "docs/better-limits.md is old; run python -m calibration.page"


def test_every_variant_of_the_day_is_compared() -> None:
    assert set(VARIANTS) == {entry.name for entry in catalogue() if entry.name.split("/")[0] == DAY}


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_variants_have_the_people_the_servers_and_the_street_of_the_day(variant: str) -> None:
    day, other = load(DAY).resolved, load(variant).resolved
    same = ("horizon", "world_seed", "arrivals", "segments", "street", "kitchens", "couriers", "invitations")
    assert [other[part] for part in same] == [day[part] for part in same]
    limits = ("queue_limit", "deadline")
    for stage, of_day in zip(other["stages"], day["stages"], strict=True):
        assert {k: v for k, v in stage.items() if k not in limits} == {
            k: v for k, v in of_day.items() if k not in limits
        }
    assert [line for line in other["timelines"] if line["name"] == "scale-out"] == day["timelines"][:1]
    assert "milestones" not in other or other["milestones"] == []
    if variant != f"{DAY}/waiting-room":  # its app asks in place of the person
        assert other["people"] == day["people"]


def test_a_row_has_counts_of_full_size() -> None:
    found = variants.row(f"{DAY}/static-limit", TINY, 1, "1.3")
    orders = found["orders_by_hour"]
    assert list(orders.values()) == sorted(orders.values())
    assert orders["16.25"] >= found["delivered_on_time"] + found["late"] + found["cancelled"]
    assert 1e7 < orders["16.25"] < found["wanted"] < found["commands"] < 1e8


def test_fewer_couriers_deliver_less_on_time() -> None:
    few, many = (variants.row(f"{DAY}/static-limit", TINY, 1, times)["delivered_on_time"] for times in ("0.5", "2.0"))
    assert few < many


def test_rows_of_the_same_run_are_replaced_and_others_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "found.json"
    file.write_text(json.dumps({"days": [{"seed": 2, "found": 1}, {"seed": 1, "found": 1}]}))
    monkeypatch.setattr(variants, "RESULTS", file)
    variants.kept("days", [{"seed": 2, "found": 2}], ["seed"])
    assert json.loads(file.read_text()) == {"days": [{"seed": 1, "found": 1}, {"seed": 2, "found": 2}]}


@pytest.mark.parametrize("true", [0, 1, 2, 7, 59, 60])
def test_the_longest_that_is_survived_is_found(true: int) -> None:
    asked: list[int] = []

    def survives(minutes: int) -> bool:
        asked.append(minutes)
        return minutes <= true

    assert margin.longest(survives, 60) == true
    assert len(asked) <= 7


def test_without_limits_a_cut_is_never_got_over_and_deadlines_get_over_it() -> None:
    nothing, deadlines = (margin.Trigger(case, TINY, 1) for case in ("no-limits", "deadline-and-budget"))
    assert nothing.survives(0.25, 1)
    assert not nothing.survives(0.75, 10)
    assert deadlines.survives(0.75, 10)
    assert margin.margin(nothing, 1.0, most=4) < 4


def test_the_picture_of_margins_is_a_png(tmp_path: Path) -> None:
    plots.picture_of_margins({"one": [(0.5, 3), (1.0, 1)], "other": [(0.5, 60), (1.0, 60)]}, 60, tmp_path / "m.png")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
