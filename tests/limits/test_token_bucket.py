from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from limits import rates, token_bucket
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER
from tests.limits.asking import STEPS, Ask, admitted, instants, most_in_any_window, waits_are_exact

S = 1_000_000_000
TOKENS = st.integers(1, 7)
PER_NS = st.integers(1, 9)
BURST = st.integers(1, 5)


def law(tokens: int, per_ns: int, burst: int) -> Ask:
    return lambda row, now_ns, cost: token_bucket.decide(row, 0, tokens, per_ns, burst, now_ns, cost)


def test_two_a_second_with_a_burst_of_three() -> None:
    ask, row = law(1, S // 2, 3), [0, 0]
    questions = [(0, 1), (0, 1), (0, 1), (0, 1), (S // 4, 1), (S // 2, 1), (S // 2, 1), (10 * S, 3), (10 * S, 1)]
    answers = [ask(row, now_ns, cost) for now_ns, cost in questions]
    assert answers == [0, 0, 0, S // 2, S // 4, 0, S // 2, 0, S // 2]


def test_a_third_of_a_second_is_never_rounded() -> None:
    ask, row, now_ns, passed = law(3, S, 2), [0, 0], 0, []
    assert ask(row, 0, 2) == ADMITTED
    for _ in range(3 * 3600):
        now_ns += ask(row, now_ns, 1)
        assert ask(row, now_ns, 1) == ADMITTED
        passed.append(now_ns)
    assert passed[:3] == [333_333_334, 666_666_667, 1_000_000_000]
    assert passed[-1] == 3600 * S


def test_a_large_cost_waits_for_all_of_its_tokens() -> None:
    ask, row = law(1, 10, 4), [0, 0]
    assert [ask(row, 0, 3), ask(row, 0, 3), ask(row, 19, 3), ask(row, 20, 3), ask(row, 20, 1)] == [0, 20, 1, 0, 10]


def test_a_row_anywhere_in_a_list_touches_only_itself() -> None:
    row = [7, 7, 0, 0, 7]
    assert token_bucket.decide(row, 2, 1, 10, 2, 5, 1) == ADMITTED
    assert row == [7, 7, 10, 5, 7]


def test_a_cost_of_nothing_is_admitted_and_changes_nothing() -> None:
    row = [40, 3]
    assert token_bucket.decide(row, 0, 1, 10, 4, 90, 0) == ADMITTED
    assert token_bucket.decide(row, 0, 0, 1, 0, 90, 0) == ADMITTED
    assert row == [40, 3]


def test_what_can_never_fit_is_told_so_and_changes_nothing() -> None:
    row = [40, 3]
    assert token_bucket.decide(row, 0, 1, 10, 4, 90, 5) == NEVER
    assert token_bucket.decide(row, 0, 1, 10, 4, 90, 2**63 - 1) == NEVER
    assert token_bucket.decide(row, 0, 1, 10, 4, 90, -1) == NEVER
    assert token_bucket.decide(row, 0, 1, 10, 4, 90, -(2**63)) == NEVER
    assert token_bucket.decide(row, 0, 1, 10, 0, 90, 1) == NEVER
    assert row == [40, 3]


def test_a_rate_of_zero_is_a_closed_door_even_for_a_full_bucket() -> None:
    tokens, per_ns = rates.ratio(Fraction(0), 50)
    row = [0, 0]
    assert token_bucket.decide(row, 0, tokens, per_ns, 50, 10, 1) == NEVER
    assert row == [0, 0]


def test_an_earlier_instant_counts_as_the_last_one_and_waits_longer() -> None:
    ask, row = law(1, 10, 1), [0, 0]
    assert ask(row, 100, 1) == ADMITTED
    assert ask(row, 40, 1) == 70
    assert row == [10, 100]
    assert ask(row, 110, 1) == ADMITTED


def test_an_idle_bucket_never_exceeds_its_burst() -> None:
    ask, row = law(7, 9, 5), [0, 0]
    assert ask(row, 0, 5) == ADMITTED
    assert ask(row, LARGEST, 5) == ADMITTED
    assert ask(row, LARGEST, 1) == 2
    assert row == [45, LARGEST]


def test_the_largest_parameters_stay_inside_64_bits() -> None:
    row = [0, 0]
    assert token_bucket.decide(row, 0, 1, LARGEST, 1, 0, 1) == ADMITTED
    assert token_bucket.decide(row, 0, 1, LARGEST, 1, 0, 1) == LARGEST
    assert token_bucket.decide(row, 0, 1, LARGEST, 1, LARGEST, 1) == ADMITTED
    assert token_bucket.decide(row, 0, 1, LARGEST, 1, 0, 1) == 2 * LARGEST < 2**63
    assert token_bucket.decide(row, 0, LARGEST, LARGEST, 1, LARGEST, 1) == 1
    row = [0, 0]
    assert token_bucket.decide(row, 0, LARGEST, 1, LARGEST, LARGEST, LARGEST) == ADMITTED
    assert token_bucket.decide(row, 0, LARGEST, 1, LARGEST, LARGEST, LARGEST) == 1


@given(TOKENS, PER_NS, BURST, STEPS)
def test_no_window_admits_more_than_the_burst_and_the_rate(
    tokens: int, per_ns: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    passed = admitted(law(tokens, per_ns, burst), [0, 0], instants(steps))
    assert most_in_any_window(passed, Fraction(tokens, per_ns)) <= burst


@given(TOKENS, PER_NS, BURST, STEPS)
def test_who_waits_as_told_is_admitted_and_one_ns_earlier_is_not(
    tokens: int, per_ns: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    waits_are_exact(law(tokens, per_ns, burst), [0, 0], instants(steps))


@given(TOKENS, PER_NS, BURST, STEPS)
def test_what_is_spent_is_between_nothing_and_the_burst(
    tokens: int, per_ns: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    ask, row = law(tokens, per_ns, burst), [0, 0]
    for now_ns, cost in instants(steps):
        ask(row, now_ns, cost)
        assert 0 <= row[0] <= burst * per_ns


@given(TOKENS, PER_NS, st.integers(0, 45), st.integers(0, 40), st.integers(1, 5), st.integers(0, 9))
def test_coming_later_or_asking_for_less_never_makes_it_worse(
    tokens: int, per_ns: int, spent: int, now_ns: int, cost: int, later_ns: int
) -> None:
    ask = law(tokens, per_ns, 5)
    spent = min(spent, 5 * per_ns)
    wait_ns = ask([spent, 0], now_ns, cost)
    assert ask([spent, 0], now_ns + later_ns, cost) == max(0, wait_ns - later_ns)
    assert ask([spent, 0], now_ns, cost - 1) <= wait_ns


def test_a_change_of_rate_keeps_the_tokens_there_are() -> None:
    row = [0, 0]
    for _ in range(10):
        assert token_bucket.decide(row, 0, 1, 100, 10, 0, 1) == ADMITTED
    token_bucket.change(row, 0, 1, 100, 10, 1, 50, 20, 450)  # 4.5 tokens by now, then twice the rate
    assert row == [20 * 50 - 225, 450]
    assert token_bucket.decide(row, 0, 1, 50, 20, 450, 5) == 25


def test_a_full_bucket_stays_full_like_one_that_was_never_asked() -> None:
    row = [1000, 0]
    token_bucket.change(row, 0, 1, 100, 10, 3, 70, 40, 5000)
    assert token_bucket.decide(row, 0, 3, 70, 40, 5000, 40) == ADMITTED


def test_a_smaller_burst_cuts_what_is_there() -> None:
    row = [100, 0]
    token_bucket.change(row, 0, 1, 100, 10, 1, 100, 3, 0)
    assert token_bucket.decide(row, 0, 1, 100, 3, 0, 3) == ADMITTED
    assert token_bucket.decide(row, 0, 1, 100, 3, 0, 1) == 100


def test_a_change_at_an_earlier_instant_does_not_fill_the_same_time_twice() -> None:
    row = [500, 90]
    token_bucket.change(row, 0, 1, 100, 10, 1, 100, 10, 40)
    assert row == [500, 90]


def test_a_bucket_that_owes_more_than_a_smaller_burst_is_empty() -> None:
    row = [1000, 0]
    token_bucket.change(row, 0, 1, 100, 4, 1, 100, 10, 0)
    assert row == [1000, 0]


def test_a_closed_door_opens_with_the_whole_tokens_there_were() -> None:
    row = [650, 0]
    token_bucket.change(row, 0, 1, 100, 10, 0, 1, 10, 100)  # 4.5 left
    assert token_bucket.decide(row, 0, 0, 1, 10, 300, 1) == NEVER
    token_bucket.change(row, 0, 0, 1, 10, 1, 100, 10, 700)
    assert token_bucket.decide(row, 0, 1, 100, 10, 700, 5) == 100


def test_a_change_between_rates_whose_product_passes_64_bits_is_exact() -> None:
    old, new = 10**18 - 11, 10**18 - 33
    row = [old - 123_456_789_012_345_678, 5]
    token_bucket.change(row, 0, 1, old, 1, 1, new, 1, 5)
    assert new - row[0] == 123_456_789_012_345_678 * new // old


@given(st.tuples(TOKENS, PER_NS, BURST), st.tuples(TOKENS, PER_NS, BURST), st.integers(0, 44))
def test_a_change_gives_no_token_to_who_has_been_spending_and_takes_almost_none(
    old: tuple[int, int, int], new: tuple[int, int, int], spent: int
) -> None:
    row = [1 + spent % (old[1] * old[2]), 20]
    before = min(Fraction(old[1] * old[2] - row[0], old[1]), Fraction(new[2]))
    token_bucket.change(row, 0, *old, *new, 20)
    after = Fraction(new[1] * new[2] - row[0], new[1])
    assert before - Fraction(1, new[1]) < after <= before
