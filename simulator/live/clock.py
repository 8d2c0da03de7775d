"""Model time out of the machine's monotonic clock, and a SimPy environment that an event loop steps by its timers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import simpy

STEPS_AT_ONCE = 2000
"""Events after which the loop looks at its connections again, however far behind the model is."""


class ModelClock:
    """Model time: it stands at `from_ns` until it begins, then runs `speed` times as fast as the machine's."""

    def __init__(self, from_ns: int, speed: float, zero_monotonic_ns: int | None = None) -> None:
        self.from_ns = from_ns
        self.speed = speed
        self.zero_monotonic_ns = zero_monotonic_ns

    def now_ns(self) -> int:
        """The instant of the model that is now."""
        if self.zero_monotonic_ns is None:
            return self.from_ns
        passed_ns = time.monotonic_ns() - self.zero_monotonic_ns
        return self.from_ns + int(passed_ns * self.speed) if passed_ns > 0 else self.from_ns

    def seconds_until(self, model_ns: int) -> float | None:
        """How long it takes here until an instant of the model; None while its clock stands."""
        if self.zero_monotonic_ns is None:
            return None
        passed_ns = (model_ns - self.from_ns) / self.speed
        return (self.zero_monotonic_ns + passed_ns - time.monotonic_ns()) / 1e9


class Pace:
    """Steps an environment: each event happens at its own instant in the model, as soon as that has come here.

    An event that is handled late is not late in the model: what follows from it counts from its own instant, so that
    the lateness of timers does not add up from stage to stage.
    """

    def __init__(self, env: simpy.Environment, clock: ModelClock, loop: asyncio.AbstractEventLoop) -> None:
        self.env = env
        self.clock = clock
        self.loop = loop
        self._timer: asyncio.Handle | None = None
        self._timer_ns: float = float("inf")

    def at_now(self, happen: Callable[[int], None]) -> None:
        """Bring the model up to now, let something enter it at this instant, and go on."""
        now_ns = max(self.clock.now_ns(), int(self.env.now))
        happen(now_ns)
        self.run()

    def run(self) -> None:
        """Do all that is due, and set the timer for what comes next."""
        env, now_ns = self.env, self.clock.now_ns()
        self._disarm()
        try:
            for _ in range(STEPS_AT_ONCE):
                if env.peek() > now_ns:
                    break
                env.step()
        finally:
            self._arm(now_ns)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, now_ns: int) -> None:
        next_ns = self.env.peek()
        if next_ns <= now_ns:
            self._timer = self.loop.call_soon(self.run)
        elif next_ns != float("inf"):
            left_s = self.clock.seconds_until(int(next_ns))
            if left_s is not None:
                self._timer = self.loop.call_later(max(left_s, 0.0005), self.run)
