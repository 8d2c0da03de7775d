from __future__ import annotations

import sys
from array import array
from collections import OrderedDict
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.keys import LAWS as FIXED_STATE
from limits import keys
from limits.row import LARGEST


def order(table: list[int], at: int, slots: int, row_width: int) -> list[int]:
    """Return the keys of a table from the least to the most recently asked."""
    entry, found = keys.oldest(table, at), []
    while entry != 0:
        found.append(keys.key_of(table, at, slots, row_width, entry))
        entry = keys.newer(table, at, slots, row_width, entry)
    return found


def test_the_key_asked_least_recently_makes_room_and_comes_back_fresh() -> None:
    table = [0] * keys.width(2, 1)
    for key in (7, 8):
        table[keys.row_of(table, 0, 2, 1, key)] = 100 * key
    assert table[keys.row_of(table, 0, 2, 1, 7)] == 700
    table[keys.row_of(table, 0, 2, 1, 9)] += 1  # 8 makes room
    assert order(table, 0, 2, 1) == [7, 9]
    assert keys.find(table, 0, 2, 1, 8) == 0
    assert table[keys.row_of(table, 0, 2, 1, 9)] == 1
    assert table[keys.row_of(table, 0, 2, 1, 8)] == 0  # 7 makes room
    assert order(table, 0, 2, 1) == [9, 8]


def test_to_find_a_key_is_not_to_ask_it() -> None:
    table = [0] * keys.width(2, 1)
    for key in (7, 8):
        keys.row_of(table, 0, 2, 1, key)
    before = table.copy()
    assert keys.row_at(0, 2, 1, keys.find(table, 0, 2, 1, 7)) == before.index(7) + keys.LINKS
    assert table == before


def test_keys_of_one_chain_leave_from_its_head_its_middle_and_its_end() -> None:
    for leaving in range(3):
        table = [0] * keys.width(3, 0)
        for key in (0, 3, 6):  # all in chain 0
            keys.row_of(table, 0, 3, 0, key)
        for key in (0, 3, 6):
            if key != 3 * leaving:
                keys.row_of(table, 0, 3, 0, key)
        keys.row_of(table, 0, 3, 0, 1)
        assert [keys.find(table, 0, 3, 0, key) != 0 for key in (0, 3, 6)] == [n != leaving for n in range(3)]


@given(
    st.integers(1, 6),
    st.integers(0, 2),
    st.lists(st.one_of(st.integers(0, 12), st.sampled_from([LARGEST, LARGEST - 6])), max_size=80),
)
def test_a_table_is_an_ordered_dict_of_bounded_size(slots: int, row_width: int, asked: list[int]) -> None:
    at, expected = 3, OrderedDict[int, list[int]]()
    table = [0] * (at + keys.width(slots, row_width))
    for turn, key in enumerate(asked, start=1):
        row = keys.row_of(table, at, slots, row_width, key)
        if key in expected:
            expected.move_to_end(key)
        else:
            if len(expected) == slots:
                expected.popitem(last=False)
            expected[key] = [0] * row_width
        assert table[row : row + row_width] == expected[key]
        table[row : row + row_width] = expected[key] = [turn] * row_width
        assert order(table, at, slots, row_width) == list(expected)
    assert table[:at] == [0] * at


@pytest.mark.parametrize("law", FIXED_STATE, ids=lambda law: law.__name__)
def test_a_law_takes_less_than_100_bytes_a_key_however_many_keys_come(law: ModuleType) -> None:
    slots = 1000
    table = array("q", [0]) * keys.width(slots, law.WIDTH)
    for key in range(3 * slots):
        table[keys.row_of(table, 0, slots, law.WIDTH, key)] = key
    assert sys.getsizeof(table) / slots < 100
    assert sys.getsizeof(table) / slots == pytest.approx(8 * (5 + law.WIDTH), abs=0.2)


def test_a_number_of_a_value_needs_the_secret() -> None:
    numbers = {keys.number(value, secret) for value in ("a", "b") for secret in (b"one", b"two")}
    assert len(numbers) == 4
    assert all(0 <= number <= LARGEST for number in numbers)
    assert keys.number("a", b"one") == keys.number("a", b"one")
