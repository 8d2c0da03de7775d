"""A slice begins with what a simulated run held at that instant."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

from scenarios.workload import first_arrivals
from simulator.compiled import Run, contents
from simulator.compiled.contents import AttemptState
from simulator.live.contents import Contents
from tests.live.stacks import check_books, order_once, running, scenario, verdict

FROM_NS = 20_000_000_000


def test_it_has_the_queues_of_the_run_and_answers_who_waits_in_them(tmp_path: Path) -> None:
    rush = scenario(
        arrivals={"process": "steady", "rate": "20/s"},
        people={"timeout": "40s", "attempts": 1},
        stages=[{"name": "till", "servers": 5, "service": "500ms"}],  # half of what is asked of it
        admission=[{"name": "door", "at": "gateway", "law": "token_bucket", "rate": "1/h", "burst": 100000}],
        horizon="60s",
    )
    run = Run(rush, seed=1, first_arrivals_ns=first_arrivals(rush, seed=1, scale=Fraction(1)), trace=False)
    run.advance(FROM_NS)
    held = Contents(attempts=contents.attempts(run), orders=contents.orders(run))
    queued = held.attempts[held.attempts["state"] == AttemptState.QUEUED]
    assert len(queued) > 100
    first, last = (int(queued["want"][queued["turn"].argsort()[at]]) for at in (0, -1))
    with running(rush, tmp_path, begun=False, from_ns=FROM_NS, speed=10.0, contents=held) as stack:
        assert stack.gauges()["stages.till.backlog"] == len(queued)
        assert stack.gauges()["stages.till.busy"] == 5
        began_s = time.monotonic()
        stack.begin(time.monotonic_ns())
        assert verdict(order_once(stack.gateway, first, timeout_ms=40_000))[1] == "placed"
        first_s = time.monotonic() - began_s
        assert verdict(order_once(stack.gateway, last, timeout_ms=40_000))[1] == "placed"
        last_s = time.monotonic() - began_s
        assert first_s < 0.6
        assert last_s >= len(queued) / 10 / 10 - 0.1  # ten a second, ten times as fast
        check_books(stack, {first, last})
