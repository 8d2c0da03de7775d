"""Whether `limits` is ours: another distribution imports by that name, and a mix of the two would decide wrongly."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
REINSTALL = "install sluice again (`pip install --force-reinstall --no-deps ...`)"
OTHER = "the other distribution"


def problem(home: Path = HOME, path: Sequence[str] | None = None) -> str | None:
    """Return what is wrong with the package `limits` beside sluice, and the remedy; None where it is ours alone."""
    for metadata in _named_limits(sys.path if path is None else path):
        return _mixed(f"the distribution {metadata.stem} brings a package `limits` too, in {metadata.parent}", "limits")
    spec = importlib.util.find_spec("limits")
    found = Path(spec.origin).resolve() if spec and spec.origin else None
    if found is None:
        return f"sluice cannot start: its own package `limits` is missing or damaged.\nTo mend it: {REINSTALL}."
    if found != home / "limits" / "__init__.py":
        return _mixed(f"`limits` is imported from {found}, which is not part of sluice", _owner(found))
    import limits  # only now: to import somebody else's would run it

    if not getattr(limits, "__sluice__", False):
        return _mixed(f"another distribution wrote over {found}", _owner(found))
    for stranger in _strangers(home):
        return _mixed(f"{stranger} is not part of sluice", _owner(stranger))
    return None


def _mixed(what: str, owner: str) -> str:
    return (
        f"sluice cannot start: {what}; a mix of both would decide wrongly.\n"
        f"To mend it: `pip uninstall {owner}`, then {REINSTALL}; or give sluice an environment of its own."
    )


def _named_limits(path: Sequence[str]) -> Iterator[Path]:
    for folder in path:
        try:
            names = os.listdir(folder or ".")
        except OSError:  # not there, or a zip file: nothing that pip installs into
            continue
        for name in names:
            if name.lower().startswith("limits-") and name.endswith((".dist-info", ".egg-info")):
                yield Path(folder, name)


def _strangers(home: Path) -> Iterator[Path]:
    """Go through the modules in our folder that our list of installed files does not name; a checkout has no list."""
    for record in home.glob("sluice-*.dist-info/RECORD"):
        ours = {line.partition(",")[0] for line in record.read_text(encoding="utf-8").splitlines()}
        for file in sorted((home / "limits").rglob("*.py")):
            if file.relative_to(home).as_posix() not in ours:
                yield file


def _owner(file: Path) -> str:
    """Return the name of the distribution that brought a file; slow, and only asked when there is a problem."""
    from importlib.metadata import distributions

    for distribution in distributions():
        name: str = distribution.metadata["Name"]
        for part in distribution.files or () if name != "sluice" else ():
            if part.name == file.name and Path(str(distribution.locate_file(part))).resolve() == file:
                return name
    return OTHER
