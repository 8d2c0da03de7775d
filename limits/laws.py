"""The laws by number, for engines that keep many of them in one table of ints."""

from __future__ import annotations

from enum import IntEnum

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


_WIDTHS = {
    Law.TOKEN_BUCKET: token_bucket.WIDTH,
    Law.GCRA: gcra.WIDTH,
    Law.FIXED_WINDOW: fixed_window.WIDTH,
    Law.SLIDING_WINDOW_LOG: sliding_window_log.WIDTH,
    Law.FIXED_CONCURRENCY: fixed_concurrency.WIDTH,
    Law.DEADLINE: deadline.WIDTH,
    Law.RETRY_BUDGET: retry_budget.WIDTH,
    Law.PACING: pacing.WIDTH,
}


def width(law: Law, slots: int = 0) -> int:
    """Return the ints in a row of a law; `slots` is the largest limit of a sliding_window_log."""
    return _WIDTHS[law] + (slots if law == Law.SLIDING_WINDOW_LOG else 0)
