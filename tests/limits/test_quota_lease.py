from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quota_fleet import LOST, Clock, Leased, Settings, overshoot
from limits import quota_lease
from limits.verdicts import ADMITTED, NEVER, SHED
from limits.without_store import CLOSED, LAST_SHARE, OPEN

S = 1_000_000_000
FOREVER = 10**15
CLOCKS = st.builds(Clock, offset_ns=st.integers(0, 10**6), speed_ppm=st.integers(500_000, 2_000_000))
DELAY = st.one_of(st.integers(0, 60), st.just(LOST))


def decide(row: list[int], now_ns: int, cost: int, lease: int = 10, mode: int = CLOSED) -> int:
    return quota_lease.decide(row, 0, lease, 100, mode, 1_000, now_ns, cost)


def leased(tokens: int, at_ns: int = 0, wanted: int = 10, gateways: int = 1) -> list[int]:
    row = [0] * quota_lease.WIDTH
    quota_lease.asked(row, 0, at_ns)
    quota_lease.granted(row, 0, tokens, wanted, 70, gateways, 1_000, 50, at_ns)
    return row


def test_a_gateway_that_holds_nothing_asks_for_a_lease_and_says_that_it_does_not_know() -> None:
    row = [0] * quota_lease.WIDTH
    assert decide(row, 5, 1) == SHED
    assert quota_lease.wanted(row, 0, 10, 5, 1) == 10
    assert quota_lease.asked(row, 0, 5) == 1
    assert quota_lease.wanted(row, 0, 10, 6, 1) == 0  # one question at a time


def test_a_lease_is_used_up_token_by_token_and_topped_up_when_half_is_gone() -> None:
    row = leased(10)
    assert [decide(row, 1, cost) for cost in (3, 2)] == [ADMITTED, ADMITTED]
    assert quota_lease.wanted(row, 0, 10, 1, 1) == 0
    assert decide(row, 1, 1) == ADMITTED
    assert quota_lease.wanted(row, 0, 10, 1, 1) == 6
    assert decide(row, 1, 5) == SHED
    assert decide(row, 1, 4) == ADMITTED


def test_a_cost_that_is_not_there_is_asked_for_before_half_is_gone() -> None:
    row = leased(10)
    assert decide(row, 1, 4) == ADMITTED
    assert decide(row, 1, 8) == SHED
    assert quota_lease.wanted(row, 0, 10, 1, 8) == 4


def test_a_store_that_had_too_few_is_left_alone_for_a_while() -> None:
    row = leased(2, at_ns=100)
    assert decide(row, 101, 2) == ADMITTED
    assert decide(row, 101, 1) == 69
    assert quota_lease.wanted(row, 0, 10, 169, 1) == 0
    assert quota_lease.wanted(row, 0, 10, 170, 1) == 10
    quota_lease.asked(row, 0, 170)
    quota_lease.granted(row, 0, 0, 10, 10**9, 1, 1_000, 50, 180)  # a token in a second; others may give some back
    assert decide(row, 180, 1) == 1_000


def test_a_lease_ends_and_what_is_left_of_it_with_it() -> None:
    row = leased(10)
    assert decide(row, 999, 1) == ADMITTED
    assert decide(row, 1_000, 1) == SHED
    assert quota_lease.wanted(row, 0, 10, 1_000, 1) == 10


def test_what_can_never_be_leased_is_told_so() -> None:
    row = leased(10)
    before = row.copy()
    assert decide(row, 1, 11) == NEVER
    assert decide(row, 1, -1) == NEVER
    assert decide(row, 1, 0) == ADMITTED
    assert quota_lease.decide(row, 0, 10, 0, OPEN, 1_000, 1, 1) == NEVER
    assert row == before


def away(mode: int, gateways: int) -> list[int]:
    row = leased(1, wanted=1, gateways=gateways)
    assert decide(row, 1, 1, mode=mode) == ADMITTED
    quota_lease.asked(row, 0, 1)
    quota_lease.failed(row, 0, 500)
    return row


def test_without_the_store_each_mode_does_what_it_says() -> None:
    assert [decide(away(CLOSED, 4), 2, 1, mode=CLOSED) for _ in range(3)] == [SHED, SHED, SHED]
    row = away(OPEN, 4)
    assert [decide(row, 2, 1, mode=OPEN) for _ in range(50)] == [ADMITTED] * 50
    row = away(LAST_SHARE, 4)  # a token each 4 * 100 ns, and one lease at once
    assert [decide(row, 2, 1, mode=LAST_SHARE) for _ in range(11)] == [ADMITTED] * 10 + [400]
    assert decide(row, 402, 1, mode=LAST_SHARE) == ADMITTED


def test_a_share_that_was_told_long_ago_is_none() -> None:
    row = away(LAST_SHARE, 4)
    assert decide(row, 1_000, 1, mode=LAST_SHARE) == ADMITTED
    assert decide(row, 1_001, 1, mode=LAST_SHARE) == SHED
    row = [0] * quota_lease.WIDTH
    quota_lease.asked(row, 0, 1)
    quota_lease.failed(row, 0, 500)
    assert decide(row, 2, 1, mode=LAST_SHARE) == SHED


def test_the_store_that_answers_again_ends_the_failure() -> None:
    row = away(OPEN, 1)
    assert quota_lease.wanted(row, 0, 10, 499, 1) == 0
    assert quota_lease.wanted(row, 0, 10, 500, 1) == 10
    quota_lease.asked(row, 0, 500)
    quota_lease.granted(row, 0, 0, 10, 70, 1, 1_000, 50, 500)
    assert decide(row, 501, 1, mode=OPEN) == 69


def test_a_lease_comes_back_once_and_only_to_the_store_that_gave_it() -> None:
    store, record = [0], [0] * quota_lease.RECORD_WIDTH
    assert quota_lease.grant(store, 0, 100, 10, record, 0, 1, 8, 0, 1_000, 0) == 8
    assert store == [800]
    assert quota_lease.take_back(store, 0, 100, record, 0, 2, 8, 10) == 0  # another lease
    assert quota_lease.take_back(store, 0, 100, record, 0, 1, 3, 10) == 3
    assert store == [500]
    assert quota_lease.take_back(store, 0, 100, record, 0, 1, 3, 10) == 0  # twice
    assert quota_lease.grant(store, 0, 100, 10, record, 0, 2, 5, 0, 1_000, 100) == 5
    assert quota_lease.take_back(store, 0, 100, record, 0, 2, 5, 1_100) == 0  # late
    assert quota_lease.take_back([0], 0, 100, [0, 0, 0], 0, 2, 5, 200) == 0  # data lost


def test_more_cannot_come_back_than_was_leased() -> None:
    store, record = [0], [0] * quota_lease.RECORD_WIDTH
    assert quota_lease.grant(store, 0, 100, 10, record, 0, 1, 2, 1, 1_000, 0) == 2
    assert quota_lease.take_back(store, 0, 100, record, 0, 1, 9, 10) == 3
    assert store == [10]


def test_a_store_grants_what_fits_and_says_when_the_next_token_is_there() -> None:
    store, record = [0], [0] * quota_lease.RECORD_WIDTH
    at = (store, 0, 100, 10)
    assert quota_lease.grant(*at, record, 0, 1, 7, 0, 1_000, 0) == 7
    assert quota_lease.grant(*at, record, 0, 2, 7, 0, 1_000, 50) == 3
    assert quota_lease.grant(*at, record, 0, 3, 7, 0, 1_000, 99) == 0
    assert quota_lease.shortage_ns(*at, 99) == 1
    assert quota_lease.shortage_ns(*at, 100) == 0
    assert quota_lease.grant(*at, record, 0, 4, 7, 0, 1_000, 100) == 1


def test_a_clock_of_the_store_that_is_set_back_shuts_nobody_out_for_longer_than_the_burst_takes() -> None:
    store, record = [10**9], [0] * quota_lease.RECORD_WIDTH
    assert quota_lease.grant(store, 0, 100, 10, record, 0, 1, 7, 0, 1_000, 0) == 0
    assert quota_lease.shortage_ns(store, 0, 100, 10, 0) == 100


STEP = st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(1, 4))


@settings(max_examples=400)
@given(
    st.integers(1, 9),
    st.integers(4, 12),
    st.integers(1, 4),
    st.integers(10, 300),
    st.lists(CLOCKS, min_size=4, max_size=4),
    st.lists(STEP, max_size=120),
    st.lists(st.tuples(DELAY, DELAY), min_size=1, max_size=30),
    st.sets(st.integers(0, 119), max_size=2),
)
def test_no_window_admits_more_than_the_law_and_the_leases_that_were_out(
    interval_ns: int,
    burst: int,
    lease: int,
    term_ns: int,
    clocks: list[Clock],
    steps: list[tuple[int, int, int]],
    delays: list[tuple[int, int]],
    losses: set[int],
) -> None:
    chosen = Settings(
        interval_ns=interval_ns,
        burst=burst,
        lease=lease,
        term_ns=term_ns,
        pause_ns=3,
        idle_ns=20,
        timeout_ns=50,
        again_ns=10,
        mode=CLOSED,
    )
    turn = iter(range(FOREVER))
    fleet = Leased(chosen, clocks, lambda: delays[next(turn) % len(delays)])
    now_ns, lost, start, windows = 0, 0, 0, []
    for number, (gateway, step_ns, cost) in enumerate(steps):
        now_ns += step_ns
        if number in losses:
            fleet.lose_data()
            lost += 1
        answer = fleet.ask(gateway, cost, now_ns)
        assert answer == NEVER if cost > lease else answer != NEVER
        assert all(0 <= row[quota_lease.LEFT] <= lease for row in fleet.rows)
        windows.append(sum(row[quota_lease.LEFT] for row in fleet.rows))
    bound = lost * burst + 4 * lease
    assert overshoot(fleet.admitted, interval_ns, burst) <= bound
    if lost == 0:  # from the start, when no lease was out, nothing is over
        total = start
        for _, then_ns, cost in fleet.admitted:
            total += cost
            assert total <= burst + then_ns / interval_ns


def test_the_bound_of_leases_is_reached() -> None:
    """All lease, wait until the bucket is full again, and then use their leases and the bucket at once."""
    chosen = Settings(interval_ns=10, burst=12, lease=3, term_ns=FOREVER, pause_ns=1, idle_ns=FOREVER, timeout_ns=9)
    fleet = Leased(chosen, [Clock()] * 4, lambda: (0, 0))
    for gateway in range(4):
        fleet.ask(gateway, 1, 1)
    fleet.advance(1_000)
    for _ in range(50):
        for gateway in range(4):
            fleet.ask(gateway, 1, 1_000)
    assert overshoot(fleet.admitted, 10, 12) == 4 * 3


def test_what_is_not_used_goes_to_those_who_need_it() -> None:
    chosen = Settings(interval_ns=100, burst=6, lease=6, term_ns=FOREVER, pause_ns=5, idle_ns=40, timeout_ns=9)
    fleet = Leased(chosen, [Clock(), Clock()], lambda: (1, 1))
    assert fleet.ask(0, 1, 1) == SHED  # leases all there is, and is heard of no more
    assert fleet.ask(1, 1, 10) == SHED
    assert fleet.ask(1, 1, 20) > 0
    fleet.advance(70)
    fleet.ask(1, 1, 110)
    assert [fleet.ask(1, 1, 120) for _ in range(6)] == [ADMITTED] * 6
