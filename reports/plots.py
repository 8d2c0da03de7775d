"""Pictures of a run over time. The only page that imports matplotlib, without the global state of pyplot."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import bins, figures, inline, picked, words
from reports.run import (
    MissingLibrary,
    Run,
    Series,
    as_run,
    ended_s,
    horizon_s,
    interrupted,
    is_live,
    rows,
    scale,
    series,
)

try:
    import matplotlib
    import matplotlib.ticker
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingLibrary(
        "drawing a report needs matplotlib: pip install matplotlib (in a checkout: make setup)"
    ) from error

INK, MUTED, GRID, ASH = (inline.COLOURS[name] for name in ("ink", "muted", "grid", "ash"))
BLUE, ORANGE, GREEN, RED, PINK = (inline.COLOURS[name] for name in ("blue", "orange", "green", "red", "pink"))
_CROWD = {"people.trying": ("-", BLUE, "trying now"), "people.away": ("--", ORANGE, "gone, will come back")}
_LINES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PINK, ":"))
_BESIDE = ((("completed",), "orders/s"), (("failed", "timed_out"), "attempts that failed or timed out, per second"))
_CASES = (ASH, BLUE, GREEN, ORANGE, PINK, RED)
_CALLS = "calls inside"
_OF_A_LAW: Mapping[str, Any] = {
    "tries": {"color": ASH, "linewidth": 1.0},
    "let in": {"color": BLUE, "linewidth": 1.0},
    "good": {"color": GREEN, "linewidth": 1.2},
    "learned": {"color": RED, "linewidth": 1.5, "zorder": 3},
    "inside": {"color": MUTED, "linewidth": 0.9},
}
_MOST_MARKS = 16  # more could not be told apart
_STAGE_GAUGES = ("backlog", "busy", "capacity")
_WIDTH_IN, _LEFT_IN, _RIGHT_IN, _TOP_IN, _BOTTOM_IN, _BETWEEN_IN = 8.4, 0.85, 0.3, 0.42, 0.52, 0.44
_STYLE: Any = {  # the type of its keys differs between versions of matplotlib
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "sluice",
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A figure with what it shows and what to look for in it."""

    name: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True, kw_only=True)
class LawPanel:
    """What is drawn of one run of a law, bucket by bucket: rates above, and below what it has learned.

    `at` are the ends of buckets, `shaded` is when something was wrong, both in one unit. The rates are tries, what was
    let in of them, and what was good; below are what was learned and what it is held against, by name.
    """

    title: str
    at: NDArray[Any]
    shaded: tuple[float, float]
    rates: Mapping[str, NDArray[Any]]
    below: Mapping[str, NDArray[Any]]


@contextmanager
def _styled() -> Iterator[None]:
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # a title in another script
        yield


def plots(run: Run) -> list[Plot]:
    """Return the plots that the run has data for, in the order of the report."""
    if is_live(run):
        with _styled():
            return [_live_beside_simulated(run)]
    over = bins.bins(run)
    if over is None:
        return []
    makers: tuple[Callable[[Run, bins.Bins], Plot | None], ...]
    makers = (_orders, _rates, _able, _queues, _kitchens, _couriers)
    with _styled():
        return [plot for make in makers if (plot := make(run, over)) is not None]


def svg(plot: Plot) -> str:
    """Return the plot as an element to put into a page."""
    out = io.StringIO()
    with _styled():
        plot.figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline.element(out.getvalue(), name=plot.name, title=plot.title)


def picture_of_the_day(run: Run, path: str | PathLike[str]) -> None:
    """Write a PNG of 1200 x 600: orders against the milestones, rates below, outages shaded."""
    over = bins.bins(run)
    if over is None:
        raise ValueError("the run has no time series to draw")
    with _styled():
        picture, (above, below) = _canvas(run, (2.0, 1.08), width_in=10, top_in=0.95, between_in=0.48, bottom_in=0.49)
        picture.set_facecolor("white")
        times = 1 / scale(run)
        _draw_orders(above, run, over, times)
        _draw_rates(below, run, over, times)
        _legend(above)
        _legend(below)
        picture.text(
            0.013, 0.94, figures.plain(run.scenario.title), size=15, weight="bold", color=INK, parse_math=False
        )
        picture.text(0.013, 0.882, picked.headline(run), size=10, color=MUTED, parse_math=False)
        picture.savefig(path, format="png", dpi=120, metadata={"Software": None})


def _live_beside_simulated(run: Run) -> Plot:
    """Orders, and attempts that became none, second by second: live and simulated."""
    at_s = series(run, "t_s")
    assert at_s is not None
    broken_s = [float(one["began_s"]) for one in rows(run, "faults") if not one["wrong"]]
    turned_s = {float(one["at_s"]) for one in rows(run, "controls.turns")}
    picture = Figure(figsize=(_WIDTH_IN, 4.0))
    for place, (names, title) in enumerate(_BESIDE, start=1):
        panel = picture.add_subplot(2, 1, place)
        for prefix, colour, style, word in (("", BLUE, "-", "live"), ("simulated.", ORANGE, "--", "simulated")):
            counted = np.sum([run.timeseries[f"{prefix}attempts.{name}"] for name in names], axis=0)
            panel.plot(at_s - at_s[0], counted, color=colour, linestyle=style, label=word)
        for instant_s in turned_s:
            panel.axvline(instant_s - at_s[0], color=MUTED, linewidth=0.8, linestyle=(0, (1, 2.5)), zorder=1)
        for instant_s in broken_s:
            panel.axvline(instant_s - at_s[0], color=RED, linewidth=1.2, zorder=1)
        panel.set_ylim(0, max(1.0, panel.get_ylim()[1]))
        panel.set_title(title, loc="left", size=9.0)
        panel.tick_params(labelbottom=place == len(_BESIDE))
    _legend(picture.axes[0])
    panel.set_xlabel("seconds of the scenario since the slice began")
    picture.subplots_adjust(left=_LEFT_IN / _WIDTH_IN, right=1 - _RIGHT_IN / _WIDTH_IN, hspace=0.42, bottom=0.13)
    return Plot(
        name="beside",
        title="Live beside simulated",
        caption="Where the lines part, the stack did something else than the model says."
        + " Upright, red: a fault." * bool(broken_s)
        + " Dotted: a control process turned a knob." * bool(turned_s),
        figure=picture,
    )


def picture_of_margins(
    cases: Mapping[str, Sequence[tuple[float, int]]], most_min: int, path: str | PathLike[str]
) -> None:
    """Write a PNG of the longest cut of servers that each case survives, in minutes, by the share that is gone."""
    with _styled():
        picture = Figure(figsize=(10, 3.7), facecolor="white")
        panel = picture.add_axes((0.07, 0.14, 0.91, 0.66))
        width, lowest = 0.8 / len(cases), 0.5
        for place, ((name, found), colour) in enumerate(zip(cases.items(), _CASES[: len(cases)], strict=True)):
            at = [group + (place - (len(cases) - 1) / 2) * width for group in range(len(found))]
            survived = [minutes for _, minutes in found]
            words_above = [f"{minutes}{'+' * (minutes == most_min)}" for minutes in survived]
            bars = panel.bar(at, [max(minutes, lowest) for minutes in survived], 0.9 * width, color=colour, label=name)
            panel.bar_label(bars, words_above, padding=1.5, size=7, color=MUTED)
        panel.set_yscale("log")
        panel.set_ylim(lowest, 2 * most_min)
        ticks = [minutes for minutes in (1, 2, 5, 10, 20, 60) if minutes <= most_min]
        panel.set_yticks(ticks, [str(minutes) for minutes in ticks], minor=False)
        panel.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        depths = [figures.share(depth) for depth, _ in next(iter(cases.values()))]
        panel.set_xticks(range(len(depths)), depths)
        panel.grid(visible=False, axis="x")
        panel.set_xlabel("share of the servers that is gone")
        panel.set_title(
            f"Longest cut that is survived, in minutes ({most_min}+: all that was tried)", loc="left", size=10, pad=26
        )
        panel.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(cases), borderaxespad=0.2, handlelength=1)
        picture.savefig(path, format="png", dpi=120, metadata={"Software": None})


def picture_of_a_law(
    panels: Sequence[LawPanel], *, title: str, good: str, unit: str, over_s: int, path: str | PathLike[str]
) -> None:
    """Write a PNG with a column a panel: `unit` is that of what is below, times and rates are of `over_s`, 1 or 3600.

    Below is a logarithmic axis from 10 on, where it is about calls: some are inside, or very many.
    """
    time = {1: "s", 3600: "h"}[over_s]
    words_of = {"good": good, "learned": "what the law has learned", "inside": "inside now"}
    with _styled():
        picture = Figure(figsize=(11.5, 4), facecolor="white")
        grid = picture.subplots(2, len(panels), sharex="col", squeeze=False)
        picture.subplots_adjust(left=0.055, right=0.99, top=0.84, bottom=0.12, wspace=0.31, hspace=0.12)
        for panel, (above, below) in zip(panels, grid.T, strict=True):
            for axes, lines in ((above, panel.rates), (below, panel.below)):
                axes.axvspan(*panel.shaded, color=GRID, alpha=0.6, linewidth=0)
                for name, values in lines.items():
                    axes.plot(panel.at, values, label=words_of.get(name, name), **_OF_A_LAW[name])
                axes.set_xlim(0, panel.at[-1])
                axes.margins(y=0.08)
                axes.set_ylim(bottom=0)
                axes.tick_params(length=3)
            above.set_title(panel.title, loc="left", size=9.5)
            if unit == _CALLS:
                below.set_yscale("symlog", linthresh=10)
                below.set_ylim(top=1.5 * max(np.nanmax(values) for values in panel.below.values()))
                below.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda calls, _: f"{calls:,.0f}"))
            below.set_xlabel(f"time, {time}")
        above, below = grid[:, 0]
        above.set_ylabel(f"tries, orders per {time}")
        below.set_ylabel(unit)
        picture.align_ylabels(grid[:, 0])
        picture.text(0.01, 0.94, title, size=12, weight="bold")
        handles = {line.get_label(): line for axes in grid[:, 0] for line in axes.lines}
        picture.legend(
            handles.values(), handles.keys(), loc="upper right", ncols=len(handles), bbox_to_anchor=(0.995, 1.0)
        )
        picture.savefig(path, format="png", dpi=90, metadata={"Software": None})


# The frame of every plot.


def _canvas(
    run: Run,
    heights_in: Sequence[float],
    *,
    width_in: float = _WIDTH_IN,
    top_in: float = _TOP_IN,
    between_in: float = _BETWEEN_IN,
    bottom_in: float = _BOTTOM_IN,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels one above the other, with one time axis, outages shaded and changes marked in each."""
    height_in = top_in + sum(heights_in) + between_in * (len(heights_in) - 1) + bottom_in
    picture = Figure(figsize=(width_in, height_in))
    panels: list[Axes] = []
    top = height_in - top_in
    for panel_in in heights_in:
        box = (_LEFT_IN / width_in, (top - panel_in) / height_in)
        size = ((width_in - _LEFT_IN - _RIGHT_IN) / width_in, panel_in / height_in)
        panels.append(picture.add_axes((*box, *size)))
        top -= panel_in + between_in
    changed = words.change_instants(as_run(run))
    turned = sorted({*changed, *(float(turn["at_s"]) for turn in rows(run, "controls.turns"))})
    instants = next((found for found in (turned, changed) if len(found) <= _MOST_MARKS), [])
    for panel in panels:
        _time_axis(panel, run, labelled=panel is panels[-1])
        _shade(panel, run, labelled=panel is panels[0])
        below_words = 1 - 0.18 / _size_in(panel)[1] if panel is panels[0] else 1.0
        for at_s in instants:
            panel.axvline(at_s, ymax=below_words, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2.5)), zorder=1)
    return picture, panels


def _time_axis(panel: Axes, run: Run, *, labelled: bool) -> None:
    at_s, labels, title = figures.time_ticks(horizon_s(run), run.scenario.opens)
    panel.set_xlim(0, horizon_s(run))
    panel.set_xticks(at_s, labels if labelled else [""] * len(labels))
    panel.tick_params(length=3)
    if labelled:
        panel.set_xlabel(title)


def _shade(panel: Axes, run: Run, *, labelled: bool) -> None:
    horizon = horizon_s(run)
    spans = [(float(outage["start_s"]), float(outage["end_s"]), "outage") for outage in rows(run, "outages")]
    colours = [RED] * len(spans)
    if interrupted(run):
        spans.append((ended_s(run), horizon, "not simulated"))
        colours.append(MUTED)
    for (start_s, end_s, word), colour in zip(spans, colours, strict=True):
        panel.axvspan(start_s, end_s, color=colour, alpha=0.14, linewidth=0, zorder=1.5)  # on areas, under lines
        if labelled and (end_s - start_s) / horizon > 0.015 * len(word):
            middle = (start_s + end_s) / 2
            panel.text(middle, 0.985, word, transform=panel.get_xaxis_transform(), ha="center", va="top", color=colour)


def _line(
    panel: Axes, over: bins.Bins, values: Series | None, style: str, colour: str, label: str | None = None
) -> None:
    if values is not None:
        panel.plot(over.at_s, bins.to_ends(values), style, color=colour, label=label)


def _count_axis(panel: Axes, label: str, *, whole: bool = True) -> None:
    """Label the values of a panel, above its left end, from 0 up and in millions where they are."""
    top = panel.get_ylim()[1] if panel.dataLim.y1 > 0 else 1.0
    panel.set_ylim(0, top * 1.07)  # room for the word "outage"
    size, word = (1e6, "million ") if top >= 1e6 else (1.0, "")
    write = figures.decimal if size > 1 or top < 20 else figures.count
    steps = matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=whole and size == 1)
    panel.yaxis.set_major_locator(steps)
    panel.yaxis.set_major_formatter(lambda value, _: write(value / size))
    _value_label(panel, word + label)


def _share_axis(panel: Axes, label: str) -> None:
    panel.set_ylim(0, 1.13)
    panel.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    _value_label(panel, label)


def _size_in(panel: Axes) -> tuple[float, float]:
    return panel.bbox.width / panel.figure.dpi, panel.bbox.height / panel.figure.dpi


def _value_label(panel: Axes, label: str) -> None:
    width_in, height_in = _size_in(panel)
    panel.set_ylabel(label, rotation=0, ha="left", va="bottom")
    panel.yaxis.set_label_coords(-0.72 / width_in, 1 + 0.07 / height_in)


def _legend(panel: Axes) -> None:
    handles, labels = panel.get_legend_handles_labels()
    if handles:
        height_in = _size_in(panel)[1]
        panel.legend(
            handles,
            labels,
            loc="lower right",
            bbox_to_anchor=(1.0, 1 + 0.045 / height_in),
            ncols=len(handles),
            borderaxespad=0,
            borderpad=0.1,
            columnspacing=1.2,
            handlelength=1.8,
            handletextpad=0.5,
        )


# What each plot draws.


def _orders(run: Run, over: bins.Bins) -> Plot | None:
    picture, (panel,) = _canvas(run, (3.1,))
    _draw_orders(panel, run, over)
    _legend(panel)
    against = (
        ", against what the world is known to have done (bars: the deviation allowed)" if picked.points(run) else ""
    )
    caption = f"Orders since the start{against}; a flat stretch is a standstill."
    return Plot(name="orders", title="Orders placed", caption=caption, figure=picture)


def _draw_orders(panel: Axes, run: Run, over: bins.Bins, times: float = 1.0) -> None:
    """Draw the sums of orders, so many times what was counted."""
    end_s = np.concatenate(([0.0], over.end_s))
    names = [("orders.placed", "placed", BLUE, "-")]
    if run.scenario.kitchens is not None or run.scenario.couriers is not None:
        names.append(("orders.delivered", "delivered", GREEN, "--"))
    for name, label, colour, style in names:
        counted = bins.summed(run, name, over)
        if counted is not None:
            total = times * np.concatenate(([0.0], np.cumsum(counted)))
            panel.plot(end_s, total, style, color=colour, label=label, linewidth=2)
    _mark_milestones(panel, picked.points(run, times))
    _count_axis(panel, "orders since the start")


def _mark_milestones(panel: Axes, points: Sequence[dict[str, Any]]) -> None:
    for grades, label, fill in (
        (("published",), "published (deviation of the run)", INK),
        (("derived", "assumed"), "derived or assumed", "none"),
    ):
        marked = [point for point in points if point.get("grade", "assumed") in grades]
        if marked:
            values = np.array([point["value"] for point in marked])
            allowed = values * np.array([float(point.get("tolerance") or 0) for point in marked])
            at_s = [float(point["at_s"]) for point in marked]
            panel.errorbar(
                at_s, values, allowed, fmt="o", color=INK, mfc=fill, ms=5, capsize=4, lw=1.2, label=label, clip_on=False
            )
    top = max([panel.get_ylim()[1], *(1.06 * point["value"] for point in points)])
    panel.set_ylim(0, top)
    _name_points(panel, points)


def _name_points(panel: Axes, points: Sequence[dict[str, Any]]) -> None:
    """Name the points left of and above them, else right and below (a sum only rises: there is nothing); else not."""
    width_in, height_in = _size_in(panel)
    line_height = panel.get_ylim()[1] * 13 / (72 * height_in)  # of a name, in orders
    free_above, free_below = 0.0, 1.25 * line_height
    for point in points:
        at_s, value = float(point["at_s"]), point["value"]
        word = picked.point_words(point)
        word_in, way_in = 0.1 + 0.08 * len(word), width_in * at_s / panel.get_xlim()[1]
        if way_in > word_in and value >= free_above:
            free_above = value + line_height
            where: dict[str, Any] = {"xytext": (-7, 1), "ha": "right"}
        elif way_in + word_in < width_in and value >= free_below:
            free_below = value + line_height
            where = {"xytext": (6, -2), "va": "top"}
        else:
            continue
        panel.annotate(word, (at_s, value), textcoords="offset points", **where)


def _rates(run: Run, over: bins.Bins) -> Plot | None:
    changes = words.changes(as_run(run))
    shown = changes if 0 < len(changes) <= 8 else []
    strip_in = 0.36 * len(shown)
    picture, panels = _canvas(run, (2.3, strip_in) if shown else (2.3,), between_in=0.2)
    _draw_rates(panels[0], run, over)
    _legend(panels[0])
    step = figures.duration(float(over.width_s[0]))
    caption = (
        "What stays grey was refused by the gateway, what stays orange was let in and lost, or still waits"
        f" (means over {step})"
    )
    if shown:
        _draw_changes(panels[1], run, shown)
        sized = "" if scale(run) == 1 else f" (at {figures.scale(scale(run))})"
        caption += f"; below is what was set when{sized}"
    return Plot(
        name="rates", title="What came, what was let in, what was placed", caption=f"{caption}.", figure=picture
    )


def _draw_rates(panel: Axes, run: Run, over: bins.Bins, times: float = 1.0) -> None:
    """Draw what came, what was let in and what was placed, so many times what was counted."""
    for name, label, colour in (  # areas from the largest to the smallest: what is left of each is what was lost
        ("attempts.offered", "offered", ASH),
        ("attempts.admitted", "admitted", ORANGE),
        ("orders.placed", "placed", BLUE),
    ):
        rate = bins.per_s(run, name, over)
        if rate is not None:
            panel.fill_between(over.at_s, times * bins.to_ends(rate), color=colour, label=label, linewidth=0)
    _count_axis(panel, "attempts and orders per second", whole=False)


def _draw_changes(panel: Axes, run: Run, changes: Sequence[words.Change]) -> None:
    """A row a knob: its name, and below it what it was set to, and when; a value too wide for its step is above it."""
    for patch in list(panel.patches):  # on the shade of an outage nobody can tell one step from the next
        patch.remove()
    for row, change in enumerate(changes):
        free = _name_width(change.title)
        panel.text(0, row + 0.42, change.title, size=8, color=MUTED, va="bottom")
        for k, (start_s, end_s, word) in enumerate(change.spans):
            length_s = end_s - start_s
            start, length = start_s / horizon_s(run), length_s / horizon_s(run)
            fill = "none" if k % 2 == 0 and len(change.spans) > 1 else GRID
            panel.barh(row + 0.7, length_s, 0.52, start_s, color=fill, edgecolor=MUTED, linewidth=0.6)
            if length > _name_width(word):
                panel.text(start_s + length_s / 2, row + 0.7, word, ha="center", va="center_baseline", size=8)
            elif free <= start <= 1 - _name_width(word):
                panel.text(start_s, row + 0.42, word, size=8, va="bottom")
                free = start + _name_width(word)
    panel.set_ylim(len(changes), 0)
    panel.set_yticks([])
    panel.grid(visible=False)
    for line in list(panel.lines):
        line.remove()
    panel.spines[["left", "bottom"]].set_visible(False)


def _name_width(word: str) -> float:
    """Return what part of the width a word in the strip of changes takes."""
    return 0.008 * len(word) + 0.008


def _able(run: Run, over: bins.Bins) -> Plot | None:
    crowd = [name for name in _CROWD if (found := series(run, name)) is not None and found.any()]
    picture, panels = _canvas(run, (1.9, 1.3) if crowd else (1.9,))
    above = panels[0]
    answers = [bins.summed(run, f"attempts.{name}", over) for name in ("completed", "failed", "timed_out")]
    sessions = [bins.summed(run, f"sessions.{name}", over) for name in ("served", "failed")]
    for parts, label, colour, style in ((answers, "of attempts", BLUE, "-"), (sessions, "of sessions", ORANGE, "--")):
        if parts[0] is not None:
            whole = sum((part for part in parts if part is not None), np.zeros(len(parts[0])))
            _line(above, over, bins.share(parts[0], whole), style, colour, label)
    above.axhline(0.5, color=RED, linewidth=0.9, linestyle=(0, (4, 3)))
    _share_axis(above, "share that ends with an order")
    _legend(above)
    caption = (
        "Share of attempts, and of sessions (a person's tries in one go), that ended with an order: under the dashed"
        " line is an outage"
    )
    if crowd:
        for name in crowd:
            _line(panels[1], over, bins.mean(run, name, over), *_CROWD[name])
        _count_axis(panels[1], "people without an order")
        _legend(panels[1])
        caption += ", and a crowd that does not melt (below) keeps it going"
    return Plot(name="able", title="Who was able to order", caption=f"{caption}.", figure=picture)


def _queues(run: Run, over: bins.Bins) -> Plot | None:
    names = picked.tightest(run, len(_LINES))
    if not names:
        return None
    picture, (waiting, used, wasted) = _canvas(run, (1.4, 1.2, 0.9))
    for name, (colour, style) in zip(names, _LINES, strict=False):
        backlog, busy, capacity = (bins.mean(run, f"stages.{name}.{gauge}", over) for gauge in _STAGE_GAUGES)
        _line(waiting, over, backlog, style, colour, name)
        if busy is not None and capacity is not None:
            in_use = np.minimum(bins.share(busy, capacity), 1.0)  # servers that were taken away finish what they have
            _line(used, over, in_use, style, colour)
    _count_axis(waiting, "attempts waiting")
    _share_axis(used, "capacity in use")
    parts = [bins.summed(run, f"work.{name}", over) for name in ("wasted", "useful")]
    if parts[0] is not None and parts[1] is not None:
        lost = bins.share(parts[0], parts[0] + parts[1])
        wasted.fill_between(over.at_s, bins.to_ends(lost), color=RED, alpha=0.45, linewidth=0)
    _share_axis(wasted, "share of work that is wasted")
    wasted.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    _legend(waiting)
    caption = "Full capacity with much wasted work means that servers work for people who have left."
    return Plot(name="queues", title="Queues and wasted work", caption=caption, figure=picture)


def _kitchens(run: Run, over: bins.Bins) -> Plot | None:
    paused = bins.mean(run, "kitchens.paused", over)
    backlog = bins.mean(run, "kitchens.backlog_cups", over)
    if run.scenario.kitchens is None or paused is None or backlog is None:
        return None
    picture, (above, below) = _canvas(run, (1.4, 1.4))
    _line(above, over, paused, "-", ORANGE)
    street = as_run(run).street
    stores = f", of {figures.count(street.zones * street.stores_per_zone)}" if street is not None else ""
    _count_axis(above, f"paused stores{stores}")
    _line(below, over, backlog, "-", BLUE)
    _count_axis(below, "cups waiting to be made")
    caption = (
        "A few paused stores can turn many people away, for they are the popular ones; cups are those of all stores."
    )
    return Plot(name="kitchens", title="Kitchens", caption=caption, figure=picture)


def _couriers(run: Run, over: bins.Bins) -> Plot | None:
    waiting = bins.mean(run, "couriers.waiting", over)
    delivered = bins.per_s(run, "orders.delivered", over)
    if run.scenario.couriers is None or waiting is None or delivered is None:
        return None
    picture, (above, below) = _canvas(run, (1.4, 1.6))
    _line(above, over, waiting, "-", BLUE)
    _count_axis(above, "orders waiting for a courier")
    late, cancelled = (bins.per_s(run, f"orders.{name}", over) for name in ("late", "cancelled"))
    none = np.zeros(len(delivered))
    late, cancelled = none if late is None else late, none if cancelled is None else cancelled
    ends = [bins.to_ends(rate) for rate in (delivered - late, late, cancelled)]
    colours, labels = (GREEN, ORANGE, RED), ("on time", "late", "cancelled")
    below.stackplot(over.at_s, *ends, colors=colours, labels=labels, alpha=0.8, linewidth=0)
    _count_axis(below, "orders per second", whole=False)
    _legend(below)
    caption = "A queue for couriers shows as late and cancelled orders for an hour and more after it."
    return Plot(name="couriers", title="Couriers and deliveries", caption=caption, figure=picture)
