from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits import sre_throttle
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.row import LARGEST
from limits.verdicts import ADMITTED, NEVER, SHED

S = 1_000_000_000
NEVER_REFUSED, ALWAYS_LUCKLESS = 999_999_999, 0  # draws
WINDOW = (12, 10 * S)
K = 2000


def seen(requests: int, accepts: int) -> list[int]:
    """Return a row that has seen so many at instant 0."""
    row = [0] * (sre_throttle.WIDTH + 24)
    for _ in range(requests):
        sre_throttle.decide(row, 0, *WINDOW, K, NEVER_REFUSED, 0, 1)
    for _ in range(accepts):
        sre_throttle.observe(row, 0, *WINDOW, 0, 1, 1, SUCCESS)
    return row


def test_the_share_refused_is_that_of_the_book() -> None:
    # Ten requests, three accepts, K = 2: (10 - 6) / 11 = 0.363636363636...
    assert sre_throttle.decide(seen(10, 3), 0, *WINDOW, K, 363_636_363, 0, 1) == SHED
    assert sre_throttle.decide(seen(10, 3), 0, *WINDOW, K, 363_636_364, 0, 1) == ADMITTED
    # K = 1.1: (10 - 3.3) / 11 = 0.60909...
    assert sre_throttle.decide(seen(10, 3), 0, *WINDOW, 1100, 609_090_909, 0, 1) == SHED
    assert sre_throttle.decide(seen(10, 3), 0, *WINDOW, 1100, 609_090_910, 0, 1) == ADMITTED


def test_none_is_refused_until_requests_are_twice_the_accepts() -> None:
    assert sre_throttle.decide(seen(10, 5), 0, *WINDOW, K, ALWAYS_LUCKLESS, 0, 1) == ADMITTED
    assert sre_throttle.decide(seen(11, 5), 0, *WINDOW, K, ALWAYS_LUCKLESS, 0, 1) == SHED


def test_the_first_call_of_all_goes_whatever_its_draw() -> None:
    assert sre_throttle.decide(seen(0, 0), 0, *WINDOW, K, ALWAYS_LUCKLESS, 0, 1) == ADMITTED


def test_who_is_refused_here_counts_as_a_request_too() -> None:
    row = seen(10, 0)
    assert sre_throttle.decide(row, 0, *WINDOW, K, ALWAYS_LUCKLESS, 0, 1) == SHED
    assert row[1] == 11


def test_only_a_success_is_an_accept() -> None:
    row = seen(4, 1)
    for outcome in (FAILURE, IGNORED):
        sre_throttle.observe(row, 0, *WINDOW, 0, 1, 1, outcome)
    assert row[1:3] == [4, 1]


def test_after_two_minutes_all_is_forgotten() -> None:
    row = seen(10, 0)
    assert sre_throttle.decide(row.copy(), 0, *WINDOW, K, ALWAYS_LUCKLESS, 120 * S - 1, 1) == SHED
    assert sre_throttle.decide(row, 0, *WINDOW, K, ALWAYS_LUCKLESS, 120 * S, 1) == ADMITTED
    assert row[1:3] == [1, 0]


def test_an_earlier_instant_counts_as_the_newest_slice() -> None:
    row = seen(0, 0)
    sre_throttle.decide(row, 0, *WINDOW, K, NEVER_REFUSED, 50 * S, 1)
    sre_throttle.decide(row, 0, *WINDOW, K, NEVER_REFUSED, 0, 1)
    assert row[:2] == [5, 2]


def test_odd_costs_and_parameters() -> None:
    row = seen(10, 0)
    before = row.copy()
    assert sre_throttle.decide(row, 0, *WINDOW, K, ALWAYS_LUCKLESS, 0, 0) == ADMITTED
    assert sre_throttle.decide(row, 0, *WINDOW, K, ALWAYS_LUCKLESS, 0, -1) == NEVER
    assert sre_throttle.decide(row, 0, 0, S, K, ALWAYS_LUCKLESS, 0, 1) == ADMITTED
    assert sre_throttle.decide(row, 0, 12, 0, K, ALWAYS_LUCKLESS, 0, 1) == ADMITTED
    sre_throttle.observe(row, 0, 12, 0, 0, 1, 1, SUCCESS)
    assert row == before
    # With K = 0 or less accepts are worth nothing: 10 / 11.
    assert sre_throttle.decide(seen(10, 10), 0, *WINDOW, -5, 909_090_909, 0, 1) == SHED
    assert sre_throttle.decide(seen(10, 10), 0, *WINDOW, 0, 909_090_910, 0, 1) == ADMITTED
    # Any cost is one call.
    assert sre_throttle.decide(row, 0, *WINDOW, K, NEVER_REFUSED, 0, LARGEST) == ADMITTED
    assert row[1] == 11


def test_the_largest_numbers_stay_inside_64_bits() -> None:
    row = [0, sre_throttle.MOST, sre_throttle.MOST, sre_throttle.MOST, sre_throttle.MOST]
    assert sre_throttle.decide(row, 0, 1, LARGEST, LARGEST, ALWAYS_LUCKLESS, 0, 1) == ADMITTED
    sre_throttle.observe(row, 0, 1, LARGEST, 0, 1, 1, SUCCESS)
    assert row[1:3] == [sre_throttle.MOST] * 2
    row[2] = 0
    assert (row[1] + 1) * 999_999_999 < 2**63
    assert sre_throttle.too_many_milli(row[1], 0, LARGEST) * 1_000_000 < 2**63
    assert sre_throttle.decide(row, 0, 1, LARGEST, LARGEST, ALWAYS_LUCKLESS, 0, 1) == SHED


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000), st.integers(0, 999_999_999))
def test_more_accepts_never_refuse_more(requests: int, accepts: int, k_milli: int, draw: int) -> None:
    def answer(accepts: int) -> int:
        row = [0, requests, accepts, requests, accepts]
        return sre_throttle.decide(row, 0, 1, S, k_milli, draw, 0, 1)

    assert answer(accepts) <= answer(accepts + 1)  # SHED < ADMITTED


def sent_in_the_end(accepted_per_s: int, asked_per_s: int, k_milli: int, seconds: int) -> tuple[int, int]:
    """Return (sent, accepted) in the last two minutes of a backend that takes so many a second, at once."""
    row = seen(0, 0)
    sent = accepted = 0
    for second in range(seconds):
        room = accepted_per_s
        for i in range(asked_per_s):
            now_ns = second * S + i * (S // asked_per_s)
            draw = (second * asked_per_s + i) * 618_033_989 % S  # spread evenly: the golden section
            if sre_throttle.decide(row, 0, *WINDOW, k_milli, draw, now_ns, 1) == ADMITTED:
                is_late = second >= seconds - 120
                sent += is_late
                if room > 0:
                    room -= 1
                    accepted += is_late
                    sre_throttle.observe(row, 0, *WINDOW, now_ns, 1, 1, SUCCESS)
    return sent, accepted


def test_a_backend_refuses_one_call_for_each_it_takes() -> None:
    sent, accepted = sent_in_the_end(20, 200, K, 360)
    assert accepted == 20 * 120
    assert 1.95 * accepted < sent < 2.1 * accepted


def test_with_k_at_one_and_a_tenth_it_refuses_one_for_ten() -> None:
    sent, accepted = sent_in_the_end(20, 200, 1100, 360)
    assert accepted == 20 * 120
    assert 1.05 * accepted < sent < 1.2 * accepted


def test_known_failure_answers_that_take_long_look_like_refusals() -> None:
    # Nobody is ever refused by the backend, but its answers take 5 s. Ten calls a second, draws spread evenly.
    row, refused = seen(0, 0), [0] * 30
    answers: list[int] = []
    for i in range(300):
        now_ns = i * S // 10
        while answers and answers[0] <= now_ns:
            sre_throttle.observe(row, 0, *WINDOW, answers.pop(0), 5 * S, 1, SUCCESS)
        if sre_throttle.decide(row, 0, *WINDOW, K, i * 618_033_989 % S, now_ns, 1) == ADMITTED:
            answers.append(now_ns + 5 * S)
        else:
            refused[i // 10] += 1
    assert sum(refused[:5]) > 40  # of the first 50, before there was any answer


def test_known_failure_a_client_that_calls_seldom_hardly_learns() -> None:
    # One call in 100 s to a backend that is down: what the last one met is the most it knows, 1 / 2.
    row = seen(0, 0)
    answers = [sre_throttle.decide(row, 0, *WINDOW, K, 500_000_000, i * 100 * S, 1) for i in range(10)]
    assert answers == [ADMITTED] * 10
