"""More second opinions, as in `oracle`: naive, in exact fractions, from the rules alone. Imports no law of ours."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from copy import deepcopy
from fractions import Fraction

from tests.limits.oracle import NEVER, SHED, TokenBucket

HALF_NS = 500_000_000


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
