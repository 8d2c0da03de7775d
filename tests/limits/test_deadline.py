from __future__ import annotations

import pytest

from limits import deadline
from limits.row import LARGEST
from limits.verdicts import ADMITTED, EXPIRED


@pytest.mark.parametrize(
    ("least_left_ns", "deadline_ns", "now_ns", "verdict"),
    [
        (0, 100, 99, ADMITTED),
        (0, 100, 100, EXPIRED),
        (0, 100, 101, EXPIRED),
        (1, 100, 99, ADMITTED),
        (2, 100, 99, EXPIRED),
        (30, 100, 70, ADMITTED),
        (30, 100, 71, EXPIRED),
        (-5, 100, 99, ADMITTED),
        (-5, 100, 100, EXPIRED),
        (0, 0, 0, EXPIRED),
        (LARGEST, LARGEST, 0, ADMITTED),
        (LARGEST, LARGEST, 1, EXPIRED),
        (LARGEST, 0, LARGEST, EXPIRED),
    ],
)
def test_work_is_for_who_stays_long_enough(least_left_ns: int, deadline_ns: int, now_ns: int, verdict: int) -> None:
    assert deadline.decide([], 0, least_left_ns, deadline_ns, now_ns, 1) == verdict


@pytest.mark.parametrize("cost", [-1, 0, 1, 2**63 - 1])
def test_what_comes_too_late_is_late_at_any_cost(cost: int) -> None:
    assert deadline.decide([], 0, 10, 100, 95, cost) == EXPIRED
    assert deadline.decide([], 0, 10, 100, 90, cost) == ADMITTED
