"""`sluice live` against a stack of ours: the slice, its queues, the books, and what is left behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from benchmarks.servers import PostgresServer, RedisServer
from scenarios.live_lives import ANSWERS
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
stages = [{ name = "till", servers = 5, service = { kind = "exponential", mean = "200ms" }, budget = 850 }]
admission = [{ name = "door", at = "gateway", law = "token_bucket", rate = "24/s", burst = 5 }]
live.longest_lag = "2s"
"""


@pytest.mark.parametrize("begins", ["0s", "30s"])
def test_live_is_as_simulated_and_the_books_balance(begins: str, tmp_path: Path) -> None:
    shop, out = tmp_path / "shop.toml", tmp_path / "runs"
    shop.write_text(SHOP)
    asked = ("live", str(shop), "--from", begins, "--for", "6s", "--out", "runs", "--format", "json")
    done = process(*asked, cwd=tmp_path)
    assert done.returncode == Exit.PASS, done.stderr
    summary = json.loads(done.stdout)
    jsonschema.validate(summary, live_schema())
    found = results.read(only_run(out))
    assert found.summary == summary
    ledger = summary["ledger"]
    assert ledger["told_placed"] == summary["orders"]["placed"] > 100
    assert not any(ledger[name] for name in ("lost", "duplicated", "mispaid", "overdrawn", "miscounted"))
    # the budget is that of the whole run: what was placed before the slice counts
    assert (summary["failures"]["sold_out"] > 5) == (begins == "30s")
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


FAULTS = """
[live]
longest_lag = "2s"
faults = [
    { name = "worker", at = "1s", kind = "kill_worker" },
    { name = "redis", at = "2s", kind = "pause_redis", for = "500ms" },
    { name = "disk", at = "3500ms", kind = "slow_disk", for = "500ms", delay = "200ms" },
    { name = "postgres", at = "5s", kind = "restart_postgres" },
    { name = "upstream", at = "10s", kind = "kill_upstream" },
    { name = "later", at = "30s", kind = "kill_worker" },
]
"""


def test_faults_of_the_scenario_break_real_servers_and_the_books_balance(
    tmp_path: Path, postgres: PostgresServer, redis_server: RedisServer
) -> None:
    shop = tmp_path / "shop.toml"
    shop.write_text(SHOP.replace('live.longest_lag = "2s"', FAULTS).replace("budget = 850", "budget = 300"))
    servers = ("--ledger", postgres.url().replace("+psycopg", ""), "--redis", redis_server.url, "--workers", "2")
    done = process("live", str(shop), "--for", "17s", "--out", "runs", "--format", "json", *servers, cwd=tmp_path)
    assert done.returncode == Exit.PASS, done.stderr
    summary = json.loads(done.stdout)
    assert [one["name"] for one in summary["faults"]] == ["worker", "redis", "disk", "postgres", "upstream"]
    assert all(one["served_again_s"] is not None for one in summary["faults"]), summary["faults"]
    assert summary["faults"][-1]["errors"] > 0
    assert 0.45 < summary["faults"][1]["ended_s"] - summary["faults"][1]["began_s"] < 1.0
    ledger = summary["ledger"]
    assert ledger["told_placed"] > 90
    assert not any(ledger[name] for name in ("lost", "duplicated", "mispaid", "overdrawn", "miscounted"))
    assert redis_server.ask("PING") == b"+PONG\r\n"
    assert redis_server.calls("evalsha") + redis_server.calls("eval") > 0
    # an order that is there would not be placed again
    again = process("live", str(shop), "--for", "2s", *servers, cwd=tmp_path)
    assert again.returncode == Exit.USAGE
    assert "orders, which would not be placed again; name an empty database" in again.stderr
    assert "name an empty database" in again.stderr


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


HEDGED = """
schema = 1
name = "hedged"
title = "A shop that some wait for in vain, and ask twice"
horizon = "20s"
arrivals = { process = "poisson", rate = "20/s" }
people = { timeout = "2s", attempts = 2, retry_delay = "1s", hedge = { after = "150ms", most = 2 } }
stages = [{ name = "till", servers = 12, service = { kind = "exponential", mean = "250ms" }, deadline = true }]
admission = [{ name = "budget", at = "client", law = "retry_budget", earn = 0.3, cap = 5 }]
live.longest_lag = "2s"
"""


@pytest.mark.parametrize("begins", ["0s", "8s"])
def test_people_hedge_as_they_do_in_the_simulation(begins: str, tmp_path: Path) -> None:
    (tmp_path / "hedged.toml").write_text(HEDGED)
    done = process("live", "hedged.toml", "--from", begins, "--for", "6s", "--out", "runs", cwd=tmp_path)
    assert done.returncode == Exit.PASS, done.stderr
    found = results.read(only_run(tmp_path / "runs"))
    simulated = results.read(only_run(tmp_path / "runs") / "simulated").attempts
    rows = found.attempts
    assert rows is not None
    assert simulated is not None
    jsonschema.validate(found.summary, live_schema())
    attempts, both = found.summary["attempts"], found.summary["agreement"]["attempts"]
    assert attempts["hedged"] == np.count_nonzero(rows["copy"])
    assert attempts["hedged"] == pytest.approx(np.count_nonzero(simulated["copy"]), rel=0.35)
    assert attempts["hedged"] > 15
    assert attempts["held_back"] > 5  # by the budget, which pays for copies and retries
    assert both["same_verdict_share"] > 0.5  # where a budget runs dry, ms decide
    outrun = rows["answer"] == ANSWERS.index("outrun")
    placed_ns = dict(zip(*(rows[name][rows["answer"] == ANSWERS.index("placed")] for name in _PLACED), strict=True))
    assert attempts["outrun"] == np.count_nonzero(outrun) > 15
    for want, answered_ns in zip(*(rows[name][outrun] for name in _PLACED), strict=True):
        assert placed_ns[want] == answered_ns  # the first answer wins, and that is when the others are abandoned
    on_the_way, as_simulated = (
        {key[:2] for key in zip(*(of[name] for name in ("want", "attempt", "start_ns")), strict=True) if key[2] < 8e9}
        for of in (rows, simulated)
    )
    assert begins == "0s" or on_the_way == as_simulated != set()


_PLACED = ("want", "answered_ns")
