"""The command line: one group, and what becomes of whatever a command raises.

Commands import what they need when they run: `sluice --help` must not wait for an engine, NumPy or pydantic.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Sequence

import click
from click.core import ParameterSource

from sluice import __version__, exits
from sluice.catalogue import catalogue
from sluice.compare import compare
from sluice.console import note
from sluice.exits import Exit, UserError
from sluice.gate import gate
from sluice.live import live
from sluice.report import report
from sluice.run import run
from sluice.validate import validate


@click.group(epilog=exits.HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal error.")
def cli(debug: bool) -> None:
    """Rehearse the day when everybody comes at once.

    SCENARIO is a name from `sluice list`, or the path of a TOML file.
    """


for _command in (run, compare, gate, live, report, validate, catalogue):
    cli.add_command(_command)


def start(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no exception leaves."""
    try:
        code: int = cli.main(list(arguments), prog_name="sluice", standalone_mode=False) or Exit.PASS
    except click.Abort:  # ctrl-C, where no simulation was there to stop
        return Exit.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        note(f"sluice: {_misused(error)}")
        return Exit.USAGE
    except UserError as error:
        note(f"sluice: {error}")
        return Exit.USAGE
    except SystemExit:  # how click leaves after completing a line for a shell, and when nobody reads its help
        return Exit.PASS
    except Exception as error:
        _confess(error, debug="--debug" in arguments)
        return Exit.INTERNAL
    return code


def _misused(error: click.ClickException) -> str:
    """Return what was wrong with the command; a variable is named only where the value came from it."""
    said = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return said
    parameter = error.param if isinstance(error, click.BadParameter) else None
    source = context.get_parameter_source(parameter.name) if parameter is not None and parameter.name else None
    if parameter is not None and source is not ParameterSource.ENVIRONMENT:
        said = said.replace(f" (env var: '{parameter.envvar}')", "")
    return f"{said} (`{context.command_path} --help` shows what it takes)"


def _confess(error: Exception, *, debug: bool) -> None:
    whole = "".join(traceback.format_exception(error))
    said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    note(f"sluice: internal error, please report it: {said}")
    if debug:
        note(whole)
        return
    try:
        file, path = tempfile.mkstemp(prefix="sluice-error-", suffix=".txt")
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as saved:
            saved.write(whole)
        note(f"The traceback is in {path}; `sluice --debug ...` shows it at once.")
    except OSError:
        note("The traceback could not be saved; `sluice --debug ...` shows it.")
