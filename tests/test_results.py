"""A run as files: whole or not there, never over another, read back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.loader import load
from simulator import manifest as manifests
from simulator import results
from simulator.manifest import bytes_hash, make_manifest, sources_hash
from simulator.results import ResultError, RunResult, read, run_folder, timeseries, write
from simulator.run import simulate
from simulator.summary import as_json, summarise
from simulator.trace import ATTEMPT_COLUMNS, ORDER_COLUMNS, Trace
from tests.hand_made import OUTCOME, PER_BUCKET, RESOLVED, SCENARIO, S, ints

NOON = datetime(2026, 2, 6, 12, 0, 0, tzinfo=UTC)
MANIFEST = make_manifest(
    scenario="corner-shop",
    engine="simpy",
    seed=7,
    scale=1.0,
    interrupted=False,
    command=["sluice", "run", "corner-shop"],
    started=NOON,
    ended=(NOON + timedelta(seconds=2)).astimezone(timezone(timedelta(hours=8))),
    engine_s=1.5,
    events=60,
    roundings=[{"what": "stages.desk.servers", "asked": 0.5, "used": 1}],
    resolved_toml=RESOLVED,
    control_hashes={"shedding": "0f"},
)
RESULT = RunResult(
    scenario=SCENARIO,
    resolved=RESOLVED,
    summary=summarise(OUTCOME, SCENARIO, engine="simpy", seed=7, scale=1.0),
    timeseries=timeseries(OUTCOME),
    orders=OUTCOME.orders,
    attempts=OUTCOME.attempts,
    manifest=MANIFEST,
)
FILES = {"manifest.json", "resolved.toml", "summary.json", "timeseries.parquet", "orders.parquet", "attempts.parquet"}


def written(folder: Path, result: RunResult = RESULT) -> Path:
    write(result, folder)
    return folder


# writing


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    found = read(written(tmp_path / "run"))
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert (found.scenario, found.resolved) == (SCENARIO, RESOLVED)
    assert (found.summary, found.manifest) == (RESULT.summary, MANIFEST)
    for table, expected in (
        (found.timeseries, RESULT.timeseries),
        (found.orders, OUTCOME.orders),
        (found.attempts, OUTCOME.attempts),
    ):
        assert table is not None
        assert expected is not None
        assert {name: values.tolist() for name, values in table.items()} == {
            name: values.tolist() for name, values in expected.items()
        }
        assert {name: values.dtype for name, values in table.items()} == {
            name: values.dtype for name, values in expected.items()
        }


def test_a_run_without_traces_has_no_files_of_them(tmp_path: Path) -> None:
    folder = written(tmp_path / "run", replace(RESULT, orders=None, attempts=None))
    assert {path.name for path in folder.iterdir()} == FILES - {"orders.parquet", "attempts.parquet"}
    assert (read(folder).orders, read(folder).attempts) == (None, None)


def test_the_same_run_is_written_byte_for_byte_the_same(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one"), written(tmp_path / "two")
    assert {name for name in FILES if (one / name).read_bytes() != (two / name).read_bytes()} == set()


def test_a_run_is_never_written_over_another(tmp_path: Path) -> None:
    folder = written(tmp_path / "run")
    before = (folder / "summary.json").read_bytes()
    with pytest.raises(ResultError, match="run: is not empty, and a run is never written over another; choose a new"):
        write(replace(RESULT, summary={}), folder)
    assert (folder / "summary.json").read_bytes() == before


@pytest.mark.parametrize("failing", sorted(FILES))
def test_a_run_that_cannot_be_written_leaves_whole_files_and_no_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def no_space(path: Path, write_to: Callable[[Path], Any]) -> None:
        def half(unfinished: Path) -> None:
            unfinished.write_bytes(b"{")
            if path.name == failing:
                raise OSError(28, "No space left on device")
            write_to(unfinished)

        in_one_step(path, half)

    in_one_step = results.in_one_step
    monkeypatch.setattr(results, "in_one_step", no_space)
    with pytest.raises(ResultError, match="run: cannot be written: No space left on device; make room, or choose"):
        write(RESULT, tmp_path / "run")
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left <= FILES - {failing, "manifest.json"}
    with pytest.raises(ResultError, match=r"manifest\.json: is missing, so the run was not written to its end"):
        read(tmp_path / "run")


def test_a_file_gets_its_name_when_it_is_whole_and_the_manifest_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted(path: Path, write_to: Callable[[Path], Any]) -> None:
        def watched(unfinished: Path) -> None:
            write_to(unfinished)
            assert not path.exists()

        order.append(path.name)
        in_one_step(path, watched)

    order: list[str] = []
    in_one_step = results.in_one_step
    monkeypatch.setattr(results, "in_one_step", noted)
    write(RESULT, tmp_path / "run")
    assert set(order) == FILES
    assert order[-1] == "manifest.json"


def test_a_folder_that_is_a_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("not a folder")
    with pytest.raises(ResultError, match="run: cannot be written: File exists"):
        write(RESULT, tmp_path / "run")


def test_large_traces_are_written_in_row_groups(tmp_path: Path) -> None:
    many = {"want": np.arange(300_000, dtype=np.int64)}
    folder = written(tmp_path / "run", replace(RESULT, orders=many))
    file = pq.ParquetFile(folder / "orders.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [131_072, 131_072, 37_856]


# folders


def test_a_folder_is_named_by_scenario_seed_and_time(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "runs", "labs/retry-trap", 7, NOON)
    assert folder == tmp_path / "runs" / "labs-retry-trap-7-20260206T120000Z"
    assert folder.is_dir()


def test_runs_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    names = [run_folder(tmp_path, "day", 7, NOON).name for _ in range(3)]
    assert names == ["day-7-20260206T120000Z", "day-7-20260206T120000Z-2", "day-7-20260206T120000Z-3"]


def test_the_time_of_a_folder_is_utc(tmp_path: Path) -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    assert run_folder(tmp_path, "day", 7, shanghai).name == "day-7-20260206T120000Z"


def test_a_new_folder_can_be_written_into(tmp_path: Path) -> None:
    assert read(written(run_folder(tmp_path, "day", 7, NOON))).manifest == MANIFEST


def test_a_base_that_is_a_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(ResultError, match=r"cannot be made: .*; choose another folder with --out"):
        run_folder(tmp_path / "runs", "day", 7, NOON)


# reading


@pytest.mark.parametrize("name", sorted(FILES - {"orders.parquet", "attempts.parquet"}))
def test_a_missing_file_is_named_with_its_remedy(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path / "run")
    (folder / name).unlink()
    with pytest.raises(ResultError, match=f"{name}: is missing, so .*; run the scenario again$"):
        read(folder)


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("content", [b"", b"[1, 2]", b'{"format": 1', b"\xff\xfe\x00", b"PAR1PAR1"])
def test_a_corrupt_file_is_named_with_its_remedy(tmp_path: Path, name: str, content: bytes) -> None:
    folder = written(tmp_path / "run")
    (folder / name).write_bytes(content)
    with pytest.raises(ResultError, match=f"{name}: cannot be read: .+; restore the file, or run the scenario again$"):
        read(folder)


def test_a_table_that_was_cut_short_is_an_error(tmp_path: Path) -> None:
    folder = written(tmp_path / "run")
    content = (folder / "timeseries.parquet").read_bytes()
    (folder / "timeseries.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ResultError, match=r"timeseries.parquet: cannot be read"):
        read(folder)


def test_a_table_in_a_form_that_is_not_known_here_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: Path) -> None:
        raise pa.ArrowNotImplementedError("Unknown encoding type.")

    folder = written(tmp_path / "run")
    monkeypatch.setattr(pq, "read_table", unknown)
    with pytest.raises(ResultError, match=r"timeseries.parquet: cannot be read: Unknown encoding type;"):
        read(folder)


def test_a_manifest_of_another_format_is_an_error(tmp_path: Path) -> None:
    folder = written(tmp_path / "run", replace(RESULT, manifest={**MANIFEST, "format": 2}))
    with pytest.raises(ResultError, match="it is of format 2 and this version of Sluice reads format 1"):
        read(folder)


def test_what_is_no_folder_of_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="nowhere: is not a folder of a run; name one that `sluice run` has written"):
        read(tmp_path / "nowhere")


# the time series


def test_the_time_series_has_a_row_a_bucket_and_columns_named_as_in_the_summary() -> None:
    columns = timeseries(OUTCOME)
    assert list(columns) == ["t_s", *PER_BUCKET, "stages.desk.backlog"]
    assert columns["t_s"].tolist() == [0.0, 60.0, 120.0]
    assert columns["attempts.offered"].tolist() == [4, 3, 2]
    assert columns["work.useful"].tolist() == [11.0, 31.0, 0.0]
    assert columns["stages.desk.backlog"].tolist() == [1.0, 2.0, 0.0]


def test_an_interrupted_run_has_a_row_for_the_bucket_that_it_began() -> None:
    stopped = replace(OUTCOME, ended_ns=61 * S, per_bucket={"orders.placed": ints(1, 0)}, gauges={})
    assert timeseries(stopped)["t_s"].tolist() == [0.0, 60.0]


# the manifest


def test_a_manifest_says_what_ran_when_and_how_fast() -> None:
    assert MANIFEST["events_per_s"] == 40.0
    assert (MANIFEST["started_utc"], MANIFEST["ended_utc"]) == ("2026-02-06T12:00:00.000Z", "2026-02-06T12:00:02.000Z")
    libraries = {"numpy", "numba", "simpy", "pyarrow", "pydantic"}  # what figures and files depend on
    assert set(MANIFEST["versions"]) == {"sluice", "python"} | libraries
    assert MANIFEST["versions"]["numpy"] == np.__version__
    assert MANIFEST["hashes"] == {
        "scenario": bytes_hash(RESOLVED.encode()),
        "sources": sources_hash(),
        "controls": {"shedding": "0f"},
    }
    assert json.loads(as_json(MANIFEST)) == MANIFEST


def test_the_hash_of_a_file_is_its_sha256() -> None:
    assert bytes_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_hash_of_sources_sees_every_edit_and_every_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_of(**files: str) -> str:
        for path in tmp_path.rglob("*.py"):
            path.unlink()
        for name, text in files.items():
            path = tmp_path / "limits" / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return sources_hash()

    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    assert hash_of(a="x = 1", b="") == hash_of(b="", a="x = 1")
    assert len({hash_of(a="x = 1", b=""), hash_of(a="x = 2", b=""), hash_of(a="x = 1"), hash_of(c="x = 1", b="")}) == 4


def test_a_lab_is_named_as_in_the_catalogue_and_a_variant_as_it_names_itself(tmp_path: Path) -> None:
    (tmp_path / "variant.toml").write_text('schema = 1\nextends = "labs/erlang-c"\nname = "mine"\n')
    for name, named in (("labs/erlang-c", "labs/erlang-c"), (tmp_path / "variant.toml", "mine")):
        loaded = load(name, sets=["horizon=60s", "gates=[]"])
        assert simulate(loaded, engine="simpy").manifest["scenario"] == named


CONTROL = """
schema = 1
extends = "labs/erlang-c"
name = "watched"
horizon = "60s"
gates = []
controls = [{{ name = "watcher", process = "{module}:watch" }}, {{ name = "scaler", process = "autoscaler", with = {{ \
knob = "stages.{stage}.servers", utilisation = "70%", least = 8, most = 60 }} }}]
"""


def test_the_code_that_a_scenario_names_is_hashed_as_it_was_when_it_ran(tmp_path: Path) -> None:
    stage = load("labs/erlang-c").scenario.stages[0].name
    (tmp_path / "watched.toml").write_text(CONTROL.format(module="code_of_test_results", stage=stage))
    code = b"def watch(plane):\n    yield plane.wait('10s')\n"
    (tmp_path / "code_of_test_results.py").write_bytes(code)
    hashes = simulate(load(tmp_path / "watched.toml"), engine="simpy").manifest["hashes"]
    assert hashes["controls"] == {"code_of_test_results": bytes_hash(code)}
    assert simulate(load("labs/erlang-c", sets=["horizon=60s", "gates=[]"])).manifest["hashes"]["controls"] == {}


# traces


def test_a_trace_is_sorted_by_want_and_attempt() -> None:
    trace = Trace(("want", "attempt", "start_ns"))
    for row in ((2, 1, 30), (0, 2, 40), (0, 1, 10), (2**63 - 1, 1, 20)):
        trace.append(row)
    columns = trace.sorted_columns()
    assert columns["want"].tolist() == [0, 0, 2, 2**63 - 1]
    assert columns["attempt"].tolist() == [1, 2, 1, 1]
    assert columns["start_ns"].tolist() == [10, 40, 30, 20]


def test_a_trace_of_orders_is_sorted_by_want_alone() -> None:
    trace = Trace(ORDER_COLUMNS)
    for want in (5, 3, 4):
        trace.append((want, *([0] * (len(ORDER_COLUMNS) - 1))))
    assert trace.sorted_columns()["want"].tolist() == [3, 4, 5]


def test_a_row_with_a_column_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        Trace(ATTEMPT_COLUMNS).append((1, 2, 3))


def test_an_empty_trace_has_its_columns() -> None:
    assert {name: len(values) for name, values in Trace(ATTEMPT_COLUMNS).sorted_columns().items()} == dict.fromkeys(
        ATTEMPT_COLUMNS, 0
    )
