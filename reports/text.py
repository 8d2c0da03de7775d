"""The summary of a run as plain text of 80 columns and, where milestones and gates leave room, 40 lines; the same bytes
for one seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reports import figures
from reports.lines import COLUMNS, cut, firm, table, wrapped
from reports.run import (
    Run,
    answered,
    bias,
    ended_s,
    figure,
    gate_words,
    horizon_s,
    interrupted,
    milestone_words,
    number,
    reason,
    rows,
    scale,
    spreads,
    stage_names,
    turned,
)

LINES = 38  # two are left for the shell's prompt
_LABEL = 11
_OUTAGES = 5
_TIMES = {
    "time_to_order_s": "to an order",
    "response_time_s.admitted": "to an answer",
    "response_time_s.refused": "to a refusal",
    "kitchens.ready_time_s": "order to ready",
    "couriers.delivery_time_s": "order to door",
}


@dataclass(kw_only=True, eq=False)
class _Block:
    """Lines that are always shown, then rows of which the lightest are left out where the screen is too short."""

    lines: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    left_out: int = 0
    label: str = ""  # before the first row, instead of a line above the rows
    least: int = 1  # rows that stay

    @property
    def can_shorten(self) -> bool:
        return len(self.rows) > self.least

    def shorten(self) -> None:
        lightest = min(range(len(self.rows)), key=lambda i: (self.weights[i], -i))
        del self.rows[lightest], self.weights[lightest]
        self.left_out += 1

    def text(self) -> list[str]:
        indent = " " * (_LABEL if self.label else 2)
        more = [f"{indent}and {self.left_out} more in summary.json"] if self.left_out and self.rows else []
        shown = [*self.lines, *self.rows, *more]
        return [self.label.ljust(_LABEL) + shown[0][_LABEL:], *shown[1:]] if self.label and shown else shown


def text(run: Run) -> str:
    """Return what a run came to, on one screen; milestones and gates are all there, whatever the screen."""
    times, stages, street, turns, outages = _times(run), _stages(run), _street(run), _turns(run), _outages(run)
    blocks = [_asked(run), _sums(run), times, stages, street, turns, outages]
    blocks += [_milestones(run), _gates(run), _books(run)]
    for block in (turns, outages, stages, street, times):
        while block.can_shorten and sum(len(block.text()) for block in blocks) > LINES:
            block.shorten()
    blocks = [block for block in blocks if block.text()]
    spare = LINES - sum(len(block.text()) for block in blocks)
    apart = sorted(blocks[1:], key=lambda block: -len(block.text()))[:spare]
    lines = [line for block in blocks for line in ([""] if block in apart else []) + block.text()]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def milestones_table(run: Run) -> str:
    """Return every milestone as a table: published, simulated, deviation, grade; empty where there is none."""
    return "".join(f"{line}\n" for line in _milestones(run).text())


def _asked(run: Run) -> _Block:
    size = scale(run)
    sized = figures.scale(size) if size == 1 else f"scale {figures.scale(size)} (so are all counts)"
    opens, horizon = run.scenario.opens, figures.duration(horizon_s(run))
    asked = [f"{run.summary.get('engine', 'unknown')} engine", sized, f"seed {run.summary.get('seed', 'unknown')}"]
    asked.append(f"{figures.span(0, horizon_s(run), opens)} ({horizon})" if opens else horizon)
    lines = [cut(f"{run.scenario.name}: {figures.plain(run.scenario.title)}", COLUMNS)]
    lines += wrapped(", ".join(asked), indent="")
    if interrupted(run):
        ended = f"{figures.clock(ended_s(run), opens)}, after {figures.duration(ended_s(run))}"
        lines.append(f"INTERRUPTED at {ended}: this is what had happened by then.")
    return _Block(lines=lines)


def _sums(run: Run) -> _Block:
    lines = []
    wanted = number(run, "people.wanted")
    ends = [("placed", "got it"), ("abandoned", "left"), ("pending", "trying")]
    lines += _labelled("People", f"{figures.count(wanted)} wanted an order", _parts(run, "people", ends, wanted))
    shut_out = figure(run, "people.shut_out") or {}
    if any(shut_out.values()):
        hours = [f"{figures.spaced(time)}: {figures.share(part)}" for time, part in shut_out.items()]
        lines += _labelled("", f"no order after trying for {', '.join(hours)}", [])
    offered = number(run, "attempts.offered")
    verdicts = [(name, name) for name in ("admitted", "throttled", "shed", "expired")]
    amplification = number(run, "retry_amplification")
    each = f", {figures.decimal(amplification)} a person" if amplification else ""
    lines += _labelled("Attempts", f"{figures.count(offered)}{each}", _parts(run, "attempts", verdicts, offered))
    if answered(run):
        answers = [("completed", "placed an order"), ("failed", "failed"), ("timed_out", "timed out")]
        lines += _labelled("", "answers", _parts(run, "attempts", answers, answered(run)))
    goodput = number(run, "goodput_per_s")
    per_s = f", {figures.rate(goodput)}" if goodput else ""
    lines += _labelled("Orders", f"{figures.count(number(run, 'orders.placed'))} placed{per_s}", _fates(run))
    done = (number(run, "work.useful") or 0.0) + (number(run, "work.wasted") or 0.0)
    if done:
        kinds = [("useful", "useful"), ("wasted", "wasted")]
        lines += _labelled("Work", f"{figures.count(done)} server-seconds", _parts(run, "work", kinds, done))
    return _Block(lines=lines)


def _fates(run: Run) -> list[str]:
    if run.scenario.kitchens is None and run.scenario.couriers is None:
        return []
    fates = (
        ("delivered_on_time", "on time"),
        ("late", "late"),
        ("cancelled", "cancelled"),
        ("in_progress", "on the way"),
    )
    return _parts(run, "orders", fates, number(run, "orders.placed"))


def _parts(run: Run, section: str, names: Iterable[tuple[str, str]], whole: float | None) -> list[str]:
    """Return "62% throttled" for each part that is not nothing."""
    parts = [(number(run, f"{section}.{name}"), word) for name, word in names]
    return [f"{figures.share(part / whole)} {word}" for part, word in parts if part and whole]


def _labelled(label: str, first: str, rest: Sequence[str]) -> list[str]:
    sentence = first + (": " + ", ".join(rest) if rest else "")
    return wrapped(sentence, label.ljust(_LABEL), " " * _LABEL)


def _times(run: Run) -> _Block:
    cells = [["Times", "mean", "p50", "p90", "p99", "max"]]
    for path in spreads(run):
        times = [figures.duration(number(run, f"{path}.{key}")) for key in cells[0][1:]]
        cells.append([f"  {_TIMES[path]}", *times])
    return _listed(table(cells, "lrrrrr", gives=()), [0.0] * (len(cells) - 1))


def _stages(run: Run) -> _Block:
    cells = [["Stages", "in use", "longest queue", "waiting p50", "p99", "work p50"]]
    for name in stage_names(run):
        times = [number(run, f"stages.{name}.{of}") for of in ("waiting_time_s.p50", "waiting_time_s.p99")]
        times.append(number(run, f"stages.{name}.service_time_s.p50"))
        used, queue = number(run, f"stages.{name}.utilisation"), number(run, f"stages.{name}.queue_max")
        cells.append([f"  {name}", figures.share(used), figures.count(queue), *map(figures.duration, times)])
    weights = [number(run, f"stages.{name}.utilisation") or 0.0 for name in stage_names(run)]
    return _listed(table(cells, "lrrrrr"), weights)


def _street(run: Run) -> _Block:
    lines: list[str] = []
    if run.scenario.kitchens is not None:
        lines += _labelled("Kitchens", _counted(run, "kitchens.cups", "cups"), _kitchens(run))
    if run.scenario.couriers is not None and number(run, "couriers.trips"):
        lines += _labelled(
            "Couriers", _counted(run, "couriers.trips", "trips"), [_counted(run, "couriers.carried", "orders")]
        )
    return _Block(rows=lines, weights=[0.0] * len(lines), least=0)


def _kitchens(run: Run) -> list[str]:
    names = (("wasted_cups", "in vain"), ("pauses", "pauses"), ("refused", "attempts found no store"))
    return [_counted(run, f"kitchens.{name}", word) for name, word in names if number(run, f"kitchens.{name}")]


def _counted(run: Run, path: str, word: str) -> str:
    return f"{figures.count(number(run, path))} {word}"


def _outages(run: Run) -> _Block:
    found = rows(run, "outages")
    if not found:
        return _Block(lines=_labelled("Outages", "none: never under half of the attempts succeeded for a minute", []))
    block = _Block(label="Outages")
    for outage in found:
        start_s, end_s = float(outage["start_s"]), float(outage["end_s"])
        when = f"{figures.span(start_s, end_s, run.scenario.opens)} ({figures.duration(end_s - start_s)})"
        block.rows.append(f"{' ' * _LABEL}{when}, most failed: {reason(outage)}")
        block.weights.append(end_s - start_s)
    while len(block.rows) > _OUTAGES:
        block.shorten()
    return block


def _turns(run: Run) -> _Block:
    found = turned(run)
    sized = "" if scale(run) == 1 else " (full size)"
    cells = [["Controls", "turns", f"first to{sized}", f"last to{sized}"]]
    for one in found:
        ends = (f"{value} at {at}" for at, value in (one.first, one.last))
        cells.append([f"  {one.control}: {one.knob}", figures.count(one.times), *ends])
    return _listed(table(cells, "lrll"), [one.times for one in found])


def _milestones(run: Run) -> _Block:
    found = rows(run, "milestones")
    cells = [["Milestones (! missed)", "expected", "simulated", "off by", "grade"]]
    for milestone in found:
        title, *numbers = milestone_words(run, milestone)
        mark = "!" if milestone.get("verdict") == "missed" else " "
        cells.append([f"{mark} {figures.plain(title)}", *numbers, str(milestone["grade"])])
    note = [f"  {bias(run)}"] if bias(run) else []
    return _Block(lines=table(cells, "lrrrl") + note if found else [])


def _gates(run: Run) -> _Block:
    lines: list[str] = []
    for gate in rows(run, "gates"):
        verdict = f"  {_loud(gate['verdict'])}  "
        what, asked = gate_words(run, gate).rsplit(", ", 1)
        lines += wrapped(f"{what}, {firm(asked)}", verdict, " " * len(verdict))
    return _Block(lines=["Gates", *lines] if lines else [])


def _loud(verdict: str) -> str:
    return verdict.upper() if verdict == "failed" else verdict


def _books(run: Run) -> _Block:
    checked, violated = number(run, "invariants.checked"), rows(run, "invariants.violated")
    if checked is None:
        return _Block(lines=[])
    if not violated:
        return _Block(lines=_labelled("Books", f"balance ({checked:.0f} identities checked)", []))
    wrong = f"DO NOT BALANCE: {len(violated)} of {checked:.0f} identities do not hold, the first: {violated[0]}"
    return _Block(lines=_labelled("Books", wrong, [])[:3])


def _listed(lines: list[str], weights: list[float]) -> _Block:
    """A table as a block: its head stays, its rows may be left out; without rows there is nothing."""
    return _Block(lines=lines[:1], rows=lines[1:], weights=weights) if weights else _Block(lines=[])
