"""M/M/20 with the same load: the compiled engine beside plain SimPy, Ciw, and a loop in C compiled on the spot.

Per customer the C loop draws two exponentials, moves one entry through a heap of departures and adds up a wait. SimPy
and Ciw do the same with a process or an object a customer (Ciw keeps a record of each). The product's engine hashes its
draws, passes the gateway, keeps the person and the attempt, counts every outcome by bucket and segment, and keeps what
quantiles need. None is believed before its mean wait is near Erlang's.
"""

from __future__ import annotations

import importlib.util
import math
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import apart, rehearsal
from benchmarks.apart import MeasurementError
from benchmarks.rows import Goal, Row, Size, at_least, at_most, in_turns, ratios

SERVERS, ARRIVALS_PER_S, SERVICES_PER_S = 20, 80.0, 5.0
MEAN_WAIT_S = 0.012803890  # Erlang C: 0.256078 of all wait, over 20 * 5/s - 80/s
SPREAD = 27.0  # of 100 runs in C: the mean wait of a run has a relative standard deviation of 27 / sqrt(customers)
C_LOOP = Path(__file__).with_name("mm20.c")
C_FLAGS = ("-O2", "-std=c11", "-D_POSIX_C_SOURCE=199309L")

Found = tuple[float, float]  # ns a customer, mean wait in s

NOTES = {
    "compiled engine": "person, attempt, gateway, counts by bucket, quantiles",
    "plain SimPy": "Resource of 20, a process a customer",
    "Ciw": "one node of 20, a record a customer",
    "C": "next event, heap of departures, 53-bit exponentials; cc -O2",
}
GOALS: dict[str, tuple[Goal, bool]] = {  # and whether ours is the divisor
    "plain SimPy": (at_least(40), True),
    "Ciw": (at_least(70), True),
    "C": (at_most(3), False),
}


def rows(size: Size) -> list[Row]:
    """Return the time a customer takes with each, and the ratios."""
    customers, rounds = (50_000, 1) if size is Size.QUICK else (1_000_000, 3)
    missing = {name: why for name, why in ((name, absent(name)) for name in MODELS) if why}
    seeds = iter(range(1, 1000))
    found = in_turns(
        rounds,
        {name: partial(_measured, name, customers, seeds.__next__) for name in MODELS if name not in missing},
    )
    times = [
        Row(
            what=f"M/M/20: a customer, {name}",
            unit="ns",
            values=tuple(found.get(name, ())),
            note=NOTES[name],
            missing=missing.get(name, ""),
        )
        for name in MODELS
    ]
    return [*(_ratio(name, found, missing) for name in GOALS), *times]


def absent(name: str) -> str:
    """Say why a model cannot be run here; nothing where it can."""
    if name == "Ciw" and importlib.util.find_spec("ciw") is None:
        return "Ciw is not installed: pip install '.[bench]'"
    if name == "C" and shutil.which("cc") is None:
        return "there is no C compiler called cc"
    return ""


def check(name: str, customers: int, mean_wait_s: float) -> None:
    """Refuse a model whose mean wait is four standard deviations from Erlang's."""
    if abs(mean_wait_s / MEAN_WAIT_S - 1) > 4 * SPREAD / math.sqrt(customers):
        raise MeasurementError(f"{name}: a mean wait of {mean_wait_s:.3g} s, where Erlang C has {MEAN_WAIT_S:.3g} s")


def by_engine(customers: int, seed: int) -> Found:
    """Run the product's engine, loaded and warm."""
    from scenarios.loader import load
    from simulator.run import simulate

    rehearsal.warm_up()
    loaded = load(C_LOOP.with_suffix(".toml"), sets=[f"horizon={round(1e9 * customers / ARRIVALS_PER_S)}ns"])
    done = simulate(loaded, engine="compiled", seed=seed)
    wait_s = done.summary["stages"]["counter"]["waiting_time_s"]["mean"]
    return 1e9 * done.manifest["engine_s"] / done.summary["people"]["wanted"], wait_s


def by_simpy(customers: int, seed: int) -> Found:
    """Run the model that SimPy's own examples would have."""
    import simpy

    draw = random.Random(seed).expovariate
    waits_s: list[float] = []

    def customer(env: Any, counter: Any) -> Generator[Any, Any, None]:
        came_s = env.now
        with counter.request() as turn:
            yield turn
            waits_s.append(env.now - came_s)
            yield env.timeout(draw(SERVICES_PER_S))

    def source(env: Any, counter: Any) -> Generator[Any, Any, None]:
        for _ in range(customers):
            yield env.timeout(draw(ARRIVALS_PER_S))
            env.process(customer(env, counter))

    env = simpy.Environment()
    env.process(source(env, simpy.Resource(env, capacity=SERVERS)))
    begun_s = time.perf_counter()
    env.run()
    taken_s = time.perf_counter() - begun_s
    return 1e9 * taken_s / customers, math.fsum(waits_s) / customers


def by_ciw(customers: int, seed: int) -> Found:
    """Run the model that Ciw's own examples would have."""
    import ciw

    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=ARRIVALS_PER_S)],
        service_distributions=[ciw.dists.Exponential(rate=SERVICES_PER_S)],
        number_of_servers=[SERVERS],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    begun_s = time.perf_counter()
    simulation.simulate_until_max_customers(customers, method="Finish")
    taken_s = time.perf_counter() - begun_s
    waits_s = [record.waiting_time for record in simulation.get_all_records(only=["service"])]
    return 1e9 * taken_s / len(waits_s), math.fsum(waits_s) / len(waits_s)


def by_c(customers: int, seed: int) -> Found:
    """Compile the loop and run it; it takes its own time."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "mm20")
        subprocess.run(["cc", *C_FLAGS, "-o", program, C_LOOP, "-lm"], check=True)
        said = subprocess.run([program, str(customers), str(seed)], check=True, capture_output=True, text=True).stdout
    taken_s, mean_wait_s = map(float, said.split())
    return 1e9 * taken_s / customers, mean_wait_s


MODELS: dict[str, Callable[[int, int], Found]] = {
    "compiled engine": by_engine,
    "plain SimPy": by_simpy,
    "Ciw": by_ciw,
    "C": by_c,
}


def _measured(name: str, customers: int, next_seed: Callable[[], int]) -> float:
    per_customer_ns, mean_wait_s = apart.call(MODELS[name], customers=customers, seed=next_seed()).returned
    check(name, customers, mean_wait_s)
    return float(per_customer_ns)


def _ratio(name: str, found: dict[str, list[float]], missing: dict[str, str]) -> Row:
    goal, ours_divides = GOALS[name]
    ours = "compiled engine"
    over, under = (name, ours) if ours_divides else (ours, name)
    values = () if name in missing else ratios(found[over], found[under])
    return Row(
        what=f"M/M/20: {over} over {under}", unit="times", values=values, goal=goal, missing=missing.get(name, "")
    )
