"""Machine code is compiled once, kept for those sources alone, and never for other types than it is written for."""

from __future__ import annotations

import ast
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from scenarios.loader import load
from simulator.compiled import jit, machine_code
from simulator.compiled.loop import advance
from simulator.progress import BY_ANOTHER
from simulator.run import simulate
from sluice.progress import compiling
from tests import arrows
from tests.interpreted import compiled_only

TOP = Path(__file__).parent.parent
PACKAGES = ("limits", "scenarios", "simulator", "reports", "sluice")
NO_ENTRY = ("    if cost <= 0:", "    return NEVER\n    if cost <= 0:")
"""What makes a token bucket admit nobody."""

PROBE = """
import numpy as np
from limits import token_bucket
from simulator.compiled import jit
@jit.entry
def asks(M: "Words") -> int:
    return token_bucket.decide(M, 0, 1, 1, 5, 0, 1)
del jit._entries[:-1]  # the engine's own
jit.have(lambda not_kept: print("waiting" if not_kept == jit.BY_ANOTHER else "compiling"))
print(asks(np.zeros(2, np.int64)), jit.FOLDER)
"""

HOLDER = """
import sys
from pathlib import Path
from simulator.compiled.machine_code import alone
with alone(Path(sys.argv[1]), lambda: print("waits", flush=True)):
    print("fills", flush=True)
    sys.stdin.read()
"""
NOTHING_COMPILED = "nothing is compiled"

BOUNDED = """
schema = 1
name = "bounded"
title = "A counter behind a token bucket"
horizon = "20s"
arrivals = { process = "poisson", rate = "20/s" }
people = { timeout = "5s", attempts = 1, retry_delay = "0s" }
stages = [{ name = "counter", servers = 1, service = "10ms" }]
admission = [{ name = "door", at = "gateway", law = "token_bucket", rate = "1000/s" }]
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages in a folder of their own, fit to be edited."""
    for package in PACKAGES:
        shutil.copytree(TOP / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))


def on_a_full_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def python(
    copy: Path, *arguments: str, before: Callable[[], None] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(copy / "cache"), **variables}
    environment["NUMBA_OPT"] = "0"  # what is kept matters here, not how fast it is
    for name in ("NUMBA_DISABLE_JIT", "SLUICE_CHECK_BOUNDS"):
        environment.pop(name, None)
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=copy, env=environment, text=True, capture_output=True, timeout=600, check=True, preexec_fn=before
    )


# which sources count


def compiles(file: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "simulator.compiled.jit"
        and {"entry", "kernel"} & {name.name for name in node.names}
        for node in ast.walk(ast.parse(file.read_text()))
    )


def test_all_that_is_compiled_and_all_that_it_imports_counts() -> None:
    tree = arrows.modules(TOP)
    imports = [one for one in arrows.imports(tree) if one.target in tree and not one.for_types]
    found = {name for name, file in tree.items() if compiles(file)}
    while new := {one.target for one in imports if one.module in found} - found:
        found |= new
    assert {tree[name] for name in found} == set(machine_code.sources())


@pytest.mark.parametrize(
    "file",
    ["limits/laws.py", "limits/row.py", "scenarios/units.py", "simulator/samples.py", "simulator/rank.py"],
)
def test_a_file_of_constants_counts(file: str) -> None:
    assert TOP / file in machine_code.sources()


def test_the_laws_of_the_simpy_engine_do_not_count() -> None:
    scenarios = {file.stem for file in machine_code.sources() if file.parent == TOP / "scenarios"}
    compiled = {"draws", "people", "tables", "traces", "units", "workload"}
    assert scenarios == compiled | {"distributions", "errors", "metrics", "model"}  # and what those import


def test_every_function_compiled_from_outside_counts() -> None:
    sources = {str(file) for file in machine_code.sources()}
    modules = {module.__file__ for module in jit.WHOLE_MODULES}
    assert modules | {loop.__code__.co_filename for loop in jit.LOOPS} <= sources


def test_another_source_compiler_or_processor_means_another_folder(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [machine_code.fingerprint(copy), machine_code.fingerprint(TOP)]
    edit(copy / "limits" / "row.py", "2**62 - 1", "2**61 - 1")
    names.append(machine_code.fingerprint(copy))
    monkeypatch.setenv("NUMBA_OPT", "1")
    names.append(machine_code.fingerprint(copy))
    monkeypatch.setattr(numba, "__version__", "0.0")
    names.append(machine_code.fingerprint(copy))
    monkeypatch.setattr(numba.config, "CPU_NAME", "generic")
    names.append(machine_code.fingerprint(copy))
    assert len({*names}) == 6
    edit(copy / "simulator" / "summary.py", "from __future__", "# another comment\nfrom __future__")
    assert machine_code.fingerprint(copy) == names[-1]


# where it is kept


def test_old_folders_go_and_new_or_used_ones_and_those_of_others_stay(tmp_path: Path) -> None:
    now_s = time.time()
    for age in range(15):
        folder = tmp_path / f"{age:016x}"
        folder.mkdir()
        used_s = now_s - (3600 if age == 12 else age * machine_code.KEPT_S)
        os.utime(folder, (used_s, used_s))
    (tmp_path / "not-ours").mkdir()
    os.utime(tmp_path / "not-ours", (0, 0))
    machine_code.prune(tmp_path / f"{14:016x}")
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {f"{age:016x}" for age in (*range(9), 12, 14)} | {"not-ours"}


def test_without_a_home_it_is_not_kept_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/counts/as/none")
    assert machine_code.folder() == (None, f"Could not determine home directory. {machine_code.REMEDY}")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found, why = machine_code.folder()
    assert found is None
    assert str(tmp_path / "file") in why
    assert why.endswith(f"Not a directory. {machine_code.REMEDY}")


@compiled_only(NOTHING_COMPILED)
def test_what_cannot_be_kept_is_compiled_all_the_same_and_kept_nowhere_else(copy: Path) -> None:
    (copy / "probe.py").write_text(PROBE)
    assert python(copy, "probe.py", XDG_CACHE_HOME="/dev/null").stdout == "compiling\n0 None\n"
    assert python(copy, "probe.py", before=on_a_full_disk).stdout.startswith("compiling\n0 ")
    assert not list(copy.rglob("*.nbc"))


@compiled_only(NOTHING_COMPILED)
def test_an_edited_law_is_never_answered_by_old_machine_code(copy: Path) -> None:
    (copy / "probe.py").write_text(PROBE)
    first, again = (python(copy, "probe.py").stdout for _ in range(2))
    assert first.startswith("compiling\n0 ")
    assert again == first.removeprefix("compiling\n")
    edit(copy / "limits" / "token_bucket.py", *NO_ENTRY)
    edited = python(copy, "probe.py").stdout
    assert edited.startswith("compiling\n-3 ")
    assert edited.split()[-1] != first.split()[-1]


def test_one_process_at_a_time_fills_a_folder_until_it_is_whole(tmp_path: Path) -> None:
    def holder() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path)]
        return subprocess.Popen(command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def says(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    with holder() as killed:
        assert says(killed) == "fills"
        with holder() as first:
            assert says(first) == "waits"
            killed.kill()
            assert says(first) == "fills"
            with holder() as second:
                assert says(second) == "waits"
                first.communicate()
                assert says(second) == "fills"
                with holder() as third:  # there is nothing left to wait for
                    assert says(third) == "fills"


@compiled_only(NOTHING_COMPILED)
def test_of_two_processes_that_begin_together_one_compiles(copy: Path) -> None:
    (copy / "probe.py").write_text(PROBE)
    with ThreadPoolExecutor() as both:
        said = list(both.map(lambda _: python(copy, "probe.py").stdout, range(2)))
    assert sorted(text.count("compiling") for text in said) == [0, 1]


@compiled_only(NOTHING_COMPILED)
def test_damaged_machine_code_is_made_anew(copy: Path) -> None:
    (copy / "probe.py").write_text(PROBE)
    whole = python(copy, "probe.py").stdout
    for file in list(copy.glob("cache/sluice/*/*/*.nb?")):
        file.write_bytes(b"")
        assert python(copy, "probe.py").stdout == whole


@compiled_only(NOTHING_COMPILED)
def test_the_engine_is_compiled_once_for_all_workers_and_with_the_laws_as_they_are(copy: Path) -> None:
    edit(copy / "limits" / "token_bucket.py", *NO_ENTRY)
    (copy / "bounded.toml").write_text(BOUNDED)
    command = ("-m", "sluice", "run", "bounded.toml", "--replications", "2", "--workers", "2")
    quickly: dict[str, Any] = {"NUMBA_OPT": "0", "NUMBA_DEBUG_CACHE": "1"}
    first = python(copy, *command, **quickly)
    assert len(re.findall(r"data saved to '.*loop\.advance", first.stdout)) == 1
    # by each worker that had something to do: a quick one may have done both before the other began
    assert 1 <= len(re.findall(r"data loaded from '.*loop\.advance", first.stdout)) <= 2
    assert first.stderr.count("compiling the engine, once") == 1
    (file,) = copy.glob("runs/*/replications.json")
    figures = json.loads(file.read_text())["figures"]
    assert figures["attempts.offered"]["mean"] == figures["attempts.throttled"]["mean"] > 0
    again = python(copy, *command, **quickly)
    assert "saved" not in again.stdout
    assert "compiling" not in again.stderr


# what is compiled


@compiled_only(NOTHING_COMPILED)
def test_the_loop_is_compiled_for_its_types_and_for_no_others() -> None:
    simulate(load("labs/erlang-c"), engine="compiled")
    ints, floats = (numba.types.Array(kind, 1, "C") for kind in (numba.int64, numba.float64))
    loop: Any = advance
    assert loop.signatures == [(ints, floats, ints, numba.int64, numba.boolean, numba.int64)]
    assert loop.nopython_signatures == [overload.signature for overload in loop.overloads.values()]
    with pytest.raises(TypeError, match="No matching definition"):
        loop(np.zeros(9), np.zeros(9), np.zeros(9), 1, False, 1)


# what is said


@pytest.mark.parametrize(
    ("quiet", "not_kept", "says"),
    [
        (False, "", "compiling the engine, once: a minute or so\n"),
        (
            False,
            "/home/x/.cache: Read-only file system. Set XDG_CACHE_HOME.",
            "compiling the engine, for this run alone: /home/x/.cache: Read-only file system. Set XDG_CACHE_HOME.\n",
        ),
        (False, BY_ANOTHER, "compiling the engine: another process is at it, and this one waits\n"),
        (True, "", ""),
        (True, "/home/x/.cache: Read-only file system", ""),
    ],
)
def test_a_compilation_is_said_in_one_line(
    quiet: bool, not_kept: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with compiling(quiet=quiet) as tell:
        tell(not_kept)
    assert capsys.readouterr().err == says


def test_nothing_is_said_where_nothing_is_compiled(capsys: pytest.CaptureFixture[str]) -> None:
    with compiling(quiet=False):
        pass
    assert capsys.readouterr().err == ""
