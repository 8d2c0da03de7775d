"""replications.json: every figure of replications with mean and interval; and a folder of runs read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios import metrics
from simulator import results
from simulator.estimates import Estimate, estimate
from simulator.replications import Replications, seed_folder
from simulator.results import ResultError
from simulator.summary import as_json, figure

REPLICATIONS = "replications.json"


def content(runs: Replications, confidence: float) -> dict[str, Any]:
    """Return the content of replications.json: a function of scenario, seeds, scale and confidence alone."""
    return {
        "scenario": runs.scenario.name,
        "engine": runs.engine,
        "scale": runs.scale,
        "seeds": list(runs.seeds),
        "asked": runs.asked,
        "confidence": confidence,
        "figures": {
            metric.name: _figure(metric.unit, values(runs, metric.name), confidence)
            for metric in metrics.of(runs.scenario)
        },
        "milestones": [_milestone(rows, confidence) for rows in _side_by_side(runs, "milestones")],
        "gates": [_gate(rows, runs, confidence) for rows in _side_by_side(runs, "gates")],
        "invariants": {
            "checked": sum(int(summary["invariants"]["checked"]) for summary in runs.summaries),
            "violated": [
                f"seed {seed}: {identity}"
                for seed, summary in zip(runs.seeds, runs.summaries, strict=True)
                for identity in summary["invariants"]["violated"]
            ],
        },
    }


def values(runs: Replications, name: str) -> list[int | float | None]:
    """Return a figure of every replication, in the order of the seeds."""
    return [figure(summary, name) for summary in runs.summaries]


def write(runs: Replications, confidence: float, folder: Path) -> None:
    """Write replications.json beside the folders of the seeds, when those are whole."""
    results.write_text(folder / REPLICATIONS, as_json(content(runs, confidence)))


def read(folder: Path) -> Replications:
    """Read what `sluice run` has kept: replications, or one run as one replication of its seed."""
    if not (folder / REPLICATIONS).exists():
        scenario, summary = results.read_summary(folder)
        if summary["ended_s"] < summary["horizon_s"]:
            raise ResultError(f"{folder}: was interrupted, and a part says nothing of a whole run; run it again")
        return _replications(scenario=scenario, summaries=(summary,), asked=1)
    kept = results.read_json(folder / REPLICATIONS)
    try:
        read_back = [results.read_summary(seed_folder(folder, seed)) for seed in kept["seeds"]]
        return _replications(
            scenario=read_back[0][0], summaries=tuple(summary for _, summary in read_back), asked=int(kept["asked"])
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ResultError(f"{folder / REPLICATIONS}: is not what Sluice writes; run the scenario again") from error


def _replications(*, scenario: Any, summaries: tuple[Mapping[str, Any], ...], asked: int) -> Replications:
    first = summaries[0]
    return Replications(
        scenario=scenario,
        engine=first["engine"],
        scale=first["scale"],
        asked=asked,
        seeds=tuple(summary["seed"] for summary in summaries),
        summaries=summaries,
    )


def _figure(unit: str, found: list[int | float | None], confidence: float) -> dict[str, Any]:
    return {"unit": unit, **_interval(estimate(found, confidence)), "values": found}


def _interval(found: Estimate) -> dict[str, Any]:
    return {"n": found.n, "mean": found.mean, "sd": found.sd, "half_width": found.half_width}


def _side_by_side(runs: Replications, rows: str) -> Iterator[tuple[Mapping[str, Any], ...]]:
    """Go through milestones or gates; each comes with what every replication has of it."""
    return zip(*(summary[rows] for summary in runs.summaries), strict=True)


def _milestone(rows: tuple[Mapping[str, Any], ...], confidence: float) -> dict[str, Any]:
    kept = ("name", "title", "metric", "at_s", "compare", "value", "tolerance", "grade")
    return {
        **{key: rows[0][key] for key in kept},
        **_interval(estimate([row["simulated"] for row in rows], confidence)),
        "met": sum(row["verdict"] == "met" for row in rows),
        "of": len(rows),
    }


def _gate(rows: tuple[Mapping[str, Any], ...], runs: Replications, confidence: float) -> dict[str, Any]:
    found = estimate([row["value"] for row in rows], confidence)
    return {
        **{key: rows[0][key] for key in ("name", "metric", "min", "max")},
        **_interval(found),
        "passed": sum(row["verdict"] == "passed" for row in rows),
        "of": len(rows),
        "verdict": gate_verdict(found, low=rows[0]["min"], high=rows[0]["max"], of=len(rows)),
    }


def gate_verdict(found: Estimate, *, low: float | None, high: float | None, of: int) -> str:
    """Judge the interval of the mean: passed where all of it is within the bounds, failed where all of it is outside.

    Inconclusive where a bound runs through it, and where there is no interval: one replication, or one without value.
    """
    if found.low is None or found.high is None or found.n < of:
        return "inconclusive"
    if (low is not None and found.high < low) or (high is not None and found.low > high):
        return "failed"
    within = (low is None or found.low >= low) and (high is None or found.high <= high)
    return "passed" if within else "inconclusive"
