"""What is measured on one run: numbers from its summary, its series and its trace of attempts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulator.results import RunResult
from simulator.trace import ANSWERS

Measure = Callable[[RunResult], float]
NS_PER_S = 1_000_000_000


def figure(path: str) -> Measure:
    """A figure of the summary, over the whole run."""

    def measure(run: RunResult) -> float:
        here = run.summary
        for part in path.split("."):
            here = here[part]
        return float(here)  # type: ignore[arg-type]

    return measure


def mean_sojourn_s(warm_up_s: float) -> Measure:
    """From arrival to the end of the work, of those who come after the warm-up."""
    return lambda run: float(np.mean(_sojourns_s(run, warm_up_s)))


def share_sojourning_longer(than_s: float, warm_up_s: float) -> Measure:
    """Share of them who stay longer than that."""
    return lambda run: float(np.mean(_sojourns_s(run, warm_up_s) > than_s))


def share_answered(answer: str, warm_up_s: float) -> Measure:
    """Share of attempts sent after the warm-up, and so long before the end, that got this answer."""

    def measure(run: RunResult) -> float:
        attempts = _attempts(run)
        return float(np.mean(attempts["answer"][_counted(run, warm_up_s)] == ANSWERS.index(answer)))

    return measure


def share_expired(run: RunResult) -> float:
    """Share of those who came to the desk whose person had left when their turn came."""
    desk = run.summary["stages"]["desk"]
    return float(desk["expired"] / (desk["expired"] + desk["served"] + desk["in_service"]))


def share_that_finds(present: int, warm_up_s: float) -> Measure:
    """Share of those who come after the warm-up and find at least so many others there."""

    def measure(run: RunResult) -> float:
        attempts = _attempts(run)
        start_ns, ended_ns = attempts["start_ns"], attempts["ended_ns"]
        gone = np.searchsorted(np.sort(ended_ns[ended_ns >= 0]), start_ns)
        found = np.arange(len(start_ns)) - gone  # wants are numbered in the order in which they come
        return float(np.mean(found[_counted(run, warm_up_s)] >= present))

    return measure


def number_at(at_s: float, stage: str) -> Measure:
    """Number in service at an instant at which a bucket ends."""

    def measure(run: RunResult) -> float:
        return float(run.timeseries[f"stages.{stage}.busy"][_ends_s(run) == at_s].item())

    return measure


def share_of_time_empty(stages: tuple[str, ...], warm_up_s: float) -> Measure:
    """Share of the samples after the warm-up that find nobody at any of the stages."""

    def measure(run: RunResult) -> float:
        there = np.sum([run.timeseries[f"stages.{stage}.busy"] for stage in stages], axis=0)
        return float(np.mean(there[_ends_s(run) > warm_up_s] == 0))

    return measure


def number_over_rate_times_sojourn(stage: str, warm_up_s: float) -> Measure:
    """Mean number there by the gauges, over arrivals per second times mean sojourn by the trace: 1 says Little."""

    def measure(run: RunResult) -> float:
        ends_s, horizon_s = _ends_s(run), run.summary["horizon_s"]
        there = run.timeseries[f"stages.{stage}.backlog"] + run.timeseries[f"stages.{stage}.busy"]
        number = np.mean(there[(ends_s > warm_up_s) & (ends_s <= horizon_s - warm_up_s)])
        sojourns_s = _sojourns_s(run, warm_up_s)
        return float(number / (np.sum(sojourns_s) / (horizon_s - 2 * warm_up_s)))

    return measure


def share_of_orders(segment: int) -> Measure:
    """Share of the orders that are those of a segment."""

    def measure(run: RunResult) -> float:
        assert run.orders is not None
        placed = run.orders["placed_ns"] >= 0
        return float(np.mean(run.orders["segment"][placed] == segment))

    return measure


def _attempts(run: RunResult) -> dict[str, NDArray[np.int64]]:
    assert run.attempts is not None
    return dict(run.attempts)


def _counted(run: RunResult, warm_up_s: float) -> NDArray[np.bool_]:
    """Who comes after the warm-up, and so long before the end that all of them are answered."""
    start_s, last_s = _attempts(run)["start_ns"] / NS_PER_S, float(run.summary["horizon_s"]) - warm_up_s
    return np.asarray((start_s >= warm_up_s) & (start_s < last_s))


def _sojourns_s(run: RunResult, warm_up_s: float) -> NDArray[np.float64]:
    attempts, counted = _attempts(run), _counted(run, warm_up_s)
    ended_ns = attempts["ended_ns"][counted]
    assert (ended_ns >= 0).all(), "somebody is still there: the warm-up is too short to be left out at the end too"
    return (ended_ns - attempts["start_ns"][counted]) / NS_PER_S


def _ends_s(run: RunResult) -> NDArray[np.float64]:
    """When the buckets end, which is when gauges are read."""
    bucket_s = run.scenario.bucket_ns / NS_PER_S
    return np.asarray(run.timeseries["t_s"] + bucket_s)
