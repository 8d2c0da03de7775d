"""A run that is stopped, saved and gone on with has the rows and the figures of one that never stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios.dump import toml_text
from scenarios.errors import ScenarioError
from scenarios.loader import Loaded, catalogue, load
from scenarios.model import Scenario
from scenarios.workload import first_arrivals
from simulator import compiled, manifest, reference, results, snapshot
from simulator.outcome import Outcome
from simulator.run import simulate
from tests.agreement import SMALL, TOP, difference, seldom_told
from tests.interpreted import AT_SIZE, compiled_only
from tests.scenario_strategy import Tree, loaded, uncontrolled

EXAMPLES = int(os.environ.get("SLUICE_AGREE", "200"))
generated = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="SLUICE_AGREE" not in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SHOP: Tree = {
    "schema": 1,
    "name": "shop",
    "title": "A shop",
    "horizon": "60s",
    "arrivals": {"process": "poisson", "rate": "2/s"},
    "people": {"timeout": "5s", "attempts": 2, "retry_delay": "1s"},
    "stages": [{"name": "desk", "servers": 1, "service": "700ms", "queue_limit": 3}],
}
S = 10**9


def in_one_go(scenario: Scenario, until_ns: int | None = None) -> Outcome:
    first_ns = first_arrivals(scenario, 1, Fraction(1))
    with seldom_told():
        return compiled.run(scenario, seed=1, first_arrivals_ns=first_ns, trace=True, until_ns=until_ns)


def with_stops(loaded: Loaded, stops_ns: Sequence[int], folder: Path | None = None) -> Outcome:
    """Run a scenario, at full size, and at each stop go on in another run: from the state, or from a file of it."""
    scenario = loaded.scenario
    run = compiled.Run(scenario, seed=1, first_arrivals_ns=first_arrivals(scenario, 1, Fraction(1)), trace=True)
    for number, stop_ns in enumerate(stops_ns):
        run.advance(stop_ns)
        state = run.state()
        run.advance(scenario.horizon_ns)  # what becomes of the one that was saved is nothing to the other
        if folder is not None:
            path = folder / f"{number}.snapshot"
            saved = snapshot.Snapshot(resolved=toml_text(loaded.resolved), seed=1, scale=Fraction(1), state=state)
            snapshot.write(saved, path)
            state = snapshot.read(path).state
        run = compiled.Run(scenario, seed=1, first_arrivals_ns=state.first_ns, trace=True, state=state)
        assert run.now_ns == stop_ns
    run.advance(scenario.horizon_ns)
    return run.outcome()


def events_ns(outcome: Outcome) -> list[int]:
    """Instants at which something happened."""
    assert outcome.attempts is not None
    assert outcome.orders is not None
    of_orders = [outcome.orders[name] for name in ("placed_ns", "ready_ns", "picked_up_ns", "delivered_ns")]
    instants = np.concatenate(
        [*of_orders, *(outcome.attempts[f"{name}_ns"] for name in ("start", "answered", "ended"))]
    )
    return sorted({int(at_ns) for at_ns in instants if at_ns >= 0}) or [0]


@st.composite
def stops(draw: st.DrawFn, scenario: Scenario, whole: Outcome) -> list[int]:
    """Instants to stop at: those of events, one ns later, 0, the horizon, edges of buckets, and any."""
    horizon_ns = scenario.horizon_ns
    instant = st.one_of(
        st.sampled_from(events_ns(whole)),
        st.sampled_from(events_ns(whole)).map(lambda at_ns: min(at_ns + 1, horizon_ns)),
        st.sampled_from([0, 1, scenario.bucket_ns, horizon_ns - 1, horizon_ns]),
        st.integers(0, horizon_ns),
    )
    return sorted(draw(st.lists(instant.map(lambda at_ns: min(at_ns, horizon_ns)), min_size=1, max_size=4)))


@generated
@given(uncontrolled(), st.data())
def test_a_run_with_stops_lives_the_lives_of_one_without(tree: Tree, data: st.DataObject) -> None:
    one = loaded(tree)
    whole = in_one_go(one.scenario)
    stops_ns = data.draw(stops(one.scenario, whole))
    with tempfile.TemporaryDirectory() as folder:
        stopped = with_stops(one, stops_ns, Path(folder) if data.draw(st.booleans()) else None)
    found = difference(whole, stopped)
    assert found is None, f"{stops_ns} {tree}\n{found}"
    assert stopped.events == whole.events


@generated
@given(uncontrolled(), st.data())
def test_both_engines_say_the_same_of_a_run_that_ends_early(tree: Tree, data: st.DataObject) -> None:
    scenario = loaded(tree).scenario
    (until_ns, *_) = data.draw(stops(scenario, in_one_go(scenario)))
    first_ns = first_arrivals(scenario, 1, Fraction(1))
    with seldom_told():
        simpy = reference.run(scenario, seed=1, first_arrivals_ns=first_ns, trace=True, until_ns=until_ns)
    found = difference(simpy, in_one_go(scenario, until_ns))
    assert found is None, f"{until_ns} {tree}\n{found}"


@compiled_only(AT_SIZE)
@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_the_catalogue_goes_on_from_files_as_if_it_had_not_stopped(name: str, tmp_path: Path) -> None:
    scale = SMALL.get(name, Fraction(1, 20))
    whole = load(name, scale=scale)
    if whole.scenario.controls:
        with pytest.raises(ScenarioError, match="a control process lives in Python objects"):
            simulate(whole, engine="compiled", scale=scale, until_ns=1, save=tmp_path / "never")
        assert not (tmp_path / "never").exists()
        return
    uninterrupted = simulate(whole, engine="compiled", scale=scale, trace=True)
    begin = None
    for part in (1, 2):
        path = tmp_path / f"{part}.snapshot"
        until_ns = whole.scenario.horizon_ns * part // 3
        one = whole if begin is None else begin.loaded
        simulate(one, engine="compiled", scale=scale, trace=True, until_ns=until_ns, begin=begin, save=path)
        begin = snapshot.read(path)
    assert begin is not None
    went_on = simulate(begin.loaded, engine="compiled", scale=begin.scale, trace=begin.traced, begin=begin)
    results.write(replace(uninterrupted, manifest={}), tmp_path / "whole")
    results.write(replace(went_on, manifest={}), tmp_path / "went-on")
    files = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert len(files) == 6
    assert [f for f in files if (tmp_path / "whole" / f).read_bytes() != (tmp_path / "went-on" / f).read_bytes()] == []
    told = went_on.manifest["went_on_from"]
    assert told["instant_s"] == whole.scenario.horizon_ns * 2 // 3 / S
    assert told["sha256"] == begin.sha256
    assert went_on.manifest["events"] == uninterrupted.manifest["events"] > told["events"] > 0


GOES_ON = """
import sys
from pathlib import Path
from simulator import snapshot
from simulator.run import simulate
begin = snapshot.read(Path(sys.argv[1]))
run = simulate(begin.loaded, engine="compiled", seed=begin.seed, scale=begin.scale, trace=begin.traced, begin=begin)
print({name: values.tolist() for name, values in {**run.orders, **run.attempts, **run.timeseries}.items()})
print(dict(run.summary))
"""


def test_another_process_goes_on_with_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "shop.snapshot"
    simulate(loaded(SHOP), engine="compiled", seed=5, trace=True, until_ns=20 * S, save=path)
    simulate(loaded(SHOP), engine="compiled", seed=5, trace=True, until_ns=0, save=tmp_path / "begin.snapshot")
    whole, begin = (
        subprocess.run(
            [sys.executable, "-c", GOES_ON, str(file)],
            env={**os.environ, "PYTHONPATH": str(TOP)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for file in (tmp_path / "begin.snapshot", path)
    )
    assert begin == whole
    here = simulate(loaded(SHOP), engine="compiled", seed=5, trace=True)
    assert begin.splitlines()[1] == str(dict(here.summary))


def test_two_runs_go_on_from_one_state(tmp_path: Path) -> None:
    slow = {"name": "slow", "at": "30s", "for": "60s", "set": {"stages.desk.slowdown": 3.0}}
    one = loaded({**SHOP, "incidents": [slow]})
    whole = in_one_go(one.scenario)
    run = compiled.Run(one.scenario, seed=1, first_arrivals_ns=first_arrivals(one.scenario, 1, Fraction(1)), trace=True)
    run.advance(20 * S)
    state = run.state()
    for _ in range(2):
        twin = compiled.Run(one.scenario, seed=1, first_arrivals_ns=state.first_ns, trace=True, state=state)
        twin.advance(35 * S)
        twin.advance(60 * S)
        assert difference(whole, twin.outcome()) is None
        twin.advance(60 * S)


# a run that ends early


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_a_run_that_ends_early_says_so(engine: str) -> None:
    cut = simulate(loaded(SHOP), engine=engine, until_ns=20 * S)  # type: ignore[arg-type]
    assert (cut.summary["ended_s"], cut.summary["horizon_s"]) == (20, 60)
    assert (cut.manifest["interrupted"], cut.manifest["until_s"], cut.manifest["went_on_from"]) == (True, 20, None)
    whole = simulate(loaded(SHOP), engine=engine, until_ns=60 * S)  # type: ignore[arg-type]
    assert (whole.summary["ended_s"], whole.manifest["interrupted"]) == (60, False)


def test_a_run_ends_within_its_horizon_and_not_before_its_snapshot(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="--until: 61s: is after the horizon, 1m; use that or less"):
        simulate(loaded(SHOP), until_ns=61 * S)
    begin = saved(tmp_path / "shop.snapshot", 20)
    with pytest.raises(ScenarioError, match="--until: 19s: is before the snapshot, 20s"):
        simulate(begin.loaded, engine="compiled", begin=begin, until_ns=19 * S)
    again = simulate(begin.loaded, engine="compiled", begin=begin, until_ns=20 * S)
    assert again.summary == simulate(loaded(SHOP), engine="compiled", until_ns=20 * S).summary


def test_the_simpy_engine_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"--save-snapshot: --engine simpy: .* use --engine compiled"):
        simulate(loaded(SHOP), engine="simpy", until_ns=S, save=tmp_path / "never")


def test_a_snapshot_goes_on_with_its_own_scenario_and_seed(tmp_path: Path) -> None:
    begin = saved(tmp_path / "shop.snapshot", 20)
    with pytest.raises(ValueError, match="begin: is of another scenario"):
        simulate(loaded({**SHOP, "title": "Another"}), engine="compiled", begin=begin)
    with pytest.raises(ValueError, match="begin: is of another"):
        simulate(begin.loaded, engine="compiled", seed=2, begin=begin)


# files


def saved(path: Path, until_s: int) -> snapshot.Snapshot:
    simulate(loaded(SHOP), engine="compiled", until_ns=until_s * S, save=path)
    return snapshot.read(path)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "shop.snapshot"
    saved(path, 20)
    return path


def test_a_snapshot_says_which_run_it_is(file: Path) -> None:
    found = snapshot.read(file)
    assert (found.seed, found.scale, found.traced, found.now_ns) == (1, Fraction(1), False, 20 * S)
    assert found.resolved == toml_text(SHOP)
    assert found.loaded.scenario == loaded(SHOP).scenario
    assert found.run().outcome().counts == in_one_go(loaded(SHOP).scenario, 20 * S).counts
    label, format_, sha256 = file.read_bytes().split(b"\n")[0].split()
    assert (label, format_, sha256.decode()) == (b"sluice-snapshot", b"1", found.sha256)


def test_a_file_is_never_written_over_and_nothing_half_is_left(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()
    with pytest.raises(results.ResultError, match="is there already, and a snapshot is never written over another"):
        snapshot.write(snapshot.read(file), file)
    assert file.read_bytes() == before

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    new = file.with_name("new.snapshot")
    begin = snapshot.read(file)
    monkeypatch.setattr(np.lib.format, "write_array", no_space)
    with pytest.raises(results.ResultError, match=r"new.snapshot: cannot be written: No space left on device; make"):
        snapshot.write(begin, new)
    assert list(file.parent.iterdir()) == [file]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_flipped_bit_and_no_cut_is_overlooked(file: Path, data: st.DataObject) -> None:
    whole = file.read_bytes()
    place = data.draw(st.one_of(st.integers(0, 120), st.integers(0, len(whole) - 1)))
    damaged = bytearray(whole)
    if data.draw(st.booleans()):
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del damaged[place:]
    other = file.parent / "damaged"
    other.write_bytes(damaged)
    try:
        with pytest.raises(results.ResultError, match=r"damaged: is "):
            snapshot.read(other)
    finally:
        other.unlink()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(100), b"{}", b"\n" * 500, bytes(10**6), b"sluice-snap"])
def test_a_file_of_something_else_is_told_apart(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(results.ResultError, match=r"other: is not a snapshot of Sluice; name a file that"):
        snapshot.read(tmp_path / "other")


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(results.ResultError, match=r"none: cannot be read: No such file or directory; name a file"):
        snapshot.read(tmp_path / "none")
    with pytest.raises(results.ResultError, match=r"cannot be read: Is a directory; name a file"):
        snapshot.read(tmp_path)


def test_a_newer_format_is_told(tmp_path: Path, file: Path) -> None:
    (tmp_path / "newer").write_bytes(file.read_bytes().replace(b"snapshot 1 ", b"snapshot 2 ", 1))
    with pytest.raises(
        results.ResultError, match=r"newer: is of format 2, and this version of Sluice reads format 1; go"
    ):
        snapshot.read(tmp_path / "newer")


def test_an_engine_of_other_sources_does_not_go_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "sources_hash", lambda: "0" * 64)
    with pytest.raises(
        results.ResultError, match=r"was saved by Sluice .* with sources .* are 000000000000 of .*; go on"
    ):
        snapshot.read(file)
