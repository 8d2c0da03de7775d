"""Lines of plain text on a terminal of 80 columns: sentences that wrap, and tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from reports import figures

COLUMNS = 80
LEAST = 11
"""How narrow a column of a table may become."""
_AMOUNT = re.compile(
    r"(?:(?:>=|<=|\+-|±) )?\d[\d,.]*(?:%|(?: (?:d|h|min|s|ms|million|billion)\b)(?: \d\d (?:h|min|s)\b)?)?"
)
_FIRM = "\N{NO-BREAK SPACE}"


def unbroken(sentence: str) -> str:
    """Keep each number with its unit: the spaces in "16 h 15 min" are such that no line breaks there."""
    return _AMOUNT.sub(lambda amount: firm(amount[0]), sentence)


def firm(words: str) -> str:
    """Keep words in one line."""
    return words.replace(" ", _FIRM)


def wrapped(sentence: str, first: str = "", indent: str = "  ") -> list[str]:
    """Return a sentence in lines, the first after `first`, the others after `indent`."""
    lines = textwrap.wrap(
        unbroken(sentence), COLUMNS, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    )
    return [line.replace(_FIRM, " ") for line in lines]


def table(cells: Sequence[Sequence[str]], align: str, gives: Sequence[int] = (0,)) -> list[str]:
    """Lay cells out in columns; where a line would be too long they stand closer, then columns that give are cut."""
    widths = [max(figures.columns(row[i]) for row in cells) for i in range(len(align))]
    gaps = len(align) - 1
    apart = " " * (2 if sum(widths) + 2 * gaps <= COLUMNS else 1)
    for i in gives:
        widths[i] = min(widths[i], max(LEAST, widths[i] + COLUMNS - gaps * len(apart) - sum(widths)))
    lines = []
    for row in cells:
        columns = zip(row, widths, align, strict=True)
        line = apart.join(_filled(cut(cell, width), width, side) for cell, width, side in columns)
        lines.append(cut(line.rstrip(), COLUMNS))
    return lines


def cut(line: str, width: int) -> str:
    """Return a line that is no wider, with dots where something is missing."""
    if figures.columns(line) <= width:
        return line
    while line and figures.columns(line) > width - 3:
        line = line[:-1]
    return line + "..."


def _filled(cell: str, width: int, side: str) -> str:
    empty = " " * (width - figures.columns(cell))
    return cell + empty if side == "l" else empty + cell
