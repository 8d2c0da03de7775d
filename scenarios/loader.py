"""From a name or a path to a scenario that can be run: read, extend, set, validate, check.

What a file says comes in layers, later ones over earlier: the file that `extends` names (and what that one extends),
the file itself, the variable `SLUICE_SET` ("people.timeout=30s;arrivals.rate=100/s"), flags `--set a.b=c` in order.
How one layer lies over another: `scenarios.merge`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scenarios import checks, partial, wording
from scenarios.errors import Problem, ScenarioError, did_you_mean
from scenarios.merge import extended, with_setting
from scenarios.model import Scenario
from scenarios.tree import Node, read

CATALOGUE = Path(__file__).parent / "catalogue"
SETTINGS_VARIABLE = "SLUICE_SET"
LONGEST_CHAIN = 8


@dataclass(frozen=True)
class Loaded:
    """A scenario, the TOML tree that it was made of, and the files that tree came from, the extending one first."""

    scenario: Scenario
    resolved: dict[str, Any]
    sources: tuple[Path, ...]

    def __reduce__(self) -> tuple[Callable[..., Loaded], tuple[Any, ...]]:
        """Go to another process as the tree: pickle does not find classes of generic parts by their names."""
        return _loaded, (self.resolved, self.sources)

    @property
    def name(self) -> str:
        """Its name in the catalogue (`labs/retry-trap`), or the one that the file gives itself."""
        if self.sources and CATALOGUE in self.sources[0].parents:
            return self.sources[0].relative_to(CATALOGUE).with_suffix("").as_posix()
        return self.scenario.name


@dataclass(frozen=True)
class Entry:
    """One scenario of the catalogue."""

    name: str
    title: str
    path: Path


def load(
    name_or_path: str | Path,
    *,
    sets: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    scale: Fraction = Fraction(1),
) -> Loaded:
    """Load a scenario of the catalogue, or a file, or raise `ScenarioError` with all that is wrong.

    `scale` is only asked whether the run would be too large; `scenarios.scale` applies it. The process's own variables
    are not read: hand them in.
    """
    root, files = _layers(*_found(str(name_or_path)))
    variable = (environment or {}).get(SETTINGS_VARIABLE, "")
    for setting in filter(str.strip, variable.split(";")):
        root = with_setting(root, setting, SETTINGS_VARIABLE)
    for setting in sets:
        root = with_setting(root, setting, "--set")
    root = _trace_from(root, Path.cwd())
    if "extends" in root.value:
        raise ScenarioError(root.problem(("extends",), "is for files; run the other scenario, or write a file"))
    resolved = root.plain()
    return Loaded(_scenario(resolved, root, scale), resolved, tuple(files))


def _loaded(resolved: dict[str, Any], sources: tuple[Path, ...]) -> Loaded:
    """Return what was loaded, and so checked, before."""
    return Loaded(Scenario.model_validate(resolved), resolved, sources)


def catalogue() -> list[Entry]:
    """Return the scenarios that come with Sluice, by name."""
    return [
        Entry(name, str(tomllib.loads(path.read_text("utf-8")).get("title", "")), path)
        for name, path in _catalogue_paths().items()
    ]


def _catalogue_paths() -> dict[str, Path]:
    paths = {path.relative_to(CATALOGUE).with_suffix("").as_posix(): path for path in CATALOGUE.glob("**/*.toml")}
    return dict(sorted(paths.items()))


def _found(name: str) -> tuple[Path, str]:
    """Return the file of a name or path, and what messages call it."""
    known = _catalogue_paths()
    if name in known:
        return known[name], f"catalogue/{name}.toml"
    if not os.path.exists(name):  # unlike Path.exists, never raises
        remedy = f"is neither in the catalogue nor a file{did_you_mean(name, known)}"
        raise ScenarioError(Problem(source=name[:200] or '""', remedy=remedy))
    return Path(name), name


def _layers(
    path: Path, label: str, above: tuple[str, ...] = (), seen: tuple[Path, ...] = ()
) -> tuple[Node, list[Path]]:
    """Return a file merged over what it extends, and the files of both."""
    chain = (*above, label)
    if path.resolve() in seen:
        raise ScenarioError(Problem(source=above[-1], key="extends", remedy=f"goes in a circle: {' -> '.join(chain)}"))
    if len(chain) > LONGEST_CHAIN:
        remedy = f"the chain is longer than {LONGEST_CHAIN} files, join some: {' -> '.join(chain)}"
        raise ScenarioError(Problem(source=above[-1], key="extends", remedy=remedy))
    node = _trace_from(read(path, label), path.resolve().parent)
    schema = node.at(("schema",))
    if "schema" in node.value and (type(schema.value) is not int or schema.value != 1):
        raise ScenarioError(node.problem(("schema",), "needs to be 1, the only schema that this Sluice reads"))
    if "extends" not in node.value:
        return node, [path]
    base_path, base_label = _base(node, path, label)
    base, files = _layers(base_path, base_label, chain, (*seen, path.resolve()))
    own = {key: child for key, child in node.value.items() if key != "extends"}
    return extended(base, replace(node, value=own)), [path, *files]


def _base(node: Node, path: Path, label: str) -> tuple[Path, str]:
    name = node.value["extends"].value
    if not isinstance(name, str):
        raise ScenarioError(node.problem(("extends",), "needs a name of the catalogue or a path, in quotes"))
    known = _catalogue_paths()
    if name in known:
        return known[name], f"catalogue/{name}.toml"
    beside = os.path.join(path.parent, name)
    if not name or not os.path.exists(beside):
        remedy = f"is neither in the catalogue nor a file beside this one{did_you_mean(name, known)}"
        raise ScenarioError(node.problem(("extends",), remedy))
    return Path(beside), os.path.join(os.path.dirname(label), name)


def _trace_from(root: Node, directory: Path) -> Node:
    """Return the tree with the path of its trace of arrivals, if it names one, made absolute."""
    arrivals = root.at(("arrivals",))
    file = arrivals.value.get("file") if isinstance(arrivals.value, dict) and arrivals is not root else None
    if file is None or not isinstance(file.value, str):
        return root
    return root.with_child("arrivals", arrivals.with_child("file", replace(file, value=str(directory / file.value))))


def _scenario(resolved: dict[str, Any], root: Node, scale: Fraction) -> Scenario:
    try:
        scenario = Scenario.model_validate(resolved)
    except ValidationError as error:
        found = wording.problems(error, root)
        rest = partial.checkable(error, root)
        if rest is None:
            raise _all(found, then=partial.LATER) from None
        raise _all([*found, *checks.problems(*rest, scale)]) from None
    if problems := checks.problems(scenario, root, scale):
        raise _all(problems)
    return scenario


def _all(problems: Sequence[Problem], *, then: str = "") -> ScenarioError:
    return ScenarioError(*sorted(problems, key=lambda problem: (problem.source, problem.line or 0)), then=then)
