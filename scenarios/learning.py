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
from scenarios.asking import ADMIT, Attempt, Rows, Terms, Verdict, verdict_of
from scenarios.draws import Stream

if TYPE_CHECKING:
    from scenarios.person import Person

HALF_A_SECOND_NS = 500_000_000
MOST_TOLD = 100  # after so many steps the average is what it is told
Told = tuple[int, int, int, int]  # the instant, the time it took, how many were inside, the outcome


class Listening:
    """A law that is told how what it let in has ended."""

    def __init__(self, admission: model.Admission, width: int, terms: Terms) -> None:
        self.terms = terms
        self.rows = Rows(admission.key, width)
        self.inside: dict[Attempt, tuple[list[int], int, int]] = {}  # row, instant, how many were inside with it

    def ask(self, person: Person, attempt: Attempt | None, now_ns: int) -> Verdict:
        assert attempt is not None
        row = self.rows.of(person, attempt)
        verdict = verdict_of(self.decide(row, person, attempt, now_ns))
        if verdict is ADMIT:
            self.inside[attempt] = row, now_ns, self.inflight(row)
        return verdict

    def give_back(self, attempt: Attempt, now_ns: int, outcome: int) -> None:
        if attempt in self.inside:
            row, began_ns, inflight = self.inside.pop(attempt)
            self.observe(row, attempt, (now_ns, now_ns - began_ns, inflight, outcome))

    def inflight(self, row: list[int]) -> int:
        """How many are inside; 0 for a law that does not ask."""
        return 0

    def decide(self, row: list[int], person: Person, attempt: Attempt, now_ns: int) -> int:
        """The answer of the law."""
        raise NotImplementedError

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        """Tell the law of an attempt that is inside no more."""
        raise NotImplementedError


class Learned(Listening):
    """A limit that is learned, and slots for it: a row has the numbers of the law, then those of fixed_concurrency."""

    def __init__(self, admission: model.Learning, width: int, terms: Terms) -> None:
        super().__init__(admission, width + fixed_concurrency.WIDTH, terms)
        self.slots = width

    def inflight(self, row: list[int]) -> int:
        return row[self.slots]

    def decide(self, row: list[int], person: Person, attempt: Attempt, now_ns: int) -> int:
        limit = self.terms.rest(self.limit(row, now_ns), person)
        answer = fixed_concurrency.decide(row, self.slots, limit, now_ns, 1)
        return answer if answer == verdicts.ADMITTED else verdicts.SHED

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        fixed_concurrency.release(row, self.slots, 1)
        self.learn(row, attempt, told)

    def limit(self, row: list[int], now_ns: int) -> int:
        """How many may be inside now."""
        raise NotImplementedError

    def learn(self, row: list[int], attempt: Attempt, told: Told) -> None:
        """Learn from an attempt that is inside no more."""
        raise NotImplementedError


class Aimd(Learned):
    """limits.aimd."""

    def __init__(self, admission: model.AimdAdmission, terms: Terms) -> None:
        super().__init__(admission, aimd.WIDTH, terms)
        self.of = admission

    def limit(self, row: list[int], now_ns: int) -> int:
        return aimd.limit(row, 0, self.of.start)

    def learn(self, row: list[int], attempt: Attempt, told: Told) -> None:
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

    def learn(self, row: list[int], attempt: Attempt, told: Told) -> None:
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

    def learn(self, row: list[int], attempt: Attempt, told: Told) -> None:
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

    def learn(self, row: list[int], attempt: Attempt, told: Told) -> None:
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


class BbrCpu(Listening):
    """limits.bbr_cpu, which counts those inside itself; a row has the instant up to which it was told, at its end."""

    servers: Servers
    """Of its gateway or stage; the town sets it."""

    def __init__(self, admission: model.BbrCpuAdmission, terms: Terms) -> None:
        self.of = admission
        self.told_to = bbr_cpu.WIDTH + 3 * admission.buckets
        super().__init__(admission, self.told_to + 1, terms)

    def decide(self, row: list[int], person: Person, attempt: Attempt, now_ns: int) -> int:
        self._tell(row, now_ns)
        return bbr_cpu.decide(row, 0, self.of.buckets, self.of.bucket_ns, rates.milli(self.of.cpu), now_ns, 1)

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        bbr_cpu.observe(row, 0, self.of.buckets, self.of.bucket_ns, *told)

    def _tell(self, row: list[int], now_ns: int) -> None:
        times = (now_ns - row[self.told_to]) // HALF_A_SECOND_NS
        row[self.told_to] += times * HALF_A_SECOND_NS
        capacity = int(self.servers.capacity)
        used_milli = min(1000, 1000 * self.servers.in_service // capacity) if capacity else 1000
        for _ in range(min(times, MOST_TOLD)):
            bbr_cpu.sample_cpu(row, 0, used_milli)


class LoadMultiplier(Listening):
    """limits.load_multiplier."""

    def __init__(self, admission: model.LoadMultiplierAdmission, terms: Terms) -> None:
        super().__init__(admission, load_multiplier.WIDTH + 2 * admission.slices, terms)
        self.of = admission

    def decide(self, row: list[int], person: Person, attempt: Attempt, now_ns: int) -> int:
        of, cost = self.of, self.terms.cost(person, attempt)
        signal = (rates.milli(of.tolerance), rates.milli(of.least))
        raises = (rates.milli(of.increment), rates.milli(of.most))
        return load_multiplier.decide(row, 0, of.tick_ns, *signal, *raises, now_ns, cost)

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        load_multiplier.observe(row, 0, self.of.slices, self.of.slice_ns, *told)


class Seda(Listening):
    """limits.seda."""

    def __init__(self, admission: model.SedaAdmission, terms: Terms) -> None:
        super().__init__(admission, seda.WIDTH + admission.calls, terms)
        self.of = admission
        speeds = (admission.start_per_s, admission.least_per_s, admission.most_per_s, admission.increase_per_s)
        self.rates_micro = tuple(rates.micro(rate) for rate in speeds)

    def decide(self, row: list[int], person: Person, attempt: Attempt, now_ns: int) -> int:
        return seda.decide(row, 0, self.rates_micro[0], self.of.burst, now_ns, self.terms.cost(person, attempt))

    def observe(self, row: list[int], attempt: Attempt, told: Told) -> None:
        of, (start, least, most, increase) = self.of, self.rates_micro
        given = (start, least, most, increase, rates.milli(of.divisor), rates.milli(of.quantile))
        seda.observe(row, 0, *given, of.target_ns, of.calls, of.every_ns, of.burst, *told)


def draw(seed: int, attempt: Attempt, number: int) -> int:
    """The uniform that a law is told with an attempt, in billionths."""
    key = draws.key(seed, Stream.PROBE, attempt.person.want, attempt.number)
    return int(draws.uniform(key, number) * vegas.BILLION)


def learning_of(admission: model.Learning, number: int, terms: Terms) -> Listening:
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
    return BbrCpu(admission, terms)
