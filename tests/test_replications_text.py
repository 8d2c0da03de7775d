"""Replications and comparisons as people read them on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from reports.replications import aligned, comparison_text, text
from scenarios.model import Scenario
from tests.fake_run import SCENARIO

DAY = Scenario.model_validate(SCENARIO)


def figure(unit: str, mean: float, half: float) -> dict[str, Any]:
    return {"unit": unit, "mean": mean, "half_width": half, "sd": half / 2, "n": 3}


def replications(**more: Any) -> dict[str, Any]:
    milestone = {"metric": "longest_outage.start_s", "title": "Begins", "name": "b", "compare": "at_most", "of": 3}
    return {
        "engine": "compiled",
        "scale": 0.01,
        "seeds": [1, 2, 3],
        "asked": 3,
        "confidence": 0.95,
        "figures": {
            "orders.placed_share": figure("share", 0.5, 0.01),
            "goodput_per_s": figure("orders/s", 0.45, 0.006),
        },
        "milestones": [{**milestone, "value": 8100.0, "mean": 7980.0, "met": 2}],
        "gates": [],
        "invariants": {"checked": 9, "violated": []},
        **more,
    }


@pytest.mark.parametrize(
    ("unit", "mean", "half", "written"),
    [
        ("share", 0.4412, 0.0031, ("44.12%", "+- 0.31%", "0.15%")),
        ("share", -7.67e-9, 4.7e-10, ("-0.0000%", "+- 0.0000%", "0.0000%")),
        ("orders/s", 0.45471, 0.0064, ("0.4547/s", "+- 0.0064/s", "0.0032/s")),
        ("s", 0.173, 0.021, ("173 ms", "+- 21 ms", "10 ms")),
        ("s", 59.04, 4.4, ("59.0 s", "+- 4.4 s", "2.2 s")),
        ("s", -703.0, 70.0, ("-11.7 min", "+- 1.2 min", "0.58 min")),
        ("s", -17_940.0, 537.0, ("-4.98 h", "+- 0.15 h", "0.075 h")),
        ("", 45_822.0, 1077.0, ("45,822", "+- 1,077", "538")),
    ],
)
def test_a_mean_its_interval_and_its_spread_have_one_unit(
    unit: str, mean: float, half: float, written: tuple[str, str, str]
) -> None:
    assert aligned(unit, mean, half, half / 2) == written


def test_instants_are_told_by_the_clock_and_bounds_with_their_sign() -> None:
    lines = text(replications(), DAY).splitlines()
    milestone = next(line for line in lines if line.startswith("  Begins"))
    assert milestone.split() == ["Begins", "<=", "10:00", "09:58", "2", "of", "3"]
    assert "  at 1:100 counts are biased; judge milestones at 1:50 or larger" in lines
    assert "biased" not in text(replications(scale=1.0), DAY)


def test_a_figure_with_fewer_values_says_of_how_many_its_mean_is() -> None:
    few = {"orders.placed_share": {**figure("share", 0.5, 0.01), "n": 2}}
    lines = text(replications(figures=few), DAY).splitlines()
    assert next(line for line in lines if "placed_share" in line).endswith("0.50%  2")


def test_columns_of_a_comparison_never_touch() -> None:
    tiny = {"unit": "share", "a": 8e-7, "b": 3e-7, "difference": -5e-7, "half_width": 3e-9, "n": 3}
    long = {"unit": "s", "a": 100_000.0, "b": 1e-5, "difference": -99_999.9, "half_width": 0.123456, "n": 3}
    judged = {"differs": True, "differs_after_holm": True}
    content = {
        "a": "labs/retries",
        "b": "labs/retry-budget",
        "seeds": [1, 2, 3],
        "confidence": 0.95,
        "compared": 2,
        "differ": 2,
        "differ_after_holm": 2,
        "judged": [],
        "figures": {"work.wasted_share": {**tiny, **judged}, "response_time_s.admitted.p99": {**long, **judged}},
    }
    lines = comparison_text(content, DAY).splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Figures"))
    assert max(map(len, lines)) <= 80
    (time, share) = sorted(lines[head + 1 : head + 3])
    assert share.split() == ["!", "work.wasted_share", *2 * ["under", "0.01%"], "-0.0000%", "+-", "0.0000%"]
    assert time.split() == [
        *(
            "!",
            "response_time_s.admitted.p99",
            "27",
            "h",
            "47",
            "min",
            "0.01",
            "ms",
            "-27.7777",
            "h",
            "+-",
            "0.0000",
            "h",
        )
    ]
