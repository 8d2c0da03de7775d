"""The benchmarks run, compare models that are right, and say what they found. How fast anything is, no test asks."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import __main__ as runner
from benchmarks import apart, decisions, gateway, machine, mm20, page
from benchmarks.apart import MeasurementError
from benchmarks.kept import parts
from benchmarks.poisson import response_times_s
from benchmarks.rows import Goal, Row, Size, at_least, at_most, in_turns, ratios
from tests.interpreted import AT_SIZE, compiled_only
from tests.measured import MB, failing, filled
from tests.theory.formulas import mmc_mean_wait

CUSTOMERS = 100_000


def test_theory_is_erlangs() -> None:
    theory_s = mmc_mean_wait(mm20.SERVERS, mm20.ARRIVALS_PER_S, 1 / mm20.SERVICES_PER_S)
    assert theory_s == pytest.approx(mm20.MEAN_WAIT_S, rel=1e-6)


@pytest.mark.parametrize("name", mm20.MODELS)
def test_every_model_that_is_compared_waits_as_erlang_says(name: str) -> None:
    if why := mm20.absent(name):
        pytest.skip(why)
    per_customer_ns, mean_wait_s = mm20.MODELS[name](CUSTOMERS, 1)
    assert per_customer_ns > 0
    mm20.check(name, CUSTOMERS, mean_wait_s)


@pytest.mark.parametrize("servers", [mm20.SERVERS - 1, mm20.SERVERS + 1])
def test_a_model_with_a_server_too_few_or_too_many_is_refused(servers: int) -> None:
    wrong_s = mmc_mean_wait(servers, mm20.ARRIVALS_PER_S, 1 / mm20.SERVICES_PER_S)
    with pytest.raises(MeasurementError, match=r"C: a mean wait of .*, where Erlang C has 0\.0128 s"):
        mm20.check("C", CUSTOMERS, wrong_s)


def test_peak_memory_is_that_of_the_measurement() -> None:
    # from a process that is small itself, as the runner is: Linux counts the peak of whoever started one
    found = subprocess.check_output([sys.executable, "-m", "tests.measured"], cwd=apart.ROOT, text=True)
    large, small = map(int, found.split())
    assert 250 * MB < large - small < 350 * MB


def test_what_was_measured_returns_what_it_found() -> None:
    assert apart.call(filled, megabytes=2).returned == 2 * MB


def test_a_measurement_that_fails_says_why() -> None:
    with pytest.raises(MeasurementError, match="ended with 1: ValueError: on purpose"):
        apart.call(failing)


def test_competitors_take_turns() -> None:
    turns = iter(range(4))
    assert in_turns(2, {"a": turns.__next__, "b": turns.__next__}) == {"a": [0, 2], "b": [1, 3]}


def test_a_ratio_is_taken_within_each_turn() -> None:
    assert ratios([10, 30], [5, 10]) == (2, 3)


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [
        (at_most(30, stretch=20), 20, "met, stretch too"),
        (at_most(30, stretch=20), 30, "met"),
        (at_most(30, stretch=20), 30.1, "missed"),
        (at_least(40), 40, "met"),
        (at_least(40), 39.9, "missed"),
    ],
)
def test_a_goal_is_met_at_its_bound(goal: Goal, value: float, verdict: str) -> None:
    assert goal.verdict(value) == verdict


ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@contextmanager
def answering(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection, and its port."""

    def serve() -> None:
        with listener.accept()[0] as connection:
            handle(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve)
        serving.start()
        yield listener.getsockname()[1]
        serving.join()


def test_who_is_due_while_the_server_rests_has_waited_since_then_and_an_answer_may_come_in_parts() -> None:
    def rests_once(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest_s = 0.2
        while connection.recv(1000):
            time.sleep(rest_s)
            for part in (ANSWER[:10], ANSWER[10:-1], ANSWER[-1:]):
                connection.sendall(part)
            rest_s = 0.001

    with answering(rests_once) as port:
        times_s, lags_s = response_times_s(port, [b"ask"] * 50, per_s=1000, connections=1, status=200)
    assert len(times_s) == len(lags_s) == 50
    assert sorted(times_s)[25] > 0.1
    assert sorted(lags_s)[25] > 0.1


def test_a_connection_that_breaks_is_a_measurement_that_failed() -> None:
    def breaks(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with answering(breaks) as port, pytest.raises(MeasurementError, match="a connection to the server broke"):
        response_times_s(port, [b"ask"], per_s=1000, connections=1, status=200)
    with pytest.raises(MeasurementError, match="a connection to the server broke"):
        response_times_s(port, [b"ask"], per_s=1000, connections=1, status=200)


def test_the_median_is_judged_and_quick_sizes_are_not() -> None:
    row = Row(what="a day", unit="s", values=(50, 10, 29), goal=at_most(30))
    usual = row.content(Size.USUAL)
    assert (usual["min"], usual["median"], usual["n"], usual["verdict"]) == (10, 29, 3, "met")
    assert row.content(Size.QUICK)["verdict"] is None


def test_a_benchmark_that_fails_is_told_and_what_is_kept_of_it_and_of_others_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(size: Size) -> list[Row]:
        raise MeasurementError("no such luck")

    def measures(value: float) -> Callable[[Size], list[Row]]:
        return lambda size: [Row(what="good", unit="s", values=(value,), goal=at_most(2))]

    file = tmp_path / "new" / "found.json"

    def run(**benchmarks: Callable[[Size], list[Row]]) -> Result:
        monkeypatch.setattr(runner, "BENCHMARKS", benchmarks)
        return CliRunner(env={"COLUMNS": "180"}).invoke(runner.main, ["--json", str(file)])

    assert run(laws=measures(1), cores=measures(3)).exit_code == 0
    done = run(laws=fails, cores=measures(2))
    assert done.exit_code == 1
    assert "laws ... failed: no such luck; what is kept of it stays as it was" in done.stderr
    assert [(part["name"], row["median"]) for part in parts(file) for row in part["rows"]] == [
        ("laws", 1),
        ("cores", 2),
    ]
    assert run(laws=fails).exit_code == 1


def test_what_is_not_there_is_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert mm20.absent("C") == "there is no C compiler called cc"
    assert machine.machine()["versions"]["cc"] == "not installed"


def test_competitors_that_cannot_be_installed_are_rows_that_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(folder: Path) -> Path:
        raise subprocess.CalledProcessError(1, "pip", stderr="first\nERROR: no index\n")

    monkeypatch.setattr(decisions, "environment", fails)
    rows = decisions.rows(Size.QUICK)
    assert {row.missing for row in rows if not row.values} == {"the competitors cannot be installed: ERROR: no index"}
    measured = {row.what: row.values[0] for row in rows if row.values}
    assert measured.keys() >= {"ours: gcra", "ours: gcra by key", "ours: chain of four", "ours: async with"}
    assert min(measured.values()) > 0


def test_without_wrk_the_gateway_is_not_measured_and_its_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert {(row.values, row.missing) for row in gateway.rows(Size.QUICK)} == {((), "there is no wrk")}


@compiled_only(AT_SIZE)
def test_the_runner_measures_in_small_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "mm20", "cores", "laws", "--quick", "--json", file],
        cwd=apart.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found = {part["name"]: part for part in parts(file)}
    assert found.keys() == {"mm20", "cores", "laws"}
    for part in found.values():
        assert all(row["n"] or row["missing"] for row in part["rows"])
        assert all(row["what"] in done.stdout for row in part["rows"])
        assert part["machine"]["cores"] >= 1
        assert page.QUICK in page.page([part])


def test_every_module_with_rows_is_run() -> None:
    files = Path(runner.__file__).parent.glob("*.py")
    assert {file.stem for file in files if "\ndef rows(" in file.read_text("utf-8")} == set(runner.BENCHMARKS)


def test_the_page_is_current() -> None:
    made = page.page(parts(page.DOCS / "benchmarks.json"))
    current = made == (page.DOCS / "benchmarks.md").read_text("utf-8")
    assert current, "docs/benchmarks.md is old; run python -m benchmarks.page"
