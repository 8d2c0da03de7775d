from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import top_down
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

MS = 1_000_000
S = 1_000_000_000
TOPFULL = (S, 50, 10, 10_000)  # target, down, up, least
SLOW, QUICK = 2 * S, S


def row_of(apis: int) -> list[int]:
    return [0] * (top_down.WIDTH + top_down.API * apis)


def second(row: list[int], asked: list[int], latency_ns: int, number: int) -> list[int]:
    """Ask for so much of each API in a second, and return the rates after it, in calls a second."""
    for api, calls in enumerate(asked):
        for k in range(calls):
            top_down.decide(row, 0, api, number * S + k * S // calls, 1)
    top_down.control(row, 0, len(asked), *TOPFULL, latency_ns, (number + 1) * S)
    return rates(row, len(asked))


def rates(row: list[int], apis: int) -> list[int]:
    return [row[top_down.WIDTH + top_down.API * api] // 1000 for api in range(apis)]


def started(apis: list[tuple[int, int]]) -> list[int]:
    """Return a row told of APIs of (shared by, matters), at 0."""
    row = row_of(len(apis))
    top_down.control(row, 0, len(apis), *TOPFULL, QUICK, 0)
    for api, (shared_by, matters) in enumerate(apis):
        top_down.tell(row, 0, api, shared_by, matters)
    return row


def test_nothing_is_limited_while_nothing_is_slow() -> None:
    row = started([(1, 0), (2, 0)])
    assert second(row, [500, 500], QUICK, 0) == [0, 0]


def test_who_is_alone_on_an_overloaded_service_is_cut_first_then_who_matters_least() -> None:
    row = started([(3, 0), (1, 5), (1, 2), (0, 0)])
    assert second(row, [100, 200, 400, 800], SLOW, 0) == [100, 200, 380, 0]  # 5% of 400; the last crosses none
    assert second(row, [100, 200, 400, 800], SLOW, 1) == [100, 200, 361, 0]


def test_equals_bear_it_evenly_and_what_one_cannot_bear_the_next_do() -> None:
    row = started([(1, 0), (1, 0), (2, 0)])
    assert second(row, [400, 12, 400], SLOW, 0) == [389, 10, 391]  # 20.6: 10.3 each, of which the small one has 2
    assert row[1 + 2 * top_down.API] == 400_000 - (20_600 - 10_300 - 2_000)


def test_rates_come_back_by_a_hundredth_the_last_cut_first_and_end_where_all_have_what_they_ask_for() -> None:
    row = started([(1, 0), (2, 0)])
    second(row, [200, 200], SLOW, 0)
    assert rates(row, 2) == [190, 200]
    assert second(row, [200, 200], QUICK, 1) == [190, 202]
    for number in range(2, 12):
        second(row, [200, 200], QUICK, number)
    assert rates(row, 2) == [
        193,
        220,
    ]  # a tenth above what is asked for, and what is left of the last step to the other
    row[1] = 199_000
    assert second(row, [200, 200], QUICK, 12) == [0, 0]


def test_a_limited_api_waits_and_another_does_not() -> None:
    row = started([(1, 0), (0, 0)])
    second(row, [100, 100], SLOW, 0)  # 95
    answers = [top_down.decide(row, 0, 0, 2 * S, 1) for _ in range(96)]
    assert answers[:95] == [ADMITTED] * 95
    assert answers[95] > 0
    assert top_down.decide(row, 0, 0, 2 * S, 96) == SHED
    assert [top_down.decide(row, 0, 1, 2 * S, 1) for _ in range(500)] == [ADMITTED] * 500


def test_it_takes_fourteen_seconds_to_halve_a_rate() -> None:
    row = started([(1, 0)])
    found = [second(row, [1000], SLOW, number)[0] for number in range(14)]
    assert found[12] > 500 > found[13]


def test_odd_costs_and_clocks() -> None:
    row = started([(1, 0)])
    assert [top_down.decide(row, 0, 0, 0, cost) for cost in (0, -1, 3)] == [ADMITTED, NEVER, ADMITTED]
    top_down.control(row, 0, 1, *TOPFULL, SLOW, 0)
    assert rates(row, 1) == [0]  # no time has passed
    top_down.control(row, 0, 1, *TOPFULL, SLOW, LARGEST)
    assert row[1] == 1
    top_down.control(row, 0, 1, *TOPFULL, SLOW, 5)
    assert row[0] == 1 + LARGEST


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 60)), min_size=1, max_size=4),
    st.lists(st.booleans(), max_size=12),
)
def test_a_slow_second_never_raises_a_rate_and_a_quick_one_never_lowers_it(
    apis: list[tuple[int, int, int]], slow: list[bool]
) -> None:
    row = started([(shared, matters) for shared, matters, _ in apis])
    asked = [calls for _, _, calls in apis]
    for number, is_slow in enumerate(slow):
        before = rates(row, len(apis))
        total = sum(row[1 :: top_down.API])
        after = second(row, asked, SLOW if is_slow else QUICK, number)
        for old, new in zip(before, after, strict=True):
            if is_slow:
                assert old == 0 or 0 < new <= old or new == old
            else:
                assert new == 0 or new >= old
        if is_slow and all(before):
            assert sum(row[1 :: top_down.API]) >= total * 95 // 100
        assert min(row) >= 0


def spread(rates: list[float], keys: list[tuple[int, int]], amount: float, least: float) -> list[float]:
    """Take an amount from the first group, then the next: as the rule, with floats."""
    rates = rates.copy()
    for group in sorted(set(keys)):
        members = [i for i, k in enumerate(keys) if k == group]
        each = amount / len(members)
        for i in members:
            taken = max(0.0, min(each, amount, rates[i] - least))
            rates[i] -= taken
            amount -= taken
    return rates


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(1, 90)), min_size=1, max_size=5))
def test_a_cut_is_as_the_rule_says(apis: list[tuple[int, int, int]]) -> None:
    row = started([(shared, matters) for shared, matters, _ in apis])
    second(row, [calls for _, _, calls in apis], SLOW, 0)
    keys = [(shared, matters) for shared, matters, _ in apis]
    first = [calls for (_, _, calls), k in zip(apis, keys, strict=True) if k == min(keys)]
    expected = spread([float(calls) for _, _, calls in apis], keys, 0.05 * sum(first), 10.0)
    for api, rate in enumerate(expected):
        assert abs(row[1 + top_down.API * api] / 1000 - rate) < 0.01
