"""From files, flags and variables to one scenario: which layer wins, and what a layer does to the one below."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from scenarios.checks import expected_wants
from scenarios.distributions import Constant, Exponential, Mixture
from scenarios.dump import toml_text
from scenarios.errors import ScenarioError
from scenarios.lines import key_lines
from scenarios.loader import CATALOGUE, Loaded, catalogue, load
from scenarios.model import RateAdmission, ServerStage

BASE = """\
schema = 1
name = "base"
title = "The base"
horizon = "10m"

[arrivals]
process = "poisson"
rate = "5/s"

[people]
timeout = { kind = "exponential", mean = "3s" }
attempts = 2

[people.come_back]
probability = 0.5
delay = "1h"
times = 2

[[stages]]
name = "till"
servers = 4
service = "500ms"

[[stages]]
name = "oven"
servers = 2
service = { kind = "lognormal", median = "1s", cv = 0.5 }

[[admission]]
name = "door"
at = "gateway"
law = "token_bucket"
rate = "4/s"

[[gates]]
name = "sold"
metric = "orders.placed"
min = 10
"""
NAMES = [entry.name for entry in catalogue()]


@pytest.fixture(autouse=True)
def in_a_folder_with_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.toml").write_text(BASE)


def loaded(more: str, **options: Any) -> Loaded:
    """The base, extended by a file that says more."""
    Path("variant.toml").write_text('extends = "base.toml"\n' + more)
    return load("variant.toml", **options)


def stage_names(of: Loaded) -> list[str]:
    return [stage.name for stage in of.scenario.stages]


def test_a_scenario_of_the_catalogue_is_found_by_name() -> None:
    found = load("labs/retry-trap")
    assert found.scenario.name == "retry-trap"
    assert found.sources == (CATALOGUE / "labs" / "retry-trap.toml",)


def test_anything_else_is_a_path() -> None:
    assert load("base.toml").scenario.title == "The base"
    assert load(Path("base.toml").absolute()).sources == (Path("base.toml").absolute(),)


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_of_the_catalogue_is_valid_and_named_as_its_file(name: str) -> None:
    found = load(name)
    assert found.scenario.name == name.rpartition("/")[2]
    assert found.scenario.extends is None


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_arrives_in_another_process_as_it_was(name: str) -> None:
    assert pickle.loads(pickle.dumps(load(name))) == load(name)


def test_the_catalogue_lists_names_and_titles() -> None:
    assert "labs/retry-trap" in NAMES
    assert all(entry.title for entry in catalogue())


def test_units_become_exact_numbers() -> None:
    scenario = load("base.toml").scenario
    assert scenario.horizon_ns == 600_000_000_000
    assert scenario.arrivals.rate_per_s == ((0, Fraction(5)),)
    assert scenario.people.timeout == Exponential[int](kind="exponential", mean=3_000_000_000)
    assert scenario.people.retry_delay == Constant[int](kind="constant", mean=1_000_000_000)


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    Path("windows.toml").write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert load("windows.toml").scenario == load("base.toml").scenario


def test_tables_merge_by_key() -> None:
    people = loaded("[people]\nattempts = 7\n[people.come_back]\ntimes = 1\n").scenario.people
    assert (people.attempts, people.timeout.kind) == (7, "exponential")
    assert people.come_back is not None
    assert (people.come_back.times, people.come_back.probability) == (1, 0.5)


def test_arrays_of_tables_merge_by_name_and_new_entries_come_last() -> None:
    found = loaded('[[stages]]\nname = "sink"\nservers = 1\nservice = "1s"\n[[stages]]\nname = "oven"\nservers = 9\n')
    assert stage_names(found) == ["till", "oven", "sink"]
    assert [stage.servers for stage in found.scenario.stages if isinstance(stage, ServerStage)] == [4, 9, 1]


def test_remove_takes_out_an_entry_or_a_table() -> None:
    found = loaded('[people.come_back]\nremove = true\n[[stages]]\nname = "till"\nremove = true\n')
    assert stage_names(found) == ["oven"]
    assert found.scenario.people.come_back is None


def test_a_name_removed_and_given_again_in_the_next_file_is_new() -> None:
    loaded('[[stages]]\nname = "till"\nremove = true\n')
    Path("next.toml").write_text('extends = "variant.toml"\n[[stages]]\nname = "till"\nservers = 1\nservice = "2s"\n')
    assert stage_names(load("next.toml")) == ["oven", "till"]


def test_arrays_without_names_replace() -> None:
    Path("curve.toml").write_text('extends = "base.toml"\n[arrivals]\nrate = [["0s", "1/s"], ["1m", "2/s"]]\n')
    Path("variant.toml").write_text('extends = "curve.toml"\n[arrivals]\nrate = [["0s", "7/s"]]\n')
    assert load("variant.toml").scenario.arrivals.rate_per_s == ((0, Fraction(7)),)


def test_an_empty_array_replaces_one_of_named_tables() -> None:
    assert loaded("gates = []\n").scenario.gates == ()


def test_a_distribution_replaces_the_one_below_whole() -> None:
    found = loaded('[[stages]]\nname = "oven"\nservice = { kind = "lognormal", median = "1s", p95 = "2s" }\n')
    assert found.resolved["stages"][1]["service"] == {"kind": "lognormal", "median": "1s", "p95": "2s"}


def test_a_part_of_a_distribution_merges_where_no_kind_is_given() -> None:
    found = loaded('[people.timeout]\nmean = "9s"\n')
    assert found.scenario.people.timeout == Exponential[int](kind="exponential", mean=9_000_000_000)


def test_a_table_of_another_law_replaces_the_one_below() -> None:
    more = '[[admission]]\nname = "door"\nat = "gateway"\nlaw = "fixed_window"\nlimit = 5\nwindow = "1s"\n'
    assert loaded(more).resolved["admission"] == [tomllib.loads(more)["admission"][0]]


def test_a_name_of_the_catalogue_can_be_extended_from_anywhere() -> None:
    Path("deep").mkdir()
    Path("deep/variant.toml").write_text('extends = "labs/retry-trap"\n[people]\nattempts = 9\n')
    found = load("deep/variant.toml")
    assert (found.scenario.people.attempts, found.scenario.title) == (9, "One short outage that never ends")
    assert found.sources == (Path("deep/variant.toml"), CATALOGUE / "labs" / "retry-trap.toml")


def test_a_path_to_extend_is_relative_to_its_file() -> None:
    Path("deep").mkdir()
    Path("deep/variant.toml").write_text('extends = "../base.toml"\n')
    assert load("deep/variant.toml").scenario == load("base.toml").scenario


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("people.attempts=5", ("people", "attempts"), 5),
        ("people.timeout=30s", ("people", "timeout"), "30s"),
        ('people.timeout="30s"', ("people", "timeout"), "30s"),
        ("people.least_timeout=1s", ("people", "least_timeout"), "1s"),
        ("stages.oven.servers=3", ("stages", 1, "servers"), 3),
        ("stages.1.servers=3", ("stages", 1, "servers"), 3),
        ("gates.sold.min=0.5", ("gates", 0, "min"), 0.5),
        ("stages.till.deadline=true", ("stages", 0, "deadline"), True),
        ("admission.door.rate=off", ("admission", 0, "rate"), "off"),
        ("title=a = b", ("title",), "a = b"),
        ("title=5\nb = 1", ("title",), "5\nb = 1"),
        ('arrivals.rate=[["0s", "1/s"]]', ("arrivals", "rate"), [["0s", "1/s"]]),
    ],
)
def test_a_flag_sets_one_value(setting: str, path: tuple[Any, ...], value: object) -> None:
    found: Any = load("base.toml", sets=[setting]).resolved
    for step in path:
        found = found[step]
    assert (type(found), found) == (type(value), value)


def test_a_quoted_part_of_a_flag_may_hold_dots() -> None:
    found = load("labs/retry-trap", sets=['incidents.outage.set."stages.database.servers"=2'])
    assert found.scenario.incidents[0].set == {"stages.database.servers": 2}


@pytest.mark.parametrize(
    ("metric", "written", "means"),
    [
        ("orders.placed_share", "95%", 0.95),
        ("orders.placed_share", "0.95", 0.95),
        ("time_to_order_s.p99", "1m30s", 90),
        ("time_to_order_s.p99", "90", 90),
    ],
)
def test_a_bound_may_be_written_in_the_unit_of_its_figure(metric: str, written: str, means: float) -> None:
    gate = load("base.toml", sets=[f"gates.sold.metric={metric}", f"gates.sold.min={written}"]).scenario.gates[0]
    assert gate.min == means
    more = f'[[milestones]]\nname = "known"\nmetric = "{metric}"\nvalue = "{written}"\n'
    if not written.replace(".", "").isdecimal():
        assert loaded(more).scenario.milestones[0].value == means


def test_weights_of_a_mixture_may_be_shares() -> None:
    parts = '[{ weight = "80%", of = "1s" }, { weight = 0.2, of = "2s" }]'
    service = loaded(f'[[stages]]\nname = "oven"\nservice = {{ kind = "mixture", parts = {parts} }}\n').scenario.stages[
        1
    ]
    assert isinstance(service, ServerStage)
    assert isinstance(service.service, Mixture)
    assert [part.weight for part in service.service.parts] == [0.8, 0.2]


def test_a_rate_that_is_off_is_no_limit() -> None:
    law = load("base.toml", sets=["admission.door.rate=off"]).scenario.admission[0]
    assert isinstance(law, RateAdmission)
    assert law.rate_per_s is None


def test_flag_over_variable_over_file_over_file_below() -> None:
    more = "[people]\nattempts = 3\n"
    environment = {"SLUICE_SET": "people.attempts=4; horizon=5m"}
    assert load("base.toml").scenario.people.attempts == 2
    assert loaded(more).scenario.people.attempts == 3
    assert loaded(more, environment=environment).scenario.people.attempts == 4
    assert loaded(more, environment=environment, sets=["people.attempts=5"]).scenario.people.attempts == 5
    assert loaded(more, environment=environment, sets=["people.attempts=5"]).scenario.horizon_ns == 300_000_000_000


def test_the_last_of_two_flags_wins() -> None:
    assert load("base.toml", sets=["people.attempts=5", "people.attempts=6"]).scenario.people.attempts == 6


def test_variables_of_the_process_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SET", "people.attempts=9")
    assert load("base.toml").scenario.people.attempts == 2


def test_loading_leaves_the_files_below_alone() -> None:
    before = load("base.toml").resolved
    loaded("[people]\nattempts = 7\n", sets=["stages.till.servers=1"])
    assert load("base.toml").resolved == before


def test_a_trace_is_found_beside_the_file_that_names_it() -> None:
    Path("deep").mkdir()
    Path("deep/seen.csv").write_text("at\n1\n")
    trace = BASE.replace('process = "poisson"\nrate = "5/s"', 'process = "trace"\nfile = "seen.csv"\ncolumn = "at"')
    Path("deep/trace.toml").write_text(trace)
    Path("variant.toml").write_text('extends = "deep/trace.toml"\n')
    assert load("variant.toml").scenario.arrivals.file == str(Path("deep/seen.csv").resolve())


def test_too_many_people_are_refused_unless_the_scale_makes_them_few() -> None:
    huge = ["arrivals.rate=200000/s"]
    with pytest.raises(ScenarioError, match=r"about 1.2e\+08 people would come.*--scale"):
        load("base.toml", sets=huge)
    assert load("base.toml", sets=huge, scale=Fraction(1, 2)).scenario.name == "base"


@pytest.mark.parametrize(
    ("sets", "wants"),
    [
        (["arrivals.rate=5/s"], 3000),
        (['arrivals.rate=[["0s", "0/s"], ["10m", "10/s"]]'], 3000),
        (['arrivals.rate=[["5m", "4/s"], ["301s", "8/s"]]'], 300 * 4 + 300 * 8 - 2),
        (['arrivals.shapes=[{ name = "x", curve = [["0s", 2], ["10m", 0]] }]'], 3000),
        (
            ['arrivals.shapes=[{ name = "x", logistic = { low = 0, high = 2, middle = "5m", width = "10s" } }]'],
            3000,
        ),
        (['invitations={ mean = 0.5, delay = "1m" }'], 6000),
    ],
)
def test_expected_wants_are_the_area_under_the_rate(sets: list[str], wants: float) -> None:
    assert expected_wants(load("base.toml", sets=sets).scenario) == pytest.approx(wants, rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_resolved_scenario_loads_back_to_the_same(name: str) -> None:
    before = load(name, sets=["world_seed=7"])
    Path("resolved.toml").write_text(toml_text(before.resolved))
    after = load("resolved.toml")
    assert after.scenario == before.scenario
    assert after.resolved == before.resolved


def test_a_resolved_variant_stands_without_the_files_it_came_from() -> None:
    before = loaded('[[stages]]\nname = "till"\nremove = true\n', sets=["people.attempts=5"])
    text = toml_text(before.resolved)
    for file in Path().glob("*.toml"):
        file.unlink()
    Path("resolved.toml").write_text(text)
    assert load("resolved.toml").scenario == before.scenario


def test_a_scenario_is_loaded_in_a_moment() -> None:
    command = (
        "import sys, time; from scenarios.loader import load; load('labs/retry-trap');"
        "print(time.process_time(), 'numpy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", command], cwd=CATALOGUE.parents[1], capture_output=True, text=True)
    cpu_s, numpy = ran.stdout.split()
    assert numpy == "False", "the loader needs no numpy, which takes longer to import than a scenario to load"
    assert float(cpu_s) < 1.5  # 0.3 s where the machine has nothing else to do


# where things stand in a file

TABLES = '''\
# a comment, = [not] "a key"
schema = 1
a.b = [ # x
  1, "]", 'its',
  { c = 2, "d.e" = """x
y"""" },
]
[[s]]
name = "x" # "
[s.q.r]
z = 1
[[s.t]]
"k\\u0041" = 1979-05-27 07:32:00 # d
[[s]]
e = []
f = {}
'''


def test_keys_and_entries_are_found_on_their_lines() -> None:
    assert tomllib.loads(TABLES)
    assert key_lines(TABLES) == {
        ("schema",): 2,
        ("a",): 3,
        ("a", "b"): 3,
        ("a", "b", 0): 4,
        ("a", "b", 1): 4,
        ("a", "b", 2): 4,
        ("a", "b", 3): 5,
        ("a", "b", 3, "c"): 5,
        ("a", "b", 3, "d.e"): 5,
        ("s",): 8,
        ("s", 0): 8,
        ("s", 0, "name"): 9,
        ("s", 0, "q"): 10,
        ("s", 0, "q", "r"): 10,
        ("s", 0, "q", "r", "z"): 11,
        ("s", 0, "t"): 12,
        ("s", 0, "t", 0): 12,
        ("s", 0, "t", 0, "kA"): 13,
        ("s", 1): 14,
        ("s", 1, "e"): 15,
        ("s", 1, "f"): 16,
    }


def paths(tree: object, above: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return {above} - {()} | {path for key, child in children for path in paths(child, (*above, key))}


values = st.recursive(
    st.integers(-(10**9), 10**9) | st.booleans() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), values, max_size=4), st.booleans())
def test_every_key_of_any_toml_text_is_found(tree: dict[str, Any], multiline: bool) -> None:
    assert set(key_lines(tomli_w.dumps(tree, multiline_strings=multiline))) == paths(tree)
