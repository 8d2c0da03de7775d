"""The table of figures: names, families, and the page and schema made from it."""

from __future__ import annotations

import pytest

from scenarios import metrics
from scenarios.model import Scenario
from simulator.outcome import FAILURES
from simulator.results_page import DOCS, live_schema_text, replications_schema_text, results_page, schema_text
from tests.hand_made import SCENARIO


def found(name: str, scenario: Scenario = SCENARIO) -> metrics.Metric:
    metric = metrics.find(name, scenario)
    assert metric is not None
    return metric


def test_every_figure_has_a_name_of_its_own() -> None:
    names = metrics.names(SCENARIO)
    assert len(names) == len(set(names))
    assert all(metric.definition and metric.counts_whom and metric.unit for metric in metrics.ALL)


@pytest.mark.parametrize(
    "name",
    [
        "orders.placed",
        "people.shut_out.6h",
        "response_time_s.refused.p999",
        "stages.gateway.utilisation",
        "stages.desk.waiting_time_s.p99",
        "segments.county.time_to_order_s.p50",
        "longest_outage.length_s",
        "fairness.jain",
    ],
)
def test_a_figure_is_found_by_its_name(name: str) -> None:
    assert found(name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "orders.plcaed",
        "orders",
        "",
        "stages.oven.utilisation",
        "stages.<stage>.utilisation",
        "stages.desk",
        "stages.desk.waiting_time_s.p999",
        "segments.desk.placed_share",
        "invariants.checked",
    ],
)
def test_a_name_of_no_figure_is_not_found(name: str) -> None:
    assert metrics.find(name, SCENARIO) is None


def test_the_gateway_has_figures_only_where_there_is_one() -> None:
    without = SCENARIO.model_copy(update={"gateway": None})
    assert metrics.stage_names(SCENARIO) == ("gateway", "desk")
    assert metrics.stage_names(without) == ("desk",)
    assert metrics.find("stages.gateway.utilisation", without) is None


def test_only_what_is_counted_as_it_happens_has_a_value_at_an_instant() -> None:
    assert [found(name).counter for name in ("orders.placed", "work.wasted", "failures.store")] == [True] * 3
    assert [found(name).counter for name in ("people.pending", "orders.placed_share", "goodput_per_s")] == [False] * 3


def test_counts_and_work_scale_and_times_and_shares_do_not() -> None:
    scale = ("orders.placed", "work.useful", "goodput_per_s", "stages.desk.queue_max", "kitchens.cups")
    stay = ("orders.placed_share", "people.shut_out.1h", "time_to_order_s.p50", "longest_outage.start_s")
    assert [found(name).scales for name in scale] == [True] * 5
    assert [found(name).scales for name in (*stay, "retry_amplification", "fairness.jain")] == [False] * 6


def test_failures_have_the_reasons_of_an_outcome_in_its_order() -> None:
    reasons = [name.removeprefix("failures.") for name in metrics.COUNTERS if name.startswith("failures.")]
    assert tuple(reasons) == FAILURES


def test_stocks_and_counters_are_figures_and_no_stock_is_a_counter() -> None:
    assert set(metrics.COUNTERS + metrics.STOCKS) <= {metric.name for metric in metrics.ALL}
    assert not set(metrics.COUNTERS) & set(metrics.STOCKS)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("results.md", results_page()),
        ("summary.schema.json", schema_text()),
        ("replications.schema.json", replications_schema_text()),
        ("live.schema.json", live_schema_text()),
    ],
)
def test_published_page_and_schema_are_current(file: str, text: str) -> None:
    current = (DOCS / file).read_text(encoding="utf-8") == text
    assert current, f"docs/{file} is old; run python -m simulator.results_page"
