"""Laws that learn from how what they let in has ended (docs/model.md, Laws)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from limits import (
    aimd,
    bbr_cpu,
    envoy_gradient,
    fixed_concurrency,
    gradient2,
    load_multiplier,
    rates,
    seda,
    vegas,
    verdicts,
    windowed,
)
from limits.row import LARGEST
from scenarios import draws, model
from scenarios.asking import ADMIT, SHED, Attempt, Rows, Terms, Verdict, verdict_of
from scenarios.draws import Stream

if TYPE_CHECKING:
    from scenarios.person import Person

HALF_A_SECOND_NS = 500_000_000
MOST_TOLD = 100  # after so many steps the average is what it is told
Told = tuple[int, int, int, int]  # the instant, the time it took, how many were inside, the outcome


class Learned:
    """A limit that is learned, and slots for it: a row has the numbers of the law, then those of fixed_concurrency."""

    def __init__(self, admission: model.Learning, width: int, terms: Terms) -> None:
        self.terms = terms
        self.slots = width
        self.rows = Rows(admission.key, width + fixed_concurrency.WIDTH)
        self.inside: dict[Attempt, tuple[list[int], int, int]] = {}  # row, instant, how many were inside with it

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        row = self.rows.of(person, attempt)
        limit = self.terms.rest(self.limit(row, now_ns), person)
        if fixed_concurrency.decide(row, self.slots, limit, now_ns, 1) != verdicts.ADMITTED:
            return Verdict(SHED)
        self.inside[attempt] = row, now_ns, row[self.slots]
        return ADMIT

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.inside:
            row, began_ns, inflight = self.inside.pop(attempt)
            fixed_concurrency.release(row, self.slots, 1)
            self.observe(row, attempt, (now_ns, now_ns - began_ns, inflight, outcome))

    def limit(self, row: list[int], now_ns: int) -> int:
        """How many may be inside now."""
        raise NotImplementedError

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        """Learn from an attempt that is inside no more."""
        raise NotImplementedError


class Aimd(Learned):
    """limits.aimd."""

    def __init__(self, admission: model.AimdAdmission, terms: Terms) -> None:
        super().__init__(admission, aimd.WIDTH, terms)
        self.of = admission

    def limit(self, row: list[int], now_ns: int) -> int:
        return aimd.limit(row, 0, self.of.start)

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        of = self.of
        aimd.observe(row, 0, of.start, of.least, of.most, rates.milli(of.backoff), of.longest_rtt_ns, *told)


class Vegas(Learned):
    """limits.vegas."""

    def __init__(self, admission: model.VegasAdmission, number: int, terms: Terms) -> None:
        super().__init__(admission, vegas.WIDTH, terms)
        self.of = admission
        self.number = number

    def limit(self, row: list[int], now_ns: int) -> int:
        return vegas.limit(row, 0, self.of.start)

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        of, longest_ns = self.of, LARGEST if self.of.longest_rtt0_ns is None else self.of.longest_rtt0_ns
        draw_ppb = draw(self.terms.habits.seed, attempt, self.number)
        vegas.observe(row, 0, of.start, of.least, of.most, of.probe, longest_ns, draw_ppb, *told)


class Gradient2(Learned):
    """limits.gradient2, told of samples by limits.windowed, whose numbers are the last of a row."""

    def __init__(self, admission: model.Gradient2Admission, terms: Terms) -> None:
        super().__init__(admission, gradient2.WIDTH, terms)
        self.of = admission
        self.sample = gradient2.WIDTH + fixed_concurrency.WIDTH
        self.rows.width = self.sample + windowed.WIDTH

    def limit(self, row: list[int], now_ns: int) -> int:
        return gradient2.limit(row, 0, self.of.start)

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        of, at = self.of, self.sample
        if windowed.add(row, at, of.sample_ns, of.sample_ns, of.least_calls, of.shortest_rtt_ns, *told):
            shares = (rates.milli(of.smoothing), rates.milli(of.tolerance), of.average_over)
            sample = (told[0], windowed.rtt_ns(row, at), windowed.inflight(row, at), windowed.outcome(row, at))
            gradient2.observe(row, 0, of.start, of.least, of.most, of.queue, *shares, *sample)


class EnvoyGradient(Learned):
    """limits.envoy_gradient; what was due is done as it is asked, too."""

    def __init__(self, admission: model.EnvoyGradientAdmission, number: int, terms: Terms) -> None:
        super().__init__(admission, envoy_gradient.WIDTH, terms)
        self.of = admission
        self.number = number
        self.quantile_milli, self.buffer_milli = rates.milli(admission.quantile), rates.milli(admission.buffer)

    def limit(self, row: list[int], now_ns: int) -> int:
        of = self.of
        shares = (self.quantile_milli, self.buffer_milli)
        envoy_gradient.tick(row, 0, of.least, of.most, *shares, of.update_ns, now_ns)
        return envoy_gradient.limit(row, 0, of.least)

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        of = self.of
        shares = (self.quantile_milli, self.buffer_milli)
        times = (of.update_ns, of.interval_ns, rates.milli(of.jitter))
        draw_ppb = draw(self.terms.habits.seed, attempt, self.number)
        envoy_gradient.observe(row, 0, of.least, of.most, of.calls, *shares, *times, draw_ppb, *told)


class Servers(Protocol):
    """What is told of a stage, or of the gateway."""

    @property
    def in_service(self) -> int:
        """How many are in service."""

    @property
    def capacity(self) -> float:
        """How many could be."""


class BbrCpu:
    """limits.bbr_cpu, which counts those inside itself; a row has the instant up to which it was told, at its end."""

    servers: Servers
    """Of its gateway or stage; the town sets it."""

    def __init__(self, admission: model.BbrCpuAdmission) -> None:
        self.of = admission
        self.told_to = bbr_cpu.WIDTH + 3 * admission.buckets
        self.rows = Rows(admission.key, self.told_to + 1)
        self.inside: dict[Attempt, tuple[list[int], int]] = {}  # row, instant

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        row, of = self.rows.of(person), self.of
        self._tell(row, now_ns)
        verdict = verdict_of(bbr_cpu.decide(row, 0, of.buckets, of.bucket_ns, rates.milli(of.cpu), now_ns, 1))
        if verdict is ADMIT:
            self.inside[attempt] = row, now_ns
        return verdict

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.inside:
            row, began_ns = self.inside.pop(attempt)
            bbr_cpu.observe(row, 0, self.of.buckets, self.of.bucket_ns, now_ns, now_ns - began_ns, 0, outcome)

    def _tell(self, row: list[int], now_ns: int) -> None:
        times = (now_ns - row[self.told_to]) // HALF_A_SECOND_NS
        row[self.told_to] += times * HALF_A_SECOND_NS
        capacity = int(self.servers.capacity)
        used_milli = min(1000, 1000 * self.servers.in_service // capacity) if capacity else 1000
        for _ in range(min(times, MOST_TOLD)):
            bbr_cpu.sample_cpu(row, 0, used_milli)


class LoadMultiplier:
    """limits.load_multiplier."""

    def __init__(self, admission: model.LoadMultiplierAdmission, terms: Terms) -> None:
        self.terms = terms
        self.of = admission
        self.rows = Rows(admission.key, load_multiplier.WIDTH + 2 * admission.slices)
        self.inside: dict[Attempt, tuple[list[int], int]] = {}  # row, instant

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        row, of, cost = self.rows.of(person, attempt), self.of, self.terms.cost(person, attempt)
        signal = (rates.milli(of.tolerance), rates.milli(of.least))
        raises = (rates.milli(of.increment), rates.milli(of.most))
        verdict = verdict_of(load_multiplier.decide(row, 0, of.tick_ns, *signal, *raises, now_ns, cost))
        if verdict is ADMIT:
            self.inside[attempt] = row, now_ns
        return verdict

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.inside:
            row, began_ns = self.inside.pop(attempt)
            window = (self.of.slices, self.of.slice_ns)
            load_multiplier.observe(row, 0, *window, now_ns, now_ns - began_ns, 0, outcome)


class Seda:
    """limits.seda."""

    def __init__(self, admission: model.SedaAdmission, terms: Terms) -> None:
        self.terms = terms
        self.of = admission
        self.rows = Rows(admission.key, seda.WIDTH + admission.calls)
        self.start_micro = rates.micro(admission.start_per_s)
        bounds = (admission.least_per_s, admission.most_per_s, admission.increase_per_s)
        self.rates_micro = tuple(rates.micro(rate) for rate in bounds)
        self.inside: dict[Attempt, tuple[list[int], int]] = {}  # row, instant

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        row, cost = self.rows.of(person, attempt), self.terms.cost(person, attempt)
        verdict = verdict_of(seda.decide(row, 0, self.start_micro, self.of.burst, now_ns, cost))
        if verdict is ADMIT:
            self.inside[attempt] = row, now_ns
        return verdict

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.inside:
            row, began_ns = self.inside.pop(attempt)
            of, (least, most, increase) = self.of, self.rates_micro
            given = (self.start_micro, least, most, increase, rates.milli(of.divisor), rates.milli(of.quantile))
            when = (of.target_ns, of.calls, of.every_ns, of.burst)
            seda.observe(row, 0, *given, *when, now_ns, now_ns - began_ns, 0, outcome)


def draw(seed: int, attempt: Attempt, number: int) -> int:
    """The uniform that a law is told with an attempt, in billionths."""
    key = draws.key(seed, Stream.PROBE, attempt.person.want, attempt.number)
    return int(draws.uniform(key, number) * vegas.BILLION)


def learning_of(admission: model.Learning, number: int, terms: Terms) -> Learned | BbrCpu | LoadMultiplier | Seda:
    """The law of an entry of `admission`."""
    if isinstance(admission, model.AimdAdmission):
        return Aimd(admission, terms)
    if isinstance(admission, model.VegasAdmission):
        return Vegas(admission, number, terms)
    if isinstance(admission, model.Gradient2Admission):
        return Gradient2(admission, terms)
    if isinstance(admission, model.EnvoyGradientAdmission):
        return EnvoyGradient(admission, number, terms)
    if isinstance(admission, model.LoadMultiplierAdmission):
        return LoadMultiplier(admission, terms)
    if isinstance(admission, model.SedaAdmission):
        return Seda(admission, terms)
    return BbrCpu(admission)
