"""Second opinions on the laws that learn from answers, and on the waiting room. Imports nothing of ours.

As in `oracle`: naive, in exact fractions and lists that keep everything, written from the rules alone; -1 shed, -2
expired, -3 never.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

SHED, EXPIRED, NEVER = -1, -2, -3
SUCCESS, FAILURE, IGNORED = 0, 1, 2


class Slices:
    """Everything ever written, with the number of its slice; the clock never runs backwards in here."""

    def __init__(self, slices: int, slice_ns: int) -> None:
        self.slices, self.slice_ns = slices, slice_ns
        self.newest = 0
        self.written: list[tuple[int, str, Fraction]] = []

    def look(self, now_ns: int) -> None:
        self.newest = max(self.newest, now_ns // self.slice_ns)

    def write(self, what: str, amount: Fraction) -> None:
        self.written.append((self.newest, what, amount))

    def sum(self, what: str) -> Fraction:
        oldest = self.newest - self.slices + 1
        return sum((a for number, w, a in self.written if w == what and number >= oldest), Fraction(0))


class SreThrottle:
    def __init__(self, slices: int, slice_ns: int, k: Fraction) -> None:
        self.past, self.k = Slices(slices, slice_ns), k

    def ask(self, draw: Fraction, now_ns: int, cost: int) -> int:
        if cost <= 0:
            return NEVER if cost else 0
        self.past.look(now_ns)
        requests, accepts = self.past.sum("request"), self.past.sum("accept")
        self.past.write("request", Fraction(1))
        return SHED if draw < max(Fraction(0), (requests - self.k * accepts) / (requests + 1)) else 0

    def observe(self, now_ns: int, outcome: int) -> None:
        if outcome == SUCCESS:
            self.past.look(now_ns)
            self.past.write("accept", Fraction(1))


class RetryRatio:
    def __init__(self, slices: int, slice_ns: int, ratio: Fraction, reserve: int) -> None:
        self.past, self.ratio, self.reserve = Slices(slices, slice_ns), ratio, reserve

    def ask(self, now_ns: int, cost: int) -> int:
        if cost <= 0:
            return NEVER if cost else 0
        self.past.look(now_ns)
        if self.past.sum("retry") + cost > self.ratio * self.past.sum("request") + self.reserve:
            return SHED
        self.past.write("retry", Fraction(cost))
        return 0

    def earn(self, now_ns: int) -> None:
        self.past.look(now_ns)
        self.past.write("request", Fraction(1))


class RetryThrottle:
    """token_count of gRPC proposal A6."""

    def __init__(self, most: Fraction, ratio: Fraction) -> None:
        self.most, self.ratio, self.tokens = most, ratio, most

    def ask(self, cost: int) -> int:
        if cost <= 0:
            return NEVER if cost else 0
        if self.most == 0:
            return NEVER
        return 0 if self.tokens > self.most / 2 else SHED

    def observe(self, outcome: int) -> None:
        step = {SUCCESS: self.ratio, FAILURE: Fraction(-1), IGNORED: Fraction(0)}[outcome]
        self.tokens = min(self.most, max(Fraction(0), self.tokens + step))


@dataclass(frozen=True)
class Settings:
    window: int
    least_calls: int
    failed: Fraction
    slow: Fraction
    slow_ns: int
    open_ns: int
    probes: int
    half_open_ns: int


class CircuitBreaker:
    """Keeps every answer since the state began, and judges them anew each time; a timer rings in `tick`."""

    def __init__(self, settings: Settings) -> None:
        self.s = settings
        self.turn("closed", 0)

    def turn(self, state: str, now_ns: int) -> None:
        self.since_ns = max(now_ns, getattr(self, "since_ns", 0))
        self.state = state
        self.permits = self.s.probes
        self.answers: list[tuple[bool, bool]] = []

    def tick(self, now_ns: int) -> None:
        if self.state == "half-open" and self.s.half_open_ns > 0:
            rings_ns = self.since_ns + self.s.half_open_ns
            if now_ns >= rings_ns:
                self.turn("open", rings_ns)

    def ask(self, now_ns: int, cost: int) -> int:
        if cost <= 0:
            return NEVER if cost else 0
        self.tick(now_ns)
        if self.state == "open":
            if now_ns < self.since_ns + self.s.open_ns:
                return self.since_ns + self.s.open_ns - now_ns
            self.turn("half-open", now_ns)
        if self.state == "half-open":
            if self.permits == 0:
                return SHED
            self.permits -= 1
        return 0

    def observe(self, now_ns: int, rtt_ns: int, outcome: int) -> None:
        self.tick(now_ns)
        if outcome == IGNORED:
            self.permits = min(self.s.probes, self.permits + 1)
            return
        self.answers.append((outcome == FAILURE, rtt_ns > self.s.slow_ns))
        size = self.s.window if self.state == "closed" else self.s.probes
        judged = self.answers[-size:]
        if self.state == "open" or len(judged) < min(self.s.least_calls, size):
            return
        failed = Fraction(sum(f for f, _ in judged), len(judged))
        slow = Fraction(sum(s for _, s in judged), len(judged))
        if failed >= self.s.failed or slow >= self.s.slow:
            self.turn("open", now_ns)
        elif self.state == "half-open":
            self.turn("closed", now_ns)


@dataclass
class Visitor:
    until_ns: int
    state: str = "waiting"  # called, admitted, gone


class WaitingRoom:
    """A list of those who wait, a list of those who were called, and what is known of everybody who ever came."""

    def __init__(self, stages: int, slots: int, hold_ns: int) -> None:
        self.credit = [0] * stages
        self.slots, self.hold_ns = slots, hold_ns
        self.visitors: list[Visitor] = []
        self.waiting: list[int] = []
        self.called: list[int] = []
        self.forgotten = 0  # of those who came first

    def turn(self, now_ns: int) -> None:
        while self.called:
            first = self.visitors[self.called[0] - 1]
            if first.state == "called" and first.until_ns > now_ns:
                break
            if first.state == "called":
                first.state = "gone"
                self.credit = [c + 1 for c in self.credit]
            del self.called[0]
        while self.waiting and self.credit and min(self.credit) > 0:
            number = self.waiting.pop(0)
            self.called.append(number)
            there = self.visitors[number - 1].until_ns > now_ns
            self.visitors[number - 1].state = "called" if there else "gone"
            if there:
                self.credit = [c - 1 for c in self.credit]
        for visitor in self.visitors[self.forgotten :]:
            told_again = visitor.state == "admitted" and visitor.until_ns > now_ns
            if visitor.state in ("waiting", "called") or told_again:
                break
            visitor.state = "gone"
            self.forgotten += 1

    def join(self, draw: Fraction | None, now_ns: int) -> int:
        self.turn(now_ns)
        if max(len(self.visitors) - self.forgotten, len(self.waiting) + len(self.called)) >= self.slots:
            return SHED
        number = len(self.visitors) + 1
        self.visitors.append(Visitor(now_ns + self.hold_ns))
        self.waiting.append(number)
        if draw is not None:
            place = int(draw * len(self.waiting))
            self.waiting[place], self.waiting[-1] = self.waiting[-1], self.waiting[place]
        self.turn(now_ns)
        return number

    def ask(self, number: int, now_ns: int, cost: int) -> int:
        if cost <= 0:
            return NEVER if cost else 0
        if not 1 <= number <= len(self.visitors):
            return NEVER
        self.turn(now_ns)
        visitor = self.visitors[number - 1]
        if visitor.state == "gone" or visitor.until_ns <= now_ns:
            return EXPIRED
        if visitor.state == "admitted":
            return 0
        visitor.until_ns = max(visitor.until_ns, now_ns + self.hold_ns)
        if visitor.state == "waiting":
            return max(1, self.hold_ns // 2)
        visitor.state = "admitted"
        return 0

    def grant(self, stage: int, ahead: int, credit: int, now_ns: int) -> None:
        self.credit[stage] = min(ahead, self.credit[stage] + credit)
        self.turn(now_ns)

    def leave(self, number: int, now_ns: int) -> None:
        if 1 <= number <= len(self.visitors) and self.visitors[number - 1].state in ("waiting", "called"):
            visitor = self.visitors[number - 1]
            visitor.until_ns = min(visitor.until_ns, now_ns)
        self.turn(now_ns)
