"""A chain of rules, asked as one in one instant, in their order; the first that refuses ends it.

    chain = Chain(TokenBucket("all", 290, burst=50), Gcra("person", 10, 60, burst=5, by=itself))
    verdict = chain.ask("alice")

What those before it took is given back, or stays taken:

- `Charging.ALL_OR_NOTHING` (unless told otherwise): their rows are put back as they were. Nothing else happens in
  between, so for every law, whatever its state, it is as if it had not been asked (a key it had not known stays, as one
  that asked). So the order decides who is named, and nothing about who is charged: put what refuses most, and what is
  cheap, first.
- `Charging.AS_IT_GOES`: what they took stays taken, as in most gateways, and in a scenario's: who is refused by a
  person's limit has used up everybody's. Places inside are given back at once, and laws that learn are told IGNORED. So
  the order decides who is charged: put what is to protect the others first.

A rule whose answer means waiting (pacing) is asked after all others but those that ask for a deadline, which count from
the end of the wait.

A cost is a whole number of calls, or amounts by unit: `{"tokens": 1200, "cups": 2}` charges the rules of tokens and of
cups, and one call, unless it says how many. A rule of another unit is not asked. A unit that no rule charges is a
ValueError, and a cost that is no int a TypeError: nothing has been charged then.

What an admission holds, places inside and calls to be observed, its permit gives back: `release`, exactly once;
more often does nothing. A chain is for one thread: nothing here is locked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from typing import Any, Literal

from limits.outcomes import IGNORED, SUCCESS
from limits.rules import CALLS, By, Deadline, Question, Rule, Subject, itself
from limits.verdicts import ADMITTED

Cost = int | Mapping[str, int]
Clock = Callable[[], int]


class Charging(Enum):
    """What becomes of what earlier rules took where a later one refuses."""

    ALL_OR_NOTHING = "all or nothing"
    AS_IT_GOES = "as it goes"


Held = tuple[Rule, Any, int]


class Permit:
    """Admitted: keep `wait_ns` first (0 but for pacing), and release when the call has ended."""

    __slots__ = ("_began_ns", "_clock", "_held", "wait_ns")

    admitted: Literal[True] = True

    def __init__(self, wait_ns: int, held: Sequence[Held], clock: Clock, began_ns: int) -> None:
        self.wait_ns = wait_ns
        self._held = held
        self._clock = clock
        self._began_ns = began_ns

    def release(self, outcome: int = SUCCESS) -> None:
        """Give back what is held, and tell the laws that learn how the call ended (limits.outcomes)."""
        held = self._held
        if held:
            self._held = ()
            now_ns = self._clock()
            rtt_ns = now_ns - self._began_ns
            if rtt_ns < 0:
                rtt_ns = 0
            for rule, kept, amount in held:
                rule.leave(kept, amount, now_ns, rtt_ns, outcome)


class Refusal:
    """Refused by `rule`, which charged nothing. `answer`: a wait in ns, or SHED, EXPIRED, NEVER of limits.verdicts."""

    __slots__ = ("answer", "rule")

    admitted: Literal[False] = False

    def __init__(self, rule: Rule, answer: int) -> None:
        self.rule = rule
        self.answer = answer

    def __repr__(self) -> str:
        return f"Refusal(law={self.law!r}, answer={self.answer})"

    @property
    def law(self) -> str:
        """Return the name of the rule that refused."""
        return self.rule.name

    @property
    def wait_ns(self) -> int:
        """Return after how long to come back, 0 where nobody can say."""
        return max(0, self.answer)


Verdict = Permit | Refusal
Ask = Callable[..., Verdict]
Step = tuple[Rule, Question, int]
"""A rule, how it is asked, and what it is asked for."""

PASSED = Permit(0, (), time.monotonic_ns, 0)
"""The permit that holds nothing."""


class Chain:
    """Rules asked as one; `ask(subject=None, cost=1)` returns a Permit or a Refusal."""

    ask: Ask

    def __init__(
        self, *rules: Rule, clock: Clock = time.monotonic_ns, charging: Charging = Charging.ALL_OR_NOTHING
    ) -> None:
        """Take rules of different names, and a clock that returns ns; ValueError says what does not go together."""
        names = [rule.name for rule in rules]
        if not rules or len(set(names)) < len(names):
            raise ValueError(f"a chain of {names}: needs one rule at least, and a name for each")
        for rule, after in pairwise(rules):
            if rule.paces and not isinstance(after, Deadline):
                raise ValueError(
                    f"rule {rule.name!r} makes people wait: put it after {after.name!r}, which is asked when they come"
                )
        self.rules = rules
        self.clock = clock
        self.charging = charging
        self._undo = _put_back if charging is Charging.ALL_OR_NOTHING else _leave
        self._units = {rule.unit for rule in rules} | {CALLS}
        self._asked_about_a_call = [(rule, 1) for rule in rules if rule.unit in (CALLS, "")]
        self._steps_of_a_call = self._steps(self._asked_about_a_call)
        only = rules[0]
        if len(rules) > 1 or only.holds or only.given is not None or only.paces or only.unit != CALLS:
            self.ask = self._ask_all
        elif only.by is None:
            self.ask = self._for_all(only)
        else:
            self.ask = self._by_key(only, only.by)

    def amount(self, rule: Rule, cost: Cost) -> int:
        """Return what a rule charges of a cost; ValueError and TypeError for what is no cost."""
        if isinstance(cost, int):
            return cost if rule.unit == CALLS else 0
        if not isinstance(cost, Mapping):
            raise TypeError(f"a cost of {cost!r}: needs an int, or ints by unit")
        for unit, amount in cost.items():
            if unit not in self._units:
                raise ValueError(f"a cost in {unit!r}: no rule charges it; there are {sorted(self._units - {''})}")
            if not isinstance(amount, int):
                raise TypeError(f"a cost of {amount!r} {unit}: needs an int")
        return cost.get(rule.unit, 1 if rule.unit == CALLS else 0)

    def asked(self, cost: Cost) -> list[tuple[Rule, int]]:
        """Return the rules that are asked about a cost, in their order, and what each charges."""
        if cost == 1:
            return self._asked_about_a_call
        found = [(rule, self.amount(rule, cost) if rule.unit else 1) for rule in self.rules]
        return [(rule, amount) for rule, amount in found if amount != 0]

    def _ask_all(self, subject: Subject = None, cost: Cost = 1) -> Verdict:
        at_ns = began_ns = self.clock()
        steps, holds = self._steps_of_a_call if cost == 1 else self._steps(self.asked(cost))
        taken, refusal = 0, None
        try:
            for rule, question, amount in steps:
                answer = question(subject, at_ns, amount)
                if answer != ADMITTED:
                    if not rule.paces or answer < 0:
                        refusal = Refusal(rule, answer)
                        break
                    at_ns += answer
                taken += 1
        except BaseException:
            self._undo(steps[:taken], subject, began_ns)
            raise
        if refusal is not None:
            self._undo(steps[:taken], subject, began_ns)
            return refusal
        if not holds and at_ns == began_ns:
            return PASSED
        held = [(rule, rule.hold(subject, amount), amount) for rule, amount in holds]
        return Permit(at_ns - began_ns, held, self.clock, at_ns)

    def _steps(self, asked: list[tuple[Rule, int]]) -> tuple[list[Step], list[tuple[Rule, int]]]:
        """Return how each rule is asked, and what is to be held then."""
        copied = len(asked) - 1 if self._undo is _put_back else 0  # the last one is never put back
        steps = [(rule, rule.take if i < copied else rule.ask, amount) for i, (rule, amount) in enumerate(asked)]
        return steps, [(rule, amount) for rule, amount in asked if rule.holds]

    def _for_all(self, rule: Rule) -> Ask:
        """Return `ask` for one rule with one row: the law, and nothing else that takes time."""
        ask_rule, clock = rule.ask, self.clock

        def ask(subject: Subject = None, cost: Cost = 1) -> Verdict:
            answer = ask_rule(subject, clock(), 1 if cost == 1 else self.amount(rule, cost))
            return PASSED if answer == ADMITTED else Refusal(rule, answer)

        if len(rule.params) != 2:
            return ask
        decide, rows, (one, two) = rule.decide, rule.rows, rule.params

        def ask_directly(subject: Subject = None, cost: Cost = 1) -> Verdict:
            """Save a call, a tenth of it all: for gcra and the windows."""
            answer = decide(rows, 0, one, two, clock(), 1 if cost == 1 else self.amount(rule, cost))
            return PASSED if answer == ADMITTED else Refusal(rule, answer)

        return ask_directly

    def _by_key(self, rule: Rule, of: By) -> Ask:
        """Return `ask` for one rule with a row for each key."""
        ask_at, clock = rule.ask_at, self.clock
        places, newest, new = rule.table.places, rule.table.places.move_to_end, rule.table.new
        by = None if of is itself else of

        def ask(subject: Subject = None, cost: Cost = 1) -> Verdict:
            key = subject if by is None else by(subject)
            amount = 1 if cost == 1 else self.amount(rule, cost)
            try:
                at = places[key]
                newest(key)
            except KeyError:
                at = new(key)
            answer = ask_at(at, subject, clock(), amount)
            return PASSED if answer == ADMITTED else Refusal(rule, answer)

        return ask


def _put_back(taken: list[Step], subject: Subject, now_ns: int) -> None:
    for rule, _, _ in reversed(taken):
        rule.give_back()


def _leave(taken: list[Step], subject: Subject, now_ns: int) -> None:
    for rule, _, amount in taken:
        if rule.holds:
            rule.leave(rule.hold(subject, amount), amount, now_ns, 0, IGNORED)
