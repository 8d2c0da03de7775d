"""The adaptive laws do as the naive ones: ties, odd costs, clocks back."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from limits import (
    bbr_cpu,
    breakwater,
    dagor,
    envoy_gradient,
    fulfilment_credit,
    gradient2,
    pi_rejector,
    seda,
    vegas,
    windowed,
)
from tests.limits import oracle_adaptive as oracle

thorough = settings(max_examples=300)
BILLION = 10**9
MS = 1_000_000
OUTCOME = st.sampled_from([0, 0, 0, 0, 1, 2])
DRAW = st.integers(0, BILLION - 1)


@thorough
@given(
    st.integers(1, 1200),
    st.integers(1, 12),
    st.integers(10, 200),
    st.lists(st.tuples(DRAW, st.integers(1, 120), st.integers(0, 1500), OUTCOME), max_size=60),
)
def test_vegas(start: int, probe: int, longest_rtt0: int, calls: list[tuple[int, int, int, int]]) -> None:
    row = [0] * vegas.WIDTH
    exact = oracle.Vegas(start, 1, 1200, probe, longest_rtt0)
    for draw, rtt, inflight, outcome in calls:
        vegas.observe(row, 0, start, 1, 1200, probe, longest_rtt0, draw, 0, rtt, inflight, outcome)
        exact.observe(Fraction(draw, BILLION), rtt, inflight, outcome)
        assert vegas.limit(row, 0, start) == exact.limit


@thorough
@given(
    st.integers(1, 300),
    st.integers(1, 40),
    st.integers(100, 300),
    st.integers(1, 700),
    st.lists(st.tuples(st.integers(1000, 10**9), st.integers(0, 300), OUTCOME), max_size=60),
)
def test_gradient2_within_a_thousandth_of_a_place(
    start: int, least: int, most: int, window: int, calls: list[tuple[int, int, int]]
) -> None:
    row = [0] * gradient2.WIDTH
    exact = oracle.Gradient2(start, least, most, 4, 0.2, 1.5, window)
    for rtt, inflight, outcome in calls:
        before = exact.limit
        gradient2.observe(row, 0, start, least, most, 4, 200, 1500, window, 0, rtt, inflight, outcome)
        exact.observe(rtt, inflight, outcome)
        if abs(2 * inflight - before) < 0.01 or abs(exact.long - 2 * rtt) < 0.01 * rtt:
            return  # a hair decides there
        if row[0] > 0:
            assert abs((row[0] - 1) / 1e6 - exact.limit) < 0.001
            assert abs(row[1] / 1000 - exact.long) < 1


@thorough
@given(
    st.integers(0, 20),
    st.integers(0, 40),
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(-3, 9), st.integers(1, 30), st.integers(0, 9), OUTCOME), max_size=60),
)
def test_windowed(least: int, most: int, least_calls: int, calls: list[tuple[int, int, int, int]]) -> None:
    row, now_ns = [0] * windowed.WIDTH, 0
    exact = oracle.Windowed(least, most, least_calls, 3)
    for step, rtt, inflight, outcome in calls:
        now_ns = max(0, now_ns + step)
        told = windowed.add(row, 0, least, most, least_calls, 3, now_ns, rtt, inflight, outcome)
        expected = exact.add(now_ns, rtt, inflight, outcome)
        assert told == (expected is not None)
        if told:
            assert (windowed.rtt_ns(row, 0), windowed.inflight(row, 0), windowed.outcome(row, 0)) == expected


@thorough
@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 40_000), OUTCOME), max_size=80),
)
def test_envoy_gradient(least: int, calls: int, interval: int, moves: list[tuple[int, int, int]]) -> None:
    row, now_ns = [0] * envoy_gradient.WIDTH, 0
    update, interval = 30_000, interval * 10_000 + 7
    exact = oracle.EnvoyGradient(least, 100, calls, update, interval)
    for step, rtt, outcome in moves:
        now_ns += step
        envoy_gradient.observe(row, 0, least, 100, calls, 500, 250, update, interval, 150, 0, now_ns, rtt, 1, outcome)
        exact.observe(now_ns, rtt, outcome)
        assert envoy_gradient.limit(row, 0, least) == exact.limit
        assert row[7] == len(exact.answers)


@thorough
@given(
    st.integers(1, 5),
    st.integers(1, 400),
    st.lists(
        st.tuples(st.integers(-200, 700), st.integers(0, 9), st.integers(0, 40 * MS), st.integers(0, 1000), OUTCOME),
        max_size=80,
    ),
)
def test_bbr_cpu(buckets: int, bucket_ms: int, moves: list[tuple[int, int, int, int, int]]) -> None:
    row, now_ns = [0] * (bbr_cpu.WIDTH + 3 * buckets), 0
    exact = oracle.BbrCpu(buckets, bucket_ms * MS)
    for step_ms, what, rtt, used, outcome in moves:
        now_ns = max(0, now_ns + step_ms * MS // 4)
        if what == 0:
            bbr_cpu.sample_cpu(row, 0, used)
            exact.cpu = math.floor(Fraction(95, 100) * exact.cpu + Fraction(5, 100) * used)
        elif what < 4:
            bbr_cpu.observe(row, 0, buckets, bucket_ms * MS, now_ns, rtt, 1, outcome)
            exact.observe(now_ns, rtt, outcome)
        else:
            threshold = 30 if what < 8 else 60
            admitted = bbr_cpu.decide(row, 0, buckets, bucket_ms * MS, threshold, now_ns, 1) == 0
            assert admitted == exact.ask(threshold, now_ns)
        assert row[1] == exact.inside


@thorough
@given(
    st.integers(1, 40),
    st.integers(1, 30),
    st.lists(st.tuples(st.integers(-3, 9), st.integers(0, 255), st.integers(0, 9), st.booleans()), max_size=120),
)
def test_dagor(window: int, calls: int, moves: list[tuple[int, int, int, bool]]) -> None:
    row, now_ns = [0] * (dagor.WIDTH + 2 * dagor.PERSONS), 0
    exact = oracle.Dagor(256, window, calls, 4)
    for step, level, wait, served in moves:
        now_ns = max(0, now_ns + step)
        admitted = dagor.decide(row, 0, 2, window, calls, 4, 50, 10, level, now_ns, 1) == 0
        assert admitted == exact.ask(level, now_ns)
        assert dagor.open_levels(row, 0, 2) == exact.open
        if served:
            dagor.waited(row, 0, wait)
            exact.waits.append(wait)


@thorough
@given(
    st.integers(1, 20),
    st.lists(
        st.tuples(st.integers(-3, 9), st.integers(0, 5), st.integers(0, 3), st.booleans(), st.booleans()), max_size=120
    ),
)
def test_pi_rejector(period: int, moves: list[tuple[int, int, int, bool, bool]]) -> None:
    row, now_ns = [0] * (pi_rejector.WIDTH + 6), 0
    exact = oracle.PiRejector(6, period, Fraction(1, 10), Fraction(14, 100))
    for step, level, free, leaves, asks in moves:
        now_ns = max(0, now_ns + step)
        if leaves:
            pi_rejector.leave(row, 0)
            exact.left += 1
        if asks:
            admitted = pi_rejector.decide(row, 0, 6, period, 100, 140, free, level, now_ns, 1) == 0
            assert admitted == exact.ask(free, level, now_ns)
            assert row[3] == exact.rate * 10**6


@thorough
@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 20),
    st.lists(
        st.tuples(st.integers(-2, 9), st.booleans(), st.integers(0, 4), st.integers(0, 5), st.integers(0, 9)),
        max_size=80,
    ),
)
def test_fulfilment_credit(store: int, zone: int, stale: int, moves: list[tuple[int, bool, int, int, int]]) -> None:
    width = fulfilment_credit.WIDTH
    state, now_ns, horizons = [0] * 2 * width, 0, (store, zone)
    places = (oracle.Place(stale), oracle.Place(stale))
    for step, asks, a, b, c in moves:
        now_ns = max(0, now_ns + step)
        if asks:
            cost = 1 + a // 3
            answer = fulfilment_credit.decide(state, 0, width, store, zone, stale, 9, now_ns, cost)
            waits = [place.wait(horizon, cost, now_ns) for place, horizon in zip(places, horizons, strict=True)]
            known = [wait for wait in waits if wait is not None]
            if any(place.interval * cost > horizon for place, horizon in zip(places, horizons, strict=True)):
                assert answer == -3
            elif len(known) < 2 or max(known) > 9:
                assert answer == -1
            else:
                assert answer == max(known)
                for place in places if answer == 0 else ():
                    place.free = place.now(now_ns) + place.done_after(cost, now_ns)
                    place.admitted += cost
        else:
            place, at = places[c % 2], c % 2 * width
            arrived = min(place.admitted, place.arrived + b)
            told = max(0, now_ns - b)
            fulfilment_credit.tell(state, at, a, arrived, c, told, now_ns)
            place.tell(a, arrived, c, told, now_ns)


@thorough
@given(
    st.integers(1, 9),
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 5), st.integers(0, 70), st.integers(0, 70)), max_size=80),
)
def test_breakwater(cores: int, clients: int, moves: list[tuple[int, int, int, int]]) -> None:
    row = [0] * breakwater.WIDTH
    exact = oracle.Breakwater(80, cores, clients)
    for delay, client, pending, demand in moves:
        breakwater.control(row, 0, 80, 1, 20, cores, clients, delay % 300)
        exact.control(delay % 300)
        assert breakwater.limit(row, 0, cores) == exact.credits
        client %= clients
        held = exact.held[client]
        assert breakwater.share(row, 0, cores, clients, held, pending, demand) == exact.share(client, pending, demand)


@thorough
@given(
    st.integers(1, 4),
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 50), st.integers(0, 300)), max_size=120),
)
def test_breakwater_of_clients_that_call_and_are_answered(
    cores: int, clients: int, moves: list[tuple[int, bool, int, int]]
) -> None:
    row, mine, now_ns = [0] * breakwater.WIDTH, [0] * (breakwater.CLIENT_WIDTH * clients), 0
    exact, controlled_ns = oracle.Breakwater(80, cores, clients), 0
    for client, calls, step, delay in moves:
        now_ns += step
        breakwater.tick(row, 0, 10, 80, 1, 20, cores, clients, delay, now_ns)
        while controlled_ns + 10 <= now_ns:
            controlled_ns += 10
            exact.control(delay)
        client %= clients
        place = breakwater.CLIENT_WIDTH * client
        if calls:
            answer = breakwater.spend(row, 0, mine, place, cores, clients)
            assert answer == (0 if exact.call(client) else -1)
        elif exact.out[client]:
            breakwater.answered(row, 0, mine, place, cores, clients)
            exact.answered(client)
        assert mine[0::2] == exact.held
        assert mine[1::2] == exact.out
        assert row[:2] == [exact.credits if controlled_ns else 0, sum(exact.held)]


@thorough
@given(
    st.integers(1, 7),
    st.integers(1, 400),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 500), OUTCOME), max_size=80),
)
def test_seda_within_a_millionth_a_second_each_change(
    calls: int, every: int, moves: list[tuple[int, int, int]]
) -> None:
    row, now_ns = [0] * (seda.WIDTH + calls), 0
    exact = oracle.Seda(Fraction(100), Fraction(1, 20), Fraction(110), 150, calls, every)
    of_rate = (100_000_000, 50_000, 110_000_000, 2_000_000, 1200, 900)
    for changes, (step, rtt, outcome) in enumerate(moves, start=1):
        now_ns += step
        seda.observe(row, 0, *of_rate, 150, calls, every, 1, now_ns, rtt, 1, outcome)
        exact.observe(now_ns, rtt, outcome)
        assert (row[2], row[4]) == (exact.slow, len(exact.seen))
        assert abs(Fraction(seda.rate_micro(row, 0, of_rate[0]), 10**6) - exact.rate) <= Fraction(3 * changes, 10**6)
