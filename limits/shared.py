"""Quota that many gateways share, in Redis: exact for each call, leased, or counted by reports. Needs `sluice[redis]`.

    async with Store("redis://...") as store, LeasedQuota(store, name="orders", rate_per_s=..., ...) as quota:
        answer = await quota.decide("person-7")  # 0, a wait in ns, SHED or NEVER, as with every law

No call takes longer than the store's timeout: connecting, waiting for a connection and every script are within it.
Then the mode of `limits.without_store` answers. A store that failed is left alone for a time that doubles from
FIRST_PAUSE_S to LONGEST_PAUSE_S, less up to half of it by chance; then one question tries it, and all others are
answered at once as if it failed. So a store that is back is found within LONGEST_PAUSE_S and two timeouts of being
asked for.

**Precision.** Redis counts in doubles, exact up to 2^53, and nanoseconds since 1970 are beyond. So an instant is two
numbers, seconds and nanoseconds, written "1770000000.000000042", and only differences are computed: a debt in whole ns,
at most burst * interval, which has to be below 2^52 ns (52 days). All arithmetic is then exact, and `SharedGcra`
answers as `gcra.decide` to the ns, at the server's TIME (its ticks are us). Two differences: a row that owes more than
its burst, as after the server's clock was set back, owes its burst; and another rate or burst counts at once on the ns
that are owed.

**Servers.** One Redis 5 or newer (scripts write after TIME), or what speaks like it. The keys of one quota share a hash
tag, so one slot; still, RedisCluster is not used here, replicas are never read, and what a failover, a restart or
eviction loses is a loss of data: it adds one burst, and no lease that was out is taken back.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from fractions import Fraction
from hashlib import sha1
from typing import Any, Required, Self, TypedDict, Unpack

from limits import quota_lease, quota_report, rates, without_store
from limits.verdicts import ADMITTED, NEVER, SHED
from limits.without_store import CLOSED, LAST_SHARE, OPEN

try:
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import NoScriptError, RedisError
except ImportError as error:
    raise ImportError("limits.shared needs the client of Redis: pip install 'sluice[redis]'") from error

LONGEST_DEBT_NS = 2**52
"""What burst * interval may be: the sum of two such is still exact in a double."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
MS = 1_000_000
S = 1_000_000_000

log = logging.getLogger(__name__)


class Script:
    """A Lua script and the name Redis knows it by; all begin with the same words."""

    def __init__(self, text: str) -> None:
        """Put the common words before it."""
        self.text = _WORDS + text
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


_WORDS = """
local time = redis.call('TIME')
local s, ns = tonumber(time[1]), tonumber(time[2]) * 1000

local function debt(key, most)
  local written = redis.call('GET', key)
  if not written then return 0 end
  local full_s, full_ns = string.match(written, '^(%d+)%.(%d+)$')
  return math.max(0, math.min(most, (full_s - s) * 1000000000 + (full_ns - ns)))
end

local function owe(key, debt)
  if debt <= 0 then redis.call('DEL', key) return end
  local rest = math.fmod(ns + debt, 1000000000)
  local full_s = s + (ns + debt - rest) / 1000000000
  local ms = string.format('%d', math.ceil(debt / 1000000) + 1)
  redis.call('SET', key, string.format('%d.%09d', full_s, rest), 'PX', ms)
end

local function gateways(key, gateway, trust_s)
  redis.call('ZADD', key, s, gateway)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', s - trust_s)
  redis.call('EXPIRE', key, trust_s + 1)
  return redis.call('ZCARD', key)
end
"""

DECIDE = Script("""
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local count = 0
if ARGV[4] ~= '' then count = gateways(KEYS[2], ARGV[4], ARGV[5]) end
local owed = debt(KEYS[1], burst * interval)
local wait = owed - (burst - cost) * interval
if wait > 0 then return {wait, count, s, ns} end
owe(KEYS[1], owed + cost * interval)
return {0, count, s, ns}
""")

LEASE = Script("""
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, left = tonumber(ARGV[5]), tonumber(ARGV[6])
local owed = debt(KEYS[1], burst * interval)
local part = math.fmod(owed, interval)
local spent = (owed - part) / interval
if part > 0 then spent = spent + 1 end
local tokens = math.min(wanted, burst - spent)
if tokens > 0 then
  owed = owed + tokens * interval
  owe(KEYS[1], owed)
end
redis.call('SET', KEYS[3], string.format('%s %d', ARGV[4], left + tokens), 'PX', ARGV[7])
local wait = math.max(0, owed - (burst - 1) * interval)
return {tokens, wait, gateways(KEYS[2], ARGV[3], ARGV[8]), s, ns}
""")

TAKE_BACK = Script("""
local written = redis.call('GET', KEYS[2])
if not written then return {0, s, ns} end
local number, most = string.match(written, '^(%d+) (%d+)$')
if number ~= ARGV[2] then return {0, s, ns} end
redis.call('DEL', KEYS[2])
local tokens = math.min(tonumber(ARGV[3]), tonumber(most))
owe(KEYS[1], debt(KEYS[1], 4503599627370496) - tokens * tonumber(ARGV[1]))
return {tokens, s, ns}
""")

CHARGE = Script("""
local interval, total, tokens = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
local known = tonumber(redis.call('GET', KEYS[3]) or -1)
if known >= 0 then tokens = math.max(0, total - known) end
redis.call('SET', KEYS[3], string.format('%d', math.max(known, total)), 'EX', ARGV[5])
local owed = math.min(4503599627370496, debt(KEYS[1], 4503599627370496) + tokens * interval)
owe(KEYS[1], owed)
return {owed, gateways(KEYS[2], ARGV[2], ARGV[5]), s, ns}
""")


class UnavailableError(Exception):
    """The store did not answer within its timeout, or is being left alone; `again_in_ns` says for how long."""

    def __init__(self, why: str, again_in_ns: int) -> None:
        """Keep the pause."""
        super().__init__(why)
        self.again_in_ns = again_in_ns


class Store:
    """A Redis, asked within a timeout, over a bounded number of connections, and left alone when it fails."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 0.1,
        connections: int = 16,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Connect at the first question. `draw` answers a number in [0, 1) for the jitter of pauses."""
        if not timeout_s > 0:
            raise ValueError(f"timeout_s = {timeout_s:g}: needs more than 0")
        if connections < 1:
            raise ValueError(f"connections = {connections}: needs at least 1")
        self.timeout_s = timeout_s
        self.failures = 0
        self._draw = draw
        self._probing = False
        self._failed_ns = self._again_ns = 0
        self._connections = asyncio.Semaphore(connections)
        self._redis = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                max_connections=connections,
                timeout=None,
                protocol=2,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
            )
        )

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._redis.connection_pool.disconnect()
        except (RedisError, OSError) as error:
            log.warning("closing connections to Redis: %s", error)

    async def run(self, script: Script, keys: list[str], arguments: list[int | str]) -> list[int]:
        """Return what a script answers, in one round trip (two where Redis does not know it yet), or UnavailableError.

        What was sent and not answered may still happen.
        """
        started_ns = time.monotonic_ns()
        probe = self.failures > 0
        if probe:
            if self._probing or started_ns < self._again_ns:
                raise UnavailableError("Redis is left alone", self._pause_ns(started_ns))
            self._probing = True
        try:
            async with asyncio.timeout(self.timeout_s), self._connections:
                if self.failures > 0 and not probe:  # since this question began to wait for a connection
                    raise UnavailableError("Redis is left alone", self._pause_ns(time.monotonic_ns()))
                answer = await self._send(script, keys, arguments)
        except (RedisError, OSError) as error:
            self._fail(started_ns, error)
            raise UnavailableError(f"{type(error).__name__}: {error}", self._pause_ns(time.monotonic_ns())) from error
        finally:
            if probe:
                self._probing = False
        if self.failures > 0:
            log.warning("Redis answers again")
            self.failures = 0
        return answer

    async def _send(self, script: Script, keys: list[str], arguments: list[int | str]) -> list[int]:
        words: list[Any] = [len(keys), *keys, *arguments]
        try:
            answer: list[int] = await self._redis.evalsha(script.digest, *words)
        except NoScriptError:
            answer = await self._redis.eval(script.text, *words)
        return answer

    def _fail(self, started_ns: int, error: Exception) -> None:
        """Count what fails together once."""
        if self.failures > 0 and started_ns <= self._failed_ns:
            return
        if self.failures == 0:
            log.warning("Redis does not answer: %s: %s", type(error).__name__, error)
        longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self.failures, 10))
        self.failures += 1
        self._failed_ns = time.monotonic_ns()
        self._again_ns = self._failed_ns + round(longest_s * (1 - self._draw() / 2) * S)

    def _pause_ns(self, now_ns: int) -> int:
        """Return for how long to leave the store alone: while one question tries it, for as long as that may take."""
        return max(self._again_ns - now_ns, round(self.timeout_s * S) if self._probing else 0)


class _Rows:
    """A row of ints for each of at most `most` keys; the one asked least recently makes room."""

    def __init__(self, width: int, most: int) -> None:
        self._width, self._most = width, most
        self._rows: OrderedDict[str, list[int]] = OrderedDict()

    def of(self, key: str) -> list[int]:
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
            return row
        if len(self._rows) >= self._most:
            self._rows.popitem(last=False)
        return self._rows.setdefault(key, [0] * self._width)


class Limit(TypedDict, total=False):
    """What each of the three takes."""

    name: Required[str]  # of the quota in Redis: gateways that share it say the same name, rate and burst
    rate_per_s: Required[Fraction]
    burst: Required[int]
    mode: int  # without the store: CLOSED unless given
    gateway: str  # differs for each; made up unless given
    trust_s: int  # for how long a number of gateways counts, for LAST_SHARE; 60 unless given
    most_keys: (
        int  # remembered here, 100,000 unless given; one that makes room loses its lease, or what it had to report
    )
    clock_ns: Callable[[], int]  # of this gateway; compared with no other


class _Limit:
    """A rate and a burst under a name, and what to do without the store."""

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        rate_per_s: Fraction,
        burst: int,
        mode: int = CLOSED,
        gateway: str | None = None,
        trust_s: int = 60,
        most_keys: int = 100_000,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """See `Limit`; ValueError for what does not fit."""
        if mode not in (CLOSED, OPEN, LAST_SHARE):
            raise ValueError(f"{name}: mode = {mode}: needs CLOSED, OPEN or LAST_SHARE of limits.without_store")
        if trust_s < 1 or most_keys < 1:
            raise ValueError(f"{name}: trust_s = {trust_s}, most_keys = {most_keys}: need at least 1")
        self.interval_ns = rates.interval_ns(rate_per_s, burst)
        if burst * self.interval_ns >= LONGEST_DEBT_NS:
            raise ValueError(
                f"{name}: a burst of {burst:,} at {float(rate_per_s):g}/s takes 52 days to fill; lower the burst"
            )
        self.burst, self.mode = burst, mode
        self._store, self._name, self._trust_s, self._clock_ns = store, name, trust_s, clock_ns
        self._most_keys = most_keys
        self._gateway = gateway or uuid.uuid4().hex

    @property
    def _trust_ns(self) -> int:
        return self._trust_s * S

    def _without_store(self, row: list[int], at: int, burst: int, cost: int) -> int:
        now_ns = self._clock_ns()
        return without_store.answer(row, at, self.mode, self.interval_ns, burst, self._trust_ns, now_ns, cost)

    def _keys(self, key: str) -> list[str]:
        tag = f"{{sluice:{self._name}:{key}}}"
        return [tag, f"{tag}:gateways", f"{tag}:of:{self._gateway}"]


class SharedGcra(_Limit):
    """`gcra` in Redis, exactly: a round trip for each decision."""

    def __init__(self, store: Store, **limit: Unpack[Limit]) -> None:
        """Take what every limit takes."""
        super().__init__(store, **limit)
        self._rows = _Rows(without_store.WIDTH, self._most_keys)

    async def decide(self, key: str, cost: int = 1) -> int:
        """Admit `cost` (0), say after how many ns it would be, or NEVER; without the store as the mode says."""
        return (await self.decide_at(key, cost))[0]

    async def decide_at(self, key: str, cost: int = 1) -> tuple[int, int]:
        """Return the answer and the server's instant of it, ns since 1970; that is 0 where the server was not asked."""
        if cost <= 0:
            return (ADMITTED if cost == 0 else NEVER), 0
        if self.interval_ns <= 0 or cost > self.burst:
            return NEVER, 0
        gateway = self._gateway if self.mode == LAST_SHARE else ""
        try:
            wait_ns, gateways, s, ns = await self._store.run(
                DECIDE, self._keys(key)[:2], [self.interval_ns, self.burst, cost, gateway, self._trust_s]
            )
        except UnavailableError:
            return self._without_store(self._rows.of(key), 0, self.burst, cost), 0
        if self.mode == LAST_SHARE:
            without_store.told(self._rows.of(key), 0, gateways, self._clock_ns())
        return wait_ns, s * S + ns


class _Local(_Limit, ABC):
    """A quota that decides here, and turns to the store with at most one question a key at a time."""

    _width: int
    _failures: int  # where in a row they are counted
    _alone: int  # where in a row `without_store` begins
    _bucket: int  # its burst

    def __init__(self, store: Store, *, beat_s: float, **limit: Unpack[Limit]) -> None:
        super().__init__(store, **limit)
        self._beat_s = beat_s
        self._rows = _Rows(self._width, self._most_keys)
        self._flights: dict[str, asyncio.Task[None]] = {}
        self._busy: dict[str, list[int]] = {}  # keys that may have something to bring to the store
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to look after keys that nobody asks for any more."""
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Bring to the store what is to be brought, as far as that goes within twice its timeout."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._flights:
            await asyncio.wait(set(self._flights.values()))
        try:
            async with asyncio.timeout(self._store.timeout_s):
                for key, row in list(self._busy.items()):
                    await self._bring(key, row, last=True)
        except TimeoutError:
            log.warning("%s: what %d keys had for Redis is lost", self._name, len(self._busy))

    async def decide(self, key: str, cost: int = 1) -> int:
        """Admit `cost` (0), say after how many ns to come back, SHED or NEVER.

        It waits only where nothing is known of the key yet, or a lease is used up and the store may have more.
        """
        row = self._rows.of(key)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._store.timeout_s
        while True:
            answer = self._decide(row, cost)
            if answer == NEVER or cost == 0:
                return answer
            if answer == ADMITTED:
                self._note(key, row)
            if key not in self._flights:
                self._turn_to_store(key, row, cost)
            if answer != SHED or row[self._failures] > 0 or key not in self._flights:
                return answer
            left_s = until_s - loop.time()
            if left_s <= 0:
                return self._without_store(row, self._alone, self._bucket, cost)
            await asyncio.wait({self._flights[key]}, timeout=left_s)

    def _fly(self, key: str, row: list[int], flight: Coroutine[Any, Any, None]) -> None:
        self._flights[key] = asyncio.create_task(flight)
        self._flights[key].add_done_callback(lambda _: self._land(key, row))

    def _land(self, key: str, row: list[int]) -> None:
        del self._flights[key]
        self._note(key, row)

    def _note(self, key: str, row: list[int]) -> None:
        if key in self._busy or len(self._busy) < self._most_keys:
            self._busy[key] = row

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            for key, row in list(self._busy.items()):
                await self._bring(key, row, last=False)

    @abstractmethod
    def _decide(self, row: list[int], cost: int) -> int: ...

    @abstractmethod
    def _turn_to_store(self, key: str, row: list[int], cost: int) -> None: ...

    @abstractmethod
    async def _bring(self, key: str, row: list[int], *, last: bool) -> None: ...


class LeasedQuota(_Local):
    """`quota_lease`: local decisions on `lease` tokens at a time; N gateways overshoot by at most N * lease."""

    _width = quota_lease.WIDTH
    _failures = quota_lease.FAILURES
    _alone = quota_lease.ALONE

    def __init__(
        self,
        store: Store,
        *,
        lease: int,
        term_s: float = 1.0,
        idle_s: float = 0.5,
        pause_s: float = 0.01,
        **limit: Unpack[Limit],
    ) -> None:
        """Lease up to `lease` tokens (`rates.worth` of 100 ms, say) for `term_s`; what is idle for `idle_s` goes back.

        A store that has too few is asked again after `pause_s` at the earliest.
        """
        super().__init__(store, beat_s=idle_s / 2, **limit)
        if not 1 <= lease <= self.burst:
            raise ValueError(f"{self._name}: lease = {lease}: needs at least 1, at most the burst of {self.burst}")
        if not 0 < idle_s < term_s or pause_s < 0:
            raise ValueError(f"{self._name}: needs 0 < idle_s < term_s and pause_s of 0 or more")
        self.lease = self._bucket = lease
        self._term_ns, self._idle_ns, self._pause_ns = round(term_s * S), round(idle_s * S), round(pause_s * S)

    def _decide(self, row: list[int], cost: int) -> int:
        return quota_lease.decide(
            row, 0, self.lease, self.interval_ns, self.mode, self._trust_ns, self._clock_ns(), cost
        )

    def _turn_to_store(self, key: str, row: list[int], cost: int) -> None:
        now_ns = self._clock_ns()
        wanted = quota_lease.wanted(row, 0, self.lease, now_ns, cost)
        if wanted > 0:
            number = quota_lease.asked(row, 0, now_ns)
            self._fly(key, row, self._ask(key, row, number, wanted, row[quota_lease.LEFT]))

    async def _ask(self, key: str, row: list[int], number: int, wanted: int, left: int) -> None:
        of: list[int | str] = [self.interval_ns, self.burst, self._gateway]
        try:
            tokens, wait_ns, gateways, _, _ = await self._store.run(
                LEASE, self._keys(key), [*of, number, wanted, left, self._term_ns // MS + 1, self._trust_s]
            )
        except UnavailableError as error:
            quota_lease.failed(row, 0, self._clock_ns() + error.again_in_ns)
        else:
            quota_lease.granted(
                row, 0, tokens, wanted, wait_ns, gateways, self._term_ns, self._pause_ns, self._clock_ns()
            )

    async def _bring(self, key: str, row: list[int], *, last: bool) -> None:
        now_ns = self._clock_ns()
        tokens = quota_lease.give_back(row, 0, 0 if last else self._idle_ns, now_ns)
        if quota_lease.held(row, 0, now_ns) == 0 and key not in self._flights:
            self._busy.pop(key, None)
        if tokens > 0:
            row_key, _, record = self._keys(key)
            try:
                await self._store.run(TAKE_BACK, [row_key, record], [self.interval_ns, row[quota_lease.NUMBER], tokens])
            except UnavailableError as error:
                log.info("%s: %d tokens of %s are lost: %s", self._name, tokens, key, error)


class ReportedQuota(_Local):
    """`quota_report`: local decisions on what was last heard, and a report each `every_s`; it seldom waits."""

    _width = quota_report.WIDTH
    _failures = quota_report.FAILURES
    _alone = quota_report.ALONE

    def __init__(
        self, store: Store, *, every_s: float = 0.1, stale_s: float | None = None, **limit: Unpack[Limit]
    ) -> None:
        """Report each `every_s`; a view is good for `stale_s`, 3 * every_s and a timeout unless given."""
        super().__init__(store, beat_s=every_s / 2, **limit)
        self._bucket = self.burst
        if not every_s > 0:
            raise ValueError(f"{self._name}: every_s = {every_s:g}: needs more than 0")
        good_s = 3 * every_s + store.timeout_s if stale_s is None else stale_s
        if good_s < every_s + store.timeout_s:
            raise ValueError(
                f"{self._name}: stale_s = {good_s:g}: needs every_s and a timeout, or it is stale in health"
            )
        self._every_ns, self._stale_ns = round(every_s * S), round(good_s * S)

    def _decide(self, row: list[int], cost: int) -> int:
        of = (self.interval_ns, self.burst, self._stale_ns, self.mode, self._trust_ns)
        return quota_report.decide(row, 0, *of, self._clock_ns(), cost)

    def _turn_to_store(self, key: str, row: list[int], cost: int) -> None:
        now_ns = self._clock_ns()
        if quota_report.due(row, 0, now_ns):
            quota_report.asked(row, 0, now_ns)
            self._fly(key, row, self._report(key, row, row[quota_report.SENT], quota_report.unheard(row, 0)))

    async def _report(self, key: str, row: list[int], total: int, since: int) -> None:
        try:
            debt_ns, gateways, _, _ = await self._store.run(
                CHARGE, self._keys(key), [self.interval_ns, self._gateway, total, since, self._trust_s]
            )
        except UnavailableError as error:
            quota_report.failed(row, 0, self._clock_ns() + error.again_in_ns)
        else:
            quota_report.answered(row, 0, self.interval_ns, debt_ns, gateways, self._every_ns, self._clock_ns())

    async def _bring(self, key: str, row: list[int], *, last: bool) -> None:
        if quota_report.unheard(row, 0) == 0:
            if key not in self._flights:
                self._busy.pop(key, None)
        elif last:
            quota_report.asked(row, 0, self._clock_ns())
            await self._report(key, row, row[quota_report.SENT], quota_report.unheard(row, 0))
        elif key not in self._flights:
            self._turn_to_store(key, row, 1)
