"""`sluice live` as a process, against servers that are processes too."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from benchmarks.servers import Server
from reports.html import html
from scenarios.live_lives import ANSWERS
from simulator import results
from simulator.live_schema import live_schema
from sluice.exits import Exit
from sluice.live import MARGIN_S
from tests.cli.processes import TOP, environment, hearing_signals, only_run, process
from tests.live.servers import FakeGateway, PackageIndex

SHOP = """
schema = 1
name = "shop"
title = "A shop"
horizon = "30s"
arrivals = { process = "steady", rate = "60/s" }
people = { timeout = "1s", attempts = 2, retry_delay = "500ms" }
stages = [{ name = "till", servers = 4, service = "20ms" }]
live.longest_lag = "2s"
"""
UPLOADS = r'''
[live.target]
path = "/"
headers = { Content-Type = "multipart/form-data; boundary=sluice" }
answers = [{ status = 200, verdict = "placed" }, { status = 409, verdict = "sold_out" }]
body = """\
--sluice\r\nContent-Disposition: form-data; name=":action"\r\n\r\nfile_upload\r\n\
--sluice\r\nContent-Disposition: form-data; name="content"; filename="tea-{want}.tar.gz"\r\n\r\nan order\r\n\
--sluice--\r\n"""
'''


@pytest.fixture(scope="module")
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text(SHOP)
    return path


def run(shop: Path, server: Server, *more: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    out = shop.parent / "runs"
    url = f"http://127.0.0.1:{server.port}"
    done = process("live", str(shop), "--target", url, "--for", "4s", "--out", str(out), "--quiet", *more)
    return done, out


def read(out: Path) -> tuple[dict[str, Any], results.RunResult]:
    found = results.read(only_run(out))
    jsonschema.validate(found.summary, live_schema())
    return dict(found.summary), found


def test_people_are_told_what_the_server_says_and_do_as_the_model_says(shop: Path, gateway: FakeGateway) -> None:
    done, out = run(shop, gateway)
    assert done.returncode == Exit.PASS, done.stderr
    assert "Agreement" in done.stdout
    summary, found = read(out)
    rows = found.attempts
    assert rows is not None
    answers = np.array(ANSWERS)[rows["answer"]]
    want, attempt, start_ns = rows["want"], rows["attempt"], rows["start_ns"]
    over = start_ns < 2_800_000_000
    assert set(answers[over & (want % 3 != 0)]) == {"placed"}
    assert set(answers[over & (want % 6 == 3)]) == {"throttled"}
    assert set(answers[over & (want % 6 == 0)]) == {"timed_out"}
    # Retry-After is heeded, for it is longer than the think time; who has waited in vain thinks from the timeout on
    first, again = want[attempt == 1], want[attempt == 2]
    told = dict(zip(want[attempt == 1], start_ns[attempt == 1], strict=True))
    waited = {int(w): int(at - told[w]) for w, at in zip(again, start_ns[attempt == 2], strict=True)}
    assert {wait for w, wait in waited.items() if w % 6 == 0} == {1_500_000_000}
    assert all(2_000_000_000 < wait < 2_300_000_000 for w, wait in waited.items() if w % 6 == 3)
    assert set(first.tolist()) == set(range(240))
    timed_out = rows["answered_ns"][answers == "timed_out"] - start_ns[answers == "timed_out"]
    assert set(timed_out.tolist()) == {1_000_000_000}
    assert summary["people"]["wanted"] == 240
    assert summary["generator"]["behind"] == []
    assert summary["ledger"] is None
    # Locust counts from the intended start, and writes its own files
    stats = json.loads((only_run(out) / "locust" / "stats.json").read_text())
    assert stats[0]["name"] == "/v1/orders"
    assert stats[0]["max_response_time"] == pytest.approx(1000, abs=1)
    assert {"report.html", "stats_stats.csv", "stats_failures.csv"} <= {
        p.name for p in (only_run(out) / "locust").iterdir()
    }
    assert "Live beside simulated" in html(found)


def test_two_processes_share_the_people(shop: Path, gateway: FakeGateway) -> None:
    done, out = run(
        shop, gateway, "--users-processes", "2", "--speed", "2", "--set", "bucket=1s", "--set", "horizon=4s"
    )
    assert done.returncode == Exit.PASS, done.stderr
    summary, found = read(out)
    assert summary["generator"]["processes"] == 2
    assert found.attempts is not None
    first = found.attempts["attempt"] == 1
    assert found.attempts["want"][first].tolist() == list(range(240))
    assert summary["generator"]["target_per_s"] > 120


def test_laws_of_the_client_turn_at_their_instants(shop: Path, gateway: FakeGateway) -> None:
    law = "admission=[{name='all', at='client', law='token_bucket', rate='off'}]"
    turned = (
        "timelines=[{name='less', knob='admission.all.rate', steps=[['1s', '10/s'], ['2s', 'off'], ['3s', '1/h']]}]"
    )
    done, out = run(shop, gateway, "--set", law, "--set", turned, "--set", "people.attempts=1", "--format", "json")
    assert done.returncode == Exit.PASS, done.stderr
    _, found = read(out)
    assert found.attempts is not None
    starts_ns = found.attempts["start_ns"]
    sent = [int(np.count_nonzero(starts_ns // 1_000_000_000 == second)) for second in range(4)]
    assert sent == [60, 19, 60, 1]  # a burst of 10, and 10/s; a burst of 1
    slower, out = run(shop, gateway, "--set", law, "--set", turned, "--from", "1500ms", "--for", "400ms")
    assert slower.returncode == Exit.PASS, slower.stderr
    found = results.read(max(out.iterdir(), key=lambda path: path.stat().st_mtime_ns))
    assert found.attempts is not None
    assert np.count_nonzero(found.attempts["start_ns"] >= 1_500_000_000) == 4  # the burst has been spent before


def test_a_generator_that_may_have_few_in_flight_falls_behind_and_says_so(shop: Path, gateway: FakeGateway) -> None:
    done, out = run(shop, gateway, "--set", "live.most_in_flight=2", "--format", "json")
    assert done.returncode == Exit.INCONCLUSIVE
    assert "the generator fell behind: " in done.stderr
    assert "attempts were dropped: more than 2 in flight" in done.stderr
    summary, _ = read(out)
    assert json.loads(done.stdout) == summary
    assert summary["generator"]["dropped"] > 50


def test_an_api_that_nobody_here_made_is_asked_by_its_mapping(shop: Path) -> None:
    shop.write_text(SHOP + UPLOADS)
    with PackageIndex() as server:
        fewer = ("--set", "arrivals.rate=20/s", "--set", "people.attempts=1", "--set", "people.timeout=9s")
        first, out = run(shop, server, *fewer)
        taken = server.packages()
        again, _ = run(shop, server, *fewer, "--for", "2s", "--format", "json")
    assert (first.returncode, again.returncode) == (Exit.PASS, Exit.PASS), first.stderr
    found = results.read(min(out.iterdir()))
    rows = found.attempts
    assert rows is not None
    placed = rows["want"][rows["answer"] == ANSWERS.index("placed")]
    assert {f"tea-{want}.tar.gz" for want in placed} <= taken
    assert len(placed) >= 60
    failures = json.loads(again.stdout)["failures"]
    assert failures["sold_out"] == sum(failures.values()) >= 30


def test_a_server_that_is_not_there_is_an_error_for_every_attempt(shop: Path) -> None:
    with FakeGateway() as server:
        pass
    done, out = run(shop, server, "--for", "2s")
    assert done.returncode == Exit.PASS, done.stderr
    summary, _ = read(out)
    assert summary["failures"]["error"] == summary["attempts"]["offered"] - summary["attempts"]["unanswered"] > 100


def test_what_there_is_is_written_after_ctrl_c(shop: Path, gateway: FakeGateway) -> None:
    out = shop.parent / "runs"
    command = [sys.executable, "-m", "sluice", "live", str(shop), "--target", gateway.url, "--out", str(out)]
    running = subprocess.Popen(
        [*command, "--for", "30s"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hearing_signals,
    )
    try:
        begun = False
        while not begun:
            assert running.poll() is None
            begun = any(out.glob("*/people/begin.json")) if out.exists() else False
        time.sleep(2.5)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == Exit.INTERRUPTED, said
    assert "INTERRUPTED" in said[0]
    summary, _ = read(out)
    assert 1 < summary["ended_s"] < 10
    assert summary["attempts"]["offered"] > 60
    assert summary["generator"]["behind"] == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--target", "http://shop.example"), "--target 'http://shop.example': is not on this machine"),
        (("--from", "1h"), "--from 3600s: the scenario has ended by then"),
        (("--for", "0s"), "--for 0s: nothing happens in no time"),
        (("--speed", "0"), "--speed 0: needs more than 0"),
        (("--redis", "redis://127.0.0.1"), "--redis: is for a stack of ours"),
        (("--set", "live.faults=[{name='f', at='1s', kind='kill_worker'}]"), "live.faults.f: a stack of somebody else"),
        (
            ("--set", "controls=[{name='c', process='runbook', with={rules=[]}}]"),
            "--target: controls.c: a stack of somebody else has no knobs to turn",
        ),
        (
            (
                "--users-processes",
                "2",
                "--set",
                "admission=[{name='b', at='client', law='retry_budget'}]",
            ),
            "admission.b: a retry_budget that all people share is kept by one process",
        ),
        (("--set", "arrivals.rate=30000/s"), "--scale 1: does not fit this machine"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_starts(shop: Path, more: tuple[str, ...], says: str) -> None:
    out = shop.parent / "runs"
    done = process("live", str(shop), "--target", "http://127.0.0.1:9", "--out", str(out), "--for", "2s", *more)
    assert done.returncode == Exit.USAGE, done.stderr
    assert says in done.stderr
    assert not out.exists()


def test_the_pages_of_locust_are_there_while_the_slice_is_played_and_no_longer(
    shop: Path, gateway: FakeGateway, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "sluice", "live", str(shop), "--target", gateway.url, "--web", "--for", "12s"]
    with (tmp_path / "said").open("w") as said:
        running = subprocess.Popen(
            [*command, "--out", str(tmp_path / "runs")], env=environment(), stdout=subprocess.DEVNULL, stderr=said
        )
    try:
        while (found := re.search(r"^Locust: (http://127\.0\.0\.1:\d+)$", _read(tmp_path / "said"), re.M)) is None:
            assert running.poll() is None
            time.sleep(0.1)
        page = _asked(found[1])
        assert "<title>Locust</title>" in page
        assert gateway.url in page
        asked = 0
        while asked < 60:  # of 60 a second
            assert running.poll() is None
            asked = json.loads(_asked(f"{found[1]}/stats/requests"))["stats"][-1]["num_requests"]
            time.sleep(0.1)
        assert running.wait(timeout=MARGIN_S - 15) == Exit.PASS  # by itself, not because it has taken too long
    finally:
        running.kill()
        running.wait()
    with pytest.raises(OSError, match="refused"):
        _asked(found[1])
    assert (only_run(tmp_path / "runs") / "locust" / "stats.json").exists()


def _asked(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_plain_locust_plays_a_plan(shop: Path, gateway: FakeGateway) -> None:
    plan = shop.parent / "plan.json"
    plan.write_text(json.dumps({"scenario": "shop.toml", "for": "2s"}))
    locustfile = TOP / "scenarios" / "locustfile.py"
    command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "-u", "1", "--host", gateway.url]
    told = environment(SLUICE_LIVE_PLAN=str(plan))
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr  # as Locust ends where something failed: a third is refused here
    assert (shop.parent / "attempts-0.parquet").exists()
    assert json.loads((shop.parent / "generator-0.json").read_text())["ended_ns"] == 2_000_000_000


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (None, "SLUICE_LIVE_PLAN is not set"),
        ("{", "is no JSON"),
        ('{"scenario": "shop.toml", "rate": 1}', "rate: Extra inputs are not permitted"),
        ('{"scenario": "shop.toml", "url": "http://shop.example"}', "load goes to loopback alone"),
        ('{"scenario": "shop.toml", "from": "30s"}', "from: the slice begins when the scenario has ended"),
        ('{"scenario": "shopp"}', "is neither in the catalogue nor a file"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(shop: Path, plan: str | None, says: str) -> None:
    file = shop.parent / "plan.json"
    file.write_text(plan or "")
    locustfile = TOP / "scenarios" / "locustfile.py"
    told = environment(**({} if plan is None else {"SLUICE_LIVE_PLAN": str(file)}))
    command = [sys.executable, str(locustfile)]
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert says in done.stderr
    assert os.linesep not in done.stderr.strip()
