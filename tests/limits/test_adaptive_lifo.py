from __future__ import annotations

from collections import deque
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from limits import adaptive_lifo
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

MS = 1_000_000


def test_the_rule_of_the_article() -> None:
    # Last empty at 10 ms. What comes up to 110 ms may wait 100 ms, what comes later 5 ms.
    row = [0]
    adaptive_lifo.arrives(row, 0, 0, 10 * MS)
    adaptive_lifo.arrives(row, 0, 1, 50 * MS)

    def answer(came_ms: int, waited_ns: int) -> int:
        return adaptive_lifo.decide(row, 0, 100 * MS, 5 * MS, waited_ns, came_ms * MS + waited_ns, 1)

    assert [answer(10, 100 * MS), answer(10, 100 * MS + 1)] == [ADMITTED, SHED]
    assert [answer(110, 100 * MS), answer(110, 100 * MS + 1)] == [ADMITTED, SHED]
    assert [answer(111, 5 * MS), answer(111, 5 * MS + 1)] == [ADMITTED, SHED]


def test_the_newest_goes_first_while_the_queue_stands() -> None:
    row = [0]
    adaptive_lifo.arrives(row, 0, 0, 10)
    assert [adaptive_lifo.newest_first(row, 0, 100, now_ns) for now_ns in (10, 110, 111)] == [False, False, True]
    adaptive_lifo.arrives(row, 0, 3, 150)
    assert adaptive_lifo.newest_first(row, 0, 100, 150)
    adaptive_lifo.arrives(row, 0, 0, 160)
    assert not adaptive_lifo.newest_first(row, 0, 100, 160)


def rush(station: Callable[[deque[int], int], int | None]) -> list[int]:
    """For 2 s two come each ms and one is served, then none come; return the waits in ms of all that were served."""
    queue, waits = deque[int](), []
    for now_ms in range(3000):
        if now_ms < 2000:
            queue.extend((now_ms, now_ms))
        came_ms = station(queue, now_ms)
        if came_ms is not None:
            waits.append(now_ms - came_ms)
    return waits


def adaptive(row: list[int]) -> Callable[[deque[int], int], int | None]:
    """Return the station of the module's top."""

    def answer(came_ms: int, now_ms: int) -> int:
        return adaptive_lifo.decide(row, 0, 100 * MS, 5 * MS, (now_ms - came_ms) * MS, now_ms * MS, 1)

    def station(queue: deque[int], now_ms: int) -> int | None:
        fresh = sum(came_ms == now_ms for came_ms in queue)
        for i in range(fresh):
            adaptive_lifo.arrives(row, 0, len(queue) - fresh + i, now_ms * MS)
        while queue and answer(queue[0], now_ms) == SHED:
            queue.popleft()
        while queue:
            came_ms = queue.pop() if adaptive_lifo.newest_first(row, 0, 100 * MS, now_ms * MS) else queue.popleft()
            if answer(came_ms, now_ms) == ADMITTED:
                return came_ms
        return None

    return station


def test_in_a_rush_nearly_all_that_are_served_were_fresh_and_the_queue_ends_with_it() -> None:
    waits = rush(adaptive([0]))
    assert max(waits) <= 100
    assert sum(wait <= 5 for wait in waits) > 1850
    first_come = rush(lambda queue, now_ms: queue.popleft() if queue else None)
    assert sum(wait <= 100 for wait in first_come) < 210  # without it nearly all come too late


def test_it_fails_those_who_wait_when_it_begins_to_stand() -> None:
    queue, served = deque[int](), []
    station = adaptive([0])
    for now_ms in range(300):
        queue.extend((now_ms, now_ms))
        came_ms = station(queue, now_ms)
        served += [] if came_ms is None else [came_ms]
    # By 100 ms those of the first 50 ms have been served in turn. Of the next 50 ms nobody ever is; then one a ms is.
    assert served[:101] == [came_ms // 2 for came_ms in range(101)]
    assert served[101:] == list(range(101, 300))


def test_a_cost_of_nothing_and_a_negative_one() -> None:
    assert adaptive_lifo.decide([0], 0, 100, 5, 1000, 5000, 0) == ADMITTED
    assert adaptive_lifo.decide([0], 0, 100, 5, 1000, 5000, -1) == NEVER


def test_a_clock_that_steps_back_and_a_wait_below_zero() -> None:
    row = [50]
    adaptive_lifo.arrives(row, 0, 0, 20)
    assert row == [50]
    assert adaptive_lifo.decide(row, 0, 100, 5, -20, 500, 1) == ADMITTED
    assert adaptive_lifo.decide(row, 0, 100, 5, 10, 20, 1) == ADMITTED


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    assert adaptive_lifo.decide([LARGEST], 0, LARGEST, LARGEST, LARGEST, 0, 1) == ADMITTED
    assert adaptive_lifo.decide([0], 0, 0, 0, LARGEST, LARGEST, 1) == SHED
    assert adaptive_lifo.newest_first([0], 0, 0, LARGEST)
    assert not adaptive_lifo.newest_first([0], 0, LARGEST, 0)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60))
def test_nobody_is_served_who_waited_over_the_standing_time_nor_dropped_under_the_short(
    moves: list[tuple[int, bool]],
) -> None:
    row, queue, now_ns = [0], deque[int](), 0
    for step_ns, comes in moves:
        now_ns += step_ns
        if comes:
            adaptive_lifo.arrives(row, 0, len(queue), now_ns)
            queue.append(now_ns)
        elif queue:
            waited_ns = now_ns - (queue.pop() if adaptive_lifo.newest_first(row, 0, 50, now_ns) else queue.popleft())
            answer = adaptive_lifo.decide(row, 0, 50, 7, waited_ns, now_ns, 1)
            assert answer == ADMITTED or waited_ns > 7
            assert answer == SHED or waited_ns <= 50
