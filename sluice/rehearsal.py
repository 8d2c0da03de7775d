"""What commands that run a scenario share: what is asked of any run, how it is loaded, simulated and kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from simulator.engines import Engine
from sluice.console import note
from sluice.drawing import draw, prepare
from sluice.exits import Exit, UserError, gravest
from sluice.interrupts import Interrupts
from sluice.progress import compiling, progress

if TYPE_CHECKING:
    from scenarios.loader import Loaded
    from simulator.results import RunResult
    from simulator.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class OfAnyRun:
    """What the user asked for, option by option, of a run that is simulated or live."""

    scenario: str
    scale: Fraction
    seed: int
    sets: tuple[str, ...]
    out: Path
    form: Literal["text", "json"]
    with_report: bool
    quiet: bool


@dataclass(frozen=True, kw_only=True)
class Asked(OfAnyRun):
    """What the user asked for of a run that is simulated."""

    engine: Engine
    replications: int
    workers: int
    confidence: float
    trace: bool
    until_ns: int | None = None
    begin: Snapshot | None = None
    save: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A run, where it is kept, and what is to say of a run that ended early or whose books are wrong."""

    run: RunResult
    folder: Path
    code: Exit

    def finish(self, asked: Asked) -> None:
        """Draw the report, if it was asked for; last, so that its place is the last thing said."""
        if asked.with_report:
            note(f"report: {draw(self.run, self.folder)}")


def rehearse(asked: Asked) -> Rehearsed:
    """Simulate what was asked and write it."""
    from simulator import results
    from simulator.run import check_part, simulate

    if asked.with_report:
        prepare()
    loaded = load(asked) if asked.begin is None else asked.begin.loaded
    with explained():  # before a folder is made
        check_part(loaded.scenario, engine=asked.engine, until_ns=asked.until_ns, begin=asked.begin, save=asked.save)
    make_ready(asked.engine, quiet=asked.quiet)
    with explained(), Interrupts() as stop:
        folder = results.run_folder(asked.out, loaded.name, asked.seed, datetime.now(UTC))
        with removed_if_empty(folder):
            with progress(quiet=asked.quiet) as tell:
                run = simulate(
                    loaded,
                    engine=asked.engine,
                    seed=asked.seed,
                    scale=asked.scale,
                    trace=asked.trace,
                    until_ns=asked.until_ns,
                    begin=asked.begin,
                    save=asked.save,
                    on_progress=tell,
                    stop=stop,
                    command=typed(),
                )
            results.write(run, folder)
        note(f"run: {folder}")
        if asked.save is not None:
            note(f"snapshot: {asked.save} (at {run.summary['ended_s']} s)")
        asked_s = run.summary["horizon_s"] if run.manifest["until_s"] is None else run.manifest["until_s"]
        interrupted = stop() or run.summary["ended_s"] < asked_s
    code = gravest(Exit.INTERRUPTED if interrupted else Exit.PASS, _books(run))
    return Rehearsed(run=run, folder=folder, code=code)


def load(asked: OfAnyRun) -> Loaded:
    """Read the scenario as it was asked for."""
    from scenarios import loader, scale

    with explained():
        loaded = loader.load(asked.scenario, sets=asked.sets, environment=os.environ, scale=asked.scale)
        scale.scaled(loaded.scenario, asked.scale)  # says what is wrong before a folder is made
    return loaded


def make_ready(engine: Engine, *, quiet: bool) -> None:
    """Compile the engine, if it has to be: before a folder is made, and while ctrl-C still ends the process at once."""
    from simulator import run

    with compiling(quiet=quiet) as tell:
        run.make_ready(engine, tell)


def typed() -> list[str]:
    """Return the command that the user gave, for the manifest."""
    return ["sluice", *sys.argv[1:]]


@contextmanager
def explained() -> Iterator[None]:
    """What the scenario or the folder is to blame for is the user's to mend."""
    from scenarios.errors import ScenarioError
    from simulator.results import ResultError

    try:
        yield
    except (ScenarioError, ResultError) as error:
        raise UserError(str(error)) from error


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """A run that failed leaves no folder behind, unless there is something in it."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


def _books(run: RunResult) -> Exit:
    violated = run.summary["invariants"]["violated"]
    for identity in violated:
        note(f"the books do not balance: {identity}")
    return Exit.BOOKS if violated else Exit.PASS
