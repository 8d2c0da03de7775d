"""The laws in an asyncio service: refuse at once, or let people wait their turn.

    limiter = Limiter(Chain(TokenBucket("all", 290), Concurrency("inference", 64)), longest_wait_s=2)

    async with limiter(person, cost={"tokens": 1200}):
        ...

**Who waits.** A refusal that says when to come back, or one for places that others will give back, is waited for, at
most `longest_wait_s`; anything else (SHED by other laws, EXPIRED, NEVER, a wait that is longer) is `Refused` at once.
So is who finds `most_waiting` people waiting.

**In what order.** There is a line for each row of a rule (for the key, or for all) that refused somebody, in the order
of arrival. Nobody passes a line for a row that they would be charged from, and only the first of a line asks again:
first come, first served, also where the first wants much and those behind it little (head-of-line blocking is the price
of not starving them). Who waits for their own key keeps nobody else waiting; who is refused by another rule when their
turn comes goes to that rule's line, to the place of their arrival. Between two rules there is no promise: who waits for
the second has taken nothing of the first.

**Cancellation.** Who waits has been charged nothing; so nobody can wait for a chain that charges as it goes. The first
of a line is woken, and asks for itself when it runs; if it is cancelled then, or before, the next is woken. What is
held is given back when the block ends, however it ends. What a rate was charged stays charged, and so does the place in
a pacing rule of one cancelled while keeping its wait.

No task runs in the background: a line that waits for time has one timer of the loop. Timers of loops have a grain of
about 1 ms, so give a rate that is waited for a burst of at least 1 ms of it. Works with any event loop, uvloop too, and
belongs to the one it was first used in: use in a second one, while that lives, is a RuntimeError. Not safe between
threads.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
from bisect import insort
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import ParamSpec, TypeVar

from limits import retry_after
from limits.chain import PASSED, Chain, Charging, Cost, Permit, Refusal, Verdict
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.rules import Concurrency, Rule, Subject
from limits.verdicts import SHED

P = ParamSpec("P")
R = TypeVar("R")
NS_PER_S = 1_000_000_000
Spot = tuple[Rule, Hashable]


class Refused(Exception):  # noqa: N818 - it says what happened
    """Not admitted: `law` names the rule, `retry_after` is whole seconds, None if unknown."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        self.law = refusal.law
        self.retry_after = retry_after.seconds(refusal.wait_ns) if refusal.wait_ns > 0 else None
        when = "nobody can say when to come back" if self.retry_after is None else f"come back in {self.retry_after} s"
        super().__init__(f"refused by {self.law}: {when}")


def outcome_of(error: BaseException | None) -> int:
    """Return what laws that learn are told of a block that ended so: only a timeout is a sign of overload."""
    if error is None:
        return SUCCESS
    return FAILURE if isinstance(error, TimeoutError) else IGNORED


class _Behind(Refusal):
    """Not asked, since others wait for the same row."""

    __slots__ = ()


class _Waiter:
    """Someone in a line, by the number of their arrival."""

    __slots__ = ("late", "number", "woken")

    def __init__(self, number: int, woken: asyncio.Future[None]) -> None:
        self.number = number
        self.woken = woken
        self.late = False

    def __lt__(self, other: _Waiter) -> bool:
        return self.number < other.number

    def wake(self) -> None:
        if not self.woken.done() and not self.woken.get_loop().is_closed():
            self.woken.set_result(None)

    def give_up(self) -> None:
        self.late = True
        self.wake()


class _Line:
    """Who waits for one row, by arrival; where it waits for time, when the first is to ask again."""

    __slots__ = ("timer", "until_ns", "waiters")

    def __init__(self) -> None:
        self.waiters: list[_Waiter] = []
        self.timer: asyncio.TimerHandle | None = None
        self.until_ns = 0

    def wake(self) -> None:
        self.waiters[0].wake()

    def stop(self) -> None:
        self.until_ns = 0
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Limiter:
    """A chain for an asyncio service. `limiter(subject, cost)` goes with `async with`, `ask` answers at once."""

    def __init__(
        self,
        chain: Chain,
        *,
        longest_wait_s: float = 0,
        most_waiting: int = 1000,
        outcome: Callable[[BaseException | None], int] = outcome_of,
    ) -> None:
        """Let people wait for at most so long, and at most so many; `outcome` is what a block's end means."""
        if not 0 <= longest_wait_s < math.inf or most_waiting < 0:
            raise ValueError(f"longest_wait_s = {longest_wait_s}, most_waiting = {most_waiting}: need 0 or more")
        _check_charging(chain, longest_wait_s)
        self.chain = chain
        self.waiting = 0
        """How many wait now."""
        self._longest_wait_s = longest_wait_s
        self._most_waiting = most_waiting
        self._outcome = outcome
        self._lines: dict[Spot, _Line] = {}
        self._arrived = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        for rule in chain.rules:
            if isinstance(rule, Concurrency):
                rule.freed.append(functools.partial(self._freed, rule))

    def __call__(self, subject: Subject = None, cost: Cost = 1, *, longest_wait_s: float | None = None) -> Entry:
        """Return what `async with` enters, once: it gives the permit, or raises Refused."""
        if longest_wait_s:
            _check_charging(self.chain, longest_wait_s)
        return Entry(self, subject, cost, longest_wait_s)

    def ask(self, subject: Subject = None, cost: Cost = 1) -> Verdict:
        """Decide at once: a permit, whose wait the caller keeps and which the caller releases, or a refusal.

        Nobody is let past those who wait: they are told to come back when the first of them asks again.
        """
        if self._lines and (spot := self._in_front(subject, cost, self._arrived + 1)) is not None:
            return self._behind(spot)
        return self.chain.ask(subject, cost)

    def begin(self, subject: Subject, cost: Cost) -> Verdict:
        """Do as `ask` in the one loop that the limiter belongs to; RuntimeError in another."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError("this limiter is used in another event loop, which is open: make one for each loop")
            self._loop, self._lines, self.waiting = loop, {}, 0
        return self.ask(subject, cost) if self._lines else self.chain.ask(subject, cost)

    async def settle(self, verdict: Verdict, subject: Subject, cost: Cost, longest_wait_s: float | None) -> Permit:
        """Wait for a permit after a refusal, keep the wait of the permit, or raise Refused."""
        if not verdict.admitted:
            longest_s = self._longest_wait_s if longest_wait_s is None else longest_wait_s
            verdict = await self._turn(subject, cost, verdict, longest_s)
        if verdict.wait_ns > 0:
            try:
                await asyncio.sleep(verdict.wait_ns / NS_PER_S)
            except BaseException:
                verdict.release(IGNORED)
                raise
        return verdict

    def ended(self, permit: Permit, error: BaseException | None) -> None:
        """Release a permit at the end of a block."""
        permit.release(self._outcome(error))

    async def _turn(self, subject: Subject, cost: Cost, refusal: Refusal, longest_wait_s: float) -> Permit:
        """Wait in the line for the row that refused, and for each that refuses when the turn comes."""
        deadline_ns = self.chain.clock() + round(longest_wait_s * NS_PER_S)
        spot = refusal.rule, refusal.rule.key(subject)
        if longest_wait_s <= 0 or self.waiting >= self._most_waiting or not self._worth(refusal, spot, deadline_ns):
            raise Refused(refusal)
        loop = asyncio.get_running_loop()
        self._arrived += 1
        self.waiting += 1
        waiter = _Waiter(self._arrived, loop.create_future())
        patience = loop.call_later(longest_wait_s, waiter.give_up)
        self._join(spot, waiter, refusal)
        try:
            while True:
                await waiter.woken
                waiter.woken = loop.create_future()
                if self._lines[spot].waiters[0] is waiter:
                    passed = self._in_front(subject, cost, waiter.number)
                    verdict = self.chain.ask(subject, cost) if passed is None else self._behind(passed)
                    if verdict.admitted:
                        return verdict
                    refusal = verdict
                    after = refusal.rule, refusal.rule.key(subject)
                    if not self._worth(refusal, after, deadline_ns):
                        raise Refused(refusal)
                    if after != spot:
                        self._leave(spot, waiter)
                        spot = after
                    self._join(spot, waiter, refusal)
                if waiter.late:
                    raise Refused(refusal)
        finally:
            if loop is self._loop:
                self.waiting -= 1
            patience.cancel()
            self._leave(spot, waiter)

    def _in_front(self, subject: Subject, cost: Cost, number: int) -> Spot | None:
        """Return a line for a row that would be charged, in which somebody waits who came before."""
        for rule, _ in self.chain.asked(cost):
            spot = rule, rule.key(subject)
            line = self._lines.get(spot)
            if line is not None and line.waiters[0].number < number:
                return spot
        return None

    def _behind(self, spot: Spot) -> _Behind:
        """Return what one behind a line is told: to come back when its first asks again, if that is known."""
        until_ns = self._lines[spot].until_ns
        return _Behind(spot[0], max(1, until_ns - self.chain.clock()) if until_ns else SHED)

    def _worth(self, refusal: Refusal, spot: Spot, deadline_ns: int) -> bool:
        """Return whether somebody who is refused so may be admitted before the deadline, for all that is known."""
        if refusal.wait_ns > 0:
            return self.chain.clock() + refusal.wait_ns <= deadline_ns
        rule, key = spot
        held = isinstance(rule, Concurrency) and rule.inside(key) > 0
        return refusal.answer == SHED and (held or isinstance(refusal, _Behind))

    def _join(self, spot: Spot, waiter: _Waiter, refusal: Refusal) -> None:
        """Put a waiter in a line, if they are not in it; the first of it asks again when they were told."""
        line = self._lines.setdefault(spot, _Line())
        if waiter not in line.waiters[:1]:
            insort(line.waiters, waiter)
        if line.waiters[0] is waiter:
            line.stop()
            if refusal.wait_ns > 0:
                line.until_ns = self.chain.clock() + refusal.wait_ns
                # In whole ms, as timers are: one that is early would ask in vain.
                line.timer = waiter.woken.get_loop().call_later(-(-refusal.wait_ns // 1_000_000) / 1000, line.wake)

    def _leave(self, spot: Spot, waiter: _Waiter) -> None:
        """Take a waiter out of a line; after the first of it the next asks."""
        line = self._lines.get(spot)
        if line is None or waiter not in line.waiters:
            return  # the loop that they waited in is closed
        first = line.waiters[0] is waiter
        line.waiters.remove(waiter)
        if not line.waiters:
            line.stop()
            del self._lines[spot]
        elif first:
            line.stop()
            line.wake()

    def _freed(self, rule: Rule, key: Hashable) -> None:
        """Let the first ask who waits for a place that has become free."""
        line = self._lines.get((rule, key))
        if line is not None:
            line.wake()


class Entry:
    """One `async with limiter(...)`."""

    __slots__ = ("_cost", "_limiter", "_longest_wait_s", "_permit", "_subject")

    def __init__(self, limiter: Limiter, subject: Subject, cost: Cost, longest_wait_s: float | None) -> None:
        self._limiter = limiter
        self._subject = subject
        self._cost = cost
        self._longest_wait_s = longest_wait_s

    async def __aenter__(self) -> Permit:
        limiter = self._limiter
        verdict = limiter.begin(self._subject, self._cost)
        if verdict is not PASSED and (not verdict.admitted or verdict.wait_ns > 0):
            verdict = await limiter.settle(verdict, self._subject, self._cost, self._longest_wait_s)
        self._permit = verdict
        return verdict

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._permit is not PASSED:
            self._limiter.ended(self._permit, error)


def _check_charging(chain: Chain, longest_wait_s: float) -> None:
    if longest_wait_s > 0 and chain.charging is Charging.AS_IT_GOES:
        raise ValueError(
            f"longest_wait_s = {longest_wait_s}: who waits asks again, and a chain that charges as it goes would "
            "charge them again; let nobody wait, or charge all or nothing"
        )


def limited(
    limiter: Limiter,
    *,
    subject: Callable[P, Subject] | None = None,
    cost: Cost | Callable[P, Cost] = 1,
    longest_wait_s: float | None = None,
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Return a decorator for async functions: each call enters the limiter, or raises Refused.

    `subject` and `cost` may be functions of the call's arguments.
    """

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"@limited is for async functions, and {function!r} is none: ask the chain there")

        @functools.wraps(function)
        async def entered(*args: P.args, **kwargs: P.kwargs) -> R:
            whose = None if subject is None else subject(*args, **kwargs)
            costs = cost(*args, **kwargs) if callable(cost) else cost
            async with limiter(whose, costs, longest_wait_s=longest_wait_s):
                return await function(*args, **kwargs)

        return entered

    return decorate
