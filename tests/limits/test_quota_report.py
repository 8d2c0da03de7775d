from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quota_fleet import LOST, Clock, Reported, Settings, overshoot
from limits import gcra, quota_report
from limits.verdicts import ADMITTED, NEVER, SHED
from limits.without_store import CLOSED, LAST_SHARE, OPEN

MOST = 10**12
FOREVER = 10**15


def decide(row: list[int], now_ns: int, cost: int, mode: int = CLOSED) -> int:
    return quota_report.decide(row, 0, 100, 5, 400, mode, 1_000, now_ns, cost)


def heard(debt_ns: int, at_ns: int = 0, gateways: int = 1) -> list[int]:
    row = [0] * quota_report.WIDTH
    quota_report.asked(row, 0, at_ns)
    quota_report.answered(row, 0, 100, debt_ns, gateways, 50, at_ns)
    return row


def test_who_has_heard_nothing_knows_nothing() -> None:
    row = [0] * quota_report.WIDTH
    assert decide(row, 0, 1) == SHED
    assert quota_report.due(row, 0, 0)
    quota_report.asked(row, 0, 0)
    assert not quota_report.due(row, 0, 0)


def test_it_decides_by_what_it_heard_and_what_it_admitted_since() -> None:
    row = heard(200)
    assert [decide(row, 0, 1) for _ in range(4)] == [ADMITTED, ADMITTED, ADMITTED, 100]
    assert decide(row, 100, 1) == ADMITTED
    assert quota_report.unheard(row, 0) == 4


def test_what_is_admitted_while_a_report_is_under_way_counts() -> None:
    row = heard(0)
    assert decide(row, 50, 2) == ADMITTED
    quota_report.asked(row, 0, 50)
    assert decide(row, 60, 1) == ADMITTED
    quota_report.answered(row, 0, 100, 400, 1, 50, 70)
    assert row[quota_report.VIEW] == 70 + 400 + 100
    assert quota_report.unheard(row, 0) == 1
    assert not quota_report.due(row, 0, 99)
    assert quota_report.due(row, 0, 100)


def test_a_view_gets_stale() -> None:
    row = heard(0)
    assert decide(row, 400, 1) == ADMITTED
    assert decide(row, 401, 1) == SHED


def test_what_can_never_be_admitted_is_told_so() -> None:
    row = heard(0)
    before = row.copy()
    assert (decide(row, 0, 6), decide(row, 0, -1), decide(row, 0, 0)) == (NEVER, NEVER, ADMITTED)
    assert quota_report.decide(row, 0, 0, 5, 400, OPEN, 1_000, 0, 1) == NEVER
    assert row == before


def away(gateways: int) -> list[int]:
    row = heard(0, gateways=gateways)
    quota_report.asked(row, 0, 0)
    quota_report.failed(row, 0, 10)
    return row


def test_without_the_store_each_mode_does_what_it_says_once_the_view_is_stale() -> None:
    assert [decide(away(2), now_ns, 1) for now_ns in (400, 401)] == [ADMITTED, SHED]
    row = away(2)
    assert [decide(row, 401, 1, OPEN) for _ in range(50)] == [ADMITTED] * 50
    assert quota_report.unheard(row, 0) == 0  # not to be charged when the store is back
    row = away(2)
    assert [decide(row, 401, 1, LAST_SHARE) for _ in range(6)] == [ADMITTED] * 5 + [200]
    assert decide(row, 1_001, 1, LAST_SHARE) == SHED


def charge(store: list[int], record: list[int], total: int, since: int, now_ns: int = 0) -> int:
    return quota_report.charge(store, 0, 100, record, 0, total, since, MOST, now_ns)


def test_a_report_that_comes_twice_or_late_is_charged_once() -> None:
    store, record = [0], [0]
    assert charge(store, record, 3, 3) == 300
    assert charge(store, record, 3, 3) == 300
    assert charge(store, record, 7, 4) == 700
    assert charge(store, record, 5, 2) == 700
    assert charge(store, record, 8, 1, now_ns=200) == 600


def test_a_store_that_has_forgotten_charges_what_was_not_acknowledged() -> None:
    assert charge([0], [0], 1_000, 2) == 200


def test_the_debt_is_bounded() -> None:
    assert charge([0], [0], 2**61, 2**61) == MOST
    assert charge([2**61], [0], 0, 0) == MOST


CLOCKS = st.builds(Clock, offset_ns=st.integers(0, 10**6), speed_ppm=st.just(1_000_000))
DELAY = st.one_of(st.integers(0, 60), st.just(LOST))
STEP = st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(1, 4))
EVERY, STALE, TIMEOUT = 40, 100, 50


@settings(max_examples=400)
@given(
    st.integers(1, 9),
    st.integers(1, 8),
    st.lists(CLOCKS, min_size=4, max_size=4),
    st.lists(STEP, max_size=120),
    st.lists(st.tuples(DELAY, DELAY), min_size=1, max_size=30),
)
def test_no_window_admits_more_than_the_law_and_what_others_admitted_unseen(
    interval_ns: int,
    burst: int,
    clocks: list[Clock],
    steps: list[tuple[int, int, int]],
    delays: list[tuple[int, int]],
) -> None:
    chosen = Settings(
        interval_ns=interval_ns,
        burst=burst,
        every_ns=EVERY,
        stale_ns=STALE,
        timeout_ns=TIMEOUT,
        again_ns=10,
        mode=CLOSED,
    )
    turn = iter(range(FOREVER))
    fleet = Reported(chosen, clocks, lambda: delays[next(turn) % len(delays)])
    now_ns = 0
    for gateway, step_ns, cost in steps:
        now_ns += step_ns
        fleet.ask(gateway, cost, now_ns)
    worst, debt_ns, then_ns = 0, 0, 0
    for number, (gateway, at_ns, cost) in enumerate(fleet.admitted):
        debt_ns = max(0, debt_ns - (at_ns - then_ns)) + cost * interval_ns
        then_ns = at_ns
        unseen = sum(
            tokens
            for other, when_ns, tokens in fleet.admitted[:number]
            if other != gateway and when_ns >= at_ns - 2 * (STALE + TIMEOUT)
        )
        assert debt_ns <= (burst + unseen) * interval_ns
        worst = max(worst, debt_ns)
    assert overshoot(fleet.admitted, interval_ns, burst) == worst / interval_ns - burst
    assert worst / interval_ns - burst <= 3 * (burst + 2 * (STALE + TIMEOUT) / interval_ns)


def test_all_gateways_that_see_one_free_bucket_take_it() -> None:
    chosen = Settings(interval_ns=1_000, burst=5, every_ns=EVERY, stale_ns=STALE, timeout_ns=TIMEOUT)
    fleet = Reported(chosen, [Clock()] * 4, lambda: (1, 1))
    for gateway in range(4):
        fleet.ask(gateway, 1, 1)
    for gateway in range(4):
        assert [fleet.ask(gateway, 1, 5) for _ in range(6)][:5] == [ADMITTED] * 5
    assert overshoot(fleet.admitted, 1_000, 5) == 3 * 5
    fleet.advance(100)
    assert fleet.store[0] >= 20 * 1_000  # all of it is owed
    fleet.ask(0, 1, 125)
    assert fleet.ask(0, 1, 130) > 14 * 1_000


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 4)), max_size=60))
def test_a_gateway_alone_with_a_store_at_hand_is_never_above_the_law(steps: list[tuple[int, int]]) -> None:
    chosen = Settings(interval_ns=7, burst=4, every_ns=EVERY, stale_ns=STALE, timeout_ns=TIMEOUT)
    fleet = Reported(chosen, [Clock()], lambda: (0, 0))
    now_ns, row = 0, [0]
    for step_ns, cost in steps:
        now_ns += step_ns
        fleet.ask(0, cost, now_ns)
    assert overshoot(fleet.admitted, 7, 4) <= 0
    assert all(gcra.decide(row, 0, 7, 4, at_ns, cost) == ADMITTED for _, at_ns, cost in fleet.admitted)
