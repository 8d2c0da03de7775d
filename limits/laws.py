"""The laws, in one list: all that asks for every law, by number or by module, reads it from here."""

from __future__ import annotations

from enum import IntEnum
from types import ModuleType

from limits import (
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    pacing,
    retry_budget,
    sliding_window_log,
    token_bucket,
)


class Law(IntEnum):
    """Named as in scenarios, in capitals: `Law[admission.law.upper()]`."""

    TOKEN_BUCKET = 1
    GCRA = 2
    FIXED_WINDOW = 3
    SLIDING_WINDOW_LOG = 4
    FIXED_CONCURRENCY = 5
    DEADLINE = 6
    RETRY_BUDGET = 7
    PACING = 8


MODULES: dict[Law, ModuleType] = {
    Law.TOKEN_BUCKET: token_bucket,
    Law.GCRA: gcra,
    Law.FIXED_WINDOW: fixed_window,
    Law.SLIDING_WINDOW_LOG: sliding_window_log,
    Law.FIXED_CONCURRENCY: fixed_concurrency,
    Law.DEADLINE: deadline,
    Law.RETRY_BUDGET: retry_budget,
    Law.PACING: pacing,
}


def width(law: Law, slots: int = 0) -> int:
    """Return the ints in a row of a law; `slots` is the largest limit of a sliding_window_log."""
    own: int = MODULES[law].WIDTH
    return own + (slots if law == Law.SLIDING_WINDOW_LOG else 0)
