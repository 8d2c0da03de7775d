"""The manifest of a run: what ran, of which versions and sources, when, and how fast."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

FORMAT = 1
ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("limits", "scenarios", "simulator")
LIBRARIES = ("sluice", "numpy", "numba", "simpy", "pyarrow", "pydantic")


def make_manifest(
    *,
    scenario: str,
    engine: str,
    seed: int,
    scale: float,
    interrupted: bool,
    command: Sequence[str],
    started: datetime,
    ended: datetime,
    engine_s: float,
    events: int,
    roundings: Sequence[Mapping[str, Any]],
    resolved_toml: str,
    control_hashes: Mapping[str, str],
    until_s: float | None = None,
    went_on_from: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of manifest.json; versions and hashes are found here, all else is told.

    `scenario` is its name in the catalogue (`labs/retry-trap`), or the one that it gives itself. `engine_s` is the
    clock time of the engine alone, without loading, summary and files; `roundings` are what scale made fractional,
    each {what, asked, used}; `control_hashes` are of the users' modules that the scenario names. Clock times are
    written in UTC, ISO 8601. `until_s` is where the run was asked to end, None: at its horizon. `went_on_from` is the
    snapshot {instant_s, events, sha256} with which it began, None: it began at 0; `events` are all of the run,
    `events_per_s` those of this process.
    """
    here = events - (went_on_from["events"] if went_on_from is not None else 0)
    return {
        "format": FORMAT,
        "scenario": scenario,
        "engine": engine,
        "seed": seed,
        "scale": scale,
        "interrupted": interrupted,
        "until_s": until_s,
        "went_on_from": None if went_on_from is None else dict(went_on_from),
        "command": list(command),
        "started_utc": _iso(started),
        "ended_utc": _iso(ended),
        "engine_s": round(engine_s, 6),
        "events": int(events),
        "events_per_s": round(here / engine_s, 1) if engine_s > 0 else None,
        "roundings": [dict(rounding) for rounding in roundings],
        "versions": versions(),
        "hashes": {
            "scenario": bytes_hash(resolved_toml.encode()),
            "sources": sources_hash(),
            "controls": dict(control_hashes),
        },
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that figures depend on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def bytes_hash(content: bytes) -> str:
    """Return the SHA-256 of the content of a file."""
    return hashlib.sha256(content).hexdigest()


def sources_hash() -> str:
    """Return one SHA-256 over every Python file that decides on an outcome, names included."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix().encode()
            content = path.read_bytes()
            digest.update(b"%d %s %d " % (len(name), name, len(content)))
            digest.update(content)
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
