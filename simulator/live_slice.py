"""A slice of a scenario, simulated: who is on the way at its beginning, and every attempt in it, order by order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenarios.dump import toml_text
from scenarios.live_lives import PEOPLE_COLUMNS
from scenarios.loader import Loaded
from scenarios.model import Scenario
from scenarios.scale import scaled
from simulator.control.drive import Drive
from simulator.control.room import ControlRoom
from simulator.outcome import Ints
from simulator.progress import OnProgress, Stop
from simulator.results import RunResult
from simulator.run import check_part, simulate

if TYPE_CHECKING:
    from simulator.compiled import Run


@dataclass(frozen=True, kw_only=True)
class Slice:
    """From `from_ns` to `until_ns` of a run. The scenario is the one that runs, already scaled.

    `people`: rows of PEOPLE_COLUMNS of who is on the way at the beginning; `attempts`, `orders`, `levels`: what is in
    the stages, the street and the laws then (simulator.compiled.contents; rows of laws in the order in which their keys
    were asked about, the newest last), None and nothing at 0. `first_ns`: the instants of first tries in the slice, the
    first of them by `first_want`. `placed_before`: orders placed by then. `simulated`: the run to the end of the slice,
    with traces of it alone. `controls`: the control processes, brought to the beginning of the slice; None where there
    are none.
    """

    scenario: Scenario
    from_ns: int
    until_ns: int
    people: NDArray[Any]
    attempts: NDArray[Any] | None
    orders: NDArray[Any] | None
    levels: Mapping[str, Ints]
    first_ns: Ints
    first_want: int
    placed_before: int
    simulated: RunResult
    controls: Drive | None


def simulate_slice(
    loaded: Loaded,
    *,
    seed: int,
    scale: Fraction,
    from_ns: int,
    until_ns: int,
    on_progress: OnProgress | None = None,
    stop: Stop | None = None,
    command: Sequence[str] = (),
) -> Slice:
    """Run the scenario to the beginning of the slice, look who is there, and run on. Raises ScenarioError."""
    from simulator import compiled, snapshot  # they bring the compiler with them
    from simulator.compiled import contents

    begin: snapshot.Snapshot | None = None
    attempts = orders = None
    levels: dict[str, Ints] = {}
    as_run, _ = scaled(loaded.scenario, scale)
    first_ns = compiled.first_arrivals(as_run, seed, scale)
    drive: Drive | None = None
    if from_ns or loaded.scenario.controls:
        check_part(loaded.scenario, engine="compiled", until_ns=until_ns, begin=None, save=None)
        folders = [source.resolve().parent for source in loaded.sources]
        room = ControlRoom(loaded.scenario, as_run, scale, folders, live=True)
        run = compiled.Run(as_run, seed=seed, first_arrivals_ns=first_ns, trace=True, stop=stop)
        drive = Drive(room, run)
        drive.advance(from_ns)
        if not loaded.scenario.controls:  # else what they are cannot be copied, and the whole is simulated anew
            resolved = toml_text(loaded.resolved)
            begin = snapshot.Snapshot(resolved=resolved, seed=seed, scale=scale, state=run.state())
    if from_ns:
        attempts, orders = contents.attempts(run), contents.orders(run)
        levels = contents.levels(run)
    done = simulate(
        loaded,
        engine="compiled",
        seed=seed,
        scale=scale,
        trace=True,
        until_ns=until_ns,
        begin=begin,
        on_progress=on_progress,
        stop=stop,
        command=command,
    )
    assert done.attempts is not None
    assert done.orders is not None
    levels = _as_asked(levels, as_run, done.attempts, done.orders, from_ns)
    people = np.zeros(0, dtype=_ROWS) if attempts is None else _on_the_way(run, attempts, done.attempts)
    first, end = np.searchsorted(first_ns, [from_ns, until_ns])
    return Slice(
        scenario=as_run,
        from_ns=from_ns,
        until_ns=until_ns,
        people=people,
        attempts=attempts,
        orders=orders,
        levels=levels,
        first_ns=first_ns[first:end],
        first_want=int(first),
        placed_before=int(np.count_nonzero((done.orders["placed_ns"] >= 0) & (done.orders["placed_ns"] < from_ns))),
        simulated=replace(
            done,
            attempts=_kept(done.attempts, done.attempts["answered_ns"], from_ns),
            orders=_kept(done.orders, done.orders["ended_ns"], from_ns),
        ),
        controls=drive if loaded.scenario.controls else None,
    )


def _as_asked(
    levels: Mapping[str, Ints],
    scenario: Scenario,
    attempts: Mapping[str, Ints],
    wants: Mapping[str, Ints],
    from_ns: int,
) -> dict[str, Ints]:
    """Order the rows of laws by the start of the last attempt of somebody with their key; none was sent: first."""
    key_of = {law.name: law.key for law in scenario.admission if law.name in levels}
    several = [name for name, rows in levels.items() if len(rows) > 1 and key_of[name] in ("person", "segment", "zone")]
    if not several:  # so that nobody who has none sorts the attempts of half a day
        return dict(levels)
    begun = np.flatnonzero(attempts["start_ns"] < from_ns)
    if not len(begun):
        return dict(levels)
    newest_first = begun[np.argsort(attempts["start_ns"][begun], kind="stable")[::-1]]
    want = attempts["want"][newest_first]
    whose = np.searchsorted(wants["want"], want)
    asked = {"person": want, "segment": wants["segment"][whose], "zone": wants["zone"][whose]}
    found = dict(levels)
    for name in several:
        rows = levels[name]
        keys, since = np.unique(asked[key_of[name]], return_index=True)
        place = np.minimum(np.searchsorted(keys, rows[:, 0]), len(keys) - 1)
        age = np.where(keys[place] == rows[:, 0], since[place], len(newest_first))
        found[name] = rows[np.argsort(-age, kind="stable")]
    return found


_ROWS = [(name, np.int64) for name in PEOPLE_COLUMNS]


def _kept(rows: Mapping[str, Ints], over_ns: Ints, from_ns: int) -> dict[str, Ints]:
    """Return the rows of what was not over when the slice began."""
    inside = (over_ns < 0) | (over_ns >= from_ns)
    return {name: values[inside] for name, values in rows.items()}


def _on_the_way(run: Run, attempts: NDArray[Any], trace: Mapping[str, Ints]) -> NDArray[Any]:
    """Return a row for each attempt that somebody awaits, and one for everybody else who is on the way."""
    from simulator.compiled import contents

    found = contents.people(run)
    awaited = attempts[attempts["awaited"] == 1]  # sorted by want as people are
    of = np.searchsorted(found["want"], awaited["want"])
    waits = found["state"] == contents.PersonState.WAITING
    assert np.array_equal(np.unique(of), np.flatnonzero(waits))
    others = np.flatnonzero(~waits & (found["next_ns"] >= 0))
    whose = np.concatenate([of, others])
    rows = np.zeros(len(whose), dtype=_ROWS)
    for name in set(PEOPLE_COLUMNS) - {"awaits", "copy", "start_ns"}:
        rows[name] = found[name][whose]
    rows["start_ns"] = -1
    rows["start_ns"][: len(of)], rows["awaits"][: len(of)] = awaited["start_ns"], awaited["attempt"]
    copies = dict(zip(zip(trace["want"].tolist(), trace["attempt"].tolist(), strict=True), trace["copy"], strict=True))
    rows["copy"][: len(of)] = [copies[tuple(key)] for key in awaited[["want", "attempt"]].tolist()]
    return rows[np.argsort(whose, kind="stable")]
