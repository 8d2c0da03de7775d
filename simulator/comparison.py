"""Two variants under the same seeds: what changed, by how much, and whether the change is more than noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scenarios import metrics
from simulator.estimates import Estimate, estimate, holm, p_value
from simulator.replications import Replications
from simulator.summary import figure

Direction = Literal["higher", "lower"]
Verdict = Literal["worse", "not worse", "unclear", "no interval"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One figure of A and B over the seeds where both have a value; `paired` is of B - A, seed by seed."""

    name: str
    unit: str
    a: Estimate
    b: Estimate
    paired: Estimate
    p: float | None
    after_holm: bool

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.paired.excludes_zero


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Every figure that both variants have, in the order of the summary, over the seeds that both ran."""

    seeds: tuple[int, ...]
    confidence: float
    differences: tuple[Difference, ...]

    @property
    def compared(self) -> int:
        """How many figures have an interval: so many chances of a false alarm."""
        return sum(one.p is not None for one in self.differences)

    def of(self, name: str) -> Difference | None:
        """Return the difference of a figure, None where one of the two has no such figure."""
        return next((one for one in self.differences if one.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Whether B is worse than A in one figure, by more than a tolerance that is a share of A's mean."""

    name: str
    better: Direction
    tolerance: float
    verdict: Verdict


def compare(a: Replications, b: Replications, *, confidence: float) -> Comparison:
    """Return the paired differences B - A over common seeds. Raises ValueError without one, or at different scales."""
    seeds = tuple(seed for seed in a.seeds if seed in b.seeds)
    if not seeds:
        raise ValueError(f"no common seed: one has {_listed(a.seeds)}, the other {_listed(b.seeds)}")
    if a.scale != b.scale:
        raise ValueError(f"scales {a.scale:g} and {b.scale:g} cannot be compared: counts grow with the scale")
    of_a, of_b = (dict(zip(runs.seeds, runs.summaries, strict=True)) for runs in (a, b))
    theirs = set(metrics.names(b.scenario))
    found = []
    for metric in metrics.of(a.scenario):
        if metric.name in theirs:
            rows = [(figure(of_a[seed], metric.name), figure(of_b[seed], metric.name)) for seed in seeds]
            found.append(_difference(metric, rows, confidence))
    falls = iter(holm([one.p for one in found if one.p is not None], confidence))
    differences = tuple(
        one if one.p is None else Difference(**{**vars(one), "after_holm": next(falls)}) for one in found
    )
    return Comparison(seeds=seeds, confidence=confidence, differences=differences)


def _difference(
    metric: metrics.Metric, rows: Sequence[tuple[float | None, float | None]], confidence: float
) -> Difference:
    both = [(one, other) for one, other in rows if one is not None and other is not None]
    paired = estimate([other - one for one, other in both], confidence)
    return Difference(
        name=metric.name,
        unit=metric.unit,
        a=estimate([one for one, _ in both], confidence),
        b=estimate([other for _, other in both], confidence),
        paired=paired,
        p=p_value(paired),
        after_holm=False,
    )


def judge(found: Difference, *, better: Direction, tolerance: float, seeds: int) -> Judgement:
    """Say whether B is worse by more than the tolerance.

    Worse, or not worse, where all of the interval says so; unclear where the tolerance runs through it. Without an
    interval, or where a replication of either has no value, nothing is said.
    """
    low, high = found.paired.low, found.paired.high
    verdict: Verdict
    if low is None or high is None or found.a.mean is None or found.paired.n < seeds:
        verdict = "no interval"
    else:
        least, most = (low, high) if better == "lower" else (-high, -low)
        allowed = tolerance * abs(found.a.mean)
        verdict = "worse" if least > allowed else "not worse" if most <= allowed else "unclear"
    return Judgement(name=found.name, better=better, tolerance=tolerance, verdict=verdict)


def content(a: str, b: str, found: Comparison, judged: Sequence[Judgement]) -> dict[str, Any]:
    """Return a comparison as JSON has it; A and B are what the user called them."""
    return {
        "a": a,
        "b": b,
        "seeds": list(found.seeds),
        "confidence": found.confidence,
        "compared": found.compared,
        "differ": sum(one.differs for one in found.differences),
        "differ_after_holm": sum(one.after_holm for one in found.differences),
        "judged": [vars(one) for one in judged],
        "figures": {one.name: _row(one) for one in found.differences},
    }


def _row(one: Difference) -> Mapping[str, Any]:
    return {
        "unit": one.unit,
        "n": one.paired.n,
        "a": one.a.mean,
        "b": one.b.mean,
        "difference": one.paired.mean,
        "sd": one.paired.sd,
        "half_width": one.paired.half_width,
        "p": one.p,
        "differs": one.differs,
        "differs_after_holm": one.after_holm,
    }


def _listed(seeds: Sequence[int]) -> str:
    return f"{', '.join(map(str, seeds[:5]))}{' ...' if len(seeds) > 5 else ''}"
