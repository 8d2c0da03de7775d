"""One scenario under several seeds, side by side. Replication r of every variant has the same seed, so variants meet
the same people: their paired differences have less noise than the figures (common random numbers)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from scenarios.errors import ScenarioError
from scenarios.loader import Loaded
from scenarios.model import Scenario
from simulator import results
from simulator.engines import Engine
from simulator.progress import OnReplication, Stop
from simulator.run import make_ready, simulate

ASK_EVERY_S = 0.1


class ReplicationError(Exception):
    """A replication that failed: which seed, and why. `mendable`: scenario or folder are to blame, not Sluice."""

    def __init__(self, seed: int, why: str, *, mendable: bool) -> None:
        super().__init__(seed, why)
        self.seed, self.why, self.mendable = seed, why, mendable

    def __str__(self) -> str:
        """Name the seed and the cause."""
        return f"the replication of seed {self.seed} failed: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Replications:
    """Whole runs of one scenario in the order of their seeds; fewer than `asked` where they were interrupted."""

    scenario: Scenario
    engine: str
    scale: float
    asked: int
    seeds: tuple[int, ...]
    summaries: tuple[Mapping[str, Any], ...]

    @property
    def interrupted(self) -> bool:
        """Whether some replications that were asked for are missing."""
        return len(self.seeds) < self.asked


@dataclass(frozen=True, kw_only=True)
class _Task:
    """All that a worker is told about its replication."""

    loaded: Loaded
    engine: Engine
    seed: int
    scale: Fraction
    trace: bool
    folder: Path | None
    command: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """An exception as words: not every exception survives the way between processes."""

    why: str
    whole: str
    mendable: bool


_Found = Mapping[str, Any] | _Failure | None  # a summary; None where the run was stopped before its end


def replicate(
    loaded: Loaded,
    *,
    engine: Engine,
    seeds: Sequence[int],
    scale: Fraction = Fraction(1),
    trace: bool = False,
    folder: Path | None = None,
    command: Sequence[str] = (),
    workers: int = 1,
    executor: Executor | None = None,
    on_progress: OnReplication | None = None,
    stop: Stop | None = None,
) -> Replications:
    """Simulate a scenario once a seed; how many work at once changes nothing but the time.

    With a `folder` each run is written to `<folder>/seed-<n>`, by whoever ran it. One worker is this process; more are
    fresh processes (a script that asks for them needs `if __name__ == "__main__":`), or whatever `executor` brings.
    After `stop` what is done is returned, and runs in progress are discarded; those on an executor that was handed in
    go on unheard. Raises ReplicationError for the first seed, in the order given, whose run failed.
    """
    if not seeds or len(set(seeds)) < len(seeds) or workers < 1:
        raise ValueError(f"seeds {list(seeds)[:10]}, workers {workers}: needs seeds, each once, and at least 1 worker")
    tasks = [
        _Task(
            loaded=loaded,
            engine=engine,
            seed=seed,
            scale=scale,
            trace=trace,
            folder=None if folder is None else seed_folder(folder, seed),
            command=tuple(command),
        )
        for seed in seeds
    ]
    tell, stopped = on_progress or (lambda done, asked: None), stop or (lambda: False)
    if executor is not None:
        found = _side_by_side(executor, tasks, tell, stopped, halt=None)
    elif min(workers, len(tasks)) == 1:
        found = _one_by_one(tasks, tell, stopped)
    else:
        make_ready(engine)  # once, before each of them begins to
        with _processes(min(workers, len(tasks))) as (pool, halt):
            found = _side_by_side(pool, tasks, tell, stopped, halt=halt.set)
    done = {task.seed: one for task, one in zip(tasks, found, strict=True) if isinstance(one, Mapping)}
    return Replications(
        scenario=loaded.scenario,
        engine=engine,
        scale=float(scale),
        asked=len(tasks),
        seeds=tuple(done),
        summaries=tuple(done.values()),
    )


def seed_folder(folder: Path, seed: int) -> Path:
    """Return where the run of a seed is kept among replications."""
    return folder / f"seed-{seed}"


def _one_by_one(tasks: Sequence[_Task], tell: OnReplication, stop: Stop) -> list[_Found]:
    found: list[_Found] = []
    for task in tasks:
        one = _replication(task, stop)
        if isinstance(one, _Failure):
            raise _error(task, one)
        found.append(one)
        tell(sum(other is not None for other in found), len(tasks))
    return found


def _side_by_side(
    executor: Executor, tasks: Sequence[_Task], tell: OnReplication, stop: Stop, halt: Callable[[], None] | None
) -> list[_Found]:
    """Hand out all tasks and collect them in their order; the first failure in that order is the one that is told."""
    futures = [executor.submit(_replication, task) for task in tasks]
    waiting: set[Future[_Found]] = set(futures)
    while waiting and not stop() and not _has_failed(futures):
        done, waiting = wait(waiting, timeout=ASK_EVERY_S, return_when=FIRST_COMPLETED)
        if done:
            tell(len(tasks) - len(waiting), len(tasks))
    running = [future for future in waiting if not future.cancel()]
    if halt is not None:
        halt()
        wait(running)  # one that was about to end has ended, and its folder stands: it counts
    return [_collected(task, future) for task, future in zip(tasks, futures, strict=True)]


def _has_failed(futures: Sequence[Future[_Found]]) -> bool:
    """Whether a failure stands that no earlier replication can overtake any more."""
    for future in futures:
        if not future.done():
            return False
        if future.exception() is not None or isinstance(future.result(), _Failure):
            return True
    return False


def _collected(task: _Task, future: Future[_Found]) -> _Found:
    if not future.done() or future.cancelled():
        return None
    try:
        found = future.result()
    except BrokenExecutor as error:
        why = "a worker ended without a word, most often for want of memory; use fewer workers, or a smaller scale"
        raise ReplicationError(task.seed, why, mendable=True) from error
    if isinstance(found, _Failure):
        raise _error(task, found)
    return found


def _error(task: _Task, failure: _Failure) -> ReplicationError:
    error = ReplicationError(task.seed, failure.why, mendable=failure.mendable)
    error.add_note(failure.whole)
    return error


def _replication(task: _Task, stop: Stop | None = None) -> _Found:
    """One replication, in whatever process; a run that was stopped says nothing of a whole one, and is dropped."""
    asked = stop or _halted
    if asked():
        return None
    try:
        run = simulate(
            task.loaded,
            engine=task.engine,
            seed=task.seed,
            scale=task.scale,
            trace=task.trace,
            stop=asked,
            command=task.command,
        )
        if run.manifest["interrupted"]:
            return None
        if task.folder is not None:
            results.write(run, task.folder)
    except Exception as error:
        mendable = isinstance(error, ScenarioError | results.ResultError)
        why = str(error) if mendable else f"{type(error).__name__}: {error}"
        return _Failure(why=why, whole=traceback.format_exc(), mendable=mendable)
    return run.summary


# in a worker process


_halt: Event | None = None


def _halted() -> bool:
    return _halt is not None and _halt.is_set()


@contextmanager
def _processes(workers: int) -> Iterator[tuple[Executor, Event]]:
    """Fresh processes, not forks: the same on every system, and no thread or lock of ours is copied half-way."""
    context = multiprocessing.get_context("spawn")
    halt = context.Event()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(halt,))
    try:
        yield pool, halt
    finally:
        halt.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(halt: Event) -> None:
    """Ctrl-C reaches every process of the terminal; what to do about it is decided by the one that started us."""
    global _halt
    _halt = halt
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
