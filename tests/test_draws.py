"""Draws: the right hash, the right distributions, independent streams, and the same bits interpreted and compiled.

Statistical tests raise a false alarm once in a million (`FALSE_ALARM`); their seeds are fixed: what passes once passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy import stats

from scenarios import draws
from scenarios.distributions import CountDistribution, TimeDistribution
from scenarios.draws import Stream
from scenarios.tables import table
from tests.compiling import compiled
from tests.interpreted import compiled_only

Floats = NDArray[np.float64]

FALSE_ALARM = 1e-6
MASK = 2**64 - 1

TIMES: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant", "mean": "3s"},
    "exponential": {"kind": "exponential", "mean": "20s"},
    "lognormal": {"kind": "lognormal", "median": "15s", "sigma": 0.8},
    "gamma": {"kind": "gamma", "mean": "2s", "cv": 0.5},
    "gamma-below-one": {"kind": "gamma", "mean": "2s", "cv": 2.0},
    "uniform": {"kind": "uniform", "low": "5m", "high": "15m"},
    "empirical": {"kind": "empirical", "quantiles": [[0, "1ms"], [0.5, "2ms"], [0.95, "9ms"], [1, "100ms"]]},
    "mixture": {
        "kind": "mixture",
        "parts": [
            {"weight": 6, "of": {"kind": "exponential", "mean": "20s"}},
            {"weight": 3, "of": {"kind": "lognormal", "median": "180s", "sigma": 0.5}},
            {"weight": 1, "of": {"kind": "gamma", "mean": "4h", "cv": 1.5}},
        ],
    },
}
CUPS = {
    "kind": "mixture",
    "parts": [
        {"weight": 0.70, "of": 1},
        {"weight": 0.20, "of": 2},
        {"weight": 0.09, "of": {"kind": "uniform", "low": 3, "high": 5}},
        {"weight": 0.01, "of": 20},
    ],
}


def time_row(distribution: dict[str, Any]) -> list[float]:
    return table(TypeAdapter[Any](TimeDistribution).validate_python(distribution), whole=False)


def count_row(distribution: object) -> list[float]:
    return table(TypeAdapter[Any](CountDistribution).validate_python(distribution), whole=True)


ROWS = [*map(time_row, TIMES.values()), count_row(CUPS), count_row({"kind": "uniform", "low": 3, "high": 5})]


# loops that are compiled


def _keys(out: Any, seed: int, stream: int, first_want: int, attempt: int) -> None:
    for i in range(len(out)):
        out[i] = draws.key(seed, stream, first_want + i, attempt)


def _uniforms(out: Any, seed: int, stream: int, first_want: int, attempt: int, k: int) -> None:
    for i in range(len(out)):
        out[i] = draws.uniform(draws.key(seed, stream, first_want + i, attempt), k)


def _samples(out: Any, row: Any, at: int, seed: int, first_want: int) -> None:
    for i in range(len(out)):
        out[i] = draws.sample(row, at, draws.key(seed, Stream.SERVICE + 3, first_want + i, 1))


def _whole_numbers(out: Any, row: Any, at: int, seed: int, first_want: int) -> None:
    for i in range(len(out)):
        key = draws.key(seed, Stream.CUPS, first_want + i, 0)
        out[i, 0] = draws.sample_ns(row, at, key)
        out[i, 1] = draws.sample_count(row, at, key, 1)
        out[i, 2] = draws.poisson(0.3, key)
        out[i, 3] = draws.invited(first_want + i, 7)
        out[i, 4] = draws.happens(0.25, key)


def _poissons(out: Any, mean: float, seed: int) -> None:
    for i in range(len(out)):
        out[i] = draws.poisson(mean, draws.key(seed, Stream.INVITED, i, 0))


fast_keys, fast_uniforms, fast_samples = compiled(_keys), compiled(_uniforms), compiled(_samples)
fast_whole_numbers, fast_poissons = compiled(_whole_numbers), compiled(_poissons)


def keys(n: int, seed: int, stream: int, first_want: int = 0, attempt: int = 1) -> NDArray[np.uint64]:
    out = np.empty(n, dtype=np.uint64)
    fast_keys(out, seed, stream, first_want, attempt)
    return out


def uniforms(n: int, seed: int, stream: int, first_want: int = 0, attempt: int = 1, k: int = 0) -> Floats:
    out = np.empty(n)
    fast_uniforms(out, seed, stream, first_want, attempt, k)
    return out


def samples(n: int, row: list[float], seed: int) -> Floats:
    out = np.empty(n)
    fast_samples(out, np.array(row), 0, seed, 0)
    return out


# the hash


def test_the_mixer_gives_the_published_numbers_of_splitmix64() -> None:
    golden = 0x9E3779B97F4A7C15
    assert [draws.mix64((1234567 + n * golden) & MASK) for n in range(1, 6)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_a_seed_counts_modulo_two_to_the_64() -> None:
    assert draws.key(-1, 5, 7, 1) == draws.key(MASK, 5, 7, 1)
    assert draws.key(2**63, 5, 7, 1) == draws.key(-(2**63), 5, 7, 1)
    assert draws.key(-1, 5, 7, 1) != draws.key(1, 5, 7, 1)


def test_uniforms_are_multiples_of_two_to_the_minus_53_in_the_unit_interval() -> None:
    u = uniforms(100_000, seed=1, stream=Stream.SEGMENT)
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert np.all(u * 2.0**53 == np.floor(u * 2.0**53))
    assert np.any(u * 2.0**53 % 2 == 1)


def test_the_invited_are_named_as_the_model_says_and_never_twice() -> None:
    def mixed(x: int) -> int:
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
        return x ^ (x >> 31)

    assert draws.invited(41, 2) == 2**62 + (mixed(mixed(41) + 2 & MASK) >> 2)
    first = [draws.invited(want, k) for want in range(20_000) for k in (1, 2, 3)]
    theirs = [draws.invited(want, 1) for want in first]
    assert len({*first, *theirs}) == 120_000
    assert min(first + theirs) >= 2**62
    assert max(first + theirs) < 2**63


def test_no_two_of_four_million_keys_are_equal() -> None:
    streams = (Stream.SEGMENT, Stream.ZONE, Stream.TIMEOUT, Stream.SERVICE + 1, Stream.SERVICE + 2)
    grid = [
        keys(25_000, seed, stream, first_want, attempt)
        for seed in (0, 1, 2, -1)
        for stream in streams
        for first_want in (0, 2**62)
        for attempt in range(4)
    ]
    everything = np.concatenate(grid)
    assert len(everything) == 4_000_000
    assert len(np.unique(everything)) == len(everything)


# the same bits, interpreted and compiled


@compiled_only("nothing is compiled to compare with")
def test_a_million_keys_draw_the_same_bits_interpreted_and_compiled() -> None:
    offsets = np.cumsum([0, *map(len, ROWS)])[:-1].tolist()
    flat = [number for row in ROWS for number in row]
    starts = [(1, 0), (20_260_206, 10**6), (-1, 2**62), (-(2**63), 2**63 - 20_000), (2**63 - 1, 2**33)]
    n = 20_000
    done = 0
    for at in offsets:
        for seed, first_want in starts:
            wants = range(first_want, first_want + n)
            hashed = [draws.key(seed, Stream.SERVICE + 3, want, 1) for want in wants]
            assert keys(n, seed, Stream.SERVICE + 3, first_want).tolist() == hashed
            drawn = np.empty(n)
            fast_samples(drawn, np.array(flat), at, seed, first_want)
            interpreted = np.array([draws.sample(flat, at, key) for key in hashed])
            assert np.array_equal(drawn.view(np.int64), interpreted.view(np.int64))
            u = uniforms(n, seed, Stream.SERVICE + 3, first_want, k=done % 5)
            assert u.tolist() == [draws.uniform(key, done % 5) for key in hashed]
            done += n
    assert done >= 1_000_000


def test_whole_numbers_are_the_same_interpreted_and_compiled() -> None:
    row = ROWS[-2]
    for seed, first_want in ((3, 0), (-5, 2**62 + 12_345)):
        out = np.empty((5_000, 5), dtype=np.int64)
        fast_whole_numbers(out, np.array(row), 0, seed, first_want)
        interpreted = np.empty((5_000, 5), dtype=np.int64)
        _whole_numbers(interpreted, row, 0, seed, first_want)
        assert np.array_equal(out, interpreted)


# the distributions, against scipy's


def _mixture_cdf(x: Floats) -> Floats:
    parts = (
        0.6 * stats.expon(scale=20e9).cdf(x),
        0.3 * stats.lognorm(0.5, scale=180e9).cdf(x),
        0.1 * stats.gamma(1 / 1.5**2, scale=4 * 3600e9 * 1.5**2).cdf(x),
    )
    return np.asarray(sum(parts))


CDFS: dict[str, Callable[[Floats], Floats]] = {
    "exponential": stats.expon(scale=20e9).cdf,
    "lognormal": stats.lognorm(0.8, scale=15e9).cdf,
    "gamma": stats.gamma(4.0, scale=0.5e9).cdf,
    "gamma-below-one": stats.gamma(0.25, scale=8e9).cdf,
    "uniform": stats.uniform(300e9, 600e9).cdf,
    "empirical": lambda x: np.interp(x, [1e6, 2e6, 9e6, 1e8], [0, 0.5, 0.95, 1]),
    "mixture": _mixture_cdf,
}


@pytest.mark.parametrize("kind", CDFS)
def test_drawn_times_have_the_distribution_that_was_asked_for(kind: str) -> None:
    drawn = samples(300_000, time_row(TIMES[kind]), seed=11)
    assert stats.kstest(drawn, CDFS[kind]).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    ("width", "sigma"),
    [({"cv": 0.5}, math.sqrt(math.log(1.25))), ({"p95": "370ms"}, math.log(370 / 195) / stats.norm.ppf(0.95))],
)
def test_a_lognormal_may_be_given_by_its_cv_or_its_p95(width: dict[str, Any], sigma: float) -> None:
    drawn = samples(300_000, time_row({"kind": "lognormal", "median": "195ms", **width}), seed=12)
    assert stats.kstest(drawn, stats.lognorm(sigma, scale=195e6).cdf).pvalue > FALSE_ALARM


def test_a_constant_is_always_its_mean() -> None:
    assert set(samples(1_000, time_row(TIMES["constant"]), seed=1).tolist()) == {3e9}


def test_a_uniform_count_is_every_whole_number_from_low_to_high_equally_often() -> None:
    drawn = samples(300_000, count_row({"kind": "uniform", "low": 72, "high": 200}), seed=13).astype(np.int64)
    counts = np.bincount(drawn)[72:]
    assert (drawn.min(), drawn.max()) == (72, 200)
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


def test_cups_of_an_order_come_in_their_shares() -> None:
    drawn = samples(300_000, count_row(CUPS), seed=14).astype(np.int64)
    shares = {1: 0.70, 2: 0.20, 3: 0.03, 4: 0.03, 5: 0.03, 20: 0.01}
    counts = [int(np.sum(drawn == cups)) for cups in shares]
    assert sum(counts) == len(drawn)
    assert stats.chisquare(counts, [len(drawn) * share for share in shares.values()]).pvalue > FALSE_ALARM


@pytest.mark.parametrize("mean", [0.3, 4.0, 20.0])
def test_poisson_counts_are_poisson(mean: float) -> None:
    out = np.empty(300_000, dtype=np.int64)
    fast_poissons(out, mean, 15)
    law = stats.poisson(mean)
    low, high = int(law.ppf(1e-4)), int(law.ppf(1 - 1e-4))
    counts = np.bincount(np.clip(out, low, high), minlength=high + 1)[low:]
    expected = law.pmf(np.arange(low, high + 1))
    expected[0], expected[-1] = law.cdf(low), law.sf(high - 1)
    assert stats.chisquare(counts, expected * len(out)).pvalue > FALSE_ALARM


@given(st.floats(0, 500), st.integers(0, MASK))
def test_poisson_counts_are_bounded(mean: float, key: int) -> None:
    assert 0 <= draws.poisson(mean, key) <= mean + 12 * math.sqrt(mean) + 20


def test_nobody_comes_of_a_poisson_with_mean_zero() -> None:
    assert {draws.poisson(0.0, draws.key(1, Stream.INVITED, want, 0)) for want in range(1_000)} == {0}


# independence


def assert_independent(a: Floats, b: Floats, false_alarm: float = FALSE_ALARM) -> None:
    """Neither correlated nor unevenly spread over 16 x 16 joint bins."""
    n = len(a)
    assert abs(np.corrcoef(a, b)[0, 1]) * math.sqrt(n) < -stats.norm.ppf(false_alarm / 2)
    joint = np.bincount((a * 16).astype(np.int64) * 16 + (b * 16).astype(np.int64), minlength=256)
    assert stats.chisquare(joint).pvalue > false_alarm


def test_any_two_streams_are_independent() -> None:
    streams = [*Stream, *(Stream.SERVICE + stage for stage in (1, 2, 3)), *(Stream.NETWORK + stage for stage in (1, 2))]
    drawn = [uniforms(50_000, seed=16, stream=stream) for stream in streams]
    pairs = list(combinations(drawn, 2))
    for a, b in pairs:
        assert_independent(a, b, FALSE_ALARM / len(pairs))


@pytest.mark.parametrize("apart", [1, 2, 3, 64, 1000, 65_536])
def test_neighbouring_people_are_independent(apart: int) -> None:
    drawn = uniforms(400_000, seed=17, stream=Stream.PATIENCE)
    assert_independent(drawn[:-apart], drawn[apart:])


@pytest.mark.parametrize("seed", [0, 1, 2**62])
def test_seeds_next_to_each_other_are_independent(seed: int) -> None:
    assert_independent(uniforms(400_000, seed, Stream.PATIENCE), uniforms(400_000, seed + 1, Stream.PATIENCE))


def test_attempts_of_a_person_are_independent() -> None:
    drawn = [uniforms(200_000, 18, Stream.TIMEOUT, attempt=attempt) for attempt in range(6)]
    for a, b in combinations(drawn, 2):
        assert_independent(a, b)


def test_the_uniforms_of_a_key_are_independent() -> None:
    drawn = [uniforms(200_000, 19, Stream.STORE, k=k) for k in range(6)]
    for a, b in combinations(drawn, 2):
        assert_independent(a, b)


def test_the_invited_are_independent_of_who_invites_them() -> None:
    wants = range(100_000)
    own = np.array([draws.uniform(draws.key(20, Stream.ZONE, want, 0), 0) for want in wants])
    theirs = np.array([draws.uniform(draws.key(20, Stream.ZONE, draws.invited(want, 1), 0), 0) for want in wants])
    assert_independent(own, theirs)


# rounding, bounds and choice


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (0.0, 0),
        (0.5, 1),
        (1.5, 2),
        (2.5, 3),
        (2.4999999, 2),
        (0.49999999999999994, 0),
        (4503599627370497.5, 4503599627370498),
    ],
)
def test_times_are_rounded_to_the_nearest_ns_half_up(value: float, whole: int) -> None:
    assert draws.nearest(value) == whole
    assert draws.sample_ns([draws.CONSTANT, value], 0, 1) == whole


def test_drawn_numbers_are_bounded() -> None:
    assert draws.sample_ns([draws.CONSTANT, 1e30], 0, 1) == draws.TEN_YEARS_NS
    assert draws.sample_ns([draws.CONSTANT, math.inf], 0, 1) == draws.TEN_YEARS_NS
    assert draws.sample_count([draws.CONSTANT, 1e30], 0, 1, 1) == 10**12
    assert draws.sample_count([draws.CONSTANT, 0.4], 0, 1, 1) == 1
    assert draws.sample_count([draws.CONSTANT, 2.5], 0, 1, 1) == 3


def test_the_widest_distributions_still_give_numbers() -> None:
    widest = [
        {"kind": "lognormal", "median": "366d", "sigma": 50},
        {"kind": "gamma", "mean": "366d", "cv": 1000},
        {"kind": "gamma", "mean": "1ns", "cv": 0.0001},
    ]
    for distribution in widest:
        row = time_row(distribution)
        drawn = [draws.sample_ns(row, 0, draws.key(1, Stream.TRIP, want, 0)) for want in range(3_000)]
        assert min(drawn) >= 0
        assert max(drawn) <= draws.TEN_YEARS_NS


def test_a_choice_follows_the_edges_of_its_part_of_the_table() -> None:
    edges = [0.0, 9.0, 10.0, 10.0, 13.0, 14.0, 99.0]  # weights of 1..4: 1, 0, 3, 1
    chosen = [draws.chosen(edges, 1, 5, u) for u in (0.0, 0.19, 0.2, 0.79, 0.8, 0.999)]
    assert chosen == [1, 1, 3, 3, 4, 4]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20).filter(any), st.integers(0, 2**20 - 1))
def test_a_choice_never_falls_on_a_weight_of_zero(weights: list[int], step: int) -> None:
    edges = [float(sum(weights[:i])) for i in range(len(weights) + 1)]
    u = step / 2**20
    chosen = draws.chosen(edges, 0, len(weights), u)
    assert weights[chosen] > 0
    assert edges[chosen] <= u * edges[-1] < edges[chosen + 1]
