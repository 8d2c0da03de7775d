"""A TOML file as a tree that remembers where each value was written."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

from scenarios.errors import Problem, ScenarioError, Steps, key_text
from scenarios.lines import key_lines
from scenarios.units import shown

LARGEST_FILE = 5_000_000
DEEPEST = 20
_SYNTAX = re.compile(r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)


class Source:
    """A place values come from: a file with its text, a flag or a variable without."""

    def __init__(self, label: str, text: str = "") -> None:
        self.label = label
        self.text = text

    @cached_property
    def _lines(self) -> dict[Steps, int]:
        return key_lines(self.text)

    def line(self, steps: Steps) -> int | None:
        """Return the line of a path, or of the nearest thing around it; None where nothing is known."""
        while steps and steps not in self._lines:
            steps = steps[:-1]
        return self._lines.get(steps)


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it was written: `value` is a dict or a list of nodes, or a plain TOML value."""

    value: Any
    source: Source
    steps: Steps

    def plain(self) -> Any:
        """Return the value as `tomllib` would give it."""
        match self.value:
            case dict():
                return {key: node.plain() for key, node in self.value.items()}
            case list():
                return [node.plain() for node in self.value]
        return self.value

    def at(self, steps: Steps) -> Node:
        """Return the node of a path, or the last one on the way to it."""
        node = self
        for step in self.reach(steps):
            node = node.value[step]
        return node

    def reach(self, steps: Steps) -> Steps:
        """Return as much of a path as there are nodes on it."""
        children = self.value
        for depth, step in enumerate(steps):
            inside = isinstance(children, dict) and step in children
            if not inside and not (isinstance(children, list) and isinstance(step, int) and step < len(children)):
                return steps[:depth]
            children = children[step].value
        return steps

    def with_child(self, key: str, child: Node) -> Node:
        """Return this table with one key changed."""
        return replace(self, value={**self.value, key: child})

    def problem(self, steps: Steps, remedy: str, *, value: bool = True) -> Problem:
        """Return a problem with what stands at a path; entries of arrays are told by their names."""
        node = self.at(steps)
        bare = not value or isinstance(node.value, dict) or is_named_tables(node)
        return Problem(
            source=node.source.label,
            line=node.source.line(node.steps),
            key=key_text(self._named(steps)),
            value=None if bare else shown(node.plain()),
            remedy=remedy,
        )

    def _named(self, steps: Steps) -> Iterator[str | int]:
        for depth, step in enumerate(steps, start=1):
            yield (name_of(self.at(steps[:depth])) or step) if isinstance(step, int) else step


def name_of(node: Node) -> str | None:
    """Return the name of an entry of an array of tables, where it has one."""
    name = node.value.get("name") if isinstance(node.value, dict) else None
    return name.value if name is not None and isinstance(name.value, str) else None


def is_named_tables(node: Node) -> TypeGuard[Node]:
    """Whether a node is an array of tables of which at least one has a name."""
    return isinstance(node.value, list) and any(name_of(entry) is not None for entry in node.value)


def read(path: Path, label: str) -> Node:
    """Read a TOML file, or raise `ScenarioError`; `label` is what messages call the file."""
    text = _text(path, label)
    try:
        tree = tomllib.loads(text + "\n")  # so that an error on the last line is told with its line
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(_syntax(label, text, str(error))) from None
    except ValueError:  # the interpreter refuses to read integers of thousands of digits
        raise ScenarioError(Problem(source=label, remedy="holds a number of thousands of digits; shorten it")) from None
    except RecursionError:
        raise ScenarioError(Problem(source=label, remedy=_TOO_DEEP)) from None
    if not tree:
        remedy = 'is empty; a scenario begins with schema = 1, name = "..." and title = "..."'
        raise ScenarioError(Problem(source=label, remedy=remedy))
    node = _node(tree, Source(label, text), ())
    if problems := list(_twice(node, node)):
        raise ScenarioError(*problems)
    return node


_TOO_DEEP = f"is nested more than {DEEPEST} levels deep; a scenario needs fewer than ten"


def _node(value: Any, source: Source, steps: Steps) -> Node:
    if len(steps) > DEEPEST:
        raise ScenarioError(Problem(source=source.label, key=key_text(steps[:3]), remedy=_TOO_DEEP))
    match value:
        case dict():
            return Node({key: _node(part, source, (*steps, key)) for key, part in value.items()}, source, steps)
        case list():
            return Node([_node(part, source, (*steps, at)) for at, part in enumerate(value)], source, steps)
    return Node(value, source, steps)


def flag(value: Any, label: str) -> Node:
    """Return the tree of a value that a flag or a variable gives."""
    return _node(value, Source(label), ())


def _text(path: Path, label: str) -> str:
    def refuse(remedy: str) -> ScenarioError:
        return ScenarioError(Problem(source=label, remedy=remedy))

    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise refuse("is a directory; name a scenario file in it")
        if not stat.S_ISREG(mode):
            raise refuse("is not an ordinary file; give the path of a TOML file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # a ValueError where the path holds a zero byte
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise refuse(f"cannot be read: {why}; check the path and its permissions") from None
    if len(raw) > LARGEST_FILE:
        raise refuse("is larger than 5 MB, more than any scenario needs; is it a trace? (arrivals.file names those)")
    if b"\0" in raw:
        raise refuse("is a binary file; a scenario is TOML, plain text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem(source=label, line=line, remedy="is not UTF-8 text from here on; save the file as UTF-8")
        raise ScenarioError(problem) from None


def _syntax(label: str, text: str, message: str) -> Problem:
    match = _SYNTAX.fullmatch(message)
    what = (match["what"] if match else message).strip().lower()
    lines = text.splitlines()
    if match is None or match["line"] is None:
        return Problem(
            source=label, line=len(lines), remedy=f"not TOML: {what} at the end of the file; is a quote open?"
        )
    line = int(match["line"])
    wrong = re.sub(r"[^ -~]", "?", lines[line - 1].strip()[:80]) if line <= len(lines) else ""
    twice = "overwrite" in what or "twice" in what
    hint = "the key stands twice; take one out" if twice else 'texts and units stand in quotes: timeout = "60s"'
    remedy = f"not TOML: {what}: {wrong}  ({hint})"
    return Problem(source=label, line=line, column=int(match["column"]), remedy=remedy)


def _twice(root: Node, node: Node) -> Iterator[Problem]:
    if isinstance(node.value, dict):
        for child in node.value.values():
            yield from _twice(root, child)
    elif isinstance(node.value, list):
        first: dict[str, Node] = {}
        for entry in node.value:
            name = name_of(entry)
            if name is not None and first.setdefault(name, entry) is not entry:
                line = first[name].source.line(first[name].steps)
                remedy = f"is the name of another one (line {line}); give each a name of its own"
                yield root.problem((*entry.steps, "name"), remedy)
            yield from _twice(root, entry)
