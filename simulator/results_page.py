"""docs/results.md and the schemas beside it, made from the code: `python -m simulator.results_page` writes all."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from scenarios import metrics
from scenarios.metrics import Metric
from simulator import trace
from simulator.live_schema import live_schema, live_text
from simulator.outcome import MOST_TURNS
from simulator.replications_page import SEVERAL_RUNS, replications_schema
from simulator.schema import OUTAGES_SAID, summary_schema

DOCS = Path(__file__).resolve().parent.parent / "docs"

INTRODUCTION = """# What a run leaves behind

This page is made from the code (`python -m simulator.results_page`); a test keeps it current.

A run writes one folder, `runs/<scenario>-<seed>-<UTC time>/`, and never writes over another. A file gets its name when
it is whole, and `manifest.json` comes last: a folder without it is a run that was not written to its end.

| file | what it is |
|---|---|
| `manifest.json` | versions, command, seed, scale, engine, hashes of scenario, sources, controls, times, roundings |
| `resolved.toml` | the scenario with all it extends and overrides; defaults: of the version in `manifest.json` |
| `summary.json` | every figure below; schema: `docs/summary.schema.json` |
| `timeseries.parquet` | a row a bucket |
| `orders.parquet` | with `--trace`: a row a want |
| `attempts.parquet` | with `--trace`: a row an attempt |

Everything but the manifest is the same, byte for byte, when the same versions run the same scenario, seed and scale.
"""

SUMMARY = """## summary.json

Times are in seconds. Quantiles are nearest-rank: the q-quantile of n values is the ceil(q n)-th smallest. A mean is
rounded to the nearest ns. A figure is null where there was nothing to count. `<stage>` is a stage of the scenario, or
`gateway`; `<segment>` is a segment. Figures marked "at" are counted as they happen, so a milestone may ask for them at
an instant: it gets what was counted up to the end of the last whole bucket by then. Others have a value at the end.
"Better" is the direction that is an improvement, all else equal; a throttle or a refusal is a means and has none.

Besides the figures: `scenario`, `engine`, `seed`, `scale`, `horizon_s` (what was asked for) and `ended_s` (the same, or
the instant of an interruption or of `--until`), and five lists.
"""

LISTS = f"""### Lists

- `outages[]` {{start_s, end_s, reason}}: {OUTAGES_SAID}. A minute is the fewest whole buckets that
  last 60 s or longer; what is left after the last whole one is not judged. The reason is the one of the most failures
  within the span (the first of the list under `failures` among equals).
- `milestones[]` {{name, title, metric, at_s, counted_to_s, compare, value, simulated, deviation, tolerance, verdict,
  grade, source}}: what the world did (`value`, at the scale of the run) beside what the run did. `deviation` is
  (simulated - value) / |value|, rounded to nine decimals. A milestone is `met` where it is within the tolerance in the
  direction that matters (`about`: both, `at_least`: less, `at_most`: more), else `missed`; `not reached` where the run
  was interrupted before, `no value` where nothing was counted.
- `gates[]` {{name, metric, min, max, value, verdict}}: `passed`, `failed`, or `no value` where nothing was counted or
  the run was interrupted.
- `controls` {{turned, turns[]}}: how often control processes turned a knob, and the first {MOST_TURNS:,} times
  {{at_s, control, knob, value}}; the value is as a scenario file gives it, for full size.
- `invariants` {{checked, violated[]}}: how many identities of the books were checked, and those that do not hold.
"""

SERIES = """## timeseries.parquet

`t_s` is the start of the bucket. A counter (marked "at" above) has the name and the unit that it has in the summary and
is counted within the bucket: after its start and up to its end, both in whole ns; the first bucket also has what
happened at 0. The last bucket ends with the run. Gauges are values at the end of the bucket:
"""

TRACES = """## orders.parquet and attempts.parquet

All columns are int64; instants end in `_ns`, are counted from the start of the run, and are -1 where they did not come.
Rows are sorted by want, and by attempt. A want is the number of a person: 0, 1, 2, ... in the order in which they
come; 2^62 and more for those who were invited.
"""


def results_page() -> str:
    """Return the text of docs/results.md."""
    return "\n".join(
        (
            INTRODUCTION,
            SUMMARY,
            _table(("figure", "unit", "at", "better", "definition", "counts", "null where"), _figures()),
            LISTS,
            SERIES,
            _table(("gauge", "what it is"), _named(metrics.GAUGES)),
            TRACES,
            _table(("orders.parquet", "what it is"), _named(trace.ORDER_COLUMNS)),
            _table(("attempts.parquet", "what it is"), _named(trace.ATTEMPT_COLUMNS)),
            SEVERAL_RUNS.rstrip("\n"),
            "",
            live_text(),
        )
    )


def schema_text() -> str:
    """Return the text of docs/summary.schema.json."""
    return json.dumps(summary_schema(), indent=2, ensure_ascii=False) + "\n"


def replications_schema_text() -> str:
    """Return the text of docs/replications.schema.json."""
    return json.dumps(replications_schema(), indent=2, ensure_ascii=False) + "\n"


def live_schema_text() -> str:
    """Return the text of docs/live.schema.json."""
    return json.dumps(live_schema(), indent=2, ensure_ascii=False) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def _named(meanings: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    return ((f"`{name}`", meaning) for name, meaning in meanings.items())


def _figures() -> Iterator[tuple[str, ...]]:
    """A row a figure; mean and quantiles of the same times share one."""
    for (name, definition), group in itertools.groupby(metrics.ALL, key=_shared):
        members = list(group)
        first = members[0]
        if len(members) > 1:
            name = f"{name}.{{{', '.join(metric.name.rpartition('.')[2] for metric in members)}}}"
        at = "at" if first.counter else ""
        yield f"`{name}`", first.unit, at, first.better or "", definition, first.counts_whom, first.null_when


def _shared(metric: Metric) -> tuple[str, str]:
    name, _, last = metric.name.rpartition(".")
    if last in metrics.SPREAD:
        return name, metric.definition.rpartition(": ")[0]
    return metric.name, metric.definition


def main() -> None:
    """Write all files."""
    (DOCS / "results.md").write_text(results_page(), encoding="utf-8")
    (DOCS / "summary.schema.json").write_text(schema_text(), encoding="utf-8")
    (DOCS / "live.schema.json").write_text(live_schema_text(), encoding="utf-8")
    (DOCS / "replications.schema.json").write_text(replications_schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
