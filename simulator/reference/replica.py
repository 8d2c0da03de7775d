"""Continuous batching: one replica, which jumps over all steps between two changes of its batch.

A state machine on integers; the rules and their order are those of docs/model.md, "One replica". No clock of its own.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from heapq import heappop, heappush
from typing import Literal

from scenarios.model import BatchingStage

WHOLE = 1_000_000
"""A whole replica; a part of one is counted in millionths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLaw:
    """What one replica can do: the cost of a step, and how much fits into a batch."""

    step_ns: int
    step_per_sequence_ns: int
    step_per_context_token_ps: int
    step_per_prefill_token_ns: int
    step_with_prefill_ns: int
    slots: int
    kv_tokens: int
    step_tokens: int
    gate_steps: int = 0
    reported_delay_ns: int = 0
    kv_mode: Literal["reserve", "peak"] = "reserve"
    reserve_milli: int = 1000

    @classmethod
    def of(cls, stage: BatchingStage) -> ReplicaLaw:
        """Return the law of a whole replica of the stage."""
        return cls(**{field.name: getattr(stage, field.name) for field in fields(cls)})

    def part(self, millionths: int) -> ReplicaLaw:
        """Return the law of a part of a replica: less fits in, and each token takes longer (nearest, half up)."""

        def less(whole: int) -> int:
            return max(1, (whole * millionths + WHOLE // 2) // WHOLE)

        def longer(whole: int) -> int:
            return (whole * WHOLE + millionths // 2) // millionths

        return replace(
            self,
            slots=less(self.slots),
            kv_tokens=less(self.kv_tokens),
            step_tokens=less(self.step_tokens),
            step_per_sequence_ns=longer(self.step_per_sequence_ns),
            step_per_context_token_ps=longer(self.step_per_context_token_ps),
            step_per_prefill_token_ns=longer(self.step_per_prefill_token_ns),
        )


@dataclass(slots=True, eq=False)
class Call:
    """One call of the model: tokens in and out, and what became of it."""

    seq: int
    prompt: int
    output: int
    first_ns: int = -1  # when the first token was reported
    finish_ns: int = -1


class Segment(IntEnum):
    """What a replica does until its next wake."""

    IDLE = 0
    BULK = 1  # steps that a part of one prompt fills whole
    MIX = 2  # one step in which prompts end
    DECODE = 3  # steps without prefill


class Replica:
    """One model server, as a state machine: calls arrive, and between two wakes nothing changes in its batch.

    The next wake is at `wake_ns` and has the number `version`; a wake armed under another number is void. At a wake the
    owner calls `wake`, or `advance`, then `take` for calls that it hands over, then `plan`.
    """

    def __init__(self, law: ReplicaLaw) -> None:
        self.law = law
        self.held = 0  # calls here: waiting, in prefill or running
        self.context = 0  # tokens of context of the running calls
        self.kv_reserved = 0
        self.kv_blocked = 0  # plans in which the oldest waiting call did not fit into the KV memory
        self.segment = Segment.IDLE
        self.wake_ns = -1
        self.version = 0
        self._queue: deque[Call] = deque()
        self._running: list[tuple[int, int, Call]] = []  # a heap of (step at which it has its last token, seq, call)
        self._done: list[Call] = []  # their prompts end in this segment
        self._partial: Call | None = None
        self._rest = 0  # prefill tokens left of the partial call
        self._steps = 0  # done since the beginning
        self._gate = 0  # the step from which new calls are taken in again
        self._began_ns = 0
        self._until = 0  # steps of this segment
        self._base_ns = 0  # of a step of this segment, its context apart
        self._context_ps = 0  # of a token of context, in this segment
        self._per_step = 0  # prefill tokens of a step of this segment

    @property
    def running(self) -> int:
        """Calls that have their first token and get one more at each step."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Calls that no step has taken in yet."""
        return len(self._queue)

    def arrive(self, call: Call, now_ns: int, slowdown: float = 1.0) -> Sequence[Call]:
        """Hand over a call as it arrives; return the calls taken into a step at this instant."""
        self.take(call)
        if self.segment is Segment.IDLE:
            return self.plan(now_ns, slowdown)
        if self.segment is Segment.DECODE and len(self._queue) == 1 and len(self._running) < self.law.slots:
            self._end_at_the_boundary_after(now_ns)
        return ()

    def take(self, call: Call) -> None:
        """Hand over a call inside a wake, or before the first plan."""
        self._queue.append(call)
        self.held += 1

    def wake(self, now_ns: int, slowdown: float = 1.0) -> list[Call]:
        """End the segment and begin the next one; return the calls that finished, with their reported instants."""
        finished = self.advance(now_ns)
        self.plan(now_ns, slowdown)
        return finished

    def advance(self, now_ns: int) -> list[Call]:
        """Do what the segment that ends now has done: finished calls leave, prompts that ended begin to decode."""
        reported_ns = now_ns + self.law.reported_delay_ns
        self._steps += self._until
        self.context += len(self._running) * self._until
        finished: list[Call] = []
        while self._running and self._running[0][0] <= self._steps:
            call = heappop(self._running)[2]
            self.context -= call.prompt + call.output
            self._leave(call, reported_ns, finished)
        if self.segment is Segment.BULK:
            self._rest -= self._until * self._per_step
            if self._rest == 0 and self._partial is not None:
                self._done.append(self._partial)
                self._partial = None
        for call in self._done:
            call.first_ns = reported_ns
            if call.output <= 1:
                self._leave(call, reported_ns, finished)
            else:
                heappush(self._running, (self._steps + call.output - 1, call.seq, call))
                self.context += call.prompt + 1
        self._done.clear()
        return finished

    def plan(self, now_ns: int, slowdown: float = 1.0) -> Sequence[Call]:
        """Begin a segment at a boundary between steps; return the calls taken in from the queue."""
        law = self.law
        self._began_ns = now_ns
        running = len(self._running)
        budget = max(law.step_tokens - running, 1)
        cost_ns = law.step_ns + law.step_per_sequence_ns * running
        if self._partial is not None and self._rest >= budget:
            until = self._rest // budget
            if self._running:
                until = min(until, self._running[0][0] - self._steps)
            cost_ns += law.step_with_prefill_ns + law.step_per_prefill_token_ns * budget
            self._begin(Segment.BULK, until, cost_ns, budget, slowdown)
            return ()
        taken, prefill = self._fill(budget)
        if taken:
            self._gate = self._steps + law.gate_steps
        if prefill > 0:
            cost_ns += law.step_with_prefill_ns + law.step_per_prefill_token_ns * prefill
            self._begin(Segment.MIX, 1, cost_ns, prefill, slowdown)
        elif running:
            until = self._running[0][0] - self._steps
            if self._queue and self._gate > self._steps and running < law.slots:
                until = min(until, self._gate - self._steps)
            self._begin(Segment.DECODE, until, cost_ns, 0, slowdown)
        else:
            self.segment = Segment.IDLE
            self._until = 0
            self.wake_ns = -1
            self.version += 1
        return taken

    def _fill(self, budget: int) -> tuple[Sequence[Call], int]:
        """Fill a step with prefill: return the calls taken from the queue, and the tokens used of the budget."""
        is_open = self._steps >= self._gate or (not self._running and self._partial is None)
        left = budget
        if self._partial is not None:
            left -= self._rest
            self._done.append(self._partial)
            self._partial = None
        active = len(self._running) + len(self._done)
        taken: list[Call] = []
        while is_open and self._queue and left > 0 and active < self.law.slots:
            call = self._queue[0]
            if active > 0 and not self._kv_fits(call):
                self.kv_blocked += 1
                break
            self._queue.popleft()
            taken.append(call)
            active += 1
            self.kv_reserved += self._reservation(call)
            tokens = max(call.prompt, 1)
            if tokens <= left:
                left -= tokens
                self._done.append(call)
            else:
                self._partial = call
                self._rest = tokens - left
                left = 0
        return taken, budget - left

    def _begin(self, segment: Segment, until: int, base_ns: int, per_step: int, slowdown: float) -> None:
        self.segment = segment
        self._base_ns = math.floor(base_ns * slowdown + 0.5)
        self._context_ps = math.floor(self.law.step_per_context_token_ps * slowdown + 0.5)
        self._per_step = per_step
        self._arm(until)

    def _arm(self, until: int) -> None:
        self._until = until
        self.wake_ns = self._began_ns + self._duration_ns(until)
        self.version += 1

    def _duration_ns(self, steps: int) -> int:
        """The time of the first so many steps of this segment: every running call has a token more at each."""
        read = self.context * steps + len(self._running) * (steps * (steps - 1) // 2)
        return steps * self._base_ns + self._context_ps * read // 1000

    def _end_at_the_boundary_after(self, now_ns: int) -> None:
        """End a segment of decoding at the first boundary, now or later, at which the gate is open."""
        least = max(1, self._gate - self._steps)
        if least < self._until:
            steps = least + bisect_left(range(least, self._until), now_ns - self._began_ns, key=self._duration_ns)
            if steps < self._until:
                self._arm(steps)

    def _reservation(self, call: Call) -> int:
        return call.prompt + (self.law.reserve_milli * call.output + 999) // 1000

    def _kv_fits(self, call: Call) -> bool:
        if self.law.kv_mode == "reserve":
            return self.kv_reserved + self._reservation(call) <= self.law.kv_tokens
        # How long each call still grows, and how much it holds now; memory is fullest when one of them ends.
        rows = [(last - self._steps, c.prompt + c.output - (last - self._steps)) for last, _, c in self._running]
        rows += [(c.output - 1, c.prompt + 1) for c in (*self._done, call)]
        rows.sort(reverse=True)
        held = 0
        for count, (left, current) in enumerate(rows, start=1):
            held += current
            if left * count + held >= self.law.kv_tokens:
                return False
        return True

    def _leave(self, call: Call, reported_ns: int, finished: list[Call]) -> None:
        call.finish_ns = reported_ns
        self.held -= 1
        self.kv_reserved -= self._reservation(call)
        finished.append(call)
