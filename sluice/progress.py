"""How far a run is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from scenarios.units import NS_PER_S
from simulator.progress import BY_ANOTHER, OnCompiling, OnProgress, OnReplication
from sluice.console import note

LINE_EVERY_S = 10.0
DRAWN_PER_S = 5
COMPILING, TAKES = "compiling the engine", "a minute or so"


Show = Callable[[int, int, Callable[[float], str]], None]
"""Called with (done, of how much, what gives the words for it after so many seconds)."""


@contextmanager
def progress(*, quiet: bool, clock: Callable[[], float] = time.monotonic) -> Iterator[OnProgress | None]:
    """Give what an engine tells its progress to; nothing if quiet."""
    with _shown(quiet, clock) as show:

        def tell(now_ns: int, horizon_ns: int, events: int, orders: int) -> None:
            show(now_ns, horizon_ns, lambda elapsed_s: words(now_ns, horizon_ns, events, orders, elapsed_s))

        yield None if show is _nothing else tell


@contextmanager
def compiling(*, quiet: bool) -> Iterator[OnCompiling]:
    """Give what is told that an engine has to be compiled; a terminal shows that it goes on, else it is one line."""
    with ExitStack() as shown:

        def tell(not_kept: str) -> None:
            if quiet or sys.stderr is None:
                return
            shown.close()
            terminal = sys.stderr.isatty()
            if not_kept == BY_ANOTHER:
                note(f"{COMPILING}: {BY_ANOTHER}")
            elif not_kept:
                note(f"{COMPILING}, for this run alone: {not_kept}")
            elif not terminal:
                note(f"{COMPILING}, once: {TAKES}")
            if terminal:
                from rich.console import Console

                shown.enter_context(Console(stderr=True).status(f"{COMPILING}: {TAKES}"))

        yield tell


@contextmanager
def tally(*, quiet: bool, clock: Callable[[], float] = time.monotonic) -> Iterator[OnReplication]:
    """Give what replications tell their number to."""
    with _shown(quiet, clock) as show:
        yield lambda done, asked: show(done, asked, lambda elapsed_s: tally_words(done, asked, elapsed_s))


def tally_words(done: int, asked: int, elapsed_s: float) -> str:
    """Return `3 of 8 replications, 00:01:05 left`."""
    left = f", {_clock(round(elapsed_s * (asked - done) / done))} left" if done else ""
    return f"{done} of {asked} replications{left}"


def words(now_ns: int, horizon_ns: int, events: int, orders: int, elapsed_s: float) -> str:
    """Return `06:49:30 of 16:15:00, 1,234 orders/s, 12,345 events/s, 00:01:05 left`; no rate in the first 0.1 s."""
    said = [f"{_clock(now_ns // NS_PER_S)} of {_clock(horizon_ns // NS_PER_S)}"]
    if elapsed_s >= 0.1:
        said += [f"{orders / elapsed_s:,.0f} orders/s", f"{events / elapsed_s:,.0f} events/s"]
        if now_ns:
            said.append(f"{_clock(round(elapsed_s * (horizon_ns - now_ns) / now_ns))} left")
    return ", ".join(said)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@contextmanager
def _shown(quiet: bool, clock: Callable[[], float]) -> Iterator[Show]:
    if quiet or sys.stderr is None:
        yield _nothing
    elif sys.stderr.isatty():
        with _bar(clock) as show:
            yield show
    else:
        yield _lines(clock)


def _nothing(done: int, of: int, words_after: Callable[[float], str]) -> None:
    """Show nothing."""


def _lines(clock: Callable[[], float]) -> Show:
    started_s = said_s = clock()

    def show(done: int, of: int, words_after: Callable[[float], str]) -> None:
        nonlocal said_s
        now_s = clock()
        if now_s - said_s >= LINE_EVERY_S:
            said_s = now_s
            note(f"{done / of:4.0%}  {words_after(now_s - started_s)}")

    return show


@contextmanager
def _bar(clock: Callable[[], float]) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=20), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    started_s = clock()
    with Progress(*columns, console=console, transient=True, refresh_per_second=DRAWN_PER_S) as shown:
        task = shown.add_task("starting", total=None)

        def show(done: int, of: int, words_after: Callable[[float], str]) -> None:
            shown.update(task, description=words_after(clock() - started_s), completed=done, total=of)

        yield show
