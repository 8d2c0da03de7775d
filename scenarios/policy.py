"""Chains of laws at one point of the model, and the laws themselves (docs/model.md, The gateway)."""

from __future__ import annotations

from fractions import Fraction
from types import ModuleType
from typing import TYPE_CHECKING, Any

from limits import (
    circuit_breaker,
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    hot_key,
    outcomes,
    pacing,
    rates,
    retry_budget,
    retry_ratio,
    retry_throttle,
    sliding_window,
    sliding_window_log,
    sre_throttle,
    token_bucket,
    verdicts,
    waiting_room,
    warm_up,
)
from scenarios import draws, model
from scenarios.apis import TopDown
from scenarios.asking import ADMIT, ADMITTED, KEYS, SHED, Attempt, Law, Rows, Terms, Verdict, verdict_of
from scenarios.credits import Credits, GatewayCredits, credits_of
from scenarios.draws import Stream
from scenarios.importance import Dagor, PiRejector, levels_of
from scenarios.knobs import Knob, Value, bucket_of, credit_rate, credit_rates, exceptions_of
from scenarios.learning import Listening, learning_of
from scenarios.lending import Breakwater, BreakwaterQueue
from scenarios.schedule import most_slots

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scenarios.habits import Habits
    from scenarios.person import Person


WINDOWS: dict[str, ModuleType] = {
    "fixed_window": fixed_window,
    "sliding_window": sliding_window,
    "sliding_window_log": sliding_window_log,
}


class Rate:
    """limits.token_bucket or limits.gcra; a rate of None admits everything."""

    def __init__(self, admission: model.RateAdmission, terms: Terms) -> None:
        self.terms = terms
        self.of = admission
        self.law: ModuleType = token_bucket if admission.law == "token_bucket" else gcra
        self.rows = Rows(admission.key, self.law.WIDTH)
        self.bucket: tuple[int, ...] = ()
        self.set_rate(admission.rate_per_s, 0)

    def set_rate(self, rate_per_s: Fraction | None, now_ns: int) -> None:
        before, self.bucket = self.bucket, () if rate_per_s is None else bucket_of(self.of, rate_per_s)
        if not self.bucket:
            self.rows.rows.clear()  # full again when a limit returns
        for row in self.rows.rows.values():
            self.law.change(row, 0, *before, *self.bucket, now_ns)

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        if not self.bucket:
            return ADMIT
        row, burst = self.rows.of(person, attempt), self.terms.rest(self.bucket[-1], person)
        cost = self.terms.cost(person, attempt)
        return verdict_of(self.law.decide(row, 0, *self.bucket[:-1], burst, now_ns, cost))


class HotKey:
    """limits.hot_key; a rate of None admits everything. A store is the one asked; before that, the first pick."""

    def __init__(self, admission: model.HotKeyAdmission, habits: Habits, terms: Terms) -> None:
        self.terms = terms
        self.of = admission
        self.habits = habits
        self.own = (exceptions_of(admission), 0, len(admission.overrides))
        self.state = [0] * hot_key.width(admission.most_keys)
        self.bucket: tuple[int, int, int] | None = None
        self.set_rate(admission.rate_per_s, 0)

    def set_rate(self, rate_per_s: Fraction | None, now_ns: int) -> None:
        before = self.bucket
        if rate_per_s is None:
            self.bucket, self.state = None, [0] * len(self.state)  # full again when a limit returns
            return
        tokens, per_ns, burst = bucket_of(self.of, rate_per_s)
        self.bucket = tokens, per_ns, burst
        if before is not None:
            hot_key.change(self.state, 0, self.of.most_keys, *before, *self.bucket, *self.own, now_ns)

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        if self.bucket is None:
            return ADMIT
        key, cost = self._value(person, attempt), self.terms.cost(person, attempt)
        return verdict_of(hot_key.decide(self.state, 0, self.of.most_keys, *self.bucket, *self.own, key, now_ns, cost))

    def _value(self, person: Person, attempt: Attempt | None) -> int:
        if self.of.key == "store" and (attempt is None or attempt.store < 0):
            number = person.attempt if attempt is None else attempt.number
            return self.habits.store(person.zone, person.want, number, 0)
        return KEYS[self.of.key](person, attempt)


class WarmUp:
    """limits.warm_up; `rate_per_s` None admits everything."""

    def __init__(self, admission: model.WarmUpAdmission, terms: Terms) -> None:
        self.terms = terms
        self.rows = Rows(admission.key, warm_up.WIDTH)
        self.warm_up_ns = admission.warm_up_ns
        self.cold_factor = admission.cold_factor
        self.set_rate(admission.rate_per_s, 0)

    def set_rate(self, rate_per_s: Fraction | None, now_ns: int) -> None:
        if rate_per_s is not None:
            self.rate_milli, self.warning, self.most = rates.warm_up(rate_per_s, self.warm_up_ns, self.cold_factor)
        else:
            self.rows.rows.clear()  # cold again when a limit returns
        self.rate_per_s = rate_per_s

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        if self.rate_per_s is None:
            return ADMIT
        parameters = (self.rate_milli, self.cold_factor, self.warning, self.most)
        row, cost = self.rows.of(person, attempt), self.terms.cost(person, attempt)
        return verdict_of(warm_up.decide(row, 0, *parameters, now_ns, cost))


class Window:
    """limits.fixed_window, sliding_window, or sliding_window_log, whose ring holds the largest limit of the run."""

    def __init__(self, admission: model.WindowAdmission, law: ModuleType, slots: int, terms: Terms) -> None:
        self.terms = terms
        self.law = law
        self.slots = (slots,) if law is sliding_window_log else ()
        self.rows = Rows(admission.key, law.WIDTH + sum(self.slots))
        self.limit = admission.limit
        self.window_ns = admission.window_ns

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        row, limit = self.rows.of(person, attempt), self.terms.rest(self.limit, person)
        cost = self.terms.cost(person, attempt)
        return verdict_of(self.law.decide(row, 0, *self.slots, limit, self.window_ns, now_ns, cost))


class FixedConcurrency:
    """limits.fixed_concurrency: slots are held until `Policy.give_back`."""

    def __init__(self, admission: model.ConcurrencyAdmission, terms: Terms) -> None:
        self.terms = terms
        self.rows = Rows(admission.key, fixed_concurrency.WIDTH)
        self.limit = admission.limit
        self.held: dict[Attempt, tuple[list[int], int]] = {}  # row, slots

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        row, cost = self.rows.of(person, attempt), self.terms.cost(person, attempt)
        verdict = verdict_of(fixed_concurrency.decide(row, 0, self.terms.rest(self.limit, person), now_ns, cost))
        if verdict is ADMIT:
            self.held[attempt] = row, cost
            return verdict
        return Verdict(SHED)  # at a limit of 0 the law says never; to the person it is overload too

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.held:
            row, cost = self.held.pop(attempt)
            fixed_concurrency.release(row, 0, cost)


class Deadline:
    """limits.deadline."""

    def __init__(self, admission: model.DeadlineAdmission) -> None:
        self.least_left_ns = admission.least_left_ns

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        return verdict_of(deadline.decide([], 0, self.least_left_ns, attempt.deadline_ns, now_ns, 1))


class Pacing:
    """limits.pacing: admitted after a wait, or shed."""

    def __init__(self, admission: model.PacingAdmission, terms: Terms) -> None:
        self.terms = terms
        self.rows = Rows(admission.key, pacing.WIDTH)
        self.longest_wait_ns = admission.longest_wait_ns
        self.set_rate(admission.rate_per_s, 0)

    def set_rate(self, rate_per_s: Fraction | None, now_ns: int) -> None:
        self.interval_ns = None if rate_per_s is None else rates.interval_ns(rate_per_s)

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        if self.interval_ns is None:
            return ADMIT
        row, cost = self.rows.of(person), self.terms.cost(person, attempt)
        answer = pacing.decide(row, 0, self.interval_ns, self.longest_wait_ns, now_ns, cost)
        if answer < 0:
            return Verdict(SHED)
        return Verdict(ADMITTED, wait_ns=answer)


class SreThrottle:
    """limits.sre_throttle; its draw belongs to the try and to its number among laws of this kind."""

    def __init__(self, admission: model.SreThrottleAdmission, number: int, seed: int) -> None:
        self.slices, self.slice_ns = admission.slices, admission.slice_ns
        self.rows = Rows(admission.key, sre_throttle.WIDTH + 2 * self.slices)
        self.k_milli = rates.milli(admission.k)
        self.number = number
        self.seed = seed

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        key = draws.key(self.seed, Stream.HELD_BACK, person.want, person.attempt)
        draw_ppb = int(draws.uniform(key, self.number) * sre_throttle.BILLION)
        window = (self.slices, self.slice_ns)
        return verdict_of(sre_throttle.decide(self.rows.of(person), 0, *window, self.k_milli, draw_ppb, now_ns, 1))

    def hears(self, person: Person, now_ns: int, rtt_ns: int, outcome: int) -> None:
        sre_throttle.observe(self.rows.of(person), 0, self.slices, self.slice_ns, now_ns, rtt_ns, 0, outcome)


class WaitingRoom:
    """limits.waiting_room, whose stages' credit comes at rates; a row begins with the instants up to which it came."""

    def __init__(self, admission: model.WaitingRoomAdmission, number: int, seed: int) -> None:
        self.of = admission
        self.stages = list(admission.credits_per_s)
        self.room = len(self.stages), admission.most  # stages, slots
        self.rows = Rows(admission.key, 2 * len(self.stages) + waiting_room.WIDTH + 3 * admission.most)
        self.number = number
        self.seed = seed
        self.numbers: dict[int, int] = {}  # in the line, by want
        self.rates = credit_rates(admission)

    def set_rate(self, stage: str, rate_per_s: Fraction, now_ns: int) -> None:
        place = self.stages.index(stage)
        rate = credit_rate(self.of, rate_per_s)
        for row in self.rows.rows.values():
            self._grant(row, now_ns)
            row[place] = waiting_room.turned_ns(row[place], rate[1], now_ns)
        self.rates[2 * place : 2 * place + 2] = rate

    def _grant(self, row: list[int], now_ns: int) -> None:
        stages, slots = self.room
        for stage in range(stages):
            row[stage] = max(row[stage], self.of.opens_ns)
        waiting_room.grant_by_rates(row, stages, stages, slots, self.rates, 0, row, 0, now_ns)

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        row, room, hold_ns = self.rows.of(person), (len(self.stages), *self.room), self.of.hold_ns
        self._grant(row, now_ns)
        number = self.numbers.get(person.want, 0)
        answer = waiting_room.decide(row, *room, hold_ns, number, now_ns, 1)
        if answer in (verdicts.EXPIRED, verdicts.NEVER):  # the place is lost, or there was none
            number = waiting_room.join(row, *room, hold_ns, self._draw_ppb(attempt, now_ns), now_ns)
            if number == verdicts.SHED:
                return Verdict(SHED)
            self.numbers[person.want] = number
            answer = waiting_room.decide(row, *room, hold_ns, number, now_ns, 1)
        return verdict_of(answer)

    def _draw_ppb(self, attempt: Attempt, now_ns: int) -> int:
        if self.of.order == "fifo" or (self.of.order == "shuffle" and now_ns >= self.of.opens_ns):
            return waiting_room.IN_ORDER
        key = draws.key(self.seed, Stream.PLACE_IN_LINE, attempt.person.want, attempt.number)
        return int(draws.uniform(key, self.number) * waiting_room.BILLION)


class CircuitBreaker:
    """limits.circuit_breaker: at the client told of answers, at a stage of how work there ends."""

    def __init__(self, admission: model.CircuitBreakerAdmission) -> None:
        self.of = admission
        self.rows = Rows(admission.key, circuit_breaker.WIDTH + admission.last_calls)
        self.inside: dict[Attempt, int] = {}  # since when

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        of = self.of
        parameters = (of.open_for_ns, of.probes, of.half_open_for_ns)
        verdict = verdict_of(circuit_breaker.decide(self.rows.of(person), 0, *parameters, now_ns, 1))
        if attempt is not None and verdict is ADMIT:
            self.inside[attempt] = now_ns
        return verdict

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.inside:
            self.hears(attempt.person, now_ns, now_ns - self.inside.pop(attempt), outcome)

    def hears(self, person: Person, now_ns: int, rtt_ns: int, outcome: int) -> None:
        of = self.of
        shares = (rates.milli(of.failed), rates.milli(of.slow), of.slow_after_ns)
        parameters = (of.last_calls, of.least_calls, *shares, of.probes, of.half_open_for_ns)
        circuit_breaker.observe(self.rows.of(person), 0, *parameters, now_ns, rtt_ns, 0, outcome)


class Ticketed:
    """A law that does not ask again about a want that it has let in a short while ago."""

    def __init__(self, law: Law, valid_ns: int) -> None:
        self.law = law
        self.valid_ns = valid_ns
        self.until_ns: dict[int, int] = {}

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        if now_ns < self.until_ns.get(person.want, 0):
            return ADMIT
        verdict = self.law.ask(person, attempt, now_ns)
        if verdict.code == ADMITTED:
            self.until_ns[person.want] = now_ns + self.valid_ns
        return verdict


def concerns(priorities: tuple[int, ...], person: Person) -> bool:
    """Whether a law of these priorities is asked about a person; of none: about everybody."""
    return not priorities or person.priority in priorities


HELD = FixedConcurrency | Listening | PiRejector | CircuitBreaker | Credits | Breakwater | BreakwaterQueue
"""Laws that are given something back, or are told how what they let in has ended."""


class Policy:
    """A chain of laws: the first refusal ends it; what earlier laws took stays taken, but slots are given back."""

    def __init__(self, laws: list[tuple[Law, tuple[int, ...]]]) -> None:
        self._laws = laws
        self._held = [law for law, _ in laws if isinstance(law, HELD)]
        self._credits = [law for law, _ in laws if isinstance(law, GatewayCredits)]

    def laws_for(self, person: Person) -> list[Law]:
        """The laws that are asked about people of this priority."""
        return [law for law, priorities in self._laws if concerns(priorities, person)]

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        """Ask all laws in their order, in one instant."""
        for place, law in enumerate(self.laws_for(person)):
            verdict = law.ask(person, attempt, now_ns)
            if verdict.code != ADMITTED:
                if attempt is not None:
                    self.give_back(attempt, now_ns, outcomes.IGNORED)
                else:
                    self.hears(person, now_ns, 0, outcomes.IGNORED, place)
                return verdict
        return ADMIT

    def holds(self, attempt: Attempt, now_ns: int) -> None:
        """Let an attempt that has been let in before hold its slots here, as far as there are any."""
        for law in self.laws_for(attempt.person):
            if isinstance(law, FixedConcurrency):
                law.ask(attempt.person, attempt, now_ns)

    def hears(self, person: Person, now_ns: int, rtt_ns: int, outcome: int, first: int | None = None) -> None:
        """Tell the laws of a client, or the first ones of them, what became of a try."""
        for law in self.laws_for(person)[:first]:
            if isinstance(law, SreThrottle | CircuitBreaker):
                law.hears(person, now_ns, rtt_ns, outcome)

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        """Give back the slots that an attempt holds here, if any, and tell laws that listen how it ended."""
        for law in self._held:
            law.give_back(attempt, now_ns, outcome)

    def credited_store(self, attempt: Attempt) -> int | None:
        """The store that gave the attempt a credit here, if one did."""
        return next((law.held[attempt] for law in self._credits if attempt in law.held), None)

    def slot_ns(self, attempt: Attempt, now_ns: int) -> int | None:
        """When an attempt with a credit that no store takes now will be placed; None: it fails now."""
        return next((law.slot_ns(attempt, now_ns) for law in self._credits), None)

    def places(self, attempt: Attempt, store: int, now_ns: int) -> None:
        """Tell credits that an attempt becomes an order of a store, now."""
        for law in self.laws_for(attempt.person):
            if isinstance(law, Credits):
                law.places(attempt, store, now_ns)


class RetryBudget:
    """limits.retry_budget."""

    def __init__(self, admission: model.RetryBudgetAdmission) -> None:
        self.of = admission
        self.rows = Rows(admission.key, retry_budget.WIDTH)

    def allows(self, person: Person, now_ns: int) -> bool:
        return retry_budget.decide(self.rows.of(person), 0, rates.milli(self.of.cap), now_ns, 1) == verdicts.ADMITTED

    def earns(self, person: Person, what: str, now_ns: int) -> None:
        if self.of.earn_on == what:
            retry_budget.earn(self.rows.of(person), 0, rates.milli(self.of.earn))

    def hears(self, person: Person, now_ns: int, rtt_ns: int, outcome: int) -> None:
        """It does not listen."""


class RetryRatio:
    """limits.retry_ratio."""

    def __init__(self, admission: model.RetryRatioAdmission) -> None:
        self.of = admission
        self.rows = Rows(admission.key, retry_ratio.WIDTH + 2 * admission.slices)

    def allows(self, person: Person, now_ns: int) -> bool:
        parameters = (self.of.slices, self.of.slice_ns, self.of.reserve)
        return retry_ratio.decide(self.rows.of(person), 0, *parameters, now_ns, 1) == verdicts.ADMITTED

    def earns(self, person: Person, what: str, now_ns: int) -> None:
        if what == "call":
            parameters = (self.of.slices, self.of.slice_ns, rates.milli(self.of.ratio))
            retry_ratio.earn(self.rows.of(person), 0, *parameters, now_ns)

    def hears(self, person: Person, now_ns: int, rtt_ns: int, outcome: int) -> None:
        """It does not listen."""


class RetryThrottle:
    """limits.retry_throttle."""

    def __init__(self, admission: model.RetryThrottleAdmission) -> None:
        self.rows = Rows(admission.key, retry_throttle.WIDTH)
        self.cap_milli, self.earn_milli = rates.milli(admission.cap), rates.milli(admission.earn)

    def allows(self, person: Person, now_ns: int) -> bool:
        return retry_throttle.decide(self.rows.of(person), 0, self.cap_milli, now_ns, 1) == verdicts.ADMITTED

    def earns(self, person: Person, what: str, now_ns: int) -> None:
        """It hears of all answers."""

    def hears(self, person: Person, now_ns: int, rtt_ns: int, outcome: int) -> None:
        row = self.rows.of(person)
        retry_throttle.observe(row, 0, self.cap_milli, self.earn_milli, now_ns, rtt_ns, 0, outcome)


class Client:
    """The laws at the client; retry budgets are asked for retries only, and first."""

    def __init__(self, scenario: model.Scenario, laws: dict[str, Law]) -> None:
        self.policy = policy_at("client", scenario, laws)
        budgets = {
            a.name: (retry_budget_of(a), a.priorities) for a in scenario.admission if isinstance(a, model.RetryBudget)
        }
        self._budgets = list(budgets.values())
        self.laws: dict[str, Any] = {name: budget for name, (budget, _) in budgets.items()}
        self.laws |= {a.name: laws[a.name] for a in scenario.admission if a.at == "client" and a.name in laws}

    def budgets_for(self, person: Person) -> list[RetryBudget | RetryRatio | RetryThrottle]:
        """The budgets that are asked about people of this priority."""
        return [budget for budget, priorities in self._budgets if concerns(priorities, person)]

    def allows_retry(self, person: Person, now_ns: int) -> bool:
        """Ask each budget for a retry; False where one has none left: the retry is held back."""
        return all(budget.allows(person, now_ns) for budget in self.budgets_for(person))

    def calls(self, person: Person, now_ns: int) -> None:
        """A first try earns."""
        for budget in self.budgets_for(person):
            budget.earns(person, "call", now_ns)

    def succeeded(self, person: Person, now_ns: int) -> None:
        """An order earns."""
        for budget in self.budgets_for(person):
            budget.earns(person, "success", now_ns)

    def hears(self, person: Person, reason: str, now_ns: int, rtt_ns: int) -> None:
        """Somebody has an answer, or waits for it no more."""
        outcome = outcome_of(reason)
        for budget in self.budgets_for(person):
            budget.hears(person, now_ns, rtt_ns, outcome)
        self.policy.hears(person, now_ns, rtt_ns, outcome)


def retry_budget_of(admission: model.RetryBudget) -> RetryBudget | RetryRatio | RetryThrottle:
    """The budget of an entry of `admission`."""
    if isinstance(admission, model.RetryBudgetAdmission):
        return RetryBudget(admission)
    if isinstance(admission, model.RetryRatioAdmission):
        return RetryRatio(admission)
    return RetryThrottle(admission)


def outcome_of(reason: str) -> int:
    """What an answer says of the far side: where it is sold out, or no store takes the order, it did what it could."""
    if reason == "outrun":
        return outcomes.IGNORED
    return outcomes.SUCCESS if reason in ("", "placed", "sold_out", "store") else outcomes.FAILURE


def policy_at(point: str, scenario: model.Scenario, laws: dict[str, Law]) -> Policy:
    """The chain at a point (client, gateway, stage:<name>, store, zone), in file order; then what its credits ask."""
    here = [(ticketed(laws[a.name], a), a.priorities) for a in scenario.admission if a.at == point and a.name in laws]
    for admission in scenario.admission:
        law = laws.get(admission.name)
        if isinstance(law, Breakwater) and point == f"stage:{law.of.queue}":
            here.append((law.queue, admission.priorities))
    return Policy(here)


def turn_law(law: Law, knob: Knob, value: Value, now_ns: int) -> None:
    """Give the knob of a law a value, now."""
    if isinstance(law, Rate | HotKey | WarmUp | Pacing):
        assert value is None or isinstance(value, Fraction)
        law.set_rate(value, now_ns)
    elif isinstance(law, WaitingRoom):
        assert isinstance(value, Fraction)
        law.set_rate(knob.of, value, now_ns)
    elif isinstance(law, Window | FixedConcurrency):
        assert isinstance(value, int)
        law.set_limit(value)


def begin_with(law: Any, level: NDArray[np.int64]) -> None:
    """Let a law begin with these rows, each behind its key (simulator.compiled.contents.levels)."""
    for key, *row in level.tolist():
        if isinstance(law, HotKey):
            law.state = row
        else:
            law.rows.rows[key] = row


def told_of_turns(
    stage: str, scenario: model.Scenario, laws: dict[str, Law]
) -> list[tuple[Dagor | PiRejector, tuple[int, ...]]]:
    """The laws that look at the queue of a stage, each with the priorities that it is told of."""
    found: list[tuple[Dagor | PiRejector, tuple[int, ...]]] = []
    for admission in scenario.admission:
        law = laws.get(admission.name)
        if isinstance(admission, model.ByPriorityAdmission) and admission.watched == stage:
            assert isinstance(law, Dagor | PiRejector)
            found.append((law, admission.priorities))
    return found


def ticketed(law: Law, admission: model.Admission) -> Law:
    """The law, behind its tickets if it gives any."""
    if isinstance(admission, model.Ticketing) and admission.ticket_ns is not None:
        return Ticketed(law, admission.ticket_ns)
    return law


def build_laws(scenario: model.Scenario, habits: Habits) -> dict[str, Law]:
    """One law for each entry of `admission` but retry budgets, by its name."""
    laws: dict[str, Law] = {}
    for index, admission in enumerate(scenario.admission):
        terms = Terms(admission, habits)
        number = sum(other.law == admission.law for other in scenario.admission[:index])
        if isinstance(admission, model.RateAdmission):
            laws[admission.name] = Rate(admission, terms)
        elif isinstance(admission, model.HotKeyAdmission):
            laws[admission.name] = HotKey(admission, habits, terms)
        elif isinstance(admission, model.WarmUpAdmission):
            laws[admission.name] = WarmUp(admission, terms)
        elif isinstance(admission, model.WindowAdmission):
            laws[admission.name] = Window(admission, WINDOWS[admission.law], most_slots(scenario, admission), terms)
        elif isinstance(admission, model.ConcurrencyAdmission):
            laws[admission.name] = FixedConcurrency(admission, terms)
        elif isinstance(admission, model.BreakwaterAdmission):
            clients = {"global": 1, "segment": len(scenario.segments), "zone": habits.world.zones}
            laws[admission.name] = Breakwater(admission, clients[admission.key])
        elif isinstance(admission, model.DagorAdmission):
            laws[admission.name] = Dagor(admission, levels_of(scenario))
        elif isinstance(admission, model.PiRejectorAdmission):
            laws[admission.name] = PiRejector(admission, levels_of(scenario))
        elif isinstance(admission, model.TopDownAdmission):
            laws[admission.name] = TopDown(admission, scenario, terms)
        elif isinstance(admission, model.Learning):
            laws[admission.name] = learning_of(admission, number, terms)
        elif isinstance(admission, model.DeadlineAdmission):
            laws[admission.name] = Deadline(admission)
        elif isinstance(admission, model.PacingAdmission):
            laws[admission.name] = Pacing(admission, terms)
        elif isinstance(admission, model.SreThrottleAdmission):
            laws[admission.name] = SreThrottle(admission, number, habits.seed)
        elif isinstance(admission, model.WaitingRoomAdmission):
            laws[admission.name] = WaitingRoom(admission, number, habits.seed)
        elif isinstance(admission, model.CreditAdmission):
            laws[admission.name] = credits_of(admission, habits)
        elif isinstance(admission, model.CircuitBreakerAdmission):
            laws[admission.name] = CircuitBreaker(admission)
    return laws
