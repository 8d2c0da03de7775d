"""One tree laid over another: `extends`, `remove = true` and `--set`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from typing import Any

from scenarios.errors import Problem, ScenarioError, did_you_mean, key_text
from scenarios.tree import Node, flag, is_named_tables, name_of

_DISTRIBUTIONS = {"constant", "exponential", "lognormal", "gamma", "uniform", "empirical", "mixture"}
_KEY = r'"[^"]*"|[^."]+'
_PATH = re.compile(rf"(?:{_KEY})(?:\.(?:{_KEY}))*")


def extended(base: Node, over: Node) -> Node:
    """Return `base` with what `over` changes, or raise `ScenarioError`.

    Tables merge by key and arrays of tables by name, new entries last; other arrays, empty ones too, and plain values
    replace. A distribution, and a table of another kind, law or process than what it covers, replaces too: their
    keys do not fit each other. `remove = true` takes a table or an entry out.
    """
    problems: list[Problem] = []
    merged = _table(base, over, over, problems)
    if problems:
        raise ScenarioError(*problems)
    return merged


def _merged(base: Node | None, over: Node, root: Node, problems: list[Problem]) -> Node | None:
    if isinstance(over.value, dict):
        if "remove" in over.value:
            problems += _removal_problems(base, over, root)
            return None
        return _table(base, over, root, problems)
    if is_named_tables(over) or (base is not None and is_named_tables(base) and _holds_tables(over)):
        return _entries(base, over, root, problems)
    return over


def _table(base: Node | None, over: Node, root: Node, problems: list[Problem]) -> Node:
    result: dict[str, Node] = {}
    if base is not None and isinstance(base.value, dict) and not _stands_alone(base, over):
        result = dict(base.value)
    for key, child in over.value.items():
        merged = _merged(result.get(key), child, root, problems)
        if merged is None:
            result.pop(key, None)
        else:
            result[key] = merged
    return replace(over, value=result)


def _entries(base: Node | None, over: Node, root: Node, problems: list[Problem]) -> Node:
    result: dict[str, Node] = {}
    if base is not None and isinstance(base.value, list):
        result = {name_of(entry) or str(at): entry for at, entry in enumerate(base.value)}
    for at, entry in enumerate(over.value):
        name = name_of(entry)
        if name is None:
            remedy = "needs a name: that of the entry it changes, or a new one"
            problems.append(root.problem((*over.steps, at), remedy))
            continue
        merged = _merged(result.get(name), entry, root, problems)
        if merged is not None:
            result[name] = merged
        elif name in result:
            del result[name]
        elif base is not None:
            problems[-1] = root.problem(entry.steps, f"{_NOTHING}{did_you_mean(name, result)}")
    return replace(over, value=list(result.values()))


_NOTHING = "is not there to remove; what this file extends has no such thing"


def _removal_problems(base: Node | None, over: Node, root: Node) -> list[Problem]:
    mark = (*over.steps, "remove")
    if over.value["remove"].value is not True:
        return [root.problem(mark, "is only ever true; take the line out to keep the table")]
    if others := [key for key in over.value if key not in ("name", "remove")]:
        remedy = f"takes the whole table out, so {', '.join(others)} beside it means nothing; keep one of the two"
        return [root.problem(mark, remedy)]
    return [] if base is not None else [root.problem(over.steps, _NOTHING)]


def _stands_alone(base: Node, over: Node) -> bool:
    def chosen(node: Node, key: str) -> str:
        default = "servers" if key == "kind" else ""  # a stage without a kind
        value = node.value[key].value if key in node.value else default
        return value if isinstance(value, str) else ""

    return chosen(over, "kind") in _DISTRIBUTIONS or any(
        key in over.value and chosen(over, key) != chosen(base, key) for key in ("kind", "law", "process")
    )


def _holds_tables(node: Node) -> bool:
    return isinstance(node.value, list) and any(isinstance(entry.value, dict) for entry in node.value)


def with_setting(root: Node, setting: str, label: str) -> Node:
    """Return the tree with one `a.b=c` applied; `label` is what messages call the flag or variable."""
    path, equals, text = setting.partition("=")
    path = path.strip()
    if not equals or not _PATH.fullmatch(path):
        remedy = f"{setting[:80]} is not a setting; write it like people.timeout=30s or gates.NAME.min=0.5"
        raise ScenarioError(Problem(source=label, remedy=remedy))
    keys = [part.strip('"') for part in re.findall(_KEY, path)]
    return _with(root, keys, flag(_value(text.strip()), label), 0)


def _value(text: str) -> Any:
    try:
        tree = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return tree["value"] if len(tree) == 1 else text


def _with(node: Node, keys: list[str], value: Node, depth: int) -> Node:
    if depth == len(keys):
        return value
    key = keys[depth]
    if isinstance(node.value, dict):
        child = node.value.get(key) or flag({}, value.source.label)
        return node.with_child(key, _with(child, keys, value, depth + 1))
    if isinstance(node.value, list):
        at = _position(node, keys, value, depth)
        entries = list(node.value)
        entries[at] = _with(entries[at], keys, value, depth + 1)
        return replace(node, value=entries)
    parent = key_text(keys[:depth])
    remedy = f"leads nowhere, for {parent} is a plain value; set that: {parent}=..."
    raise ScenarioError(Problem(source=value.source.label, key=key_text(keys), remedy=remedy))


def _position(node: Node, keys: list[str], value: Node, depth: int) -> int:
    names = [name_of(entry) or str(at) for at, entry in enumerate(node.value)]
    key = keys[depth]
    if key in names:
        return names.index(key)
    if key.isdecimal() and len(key) < 7 and int(key) < len(names):
        return int(key)
    remedy = f"leads nowhere, for {key_text(keys[:depth])} has no {key}{did_you_mean(key, names)}"
    raise ScenarioError(Problem(source=value.source.label, key=key_text(keys), remedy=remedy))
