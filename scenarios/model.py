"""A scenario, typed and frozen: what is asked of Sluice, with every unit already converted.

Times are integer ns (`_ns`), rates exact fractions per second (`_per_s`), shares floats between 0 and 1. The names
users write are the aliases (`timeout`, `rate`). What the parts mean to an engine is written in docs/model.md.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import perm
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from scenarios import units
from scenarios.distributions import (
    Count,
    CountDistribution,
    DurationNs,
    Frozen,
    Number,
    Positive,
    Share,
    TimeDistribution,
    rising_times,
)
from scenarios.errors import did_you_mean

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Rate = Annotated[
    Fraction,
    BeforeValidator(units.rate_per_s),
    PlainSerializer(units.rate_text),
    WithJsonSchema({"type": "string", "description": 'a rate: "280/s", "10/m"'}),
]
RateOrOff = Annotated[
    Fraction | None,
    BeforeValidator(units.rate_or_off),
    WithJsonSchema({"type": "string", "description": 'a rate: "280/s", "10/m"; "off" for no limit'}),
]
DurationPs = Annotated[int, BeforeValidator(units.duration_ps), WithJsonSchema({"type": "string"})]
Whole = Annotated[int, Field(strict=True, ge=0, le=10**12)]
AtLeastOne = Annotated[int, Field(strict=True, ge=1, le=10**12)]
Cost = Annotated[
    int | str,
    BeforeValidator(units.cost),
    WithJsonSchema({"type": ["integer", "string"], "minimum": 1, "description": '1, "cups", or "tokens:STAGE"'}),
]
Priority = Annotated[int, Field(strict=True, ge=0, le=31)]
Weight = Annotated[int, Field(strict=True, ge=1, le=2**20)]
Rising = AfterValidator(rising_times)
ShareCurve = Annotated[tuple[tuple[DurationNs, Share], ...], Field(max_length=10_000), Rising]
FactorCurve = Annotated[tuple[tuple[DurationNs, Count], ...], Field(min_length=1, max_length=10_000), Rising]
Bound = Annotated[
    float,
    BeforeValidator(units.bound),
    WithJsonSchema(
        {"type": ["string", "number"], "description": 'in the unit of the figure: 0.95, "95%", 60 or "60s"'}
    ),
]


class Logistic(Frozen):
    """A smooth step: low + (high - low) / (1 + exp(-(t - middle) / width))."""

    low: Count
    high: Count
    middle_ns: DurationNs = Field(alias="middle")
    width_ns: DurationNs = Field(alias="width", gt=0)


class Shape(Frozen):
    """One factor of the arrival rate over the day: a piecewise linear curve, or a logistic step."""

    name: Name
    curve: FactorCurve | None = None
    logistic: Logistic | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Shape:
        if (self.curve is None) == (self.logistic is None):
            raise ValueError("a shape is either a curve of [time, factor] or a logistic; give one of them")
        return self


def _as_curve(value: object) -> object:
    return value if isinstance(value, list | tuple) else [["0s", value]]


class Arrivals(Frozen):
    """First attempts: an open process, which completions never slow down.

    `rate` is one rate or a curve of [time, rate], linear between its points and level outside them; shapes multiply it.
    """

    process: Literal["poisson", "steady", "gamma", "trace"]
    rate_per_s: Annotated[
        tuple[tuple[DurationNs, Rate], ...], Field(max_length=10_000), BeforeValidator(_as_curve), Rising
    ] = Field(alias="rate", default=())
    shapes: tuple[Shape, ...] = Field(max_length=100, default=())
    cv: Positive | None = None
    file: str | None = None
    column: str | None = None
    count_column: str | None = None
    from_ns: DurationNs = Field(alias="from", default=0)

    @model_validator(mode="after")
    def _fits_its_process(self) -> Arrivals:
        if self.process == "trace":
            if self.file is None:
                raise ValueError('a trace needs file = "PATH" of a CSV with a header line')
            if self.rate_per_s or self.shapes:
                raise ValueError("a trace brings its own instants; take out rate and shapes")
            return self
        if not self.rate_per_s:
            raise ValueError(f'{self.process} arrivals need a rate, such as rate = "280/s"')
        if self.process == "gamma" and self.cv is None:
            raise ValueError("gamma arrivals need how uneven they are; add cv = 1.5, or another number (1 is poisson)")
        if self.process != "gamma" and self.cv is not None:
            raise ValueError('cv belongs to gamma arrivals; take it out, or write process = "gamma"')
        for name in ("file", "column", "count_column"):
            if getattr(self, name) is not None:
                raise ValueError(f'{name} belongs to process = "trace"')
        return self


class ComeBack(Frozen):
    """After a session ends without an order: a new one later, with this probability, at most so many times."""

    probability: Share
    delay: TimeDistribution
    times: int = Field(strict=True, ge=0, le=1000)


class PersonKind(Frozen):
    """A kind of person: a share of all, with a patience and a think time of their own."""

    name: Name
    share: Share
    patience: TimeDistribution | None = None
    retry_delay: TimeDistribution | None = None


class Hedge(Frozen):
    """What still waits for its answer after this time is sent once more, at most so many times a try."""

    after: TimeDistribution
    most: int = Field(strict=True, ge=1, le=10, default=1)


class People(Frozen):
    """How people try, wait, retry and leave. Rules: docs/model.md, A person."""

    timeout: TimeDistribution
    least_timeout_ns: DurationNs = Field(alias="least_timeout", default=0)
    attempts: int = Field(strict=True, ge=1, le=100_000, default=3)
    retry_delay: TimeDistribution = Field(default="1s", validate_default=True)
    retry_delay_growth: Number = Field(ge=1, le=100, default=1.0)
    longest_retry_delay_ns: DurationNs = Field(alias="longest_retry_delay", default=24 * 3600 * units.NS_PER_S)
    heeds_retry_after: bool = Field(strict=True, default=True)
    patience: TimeDistribution | None = None
    kinds: tuple[PersonKind, ...] = Field(max_length=100, default=())
    come_back: ComeBack | None = None
    store_retry_delay: TimeDistribution = Field(default="0s", validate_default=True)
    resignation: ShareCurve = ()
    hedge: Hedge | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> People:
        if self.kinds and abs(sum(kind.share for kind in self.kinds) - 1) > 1e-9:
            raise ValueError(f"the shares of people.kinds add up to {sum(k.share for k in self.kinds):g}, not 1")
        return self


class Segment(Frozen):
    """A named share of the people; with a street, they live in that share of its zones."""

    name: Name
    share: Share
    zones: Share | None = None
    priority: Priority = 0


class Gateway(Frozen):
    """The first stage: a server decides when it takes the attempt up, and is busy for as long as the verdict costs."""

    servers: AtLeastOne
    admit: TimeDistribution = Field(default="0s", validate_default=True)
    refuse: TimeDistribution = Field(default="0s", validate_default=True)
    queue_limit: Whole = 1_000_000
    deadline: bool = Field(strict=True, default=False)


class ServerStage(Frozen):
    """Servers in parallel behind one queue (or one queue a shard)."""

    name: Name
    kind: Literal["servers"] = "servers"
    servers: Whole
    service: TimeDistribution
    per_busy_ns: DurationNs = Field(alias="per_busy", default=0)
    queue_limit: Whole = 1_000_000
    discipline: Literal["fifo", "lifo"] = "fifo"
    deadline: bool = Field(strict=True, default=False)
    network_delay: TimeDistribution | None = None
    segments: tuple[Name, ...] = Field(max_length=1000, default=())
    calls: int = Field(strict=True, ge=1, le=1000, default=1)
    call_attempts: int = Field(strict=True, ge=1, le=100, default=1)
    shards: int = Field(strict=True, ge=1, le=4096, default=1)
    budget: Whole | None = None
    failure: Share = 0.0
    slowdown: Number = Field(gt=0, le=1e6, default=1.0)


class BatchingStage(Frozen):
    """A pool of continuous-batching replicas, by the step-time law of docs/model.md, The batching station."""

    name: Name
    kind: Literal["batching"]
    replicas: Number = Field(ge=0, le=100_000)
    prompt: CountDistribution
    output: CountDistribution
    step_ns: DurationNs = Field(alias="step")
    step_per_sequence_ns: DurationNs = Field(alias="step_per_sequence", default=0)
    step_per_context_token_ps: DurationPs = Field(alias="step_per_context_token", default=0)
    step_per_prefill_token_ns: DurationNs = Field(alias="step_per_prefill_token", default=0)
    step_with_prefill_ns: DurationNs = Field(alias="step_with_prefill", default=0)
    slots: int = Field(strict=True, ge=1, le=100_000)
    kv_tokens: int = Field(strict=True, ge=1, le=10**9, default=10**9)
    step_tokens: int = Field(strict=True, ge=1, le=10**7)
    gate_steps: int = Field(strict=True, ge=0, le=100_000, default=0)
    reported_delay_ns: DurationNs = Field(alias="reported_delay", default=0)
    kv_mode: Literal["reserve", "peak"] = "reserve"
    reserve_milli: int = Field(strict=True, ge=0, le=1000, default=1000)
    queue_limit: Whole = 1_000_000
    discipline: Literal["fifo", "lifo"] = "fifo"
    deadline: bool = Field(strict=True, default=False)
    network_delay: TimeDistribution | None = None
    segments: tuple[Name, ...] = Field(max_length=1000, default=())
    failure: Share = 0.0
    slowdown: float = Field(gt=0, le=1000, default=1.0)

    @model_validator(mode="after")
    def _inside_int64(self) -> BatchingStage:
        if self.step_per_context_token_ps > 10**6:
            raise ValueError('step_per_context_token is at most "1us"; beyond it the clock of a long batch overflows')
        return self


def _stage_kind(value: object) -> object:
    return {"kind": "servers", **value} if isinstance(value, dict) else value


Stage = Annotated[ServerStage | BatchingStage, Field(discriminator="kind"), BeforeValidator(_stage_kind)]

Key = Literal["global", "person", "segment", "zone", "store"]


class _Placed(Frozen):
    name: Name
    at: str = Field(pattern=r"^(client|gateway|store|zone|(stage|queue):[A-Za-z0-9][A-Za-z0-9_-]{0,62})$")
    priorities: tuple[Priority, ...] = Field(max_length=32, default=())


class _Admission(_Placed):
    key: Key = "global"


class Charging(Frozen):
    """A law that may charge more than 1: a number, the cups of the order, or the tokens of its call at a stage."""

    cost: Cost = 1


class Reserving(Frozen):
    """A law with a limit or burst, of which each priority leaves a share to others; later ones as the last given."""

    reserve: tuple[Share, ...] = Field(max_length=32, default=())


class RateAdmission(Reserving, Charging, _Admission):
    """A rate with a burst (token_bucket exact, gcra in one number). Burst: 1 s of the rate unless given."""

    law: Literal["token_bucket", "gcra"]
    rate_per_s: RateOrOff = Field(alias="rate")
    burst: AtLeastOne | None = None
    ticket_ns: DurationNs | None = Field(alias="ticket", gt=0, default=None)


class HotKeyOverride(Frozen):
    """A rate and a burst for one value of a key."""

    value: Whole
    rate_per_s: Rate = Field(alias="rate")
    burst: AtLeastOne | None = None


class HotKeyAdmission(Charging, _Placed):
    """A token bucket for each value of a key, in a table of `most_keys`, with exceptions."""

    key: Literal["person", "segment", "zone", "store"]
    law: Literal["hot_key"]
    rate_per_s: RateOrOff = Field(alias="rate")
    burst: AtLeastOne | None = None
    most_keys: int = Field(strict=True, ge=1, le=10**6, default=4000)
    overrides: tuple[HotKeyOverride, ...] = Field(max_length=1000, default=())
    ticket_ns: DurationNs | None = Field(alias="ticket", gt=0, default=None)

    @model_validator(mode="after")
    def _one_each(self) -> HotKeyAdmission:
        values = [override.value for override in self.overrides]
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"value = {value} stands twice in overrides; take one out")
        return self


class WarmUpAdmission(Charging, _Admission):
    """A rate once it is warm: after a quiet time 1 / cold_factor of it, and more as the work comes."""

    law: Literal["warm_up"]
    rate_per_s: RateOrOff = Field(alias="rate")
    warm_up_ns: DurationNs = Field(alias="warm_up", default=10_000_000_000)
    cold_factor: int = Field(strict=True, ge=2, le=1000, default=3)
    ticket_ns: DurationNs | None = Field(alias="ticket", gt=0, default=None)


class WindowAdmission(Reserving, Charging, _Admission):
    """At most `limit` in a window: fixed windows from t = 0, a count over two of them, or the exact sliding log."""

    law: Literal["fixed_window", "sliding_window", "sliding_window_log"]
    limit: int = Field(strict=True, ge=0, le=10**7)
    window_ns: DurationNs = Field(alias="window", gt=0)
    ticket_ns: DurationNs | None = Field(alias="ticket", gt=0, default=None)


class ConcurrencyAdmission(Reserving, Charging, _Admission):
    """At most `limit` between admission and the end of the work (stage: between its arrival and its departure)."""

    law: Literal["fixed_concurrency"]
    limit: Whole


class StartingAdmission(Reserving, _Admission):
    """A limit on those inside that is learned: from `start` on, between two bounds."""

    start: AtLeastOne = 20
    least: AtLeastOne = 20
    most: AtLeastOne = 200

    @model_validator(mode="after")
    def _in_order(self) -> StartingAdmission:
        if not self.least <= self.start <= self.most:
            raise ValueError(f"start = {self.start} is not from least = {self.least} to most = {self.most}; change one")
        return self


class AimdAdmission(StartingAdmission):
    """A limit on those inside that grows by one while work ends well, and is cut to `backoff` of it where not."""

    law: Literal["aimd"]
    backoff: Share = 0.9
    longest_rtt_ns: DurationNs = Field(alias="longest_rtt", default=5_000_000_000)


class VegasAdmission(StartingAdmission):
    """A limit on those inside that keeps a small queue, by how much longer work takes than the shortest of late."""

    law: Literal["vegas"]
    least: AtLeastOne = 1
    most: AtLeastOne = 1000
    probe: int = Field(strict=True, ge=1, le=1000, default=30)
    longest_rtt0_ns: DurationNs | None = Field(alias="longest_rtt0", gt=0, default=None)


class Gradient2Admission(StartingAdmission):
    """A limit on those inside that follows how the mean of a second compares with the long average."""

    law: Literal["gradient2"]
    queue: Whole = 4
    smoothing: Share = 0.2
    tolerance: Number = Field(ge=1, le=1000, default=1.5)
    average_over: int = Field(strict=True, ge=1, le=10**6, default=600)
    sample_ns: DurationNs = Field(alias="sample", gt=0, default=1_000_000_000)
    least_calls: AtLeastOne = 10
    shortest_rtt_ns: DurationNs = Field(alias="shortest_rtt", default=100_000)


class EnvoyGradientAdmission(Reserving, _Admission):
    """A limit on those inside by the median time against one that is measured with next to none inside."""

    law: Literal["envoy_gradient"]
    least: AtLeastOne = 3
    most: AtLeastOne = 1000
    calls: int = Field(strict=True, ge=1, le=10**6, default=50)
    quantile: Share = 0.5
    buffer: Number = Field(ge=0, le=10, default=0.25)
    update_ns: DurationNs = Field(alias="update", gt=0, default=100_000_000)
    interval_ns: DurationNs = Field(alias="interval", gt=0, default=60_000_000_000)
    jitter: Share = 0.15

    @model_validator(mode="after")
    def _in_order(self) -> EnvoyGradientAdmission:
        if self.least > self.most:
            raise ValueError(f"least = {self.least} is more than most = {self.most}; change one")
        return self


class BbrCpuAdmission(_Admission):
    """While servers are nearly all busy: no more inside than the best throughput times the best time of late."""

    law: Literal["bbr_cpu"]
    buckets: int = Field(strict=True, ge=2, le=1000, default=100)
    bucket_ns: DurationNs = Field(alias="bucket", ge=10_000, default=100_000_000)
    cpu: Share = 0.8


class ByPriorityAdmission(_Admission):
    """What looks at the turns in the queue of a stage: `queue`, or the one before which it stands."""

    queue: Name | None = None

    @property
    def watched(self) -> str:
        """The name of the stage whose queue it looks at; empty at a gateway that names none."""
        return self.queue or self.at.partition(":")[2]


class BreakwaterAdmission(_Admission):
    """Credits of a stage for those who call it: as many go on to it as keep its queue short."""

    law: Literal["breakwater"]
    queue: Name
    target_ns: DurationNs = Field(alias="target", gt=0)
    round_trip_ns: DurationNs = Field(alias="round_trip", gt=0)
    increase: Number = Field(ge=0.001, le=1000, default=0.001)
    decrease: Number = Field(ge=0.001, le=1000, default=0.02)


class DagorAdmission(ByPriorityAdmission):
    """When those whose turn comes have waited too long, the least important are refused, level by level."""

    law: Literal["dagor"]
    window_ns: DurationNs = Field(alias="window", gt=0, default=1_000_000_000)
    window_calls: AtLeastOne = 2000
    target_ns: DurationNs = Field(alias="target", default=20_000_000)
    down: Share = 0.05
    up: Share = 0.01


class PiRejectorAdmission(ByPriorityAdmission):
    """As more come in than go on, a growing share of them is refused, of the least important of late."""

    law: Literal["pi_rejector"]
    period_ns: DurationNs = Field(alias="period", gt=0, default=500_000_000)
    kp: Number = Field(ge=0, le=1000, default=0.1)
    ki: Number = Field(ge=0, le=1000, default=0.1)


class DeadlineAdmission(_Admission):
    """Refuses work whose person leaves in less than `least_left`."""

    law: Literal["deadline"]
    least_left_ns: DurationNs = Field(alias="least_left", default=0)


class RetryBudgetAdmission(_Admission):
    """Client only: a retry costs one token; each call (or success) earns `earn` of one, up to `cap`."""

    law: Literal["retry_budget"]
    earn: Share = 0.1
    earn_on: Literal["call", "success"] = "call"
    cap: Number = Field(ge=1, le=1e6, default=5.0)


class _SlicedAdmission(_Admission):
    """What remembers the last `window`, and forgets it in `slices`."""

    window_ns: DurationNs = Field(alias="window", gt=0)
    slices: int = Field(strict=True, ge=1, le=1000)

    @model_validator(mode="after")
    def _slices_last(self) -> _SlicedAdmission:
        if self.slices > self.window_ns:
            raise ValueError(
                f"{self.slices} slices of a window of {self.window_ns} ns are shorter than 1 ns; use fewer"
            )
        return self

    @property
    def slice_ns(self) -> int:
        """The length of a slice, to the nearest ns below."""
        return self.window_ns // self.slices


class RetryRatioAdmission(_SlicedAdmission):
    """Client only: retries may be `ratio` of the first tries in the last `window`, and `reserve` more."""

    law: Literal["retry_ratio"]
    ratio: Share = 0.2
    reserve: Whole = 100
    window_ns: DurationNs = Field(alias="window", gt=0, default=10_000_000_000)
    slices: int = Field(strict=True, ge=1, le=1000, default=10)


class LoadMultiplierAdmission(Charging, _SlicedAdmission):
    """Lets in a multiple of what came in the last tick, less while work takes longer than it used to."""

    law: Literal["load_multiplier"]
    tick_ns: DurationNs = Field(alias="tick", ge=1_000_000, default=10_000_000_000)
    tolerance: Number = Field(ge=0.001, le=1000, default=1.25)
    least: Share = 0.1
    increment: Number = Field(ge=0, le=1000, default=0.025)
    most: Number = Field(gt=0, le=1000, default=2.0)
    window_ns: DurationNs = Field(alias="window", gt=0, default=1_800_000_000_000)
    slices: int = Field(strict=True, ge=1, le=1000, default=30)


class TopDownAdmission(Charging, _Admission):
    """Gateway only: a rate for each segment, cut while calls are late, first for who shares what is busy least."""

    law: Literal["top_down"]
    tick_ns: DurationNs = Field(alias="tick", ge=1_000_000, default=1_000_000_000)
    target_ns: DurationNs = Field(alias="target", default=1_000_000_000)
    quantile: Share = 0.95
    busy: Share = 0.8
    down: Share = 0.05
    up: Share = 0.01
    least_per_s: Rate = Field(alias="least", le=10**9, default="10/s", validate_default=True)

    @property
    def least_milli(self) -> int:
        """The lowest rate, in thousandths a second."""
        return int(1000 * self.least_per_s)


class SedaAdmission(Charging, _Admission):
    """A rate that is cut while the slowest tenth takes longer than `target`, and grows while it takes under half."""

    law: Literal["seda"]
    target_ns: DurationNs = Field(alias="target", gt=0)
    start_per_s: Rate = Field(alias="start", default="100/s", validate_default=True)
    least_per_s: Rate = Field(alias="least", default="0.05/s", validate_default=True)
    most_per_s: Rate = Field(alias="most", default="5000/s", validate_default=True)
    increase_per_s: Rate = Field(alias="increase", default="2/s", validate_default=True)
    divisor: Number = Field(ge=1, le=1000, default=1.2)
    quantile: Share = 0.9
    calls: int = Field(strict=True, ge=1, le=1000, default=100)
    every_ns: DurationNs = Field(alias="every", gt=0, default=1_000_000_000)
    burst: int = Field(strict=True, ge=1, le=2**20, default=1)

    @model_validator(mode="after")
    def _in_order(self) -> SedaAdmission:
        if not self.least_per_s <= self.start_per_s <= self.most_per_s:
            start, least, most = (units.rate_text(r) for r in (self.start_per_s, self.least_per_s, self.most_per_s))
            raise ValueError(f'start = "{start}" is not from least = "{least}" to most = "{most}"; change one')
        return self


class RetryThrottleAdmission(_Admission):
    """Client only: a failure takes a token, an answer earns `earn` of one; retries while over half of `cap` is left."""

    law: Literal["retry_throttle"]
    cap: Number = Field(gt=0, le=1e6, default=10.0)
    earn: Share = 0.1


class SreThrottleAdmission(_SlicedAdmission):
    """Client only: holds back the share of tries by which those of the last `window` exceed `k` times the answers."""

    law: Literal["sre_throttle"]
    k: Number = Field(ge=0.001, le=1000, default=2.0)
    window_ns: DurationNs = Field(alias="window", gt=0, default=120_000_000_000)
    slices: int = Field(strict=True, ge=1, le=1000, default=12)


class CircuitBreakerAdmission(_Admission):
    """Once too many of the last calls failed or were slow: nobody for `open_for`, then a few, to see if it is well."""

    law: Literal["circuit_breaker"]
    last_calls: int = Field(strict=True, ge=1, le=10_000, default=100)
    least_calls: AtLeastOne = 100
    failed: Share = 0.5
    slow: Share = 1.0
    slow_after_ns: DurationNs = Field(alias="slow_after", default=60_000_000_000)
    open_for_ns: DurationNs = Field(alias="open_for", default=60_000_000_000)
    probes: AtLeastOne = 10
    half_open_for_ns: DurationNs = Field(alias="half_open_for", default=0)


class CodelAdmission(_Admission):
    """Queues only: once the shortest wait of an `interval` was over `target`, drops what waited twice that."""

    law: Literal["codel"]
    interval_ns: DurationNs = Field(alias="interval", gt=0, default=100_000_000)
    target_ns: DurationNs = Field(alias="target", default=5_000_000)


class AdaptiveLifoAdmission(_Admission):
    """Queues only: newest first once the queue was not empty for `standing`; drops what waited longer than `short`."""

    law: Literal["adaptive_lifo"]
    standing_ns: DurationNs = Field(alias="standing", default=100_000_000)
    short_ns: DurationNs = Field(alias="short", default=5_000_000)


class StrictPriorityAdmission(_Admission):
    """Queues only: of those who wait the most important is next, of equals the one that came first."""

    law: Literal["strict_priority"]


class WfqAdmission(Charging, _Placed):
    """Queues only: flows that wait share what is served, by the weights of their priorities."""

    key: Literal["segment", "zone"] = "segment"
    law: Literal["wfq"]
    weights: tuple[Weight, ...] = Field(max_length=32, default=())

    @property
    def weight_of_priority(self) -> tuple[int, ...]:
        """The weight of priority 0, 1, ...; later ones as the last."""
        return self.weights or (1,)


class ApfAdmission(_Placed):
    """Queues of servers only: each flow waits in few of many queues, and each level has its share of the servers."""

    key: Literal["person", "segment", "zone"] = "person"
    law: Literal["apf"]
    shares: tuple[Weight, ...] = Field(max_length=32, default=())
    queues: int = Field(strict=True, ge=1, le=1024, default=128)
    hand: int = Field(strict=True, ge=1, le=8, default=6)
    length: int = Field(strict=True, ge=1, le=10_000, default=100)
    guess_ns: DurationNs = Field(alias="guess", default=3_000_000)

    @property
    def share_of_level(self) -> tuple[int, ...]:
        """The share of level 0, 1, ..., which are the priorities, later ones in the last level."""
        return self.shares or (1,)

    @model_validator(mode="after")
    def _can_be_dealt(self) -> ApfAdmission:
        if self.hand > self.queues:
            raise ValueError(f"hand = {self.hand} of queues = {self.queues} cannot be dealt; change one of them")
        if perm(self.queues, self.hand) > 2**60:
            raise ValueError(
                f"there are more hands of {self.hand} of {self.queues} queues than a hash can deal; use fewer of one"
            )
        return self


class PacingAdmission(Charging, _Admission):
    """A leaky bucket as a queue: calls go on 1/rate apart, refused where the wait would pass `longest_wait`."""

    law: Literal["pacing"]
    rate_per_s: Rate = Field(alias="rate")
    longest_wait_ns: DurationNs = Field(alias="longest_wait", default=500_000_000)


class WaitingRoomAdmission(_Admission):
    """Gateway only: a line for those who come; `rate` are called, others told to ask again within `hold`.

    With `rates` in its place, a rate for each of several stages, as many are called as all of them can take.
    """

    law: Literal["waiting_room"]
    rate_per_s: Rate | None = Field(alias="rate", default=None)
    rates_per_s: dict[Name, Rate] = Field(alias="rates", max_length=64, default_factory=dict)
    burst: AtLeastOne | None = None
    hold_ns: DurationNs = Field(alias="hold", gt=0, default=60_000_000_000)
    most: int = Field(strict=True, ge=1, le=10**7, default=1_000_000)
    order: Literal["fifo", "lottery", "shuffle"] = "fifo"
    opens_ns: DurationNs = Field(alias="opens", default=0)
    ticket_ns: DurationNs | None = Field(alias="ticket", gt=0, default=None)

    @property
    def credits_per_s(self) -> dict[str, Fraction]:
        """The rate of each stage; of one that is for all the name is empty."""
        return self.rates_per_s if self.rate_per_s is None else {"": self.rate_per_s}

    @model_validator(mode="after")
    def _has_credit(self) -> WaitingRoomAdmission:
        if (self.rate_per_s is None) == (not self.rates_per_s):
            raise ValueError('needs a rate, or rates such as { desk = "90/s", till = "80/s" }, and not both')
        return self

    @model_validator(mode="after")
    def _shuffles_before_it_opens(self) -> WaitingRoomAdmission:
        if self.order == "shuffle" and self.opens_ns == 0:
            raise ValueError('those are shuffled who come before it opens; add opens = "10m", or use another order')
        return self


class LaterSlot(Frozen):
    """What is offered to one who was let in and whom no store takes at the commit: to be placed a while later."""

    delay: TimeDistribution
    probability: Share = 0.9
    up_to_ns: DurationNs = Field(alias="up_to", default=4 * 3600 * units.NS_PER_S)


class CreditAdmission(_Admission):
    """Gateway and stores: no more orders than stores and couriers can deliver, by what they say of themselves."""

    law: Literal["fulfilment_credit"]
    store_within_ns: DurationNs = Field(alias="store_within", default=2700 * units.NS_PER_S)
    courier_within_ns: DurationNs = Field(alias="courier_within", default=1350 * units.NS_PER_S)
    told_every_ns: DurationNs = Field(alias="told_every", default=0)
    picks: int = Field(strict=True, ge=1, le=100, default=4)
    nearby: int = Field(strict=True, ge=0, le=1000, default=5)
    longest_wait_ns: DurationNs = Field(alias="longest_wait", default=0)
    later: LaterSlot | None = None


Admission = Annotated[
    RateAdmission
    | HotKeyAdmission
    | WarmUpAdmission
    | WindowAdmission
    | ConcurrencyAdmission
    | AimdAdmission
    | VegasAdmission
    | Gradient2Admission
    | EnvoyGradientAdmission
    | BbrCpuAdmission
    | LoadMultiplierAdmission
    | TopDownAdmission
    | SedaAdmission
    | BreakwaterAdmission
    | DagorAdmission
    | PiRejectorAdmission
    | DeadlineAdmission
    | RetryBudgetAdmission
    | RetryRatioAdmission
    | RetryThrottleAdmission
    | SreThrottleAdmission
    | CircuitBreakerAdmission
    | CodelAdmission
    | AdaptiveLifoAdmission
    | StrictPriorityAdmission
    | WfqAdmission
    | ApfAdmission
    | PacingAdmission
    | WaitingRoomAdmission
    | CreditAdmission,
    Field(discriminator="law"),
]

Ticketing = RateAdmission | HotKeyAdmission | WarmUpAdmission | WindowAdmission | WaitingRoomAdmission
"""Laws that may give what they let in a ticket."""
Learning = (
    AimdAdmission
    | VegasAdmission
    | Gradient2Admission
    | EnvoyGradientAdmission
    | BbrCpuAdmission
    | LoadMultiplierAdmission
    | SedaAdmission
)
"""Laws that are told how what they let in has ended, and learn from it."""
RetryBudget = RetryBudgetAdmission | RetryRatioAdmission | RetryThrottleAdmission
"""Laws that are asked about retries alone."""
Ordering = StrictPriorityAdmission | WfqAdmission | ApfAdmission
"""Laws of queues that let work wait in lanes, and say whose turn it is."""
QueueLaw = CodelAdmission | AdaptiveLifoAdmission | Ordering
"""Laws of queues: asked about those who wait, and when the turn of work has come."""


class Street(Frozen):
    """The world outside: zones of stores, drawn from `world_seed`."""

    zones: AtLeastOne
    stores_per_zone: int = Field(strict=True, ge=1, le=10_000)
    zone_demand: CountDistribution = Field(default=1, validate_default=True)
    popularity: Number = Field(ge=0, le=10, default=0.0)
    repicks: int = Field(strict=True, ge=0, le=100, default=0)
    repick_probability: Share = 1.0


class ClockKitchens(Frozen):
    """A work clock per store: orders are made one after another at the store's rate."""

    kind: Literal["clock"]
    cups_per_hour: CountDistribution
    share: Share = 1.0
    cups: CountDistribution = Field(default=1, validate_default=True)
    pause_backlog: CountDistribution | None = None
    reopen_share: Share = 0.5
    finishing_ns: DurationNs = Field(alias="finishing", default=0)
    slowdown: Number = Field(gt=0, le=1e6, default=1.0)
    closed: Share = 0.0


class ServerKitchens(Frozen):
    """Makers at a counter: each makes up to `batch` cups of one order at a time."""

    kind: Literal["servers"]
    makers: CountDistribution
    make: TimeDistribution
    batch: int = Field(strict=True, ge=1, le=1000, default=1)
    cups: CountDistribution = Field(default=1, validate_default=True)
    pause_backlog: CountDistribution | None = None
    reopen_share: Share = 0.5
    finishing_ns: DurationNs = Field(alias="finishing", default=0)
    slowdown: Number = Field(gt=0, le=1e6, default=1.0)
    closed: Share = 0.0


Kitchens = Annotated[ClockKitchens | ServerKitchens, Field(discriminator="kind")]


class ClockCouriers(Frozen):
    """A work clock per zone: the national rate is shared over zones as demand ** exponent."""

    kind: Literal["clock"]
    rate_per_s: Rate = Field(alias="rate", gt=0)
    demand_exponent: Number = Field(ge=0, le=10, default=0.5)
    trip: TimeDistribution
    promise_ns: DurationNs = Field(alias="promise")
    cancel_after_ns: DurationNs = Field(alias="cancel_after")
    slowdown: Number = Field(gt=0, le=1e6, default=1.0)


class ServerCouriers(Frozen):
    """Couriers of a zone on trips with up to `carry` orders."""

    kind: Literal["servers"]
    per_zone: CountDistribution
    carry: int = Field(strict=True, ge=1, le=1000, default=1)
    pickup: TimeDistribution
    travel: TimeDistribution
    dropoff: TimeDistribution
    promise_ns: DurationNs = Field(alias="promise")
    cancel_after_ns: DurationNs = Field(alias="cancel_after")
    slowdown: Number = Field(gt=0, le=1e6, default=1.0)


Couriers = Annotated[ClockCouriers | ServerCouriers, Field(discriminator="kind")]


class Invitations(Frozen):
    """Each placed (or delivered) order brings Poisson(mean) new people, each after a delay."""

    mean: Number = Field(ge=0, le=20)
    delay: TimeDistribution
    after: Literal["placed", "delivered"] = "placed"


class Incident(Frozen):
    """Sets knobs for a while; afterwards each is what it would have been without the incident."""

    name: Name
    at_ns: DurationNs = Field(alias="at")
    for_ns: DurationNs = Field(alias="for", gt=0)
    set: dict[str, Any] = Field(min_length=1, max_length=1000)


class Timeline(Frozen):
    """Steps one knob through [time, value]."""

    name: Name
    knob: str
    steps: Annotated[tuple[tuple[DurationNs, Any], ...], Field(min_length=1, max_length=10_000), Rising]


SHIPPED_CONTROLS = ("autoscaler", "runbook")


class Control(Frozen):
    """A process that reads gauges and turns knobs: one of ours, or "package.module:function" of the user's."""

    name: Name
    process: str = Field(pattern=rf"^({'|'.join(SHIPPED_CONTROLS)}|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$", max_length=200)
    with_: dict[str, Any] = Field(alias="with", max_length=1000, default_factory=dict)
    from_ns: DurationNs = Field(alias="from", default=0)
    until_ns: DurationNs | None = Field(alias="until", default=None)


class Milestone(Frozen):
    """What the world is known to have done, shown beside what the run did."""

    name: Name
    title: str | None = None
    metric: str
    at_ns: DurationNs | None = Field(alias="at", default=None)
    value: Bound
    tolerance: Share = 0.0
    compare: Literal["about", "at_least", "at_most"] = "about"
    grade: Literal["published", "derived", "assumed"] = "assumed"
    source: str | None = None


class Gate(Frozen):
    """What must hold: `sluice gate` exits 3 where it does not."""

    name: Name
    metric: str
    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Gate:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is more than max {self.max:g}; no figure could pass")
        return self


TEMPLATES = ("want", "attempt", "session", "segment", "zone", "kind", "timeout_ms", "intended_ns")
"""What stands in braces in a path, a header or a body of `[live.target]`: each becomes a whole number."""


def _filled(text: str) -> str:
    unknown = [name for name in re.findall(r"\{([A-Za-z_]\w*)\}", text) if name not in TEMPLATES]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is not filled in{did_you_mean(unknown[0], TEMPLATES)}")
    return text


Template = Annotated[str, Field(max_length=10_000), AfterValidator(_filled)]
InOneLine = Annotated[Template, Field(pattern=r"^[\x20-\x7e]*$")]


class Answer(Frozen):
    """What an answer means: one of this status and, where `value` is given, with this value in the target's field."""

    status: int = Field(strict=True, ge=100, le=599)
    value: str | None = Field(max_length=200, default=None)
    verdict: Literal["placed", "throttled", "shed", "expired", "error", "sold_out", "store"]


class Target(Frozen):
    """Somebody's API: the request of an attempt, and what its answers mean; the first that fits counts, else error."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: Annotated[InOneLine, Field(pattern=r"^/[^ ]*$")]
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")], InOneLine] = Field(
        max_length=50, default_factory=dict
    )
    body: Template = ""
    field: str | None = Field(min_length=1, max_length=200, default=None)
    answers: tuple[Answer, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _can_tell(self) -> Target:
        ours = [name for name in self.headers if name.lower() in ("host", "content-length", "connection")]
        if ours:
            raise ValueError(f"the header {ours[0]} is written for you; take it out of headers")
        valued = [answer for answer in self.answers if answer.value is not None]
        if valued and self.field is None:
            raise ValueError(f"answers ask for the value {valued[0].value!r} of a field; name it with field")
        if all(answer.verdict != "placed" for answer in self.answers):
            raise ValueError('no answer means an order; give one the verdict "placed"')
        return self


class Fault(Frozen):
    """What breaks for real while `sluice live` plays; a simulation knows nothing of it."""

    name: Name
    at_ns: DurationNs = Field(alias="at")
    kind: Literal["kill_worker", "kill_upstream", "pause_redis", "restart_postgres", "slow_disk"]
    for_ns: DurationNs | None = Field(alias="for", gt=0, default=None)
    delay_ns: DurationNs | None = Field(alias="delay", gt=0, default=None)

    @model_validator(mode="after")
    def _lasts(self) -> Fault:
        takes = {"pause_redis": {"for"}, "slow_disk": {"for", "delay"}}.get(self.kind, set())
        for key, value in (("for", self.for_ns), ("delay", self.delay_ns)):
            if (key in takes) != (value is not None):
                raise ValueError(f"a {self.kind} {'needs' if key in takes else 'does not take'} {key}")
        return self


class Live(Frozen):
    """How `sluice live` plays the scenario against a real stack."""

    most_in_flight: int = Field(strict=True, ge=1, le=100_000, default=10_000)
    longest_lag_ns: DurationNs = Field(alias="longest_lag", gt=0, default=50_000_000)
    target: Target | None = None
    faults: tuple[Fault, ...] = Field(max_length=100, default=())


class Scenario(Frozen):
    """One rehearsal: who comes, what they meet, what happens meanwhile, and what it is held against."""

    schema_: Literal[1] = Field(alias="schema")
    name: Name
    title: str = Field(min_length=1, max_length=200)
    description: str = Field(max_length=10_000, default="")
    extends: str | None = None
    horizon_ns: DurationNs = Field(alias="horizon", gt=0)
    bucket_ns: DurationNs = Field(alias="bucket", gt=0, default=10 * units.NS_PER_S)
    opens: str | None = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", default=None)
    world_seed: int = Field(strict=True, ge=0, lt=2**63, default=1)
    arrivals: Arrivals
    people: People
    segments: tuple[Segment, ...] = Field(max_length=1000, default=())
    gateway: Gateway | None = None
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=64)
    admission: tuple[Admission, ...] = Field(max_length=100, default=())
    street: Street | None = None
    kitchens: Kitchens | None = None
    couriers: Couriers | None = None
    invitations: Invitations | None = None
    incidents: tuple[Incident, ...] = Field(max_length=1000, default=())
    timelines: tuple[Timeline, ...] = Field(max_length=1000, default=())
    controls: tuple[Control, ...] = Field(max_length=100, default=())
    milestones: tuple[Milestone, ...] = Field(max_length=1000, default=())
    gates: tuple[Gate, ...] = Field(max_length=1000, default=())
    live: Live | None = None
