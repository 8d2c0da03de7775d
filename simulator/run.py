"""The public way to simulate a scenario: scale it, run an engine, check the books, compute the figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction

from scenarios import workload
from scenarios.dump import toml_text
from scenarios.errors import Problem, ScenarioError
from scenarios.loader import Loaded
from scenarios.model import Scenario
from scenarios.scale import scaled
from simulator import reference
from simulator.control.room import ControlRoom
from simulator.engines import DEFAULT, Engine
from simulator.manifest import make_manifest
from simulator.outcome import Ints, Outcome
from simulator.progress import OnCompiling, OnProgress, Stop
from simulator.results import RunResult, timeseries
from simulator.summary import summarise

Arrivals = Callable[[Scenario, int, Fraction], Ints]


def simulate(
    loaded: Loaded,
    *,
    engine: Engine = DEFAULT,
    seed: int = 1,
    scale: Fraction = Fraction(1),
    trace: bool = False,
    on_progress: OnProgress | None = None,
    stop: Stop | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Simulate a loaded scenario at a scale, and return its figures, series, traces (if asked for) and manifest.

    `on_progress` is told how far the run is, `stop` is asked whether to end it early. Books that do not balance are in
    `summary["invariants"]["violated"]`. Raises ScenarioError for a trace that cannot be read.
    """
    make_ready(engine)
    scenario = loaded.scenario
    started, begun_s = datetime.now(UTC), time.perf_counter()
    as_run, roundings = scaled(scenario, scale)
    folders = [source.resolve().parent for source in loaded.sources]
    run, first_arrivals = _parts(engine)
    room = ControlRoom(scenario, as_run, scale, folders)
    outcome = run(
        as_run,
        seed=seed,
        first_arrivals_ns=_first_arrivals_ns(first_arrivals, as_run, seed, scale),
        trace=trace,
        on_progress=on_progress,
        stop=stop,
        room=room,
    )
    engine_s = time.perf_counter() - begun_s
    resolved = toml_text(loaded.resolved)
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


def _parts(engine: Engine) -> tuple[Callable[..., Outcome], Arrivals]:
    """Return what runs a scenario on an engine, and what tells when the first people come."""
    if engine == "compiled":
        from simulator import compiled  # not before it is asked for: it takes a compiler with it

        return compiled.run, compiled.first_arrivals
    return reference.run, workload.first_arrivals


def _first_arrivals_ns(first_arrivals: Arrivals, as_run: Scenario, seed: int, scale: Fraction) -> Ints:
    try:
        return first_arrivals(as_run, seed, scale)
    except ValueError as error:
        raise ScenarioError(Problem(source=as_run.name, key="arrivals", remedy=str(error))) from error
