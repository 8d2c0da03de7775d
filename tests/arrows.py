"""Reads the imports of a source tree, those inside functions too, and says which of them break the map."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MAY_IMPORT = {
    "limits": {"limits"},
    "scenarios": {"scenarios", "limits"},
    "simulator": {"simulator", "scenarios", "limits"},
    "reports": {"reports", "scenarios"},  # and the results of DATA_OF_RUNS
    "sluice": {"sluice", "reports", "simulator", "scenarios", "limits"},
}
DATA_OF_RUNS = {"simulator.results", "simulator.outcome"}
ENGINES = ("simulator.reference", "simulator.compiled", "simulator.live", "simulator.run")
ONLY_IN = {
    "simpy": ("simulator.reference", "simulator.control", "simulator.live"),
    "numba": ("simulator.compiled",),
    "llvmlite": ("simulator.compiled",),
    "uvloop": ("simulator.live",),
    "uvicorn": ("simulator.live",),
    "sqlalchemy": ("simulator.live",),
    "prometheus_client": ("simulator.live",),
    "matplotlib": ("reports.plots",),
    "locust": ("scenarios.locustfile",),
    "gevent": ("scenarios.locustfile",),
    "redis": ("limits.shared",),
}
ANY_NAME = "simulator.control.processes"  # imports control processes that users wrote


@dataclass(frozen=True, order=True)
class Import:
    """One import: `target` is the module, with the name taken from it where that is a module too."""

    module: str
    line: int
    target: str
    for_types: bool = False  # under `if TYPE_CHECKING`: nothing is imported when the program runs

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def modules(top: Path) -> dict[str, Path]:
    """Return every module of the map's packages under a folder, by its dotted name."""
    found = {}
    for package in MAY_IMPORT:
        for file in sorted((top / package).rglob("*.py")):
            parts = file.relative_to(top).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(tree: Mapping[str, Path]) -> list[Import]:
    """Return every import of a tree of modules, wherever in the file it stands."""
    found = []
    for module, file in tree.items():
        code = ast.parse(file.read_text(encoding="utf-8"), str(file))
        types_only = _lines_for_types(code)
        for line, target in _targets(code, module, tree, is_package=file.name == "__init__.py"):
            found.append(Import(module, line, target, line in types_only))
    return found


def broken(found: list[Import]) -> list[str]:
    """Return what breaks the map, one sentence an import."""
    return [f"{one}, {wrong}" for one in sorted(found) if (wrong := _wrong(one))]


def cycle(found: list[Import], tree: Mapping[str, Path]) -> list[str]:
    """Return the modules of one cycle of imports, the first again at its end; empty where there is none.

    Modules that only name each other's types are no cycle.
    """
    targets: dict[str, list[str]] = {module: [] for module in tree}
    for one in found:
        if one.target in tree and one.target != one.module and not one.for_types:
            targets[one.module].append(one.target)
    done: set[str] = set()
    for module in tree:
        if way := _walk(module, targets, done, []):
            return way
    return []


def reached(start: str, found: list[Import]) -> set[str]:
    """Return every module that a package's modules import, directly or through others."""
    known = {one.module for one in found if _within(one.module, start)}
    fresh = set(known)
    while fresh:
        fresh = {one.target for one in found if one.module in fresh and not one.for_types} - known
        known |= fresh
    return known


def _targets(code: ast.Module, module: str, tree: Mapping[str, Path], *, is_package: bool) -> Iterator[tuple[int, str]]:
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package=is_package)
            for name in node.names:
                within = f"{base}.{name.name}"
                yield node.lineno, within if within in tree else base
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            known = node.args and isinstance(node.args[0], ast.Constant)
            yield node.lineno, str(ast.literal_eval(node.args[0])) if known else "?"


def _lines_for_types(code: ast.Module) -> set[int]:
    return {
        inner.lineno
        for node in ast.walk(code)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }


def _absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    package = parts[: len(parts) - node.level + is_package]
    return ".".join([*package, *([node.module] if node.module else [])])


def _wrong(one: Import) -> str | None:
    package, outside = one.module.partition(".")[0], one.target.partition(".")[0]
    if one.target == "?":
        return None if one.module == ANY_NAME else "a name that this test cannot read"
    if outside in MAY_IMPORT:
        if outside in MAY_IMPORT[package] or (package == "reports" and one.target in DATA_OF_RUNS):
            return None
        return f"against the arrows: {package} may import {', '.join(sorted(MAY_IMPORT[package]))}"
    if outside in ONLY_IN:
        allowed = any(_within(one.module, place) for place in ONLY_IN[outside])
        return None if allowed else f"which only {' and '.join(ONLY_IN[outside])} may"
    if package == "limits" and outside not in sys.stdlib_module_names:
        return "and limits is for the standard library only"
    return None


def _within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


def _walk(module: str, targets: Mapping[str, list[str]], done: set[str], way: list[str]) -> list[str]:
    if module in way:
        return [*way[way.index(module) :], module]
    if module not in done:
        for target in targets[module]:
            if found := _walk(target, targets, done, [*way, module]):
                return found
        done.add(module)
    return []
