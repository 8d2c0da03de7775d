"""`sluice run`: simulate a scenario, keep the run, print what it came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from sluice import options
from sluice.console import note, result
from sluice.exits import Exit


@click.command()
@options.of_a_part
def run(**asked: Any) -> Exit:
    """Simulate a scenario and print what it came to.

    The run is kept in a new folder under --out, which stderr names. Missed milestones and gates are warned of and
    change no exit code; `sluice gate` fails for gates.

    A run can be saved and gone on with, elsewhere too, as if it had never stopped: --until 4h --save-snapshot FILE,
    then `sluice run --from-snapshot FILE` without a SCENARIO.
    """
    from reports.text import text
    from simulator.summary import as_json
    from sluice.rehearsal import rehearse
    from sluice.snapshots import wanted_of

    wanted = wanted_of(asked, click.get_current_context())
    if wanted.replications > 1:
        from sluice.replicated import run_several

        return run_several(wanted)
    done = rehearse(wanted)
    result(as_json(done.run.summary) if wanted.form == "json" else text(done.run))
    _warn("milestones missed", done.run.summary["milestones"], "missed")
    _warn("gates do not hold", done.run.summary["gates"], "failed")
    done.finish(wanted)
    return done.code


def _warn(what: str, checked: Sequence[Mapping[str, Any]], bad: str) -> None:
    if names := [one["name"] for one in checked if one["verdict"] == bad]:
        note(f"warning: {len(names)} of {len(checked)} {what}: {', '.join(names)}")
