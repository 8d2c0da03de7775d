"""Where machine code is kept from one run to the next, and which of it may be used.

Numba keeps machine code by file and does not see edits in files that are called. So the folder in which it keeps it is
named by a hash of all that decides what the machine code is: every module that is compiled, every module that one of
those imports (for its constants), the compiler, the processor, and where the sources lie, for Numba asks that too.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import llvmlite
import numba
from numba.core.registry import cpu_target

from simulator.manifest import ROOT, SOURCES

REMEDY = "Set XDG_CACHE_HOME to a folder that can be written, and the next run need not."
NEWEST_KEPT = 10
KEPT_S = 24 * 3600
"""Folders beside the newest go when no process has begun with them for so long."""

WHOLE = "whole"
"""A file in a folder to which some process has brought all that it needs."""
_FOLDER = re.compile(r"[0-9a-f]{16}")
_COMPILES = re.compile(r"^from simulator\.compiled\.jit import (?:\([^)]*|.*)\b(?:entry|kernel)\b", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from ([\w.]+) )?import (\([^)]*\)|.*)", re.MULTILINE)


def sources(root: Path = ROOT) -> list[Path]:
    """Return every file that machine code is made of: those that compile functions, and all that these import."""
    own = sorted((root / "simulator" / "compiled").glob("*.py"))
    texts = {file: text for file in own if _COMPILES.search(text := file.read_text(encoding="utf-8"))}
    fresh, names = list(texts.values()), set[str]()
    while fresh:
        new = _imported(fresh.pop()) - names
        names |= new
        for file in (root / f"{name.replace('.', '/')}.py" for name in new):
            if file not in texts and file.is_file():
                texts[file] = file.read_text(encoding="utf-8")
                fresh.append(texts[file])
    return sorted(texts)


def _imported(text: str) -> set[str]:
    """Return what a module imports when it is imported itself: modules of ours, and names that may be modules."""
    found: set[str] = set()
    for package, names in _IMPORT.findall(text):
        if not package or package.partition(".")[0] in SOURCES:
            found |= {package, *(f"{package}.{name}" if package else name for name in re.findall(r"[\w.]+", names))}
    return {name for name in found if name.partition(".")[0] in SOURCES}


def fingerprint(root: Path = ROOT) -> str:
    """Return what names the folder: another one for whatever would compile to something else."""
    variables = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_"))
    processor = cpu_target.target_context.codegen().magic_tuple()
    versions = (sys.version, numba.__version__, llvmlite.__version__)
    digest = sha256(repr((str(root), versions, processor, variables)).encode())
    for file in sources(root):
        digest.update(sha256(f"{file.relative_to(root)}\n{file.read_text(encoding='utf-8')}".encode()).digest())
    return digest.hexdigest()[:16]


def base() -> Path:
    """Return the folder of all machine code of ours; raises RuntimeError where there is no home to put it in."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path.home() / ".cache") / "sluice"


def folder() -> tuple[Path | None, str]:
    """Return the folder for the machine code of these sources; or None, why none can be kept, and the remedy."""
    try:
        found = base() / fingerprint()
        found.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=found).close()
        os.utime(found)  # in use today: `prune`
    except RuntimeError as error:
        return None, f"{error} {REMEDY}"
    except OSError as error:
        return None, f"{error.filename}: {error.strerror}. {REMEDY}"
    return found, ""


@contextmanager
def alone(folder: Path | None, on_waiting: Callable[[], None]) -> Iterator[None]:
    """Let one process at a time fill a folder, until it is whole; who must wait is told so.

    The lock ends with its holder. Where a folder cannot be locked, each process compiles for itself.
    """
    with ExitStack() as held:
        if folder is not None and not (folder / WHOLE).exists():
            with suppress(OSError):
                lock = os.open(folder, os.O_RDONLY)
                held.callback(os.close, lock)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    on_waiting()
                    fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        if folder is not None:
            with suppress(OSError):
                (folder / WHOLE).touch()


def prune(beside: Path) -> None:
    """Remove old folders next to one. What a process has loaded stays loaded; what it lacks then it compiles."""
    dated = [(path.stat().st_mtime, path) for path in beside.parent.iterdir() if _FOLDER.fullmatch(path.name)]
    for used_s, path in sorted(dated)[:-NEWEST_KEPT]:
        if path != beside and used_s < time.time() - KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
