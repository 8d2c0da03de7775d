"""`sluice gate`: simulate a scenario, and fail where one of its gates does not hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from sluice import options
from sluice.console import note, result
from sluice.exits import Exit, gravest

CODES = {"passed": Exit.PASS, "failed": Exit.GATE, "no value": Exit.INCONCLUSIVE}


@click.command()
@options.of_a_run
def gate(**asked: Any) -> Exit:
    """Simulate a scenario, and exit 3 where a gate does not hold.

    Exits 5 where a gate has no value to go by, or where the scenario has no gates. With --replications a
    gate passes where all of the interval is within its bounds, fails where all of it is outside, and is else
    inconclusive.
    """
    from reports.run import gate_words
    from sluice.rehearsal import Asked, rehearse

    wanted = Asked(**asked)
    if wanted.replications > 1:
        from sluice.replicated import gate_several

        return gate_several(wanted)
    done = rehearse(wanted)
    gates: Sequence[Mapping[str, Any]] = done.run.summary["gates"]
    if wanted.form == "json":
        result(json.dumps(gates, indent=2) + "\n")
    else:
        for one in gates:
            result(f"{one['verdict']:8}  {gate_words(done.run, one)}\n")
    verdict = _verdict(gates)
    done.finish(wanted)
    return gravest(done.code, verdict)


def _verdict(gates: Sequence[Mapping[str, Any]]) -> Exit:
    if not gates:
        note("inconclusive: the scenario has no gates; give it [[gates]] with a metric and min or max")
        return Exit.INCONCLUSIVE
    for one in gates:
        if one["verdict"] == "no value":
            note(f"inconclusive: gate {one['name']}: this run has no value of {one['metric']}")
    return gravest(*(CODES[one["verdict"]] for one in gates))
