"""The engines, through the public function, against queueing theory.

The compiled engine is run with all seeds, the SimPy engine with the first of them: it has to measure the very same. A
check holds if theory lies in Student's interval over replications, wrong once in ten thousand, and the interval reaches
no further than stated, so that a model that is off by more fails. Seeds are fixed.
"""

from __future__ import annotations

import pytest

from tests.theory.cases import CASES, Case
from tests.theory.replications import interval, measured, values

SEEDS_OF_SIMPY = 3
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.scenario)


@cases
def test_a_queue_does_what_theory_says(case: Case) -> None:
    off = []
    for check, found in zip(case.checks, measured(case, "compiled"), strict=True):
        said = f"{check.what}: theory {check.theory:.5g}, measured {found.mean:.5g} ± {found.half_width:.2g}"
        if not found.holds(check.theory):
            off.append(said)
        if found.half_width > check.reach * check.theory:
            off.append(f"{said}, too wide to tell")
    assert not off, "\n".join(off)


@cases
def test_the_simpy_engine_measures_the_same(case: Case) -> None:
    assert values(case, "simpy", SEEDS_OF_SIMPY) == values(case, "compiled", SEEDS_OF_SIMPY)


def test_an_interval_is_students() -> None:
    """Mean 2, standard deviation 1, three values: t of 2 degrees of freedom at 0.99995 is 99.9925, over sqrt(3)."""
    found = interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.half_width == pytest.approx(99.9925 / 3**0.5, rel=1e-5)
