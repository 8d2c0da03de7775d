"""The map of the packages, as a test: arrows run one way, and each heavy library has one home."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import arrows

TOP = Path(__file__).parent.parent


def written(top: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = top / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return top


def test_every_import_follows_the_arrows() -> None:
    assert arrows.broken(arrows.imports(arrows.modules(TOP))) == []


def test_no_module_imports_itself_through_others() -> None:
    tree = arrows.modules(TOP)
    assert arrows.cycle(arrows.imports(tree), tree) == []


def test_the_tree_that_is_read_is_the_real_one() -> None:
    tree = arrows.modules(TOP)
    assert {"limits", "scenarios.model", "simulator.rank", "reports.text", "sluice.cli"} <= tree.keys()
    found = {(one.module, one.target) for one in arrows.imports(tree)}
    assert ("scenarios.model", "scenarios.units") in found
    assert ("simulator.reference.instants", "simpy") in found


def test_nothing_imports_the_tests() -> None:
    files = [file for package in [*arrows.MAY_IMPORT, "benchmarks"] for file in (TOP / package).rglob("*.py")]
    assert [file.name for file in files if re.search(r"^\s*(from|import) tests\b", file.read_text("utf-8"), re.M)] == []


@pytest.mark.parametrize("package", ["limits", "scenarios", "reports"])
def test_no_engine_is_reached_through_others(package: str) -> None:
    everything = arrows.reached(package, arrows.imports(arrows.modules(TOP)))
    assert [name for name in sorted(everything) if name.startswith(arrows.ENGINES)] == []


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("limits/gcra.py", "import numpy", "limits.gcra:1 imports numpy, and limits is for the standard library only"),
        ("limits/gcra.py", "from scenarios import units", "limits.gcra:1 imports scenarios, against the arrows"),
        ("limits/gcra.py", "import redis", "limits.gcra:1 imports redis, which only limits.shared may"),
        ("scenarios/model.py", "import simulator.outcome", "imports simulator.outcome, against the arrows"),
        ("scenarios/model.py", "from sluice.exits import Exit", "imports sluice.exits, against the arrows"),
        ("simulator/books.py", "import reports.text", "imports reports.text, against the arrows"),
        (
            "simulator/books.py",
            "import simpy",
            "imports simpy, which only simulator.reference and simulator.control and",
        ),
        ("simulator/books.py", "def f():\n    import numba", "simulator.books:2 imports numba, which only"),
        ("simulator/reference/a.py", "from numba import njit", "imports numba, which only simulator.compiled may"),
        ("reports/html.py", "from simulator.reference import engine", "against the arrows: reports may import"),
        ("reports/html.py", "from simulator.run import simulate", "imports simulator.run, against the arrows"),
        ("reports/html.py", "import matplotlib.pyplot", "which only reports.plots may"),
        ("sluice/run.py", "import uvloop", "imports uvloop, which only simulator.live may"),
        ("sluice/run.py", "import locust", "imports locust, which only scenarios.locustfile may"),
        ("reports/html.py", "import importlib\nimportlib.import_module('simpy')", "reports.html:2 imports simpy"),
        ("reports/html.py", "name = 'simpy'\n__import__(name)", "reports.html:2 imports ?"),
        ("simulator/compiled/a.py", "from ...reports import text", "simulator.compiled.a:1 imports reports"),
    ],
)
def test_an_import_against_the_arrows_is_named(tmp_path: Path, file: str, text: str, says: str) -> None:
    found = arrows.broken(arrows.imports(arrows.modules(written(tmp_path, {file: text}))))
    assert len(found) == 1
    assert says in found[0]


def test_what_the_map_allows_is_allowed(tmp_path: Path) -> None:
    allowed = {
        "limits/shared.py": "import redis, math",
        "scenarios/model.py": "import pydantic\nfrom limits import gcra",
        "scenarios/locustfile.py": "import locust",
        "simulator/results.py": "import pyarrow",
        "simulator/reference/engine.py": "import simpy\nfrom scenarios import model",
        "simulator/compiled/__init__.py": "import numba",
        "reports/plots.py": "import matplotlib\nfrom simulator.results import read\nfrom scenarios import model",
        "sluice/run.py": "from simulator.reference import engine\nfrom reports import plots",
    }
    assert arrows.broken(arrows.imports(arrows.modules(written(tmp_path, allowed)))) == []


def test_a_cycle_is_found_with_its_way_round(tmp_path: Path) -> None:
    files = {
        "limits/__init__.py": "",
        "limits/a.py": "from limits import b",
        "limits/b.py": "def late():\n    from .c import d",
        "limits/c.py": "import limits.a",
    }
    tree = arrows.modules(written(tmp_path, files))
    assert arrows.cycle(arrows.imports(tree), tree) == ["limits.a", "limits.b", "limits.c", "limits.a"]


def test_modules_that_only_name_each_others_types_are_no_cycle(tmp_path: Path) -> None:
    files = {
        "limits/a.py": "import typing\nif typing.TYPE_CHECKING:\n    from limits.b import B",
        "limits/b.py": "from limits.a import A",
    }
    tree = arrows.modules(written(tmp_path, files))
    assert arrows.cycle(arrows.imports(tree), tree) == []


def test_an_engine_behind_a_results_module_is_reached(tmp_path: Path) -> None:
    files = {
        "reports/text.py": "from simulator import results",
        "simulator/__init__.py": "",
        "simulator/results.py": "from simulator.run import RunResult",
        "simulator/run.py": "",
    }
    found = arrows.imports(arrows.modules(written(tmp_path, files)))
    assert "simulator.run" in arrows.reached("reports", found)
