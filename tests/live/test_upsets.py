"""A stack that is hurt while it serves: nothing placed is lost or doubled, and it serves again."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmarks.servers import PostgresServer, RedisServer
from scenarios.model import Scenario
from simulator.live import faults
from simulator.live.stack import START_S, Stack, StackError
from tests.live.stacks import Client, admin_of, check_books, order_once, running, scenario, until, verdict

AGAIN_S = 10.0
SHOP = scenario(
    stages=[
        {"name": "till", "servers": 100, "service": {"kind": "exponential", "mean": "20ms"}},
        {"name": "coupon", "servers": 10, "service": "1ms", "budget": 1_000_000},
    ],
    admission=[{"name": "door", "at": "gateway", "law": "token_bucket", "rate": "5000/s"}],
)


class Crowd:
    """People who want one order after the other, and try each until it is placed."""

    def __init__(self, url: str, people: int = 8) -> None:
        self.told: set[int] = set()
        self.failed = 0
        self._url = url
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._live, args=(number,)) for number in range(people)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Return when so many more orders are placed; fail where that takes too long."""
        whole, until_s = len(self.told) + more, time.monotonic() + AGAIN_S
        while len(self.told) < whole:
            assert time.monotonic() < until_s, f"served {len(self.told)} and no more"
            time.sleep(0.01)

    def _live(self, number: int) -> None:
        client, want, attempt = Client(self._url), (number + 1) << 32, 0
        while not self._ending.is_set():
            attempt += 1
            try:
                status, _, said = client.order(want, attempt, timeout_ms=2000)
            except (OSError, http.client.HTTPException):
                status, said = 0, {}
            if status in (200, 201):
                assert said["verdict"] == "placed"
                self.told.add(want)
                want, attempt = want + 1, 0
            else:
                self.failed += 1
                time.sleep(0.01)
        client.close()


def hurt(stack: Stack, upset: Callable[[], None], times: int = 2) -> None:
    """Let a crowd order while something happens to the stack, several times, and check the books."""
    with Crowd(stack.gateway) as crowd:
        crowd.wait_for(50)
        for _ in range(times):
            upset()
            crowd.wait_for(50)
    check_books(stack, crowd.told)
    for want, number, *_ in list(stack.ledger_rows())[:3]:  # who asks for an old one is told of it
        status, _, said = order_once(stack.gateway, want, attempt=1)
        assert (status, said["order"], said["replayed"]) == (200, str(number), True)


@pytest.mark.parametrize(("workers", "times"), [(1, 2), (2, 1)])
def test_killed_processes_are_started_again_and_no_order_is_lost(tmp_path: Path, workers: int, times: int) -> None:
    with running(SHOP, tmp_path, workers=workers) as stack:
        before = stack.pids
        hurt(stack, lambda: stack.upset("kill_upstream"), times)
        hurt(stack, lambda: stack.upset("kill_worker"), times)
        assert stack.restarts == 2 * times
        after = stack.pids
        assert before.keys() == after.keys()
        assert before["upstream"] != after["upstream"]
        assert before["gateway-0"] != after["gateway-0"]


def test_a_new_upstream_has_the_coupons_that_are_left_and_the_knobs_that_were_turned(tmp_path: Path) -> None:
    few = scenario(stages=[{"name": "till", "servers": 50, "service": "1ms", "budget": 4}])
    with running(few, tmp_path) as stack:
        admin = Client(stack.admin)
        assert [verdict(order_once(stack.gateway, want))[1] for want in (1, 2, 3)] == ["placed"] * 3
        turn = {"knob": "stages.till.servers", "value": 0}
        assert admin.ask("POST", "/admin/incidents", turn, admin_of(stack))[0] == 200
        admin.close()
        stack.upset("kill_upstream")
        assert stack.gauges()["orders"] == 3  # says the new one
        until(stack.is_healthy)
        assert verdict(order_once(stack.gateway, 4, timeout_ms=300)) == (504, "expired")
        stack.turn("stages.till.servers", 50)
        until(lambda: stack.gauges()["attempts"] == 0)  # the first of want 4 has given its unit back
        assert [verdict(order_once(stack.gateway, want, 2))[1] for want in (4, 5, 6)] == ["placed"] + ["sold_out"] * 2
        check_books(stack, {1, 2, 3})


def test_an_attempt_is_answered_when_its_upstream_dies_and_what_it_overtook_stays_fenced_off(tmp_path: Path) -> None:
    with running(scenario(), tmp_path) as stack, ThreadPoolExecutor(2) as others:
        stack.turn("stages.till.servers", 0)
        first = others.submit(order_once, stack.gateway, 1, timeout_ms=60_000)
        until(lambda: stack.gauges()["stages.till.backlog"] == 1)
        second = others.submit(order_once, stack.gateway, 1, attempt=2, timeout_ms=60_000)
        assert verdict(first.result()) == (504, "expired")
        until(lambda: stack.gauges()["transactions"] == 1)
        stack.upset("kill_upstream")
        assert verdict(second.result()) == (502, "error")
        until(stack.is_healthy)
        stack.turn("stages.till.servers", 1)  # the new upstream has the knobs of the old one
        assert verdict(order_once(stack.gateway, 1)) == (504, "expired")
        assert verdict(order_once(stack.gateway, 1, attempt=2)) == (201, "placed")
        check_books(stack, {1})


def test_a_fault_hurts_only_what_is_a_server_of_this_machine(tmp_path: Path) -> None:
    def broken(kind: str, **more: str) -> Scenario:
        return scenario(live={"faults": [{"name": "f", "at": "0s", "kind": kind, **more}]})

    pause = broken("pause_redis", **{"for": "1s"})
    wrong: list[tuple[Scenario, dict[str, Any], str]] = [
        (pause, {}, "live.faults.f: pause_redis: there is no Redis"),
        (pause, {"redis_url": "redis://10.0.0.1"}, "'10.0.0.1' is not this machine"),
        (broken("restart_postgres"), {}, "the ledger is no PostgreSQL"),
        (broken("restart_postgres"), {"ledger_url": "postgresql://10.0.0.1/x"}, "'10.0.0.1' is not this machine"),
    ]
    for of, options, said in wrong:
        with pytest.raises(ValueError, match=said), running(of, tmp_path, **options):
            pass
    with socket.create_server(("127.0.0.1", 0)) as tunnel, ThreadPoolExecutor(1) as other:

        def answers() -> None:
            connection, _ = tunnel.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"$1\r\nprocess_id:%d\r\n" % os.getpid())

        other.submit(answers)
        with pytest.raises(OSError, match="is no redis of this machine"):
            faults.pause_redis(f"redis://127.0.0.1:{tunnel.getsockname()[1]}", lambda: None)


def test_postgres_restarts_and_the_upstream_dies_and_no_order_is_lost(tmp_path: Path, postgres: PostgresServer) -> None:
    with running(SHOP, tmp_path, ledger_url=postgres.url()) as stack:
        hurt(stack, lambda: stack.upset("restart_postgres"))
        hurt(stack, lambda: stack.upset("kill_upstream"), times=1)
        assert verdict(order_once(stack.gateway, 1)) == (201, "placed")


def test_workers_share_one_rate_through_redis_and_serve_without_it(tmp_path: Path, redis_server: RedisServer) -> None:
    narrow = scenario(
        stages=[{"name": "till", "servers": 100, "service": "1ms"}],
        admission=[{"name": "door", "at": "gateway", "law": "token_bucket", "rate": "100/s", "burst": 20}],
    )
    with running(narrow, tmp_path, workers=2, redis_url=redis_server.url) as stack:
        began_s = time.monotonic()
        with Crowd(stack.gateway) as crowd:
            time.sleep(2.0)
            placed, passed_s = len(crowd.told), time.monotonic() - began_s
            assert 0.5 * 100 * passed_s < placed <= 20 + 100 * passed_s + 2 * 10
            stack.upset("pause_redis", for_s=1.0)
            crowd.wait_for(50)
        assert crowd.failed > 0
        check_books(stack, crowd.told)


def test_one_process_decides_for_all_workers_without_redis(tmp_path: Path) -> None:
    few = scenario(admission=[{"name": "door", "at": "gateway", "law": "fixed_window", "limit": 20, "window": "1h"}])
    with running(few, tmp_path, workers=2) as stack:
        answers = [verdict(order_once(stack.gateway, want)) for want in range(40)]
    assert answers == [(201, "placed")] * 20 + [(429, "throttled")] * 20


def test_a_waiting_room_keeps_places_in_real_time(tmp_path: Path) -> None:
    room = {"name": "room", "at": "gateway", "law": "waiting_room", "rate": "1/s", "burst": 5, "opens": "20s"}
    with running(scenario(admission=[room]), tmp_path, speed=10.0) as stack:
        for want in range(1, 6):
            assert verdict(order_once(stack.gateway, want)) == (429, "throttled")
        time.sleep(2.7)  # it opened some seconds ago
        for want in range(1, 6):
            assert verdict(order_once(stack.gateway, want, attempt=2)) == (201, "placed")


def test_a_law_that_is_no_rule_of_the_library_is_asked_by_the_model(tmp_path: Path) -> None:
    learned = {"name": "learned", "at": "gateway", "law": "seda", "target": "1s", "start": "0.05/s", "most": "0.05/s"}
    with running(scenario(admission=[learned]), tmp_path) as stack:
        answers = [verdict(order_once(stack.gateway, want)) for want in (1, 2)]
    assert answers == [(201, "placed"), (429, "throttled")]


def test_a_slow_disk_makes_people_wait_and_changes_nothing_else(tmp_path: Path) -> None:
    with running(SHOP, tmp_path) as stack:
        slow = threading.Thread(target=lambda: stack.upset("slow_disk", delay_s=0.5, for_s=1.5))
        slow.start()
        time.sleep(0.2)
        began_s = time.monotonic()
        assert verdict(order_once(stack.gateway, 1)) == (201, "placed")
        assert time.monotonic() - began_s > 0.4
        assert verdict(order_once(stack.gateway, 2, timeout_ms=200)) == (504, "expired")
        assert verdict(order_once(stack.gateway, 2, attempt=2)) in ((200, "placed"), (201, "placed"))
        slow.join()
        check_books(stack, {1, 2})


def test_a_disk_that_is_slow_is_so_for_a_new_upstream_too(tmp_path: Path) -> None:
    with running(SHOP, tmp_path) as stack:
        slow = threading.Thread(target=lambda: stack.upset("slow_disk", delay_s=0.7, for_s=600.0))
        slow.start()
        while not stack.settings.slow_s():
            time.sleep(0.01)
        stack.upset("kill_upstream")
        while not stack.is_healthy():
            time.sleep(0.01)
        began_s = time.monotonic()
        assert verdict(order_once(stack.gateway, 1)) == (201, "placed")
        assert time.monotonic() - began_s > 0.6
    slow.join()


def test_an_attempt_that_nobody_awaits_places_nothing(tmp_path: Path) -> None:
    slow = scenario(stages=[{"name": "till", "servers": 50, "service": "600ms"}])
    with running(slow, tmp_path) as stack:
        assert verdict(order_once(stack.gateway, 1, timeout_ms=200)) == (504, "expired")
        assert stack.gauges()["stages.till.busy"] == 1  # the work goes on
        time.sleep(0.8)
        assert stack.gauges()["stages.till.busy"] == 0
        assert list(stack.ledger_rows()) == []
        status, _, said = order_once(stack.gateway, 1, attempt=2)
        assert (status, said["replayed"]) == (201, False)
        check_books(stack, {1})


def test_what_cannot_run_is_said_before_anything_starts(tmp_path: Path) -> None:
    window = scenario(admission=[{"name": "door", "at": "gateway", "law": "fixed_window", "limit": 2, "window": "1s"}])
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"workers": 0}, "workers = 0"),
        ({"speed": 0.0}, "speed = 0"),
        ({"workers": 2, "redis_url": "redis://127.0.0.1:1"}, "admission.door: a fixed_window cannot be leased"),
    ]
    for options, said in wrong:
        with pytest.raises(ValueError, match=said), running(window, tmp_path, **options):
            pass
    began_s = time.monotonic()
    with pytest.raises(StackError, match="did not start"), running(window, tmp_path, ledger_url="sqlite:////no/where"):
        pass
    assert time.monotonic() - began_s < START_S / 2  # as soon as one has ended
