"""What can still be checked of a scenario with mistakes in it.

What is wrong is taken out where nothing refers to it, or gets a stand-in by the same name; all else is then checked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from scenarios.errors import Steps, nearest
from scenarios.model import Scenario
from scenarios.tree import Node, flag, name_of

LATER = "mend these and validate again: references are checked after that"

_REFERRED_TO_BY_NONE = frozenset({"gates", "milestones", "incidents", "timelines", "controls", "invitations"})
_STAND_INS: dict[str, Any] = {
    "title": "a title",
    "name": "a-name",
    "description": "",
    "arrivals": {"process": "steady", "rate": "0/s"},
    "people": {"timeout": "1s"},
}
_STAGE = {"servers": 1, "service": "1s"}
_KEYS = frozenset(field.alias or name for name, field in Scenario.model_fields.items())


def checkable(error: ValidationError, root: Node) -> tuple[Scenario, Node] | None:
    """Return the scenario without its mistakes, and its tree, or None where what is left would be judged wrongly."""
    without: Node | None = root
    errors = error.errors(include_url=False)
    short = {each["loc"] for each in errors if each["type"] == "too_short" and root.at(each["loc"]).value}
    places = {_place(each["loc"], root) for each in errors if each["loc"] not in short}  # short for wrong entries only
    for place in sorted(places, key=_last_first):
        without = _without(place, without) if without is not None and place else None
    try:
        return None if without is None else (Scenario.model_validate(without.plain()), without)
    except ValidationError:
        return None


def _last_first(place: Steps) -> tuple[str, int]:
    return str(place[0]), -int(place[1]) if len(place) == 2 else 0


def _place(place: Steps, root: Node) -> Steps:
    """Return the table, or the entry of an array of tables, that a mistake is in."""
    inside = isinstance(root.at(place[:1]).value, list) and len(place) > 1
    return place[:2] if inside else place[:1]


def _without(place: Steps, root: Node) -> Node | None:
    part = str(place[0])
    if part in _STAND_INS:
        return root.with_child(part, flag(_STAND_INS[part], root.source.label))
    if part not in _KEYS and nearest(part, _KEYS) in (None, *_REFERRED_TO_BY_NONE, *_STAND_INS):
        return replace(root, value={key: node for key, node in root.value.items() if key != part})
    if len(place) == 1 and part in _REFERRED_TO_BY_NONE:
        return replace(root, value={key: node for key, node in root.value.items() if key != part})
    if len(place) == 2 and part in (*_REFERRED_TO_BY_NONE, "stages"):
        at = int(place[1])
        entries = root.value[part]
        stand_in = _stage(entries.value[at]) if part == "stages" else []
        if stand_in is None:
            return None
        left = [*entries.value[:at], *stand_in, *entries.value[at + 1 :]]
        return root.with_child(part, replace(entries, value=left))
    return None


def _stage(entry: Node) -> list[Node] | None:
    """Return a stage of servers by the same name; a batching stage has knobs of its own."""
    if name_of(entry) is None or "kind" in entry.value:
        return None
    mended = {key: flag(value, entry.source.label) for key, value in _STAGE.items()}
    return [replace(entry, value={"name": entry.value["name"], **mended})]
