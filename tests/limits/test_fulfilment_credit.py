from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import fulfilment_credit
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

S = 1_000_000_000
MINUTE = 60 * S
HORIZON = 30 * MINUTE
STORE, ZONE = 0, fulfilment_credit.WIDTH
STALE = 2 * MINUTE


def rows(store_ns: int = MINUTE, zone_ns: int = S) -> list[int]:
    """Return a store and a zone that were told of at 0: one order a minute, and couriers enough."""
    state = [0] * 2 * fulfilment_credit.WIDTH
    fulfilment_credit.tell(state, STORE, store_ns, 0, 0, 0, 0)
    fulfilment_credit.tell(state, ZONE, zone_ns, 0, 0, 0, 0)
    return state


def asked(state: list[int], now_ns: int, cost: int = 1, longest: int = LARGEST, horizon: int = HORIZON) -> int:
    return fulfilment_credit.decide(state, STORE, ZONE, horizon, HORIZON, STALE, longest, now_ns, cost)


def test_a_store_is_given_what_it_can_make_within_the_horizon() -> None:
    state = rows()
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, 0) == 30
    assert [asked(state, 0) for _ in range(31)] == [ADMITTED] * 30 + [MINUTE]
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, 0) == 0
    assert asked(state.copy(), MINUTE - 1) == 1
    assert asked(state, MINUTE) == ADMITTED
    assert asked(state, MINUTE) == MINUTE


def test_a_zone_out_of_couriers_refuses_for_all_its_stores_and_nothing_is_charged() -> None:
    state = rows(zone_ns=10 * MINUTE)
    assert [asked(state, 0) for _ in range(4)] == [ADMITTED] * 3 + [10 * MINUTE]
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, 0) == 27


def test_a_later_slot_is_offered_before_an_order_is_refused() -> None:
    state = rows()
    assert asked(state, 0, 30) == ADMITTED
    assert asked(state, 0, 5, longest=5 * MINUTE) == 5 * MINUTE
    assert asked(state, 0, 5, longest=5 * MINUTE - 1) == SHED


def test_another_store_is_found_with_the_shortest_wait() -> None:
    state = [0] * 5 * fulfilment_credit.WIDTH
    places = [99, 0, 5, 10, 15]  # the rows of four stores, after something else
    for at, queued in ((0, 35), (5, 32), (10, 32), (15, 0)):
        fulfilment_credit.tell(state, at, 0 if at == 15 else MINUTE, 0, queued, 0, 0)
    assert fulfilment_credit.best(state, places, 1, 4, HORIZON, STALE, 0, 1) == 1
    fulfilment_credit.tell(state, 15, MINUTE, 0, 29, 0, 0)
    assert fulfilment_credit.best(state, places, 1, 4, HORIZON, STALE, 0, 1) == 3
    assert fulfilment_credit.best(state, places, 1, 4, HORIZON, STALE, 0, 31) == -1
    assert fulfilment_credit.best(state, [20], 0, 1, HORIZON, STALE, 0, 1) == -1  # never told of


def test_what_is_on_the_way_counts_until_it_has_arrived() -> None:
    state = rows()
    assert asked(state, 0, 10) == ADMITTED
    fulfilment_credit.tell(state, STORE, MINUTE, 4, 2, MINUTE, MINUTE)  # 4 arrived, 2 of them were made: 2 and 6
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, MINUTE) == 22
    fulfilment_credit.tell(state, STORE, MINUTE, 0, 0, MINUTE - 1, MINUTE)  # older
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, MINUTE) == 22
    fulfilment_credit.gone(state, STORE, 5)
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, MINUTE) == 27
    fulfilment_credit.gone(state, STORE, 5)  # one only was left on the way
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, MINUTE) == 28


def test_news_of_before_an_order_do_not_let_it_be_made_before_it_came() -> None:
    state = rows()
    assert asked(state, 10 * MINUTE, 3) == ADMITTED  # a zone and a store last told of at 0
    fulfilment_credit.tell(state, STORE, MINUTE, 0, 0, MINUTE, 11 * MINUTE)
    assert state[2] == 14 * MINUTE


def test_other_peoples_orders_and_a_new_pace_count_as_they_are_told() -> None:
    state = rows()
    fulfilment_credit.tell(state, STORE, 2 * MINUTE, 0, 10, MINUTE, MINUTE)
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, MINUTE) == 5


def test_a_place_that_is_closed_or_was_never_told_of_gets_nothing() -> None:
    state = [0] * 2 * fulfilment_credit.WIDTH
    assert asked(state, 0) == SHED
    assert fulfilment_credit.credit(state, STORE, HORIZON, STALE, 0) == 0
    state = rows()
    fulfilment_credit.tell(state, STORE, 0, 0, 0, 1, 1)
    assert asked(state, 1) == SHED


def test_when_news_stop_work_is_taken_to_stand_still_and_nobody_can_say_when() -> None:
    state = rows()
    assert asked(state, 0, 30) == ADMITTED
    assert asked(state, STALE) == ADMITTED
    assert asked(state, STALE) == ADMITTED
    assert asked(state, STALE) == MINUTE
    assert asked(state, STALE + 1) == SHED
    assert asked(state, 9 * HORIZON) == SHED


def test_odd_costs() -> None:
    state = rows()
    assert [asked(state, 0, cost) for cost in (0, -1, 31, LARGEST)] == [ADMITTED, NEVER, NEVER, NEVER]
    assert state == rows()


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    state = rows()
    fulfilment_credit.tell(state, STORE, LARGEST, LARGEST, LARGEST, LARGEST, LARGEST)
    assert state[2] == 2 * LARGEST
    state[3] = LARGEST
    fulfilment_credit.charge(state, STORE, LARGEST, LARGEST, LARGEST)
    assert state[2] == 2 * LARGEST
    assert state[3] == LARGEST
    assert fulfilment_credit.wait(state, STORE, 0, LARGEST, 0, LARGEST) == LARGEST


def longest_wait(told_late: int, interval: int, slower: int, stale: int) -> int:
    """Return how long the last order let in takes, in minutes, where the pace falls and that is told so late.

    Demand never ends; there are 100 ticks to a minute. The store knows its true queue; the gateway is told each minute,
    of what was a minute before until the fall, and then nothing until `told_late` minutes after it.
    """
    tick, fall = 100, 100 * 120
    state = [0] * 2 * fulfilment_credit.WIDTH
    fulfilment_credit.tell(state, ZONE, 1, 0, 0, 10**9, 10**9)
    admitted, work, worst = 0, 0.0, 0.0
    for now in range(fall + told_late * tick):
        pace = 1 / interval if now < fall else 1 / slower
        work = max(0.0, work - pace)
        if now % tick == 0 and now <= fall:
            fulfilment_credit.tell(state, STORE, interval, admitted, round(work), now, now)
        while fulfilment_credit.decide(state, STORE, ZONE, 30 * tick, 10**12, stale * tick, 0, now, 1) == ADMITTED:
            admitted += 1
            work += 1
            worst = max(worst, work / pace)
    return round(worst / tick)


@pytest.mark.parametrize(("told_late", "minutes"), [(1, 61), (5, 65), (30, 90)])
def test_late_news_of_half_the_pace_cost_their_age_on_top_of_the_horizon_again(told_late: int, minutes: int) -> None:
    assert longest_wait(told_late, 10, 20, stale=60) == minutes


def test_a_short_stale_time_bounds_what_late_news_cost() -> None:
    assert longest_wait(30, 10, 20, stale=2) == 62


@given(
    st.integers(1, 9), st.integers(0, 50), st.integers(0, 50), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)))
)
def test_a_place_without_news_is_never_given_more_than_the_horizon_and_what_is_stale(
    interval: int, horizon: int, stale: int, orders: list[tuple[int, int]]
) -> None:
    state, now, given_to = rows(interval, 1), 0, 0
    for step, cost in orders:
        now += step
        if fulfilment_credit.decide(state, STORE, ZONE, horizon, LARGEST, stale, LARGEST, now, cost) == ADMITTED:
            given_to += cost
    assert given_to * interval <= horizon + stale


@given(
    st.integers(3, 9),
    st.integers(5, 40),
    st.integers(0, 30),
    st.integers(0, 12),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([True, True, True, False])), min_size=20, max_size=80),
)
def test_a_promise_is_kept_where_the_pace_is_as_told(
    interval: int, horizon: int, transit: int, delay: int, moves: list[tuple[int, bool]]
) -> None:
    # A store that makes one after the other; orders take `transit` to it, its news `delay` to the gateway.
    state, now, done = rows(interval, 1), 0, list[tuple[int, int]]()  # of each order when it arrived and was made
    fulfilment_credit.tell(state, ZONE, 1, 0, 0, LARGEST, 0)
    for step, asks in moves:
        now += step
        if asks:
            if fulfilment_credit.decide(state, STORE, ZONE, horizon, LARGEST, 10**6, 0, now, 1) == ADMITTED:
                arrives = now + transit
                begins = max(arrives, done[-1][1]) if done else arrives
                done.append((arrives, begins + interval))
                assert done[-1][1] <= now + horizon + transit
        elif now >= delay:
            then = now - delay
            arrived = sum(1 for arrives, _ in done if arrives <= then)
            queued = sum(1 for arrives, made in done if arrives <= then < made)
            fulfilment_credit.tell(state, STORE, interval, arrived, queued, then, now)


@given(
    st.integers(1, 9),
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(-5, 9), st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), max_size=60),
)
def test_never_negative_and_a_wait_is_exact(
    interval: int, horizon: int, moves: list[tuple[int, int, int, int]]
) -> None:
    state, now = rows(interval, 1), 0
    for step, what, a, b in moves:
        now = max(0, now + step)
        if what == 0:
            fulfilment_credit.tell(state, STORE, interval, state[4] + a, b, max(0, now - a), now)
        elif what == 1:
            fulfilment_credit.gone(state, STORE, a)
        else:
            answer = fulfilment_credit.decide(state, STORE, ZONE, horizon, LARGEST, 10**6, LARGEST - 1, now, 1)
            if answer > 0:
                back = max(now, state[1])
                assert fulfilment_credit.wait(state, STORE, horizon, 10**6, back + answer, 1) == 0
                assert fulfilment_credit.wait(state, STORE, horizon, 10**6, back + answer - 1, 1) == 1
        assert min(state) >= 0
        assert fulfilment_credit.credit(state, STORE, horizon, 10**6, now) >= 0
