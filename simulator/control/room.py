"""The control room of a run: starts its processes, lets them live, and says which one failed and how."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import simpy

from scenarios import units
from scenarios.errors import Problem, ScenarioError, key_text
from scenarios.model import Control, Scenario
from simulator.control.controlled import Controlled
from simulator.control.panel import ControlError, Panel
from simulator.control.plane import Moment, Plane
from simulator.control.processes import code_files, process_of
from simulator.manifest import bytes_hash

OURS = Path(__file__).parent
Life = Generator[simpy.Event, Any, None]


class ControlRoom:
    """All control processes of one run, ready to start. Raises `ScenarioError` where one cannot be found or called."""

    def __init__(
        self, full: Scenario, running: Scenario, scale: Fraction, folders: Sequence[Path] = (), *, live: bool = False
    ) -> None:
        """`full` is the scenario as written, `running` the same at the scale of the run, which may go on live."""
        self.panel = Panel(full, running, scale, live=live)
        self.controls = full.controls
        self._source = full.name
        self._processes = [process_of(control, full.name, folders) for control in full.controls]
        self.code_hashes = {name: bytes_hash(file.read_bytes()) for name, file in code_files(full.controls).items()}
        """Of each module of users' code, as it was when the run began."""

    def open(self, env: simpy.Environment, moment: Moment, engine: Controlled) -> None:
        """Start every process: its arguments are looked at now, its generator begins at `from`."""
        for index, (control, process) in enumerate(zip(self.controls, self._processes, strict=True)):
            plane = Plane(env, self.panel, moment, index=index, name=control.name)
            try:
                generator: Life = process(plane, **control.with_)
                if not isinstance(generator, Generator):
                    raise ControlError(f"{control.process} is no generator; let it yield plane.wait(...)")
            except Exception as error:
                raise self._failed(control, error, plane.now_ns) from error
            env.process(self._life(plane, control, generator))
        self.panel.engine = engine

    def _life(self, plane: Plane, control: Control, generator: Life) -> Life:
        """A process from `from` until it returns, or until `until`."""
        awaited = plane.wake_at(control.from_ns)
        while control.until_ns is None or plane.wakes_ns < control.until_ns:
            yield awaited
            plane.awaited = None
            try:
                awaited = next(generator)
                if awaited is not plane.awaited:
                    raise ControlError("it yielded something else than what plane.wait(...) has just returned")
            except StopIteration:
                self.panel.carry_out()
                return
            except Exception as error:
                raise self._failed(control, error, plane.now_ns) from error
            self.panel.carry_out()
        generator.close()

    def _failed(self, control: Control, error: Exception, now_ns: int) -> ScenarioError:
        why = str(error) if isinstance(error, ControlError) else f"{type(error).__name__}: {error}"
        remedy = f"its process failed at {units.duration_text(now_ns)}{_place(error)}: {why}"
        return ScenarioError(Problem(source=self._source, key=key_text(("controls", control.name)), remedy=remedy))


def _place(error: Exception) -> str:
    """Return the line of a user's code that failed, if one did."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if OURS not in Path(f.filename).parents]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
