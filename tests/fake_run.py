"""A made-up run in the shape of the milk-tea day, for tests of reports: a fluid sketch, no model; always the same."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.model import Scenario

BUCKET_S = 10
HOURS = 16.25
LEVELS = (("0s", "off"), ("2h35m", "302/s"), ("4h", "617/s"), ("4h15m", "off"), ("5h15m", "295/s"), ("8h15m", "off"))


@dataclass(frozen=True, kw_only=True)
class FakeRun:
    summary: Mapping[str, Any]
    timeseries: Mapping[str, NDArray[Any]]
    scenario: Scenario
    manifest: Mapping[str, Any]


SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "milk-tea-day",
    "title": "Ten million milk teas by tea time",
    "description": "A free milk-tea card for everyone who orders through an assistant: everybody comes at once.",
    "horizon": "16h15m",
    "opens": "07:45",
    "arrivals": {
        "process": "poisson",
        "rate": "585/s",
        "shapes": [{"name": "time-of-day", "curve": [["0s", 0.25], ["4h15m", 1], ["16h15m", 0.1]]}],
    },
    "people": {
        "timeout": "60s",
        "attempts": 1000,
        "retry_delay": {"kind": "lognormal", "median": "15s", "sigma": 0.8},
        "come_back": {"probability": "40%", "times": 6, "delay": {"kind": "exponential", "mean": "2h"}},
    },
    "segments": [{"name": "city", "share": "67%", "zones": "60%"}, {"name": "county", "share": "33%", "zones": "40%"}],
    "gateway": {"servers": 13, "admit": "1ms", "refuse": "0.2ms"},
    "stages": [
        {
            "name": "intent",
            "kind": "batching",
            "replicas": 14.4,
            "prompt": 700,
            "output": 60,
            "step": "13.6ms",
            "slots": 64,
            "step_tokens": 2048,
            "queue_limit": 41_160,
        },
        {"name": "order", "servers": 68, "service": {"kind": "lognormal", "median": "40ms", "cv": 0.5}},
        {"name": "coupon", "servers": 1, "shards": 16, "service": "2ms", "budget": 120_000_000},
        {"name": "payment", "servers": 400, "service": {"kind": "lognormal", "median": "195ms", "p95": "370ms"}},
    ],
    "admission": [
        {"name": "front-door", "at": "gateway", "law": "token_bucket", "rate": "10000/s"},
        {"name": "contract", "at": "stage:payment", "law": "pacing", "rate": "1500/s"},
    ],
    "street": {"zones": 6000, "stores_per_zone": 50, "popularity": 1.2},
    "kitchens": {"kind": "clock", "cups_per_hour": {"kind": "uniform", "low": 72, "high": 200}, "share": "60%"},
    "couriers": {"kind": "clock", "rate": "402/s", "trip": "15m", "promise": "60m", "cancel_after": "2h"},
    "timelines": [
        {
            "name": "throttle",
            "knob": "admission.front-door.rate",
            "steps": [list(level) for level in (*LEVELS, ("9h51m", "155/s"))],
        },
        {"name": "scale-out", "knob": "stages.intent.replicas", "steps": [["4h", 28.7], ["4h15m", 43.1]]},
    ],
    "incidents": [{"name": "rain", "at": "10h", "for": "90m", "set": {"couriers.slowdown": 1.3}}],
    "milestones": [
        {
            "name": f"orders-{hours:.0f}h",
            "title": f"{millions} million orders",
            "metric": "orders.placed",
            "at": f"{hours}h",
            "value": millions * 1e6,
            "tolerance": tolerance,
            "grade": grade,
            "source": source,
        }
        for hours, millions, tolerance, grade, source in (
            (3, 1, "8%", "published", "press, 9-hour review"),
            (4, 2, "8%", "published", "press, 9-hour review"),
            (5, 5, "3%", "published", "press, 9-hour review"),
            (9, 10, "3%", "published", "press, 16:46"),
            (16.25, 15, "3%", "published", "founder interview"),
        )
    ]
    + [
        {
            "name": "commands",
            "title": "30 million commands",
            "metric": "attempts.offered",
            "at": "16.25h",
            "value": 30e6,
            "tolerance": "10%",
            "grade": "derived",
            "source": "2 an order",
        }
    ],
    "gates": [
        {"name": "nearly-all-placed", "metric": "orders.placed_share", "min": 0.9},
        {"name": "quick", "metric": "time_to_order_s.p90", "max": 800},
    ],
}


def milk_tea_run() -> FakeRun:
    """Return the made-up day, at full size and finished."""
    scenario = Scenario.model_validate(SCENARIO)
    series = _series()
    return FakeRun(
        summary=_summary(scenario, series),
        timeseries=series,
        scenario=scenario,
        manifest={
            "engine": "simpy",
            "seed": 1,
            "scale": 1.0,
            "versions": {"sluice": "0.1.0", "python": "3.11.2", "numpy": "2.1.0"},
            "roundings": [{"what": "stages.order.servers", "asked": 67.6, "used": 68}],
        },
    )


def bare_run() -> FakeRun:
    """Return the smallest run: one stage, no street, no milestones, a few orders in five minutes."""
    scenario = Scenario.model_validate(
        {
            "schema": 1,
            "name": "bare",
            "title": "One server",
            "horizon": "300s",
            "arrivals": {"process": "steady", "rate": "2/s"},
            "people": {"timeout": "1s", "attempts": 1},
            "stages": [{"name": "desk", "servers": 1, "service": "300ms"}],
        }
    )
    ones = np.ones(30)
    series: dict[str, NDArray[Any]] = {"t_s": np.arange(30.0) * 10}
    for name in ("attempts.offered", "attempts.admitted", "attempts.completed", "orders.placed", "people.wanted"):
        series[name] = 20 * ones
    series |= {"stages.desk.backlog": 0 * ones, "stages.desk.busy": ones, "stages.desk.capacity": ones}
    summary = {
        "scenario": "bare",
        "engine": "simpy",
        "seed": 7,
        "scale": 1.0,
        "horizon_s": 300.0,
        "people": {"wanted": 600, "placed": 600, "abandoned": 0, "pending": 0},
        "attempts": {"offered": 600, "admitted": 600, "throttled": 0, "completed": 600, "failed": 0, "timed_out": 0},
        "orders": {"placed": 600, "placed_share": 1.0},
        "time_to_order_s": {"mean": 0.3, "p50": 0.3, "p90": 0.3, "p99": 0.3, "p999": 0.3, "max": 0.3},
        "stages": {"desk": {"utilisation": 0.6, "queue_max": 0}},
        "invariants": {"checked": 4, "violated": []},
    }
    return FakeRun(summary=summary, timeseries=series, scenario=scenario, manifest={})


def crowded_run() -> FakeRun:
    """Return the day with more milestones, outages and changes of limits than there is room for in a picture."""
    run = milk_tea_run()
    first = run.summary["milestones"][0]
    milestones = [{**first, "at_s": 600.0 * i, "value": 3e5 * i} for i in range(1, 60)]
    outages = [{"start_s": 1200.0 * i, "end_s": 1200.0 * i + 700, "reason": "shed"} for i in range(48)]
    steps = [[f"{10 * i}m", f"{1000 + i}/s"] for i in range(90)]
    timelines = [{"name": "busy", "knob": "admission.front-door.rate", "steps": steps}]
    scenario = Scenario.model_validate({**SCENARIO, "timelines": timelines})
    return replace(with_summary(run, milestones=milestones, outages=outages), scenario=scenario)


def with_summary(run: FakeRun, **changed: Any) -> FakeRun:
    """Return the run with whole sections of its summary replaced; a section of None is taken out."""
    summary = {**copy.deepcopy(dict(run.summary)), **changed}
    return replace(run, summary={name: section for name, section in summary.items() if section is not None})


def stopped(run: FakeRun, at_s: float) -> FakeRun:
    """Return the run as an interruption at `at_s` leaves it."""
    kept = int(at_s // BUCKET_S)
    series = {name: column[:kept] for name, column in run.timeseries.items()}
    milestones = [
        milestone
        if milestone["at_s"] <= at_s
        else {**milestone, "simulated": None, "deviation": None, "verdict": "not reached"}
        for milestone in run.summary["milestones"]
    ]
    outages = [outage for outage in run.summary["outages"] if outage["end_s"] <= at_s]
    changed = with_summary(run, ended_s=at_s, milestones=milestones, outages=outages)
    return replace(changed, timeseries=series)


def _series() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(2026)
    steps = int(HOURS * 3600 / BUCKET_S)
    start_s = np.arange(steps) * float(BUCKET_S)
    hour = 7.75 + start_s / 3600
    level = np.interp(
        hour,
        (7.75, 9, 10, 11, 12, 12.75, 13.5, 15, 16, 17.5, 19, 20.5, 22, 24),
        (0.25, 0.35, 0.6, 0.9, 1, 1, 0.75, 0.5, 0.5, 0.62, 0.7, 0.55, 0.3, 0.1),
    )
    wanted = 640 * level * (0.12 + 0.88 / (1 + np.exp(-(hour - 9.667) / 0.2))) * BUCKET_S
    wanted = wanted * rng.normal(1, 0.02, steps)
    capacity = np.select([hour < 11.75, hour < 12], [343.0, 686.0], 1029.0)
    limit = np.select(
        [hour < 10.33, hour < 11.75, hour < 12, hour < 13, hour < 16, hour < 17.6],
        [1e5, 302, 617, 1e5, 345, 1e5],
        175.0,
    )
    out: dict[str, NDArray[Any]] = {}
    trying = away = backlog = ready = 0.0
    for i in range(steps):
        returns, retries = away * BUCKET_S / 7200, trying * BUCKET_S / 25
        offered = wanted[i] + returns + retries
        admitted = min(offered, limit[i] * BUCKET_S)
        shed = max(0.0, backlog + admitted - 41_160 - capacity[i] * BUCKET_S)
        served = min(backlog + admitted - shed, capacity[i] * BUCKET_S)
        backlog += admitted - shed - served
        fresh = min(1.0, float(np.exp(-(backlog / capacity[i] - 12) / 12)))
        paused = 22_000 * max(0.0, np.sin((hour[i] - 10.5) / 5.5 * np.pi)) if 10.5 < hour[i] < 16 else 0.0
        placed = 0.97 * served * fresh * (1 - paused / 150_000)
        failed, late_answers = offered - placed, 0.8 * (served - placed)
        trying += 0.72 * failed - retries
        away += 0.1 * failed - returns
        ready += placed
        delivered = min(ready, 402 * BUCKET_S / (1.3 if 17.75 < hour[i] < 19.25 else 1.0))
        ready -= delivered
        late = delivered * min(0.9, ready / 900_000)
        now = {
            "people.wanted": wanted[i],
            "attempts.offered": offered,
            "attempts.admitted": admitted,
            "attempts.throttled": offered - admitted,
            "attempts.shed": shed,
            "attempts.timed_out": late_answers,
            "attempts.failed": offered - placed - late_answers,
            "attempts.completed": placed,
            "orders.placed": placed,
            "orders.delivered": delivered - 0.05 * late,
            "orders.late": late,
            "orders.cancelled": 0.05 * late,
            "sessions.started": wanted[i] + returns,
            "sessions.served": placed,
            "sessions.failed": 0.25 * failed,
            "work.useful": placed * 2.7,
            "work.wasted": (served - placed) * 2.7,
            "people.trying": trying,
            "people.away": away,
            "stages.intent.backlog": backlog,
            "stages.intent.capacity": 64 * capacity[i] / 23.9,
            "stages.intent.busy": 64 * capacity[i] / 23.9 * min(1, served / capacity[i] / BUCKET_S),
            "kitchens.backlog_cups": 9 * paused,
            "kitchens.paused": paused,
            "couriers.waiting": ready,
        }
        for name, value in now.items():
            out.setdefault(name, np.zeros(steps))[i] = round(value, 1 if name.startswith("stages") else 0)
    for name, servers, per_order_s in (("gateway", 13, 0.001), ("order", 68, 0.045), ("payment", 400, 0.2)):
        out[f"stages.{name}.capacity"] = np.full(steps, float(servers))
        out[f"stages.{name}.busy"] = np.round(out["orders.placed"] / BUCKET_S * per_order_s)
        out[f"stages.{name}.backlog"] = np.zeros(steps)
    return {"t_s": start_s, **out}


def _summary(scenario: Scenario, series: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    counters = ("people.", "attempts.", "orders.", "work.")
    total = {name: int(column.sum()) for name, column in series.items() if name.startswith(counters)}
    placed, offered = total["orders.placed"], total["attempts.offered"]
    quantiles = {
        "mean": 341.2345678,
        "p50": 11.8123456,
        "p90": 702.3,
        "p99": 9120.44,
        "p999": 21600.1,
        "max": 31234.5678,
    }
    return {
        "scenario": scenario.name,
        "engine": "simpy",
        "seed": 1,
        "scale": 1.0,
        "horizon_s": 58_500.0,
        "people": {
            "wanted": total["people.wanted"],
            "placed": placed,
            "abandoned": total["people.wanted"] - placed - 71_310,
            "pending": 71_310,
            "shut_out": {"1h": 0.0441234567, "2h": 0.0191, "6h": 0.0021},
        },
        "attempts": {name[9:]: number for name, number in total.items() if name.startswith("attempts.")}
        | {"expired": 0, "pending": 12},
        "failures": {
            "throttled": offered - placed - total["attempts.timed_out"],
            "timed_out": total["attempts.timed_out"],
        },
        "orders": {
            "placed": placed,
            "placed_share": placed / total["people.wanted"],
            "delivered": total["orders.delivered"],
            "delivered_on_time": total["orders.delivered"] - total["orders.late"],
            "late": total["orders.late"],
            "cancelled": total["orders.cancelled"],
            "in_progress": placed - total["orders.delivered"] - total["orders.cancelled"],
        },
        "work": {
            "useful": float(total["work.useful"]),
            "wasted": float(total["work.wasted"]),
            "dropped": 0.0,
            "pending": 312.5,
            "wasted_share": total["work.wasted"] / (total["work.wasted"] + total["work.useful"]),
        },
        "goodput_per_s": placed / 58_500,
        "retry_amplification": offered / total["people.wanted"],
        "time_to_order_s": quantiles,
        "response_time_s": {
            "admitted": {"mean": 6.1, "p50": 3.3333333, "p90": 11.2, "p99": 60.0, "p999": 60.0, "max": 60.0},
            "refused": {"mean": 0.0005, "p50": 0.0002, "p90": 0.0009, "p99": 0.0031, "p999": 0.01, "max": 0.0712345},
        },
        "stages": {
            name: {
                "utilisation": used,
                "queue_max": queue,
                "waiting_time_s": {"mean": p50, "p50": p50, "p90": p99 / 2, "p99": p99, "max": p99},
                "service_time_s": {"mean": work, "p50": work, "p90": work * 2, "p99": work * 3, "max": work * 4},
            }
            for name, used, queue, p50, p99, work in (
                ("gateway", 0.0511111, 14, 0.0, 0.0012345, 0.001),
                ("intent", 0.6512345, 41_160, 1.2345678, 119.87654, 2.71),
                ("order", 0.19, 5, 0.0, 0.0, 0.045),
                ("coupon", 0.04, 3, 0.0, 0.0021, 0.002),
                ("payment", 0.13, 0, 0.0, 0.0, 0.21),
            )
        },
        "kitchens": {
            "cups": 23_912_114,
            "wasted_cups": 91_200,
            "pauses": 31_442,
            "repicks": 812_345,
            "refused": 912_002,
        },
        "couriers": {"carried": total["orders.delivered"]},
        "segments": {
            name: {"placed_share": part, "time_to_order_s": quantiles}
            for name, part in (("city", 0.66), ("county", 0.714))
        },
        "fairness": {"jain": 0.9912345},
        "outages": [
            {"start_s": 8430.0, "end_s": 14_700.0, "reason": "timed_out"},
            {"start_s": 35_500.0, "end_s": 44_000.0, "reason": "throttled"},
        ],
        "milestones": [_milestone(milestone, series) for milestone in scenario.milestones],
        "gates": [
            {
                "name": "nearly-all-placed",
                "metric": "orders.placed_share",
                "value": 0.68,
                "min": 0.9,
                "max": None,
                "verdict": "failed",
            },
            {
                "name": "quick",
                "metric": "time_to_order_s.p90",
                "value": 702.3,
                "min": None,
                "max": 800.0,
                "verdict": "passed",
            },
        ],
        "invariants": {"checked": 9, "violated": []},
    }


def _milestone(milestone: Any, series: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    at_s = milestone.at_ns / 1e9
    simulated = float(series[milestone.metric][series["t_s"] < at_s].sum())
    deviation = simulated / milestone.value - 1
    return {
        "name": milestone.name,
        "title": milestone.title,
        "metric": milestone.metric,
        "at_s": at_s,
        "value": milestone.value,
        "simulated": simulated,
        "deviation": deviation,
        "tolerance": milestone.tolerance,
        "grade": milestone.grade,
        "source": milestone.source,
        "verdict": "met" if abs(deviation) <= milestone.tolerance else "missed",
    }
