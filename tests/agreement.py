"""Whether both engines say the same of a scenario, to the last number; and if not, whose life differs first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from scenarios.loader import catalogue
from scenarios.model import Scenario
from scenarios.scale import scaled
from scenarios.workload import first_arrivals
from simulator import compiled, reference
from simulator.control.room import ControlRoom
from simulator.outcome import Ints, Outcome, StageOutcome
from simulator.results import timeseries
from simulator.samples import Sample
from simulator.summary import as_json, summarise
from tests import probing

TOP = Path(__file__).parent.parent
SMALL = {
    "milk-tea-day": Fraction(1, 2000),
    **{entry.name: Fraction(1, 10_000) for entry in catalogue() if entry.name.startswith("milk-tea-day/")},
    "labs/kitchen-rush": Fraction(1, 2),
    "labs/batching-server": Fraction(1, 4),
    "labs/drop": Fraction(1, 200),
    "labs/drop-room": Fraction(1, 200),
}
"""Scales at which scenarios of the catalogue are compared; 1:20 for the others."""
NOT_COMPARED = {"events"}  # SimPy counts its own hops


@contextmanager
def seldom_told() -> Iterator[None]:
    """Let engines seldom tell how far they are: in runs as small as these it takes most of the time."""
    with mock.patch("simulator.reference.engine.TELLS", 20), mock.patch("simulator.compiled.engine.TELLS", 20):
        yield


def compare(scenario: Scenario, seed: int = 1, scale: Fraction = Fraction(1)) -> str | None:
    """Run both engines; return None where they agree, else the first difference and the lives behind it."""
    as_run, _ = scaled(scenario, scale)
    first_ns = first_arrivals(as_run, seed, scale)
    found = []
    if not np.array_equal(first_ns, compiled.first_arrivals(as_run, seed, scale)):
        found.append("the first people come at other instants")

    def lived(run: Callable[..., Outcome], trace: bool = True) -> tuple[Outcome, list[tuple[Any, ...]]]:
        probing.told.clear()
        room = ControlRoom(scenario, as_run, scale)
        return run(as_run, seed=seed, first_arrivals_ns=first_ns, trace=trace, room=room), list(probing.told)

    with seldom_told():
        (simpy, told), (fast, told_fast) = lived(reference.run), lived(compiled.run)
        untraced, _ = lived(compiled.run, trace=False)
    found += [*_lives(simpy, fast), *_figures(simpy, fast), *_told(told, told_fast)]
    found += [f"without a trace, {line}" for line in _figures(replace(simpy, orders=None, attempts=None), untraced)]
    if not found:
        one, other = (summarise(each, as_run, engine="", seed=seed, scale=float(scale)) for each in (simpy, fast))
        if as_json(one) != as_json(other):
            found.append("the outcomes are equal, the summaries are not")
        if list(timeseries(simpy)) != list(timeseries(fast)):
            found.append("the series stand in another order")
    return "\n".join(found[:40]) or None


def difference(simpy: Outcome, fast: Outcome) -> str | None:
    """Return None where two traced outcomes are equal, else what differs, the first life that does before all."""
    return "\n".join([*_lives(simpy, fast), *_figures(simpy, fast)][:40]) or None


def _lives(simpy: Outcome, fast: Outcome) -> Iterator[str]:
    wants = []
    for one, other in ((simpy.orders, fast.orders), (simpy.attempts, fast.attempts)):
        assert one is not None
        assert other is not None
        wants += list(_wants_that_differ(one, other))
    if wants:
        at_ns, want = min(wants)
        yield f"{len({want for _, want in wants})} wants differ; at {at_ns} ns want {want} is the first:"
        for engine, outcome in (("simpy", simpy), ("compiled", fast)):
            for rows in (outcome.orders, outcome.attempts):
                assert rows is not None
                yield from (f"  {engine}: {row}" for row in _rows_of(rows, want))


def _wants_that_differ(one: Mapping[str, Ints], other: Mapping[str, Ints]) -> Iterator[tuple[int, int]]:
    """Yield the first instant that only one of two rows has, or their last one (0: none), and the want."""
    rows = [{(row["want"], row.get("attempt")): row for row in _all_rows(table)} for table in (one, other)]
    for key in rows[0].keys() | rows[1].keys():
        pair = [table.get(key, {}) for table in rows]
        if pair[0] != pair[1]:
            instants = [{ns for name, ns in row.items() if name.endswith("_ns") and ns >= 0} for row in pair]
            yield min(instants[0] ^ instants[1], default=max(instants[0], default=0)), key[0] or 0


def _all_rows(table: Mapping[str, Ints]) -> Iterator[dict[str, int]]:
    columns = [values.tolist() for values in table.values()]
    return (dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True))


def _rows_of(table: Mapping[str, Ints], want: int) -> Iterator[str]:
    return (str(row) for row in _all_rows(table) if row["want"] == want)


def _told(simpy: Sequence[tuple[Any, ...]], fast: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Yield the first wake at which probes were told something else, and what."""
    for wake, other in zip_longest(simpy, fast, fillvalue=()):
        if wake != other:
            yield f"told at {wake[:2]} and at {other[:2]}: {sorted(set(wake[2:]) ^ set(other[2:]))}"
            return


def _figures(simpy: Outcome, fast: Outcome) -> Iterator[str]:
    ours, theirs = _flat(simpy), _flat(fast)
    for name, one in ours.items():
        other = theirs.get(name)
        if not _equal(one, other):
            yield f"{name}: {_shown(one, other)}"
    for name in theirs.keys() - ours.keys():
        yield f"{name}: only compiled has it"


def _shown(one: object, other: object) -> str:
    """Both values; of two long lists, the length and the first place where they differ."""
    if isinstance(one, list) and isinstance(other, list):
        place = next(
            (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
        )
        around = slice(place, place + 3)
        return f"simpy {len(one)} values, compiled {len(other)}; from {place} on {one[around]} and {other[around]}"
    return f"simpy {one}, compiled {other}"


def _flat(outcome: Outcome) -> dict[str, object]:
    """Every field of an outcome under a name of its own, samples sorted."""
    found: dict[str, object] = {}
    for field in fields(outcome):
        if field.name not in NOT_COMPARED:
            _put(found, field.name, getattr(outcome, field.name))
    return found


def _put(found: dict[str, object], name: str, value: object) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            _put(found, f"{name}.{key}", part)
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            _put(found, f"{name}[{place}]", part)
    elif isinstance(value, StageOutcome | Sample):
        for field in fields(value):
            _put(found, f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        # the order of the values of a sample is nobody's business
        found[name] = np.sort(value).tolist() if name.endswith(".values") else value.tolist()
    else:
        found[name] = value


def _equal(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other
