"""The JSON Schema of scenario files, for editors: made from the typed model, with what a file may say beyond it.

A file that extends another may leave out anything, and may take tables and named entries out with `remove = true`.
"""

from __future__ import annotations

from typing import Any

from scenarios import units
from scenarios.distributions import DURATION_SCHEMA
from scenarios.meanings import MEANINGS
from scenarios.model import Scenario

Schema = dict[str, Any]

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_COUNT: Schema = {"type": "number", "minimum": 0, "description": "always this number"}
_TIME: Schema = {**DURATION_SCHEMA, "description": 'always this time: "350ms", "9h", "2h35m"'}
_RATE: Schema = {"type": "string", "description": 'a rate at all times: "280/s", "10/m"'}


def json_schema() -> Schema:
    """Return the JSON Schema (2020-12) of scenario files."""
    made = Scenario.model_json_schema(by_alias=True)
    tables = {_table_name(name): _cleaned(table) for name, table in made.pop("$defs").items()}
    rate = tables["Arrivals"]["properties"]["rate"]
    tables["Arrivals"]["properties"]["rate"] = {"anyOf": [_RATE, rate]}
    tables["Scenario"] = _cleaned(made)
    for name, table in tables.items():
        _describe(table, MEANINGS[name.removesuffix("Time").removesuffix("Count")])
    changes = {f"{name}Change": _change(table) for name, table in tables.items()}
    changes["ScenarioChange"]["required"] = []
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Sluice scenario",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/ScenarioChange"},
        "else": {"$ref": "#/$defs/Scenario"},
        "$defs": {**tables, **changes},
    }


def _describe(table: Schema, meanings: dict[str, str]) -> None:
    for key, part in table["properties"].items():
        written = f" ({part['description']})" if "description" in part else ""
        part["description"] = meanings[key] + written


def _table_name(name: str) -> str:
    """Return `ConstantTime` for what the model calls `Constant_Annotated_int__...`."""
    plain, _, of = name.partition("_")
    return plain + ("" if not of else "Time" if "_int_" in of else "Count")


def _cleaned(node: Any) -> Any:
    """Return a part of the model's schema in our words: no nulls, no titles of fields, units as files write them."""
    if isinstance(node, list):
        return [_cleaned(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node and {"type": "null"} in node["anyOf"]:
        (inner,) = (part for part in node["anyOf"] if part != {"type": "null"})
        return _cleaned({**inner, **{key: value for key, value in node.items() if key not in ("anyOf", "default")}})
    result = {key: _cleaned(value) for key, value in node.items() if key not in ("title", "discriminator", *_BOUNDS)}
    if "properties" in node:
        result["properties"] = {key: _cleaned(value) for key, value in node["properties"].items()}
    if "$ref" in node:
        result["$ref"] = "#/$defs/" + _table_name(node["$ref"].removeprefix("#/$defs/"))
    if "oneOf" in node:
        result["anyOf"] = [*_short_forms(result["oneOf"]), *result.pop("oneOf")]
    if node.get("type") == "string":  # a duration or a rate: its bound is in ns, and so is its default
        if isinstance(node.get("default"), int):
            result["default"] = units.duration_text(node["default"])
    else:
        result |= {_BOUNDS[key]: value for key, value in node.items() if key in _BOUNDS}
    return result


def _short_forms(choices: list[Schema]) -> list[Schema]:
    names = {choice.get("$ref", "") for choice in choices}
    return [_TIME] * ("#/$defs/ConstantTime" in names) + [_COUNT] * ("#/$defs/ConstantCount" in names)


def _change(table: Schema) -> Schema:
    """Return the schema of a table in a file that extends another: nothing is required of it but a name it has."""
    change: Schema = _for_changes(table)
    change["properties"]["remove"] = {"const": True, "description": "take this out of what the file extends"}
    change["required"] = [name for name in table.get("required", ()) if name == "name"]
    return change


def _for_changes(node: Any) -> Any:
    if isinstance(node, list):
        return [_for_changes(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {key: f"{part}Change" if key == "$ref" else _for_changes(part) for key, part in node.items()}
