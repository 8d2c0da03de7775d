"""A folder of its own for every test of the command line."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

TINY = """
schema = 1
name = "tiny"
title = "A counter with one clerk"
horizon = "20s"
arrivals = { process = "poisson", rate = "20/s" }
people = { timeout = "5s", attempts = 1, retry_delay = "0s" }
stages = [{ name = "counter", servers = 1, service = "10ms" }]
gates = [{ name = "most-get-one", metric = "orders.placed_share", min = 0.9 }]
milestones = [{ name = "a-few", metric = "orders.placed", value = 1, tolerance = "1%" }]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in a folder of its own, with a small scenario and no variables of ours."""
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where tracebacks of internal errors go
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path
