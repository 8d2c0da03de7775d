from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module
from typing import get_args

import limits
from limits import circuit_breaker, hot_key, laws, retry_ratio, sliding_window_log, wfq
from limits.laws import Law
from scenarios import model

NO_KEYS = {
    Law.QUOTA_LEASE,
    Law.QUOTA_REPORT,
}
"""What a scenario cannot ask for yet."""


def test_every_law_of_a_scenario_has_a_number_and_no_other_has() -> None:
    kinds = get_args(get_args(model.Admission)[0])
    written = {name for kind in kinds for name in get_args(kind.model_fields["law"].annotation)}
    assert {law.name.lower() for law in set(Law) - NO_KEYS} == written


def test_every_module_that_decides_learns_or_orders_is_in_the_list_under_its_own_name() -> None:
    modules = (import_module(f"limits.{found.name}") for found in pkgutil.iter_modules(limits.__path__))
    does = ("decide", "observe", "enqueue")
    assert {module.__name__ for module in modules if any(hasattr(module, what) for what in does)} == {
        f"limits.{law.name.lower()}" for law in Law
    }
    assert {law: module.__name__ for law, module in laws.MODULES.items()} == {
        law: f"limits.{law.name.lower()}" for law in Law
    }


def test_a_row_is_as_wide_as_its_law_says() -> None:
    assert [laws.width(law) for law in Law][:4] == [2, 1, 2, 2]
    assert laws.width(Law.SLIDING_WINDOW_LOG, slots=10) == sliding_window_log.WIDTH + 10
    assert laws.width(Law.TOKEN_BUCKET, slots=10) == 2
    assert laws.width(Law.RETRY_RATIO, slots=10) == retry_ratio.WIDTH + 20
    assert laws.width(Law.CIRCUIT_BREAKER, slots=10) == circuit_breaker.WIDTH + 10
    assert laws.width(Law.HOT_KEY, slots=10) == hot_key.width(10)
    assert laws.width(Law.WFQ, slots=10) == wfq.WIDTH + 10


def test_the_example_of_the_package_works() -> None:
    results = doctest.testmod(limits)
    assert results.attempted >= 5
    assert results.failed == 0


def test_the_package_can_be_told_from_others_of_its_name() -> None:
    assert limits.__sluice__ is True
