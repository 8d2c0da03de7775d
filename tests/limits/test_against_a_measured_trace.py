"""Limits of 10 a minute and client against a measured server that had one; skipped where the trace is absent.

The trace: 1,500 requests of 27 clients in 600 s to a language model on one GPU; the server kept an exact log of 60 s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction

import pytest

from limits import fixed_window, rates, sliding_window, sliding_window_log, token_bucket
from tests.test_batching_measured import read

LIMIT, MINUTE_NS = 10, 60_000_000_000
TOKENS, PER_NS = rates.ratio(Fraction(LIMIT, 60), LIMIT)
LAWS: dict[str, tuple[int, Callable[[list[int], int], int]]] = {
    "sliding_window_log": (
        sliding_window_log.WIDTH + LIMIT,
        lambda row, now_ns: sliding_window_log.decide(row, 0, LIMIT, LIMIT, MINUTE_NS, now_ns, 1),
    ),
    "sliding_window": (
        sliding_window.WIDTH,
        lambda row, now_ns: sliding_window.decide(row, 0, LIMIT, MINUTE_NS, now_ns, 1),
    ),
    "fixed_window": (fixed_window.WIDTH, lambda row, now_ns: fixed_window.decide(row, 0, LIMIT, MINUTE_NS, now_ns, 1)),
    "token_bucket": (
        token_bucket.WIDTH,
        lambda row, now_ns: token_bucket.decide(row, 0, TOKENS, PER_NS, LIMIT, now_ns, 1),
    ),
}


def trace() -> list[tuple[str, int, bool]]:
    """Client, instant and whether the server refused, in the order in which requests were sent."""
    rows = read("vtc_lmsys", "real_LShare_rpm10.jsonl")["result"]["responses"]
    found = [(row["adapter_dir"], round(1e9 * row["req_time"]), row["first_token_latency"] < 0) for row in rows]
    return sorted(found, key=lambda request: request[1])


def refusals(law: str) -> list[bool]:
    width, decide = LAWS[law]
    of_client: defaultdict[str, list[int]] = defaultdict(lambda: [0] * width)
    return [decide(of_client[client], now_ns) != 0 for client, now_ns, _ in trace()]


@pytest.mark.parametrize(
    ("law", "refused", "same"),
    [
        ("sliding_window_log", 600, 1494),
        ("sliding_window", 582, 1230),
        ("fixed_window", 566, 1174),
        ("token_bucket", 521, 1195),
    ],
)
def test_a_law_refuses_so_many_of_the_trace_and_so_many_as_the_server_did(law: str, refused: int, same: int) -> None:
    measured = [by_server for _, _, by_server in trace()]
    assert (len(measured), sum(measured)) == (1500, 600)
    found = refusals(law)
    assert sum(found) == refused
    assert sum(one == other for one, other in zip(found, measured, strict=True)) == same
