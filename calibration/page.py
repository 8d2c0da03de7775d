"""docs/better-limits.md, made from docs/better-limits.json: `python -m calibration.page` writes it."""

from __future__ import annotations

import inspect
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from calibration import margin
from calibration.variants import DAY, HOURS, RESULTS, VARIANTS
from reports import figures

PAGE = RESULTS.with_suffix(".md")
USUAL_COURIERS = "1.3"
Row = Mapping[str, Any]

INTRODUCTION = """# Better limits, and the same day

This page is made from [better-limits.json](better-limits.json) (`python -m calibration.page`); a test keeps it current.
To measure anew: `python -m calibration.variants --help`, `python -m calibration.margin --help`.

Variants of `milk-tea-day` (`sluice list`) put other limits before the same people, the same servers (doubled at
11:45, tripled at noon) and the same street. Each file says what it assumes.

| variant | what limits |
|---|---|
| milk-tea-day | what was done that day, as fitted: throttles by hand, after noon far below what servers can do |
| no-limits | nothing, and the queue has no bound |
| static-limit | one rate at the gateway, all that the servers can do, moved with them |
| deadline-and-budget | no rate: work whose person has left is dropped at its turn; few retries |
| waiting-room | a line at the gateway, called at 0.95 of what the servers can do; follow-ups ride on tickets |
| fulfilment-credits | static-limit behind credits: let in only what a store and its couriers can deliver in time |

**What is not known.** Nobody published what the day would have been, how patient people are, or how many couriers
there were (1.3 times the day's mean of 309 orders/s is assumed; the last table of a scale varies it). All variants keep
that three in ten failures are final in the evening, though the app might not have sent people away. A refusal costs
0.6 ms of the gateway in the variants (1.4% of an intent) and 0.2 ms in the day; the gateway was never busy, so that
neither changes anything. Commands of the waiting room count each time that the app asks whether it is one's turn. Read
differences, not digits.

## What it says

- **Without a limit the day is over at ten.** The queue outgrows what people wait, and three times the servers work
  through the day for people who have left: a metastable failure.
- **Deadlines with a retry budget need no rate and nobody awake,** lose the least work, and survive every cut tried:
  without being told, they follow what servers do.
- **A limit at all that servers can do stands on an edge.** At 1:50 servers are a little slower than at full size, and
  it loses most of the hour before noon; after a cut it lets in as much as is served, so that a queue never drains. At
  0.88 of that it drains, and every cut is survived.
- **A waiting room is as good as its rate.** It does not see servers go, and those whom it let in come back on their
  tickets. How long places are held matters: with 2 min in place of 10 s it fails by itself (measured at 1:50).
- **Credits are a brake on that edge.** Behind them stands the same rate as of the static limit, but what kitchens can
  take is less than that at a busy hour: a cut of half the servers is survived ten times as long and more.
- **Limits that see servers alone move the outage to the street.** They sell half as many orders again as the day did;
  on time come fewer than that day where couriers are few, and more where they are many. Credits sell fewer and deliver
  more on time, at each capacity of couriers tried, and nearly nothing is cancelled. By how much rests on couriers,
  which nobody published.
"""
BLANK = "\n\n"
MARGIN = f"""## What each survives

{(inspect.getdoc(margin) or "").split(BLANK)[1]}

![Minutes of a cut that each variant survives, by its depth](margins.png)
"""


def page() -> str:
    """Return the whole page."""
    content = json.loads(RESULTS.read_text("utf-8"))
    days, margins = content["days"], content["margins"]
    scales = sorted({one["scale"] for one in days}, key=Fraction, reverse=True)
    return "\n".join(
        [INTRODUCTION, *(text for scale in scales for text in _days(days, scale)), MARGIN, _margins(margins)]
    )


def _days(days: Sequence[Row], scale: str) -> Iterator[str]:
    here = [one for one in days if one["scale"] == scale]
    usual = _by_variant([one for one in here if one["couriers"] == USUAL_COURIERS])
    yield f"## The day at {scale.replace('/', ':') if '/' in scale else '1:1'}\n"
    yield f"{_whose(usual)}, couriers for {USUAL_COURIERS} times the day's mean of orders.\n"
    yield _table(
        ["variant", *(f"orders by {_clock(hour)}" for hour in HOURS), "commands", "wanted an order"], usual, _counts
    )
    yield _table(
        ["variant", "time to order, p50", "p90", "p99", "no order after trying 1 h", "2 h", "6 h", "wasted work"],
        usual,
        _shares,
    )
    yield _table(["variant", "placed", "on time", "late", "cancelled", "on time, of those placed"], usual, _delivered)
    couriers = sorted({one["couriers"] for one in here})
    if len(couriers) > 1:
        every = {one["seed"] for one in here}
        said = _said(every).lower()
        yield f"Delivered on time, {said}, by the capacity of couriers (times the day's mean of orders):\n"
        head = ["variant", *(f"{times} times" for times in couriers)]
        yield _table(head, _by_variant(here), _on_time_by(couriers, every))


def _by_variant(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found = {variant: [one for one in rows if one["variant"] == variant] for variant in VARIANTS}
    return {variant: of for variant, of in found.items() if of}


def _table(head: Sequence[str], rows: Mapping[str, list[Row]], cells: Callable[[list[Row]], list[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *([_short(name), *cells(of)] for name, of in rows.items())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _counts(of: list[Row]) -> list[str]:
    orders = [_mean(of, "orders_by_hour", f"{hour:g}") for hour in HOURS]
    return [_millions(each) for each in (*orders, _mean(of, "commands"), _mean(of, "wanted"))]


def _shares(of: list[Row]) -> list[str]:
    times = [_mean(of, "time_to_order_s", name) for name in ("p50", "p90", "p99")]
    shut_out = [_mean(of, "shut_out", name) for name in ("1h", "2h", "6h")]
    return [
        *(figures.duration(time) for time in times),
        *(figures.share(share) for share in (*shut_out, _mean(of, "wasted_share"))),
    ]


def _delivered(of: list[Row]) -> list[str]:
    placed = _mean(of, "orders_by_hour", f"{HOURS[-1]:g}")
    ends = [_mean(of, name) for name in ("delivered_on_time", "late", "cancelled")]
    return [*(_millions(each) for each in (placed, *ends)), figures.share(ends[0] / placed)]


def _on_time_by(couriers: Sequence[str], every: set[int]) -> Callable[[list[Row]], list[str]]:
    def cell(rows: list[Row]) -> str:
        if not rows:
            return "-"
        said = _millions(_mean(rows, "delivered_on_time"))
        own = {one["seed"] for one in rows}
        return said if own == every else f"{said} ({_said(own).lower()})"

    return lambda of: [cell([one for one in of if one["couriers"] == times]) for times in couriers]


def _margins(found: Sequence[Row]) -> str:
    depths = sorted({one["depth"] for one in found})
    lines = [["servers gone", *(figures.share(depth) for depth in depths)], ["---"] * (1 + len(depths))]
    lines.extend(
        [case, *(_minutes(survived) for survived in margin.shortest(found, case).values())] for case in margin.CASES
    )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _minutes(survived: int) -> str:
    return f"{survived} min or more" if survived == margin.LONGEST_MIN else f"{survived} min"


def _mean(of: Sequence[Row], *path: str) -> float:
    """The mean of a figure over rows; `path` is its names, from the outside in."""
    return statistics.fmean(_figure(one, *path) for one in of)


def _figure(of: Any, *path: str) -> float:
    return _figure(of[path[0]], *path[1:]) if path else float(of)


def _millions(number: float) -> str:
    return f"{number / 1e6:.2f} M"


def _short(variant: str) -> str:
    return variant.removeprefix(f"{DAY}/")


def _clock(hour: float) -> str:
    return figures.clock(hour * 3600, "07:45")


def _whose(usual: Mapping[str, list[Row]]) -> str:
    """Say of which seeds the figures are; a variant with fewer is named."""
    seeds = {variant: {one["seed"] for one in of} for variant, of in usual.items()}
    every = set.union(*seeds.values())
    fewer = [f"{_short(variant)}: {_said(own).lower()}" for variant, own in seeds.items() if own != every]
    return f"{_said(every)} ({', '.join(fewer)})" if fewer else _said(every)


def _said(seeds: set[int]) -> str:
    said = ", ".join(map(str, sorted(seeds)))
    return f"Seed {said}" if len(seeds) == 1 else f"Means of seeds {said}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
