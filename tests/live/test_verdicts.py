"""What a person is told by a real stack: every verdict over HTTP, with processes of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from simulator.live.stack import Stack
from tests.live.stacks import ANYBODY, Client, admin_of, check_books, order_once, running, scenario, until, verdict

SEGMENTS = [{"name": name, "share": 0.25, "priority": number} for number, name in enumerate("abcd")]


def by_priority(name: str, number: int, **law: Any) -> dict[str, Any]:
    """A law that is asked about one segment alone, so that tests of one stack do not meet."""
    return {"name": name, "at": "gateway", "priorities": [number], **law}


ALL = scenario(
    segments=SEGMENTS,
    admission=[
        by_priority("rate", 1, law="token_bucket", rate="1/h", burst=2),
        by_priority("nobody", 2, law="fixed_concurrency", limit=0),
        by_priority("inside", 3, law="fixed_concurrency", limit=1),
        {"name": "contract", "at": "stage:till", "law": "fixed_window", "limit": 1000, "window": "1h"},
    ],
    stages=[{"name": "till", "servers": 50, "service": "20ms", "deadline": True}],
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for tests in any order: each uses wants of its own, and leaves knobs as they were."""
    with running(ALL, tmp_path_factory.mktemp("verdicts")) as started:
        yield started
        check_books(started, set())


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client of it."""
    one = Client(stack.gateway)
    yield one
    one.close()


def test_an_order_is_placed_once_and_told_again_to_who_asks_again(stack: Stack, client: Client) -> None:
    status, _, said = client.order(100)
    assert (status, said["verdict"], said["replayed"]) == (201, "placed", False)
    again = client.order(100, attempt=2)
    assert verdict(again) == (200, "placed")
    assert (again[2]["order"], again[2]["replayed"]) == (said["order"], True)
    assert [row[0] for row in stack.ledger_rows()].count(100) == 1
    found = client.ask("GET", "/v1/orders/100", headers=admin_of(stack))
    assert (found[0], found[2]["order"], found[2]["attempt"]) == (200, said["order"], 1)
    assert client.ask("GET", "/v1/orders/101", headers=admin_of(stack))[0] == 404
    assert client.ask("GET", "/v1/orders/100")[0] == 401


def test_the_same_attempt_sent_twice_at_once_is_served_once(stack: Stack) -> None:
    def send(_: int) -> Any:
        return order_once(stack.gateway, 110)

    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(send, range(4)))
    assert {status for status, _, _ in answers} <= {200, 201}
    assert len({said["order"] for _, _, said in answers}) == 1
    assert [row[0] for row in stack.ledger_rows()].count(110) == 1


def test_a_rate_throttles_and_says_when_to_come_back(client: Client) -> None:
    of_b = {**ANYBODY, "segment": 1}
    assert [verdict(client.order(200, number, person=of_b))[1] for number in (1, 2)] == ["placed", "placed"]
    status, headers, said = client.order(201, person=of_b)
    assert (status, said) == (429, {"verdict": "throttled", "by": "rate"})
    assert 3500 < int(headers["retry-after"]) <= 3600
    assert headers["ratelimit"].startswith('"rate";r=0;t=')
    assert headers["ratelimit-policy"].startswith('"rate";q=2')


def test_no_place_at_all_is_overload_and_says_no_time(client: Client) -> None:
    status, headers, said = client.order(300, person={**ANYBODY, "segment": 2})
    assert (status, said, "retry-after" in headers) == (503, {"verdict": "shed", "by": "nobody"}, False)


def test_a_place_is_given_back_when_the_work_has_ended(stack: Stack, client: Client) -> None:
    of_d = {**ANYBODY, "segment": 3}
    for want in (400, 401):
        assert verdict(client.order(want, person=of_d)) == (201, "placed")
    with ThreadPoolExecutor(3) as several:
        answers = several.map(lambda want: order_once(stack.gateway, want, person=of_d)[2], range(402, 405))
    assert {said.get("by") for said in answers if said["verdict"] == "shed"} == {"inside"}


def test_who_has_no_time_left_has_expired(client: Client) -> None:
    body = {"want": "500", "attempt": 1, "person": ANYBODY, "timeout_ms": 10}
    long_ago = client.ask("POST", "/v1/orders", body, {"X-Sluice-Intended-Ns": "0"})
    assert verdict(long_ago) == (504, "expired")
    too_short = client.order(501, timeout_ms=5)
    assert (verdict(too_short), too_short[2]["by"]) == ((504, "expired"), "timeout")


def test_coupons_are_sold_out_when_the_budget_is_used_up(tmp_path: Path) -> None:
    few = scenario(stages=[{"name": "coupon", "servers": 50, "service": "1ms", "budget": 6}])
    with running(few, tmp_path) as stack:
        answers = [verdict(order_once(stack.gateway, want)) for want in range(1, 9)]
        assert answers == [(201, "placed")] * 6 + [(409, "sold_out")] * 2
        check_books(stack, set(range(1, 7)))
        assert stack.ledger_balance()["coupons"]["coupon"][1] == 0


def test_a_knob_is_turned_by_the_admin_alone_and_every_change_is_logged(stack: Stack, client: Client) -> None:
    admin = Client(stack.admin)
    for headers in ({}, {"Authorization": "Bearer guess"}):
        assert admin.ask("PATCH", "/admin/limits/contract", {"limit": 0}, headers)[0] == 401
        assert admin.ask("GET", "/admin/log", headers=headers)[0] == 401
    token = admin_of(stack)
    before = admin.ask("GET", "/admin/log", headers=token)[2]
    for path, body in (("limits/contract", {"limit": 0}), ("limits/rate", {"rate": "off"})):
        assert admin.ask("PATCH", f"/admin/{path}", body, token)[0] == 200
    assert verdict(client.order(700))[1] == "throttled"
    assert client.order(700)[2]["by"] == "till"
    of_b = {**ANYBODY, "segment": 1}
    assert [client.order(want, person=of_b)[2]["by"] for want in (701, 702, 703, 704)] == ["till"] * 4
    undo = admin.ask("POST", "/admin/incidents", {"knob": "admission.contract.limit", "value": 1000}, token)
    assert undo[0] == 200
    assert admin.ask("PATCH", "/admin/limits/rate", {"rate": "1/h"}, token)[0] == 200
    log = admin.ask("GET", "/admin/log", headers=token)[2][len(before) :]
    assert [(one["knob"], one["value"]) for one in log] == [
        ("admission.contract.limit", 0),
        ("admission.rate.rate", "off"),
        ("admission.contract.limit", 1000),
        ("admission.rate.rate", "1/h"),
    ]
    for knob, value in (("stages.till.server", 1), ("stages.till.servers", -1), ("stages.till.servers", "many")):
        status, _, said = admin.ask("POST", "/admin/incidents", {"knob": knob, "value": value}, token)
        assert (status, knob in said["error"]) == (400, True)
    assert admin.ask("GET", "/admin/limits/nothing", headers=token)[0] == 404
    admin.close()


def test_pages_for_machines(stack: Stack, client: Client) -> None:
    assert client.ask("GET", "/healthz")[::2] == (200, {"upstream": True})
    client.order(800)
    until(lambda: b'sluice_attempts_total{verdict="placed"}' in client.ask("GET", "/metrics")[2])
    figures = client.ask("GET", "/metrics")[2].decode()
    assert 'sluice_upstream{what="stages.till.busy"} 0.0' in figures
    assert 'sluice_response_seconds_bucket{le="60"}' in figures
    described = client.ask("GET", "/openapi.json")[2]
    assert set(described["paths"]) == {"/v1/orders", "/v1/orders/{want}", "/healthz", "/metrics", "/openapi.json"}
    assert stack.gauges()["attempts"] == 0


def test_what_is_no_attempt_is_refused_with_what_is_wrong(client: Client) -> None:
    good = {"want": "900", "attempt": 1, "person": ANYBODY, "timeout_ms": 1000}
    wrong: list[tuple[Any, str]] = [
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        ("{}".encode("utf-16"), "not JSON"),
        (b"[" * 4000, "nested"),
        ([], "not an object"),
        ({**good, "want": 900}, "want"),
        ({**good, "want": "9" * 20}, "want"),
        ({**good, "want": "-1"}, "want"),
        ({**good, "want": "٣"}, "want"),
        ({**good, "attempt": 0}, "attempt"),
        ({**good, "attempt": True}, "attempt"),
        ({**good, "attempt": 2**40}, "attempt"),
        ({**good, "person": None}, "person"),
        ({**good, "person": {"segment": 4}}, "person.segment"),
        ({**good, "person": {"zone": 1}}, "person.zone"),
        ({**good, "timeout_ms": -1}, "timeout_ms"),
        ({**good, "timeout_ms": 1e300}, "timeout_ms"),
        (b'{"want": "1", "attempt": 1, "person": {}, "timeout_ms": NaN}', "timeout_ms"),
        ({**good, "more": 1}, "more"),
    ]
    for body, about in wrong:
        status, _, said = client.ask("POST", "/v1/orders", body)
        assert (status, about in said["error"]) == (400, True), (body, said)
    assert client.ask("POST", "/v1/orders", good, {"Idempotency-Key": "901"})[0] == 400
    assert client.ask("POST", "/v1/orders", good, {"X-Sluice-Intended-Ns": "soon"})[0] == 400
    assert client.ask("POST", "/v1/orders", b"{" + b" " * 5000 + b"}")[0] == 413
    assert client.ask("DELETE", "/v1/orders")[0] == 405
    assert client.ask("GET", "/elsewhere")[0] == 404


def test_model_time_stands_until_it_begins_and_then_runs_as_fast_as_asked(tmp_path: Path) -> None:
    slow = scenario(stages=[{"name": "till", "servers": 1, "service": "2s"}], people={"timeout": "10s"})
    with running(slow, tmp_path, begun=False, speed=10.0, from_ns=5_000_000_000) as stack:
        with ThreadPoolExecutor(1) as other:
            answer = other.submit(order_once, stack.gateway, 1, timeout_ms=10_000)
            time.sleep(0.3)
            assert not answer.done()
            began_s = time.monotonic()
            stack.begin(time.monotonic_ns())
            assert verdict(answer.result()) == (201, "placed")
        assert 0.2 <= time.monotonic() - began_s < 0.9
        ((_, _, _, placed_ns),) = stack.ledger_rows()
        assert 7_000_000_000 <= placed_ns < 14_000_000_000


def test_incidents_of_the_scenario_happen_at_their_instants(tmp_path: Path) -> None:
    closed = scenario(
        stages=[{"name": "till", "servers": 1, "service": "1ms"}],
        admission=[{"name": "door", "at": "gateway", "law": "gcra", "rate": "1000/s"}],
        incidents=[
            {"name": "shut", "at": "10s", "for": "10s", "set": {"admission.door.rate": "0/s"}},
            {"name": "out", "at": "20s", "for": "5s", "set": {"stages.till.servers": 0}},
        ],
    )
    with running(closed, tmp_path, from_ns=5_000_000_000, speed=10.0) as stack:
        began_s = time.monotonic()
        with ThreadPoolExecutor(1) as other:
            assert verdict(order_once(stack.gateway, 1)) == (201, "placed")
            _sleep_until(began_s + 0.8)  # 13 s in the model
            assert order_once(stack.gateway, 2)[2] == {"verdict": "throttled", "by": "door"}
            _sleep_until(began_s + 1.6)  # 21 s
            answer = other.submit(order_once, stack.gateway, 3, timeout_ms=60_000)
            assert verdict(answer.result()) == (201, "placed")
        assert time.monotonic() > began_s + 1.8  # 25 s, less what it took to begin


def _sleep_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.monotonic()))


def test_copies_of_one_try_are_outrun_together_and_dropped_where_deadlines_are_kept(tmp_path: Path) -> None:
    two = scenario(
        people={"timeout": "9s", "hedge": {"after": "1s"}},
        stages=[
            {"name": "till", "servers": 9, "service": "50ms"},
            {"name": "pay", "servers": 1, "service": "400ms", "deadline": True},
        ],
        admission=[{"name": "inside", "at": "gateway", "law": "fixed_concurrency", "limit": 3}],
    )
    with running(two, tmp_path) as stack, ThreadPoolExecutor(3) as several:
        zero_ns = json.loads((tmp_path / "stack.json").read_text())["zero_monotonic_ns"]

        def order(want: int, attempt: int, begins_s: float) -> tuple[Any, float]:
            time.sleep(max(0.0, begins_s - time.monotonic()))
            client = Client(stack.gateway)
            left_ms = 1000 * (until_s - begins_s)  # all copies are awaited until one instant
            body = {"want": str(want), "attempt": attempt, "person": ANYBODY, "timeout_ms": left_ms}
            intended_ns = round(begins_s * 1e9) - zero_ns
            answer = client.ask("POST", "/v1/orders", body, {"X-Sluice-Intended-Ns": str(intended_ns)})
            client.close()
            return answer, time.monotonic()

        now_s = time.monotonic() + 0.2
        until_s = now_s + 9
        first = several.submit(order, 1, 1, now_s)
        other = several.submit(order, 2, 1, now_s + 0.1)
        copy = several.submit(order, 1, 2, now_s + 0.2)
        answers = [one.result() for one in (first, other, copy)]
        # 1 is served at the second stage until 0.45 s, 2 until 0.85 s; then the copy, which is outrun since, is dropped
        assert [verdict(answer) for answer, _ in answers] == [(201, "placed"), (201, "placed"), (200, "placed")]
        assert answers[2][0][2]["order"] == answers[0][0][2]["order"]
        assert abs(answers[2][1] - answers[1][1]) < 0.3
        check_books(stack, {1, 2})
        # the three have given back their places at the gateway, the one that was outrun too
        again = [several.submit(order, want, 1, time.monotonic()) for want in (4, 5, 6)]
        assert [verdict(one.result()[0])[1] for one in again] == ["placed"] * 3
