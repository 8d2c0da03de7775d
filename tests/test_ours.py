"""sluice refuses to start where another distribution's `limits` is mixed with its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sluice import ours

TOP = Path(__file__).parent.parent


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Sluice as pip would have installed it, in a folder of its own."""
    folder = tmp_path / "site"
    files = [*TOP.glob("sluice/*.py"), *TOP.glob("limits/*.py")]
    for file in files:
        there = folder / file.relative_to(TOP)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, there)
    metadata = folder / "sluice-0.1.0.dist-info"
    metadata.mkdir()
    record = "".join(f"{file.relative_to(TOP).as_posix()},sha256=x,1\n" for file in files)
    (metadata / "RECORD").write_text(record)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sluice\nVersion: 0.1.0\n")
    return folder


def installed(site: Path, name: str, files: dict[str, str]) -> None:
    """Install another distribution over what is there, as pip does."""
    for file, text in files.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text)
    metadata = site / f"{name}-5.6.0.dist-info"
    metadata.mkdir()
    (metadata / "RECORD").write_text("".join(f"{file},sha256=y,2\n" for file in files))
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 5.6.0\n")


def started(*path: Path) -> subprocess.CompletedProcess[str]:
    """Start sluice with nothing else on its path: without click, a start that is not refused fails with 1."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-S", "-m", "sluice", "--help"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=path[0])


def test_our_own_limits_is_ours(site: Path) -> None:
    result = started(site)
    assert result.returncode == 1
    assert "No module named 'click'" in result.stderr


def test_a_distribution_called_limits_is_refused_with_a_remedy(site: Path) -> None:
    installed(site, "limits", {"limits/storage.py": "", "limits/__init__.py": "theirs = True\n"})
    result = started(site)
    assert (result.returncode, result.stdout) == (2, "")
    assert "the distribution limits-5.6.0 brings a package `limits` too" in result.stderr
    assert "`pip uninstall limits`" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_distribution_called_limits_anywhere_on_the_path_is_refused(site: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    installed(other, "limits", {"limits/__init__.py": ""})
    assert started(site, other).returncode == 2


def test_a_limits_that_stands_before_ours_is_refused(site: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    installed(first, "speed-bumps", {"limits/__init__.py": "raise SystemExit('it was run')\n"})
    result = started(first, site)
    assert result.returncode == 2
    assert f"imported from {first}/limits/__init__.py" in result.stderr
    assert "`pip uninstall speed-bumps`" in result.stderr


def test_a_limits_that_was_written_over_ours_is_refused(site: Path) -> None:
    installed(site, "speed-bumps", {"limits/__init__.py": ""})
    result = started(site)
    assert result.returncode == 2
    assert f"another distribution wrote over {site}/limits/__init__.py" in result.stderr
    assert "`pip uninstall speed-bumps`" in result.stderr


def test_a_strange_module_among_ours_is_refused(site: Path) -> None:
    installed(site, "speed-bumps", {"limits/storage/memory.py": ""})
    result = started(site)
    assert result.returncode == 2
    assert f"{site}/limits/storage/memory.py is not part of sluice" in result.stderr
    assert "`pip uninstall speed-bumps`" in result.stderr


def test_a_limits_that_was_taken_out_with_another_is_missed(site: Path) -> None:
    (site / "limits" / "__init__.py").unlink()
    result = started(site)
    assert result.returncode == 2
    assert "its own package `limits` is missing or damaged" in result.stderr
    assert "install sluice again" in result.stderr


def test_this_environment_is_ours() -> None:
    assert ours.problem() is None
