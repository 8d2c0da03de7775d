"""docs/keys.md, made from the typed model: `python -m scenarios.keys_page` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from scenarios import units
from scenarios.distributions import DISTRIBUTIONS, Constant, DurationNs, Mixture, Part, SimpleTime, TimeDistribution
from scenarios.meanings import MEANINGS
from scenarios.model import Scenario

PAGE = Path(__file__).resolve().parent.parent / "docs" / "keys.md"

INTRODUCTION = """# Every key of a scenario

This page is made from the code (`python -m scenarios.keys_page`); a test keeps it current. How the parts fit together:
[scenarios.md](scenarios.md); the exact rules: [model.md](model.md).

Types: a **duration** is `"350ms"` or `"2h35m"`, a **rate** `"280/s"` or `"10/m"`, a **share**
`"25%"` or `0.25`. A **time** is a duration or a [distribution](#distributions) of durations, a **count** a number or a
distribution of numbers. Where the default says "needed", the key has to be there.
"""
DISTRIBUTIONS_SAID = """
## Distributions

In place of the value: `{ kind = "lognormal", median = "20s", sigma = 0.8 }`. A value is a duration where
a time is drawn, a number where a count is.
"""
_WORDS = {
    units.duration_ns: "duration",
    units.duration_ps: "duration",
    units.rate_per_s: "rate",
    units.rate_or_off: 'rate or "off"',
    units.share: "share",
    units.weight: "number or share",
    units.bound: "number, share or duration",
    units.cost: 'whole number, "cups" or "tokens:STAGE"',
    units.number: "number",
}
_PLAIN: dict[Any, str] = {str: "text", bool: "true or false", int: "whole number", float: "number", Any: "value"}
_LIMITS = {"ge": "{} or more", "gt": "more than {}", "le": "{} or less", "lt": "less than {}"}


def page() -> str:
    """Return the whole page."""
    sections = "\n".join(_section(path, model) for path, model in _sections("", Scenario))
    simple = "\n".join(_section(path, model) for path, model in _distributions())
    return f"{INTRODUCTION}\n{sections}\n{DISTRIBUTIONS_SAID.lstrip()}\n{simple}"


def _sections(path: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Go through a table and the tables in it, each with its path as a file writes it."""
    yield path, model
    bare = path.split("`")[1].strip("[]") + "." if path else ""
    for name, field in model.model_fields.items():
        key = f"{bare}{field.alias or name}"
        inner = _tables(field.annotation)
        marks = f"[[{key}]]" if _is_array(field.annotation) else f"[{key}]"
        for table in inner:
            yield from _sections(f"`{marks}`{_which(table) if len(inner) > 1 else ''}", table)


def _distributions() -> Iterator[tuple[str, type[BaseModel]]]:
    for table in get_args(get_args(TimeDistribution)[0]):
        yield _which(table).removeprefix(", "), table
        if table.__name__.startswith(Mixture.__name__):
            yield "`parts` of a mixture", Part[SimpleTime]


def _which(table: type[BaseModel]) -> str:
    key = "law" if "law" in table.model_fields else "kind"
    values = get_args(table.model_fields[key].annotation)
    return f", `{key} = {' | '.join(units.shown(value) for value in values)}`"


def _section(path: str, model: type[BaseModel]) -> str:
    title = path or "The whole"
    lines = [f"### {title}", ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    meanings = MEANINGS[model.__name__.partition("[")[0]]
    for name, field in model.model_fields.items():
        key = field.alias or name
        word = _type(field)
        if issubclass(model, (*DISTRIBUTIONS, Part)):
            word = {"duration": "value", "time": "value or distribution"}.get(word, word.replace("duration", "value"))
        cells = (f"`{key}`", word, _default(field), meanings[key])
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _type(field: FieldInfo) -> str:
    word = _word(field.annotation, field.metadata)
    if field.alias == "rate" and word.startswith("array"):
        return f"rate, or {word}"
    return f"{word}{_limits(field.metadata)}" if word in ("whole number", "number") else word


def _limits(metadata: list[Any]) -> str:
    texts = [
        text.format(f"{getattr(mark, name):,}".removesuffix(".0"))
        for mark in metadata
        for name, text in _LIMITS.items()
        if getattr(mark, name, None) is not None
    ]
    return "".join(f", {text}" for text in texts)


def _word(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """Return what a key takes, in the words of the page."""
    for mark in metadata:
        if isinstance(mark, BeforeValidator) and mark.func in _WORDS:
            return _WORDS[mark.func]
    origin, parts = get_origin(annotation), [part for part in get_args(annotation) if part is not type(None)]
    if origin is Annotated:
        return _word(parts[0], parts[1:])
    if origin is Literal:
        return " or ".join(f"`{units.shown(part)}`" for part in parts)
    if origin in (Union, UnionType):
        return _union(parts)
    if origin is tuple:
        return (
            f"array of {_word(parts[0])}".replace("array of table", "array of tables")
            if parts[-1] is ...
            else f"[{', '.join(map(_word, parts))}]"
        )
    if origin is dict:
        return "table of knobs or settings" if parts[1] is Any else f"table of {_word(parts[1])}s"
    return _PLAIN.get(annotation, "table")


def _union(parts: list[Any]) -> str:
    if len(parts) == 1:
        return _word(parts[0])
    constants = [part for part in parts if str(getattr(part, "__name__", "")).startswith(Constant.__name__)]
    if not constants:
        return "table"
    return "time" if constants == [Constant[DurationNs]] else "count"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "none"
    if _type(field) == "duration":
        return f"`{units.shown(units.duration_text(value))}`"
    return f"`{units.shown(value)}`"


def _tables(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables that a key may hold, but for distributions, which have a part of the page of their own."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if issubclass(annotation, DISTRIBUTIONS) else [annotation]
    return [table for part in get_args(annotation) for table in _tables(part)]


def _is_array(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
