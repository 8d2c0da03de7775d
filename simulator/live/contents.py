"""Who and what is in the upstream when model time begins: rows of a run that was brought there (simulator.compiled)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What functions of these names in `simulator.compiled.contents` return: arrays, and those of laws by name.

    `placed`: orders placed by then, which have taken a unit of each budget. `turned`: the knobs that control processes
    have turned, and to what.
    """

    attempts: Any
    orders: Any
    levels: Mapping[str, Any] = field(default_factory=dict)
    placed: int = 0
    turned: Mapping[str, int | float | str] = field(default_factory=dict)
