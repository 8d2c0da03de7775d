"""The theorems: a scenario file each, what theory says of it, and how it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from tests.theory import formulas
from tests.theory.measures import (
    Measure,
    figure,
    mean_sojourn_s,
    number_at,
    number_over_rate_times_sojourn,
    share_answered,
    share_expired,
    share_of_orders,
    share_of_time_empty,
    share_sojourning_longer,
    share_that_finds,
)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One number: what theory says it is, and how far from it (as a share of it) the interval may reach at most."""

    what: str
    theory: float
    measure: Measure
    reach: float


@dataclass(frozen=True, kw_only=True)
class Case:
    """A theorem and the scenario (tests/theory/scenarios/<scenario>.toml) that it is about, run with so many seeds."""

    scenario: str
    theorem: str
    seeds: int
    checks: tuple[Check, ...]


def waiting(stage: str, theory: float, reach: float) -> Check:
    """The mean wait at a stage over the whole run; starting empty takes less than 1% from it (docs/validation.md)."""
    return Check(
        what=f"mean wait ({stage}), s",
        theory=theory,
        measure=figure(f"stages.{stage}.waiting_time_s.mean"),
        reach=reach,
    )


def serving(stage: str, theory: float, reach: float) -> Check:
    """The mean service time."""
    return Check(
        what=f"mean service ({stage}), s",
        theory=theory,
        measure=figure(f"stages.{stage}.service_time_s.mean"),
        reach=reach,
    )


def busy(stage: str, theory: float, reach: float) -> Check:
    """The share of busy servers, over the whole run."""
    return Check(
        what=f"busy servers ({stage})", theory=theory, measure=figure(f"stages.{stage}.utilisation"), reach=reach
    )


def _mm1() -> tuple[Check, ...]:
    mean_s = 1 / (1 - 0.4)
    return (
        Check(what="mean sojourn, s", theory=mean_s, measure=mean_sojourn_s(50), reach=0.05),
        Check(what="P(sojourn > 2 s)", theory=exp(-2 / mean_s), measure=share_sojourning_longer(2, 50), reach=0.08),
        Check(what="P(sojourn > 4 s)", theory=exp(-4 / mean_s), measure=share_sojourning_longer(4, 50), reach=0.16),
        waiting("desk", formulas.mmc_mean_wait(1, 0.4, 1), 0.12),
        wait_p90(formulas.mmc_wait_quantile(0.9, 1, 0.4, 1), 0.12),
        serving("desk", 1, 0.03),
        busy("desk", 0.4, 0.05),
    )


def wait_p90(theory: float, reach: float) -> Check:
    """The wait that nine in ten do not exceed."""
    return Check(
        what="p90 of the wait, s", theory=theory, measure=figure("stages.desk.waiting_time_s.p90"), reach=reach
    )


def _mm1_lifo() -> tuple[Check, ...]:
    low, high = 0.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if formulas.lifo_wait_tail(middle, 0.4, 1) > 0.1 else (low, middle)
    return (waiting("desk", formulas.mmc_mean_wait(1, 0.4, 1), 0.12), wait_p90(low, 0.12))


def _mmc() -> tuple[Check, ...]:
    mean_s = formulas.mmc_mean_wait(2, 1, 1)
    return (
        Check(what="P(wait > 0)", theory=formulas.erlang_c(2, 1), measure=share_that_finds(2, 50), reach=0.08),
        waiting("desk", mean_s, 0.15),
        Check(what="mean sojourn, s", theory=mean_s + 1, measure=mean_sojourn_s(50), reach=0.05),
        Check(what="L / (lambda W)", theory=1, measure=number_over_rate_times_sojourn("desk", 50), reach=0.01),
    )


def _erlang_b() -> tuple[Check, ...]:
    blocked = formulas.erlang_b(5, 6)
    return (Check(what="share blocked", theory=blocked, measure=share_answered("shed", 50), reach=0.05),)


def _mmck() -> tuple[Check, ...]:
    blocked, wait_s = formulas.mmck(3, 5, 1, 3)
    return (
        Check(what="share blocked", theory=blocked, measure=share_answered("shed", 50), reach=0.08),
        waiting("desk", wait_s, 0.06),
    )


def _priorities() -> tuple[Check, ...]:
    return tuple(
        Check(
            what=f"mean sojourn, priority {priority}, s",
            theory=wait_s + 1,
            measure=figure(f"segments.{name}.time_to_order_s.mean"),
            reach=reach,
        )
        for priority, (name, wait_s, reach) in enumerate(
            zip(("first", "second", "third"), formulas.cobham((0.2, 0.2, 0.2), 1), (0.06, 0.08, 0.12), strict=True)
        )
    )


def _shares(offered: tuple[float, ...], weights: tuple[float, ...]) -> tuple[Check, ...]:
    """Of a server that does 100 a second, all of the time."""
    return tuple(
        Check(what=f"share of what is served, flow {flow}", theory=rate / 100, measure=share_of_orders(flow), reach=0.1)
        for flow, rate in enumerate(formulas.max_min(offered, weights, 100))
    )


def _mg1(arrivals: float, cv: float) -> tuple[Check, ...]:
    wait_s = formulas.pollaczek_khinchine(arrivals, 1, cv)
    return (
        waiting("desk", wait_s, 0.12),
        Check(what="mean sojourn, s", theory=wait_s + 1, measure=mean_sojourn_s(50), reach=0.05),
    )


def _erlang_a() -> tuple[Check, ...]:
    left, wait_s = formulas.erlang_a(4, 1.25, 4, 6)
    return (
        Check(what="share that leaves before its turn", theory=left, measure=share_expired, reach=0.08),
        waiting("desk", wait_s, 0.1),
        Check(what="share placed", theory=(1 - left) * 6 / (6 + 4), measure=share_answered("placed", 50), reach=0.05),
    )


def _tandem() -> tuple[Check, ...]:
    desk_s, till_s = formulas.mmc_mean_wait(1, 0.4, 1), formulas.mmc_mean_wait(2, 0.4, 2)
    return (
        waiting("desk", desk_s, 0.15),
        waiting("till", till_s, 0.17),
        Check(what="mean sojourn of both, s", theory=desk_s + 1 + till_s + 2, measure=mean_sojourn_s(50), reach=0.05),
        Check(
            what="P(nobody at either)",
            theory=(1 - 0.4) * (1 - 0.4) / (1 + 0.4),
            measure=share_of_time_empty(("desk", "till"), 50),
            reach=0.08,
        ),
    )


def _processor_sharing() -> tuple[Check, ...]:
    return (
        Check(what="mean sojourn, s", theory=1 / (1 - 0.4), measure=mean_sojourn_s(100), reach=0.06),
        Check(what="P(2 or more found)", theory=0.4**2, measure=share_that_finds(2, 100), reach=0.14),
        busy("gpu", 0.4, 0.05),
    )


def _many_servers() -> tuple[Check, ...]:
    def rate(at_s: float) -> float:
        if at_s <= 5:
            return 50 + 60 * at_s
        return max(50.0, 350 - 100 * (at_s - 5))

    return tuple(
        Check(
            what=f"mean number in service at {at_s} s",
            theory=formulas.infinite_servers(at_s, rate, lambda u: formulas.lognormal_tail(u, 1.5, 0.8)),
            measure=number_at(at_s, "desk"),
            reach=0.06,
        )
        for at_s in (3, 6, 9)
    )


CASES = (
    Case(scenario="mm1", theorem="M/M/1", seeds=40, checks=_mm1()),
    Case(scenario="mm1-lifo", theorem="M/M/1, newest first", seeds=25, checks=_mm1_lifo()),
    Case(scenario="mmc", theorem="M/M/2, Erlang C", seeds=40, checks=_mmc()),
    Case(scenario="erlang-b", theorem="M/M/5/5, Erlang B", seeds=30, checks=_erlang_b()),
    Case(scenario="erlang-b-constant", theorem="M/D/5/5, insensitivity", seeds=30, checks=_erlang_b()),
    Case(scenario="mmck", theorem="M/M/3/5", seeds=40, checks=_mmck()),
    Case(scenario="mg1-constant", theorem="M/D/1, Pollaczek-Khinchine", seeds=20, checks=_mg1(0.5, 0)),
    Case(scenario="mg1-lognormal", theorem="M/G/1, Pollaczek-Khinchine", seeds=30, checks=_mg1(0.4, 0.75)),
    Case(scenario="erlang-a", theorem="M/M/4+M, Erlang A", seeds=30, checks=_erlang_a()),
    Case(scenario="tandem", theorem="M/M/1, then M/M/2, Jackson", seeds=30, checks=_tandem()),
    Case(scenario="ps-constant", theorem="M/D/1-PS", seeds=30, checks=_processor_sharing()),
    Case(scenario="ps-mixture", theorem="M/G/1-PS, insensitivity", seeds=40, checks=_processor_sharing()),
    Case(scenario="many-servers", theorem="M_t/G/infinity", seeds=20, checks=_many_servers()),
    Case(scenario="mm1-priorities", theorem="M/M/1 with priorities, Cobham", seeds=30, checks=_priorities()),
    Case(scenario="wfq", theorem="shares by weights, max-min", seeds=20, checks=_shares((150, 150, 10), (3, 1, 1))),
    Case(scenario="apf", theorem="equal shares, max-min", seeds=20, checks=_shares((260, 100, 20), (1, 1, 1))),
)
