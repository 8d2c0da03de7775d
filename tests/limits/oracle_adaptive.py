"""The adaptive laws once more, from their rules: with fractions or floats and lists, importing nothing of ours."""

from __future__ import annotations

import math
from fractions import Fraction

SUCCESS, FAILURE, IGNORED = 0, 1, 2


class Vegas:
    def __init__(self, start: int, least: int, most: int, probe: int, longest_rtt0: int) -> None:
        self.limit, self.least, self.most, self.probe = start, least, most, probe
        self.longest_rtt0 = longest_rtt0
        self.rtt0 = 0
        self.calls = 0
        self.jitter: Fraction | None = None

    def observe(self, draw: Fraction, rtt: int, inflight: int, outcome: int) -> None:
        if outcome == IGNORED:
            return
        if self.jitter is None:
            self.jitter = (1 + draw) / 2
        self.calls += 1
        if self.jitter * self.probe * self.limit <= self.calls:
            self.jitter, self.calls = (1 + draw) / 2, 0
            self.rtt0 = min(rtt, self.longest_rtt0)
        elif not self.rtt0 or rtt < self.rtt0:
            self.rtt0 = min(rtt, self.longest_rtt0)
        else:
            self.limit += self.change(rtt, inflight, outcome)
        self.limit = min(self.most, max(self.least, self.limit))

    def change(self, rtt: int, inflight: int, outcome: int) -> int:
        g = max(1, len(str(self.limit)) - 1)
        queue = math.ceil(self.limit * (1 - Fraction(self.rtt0, rtt)))
        if outcome == FAILURE:
            return -g
        if 2 * inflight < self.limit:
            return 0
        if queue <= g:
            return 6 * g
        if queue < 3 * g:
            return g
        return -g if queue > 6 * g else 0


class Gradient2:
    """In doubles, as its original."""

    def __init__(
        self, start: int, least: int, most: int, queue: int, smoothing: float, tolerance: float, n: int
    ) -> None:
        self.limit, self.least, self.most, self.queue = float(start), least, most, queue
        self.smoothing, self.tolerance, self.factor = smoothing, tolerance, 2 / (n + 1)
        self.first: list[int] = []
        self.long = 0.0

    def observe(self, rtt: int, inflight: int, outcome: int) -> None:
        if outcome == IGNORED:
            return
        if len(self.first) < 10:
            self.first.append(rtt)
            self.long = sum(self.first) / len(self.first)
        else:
            self.long = (1 - self.factor) * self.long + self.factor * rtt
        long = self.long
        if long / rtt > 2:
            self.long *= 0.95
        if inflight < self.limit / 2:
            return
        gradient = max(0.5, min(1.0, self.tolerance * long / rtt))
        new = self.limit * gradient + self.queue
        new = self.limit * (1 - self.smoothing) + new * self.smoothing
        self.limit = max(self.least, min(self.most, new))


class Windowed:
    def __init__(self, least: int, most: int, calls: int, shortest: int) -> None:
        self.least, self.most, self.calls, self.shortest = least, most, calls, shortest
        self.end = 0
        self.seen: list[tuple[int, int, int]] = []

    def add(self, now: int, rtt: int, inflight: int, outcome: int) -> tuple[int, int, int] | None:
        if outcome == IGNORED or rtt < self.shortest:
            return None
        self.seen.append((rtt, inflight, outcome))
        if now <= self.end:
            return None
        seen, self.seen = self.seen, []
        rtts = [r for r, _, _ in seen]
        self.end = now + min(self.most, max(self.least, 2 * min(rtts)))
        if len(seen) < self.calls:
            return None
        return sum(rtts) // len(rtts), max(i for _, i, _ in seen), max(o for _, _, o in seen)


class EnvoyGradient:
    """With timers that fire at their instants, and a list of answers in us, cut to two digits."""

    def __init__(self, least: int, most: int, calls: int, update: int, interval: int) -> None:
        self.least, self.most, self.calls, self.update, self.interval = least, most, calls, update, interval
        self.limit, self.deferred, self.min_rtt, self.epoch, self.stayed = least, least, 0, 0, 0
        self.timers: dict[str, int] = {}
        self.answers: list[int] = []

    def median(self) -> int:
        bins: dict[int, list[int]] = {}
        for us in self.answers:
            size = 10 ** max(0, len(str(us)) - 2)
            bins.setdefault(us // size * size, []).append(size if us >= 10 else 0)
        self.answers, rank, below = [], Fraction(len(self.answers), 2), 0
        for start in sorted(bins):
            many = len(bins[start])
            if below + many >= rank:
                return start + math.floor((rank - below) / many * bins[start][0])
            below += many
        return 0

    def set(self, limit: int) -> None:
        stays = not self.deferred and self.limit == self.least == limit
        self.stayed = self.stayed + 1 if stays else 0
        self.limit = limit

    def measure(self, at: int) -> None:
        self.deferred = self.limit
        self.set(self.least)
        self.answers, self.epoch, self.timers = [], at, {}

    def fire(self, now: int) -> None:
        while due := [(at, name) for name, at in self.timers.items() if at <= now]:
            at, name = min(due, key=lambda timer: (timer[0], timer[1] == "measure"))
            if name == "measure":
                self.measure(at)
                continue
            self.timers["update"] = at + self.update
            if self.answers:
                gradient = min(Fraction(2), max(Fraction(1, 2), self.min_rtt * Fraction(5, 4) / max(1, self.median())))
                grown = self.limit * gradient
                self.set(max(self.least, min(self.most, math.floor(float(grown) + math.sqrt(grown)))))
                if self.stayed >= 5:
                    self.measure(at)

    def observe(self, now: int, rtt: int, outcome: int) -> None:
        self.fire(now)
        if outcome == IGNORED or now - rtt < self.epoch:
            return
        self.answers.append(rtt // 1000)
        if self.deferred and len(self.answers) >= self.calls:
            self.min_rtt = self.median()
            self.set(self.deferred)
            self.deferred = 0
            self.timers = {"measure": now + self.interval, "update": now + self.update}


class BbrCpu:
    """With a list of all calls that ever ended."""

    def __init__(self, buckets: int, bucket_ns: int) -> None:
        self.buckets, self.bucket_ns = buckets, bucket_ns
        self.cpu, self.inside, self.newest = 0, 0, 0
        self.began: int | None = None
        self.ended: list[tuple[int, int]] = []

    def roll(self, now: int) -> None:
        self.newest = max(self.newest, now // self.bucket_ns)

    def may(self, now: int) -> int:
        self.roll(now)
        best, quickest = 1, math.inf
        for bucket in range(self.newest - self.buckets + 1, self.newest):
            inside = [ms for b, ms in self.ended if b == bucket]
            best = max(best, len(inside))
            if timed := [ms for ms in inside if ms > 0]:
                quickest = min(quickest, math.ceil(Fraction(sum(timed), len(timed))))
        rtt = 1 if quickest == math.inf else quickest
        return int(best * rtt * (1_000_000_000 // self.bucket_ns) // 1000)

    def ask(self, threshold: int, now: int) -> bool:
        overloaded = self.cpu >= threshold
        if not overloaded and (self.began is None or now - self.began > 1_000_000_000):
            self.began = None
        elif self.inside > 1 and self.inside > self.may(now):
            if overloaded and self.began is None:
                self.began = now
            return False
        self.inside += 1
        return True

    def observe(self, now: int, rtt: int, outcome: int) -> None:
        self.inside = max(0, self.inside - 1)
        if outcome != IGNORED:
            self.roll(now)
            self.ended.append((self.newest, math.ceil(Fraction(rtt, 1_000_000))))


class Dagor:
    """With a list of (level, admitted) of the window."""

    def __init__(self, levels: int, window: int, calls: int, target: int) -> None:
        self.levels, self.window, self.calls, self.target = levels, window, calls, target
        self.open = levels
        self.began: int | None = None
        self.seen: list[int] = []
        self.waits: list[int] = []

    def would(self, level: int) -> int:
        return sum(1 for seen in self.seen if seen < level)

    def ask(self, level: int, now: int) -> bool:
        if self.began is None:
            self.began = now
        if now - self.began >= self.window or len(self.seen) >= self.calls:
            admitted = self.would(self.open)
            if self.waits and Fraction(sum(self.waits), len(self.waits)) > self.target:
                wanted = Fraction(95, 100) * admitted
                below = [k for k in range(1, self.open + 1) if self.would(k) <= wanted]
                self.open = max(below, default=1)
            else:
                more = admitted + math.ceil(Fraction(len(self.seen), 100))
                above = [k for k in range(self.open, self.levels + 1) if self.would(k) >= more]
                self.open = min(above, default=self.levels)
            self.began, self.seen, self.waits = now, [], []
        self.seen.append(level)
        return level < self.open


class PiRejector:
    """With a list of the last arrivals."""

    def __init__(self, levels: int, period: int, kp: Fraction, ki: Fraction) -> None:
        self.levels, self.period, self.kp, self.ki = levels, period, kp, ki
        self.began: int | None = None
        self.entered = self.left = 0
        self.rate = Fraction(0)
        self.sum = Fraction(0)
        self.recent: list[int] = []
        self.last = levels - 1

    def part(self, share: Fraction) -> Fraction:
        return max(Fraction(0), min(Fraction(1), Fraction(math.floor(10**6 * share), 10**6)))

    def calibrate(self, free: int) -> None:
        error = Fraction(math.floor(10**6 * Fraction(self.entered - self.left - free, max(1, self.left))), 10**6)
        self.sum = self.part(self.sum + self.ki * error)
        self.rate = self.part(self.sum + self.kp * error)
        least_first = sorted(self.recent[-1000:], reverse=True)
        rank = math.ceil(self.rate * len(least_first))
        self.last = least_first[rank - 1] if rank > 0 else self.levels - 1

    def ask(self, free: int, level: int, now: int) -> bool:
        if self.began is None:
            self.began = now
        if now - self.began >= self.period:
            self.calibrate(free)
            self.began, self.entered, self.left = now, 0, 0
        self.recent.append(level)
        self.entered += level <= self.last
        return level <= self.last


class Place:
    """A store or a zone, with what it has as a list of the instants at which each order could begin at the earliest."""

    def __init__(self, stale: int) -> None:
        self.stale, self.interval, self.told, self.admitted, self.arrived = stale, 0, 0, 0, 0
        self.free = 0

    def now(self, now: int) -> int:
        return min(max(now, self.told), self.told + self.stale)

    def tell(self, interval: int, arrived: int, queued: int, told: int, now: int) -> None:
        if told < self.told:
            return
        self.interval, self.told, self.arrived = interval, told, max(arrived, self.arrived)
        self.free = told + queued * interval
        for _ in range(self.admitted - self.arrived):
            self.free = max(self.free, now) + interval

    def done_after(self, orders: int, now: int) -> int:
        return max(self.free, self.now(now)) + orders * self.interval - self.now(now)

    def wait(self, horizon: int, orders: int, now: int) -> int | None:
        if not self.interval:
            return None
        over = self.done_after(orders, now) - horizon
        if over > 0 and self.told + self.stale < now:
            return None
        return max(0, over)


class Breakwater:
    def __init__(self, target: int, cores: int, clients: int) -> None:
        self.target, self.cores, self.clients = target, cores, clients
        self.credits, self.rest = cores, Fraction(0)
        self.held = [0] * clients
        self.out = [0] * clients

    def control(self, delay: int) -> None:
        if delay >= self.target:
            alpha = 1 - Fraction(2, 100) * Fraction(delay - self.target, self.target)
            self.credits, self.rest = math.floor(self.credits * max(alpha, Fraction(1, 2))), Fraction(0)
        else:
            self.rest += Fraction(self.clients, 1000)
            self.credits += math.floor(self.rest)
            self.rest -= math.floor(self.rest)
        self.credits = min(max(self.credits, self.cores), 64 * self.clients)

    def share(self, client: int, pending: int, demand: int) -> int:
        available = self.credits - sum(self.held)
        overprovision = max(available // self.clients, 1)
        window = self.held[client]
        if available > 0:
            window = min(pending + demand + overprovision, window + available)
        if available < 0:
            window -= 1
        if self.clients <= self.cores:
            window = max(window, overprovision)
        window = min(max(window, pending), 63, pending + demand + overprovision)
        self.held[client] = window
        return window

    def call(self, client: int) -> bool:
        if self.out[client] == self.held[client]:
            self.share(client, self.out[client], 1)
        may = self.out[client] < self.held[client]
        self.out[client] += may
        return may

    def answered(self, client: int) -> None:
        self.out[client] -= 1
        self.share(client, self.out[client], 0)


class Seda:
    """In fractions; the mean in whole ns, as written down."""

    def __init__(self, start: Fraction, least: Fraction, most: Fraction, target: int, calls: int, every: int) -> None:
        self.rate, self.least, self.most = start, least, most
        self.target, self.calls, self.every = target, calls, every
        self.slow = 0
        self.since: int | None = None
        self.seen: list[int] = []

    def observe(self, now: int, rtt: int, outcome: int) -> None:
        if outcome == IGNORED:
            return
        self.since = now if self.since is None else self.since
        self.seen.append(rtt)
        if len(self.seen) < self.calls and now - self.since < self.every:
            return
        slow = sorted(self.seen)[math.floor(len(self.seen) * Fraction(9, 10))]
        self.slow = math.floor(self.slow * Fraction(7, 10) + slow * Fraction(3, 10))
        error = Fraction(self.slow - self.target, self.target)
        if error > 0:
            self.rate /= Fraction(6, 5)
        elif error < Fraction(-1, 2):
            self.rate += 2 * (-error - Fraction(1, 10))
        self.rate = min(self.most, max(self.least, self.rate))
        self.since, self.seen = now, []
