"""A run of the compiled engine at an instant as one file, from which it goes on elsewhere as if it had never stopped.

The first line is `sluice-snapshot <format> <SHA-256 of all that follows>`, the second a JSON object that says which run
it is. Then come, compressed as one Zstandard stream, three arrays in NumPy's .npy format, little-endian: the words and
the numbers of the run (simulator/compiled/layout.py), and the instants of the first tries that are still to come. The
checksum is looked at before anything else is read. It finds damage, not malice: the engine trusts what the words say.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scenarios.loader import Loaded
from scenarios.model import Scenario
from scenarios.scale import scaled
from scenarios.units import NS_PER_S
from simulator import manifest
from simulator.compiled import Run, layout
from simulator.compiled.build import State
from simulator.results import ResultError, in_one_step, why

FORMAT = 1
_LABEL = b"sluice-snapshot "
_FIRST_LINE = re.compile(_LABEL + rb"(\d{1,9}) ([0-9a-f]{64})\n")
_LONGEST_LINE = 200
_DAMAGED = "is damaged or cut short: its checksum is not that of its content; copy it again, or save it again"
_KINDS = ("<i8", "<f8", "<i8")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A run at an instant: what is needed to go on. `resolved` is its scenario at full size, as TOML."""

    resolved: str
    seed: int
    scale: Fraction
    state: State
    sha256: str = ""  # of the file that it was read from

    @property
    def now_ns(self) -> int:
        """The instant to which the run had been brought."""
        return int(self.state.words[layout.NOW_NS])

    def run(self) -> Run:
        """Return the run, brought to the instant."""
        as_run, _ = scaled(self.loaded.scenario, self.scale)
        return Run(as_run, seed=self.seed, first_arrivals_ns=self.state.first_ns, trace=self.traced, state=self.state)

    @property
    def told(self) -> dict[str, Any]:
        """What the manifest of a run that goes on says of it."""
        events = int(self.state.words[layout.EVENTS])
        return {"instant_s": self.now_ns / NS_PER_S, "events": events, "sha256": self.sha256}

    @property
    def traced(self) -> bool:
        """Whether it keeps a row for every want and every attempt."""
        return bool(self.state.words[layout.TRACED])

    @property
    def loaded(self) -> Loaded:
        """The scenario, as the loader would give it."""
        tree = tomllib.loads(self.resolved)
        return Loaded(Scenario.model_validate(tree), tree, ())


def write(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot into a new file: as a whole, or not at all. Raises ResultError."""
    check_is_new(path)
    header = {
        "sluice": manifest.versions()["sluice"],
        "sources": manifest.sources_hash(),
        "seed": snapshot.seed,
        "scale": str(snapshot.scale),
        "instant_ns": snapshot.now_ns,
        "traced": snapshot.traced,
        "scenario_hash": manifest.bytes_hash(snapshot.resolved.encode()),
        "scenario": snapshot.resolved,
    }
    state = snapshot.state
    coming_ns = state.first_ns[int(state.words[layout.NEXT_FIRST]) :]

    def write_to(unfinished: Path) -> None:
        with unfinished.open("wb") as file:
            file.write(_first_line("0" * 64) + json.dumps(header).encode() + b"\n")
        with pa.CompressedOutputStream(pa.PythonFile(unfinished.open("ab"), mode="w"), "zstd") as stream:
            for array, kind in zip((state.words, state.numbers, coming_ns), _KINDS, strict=True):
                np.lib.format.write_array(stream, array.astype(kind, copy=False), allow_pickle=False)
        with unfinished.open("r+b") as file:
            file.seek(len(_first_line("0" * 64)))
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            file.write(_first_line(digest))

    try:
        in_one_step(path, write_to)
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {why(error)}; make room, or name another file") from error


def read(path: Path) -> Snapshot:
    """Read a snapshot that this version of Sluice has written. Raises ResultError."""
    try:
        with path.open("rb") as file:
            first = file.readline(_LONGEST_LINE)
            sha256 = _checked(path, first)
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise ResultError(f"{path}: {_DAMAGED}")
            file.seek(len(first))
            header = json.loads(file.readline())
            _check_sources(path, header)
            with pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd") as stream:
                words, numbers, coming_ns = (
                    np.lib.format.read_array(stream, allow_pickle=False).astype(kind.replace("<", "="), copy=False)
                    for kind in _KINDS
                )
            past = np.zeros(int(words[layout.NEXT_FIRST]), dtype=np.int64)
            return Snapshot(
                resolved=header["scenario"],
                seed=header["seed"],
                scale=Fraction(header["scale"]),
                state=State(words, numbers, np.concatenate((past, coming_ns))),
                sha256=sha256,
            )
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        remedy = "name a file that `sluice run --save-snapshot` has written"
        raise ResultError(f"{path}: cannot be read: {why(error)}; {remedy}") from error


def check_is_new(path: Path) -> None:
    """Raise ResultError where a snapshot cannot be written."""
    if path.exists() or path.is_symlink():
        raise ResultError(
            f"{path}: is there already, and a snapshot is never written over another file; name a new one"
        )
    if not path.parent.is_dir():
        raise ResultError(f"{path}: {path.parent} is not a folder; make it, or name a file in another one")


def _first_line(sha256: str) -> bytes:
    return _LABEL + f"{FORMAT} {sha256}\n".encode()


def _checked(path: Path, first: bytes) -> str:
    """Return the checksum that the first line promises."""
    if not first.startswith(_LABEL):
        raise ResultError(
            f"{path}: is not a snapshot of Sluice; name a file that `sluice run --save-snapshot` has written"
        )
    line = _FIRST_LINE.fullmatch(first)
    if line is None:
        raise ResultError(f"{path}: {_DAMAGED}")
    if int(line[1]) != FORMAT:
        raise ResultError(
            f"{path}: is of format {int(line[1])}, and this version of Sluice reads format {FORMAT};"
            " go on with the version that wrote it"
        )
    return line[2].decode()


def _check_sources(path: Path, header: dict[str, Any]) -> None:
    """An engine whose sources differ in one letter may lay out or do something else."""
    ours = manifest.sources_hash()
    if header["sources"] != ours:
        raise ResultError(
            f"{path}: was saved by Sluice {header['sluice']} with sources {header['sources'][:12]}, and these are"
            f" {ours[:12]} of {manifest.versions()['sluice']}; go on with those, or save it again with these"
        )
