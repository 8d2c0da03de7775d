"""What one admission costs from Python, clock included, beside three libraries: CPU ns, the median of batches.

Theirs run in an environment made for it, in turns with ours, all with limits that are never reached, so that all do the
whole work of admitting. By key: a million keys that are all known already, asked evenly at random, which is the worst
for caches, or with odds of 1/rank (Zipf); aiolimiter and a bucket of pyrate-limiter have none. Ratios: the cheapest way
of theirs to admit over `Chain.ask` with gcra; limits by its quickest strategy, a fixed window, and by the sliding one.

The floor is a function of Python that looks the key up in a dict of as many, and does nothing else: what memory takes
before a law is asked. Bytes a key are what the table of a rule holds when it is full, without the keys themselves.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
import tracemalloc
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import apart
from benchmarks.rows import Row, Size, at_least, at_most, in_turns, ratios
from limits.aio import Limiter
from limits.chain import Chain
from limits.rules import Concurrency, FixedWindow, Gcra, Rule, TokenBucket, itself

HERE = Path(__file__).resolve().parent
ENOUGH = 10**8
BATCH = 500
INSTALL_S = 600


def rows(size: Size) -> list[Row]:
    """Return what a decision costs, and how many times that it costs others."""
    rounds, asked, keys = (1, 2_000, 1_000) if size is Size.QUICK else (3, 50_000, 1_000_000)

    def ours() -> dict[str, float]:
        found: dict[str, float] = apart.call(per_decision_ns, asked=asked, keys=keys).returned
        return found

    kept = Row(
        what="ours: gcra by key, a key's row and place",
        unit="bytes",
        values=(apart.call(bytes_a_key, keys=keys).returned,),
        goal=at_most(100),
        note="an exact order of asking costs 49 of them",
    )

    with tempfile.TemporaryDirectory() as folder:
        try:
            python = environment(Path(folder))
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            missing = f"the competitors cannot be installed: {said.strip().splitlines()[-1]}"
            return [*_rows(in_turns(rounds, {"ours": ours})["ours"], [], missing), kept]
        found = in_turns(rounds, {"ours": ours, "theirs": lambda: theirs_ns(python, asked, keys)})
    return [*_rows(found["ours"], found["theirs"], ""), kept]


def environment(folder: Path) -> Path:
    """Make an environment with the competitors, and return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    listed = ["-r", str(HERE / "competitors.txt")]
    subprocess.run([*pip, *listed], check=True, capture_output=True, text=True, timeout=INSTALL_S)
    return python


def theirs_ns(python: Path, asked: int, keys: int) -> dict[str, float]:
    """Return ns a decision of each competitor; -I keeps our `limits` out of their way."""
    command = [str(python), "-I", str(HERE / "competitors.py"), str(asked), str(keys)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise apart.MeasurementError(f"competitors.py: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def per_decision_ns(asked: int, keys: int) -> dict[str, float]:
    """Return ns a decision of ours."""

    def many(*rules: Rule) -> Callable[[str], object]:
        return Chain(*rules).ask

    def released(*rules: Rule) -> Callable[[str], object]:
        ask = Chain(*rules).ask

        def held(key: str) -> None:
            permit = ask(key)
            assert permit.admitted
            permit.release()

        return held

    one = ["all"] * asked
    found = {
        "gcra": median_ns(many(Gcra("a", ENOUGH)), one),
        "token bucket": median_ns(many(TokenBucket("a", ENOUGH)), one),
        "fixed window": median_ns(many(FixedWindow("a", ENOUGH, 1)), one),
        "concurrency": median_ns(released(Concurrency("a", ENOUGH)), one),
        "chain of four": median_ns(
            released(
                Gcra("a", ENOUGH), Gcra("b", ENOUGH, by=itself), TokenBucket("c", ENOUGH), Concurrency("d", ENOUGH)
            ),
            one,
        ),
        "refused": median_ns(many(Gcra("a", 1, 10**6)), one),
        "async with": asyncio.run(entered_ns(asked)),
    }
    people = [f"person-{number}" for number in range(keys)]
    by_key = many(Gcra("a", ENOUGH, by=itself, slots=keys))
    for person in people:
        by_key(person)
    alone = {person: number for number, person in enumerate(people)}

    def floor(key: str) -> object:
        return alone[key]

    rng = random.Random(1)
    evenly, often = "", ", odds of 1/rank"
    for odds in (evenly, often):
        for name, ask in (("gcra by key", by_key), ("floor of any rule by key", floor)):
            drawn = rng.choices(people, k=asked)
            if odds == often:
                drawn = [people[int(keys ** rng.random()) - 1] for _ in range(asked)]
            found[name + odds] = median_ns(ask, drawn)
    found["gcra by one of 100 keys"] = median_ns(by_key, rng.choices(people[:100], k=asked))
    return found


def bytes_a_key(keys: int) -> float:
    """Return what a full table takes, a key."""
    people = [f"person-{number}" for number in range(keys)]
    tracemalloc.start()
    ask = Chain(Gcra("a", ENOUGH, by=itself, slots=keys)).ask
    for person in people:
        ask(person)
    return tracemalloc.get_traced_memory()[0] / keys


def median_ns(ask: Callable[[str], object], keys: Sequence[str]) -> float:
    """Return the CPU ns of a decision: the median of batches."""
    found = []
    for begin in range(0, len(keys), BATCH):
        batch = keys[begin : begin + BATCH]
        start_ns = time.thread_time_ns()
        for key in batch:
            ask(key)
        found.append((time.thread_time_ns() - start_ns) / len(batch))
    return statistics.median(found)


async def entered_ns(asked: int) -> float:
    """Return the CPU ns of an `async with`, body left out."""
    limiter = Limiter(Chain(Gcra("a", ENOUGH)))
    found = []
    for _ in range(0, asked, BATCH):
        start_ns = time.thread_time_ns()
        for _ in range(BATCH):
            async with limiter():
                pass
        found.append((time.thread_time_ns() - start_ns) / BATCH)
    return statistics.median(found)


def _rows(ours: list[dict[str, float]], theirs: list[dict[str, float]], missing: str) -> list[Row]:
    def mine(name: str) -> tuple[float, ...]:
        return tuple(found[name] for found in ours)

    def other(name: str) -> tuple[float, ...]:
        return tuple(found[name] for found in theirs)

    def compared(name: str, over: str, least: float | None) -> Row:
        goal = None if least is None else at_least(least)
        values = () if missing else ratios(other(name), mine(over))
        return Row(what=f"{name} over ours", unit="times", values=values, goal=goal, missing=missing)

    goals = {name: at_most(500) for name in ours[0] if name.startswith("gcra")}
    return [
        compared("aiolimiter acquire", "gcra", 3),
        compared("aiolimiter async with", "async with", None),
        compared("pyrate-limiter", "gcra", 10),
        compared("limits, fixed window", "gcra", 10),
        compared("limits, sliding window", "gcra", 10),
        compared("limits, fixed window, by key", "gcra by key", 10),
        *(Row(what=f"ours: {name}", unit="ns", values=mine(name), goal=goals.get(name)) for name in ours[0]),
        *(Row(what=name, unit="ns", values=other(name)) for name in (theirs[0] if theirs else ())),
    ]
