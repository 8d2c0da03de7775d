"""SEDA's controller: a rate that is cut while the slowest tenth of calls take longer than they may, and grows slowly.

    each `calls` answers, or at the first one `every` after the last change:  x = the answer of rank floor(quantile * n)
        cur' = 0.7 * cur + 0.3 * x,  err = (cur - target) / target
        err > 0: rate' = max(least, rate / divisor);  err < -1/2: rate' = min(most, rate - (err + 1/10) * increase)
    between -1/2 and 0 the rate stays;  a token bucket with that rate admits, which keeps its tokens as the rate changes

Ranks count from 0, the quickest first. cur begins at 0, so that the first changes raise the rate. Source: Welsh and
Culler, Adaptive Overload Control for Busy Internet Servers (USITS 2003), by its program (Sandstorm,
ResponseTimeControllerMulticlass with one class): 90%, 100 calls or 1 s, divisor 1.2, increase 2/s, rates from 0.05/s to
5,000/s, at first 100/s, one token. Caladan's sd_client.c, with which Breakwater was compared, has one such controller
in each client, its rate without an upper bound, 4 tokens and the 99% quantile.

Known failures: cur is a mean over some three changes, so the rate is cut on for some time after the queue is short, and
grows by a step of `increase` each change from there, slower the lower the rate is: at 1/s a change takes a second or
longer (tested). What is refused is not seen: after a lull the rate is high, and the first crowd comes in whole.

State: [at] 1 + the rate in millionths a second, 0 before it changed: `start`; [at + 1] a row of gcra; [at + 2] cur, ns;
[at + 3] 1 + when it last changed or began, 0 before; [at + 4] how many answers since; then these, the quickest first.
Bounds: rates up to a billion a second (in millionths), an increase up to a million a second, divisors from 1 to a
thousand and quantiles up to 1 (in thousandths), burst up to learned.MOST, times up to learned.LONGEST_NS; instants up
to limits.row.LARGEST. Time that runs backwards changes nothing until it is there again.
"""

from __future__ import annotations

from limits import gcra
from limits.learned import LONGEST_NS, MOST, counted_ns, within
from limits.outcomes import IGNORED
from limits.row import LARGEST, Row

WIDTH = 5
"""Without the answers: a row takes WIDTH + calls ints."""
MILLION = 1_000_000
HIGHEST = 10**15
"""The highest rate, a billion a second, in millionths."""


def decide(state: Row, at: int, start_micro: int, burst: int, now_ns: int, cost: int) -> int:
    """Admit `cost` now (0), say after how many ns there will be tokens at the present rate, or NEVER as gcra."""
    burst = min(MOST, burst)
    return gcra.decide(state, at + 1, interval_ns(rate_micro(state, at, start_micro), burst), burst, now_ns, cost)


def rate_micro(state: Row, at: int, start_micro: int) -> int:
    """Return the rate, in millionths a second."""
    return min(HIGHEST, start_micro) if state[at] == 0 else state[at] - 1


def interval_ns(rate: int, burst: int) -> int:
    """Return the ns that a token takes at a rate in millionths a second, such that the burst fits; 0 for no rate."""
    return 0 if rate <= 0 else max(1, min(LARGEST // max(1, burst), HIGHEST // rate))


def observe(
    state: Row,
    at: int,
    start_micro: int,
    least_micro: int,
    most_micro: int,
    increase_micro: int,
    divisor_milli: int,
    quantile_milli: int,
    target_ns: int,
    calls: int,
    every_ns: int,
    burst: int,
    now_ns: int,
    rtt_ns: int,
    inflight: int,
    outcome: int,
) -> None:
    """Learn how long a call took, whether or not it failed; an IGNORED one is not seen."""
    if outcome == IGNORED or calls < 1:
        return
    if state[at + 3] == 0:
        state[at + 3] = 1 + now_ns
    insert(state, at + WIDTH, state[at + 4], counted_ns(rtt_ns))
    state[at + 4] += 1
    count = state[at + 4]
    if count < calls and now_ns - (state[at + 3] - 1) < every_ns:
        return
    slow_ns = state[at + WIDTH + min(count - 1, count * min(1000, quantile_milli) // 1000)]
    state[at + 2] = (7 * state[at + 2] + 3 * slow_ns) // 10
    state[at + 3], state[at + 4] = 1 + now_ns, 0
    burst = min(MOST, burst)
    before = rate_micro(state, at, start_micro)
    after = changed(before, state[at + 2], least_micro, most_micro, increase_micro, divisor_milli, target_ns)
    gcra.change(state, at + 1, interval_ns(before, burst), burst, interval_ns(after, burst), burst, now_ns)
    state[at] = 1 + after


def changed(
    rate: int,
    slow_ns: int,
    least_micro: int,
    most_micro: int,
    increase_micro: int,
    divisor_milli: int,
    target_ns: int,
) -> int:
    """Return the rate that follows, in millionths a second, where the slow calls take so long."""
    target_ns = max(1, min(LONGEST_NS, target_ns))
    if slow_ns > target_ns:
        rate = rate * 1000 // max(1000, min(MILLION, divisor_milli))
    elif 2 * slow_ns < target_ns:
        part = (9 * target_ns - 10 * slow_ns) * (MILLION // 10) // target_ns
        rate += min(MILLION * MILLION, increase_micro) * part // MILLION
    return min(HIGHEST, within(least_micro, most_micro, rate))


def insert(state: Row, at: int, count: int, value: int) -> None:
    """Put a value in its place among so many in order."""
    place = at + count
    while place > at and state[place - 1] > value:
        state[place] = state[place - 1]
        place -= 1
    state[place] = value
