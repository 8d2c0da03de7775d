"""The formulas themselves, against values that are published or follow by hand."""

from __future__ import annotations

import math

import pytest
from scipy import integrate, special

from tests.theory import formulas


def test_erlang_b_is_as_in_the_tables() -> None:
    assert formulas.erlang_b(1, 1) == 0.5
    assert formulas.erlang_b(10, 4.461) == pytest.approx(0.01, abs=1e-5)  # tables: 4.461 erlangs at 1%
    assert formulas.erlang_b(20, 12.031) == pytest.approx(0.01, abs=1e-5)
    assert formulas.erlang_b(10, 10) == pytest.approx(0.2146, abs=5e-5)


def test_erlang_c_is_as_in_the_tables() -> None:
    assert formulas.erlang_c(1, 0.7) == pytest.approx(0.7)
    assert formulas.erlang_c(2, 1) == pytest.approx(1 / 3)
    assert formulas.erlang_c(5, 4) == pytest.approx(0.5541, abs=5e-5)


def test_no_place_to_wait_is_erlang_b_and_endless_places_are_erlang_c() -> None:
    assert formulas.mmck(5, 5, 1, 6) == pytest.approx((formulas.erlang_b(5, 6), 0))
    assert formulas.mmck(3, 300, 0.9, 2) == pytest.approx((0, formulas.mmc_mean_wait(3, 0.9, 2)))


def test_pollaczek_and_khinchine_agree_with_one_exponential_server() -> None:
    assert formulas.pollaczek_khinchine(0.4, 1, 1) == pytest.approx(formulas.mmc_mean_wait(1, 0.4, 1))
    assert formulas.pollaczek_khinchine(0.5, 1, 0) == 0.5


def test_priorities_change_whose_wait_it_is_and_not_the_mean() -> None:
    waits = formulas.cobham([0.2, 0.1, 0.3], 1)
    assert waits[0] == pytest.approx(0.6 / 0.8)  # what is in service, and those of its own class
    assert 0.2 * waits[0] + 0.1 * waits[1] + 0.3 * waits[2] == pytest.approx(0.6 * formulas.mmc_mean_wait(1, 0.6, 1))
    assert formulas.cobham([0.6], 1) == pytest.approx([formulas.mmc_mean_wait(1, 0.6, 1)])


def test_who_asks_for_less_than_its_share_gets_it_and_others_share_the_rest() -> None:
    assert formulas.max_min([150, 150, 10], [3, 1, 1], 100) == pytest.approx([67.5, 22.5, 10])
    assert formulas.max_min([10, 20], [1, 1], 100) == [10, 20]


def test_endless_patience_is_erlang_c_and_none_is_erlang_b() -> None:
    assert formulas.erlang_a(3, 0.9, 2, 1e9) == pytest.approx((0, formulas.mmc_mean_wait(3, 0.9, 2)), abs=1e-8)
    assert formulas.erlang_a(5, 1, 6, 1e-9)[0] == pytest.approx(formulas.erlang_b(5, 6))


def test_patience_as_long_as_service_makes_erlang_a_a_crowd_with_a_server_each() -> None:
    """Everybody leaves at the same rate, waiting or not: the number there is Poisson."""
    load, servers = 5.0, 4
    poisson = [math.exp(-load) * load**n / math.factorial(n) for n in range(80)]
    waiting = sum((n - servers) * poisson[n] for n in range(servers, 80))
    assert formulas.erlang_a(servers, 1.25, 4, 4)[0] == pytest.approx(waiting / load)


def test_the_tail_of_the_newest_first_is_that_of_a_busy_period() -> None:
    def density(u: float) -> float:
        z = 2 * math.sqrt(0.4) * u
        return math.exp(z - 1.4 * u) * float(special.ive(1, z)) / (u * math.sqrt(0.4))

    tail = integrate.quad(density, 2, math.inf)[0]
    assert formulas.lifo_wait_tail(2, 0.4, 1) == pytest.approx(0.4 * tail, rel=1e-6)
    assert formulas.lifo_wait_tail(0, 0.4, 1) == pytest.approx(0.4)


def test_the_number_in_service_of_an_even_stream_settles_at_the_offered_load() -> None:
    assert formulas.infinite_servers(50, lambda at_s: 3, lambda u: math.exp(-u / 2)) == pytest.approx(6, rel=1e-6)


def test_half_of_a_lognormal_is_above_its_median() -> None:
    assert formulas.lognormal_tail(1.5, 1.5, 0.8) == 0.5
    assert formulas.lognormal_tail(1.5 * math.exp(0.8), 1.5, 0.8) == pytest.approx(0.158655, abs=1e-6)
