"""The summary: quantiles, outages, milestones and gates on numbers that can be worked by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios import metrics
from scenarios.model import Scenario
from simulator.outages import outages
from simulator.outcome import FAILURES, Ints, Outcome
from simulator.samples import EXACT_UP_TO, Sample, seconds, spread_s, total
from simulator.schema import summary_schema
from simulator.summary import as_json, figure, jain, summarise
from tests import hand_made
from tests.hand_made import OUTCOME, SCENARIO, S, ints

NONE = Sample.of(np.zeros(0, dtype=np.int64))
VALIDATOR = jsonschema.Draft202012Validator(summary_schema())


def summary_of(outcome: Outcome = OUTCOME, scenario: Scenario = SCENARIO) -> dict[str, Any]:
    return summarise(outcome, scenario, engine="simpy", seed=7, scale=1.0)


def scenario_with(**changed: list[dict[str, Any]]) -> Scenario:
    parts = {
        "schema": 1,
        "name": "corner-shop",
        "title": "Five people and a counter",
        "horizon": "3m",
        "arrivals": {"process": "steady", "rate": "2/m"},
        "people": {"timeout": "50s"},
        "stages": [{"name": "desk", "servers": 1, "service": "25s"}],
    }
    return Scenario.model_validate({**parts, **changed})


def leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{above}{name}.")
        else:
            yield above + name


# samples


@pytest.mark.parametrize(
    ("values", "permille", "expected"),
    [
        ((15, 20, 35, 40, 50), 50, 15),  # the worked example of the nearest-rank method: ceil(0.05 * 5) = 1st
        ((15, 20, 35, 40, 50), 300, 20),  # ceil(1.5) = 2nd
        ((15, 20, 35, 40, 50), 400, 20),  # exactly 2nd
        ((15, 20, 35, 40, 50), 500, 35),
        ((15, 20, 35, 40, 50), 1000, 50),
        ((40, 10, 30, 20), 500, 20),  # of an even number the lower middle
        ((7,), 1, 7),
        ((7,), 999, 7),
        (tuple(range(1, 1001)), 999, 999),
        (tuple(range(1, 1001)), 990, 990),
        (tuple(range(1, 102)), 990, 100),  # ceil(99.99) = 100th
    ],
)
def test_a_quantile_is_the_nearest_rank(values: tuple[int, ...], permille: int, expected: int) -> None:
    assert Sample.of(ints(*values)).quantiles([permille]) == [expected]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(1, 1000))
def test_a_quantile_is_the_least_value_that_so_many_do_not_exceed(values: list[int], permille: int) -> None:
    at_least = [v for v in sorted(values) if 1000 * sum(other <= v for other in values) >= permille * len(values)]
    assert Sample.of(ints(*values)).quantiles([permille]) == [at_least[0]]


def test_quantiles_do_not_reorder_what_they_are_given() -> None:
    values = ints(3, 1, 2)
    assert Sample.of(values).quantiles([500, 1000]) == [2, 3]
    assert values.tolist() == [3, 1, 2]


def test_a_mean_is_rounded_to_the_nearest_ns_and_half_goes_up() -> None:
    assert spread_s(Sample.of(ints(1, 1, 2)), ("mean",)) == {"mean": 1e-9}
    assert spread_s(Sample.of(ints(1, 2)), ("mean",)) == {"mean": 2e-9}
    assert spread_s(Sample.of(ints()), ("mean", "p50")) == {"mean": None, "p50": None}


def test_beyond_the_bound_a_quantile_is_at_most_one_in_4096_too_large_and_the_rest_is_exact() -> None:
    values = np.arange(EXACT_UP_TO + 1, dtype=np.int64) * 1_000_003
    found = Sample.of(values)
    assert (found.values, len(found), found.total, found.largest) == (
        None,
        EXACT_UP_TO + 1,
        sum(values.tolist()),
        values[-1],
    )
    kept = Sample(found.count, found.total, found.largest, values)
    shares = [1, 250, 500, 900, 999, 1000]
    for counted, exact in zip(found.quantiles(shares), kept.quantiles(shares), strict=True):
        assert exact <= counted <= exact + exact // 4096
    assert found.quantiles([1000]) == [values[-1]]


@given(st.lists(st.integers(-(2**62), 2**62), max_size=20))
def test_a_total_is_exact(values: list[int]) -> None:
    assert total(ints(*values)) == sum(values)


def test_seconds_have_the_nine_decimals_of_their_ns() -> None:
    assert [repr(seconds(ns)) for ns in (1, 350_000_000, 3_600_000_000_001)] == ["1e-09", "0.35", "3600.000000001"]


# figures


def test_the_summary_has_every_figure_of_the_table_and_no_other() -> None:
    head = {"scenario", "engine", "seed", "scale", "horizon_s", "ended_s"}
    lists = {"outages", "milestones", "gates", "invariants.checked", "invariants.violated"}
    lists |= {"controls.turned", "controls.turns"}
    assert set(leaves(summary_of())) == set(metrics.names(SCENARIO)) | head | lists


def test_figures_are_what_the_hand_made_run_says() -> None:
    summary = summary_of()
    by_hand = {
        "people.wanted": 5,
        "orders.placed_share": 0.4,
        "attempts.failed": 4,
        "work.wasted": 64.0,
        "work.wasted_share": 64 / 106,
        "goodput_per_s": 2 / 180,
        "retry_amplification": 1.8,
        "time_to_order_s.mean": 40.0,
        "time_to_order_s.p50": 20.0,
        "response_time_s.admitted.max": 50.0,
        "response_time_s.refused.mean": 0.666666667,
        "stages.gateway.utilisation": 1 / 30,
        "stages.desk.utilisation": 0.5,
        "stages.desk.waiting_time_s.p90": 4.0,
        "kitchens.ready_time_s.p50": 40.0,
        "couriers.delivery_time_s.max": 110.0,
        "segments.county.placed_share": 0.5,
        "segments.county.time_to_order_s.mean": 20.0,
        "longest_outage.length_s": 60.0,
    }
    assert {name: figure(summary, name) for name in by_hand} == by_hand
    assert figure(summary, "fairness.jain") == pytest.approx(25 / 26, abs=1e-12)
    assert summary["invariants"]["violated"] == []


def test_a_figure_without_anything_to_count_is_null() -> None:
    nothing = replace(
        OUTCOME,
        counts=dict.fromkeys(OUTCOME.counts, 0),
        work_ns=dict.fromkeys(OUTCOME.work_ns, 0),
        samples=dict.fromkeys(OUTCOME.samples, NONE),
        stages=tuple(
            replace(stage, waiting_ns=NONE, service_ns=NONE, busy_ns=0, available_ns=0) for stage in OUTCOME.stages
        ),
        per_bucket={name: ints(0, 0, 0) for name in OUTCOME.per_bucket},
        zones_wanted=ints(0, 0),
        zones_placed=ints(0, 0),
        segments=dict.fromkeys(OUTCOME.segments, (0, 0, NONE)),
    )
    summary = summary_of(nothing)
    null = {name for name in metrics.names(SCENARIO) if figure(summary, name) is None}
    assert null == {m.name for m in metrics.of(SCENARIO) if m.null_when} - {"goodput_per_s"}
    VALIDATOR.validate(summary)


def test_the_share_shut_out_is_of_everybody_who_wanted_an_order() -> None:
    outcome = replace(OUTCOME, shut_out=(3, 1, 0))
    assert summary_of(outcome)["people"]["shut_out"] == {"1h": 0.6, "2h": 0.2, "6h": 0.0}


def test_fairness_is_one_where_all_zones_are_alike_and_one_over_n_where_one_gets_all() -> None:
    assert jain(ints(4, 8, 0), ints(2, 4, 0)) == 1.0
    assert jain(ints(5, 5, 5, 5), ints(5, 0, 0, 0)) == 0.25
    assert jain(ints(5, 5), ints(0, 0)) is None
    assert jain(ints(), ints()) is None


def test_there_is_no_fairness_without_a_street() -> None:
    assert summary_of(scenario=SCENARIO.model_copy(update={"street": None}))["fairness"] == {"jain": None}


def test_a_violation_of_the_books_is_in_the_summary() -> None:
    violated = summary_of(hand_made.with_counts(orders__late=1))["invariants"]["violated"]
    assert "deliveries: orders.delivered 1 is not orders.delivered_on_time 1 + orders.late 1 = 2" in violated


def test_a_summary_is_written_the_same_every_time_and_without_nan() -> None:
    assert as_json(summary_of()) == as_json(summary_of())
    assert json.loads(as_json(summary_of())) == summary_of()
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"goodput_per_s": math.nan})


# outages


def series(*minutes: tuple[int, int, int], reasons: Mapping[str, Ints] | None = None) -> dict[str, Ints]:
    """A minute a bucket: (completed, failed, timed_out)."""
    completed, failed, timed_out = (ints(*column) for column in zip(*minutes, strict=True))
    answers = {"attempts.completed": completed, "attempts.failed": failed, "attempts.timed_out": timed_out}
    blank = {f"failures.{reason}": np.zeros(len(minutes), dtype=np.int64) for reason in FAILURES}
    return answers | blank | {"failures.shed": failed, "failures.timed_out": timed_out} | dict(reasons or {})


def minutes_of(
    per_bucket: Mapping[str, Ints], bucket_s: int = 60, ended_s: int | None = None
) -> list[tuple[float, ...]]:
    buckets = len(per_bucket["attempts.completed"])
    ended_ns = (ended_s if ended_s is not None else buckets * bucket_s) * S
    found = outages(per_bucket, bucket_ns=bucket_s * S, ended_ns=ended_ns)
    return [(outage.start_ns / 60 / S, outage.end_ns / 60 / S) for outage in found]


GOOD, BAD, SILENT, EVEN = (3, 1, 0), (1, 2, 3), (0, 0, 0), (2, 1, 1)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((GOOD, GOOD), []),
        ((GOOD, BAD, GOOD), [(1, 2)]),
        ((BAD, BAD), [(0, 2)]),
        ((BAD, GOOD, BAD), [(0, 1), (2, 3)]),
        ((EVEN, BAD, EVEN), [(1, 2)]),  # half is not under half
        ((SILENT, BAD, SILENT, SILENT, BAD, SILENT), [(1, 5)]),  # silence neither begins nor ends an outage
        ((BAD, SILENT, GOOD, SILENT, BAD), [(0, 1), (4, 5)]),
        ((SILENT, SILENT), []),
    ],
)
def test_an_outage_is_a_span_of_minutes_in_which_under_half_succeed(
    minutes: tuple[tuple[int, int, int], ...], expected: list[tuple[int, int]]
) -> None:
    assert minutes_of(series(*minutes)) == expected


def test_a_minute_is_judged_as_a_whole_even_where_buckets_are_shorter() -> None:
    # 20 s a bucket: the first minute completes 3 of 8, the second 4 of 8
    assert minutes_of(series((3, 0, 0), (0, 3, 0), (0, 2, 0), (0, 4, 0), (0, 0, 0), (4, 0, 0)), bucket_s=20) == [(0, 1)]


def test_buckets_that_do_not_divide_a_minute_make_the_next_longer_one() -> None:
    assert minutes_of(series(BAD, BAD, (0, 3, 0), (3, 0, 0)), bucket_s=45) == [(0, 1.5)]
    assert minutes_of(series(GOOD, BAD), bucket_s=300) == [(5, 10)]


def test_what_is_left_after_the_last_whole_minute_is_not_judged() -> None:
    assert minutes_of(series(GOOD, BAD, BAD), ended_s=179) == [(1, 2)]
    assert minutes_of(series(BAD), ended_s=59) == []


def test_the_reason_of_an_outage_is_the_one_of_most_failures_within_it() -> None:
    per_bucket = series(
        (9, 0, 0), (0, 5, 4), (0, 1, 5), reasons={"failures.shed": ints(99, 3, 0), "failures.store": ints(0, 2, 1)}
    )
    [outage] = outages(per_bucket, bucket_ns=60 * S, ended_ns=180 * S)
    assert (outage.start_ns, outage.reason) == (60 * S, "timed_out")


def test_of_reasons_with_as_many_failures_the_first_of_the_list_is_named() -> None:
    [outage] = outages(series((0, 4, 4)), bucket_ns=60 * S, ended_ns=60 * S)
    assert outage.reason == "shed"


def test_the_longest_outage_is_the_first_of_equals_and_has_no_instants_where_there_is_none() -> None:
    def longest(*minutes: tuple[int, int, int]) -> Any:
        per_bucket = {**OUTCOME.per_bucket, **series(*minutes)}
        return summary_of(replace(OUTCOME, per_bucket=per_bucket))["longest_outage"]

    assert longest(BAD, GOOD, BAD) == {"start_s": 0.0, "end_s": 60.0, "length_s": 60.0}
    assert longest(GOOD, BAD, BAD) == {"start_s": 60.0, "end_s": 180.0, "length_s": 120.0}
    assert longest(GOOD, GOOD, GOOD) == {"start_s": None, "end_s": None, "length_s": 0.0}


# milestones and gates


def milestone(outcome: Outcome = OUTCOME, **changed: Any) -> dict[str, Any]:
    asked = {"name": "m", "metric": "orders.placed", "value": 2, "tolerance": "10%"}
    [found] = summary_of(outcome, scenario_with(milestones=[{**asked, **changed}]))["milestones"]
    return dict(found)


@pytest.mark.parametrize(
    ("at", "simulated", "counted_to_s"),
    [("59s", 0, 0.0), ("1m", 1, 60.0), ("119s", 1, 60.0), ("2m", 2, 120.0), ("3m", 2, 180.0)],
)
def test_a_milestone_counts_to_the_end_of_the_last_whole_bucket(at: str, simulated: int, counted_to_s: float) -> None:
    found = milestone(at=at)
    assert (found["simulated"], found["counted_to_s"]) == (simulated, counted_to_s)


def test_a_milestone_of_an_outage_speaks_of_the_one_that_stands_at_its_instant() -> None:
    standing = milestone(metric="longest_outage.start_s", at="150s", value=120)
    assert (standing["simulated"], standing["verdict"]) == (120.0, "met")
    before = milestone(metric="longest_outage.start_s", at="90s", value=120)
    assert (before["simulated"], before["verdict"]) == (None, "no value")


def test_the_end_of_an_outage_that_goes_on_where_a_run_was_interrupted_is_not_known() -> None:
    cut_short = replace(OUTCOME, interrupted=True)
    ends = milestone(cut_short, metric="longest_outage.end_s", at="150s", value=180)
    assert (ends["simulated"], ends["verdict"]) == (None, "no value")
    begins = milestone(cut_short, metric="longest_outage.start_s", at="150s", value=120)
    assert (begins["simulated"], begins["verdict"]) == (120.0, "met")


def test_a_milestone_without_an_instant_speaks_of_the_whole_run() -> None:
    found = milestone(metric="orders.placed_share", value=0.5, tolerance="20%")
    assert (found["at_s"], found["simulated"], found["deviation"], found["verdict"]) == (180.0, 0.4, -0.2, "met")


def test_work_at_an_instant_is_in_server_seconds() -> None:
    assert milestone(metric="work.useful", at="1m", value=10)["simulated"] == 11.0


@pytest.mark.parametrize(
    ("value", "tolerance", "deviation", "verdict"),
    [
        (2, "0%", 0.0, "met"),
        (2.5, "20%", -0.2, "met"),
        (2.5, "19%", -0.2, "missed"),
        (1.8, 0.1, 0.111111111, "missed"),
        (-2, "100%", 2.0, "missed"),
        (0, "100%", None, "missed"),
    ],
)
def test_a_milestone_is_met_within_its_tolerance(
    value: float, tolerance: str, deviation: float | None, verdict: str
) -> None:
    found = milestone(value=value, tolerance=tolerance)
    assert (found["deviation"], found["verdict"]) == (deviation, verdict)


@pytest.mark.parametrize(
    ("compare", "value", "verdict"),
    [
        ("at_least", 1, "met"),
        ("at_least", 2, "met"),
        ("at_least", 2.2, "met"),  # 2 is 9.1% less
        ("at_least", 2.3, "missed"),  # 13% less
        ("at_least", 0, "met"),
        ("at_most", 3, "met"),
        ("at_most", 2, "met"),
        ("at_most", 1.9, "met"),  # 2 is 5.3% more
        ("at_most", 1.8, "missed"),  # 11% more
        ("at_most", 0, "missed"),
        ("about", 1, "missed"),
        ("about", 3, "missed"),
    ],
)
def test_a_milestone_may_be_a_bound_on_one_side(compare: str, value: float, verdict: str) -> None:
    found = milestone(compare=compare, value=value, tolerance="10%")
    assert (found["compare"], found["verdict"]) == (compare, verdict)


def test_binary_fractions_do_not_miss_a_milestone() -> None:
    outcome = hand_made.with_counts(attempts__offered=11, people__wanted=10)
    assert (1.1 - 1.0) / 1.0 > 0.1  # in floats
    assert milestone(outcome, metric="retry_amplification", value=1, tolerance="10%")["verdict"] == "met"


def test_nothing_where_nothing_was_expected_meets_its_milestone() -> None:
    assert milestone(metric="orders.cancelled", value=0)["verdict"] == "met"


def test_a_milestone_carries_its_title_grade_and_source() -> None:
    found = milestone(title="Two", grade="published", source="a newspaper")
    assert (found["title"], found["grade"], found["source"]) == ("Two", "published", "a newspaper")


def test_a_milestone_after_an_interruption_is_not_reached() -> None:
    stopped = replace(OUTCOME, ended_ns=100 * S, interrupted=True)
    verdicts = [milestone(stopped, at=at, value=1)["verdict"] for at in ("1m", "100s", "101s")]
    assert verdicts == ["met", "not reached", "not reached"]
    assert milestone(stopped)["verdict"] == "not reached"
    assert milestone(stopped)["simulated"] is None


def test_a_share_has_no_value_before_the_end() -> None:
    found = milestone(metric="orders.placed_share", at="1m", value=0.5)
    assert (found["simulated"], found["deviation"], found["verdict"]) == (None, None, "no value")


def gate(outcome: Outcome = OUTCOME, **changed: Any) -> dict[str, Any]:
    [found] = summary_of(outcome, scenario_with(gates=[{"name": "g", "metric": "orders.placed_share", **changed}]))[
        "gates"
    ]
    return dict(found)


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ({"min": 0.4}, "passed"),
        ({"min": 0.41}, "failed"),
        ({"max": 0.4}, "passed"),
        ({"max": 0.39}, "failed"),
        ({"min": 0.1, "max": 0.3}, "failed"),
        ({"min": 0.1, "max": 0.9}, "passed"),
    ],
)
def test_a_gate_passes_between_its_bounds(bounds: dict[str, Any], verdict: str) -> None:
    assert (gate(**bounds)["value"], gate(**bounds)["verdict"]) == (0.4, verdict)


def test_a_gate_on_a_figure_without_a_value_neither_passes_nor_fails() -> None:
    nobody = hand_made.with_samples(time_to_order_ns=NONE)
    found = gate(nobody, metric="time_to_order_s.p90", max=60)
    assert (found["value"], found["verdict"]) == (None, "no value")


def test_a_gate_on_an_interrupted_run_neither_passes_nor_fails() -> None:
    found = gate(replace(OUTCOME, ended_ns=100 * S, interrupted=True), min=0.1)
    assert (found["value"], found["verdict"]) == (None, "no value")


# schema


def test_the_summary_follows_its_published_schema() -> None:
    VALIDATOR.validate(json.loads(as_json(summary_of())))
    jsonschema.Draft202012Validator.check_schema(summary_schema())


def without(summary: dict[str, Any], *path: str) -> dict[str, Any]:
    changed = json.loads(json.dumps(summary))
    here = changed
    for part in path[:-1]:
        here = here[part]
    del here[path[-1]]
    return dict(changed)


@pytest.mark.parametrize(
    "broken",
    [
        summary_of() | {"latency": 1.0},
        summary_of() | {"scale": 0},
        summary_of() | {"goodput_per_s": "fast"},
        summary_of() | {"stages": {"no such name": summary_of()["stages"]["desk"]}},
        summary_of() | {"outages": [{"start_s": 0.0, "end_s": 60.0, "reason": "rain"}]},
        summary_of() | {"people": summary_of()["people"] | {"wanted": 5.5}},
        summary_of() | {"orders": summary_of()["orders"] | {"placed_share": 1.1}},
        summary_of() | {"sessions": summary_of()["sessions"] | {"started": None}},
        without(summary_of(), "fairness"),
        without(summary_of(), "stages", "desk", "service_time_s", "p99"),
        without(summary_of(), "segments", "city", "placed_share"),
    ],
)
def test_the_schema_refuses_what_is_no_summary(broken: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(broken)
