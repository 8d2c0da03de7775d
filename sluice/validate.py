"""`sluice validate`: say what is wrong with a scenario, without running it."""

from __future__ import annotations

import json
import os

import click

from sluice import options
from sluice.console import result
from sluice.exits import Exit, UserError


@click.command()
@click.argument("scenario", metavar="SCENARIO", required=False)
@options.sets
@click.option("--schema", is_flag=True, help="Print the JSON Schema of scenario files instead, for editors.")
def validate(scenario: str | None, sets: tuple[str, ...], schema: bool) -> Exit:
    """Say what is wrong with a scenario, without running it."""
    if schema and not scenario and not sets:
        from scenarios.schema import json_schema

        result(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
        return Exit.PASS
    if schema or scenario is None:
        raise click.UsageError("name one SCENARIO, or ask for --schema alone")
    from scenarios import loader
    from scenarios.errors import ScenarioError

    try:
        loaded = loader.load(scenario, sets=sets, environment=os.environ)
    except ScenarioError as error:
        raise UserError(str(error)) from error
    result(f"{loaded.scenario.name} is valid: {loaded.scenario.title}\n")
    return Exit.PASS
