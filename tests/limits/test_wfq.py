from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from limits import wfq
from limits.learned import MOST
from limits.row import LARGEST


def served(flows: list[tuple[int, int]], turns: int) -> list[int]:
    """Return how much of each (weight, cost) flow is served in so many turns, where all always wait."""
    row, waiting = [0] * (wfq.WIDTH + len(flows)), list[tuple[int, int, int]]()
    done, came = [0] * len(flows), 0
    for _ in range(3):
        for flow, (weight, cost) in enumerate(flows):
            waiting.append((wfq.enqueue(row, 0, flow, weight, cost), came, flow))
            came += 1
    for _ in range(turns):
        tag, number, flow = min(waiting)
        waiting.remove((tag, number, flow))
        weight, cost = flows[flow]
        waiting.append((wfq.enqueue(row, 0, flow, weight, cost), came, flow))
        wfq.serve(row, 0, len(flows), tag)
        done[flow] += cost
        came += 1
    return done


def test_tags_worked_by_hand() -> None:
    row = [0] * (wfq.WIDTH + 2)
    one = wfq.ONE
    assert [wfq.enqueue(row, 0, 0, 2, 1) for _ in range(2)] == [one // 2, one]
    assert wfq.enqueue(row, 0, 1, 1, 3) == 3 * one
    wfq.serve(row, 0, 2, one // 2)
    wfq.serve(row, 0, 2, one)
    assert wfq.enqueue(row, 0, 0, 2, 1) == one + one // 2  # before the one that costs 3
    wfq.serve(row, 0, 2, one + one // 2)
    wfq.serve(row, 0, 2, 3 * one)
    assert row == [0] * (wfq.WIDTH + 2)  # nobody waits


def test_flows_share_by_their_weights_whatever_one_costs() -> None:
    assert served([(1, 1), (3, 1)], 4000) == [1000, 3000]
    assert served([(1, 1), (1, 4)], 5000) == [4000, 4000]


def test_a_flow_that_was_away_is_not_owed_for_it() -> None:
    row = [0] * (wfq.WIDTH + 2)
    for _ in range(100):
        tag = wfq.enqueue(row, 0, 0, 1, 1)
    for k in range(1, 100):
        wfq.serve(row, 0, 2, k * wfq.ONE)
    assert wfq.enqueue(row, 0, 1, 1, 1) == tag  # the hundredth turn, and not the first


def test_one_that_gives_up_leaves() -> None:
    row = [0] * (wfq.WIDTH + 1)
    wfq.enqueue(row, 0, 0, 1, 1)
    wfq.leave(row, 0, 1)
    wfq.leave(row, 0, 1)
    assert row == [0] * (wfq.WIDTH + 1)


def test_odd_weights_and_costs_and_the_largest_tags() -> None:
    row = [0] * (wfq.WIDTH + 1)
    assert wfq.enqueue(row, 0, 0, 0, -5) == wfq.ONE
    assert wfq.enqueue(row, 0, 0, LARGEST, LARGEST) == 2 * wfq.ONE
    row[0] = LARGEST
    assert wfq.enqueue(row, 0, 0, 1, MOST) == LARGEST


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=4),
    st.integers(20, 200),
)
def test_no_flow_is_ahead_of_another_by_more_than_one_of_each(flows: list[tuple[int, int]], turns: int) -> None:
    done = [Fraction(work, weight) for work, (weight, _) in zip(served(flows, turns), flows, strict=True)]
    step = [Fraction(cost, weight) for weight, cost in flows]
    for i in range(len(flows)):
        for j in range(len(flows)):
            assert done[i] - done[j] <= step[i] + step[j] + Fraction(turns, 1000)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(1, 5), st.booleans()), max_size=60))
def test_the_tags_are_those_of_the_rule(moves: list[tuple[int, int, int, bool]]) -> None:
    row, virtual, last, waiting = [0] * (wfq.WIDTH + 3), Fraction(0), [Fraction(0)] * 3, list[tuple[Fraction, int]]()
    for flow, weight, cost, serves in moves:
        last[flow] = max(virtual, last[flow]) + Fraction(cost, weight)
        tag = wfq.enqueue(row, 0, flow, weight, cost)
        assert abs(Fraction(tag, wfq.ONE) - last[flow]) < Fraction(60, wfq.ONE)
        waiting.append((last[flow], tag))
        if serves:
            virtual, tag = min(waiting)
            waiting.remove((virtual, tag))
            wfq.serve(row, 0, 3, tag)
            if not waiting:
                virtual, last = Fraction(0), [Fraction(0)] * 3
        assert row[1] == len(waiting)
