from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import breakwater
from limits.learned import MOST
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

US = 1_000
TARGET = 80 * US
CALADAN = (TARGET, 1, 20)  # target, increase, decrease


def controlled(row: list[int], queue_us: list[int], cores: int = 4, clients: int = 500) -> list[int]:
    """Return the credits after each round trip."""
    found = []
    for us in queue_us:
        breakwater.control(row, 0, *CALADAN, cores, clients, us * US)
        found.append(breakwater.limit(row, 0, cores))
    return found


def test_credits_grow_by_a_thousandth_a_client_and_are_cut_by_how_far_the_queue_is_over() -> None:
    row = [0] * breakwater.WIDTH
    assert breakwater.limit(row, 0, 4) == 4
    assert controlled(row, [0, 79, 0, 0]) == [4, 5, 5, 6]
    row[:2] = [1000, 0]
    assert controlled(row, [80, 160, 240]) == [1000, 980, 940]  # 0, 2% and 4% of it, rounded down
    assert controlled([1000, 0, 0], [80 + 80 * 25, 10**6]) == [500, 250]


def test_what_had_grown_below_a_whole_credit_is_lost_with_a_cut() -> None:
    row = [100, 0, 0]
    assert controlled(row, [0, 80, 0]) == [100, 100, 100]
    assert row[2] == 500


def test_credits_stay_between_the_cores_and_64_a_client() -> None:
    assert controlled([10, 0, 0], [10**6] * 5) == [5, 4, 4, 4, 4]
    assert controlled([128, 0, 999], [0], clients=2) == [128]


def share(row: list[int], held: int, pending: int, demand: int, clients: int = 10, cores: int = 4) -> int:
    return breakwater.share(row, 0, cores, clients, held, pending, demand)


def test_a_share_worked_by_hand() -> None:
    row = [100, 50, 0]
    assert share(row, 3, 2, 4) == 11  # 50 open, 5 spare a client: 2 + 4 + 5
    assert row[1] == 58
    assert share([100, 98, 0], 3, 2, 9) == 5  # what is open
    assert share([100, 100, 0], 3, 2, 4) == 3
    assert share([100, 105, 0], 3, 2, 4) == 2  # one less
    assert share([100, 105, 0], 2, 2, 4) == 2  # not below what is here
    assert share([100, 105, 0], 1, 0, 4) == 0
    assert share([100, 0, 0], 0, 30, 90) == 63
    assert share([100, 100, 0], 9, 0, 0) == 1  # what it does not want goes back, but for one
    assert share([10, 10, 0], 0, 0, 5, clients=4) == 1  # as many cores as clients: always one


def test_a_call_is_dropped_at_twice_the_target() -> None:
    row = [7, 7, 7]
    for queue_us, verdict in ((159, ADMITTED), (160, SHED)):
        assert breakwater.decide(row, 0, TARGET, queue_us * US, 0, 1) == verdict
    assert [breakwater.decide(row, 0, TARGET, LARGEST, 0, cost) for cost in (0, -1, 9)] == [ADMITTED, NEVER, SHED]
    assert row == [7, 7, 7]


def test_it_fails_by_lending_one_to_each_of_very_many_clients() -> None:
    row, held = [0] * breakwater.WIDTH, [0] * 1000
    breakwater.control(row, 0, *CALADAN, 4, 1000, TARGET)
    for client in range(1000):
        held[client] = share(row, 0, 1, 0, clients=1000)  # each has a call here
    assert breakwater.limit(row, 0, 4) == 4
    assert row[1] == sum(held) == 1002
    for client in range(1000):
        held[client] = share(row, held[client], 0, 0, clients=1000)
    assert row[1] == sum(held) == 4  # until they are answered


def test_what_a_client_that_goes_held_comes_back() -> None:
    row = [100, 50, 0]
    breakwater.take_back(row, 0, 20)
    assert row[1] == 30
    breakwater.take_back(row, 0, 40)
    assert row[1] == 0


def test_clients_send_with_credits_and_ask_for_more_as_worked_by_hand() -> None:
    row, mine = [3, 0, 0, 0], [0] * 6  # three credits, three clients, one core
    sends = [breakwater.spend(row, 0, mine, client, 1, 3) for client in (0, 0, 2, 2, 4)]
    assert sends == [ADMITTED, ADMITTED, ADMITTED, SHED, SHED]  # the first is lent one beside that it asks for
    assert (row[:2], mine) == ([3, 3], [2, 2, 1, 1, 0, 0])
    breakwater.answered(row, 0, mine, 0, 1, 3)
    assert mine[:2] == [2, 1]  # none is open, none too many: it keeps what it has
    assert breakwater.spend(row, 0, mine, 4, 1, 3) == SHED
    row[0] = 1
    for client in (0, 2, 4):
        if mine[client + 1]:
            breakwater.answered(row, 0, mine, client, 1, 3)
    assert (row[:2], mine) == ([1, 1], [1, 0, 0, 0, 0, 0])  # two too many were out: each answer takes one
    assert breakwater.spend(row, 0, mine, 4, 1, 3) == SHED
    assert breakwater.spend(row, 0, mine, 0, 1, 3) == ADMITTED


def test_credits_move_once_a_round_trip_by_the_queue_as_it_is_now() -> None:
    def ticked(row: list[int], now_us: int, queue_us: int = 0) -> int:
        breakwater.tick(row, 0, 10 * US, *CALADAN, 4, 1000, queue_us * US, now_us * US)
        return breakwater.limit(row, 0, 4)

    row = [0] * breakwater.WIDTH
    assert [ticked(row, us) for us in (9, 10, 19, 35, 30, 39, 40)] == [4, 5, 5, 7, 7, 7, 8]
    assert ticked(row, 10**6) == 8 + breakwater.ROUNDS
    assert ticked(row, 10**6 + 25, queue_us=160) == 102  # twice 2%, rounded down: 108, 105, 102
    assert row[3] == (10**6 + 20) * US


def test_the_largest_numbers_and_the_smallest() -> None:
    for target, delay in ((LARGEST, LARGEST), (0, LARGEST), (1, LARGEST), (2**33, 2**33 + 5), (0, 0)):
        row = [64 * MOST, 0, 0]
        breakwater.control(row, 0, target, LARGEST, LARGEST, LARGEST, LARGEST, delay)
        assert MOST <= row[0] <= 64 * MOST


@given(
    st.integers(1, 9), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 9), st.integers(0, 9), st.integers(0, 500)))
)
def test_what_is_handed_out_is_what_clients_hold(cores: int, moves: list[tuple[int, int, int, int]]) -> None:
    row, held = [0] * breakwater.WIDTH, [0] * 9
    for client, pending, demand, queue_us in moves:
        breakwater.control(row, 0, TARGET, 100, 20, cores, 9, queue_us * US)
        assert cores <= breakwater.limit(row, 0, cores) <= 64 * 9
        open_before = breakwater.limit(row, 0, cores) - row[1]
        before = held[client]
        held[client] = share(row, before, pending, demand, clients=9, cores=cores)
        assert row[1] == sum(held)
        assert pending <= held[client] <= pending + demand + max(1, open_before // 9)
        assert min(row) >= 0
        assert held[client] - before <= max(open_before, pending, 1)
