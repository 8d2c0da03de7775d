"""`make chaos`: what can break breaks three times while people order, with each ledger, with and without Redis.

Each case is `sluice live` on benchmarks/chaos.toml, with two gateway workers and servers of its own on loopback.
`python -m benchmarks.chaos` writes JSON and, beside it, the page that is made of it; exit code 1 where a promise of
docs/live.md was not kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product, starmap
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from benchmarks import hostile
from benchmarks.kept import Kept, Part, Rows, line, machines, table
from benchmarks.servers import PostgresServer, RedisServer
from scenarios.units import NS_PER_S
from simulator import results
from simulator.live_results import first_order_ns
from sluice.exits import Exit

SCENARIO = Path(__file__).with_name("chaos.toml")
TIMES = 3
FIRST_S = 1.5
LASTS_S = 1.0
AGAIN_S = 10.0
"""People are served again within this time of a fault's end."""
APART_S = {"kill_upstream": 12, "restart_postgres": 12}
"""From one to the next: what has to start again takes its time on a machine that does much else."""
SOLD_OUT = 0.9
"""The share of those who come for whom there is a coupon."""
BOOKS = ("lost", "duplicated", "mispaid", "overdrawn", "miscounted")
LEDGERS, REDIS = ("SQLite", "PostgreSQL"), ("no", "yes")
LASTING = {"for": f"{LASTS_S}s"}
FAULTS: dict[str, dict[str, Any]] = {
    "kill_worker": {},
    "kill_upstream": {},
    "slow_disk": {**LASTING, "delay": "300ms"},
    "pause_redis": LASTING,
    "restart_postgres": {},
}
INCIDENTS = {
    "no servers": {**LASTING, "set": {"stages.till.servers": 0}},
    "no rate": {**LASTING, "set": {"admission.door.rate": "0/s"}},
}
PER_S = 40
ATTACKED = ("who", "answered", "honest orders placed", "p50, ms", "p99, ms")
HOSTILE = """## Honest people while others mean no good

One gateway worker, SQLite, 40 honest orders a second for 4 s at their instants, each over a connection of its own;
their times are from those instants. Who attacks does it from a process of its own on the same machine, four at a time
where it is again and again, as fast as they are answered.
"""
COLUMNS = ("what", "ledger", "Redis", "told", "found", *BOOKS, "errors", "served again after, s")

INTRODUCTION = """# What becomes of orders when something breaks

This page is made from [chaos.json](chaos.json); `make chaos JSON=docs/chaos.json` measures anew and writes both. A row
is one `sluice live` with two gateway workers, in which what it names comes three times, 4 s after each other (12 s
what has to start again). 40 people a second come again and again until they have their order, and there are coupons for
90% of them. *No servers*, *no rate*, *slow_disk* (300 ms more a transaction) and *pause_redis* last 1 s each. Told:
orders that people were told of; found: orders that the ledger has. Errors: connections lost, and answers 502. The last
column has the time from the end of each of the three to the first order of an attempt that was sent after it, after
its last error, and after orders paused for 1 s or more because of it, by the clock; the goal is 10 s. A process is
started again in about 1 s of processor time, so it takes longer on a machine that does much else.
"""


class ChaosError(Exception):
    """A case that came to no result."""


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield what, ledger and Redis of each case."""
    for what, ledger, redis in product([*FAULTS, *INCIDENTS], LEDGERS, REDIS):
        if (what, ledger) != ("restart_postgres", "SQLite") and (what, redis) != ("pause_redis", "no"):
            yield what, ledger, redis


def named(what: str, ledger: str, redis: str) -> str:
    """Return what a case is called."""
    return f"{what}, {ledger}, Redis: {redis}"


def row(what: str, servers: Sequence[str]) -> dict[str, Any]:
    """Run a case, and return what came of it."""
    ends_s = _at_s(what)[-1] + _apart_s(what)
    coupons = f"stages.coupon.budget={round(SOLD_OUT * PER_S * ends_s)}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sluice", "live", str(SCENARIO), "--for", f"{ends_s}s", "--workers", "2"]
        done = subprocess.run(
            [*command, "--quiet", "--out", folder, "--set", _set(what), "--set", coupons, *servers],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode not in (Exit.PASS, Exit.BOOKS, Exit.INCONCLUSIVE):
            raise ChaosError(f"{what}: ended with {done.returncode}: {done.stderr.strip()}")
        (out,) = Path(folder).iterdir()
        run = results.read(out)
    summary = run.summary
    undone = [one["wrong"] for one in summary["faults"] if one["wrong"]]
    if undone:
        raise ChaosError(f"{what}: could not be done: {undone[0]}")
    ledger = summary["ledger"]
    return {
        "what": what,
        "told": ledger["told_placed"],
        "found": ledger["found_placed"],
        **{name: ledger[name] for name in BOOKS},
        "errors": summary["failures"]["error"],
        "served_again_s": [one["served_again_s"] for one in summary["faults"]]
        if what in FAULTS
        else _served_again_s(run, _at_s(what)),
    }


def wrong(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what was promised and not kept."""
    found = []
    for one in rows:
        where = named(one["what"], one["ledger"], one["redis"])
        found += [f"{where}: {one[name]} {name}" for name in BOOKS if one[name]]
        slow = [again_s for again_s in one["served_again_s"] if again_s is None or again_s > AGAIN_S]
        if slow or len(one["served_again_s"]) != TIMES:
            found.append(f"{where}: served again after {one['served_again_s']} s")
    return found


def page(parts: Sequence[Part]) -> str:
    """Return the page of what was measured."""
    broken = [(part, _cells(one)) for part in parts if part["name"] != "hostile" for one in part["rows"]]
    attacked = [(part, _attacked(one)) for part in parts if part["name"] == "hostile" for one in part["rows"]]
    return "\n".join([INTRODUCTION, machines(parts), table(COLUMNS, broken), HOSTILE, table(ATTACKED, attacked)])


def _cells(one: Mapping[str, Any]) -> list[str]:
    again = ", ".join("never" if again_s is None else f"{again_s:.2f}" for again_s in one["served_again_s"])
    counts = [f"{one[name]:,}" for name in ("told", "found", *BOOKS, "errors")]
    return [one["what"], one["ledger"], one["redis"], *counts, again]


def _attacked(one: Mapping[str, Any]) -> list[str]:
    answers = ", ".join(f"{count:,} {answer}" for answer, count in one["answers"].items()) or "-"
    return [one["who"], answers, f"{one['placed']} of {one['orders']}", f"{one['p50_ms']:.0f}", f"{one['p99_ms']:.0f}"]


def _apart_s(what: str) -> float:
    return APART_S.get(what, 4)


def _at_s(what: str) -> list[float]:
    return [FIRST_S + number * _apart_s(what) for number in range(TIMES)]


def _set(what: str) -> str:
    more = FAULTS.get(what) or INCIDENTS.get(what) or {}
    entries = [
        {"name": f"at-{number}", "at": f"{at_s}s", **({"kind": what} if what in FAULTS else {}), **more}
        for number, at_s in enumerate(_at_s(what))
    ]
    return f"{'live.faults' if what in FAULTS else 'incidents'}={_toml(entries)}"


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_toml(one)}' for key, one in value.items())}}}"
    return json.dumps(value)


def _served_again_s(run: results.RunResult, ats_s: Sequence[float]) -> list[float | None]:
    assert run.attempts is not None
    found: list[float | None] = []
    for at_s in ats_s:
        end_ns = round((at_s + LASTS_S) * NS_PER_S)
        again_ns = first_order_ns(run.attempts, end_ns, round((at_s + ats_s[1] - ats_s[0]) * NS_PER_S))
        found.append(None if again_ns is None else (again_ns - end_ns) / NS_PER_S)
    return found


def _database(server: PostgresServer, name: str) -> str:
    """Make a database of its own, and return where it is."""
    engine = sa.create_engine(server.url(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.url(name)


def _rows(what: str, ledger: str, with_redis: str, postgres: PostgresServer, redis: RedisServer) -> Rows:
    servers = (
        ["--ledger", _database(postgres, f"{what}_{with_redis}".replace(" ", "_"))] if ledger == "PostgreSQL" else []
    )
    servers += ["--redis", redis.url] if with_redis == "yes" else []
    return [{"what": what, "ledger": ledger, "redis": with_redis, **row(what, servers)}]


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice([*FAULTS, *INCIDENTS, "hostile"]))
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), default=Path("runs/chaos.json"))
def main(names: tuple[str, ...], file: Path) -> None:
    """Let everything break, print a row each, and write JSON and the page; with NAMES only these, others stay."""
    order = list(cases())
    kept = Kept(file=file, names=[*starmap(named, order), "hostile"], page=page)
    found: list[dict[str, Any]] = []
    with ExitStack() as servers:
        postgres, redis = servers.enter_context(PostgresServer()), servers.enter_context(RedisServer())
        for case in order:
            if names and case[0] not in names:
                continue
            begun_s = time.perf_counter()
            found += kept.measure(named(*case), partial(_rows, *case, postgres, redis))["rows"]
            print(f"{line(_cells(found[-1]))} {time.perf_counter() - begun_s:.0f} s", flush=True)
    if not names or "hostile" in names:
        kept.measure("hostile", hostile.measured)
    for one in (complaints := wrong(found)):
        print(one, file=sys.stderr)
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
