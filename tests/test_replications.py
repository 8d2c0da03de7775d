"""Several seeds of one scenario: statistics by hand, the same results from any number of workers, and their end."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from scipy import stats

from scenarios.loader import Loaded, load
from simulator import comparison, replications_file, student
from simulator.comparison import Comparison, compare, judge
from simulator.estimates import Estimate, estimate, holm, p_value
from simulator.replications import ReplicationError, Replications, replicate, seed_folder
from simulator.replications_file import content, gate_verdict
from simulator.replications_page import replications_schema
from simulator.results import ResultError
from simulator.run import simulate
from simulator.summary import as_json

COUNTER = """
schema = 1
name = "counter"
title = "A counter with one clerk"
horizon = "20s"
arrivals = { process = "poisson", rate = "20/s" }
people = { timeout = "1s", attempts = 2, retry_delay = "0s" }
stages = [{ name = "clerk", servers = 1, service = { kind = "exponential", mean = "45ms" } }]
gates = [{ name = "most", metric = "orders.placed_share", min = 0.5 }]
milestones = [{ name = "many", metric = "orders.placed", value = 400, tolerance = "5%" }]
"""
TRUE_MEAN = 10.0


@pytest.fixture
def counter(tmp_path: Path) -> Loaded:
    file = tmp_path / "counter.toml"
    file.write_text(COUNTER)
    return load(file)


def runs_of(loaded: Loaded, seeds: Sequence[int] = (1, 2, 3), **more: Any) -> Replications:
    return replicate(loaded, engine="simpy", seeds=seeds, **more)


# Student's t


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 29, 30, 999])
@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.99, 0.9999])
def test_the_quantile_is_that_of_another_library(freedom: int, confidence: float) -> None:
    expected = stats.t.ppf((1 + confidence) / 2, freedom)
    assert student.quantile(confidence, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 2, 3, 8, 50, 999])
@pytest.mark.parametrize("t", [-3.0, 0.0, 0.1, 1.0, 4.5, 30.0])
def test_the_chance_of_more_is_that_of_another_library(freedom: int, t: float) -> None:
    assert student.two_sided_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-12)


# estimates


def test_mean_spread_and_half_width_are_as_by_hand() -> None:
    found = estimate([2, 4, 9], 0.95)
    assert (found.n, found.mean) == (3, 5.0)
    assert found.sd == pytest.approx(sqrt((9 + 1 + 16) / 2))
    assert found.half_width == pytest.approx(4.30265272991 * sqrt(13) / sqrt(3))  # 4.303 from any table, 2 degrees


def test_who_had_no_value_is_left_out_and_counted() -> None:
    assert estimate([None, 3.0, None, 5.0], 0.95) == estimate([3.0, 5.0], 0.95)
    assert estimate([None, 3.0, None, 5.0], 0.95).n == 2


def test_below_two_values_there_is_no_interval() -> None:
    assert estimate([7], 0.95) == Estimate(n=1, mean=7.0, sd=None, half_width=None)
    assert estimate([None], 0.95) == Estimate(n=0, mean=None, sd=None, half_width=None)
    assert p_value(estimate([7], 0.95)) is None


def test_equal_values_have_their_value_and_no_width() -> None:
    found = estimate([0.1] * 7, 0.95)
    assert (found.mean, found.sd, found.half_width) == (0.1, 0.0, 0.0)


@pytest.mark.parametrize(("confidence", "n"), [(0.95, 3), (0.95, 8), (0.8, 5)])
def test_the_interval_covers_the_true_mean_as_often_as_it_says(confidence: float, n: int) -> None:
    rng = random.Random(20260206)
    trials = 2000
    covered = 0
    for _ in range(trials):
        found = estimate([rng.gauss(TRUE_MEAN, 3) for _ in range(n)], confidence)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= TRUE_MEAN <= found.high
    assert covered / trials == pytest.approx(confidence, abs=3.5 * sqrt(confidence * (1 - confidence) / trials))


def test_the_p_value_and_the_interval_say_the_same() -> None:
    for values in ([1.0, 2.0, 3.0], [-1.0, 2.0, 3.0], [4.0, 4.1, 3.9], [5.0, 5.0], [0.0, 0.0]):
        found = estimate(values, 0.95)
        p = p_value(found)
        assert p is not None
        assert (p <= 0.05) == found.excludes_zero
    assert p_value(estimate([1.0, 2.0, 3.0], 0.95)) == pytest.approx(stats.ttest_1samp([1.0, 2.0, 3.0], 0).pvalue)


def test_holm_stops_at_the_first_that_stands() -> None:
    # by hand: 0.01 <= 0.05/4, 0.015 <= 0.05/3, 0.03 > 0.05/2, and 0.04 is not asked any more
    assert holm([0.04, 0.01, 0.03, 0.015], 0.95) == [False, True, False, True]
    assert holm([], 0.95) == []


@pytest.mark.parametrize(
    ("values", "low", "high", "verdict"),
    [
        ([0.95, 0.96, 0.97], 0.9, None, "passed"),
        ([0.85, 0.86, 0.87], 0.9, None, "failed"),
        ([0.85, 0.9, 0.95], 0.9, None, "inconclusive"),
        ([0.9, 0.9, 0.9], 0.9, None, "passed"),
        ([5.0, 6.0, 7.0], None, 10.0, "passed"),
        ([15.0, 16.0, 17.0], None, 10.0, "failed"),
        ([5.0, 6.0, 7.0], 1.0, 10.0, "passed"),
        ([5.0, 6.0, 7.0], 5.5, 6.5, "inconclusive"),
        ([5.0], 1.0, 10.0, "inconclusive"),
        ([5.0, None, 5.0], 1.0, 10.0, "inconclusive"),
    ],
)
def test_a_gate_asks_for_all_of_the_interval(
    values: list[float | None], low: float | None, high: float | None, verdict: str
) -> None:
    assert gate_verdict(estimate(values, 0.95), low=low, high=high, of=len(values)) == verdict


# replications


def test_any_number_of_workers_gives_the_same_bytes(counter: Loaded, tmp_path: Path) -> None:
    written = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        runs = runs_of(counter, workers=workers, folder=folder)
        replications_file.write(runs, 0.95, folder)
        files = [folder / "replications.json", *(seed_folder(folder, seed) / "summary.json" for seed in (1, 2, 3))]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
    assert len(set(written[0])) == 4


def test_results_come_in_the_order_of_seeds_whoever_is_done_first(counter: Loaded) -> None:
    class Backwards(Executor):
        """Works when it is shut down or asked, the last task first."""

        def __init__(self) -> None:
            self.tasks: list[tuple[Future[Any], Callable[..., Any], Any]] = []

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            self.tasks.append((future, fn, args))
            if len(self.tasks) == 3:
                for one, work, given in reversed(self.tasks):
                    one.set_result(work(*given))
            return future

    told: list[tuple[int, int]] = []
    runs = runs_of(counter, (5, 9, 2), executor=Backwards(), on_progress=lambda done, asked: told.append((done, asked)))
    assert runs.seeds == (5, 9, 2)
    assert [summary["seed"] for summary in runs.summaries] == [5, 9, 2]
    assert told[-1] == (3, 3)
    assert not runs.interrupted


def test_replications_have_the_figures_of_single_runs(counter: Loaded) -> None:
    together = runs_of(counter, (1, 2, 3))
    alone = [runs_of(counter, (seed,)).summaries[0] for seed in (1, 2, 3)]
    assert list(together.summaries) == alone
    placed = [summary["orders"]["placed"] for summary in alone]
    kept = content(together, 0.95)["figures"]["orders.placed"]
    assert kept["values"] == placed
    assert kept["mean"] == pytest.approx(sum(placed) / 3)


def test_milestones_and_gates_are_counted_and_the_schema_holds(counter: Loaded) -> None:
    runs = runs_of(counter)
    kept = json.loads(as_json(content(runs, 0.9)))
    jsonschema.validate(kept, replications_schema())
    met = sum(summary["milestones"][0]["verdict"] == "met" for summary in runs.summaries)
    assert (kept["milestones"][0]["met"], kept["milestones"][0]["of"]) == (met, 3)
    assert (kept["gates"][0]["passed"], kept["gates"][0]["verdict"]) == (3, "passed")
    assert kept["invariants"]["checked"] == sum(summary["invariants"]["checked"] for summary in runs.summaries)


def test_what_was_written_is_read_back(counter: Loaded, tmp_path: Path) -> None:
    runs = runs_of(counter, folder=tmp_path / "runs")
    replications_file.write(runs, 0.95, tmp_path / "runs")
    assert replications_file.read(tmp_path / "runs") == runs
    single = replications_file.read(seed_folder(tmp_path / "runs", 2))
    assert (single.seeds, single.summaries) == ((2,), (runs.summaries[1],))


def test_replications_that_are_no_longer_whole_are_an_error(counter: Loaded, tmp_path: Path) -> None:
    replications_file.write(runs_of(counter, (1, 2), folder=tmp_path / "runs"), 0.95, tmp_path / "runs")
    (seed_folder(tmp_path / "runs", 2) / "summary.json").unlink()
    with pytest.raises(ResultError, match="seed-2"):
        replications_file.read(tmp_path / "runs")
    (tmp_path / "runs" / "replications.json").write_text("{}")
    with pytest.raises(ResultError, match="is not what Sluice writes"):
        replications_file.read(tmp_path / "runs")


@pytest.mark.parametrize(("seeds", "workers"), [((), 1), ((1, 1), 1), ((1,), 0)])
def test_no_seeds_the_same_seed_twice_and_no_worker_are_refused(
    counter: Loaded, seeds: tuple[int, ...], workers: int
) -> None:
    with pytest.raises(ValueError, match="needs seeds, each once, and at least 1 worker"):
        runs_of(counter, seeds, workers=workers)


# their end


def test_an_interrupt_keeps_what_is_done_and_drops_what_was_cut_short(counter: Loaded, tmp_path: Path) -> None:
    done: list[int] = []
    runs = runs_of(
        counter,
        (1, 2, 3, 4),
        folder=tmp_path / "runs",
        on_progress=lambda count, asked: done.append(count),
        stop=lambda: len(done) >= 2,
    )
    assert (runs.seeds, runs.asked, runs.interrupted) == ((1, 2), 4, True)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["seed-1", "seed-2"]


def test_an_interrupt_stops_workers_that_would_go_on_for_long(tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    file.write_text(COUNTER)
    long = load(file, sets=["horizon=3h"])
    runs = runs_of(long, (1, 2, 3), workers=2, folder=tmp_path / "runs", stop=lambda: True)
    assert (runs.seeds, runs.interrupted) == ((), True)


def test_a_run_that_was_stopped_in_the_middle_is_no_replication(counter: Loaded) -> None:
    asked: list[bool] = []

    def second_time() -> bool:
        asked.append(True)
        return len(asked) > 1

    assert runs_of(counter, (1, 2), stop=second_time).seeds == ()


def failing_after_s(bad: dict[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
    def unlucky(loaded: Loaded, *, seed: int, **more: Any) -> Any:
        if seed in bad:
            time.sleep(bad[seed])
            raise ZeroDivisionError(f"seed {seed} is unlucky")
        return simulate(loaded, seed=seed, **more)

    monkeypatch.setattr("simulator.replications.simulate", unlucky)


def test_the_first_seed_that_failed_is_named_however_many_work(
    counter: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_after_s({2: 0.5, 3: 0.0}, monkeypatch)  # side by side, seed 3 fails first
    with pytest.raises(ReplicationError) as alone:
        runs_of(counter, (1, 2, 3, 4))
    with ThreadPoolExecutor(4) as threads, pytest.raises(ReplicationError) as together:
        runs_of(counter, (1, 2, 3, 4), executor=threads)
    said = "the replication of seed 2 failed: ZeroDivisionError: seed 2 is unlucky"
    assert [str(alone.value), str(together.value)] == [said, said]
    assert not alone.value.mendable
    assert "in unlucky" in together.value.__notes__[0]  # the traceback of the worker


def test_a_failure_in_another_process_names_its_seed_and_the_remedy(counter: Loaded, tmp_path: Path) -> None:
    (tmp_path / "seed-2").mkdir()
    (tmp_path / "seed-2" / "mine.txt").touch()
    with pytest.raises(ReplicationError, match=r"seed 2 failed: .*is never written over another") as found:
        runs_of(counter, (1, 2), workers=2, folder=tmp_path)
    assert found.value.mendable


# two variants


def compared(a: Loaded, b: Loaded, seeds: Sequence[int] = (1, 2, 3)) -> Comparison:
    return compare(runs_of(a, seeds), runs_of(b, seeds), confidence=0.95)


def test_a_variant_differs_from_itself_in_nothing(counter: Loaded) -> None:
    found = compared(counter, counter)
    with_value = [one for one in found.differences if one.paired.n]
    assert len(with_value) > 50
    assert {(one.paired.mean, one.paired.half_width, one.p, one.differs) for one in with_value} == {(0, 0, 1, False)}


def test_variants_meet_the_same_people_so_differences_are_paired(counter: Loaded, tmp_path: Path) -> None:
    faster = load(tmp_path / "counter.toml", sets=["stages.clerk.service.mean=40ms"])
    found = compared(counter, faster, seeds=(1, 2, 3, 4, 5))
    wanted, shorter = found.of("people.wanted"), found.of("response_time_s.admitted.mean")
    assert wanted is not None
    assert shorter is not None
    assert (wanted.paired.mean, wanted.paired.sd) == (0, 0)
    assert wanted.a.sd != 0
    assert shorter.paired.mean is not None
    assert shorter.paired.mean < 0
    assert shorter.paired.sd is not None
    assert shorter.a.sd is not None
    assert shorter.b.sd is not None
    assert shorter.paired.sd < sqrt(shorter.a.sd**2 + shorter.b.sd**2)  # what seeds of their own would give


def test_a_paired_difference_is_as_by_hand_over_common_seeds(counter: Loaded) -> None:
    runs = runs_of(counter, (1, 2, 3))

    def with_placed(seeds: tuple[int, ...], placed: tuple[int, ...]) -> Replications:
        summaries = [{**runs.summaries[0], "orders": {"placed": number}} for number in placed]
        return replace(runs, seeds=seeds, summaries=tuple(summaries))

    found = compare(with_placed((1, 2, 3), (10, 20, 30)), with_placed((2, 3, 4), (23, 35, 99)), confidence=0.95)
    placed = found.of("orders.placed")
    assert placed is not None
    assert found.seeds == (2, 3)
    assert (placed.a.mean, placed.b.mean, placed.paired.mean) == (25, 29, 4)
    assert placed.paired.half_width == pytest.approx(12.7062047364)  # sd sqrt(2), over sqrt(2), times t of 1 degree
    assert not placed.differs


def test_other_seeds_and_another_scale_are_refused(counter: Loaded) -> None:
    runs = runs_of(counter, (1,))
    with pytest.raises(ValueError, match="no common seed: one has 1, the other 7"):
        compare(runs, replace(runs, seeds=(7,)), confidence=0.95)
    with pytest.raises(ValueError, match=r"scales 1 and 0\.5 cannot be compared"):
        compare(runs, replace(runs, scale=0.5), confidence=0.95)


@pytest.mark.parametrize(
    ("b", "better", "tolerance", "verdict"),
    [
        ((110, 111, 112), "lower", 0.05, "worse"),
        ((110, 111, 112), "higher", 0.05, "not worse"),
        ((110, 111, 112), "lower", 0.2, "not worse"),
        ((110, 111, 112), "lower", 0.11, "unclear"),
        ((90, 89, 88), "higher", 0.05, "worse"),
        ((100, 100, 100), "lower", 0.0, "not worse"),
        ((100, 101, 102), "lower", 0.0, "unclear"),
        ((110, None, 112), "lower", 0.0, "no interval"),
    ],
)
def test_worse_is_what_all_of_the_interval_calls_worse(
    b: tuple[float | None, ...], better: comparison.Direction, tolerance: float, verdict: str
) -> None:
    both = [value for value in b if value is not None]
    found = comparison.Difference(
        name="work.wasted",
        unit="server-s",
        a=estimate([100.0] * len(both), 0.95),
        b=estimate(both, 0.95),
        paired=estimate([value - 100 for value in both], 0.95),
        p=None,
        after_holm=False,
    )
    assert judge(found, better=better, tolerance=tolerance, seeds=len(b)).verdict == verdict
