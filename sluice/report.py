"""`sluice report`: draw the report of a run that was kept."""

from __future__ import annotations

from pathlib import Path

import click

from sluice.console import result
from sluice.exits import Exit, UserError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> Exit:
    """Draw report.html of a run, and print where it is.

    RUN is the folder that `sluice run` has named; the report is drawn into it.
    """
    from simulator.replications_file import REPLICATIONS
    from simulator.results import ResultError, read
    from sluice.drawing import draw

    if (run / REPLICATIONS).exists():
        raise UserError(f"{run}: holds several runs; name one of its folders, such as {next(run.glob('seed-*'), run)}")
    try:
        done = read(run)
    except ResultError as error:
        raise UserError(str(error)) from error
    result(f"{draw(done, run)}\n")
    return Exit.PASS
