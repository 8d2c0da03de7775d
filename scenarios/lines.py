"""On which line each key of a TOML text stands."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable

from scenarios.errors import Steps

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})' r"|'''.*?'''(?:'{0,2})" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_WORD = re.compile(r"[^,\]}#\n]+")  # a number, a date, true, false


def key_lines(text: str) -> dict[Steps, int]:
    """Return the line (from 1) of every key and array entry of a TOML text that `tomllib` has accepted."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


class _Scan:
    """A walk through a valid text; it looks only for where things stand, not for whether they are right."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.lines: dict[Steps, int] = {}
        self._ends = [match.end() for match in re.finditer("\n", self.text)]
        self._entries: dict[Steps, int] = {}  # tables in each array of tables so far

    def document(self) -> None:
        table: Steps = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self._take("[["):
                table = self._header(many=True)
                self._take("]]")
            elif self._take("["):
                table = self._header(many=False)
                self._take("]")
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self, *, many: bool) -> Steps:
        line = self._line()
        keys = self._keys()
        table: Steps = ()
        for depth, key in enumerate(keys, start=1):
            table = (*table, key)
            self.lines.setdefault(table, line)
            if many and depth == len(keys):
                self._entries[table] = self._entries.get(table, 0) + 1
            if table in self._entries:
                table = (*table, self._entries[table] - 1)
                self.lines.setdefault(table, line)
        return table

    def _pair(self, table: Steps) -> None:
        line = self._line()
        for key in self._keys():
            table = (*table, key)
            self.lines.setdefault(table, line)
        self._take("=")
        self._skip(_SPACE)
        self._value(table)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(_unquoted(self._skip(_KEY)))
            self._skip(_SPACE)
            if not self._take("."):
                return keys

    def _value(self, steps: Steps) -> None:
        if self._take("["):
            self._several("]", lambda index: self._entry((*steps, index)))
        elif self._take("{"):
            self._several("}", lambda _: self._pair(steps))
        elif _TEXT.match(self.text, self.at):
            self._skip(_TEXT)
        else:
            self._skip(_WORD)

    def _entry(self, steps: Steps) -> None:
        self.lines[steps] = self._line()
        self._value(steps)

    def _several(self, end: str, one: Callable[[int], None]) -> None:
        index = 0
        self._skip(_BLANK)
        while not self._take(end):
            one(index)
            index += 1
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _line(self) -> int:
        return bisect_right(self._ends, self.at) + 1

    def _take(self, mark: str) -> bool:
        found = self.text.startswith(mark, self.at)
        self.at += len(mark) * found
        return found

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the text is not what tomllib accepted"
        self.at = match.end()
        return match[0]


def _unquoted(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key
