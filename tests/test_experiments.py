"""Published experiments on retries, hedges and shedding, as labs, with intervals over replications.

Seeds are fixed. A share of runs has Wilson's interval, a mean Student's (wrong once in ten thousand).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy import optimize, stats

from scenarios.loader import load
from simulator.results import RunResult
from simulator.run import simulate
from tests.interpreted import AT_SIZE, compiled_only
from tests.theory.replications import interval

pytestmark = compiled_only(AT_SIZE)
RUNS = 60
LAST_BUCKETS = 2  # of 10 s: long after the spike
PEOPLE = 20_000  # 200 s of 100/s


def stays_collapsed(run: RunResult) -> bool:
    """Less than half of those who come in the last 20 s is placed then."""
    placed, wanted = (run.timeseries[name][-LAST_BUCKETS:].sum() for name in ("orders.placed", "people.wanted"))
    return bool(placed < 0.5 * wanted)


def runs(name: str, sets: Sequence[str] = (), number: int = RUNS) -> list[RunResult]:
    loaded = load(name, sets=list(sets))
    found = [simulate(loaded, engine="compiled", seed=seed) for seed in range(1, number + 1)]
    assert all(run.summary["invariants"]["violated"] == [] for run in found)
    return found


def collapsed(name: str) -> int:
    return sum(stays_collapsed(run) for run in runs(name))


def test_without_backoff_as_many_runs_stay_collapsed_after_a_spike_as_elsewhere() -> None:
    """Elsewhere: 57% of 60 runs (44% to 68%), and 759 of 1,000 of Brooker's own program."""
    found = runs("labs/bistable")
    count = sum(stays_collapsed(run) for run in found)
    share = stats.binomtest(count, RUNS).proportion_ci(0.95, method="wilson")
    print(f"\n{count} of {RUNS} stay collapsed: {count / RUNS:.0%} ({share.low:.0%} to {share.high:.0%})")
    assert share.low <= 0.68
    assert share.high >= 0.44
    assert stats.fisher_exact([[count, RUNS - count], [759, 241]]).pvalue > 0.01
    assert share.high - share.low <= 0.25
    for run in found:
        assert (run.summary["milestones"][0]["verdict"] == "met") == stays_collapsed(run)


def test_with_backoff_and_jitter_no_run_stays_collapsed_after_a_spike() -> None:
    assert collapsed("labs/bistable-jitter") == 0


@pytest.mark.parametrize("name", ["labs/bistable-ramp", "labs/bistable-ramp-jitter"])
def test_after_a_slow_rise_every_run_stays_collapsed(name: str) -> None:
    assert collapsed(name) == RUNS


def test_the_same_spike_collapses_nothing_where_nobody_retries() -> None:
    found = runs("labs/bistable", ["people.attempts=1"])
    assert not any(stays_collapsed(run) for run in found)


def amplification_and_success(name: str, failure: float, attempts: int, number: int = 20) -> tuple[list[float], ...]:
    found = runs(name, [f"stages.backend.failure={failure}", f"people.attempts={attempts}"], number)
    load_found = [float(run.summary["retry_amplification"]) for run in found]
    return load_found, [float(run.summary["orders"]["placed_share"]) for run in found]


def on_a_budget(failure: float) -> tuple[float, float]:
    """Attempts and orders a person, exactly: the chain of what is saved, in tenths of a retry, as each person comes."""
    share = np.zeros(51)
    share[50] = 1.0
    attempts = orders = 0.0
    for _ in range(PEOPLE):
        trying = np.append(0.0, share[:-1])
        trying[50] += share[50]
        share = np.zeros(51)
        for tries_left in (3, 2, 1, 0):
            attempts += trying.sum()
            orders += (1 - failure) * trying.sum()
            again, failed = np.zeros(51), failure * trying
            if tries_left:
                again[:-10], failed[10:] = failed[10:].copy(), 0.0
            share += (1 - failure) * trying + failed
            trying = again
    return attempts / PEOPLE, orders / PEOPLE


@pytest.mark.parametrize(("failure", "published"), [(0.1, 1.111), (0.2, 1.248), (0.5, 1.875), (1.0, 4.0)])
def test_three_retries_multiply_the_load(failure: float, published: float) -> None:
    exact = sum(failure**k for k in range(4))
    assert exact == pytest.approx(published, abs=6e-4)
    loads, shares = amplification_and_success("labs/retries", failure, 4)
    assert_holds(loads, exact, reach=0.01)
    assert_holds(shares, 1 - failure**4, reach=0.01)


@pytest.mark.parametrize(
    ("failure", "published", "success"),
    [(0.1, 1.094, 0.983), (0.2, 1.10, 0.878), (0.5, 1.10, 0.55), (1.0, 1.10, 0.0)],
)
def test_a_budget_of_one_in_ten_bounds_the_load(failure: float, published: float, success: float) -> None:
    attempts, orders = on_a_budget(failure)
    assert attempts == pytest.approx(published, abs=1.5e-3)
    assert orders == pytest.approx(success, abs=2.5e-3)
    loads, shares = amplification_and_success("labs/retry-budget", failure, 4)
    assert_holds(loads, attempts, reach=0.01)
    assert_holds(shares, orders, reach=0.02)


def test_three_attempts_at_a_dead_backend_are_three_times_the_load_and_a_tenth_more_on_a_budget() -> None:
    for name, published in (("labs/dead-backend", 3.0), ("labs/dead-backend-budget", 1.1)):
        for run in runs(name, number=3):
            assert run.summary["retry_amplification"] == pytest.approx(published, abs=4e-4)


def assert_holds(values: Sequence[float], exact: float, *, reach: float) -> None:
    found = interval(values)
    said = f"exact {exact:.5g}, measured {found.mean:.5g} ± {found.half_width:.2g}"
    print(f"\n{said}")
    assert abs(found.mean - exact) <= found.half_width + 2 / PEOPLE, said  # a retry or two may be left at the end
    assert found.half_width <= reach * max(exact, 0.1), f"{said}: too wide to tell"


STALLS, HEDGE_S = 0.005, 0.0233  # of 1 s; when the copy is sent


def later_than(t_s: float) -> float:
    """P(one answer takes longer): lognormal of median 10 ms and sigma 0.5, and stalls."""
    return float((1 - STALLS) * stats.lognorm.sf(t_s, 0.5, scale=0.01) + STALLS * (t_s < 1.0))


def hedged_later_than(t_s: float) -> float:
    """P(neither the first nor its copy is there): they know nothing of each other."""
    return later_than(t_s) * later_than(t_s - HEDGE_S)


@pytest.mark.parametrize("key", ["p99", "p999"])
def test_a_copy_after_the_95_percentile_costs_a_twentieth_and_cuts_the_tail(key: str) -> None:
    """Elsewhere (Dean and Barroso): about 5% more load; 1,800 ms became 74 at 99.9% of 1,000 reads."""
    rare = {"p99": 0.01, "p999": 0.001}[key]
    exact_s = optimize.brentq(lambda t_s: hedged_later_than(t_s) - rare, HEDGE_S, 0.5)
    found = runs("labs/stalls-hedged", number=20)
    assert_holds([float(run.summary["retry_amplification"]) for run in found], 1 + later_than(HEDGE_S), reach=0.002)
    assert_holds([run.summary["time_to_order_s"][key] / exact_s for run in found], 1, reach=0.04)
    alone = runs("labs/stalls", number=20)
    assert all(run.summary["retry_amplification"] == 1 for run in alone)
    assert all(run.summary["time_to_order_s"]["p999"] == 1 for run in alone)


def test_copies_double_the_load_of_a_service_that_is_slow_for_all_and_a_budget_bounds_it() -> None:
    slow = ["stages.backend.slowdown=10"]
    loads = [float(run.summary["retry_amplification"]) for run in runs("labs/stalls-hedged", slow, 5)]
    assert_holds(loads, 1 + later_than(HEDGE_S / 10), reach=0.002)
    for run in runs("labs/stalls-hedged-budget", slow, 5):
        assert run.summary["retry_amplification"] == pytest.approx(1.1, abs=4e-4)


@pytest.mark.parametrize("k", [1.1, 2.0, 3.0])
def test_clients_that_throttle_themselves_send_k_times_what_is_accepted(k: float) -> None:
    """At ten times the capacity; once the first window has passed."""
    found = runs("labs/throttled-clients", [f"admission.throttle.k={k}"], 8)
    sent, accepted = (
        [float(run.timeseries[name][12:].sum()) for run in found] for name in ("attempts.offered", "attempts.admitted")
    )
    assert_holds([a / b for a, b in zip(sent, accepted, strict=True)], k, reach=0.02)
    if k >= 2:  # below, chance leaves some of the capacity unused
        assert_holds([each / 180 for each in accepted], 100, reach=0.01)


CALLS_A_S, LET_IN_A_S = 750, 735  # what the service can do; what the lab that sheds call by call lets in
BEGUN = 3  # buckets of 10 s: by then DAGOR has found its level
DONE = 12  # the last tasks come at 120 s


def tasks(name: str, calls: int, load: float, *sets: str) -> list[RunResult]:
    """Eight runs with tasks of so many calls, whose rate in all is so many times what the service can do."""
    rate = f"{CALLS_A_S * load / calls}/s"
    arrivals = f'arrivals.rate=[["120s", "{rate}"], ["120.000001s", "0/s"]]'
    return runs(name, ['horizon="121s"', arrivals, f"stages.service.calls={calls}", *sets], 8)


def share_done(run: RunResult) -> float:
    wanted, placed = (run.timeseries[name][BEGUN:DONE].sum() for name in ("people.wanted", "orders.placed"))
    return float(placed / wanted)


def done_if_shed_call_by_call(share: float, calls: int) -> float:
    """The share of tasks done where so much of all their calls fits, and none calls on once a call has failed."""
    if share >= 1:
        return 1.0
    let_in = optimize.brentq(lambda q: sum(q**k for k in range(1, calls + 1)) - share * calls, 0, 1)
    return float(let_in**calls)


@pytest.mark.parametrize(("calls", "load"), [(1, 2), (2, 2), (3, 2), (4, 2), (4, 1.5), (4, 3), (4, 0.3)])
def test_of_tasks_shed_call_by_call_the_more_fail_the_more_calls_they_make(calls: int, load: float) -> None:
    """Elsewhere: (f_sat / f)^x, which counts the calls of tasks that have failed already, and so is less."""
    fits = min(1.0, LET_IN_A_S / CALLS_A_S / load)
    exact, published = done_if_shed_call_by_call(fits, calls), fits**calls
    done = [share_done(run) for run in tasks("labs/calls", calls, load)]
    assert_holds(done, exact, reach=0.08)
    if calls > 1 and load > 1:
        found = interval(done)
        assert found.mean - found.half_width > 1.2 * published


@pytest.mark.parametrize("calls", [2, 4])
def test_by_the_calls_that_reach_the_service_as_many_tasks_are_done_as_published(calls: int) -> None:
    """(f_sat / f)^x, where f is what reaches the service, and no call is tried again."""
    ratios = []
    for run in tasks("labs/calls", calls, 2, "stages.service.call_attempts=1"):
        at_service = run.summary["stages"]["service"]
        let_in = 1 - at_service["throttled"] / at_service["arrived"]
        ratios.append(run.summary["orders"]["placed_share"] / let_in**calls)
    assert_holds(ratios, 1, reach=0.05)


@pytest.mark.parametrize(("calls", "load"), [(1, 2), (2, 2), (3, 2), (4, 2), (4, 1.5), (4, 3), (4, 0.3)])
def test_dagor_stays_near_what_fits_however_many_calls_a_task_makes(calls: int, load: float) -> None:
    done = interval([share_done(run) * max(1.0, load) for run in tasks("labs/calls-dagor", calls, load)])
    print(f"\n{done.mean:.3f} ± {done.half_width:.2g} of f_sat / f")
    assert done.mean - done.half_width > 0.88
    assert done.mean <= 1
    if calls > 1 and load > 1:
        shed_by_call = done_if_shed_call_by_call(LET_IN_A_S / CALLS_A_S / load, calls)
        assert (done.mean - done.half_width) / load > 1.1 * shed_by_call


SPIKE = 1000  # the bucket of 10 s in which demand jumps; 10 s are a millisecond of the paper
UNTIL = {"breakwater": "11500s", "dagor": "12500s", "seda": "16000s"}


def good_answers(run: RunResult, spike: int = SPIKE) -> npt.NDArray[np.float64]:
    """Answers within the objective from the spike on, by bucket."""
    return np.asarray(run.timeseries["orders.placed"][spike:], dtype=np.float64)


def settled_s(run: RunResult, spike: int = SPIKE) -> float:
    """From the spike to the first 20 s that have 90% of the good answers of the last 1,000 s of the run."""
    good = good_answers(run, spike)
    in_20_s = (good[1:] + good[:-1]) / 2
    return 10.0 * int(np.argmax(in_20_s >= 0.9 * good[-100:].mean()))


def test_after_a_spike_breakwater_settles_first_then_dagor_then_seda() -> None:
    """Published: under 200 s (20 ms), 5,000 s, 15,800 s: 25 and 79 times as long. The order holds, the ratios do not.

    Why is in docs/validation.md, The spike: DAGOR's rule itself is quicker, SEDA's as slow as it was quiet before.
    """
    found = {law: runs(f"labs/spike-{law}", [f"horizon={until}"], 10) for law, until in UNTIL.items()}
    settled = {law: interval([settled_s(run) for run in of]) for law, of in found.items()}
    print("\n", {law: f"{each.mean:.4g} ± {each.half_width:.2g} s" for law, each in settled.items()})
    breakwater, dagor, seda = (settled[law] for law in UNTIL)
    assert breakwater.mean + breakwater.half_width < 100
    assert 100 < dagor.mean - dagor.half_width < dagor.mean + dagor.half_width < 400
    assert 3600 < seda.mean - seda.half_width < seda.mean + seda.half_width < 4500
    assert dagor.mean - dagor.half_width > 2 * (breakwater.mean + breakwater.half_width)
    assert seda.mean - seda.half_width > 79 / 25 * (dagor.mean + dagor.half_width)
    worst = {law: min(good_answers(run).min() for run in of) for law, of in found.items()}
    assert worst["breakwater"] > 500  # of 1,000: no collapse
    assert worst["dagor"] == worst["seda"] == 0


@pytest.mark.parametrize(("law", "least_s", "most_s"), [("breakwater", 0, 100), ("dagor", 100, 400), ("seda", 0, 2000)])
def test_where_it_was_quiet_for_less_long_a_seda_settles_sooner_and_the_others_as_before(
    law: str, least_s: float, most_s: float
) -> None:
    shorter = ['arrivals.rate=[["2999.999999s", "50/s"], ["3000s", "140/s"]]', "horizon=7000s"]
    (run,) = runs(f"labs/spike-{law}", shorter, 1)
    assert least_s <= settled_s(run, spike=300) <= most_s


def test_a_spike_that_nothing_holds_back_is_never_got_over() -> None:
    (run,) = runs("labs/spike", ["horizon=12000s"], 1)
    assert good_answers(run)[10:].sum() == 0
