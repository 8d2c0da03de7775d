"""Agreement, generator and books on rows made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from scenarios import live_lives
from scenarios.live_lives import ANSWERS, ATTEMPT_COLUMNS, ENDS, WANT_COLUMNS
from scenarios.model import Fault, Scenario
from simulator import trace
from simulator.live_results import Broken, Ledgered, LedgerRow, Played, Setting, series, summarise, unbalanced, until
from simulator.live_schema import live_schema

S = 10**9
SHOP = Scenario.model_validate(
    {
        "schema": 1,
        "name": "shop",
        "title": "A shop",
        "horizon": "100s",
        "arrivals": {"process": "poisson", "rate": "5/s"},
        "people": {"timeout": "3s"},
        "stages": [{"name": "till", "servers": 4, "service": "500ms", "budget": 3}],
        "live": {"longest_lag": "100ms"},
    }
)
SETTING = Setting(scenario=SHOP, seed=1, scale=1.0, speed=2.0, from_ns=10 * S, ended_ns=20 * S)


def attempts(*rows: tuple[int, int, float, float, float, str]) -> Any:
    """Rows of (want, attempt, start, sent, answered, answer), times in s."""
    columns: dict[str, list[int]] = {name: [] for name in ATTEMPT_COLUMNS}
    for want, attempt, start_s, sent_s, answered_s, answer in rows:
        times = [round(s * S) if s >= 0 else -1 for s in (start_s, sent_s, start_s + 3, answered_s)]
        for name, value in zip(columns, [want, attempt, 0, *times, ANSWERS.index(answer), 0, 201, 0], strict=True):
            columns[name].append(value)
    return {name: np.array(values, dtype=np.int64) for name, values in columns.items()}


LIVE = attempts(
    (1, 2, 9.0, 10.0, 10.5, "placed"),
    (2, 1, 11.0, 11.2, 12.0, "throttled"),
    (2, 2, 14.0, 14.0, 14.5, "placed"),
    (3, 1, 19.0, 19.0, -1, "unanswered"),
)
SIMULATED = attempts(
    (1, 2, 9.0, 9.0, 10.3, "placed"),
    (2, 1, 11.0, 11.0, 11.8, "placed"),
    (3, 1, 19.0, 19.0, 20.5, "placed"),
    (4, 1, 20.0, 20.0, 20.1, "placed"),
)
WANTS = {
    name: np.array(values, dtype=np.int64)
    for name, values in zip(
        WANT_COLUMNS,
        [
            [1, 2, 3],
            [-1, -1, -1],
            [0, 0, 0],
            [0, 0, 0],
            [0, 0, 0],
            [6 * S, 11 * S, 19 * S],
            [-1] * 3,
            [1, 1, 0],
            [1, 2, 1],
            [1] * 3,
        ],
        strict=True,
    )
}
USED = {"cpu_s": 2.0, "held_back": 1, "connections": 3, "ended_ns": 20 * S}
PLAYED = Played(attempts=LIVE, wants=WANTS, processes=(USED, USED))
ORDERS = [LedgerRow(want=1, placed_ns=10 * S), LedgerRow(want=2, placed_ns=14 * S)]


def ledger(orders: list[LedgerRow], **more: Any) -> Ledgered:
    """Orders, each of them paid for and with its coupon."""
    return Ledgered(**{"orders": orders, "payments": len(orders), "coupons": {"till": (len(orders), 9)}, **more})


def fault(name: str, began_s: float, ended_s: float, wrong: str = "") -> Broken:
    """A fault that came."""
    of = Fault.model_validate({"name": name, "at": f"{began_s}s", "kind": "kill_worker"})
    return Broken(fault=of, began_ns=round(began_s * S), ended_ns=round(ended_s * S), wrong=wrong)


def test_a_summary_is_what_its_schema_says() -> None:
    broken = [fault("one", 12, 12)]
    summary = summarise(SETTING, PLAYED, SIMULATED, ledger(ORDERS), placed_before=1, broken=broken)
    jsonschema.validate(summary, live_schema())
    assert summary["people"] == {"on_the_way": 1, "wanted": 2, "placed": 2, "abandoned": 0, "pending": 1}
    assert summary["attempts"]["offered"] == 4
    assert summary["goodput_per_s"] == 0.2
    jsonschema.validate(summarise(SETTING, PLAYED, SIMULATED, None), live_schema())


def test_attempts_agree_where_both_have_them_and_they_ended_alike() -> None:
    found = summarise(SETTING, PLAYED, SIMULATED, None)["agreement"]
    assert found["attempts"] == {
        "live": 4,
        "simulated": 3,
        "both": 3,
        "same_verdict": 2,
        "same_verdict_share": 0.5,
        "same_verdict_share_of_both": 2 / 3,
    }
    assert found["goodput_per_s"] == {"live": 0.2, "simulated": 0.2, "ratio": 1.0}
    assert found["verdicts"]["throttled"] == {"live": 1, "simulated": 0}
    assert found["response_time_s"]["placed"]["p50"] == {"live": 0.5, "simulated": 0.8, "ratio": 0.625}


def test_what_is_answered_after_the_end_is_unanswered() -> None:
    cut = until(SIMULATED, 20 * S)
    assert cut["want"].tolist() == [1, 2, 3]
    assert [ANSWERS[answer] for answer in cut["answer"]] == ["placed", "placed", "unanswered"]
    assert cut["answered_ns"].tolist() == [10_300_000_000, 11_800_000_000, -1]


def test_lag_is_by_the_clock_and_from_the_beginning_of_the_slice() -> None:
    found = summarise(SETTING, PLAYED, SIMULATED, None)["generator"]
    assert found["lag_s"] == {"p50": 0.0, "p99": 0.1, "max": 0.1}
    assert (found["target_per_s"], found["achieved_per_s"], found["cpu_cores"]) == (0.8, 0.8, 0.8)
    assert found["behind"] == []


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((5, 1, 15.0, 15.3, 16.0, "placed"), "1% were sent 150 ms or more too late"),
        ((5, 1, 15.0, -1, -1, "unanswered"), "1 attempts were dropped: more than 10,000 in flight"),
        ((5, 1, 19.9, 20.0, -1, "unanswered"), "0.8 attempts/s were sent of 1.0/s"),
    ],
)
def test_a_generator_that_falls_behind_says_why(row: tuple[int, int, float, float, float, str], why: str) -> None:
    more = {name: np.concatenate([LIVE[name], values]) for name, values in attempts(row).items()}
    behind = summarise(SETTING, replace(PLAYED, attempts=more), SIMULATED, None)["generator"]["behind"]
    assert why in behind


LATE = [LedgerRow(want=3, placed_ns=20 * S)]
UNTOLD = [LedgerRow(want=3, placed_ns=19 * S)]


@pytest.mark.parametrize(
    ("found", "before", "books", "says"),
    [
        (ledger(ORDERS), 1, {}, []),
        (ledger(ORDERS[:1]), 0, {"found_placed": 1, "lost": 1}, "orders that people were told of are not"),
        (ledger([*ORDERS, ORDERS[0]]), 0, {"duplicated": 1}, "orders are in the ledger for a want that has one"),
        (ledger(ORDERS + UNTOLD), 0, {"found_placed": 3, "untold": 1}, ""),
        (ledger(ORDERS + LATE), 0, {}, ""),
        (ledger(ORDERS), 2, {"overdrawn": 1}, "orders were placed beyond a budget"),
        (ledger(ORDERS, coupons={"till": (2, -1)}), 0, {"overdrawn": 1}, "orders were placed beyond a budget"),
        (ledger(ORDERS, coupons={"till": (3, 0)}), 0, {"miscounted": 1}, "units of a coupon were taken"),
        (ledger(ORDERS, payments=1), 0, {"mispaid": 1}, "payments are missing in the ledger"),
        (ledger(ORDERS, payments=3), 0, {"mispaid": 1}, "payments are missing in the ledger"),
    ],
)
def test_books_are_held_against_what_people_were_told(
    found: Ledgered, before: int, books: dict[str, int], says: str
) -> None:
    summary = summarise(SETTING, PLAYED, SIMULATED, found, placed_before=before)
    wrong = dict.fromkeys(("lost", "duplicated", "untold", "mispaid", "overdrawn", "miscounted"), 0)
    assert summary["ledger"] == {"told_placed": 2, "found_placed": 2} | wrong | books
    assert len(unbalanced(summary)) == bool(says)
    assert all(one.startswith(f"1 {says}") for one in unbalanced(summary))


def test_people_are_served_again_from_the_first_order_after_the_last_error() -> None:
    played = attempts(
        (1, 1, 11.0, 11.0, 11.2, "placed"),
        (2, 1, 12.0, 12.0, 12.6, "placed"),  # sent before it was over
        (3, 1, 12.6, 12.6, 13.0, "error"),
        (4, 1, 12.8, 12.8, 13.2, "placed"),  # sent before the last error
        (5, 1, 13.5, 13.5, 14.5, "placed"),
        (6, 1, 15.1, 15.1, 15.6, "placed"),  # it went on for a moment
        (7, 1, 16.0, 16.0, 17.0, "timed_out"),
        (8, 1, 17.0, 17.0, 17.8, "placed"),
    )
    broken = [fault("one", 12, 12.5), fault("two", 15, 15), fault("three", 18, 18, "it is not there")]
    summary = summarise(SETTING, replace(PLAYED, attempts=played), SIMULATED, None, broken=broken)
    found = [(one["name"], one["errors"], one["served_again_s"], one["wrong"]) for one in summary["faults"]]
    assert found == [("one", 1, 1.0, ""), ("two", 0, 1.4, ""), ("three", 0, None, "it is not there")]


def test_a_row_of_the_series_is_a_second_of_the_scenario() -> None:
    found = series(SETTING, LIVE, SIMULATED)
    assert found["t_s"].tolist() == [float(s) for s in range(10, 20)]
    assert found["attempts.completed"].tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert found["simulated.attempts.completed"].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert found["attempts.offered"].tolist() == [0, 1, 0, 0, 1, 0, 0, 0, 0, 1]


def test_codes_are_those_of_the_traces() -> None:
    assert live_lives.ANSWERS == trace.ANSWERS
    assert ENDS == trace.ENDS
