"""Distributions a scenario may name, for times (in ns) and for counts (cups, tokens, makers).

A bare value is short for a constant: `timeout = "60s"`. `table` turns a distribution into the flat row of numbers
that `scenarios.draws.sample` reads, in Python and compiled alike.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from scenarios import units

V = TypeVar("V")
S = TypeVar("S")

DURATION_SCHEMA: dict[str, Any] = {"type": "string", "description": 'a duration: "350ms", "9h", "2h35m"'}
DurationNs = Annotated[int, BeforeValidator(units.duration_ns), WithJsonSchema(DURATION_SCHEMA)]
Number = Annotated[float, BeforeValidator(units.number)]
Positive = Annotated[float, BeforeValidator(units.number), Field(gt=0, le=1e6)]
Count = Annotated[float, BeforeValidator(units.number), Field(ge=0, le=1e12)]
Weight = Annotated[
    float,
    BeforeValidator(units.weight),
    Field(gt=0, le=1e6),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "exclusiveMinimum": 0,
            "maximum": 1_000_000,
            "description": 'a number or a share: 4 or "80%"',
        }
    ),
]
Share = Annotated[
    float,
    BeforeValidator(units.share),
    WithJsonSchema({"type": ["string", "number"], "description": 'a share: "25%" or 0.25'}),
]


def rising_times(points: tuple[tuple[int, Any], ...]) -> tuple[tuple[int, Any], ...]:
    """Return points of [time, ...] as they are, or raise `ValueError` where a time is not after the one before."""
    for (before_ns, _), (at_ns, _) in pairwise(points):
        if at_ns <= before_ns:
            before, at = units.duration_text(before_ns), units.duration_text(at_ns)
            raise ValueError(f'the time "{at}" comes after "{before}"; times rise, so put them in order, each once')
    return points


def _rising_quantiles(quantiles: tuple[tuple[float, Any], ...]) -> tuple[tuple[float, Any], ...]:
    if quantiles[0][0] != 0 or quantiles[-1][0] != 1:
        ends = f"{quantiles[0][0]:g} and {quantiles[-1][0]:g}"
        raise ValueError(f"the first share is 0 and the last 1, not {ends}; write [[0, low], ..., [1, high]]")
    for (before, low), (share, high) in pairwise(quantiles):
        if share <= before:
            raise ValueError(
                f"the share {share:g} comes after {before:g}; shares rise, so put them in order, each once"
            )
        if high < low:
            raise ValueError(
                f"the value at share {share:g} is below the one at {before:g}; values of quantiles never fall"
            )
    return quantiles


class Frozen(BaseModel):
    """Base of every part of a scenario: frozen, unknown keys refused, filled by the keys of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a `Constant[int]` as a Constant: pickle finds classes by their names, and that one has none."""
        return _unpickled, (self.__pydantic_generic_metadata__["origin"] or type(self), self.__getstate__())


def _unpickled(kind: type[Frozen], state: dict[Any, Any]) -> Frozen:
    found = kind.__new__(kind)
    found.__setstate__(state)
    return found


class Constant(Frozen, Generic[V]):
    """Always the mean."""

    kind: Literal["constant"]
    mean: V


class Exponential(Frozen, Generic[V]):
    """Memoryless, by its mean."""

    kind: Literal["exponential"]
    mean: V


class Lognormal(Frozen, Generic[V]):
    """By its median and one of sigma (of the logarithm), cv (standard deviation / mean) or p95."""

    kind: Literal["lognormal"]
    median: V
    sigma: Positive | None = None
    cv: Positive | None = None
    p95: V | None = None

    @model_validator(mode="after")
    def _one_width(self) -> Lognormal[V]:
        given = [name for name in ("sigma", "cv", "p95") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a lognormal needs exactly one of sigma, cv and p95; found {', '.join(given) or 'none'}")
        if self.median == 0:
            raise ValueError("the median of a lognormal is more than 0")
        if self.p95 is not None and self.p95 <= self.median:  # type: ignore[operator]
            raise ValueError("p95 is more than the median")
        return self


class Gamma(Frozen, Generic[V]):
    """By its mean and cv (standard deviation / mean)."""

    kind: Literal["gamma"]
    mean: V
    cv: Positive


class Uniform(Frozen, Generic[V]):
    """Evenly between low and high; counts are whole numbers, both ends included."""

    kind: Literal["uniform"]
    low: V
    high: V

    @model_validator(mode="after")
    def _ordered(self) -> Uniform[V]:
        if self.low > self.high:  # type: ignore[operator]
            raise ValueError("low is more than high; swap them")
        return self


class Empirical(Frozen, Generic[V]):
    """By quantiles, `[[0, low], [0.5, median], ..., [1, high]]`, linear between them."""

    kind: Literal["empirical"]
    quantiles: Annotated[
        tuple[tuple[Share, V], ...], Field(min_length=2, max_length=10_000), AfterValidator(_rising_quantiles)
    ]


class Part(Frozen, Generic[S]):
    """One part of a mixture, drawn with its weight over the sum of weights."""

    weight: Weight
    of: S


class Mixture(Frozen, Generic[S]):
    """One of several distributions, by weight."""

    kind: Literal["mixture"]
    parts: tuple[Part[S], ...] = Field(min_length=1, max_length=100)


DISTRIBUTIONS = (Constant, Exponential, Lognormal, Gamma, Uniform, Empirical, Mixture)


def _spelled_out(value: object) -> object:
    return value if isinstance(value, dict | BaseModel) else {"kind": "constant", "mean": value}


_SHORT = BeforeValidator(_spelled_out)
_BY_KIND = Field(discriminator="kind")

SimpleTime = Annotated[
    Constant[DurationNs]
    | Exponential[DurationNs]
    | Lognormal[DurationNs]
    | Gamma[DurationNs]
    | Uniform[DurationNs]
    | Empirical[DurationNs],
    _BY_KIND,
    _SHORT,
]
SimpleCount = Annotated[
    Constant[Count] | Exponential[Count] | Lognormal[Count] | Gamma[Count] | Uniform[Count] | Empirical[Count],
    _BY_KIND,
    _SHORT,
]
TimeDistribution = Annotated[
    Constant[DurationNs]
    | Exponential[DurationNs]
    | Lognormal[DurationNs]
    | Gamma[DurationNs]
    | Uniform[DurationNs]
    | Empirical[DurationNs]
    | Mixture[SimpleTime],
    _BY_KIND,
    _SHORT,
]
CountDistribution = Annotated[
    Constant[Count]
    | Exponential[Count]
    | Lognormal[Count]
    | Gamma[Count]
    | Uniform[Count]
    | Empirical[Count]
    | Mixture[SimpleCount],
    _BY_KIND,
    _SHORT,
]
