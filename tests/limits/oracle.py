"""Second opinions on the laws: naive, in exact fractions, written from the rules alone. Imports nothing of ours.

Each `ask` answers as a law does: 0, a wait in ns, or -1 shed, -2 expired, -3 never.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

SHED, EXPIRED, NEVER = -1, -2, -3


class TokenBucket:
    """A level between 0 and burst that rises at rate_per_ns; the clock never runs backwards in here."""

    def __init__(self, rate_per_ns: Fraction, burst: int) -> None:
        self.rate_per_ns, self.burst = rate_per_ns, burst
        self.level, self.clock_ns = Fraction(burst), 0

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.burst or self.rate_per_ns == 0:
            return NEVER
        later_ns = max(self.clock_ns, now_ns)
        self.level = min(Fraction(self.burst), self.level + (later_ns - self.clock_ns) * self.rate_per_ns)
        self.clock_ns = later_ns
        if self.level >= cost:
            self.level -= cost
            return 0
        return ceil((cost - self.level) / self.rate_per_ns) + self.clock_ns - now_ns


class LeakyBucketMeter:
    """The other form of GCRA in I.371: contents that leak by 1 a ns since the last conforming call, limit in ns."""

    def __init__(self, interval_ns: int, burst: int) -> None:
        self.interval_ns, self.burst = interval_ns, burst
        self.contents_ns, self.last_ns = Fraction(0), 0

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.burst or self.interval_ns == 0:
            return NEVER
        left_ns = max(Fraction(0), self.contents_ns - (now_ns - self.last_ns))
        over_ns = left_ns + cost * self.interval_ns - self.burst * self.interval_ns
        if over_ns > 0:
            return ceil(over_ns)
        self.contents_ns, self.last_ns = left_ns + cost * self.interval_ns, now_ns
        return 0


class FixedWindow:
    """Counts all that was ever admitted, by the number of its window."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns = limit, window_ns
        self.admitted: list[tuple[int, int]] = []
        self.clock_ns = 0

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.limit:
            return NEVER
        self.clock_ns = max(self.clock_ns, now_ns // self.window_ns * self.window_ns)
        start_ns = self.clock_ns // self.window_ns * self.window_ns
        if sum(c for at_ns, c in self.admitted if at_ns >= start_ns) + cost > self.limit:
            return start_ns + self.window_ns - now_ns
        self.admitted.append((max(start_ns, now_ns), cost))
        return 0


class SlidingWindowLog:
    """Keeps all that was ever admitted; the wait is found by trying each instant at which something leaves."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns = limit, window_ns
        self.admitted: list[tuple[int, int]] = []

    def fits(self, at_ns: int, cost: int) -> bool:
        return sum(c for t, c in self.admitted if at_ns - self.window_ns < t) + cost <= self.limit

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.limit:
            return NEVER
        later_ns = max([now_ns] + [t for t, _ in self.admitted])
        if self.fits(later_ns, cost):
            self.admitted.append((later_ns, cost))
            return 0
        leaving = sorted(t + self.window_ns for t, _ in self.admitted if t + self.window_ns > later_ns)
        return next(at_ns for at_ns in leaving if self.fits(at_ns, cost)) - now_ns


class FixedConcurrency:
    """A list with one entry per unit inside."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.inside: list[None] = []

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.limit:
            return NEVER
        if len(self.inside) + cost > self.limit:
            return SHED
        self.inside += [None] * cost
        return 0

    def release(self, cost: int) -> None:
        del self.inside[: max(0, cost)]


class RetryBudget:
    """Tokens as a fraction, full at first."""

    def __init__(self, cap: Fraction) -> None:
        self.cap, self.tokens = cap, cap

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.cap:
            return NEVER
        if self.tokens < cost:
            return SHED
        self.tokens -= cost
        return 0

    def earn(self, amount: Fraction) -> None:
        self.tokens = min(self.cap, self.tokens + max(Fraction(0), amount))


class Pacing:
    """Remembers every instant at which a call went on or will go on."""

    def __init__(self, interval_ns: int, longest_wait_ns: int) -> None:
        self.interval_ns, self.longest_wait_ns = interval_ns, longest_wait_ns
        self.passages: list[int] = []

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or self.interval_ns == 0:
            return NEVER
        turn_ns = now_ns
        if self.passages:
            turn_ns = max(now_ns, self.passages[-1] + cost * self.interval_ns)
        if turn_ns - now_ns > self.longest_wait_ns:
            return SHED
        self.passages.append(turn_ns)
        return turn_ns - now_ns


def deadline(least_left_ns: int, deadline_ns: int, now_ns: int) -> int:
    """Good is who still waits, and goes on waiting for least_left_ns."""
    still_there = now_ns < deadline_ns
    long_enough = now_ns + max(0, least_left_ns) <= deadline_ns
    return 0 if still_there and long_enough else EXPIRED


def carried(level: int, per_token: int, new_per_token: int, most: int) -> int:
    return int(min(Fraction(level, per_token), Fraction(most)) * new_per_token // 1)
