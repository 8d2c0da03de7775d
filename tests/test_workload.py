"""First arrivals: each process has the law it is named for, and rate curves integrate to what calculus says.

Statistical tests raise a false alarm once in a million; their seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats

from scenarios import workload
from scenarios.model import Scenario
from scenarios.workload import expected_arrivals, first_arrivals, rate_grid
from tests.compiling import compiled

FALSE_ALARM = 1e-6
ONCE = Fraction(1)

# the day: hours from 0:00 and factors; it begins at 7:45
CLOCK = [(7.75, 0.25), (9, 0.35), (10, 0.6), (11, 0.9), (12, 1), (12.75, 1), (13.5, 0.75), (15, 0.5), (16, 0.5)]
EVENING = [(17.5, 0.62), (19, 0.7), (20.5, 0.55), (22, 0.3), (24, 0.1)]
DAY = {
    "process": "poisson",
    "rate": "585/s",
    "shapes": [
        {"name": "clock", "curve": [[f"{(hour - 7.75) * 3600:.0f}s", value] for hour, value in CLOCK + EVENING]},
        {"name": "word", "logistic": {"low": 0.12, "high": 1, "middle": "6901.2s", "width": "720s"}},
    ],
}


def day_rate(at_s: float) -> float:
    hour = 7.75 + at_s / 3600
    by_clock = np.interp(hour, [at for at, _ in CLOCK + EVENING], [value for _, value in CLOCK + EVENING])
    return float(585 * by_clock * (0.12 + 0.88 / (1 + math.exp(-(hour - 9.667) / 0.2))))


def scenario(horizon: str, **arrivals: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "schema": 1,
            "name": "arrivals",
            "title": "Who comes when",
            "horizon": horizon,
            "arrivals": arrivals,
            "people": {"timeout": "1s"},
            "stages": [{"name": "till", "servers": 1, "service": "1s"}],
        }
    )


def seconds(horizon: str, seed: int = 1, **arrivals: Any) -> list[float]:
    return [at_ns / 1e9 for at_ns in first_arrivals(scenario(horizon, **arrivals), seed, ONCE).tolist()]


def instants(horizon: str, seed: int = 1, **arrivals: Any) -> NDArray[np.int64]:
    return first_arrivals(scenario(horizon, **arrivals), seed, ONCE)


def integral(rate: Callable[[float], float], from_s: float, to_s: float) -> float:
    """Integrate a rate with kinks at quarters of an hour."""
    kinks = [at_s for at_s in np.arange(0, 17 * 3600, 900) if from_s < at_s < to_s]
    return float(integrate.quad(rate, from_s, to_s, points=kinks, limit=500, epsabs=1e-10, epsrel=1e-10)[0])


# steady: every instant can be worked out by hand


def test_steady_arrivals_stand_in_the_middle_of_their_intervals() -> None:
    assert instants("2s", process="steady", rate="3/s").tolist() == [
        166_666_667,
        500_000_000,
        833_333_333,
        1_166_666_667,
        1_500_000_000,
        1_833_333_333,
    ]


def test_nobody_arrives_at_the_horizon() -> None:
    assert seconds("500ms", process="steady", rate="1/s") == []
    assert seconds("501ms", process="steady", rate="1/s") == [0.5]
    # 0.3 ns before the horizon, which is the ns of the horizon
    assert seconds("500ms", process="steady", rate="1.0000000006/s") == []


def test_steady_arrivals_follow_a_rising_rate_by_the_square_root() -> None:
    # the rate is t per second at t, so the area is t^2/2, and the i-th arrival is at sqrt(2*i + 1)
    found = seconds("4s", process="steady", rate=[["0s", "0/s"], ["4s", "4/s"]])
    assert found == [round(math.sqrt(2 * i + 1), 9) for i in range(8)]


def test_steady_arrivals_follow_a_falling_rate_to_zero() -> None:
    # the area up to t is 4t - t^2/2, so the i-th arrival is at 4 - sqrt(16 - 2*(i + 1/2))
    found = seconds("9s", process="steady", rate=[["0s", "4/s"], ["4s", "0/s"]])
    assert found == [round(4 - math.sqrt(15 - 2 * i), 9) for i in range(8)]


def test_nobody_comes_while_the_rate_is_zero() -> None:
    rate = [["0s", "1/s"], ["2s", "1/s"], ["2.000000001s", "0/s"], ["5s", "0/s"], ["5.000000001s", "1/s"]]
    assert [round(at_s, 6) for at_s in seconds("8s", process="steady", rate=rate)] == [0.5, 1.5, 5.5, 6.5, 7.5]


def test_nobody_comes_at_a_rate_of_zero() -> None:
    assert seconds("1h", process="poisson", rate="0/s") == []


def test_a_curve_is_level_outside_its_points() -> None:
    found = seconds("4s", process="steady", rate="1/s", shapes=[{"name": "x", "curve": [["1s", 1], ["2s", 2]]}])
    # areas: 1 at 1 s, then x + x^2/2 for the x after 1 s up to 2.5 at 2 s, then two a second
    assert found == [0.5, round(math.sqrt(2), 9), 2.0, 2.5, 3.0, 3.5]


# poisson and gamma


def test_gaps_of_poisson_arrivals_are_exponential() -> None:
    gaps = np.diff(instants("1h", seed=2, process="poisson", rate="20/s"), prepend=0)
    assert stats.kstest(gaps, stats.expon(scale=5e7).cdf).pvalue > FALSE_ALARM


def test_poisson_counts_in_windows_are_poisson_and_do_not_depend_on_the_window_before() -> None:
    at_ns = instants("3h", seed=3, process="poisson", rate="4/s")
    counts = np.bincount(at_ns // 10**9, minlength=10_800)
    seen = np.bincount(np.minimum(counts, 12), minlength=13)
    law = stats.poisson(4.0)
    expected = np.array([*law.pmf(range(12)), law.sf(11)]) * len(counts)
    assert stats.chisquare(seen, expected).pvalue > FALSE_ALARM
    correlation = np.corrcoef(counts[:-1], counts[1:])[0, 1]
    assert abs(correlation) * math.sqrt(len(counts)) < -stats.norm.ppf(FALSE_ALARM / 2)


@pytest.mark.parametrize("cv", [0.25, 1.0, 1.5])
def test_gaps_of_gamma_arrivals_have_the_cv_that_was_asked_for(cv: float) -> None:
    gaps = np.diff(instants("1h", seed=4, process="gamma", rate="20/s", cv=cv))
    law = stats.gamma(1 / cv**2, scale=5e7 * cv**2)
    assert stats.kstest(gaps, law.cdf).pvalue > FALSE_ALARM
    assert np.std(gaps) / np.mean(gaps) == pytest.approx(cv, rel=0.05)


def test_a_seed_decides_who_comes_when() -> None:
    first, again, other = (instants("10s", seed, process="poisson", rate="50/s").tolist() for seed in (7, 7, 8))
    assert first == again
    assert not set(first) & set(other)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    short = instants("60s", process="gamma", rate="50/s", cv=0.7)
    long = instants("120s", process="gamma", rate="50/s", cv=0.7)
    assert long[: len(short)].tolist() == short.tolist()
    assert long[len(short)] >= 60 * 10**9


def test_very_uneven_arrivals_outgrow_the_first_guess_of_their_number() -> None:
    at_ns = instants("10s", seed=7, process="gamma", rate="1/s", cv=300.0)
    guess = 10 + 8 * 300 * math.sqrt(11) + 16
    assert len(at_ns) > guess
    assert np.all(np.diff(at_ns) >= 0)


# curves


def test_the_day_expects_what_calculus_says() -> None:
    # 16.25 h of the product of a curve and a logistic step
    day = scenario("16.25h", **DAY)
    assert expected_arrivals(day) == pytest.approx(integral(day_rate, 0, 58_500), rel=1e-6)


def test_the_tabulated_rate_is_within_a_millionth_of_the_peak() -> None:
    horizon_ns = 58_500 * 10**9
    grid = rate_grid(scenario("16.25h", **DAY).arrivals, horizon_ns)
    at_s = np.random.default_rng(5).uniform(0, 58_500, 50_000)
    true = np.array([day_rate(t) for t in at_s])
    found = np.interp(at_s * 1e9, grid.at_ns, grid.rate) * 1e9
    assert np.max(np.abs(found - true)) <= 1e-6 * 585
    assert len(grid.at_ns) < 2_000


def test_two_curves_multiply_to_a_parabola() -> None:
    # t * (1 - t) over a second: an area of 1/6, times 600
    rising = {"name": "rising", "curve": [["0s", 0], ["1s", 1]]}
    falling = {"name": "falling", "curve": [["0s", 1], ["1s", 0]]}
    found = expected_arrivals(scenario("1s", process="poisson", rate="600/s", shapes=[rising, falling]))
    assert found == pytest.approx(100, rel=1e-5)


def test_an_abrupt_logistic_is_a_step() -> None:
    step = {"name": "step", "logistic": {"low": 1, "high": 3, "middle": "1h", "width": "1ns"}}
    found = expected_arrivals(scenario("2h", process="poisson", rate="1/s", shapes=[step]))
    assert found == pytest.approx(3600 + 3 * 3600, abs=1e-6)


def test_arrivals_follow_the_day() -> None:
    at_ns = first_arrivals(scenario("16.25h", **{**DAY, "rate": "5.85/s"}), 6, ONCE)
    counts = np.bincount(at_ns // (1500 * 10**9), minlength=39)
    expected = np.array([integral(day_rate, 1500 * i, 1500 * (i + 1)) for i in range(39)]) / 100
    # counts are Poisson, their total too: 39 degrees of freedom
    assert stats.chi2(39).sf(np.sum((counts - expected) ** 2 / expected)) > FALSE_ALARM


def test_too_many_arrivals_are_refused_before_they_are_drawn() -> None:
    with pytest.raises(ValueError, match=r"arrivals: 360,000,000 first arrivals are expected, more than 200,000,000"):
        instants("1h", process="poisson", rate="100000/s")


def test_factors_that_multiply_beyond_counting_are_refused() -> None:
    tall = [{"name": f"x{i}", "curve": [["0s", 1e12]]} for i in range(40)]
    with pytest.raises(ValueError, match="too high to count with"):
        instants("1h", process="poisson", rate="1/s", shapes=tall)


def test_factors_of_any_size_may_cancel_out() -> None:
    logistic = {"low": 5e11, "high": 1e12, "middle": "30m", "width": "1m"}
    shapes = [{"name": "large", "logistic": logistic}, {"name": "small", "curve": [["0s", 1e-300], ["1h", 2e-300]]}]
    small = scenario("1h", process="poisson", rate="1000000000/s", shapes=shapes)
    assert 0 < expected_arrivals(small) < 1e-270
    assert instants("1h", process="poisson", rate="1e-310/s", shapes=shapes[:1]).tolist() == []


def test_a_factor_of_zero_silences_all_others() -> None:
    shapes = [{"name": f"x{i}", "curve": [["0s", 1e12]]} for i in range(40)]
    nothing = {"name": "nothing", "curve": [["0s", 0], ["1h", 0]]}
    assert instants("1h", process="poisson", rate="1/s", shapes=[*shapes, nothing]).tolist() == []


def test_arrivals_are_the_same_interpreted_and_compiled() -> None:
    fast = compiled(workload.fill)
    for process in ({}, {"process": "gamma", "cv": 1.7}, {"process": "steady"}):
        day = scenario("16.25h", **{**DAY, "rate": "1.17/s", **process})
        row, start = workload.increments(day.arrivals)
        grid = rate_grid(day.arrivals, day.horizon_ns)
        out = np.zeros(60_000, dtype=np.int64)
        flat = (np.array(grid.at_ns), np.array(grid.rate), np.array(grid.expected))
        found = fast(out, np.array(row), start, 9, *flat, day.horizon_ns)
        assert found > 30_000
        assert np.array_equal(out[:found], first_arrivals(day, 9, ONCE))
