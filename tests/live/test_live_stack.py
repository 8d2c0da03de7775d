"""`sluice live` against a stack of ours: the slice, its queues, the books, and what is left behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from scenarios.units import NS_PER_S
from simulator import results
from simulator.live_schema import live_schema
from sluice.exits import Exit
from tests.cli.processes import only_run, process

SHOP = """
schema = 1
name = "shop"
title = "A shop with a queue"
horizon = "60s"
arrivals = { process = "poisson", rate = "30/s" }
people = { timeout = "4s", attempts = 3, retry_delay = "1s" }
stages = [{ name = "till", servers = 5, service = { kind = "exponential", mean = "200ms" }, budget = 5000 }]
admission = [{ name = "door", at = "gateway", law = "token_bucket", rate = "24/s", burst = 5 }]
live.longest_lag = "2s"
"""


@pytest.mark.parametrize("begins", ["0s", "30s"])
def test_live_is_as_simulated_and_the_books_balance(begins: str, tmp_path: Path) -> None:
    shop, out = tmp_path / "shop.toml", tmp_path / "runs"
    shop.write_text(SHOP)
    asked = ("live", str(shop), "--from", begins, "--for", "8s", "--out", "runs", "--format", "json")
    done = process(*asked, cwd=tmp_path)
    assert done.returncode == Exit.PASS, done.stderr
    summary = json.loads(done.stdout)
    jsonschema.validate(summary, live_schema())
    found = results.read(only_run(out))
    assert found.summary == summary
    ledger = summary["ledger"]
    assert ledger["told_placed"] == summary["orders"]["placed"] > 100
    assert (ledger["lost"], ledger["duplicated"], ledger["overdrawn"]) == (0, 0, 0)
    # who waited or thought at the beginning is there, with the queue before them
    assert (summary["people"]["on_the_way"] > 20) == (begins == "30s")
    agreement = summary["agreement"]
    assert agreement["goodput_per_s"]["ratio"] == pytest.approx(1.0, abs=0.15)
    assert agreement["attempts"]["both"] > 0.7 * agreement["attempts"]["simulated"]
    begin_ns = 0 if begins == "0s" else 30 * NS_PER_S
    live, simulated = (carried(run, begin_ns) for run in (found, results.read(only_run(out) / "simulated")))
    assert (len(live) > 5) == (begins == "30s")
    assert {key: answer for key, (answer, _) in live.items()} == {key: answer for key, (answer, _) in simulated.items()}
    late_ns = [at_ns - simulated[key][1] for key, (_, at_ns) in live.items()]
    assert max(late_ns, default=0) < 500_000_000
    # nothing that was started goes on
    pids = json.loads((only_run(out) / "stack" / "stack.json").read_text())["pids"]
    assert len(pids) >= 2
    assert not [pid for pid in pids.values() if Path(f"/proc/{pid}").exists() or _lives(pid)]


def carried(run: results.RunResult, begin_ns: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Answer, and when, of the attempts that were under way when the slice began."""
    assert run.attempts is not None
    columns = (run.attempts[name].tolist() for name in ("want", "attempt", "start_ns", "answer", "answered_ns"))
    rows = zip(*columns, strict=True)
    return {(want, number): (answer, at_ns) for want, number, start_ns, answer, at_ns in rows if start_ns < begin_ns}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
