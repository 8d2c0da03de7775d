"""The report of a run as one page: words, tables and plots in a file that needs no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import figures, live, words
from reports.lines import unbroken
from reports.run import (
    SMALLEST_UNBIASED,
    Run,
    answered,
    as_run,
    bias,
    bounds,
    ended_s,
    figure,
    horizon_s,
    interrupted,
    is_live,
    milestone_words,
    number,
    reason,
    rows,
    scale,
    spreads,
    stage_names,
    tolerance,
    turned,
)
from reports.run import words as in_its_unit
from scenarios import metrics


class Badge(NamedTuple):
    """A word with a colour: good, bad or plain."""

    text: str
    kind: str = "plain"


Cell = str | Badge


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the page; columns named in `words` are aligned left, others hold numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: Sequence[int] = (0,)
    note: str = ""


class Card(NamedTuple):
    """One headline figure."""

    value: str
    title: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A plot, ready to be put into the page."""

    title: str
    caption: str
    svg: Markup


def html(run: Run) -> str:
    """Return the report; raises MissingLibrary where matplotlib is not installed."""
    from reports import plots  # here: a page of words needs no matplotlib

    drawings = [Drawing(title=p.title, caption=p.caption, svg=Markup(plots.svg(p))) for p in plots.plots(run)]
    pages = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda said: unbroken(said) if type(said) is str else said,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("report.html").render(
        title=run.scenario.title,
        name=run.scenario.name,
        description=run.scenario.description.strip(),
        asked=_asked(run),
        is_live=is_live(run),
        stopped=_stopped(run),
        unbalanced=rows(run, "invariants.violated"),
        cards=_cards(run),
        judged=_present(run, (_milestones, _gates)),
        drawings=drawings,
        tables=_present(run, (_beside, _trust, _times, _stages, _failures, _street, _segments, _turns, _outages)),
        scenario=_present(run, (_asked_stages, _asked_limits, _asked_changes)),
        sentences=_sentences(run),
        kept=_present(run, (_books, _roundings, _versions)),
        caveats=_caveats(run),
    )


def _present(run: Run, makers: Sequence[Callable[[Run], Table]]) -> list[Table]:
    """The tables that have rows."""
    return [table for make in makers if (table := make(run)).rows]


def _asked(run: Run) -> list[str]:
    if is_live(run):
        return live.asked(run).split(", ")
    opens = run.scenario.opens
    when = f"{figures.span(0, horizon_s(run), opens)}, " if opens else ""
    size = scale(run)
    return [
        f"{run.summary.get('engine', 'unknown')} engine",
        "full size" if size == 1 else f"scale {figures.scale(size)}",
        f"seed {run.summary.get('seed', 'unknown')}",
        f"{when}{figures.duration(horizon_s(run))}",
    ]


def _stopped(run: Run) -> str:
    if not interrupted(run):
        return ""
    asked = figures.duration(horizon_s(run))
    return f"{figures.clock(ended_s(run), run.scenario.opens)}, {figures.duration(ended_s(run))} into {asked}"


def _beside(run: Run) -> Table:
    found = live.compared(run) if is_live(run) else []
    return Table(
        title="Live beside simulated",
        head=("", "live", "simulated", "live / simulated"),
        rows=found,
        note="The same people in the same slice: against a real stack, and simulated.",
    )


def _trust(run: Run) -> Table:
    found = live.judged(run) if is_live(run) else []
    return Table(title="Whether to believe it", head=("", ""), rows=found, words=(0, 1))


def _live_cards(run: Run) -> list[Card]:
    placed, goodput = number(run, "orders.placed"), number(run, "goodput_per_s")
    same, ratio = (
        number(run, f"agreement.{figure}") for figure in ("attempts.same_verdict_share", "goodput_per_s.ratio")
    )
    behind = rows(run, "generator.behind")
    cards = [Card(figures.count(placed), "orders placed", f"{figures.rate(goodput)} of the scenario's time")]
    cards.append(Card(figures.share(same), "of all attempts ended as simulated", ""))
    cards.append(Card(figures.NOTHING if ratio is None else f"{ratio:.3f}", "times the orders of the simulation", ""))
    late = figures.duration(number(run, "generator.lag_s.p99"))
    cards.append(Card("fell behind" if behind else "kept up", "the generator", f"99% sent within {late}"))
    return cards


def _cards(run: Run) -> list[Card]:
    if is_live(run):
        return _live_cards(run)
    placed, wanted = number(run, "orders.placed"), number(run, "people.wanted")
    cards = [Card(figures.count(placed), "orders placed", f"by {figures.count(wanted)} people who wanted one")]
    cards.append(Card(figures.share(number(run, "orders.placed_share")), "of the people got an order", _shut_out(run)))
    if answered(run):
        succeeded = (number(run, "attempts.completed") or 0.0) / answered(run)
        tries = figures.decimal(number(run, "retry_amplification"))
        each = "" if tries == figures.NOTHING else f"{tries} attempt{'' if tries == '1' else 's'} a person"
        cards.append(Card(figures.share(succeeded), "of the attempts succeeded", each))
    half = number(run, "time_to_order_s.p50")
    if half is not None:
        tail = f"p99 {figures.duration(number(run, 'time_to_order_s.p99'))}"
        cards.append(Card(figures.duration(half), "to an order, for half of those who got one", tail))
    if placed and (run.scenario.kitchens is not None or run.scenario.couriers is not None):
        on_time = (number(run, "orders.delivered_on_time") or 0.0) / placed
        lost = f"{figures.share((number(run, 'orders.cancelled') or 0.0) / placed)} cancelled"
        cards.append(Card(figures.share(on_time), "of the orders came on time", lost))
    lengths_s = [float(outage["end_s"]) - float(outage["start_s"]) for outage in rows(run, "outages")]
    spans = f"{len(lengths_s)} span{'' if len(lengths_s) == 1 else 's'} with most attempts failing"
    cards.append(
        Card(figures.duration(sum(lengths_s)) if lengths_s else "none", "of outage", spans if lengths_s else "")
    )
    if number(run, "work.wasted_share") is not None:
        cards.append(
            Card(figures.share(number(run, "work.wasted_share")), "of the work was wasted", "no order came of it")
        )
    return cards


def _shut_out(run: Run) -> str:
    part = number(run, "people.shut_out.1h")
    return f"{figures.share(part)} tried for an hour or more without one" if part else ""


def _milestones(run: Run) -> Table:
    found = rows(run, "milestones")
    return Table(
        title="Milestones: what the world did, and what the run did",
        head=("milestone", "", "expected", "simulated", "off by", "allowed", "grade", "source"),
        rows=[_milestone(run, one) for one in found],
        words=(0, 1, 6, 7),
        note=" ".join(filter(None, (_size_note(run), bias(run) and f"{bias(run).capitalize()}."))),
    )


def _milestone(run: Run, milestone: Mapping[str, Any]) -> tuple[Cell, ...]:
    title, *numbers = milestone_words(run, milestone)
    verdict, grade = str(milestone.get("verdict") or ""), str(milestone.get("grade") or "assumed")
    kind = {"met": "good", "missed": "bad"}.get(verdict, "plain")
    allowed = tolerance(run, milestone)
    return title, Badge(verdict, kind), *numbers, allowed, Badge(grade, grade), str(milestone.get("source") or "")


def _size_note(run: Run) -> str:
    return "" if scale(run) == 1 else f"Counts and capacities are at the scale of the run, {figures.scale(scale(run))}."


def _gates(run: Run) -> Table:
    cells = []
    for gate in rows(run, "gates"):
        verdict = str(gate["verdict"])
        kind = {"passed": "good", "failed": "bad"}.get(verdict, "plain")
        is_now = in_its_unit(run, gate["metric"], gate.get("value"))
        cells.append((gate["name"], Badge(verdict, kind), is_now, bounds(run, gate), _defined(run, gate["metric"])))
    return Table(title="Gates", head=("gate", "", "is", "must be", "figure"), rows=cells, words=(0, 1, 4))


def _defined(run: Run, metric: str) -> str:
    found = metrics.find(metric, run.scenario)
    return f"{metric}: {found.definition}" if found else metric


def _times(run: Run) -> Table:
    titles = {
        "time_to_order_s": "from the first try to the order placed",
        "response_time_s.admitted": "from an attempt to its answer, where the gateway let it in",
        "response_time_s.refused": "from an attempt to its refusal by the gateway",
        "kitchens.ready_time_s": "from the order placed to ready",
        "couriers.delivery_time_s": "from the order placed to the door",
    }
    keys = metrics.SPREAD
    cells = [(titles[path], *(figures.duration(number(run, f"{path}.{key}")) for key in keys)) for path in spreads(run)]
    return Table(title="Times", head=("", *keys), rows=cells)


def _stages(run: Run) -> Table:
    head = ("stage", "in use", "longest queue", "served", "shed", "dropped", "waiting p50", "p99", "service p50", "p99")
    cells = []
    for name in stage_names(run):
        here = f"stages.{name}"
        counts = [figures.count(number(run, f"{here}.{key}")) for key in ("queue_max", "served", "shed", "expired")]
        paths = [f"{here}.{time}_time_s.{key}" for time in ("waiting", "service") for key in ("p50", "p99")]
        times = [figures.duration(number(run, path)) for path in paths]
        cells.append((name, figures.share(number(run, f"{here}.utilisation")), *counts, *times))
    return Table(title="Stages", head=head, rows=cells)


def _failures(run: Run) -> Table:
    counts: Mapping[str, Any] = figure(run, "failures") or {}
    total = sum(counts.values())
    cells = [
        (
            figures.name(name),
            figures.count(count),
            figures.share(count / total),
            _defined(run, f"failures.{name}").partition(": ")[2],
        )
        for name, count in counts.items()
        if count
    ]
    head = ("reason", "attempts", "share", "counted")
    return Table(title="Why attempts failed", head=head, rows=cells, words=(0, 3))


def _street(run: Run) -> Table:
    sections = [name for name in ("kitchens", "couriers") if getattr(run.scenario, name) is not None]
    if not sections:
        return Table(title="", head=(), rows=())
    sections.append("orders")
    counted = [metric for metric in metrics.of(run.scenario) if metric.name.split(".")[0] in sections and metric.whole]
    cells = [
        (one.definition, figures.count(number(run, one.name)), one.name) for one in counted if number(run, one.name)
    ]
    return Table(title="Orders, kitchens and couriers", head=("", "count", "figure"), rows=cells, words=(0, 2))


def _segments(run: Run) -> Table:
    found: Mapping[str, Any] = figure(run, "segments") or {}
    cells = []
    for name in found:
        here = f"segments.{name}"
        times = [figures.duration(number(run, f"{here}.time_to_order_s.{key}")) for key in ("p50", "p90", "p99")]
        cells.append((name, figures.share(number(run, f"{here}.placed_share")), *times))
    fairness = number(run, "fairness.jain")
    note = f"Fairness over zones (Jain's index; 1 when all are equal): {fairness:.3f}." if fairness else ""
    head = ("segment", "got an order", "time to order p50", "p90", "p99")
    return Table(title="Segments", head=head, rows=cells, note=note)


def _outages(run: Run) -> Table:
    opens, cells = run.scenario.opens, []
    for outage in rows(run, "outages"):
        start_s, end_s = float(outage["start_s"]), float(outage["end_s"])
        ends = figures.clock(start_s, opens), figures.clock(end_s, opens)
        cells.append((*ends, figures.duration(end_s - start_s), reason(outage)))
    return Table(
        title="Outages",
        head=("from", "to", "length", "most failed because"),
        rows=cells,
        words=(0, 1, 3),
        note="Spans of a minute or more in which under half of the answered attempts became orders.",
    )


def _turns(run: Run) -> Table:
    cells = [(one.control, one.knob, figures.count(one.times), *one.first, *one.last) for one in turned(run)]
    head = ("control", "knob", "turns", "first", "to", "last", "to")
    note = "Values are those of full size." if scale(run) != 1 else ""
    return Table(title="What control processes turned", head=head, rows=cells, words=(0, 1, 3, 5), note=note)


def _asked_stages(run: Run) -> Table:
    head = ("stage", "capacity", "work of an attempt", "queue", "work whose person has left")
    return Table(title="Stages", head=head, rows=words.stage_rows(as_run(run)), words=range(5), note=_size_note(run))


def _asked_limits(run: Run) -> Table:
    return Table(
        title="Limits", head=("limit", "at", "rule", "counted for"), rows=words.limit_rows(as_run(run)), words=range(4)
    )


def _asked_changes(run: Run) -> Table:
    opens = run.scenario.opens
    cells = [
        (change.name, words.knob_words(change.knob), "; ".join(_from(span, opens) for span in change.spans))
        for change in words.changes(as_run(run))
    ]
    return Table(title="Timelines and incidents", head=("name", "changes", "to"), rows=cells, words=range(3))


def _from(span: tuple[float, float, str], opens: str | None) -> str:
    return f"{span[2]} ({figures.span(span[0], span[1], opens)})"


def _sentences(run: Run) -> list[str]:
    return [f"{words.arrivals_words(as_run(run))}.", f"People: {words.people_words(run.scenario)}."]


def _books(run: Run) -> Table:
    checked, violated = number(run, "invariants.checked"), rows(run, "invariants.violated")
    cells: list[tuple[Cell, ...]] = [("does not hold", str(one)) for one in violated]
    if checked is not None:
        cells.append((f"{checked:.0f} identities checked", f"{len(violated)} do not hold" if violated else "all hold"))
    return Table(title="Books", head=("", ""), rows=cells, words=(0, 1))


def _roundings(run: Run) -> Table:
    cells = [
        (one["what"], f"{float(one['asked']):,.6g}", figures.count(one["used"])) for one in _kept(run, "roundings")
    ]
    return Table(title="Roundings", head=("number", "at this scale", "used"), rows=cells)


def _kept(run: Run, name: str) -> list[Mapping[str, Any]]:
    return list(run.manifest.get(name) or ())


def _versions(run: Run) -> Table:
    versions: Mapping[str, Any] = run.manifest.get("versions") or {}
    hashes: dict[str, Any] = dict(run.manifest.get("hashes") or {})
    controls: Mapping[str, Any] = hashes.pop("controls", {})
    cells = [(name, str(version)) for name, version in versions.items()]
    cells += [(f"hash of the {name}", str(value)[:12]) for name, value in hashes.items()]
    cells += [(f"hash of the control module {name}", str(value)[:12]) for name, value in controls.items()]
    return Table(title="Versions", head=("", ""), rows=cells, words=(0, 1))


def _caveats(run: Run) -> list[str]:
    """What a reader must not take from the page."""
    found = []
    if rows(run, "milestones"):
        found.append(
            "Published figures come from the press or from those who ran the day; derived ones are arithmetic on them;"
            " assumed ones are ours. A run that meets its milestones shows that its assumptions can explain them, not"
            " that they are true: other assumptions may explain them as well."
        )
    found.append(
        "How long people wait, how often they try again and whether they come back is seldom measured. Unless the"
        " scenario file names a source beside a number, take it as an assumption."
    )
    found.append(
        "A run is one draw of chance: another seed moves every figure. Trust a difference that several seeds show."
    )
    if scale(run) < SMALLEST_UNBIASED:
        found.append(
            f"At {figures.scale(scale(run))} servers are rounded and zones are few, which biases counts;"
            f" judge milestones at {figures.scale(SMALLEST_UNBIASED)} or larger."
        )
    if interrupted(run):
        found.append(
            "The run was stopped early: sums are too small, and what had not ended then is not counted as lost."
        )
    return found
