from __future__ import annotations

from collections import Counter, deque
from math import comb

from hypothesis import given, settings
from hypothesis import strategies as st

from limits import apf
from limits.row import LARGEST
from limits.verdicts import NEVER, SHED

MS = 1_000_000
G = 3 * MS


def row_of(queues: int, length: int) -> list[int]:
    return [0] * apf.width(queues, length)


def hand_of(queues: int, hand: int, number: int) -> list[int]:
    row = row_of(queues, 1)
    apf.deal(row, 0, queues, hand, number)
    return row[7 : 7 + hand]


def test_a_hand_worked_by_hand() -> None:
    assert hand_of(8, 4, 0) == [0, 1, 2, 3]
    # 300 = 4 + 8 * (2 + 7 * 5): card 4 of 0..7, then number 2 of the others, 0 1 2 3 5 6 7, then 5 of 0 1 3 5 6 7
    assert hand_of(8, 3, 300) == [4, 2, 7]


def test_every_hand_of_a_small_deck_is_dealt_once() -> None:
    hands = [tuple(hand_of(5, 3, number)) for number in range(60)]
    assert len(set(hands)) == 60
    assert all(len(set(hand)) == 3 and set(hand) <= set(range(5)) for hand in hands)


def test_flows_are_dealt_evenly() -> None:
    counts = Counter(queue for flow in range(20_000) for queue in hand_of(128, 6, apf.hashed(flow)))
    assert len(counts) == 128
    assert 800 < min(counts.values()) <= max(counts.values()) < 1080  # 937.5 on average


def test_a_whole_hand_is_shared_as_often_as_chance_has_it() -> None:
    """C(8, 3) hands are equally likely: of 20,000 flows 357 have the heavy one's, give or take 4 deviations of 19."""
    heavy = set(hand_of(8, 3, apf.hashed(20_000)))
    shared = sum(set(hand_of(8, 3, apf.hashed(flow))) == heavy for flow in range(20_000))
    assert abs(shared - 20_000 / comb(8, 3)) < 4 * 19


def test_a_level_has_its_share_of_the_seats_rounded_up() -> None:
    assert [apf.seats_of(10, share, 6) for share in (3, 2, 1)] == [5, 4, 2]
    assert [apf.seats_of(servers, 1, 6) for servers in (0, 1, 6, 7)] == [0, 1, 1, 2]
    assert apf.seats_of(10**12, 2**20, 2**20) == 10**12


def test_one_waits_in_the_shortest_queue_of_its_hand_and_equals_take_turns() -> None:
    row = row_of(16, 9)
    taken = [apf.enqueue(row, 0, 16, 4, 9, 0, 7, 0) for _ in range(8)]
    assert sorted(taken) == sorted(hand_of(16, 4, apf.hashed(7)) * 2)
    assert row[3] == 8


def test_a_flow_is_refused_when_all_its_hand_is_full_and_others_are_not() -> None:
    row = row_of(128, 100)
    answers = [apf.enqueue(row, 0, 128, 6, 100, 1, 1, 0) for _ in range(601)]
    assert answers[:600].count(SHED) == 0
    assert answers[600] == SHED
    waits = [row[apf.place_of(0, 100, apf.enqueue(row, 0, 128, 6, 100, 1, flow, 0))] for flow in range(2, 1002)]
    assert max(waits) < 100  # nobody else is refused, and nobody waits behind the flood


def test_turns_are_by_what_a_queue_has_had() -> None:
    row = row_of(2, 9)
    first, second = hand_of(2, 1, apf.hashed(0))[0], 0
    other = next(flow for flow in range(99) if hand_of(2, 1, apf.hashed(flow))[0] != first)
    for flow in (0, 0, 0, other, other, other):
        second = apf.enqueue(row, 0, 2, 1, 9, 1, flow, 0)
    took = {first: 9 * MS, second: 3 * MS}
    now, turns = 0, list[int]()
    while (queue := apf.next_queue(row, 0, 2, 9, 1, G, now)) >= 0:
        assert apf.next_queue(row, 0, 2, 9, 1, G, now) == -1  # one seat
        now += took[queue]
        turns.append(queue)
        apf.finish(row, 0, 9, 1, queue, G, took[queue], now)
    assert len(turns) == 6
    assert turns.index(second, 2) < 4  # the first had 9 ms: the second has its next two turns before
    assert row[:2] == [0, now]
    assert [*row[3:5], row[6]] == [0, 0, 0]


def test_virtual_time_runs_with_the_seats_that_are_used_for_each_queue() -> None:
    row = row_of(2, 9)
    queue = apf.enqueue(row, 0, 2, 1, 9, 4, 0, 0)
    apf.advance(row, 0, 4, 10)
    assert row[0] == 10  # one waits: one seat
    for _ in range(8):
        apf.enqueue(row, 0, 2, 1, 9, 4, 0, 10)
    apf.advance(row, 0, 4, 20)
    assert row[0] == 50  # four seats for one queue
    assert apf.next_queue(row, 0, 2, 9, 4, G, 20) == queue
    apf.finish(row, 0, 9, 4, queue, G, 0, 20)
    assert row[apf.place_of(0, 9, queue) + 2] == 10  # not before the R at which the oldest came


def goodput(flows: list[tuple[int, int]], hand: int) -> dict[int, int]:
    """Return how many of each (flow, arrivals a ms) are done in 2 s by ten seats of 10 ms, one a ms."""
    row, queues = row_of(128, 100), [deque[int]() for _ in range(128)]
    running, done = deque[tuple[int, int]](), Counter[int]()
    for ms in range(2000):
        now = ms * MS
        while running and running[0][0] <= now:
            apf.finish(row, 0, 100, 10, running.popleft()[1], G, 10 * MS, now)
        for flow, arrivals in flows:
            for _ in range(arrivals if ms % 20 == 0 or arrivals > 1 else 0):
                queue = apf.enqueue(row, 0, 128, hand, 100, 10, flow, now)
                if queue >= 0:
                    queues[queue].append(flow)
        while (queue := apf.next_queue(row, 0, 128, 100, 10, G, now)) >= 0:
            running.append((now + 10 * MS, queue))
            done[queues[queue].popleft()] += 1
    return done


def test_light_flows_are_all_served_beside_a_flood() -> None:
    done = goodput([(0, 20), *((flow, 1) for flow in range(1, 6))], 6)
    assert all(done[flow] >= 99 for flow in range(1, 6))  # of 100
    assert done[0] > 1400


def test_odd_parameters_and_clocks() -> None:
    row = row_of(4, 2)
    assert apf.enqueue(row, 0, 0, 6, 2, 1, 0, 0) == NEVER
    assert apf.enqueue(row, 0, 4, 0, 2, 1, 0, 0) == NEVER
    assert apf.next_queue(row, 0, 4, 2, 1, G, 0) == -1
    apf.finish(row, 0, 2, 1, 3, G, 5, 0)
    queue = apf.enqueue(row, 0, 4, 99, 2, LARGEST, LARGEST, LARGEST)
    assert 0 <= queue < 4
    assert apf.next_queue(row, 0, 4, 2, LARGEST, LARGEST, 0) == queue
    apf.finish(row, 0, 2, LARGEST, queue, 0, LARGEST, LARGEST)
    assert row[1] == LARGEST
    assert max(row) == LARGEST


@settings(max_examples=200)
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(-2, 9), st.integers(0, 4), st.integers(0, 9)), max_size=80),
)
def test_as_the_rule_with_lists(seats: int, moves: list[tuple[int, int, int]]) -> None:
    row, now, real = row_of(5, 3), 0, 0
    waiting: list[list[int]] = [[] for _ in range(5)]  # the R at which each came
    start, running, virtual, last = [0] * 5, [0] * 5, 0, 0
    for step, what, k in moves:
        now = max(0, now + step)
        active = [q for q in range(5) if waiting[q] or running[q]]
        if active and now > real:
            busy = min(seats, sum(map(len, waiting)) + sum(running))
            virtual += (now - real) * busy // len(active)
        real = max(real, now)
        if what < 3:
            queue = apf.enqueue(row, 0, 5, 2, 3, seats, k, now)
            if queue == SHED:
                assert all(len(waiting[q]) == 3 for q in hand_of(5, 2, apf.hashed(k)))
                continue
            assert queue in hand_of(5, 2, apf.hashed(k))
            assert len(waiting[queue]) == min(len(waiting[q]) for q in hand_of(5, 2, apf.hashed(k)))
            if not waiting[queue] and not running[queue]:
                start[queue] = virtual
            waiting[queue].append(virtual)
        elif what == 3:
            queue = apf.next_queue(row, 0, 5, 3, seats, 4, now)
            order = [(last + 1 + i) % 5 for i in range(5)]
            ready = [q for q in order if waiting[q]] if sum(running) < seats else []
            assert queue == (min(ready, key=lambda q: start[q]) if ready else -1)
            if queue < 0:
                continue
            del waiting[queue][0]
            running[queue] += 1
            start[queue] += 4
            last = queue
        else:
            queue = k % 5
            apf.finish(row, 0, 3, seats, queue, 4, k, now)
            if not running[queue]:
                continue
            running[queue] -= 1
            start[queue] = max(0, start[queue] + k - 4)
        if waiting[queue]:
            start[queue] = max(start[queue], waiting[queue][0])
        if not any(waiting) and not any(running):
            virtual = 0
        assert row[0] == virtual
        assert row[3:5] == [sum(map(len, waiting)), sum(running)]
