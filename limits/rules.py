"""Rules: a law with its parameters as people write them, and its rows, one for all or one for each key.

Rates are a number of whole quantities per `per_s` seconds (int, Fraction, or float as it is written: 0.1 is a tenth),
times are seconds. They become the whole numbers of the laws once, here; what does not fit is a ValueError that names
the rule. Each question is answered by the law's own `decide`.

- `name` says who refused, in verdicts and HTTP fields: 1 to 64 printable ASCII characters.
- `by` takes the key from the subject of the question; `itself` where the subject is the key; None: one row for all.
- `slots` bounds the rows of a keyed rule (limits.table): 8 bytes an int of the row at once, and each key as it comes.
- `unit` is the quantity that it charges: calls, tokens, cups.

A rule holds its state: put one rule into two chains and they share its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableSequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import CodeType
from typing import Any, TypedDict, Unpack

from limits import (
    aimd,
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    pacing,
    rates,
    retry_budget,
    sliding_window,
    sliding_window_log,
    token_bucket,
    verdicts,
    warm_up,
)
from limits.row import LARGEST
from limits.table import Table, bounded

CALLS = "calls"
SLOTS = 100_000

Number = int | float | Fraction
Subject = Any
By = Callable[[Subject], Hashable]
Freed = Callable[[Hashable], None]
Question = Callable[[Subject, int, int], int]
"""Asks a rule: about a subject, at an instant in ns, of a cost; returns the law's answer."""


def itself(subject: Subject) -> Hashable:
    """Return the subject: it is the key."""
    return subject  # type: ignore[no-any-return]


class Kept(TypedDict, total=False):
    """How the rows of a rule are kept, and what it charges: at the top of this module."""

    by: By | None
    slots: int
    unit: str


class Rule:
    """Any law that is asked as `decide(state, at, *params, *given(subject), now_ns, cost)`, and may `observe`.

    `width` is the ints in a row. `given` returns what a law wants to know of each question (a deadline, a draw).
    `observe` is called for each call that went in, when it ended: `(state, at, *observed, now_ns, rtt_ns, inflight,
    outcome)`, inflight 0. `quota` and `window_ns` are what HTTP fields say of the law; without a quota, nothing.
    """

    paces = False
    """Whether a positive answer means: admitted, after that wait."""

    ask: Question
    """Asks the law about the row of a subject."""

    def __init__(
        self,
        name: str,
        decide: Callable[..., int],
        params: tuple[int, ...],
        *,
        width: int,
        by: By | None = None,
        slots: int = SLOTS,
        unit: str = CALLS,
        given: Callable[[Subject], tuple[int, ...]] | None = None,
        observe: Callable[..., None] | None = None,
        observed: tuple[int, ...] = (),
        quota: int = 0,
        window_ns: int = 0,
    ) -> None:
        _check_name(name)
        _check(name, "slots", slots, 1)
        for param in (*params, *observed, window_ns):
            _check(name, "a parameter", param, 0)
        self.name = name
        self.decide = decide
        self.width = width
        self.by = by
        self.unit = unit
        self.given = given
        self.observe = observe
        self.observed = observed
        self.window_ns = window_ns
        self.table = Table(0 if by is None else slots, width)
        self.rows: MutableSequence[int] = [0] * width if by is None else self.table.rows
        self.bind(params)
        self.holds = observe is not None
        """Whether what it admits is held until it is released."""
        self._quota = quota
        self._taken_at = 0
        self._row_before: MutableSequence[int] = []

    def __init_subclass__(cls) -> None:
        """Raise a TypeError for a class with an `ask` of its own: nobody would call it, and it would limit nothing."""
        super().__init_subclass__()
        if "ask" in vars(cls):
            raise TypeError(f"class {cls.__name__}: its ask would not be called; give its law another decide, or given")

    def bind(self, params: tuple[Any, ...]) -> None:
        """Ask the law with these parameters from now on: `ask`, or `ask_at` where it is known where the row starts.

        Chains keep how their rules were asked when they were made: make them anew.
        """
        self.params = params
        self.ask = self._spelled("subject, now_ns, cost", "0" if self.by is None else "place(by(subject))")
        self.ask_at = self._spelled("at, subject, now_ns, cost", "at")

    def key(self, subject: Subject) -> Hashable:
        """Return the key of a subject as it is kept; None where there is one row for all."""
        return None if self.by is None else bounded(self.by(subject))

    def _spelled(self, taking: str, at: str) -> Callable[..., int]:
        """Return the question as one would write it out for this law: to pass `*params` costs nearly as much as to ask.

        Only names of this module are written into it.
        """
        params = {f"param_{i}": param for i, param in enumerate(self.params)}
        given = [] if self.given is None else ["*given(subject)"]
        asked = ", ".join(["rows", at, *params, *given, "now_ns", "cost"])
        known = {
            "decide": self.decide,
            "rows": self.rows,
            "place": self.table.place,
            "by": self.by,
            "given": self.given,
        }
        spelled: Callable[..., int] = eval(_code(f"lambda {taking}: decide({asked})"), known | params)
        return spelled

    def take(self, subject: Subject, now_ns: int, cost: int) -> int:
        """Ask the law, keeping a copy of what its row was before."""
        at = 0 if self.by is None else self.table.place(self.by(subject))
        self._taken_at = at
        self._row_before = self.rows[at : at + self.width]
        return self.ask_at(at, subject, now_ns, cost)

    def give_back(self) -> None:
        """Put the row of the last `take` back as it was, exactly. Nobody may have been asked in between."""
        self.rows[self._taken_at : self._taken_at + self.width] = self._row_before

    def hold(self, subject: Subject, cost: int) -> Any:
        """Return what `leave` needs to know of the last question, which let a call in."""
        return subject

    def leave(self, held: Any, cost: int, now_ns: int, rtt_ns: int, outcome: int) -> None:
        """A call that was let in has ended."""
        if self.observe is not None:
            self.observe(self.rows, self._place(held), *self.observed, now_ns, rtt_ns, 0, outcome)

    def quota(self) -> int:
        """Return the most that is admitted at once, 0 where that is not known."""
        return self._quota

    def left(self, subject: Subject, now_ns: int) -> tuple[int, int]:
        """Return how much would be admitted now, and after how many ns more (0: not by time, or nothing is missing).

        The law is asked, about copies of the row. Changes nothing.
        """
        row = list(self.rows if self.by is None else self.table.look(self.by(subject)))
        given = () if self.given is None else self.given(subject)

        def answer(cost: int) -> int:
            return self.decide(row[:], 0, *self.params, *given, now_ns, cost)

        return _most(answer, self.quota())

    def _place(self, subject: Subject) -> int:
        return 0 if self.by is None else self.table.place(self.by(subject))


class _Rated(Rule):
    def __init__(
        self, name: str, rate: Number, per_s: Number = 1, *, burst: int | None = None, **kept: Unpack[Kept]
    ) -> None:
        per_second, most = _rate(name, rate, per_s, burst)
        decide, params, width, window_ns = _said(name, lambda: self._law(per_second, most))
        super().__init__(name, decide, params, width=width, quota=most, window_ns=window_ns, **kept)

    def _law(self, rate: Fraction, burst: int) -> tuple[Callable[..., int], tuple[int, ...], int, int]:
        raise NotImplementedError


class TokenBucket(_Rated):
    """limits.token_bucket: a rate with a burst (unless given 1 s of the rate, at least 1), exact."""

    def _law(self, rate: Fraction, burst: int) -> tuple[Callable[..., int], tuple[int, ...], int, int]:
        tokens, per_ns = rates.ratio(rate, burst)
        window_ns = -(-burst * per_ns // tokens) if tokens else 0
        return token_bucket.decide, (tokens, per_ns, burst), token_bucket.WIDTH, window_ns


class Gcra(_Rated):
    """limits.gcra: as TokenBucket in one number a key, the quickest; 1/rate is rounded to whole ns."""

    def _law(self, rate: Fraction, burst: int) -> tuple[Callable[..., int], tuple[int, ...], int, int]:
        interval_ns = rates.interval_ns(rate, burst)
        return gcra.decide, (interval_ns, burst), gcra.WIDTH, burst * interval_ns


class _Window(Rule):
    def __init__(
        self,
        name: str,
        limit: int,
        window_s: Number,
        **kept: Unpack[Kept],
    ) -> None:
        _check(name, "limit", limit, 0)
        window_ns = _ns(name, "window_s", window_s)
        decide, params, width = self._law(limit, window_ns)
        super().__init__(name, decide, params, width=width, quota=limit, window_ns=window_ns, **kept)

    def _law(self, limit: int, window_ns: int) -> tuple[Callable[..., int], tuple[int, ...], int]:
        raise NotImplementedError


class FixedWindow(_Window):
    """limits.fixed_window: `limit` in each window of the clock; twice that at a border."""

    def _law(self, limit: int, window_ns: int) -> tuple[Callable[..., int], tuple[int, ...], int]:
        return fixed_window.decide, (limit, window_ns), fixed_window.WIDTH


class SlidingWindow(_Window):
    """limits.sliding_window: `limit` per window, as if the window before had been even."""

    def _law(self, limit: int, window_ns: int) -> tuple[Callable[..., int], tuple[int, ...], int]:
        return sliding_window.decide, (limit, window_ns), sliding_window.WIDTH


class SlidingWindowLog(_Window):
    """limits.sliding_window_log: `limit` in any window, exactly; a row has as many ints as the limit.

    Anywhere but last in its chain, its whole row is copied at each question.
    """

    def _law(self, limit: int, window_ns: int) -> tuple[Callable[..., int], tuple[int, ...], int]:
        slots = max(1, limit)
        return sliding_window_log.decide, (slots, limit, window_ns), sliding_window_log.WIDTH + slots


class WarmUp(Rule):
    """limits.warm_up: after a quiet time only rate / cold_factor, and the whole rate when it has been used a while."""

    def __init__(
        self,
        name: str,
        rate: Number,
        *,
        warm_up_s: Number = 10,
        cold_factor: int = 3,
        **kept: Unpack[Kept],
    ) -> None:
        warm_up_ns = _ns(name, "warm_up_s", warm_up_s)
        _check(name, "cold_factor", cold_factor, 2)
        rate_milli, warning, most = _said(name, lambda: rates.warm_up(_fraction(rate), warm_up_ns, cold_factor))
        super().__init__(
            name,
            warm_up.decide,
            (rate_milli, cold_factor, warning, most),
            width=warm_up.WIDTH,
            quota=rate_milli // 1000,
            window_ns=rates.NS_PER_S,
            **kept,
        )


class Pacing(Rule):
    """limits.pacing: calls go on 1/rate apart; who would wait longer is shed. Last in its chain, but for deadlines."""

    paces = True

    def __init__(
        self,
        name: str,
        rate: Number,
        per_s: Number = 1,
        *,
        longest_wait_s: Number = 0.5,
        **kept: Unpack[Kept],
    ) -> None:
        per_second, _ = _rate(name, rate, per_s, 1)
        interval_ns = _said(name, lambda: rates.interval_ns(per_second))
        params = (interval_ns, _ns(name, "longest_wait_s", longest_wait_s))
        super().__init__(name, pacing.decide, params, width=pacing.WIDTH, **kept)


class Deadline(Rule):
    """limits.deadline: `of` returns the ns at which the person of a subject leaves, by the clock of the chain."""

    def __init__(self, name: str, of: Callable[[Subject], int], *, least_left_s: Number = 0) -> None:
        params = (_ns(name, "least_left_s", least_left_s),)
        super().__init__(
            name, deadline.decide, params, width=deadline.WIDTH, given=lambda subject: (of(subject),), unit=""
        )


class RetryBudget(Rule):
    """limits.retry_budget: charges `retries`, so it is asked for costs that have some; `earn` what lets them be."""

    def __init__(
        self, name: str, *, earn: float = 0.1, cap: float = 5, by: By | None = None, slots: int = SLOTS
    ) -> None:
        params = (_milli(name, "cap", cap),)
        super().__init__(
            name, retry_budget.decide, params, width=retry_budget.WIDTH, by=by, slots=slots, unit="retries"
        )
        self._earn_milli = _milli(name, "earn", earn)

    def earn(self, subject: Subject = None) -> None:
        """Earn for a first try, or for a success: the caller chooses."""
        retry_budget.earn(self.rows, self._place(subject), self._earn_milli)


@dataclass(frozen=True, kw_only=True)
class Aimd:
    """limits.aimd with its parameters: how many may be inside, learned from calls that ended."""

    start: int = 20
    least: int = 20
    most: int = 200
    backoff: float = 0.9
    longest_rtt_s: Number = 5


class Concurrency(Rule):
    """limits.fixed_concurrency: at most `limit` inside, from the verdict to the release. By key, or learned for all.

    A key has a row while somebody of it is inside, so none is ever forgotten: where `slots` keys are inside, other
    ones are shed. A limit that is learned is one for all: make a rule for each thing that it is learned of.
    """

    def __init__(
        self,
        name: str,
        limit: int | Aimd,
        *,
        by: By | None = None,
        slots: int = SLOTS,
        unit: str = CALLS,
    ) -> None:
        learned: tuple[int, ...] = ()
        if isinstance(limit, Aimd):
            if by is not None:
                raise ValueError(f"rule {name!r}: a limit that is learned has no keys; make a rule for each")
            for what in ("start", "least", "most"):
                _check(name, what, getattr(limit, what), 0)
            if not limit.least <= limit.start <= limit.most or not 0 <= limit.backoff <= 1:
                raise ValueError(f"rule {name!r}: {limit}: needs least <= start <= most, and backoff from 0 to 1")
            learned = (
                limit.start,
                limit.least,
                limit.most,
                rates.milli(limit.backoff),
                _ns(name, "longest_rtt_s", limit.longest_rtt_s),
            )
        else:
            _check(name, "limit", limit, 0)
        super().__init__(
            name,
            fixed_concurrency.decide,
            (),
            width=fixed_concurrency.WIDTH,
            slots=slots,
            unit=unit,
            observe=aimd.observe if learned else None,
            observed=learned,
        )
        self.by = by
        self.holds = True
        self.freed: list[Freed] = []
        """Called with the key whenever a place becomes free."""
        self._limit = limit if isinstance(limit, int) else -1
        self._start = 0 if isinstance(limit, int) else limit.start
        self._slots = slots
        self._learned = [0] * aimd.WIDTH
        row = [0]
        self._asked: tuple[Hashable, list[int], int] = (None, row, 0)
        self._inside: dict[Hashable, list[int]] = {None: row} if by is None else {}
        self.ask = self._ask_all if by is None else self._ask_by(by)

    def quota(self) -> int:
        """Return the limit as it is now."""
        return self._limit if self._limit >= 0 else aimd.limit(self._learned, 0, self._start)

    def inside(self, key: Hashable = None) -> int:
        """Return how many of a key are inside."""
        return self._inside.get(key, (0,))[0]

    def limit_for(self, subject: Subject) -> int:
        """Return how many may be inside with this one, now."""
        return self.quota()

    def _ask_all(self, subject: Subject, now_ns: int, cost: int) -> int:
        return self.decide(self._asked[1], 0, self.limit_for(subject), now_ns, cost)

    def _ask_by(self, by: By) -> Question:
        def ask(subject: Subject, now_ns: int, cost: int) -> int:
            """Remember what `hold` and `give_back` need."""
            key = by(subject)
            row = self._inside.get(key)
            if row is None:
                key = bounded(key)
                row = self._inside.get(key) or [0]
            self._asked = key, row, row[0]
            if row[0] == 0 and len(self._inside) >= self._slots and cost > 0:
                return verdicts.SHED
            answer = self.decide(row, 0, self.limit_for(subject), now_ns, cost)
            if answer == verdicts.ADMITTED:
                self._inside[key] = row
            return answer

        return ask

    def take(self, subject: Subject, now_ns: int, cost: int) -> int:
        """Ask, remembering how many were inside before."""
        key, row, _ = self._asked
        self._asked = key, row, row[0]
        return self.ask(subject, now_ns, cost)

    def give_back(self) -> None:
        """Undo the last `take`."""
        key, row, before = self._asked
        row[0] = before
        if before == 0 and self.by is not None:
            del self._inside[key]

    def hold(self, subject: Subject, cost: int) -> tuple[Hashable, list[int], int]:
        key, row, _ = self._asked
        return key, row, row[0]

    def leave(self, held: tuple[Hashable, list[int], int], cost: int, now_ns: int, rtt_ns: int, outcome: int) -> None:
        """Give the places back."""
        key, row, inflight = held
        fixed_concurrency.release(row, 0, cost)
        if row[0] == 0 and self.by is not None:
            del self._inside[key]
        if self.observe is not None:
            self.observe(self._learned, 0, *self.observed, now_ns, rtt_ns, inflight, outcome)
        for tell in self.freed:
            tell(key)

    def left(self, subject: Subject, now_ns: int) -> tuple[int, int]:
        """Return how many more may come in now, and 0: it is not time that frees places."""
        return max(0, self.quota() - self.inside(self.key(subject))), 0


@lru_cache(maxsize=100)
def _code(source: str) -> CodeType:
    """Compile a question: one for all rules that have as many parameters and the like of keys."""
    return compile(source, __name__, "eval")


def _most(answer: Callable[[int], int], quota: int) -> tuple[int, int]:
    low, high = 0, quota
    while low < high:
        middle = (low + high + 1) // 2
        if answer(middle) == verdicts.ADMITTED:
            low = middle
        else:
            high = middle - 1
    return low, max(0, answer(low + 1)) if low < quota else 0


def _check_name(name: str) -> None:
    if not (0 < len(name) <= 64 and name.isascii() and name.isprintable()):
        raise ValueError(f"rule {name!r}: a name has 1 to 64 printable ASCII characters")


def _check(name: str, what: str, value: int, least: int) -> None:
    if not isinstance(value, int) or not least <= value <= LARGEST:
        raise ValueError(f"rule {name!r}: {what} = {value!r}: needs a whole number from {least} to {LARGEST}")


def _fraction(value: Number) -> Fraction:
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def _said(name: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"rule {name!r}: {error}") from None


def _rate(name: str, rate: Number, per_s: Number, burst: int | None) -> tuple[Fraction, int]:
    if per_s <= 0:
        raise ValueError(f"rule {name!r}: per_s = {per_s}: needs more than 0")
    per_second = _said(name, lambda: _fraction(rate) / _fraction(per_s))
    most = _said(name, lambda: rates.second_of(per_second)) if burst is None else burst
    _check(name, "burst", most, 1)
    return per_second, most


def _milli(name: str, what: str, tokens: float) -> int:
    if not 0 <= tokens <= LARGEST // 1000:
        raise ValueError(f"rule {name!r}: {what} = {tokens}: needs at least 0 and at most {LARGEST // 1000}")
    return rates.milli(tokens)


def _ns(name: str, what: str, seconds: Number) -> int:
    ns: int = round(_said(name, lambda: _fraction(seconds)) * rates.NS_PER_S)
    _check(name, f"{what} in ns", ns, 0)
    return ns
