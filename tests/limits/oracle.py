"""Second opinions on the laws: naive, in exact fractions, written from the rules alone. Imports nothing of ours.

Each `ask` answers as a law does: 0, a wait in ns, or -1 shed, -2 expired, -3 never.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from copy import deepcopy
from fractions import Fraction
from math import ceil

SHED, EXPIRED, NEVER = -1, -2, -3
HALF_NS = 500_000_000


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


class SlidingWindow:
    """Counts all that was ever admitted by its window; the wait is found by trying every ns."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns = limit, window_ns
        self.admitted: defaultdict[int, int] = defaultdict(int)
        self.window = 0

    def fits(self, now_ns: int, cost: int) -> bool:
        later_ns = max(now_ns, self.window * self.window_ns)
        window, into_ns = divmod(later_ns, self.window_ns)
        before = self.admitted[window - 1] * (1 - Fraction(into_ns, self.window_ns))
        return int(before) + self.admitted[window] + cost <= self.limit

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.limit:
            return NEVER
        self.window = max(self.window, now_ns // self.window_ns)
        wait_ns = 0
        while not self.fits(now_ns + wait_ns, cost):
            wait_ns += 1
        if wait_ns == 0:
            self.admitted[self.window] += cost
        return wait_ns


class WarmUp:
    """Tokens that are stored, as Sentinel tells it: with a slope, and a count for each half second that ever was."""

    def __init__(self, rate: Fraction, seconds: int, cold_factor: int) -> None:
        self.rate, self.cold_factor = rate, cold_factor
        self.warning = int(seconds * rate) // (cold_factor - 1)
        self.most = self.warning + int(2 * seconds * rate / (1 + cold_factor))
        self.slope = (cold_factor - 1) / rate / (self.most - self.warning)
        self.stored = self.most
        self.passed: defaultdict[int, int] = defaultdict(int)
        self.half = 0

    def come(self, half: int) -> None:
        seconds = half // 2 - self.half // 2
        if seconds > 0:
            passed = self.passed[half // 2 * 2 - 2] + self.passed[half // 2 * 2 - 1]
            cools = self.stored > self.warning and passed < int(self.rate) // self.cold_factor
            if self.stored < self.warning or cools:
                self.stored = min(self.most, int(self.stored + seconds * self.rate))
            self.stored = max(0, self.stored - passed)
        self.half = max(half, self.half)

    def fits(self, cost: int) -> bool:
        above = self.stored - self.warning
        allowed = self.rate if above < 0 else 1 / (above * self.slope + 1 / self.rate)
        return self.passed[self.half] + self.passed[self.half - 1] + cost <= allowed

    def ask(self, now_ns: int, cost: int) -> int:
        if cost == 0:
            return 0
        if cost < 0 or cost > self.rate:
            return NEVER
        self.come(now_ns // HALF_NS)
        if self.fits(cost):
            self.passed[self.half] += cost
            return 0
        for later in range(1, 13):
            other = deepcopy(self)
            other.come(self.half + later)
            if other.fits(cost):
                return (self.half + later) * HALF_NS - now_ns
        return SHED


class CoDel:
    """Keeps every wait of the interval."""

    def __init__(self, interval_ns: int, target_ns: int) -> None:
        self.interval_ns, self.target_ns = interval_ns, min(interval_ns, target_ns)
        self.waits: list[int] = []
        self.end_ns, self.overloaded = 0, False

    def ask(self, waited_ns: int, now_ns: int) -> int:
        if self.waits and now_ns > self.end_ns:
            self.overloaded = all(wait_ns > self.target_ns for wait_ns in self.waits)
            self.end_ns = now_ns + self.interval_ns
            self.waits = []
        self.waits.append(waited_ns)
        return SHED if len(self.waits) > 1 and self.overloaded and waited_ns > 2 * self.target_ns else 0


class AdaptiveLifo:
    """A queue that gives each its time on arrival, as the article does, and knows when it was last empty."""

    def __init__(self, standing_ns: int, short_ns: int) -> None:
        self.standing_ns, self.short_ns = standing_ns, short_ns
        self.queue: list[tuple[int, int]] = []
        self.last_empty_ns = 0

    def stands(self, now_ns: int) -> bool:
        if not self.queue:
            self.last_empty_ns = now_ns
        return self.last_empty_ns < now_ns - self.standing_ns

    def arrives(self, now_ns: int) -> None:
        self.queue.append((now_ns, self.short_ns if self.stands(now_ns) else self.standing_ns))

    def take(self, now_ns: int) -> tuple[int, int]:
        """Return when the next had come, and the answer for it."""
        came_ns, allowed_ns = self.queue.pop(-1 if self.stands(now_ns) else 0)
        return came_ns, SHED if now_ns - came_ns > allowed_ns else 0


class Aimd:
    """The limit as a number, the share as a fraction."""

    def __init__(self, start: int, least: int, most: int, backoff: Fraction) -> None:
        self.limit, self.least, self.most, self.backoff = start, least, most, backoff

    def observe(self, dropped: bool, inflight: int) -> None:
        if dropped:
            self.limit = int(self.limit * self.backoff)
        elif Fraction(inflight) >= Fraction(self.limit, 2):
            self.limit += 1
        self.limit = sorted((self.least, self.limit, self.most))[1]


class HotKey:
    """A dict of buckets in the order of use."""

    def __init__(self, slots: int, rate: Fraction, burst: int, overrides: dict[int, tuple[Fraction, int]]) -> None:
        self.slots, self.usual, self.overrides = slots, (rate, burst), overrides
        self.buckets: OrderedDict[int, TokenBucket] = OrderedDict()
        self.forgotten = 0

    def make_room(self, now_ns: int) -> None:
        for key in list(self.buckets)[:8]:
            bucket = self.buckets[key]
            if bucket.level + (now_ns - bucket.clock_ns) * bucket.rate_per_ns >= bucket.burst:
                del self.buckets[key]
                return
        self.buckets.popitem(last=False)
        self.forgotten += 1

    def ask(self, key: int, now_ns: int, cost: int) -> int:
        rate, burst = self.overrides.get(key, self.usual)
        fresh = TokenBucket(rate, burst)
        if cost <= 0 or cost > burst or rate == 0:
            return fresh.ask(now_ns, cost)
        if key not in self.buckets:
            if len(self.buckets) == self.slots:
                self.make_room(now_ns)
            self.buckets[key] = fresh
        self.buckets.move_to_end(key)
        return self.buckets[key].ask(now_ns, cost)
