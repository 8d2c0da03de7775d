from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from limits import pi_rejector
from limits.learned import MOST
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

MS = 1_000_000
S = 1_000_000_000
PERIOD = (S // 2, 100, 100)  # period, kp, ki
RATE, REFUSED = 3, 5


def row_of(levels: int = 10) -> list[int]:
    return [0] * (pi_rejector.WIDTH + levels)


def asked(row: list[int], levels: list[int], now_ns: int, free: int = 0, of: int = 10) -> list[int]:
    return [pi_rejector.decide(row, 0, of, *PERIOD, free, level, now_ns, 1) for level in levels]


def calibrated(row: list[int], entered: int, left: int, free: int = 0) -> int:
    """Return the rate, in millionths, after a period, with kp = 0.1 and ki = 0.2."""
    row[1:3] = [entered, left]
    pi_rejector.calibrate(row, 0, 100, 200, free)
    return row[RATE]


def test_the_controller_worked_by_hand() -> None:
    row = row_of()
    assert calibrated(row, 150, 100) == 150_000  # e = 0.5: I = 0.1, + 0.05
    assert calibrated(row, 120, 100) == 160_000  # e = 0.2: I = 0.14, + 0.02
    assert calibrated(row, 100, 100) == 140_000  # e = 0
    assert calibrated(row, 90, 100) == 110_000  # e = -0.1: I = 0.12, - 0.01
    assert calibrated(row, 100, 100, 100) == 0  # e = -1: I = 0
    assert calibrated(row, 7, 0) == 1_000_000  # e = 7: I = 1 and not 1.4


def test_the_sum_does_not_wind_up() -> None:
    row = row_of()
    for _ in range(100):
        calibrated(row, 300, 100)
    assert row[RATE] == 1_000_000
    assert calibrated(row, 50, 100) == 850_000  # it turns at once: I = 0.9, - 0.05
    for _ in range(100):
        calibrated(row, 0, 100, 1000)
    assert calibrated(row, 150, 100) == 150_000


def test_the_least_important_are_refused_up_to_the_share() -> None:
    row = row_of()
    asked(row, list(range(10)) * 10, 0)
    for rate, refused in ((0, 0), (1, 0), (100_000, 0), (100_001, 1), (350_000, 3), (1_000_000, 9)):
        row[RATE] = rate
        assert pi_rejector.from_the_end(row, 0, 10) == refused
    row[REFUSED] = 3
    assert asked(row, list(range(10)), 1) == [ADMITTED] * 7 + [SHED] * 3


def test_only_the_last_thousand_arrivals_count() -> None:
    row = row_of()
    asked(row, [9] * 5000, 0)
    asked(row, [2] * 600 + [5] * 400, 0)
    assert row[pi_rejector.WIDTH :] == [0, 0, 600, 0, 0, 400, 0, 0, 0, 0]


def seconds(rate: int, levels: int, ki_milli: int = 100) -> tuple[list[int], int]:
    """Return how many of `rate` a second get in, for 60 s, where 100 go on and 20 may be inside; and how many wait."""
    row, inside, found = row_of(levels), deque[int](), []
    for second in range(60):
        entered = 0
        for k in range(rate):
            now_ns = second * S + k * S // rate
            while inside and inside[0] <= now_ns:
                inside.popleft()
                pi_rejector.leave(row, 0)
            free = max(0, 20 - len(inside))
            level = k * 37 % levels
            if pi_rejector.decide(row, 0, levels, S // 2, 100, ki_milli, free, level, now_ns, 1) == ADMITTED:
                entered += 1
                inside.append(max(inside[-1] if inside else 0, now_ns) + S // 100)
        found.append(entered)
    return found, len(inside)


def test_it_lets_in_what_goes_on_where_priorities_are_many() -> None:
    found, _ = seconds(200, 100)
    assert found[:5] == [181, 151, 136, 125, 118]
    assert found[20:] == [100] * 40
    assert seconds(1000, 100)[0][2:] == [100] * 58


def test_it_lets_everybody_in_where_there_is_room() -> None:
    assert seconds(50, 100)[0] == [50] * 60


def test_it_fails_by_keeping_the_queue_that_it_has() -> None:
    assert seconds(200, 100)[1] == 252  # 2.5 s of work


def test_it_fails_by_swinging_between_all_and_none_with_a_large_ki() -> None:
    assert set(seconds(1000, 100, 1400)[0][1:]) == {505}  # each other half second


def test_it_fails_where_all_have_one_priority() -> None:
    assert seconds(200, 1)[0] == [200] * 60


def test_odd_costs_levels_and_clocks() -> None:
    row = row_of()
    assert [pi_rejector.decide(row, 0, 10, *PERIOD, 5, 3, 7, cost) for cost in (0, -1, 9)] == [
        ADMITTED,
        NEVER,
        ADMITTED,
    ]
    assert pi_rejector.decide(row, 0, 0, *PERIOD, 5, 3, 7, 1) == NEVER
    assert asked(row, [-3, LARGEST], 0) == [ADMITTED] * 2
    assert row[0] == 1 + 7
    assert (row[pi_rejector.WIDTH], row[pi_rejector.WIDTH + 9]) == (1, 1)


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    row = row_of()
    row[1:5] = [0, MOST, pi_rejector.MILLION, pi_rejector.MILLION]
    pi_rejector.calibrate(row, 0, 10**6, 10**6, LARGEST)
    assert row[3:5] == [0, 0]


@given(
    st.lists(
        st.tuples(st.integers(-S, 3 * S), st.integers(0, 9), st.integers(0, 30), st.booleans()),
        max_size=80,
    )
)
def test_who_matters_more_gets_in_where_who_matters_less_does(moves: list[tuple[int, int, int, bool]]) -> None:
    row, now_ns = row_of(), 0
    for step_ns, level, free, leaves in moves:
        now_ns = max(0, now_ns + step_ns)
        if leaves:
            pi_rejector.leave(row, 0)
        if asked(row, [level], now_ns, free) == [ADMITTED]:
            assert asked(row.copy(), [level // 2], now_ns) == [ADMITTED]
        assert 0 <= row[RATE] <= pi_rejector.MILLION
        assert 0 <= row[REFUSED] <= 9
        assert row[7] == sum(row[pi_rejector.WIDTH :])
        assert min(row[pi_rejector.WIDTH :]) >= 0
