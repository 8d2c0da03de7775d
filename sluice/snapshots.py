"""What `sluice run` is asked where a run is saved or goes on; options that do not go together are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from sluice.exits import UserError
from sluice.rehearsal import Asked, explained


def wanted_of(asked: dict[str, Any], context: click.Context) -> Asked:
    """Return what is wanted of a run; one that goes on has scenario, seed, scale and traces from its snapshot."""
    parts = {"--until": asked["until_ns"], "--save-snapshot": asked["save"], "--from-snapshot": asked["begin"]}
    given = [option for option, value in parts.items() if value is not None]
    if given and asked["replications"] > 1:
        raise UserError(f"{given[0]}: is for one run; leave out --replications {asked['replications']}")
    if asked["save"] is not None:
        _check_save(asked)
    if asked["begin"] is not None:
        return _going_on(asked, context)
    if asked["scenario"] is None:
        raise click.UsageError("Missing argument 'SCENARIO', or a snapshot to go on from")
    return Asked(**asked)


def _check_save(asked: dict[str, Any]) -> None:
    from simulator.snapshot import check_is_new

    if asked["until_ns"] is None:
        raise UserError(f"--save-snapshot {asked['save']}: needs an instant at which to save, such as --until 4h")
    with explained():
        check_is_new(asked["save"])


def _going_on(asked: dict[str, Any], context: click.Context) -> Asked:
    from simulator import snapshot

    file: Path = asked["begin"]
    if asked["scenario"] is not None:
        raise UserError(
            f"{asked['scenario']}: the scenario comes from --from-snapshot {file}; leave out one of the two"
        )
    if asked["sets"] or os.environ.get("SLUICE_SET", "").strip():
        said = f"--set {asked['sets'][0]}" if asked["sets"] else "SLUICE_SET"
        raise UserError(f"{said}: the past of --from-snapshot {file} was lived without it; leave it out")
    with explained():
        saved = snapshot.read(file)
    own: dict[str, Any] = {"engine": "compiled", "seed": saved.seed, "scale": saved.scale, "trace": saved.traced}
    for name, value in own.items():
        source = context.get_parameter_source(name)
        if source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT) and asked[name] != value:
            said = f"--{name}" if source is ParameterSource.COMMANDLINE else f"SLUICE_{name.upper()}"
            is_of = "without traces" if name == "trace" else f"of {name} {value}"
            raise UserError(f"{said}: the snapshot {file} is {is_of}, and a run goes on as it began; leave it out")
    return Asked(**{**asked, **own, "scenario": "", "begin": saved})
