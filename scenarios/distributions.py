"""Distributions a scenario may name, for times (in ns) and for counts (cups, tokens, makers).

A bare value is short for a constant: `timeout = "60s"`. `table` turns a distribution into the flat row of numbers
that `scenarios.draws.sample` reads, in Python and compiled alike.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from scenarios import units

V = TypeVar("V")
S = TypeVar("S")

DURATION_SCHEMA: dict[str, Any] = {"type": "string", "description": 'a duration: "350ms", "9h", "2h35m"'}
DurationNs = Annotated[int, BeforeValidator(units.duration_ns), WithJsonSchema(DURATION_SCHEMA)]
Number = Annotated[float, BeforeValidator(units.number)]
Positive = Annotated[float, BeforeValidator(units.number), Field(gt=0, le=1e6)]
Count = Annotated[float, BeforeValidator(units.number), Field(ge=0, le=1e12)]
Share = Annotated[
    float,
    BeforeValidator(units.share),
    WithJsonSchema({"type": ["string", "number"], "description": 'a share: "25%" or 0.25'}),
]


class Frozen(BaseModel):
    """Base of every part of a scenario: frozen, unknown keys refused, filled by the keys of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


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
    quantiles: tuple[tuple[Share, V], ...] = Field(min_length=2, max_length=10_000)

    @model_validator(mode="after")
    def _rising(self) -> Empirical[V]:
        shares = [q for q, _ in self.quantiles]
        values: list[Any] = [v for _, v in self.quantiles]
        if shares[0] != 0 or shares[-1] != 1:
            raise ValueError("quantiles start at share 0 and end at share 1")
        if any(b <= a for a, b in pairwise(shares)):
            raise ValueError("shares of quantiles rise from one to the next")
        if any(b < a for a, b in pairwise(values)):
            raise ValueError("values of quantiles never fall")
        return self


class Part(Frozen, Generic[S]):
    """One part of a mixture, drawn with its weight over the sum of weights."""

    weight: Positive
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
