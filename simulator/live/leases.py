"""Rates of the gateway that several workers share: leased from Redis (limits.shared), asked before all other laws."""

from __future__ import annotations

import asyncio
from fractions import Fraction

from limits import rates
from limits.shared import LeasedQuota, Store
from limits.verdicts import ADMITTED
from limits.without_store import LAST_SHARE
from scenarios.asking import Attempt, Terms, Verdict
from scenarios.habits import Habits
from scenarios.knobs import Value
from scenarios.model import RateAdmission, Scenario
from scenarios.policy import concerns
from simulator.live.laws import KEYS, refusal
from simulator.live.settings import Settings

LEASE_NS = 100_000_000
"""A lease is worth so much of a worker's part of the rate."""
TIMEOUT_S = 0.1


class Leases:
    """The laws of rates at the gateway, in file order, each a quota of all workers."""

    def __init__(self, settings: Settings, scenario: Scenario, habits: Habits) -> None:
        assert settings.redis_url is not None
        self._store = Store(settings.redis_url, timeout_s=TIMEOUT_S)
        self._workers = settings.workers
        self._speed = Fraction(settings.speed).limit_denominator(1_000_000)
        self._name = settings.folder.name
        self._keeping: list[asyncio.Future[LeasedQuota]] = []
        self._laws = [a for a in scenario.admission if a.at == "gateway" and isinstance(a, RateAdmission)]
        self._terms = {law.name: Terms(law, habits) for law in self._laws}
        self._quotas: dict[str, LeasedQuota | None] = {law.name: self._quota(law, law.rate_per_s) for law in self._laws}
        self.names = frozenset(self._quotas)

    async def ask(self, attempt: Attempt) -> Verdict | None:
        """Return the refusal of the first law that refuses."""
        for law in self._laws:
            quota = self._quotas[law.name]
            if quota is None or not concerns(law.priorities, attempt.person):
                continue
            key = KEYS[law.key]
            value = "" if key is None else str(key(attempt))
            answer = await quota.decide(value, self._terms[law.name].cost(attempt.person, attempt))
            if answer != ADMITTED:
                return refusal(law.name, round(answer * self._speed) if answer > 0 else answer)
        return None

    def turn(self, name: str, value: Value) -> None:
        """Turn the rate of a law; what is owed in Redis counts on at the new one."""
        for law in self._laws:
            if law.name == name:
                self._quotas[name] = self._quota(law, None if value is None else Fraction(value))

    def _quota(self, law: RateAdmission, rate_per_s: Fraction | None) -> LeasedQuota | None:
        if rate_per_s is None:
            return None
        rate_here = rate_per_s * self._speed
        burst = law.burst or rates.second_of(rate_per_s)
        lease = max(1, min(burst, rates.worth(rate_here / self._workers, LEASE_NS)))
        name = f"{self._name}:{law.name}"
        quota = LeasedQuota(self._store, lease=lease, name=name, rate_per_s=rate_here, burst=burst, mode=LAST_SHARE)
        self._keeping = [*self._keeping, asyncio.ensure_future(quota.__aenter__())][-len(self._laws) :]
        return quota
