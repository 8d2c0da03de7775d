from __future__ import annotations

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st

from limits import dagor
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

MS = 1_000_000
S = 1_000_000_000
WECHAT = (S, 2_000, 20 * MS, 50, 10)  # window, calls, target, down, up


def row_of(businesses: int = 1) -> list[int]:
    return [0] * (dagor.WIDTH + dagor.PERSONS * businesses)


def asked(row: list[int], levels: list[int], now_ns: int, businesses: int = 1) -> list[int]:
    return [dagor.decide(row, 0, businesses, *WECHAT, level, now_ns, 1) for level in levels]


def test_a_new_row_lets_everybody_in() -> None:
    row = row_of(3)
    assert asked(row, [0, 127, 128, 383], 0, 3) == [ADMITTED] * 4
    assert dagor.open_levels(row, 0, 3) == 384


def test_the_walk_down_and_up_worked_by_hand() -> None:
    row = row_of()
    asked(row, list(range(100)), 0)
    dagor.waited(row, 0, 20 * MS)
    dagor.waited(row, 0, 20 * MS + 1)
    asked(row, [0], S)  # 100 were admitted, 95 are to be: levels 0 to 94
    assert dagor.open_levels(row, 0, 1) == 95
    assert asked(row, [94, 95, *range(1, 94), *range(96, 127)], S) == [ADMITTED, SHED] + [ADMITTED] * 93 + [SHED] * 31
    asked(row, [0], 2 * S)  # 95 of 127 were admitted; 95 + ceil(1.27) are to be: levels 95 and 96 more
    assert dagor.open_levels(row, 0, 1) == 97
    asked(row, [0], 3 * S)  # only one came, and it was let in: one more, but nobody is known to come above
    assert dagor.open_levels(row, 0, 1) == 128


def test_a_window_ends_with_its_time_or_its_calls() -> None:
    row = row_of()
    dagor.waited(row, 0, S)
    asked(row, [5] * 2000, S)
    assert row[1] == 2000
    dagor.waited(row, 0, S)
    asked(row, [5], S)  # all of 5 are too many
    assert (dagor.open_levels(row, 0, 1), row[1]) == (5, 1)
    asked(row, [5], 2 * S - 1)
    assert row[1] == 2
    asked(row, [5], 2 * S)
    assert row[1] == 1


def test_a_mean_wait_of_the_target_is_no_overload_and_none_is_none() -> None:
    row = row_of()
    asked(row, [1, 2, 3], 0)
    dagor.waited(row, 0, 20 * MS)
    asked(row, [1, 2, 3], S)
    asked(row, [1], 2 * S)
    assert dagor.open_levels(row, 0, 1) == 128


def test_business_comes_before_person() -> None:
    row = row_of(2)
    asked(row, [0, 127, 128, 255], 0, 2)
    dagor.waited(row, 0, S)
    asked(row, [], S, 2)
    assert asked(row, [127, 254, 255], S, 2) == [ADMITTED, ADMITTED, SHED]


def test_the_first_level_is_never_shut() -> None:
    row = row_of()
    for second in range(20):
        assert asked(row, [0] * 10, second * S) == [ADMITTED] * 10
        dagor.waited(row, 0, S)
    assert dagor.open_levels(row, 0, 1) == 1


def test_people_are_spread_over_the_levels_and_again_each_hour() -> None:
    now, later = ([dagor.person_level(person, hour * dagor.HOUR_NS) for person in range(128_000)] for hour in (3, 4))
    for levels in (now, later):
        counts = Counter(levels)
        assert len(counts) == 128
        assert 850 < min(counts.values()) <= max(counts.values()) < 1150
    assert 850 < sum(a == b for a, b in zip(now, later, strict=True)) < 1150
    assert dagor.person_level(7, 0) == dagor.person_level(7, dagor.HOUR_NS - 1)
    assert 0 <= dagor.person_level(LARGEST, LARGEST) < 128


def seconds(rate: int, level_of: list[int]) -> list[int]:
    """Return how many of `rate` a second get in, in each of 60 s, where 100 a second can be served in order."""
    row, queue, found = row_of(), deque[int](), []
    for second in range(60):
        entered = 0
        for k in range(rate):
            now_ns = second * S + k * S // rate
            if dagor.decide(row, 0, 1, *WECHAT, level_of[k % len(level_of)], now_ns, 1) == ADMITTED:
                entered += 1
                queue.append(now_ns)
            if k % (rate // 100) == 0 and queue:
                dagor.waited(row, 0, now_ns - queue.popleft())
        found.append(entered)
    return found


def test_it_fails_by_going_down_as_long_as_the_queue_drains_and_comes_back_slowly() -> None:
    found = seconds(200, [k * 37 % 128 for k in range(128)])
    assert found[:4] == [200, 190, 180, 170]
    assert (found[12], min(found), found.index(min(found)), found[58]) == (99, 31, 29, 101)


def test_it_fails_where_most_are_at_one_level_all_or_none() -> None:
    last = seconds(200, [60])[30:]
    assert set(last) <= {0, 200}
    assert len(set(last)) == 2


def test_odd_costs_and_levels_outside() -> None:
    row = row_of()
    assert [dagor.decide(row, 0, 1, *WECHAT, 3, 0, cost) for cost in (0, -1, 9)] == [ADMITTED, NEVER, ADMITTED]
    assert row[1] == 1
    assert dagor.decide(row, 0, 0, *WECHAT, 3, 0, 1) == NEVER
    assert asked(row, [-5, LARGEST], 0) == [ADMITTED] * 2
    assert (row[dagor.WIDTH], row[dagor.WIDTH + 127]) == (1, 1)


def test_idle_time_and_a_clock_that_steps_back() -> None:
    row = row_of()
    asked(row, [1, 2, 3], S)
    dagor.waited(row, 0, S)
    asked(row, [1], LARGEST)
    assert dagor.open_levels(row, 0, 1) == 3
    assert asked(row, [1, 3], 0) == [ADMITTED, SHED]
    assert row[0] == 1 + LARGEST


@given(st.lists(st.tuples(st.integers(-2 * S, 2 * S), st.integers(0, 127), st.integers(-S, S)), max_size=80))
def test_who_matters_more_gets_in_where_who_matters_less_does(moves: list[tuple[int, int, int]]) -> None:
    row, now_ns = row_of(), 0
    for step_ns, level, wait_ns in moves:
        now_ns = max(0, now_ns + step_ns)
        if asked(row, [level], now_ns) == [ADMITTED]:
            assert asked(row.copy(), [level // 2], now_ns) == [ADMITTED]
        else:
            assert asked(row.copy(), [(level + 127) // 2], now_ns) == [SHED]
        dagor.waited(row, 0, wait_ns)
        assert min(row) >= 0
        assert row[2] <= row[1] == sum(row[dagor.WIDTH :])
        assert 1 <= dagor.open_levels(row, 0, 1) <= 128
