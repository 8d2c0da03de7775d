"""Envoy's gradient: a limit on concurrency from the median round trip against one measured with next to none inside.

    measuring: L = least until `calls` answers have come, then minrtt = their quantile, and the former L is back
    else every update_ns, if an answer came: gradient = clamp((1 + buffer) * minrtt / quantile, 1/2, 2),
        L' = clamp(floor(gradient * L + sqrt(gradient * L)), least, most)
    measuring begins at the start, then interval_ns + draw * jitter * interval_ns after the last ended, and at once when
    the update has found L = least and left it there five times running
    an answer to a call that went in before the last measuring began is not seen

How many, and not who: as `limits.aimd`. Source: Envoy, adaptive_concurrency, gradient_controller.cc and its proto: 3 to
1000, 50 calls, quantile 50%, buffer 25%, jitter 15%; the two intervals have no defaults (its example: 100 ms and 60 s).
Round trips are whole us in a histogram of two digits, in which the quantile is interpolated, as in the circllhist that
Envoy uses. Envoy has timers; here what was due happens before the next answer, as of the instant at which it was due,
and `tick` does it without one: tick before `limit` where answers are rare. There the jitter is in whole ms. Failed
calls are calls; IGNORED ones (reset) are not seen.

Known failures: while it measures, all but 3 are refused, for as long as 50 answers take - with slow work that is long
(5 s of work: 85 s), and with none to answer, for ever. Gateways that started together shut
together, the first time: the jitter does not reach that. Measured while something slow goes on, minrtt is too long for
the whole interval, and L goes up to `most`.

State: [at] L when not measuring, 0 before; [at + 1] 1 when not measuring; [at + 2] minrtt, us; [at + 3] when measuring
began; [at + 4] when the next begins; [at + 5] the next update; [at + 6] how often L stayed at `least`; [at + 7]
answers; then a histogram of BINS. Bounds: instants and parameters up to limits.row.LARGEST, of which L counts up to
learned.MOST, round trips up to learned.LONGEST_NS, calls and answers up to a million; quantile, buffer and jitter are
in thousandths, at most 1000, 10,000 and 1000. An instant that steps back makes an interval longer.
"""

from __future__ import annotations

from limits.learned import MOST, counted_ns, within
from limits.outcomes import IGNORED
from limits.row import LARGEST, Row

BINS = 10 + 90 * 9
"""0 to 9 us, then 90 to each power of ten."""
WIDTH = 8 + BINS
MILLION = 1_000_000
BILLION = 1_000_000_000
OFTEN = 5


def limit(state: Row, at: int, least: int) -> int:
    """Return how many may be inside now."""
    return state[at] if state[at + 1] == 1 else least


def observe(
    state: Row,
    at: int,
    least: int,
    most: int,
    calls: int,
    quantile_milli: int,
    buffer_milli: int,
    update_ns: int,
    interval_ns: int,
    jitter_milli: int,
    draw_ppb: int,
    now_ns: int,
    rtt_ns: int,
    inflight: int,
    outcome: int,
) -> None:
    """Learn from a call that ended. `draw_ppb` is a uniform draw, used where a measuring ends with this call."""
    tick(state, at, least, most, quantile_milli, buffer_milli, update_ns, now_ns)
    if outcome == IGNORED or now_ns - rtt_ns < state[at + 3] or state[at + 7] >= MOST:
        return
    state[at + 7] += 1
    state[at + 8 + bin_of(counted_ns(rtt_ns) // 1000)] += 1
    if state[at + 1] == 0 and state[at + 7] >= min(MOST, calls):
        state[at + 2] = quantile(state, at, quantile_milli)
        state[at] = min(MOST, max(least, state[at]))
        state[at + 1] = 1
        state[at + 4] = later(now_ns, interval_ns, min(1000, jitter_milli) * draw_ppb // 1000)
        state[at + 5] = later(now_ns, update_ns, 0)
        state[at + 6] = 0


def tick(
    state: Row,
    at: int,
    least: int,
    most: int,
    quantile_milli: int,
    buffer_milli: int,
    update_ns: int,
    now_ns: int,
) -> None:
    """Do what was due by now: the update of the limit, the beginning of a measuring."""
    if state[at + 1] == 1 and state[at + 5] <= now_ns and state[at + 5] <= state[at + 4]:
        due_ns = state[at + 5]
        state[at + 5] = due_ns + ((now_ns - due_ns) // max(1, update_ns) + 1) * max(1, update_ns)
        if state[at + 7] > 0:
            update(state, at, least, most, quantile(state, at, quantile_milli), buffer_milli)
            if state[at + 6] >= OFTEN:
                measure(state, at, due_ns)
    if state[at + 1] == 1 and state[at + 4] <= now_ns:
        measure(state, at, state[at + 4])


def update(state: Row, at: int, least: int, most: int, rtt_us: int, buffer_milli: int) -> None:
    """Move the limit by what the answers since the last time took."""
    ratio = state[at + 2] * (1000 + min(10_000, buffer_milli)) * 1000 // max(1, rtt_us)
    grown = state[at] * min(2 * MILLION, max(MILLION // 2, ratio))  # in millionths
    many = min(MOST, within(least, most, (grown + root(grown * MILLION)) // MILLION))
    state[at + 6] = state[at + 6] + 1 if many == least and state[at] == least else 0
    state[at] = many


def measure(state: Row, at: int, now_ns: int) -> None:
    """Begin to measure, with no answers."""
    state[at + 1] = 0
    state[at + 3] = now_ns
    quantile(state, at, 0)


def quantile(state: Row, at: int, quantile_milli: int) -> int:
    """Return the quantile of the answers in whole us, and forget them."""
    rank = min(1000, quantile_milli) * state[at + 7]  # in thousandths of an answer
    below = 0
    found = -1
    for k in range(BINS):
        many = state[at + 8 + k]
        if many > 0:
            state[at + 8 + k] = 0
            if found < 0 and 1000 * (below + many) >= rank:
                found = start_of(k) + (rank - 1000 * below) * width_of(k) // (1000 * many)
            below += many
    state[at + 7] = 0
    return max(0, found)


def bin_of(us: int) -> int:
    """Return the number of the bin of a round trip: its first two digits, and how many follow."""
    base = 0
    while us >= 100:
        us //= 10
        base += 90
    return base + us


def width_of(k: int) -> int:
    """Return how many whole us are in a bin, 0 for the first ten, which are one number each."""
    return 0 if k < 10 else 10 ** ((k - 10) // 90)


def start_of(k: int) -> int:
    """Return the smallest us of a bin."""
    return k if k < 10 else (10 + (k - 10) % 90) * width_of(k)


def later(now_ns: int, span_ns: int, ppb: int) -> int:
    """Return now + span * (1 + ppb / 1e9), at most twice LARGEST."""
    span_ns = min(span_ns, LARGEST)
    return min(now_ns, LARGEST) + min(LARGEST, span_ns + span_ns // BILLION * ppb + span_ns % BILLION * ppb // BILLION)


def root(number: int) -> int:
    """Return the square root, rounded down."""
    guess = 1
    while guess * guess < number and guess < 2**31:
        guess *= 2
    while guess > 0 and guess > number // guess:
        guess = (guess + number // guess) // 2
    return guess
