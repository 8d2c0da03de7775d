"""The JSON Schema of summary.json, made from the definitions of its figures."""

from __future__ import annotations

from typing import Any

from scenarios import metrics
from scenarios.metrics import Metric
from simulator.outcome import FAILURES, MOST_TURNS

Schema = dict[str, Any]
NAME = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
TEXT: Schema = {"type": "string"}
TEXT_OR_NOTHING: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "number"}
NUMBER_OR_NOTHING: Schema = {"type": ["number", "null"]}


def summary_schema() -> Schema:
    """Return the schema: strict, with unit, definition and whom it counts of each figure."""
    sections = _figures()
    head = {
        "scenario": _said(TEXT, "name of the scenario"),
        "engine": _said(TEXT, "who ran it"),
        "seed": _said({"type": "integer", "minimum": 0}, "seed of the people"),
        "scale": _said({"type": "number", "exclusiveMinimum": 0}, "size of the world; 1 is the scenario as written"),
        "horizon_s": _said({"type": "number", "minimum": 0}, "length that the scenario asks for, s"),
        "ended_s": _said({"type": "number", "minimum": 0}, "length of the run, s; shorter where it was interrupted"),
    }
    longest = sections.pop("longest_outage")
    tail = {
        "outages": _said({"type": "array", "items": _outage()}, OUTAGES_SAID),
        "longest_outage": longest,
        "milestones": _said({"type": "array", "items": _milestone()}, "what the world did beside what the run did"),
        "gates": _said({"type": "array", "items": _gate()}, "what must hold"),
        "controls": _object(
            {
                "turned": _said({"type": "integer", "minimum": 0}, "how often control processes turned a knob"),
                "turns": _said({"type": "array", "maxItems": MOST_TURNS, "items": turn_row()}, "the first of them"),
            }
        ),
        "invariants": _object(
            {
                "checked": _said({"type": "integer", "minimum": 0}, "identities of the books that were checked"),
                "violated": _said({"type": "array", "items": TEXT}, "those that do not hold, with both sides"),
            }
        ),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "summary.json of a run of Sluice",
        "description": "Times are in seconds. Quantiles are nearest-rank. Null: there was nothing to count.",
        **_object({**head, **sections, **tail}),
    }


OUTAGES_SAID = (
    "spans of a minute or more in which under half of the answered attempts (completed, failed or timed out) "
    "completed, minute by minute from the start of the run; a minute without an answer neither begins nor ends one"
)


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _figures() -> Schema:
    """Nest the figures by the parts of their names; a family becomes an object with one entry a member."""
    tree: dict[str, Any] = {}
    for metric in metrics.ALL:
        *path, last = metric.name.split(".")
        here = tree
        for part in path:
            here = here.setdefault(part, {})
        here[last] = metric
    return {name: _branch(branch) for name, branch in tree.items()}


def _branch(branch: Metric | dict[str, Any]) -> Schema:
    if isinstance(branch, Metric):
        return _figure(branch)
    for family in (metrics.STAGE, metrics.SEGMENT):
        if family in branch:
            return {
                "type": "object",
                "patternProperties": {NAME: _branch(branch[family])},
                "additionalProperties": False,
            }
    return _object({name: _branch(below) for name, below in branch.items()})


def _figure(metric: Metric) -> Schema:
    kind = "integer" if metric.whole else "number"
    said = f"{metric.definition} ({metric.unit}). Counts: {metric.counts_whom}."
    if metric.null_when:
        said += f" Null where {metric.null_when}."
    schema: Schema = {"type": [kind, "null"] if metric.null_when else kind, "minimum": 0}
    if metric.unit == "share":
        schema["maximum"] = 1
    return _said(schema, said)


def _outage() -> Schema:
    return _object(
        {
            "start_s": NUMBER,
            "end_s": NUMBER,
            "reason": _said({"enum": list(FAILURES)}, "the one of the most failures within the span"),
        }
    )


def _milestone() -> Schema:
    return _object(
        {
            "name": TEXT,
            "title": TEXT_OR_NOTHING,
            "metric": _said(TEXT, "a figure of this summary"),
            "at_s": _said(NUMBER, "the instant asked for; the horizon where none is"),
            "counted_to_s": _said(NUMBER_OR_NOTHING, "end of the last bucket that ended by then"),
            "compare": _said(
                {"enum": ["about", "at_least", "at_most"]},
                "whether less, more, or both are a miss beyond the tolerance",
            ),
            "value": _said(NUMBER, "what the world did, at this scale"),
            "simulated": _said(NUMBER_OR_NOTHING, "what the run did"),
            "deviation": _said(
                NUMBER_OR_NOTHING, "(simulated - value) / |value|; null where there is none or value is 0"
            ),
            "tolerance": _said(NUMBER, "the largest deviation, in the direction that matters, that still meets it"),
            "verdict": _said(
                {"enum": ["met", "missed", "not reached", "no value"]},
                "not reached: the run was interrupted before; no value: nothing was counted",
            ),
            "grade": {"enum": ["published", "derived", "assumed"]},
            "source": TEXT_OR_NOTHING,
        }
    )


def _gate() -> Schema:
    return _object(
        {
            "name": TEXT,
            "metric": _said(TEXT, "a figure of this summary"),
            "min": NUMBER_OR_NOTHING,
            "max": NUMBER_OR_NOTHING,
            "value": NUMBER_OR_NOTHING,
            "verdict": _said(
                {"enum": ["passed", "failed", "no value"]},
                "no value: nothing was counted, or the run was interrupted",
            ),
        }
    )


def turn_row() -> Schema:
    """Return the schema of a turn of a control process."""
    return _object(
        {
            "at_s": NUMBER,
            "control": _said(TEXT, "name of the control process"),
            "knob": _said(TEXT, "the knob that it turned"),
            "value": _said({"type": ["number", "string"]}, "as a scenario file gives it, for full size"),
        }
    )
