"""Whether both engines say the same of a scenario, to the last number; and if not, whose life differs first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import numpy as np

from scenarios.model import Scenario
from scenarios.scale import scaled
from scenarios.workload import first_arrivals
from simulator import compiled, reference
from simulator.outcome import Ints, Outcome, StageOutcome
from simulator.samples import Sample

TOP = Path(__file__).parent.parent
SMALL = {"milk-tea-day": Fraction(1, 2000), "labs/kitchen-rush": Fraction(1, 2), "labs/batching-server": Fraction(1, 4)}
"""Scales at which scenarios of the catalogue are compared; 1:20 for the others."""
NOT_COMPARED = {"events", "turns", "turn_count"}  # SimPy counts its own hops


def compare(scenario: Scenario, seed: int = 1, scale: Fraction = Fraction(1)) -> str | None:
    """Run both engines; return None where they agree, else the first difference and the lives behind it."""
    as_run, _ = scaled(scenario, scale)
    first_ns = first_arrivals(as_run, seed, scale)
    simpy = reference.run(as_run, seed=seed, first_arrivals_ns=first_ns, trace=True)
    fast = compiled.run(as_run, seed=seed, first_arrivals_ns=first_ns, trace=True)
    return difference(simpy, fast)


def difference(simpy: Outcome, fast: Outcome) -> str | None:
    """Return None where two outcomes are equal, else what differs, the first life that does before all."""
    found = [*_lives(simpy, fast), *_figures(simpy, fast)]
    return "\n".join(found[:40]) or None


def _lives(simpy: Outcome, fast: Outcome) -> Iterator[str]:
    wants = []
    for one, other in ((simpy.orders, fast.orders), (simpy.attempts, fast.attempts)):
        assert one is not None
        assert other is not None
        wants += list(_wants_that_differ(one, other))
    if wants:
        want = min(wants)
        yield f"{len(set(wants))} wants differ, want {want} first:"
        for engine, outcome in (("simpy", simpy), ("compiled", fast)):
            for rows in (outcome.orders, outcome.attempts):
                assert rows is not None
                yield from (f"  {engine}: {row}" for row in _rows_of(rows, want))


def _wants_that_differ(one: Mapping[str, Ints], other: Mapping[str, Ints]) -> Iterator[int]:
    rows = [{(row["want"], row.get("attempt")): row for row in _all_rows(table)} for table in (one, other)]
    for key in rows[0].keys() | rows[1].keys():
        if rows[0].get(key) != rows[1].get(key):
            yield key[0] or 0


def _all_rows(table: Mapping[str, Ints]) -> Iterator[dict[str, int]]:
    columns = [values.tolist() for values in table.values()]
    return (dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True))


def _rows_of(table: Mapping[str, Ints], want: int) -> Iterator[str]:
    return (str(row) for row in _all_rows(table) if row["want"] == want)


def _figures(simpy: Outcome, fast: Outcome) -> Iterator[str]:
    for name, one in _flat(simpy).items():
        other = _flat(fast).get(name)
        if not _equal(one, other):
            yield f"{name}: {_shown(one, other)}"
    for name in _flat(fast).keys() - _flat(simpy).keys():
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
