"""What is wrong with a scenario, in words: file, line, key, value and remedy of each problem."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

MOST_SHOWN = 20

Steps = tuple[str | int, ...]
"""Where a value stands in a TOML tree: keys of tables, indices of arrays."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing to mend. `source` is a file, a flag or a variable; `value` is text as a TOML file would have it."""

    source: str
    remedy: str
    key: str = ""
    value: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Write `day.toml:14: stages.intent.servers = -3: needs to be 0 or more`."""
        place = ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)
        # a remedy that begins with the value need not be told it twice
        told = self.value is None or self.remedy.startswith(self.value)
        key = self.key if told else f"{self.key} = {self.value}"
        return ": ".join(part for part in (place, key, self.remedy) if part)


class ScenarioError(Exception):
    """A scenario that cannot be run; its text is what a user sees, a line a problem."""

    def __init__(self, *problems: Problem, then: str = "") -> None:
        assert problems
        super().__init__(*problems)
        self.problems = problems
        self.then = then

    def __str__(self) -> str:
        """Write the problems, at most twenty of them, how many more there are, and what to do then."""
        lines = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"... and {len(self.problems) - MOST_SHOWN} more")
        return "\n".join((*lines, self.then) if self.then else lines)


def key_text(keys: Iterable[str | int]) -> str:
    """Write a path as `stages.intent.servers`, quoting keys that TOML would quote."""
    return ".".join(
        str(key) if isinstance(key, int) or re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key) for key in keys
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like a given one, or None where none is like it."""
    return next(iter(get_close_matches(word[:100], sorted(set(known)), n=1, cutoff=0.55)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?`, or what there is where nothing is near."""
    words = sorted(set(known))
    if near := nearest(word, words):
        return f"; did you mean {near}?"
    return f"; there is {', '.join(words[:12])}{' ...' if len(words) > 12 else ''}" if words else ""
