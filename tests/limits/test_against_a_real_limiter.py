"""A real inference server let each of 27 clients in 10 times a minute; its log says whom it refused.

Data: VTC-artifact, fair_bench, real_LShare_rpm10 (Apache-2.0). In $SLUICE_DATA, or ../shared/data beside the checkout.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from limits import fixed_window, rates, sliding_window_log, token_bucket

DATA = Path(os.environ.get("SLUICE_DATA") or Path(__file__).parents[3] / "shared" / "data")
TRACE = DATA / "vtc_lmsys" / "real_LShare_rpm10.jsonl"
MINUTE_NS = 60 * rates.NS_PER_S


@pytest.fixture(scope="module")
def responses() -> list[dict[str, Any]]:
    if not TRACE.exists():
        pytest.skip(f"needs {TRACE.name}; set SLUICE_DATA to the folder that holds vtc_lmsys")
    run = json.loads(TRACE.read_text().splitlines()[0])
    return sorted(run["result"]["responses"], key=lambda response: float(response["req_time"]))


def refused(responses: list[dict[str, Any]], width: int, decide: Callable[[list[int], int], int]) -> list[bool]:
    """Ask a law with a row for each client; `decide` takes (row, now_ns)."""
    rows: dict[str, list[int]] = {}
    verdicts = []
    for response in responses:
        row = rows.setdefault(response["adapter_dir"], [0] * width)
        verdicts.append(decide(row, round(Fraction(response["req_time"]) * rates.NS_PER_S)) != 0)
    return verdicts


def test_a_sliding_log_refuses_as_many_as_the_server_and_almost_always_the_same(
    responses: list[dict[str, Any]],
) -> None:
    verdicts = refused(
        responses, 12, lambda row, now_ns: sliding_window_log.decide(row, 0, 10, 10, MINUTE_NS, now_ns, 1)
    )
    measured = [response["request_latency"] == -1 for response in responses]
    assert (len(measured), sum(measured), sum(verdicts)) == (1500, 600, 600)
    assert sum(ours == theirs for ours, theirs in zip(verdicts, measured, strict=True)) >= 1490


def test_a_fixed_window_and_a_token_bucket_are_told_apart(responses: list[dict[str, Any]]) -> None:
    tokens, per_ns = rates.ratio(Fraction(10, 60), 10)
    window = refused(responses, 2, lambda row, now_ns: fixed_window.decide(row, 0, 10, MINUTE_NS, now_ns, 1))
    bucket = refused(responses, 2, lambda row, now_ns: token_bucket.decide(row, 0, tokens, per_ns, 10, now_ns, 1))
    assert (sum(window), sum(bucket)) == (566, 521)
