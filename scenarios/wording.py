"""What the typed model finds wrong, in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from scenarios.errors import Problem, Steps, did_you_mean, key_text, nearest
from scenarios.model import Scenario
from scenarios.tree import Node

Model = type[BaseModel]

_HINTS = {  # by key: where the bound alone does not tell what to do
    "servers": " (take capacity away with an incident)",
    "replicas": " (take capacity away with an incident)",
    "queue_limit": " (0: nobody waits)",
}
_PATTERNS = {  # by key: what the pattern of a text wants
    "name": "needs to be 1 to 63 letters, digits, - and _, a letter or a digit first",
    "at": "needs to be client, gateway, stage:NAME, queue:NAME, store or zone",
    "opens": 'needs to be a time of day such as "07:45"',
    "path": "needs to begin with / and to be of printable ASCII without blanks",
    "process": 'needs to be autoscaler, runbook, or your own as "package.module:function"',
}
_KINDS = {
    "tuple_type": "needs an array, in [ ], or [[tables]] of it",
    "list_type": "needs an array, in [ ]",
    "dict_type": "needs a table of keys and values",
    "model_type": "needs a table of keys and values",
    "model_attributes_type": "needs a table of keys and values",
    "string_type": "needs a text in quotes",
    "bool_type": "needs true or false, without quotes",
    "int_type": "needs a whole number, without quotes",
}
_EXAMPLES = {
    "schema": "1",
    "name": '"a-short-name"',
    "title": '"What this rehearses"',
    "horizon": '"9h"',
    "people": '{ timeout = "60s" }',
    "arrivals": '{ process = "poisson", rate = "280/s" }',
    "timeout": '"60s"',
    "servers": "40",
    "service": '"350ms"',
    "at": '"60s", or "gateway" for a law',
    "for": '"10s"',
    "rate": '"290/s"',
    "metric": '"orders.placed"',
    "value": "1000000",
    "knob": '"stages.till.servers"',
    "key": '"person"',
    "steps": '[["1h", 2], ["2h", 4]]',
    "set": '{ "stages.till.servers" = 0 }',
    "stages": '[{ name = "till", servers = 2, service = "4s" }], or [[stages]] with these in it',
    "process": '"poisson" for arrivals, "autoscaler" for a control',
    "window": '"1m"',
    "limit": "100",
    "burst": "50",
    "quantiles": '[[0, "1s"], [0.5, "2s"], [1, "9s"]], or numbers where counts are drawn',
    "parts": '[{ weight = "80%", of = "2s" }, { weight = "20%", of = "9s" }], or numbers where counts are drawn',
    "weight": '"80%"',
    "of": '"2s", or a number where counts are drawn',
    "mean": '"4s", or a number where counts are drawn',
    "median": '"4s", or a number where counts are drawn',
    "low": '"1s", or a number',
    "high": '"9s", or a number',
    "cv": "1.5",
    "middle": '"2h"',
    "width": '"10m"',
    "share": '"50%"',
    "probability": '"40%"',
    "delay": '"10m"',
    "times": "3",
    "after": '"500ms"',
    "replicas": "2",
    "prompt": "400",
    "output": "60",
    "step": '"9ms"',
    "slots": "64",
    "step_tokens": "2048",
    "zones": "3",
    "stores_per_zone": "4",
    "makers": "4",
    "make": '"110s"',
    "cups_per_hour": "90",
    "trip": '"20m"',
    "promise": '"40m"',
    "cancel_after": '"90m"',
    "per_zone": "50",
    "pickup": '"4m"',
    "travel": '"6m"',
    "dropoff": '"4m"',
    "path": '"/v1/orders"',
    "answers": '[{ status = 201, verdict = "placed" }, { status = 429, verdict = "throttled" }]',
    "status": "201",
    "verdict": '"placed"',
    "queue": '"till"',
    "target": '"80ms"',
    "round_trip": '"10ms"',
}
_BOUNDS = {
    "greater_than_equal": ("ge", "needs to be {} or more"),
    "greater_than": ("gt", "needs to be more than {}"),
    "less_than_equal": ("le", "needs to be {} or less"),
    "less_than": ("lt", "needs to be less than {}"),
}


def problems(error: ValidationError, root: Node) -> list[Problem]:
    """Return the problems of a tree that the model refuses."""
    errors = error.errors(include_url=False)
    misspelt = [each["loc"] for each in errors if each["type"] == "extra_forbidden"]
    meant = {(*_steps(place, root)[:-1], nearest(str(place[-1]), _known(place))) for place in misspelt}
    found = []
    for each in errors:
        steps = _steps(each["loc"], root)
        if each["type"] == "missing" and steps in meant:
            continue  # it is there, misspelt
        if each["type"] == "too_short" and root.at(steps).value:
            continue  # it is long enough, but an entry of it is wrong
        found.append(_problem(each["type"], each.get("ctx", {}), each["loc"], root))
    return found


def _problem(kind: str, context: Mapping[str, Any], place: Steps, root: Node) -> Problem:
    steps = _steps(place, root)
    key = str(steps[-1]) if steps else ""
    if kind == "union_tag_invalid":
        steps = (*steps, context["discriminator"].strip("'"))
        return root.problem(steps, _one_of(context["tag"], context["expected_tags"]))
    if kind == "union_tag_not_found":
        tag = context["discriminator"].strip("'")
        choice = ", ".join(sorted(_tags(_models(place))))
        return root.problem((*steps, tag), f"is missing; add {tag} = one of {choice}", value=False)
    if kind == "missing" and isinstance(steps[-1], int):
        return root.problem(steps[:-1], "is too short; each entry is a pair such as [TIME, VALUE]")
    if kind == "missing":
        example = f", as in {key} = {_EXAMPLES[key]}" if key in _EXAMPLES else ""
        return root.problem(steps, f"is missing; add it{example}", value=False)
    return root.problem(steps, _remedy(kind, context, key, place, root.at(steps).value))


def _remedy(kind: str, context: Mapping[str, Any], key: str, place: Steps, value: object) -> str:
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden" and key == "remove":
        return "takes a table or a named entry out of what a file extends; there is nothing to take out here"
    if kind == "extra_forbidden":
        return f"is not a known key{did_you_mean(key, _known(place))}"
    if kind in _BOUNDS:
        name, text = _BOUNDS[kind]
        hint = _HINTS.get(key, "") if name in ("ge", "gt") else ""
        return text.format(_figure(context[name])) + hint
    if kind == "literal_error":
        return _one_of(value, context["expected"])
    if kind == "too_short":
        return f"needs at least {context['min_length']} in it"
    if kind == "too_long":
        return f"has more than {context['max_length']:,} in it; leave some out"
    if kind == "string_too_short":
        return "is empty; write something"
    if kind == "string_too_long":
        return f"is longer than {context['max_length']:,} characters; shorten it"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(key, "is not written as it should be")
    named = any("name" in _fields(model) for model in _models(place))
    if kind == "tuple_type" and isinstance(value, dict) and named:
        return f"is one table, where there may be several; write [[{key_text(place)}]] with a name in each"
    return _KINDS.get(kind, "is not what belongs here; see docs/model.md")


def _one_of(value: object, expected: str) -> str:
    choices = re.findall(r"'([^']*)'", expected) or [expected]
    near = nearest(str(value), choices)
    return (
        f"needs to be {'one of ' * (len(choices) > 1)}{', '.join(choices)}{f'; did you mean {near}?' if near else ''}"
    )


def _figure(bound: Any) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:,g}"


def _steps(place: Steps, root: Node) -> Steps:
    """Return the path of a place in the tree: no marks of unions, and not into a value that is short for a table."""
    steps = _walk(place)[0]
    return steps if isinstance(root.at(steps).value, dict | list) else root.reach(steps)


def _known(place: Steps) -> list[str]:
    """Return the keys of the table that the last key of a place stands in."""
    return [key for model in _walk(place[:-1])[1] for key in _fields(model)]


def _models(place: Steps) -> list[Model]:
    """Return the models that what stands at a place may be."""
    return _walk(place)[1]


def _walk(place: Steps) -> tuple[Steps, list[Model]]:
    steps: list[str | int] = []
    models: list[Model] = [Scenario]
    for part in place:
        if isinstance(part, str) and len(models) > 1:  # a union: the next part says which one was taken
            models = [model for model in models if part in _tags([model])]
            continue
        steps.append(part)
        if isinstance(part, str):
            models = [inner for model in models for inner in _inside(_fields(model).get(part))]
    return tuple(steps), models


def _fields(model: Model) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _inside(annotation: Any) -> list[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _inside(part)]


def _tags(models: Sequence[Model]) -> set[str]:
    tagged = [get_args(_fields(model).get(key)) for model in models for key in ("kind", "law")]
    return {tag for tags in tagged for tag in tags}
