from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import load_multiplier, window
from limits.outcomes import IGNORED, SUCCESS
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

MS = 1_000_000
S = 1_000_000_000
PAST = (30, 60 * S)  # slices of the past
APERTURE = (10 * S, 1250, 100, 25, 2000)  # tick, tolerance, least, increment, most
STEP, EACH = 5, 6


def row_of(slices: int = 30) -> list[int]:
    return [0] * (load_multiplier.WIDTH + 2 * slices)


def answered(row: list[int], now_ns: int, rtt_ns: int, calls: int = 1) -> None:
    for _ in range(calls):
        load_multiplier.observe(row, 0, *PAST, now_ns, rtt_ns, 1, SUCCESS)


def asked(row: list[int], now_ns: int, calls: int = 1) -> list[int]:
    return [load_multiplier.decide(row, 0, *APERTURE, now_ns, 1) for _ in range(calls)]


def usual(slow: bool = False) -> list[int]:
    """Return a row at 10 s that took 10 ms as ever, and in the last tick, with 100 calls, 10 ms or, if slow, 50."""
    row = row_of()
    answered(row, 0, 10 * MS, 10_000)
    row[3:5] = [0, 0]
    asked(row, 0, 100)
    answered(row, 9 * S, 50 * MS if slow else 10 * MS, 10)
    return row


def test_a_new_row_lets_all_in_and_goes_on_so_while_nothing_is_slow() -> None:
    row = usual()
    assert asked(row, 10 * S, 1000) == [ADMITTED] * 1000
    assert row[EACH] == 0


def test_a_slow_tick_cuts_what_is_let_in_by_how_slow_it_was() -> None:
    row = usual(slow=True)
    # The mean of all is (10,000 * 10 + 10 * 50) / 10,010 = 10.04 ms; 1.25 * 10.04 / 50 = 0.251 of 10 a second.
    answers = asked(row, 10 * S, 10)
    assert answers[:2] == [ADMITTED] * 2  # a second of it
    assert answers[2] > 0
    assert round(S / row[EACH], 3) == 2.51
    assert asked(row, 10 * S + answers[2] - 1) != [ADMITTED]
    assert asked(row, 10 * S + answers[2]) == [ADMITTED]


def test_after_it_the_steps_grow() -> None:
    row = row_of()
    answered(row, 0, 10 * MS, 10_000)
    found = []
    row[STEP] = 1
    for _ in range(4):
        row[1:5] = [100, 50, 10 * MS, 1]
        found.append(load_multiplier.multiplier(row, 0, *APERTURE[1:]))
    assert found == [525_000, 550_000, 575_000, 600_000]
    row[1:5] = [100, 100, 10 * MS, 1]
    row[STEP] = 1 + 975_000
    assert load_multiplier.multiplier(row, 0, *APERTURE[1:]) == 2_000_000


def test_the_cut_is_by_nine_tenths_at_most_and_forgets_the_steps() -> None:
    row = row_of()
    answered(row, 0, 10 * MS, 10_000)
    row[1:6] = [100, 80, 9 * S, 1, 1 + 500_000]
    assert load_multiplier.multiplier(row, 0, *APERTURE[1:]) == 80_000
    assert row[STEP] == 1


def test_a_tick_without_questions_changes_nothing() -> None:
    row = usual(slow=True)
    asked(row, 10 * S)
    each = row[EACH]
    row[1] = 0
    asked(row, 20 * S)
    assert row[EACH] == each


def closed_loop(ticks: int) -> list[int]:
    """Return how many of 200 a second get in in each tick, where a call takes 10 ms up to 100 a second, 40 above."""
    row, found = row_of(), []
    for tick in range(ticks):
        entered = 0
        rate = 50 if tick < 60 else 200
        for k in range(rate * 10):
            now_ns = tick * 10 * S + k * S // rate
            if asked(row, now_ns) == [ADMITTED]:
                entered += 1
                answered(row, now_ns, 10 * MS if tick < 60 or entered <= (k + 1) * 100 // rate + 100 else 40 * MS)
        found.append(entered)
    return found


def test_it_goes_down_from_what_came_and_up_by_growing_steps() -> None:
    found = closed_loop(80)
    assert found[:60] == [500] * 60
    assert found[60] == 2000
    assert min(found[61:]) < 1000


def test_it_fails_by_learning_the_overload() -> None:
    row = row_of()
    for second in range(1800):
        answered(row, second * S, 50 * MS)
    asked(row, 1800 * S, 10)
    answered(row, 1801 * S, 50 * MS, 10)
    asked(row, 1811 * S)
    assert row[EACH] == 0  # five times what it was, and all are let in


def test_odd_costs_ignored_calls_and_no_window() -> None:
    row = row_of()
    assert [load_multiplier.decide(row, 0, *APERTURE, 0, cost) for cost in (0, -1, 7)] == [ADMITTED, NEVER, ADMITTED]
    assert row[1] == 7
    load_multiplier.observe(row, 0, *PAST, 0, 1, 1, IGNORED)
    load_multiplier.observe(row, 0, 0, 60 * S, 0, 1, 1, SUCCESS)
    assert row[4] == 0
    row[EACH : EACH + 2] = [S, 1]
    assert load_multiplier.decide(row, 0, *APERTURE, 0, 2) == SHED


@given(
    st.lists(
        st.tuples(st.integers(-9 * S, 30 * S), st.integers(0, 3), st.integers(-5, 10**8), st.integers(1, 500)),
        max_size=60,
    )
)
def test_never_negative_and_a_wait_is_of_the_bucket(moves: list[tuple[int, int, int, int]]) -> None:
    row, now_ns = row_of(), 0
    for step_ns, what, rtt_ns, calls in moves:
        now_ns = max(0, now_ns + step_ns)
        if what == 0:
            answered(row, now_ns, rtt_ns, 5)
        else:
            for answer in asked(row, now_ns, calls):
                assert answer == ADMITTED or answer > 0
        assert min(row) >= 0
        assert row[2] <= row[1]
        assert 0 <= row[STEP] <= 1 + 2_000_000


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    row = row_of(2)
    for now_ns in (0, LARGEST):
        for _ in range(3):
            load_multiplier.observe(row, 0, 2, 1, now_ns, LARGEST, 1, SUCCESS)
            load_multiplier.decide(row, 0, 1, LARGEST, LARGEST, LARGEST, LARGEST, now_ns, LARGEST)
    assert max(row) < 2**63
    assert row[9 : 9 + window.WIDTH][0] == LARGEST
