"""Who and what is in the upstream when model time begins: rows of a run that was brought there (simulator.compiled)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Structured arrays as `simulator.compiled.contents.attempts` and `.orders` return them."""

    attempts: Any
    orders: Any
