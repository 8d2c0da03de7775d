"""`sluice live` that is killed leaves nothing behind: every process that it started ends, whenever that was."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.cli.processes import environment

SHOP = """
schema = 1
name = "shop"
title = "A shop"
horizon = "10m"
arrivals = { process = "steady", rate = "5/s" }
people = { timeout = "1s" }
stages = [{ name = "till", servers = 4, service = "20ms" }]
"""
MARK = "STARTED_BY_TEST"
SOON_S = 60.0

MOMENTS: dict[str, Callable[[Path, int], bool]] = {
    "its stack starts": lambda run, started: started > 1,
    "Locust begins to load": lambda run, started: (run / "locust" / "locust.log").exists(),
    "Locust has forked": lambda run, started: started >= 1 + 2 + 3,
    "people stand ready": lambda run, started: any(run.glob("people/ready-*")),
    "people play": lambda run, started: (run / "people" / "begin.json").exists(),
}


def marked(mark: str) -> list[psutil.Process]:
    """The processes that live and have this mark in their environment, which children inherit."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get(MARK) == mark and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_all_that_a_killed_command_has_started_ends(moment: str, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP)
    mark, out = uuid.uuid4().hex, tmp_path / "runs"
    command = [sys.executable, "-m", "sluice", "live", str(tmp_path / "shop.toml"), "--for", "10m", "--out", str(out)]
    with (tmp_path / "said").open("wb") as said:
        running = subprocess.Popen(
            [*command, "--users-processes", "2"], env=environment(**{MARK: mark}), stdout=said, stderr=said
        )
    try:
        while not MOMENTS[moment](next(out.glob("*"), out), len(marked(mark))):
            assert running.poll() is None, (tmp_path / "said").read_text()
            time.sleep(0.01)
        running.kill()
        running.wait()
        left = marked(mark)
        assert left
        until_s = time.monotonic() + SOON_S
        while left and time.monotonic() < until_s:
            time.sleep(0.1)
            left = marked(mark)
        assert not [one.cmdline() for one in left]
    finally:
        running.kill()
        running.wait()
        for one in marked(mark):
            one.kill()
