"""The table of rows for questions from Python: bounded, and the key asked least recently makes room."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits.chain import Chain
from limits.rules import Concurrency, Gcra, itself
from limits.table import LONGEST, Table, bounded

S = 1_000_000_000


@given(st.integers(1, 5), st.lists(st.integers(0, 7)))
def test_it_keeps_the_rows_asked_last(slots: int, asked: list[int]) -> None:
    table, model = Table(slots, 2), OrderedDict[int, int]()
    for time, key in enumerate(asked, 1):
        at = table.place(key)
        assert list(table.rows[at : at + 2]) == [model.pop(key, 0), 0]
        table.rows[at] = model[key] = time
        if len(model) > slots:
            model.popitem(last=False)
        assert list(table.places) == list(model)
        assert [table.look(other)[0] for other in range(8)] == [model.get(other, 0) for other in range(8)]


def test_a_million_invented_keys_stay_within_the_table_and_whoever_goes_on_asking_stays_throttled() -> None:
    now_ns = 1_000 * S
    rule = Gcra("person", 1, 3600, by=itself, slots=1_000)
    chain = Chain(rule, clock=lambda: now_ns)
    assert chain.ask("alice").admitted
    size = sys.getsizeof(rule.rows)
    for invented in range(1_000_000):
        if invented % 500 == 0:
            assert not chain.ask("alice").admitted
        chain.ask(invented)
    assert (len(rule.table.places), sys.getsizeof(rule.rows)) == (1_000, size)
    assert rule.table.forgotten == 1_000_000 - 999


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x" * 10**6, "x" * 10**6 + "y"),
        (b"x" * 10**6, "x" * 10**6),
        (("GET", "x" * 1000), ("GET", "x" * 1001)),
        ("\ud800" * 1000, "\ud801" * 1000),
    ],
)
def test_a_long_key_is_kept_as_its_hash(one: Hashable, other: Hashable) -> None:
    table = Table(10, 1)
    assert table.place(one) == table.place(one) == 0
    assert table.place(other) == 1
    table.rows[1] = 5
    assert list(table.look(other)) == [5]
    assert all(len(str(key)) < 300 for key in table.places)


def test_a_short_key_is_kept_as_it_is_and_no_other_can_be_a_hash() -> None:
    longest = "x" * LONGEST
    assert bounded(longest) is longest
    assert bounded(("a", 1, b"b")) == ("a", 1, b"b")
    hashed = bounded(longest + "x")
    assert isinstance(hashed, tuple)
    assert bounded(hashed[-1]) != hashed
    assert bounded(hashed) == hashed


def test_long_keys_hold_their_places_too() -> None:
    rule = Concurrency("inside", 1, by=itself)
    chain = Chain(rule)
    permit = chain.ask("x" * 10**6)
    assert permit.admitted
    assert not chain.ask("x" * 10**6).admitted
    assert all(len(str(key)) < 300 for key in rule._inside)
    permit.release()
    assert rule._inside == {}
