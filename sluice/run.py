"""`sluice run`: simulate a scenario, keep the run, print what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sluice import options
from sluice.console import note, result
from sluice.exits import Exit

if TYPE_CHECKING:
    from simulator.results import RunResult


@click.command()
@options.of_a_run
def run(**asked: Any) -> Exit:
    """Simulate a scenario and print what it came to.

    The run is kept in a new folder under --out, which stderr names. Missed milestones and gates are warned of and
    change no exit code; `sluice gate` fails for gates.
    """
    from reports.text import text
    from simulator.summary import as_json
    from sluice.rehearsal import Asked, rehearse

    wanted = Asked(**asked)
    done, code = rehearse(wanted)
    result(as_json(done.summary) if wanted.form == "json" else text(done))
    _warn(done)
    return code


def _warn(done: RunResult) -> None:
    missed = [one["name"] for one in done.summary["milestones"] if one["verdict"] == "missed"]
    failed = [one["name"] for one in done.summary["gates"] if one["verdict"] == "failed"]
    if missed:
        note(f"warning: {len(missed)} of {len(done.summary['milestones'])} milestones missed: {', '.join(missed)}")
    if failed:
        note(f"warning: {len(failed)} of {len(done.summary['gates'])} gates do not hold: {', '.join(failed)}")
