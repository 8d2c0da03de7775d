"""The rules of a person, worked out by hand, and the same when compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from scenarios import draws, people
from scenarios.people import NEVER_NS, NO_TABLE
from scenarios.units import NS_PER_S
from tests.compiling import compilable, compiled

FALSE_ALARM = 1e-6
HOUR_NS = 3600 * NS_PER_S

ROW = [
    *(draws.CONSTANT, 20.0 * NS_PER_S),
    *(draws.EXPONENTIAL, 180.0 * NS_PER_S),
    *(draws.LOGNORMAL, 15.0 * NS_PER_S, 0.8),
    *(draws.WHOLE_UNIFORM, 0.0, 4.0),
]
TWENTY_S, EXPONENTIAL, LOGNORMAL, NONE_TO_THREE = 0, 2, 4, 7


def timeout(least_ns: int, session_end_ns: int, now_ns: int) -> int:
    return people.timeout_at_ns(ROW, TWENTY_S, 1, 7, 1, least_ns, session_end_ns, now_ns)


def think(tries: int, growth: float, longest_ns: int = HOUR_NS, least_ns: int = 0) -> int:
    return people.think_ns(ROW, TWENTY_S, 1, 7, 3, tries, growth, longest_ns, least_ns)


# who somebody is


def test_segments_zones_and_kinds_come_in_their_shares() -> None:
    edges = [0.0, 0.2, 0.2, 0.5, 1.0]
    wants = range(40_000)
    expected = [8_000, 12_000, 20_000]
    for who in (people.segment_of, people.kind_of):
        counts = np.bincount([who(edges, 3, want) for want in wants], minlength=4)
        assert counts[1] == 0
        assert stats.chisquare(counts[[0, 2, 3]], expected).pvalue > FALSE_ALARM
    counts = np.bincount([people.zone_of(edges, 2, 4, 3, want) for want in wants])
    assert counts[:2].tolist() == [0, 0]
    assert stats.chisquare(counts[2:], [15_000, 25_000]).pvalue > FALSE_ALARM


def test_segment_zone_and_kind_of_a_person_say_nothing_about_each_other() -> None:
    edges = [0.0, 0.5, 1.0]
    who = [
        (people.segment_of(edges, 4, want), people.zone_of(edges, 0, 2, 4, want), people.kind_of(edges, 4, want))
        for want in range(20_000)
    ]
    counts = np.bincount([4 * segment + 2 * zone + kind for segment, zone, kind in who])
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


# sessions and timeouts


def test_a_session_ends_after_the_patience() -> None:
    assert people.session_end_ns(ROW, TWENTY_S, 1, 7, 0, 5 * NS_PER_S) == 25 * NS_PER_S


def test_each_session_has_a_patience_of_its_own() -> None:
    ends = {people.session_end_ns(ROW, EXPONENTIAL, 1, 7, session, 0) for session in range(10)}
    assert len(ends) == 10


def test_without_a_patience_a_session_never_ends() -> None:
    assert people.session_end_ns(ROW, NO_TABLE, 1, 7, 0, 5 * NS_PER_S) == NEVER_NS
    assert NEVER_NS + NEVER_NS - 1 < 2**63


def test_a_person_waits_for_the_timeout() -> None:
    assert timeout(NS_PER_S, session_end_ns=NEVER_NS, now_ns=HOUR_NS) == HOUR_NS + 20 * NS_PER_S


def test_a_person_waits_no_longer_than_the_rest_of_the_session() -> None:
    assert timeout(NS_PER_S, session_end_ns=HOUR_NS + 8 * NS_PER_S, now_ns=HOUR_NS) == HOUR_NS + 8 * NS_PER_S


def test_a_person_waits_at_least_the_least_timeout() -> None:
    assert timeout(NS_PER_S, session_end_ns=HOUR_NS + 5, now_ns=HOUR_NS) == HOUR_NS + NS_PER_S


def test_the_timeout_bounds_the_least_timeout() -> None:
    assert timeout(30 * NS_PER_S, session_end_ns=HOUR_NS + 5, now_ns=HOUR_NS) == HOUR_NS + 20 * NS_PER_S


# after a failure


def test_nobody_resigns_before_the_first_step() -> None:
    assert not people.resigns([HOUR_NS], [1.0], 1, 7, 1, HOUR_NS - 1)
    assert not people.resigns([], [], 1, 7, 1, HOUR_NS)


def test_a_step_holds_from_its_instant_to_the_next() -> None:
    steps, shares = [HOUR_NS, 2 * HOUR_NS, 3 * HOUR_NS], [1.0, 0.0, 1.0]
    instants = (HOUR_NS, 2 * HOUR_NS - 1, 2 * HOUR_NS, 3 * HOUR_NS - 1, 3 * HOUR_NS, 9 * HOUR_NS)
    assert [people.resigns(steps, shares, 1, 7, 1, now_ns) for now_ns in instants] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


def test_people_resign_with_the_probability_of_the_step() -> None:
    resigned = sum(people.resigns([0], [0.3], 1, want, 1, 5) for want in range(20_000))
    assert stats.binomtest(resigned, 20_000, 0.3).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("tries", "seconds"), [(1, 20), (2, 40), (3, 80), (4, 160)])
def test_the_think_time_grows_with_each_try_of_the_session(tries: int, seconds: int) -> None:
    assert think(tries, growth=2.0) == seconds * NS_PER_S


def test_a_growth_of_one_leaves_the_think_time_as_it_is() -> None:
    assert think(100_000, growth=1.0) == 20 * NS_PER_S


def test_the_think_time_is_at_most_the_longest() -> None:
    assert think(4, growth=2.0, longest_ns=100 * NS_PER_S) == 100 * NS_PER_S
    assert think(1, growth=1.0, longest_ns=7) == 7
    assert think(100_000, growth=100.0) == HOUR_NS


def test_nothing_grows_from_no_think_time() -> None:
    assert people.think_ns([draws.CONSTANT, 0.0], 0, 1, 7, 3, 100_000, 100.0, HOUR_NS, 0) == 0


def test_the_least_think_time_is_above_the_longest() -> None:
    assert think(1, growth=1.0, least_ns=30 * NS_PER_S) == 30 * NS_PER_S
    assert think(1, growth=1.0, least_ns=10 * NS_PER_S) == 20 * NS_PER_S
    assert think(1, growth=1.0, longest_ns=5 * NS_PER_S, least_ns=10 * NS_PER_S) == 10 * NS_PER_S


def test_the_think_time_is_rounded_once_after_it_has_grown() -> None:
    # 0.4 ns * 1.5 = 0.6 ns
    assert people.think_ns([draws.CONSTANT, 0.4], 0, 1, 7, 3, 2, 1.5, HOUR_NS, 0) == 1


def test_a_store_failure_has_a_think_time_of_its_own() -> None:
    assert people.store_delay_ns(ROW, TWENTY_S, 1, 7, 3) == 20 * NS_PER_S
    drawn = people.think_ns(ROW, EXPONENTIAL, 1, 7, 3, 1, 1.0, HOUR_NS, 0)
    assert people.store_delay_ns(ROW, EXPONENTIAL, 1, 7, 3) != drawn


# coming back


def test_people_come_back_at_most_so_many_times() -> None:
    assert [people.comes_back(1.0, 2, 1, 7, session) for session in range(4)] == [True, True, False, False]
    assert not people.comes_back(0.0, 2, 1, 7, 0)


def test_people_come_back_with_the_probability_given_each_time_anew() -> None:
    back = [[people.comes_back(0.4, 6, 1, want, session) for want in range(20_000)] for session in (0, 1)]
    for once in back:
        assert stats.binomtest(sum(once), 20_000, 0.4).pvalue > FALSE_ALARM
    both = sum(a and b for a, b in zip(*back, strict=True))
    assert stats.binomtest(both, 20_000, 0.16).pvalue > FALSE_ALARM


def test_the_way_back_takes_as_long_as_is_drawn_for_the_session() -> None:
    assert people.come_back_delay_ns(ROW, TWENTY_S, 1, 7, 0) == 20 * NS_PER_S
    assert people.come_back_delay_ns(ROW, EXPONENTIAL, 1, 7, 0) != people.come_back_delay_ns(ROW, EXPONENTIAL, 1, 7, 1)


# orders


def test_an_order_invites_its_mean_of_people() -> None:
    invited = [people.invited_count(0.3, 1, want) for want in range(20_000)]
    assert abs(sum(invited) - 6_000) < 5 * np.sqrt(6_000)
    assert people.invited_count(0.0, 1, 7) == 0


def test_the_delay_of_an_invitation_belongs_to_the_invited() -> None:
    delays = {people.invitation_delay_ns(ROW, EXPONENTIAL, 1, draws.invited(7, k)) for k in (1, 2, 3)}
    assert len(delays) == 3


def test_an_order_has_at_least_one_cup() -> None:
    cups = np.bincount([people.cups_of(ROW, NONE_TO_THREE, 1, want) for want in range(20_000)])
    assert stats.chisquare(cups[1:], [10_000, 5_000, 5_000]).pvalue > FALSE_ALARM
    assert cups[0] == 0


def test_stores_are_picked_by_popularity_and_each_pick_anew() -> None:
    edges = [0.0, 4.0, 6.0, 7.0, 8.0]
    picks = [[people.store_of(edges, 1, want, 1, pick) for want in range(20_000)] for pick in (0, 1)]
    for once in picks:
        assert stats.chisquare(np.bincount(once), [10_000, 5_000, 2_500, 2_500]).pvalue > FALSE_ALARM
    assert stats.binomtest(sum(a == b for a, b in zip(*picks, strict=True)), 20_000, 11 / 32).pvalue > FALSE_ALARM


def test_a_repick_is_taken_up_with_its_probability() -> None:
    again = [[people.picks_again(0.8, 1, want, 1, pick) for want in range(20_000)] for pick in (1, 2)]
    for once in again:
        assert stats.binomtest(sum(once), 20_000, 0.8).pvalue > FALSE_ALARM
    assert again[0] != again[1]


def test_a_store_nearby_is_any_of_the_zone_and_each_one_anew() -> None:
    stores = [[people.nearby_store_of(16, 1, want, 1, k) for want in range(32_000)] for k in (0, 1)]
    for once in stores:
        assert stats.chisquare(np.bincount(once, minlength=16)).pvalue > FALSE_ALARM
    assert stores[0] != stores[1]


def test_each_later_slot_is_offered_and_taken_anew() -> None:
    taken = [[people.takes_slot(0.9, 1, want, 1, offer) for want in range(20_000)] for offer in (0, 1)]
    for once in taken:
        assert stats.binomtest(sum(once), 20_000, 0.9).pvalue > FALSE_ALARM
    assert taken[0] != taken[1]
    delays = [[people.slot_delay_ns(ROW, EXPONENTIAL, 1, want, 1, offer) for want in range(1_000)] for offer in (0, 1)]
    assert not set(delays[0]) & set(delays[1])


def test_a_want_goes_to_one_of_the_shards_equally_likely() -> None:
    shards = np.bincount([people.shard_of(16, 1, 3, want) for want in range(32_000)], minlength=16)
    assert stats.chisquare(shards).pvalue > FALSE_ALARM


def test_shards_of_two_stages_have_nothing_to_do_with_each_other() -> None:
    same = sum(people.shard_of(4, 1, 3, want) == people.shard_of(4, 1, 4, want) for want in range(20_000))
    assert stats.binomtest(same, 20_000, 0.25).pvalue > FALSE_ALARM


def test_stages_fail_apart_from_each_other() -> None:
    failed = [[people.fails(0.1, 1, stage, want, 1) for want in range(20_000)] for stage in (1, 2)]
    for once in failed:
        assert stats.binomtest(sum(once), 20_000, 0.1).pvalue > FALSE_ALARM
    assert stats.binomtest(sum(a and b for a, b in zip(*failed, strict=True)), 20_000, 0.01).pvalue > FALSE_ALARM


# compiled


def _life(out: Any, row: Any, edges: Any, steps_ns: Any, shares: Any, seed: int, want: int) -> None:
    for i in range(len(out)):
        attempt, session = i % 5 + 1, i % 3
        who = want + i
        end_ns = people.session_end_ns(row, EXPONENTIAL, seed, who, session, i)
        out[i, 0] = people.segment_of(edges, seed, who)
        out[i, 1] = people.zone_of(edges, 1, 3, seed, who)
        out[i, 2] = people.kind_of(edges, seed, who)
        out[i, 3] = end_ns
        out[i, 4] = people.timeout_at_ns(row, LOGNORMAL, seed, who, attempt, 1000, end_ns, i)
        out[i, 5] = people.resigns(steps_ns, shares, seed, who, attempt, i)
        out[i, 6] = people.think_ns(row, LOGNORMAL, seed, who, attempt, attempt, 1.7, HOUR_NS, 5)
        out[i, 7] = people.store_delay_ns(row, EXPONENTIAL, seed, who, attempt)
        out[i, 8] = people.comes_back(0.4, 2, seed, who, session)
        out[i, 9] = people.come_back_delay_ns(row, EXPONENTIAL, seed, who, session)
        out[i, 10] = people.invited_count(0.3, seed, who)
        out[i, 11] = people.invitation_delay_ns(row, EXPONENTIAL, seed, draws.invited(who, 1))
        out[i, 12] = people.cups_of(row, NONE_TO_THREE, seed, who)
        out[i, 13] = people.store_of(edges, seed, who, attempt, session)
        out[i, 14] = people.picks_again(0.8, seed, who, attempt, session)
        out[i, 15] = people.shard_of(16, seed, session, who)
        out[i, 16] = people.fails(0.1, seed, session, who, attempt)
        out[i, 17] = people.prompt_of(row, NONE_TO_THREE, seed, session, who, attempt)
        out[i, 18] = people.output_of(row, NONE_TO_THREE, seed, session, who, attempt)
        out[i, 19] = people.hedge_ns(row, EXPONENTIAL, seed, who, attempt)
        out[i, 20] = people.nearby_store_of(50, seed, who, attempt, session)
        out[i, 21] = people.slot_delay_ns(row, EXPONENTIAL, seed, who, attempt, session)
        out[i, 22] = people.takes_slot(0.9, seed, who, attempt, session)
        out[i, 23] = people.pace_ns(0.37 * who, 1.5, attempt)
        out[i, 24] = people.session_end_ns(row, NO_TABLE, seed, who, session, i)


fast_life = compiled(_life)


@pytest.mark.parametrize(("seed", "first_want"), [(1, 0), (-9, 2**62 + 99)])
def test_every_rule_is_the_same_interpreted_and_compiled(seed: int, first_want: int) -> None:
    edges, steps_ns, shares = [0.0, 0.2, 0.5, 1.0], [500, 1500], [0.3, 0.6]
    plain = np.zeros((3_000, 25), dtype=np.int64)
    _life(plain, ROW, edges, steps_ns, shares, seed, first_want)
    fast = np.zeros_like(plain)
    fast_life(fast, np.array(ROW), np.array(edges), np.array(steps_ns), np.array(shares), seed, first_want)
    assert np.array_equal(fast, plain)
    assert all(len(np.unique(column)) > 1 for column in plain.T[:-1])
    assert {f.__name__ for f in compilable() if f.__module__ == people.__name__} <= {*_life.__code__.co_names, "_grown"}
