"""What people see of a run: that it is right, complete, legible and safe to open."""

from __future__ import annotations

import io
import re
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the extra `report` is not installed")

from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text

from reports import bins, figures, picked, plots, words
from reports.html import html
from reports.lines import unbroken, wrapped
from reports.run import MissingLibrary, Run, bounds, milestone_words, tolerance
from reports.text import milestones_table, text
from scenarios.loader import load
from scenarios.model import ServerStage
from simulator.run import simulate
from tests.fake_run import FakeRun, bare_run, crowded_run, milk_tea_run, stopped, with_summary
from tests.scenario_strategy import LAW_PLACES, loaded
from tests.test_agreement import CROWD, LAWS, POINTS

TOO_PRECISE = re.compile(r"\d\.\d{7,}")
VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = '<script>alert("1")</script> & \x1b[31m $\\frac$'


RUNS = {
    "day": milk_tea_run(),
    "bare": bare_run(),
    "stopped": stopped(milk_tea_run(), 17_160),
    "crowded": crowded_run(),
}
each_run = pytest.mark.parametrize("kind", RUNS)


@cache
def drawn(kind: str) -> list[plots.Plot]:
    return plots.plots(RUNS[kind])


@cache
def page(kind: str) -> str:
    return html(RUNS[kind])


@pytest.fixture
def day() -> FakeRun:
    return RUNS["day"]


def at_scale(run: FakeRun, factor: float) -> FakeRun:
    return with_summary(run, scale=factor)


def titled(run: FakeRun, title: str) -> FakeRun:
    milestones = [{**milestone, "title": title, "source": title} for milestone in run.summary["milestones"]]
    scenario = run.scenario.model_copy(update={"title": title, "description": title})
    return replace(with_summary(run, milestones=milestones), scenario=scenario)


# Figures.


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "0"), (9_999, "9,999"), (999_999, "1.00 million"), (10_154_000, "10.15 million"), (1.2e9, "1.20 billion")],
)
def test_a_count_is_written_in_full_below_a_million_and_in_words_above(number: float, written: str) -> None:
    assert figures.count(number) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (3e-9, "under 0.001 ms"),
        (0.00035, "0.35 ms"),
        (0.9999, "1 s"),
        (42.123, "42.1 s"),
        (59.97, "1 min"),
        (725, "12 min 05 s"),
        (3599.7, "1 h"),
        (7380, "2 h 03 min"),
        (276_480, "3 d 05 h"),
    ],
)
def test_a_duration_is_written_in_the_two_units_that_matter(seconds: float, written: str) -> None:
    assert figures.duration(seconds) == written


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.44, "44%"),
        (0.0444, "4.4%"),
        (0.05, "5%"),
        (0.99951, "99.95%"),
        (0.99999, "over 99.99%"),
        (0.00001, "under 0.01%"),
    ],
)
def test_a_share_never_rounds_to_all_or_nothing(part: float, written: str) -> None:
    assert figures.share(part) == written


@pytest.mark.parametrize(("rate", "written"), [(0, "0/s"), (312.4, "312/s"), (8.3333, "8.33/s"), (0.004, "14.4/h")])
def test_a_rate_is_written_per_second_or_per_hour(rate: float, written: str) -> None:
    assert figures.rate(rate) == written


@pytest.mark.parametrize(
    ("part", "written"), [(0.0151, "+1.5%"), (-0.0001, "+0.0%"), (2.3, "+230%"), (99.0, "x 100"), (None, "-")]
)
def test_a_deviation_has_a_sign_and_one_decimal(part: float | None, written: str) -> None:
    assert figures.deviation(part) == written


@pytest.mark.parametrize(
    ("at_s", "opens", "written"),
    [(0, "07:45", "07:45"), (58_500, "07:45", "24:00"), (58_560, "07:45", "00:01 +1d"), (90, None, "1 min 30 s")],
)
def test_an_instant_is_what_the_clock_on_the_wall_shows(at_s: float, opens: str | None, written: str) -> None:
    assert figures.clock(at_s, opens) == written


def test_ticks_of_a_day_stand_at_whole_hours_of_the_clock() -> None:
    at_s, labels, title = figures.time_ticks(58_500, "07:45")
    assert labels[0] == "08:00"
    assert at_s[0] == 900
    assert labels[-1] == "24:00"
    assert title == "time of day"


def test_ticks_without_a_clock_name_their_unit() -> None:
    assert figures.time_ticks(300, None)[1:] == (["0", "1", "2", "3", "4", "5"], "time since the start, minutes")


# Series.


def test_bins_of_a_long_run_are_whole_minutes_and_lose_nothing(day: FakeRun) -> None:
    over = bins.bins(day)
    placed = None if over is None else bins.summed(day, "orders.placed", over)
    assert over is not None
    assert placed is not None
    assert len(over.first) <= bins.MOST
    assert set(over.width_s[:-1]) == {180.0}
    assert over.end_s[-1] == 58_500
    assert placed.sum() == day.timeseries["orders.placed"].sum()


def test_bins_that_need_not_be_whole_minutes_are(day: FakeRun) -> None:
    over = bins.bins(day, most=100)
    assert over is not None
    assert set(over.width_s[:-1]) == {600.0}


def test_the_rate_of_a_bin_is_its_count_over_its_length() -> None:
    run = bare_run()
    over = bins.bins(run, most=7)
    rates = None if over is None else bins.per_s(run, "orders.placed", over)
    assert rates is not None
    assert set(rates) == {2.0}


# Words.


def test_a_timeline_begins_with_the_value_that_the_file_sets(day: FakeRun) -> None:
    scale_out = next(change for change in words.changes(day.scenario) if change.name == "scale-out")
    assert scale_out.spans == ((0.0, 14_400.0, "14.4"), (14_400.0, 15_300.0, "28.7"), (15_300.0, 58_500.0, "43.1"))


def test_what_control_processes_turned_is_told_by_knob(day: FakeRun) -> None:
    turns = [
        {"at_s": 3600.0 * hour, "control": "scaler", "knob": "stages.order.servers", "value": 60 + hour}
        for hour in (1, 2, 3)
    ]
    turns.append({"at_s": 7200.0, "control": "hand", "knob": "admission.front-door.rate", "value": "off"})
    run = with_summary(day, controls={"turned": 4, "turns": turns})
    lines = text(run).splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Controls"))
    assert [line.split() for line in lines[head : head + 3]] == [
        ["Controls", "turns", "first", "to", "last", "to"],
        ["scaler:", "order", "servers", "3", "61", "at", "08:45", "63", "at", "10:45"],
        ["hand:", "front-door", "rate", "1", "off", "at", "09:45", "off", "at", "09:45"],
    ]
    assert "first to (full size)" in text(with_summary(run, scale=0.5))
    assert '<td class="w">front-door rate</td>' in html(run)
    assert "Controls" not in text(day)


def test_every_law_has_words_for_its_rule() -> None:
    for law, keys in LAWS.items():
        at = POINTS[LAW_PLACES[law]][0]
        door = {"name": "door", "at": at, "law": law, **keys, **({"key": "zone"} if law == "hot_key" else {})}
        gateway = {"gateway": {"servers": 1}}
        (row,) = words.limit_rows(loaded({**CROWD, **gateway, "admission": [door]}).scenario)
        assert re.fullmatch(r".+: .+", row[2]), law


def test_every_kind_of_limit_and_stage_has_words(day: FakeRun) -> None:
    assert words.limit_rows(day.scenario)[1] == (
        "contract",
        "stage payment",
        "pacing: 1,500/s, refused beyond a wait of 500 ms",
        "all together",
    )
    assert [row[1] for row in words.stage_rows(day.scenario)] == [
        "13 servers",
        "14.4 replicas of 64 calls at once",
        "68 servers",
        "16 shards of 1 server",
        "400 servers",
    ]


@pytest.mark.parametrize(
    ("low", "high", "written"), [(0.9, None, ">= 90%"), (None, 0.9, "<= 90%"), (0.5, 0.9, "50% to 90%")]
)
def test_a_gate_says_what_it_asks(day: FakeRun, low: float | None, high: float | None, written: str) -> None:
    assert bounds(day, {"metric": "orders.placed_share", "min": low, "max": high}) == written


def test_an_instant_is_off_by_a_time_and_not_by_a_share(day: FakeRun) -> None:
    milestone = {"name": "begins", "metric": "longest_outage.start_s", "value": 8100.0, "simulated": 8700.0}
    assert milestone_words(day, milestone) == ("begins", "10:00", "10:10", "+10 min")


def test_a_milestone_that_asks_for_at_least_so_much_is_not_off_by_more(day: FakeRun) -> None:
    milestone = {"name": "m", "metric": "attempts.offered", "value": 30e6, "simulated": 45e6, "deviation": 0.5}
    met = milestone_words(day, {**milestone, "compare": "at_least", "verdict": "met"})
    assert met == ("m", ">= 30.00 million", "45.00 million", "-")


# The terminal.


def test_the_day_fits_a_terminal(day: FakeRun) -> None:
    lines = text(day).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40
    assert "10.00 million" in text(day)
    assert "10:06-11:50 (1 h 44 min), most failed: timed out" in text(day)


def test_a_day_of_ten_milestones_fits_a_terminal_with_every_one_and_loses_outages_first(day: FakeRun) -> None:
    milestones = [{**day.summary["milestones"][0], "title": f"number {i}"} for i in range(10)]
    outages = [{"start_s": 600.0 * i, "end_s": 600.0 * i + 60 + i, "reason": "store"} for i in range(9)]
    lines = text(with_summary(day, scale=0.005, milestones=milestones, outages=outages)).splitlines()
    assert len(lines) <= 40
    assert sum("number" in line for line in lines) == 10
    shown = ("  intent", "  payment", "  FAILED  nearly-all", "  passed  quick")
    assert sum(line.startswith(shown) for line in lines) == 4
    assert any(line.startswith("Outages") and "1 min 08 s" in line for line in lines)
    assert "  at 1:200 counts are biased; judge milestones at 1:50 or larger" in lines


def test_a_run_large_enough_is_not_called_biased(day: FakeRun) -> None:
    for run in (day, at_scale(day, 0.02), with_summary(day, scale=0.001, milestones=None)):
        assert "biased; judge" not in text(run)
    assert "At 1:200 counts are biased; judge milestones at 1:50 or larger." in html(at_scale(day, 0.005))


def test_the_names_of_times_are_never_cut(day: FakeRun) -> None:
    long = dict.fromkeys(("mean", "p50", "p90", "p99", "p999", "max"), 45_240.0)
    street = {name: dict(day.summary[name]) for name in ("kitchens", "couriers")}
    street["kitchens"]["ready_time_s"] = street["couriers"]["delivery_time_s"] = long
    lines = text(with_summary(day, time_to_order_s=long, **street)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "  order to ready 12 h 34 min 12 h 34 min 12 h 34 min 12 h 34 min 12 h 34 min" in lines


def test_nothing_of_a_gate_is_cut_and_what_it_asks_stays_in_one_line(day: FakeRun) -> None:
    gate = {**day.summary["gates"][1], "name": "g" * 60, "metric": "stages.payment.waiting_time_s.p99", "min": 601.0}
    lines = text(with_summary(day, gates=[{**gate, "verdict": "no value"}])).splitlines()
    assert max(map(len, lines)) <= 80
    head = lines.index("Gates")
    assert lines[head + 1] == f"  no value  {'g' * 60}:"
    assert lines[head + 2].split() == ["stages.payment.waiting_time_s.p99", "is", "11", "min", "42", "s,"]
    assert lines[head + 3].strip() == "must be 10 min 01 s to 13 min 20 s"


def test_a_number_and_its_unit_stay_together() -> None:
    for start in range(60, 80):
        lines = wrapped(f"{'x' * start} 16 h 15 min, +- 0.34 s and 14.08 million")
        for amount in ("16 h 15 min", "+- 0.34 s", "14.08 million"):
            assert any(amount in line for line in lines), lines
        assert " ".join(line.strip() for line in lines) == f"{'x' * start} 16 h 15 min, +- 0.34 s and 14.08 million"


def test_times_that_say_nothing_are_left_out(day: FakeRun) -> None:
    nothing = dict.fromkeys(("mean", "p50", "p90", "p99", "p999", "max"), 0.0)
    times = {"admitted": day.summary["response_time_s"]["admitted"], "refused": nothing}
    run = with_summary(bare_run(), response_time_s=times, kitchens={"ready_time_s": times["admitted"]})
    for written in (text(run), html(run)):
        assert "refusal" not in written
        assert "to ready" not in written
    assert "to a refusal" in text(day)
    assert "refusal by the gateway" in page("day")


def test_the_tolerance_of_an_instant_is_a_time(day: FakeRun) -> None:
    milestone = {"metric": "longest_outage.start_s", "value": 8100.0, "tolerance": 0.1}
    assert tolerance(day, milestone) == "± 13 min 30 s"
    assert tolerance(day, {**milestone, "metric": "orders.placed"}) == "10%"
    assert tolerance(day, {"metric": "orders.placed", "compare": "at_least", "tolerance": 0.0}) == "-"


def test_a_run_with_too_much_to_say_keeps_what_went_wrong_and_all_milestones(day: FakeRun) -> None:
    stage = ServerStage.model_validate({"name": "s", "servers": 1, "service": "1ms"})
    many = tuple(stage.model_copy(update={"name": f"stage-{i}-{'x' * 40}"}) for i in range(40))
    run = replace(day, scenario=day.scenario.model_copy(update={"stages": many}))
    run = with_summary(
        run,
        stages={stage.name: {"utilisation": i / 40, "queue_max": 10**9} for i, stage in enumerate(many)},
        milestones=[{**day.summary["milestones"][0], "verdict": "met"}] * 30 + [day.summary["milestones"][3]],
        outages=[{"start_s": 600.0 * i, "end_s": 600.0 * i + 60 + i, "reason": "store"} for i in range(90)],
    )
    lines = text(run).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line[:10] for line in lines if line.startswith("  stage-")] == ["  stage-39"]
    assert sum("million orders" in line for line in lines) == 31
    assert any(line.startswith("! 10 million orders") for line in lines)
    assert "  and 39 more in summary.json" in lines


def test_the_text_of_one_seed_is_the_same_wherever_and_whenever_it_ran(day: FakeRun) -> None:
    elsewhere = {**day.manifest, "started_utc": "2027-01-01T00:00:00Z", "command": ["/home/x"], "events_per_s": 1.5}
    run = replace(milk_tea_run(), manifest=elsewhere)
    assert text(run).encode() == text(day).encode()
    assert html(run).encode() == page("day").encode()


@each_run
def test_no_figure_is_written_raw(kind: str) -> None:
    assert not TOO_PRECISE.search(text(RUNS[kind]))
    assert not TOO_PRECISE.search(page(kind))


def test_what_a_run_does_not_have_is_not_spoken_of() -> None:
    for word in ("Kitchens", "Couriers", "Milestones", "Gates", "None", "nan"):
        assert word not in text(bare_run())
    assert milestones_table(bare_run()) == ""


def test_the_table_of_milestones_has_every_one_with_its_grade(day: FakeRun) -> None:
    lines = milestones_table(day).splitlines()
    assert len(lines) == 7
    assert " ".join(lines[4].split()) == "! 10 million orders 10.00 million 9.06 million -9.4% published"


def test_a_sign_of_east_asia_takes_two_columns() -> None:
    assert figures.columns("10 奶茶") == 7


def test_a_title_in_chinese_or_with_escape_codes_does_no_harm(day: FakeRun) -> None:
    lines = text(titled(day, "一千万杯奶茶" * 30)).splitlines()
    assert max(map(figures.columns, lines)) <= 80
    assert "\x1b" not in text(titled(day, HOSTILE))


def test_a_run_at_a_scale_says_so(day: FakeRun) -> None:
    assert "scale 1:50 (so are all counts)" in " ".join(text(at_scale(day, 0.02)).split())
    assert "at the scale of the run, 1:50" in html(at_scale(day, 0.02))


def test_an_interrupted_run_says_so_everywhere(day: FakeRun) -> None:
    assert "INTERRUPTED at 12:31" in text(RUNS["stopped"])
    assert "not reached" in text(RUNS["stopped"])
    assert "<strong>Interrupted</strong> at 12:31" in page("stopped")
    for plot in drawn("stopped"):
        assert "not simulated" in [one.get_text() for one in plot.figure.axes[0].texts]
    assert "INTERRUPTED" not in text(day)


def test_books_that_do_not_balance_are_shouted_about(day: FakeRun) -> None:
    run = with_summary(day, invariants={"checked": 9, "violated": ["wanted 5 is not 4"]})
    assert "DO NOT BALANCE: 1 of 9" in text(run)
    assert "wanted 5 is not 4" in " ".join(text(run).split())
    assert "wanted 5 is not 4" in html(run)


# The plots.


def test_every_panel_has_a_label_in_words_and_every_figure_a_time_axis() -> None:
    labels = {plot.name: [panel.get_ylabel() for panel in plot.figure.axes] for plot in drawn("day")}
    assert labels == {
        "orders": ["million orders since the start"],
        "rates": ["attempts and orders per second", ""],  # the second is the strip of changes, named row by row
        "able": ["share that ends with an order", "people without an order"],
        "queues": ["attempts waiting", "capacity in use", "share of work that is wasted"],
        "kitchens": ["paused stores, of 300,000", "cups waiting to be made"],
        "couriers": ["million orders waiting for a courier", "orders per second"],
    }
    assert {plot.figure.axes[-1].get_xlabel() for plot in drawn("day")} == {"time of day"}


def test_outages_are_shaded_in_every_panel_that_measures() -> None:
    for plot in drawn("day"):
        for panel in plot.figure.axes:
            if not panel.get_ylabel():  # the strip of changes has shades of its own
                continue
            shades = [patch for patch in panel.patches if to_hex(patch.get_facecolor()) == plots.RED]
            assert [shade.get_window_extent().width > 0 for shade in shades] == [True, True], plot.name


def labels_shown(panel: Axes) -> Iterator[Text]:
    """The texts of a panel; ticks beyond its ends are not drawn."""
    for axis, ends in ((panel.xaxis, panel.get_xlim()), (panel.yaxis, panel.get_ylim())):
        yield axis.label
        yield from (tick.label1 for tick in axis.get_major_ticks() if min(ends) <= tick.get_loc() <= max(ends))
    yield from panel.texts
    legend = panel.get_legend()
    if legend is not None:
        yield from legend.get_texts()


@each_run
def test_no_label_covers_another_or_is_cut_off(kind: str) -> None:
    for plot in drawn(kind):
        plot.figure.savefig(io.BytesIO(), format="png", dpi=100)
        shown = [one for panel in plot.figure.axes for one in labels_shown(panel) if one.get_text().strip()]
        boxes = [(one.get_text(), one.get_window_extent()) for one in shown]
        for (first, one), (second, other) in combinations(boxes, 2):
            shared = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
            assert min(shared) <= 2, f"{plot.name}: {first!r} and {second!r}"
        for word, box in boxes:
            assert box.x0 >= 0, word
            assert box.x1 <= plot.figure.bbox.width, word


def test_the_line_of_orders_ends_at_all_orders_in_millions(day: FakeRun) -> None:
    (panel,) = drawn("day")[0].figure.axes
    placed = next(line for line in panel.lines if line.get_label() == "placed")
    assert np.asarray(placed.get_ydata())[-1] == day.summary["orders"]["placed"]
    assert [tick.get_text() for tick in panel.get_yticklabels()][:3] == ["0", "5", "10"]


def test_a_full_batch_is_a_capacity_in_use_of_all_and_never_more(day: FakeRun) -> None:
    queues = next(plot for plot in drawn("day") if plot.name == "queues")
    highest = max(np.nanmax(np.asarray(line.get_ydata())) for line in queues.figure.axes[1].lines)
    assert highest == pytest.approx(1, abs=0.01)


def test_a_real_batching_server_that_is_full_is_drawn_as_full() -> None:
    run = simulate(load("labs/batching-server"), scale=Fraction(1, 10))
    queues = next(plot for plot in plots.plots(run) if plot.name == "queues")
    (used,) = (np.asarray(line.get_ydata()) for line in queues.figure.axes[1].lines if line.get_color() == plots.BLUE)
    assert 0.8 < np.nanmax(used) <= 1


def test_more_work_than_capacity_is_drawn_as_all_of_it() -> None:
    run = bare_run()
    run = replace(run, timeseries={**run.timeseries, "stages.desk.busy": 3 * np.ones(30)})
    queues = next(plot for plot in plots.plots(run) if plot.name == "queues")
    assert set(np.asarray(queues.figure.axes[1].lines[0].get_ydata())) == {1.0}


def test_a_step_of_a_timeline_with_room_above_it_is_labelled_on_a_plain_ground() -> None:
    rates = next(plot for plot in drawn("day") if plot.name == "rates")
    strip = rates.figure.axes[1]
    assert {"14.4", "28.7", "43.1"} <= {one.get_text() for one in strip.texts}
    assert to_hex(plots.RED) not in {to_hex(patch.get_facecolor()) for patch in strip.patches}


def test_limits_are_drawn_as_they_were_at_the_scale_of_the_run(day: FakeRun) -> None:
    rates = next(plot for plot in plots.plots(at_scale(day, 0.1)) if plot.name == "rates")
    assert "30.2/s" in [one.get_text() for one in rates.figure.axes[1].texts]
    assert rates.caption.endswith("below is what was set when (at 1:10).")
    assert next(plot for plot in drawn("day") if plot.name == "rates").caption.endswith("what was set when.")


def test_a_crowd_that_never_is_has_no_panel(day: FakeRun) -> None:
    nobody = {**day.timeseries, "people.away": np.zeros(len(day.timeseries["t_s"]))}
    able = next(plot for plot in plots.plots(replace(day, timeseries=nobody)) if plot.name == "able")
    assert able.figure.axes[1].get_legend_handles_labels()[1] == ["trying now"]


def test_turns_of_control_processes_are_marked_unless_there_are_too_many(day: FakeRun) -> None:
    def marks(turns: int) -> int:
        made = [
            {"control": "hand", "knob": "admission.front-door.rate", "value": 1.0, "at_s": 30.5 * (i + 1)}
            for i in range(turns)
        ]
        plot = plots.plots(with_summary(day, controls={"turns": made}))[0]
        return sum(line.get_linestyle() != "-" and np.size(line.get_xdata()) == 2 for line in plot.figure.axes[0].lines)

    assert marks(3) == marks(0) + 3
    assert marks(100) == marks(0)


def test_a_plot_in_a_page_keeps_its_ids_to_itself_and_its_labels_whole(day: FakeRun) -> None:
    run = at_scale(day, 0.004)
    drawings = [plots.svg(plot) for plot in plots.plots(run)]
    ids = Counter(found for drawing in drawings for found in re.findall(r' id="([^"]+)"', drawing))
    assert max(ids.values()) == 1
    for drawing in drawings:
        named = set(re.findall(r' id="([^"]+)"', drawing))
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawing)) <= named
    assert "0.0576" in drawings[1]


def test_colours_of_a_plot_follow_the_theme_of_the_page() -> None:
    drawings = "".join(plots.svg(plot) for plot in drawn("day"))
    assert not re.search(r"#[0-9a-f]{6}\b(?<!#000000)(?<!#ffffff)", drawings)
    used = set(re.findall(r"var\(--([a-z]+)\)", drawings))
    found = page("day")
    dark = found[found.index("prefers-color-scheme: dark") :].split("}")[0]
    assert used <= set(re.findall(r"--([a-z]+):", dark))


def test_the_picture_of_the_day_is_a_png_of_1200_by_600(day: FakeRun, tmp_path: Path) -> None:
    for run in (day, at_scale(day, 0.02), titled(day, f"{HOSTILE} 奶茶"), bare_run()):
        plots.picture_of_the_day(run, tmp_path / "day.png")
        assert struct.unpack(">II", (tmp_path / "day.png").read_bytes()[16:24]) == (1200, 600)


def test_the_picture_of_a_smaller_run_is_drawn_at_full_size_and_says_so(day: FakeRun) -> None:
    run = at_scale(day, 0.1)
    assert [point["value"] for point in picked.points(run, 10)] == [1e7, 2e7, 5e7, 1e8, 1.5e8]
    assert picked.headline(run).startswith("140.78 million orders placed")
    assert picked.headline(run).endswith("simulated at 1:10, shown at full size")


# The page.


class Tags(HTMLParser):
    """Follows what is open, and notes what is closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@each_run
def test_the_page_is_well_formed_and_asks_for_nothing_from_outside(kind: str) -> None:
    found = page(kind)
    tags = Tags()
    tags.feed(found)
    assert (tags.open, tags.wrong) == ([], [])
    assert tags.seen["svg"] == len(drawn(kind))
    assert not re.search(r"https?:|//[a-z]|@import|src=|<link|<script", found)


def test_the_page_shows_each_part_of_the_day() -> None:
    found = page("day")
    for title in (
        "Milestones",
        "Gates",
        "Limits",
        "Timelines and incidents",
        "Segments",
        "Outages",
        "Roundings",
        "Books",
    ):
        assert f"<h3>{title}" in found
    assert '<span class="badge published">published</span>' in found
    assert '<span class="badge derived">derived</span>' in found
    assert "founder interview" in found


def test_what_somebody_wrote_into_a_scenario_is_shown_and_not_run(day: FakeRun) -> None:
    found = html(titled(day, HOSTILE))
    assert "<script" not in found
    assert found.count("&lt;script&gt;") >= 4


def test_stages_of_a_long_busy_day_have_room_in_the_page(day: FakeRun) -> None:
    times = dict.fromkeys(("p50", "p99"), 753.0)
    busy = {"utilisation": 0.651, "waiting_time_s": times, "service_time_s": times}
    busy |= dict.fromkeys(("queue_max", "served", "shed", "expired"), 12_345_678)
    found = html(with_summary(day, stages={"payment": busy}))
    room_rem = float(*re.findall(r"\nbody {.*max-width: ([\d.]+)rem", found)) - 2.5
    gap_rem = 2 * float(*re.findall(r"\nth, td {.*padding: \S+ ([\d.]+)rem;.*right", found))
    table = found[found.index("<h3>Stages") :].split("</table>")[0]
    head = [max(word.split(), key=len) for word in re.findall(r"<th(?: [^>]*)?>(.+?)</th>", table)]  # a head may break
    cells = re.findall(r"<td[^>]*>(.+?)</td>", table)
    signs = [max(len(one), len(other)) for one, other in zip(head, cells, strict=True)]
    assert re.search(r"\nth {[^}]*white-space: normal", found)
    assert sum(0.5 * sign + gap_rem for sign in signs) <= room_rem  # half a rem a sign


def test_what_was_let_in_and_not_placed_may_still_wait() -> None:
    assert unbroken("what stays orange was let in and lost, or still waits (means over 3 min)") in page("day")


def test_an_index_of_fairness_has_three_decimals(day: FakeRun) -> None:
    assert "all are equal): 1.000." in html(with_summary(day, fairness={"jain": 0.9998}))


def test_a_page_about_little_has_no_empty_tables() -> None:
    found = page("bare")
    for word in ("Milestones", "Gates", "kitchens", "Segments", "Limits", "None", "nan"):
        assert word not in found
    assert "<tbody>\n</tbody>" not in found


def test_a_run_without_a_time_series_is_a_page_without_plots(day: FakeRun) -> None:
    found = html(replace(day, timeseries={}))
    assert "Over time" not in found
    assert unbroken("14.08 million") in found


def test_without_matplotlib_the_error_says_what_to_install(day: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import reports

    monkeypatch.delattr(reports, "plots")
    monkeypatch.delitem(sys.modules, "reports.plots")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingLibrary, match=r"^[^\n]*pip install matplotlib \(in a checkout: make setup\)$"):
        html(day)
    assert text(day)
