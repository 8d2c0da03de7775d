"""The public way to simulate a scenario: scale it, run an engine, check the books, compute the figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios import workload
from scenarios.dump import toml_text
from scenarios.errors import Problem, ScenarioError
from scenarios.loader import Loaded
from scenarios.model import Scenario
from scenarios.scale import scaled
from scenarios.units import NS_PER_S, duration_text
from simulator.control.room import ControlRoom
from simulator.engines import DEFAULT, Engine
from simulator.manifest import make_manifest
from simulator.outcome import Ints, Outcome
from simulator.progress import OnCompiling, OnProgress, Stop
from simulator.results import RunResult, timeseries
from simulator.summary import summarise

if TYPE_CHECKING:
    from simulator import compiled
    from simulator.snapshot import Snapshot

Arrivals = Callable[[Scenario, int, Fraction], Ints]


def simulate(
    loaded: Loaded,
    *,
    engine: Engine = DEFAULT,
    seed: int = 1,
    scale: Fraction = Fraction(1),
    trace: bool = False,
    until_ns: int | None = None,
    begin: Snapshot | None = None,
    save: Path | None = None,
    on_progress: OnProgress | None = None,
    stop: Stop | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Simulate a loaded scenario at a scale, and return its figures, series, traces (if asked for) and manifest.

    It ends at its horizon, or before what happens at `until_ns`. It begins at 0, or goes on from `begin`, whose
    scenario, seed, scale and traces it then has to have; where it ends, it is saved into a new file `save`. Both ask
    for the compiled engine.
    `on_progress` is told how far the run is, `stop` is asked whether to end it early. Books that do not balance are in
    `summary["invariants"]["violated"]`. Raises ScenarioError for what cannot be run so, or a trace that cannot be read;
    ResultError where the snapshot cannot be written.
    """
    make_ready(engine)
    scenario = loaded.scenario
    resolved = toml_text(loaded.resolved)
    check_part(scenario, engine=engine, until_ns=until_ns, begin=begin, save=save)
    if begin is not None and (begin.resolved, begin.seed, begin.scale, begin.traced) != (resolved, seed, scale, trace):
        raise ValueError("begin: is of another scenario, seed or scale, or not traced as asked")
    started, begun_s = datetime.now(UTC), time.perf_counter()
    as_run, roundings = scaled(scenario, scale)
    folders = [source.resolve().parent for source in loaded.sources]
    run, first_arrivals = _parts(engine)
    room = ControlRoom(scenario, as_run, scale, folders)
    if begin is None:
        first_ns = _first_arrivals_ns(first_arrivals, as_run, seed, scale)
    else:
        first_ns = begin.state.first_ns
        run = partial(run, state=begin.state)
    if save is not None:
        run = partial(run, on_end=partial(_save, save, resolved, seed, scale))
    outcome = run(
        as_run,
        seed=seed,
        first_arrivals_ns=first_ns,
        trace=trace,
        until_ns=until_ns,
        on_progress=on_progress,
        stop=stop,
        room=room,
    )
    engine_s = time.perf_counter() - begun_s
    manifest = make_manifest(
        scenario=loaded.name,
        engine=engine,
        seed=seed,
        scale=float(scale),
        interrupted=outcome.interrupted,
        command=command,
        started=started,
        ended=datetime.now(UTC),
        engine_s=engine_s,
        events=outcome.events,
        roundings=[{"what": r.path, "asked": float(r.exact), "used": r.used} for r in roundings],
        resolved_toml=resolved,
        control_hashes=room.code_hashes,
        until_s=None if until_ns is None else until_ns / NS_PER_S,
        went_on_from=None if begin is None else begin.told,
    )
    return RunResult(
        scenario=scenario,
        resolved=resolved,
        summary=summarise(outcome, as_run, engine=engine, seed=seed, scale=float(scale)),
        timeseries=timeseries(outcome),
        orders=outcome.orders,
        attempts=outcome.attempts,
        manifest=manifest,
    )


def make_ready(engine: Engine, on_compiling: OnCompiling = lambda not_kept: None) -> None:
    """Compile an engine that has to be and has not been, so that whoever simulates next finds it compiled."""
    if engine == "compiled":
        from simulator import compiled  # noqa: F401  # its modules say what there is to compile
        from simulator.compiled import jit

        jit.have(on_compiling)


def check_part(
    scenario: Scenario, *, engine: Engine, until_ns: int | None, begin: Snapshot | None, save: Path | None
) -> None:
    """Raise ScenarioError where a run cannot begin or end as asked."""
    begin_ns = 0 if begin is None else begin.now_ns
    problems: list[tuple[str, str, str]] = []
    if until_ns is not None and until_ns < begin_ns:
        problems.append(("--until", duration_text(until_ns), f"is before the snapshot, {duration_text(begin_ns)}"))
    if until_ns is not None and until_ns > scenario.horizon_ns:
        horizon = duration_text(scenario.horizon_ns)
        problems.append(("--until", duration_text(until_ns), f"is after the horizon, {horizon}; use that or less"))
    if begin is not None or save is not None:
        option = "--save-snapshot" if begin is None else "--from-snapshot"
        if engine != "compiled":
            remedy = "a run of it lives in Python objects, which are not saved; use --engine compiled"
            problems.append((option, f"--engine {engine}", remedy))
        if scenario.controls:
            remedy = "a control process lives in Python objects, which are not saved; run it as a whole, or without it"
            problems.append((option, f"controls.{scenario.controls[0].name}", remedy))
    if problems:
        raise ScenarioError(*(Problem(source=source, key=key, remedy=remedy) for source, key, remedy in problems))


def _save(path: Path, resolved: str, seed: int, scale: Fraction, run: compiled.Run) -> None:
    from simulator import snapshot

    snapshot.write(snapshot.Snapshot(resolved=resolved, seed=seed, scale=scale, state=run.state()), path)


def _parts(engine: Engine) -> tuple[Callable[..., Outcome], Arrivals]:
    """Return what runs a scenario on an engine, and what tells when the first people come."""
    if engine == "compiled":  # neither is imported before it is asked for: both take long
        from simulator import compiled

        return compiled.run, compiled.first_arrivals
    from simulator import reference

    return reference.run, workload.first_arrivals


def _first_arrivals_ns(first_arrivals: Arrivals, as_run: Scenario, seed: int, scale: Fraction) -> Ints:
    try:
        return first_arrivals(as_run, seed, scale)
    except ValueError as error:
        raise ScenarioError(Problem(source=as_run.name, key="arrivals", remedy=str(error))) from error
