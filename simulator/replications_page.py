"""What docs/results.md says of several runs, and the JSON Schema of replications.json."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

SEVERAL_RUNS = """## Several runs: replications.json

`sluice run S --replications N` runs the seeds n, n+1, ..., n+N-1 (n is `--seed`), each into a folder `seed-<n>` of its
own, written as above, and `replications.json` beside them when they are done; schema: `docs/replications.schema.json`.
It is the same, byte for byte, whatever the number of workers. After ctrl-C it has the replications that were whole by
then: `asked` says how many there should have been, and runs that were cut short are dropped.

- `figures.<name>` {unit, n, mean, sd, half_width, values[]}: a figure of summary.json over the replications. `values`
  are in the order of `seeds`, null where a replication had none; `n` counts the others, and mean, standard deviation
  and interval are of those. `mean` +- `half_width` is Student's interval at `confidence`: runs with other seeds being
  independent, in so many of all such rehearsals it covers the true mean of the figure. It is no range of days, and no
  better than the model: where a figure is far from normal (a largest value, an outage that comes in some runs only)
  use more replications and look at `values`. Below two values there is no interval.
- `milestones[]`: beside the milestone, the mean of what was simulated with its interval, and in how many replications
  (`met` of `of`) it was met.
- `gates[]`: beside the gate, the mean with its interval, in how many replications it holds by itself (`passed` of
  `of`), and the verdict: `passed` where all of the interval is within the bounds, `failed` where all of it is outside,
  else `inconclusive` - also where a replication had no value, and where there is one replication only. `sluice gate`
  exits 0, 3 and 5 for these.
- `invariants`: identities checked over all replications, and those that do not hold, each with its seed.

## Two variants: sluice compare

`sluice compare A B` runs both with the same seeds: replication r of every variant has seed n + r, and what a person
brings (patience, delays, coins) is a function of seed, person and attempt alone. So both variants meet the same people
(common random numbers), and differences are taken seed by seed: their noise is mostly smaller than that of the figures.
People are the same only as far as both variants ask the same of them: another arrival rate brings other people. A or B
may also be the folder of a run that was kept; a scenario beside it runs with the folder's seeds and scale.

`--format json` has `seeds` (in common), `confidence`, and for every figure that both have {unit, n, a, b, difference,
sd, half_width, p, differs, differs_after_holm}: means of A and B, mean of B - A, Student's interval of it, and how
likely a mean so far from 0 is by chance alone. `differs`: the interval excludes 0. Among so many figures (`compared`)
some do by chance, one in twenty at 95%; `differs_after_holm` stands after Holm's correction for all of them. Where
every seed has the very same difference there is no spread and the interval has no width: with few seeds and small
counts that proves little.

`judged[]` is what the exit code goes by: the figures of `--metric`, or without one those of the gates of A and B, each
with the direction that is better (a gate's own, or the table's above), the tolerance as a share of A's mean, and a
verdict. Worsening is measured with its interval: `worse` where all of it is above the tolerance (exit 4), `not worse`
where all of it is within, `unclear` where the tolerance runs through it (exit 0: nothing is proved), `no interval`
where fewer than two seeds are common or one of them has no value (exit 5). These figures are named beforehand, and
their intervals are not widened for their number. Times are of those who got an order, so a variant that turns the slow
away looks fast: judge a time beside `orders.placed_share`.
"""


def replications_schema() -> Schema:
    """Return the schema of replications.json."""
    number, nothing = {"type": "number"}, {"type": ["number", "null"]}
    whole = {"type": "integer", "minimum": 0}
    text = {"type": "string"}
    interval = {
        "n": {**whole, "description": "replications that had a value"},
        "mean": nothing,
        "sd": {**nothing, "description": "standard deviation over replications; null below two values"},
        "half_width": {**nothing, "description": "of Student's interval of the mean; null below two values"},
    }
    milestone = {
        "name": text,
        "title": {"type": ["string", "null"]},
        "metric": text,
        "at_s": number,
        "compare": {"enum": ["about", "at_least", "at_most"]},
        "value": number,
        "tolerance": number,
        "grade": {"enum": ["published", "derived", "assumed"]},
        **interval,
        "met": whole,
        "of": whole,
    }
    gate = {
        "name": text,
        "metric": text,
        "min": nothing,
        "max": nothing,
        **interval,
        "passed": whole,
        "of": whole,
        "verdict": {"enum": ["passed", "failed", "inconclusive"]},
    }
    one = {"unit": text, **interval, "values": {"type": "array", "items": nothing}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "replications.json of several runs of Sluice",
        **_object(
            {
                "scenario": text,
                "engine": text,
                "scale": {"type": "number", "exclusiveMinimum": 0},
                "seeds": {"type": "array", "items": whole, "minItems": 1, "uniqueItems": True},
                "asked": {**whole, "description": "replications asked for; more than seeds where interrupted"},
                "confidence": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                "figures": {"type": "object", "additionalProperties": _object(one)},
                "milestones": {"type": "array", "items": _object(milestone)},
                "gates": {"type": "array", "items": _object(gate)},
                "invariants": _object({"checked": whole, "violated": {"type": "array", "items": text}}),
            }
        ),
    }


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
