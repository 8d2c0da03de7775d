"""The gateway's laws of a scenario as rules of the library (limits.rules), whose parameters may be turned.

They are asked in their order, and what earlier ones took stays taken, as at the model's gateway, in whose place they
stand: so they give the same verdicts (a test holds one to the other).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from limits import (
    deadline,
    fields,
    gcra,
    hot_key,
    outcomes,
    rates,
    retry_after,
    sliding_window_log,
    token_bucket,
    verdicts,
    warm_up,
)
from limits.rules import CALLS, Aimd, By, Concurrency, Rule
from scenarios import model
from scenarios.asking import ADMIT, CODES, SHED, THROTTLED, Attempt, Terms, Verdict
from scenarios.habits import Habits
from scenarios.knobs import Value, bucket_of, exceptions_of
from scenarios.person import Person
from scenarios.policy import WINDOWS, Policy, concerns
from scenarios.schedule import most_slots

MOST_INTS = 4_000_000
"""Of the rows of one rule, that are kept by key."""


KEYS: dict[str, By | None] = {
    "global": None,
    "person": lambda attempt: attempt.person.want,
    "segment": lambda attempt: attempt.person.segment,
    "zone": lambda attempt: attempt.person.zone,
}


class Named(Verdict):
    """A refusal, with the name of the law."""

    __slots__ = ("law",)
    law: str


def refusal(law: str, answer: int, *, places: bool = False) -> Named:
    """What a law's answer that is not 0 means to a person; no place at all is overload too."""
    wait_s = retry_after.seconds(answer) if answer > 0 else 0
    code = THROTTLED if answer > 0 else SHED if places and answer == verdicts.NEVER else CODES[answer]
    return _named(law, code, wait_s)


@lru_cache(maxsize=1000)
def _named(law: str, code: int, wait_s: int) -> Named:
    named = Named(code, retry_after_s=wait_s)
    object.__setattr__(named, "law", law)
    return named


class Turnable(Rule):
    """A law of the scenario: its parameters may change, and where it keeps a reserve they depend on who asks."""

    def __init__(
        self,
        of: Any,
        decide: Callable[..., int],
        width: int,
        terms: Terms,
        *,
        by: By | None,
        unit: str,
        given: Callable[[Any], tuple[int, ...]] | None = None,
    ) -> None:
        slots = max(1, min(100_000, MOST_INTS // width))
        given = self._of_reserve if terms.reserve_milli else given
        super().__init__(of.name, decide, (), width=width, by=by, slots=slots, given=given, unit=unit)
        self.of = of
        self.terms = terms
        self.is_on = True

    def set(self, value: Value, now_ns: int) -> None:
        """Turn its knob."""
        raise NotImplementedError

    def _parameters(self, rest: Callable[[int], int]) -> tuple[int, ...]:
        """Return what the law is asked with; `rest` says how much of a limit there is."""
        raise NotImplementedError

    def _turned(self) -> None:
        """Ask the law with its parameters as they are now."""
        if not self.terms.reserve_milli:
            self.bind(self._parameters(_all))

    def _of_reserve(self, attempt: Attempt) -> tuple[int, ...]:
        return self._parameters(lambda limit: self.terms.rest(limit, attempt.person))

    def begin_with(self, level: Any) -> None:
        """Begin with these rows, each behind its key, the newest last: the oldest are those that make room."""
        for key, *row in level.tolist():
            at = 0 if self.by is None else self.table.place(key)
            self.rows[at : at + len(row)] = array("q", row)

    def _places(self) -> list[int]:
        return [0] if self.by is None else list(self.table.places.values())

    def _empty(self) -> None:
        """All rows as at first."""
        for at in range(len(self.rows)):
            self.rows[at] = 0
        self.table.places.clear()


def _all(limit: int) -> int:
    return limit


class Rate(Turnable):
    """A token bucket or gcra; no limit at all while its rate is off."""

    def __init__(self, of: model.RateAdmission, terms: Terms, unit: str) -> None:
        self.bucket: tuple[int, ...] = ()
        law, width = (token_bucket, token_bucket.WIDTH) if of.law == "token_bucket" else (gcra, gcra.WIDTH)
        self.law: Any = law
        super().__init__(of, law.decide, width, terms, by=KEYS[of.key], unit=unit)
        self.set(of.rate_per_s, 0)

    def set(self, value: Value, now_ns: int) -> None:
        before = self.bucket
        self.is_on = value is not None
        if value is None:
            self._empty()
            return
        self.bucket = bucket_of(self.of, Fraction(value))
        *of_rate, burst = self.bucket
        if self.law is token_bucket:
            tokens, per_ns = of_rate
            self.window_ns = -(-burst * per_ns // tokens) if tokens else 0
        else:
            self.window_ns = burst * of_rate[0]
        if before:
            for at in self._places():
                self.law.change(self.rows, at, *before, *self.bucket, now_ns)
        self._turned()

    def quota(self) -> int:
        return self.bucket[-1] if self.bucket else 0

    def _parameters(self, rest: Callable[[int], int]) -> tuple[int, ...]:
        return (*self.bucket[:-1], rest(self.bucket[-1]))


class HotKey(Turnable):
    """A bucket for each value of a key, in the law's own table."""

    def __init__(self, of: model.HotKeyAdmission, habits: Habits, terms: Terms, unit: str) -> None:
        self.habits = habits
        self.exceptions = exceptions_of(of)
        self.bucket = (0, 0, 0)
        width = hot_key.width(of.most_keys)
        super().__init__(of, hot_key.decide, width, terms, by=None, unit=unit, given=self._value)
        self.set(of.rate_per_s, 0)

    def set(self, value: Value, now_ns: int) -> None:
        before, self.is_on = self.bucket, value is not None
        if value is None:
            self._empty()
            return
        tokens, per_ns, burst = bucket_of(self.of, Fraction(value))
        self.bucket = (tokens, per_ns, burst)
        own = (self.exceptions, 0, len(self.of.overrides))
        hot_key.change(self.rows, 0, self.of.most_keys, *before, *self.bucket, *own, now_ns)
        self.bind((self.of.most_keys, *self.bucket, *own))

    def _value(self, attempt: Attempt) -> tuple[int, ...]:
        person = attempt.person
        if self.of.key == "store":
            return (self.habits.store(person.zone, person.want, attempt.number, 0),)
        key = KEYS[self.of.key]
        assert key is not None
        value = key(attempt)
        assert isinstance(value, int)
        return (value,)


class WarmUp(Turnable):
    """A rate that wants to be used."""

    def __init__(self, of: model.WarmUpAdmission, terms: Terms, unit: str) -> None:
        super().__init__(of, warm_up.decide, warm_up.WIDTH, terms, by=KEYS[of.key], unit=unit)
        self.window_ns = rates.NS_PER_S
        self.set(of.rate_per_s, 0)

    def set(self, value: Value, now_ns: int) -> None:
        self.is_on = value is not None
        if value is None:
            self._empty()
            return
        rate_milli, warning, most = rates.warm_up(Fraction(value), self.of.warm_up_ns, self.of.cold_factor)
        self.bind((rate_milli, self.of.cold_factor, warning, most))

    def quota(self) -> int:
        return self.params[0] // 1000 if self.params else 0


class Window(Turnable):
    """So many in a window, of any of the three kinds; a log has room for the largest limit of the run."""

    def __init__(self, of: model.WindowAdmission, slots: int, terms: Terms, unit: str) -> None:
        self.first: tuple[int, ...] = ()
        law: Any = WINDOWS[of.law]
        if law is sliding_window_log:
            self.first = (slots,)
        width = law.WIDTH + sum(self.first)
        super().__init__(of, law.decide, width, terms, by=KEYS[of.key], unit=unit)
        self.window_ns = of.window_ns
        self.set(of.limit, 0)

    def set(self, value: Value, now_ns: int) -> None:
        assert isinstance(value, int)
        self.limit = min(value, self.first[0]) if self.first else value
        self._turned()

    def quota(self) -> int:
        return self.limit

    def _parameters(self, rest: Callable[[int], int]) -> tuple[int, ...]:
        return (*self.first, rest(self.limit), self.of.window_ns)


class Places(Concurrency):
    """So many inside, by a limit that is given or learned, less what is kept from this priority."""

    is_on = True

    def __init__(self, of: model.ConcurrencyAdmission | model.AimdAdmission, terms: Terms, unit: str) -> None:
        if isinstance(of, model.AimdAdmission):
            longest_s = Fraction(of.longest_rtt_ns, rates.NS_PER_S)
            learned = Aimd(start=of.start, least=of.least, most=of.most, backoff=of.backoff, longest_rtt_s=longest_s)
            super().__init__(of.name, learned, unit=unit)
        else:
            super().__init__(of.name, of.limit, by=KEYS[of.key], unit=unit)
        self.terms = terms

    def set(self, value: Value, now_ns: int) -> None:
        """Turn its knob."""
        assert isinstance(value, int)
        self._limit = value


class ReservedPlaces(Places):
    """Some of the places are kept from those who matter less."""

    def limit_for(self, subject: Attempt) -> int:
        return self.terms.rest(self.quota(), subject.person)


class DeadlineRule(Turnable):
    """Nobody who has too little time left."""

    def __init__(self, of: model.DeadlineAdmission, terms: Terms, unit: str) -> None:
        width = max(1, deadline.WIDTH)
        super().__init__(of, deadline.decide, width, terms, by=None, unit=unit, given=lambda a: (a.deadline_ns,))
        self.bind((of.least_left_ns,))


LawRule = Turnable | Places


class Laws(Policy):
    """The chain at the gateway, in the place of the model's."""

    def __init__(self, scenario: model.Scenario, habits: Habits) -> None:
        super().__init__([])
        here = [a for a in scenario.admission if a.at == "gateway"]
        self._terms = {a.name: (Terms(a, habits), a.priorities) for a in here}
        self.is_plain = all(terms.unit == 1 and not priorities for terms, priorities in self._terms.values())
        self.rules: dict[str, LawRule] = {
            a.name: _rule(a, scenario, habits, self._terms[a.name][0], CALLS if self.is_plain else a.name) for a in here
        }
        self._held_by: dict[Attempt, list[tuple[LawRule, Any, int, int]]] = {}
        self.without: frozenset[str] = frozenset()
        self._link()

    def leave_out(self, names: frozenset[str]) -> None:
        """Somebody else asks these."""
        self.without = names
        self._link()

    def begin_with(self, levels: Mapping[str, Any]) -> None:
        """Let laws that are asked here begin with these rows."""
        for name in self.linked.keys() & levels.keys():
            rule = self.linked[name]
            assert isinstance(rule, Turnable)
            rule.begin_with(levels[name])

    def turn(self, name: str, value: Value, now_ns: int) -> None:
        """Turn the rate or the limit of a law."""
        self.rules[name].set(value, now_ns)
        self._link()

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        """Ask all laws in their order, in one instant."""
        if not self.linked:
            return ADMIT
        assert attempt is not None
        cost = None if self.is_plain else self._cost(person, attempt)
        try:
            for rule in self.linked.values():
                amount = 1 if cost is None else cost[rule.name]
                if amount == 0:
                    continue
                answer = rule.ask(attempt, now_ns, amount)
                if answer != verdicts.ADMITTED:
                    self.give_back(attempt, now_ns, outcomes.IGNORED)
                    return refusal(rule.name, answer, places=isinstance(rule, Concurrency))
                if rule.holds:
                    self._hold(rule, attempt, amount, now_ns)
        except BaseException:
            self.give_back(attempt, now_ns, outcomes.IGNORED)
            raise
        return ADMIT

    def holds(self, attempt: Attempt, now_ns: int) -> None:
        """Let an attempt that has been let in before hold its places here, as far as there are any."""
        cost = self._cost(attempt.person, attempt)
        for rule in self.linked.values():
            amount = cost[rule.name]
            if not isinstance(rule, Places) or rule.observe is not None or amount == 0:
                continue
            if rule.ask(attempt, now_ns, amount) == verdicts.ADMITTED:
                self._hold(rule, attempt, amount, now_ns)

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        """Give back the places that an attempt holds here, if any, and tell laws that listen how it ended."""
        for rule, held, amount, began_ns in self._held_by.pop(attempt, ()):
            rule.leave(held, amount, now_ns, now_ns - began_ns, outcome)

    def _hold(self, rule: LawRule, attempt: Attempt, amount: int, now_ns: int) -> None:
        held = rule, rule.hold(attempt, amount), amount, now_ns
        self._held_by.setdefault(attempt, []).append(held)

    def _cost(self, person: Person, attempt: Attempt) -> dict[str, int]:
        return {
            name: terms.cost(person, attempt) if concerns(priorities, person) else 0
            for name, (terms, priorities) in self._terms.items()
            if name in self.linked
        }

    def _link(self) -> None:
        self.linked = {name: rule for name, rule in self.rules.items() if rule.is_on and name not in self.without}
        self.policies = {name: fields.policy([rule]) for name, rule in self.linked.items()}


def _rule(of: model.Admission, scenario: model.Scenario, habits: Habits, terms: Terms, unit: str) -> LawRule:
    if isinstance(of, model.RateAdmission):
        return Rate(of, terms, unit)
    if isinstance(of, model.HotKeyAdmission):
        return HotKey(of, habits, terms, unit)
    if isinstance(of, model.WarmUpAdmission):
        return WarmUp(of, terms, unit)
    if isinstance(of, model.WindowAdmission):
        return Window(of, max(1, most_slots(scenario, of)), terms, unit)
    if isinstance(of, model.ConcurrencyAdmission | model.AimdAdmission):
        return ReservedPlaces(of, terms, unit) if terms.reserve_milli else Places(of, terms, unit)
    assert isinstance(of, model.DeadlineAdmission)
    return DeadlineRule(of, terms, unit)
