"""From what a scenario says of a control to a process that can be started: found, imported, its arguments checked."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import simpy

from scenarios.errors import Problem, ScenarioError, did_you_mean, key_text
from scenarios.model import Control
from simulator.control.autoscaler import autoscaler
from simulator.control.runbook import runbook

Process = Callable[..., Generator[simpy.Event, Any, None]]
SHIPPED: dict[str, Process] = {"autoscaler": autoscaler, "runbook": runbook}


def process_of(control: Control, source: str, folders: Sequence[Path] = ()) -> Process:
    """Return the process of a control, its arguments checked by its signature, or raise `ScenarioError`.

    Users' modules are looked for where Python looks, then in `folders`: those of the scenario's files.
    """
    found = SHIPPED[control.process] if control.process in SHIPPED else _imported(control, source, folders)
    if problems := list(_arguments(control, found, source)):
        raise ScenarioError(*problems)
    return found


def code_files(controls: Iterable[Control]) -> dict[str, Path]:
    """Return the files of the users' modules that controls name, by the names of the modules, once they are found."""
    modules = {control.process.partition(":")[0] for control in controls if control.process not in SHIPPED}
    files = {name: getattr(sys.modules[name], "__file__", None) for name in sorted(modules)}
    return {name: Path(file) for name, file in files.items() if file is not None}


def _imported(control: Control, source: str, folders: Sequence[Path]) -> Process:
    module_name, _, function = control.process.partition(":")
    try:
        with _looked_for_in(folders):
            module = import_module(module_name)
    except Exception as error:  # whatever users' code may raise while it is imported
        why = f"{type(error).__name__}: {error}"
        raise ScenarioError(_problem(control, source, f"{module_name} cannot be imported: {why}", "process")) from error
    found = getattr(module, function, None)
    if not callable(found):
        functions = [name for name, _ in inspect.getmembers(module, inspect.isfunction)]
        remedy = f"{module_name} has no function {function}{did_you_mean(function, functions)}"
        raise ScenarioError(_problem(control, source, remedy, "process"))
    process: Process = found
    return process


@contextmanager
def _looked_for_in(folders: Sequence[Path]) -> Iterator[None]:
    before = list(sys.path)
    sys.path.extend(str(folder) for folder in folders)
    try:
        yield
    finally:
        sys.path[:] = before


def _arguments(control: Control, process: Process, source: str) -> Iterator[Problem]:
    parameters = list(inspect.signature(process).parameters.values())
    if not parameters or parameters.pop(0).kind is inspect.Parameter.KEYWORD_ONLY:
        yield _problem(control, source, f"{control.process} takes no plane; its first parameter is one", "process")
        return
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return
    named = {one.name: one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    unknown = [name for name in control.with_ if name not in named]
    for name in unknown:
        remedy = f"is not an argument of {control.process}{did_you_mean(name, named)}"
        yield _problem(control, source, remedy, "with", name)
    if unknown:
        return  # what is missing is most often there, misspelt
    for name, one in named.items():
        if one.default is one.empty and name not in control.with_:
            yield _problem(control, source, f"is missing; {control.process} needs it", "with", name)


def _problem(control: Control, source: str, remedy: str, *keys: str) -> Problem:
    return Problem(source=source, key=key_text(("controls", control.name, *keys)), remedy=remedy)
