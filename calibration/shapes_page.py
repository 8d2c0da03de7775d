"""docs/adaptive-limits.md, made from docs/adaptive-limits.json: `python -m calibration.shapes_page` writes it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from calibration.labs import BASELINE, LABS, LAWS, SHORT_QUEUE, STREET_LAWS, Lab, cells
from reports import figures
from simulator.estimates import Estimate, estimate

PAGE = Path(__file__).resolve().parent.parent / "docs" / "adaptive-limits.md"
RESULTS = PAGE.with_suffix(".json")
PICTURES = PAGE.with_suffix("")
CONFIDENCE, TOLD_AT = 0.99, 0.01
Row = Mapping[str, Any]
Cell = tuple[str, str, str, str]  # lab, setting, shape and arm
Found = dict[Cell, Row]
BEATS, LOSES, LIKE = "beats", "loses", "like"

INTRODUCTION = """# Laws that adapt, beside a simple baseline

`python -m calibration.shapes` makes this page, its pictures and [adaptive-limits.json](adaptive-limits.json), in some
minutes of one core; tests keep the page, and what it says, current with the figures. What each law does:
[limits](../limits/README.md).

Does a limit that adapts do better than a simple one? Each law stands before the same backend, and the same
people, while one of five things goes wrong; beside it stands the **baseline**: a bounded queue, no work for
those who have left, and a budget of one retry in ten calls.

## The lab

`labs/near-capacity`: 40 servers, 100 ms of work (gamma, cv 0.5), so 400/s, asked for 300/s. People wait 1 s,
and try three times, 0.5 s apart in the mean. Refusing costs nothing. What goes wrong begins after a minute:

| shape | what goes wrong |
|---|---|
| step | 600/s for a minute |
| spike | 2,000/s for 5 s |
| ramp | from 300/s to 800/s in a minute, then back at once |
| slow drift | work takes longer and longer, up to twice as long after two minutes, then is mended |
| dead backend | no server starts anything for 20 s |

| who | what |
|---|---|
| nothing | an unbounded queue |
| baseline | a queue of 200: what is served in half of the timeout, at full capacity; deadline; retry budget |
| short queue | the same with a queue of 50 |
| no budget | the baseline without its retry budget |
| a law, **alone** | the law before the unbounded queue; no deadline, no budget |
| a law, **added** | the law and the baseline |
| a law, **alike** | alone, and all work takes from 90 to 110 ms (the baseline's too) |

**Goodput** is orders placed per second from the beginning of what goes wrong until a minute after its end. A
law **beats** the baseline on a shape where it has at least 1% more goodput, and the 99% interval of the
difference, seed by seed, excludes 0; it **loses** to it in the same way. Both meet the same people.
"""

SAID = """## What it says

- **A queue that is bounded well is hard to beat.** As long as servers do what they did when the bound was chosen, no
  law before the backend has as much as 2% more goodput than the baseline, alone or added.
- **Laws beat a bound that has gone stale.** At the end of the slow drift the queue of 200 takes all of the timeout,
  and the baseline serves people just as they leave; `aimd`, `gradient2` and `bbr_cpu` follow the servers down. Added
  to the baseline, the first two cost less than 1% on any other shape. **A queue a quarter as long does as well, and
  learns nothing.**
- **`breakwater` beats the drift by 17 to 20%,** and costs at most 3% elsewhere. All people are one client here, so that
  its credits hardly leave their floor, one for each server: a limit that needs to learn nothing while servers are slow,
  and falls with them when they are dead. Who has no credit leaves at once.
- **`top_down` and `seda` are slow, and lose.** The first takes 5% a second from the least important alone: the queue
  has long grown, and each cut comes too late for it. Behind the baseline nothing is late for it to see, but for the
  drift. The second begins at 100/s and climbs by less than 2/s each hundred answers, so that it turns most people away
  on a calm day, too.
- **Alone, most laws can lose everything.** `pi_rejector` lets in what is served, and the queue that has grown stays;
  `sre_throttle` ends by holding back all, since nothing is served in time; `dagor` goes on closing while the queue
  drains; `bbr_cpu` learns the times of a queue for which it was too late; `load_multiplier` looks at it every 10 s.
  `aimd` and `gradient2` never lost to the baseline: their largest limit, 200, bounds the queue as well as it does.
- **`vegas` needs work that is alike.** It takes the shortest round trip for what work takes without a queue. Where
  work is spread, that is the luckiest call, and it lets in a fifth of what could be served, on a calm day too. With
  work from 90 to 110 ms it beats the drift, and loses the step.
- **`envoy_gradient` pays for measuring:** all but 3 are shut out for some seconds each minute, also when nothing is
  wrong. It beats the drift where work is alike.
- **`load_multiplier`, `pi_rejector` and `sre_throttle` did not beat the baseline's goodput anywhere** with their
  defaults. The first learns what is usual over half an hour, which this lab does not last; a tick of 1 s helps in the
  step and the spike, not in the drift. The second sees what a queue gains, and a full queue gains nothing. The third
  spares the far side its refusals, which cost nothing here: it sends fewer attempts, and that is all. With a window of
  10 s it beats the drift behind the baseline, and keeps nearly everybody away long after a dead backend is back.
- **Who matters is another question than how many.** `dagor` gives the most important fifth all they want in the ramp
  and in the drift, where the baseline turns away as many of them as of others; `pi_rejector`, added, gives them one or
  two orders in a hundred more.
- **After a spike retries are worth something.** The budget sends people home who would have been served a second
  later: the baseline without it has 1.5% more goodput, and `aimd`, alone, 1.3%.
- **On a street credits beat stores that pause where the street gets worse** (slow makers, closed stores). Where only
  demand grows they deliver no fewer on time, as far as five seeds can tell; but alone they cancel more.
"""
VERDICTS = """## Who beats the baseline, and where

Goodput, by the definition above. The last column: more orders for the most important fifth of people over the whole
run, by the same definition, alone or added. Laws with a number in their name have [another parameter](#parameters).
"""
DIFFERENCES = """## Goodput against the baseline

In percent of the baseline's, with 99% intervals over five seeds; **bold**: beats, ≈: neither beats nor loses.
"""
FIGURES = """## All figures, alone

Means with 99% intervals over five seeds. Wasted work: of all that servers did. Time to order: of those who got one,
from their first try. Back: from the end of what went wrong to the first 10 s in which 95% as many orders are placed
as people come.
"""
DRAWN = """## Pictures

Seed 1, each alone. Above: tries (also those held back at the client), those that were let in, and orders. Below: what
the law has learned (of `fulfilment_credit` the credit of all stores), and where that has the same unit, what is inside:
calls waiting or in service (from 10 on on a logarithmic scale), cups not yet made. `load_multiplier` has no line where
it lets all in. Grey: something is wrong.
"""
STREET = """## The street

`labs/kitchen-rush` with an even demand of 0.1 orders/s for eight hours: three zones of four stores, couriers, a
promise of 40 min. What goes wrong begins after two hours: a **step** to 0.4/s for an hour; a **spike** to 1.5/s
for 10 min; a **ramp** to 0.6/s in an hour; a **slow drift**, cups that take longer and longer, up to five times
as long after two hours; a **dead backend**, three in four stores closed for an hour. Goodput is orders
delivered on time per hour, from the beginning until an hour after the end. The baseline: stores pause at 40
cups, what four makers make in 20 of the 40 minutes, and a budget of one retry in ten calls. "Nothing": stores
never pause.
"""
PARAMETERS = """## Parameters

Laws have the defaults of [keys.md](keys.md), which are those of their sources. Where one makes no sense in a
lab of five minutes, there is a second line for the law, and the first one stays:

- `load_multiplier, 1 s`: a tick of 1 s for 10 s, since what goes wrong lasts from 5 s to 2 min. Its mean of 30
  min is left: it is what the law is about.
- `sre_throttle, 10 s`: a window of 10 s for 2 min, for the same reason; ten slices of a second.
- `fulfilment_credit`: 20 min for stores and for couriers, of a promise of 40 min; its defaults are for one of
  60 min.
- `aimd`, `gradient2` (behind `windowed`, as in the engines): 20 to 200 inside, as in their source. A lab of 40
  servers of 100 ms was chosen for that.
- `breakwater` and `seda` have no default for the time they aim at: 400 ms, 40% of the timeout as in the paper, and a
  round trip of 100 ms, as long as work takes (there both are 10 us); 1 s, the timeout.
- `bbr_cpu` stands before the backend, whose servers it looks at; the others at the gateway, `sre_throttle` at
  the client, one for all people.

A run of one of the cells, to look at it in full (`gradient2` alone, on the step):
"""


def page() -> str:
    """Return the whole page."""
    kept = found(RESULTS)
    missing = [cell for name, lab in LABS.items() for rest in cells(lab) if (cell := (name, *rest)) not in kept]
    if missing:
        arm = missing[0][-1]
        raise SystemExit(f"{RESULTS.name}: has no run of {', '.join(missing[0])}; python -m calibration.shapes '{arm}'")
    tables = [*_verdicts(kept), *_service(kept), *_street(kept)]
    return "\n".join([INTRODUCTION, SAID, *tables, *_pictures(), PARAMETERS, _command()])


def found(path: Path) -> Found:
    """Return the rows of the results by their cells."""
    return {cell_of(row): row for row in json.loads(path.read_text("utf-8"))}


def cell_of(row: Row) -> Cell:
    """Return which cell of which lab a row is of."""
    return row["lab"], row["setting"], row["shape"], row["arm"]


def drawn(lab: Lab) -> list[str]:
    """The arms of which there is a picture: the baseline, and each law with its first parameters."""
    return [arm for arm in (BASELINE, *lab.laws) if "," not in arm]


def picture(name: str, arm: str) -> str:
    """The file of the picture of an arm in a lab."""
    return f"{name}-{arm}.png"


def titled(arm: str) -> str:
    """What is written above the picture of an arm."""
    return "the baseline" if arm == BASELINE else f"{arm}, alone"


def compared(found: Found, lab: str, setting: str, shape: str, arm: str, to: str, figure: str) -> tuple[str, Estimate]:
    """Return whether an arm beats one that stands alone, and by how much: in shares of the other's mean."""
    held_against = setting if (lab, setting, shape, to) in found else "alone"
    of, other = found[lab, setting, shape, arm][figure], found[lab, held_against, shape, to][figure]
    mean = statistics.fmean(other)
    differences = estimate([(a - b) / mean for a, b in zip(of, other, strict=True)], CONFIDENCE)
    assert differences.mean is not None
    if not differences.excludes_zero or abs(differences.mean) < TOLD_AT:
        return LIKE, differences
    return (BEATS if differences.mean > 0 else LOSES), differences


def _verdicts(found: Found) -> Iterator[str]:
    yield VERDICTS
    yield _line(["law", "alone", "added", "alike", "beats the short queue, alone", "most important fifth"])
    yield _line(["---"] * 6)
    for law in LAWS:
        by_setting = [_where(found, "service", setting, law) for setting in LABS["service"].settings]
        for_first = [_shapes(found, "service", setting, law, figure="first_fifth") for setting in ("alone", "added")]
        important = [shape for shape in LABS["service"].shapes if any(shape in shapes for shapes in for_first)]
        yield _line([law, *by_setting, _where(found, "service", "alone", law, to=SHORT_QUEUE), _list(important)])
    for law in STREET_LAWS:
        yield _line([law, *(_where(found, "street", setting, law) for setting in ("alone", "added")), *("-" * 3)])
    yield ""


def _service(found: Found) -> Iterator[str]:
    yield DIFFERENCES
    for setting, said in (
        ("alone", "Alone"),
        ("added", "Added to the baseline"),
        ("alike", "Alone, where work is alike"),
    ):
        arms = [arm for arm in LABS["service"].arms(setting) if arm != BASELINE]
        yield f"**{said}**\n"
        yield _differences(found, "service", setting, arms)
    yield FIGURES
    columns = {
        "goodput, /s": ("good_per_s", 1.0, 1),
        "wasted work, %": ("wasted", 100.0, 1),
        "p99 time to order, s": ("p99_s", 1.0, 2),
        "attempts a person": ("attempts", 1.0, 2),
        "placed, most important fifth, %": ("first_fifth", 100.0, 1),
    }
    for shape in LABS["service"].shapes:
        yield f"### {shape.capitalize()}\n"
        yield _table(found, "service", shape, columns)


def _street(found: Found) -> Iterator[str]:
    yield STREET
    for setting, said in (("alone", "Alone"), ("added", "Added to the baseline")):
        arms = [arm for arm in LABS["street"].arms(setting) if arm != BASELINE]
        yield f"**{said}, against the baseline, in percent**\n"
        yield _differences(found, "street", setting, arms)
    columns = {
        "on time, /h": ("good_per_s", 3600.0, 0),
        "cups wasted, %": ("wasted", 100.0, 1),
        "cancelled, % of placed": ("cancelled", 100.0, 1),
        "p99 to delivery, min": ("p99_s", 1 / 60, 0),
        "attempts a person": ("attempts", 1.0, 2),
    }
    for shape in LABS["street"].shapes:
        yield f"### {shape.capitalize()} of the street\n"
        yield _table(found, "street", shape, columns)


def _pictures() -> Iterator[str]:
    yield DRAWN
    for name, lab in LABS.items():
        for arm in drawn(lab):
            yield f"![{titled(arm)}, on five shapes]({PICTURES.name}/{picture(name, arm)})\n"


def _command() -> str:
    sets = LABS["service"].sets_of("alone", "step", "gradient2")
    lines = ["sluice run labs/near-capacity --report", *(f'  --set "{setting}"' for setting in sets)]
    return "\n".join(["```sh", *(f"{line} \\" for line in lines[:-1]), lines[-1], "```\n"])


def _shapes(
    found: Found, lab: str, setting: str, law: str, *, to: str = BASELINE, figure: str = "good_per_s"
) -> list[str]:
    """The shapes on which a law beats another."""
    return [shape for shape in LABS[lab].shapes if compared(found, lab, setting, shape, law, to, figure)[0] == BEATS]


def _where(found: Found, lab: str, setting: str, law: str, to: str = BASELINE) -> str:
    return _list(_shapes(found, lab, setting, law, to=to))


def _list(shapes: Sequence[str]) -> str:
    return ", ".join(shapes) or "nowhere"


def _differences(found: Found, lab: str, setting: str, arms: Sequence[str]) -> str:
    shapes = list(LABS[lab].shapes)
    lines = [["", *shapes], ["---"] * (1 + len(shapes))]
    lines += [[arm, *(_difference(found, lab, setting, shape, arm) for shape in shapes)] for arm in arms]
    return "".join(f"{_line(line)}\n" for line in lines)


def _difference(found: Found, lab: str, setting: str, shape: str, arm: str) -> str:
    verdict, by = compared(found, lab, setting, shape, arm, BASELINE, "good_per_s")
    assert by.mean is not None
    assert by.half_width is not None
    told = f"{round(100 * by.mean, 1) + 0.0:+.1f} ± {100 * by.half_width:.1f}"  # no -0.0
    return {BEATS: f"**{told}**", LOSES: told, LIKE: f"≈ {told}"}[verdict]


def _table(found: Found, lab: str, shape: str, columns: Mapping[str, tuple[str, float, int]]) -> str:
    back = LABS[lab].look_s is not None
    head = ["", *columns, *(["back after"] if back else [])]
    lines = [head, ["---"] * len(head)]
    for arm in LABS[lab].arms("alone"):
        of = found[lab, "alone", shape, arm]
        cells = [_mean(of[figure], times, digits) for figure, times, digits in columns.values()]
        lines.append([arm, *cells, *([_back(of["back_s"])] if back else [])])
    return "".join(f"{_line(line)}\n" for line in lines)


def _mean(values: Sequence[float | None], times: float, digits: int) -> str:
    of = estimate([None if value is None else times * value for value in values], CONFIDENCE)
    if of.mean is None or of.half_width is None:
        return figures.NOTHING
    return f"{of.mean:,.{digits}f} ± {of.half_width:,.{digits}f}"


def _back(values: Sequence[float | None]) -> str:
    came = sorted(value for value in values if value is not None)
    if not came:
        return "never"
    told = f"{came[0]:g} s" if came[0] == came[-1] else f"{came[0]:g} to {came[-1]:g} s"
    return told if len(came) == len(values) else f"{told}; never in {len(values) - len(came)} of {len(values)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
