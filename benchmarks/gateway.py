"""What the live gateway costs: a worker of it under wrk, beside an app that does nothing on the same server.

One worker process and an upstream that places every order at once, so that the gateway is what is measured; wrk sends
attempts of new people over 64 connections, to each server in turns of 2 s. CPU is that of the worker's process, so
other work on the machine counts little. Four laws: a bucket for all, gcra by person, a sliding window, places; where
one refuses, it is the bucket.

Response times are at half of the rate at which the gateway with four laws has enough, twice: of attempts at Poisson
instants, from the instant that was intended (`benchmarks/poisson.py`), and wrk's, whose connections rest for a random
while (its `delay`) between an answer and what they ask next. Timers of wrk have a grain of 1 ms, so that it sends what
is due in a millisecond at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import uvloop

from benchmarks.apart import MeasurementError
from benchmarks.poisson import response_times_s
from benchmarks.rows import Row, Size, at_least, at_most, in_turns, ratios
from scenarios.garbage import collect_seldom
from scenarios.loader import load
from simulator.live.process import until_told
from simulator.live.server import serve
from simulator.live.settings import Settings
from simulator.live.wire import ANSWERED, ENDED, VERDICTS, Answer, Call, Stream, answer_frame, said_frame

SCENARIO = Path(__file__).with_name("gateway.toml")
ATTEMPTS = Path(__file__).with_name("gateway.lua")
CONNECTIONS = 64
START_S = 30.0

NOTHING, NO_LAWS, FOUR_LAWS, REFUSED = "an app that does nothing", "no laws", "four laws", "refused"
SETS = {
    NO_LAWS: ("admission=[]",),
    FOUR_LAWS: (),
    REFUSED: ("admission.all.rate=1/d", "admission.all.burst=1"),
}
STATUS_OF = {NOTHING: 200, NO_LAWS: 201, FOUR_LAWS: 201, REFUSED: 429}


def rows(size: Size) -> list[Row]:
    """Return rates, CPU and response times of each server, and their ratios."""
    rounds, turns, seconds = (1, 1, 1) if size is Size.QUICK else (3, 5, 2)
    missing = absent()
    found = [] if missing else [measured(turns, seconds) for _ in range(rounds)]

    def values(server: str, figure: str) -> list[float]:
        return [value for one in found for value in one[server][figure]]

    def row(what: str, unit: str, *of: float, **more: Any) -> Row:
        return Row(what=what, unit=unit, values=of, missing=missing, **more)

    def added_ms(figure: str, under: str) -> Iterator[float]:
        return (a - b for a, b in zip(values(FOUR_LAWS, figure), values(under, figure), strict=True))

    return [
        row(
            "four laws over none: rate",
            "times",
            *ratios(values(FOUR_LAWS, "rate"), values(NO_LAWS, "rate")),
            goal=at_least(0.85),
        ),
        row(
            "four laws over none: attempts a second of CPU",
            "times",
            *ratios(values(NO_LAWS, "cpu_us"), values(FOUR_LAWS, "cpu_us")),
        ),
        row(
            "refused over an app that does nothing: rate",
            "times",
            *ratios(values(REFUSED, "rate"), values(NOTHING, "rate")),
            goal=at_least(0.5),
        ),
        row(
            "refused over an app that does nothing: CPU",
            "times",
            *ratios(values(REFUSED, "cpu_us"), values(NOTHING, "cpu_us")),
            goal=at_most(2),
        ),
        *(
            row(f"four laws, half load, {by}: p99 above {under}", "ms", *added_ms(figure, under), goal=at_most(1))
            for under in (NOTHING, NO_LAWS)
            for by, figure in (("Poisson", "p99_ms"), ("wrk", "wrk_p99_ms"))
        ),
        *(row(f"{name}: CPU", "us", *values(name, "cpu_us")) for name in STATUS_OF),
        *(row(f"{name}: rate", "1/s", *values(name, "rate")) for name in STATUS_OF),
        *(
            row(f"{name}, half load, {by}: {quantile}", "ms", *values(name, f"{prefix}{quantile}_ms"))
            for name in STATUS_OF
            for by, prefix in (("Poisson", ""), ("wrk", "wrk_"))
            for quantile in ("p50", "p99")
        ),
        row("half load, Poisson: p99 of how late attempts left", "ms", *values(FOUR_LAWS, "lag_p99_ms")),
    ]


def absent() -> str:
    """Say what this machine lacks; empty where nothing."""
    if shutil.which("wrk") is None:
        return "there is no wrk"
    return "" if Path("/proc/self/stat").exists() else "this system does not tell the CPU of a process in /proc"


def measured(turns: int, seconds: int) -> dict[str, dict[str, list[float]]]:
    """Return the figures of each server, of every turn, in fresh processes."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_serving(name)) for name in STATUS_OF}
        for name, (url, _) in servers.items():
            _asked(name, url, 1)  # its first requests import, connect and fill caches
        full = in_turns(turns, {name: partial(_loaded, name, *server, seconds) for name, server in servers.items()})
        half_per_s = statistics.median(one["rate"] for one in full[FOUR_LAWS]) / 2
        half = {name: partial(_half_loaded, name, url, half_per_s, 2 * seconds) for name, (url, _) in servers.items()}
        calm = in_turns(max(1, turns // 2), half)
        return {name: _columns(full[name]) | _columns(calm[name]) for name in servers}


def _columns(turns: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {figure: [one[figure] for one in turns] for figure in turns[0]}


def _loaded(name: str, url: str, pid: int, seconds: int) -> dict[str, float]:
    before_s = _cpu_s(pid)
    told = _asked(name, url, seconds)
    return {"rate": told["requests"] / told["seconds"], "cpu_us": (_cpu_s(pid) - before_s) * 1e6 / told["requests"]}


def _half_loaded(name: str, url: str, per_s: float, seconds: int) -> dict[str, float]:
    of_wrk = _asked(name, url, seconds, rest_ms=1000 * CONNECTIONS / per_s)
    first, port = time.monotonic_ns() // 1000, urlsplit(url).port
    assert port is not None
    requests = [_request(first + i) for i in range(int(per_s * seconds))]
    times_s, lags_s = response_times_s(
        port, requests, per_s=per_s, connections=CONNECTIONS, status=STATUS_OF[name], seed=first
    )
    return {
        "p50_ms": 1000 * float(np.quantile(times_s, 0.5)),
        "p99_ms": 1000 * float(np.quantile(times_s, 0.99)),
        "lag_p99_ms": 1000 * float(np.quantile(lags_s, 0.99)),
        "wrk_p50_ms": of_wrk["p50_ms"],
        "wrk_p99_ms": of_wrk["p99_ms"],
    }


def _request(want: int) -> bytes:
    """Return an attempt of a new person, as gateway.lua makes it."""
    body = b'{"want": "%d", "attempt": 1, "person": {"segment": 0, "zone": 0, "kind": 0}, "timeout_ms": 5000}' % want
    return (
        b"POST /v1/orders HTTP/1.1\r\nHost: tea\r\nContent-Type: application/json\r\nIdempotency-Key: %d\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (want, len(body), body)
    )


def _asked(name: str, url: str, seconds: int, rest_ms: float = 0.0) -> dict[str, float]:
    """Let wrk ask a server; MeasurementError unless the answers are those that are to be measured."""
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(ATTEMPTS), url]
    first_want = str(time.monotonic_ns() // 1000)
    done = subprocess.run(
        [*wrk, "--", first_want, str(rest_ms), str(STATUS_OF[name])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MeasurementError(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if told["others"] > CONNECTIONS or not told["requests"]:
        raise MeasurementError(f"{name}: {told['others']} of {told['requests']} attempts had another answer")
    return told


def _cpu_s(pid: int) -> float:
    """Return the CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _serving(name: str) -> Iterator[tuple[str, int]]:
    """Start a server; give its URL and the process whose CPU counts."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
        listener.setblocking(False)
        if name == NOTHING:
            pid = stack.enter_context(_process(__name__, "nothing", sockets=[listener]))
        else:
            upstream = stack.enter_context(socket.socket(socket.AF_UNIX))
            upstream.bind(str(folder / "upstream"))
            upstream.listen()
            upstream.setblocking(False)
            settings = _settings(name, folder)
            settings.write()
            stack.enter_context(_process(__name__, "upstream", sockets=[upstream]))
            pid = stack.enter_context(_process("simulator.live.worker", settings.file, sockets=[listener], more=["0"]))
        root = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _wait(f"{root}/healthz")
        yield f"{root}/v1/orders", pid


def _wait(url: str) -> None:
    """Return when a server is healthy."""
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=START_S) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise MeasurementError(f"{url} was not healthy within {START_S:g} s")


@contextmanager
def _process(
    module: str, *first: str | Path, sockets: list[socket.socket], more: list[str] | None = None
) -> Iterator[int]:
    """Run a process that ends when its standard input does."""
    numbers = [one.fileno() for one in sockets]
    command = [sys.executable, "-m", module, *map(str, first), *map(str, numbers), *(more or [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=numbers) as process:
        try:
            yield process.pid
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _settings(name: str, folder: Path) -> Settings:
    return Settings(
        scenario=load(SCENARIO, sets=SETS[name]).scenario,
        seed=1,
        from_ns=0,
        speed=1.0,
        workers=1,
        ledger_url="",
        redis_url=None,
        token="",
        folder=folder,
        upstream_path=str(folder / "upstream"),
        contents=None,
    )


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Read a body and answer, as any ASGI app has to, and do nothing else."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


def places(stream: Stream, call: Call) -> None:
    """Place an order at once."""
    answer = Answer(
        number=call.number,
        what=ANSWERED | ENDED,
        verdict=VERDICTS.index("placed"),
        stage=0,
        retry_after_s=0,
        store=0,
        order=call.number,
    )
    stream.send(answer_frame(answer))


def begins(stream: Stream) -> None:
    """Let model time run."""
    stream.send(said_frame({"zero_ns": time.monotonic_ns()}))


async def _serve(what: str, listener: socket.socket) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    collect_seldom()
    if what == "nothing":
        serving = asyncio.create_task(serve(nothing, listener, told))
        await until_told(loop)
        told.set()
        await serving
    else:
        await loop.create_unix_server(lambda: Stream(on_call=places, on_made=begins), sock=listener)
        await until_told(loop)


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2]))))
