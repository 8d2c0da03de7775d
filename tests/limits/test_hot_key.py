from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from limits import hot_key, token_bucket
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER

Ask = Callable[[int, int, int], int]


def law(
    slots: int, burst: int = 2, per_ns: int = 10, overrides: Sequence[int] = (), row: list[int] | None = None
) -> Ask:
    """Return (key, now_ns, cost) -> answer, at one token per `per_ns`."""
    state = [0] * hot_key.width(slots) if row is None else row
    own = (list(overrides), 0, len(overrides) // 4)
    return lambda key, now_ns, cost: hot_key.decide(state, 0, slots, 1, per_ns, burst, *own, key, now_ns, cost)


def test_each_key_has_a_bucket_of_its_own() -> None:
    ask = law(4)
    assert [ask(key, 0, 1) for key in (7, 8, 7, 8, 7, 8)] == [0, 0, 0, 0, 10, 10]
    assert ask(7, 10, 1) == ADMITTED
    assert ask(9, 10, 2) == ADMITTED


def test_an_exception_has_its_own_rate_and_burst() -> None:
    ask = law(4, overrides=[7, 1, 100, 1, 9, 1, 1, 5, 11, 0, 1, 5])
    assert [ask(7, 0, 1), ask(7, 0, 1), ask(7, 0, 2)] == [0, 100, NEVER]
    assert [ask(9, 0, 5), ask(9, 0, 1)] == [0, 1]
    assert ask(11, 0, 1) == NEVER  # a closed door
    assert [ask(8, 0, 2), ask(8, 0, 1), ask(10, 0, 2), ask(12, 0, 3)] == [0, 10, 0, NEVER]


def test_every_exception_is_found_and_nothing_else() -> None:
    for count in range(9):
        overrides = [number for key in range(count) for number in (10 * key, 1, 1, 1)]
        found = [hot_key.find_override(overrides, 0, count, key) for key in range(-10, 10 * count + 10)]
        assert [at for at in found if at >= 0] == [4 * key for key in range(count)]
        assert all(overrides[at] == key for key, at in enumerate(found, start=-10) if at >= 0)


def test_a_full_bucket_makes_room_before_an_older_one_that_is_not() -> None:
    row = [0] * hot_key.width(2)
    ask = law(2, overrides=[7, 1, 10**6, 1], row=row)
    assert [ask(7, 0, 1), ask(8, 0, 2)] == [0, 0]
    assert ask(9, 20, 1) == ADMITTED  # 8 is full again, and leaves; 7 is older and is not
    assert row[0] == 0
    assert ask(7, 20, 1) == 10**6 - 20
    assert ask(8, 20, 1) == ADMITTED  # 9 makes room, with one token missing
    assert row[0] == 1


def test_a_full_bucket_is_looked_for_among_the_eight_oldest() -> None:
    slow = [number for key in range(9) for number in (key, 1, 10**6, 1)]
    for place, forgotten in ((7, 0), (8, 1)):
        row = [0] * hot_key.width(9)
        ask = law(9, overrides=slow[: 4 * place] + slow[4 * place + 4 :], row=row)
        assert [ask(key, 0, 1) for key in range(9)] == [0] * 9
        assert ask(100, 50, 1) == ADMITTED
        assert row[0] == forgotten


def test_a_door_that_closed_keeps_its_row_as_it_is_and_one_that_is_usual_does_not_matter_to_an_exception() -> None:
    row, closed, fast = [0] * hot_key.width(1), [1, 0, 1, 2], [1, 1, 1, 2]
    assert law(1, row=row)(1, 0, 2) == ADMITTED
    assert law(1, row=row, overrides=closed)(2, 10**6, 1) == ADMITTED
    assert row[0] == 1  # it had nothing come in, so it was not full

    row = [0] * hot_key.width(1)
    assert hot_key.decide(row, 0, 1, 0, 1, 1, [*fast, 2, 1, 1, 1], 0, len(fast) // 4 + 1, 1, 0, 2) == ADMITTED
    assert hot_key.decide(row, 0, 1, 0, 1, 1, [*fast, 2, 1, 1, 1], 0, len(fast) // 4 + 1, 2, 10, 1) == ADMITTED
    assert row[0] == 0  # full by its own rate, though the usual one is 0


def test_what_a_thief_of_room_gains_and_what_it_costs() -> None:
    # Spend a burst, ask 3 other keys at once, and have the burst again: 2 tokens for 3 questions.
    row = [0] * hot_key.width(3)
    ask = law(3, row=row)
    assert [ask(1, 0, 1), ask(1, 0, 1), ask(1, 0, 1)] == [0, 0, 10]
    assert [ask(key, 0, 1) for key in (2, 3)] == [0, 0]
    assert ask(1, 0, 1) == 10
    assert [ask(key, 0, 1) for key in (4, 5, 6)] == [0, 0, 0]
    assert row[0] == 3
    assert ask(1, 0, 2) == ADMITTED


def test_who_asks_often_stays_throttled_while_keys_are_invented() -> None:
    row = [0] * hot_key.width(50)
    ask = law(50, per_ns=10**9, row=row)
    assert ask(10**9, 0, 2) == ADMITTED
    for invented in range(20_000):
        assert ask(invented, invented, 1) == ADMITTED  # each has its burst: no law by key limits their sum
        if invented % 40 == 0:
            assert ask(10**9, invented, 1) > 0
    assert len(row) == hot_key.width(50)
    assert row[0] > 19_000


def test_nothing_is_lost_while_fewer_keys_come_than_rows_within_the_time_to_fill() -> None:
    # A bucket fills in 20 ns: with 21 rows and a new key each ns the one that leaves is always full.
    row = [0] * hot_key.width(21)
    ask = law(21, row=row)
    for now_ns in range(2000):
        assert ask(now_ns, now_ns, 2) == ADMITTED
    assert row[0] == 0


def test_what_can_never_fit_or_costs_nothing_takes_no_row() -> None:
    row = [0] * hot_key.width(2)
    ask = law(2, row=row)
    assert [ask(1, 5, 0), ask(1, 5, -1), ask(1, 5, 3), ask(1, 5, 2**63 - 1)] == [ADMITTED, NEVER, NEVER, NEVER]
    assert hot_key.decide(row, 0, 2, 0, 1, 2, [], 0, 0, 1, 5, 1) == NEVER
    assert hot_key.decide([0], 0, 0, 1, 1, 2, [], 0, 0, 1, 5, 1) == NEVER
    assert row == [0] * hot_key.width(2)


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [0] * hot_key.width(1)
    for key in (LARGEST, LARGEST - 1):
        assert hot_key.decide(row, 0, 1, LARGEST, LARGEST, 1, [], 0, 0, key, LARGEST, 1) == ADMITTED
        assert hot_key.decide(row, 0, 1, LARGEST, LARGEST, 1, [], 0, 0, key, LARGEST, 1) == 1
    assert max(row) <= LARGEST


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(-1, 3)), max_size=80),
)
def test_without_forgetting_it_is_a_token_bucket_a_key(slots: int, questions: list[tuple[int, int, int]]) -> None:
    row, buckets, now_ns = [0] * hot_key.width(slots), {key: [0, 0] for key in range(7)}, 0
    ask = law(slots, row=row)
    for step_ns, key, cost in questions:
        now_ns += step_ns
        answer = ask(key, now_ns, cost)
        if row[0] > 0:
            return
        assert answer == token_bucket.decide(buckets[key], 0, 1, 10, 2, now_ns, cost)


def test_a_changed_rate_is_carried_over_for_all_keys_but_the_exceptions() -> None:
    row, own = [0] * hot_key.width(4), [7, 1, 100, 1]
    before, after = (1, 10, 2), (1, 20, 2)
    for key in (1, 7):
        assert hot_key.decide(row, 0, 4, *before, own, 0, 1, key, 0, 1) == ADMITTED
    hot_key.change(row, 0, 4, *before, *after, own, 0, 1, 0)
    alone = [0] * token_bucket.WIDTH
    assert token_bucket.decide(alone, 0, *before, 0, 1) == ADMITTED
    token_bucket.change(alone, 0, *before, *after, 0)
    for now_ns in (0, 0, 5, 20):
        said = hot_key.decide(row, 0, 4, *after, own, 0, 1, 1, now_ns, 1)
        assert said == token_bucket.decide(alone, 0, *after, now_ns, 1)
    assert hot_key.decide(row, 0, 4, *after, own, 0, 1, 7, 20, 1) == 80
