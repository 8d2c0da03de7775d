from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import bbr_cpu
from limits.learned import LONGEST_NS, MOST
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

MS = 1_000_000
S = 1_000_000_000
AEGIS = (10, 100 * MS)  # buckets and bucket_ns of its tests


def row_of(buckets: int = 10) -> list[int]:
    return [0] * (bbr_cpu.WIDTH + 3 * buckets)


def ended(row: list[int], calls: list[tuple[int, int]], per: tuple[int, int] = AEGIS) -> list[int]:
    """End calls of (now_ns, rtt_ns)."""
    for now_ns, rtt_ns in calls:
        bbr_cpu.observe(row, 0, *per, now_ns, rtt_ns, 1, SUCCESS)
    return row


def busy() -> list[int]:
    """Return a row after ten buckets with 10, 20, ... 100 calls of 1 to 10, 11 to 20, ... ms."""
    return ended(row_of(), [(i * 100 * MS, (i * 10 + 1 + j % 10) * MS) for i in range(10) for j in range((i + 1) * 10)])


def test_the_throughput_and_the_round_trip_of_aegis() -> None:
    # TestBBRMaxQps, scaled: the best full bucket has 90 calls, and 5.5 ms are 6. Ten buckets a second: 5.4 inside.
    row = busy()
    assert bbr_cpu.best(row, 0, 10) == 90 * 6
    assert bbr_cpu.may_be_inside(row, 0, *AEGIS, 900 * MS) == 5
    row = row_of()
    assert bbr_cpu.best(row, 0, 10) == 1  # TestBBRMaxPass, TestBBRMinRt: with nothing seen both are 1


def test_the_bucket_of_now_is_not_counted_yet_and_an_old_one_no_more() -> None:
    row = ended(row_of(), [(0, MS)] * 50)  # TestBBRMaxPassWithCache
    for now_ms, best in ((50, 1), (100, 50), (999, 50), (1000, 1)):
        bbr_cpu.roll(row, 0, *AEGIS, now_ms * MS)
        assert bbr_cpu.best(row, 0, 10) == best


def test_dropping_as_in_aegis() -> None:
    row, now_ns = busy(), 950 * MS  # TestBBRShouldDrop; may is 5
    row[:2] = [800, 5]
    assert bbr_cpu.decide(row, 0, *AEGIS, 800, now_ns, 1) == ADMITTED
    assert row[1] == 6
    assert bbr_cpu.decide(row, 0, *AEGIS, 800, now_ns, 1) == SHED
    row[0] = 700  # no longer overloaded, but dropping began just now
    assert bbr_cpu.decide(row, 0, *AEGIS, 800, now_ns + 10 * MS, 1) == SHED
    assert bbr_cpu.decide(row, 0, *AEGIS, 800, now_ns + 2 * S, 1) == ADMITTED
    assert row[2] == 0


def test_the_second_counts_from_when_dropping_began_and_not_from_the_last_refusal() -> None:
    row = row_of()
    row[:2] = [800, 2]
    assert bbr_cpu.decide(row, 0, *AEGIS, 800, 0, 1) == SHED
    assert bbr_cpu.decide(row, 0, *AEGIS, 800, 900 * MS, 1) == SHED
    row[0] = 799
    assert bbr_cpu.decide(row.copy(), 0, *AEGIS, 800, S, 1) == SHED
    assert bbr_cpu.decide(row, 0, *AEGIS, 800, S + 1, 1) == ADMITTED


def test_two_get_in_whatever_the_window_says() -> None:
    row = row_of()
    row[0] = 1000
    assert [bbr_cpu.decide(row, 0, *AEGIS, 800, 0, 1) for _ in range(3)] == [ADMITTED, ADMITTED, SHED]


def test_a_call_that_ends_gives_its_place_back_and_counts_also_where_it_failed() -> None:
    row = row_of()
    for outcome, inside, passed in ((SUCCESS, 1, 1), (FAILURE, 0, 2), (IGNORED, 0, 2), (SUCCESS, 0, 3)):
        row[1] += inside
        bbr_cpu.observe(row, 0, *AEGIS, 0, 1, 1, outcome)
        assert row[1] == 0
        assert row[bbr_cpu.WIDTH : bbr_cpu.WIDTH + 3] == [passed, passed, passed]  # 1 ns is a ms, rounded up


def test_costs() -> None:
    row = row_of()
    assert [bbr_cpu.decide(row, 0, *AEGIS, 800, 0, cost) for cost in (0, -1, 7)] == [ADMITTED, NEVER, ADMITTED]
    assert row[1] == 1


def test_the_processor_is_averaged_by_a_twentieth_each_time() -> None:
    row = row_of()
    seen = []
    for _ in range(4):
        bbr_cpu.sample_cpu(row, 0, 1000)
        seen.append(row[0])
    assert seen == [50, 97, 142, 184]
    bbr_cpu.sample_cpu(row, 0, -5)
    assert row[0] == 174
    bbr_cpu.sample_cpu(row, 0, LARGEST)
    assert row[0] == 215


def test_it_fails_by_standing_still_below_what_is_used() -> None:
    row = row_of()
    for used, found in ((800, 781), (818, 799), (819, 800)):
        for _ in range(1000):
            bbr_cpu.sample_cpu(row, 0, used)
        assert row[0] == found


def test_it_fails_by_taking_calls_that_waited_for_quick_ones() -> None:
    # One call a ms can be done, those inside take turns, and there are always enough; the processor is full.
    row, inside = row_of(), 10
    row[0] = 1000
    found = []
    for ms in range(100_000):
        while bbr_cpu.decide(row, 0, *AEGIS, 800, ms * MS, 1) == ADMITTED:
            pass
        inside = row[1]
        bbr_cpu.observe(row, 0, *AEGIS, ms * MS, inside * MS, 1, SUCCESS)
        if ms % 20_000 == 19_999:
            found.append(inside)
    assert found == sorted(set(found))
    assert found[-1] > 40


def test_no_window_and_steps_back_of_the_clock() -> None:
    row = row_of(0)
    row[0] = 1000
    assert [bbr_cpu.decide(row, 0, 0, MS, 800, 0, 1) for _ in range(3)] == [ADMITTED, ADMITTED, SHED]
    bbr_cpu.observe(row, 0, 0, MS, 0, 1, 1, SUCCESS)
    row = ended(row_of(), [(5 * S, MS), (4 * S, MS)])
    assert row[3] == 50
    assert row[bbr_cpu.WIDTH] == 2


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    row = row_of(2)
    row[0] = 1000
    for now_ns in (0, LARGEST - 1, LARGEST):
        for _ in range(3):
            bbr_cpu.observe(row, 0, 2, 1, now_ns, LARGEST, LARGEST, SUCCESS)
            bbr_cpu.decide(row, 0, 2, 1, LARGEST, now_ns, LARGEST)
    row[bbr_cpu.WIDTH :] = [MOST, 1, LONGEST_NS // MS] * 2
    row[4] = 0
    assert bbr_cpu.may_be_inside(row, 0, 2, 1, LARGEST) < 2**62


@given(st.lists(st.tuples(st.integers(-300, 600), st.integers(0, 3), st.integers(0, 50)), max_size=80))
def test_never_negative_and_never_more_inside_than_the_window_says(moves: list[tuple[int, int, int]]) -> None:
    row, now_ns = row_of(3), 0
    row[0] = 900
    for step_ms, what, rtt_ms in moves:
        now_ns = max(0, now_ns + step_ms * MS)
        if what == 3:
            bbr_cpu.observe(row, 0, 3, 200 * MS, now_ns, rtt_ms * MS, 1, SUCCESS)
        elif bbr_cpu.decide(row, 0, 3, 200 * MS, 800, now_ns, 1) == ADMITTED:
            assert row[1] <= max(2, bbr_cpu.may_be_inside(row, 0, 3, 200 * MS, now_ns) + 1)
        assert min(row) >= 0
