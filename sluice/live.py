"""`sluice live`: the same people against a real stack, beside what the simulator says of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from scenarios.units import NS_PER_S
from sluice import options
from sluice.console import note, result
from sluice.drawing import draw, prepare
from sluice.exits import Exit, UserError, gravest
from sluice.generator import Generator, check_installed
from sluice.interrupts import Interrupts
from sluice.progress import LINE_EVERY_S, progress
from sluice.rehearsal import OfAnyRun, explained, load, make_ready, removed_if_empty, typed

if TYPE_CHECKING:
    from scenarios.loader import Loaded
    from simulator.live.stack import Stack
    from simulator.live_results import Ledgered, Played
    from simulator.live_slice import Slice
    from simulator.results import RunResult

AHEAD_S = 1.0
"""How long before model time begins everybody is told when."""
MARGIN_S = 60.0
BESIDE = ("locust", "stack", "simulated", "ledger.db", "ledger.db-wal", "ledger.db-shm")
FASTEST = 1000.0


@dataclass(frozen=True, kw_only=True)
class Asked(OfAnyRun):
    """What the user asked for of a live run."""

    from_ns: int
    for_ns: int
    speed: Fraction
    workers: int
    users_processes: int
    target: str | None
    redis: str | None
    ledger: str | None
    web: bool


@click.command()
@options.scenario
@click.option(
    "--from", "from_ns", type=options.Instant(), default="0s", show_default=True, help="Where the slice begins."
)
@click.option("--for", "for_ns", type=options.Instant(), default="1m", show_default=True, help="How long the slice is.")
@options.scale
@click.option(
    "--speed",
    type=options.Scale(),
    metavar="FACTOR",
    default="1",
    show_default=True,
    help="Seconds of the scenario in a second by the clock.",
)
@options.seed
@options.sets
@click.option(
    "--workers", type=options.Whole(1, 64), default=1, show_default=True, help="Gateway workers of the stack."
)
@click.option(
    "--users-processes",
    type=options.Whole(1, 64),
    default=1,
    show_default=True,
    help="Processes of Locust that play the people.",
)
@click.option("--target", metavar="URL", help="Somebody else's stack on this machine, in place of one of ours.")
@click.option("--redis", metavar="URL", help="Share the gateway's quota through this Redis.")
@click.option("--ledger", metavar="URL", help="Keep orders in this PostgreSQL, in place of SQLite in the run's folder.")
@click.option("--web", is_flag=True, help="Let Locust show its own pages meanwhile; stderr names the address.")
@options.form
@options.out
@options.with_report
@options.quiet
def live(**given: Any) -> Exit:
    """Play people against a real stack, beside their simulation.

    A slice of the scenario, on this machine; with --target the stack is somebody else's. Exit code 5 where the
    generator fell behind, 6 where what people were told is not what the ledger has.
    """
    from reports.live import text
    from simulator.live_results import unbalanced
    from simulator.summary import as_json

    asked = Asked(**given)
    run, folder, interrupted = _live(asked)
    result(as_json(run.summary) if asked.form == "json" else text(run))
    behind, wrong = run.summary["generator"]["behind"], unbalanced(run.summary)
    for why in behind:
        note(f"inconclusive: the generator fell behind: {why}")
    for why in wrong:
        note(f"the books do not balance: {why}")
    undone = [f"live.faults.{one['name']}: {one['wrong']}" for one in run.summary["faults"] if one["wrong"]]
    for why in undone:
        note(f"inconclusive: a fault could not be done: {why}")
    if asked.with_report:
        note(f"report: {draw(run, folder)}")
    codes = [Exit.INCONCLUSIVE] * bool(behind + undone) + [Exit.BOOKS] * bool(wrong) + [Exit.INTERRUPTED] * interrupted
    return gravest(*codes)


def _live(asked: Asked) -> tuple[RunResult, Path, bool]:
    from simulator import results

    check_installed()
    if asked.with_report:
        prepare()
    loaded = _load(asked)
    slice_ = _simulated(asked, loaded)
    _check_fits(asked, slice_)
    started, begun_s = datetime.now(UTC), time.perf_counter()
    with explained(), Interrupts() as stop:
        folder = results.run_folder(asked.out, loaded.name, asked.seed, datetime.now(UTC))
        with removed_if_empty(folder):
            played, stack, ended_ns = _played(asked, loaded, slice_, folder, stop)
            run = _result(asked, loaded, slice_, played, stack, ended_ns, (started, begun_s))
            results.write(slice_.simulated, folder / "simulated")
            results.write(run, folder, beside=BESIDE)
        note(f"run: {folder}")
    return run, folder, ended_ns < slice_.until_ns


def _load(asked: Asked) -> Loaded:
    from scenarios.live_target import TargetError, address
    from scenarios.model import RetryBudget

    loaded = load(asked)
    if asked.from_ns >= loaded.scenario.horizon_ns:
        raise UserError(f"--from {asked.from_ns / NS_PER_S:g}s: the scenario has ended by then; begin earlier")
    if asked.for_ns <= 0:
        raise UserError("--for 0s: nothing happens in no time; ask for 20s, say")
    if not 0 < asked.speed <= FASTEST:
        raise UserError(f"--speed {float(asked.speed):g}: needs more than 0 and at most {FASTEST:g}")
    shared = [law for law in loaded.scenario.admission if law.at == "client" and law.key != "person"]
    if shared and asked.users_processes > 1:
        which = f"a {shared[0].law}" if isinstance(shared[0], RetryBudget) else "a law of the client"
        raise UserError(
            f"--users-processes {asked.users_processes}: admission.{shared[0].name}: {which} that all people share is"
            " kept by one process; leave the option out"
        )
    if asked.target is not None:
        try:
            address(asked.target)
        except TargetError as error:
            raise UserError(f"--target {error}") from None
        for option, value in (("--redis", asked.redis), ("--ledger", asked.ledger)):
            if value is not None:
                raise UserError(f"{option}: is for a stack of ours; leave it out, or leave out --target")
        if loaded.scenario.controls:
            raise UserError(
                f"--target: controls.{loaded.scenario.controls[0].name}: a stack of somebody else has no knobs to turn;"
                " leave control processes out: --set controls=[]"
            )
        if loaded.scenario.live is not None and loaded.scenario.live.faults:
            raise UserError(
                f"--target: live.faults.{loaded.scenario.live.faults[0].name}: a stack of somebody else is not hurt;"
                " leave faults out: --set live.faults=[]"
            )
    _check_servers(asked)
    return loaded


def _check_servers(asked: Asked) -> None:
    """Look at the servers that are named before anything is done."""
    if asked.ledger is not None:
        with _installed():
            from simulator.live import ledger
        try:
            ledger.check(asked.ledger)
        except ValueError as error:
            raise UserError(f"--ledger: {error}") from error
    if asked.redis is not None:
        parts = urlsplit(asked.redis)
        try:
            socket.create_connection((parts.hostname or "localhost", parts.port or 6379), timeout=5).close()
        except (OSError, ValueError) as error:
            raise UserError(f"--redis: no Redis answers there: {error}; start it, or leave the option out") from error


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as missing:
        raise UserError(f"`sluice live` needs {missing.name}; install it: pip install 'sluice[live]'") from missing


def _simulated(asked: Asked, loaded: Loaded) -> Slice:
    """Simulate the slice first: it says who is on the way, and what the machine will be asked."""
    from simulator.live_slice import simulate_slice

    make_ready("compiled", quiet=asked.quiet)
    until_ns = min(asked.from_ns + asked.for_ns, loaded.scenario.horizon_ns)
    with explained(), progress(quiet=asked.quiet) as tell:
        return simulate_slice(
            loaded,
            seed=asked.seed,
            scale=asked.scale,
            from_ns=asked.from_ns,
            until_ns=until_ns,
            on_progress=tell,
            command=typed(),
        )


def _check_fits(asked: Asked, slice_: Slice) -> None:
    from scenarios.live_lives import ANSWERS
    from sluice import preflight

    attempts = slice_.simulated.attempts
    assert attempts is not None
    found = preflight.load(
        attempts,
        from_ns=slice_.from_ns,
        until_ns=slice_.until_ns,
        speed=float(asked.speed),
        timed_out=ANSWERS.index("timed_out"),
    )
    note(
        f"live: {found.attempts_per_s:,.0f} attempts/s in the busiest {preflight.BUSIEST_S} s, {found.in_flight:,} in"
        " flight at most, by the simulation"
    )
    preflight.check(found, scale=asked.scale, processes=asked.users_processes, own_stack=asked.target is None)


def _played(
    asked: Asked, loaded: Loaded, slice_: Slice, folder: Path, stop: Interrupts
) -> tuple[Played, Stack | None, int]:
    """Start a stack and the people, let model time run, and return what they say, the stack, and when it ended."""
    from scenarios.dump import toml_text
    from simulator.live_results import collect
    from simulator.results import RESOLVED, write_text

    with _stack(asked, slice_, folder) as stack:
        plan = {
            "scenario": RESOLVED,
            "scale": str(asked.scale),
            "seed": asked.seed,
            "from": _duration(slice_.from_ns),
            "for": _duration(slice_.until_ns - slice_.from_ns),
            "speed": float(asked.speed),
            "url": asked.target if stack is None else stack.gateway,
            "own_gateway": stack is not None,
        }
        people = Generator(slice_, plan, folder=folder, processes=asked.users_processes, web=asked.web)
        write_text(people.played / RESOLVED, toml_text(loaded.resolved))
        with people:
            if people.web_port is not None:
                note(f"Locust: http://127.0.0.1:{people.web_port}")
            zero_ns = time.monotonic_ns() + int(AHEAD_S * NS_PER_S)
            if stack is not None:
                stack.begin(zero_ns)
            people.begin(zero_ns)
            length_s = (slice_.until_ns - slice_.from_ns) / NS_PER_S / float(asked.speed)

            def ends() -> bool:
                return stop() or (stack is not None and stack.failed is not None)

            people.wait(ends, length_s + MARGIN_S, _telling(asked, zero_ns, length_s))
            if stack is not None and stack.failed is not None:
                raise stack.failed
    played = collect(people.played, asked.users_processes)
    ended_ns = min(slice_.until_ns, *(int(process["ended_ns"]) for process in played.processes))
    people.forget()
    return played, stack, ended_ns


def _ledgered(stack: Stack) -> Ledgered:
    """What the ledger of a stack has, once that has ended and nothing comes to it any more."""
    from simulator.live_results import Ledgered, LedgerRow

    balance = stack.ledger_balance()
    return Ledgered(
        orders=[LedgerRow(want=want, placed_ns=placed_ns) for want, _, _, placed_ns in stack.ledger_rows()],
        payments=balance["payments"],
        coupons={stage: (budget - left, left) for stage, (budget, left) in balance["coupons"].items()},
    )


@contextmanager
def _stack(asked: Asked, slice_: Slice, folder: Path) -> Iterator[Any]:
    """A stack of ours, standing; None where the target is somebody else's."""
    if asked.target is not None:
        with nullcontext() as nothing:
            yield nothing
        return
    with _installed():
        from simulator.live.contents import Contents
        from simulator.live.stack import Stack
    contents = None
    if slice_.attempts is not None:
        contents = Contents(
            attempts=slice_.attempts,
            orders=slice_.orders,
            levels=slice_.levels,
            placed=slice_.placed_before,
            turned=slice_.controls.room.panel.standing(slice_.from_ns) if slice_.controls is not None else {},
        )
    try:
        stack = Stack(
            slice_.scenario,
            seed=asked.seed,
            from_ns=slice_.from_ns,
            speed=float(asked.speed),
            workers=asked.workers,
            ledger_url=asked.ledger or f"sqlite:///{(folder / 'ledger.db').resolve()}",
            redis_url=asked.redis,
            folder=folder / "stack",
            contents=contents,
            controls=slice_.controls,
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    with stack:
        yield stack


def _result(
    asked: Asked,
    loaded: Loaded,
    slice_: Slice,
    played: Played,
    stack: Stack | None,
    ended_ns: int,
    begun: tuple[datetime, float],
) -> RunResult:
    from scenarios.dump import toml_text
    from simulator import live_results
    from simulator.manifest import make_manifest
    from simulator.results import RunResult

    room = None if slice_.controls is None else slice_.controls.room
    simulated, wants = slice_.simulated.attempts, slice_.simulated.orders
    assert simulated is not None
    assert wants is not None
    setting = live_results.Setting(
        scenario=slice_.scenario,
        seed=asked.seed,
        scale=float(asked.scale),
        speed=float(asked.speed),
        from_ns=slice_.from_ns,
        ended_ns=ended_ns,
    )
    resolved = toml_text(loaded.resolved)
    manifest = make_manifest(
        scenario=loaded.name,
        engine="live",
        seed=asked.seed,
        scale=float(asked.scale),
        interrupted=ended_ns < slice_.until_ns,
        command=typed(),
        started=begun[0],
        ended=datetime.now(UTC),
        engine_s=time.perf_counter() - begun[1],
        events=len(played.attempts["want"]),
        roundings=slice_.simulated.manifest["roundings"],
        resolved_toml=resolved,
        control_hashes={} if room is None else room.code_hashes,
        until_s=slice_.until_ns / NS_PER_S,
    )
    return RunResult(
        scenario=loaded.scenario,
        resolved=resolved,
        summary=live_results.summarise(
            setting,
            played,
            simulated,
            None if stack is None else _ledgered(stack),
            slice_.placed_before,
            () if stack is None else stack.broken,
            () if room is None else room.panel.turns,
            slice_.simulated.summary["controls"]["turns"],
        ),
        timeseries=live_results.series(setting, played.attempts, simulated),
        orders=played.wants,
        attempts=played.attempts,
        manifest=manifest,
    )


def _telling(asked: Asked, zero_ns: int, length_s: float) -> Any:
    """Return what says now and then how far the slice is."""
    said_s = 0.0

    def tell() -> None:
        nonlocal said_s
        passed_s = (time.monotonic_ns() - zero_ns) / NS_PER_S
        if not asked.quiet and passed_s - said_s >= LINE_EVERY_S and passed_s < length_s:
            said_s = passed_s
            note(f"live: {passed_s:.0f} s of {length_s:.0f} s by the clock")

    return tell


def _duration(ns: int) -> str:
    from scenarios.units import duration_text

    return duration_text(ns)
