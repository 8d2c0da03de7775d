"""A live run beside the simulation of the same slice, as plain text of 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reports import figures
from reports.run import Run, figure, interrupted, number, scale, turned

COLUMNS = 80
WRONG = ("lost", "duplicated", "mispaid", "overdrawn", "miscounted")


def text(run: Run) -> str:
    """Return what a live run came to, and whether it can be believed, on one screen."""
    lines = [figures.plain(f"{run.scenario.name}: {run.scenario.title}")[:COLUMNS], asked(run)]
    if interrupted(run):
        lines.append("INTERRUPTED: this is what had happened by then.")
    rows = [("", "live", "simulated", "live / simulated"), *compared(run)]
    lines += ["", *_table(rows), ""]
    lines += [f"{name:<11}{said}" for name, said in judged(run)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def asked(run: Run) -> str:
    """Write which slice was played, how large, how fast, and by whose people."""
    from_s, ended_s = number(run, "from_s") or 0.0, number(run, "ended_s") or 0.0
    span = figures.span(from_s, ended_s, run.scenario.opens)
    speed, size = number(run, "speed") or 1.0, scale(run)
    said = [f"live, {span} ({figures.duration(ended_s - from_s)})"]
    said.append(figures.scale(size) if size == 1 else f"scale {figures.scale(size)}")
    said += [f"speed {figures.decimal(speed)}"] * (speed != 1.0)
    return ", ".join([*said, f"seed {run.summary.get('seed')}"])


def compared(run: Run) -> list[tuple[str, str, str, str]]:
    """Return the rows of figures that both have: what, live, simulated, their ratio where it says something."""
    rows = []
    for name, counts in (figure(run, "agreement.verdicts") or {}).items():
        if counts["live"] or counts["simulated"]:
            both = (figures.count(counts["live"]), figures.count(counts["simulated"]))
            rows.append((f"attempts {figures.name(name)}", *both, ""))
    rows.append(_beside(run, "orders a second", "agreement.goodput_per_s", figures.rate))
    for which, word in (("all", "time to an answer"), ("placed", "time to an order")):
        here = f"agreement.response_time_s.{which}"
        rows += [_beside(run, f"{word}, {key}", f"{here}.{key}", figures.duration) for key in ("p50", "p99")]
    return rows


def judged(run: Run) -> list[tuple[str, str]]:
    """Return what is to be said of agreement, generator and books: a label and a sentence each."""
    same, both = (number(run, f"agreement.attempts.same_verdict_share{of}") for of in ("", "_of_both"))
    said = f"{figures.share(same)} of all attempts ended alike; {figures.share(both)} of those that both have"
    found = [("Agreement", said if same is not None else "there was no attempt"), ("Generator", _generator(run))]
    ledger = figure(run, "ledger")
    if ledger is not None:
        wrong = [f"{ledger[name]:,} {name}" for name in WRONG if ledger[name]]
        told = f"{ledger['told_placed']:,} orders told, {ledger['found_placed']:,} found"
        untold = f", {ledger['untold']:,} of them untold" if ledger["untold"] else ""
        found.append(("Ledger", f"DOES NOT BALANCE: {', '.join(wrong)}" if wrong else f"balances: {told}{untold}"))
    found += [("Fault", _fault(one, run)) for one in figure(run, "faults") or ()]
    return found + ([("Turns", _controls(run))] if run.scenario.controls else [])


def _controls(run: Run) -> str:
    live, simulated = (figures.count(number(run, f"controls.{of}")) for of in ("turned", "simulated"))
    last = [f"{one.knob} to {one.last[1]} at {one.last[0]}" for one in turned(run)]
    return f"{live} of knobs, {simulated} simulated" + (f"; the last: {', '.join(last)}" if last else "")


def _fault(one: Mapping[str, Any], run: Run) -> str:
    said = f"{one['name']} at {figures.clock(one['began_s'], run.scenario.opens)}: "
    if one["wrong"]:
        return f"{said}NOT DONE: {one['wrong']}"
    again = one["served_again_s"]
    served = "NOT SERVED AGAIN" if again is None else f"served again {figures.duration(again)} after it"
    return f"{said}{figures.count(one['errors'])} errors, {served}"


def _generator(run: Run) -> str:
    behind: Sequence[str] = figure(run, "generator.behind") or ()
    if behind:
        return f"FELL BEHIND: {'; '.join(behind)}"
    rate, lag = number(run, "generator.achieved_per_s"), number(run, "generator.lag_s.p99")
    cores = number(run, "generator.cpu_cores")
    return (
        f"kept up: {figures.decimal(rate)} attempts/s, 99% sent within {figures.duration(lag)},"
        f" {figures.share(cores)} of a processor"
    )


def _beside(run: Run, what: str, path: str, words: Callable[[float | None], str]) -> tuple[str, str, str, str]:
    live, simulated, ratio = (number(run, f"{path}.{of}") for of in ("live", "simulated", "ratio"))
    return what, words(live), words(simulated), figures.NOTHING if ratio is None else f"{ratio:.3f}"


def _table(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    first, *rest = widths
    return [
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], rest, strict=True))])
        for row in rows
    ]
