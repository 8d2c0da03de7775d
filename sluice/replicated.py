"""`run` and `gate` with several seeds: simulate them side by side, keep each run, and say what they have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.console import note, result
from sluice.drawing import draw, prepare
from sluice.exits import Exit, UserError, gravest
from sluice.interrupts import Interrupts
from sluice.options import LARGEST_SEED
from sluice.progress import tally
from sluice.rehearsal import Asked, explained, load, make_ready, removed_if_empty, typed

if TYPE_CHECKING:
    from simulator.replications import Replications

GATE_CODES = {"passed": Exit.PASS, "failed": Exit.GATE, "inconclusive": Exit.INCONCLUSIVE}


@dataclass(frozen=True, kw_only=True)
class Replicated:
    """Replications, their content as replications.json has it, and what is to say of their end and their books."""

    runs: Replications
    content: Mapping[str, Any]
    folder: Path
    code: Exit


def replicated(asked: Asked) -> Replicated | None:
    """Simulate every seed that was asked for; None where ctrl-C came before the first was done."""
    from simulator import replications_file, results
    from simulator.replications import ReplicationError, replicate

    if asked.seed + asked.replications - 1 > LARGEST_SEED:
        raise UserError(f"--seed {asked.seed}: leaves no room for {asked.replications} seeds; use a smaller one")
    if asked.with_report:
        prepare()
    loaded = load(asked)
    make_ready(asked.engine, quiet=asked.quiet)
    with explained(), Interrupts() as stop:
        folder = results.run_folder(asked.out, loaded.name, asked.seed, datetime.now(UTC))
        with removed_if_empty(folder):
            try:
                with tally(quiet=asked.quiet) as tell:
                    runs = replicate(
                        loaded,
                        engine=asked.engine,
                        seeds=range(asked.seed, asked.seed + asked.replications),
                        scale=asked.scale,
                        trace=asked.trace,
                        folder=folder,
                        command=typed(),
                        workers=asked.workers,
                        on_progress=tell,
                        stop=stop,
                    )
            except ReplicationError as error:
                if error.mendable:
                    raise UserError(str(error)) from error
                raise
            if not runs.seeds:
                folder.rmdir()
                note("interrupted before the first replication was done")
                return None
            replications_file.write(runs, asked.confidence, folder)
        note(f"run: {folder}")
    content = replications_file.content(runs, asked.confidence)
    for identity in content["invariants"]["violated"]:
        note(f"the books do not balance: {identity}")
    books = Exit.BOOKS if content["invariants"]["violated"] else Exit.PASS
    code = gravest(Exit.INTERRUPTED if runs.interrupted else Exit.PASS, books)
    return Replicated(runs=runs, content=content, folder=folder, code=code)


def run_several(asked: Asked) -> Exit:
    """Do what `sluice run --replications N` does."""
    from reports.replications import text
    from simulator.summary import as_json

    done = replicated(asked)
    if done is None:
        return Exit.INTERRUPTED
    result(as_json(done.content) if asked.form == "json" else text(done.content, done.runs.scenario))
    missed = [
        f"{one['name']} ({one['met']} of {one['of']})" for one in done.content["milestones"] if one["met"] < one["of"]
    ]
    if missed:
        note(f"warning: milestones not met in every replication: {', '.join(missed)}")
    failed = [f"{one['name']} ({one['verdict']})" for one in done.content["gates"] if one["verdict"] != "passed"]
    if failed:
        note(f"warning: gates that do not hold for sure: {', '.join(failed)}")
    _finish(asked, done)
    return done.code


def gate_several(asked: Asked) -> Exit:
    """Do what `sluice gate --replications N` does."""
    from reports.replications import gates_text

    done = replicated(asked)
    if done is None:
        return Exit.INTERRUPTED
    gates = done.content["gates"]
    result(json.dumps(gates, indent=2) + "\n" if asked.form == "json" else gates_text(done.content))
    for one in gates:
        if one["verdict"] == "inconclusive":
            note(f"inconclusive: gate {one['name']}: {_why(one)}")
    if not gates:
        note("inconclusive: the scenario has no gates; give it [[gates]] with a metric and min or max")
    _finish(asked, done)
    return gravest(done.code, *(GATE_CODES[one["verdict"]] for one in gates), *([] if gates else [Exit.INCONCLUSIVE]))


def _why(gate: Mapping[str, Any]) -> str:
    if gate["n"] < gate["of"]:
        return f"{gate['of'] - gate['n']} of {gate['of']} replications have no value of {gate['metric']}"
    if gate["n"] < 2:
        return "one replication has no interval"
    return "a bound lies within the interval; more replications make it narrower"


def _finish(asked: Asked, done: Replicated) -> None:
    """Draw the report of the first replication, if one was asked for."""
    from simulator import results
    from simulator.replications import seed_folder

    if asked.with_report:
        first = seed_folder(done.folder, done.runs.seeds[0])
        note(f"report of the first replication: {draw(results.read(first), first)}")
