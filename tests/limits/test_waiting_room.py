from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import waiting_room
from limits.row import LARGEST
from limits.verdicts import ADMITTED, EXPIRED, NEVER, SHED
from limits.waiting_room import IN_ORDER

S = 1_000_000_000
HOLD = 60 * S
MANY = 10**6  # as much credit as a stage may save up, where that does not matter
BILLION = 10**9


class Room:
    """A waiting room with its parameters filled in."""

    def __init__(self, stages: int = 1, slots: int = 20, hold_ns: int = HOLD) -> None:
        self.row = [0] * (waiting_room.WIDTH + stages + 3 * slots)
        self.shape = (self.row, 0, stages, slots)
        self.hold_ns = hold_ns

    def join(self, now_ns: int = 0, draw_ppb: int = IN_ORDER) -> int:
        return waiting_room.join(*self.shape, self.hold_ns, draw_ppb, now_ns)

    def ask(self, number: int, now_ns: int = 0, cost: int = 1) -> int:
        return waiting_room.decide(*self.shape, self.hold_ns, number, now_ns, cost)

    def grant(self, credit: int, now_ns: int = 0, stage: int = 0, ahead: int = MANY) -> None:
        waiting_room.grant(*self.shape, stage, ahead, credit, now_ns)

    def leave(self, number: int, now_ns: int = 0) -> None:
        waiting_room.leave(*self.shape, number, now_ns)

    def before(self, number: int) -> int:
        return waiting_room.before(*self.shape, number)

    def credit(self) -> list[int]:
        return self.row[waiting_room.WIDTH : waiting_room.WIDTH + self.shape[2]]

    def order(self) -> list[int]:
        """The numbers of who waits, by how many are before them."""
        return sorted(range(1, self.row[0] + 1), key=self.before)


def test_people_are_called_in_the_order_in_which_they_came() -> None:
    room = Room()
    assert [room.join() for _ in range(3)] == [1, 2, 3]
    assert [room.before(number) for number in (1, 2, 3)] == [0, 1, 2]
    assert [room.ask(number) for number in (1, 2, 3)] == [30 * S] * 3
    room.grant(2)
    assert [room.ask(number) for number in (3, 2, 1)] == [30 * S, ADMITTED, ADMITTED]
    assert room.before(3) == 0


def test_credit_that_was_saved_up_admits_at_once() -> None:
    room = Room()
    room.grant(2)
    assert [room.ask(room.join()) for _ in range(3)] == [ADMITTED, ADMITTED, 30 * S]


def test_the_stage_with_the_least_credit_decides() -> None:
    room = Room(stages=3)
    for _ in range(5):
        room.join()
    for stage, credit in enumerate((4, 2, 9)):
        room.grant(credit, stage=stage)
    assert [room.ask(number) == ADMITTED for number in range(1, 6)] == [True, True, False, False, False]
    assert room.credit() == [2, 0, 7]


def test_a_stage_saves_up_no_more_than_it_may() -> None:
    room = Room(stages=2)
    room.grant(7, stage=0, ahead=3)
    room.grant(7, stage=0, ahead=3)
    room.grant(7, stage=1, ahead=9)
    assert room.credit() == [3, 7]
    room.grant(0, stage=1, ahead=2)
    assert room.credit() == [3, 2]


def test_who_keeps_asking_keeps_the_place_and_who_does_not_loses_it() -> None:
    room = Room()
    room.join()
    room.join()
    assert room.ask(1, now_ns=HOLD - 1) == 30 * S
    assert room.ask(2, now_ns=HOLD) == EXPIRED
    assert room.ask(1, now_ns=2 * HOLD - 2) == 30 * S
    room.grant(1, now_ns=2 * HOLD)
    assert room.ask(1, now_ns=2 * HOLD) == ADMITTED


def test_the_credit_goes_to_the_first_who_is_still_there() -> None:
    room = Room()
    for _ in range(4):
        room.join()
    room.ask(3, now_ns=HOLD - 1)
    room.grant(1, now_ns=HOLD)
    assert [room.ask(number, now_ns=HOLD) for number in (1, 2, 3)] == [EXPIRED, EXPIRED, ADMITTED]
    assert room.credit() == [0]


def test_a_call_that_nobody_answers_is_taken_back_when_the_hold_ends() -> None:
    room = Room()
    room.join(now_ns=0)
    room.grant(1, now_ns=10 * S)
    room.join(now_ns=50 * S)
    assert room.ask(2, now_ns=HOLD - 1) == 30 * S
    assert room.ask(2, now_ns=HOLD) == ADMITTED
    assert room.ask(1, now_ns=HOLD) == EXPIRED


def test_who_says_that_they_go_gives_the_place_back_at_once() -> None:
    room = Room()
    for _ in range(3):
        room.join(now_ns=S)
    room.grant(1, now_ns=S)
    room.leave(1, now_ns=2 * S)
    room.leave(2, now_ns=2 * S)
    assert [room.ask(number, now_ns=3 * S) for number in (1, 2, 3)] == [EXPIRED, EXPIRED, ADMITTED]


def test_leaving_after_admission_gives_nothing_back() -> None:
    room = Room()
    room.grant(1)
    assert room.ask(room.join()) == ADMITTED
    room.leave(1)
    room.leave(0)
    room.leave(99)
    assert room.credit() == [0]
    assert room.ask(1) == ADMITTED


def test_an_admission_is_told_again_for_as_long_as_a_hold_and_charged_once() -> None:
    room = Room()
    room.grant(5)
    number = room.join()
    assert [room.ask(number, now_ns=t) for t in (0, 30 * S, HOLD - 1)] == [ADMITTED] * 3
    assert room.ask(number, now_ns=HOLD) == EXPIRED
    assert room.credit() == [4]


def test_a_number_that_nobody_was_given_is_told_never() -> None:
    room = Room()
    room.join()
    assert [room.ask(number) for number in (-1, 0, 2, LARGEST)] == [NEVER] * 4


def test_a_full_room_sheds_until_somebody_is_done_with() -> None:
    room = Room(slots=2)
    assert [room.join(), room.join(), room.join()] == [1, 2, SHED]
    room.grant(1)
    assert room.ask(1) == ADMITTED
    assert room.join(now_ns=HOLD - 1) == SHED  # its admission may have to be told again
    assert room.ask(2, now_ns=HOLD - 1) == 30 * S
    assert room.join(now_ns=HOLD) == 3
    assert room.order()[-2:] == [2, 3]


def test_a_shorter_hold_for_some_does_not_mix_up_places() -> None:
    room = Room(slots=3, hold_ns=S)
    room.join()
    room.join(draw_ppb=0)
    room.hold_ns = HOLD
    room.join(draw_ppb=BILLION // 2)
    assert room.order() == [2, 3, 1]
    room.grant(3)
    room.hold_ns = S
    assert [room.ask(2), room.ask(1)] == [ADMITTED, ADMITTED]
    # 1 and 2 are done with after a second; 3, called before 1, may still come until the minute is over.
    assert [room.join(now_ns=S), room.join(now_ns=S)] == [4, SHED]
    assert room.ask(4, now_ns=S) > 0
    room.hold_ns = HOLD
    assert room.ask(4, now_ns=2 * S - 1) > 0
    assert [room.join(now_ns=HOLD) for _ in range(3)] == [5, 6, SHED]


def test_if_all_draw_every_order_is_as_likely_as_any_other() -> None:
    orders = []
    for draws in product(range(1), range(2), range(3), range(4)):
        room = Room()
        for k, draw in enumerate(draws, start=1):
            room.join(draw_ppb=-(-draw * BILLION // k))
        orders.append(tuple(room.order()))
    assert sorted(orders) == sorted(permutations((1, 2, 3, 4)))


def test_who_comes_after_the_opening_queues_behind_those_who_were_shuffled() -> None:
    room = Room()
    for draw_ppb in (0, 0, 0):
        room.join(draw_ppb=draw_ppb)
    room.join()
    assert room.order() == [3, 1, 2, 4]


def test_a_draw_leaves_alone_who_was_called() -> None:
    room = Room()
    room.join()
    room.grant(1)
    room.join(draw_ppb=0)
    room.join(draw_ppb=0)
    assert room.ask(1) == ADMITTED
    room.grant(1)
    assert [room.ask(number) for number in (2, 3)] == [30 * S, ADMITTED]


def test_a_draw_of_one_is_the_largest_draw() -> None:
    room = Room()
    room.join()
    room.join(draw_ppb=BILLION)
    assert [room.before(1), room.before(2)] == [0, 1]


def test_an_earlier_instant_shortens_no_hold() -> None:
    room = Room()
    room.join(now_ns=100 * S)
    assert room.ask(1, now_ns=0) == 30 * S
    assert room.ask(1, now_ns=160 * S - 1) == 30 * S


def test_odd_costs_and_parameters() -> None:
    room = Room()
    room.join()
    before = room.row.copy()
    assert room.ask(1, now_ns=99, cost=0) == ADMITTED
    assert room.ask(1, now_ns=99, cost=-1) == NEVER
    assert room.row == before
    room.grant(-5)
    assert room.credit() == [0]
    room.grant(5, ahead=-5)
    assert room.credit() == [0]
    room.grant(3)
    assert room.ask(1, cost=LARGEST) == ADMITTED
    assert room.credit() == [2]  # one person, whatever it costs
    closed = Room(stages=0)
    assert closed.ask(closed.join()) == 30 * S
    nowhere = Room(slots=0)
    assert nowhere.join() == SHED
    nowhere.grant(1)
    nowhere.leave(1)
    hasty = Room(hold_ns=0)
    assert [hasty.join(), hasty.join(), hasty.before(2)] == [1, 2, 1]
    hasty = Room(hold_ns=-1)
    hasty.grant(1, now_ns=S)
    assert hasty.ask(hasty.join(now_ns=S), now_ns=S) == EXPIRED
    assert hasty.credit() == [1]


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    room = Room(hold_ns=LARGEST)
    room.join(now_ns=LARGEST)
    assert max(room.row) == 2 * LARGEST < 2**63
    for _ in range(2):
        room.grant(LARGEST, now_ns=LARGEST, ahead=LARGEST)
    assert room.credit() == [LARGEST]
    assert room.ask(1, now_ns=LARGEST) == ADMITTED
    assert min(room.row) == -2 * LARGEST > -(2**63)
    assert BILLION * 4 * 10**9 < 2**62


Moves = list[tuple[int, str, int]]
MOVES: st.SearchStrategy[Moves] = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from("jjaaagl"), st.integers(0, 5)), max_size=120
)


@given(MOVES, st.booleans())
def test_admitted_is_never_more_than_any_stage_granted_and_no_credit_is_lost(moves: Moves, drawn: bool) -> None:
    room = Room(stages=2, slots=8, hold_ns=10)
    granted, admitted = [0, 0], set[int]()
    now_ns = 0
    for step_ns, move, k in moves:
        now_ns += step_ns
        if move == "j":
            room.join(now_ns, k * 166_666_666 if drawn else IN_ORDER)
        elif move == "a":
            number = room.row[0] - k
            if room.ask(number, now_ns) == ADMITTED:
                admitted.add(number)
        elif move == "g":
            room.grant(k, now_ns, stage=k % 2)
            granted[k % 2] += k
        else:
            room.leave(room.row[0] - k, now_ns)
        assert len(admitted) <= min(granted)
    room.grant(0, now_ns + 10**6)  # whoever was called and has not come has lost the place
    assert room.credit() == [granted[0] - len(admitted), granted[1] - len(admitted)]


@given(st.lists(st.integers(0, 5), max_size=40))
def test_in_order_nobody_is_admitted_before_somebody_who_came_earlier_and_is_there(grants: list[int]) -> None:
    room = Room(slots=200)
    waiting = [room.join() for _ in range(100)]
    for credit in grants:
        room.grant(credit)
        admitted = [number for number in waiting if room.ask(number) == ADMITTED]
        assert admitted == waiting[: len(admitted)]
        waiting = waiting[len(admitted) :]
    assert len(waiting) == max(0, 100 - sum(grants))


def placed(holds_s: int, seconds: int) -> int:
    """Return how many get in, ten a second, where every second person goes away without a word."""
    room = Room(slots=4000, hold_ns=holds_s * S)
    there: list[int] = []
    admitted = 0
    for now_ns in range(0, seconds * S, S):
        for k in range(20):
            number = room.join(now_ns)
            if k % 2:
                there.append(number)
        room.grant(10, now_ns, ahead=10)
        answers = {number: room.ask(number, now_ns) for number in there}
        admitted += sum(answer == ADMITTED for answer in answers.values())
        there = [number for number, answer in answers.items() if answer > 0]
    return admitted


def test_known_failure_a_long_hold_spends_the_credit_on_people_who_have_left() -> None:
    assert placed(holds_s=2, seconds=60) > 550  # of 600
    assert placed(holds_s=1000, seconds=60) < 310


def granted(slots: int, rates: list[int]) -> tuple[Callable[[int], None], list[int]]:
    """Return what grants credit up to an instant, and the row of a room where so many have joined."""
    stages = len(rates) // 2
    row, since = [0] * (waiting_room.WIDTH + stages + 3 * slots), [0] * stages
    return lambda now_ns: waiting_room.grant_by_rates(row, 0, stages, slots, rates, 0, since, 0, now_ns), row


@pytest.mark.parametrize("step_ns", [1, 7, 100, 1000])
def test_credit_by_a_rate_calls_as_many_however_seldom_it_is_granted(step_ns: int) -> None:
    grant, row = granted(64, [2, 10])
    for _ in range(60):
        waiting_room.join(row, 0, 1, 64, 10**6, waiting_room.IN_ORDER, 0)
    for now_ns in range(step_ns, 1001, step_ns):
        grant(now_ns)
        assert row[1] == min(60, now_ns // 10)
    assert row[waiting_room.WIDTH] == 2  # nobody waits: as much as may be saved up


def test_of_several_rates_the_smallest_counts_at_every_instant() -> None:
    grant, row = granted(64, [4, 10, 9, 25])  # of the first 4 are saved up at most
    for _ in range(30):
        waiting_room.join(row, 0, 2, 64, 10**6, waiting_room.IN_ORDER, 0)
    grant(100)
    assert (row[1], row[waiting_room.WIDTH : waiting_room.WIDTH + 2]) == (4, [3, 0])  # of 10 and 4
    grant(110)
    assert row[waiting_room.WIDTH] == 4  # one more is over, though somebody waits
    grant(125)
    assert (row[1], row[waiting_room.WIDTH]) == (5, 3)


def one_by_one(rates: list[int], joins: list[int], until_ns: int) -> tuple[int, list[int]]:
    """Return how many are called by an instant, and what is saved up then: every grant of every ns in its turn."""
    saved, waiting, called = [0] * (len(rates) // 2), 0, 0
    for now_ns in range(until_ns + 1):
        for stage in range(len(saved)):
            ahead, interval_ns = rates[2 * stage : 2 * stage + 2]
            if now_ns and interval_ns and now_ns % interval_ns == 0:
                saved[stage] = min(ahead, saved[stage] + 1)
        while True:
            if waiting and min(saved):
                waiting, called, saved = waiting - 1, called + 1, [credit - 1 for credit in saved]
            elif joins and joins[0] == now_ns:
                waiting, joins = waiting + 1, joins[1:]
            else:
                break
    return called, saved


@given(
    rates=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30)), min_size=1, max_size=4),
    joins=st.lists(st.integers(0, 200), max_size=20).map(sorted),
    asked=st.lists(st.integers(0, 250), max_size=9),
)
def test_it_is_as_if_every_grant_were_made_in_its_ns(
    rates: list[tuple[int, int]], joins: list[int], asked: list[int]
) -> None:
    flat = [number for rate in rates for number in rate]
    grant, row = granted(64, flat)
    for now_ns, joining in sorted([*((ns, True) for ns in joins), *((ns, False) for ns in asked), (250, False)]):
        grant(now_ns)
        if joining:
            waiting_room.join(row, 0, len(rates), 64, 10**6, waiting_room.IN_ORDER, now_ns)
    saved = row[waiting_room.WIDTH : waiting_room.WIDTH + len(rates)]
    assert (row[1], saved) == one_by_one(flat, joins, 250)


def test_a_rate_of_0_brings_no_credit_and_none_for_the_time_when_it_is_another() -> None:
    rates = [2, 0]
    grant, row = granted(1, rates)
    grant(100)
    rates[1] = 10
    grant(109)
    assert row[waiting_room.WIDTH] == 0
    grant(110)
    assert row[waiting_room.WIDTH] == 1


def test_a_quicker_rate_does_not_pay_for_the_wait_at_the_slow_one() -> None:
    assert waiting_room.turned_ns(10, 5, 15) == 10  # one is due at once
    assert waiting_room.turned_ns(10, 5, 1000) == 995
    assert waiting_room.turned_ns(10, 100, 15) == 10
