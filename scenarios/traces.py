"""Arrivals from a file: a CSV with a header and a row for each arrival, or a row for each period with a count.

Instants are seconds as numbers, or ISO times (to the microsecond; without a zone they are UTC). The earliest one in
the file is time 0, or `from` is, counted from there; rows before it and at or after the horizon are left out. A period
is as long as the shortest step between two rows; its arrivals are spread over it evenly, each by a draw of its own.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from scenarios.draws import Stream, key, uniform
from scenarios.model import Arrivals
from scenarios.units import NS_PER_S

MOST_ROWS = 20_000_000
MOST_IN_A_PERIOD = 1_000_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FURTHEST_S = 4 * 10**9  # about the year 2096; the ns between any two such instants fit into 64 bits


@dataclass(frozen=True, eq=False)
class Trace:
    """The rows within the run: instants in ns, how many arrive at each (or in the period that begins there)."""

    at_ns: NDArray[np.int64]
    counts: NDArray[np.int64]
    period_ns: int  # 0: each row is an arrival

    @property
    def length(self) -> int:
        """How many arrivals there are in all rows."""
        return int(self.counts.sum())


def read(arrivals: Arrivals, horizon_ns: int) -> Trace:
    """Read the rows of a trace from `from` to the horizon.

    Raises ValueError, with file, line and remedy, for what cannot be read.
    """
    assert arrivals.file is not None
    instants, counts = _columns(arrivals.file, arrivals.column, arrivals.count_column)
    by_time = np.argsort(instants, kind="stable")
    instants, counts = instants[by_time], counts[by_time]
    period_ns = 0
    if arrivals.count_column is not None:
        period_ns = _period_ns(arrivals.file, instants)
    at_ns = instants - instants[0] - arrivals.from_ns
    within = (at_ns >= 0) & (at_ns < horizon_ns)
    if not within.any():
        raise ValueError(f"{arrivals.file}: no row lies within the run; take a smaller from, or a longer horizon")
    return Trace(at_ns[within], counts[within], period_ns)


def instants(trace: Trace, horizon_ns: int, seed: int, scale: Fraction) -> NDArray[np.int64]:
    """Return the instants before the horizon, in ns, sorted, as often as `scale` says.

    Every arrival comes floor(scale) times, at the same instant, and once more with the probability that remains.
    """
    total = trace.length
    copies = int(scale)
    once_more = _kept(total, min(float(scale - copies), 1.0 - 2.0**-53), seed)
    indices = np.concatenate([np.repeat(np.arange(total if copies else 0, dtype=np.int64), copies), once_more])
    rows = np.searchsorted(np.cumsum(trace.counts), indices, side="right")
    at_ns = trace.at_ns[rows]
    if trace.period_ns:
        at_ns = at_ns + np.array(_spread(indices.tolist(), trace.period_ns, seed), dtype=np.int64)
    return np.sort(at_ns[at_ns < horizon_ns])


def _kept(total: int, share: float, seed: int) -> NDArray[np.int64]:
    size = int(total * share + 8.0 * math.sqrt(total * share + 1.0)) + 16
    while share > 0.0:
        out = [0] * size
        found = fill_kept(out, total, share, seed)
        if found < size:
            return np.array(out[:found], dtype=np.int64)
        size *= 2
    return np.empty(0, dtype=np.int64)


def fill_kept(out: MutableSequence[int], total: int, share: float, seed: int) -> int:
    """Fill `out` with indices below `total`, each kept with probability `share`, until it is full; return how many.

    The gaps between them are drawn, which are geometric: what is left out costs nothing.
    """
    index = -1
    for i in range(len(out)):
        u = uniform(key(seed, Stream.TRACE_KEPT, i, 0), 0)
        index += 1 + int(min(math.log(1.0 - u) / math.log1p(-share), float(total)))
        if index >= total:
            return i
        out[i] = index
    return len(out)


def _spread(indices: Sequence[int], period_ns: int, seed: int) -> list[int]:
    return [int(uniform(key(seed, Stream.TRACE_INSTANT, index, 0), 0) * period_ns) for index in indices]


def _period_ns(file: str, instants: NDArray[np.int64]) -> int:
    if len(instants) < 2:
        raise ValueError(f"{file}: counts need at least two rows, from which the length of a period is seen")
    period_ns = int(np.diff(instants).min())
    if period_ns == 0:
        raise ValueError(f"{file}: two rows of counts have the same instant; add them up into one")
    return period_ns


def _columns(file: str, column: str | None, count_column: str | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read the instants, in ns since an epoch, and the counts (1 where there is no column of them)."""
    rows = _rows(file)
    _, header = next(rows, (1, []))
    _check_header(file, header)
    at = _place(file, header, column if column is not None else (header or [""])[0])
    count_at = _place(file, header, count_column) if count_column is not None else None
    instants: list[int] = []
    counts: list[int] = []
    numbers: bool | None = None
    for line, cells in rows:
        where = f"{file}, line {line}"
        if len(cells) <= max(at, count_at or 0):
            raise ValueError(f"{where}: {len(cells)} cells where the header has {len(header)}")
        if numbers is None:
            numbers = _seconds(cells[at]) is not None
        instants.append(_instant_ns(where, header[at], cells[at], numbers))
        counts.append(1 if count_at is None else _count(where, header[count_at], cells[count_at]))
        if len(instants) > MOST_ROWS:
            raise ValueError(f"{file}: more than {MOST_ROWS:,} rows; cut it, or use a column of counts")
    if not instants:
        raise ValueError(f"{file}: no row follows the header; a trace needs at least one arrival")
    return np.array(instants, dtype=np.int64), np.array(counts, dtype=np.int64)


def _rows(file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of each row that is not empty."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror}); a trace is a CSV file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file}: is not a CSV file in UTF-8 ({error})") from None


def _check_header(file: str, header: Sequence[str]) -> None:
    if any(_seconds(cell) is not None for cell in header):
        raise ValueError(
            f"{file}, line 1: holds numbers where the names of the columns should stand; add a header line"
        )
    if len(set(header)) < len(header):
        raise ValueError(f"{file}, line 1: two columns have the same name; rename one")


def _place(file: str, header: Sequence[str], column: str) -> int:
    if column not in header:
        found = ", ".join(name[:50] for name in header[:20]) or "no header"
        raise ValueError(f'{file}: has no column "{column}"; found {found}')
    return header.index(column)


def _seconds(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _instant_ns(where: str, column: str, text: str, numbers: bool) -> int:
    seconds = _seconds(text) if numbers else _seconds_of_iso(text)
    if seconds is None or abs(seconds) > _FURTHEST_S:
        form = "a number of seconds, such as 12.5" if numbers else "seconds (12.5) or a time (2026-02-06 10:00:00)"
        raise ValueError(f"{where}: {text[:50]!r} in column {column} is not {form}")
    return round(seconds * NS_PER_S)


def _seconds_of_iso(text: str) -> Decimal | None:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return Decimal((instant - _EPOCH) // timedelta(microseconds=1)) / 10**6


def _count(where: str, column: str, text: str) -> int:
    number = _seconds(text)
    if number is None or number != number.to_integral_value() or not 0 <= number <= MOST_IN_A_PERIOD:
        raise ValueError(
            f"{where}: {text[:50]!r} in column {column} is not a whole number from 0 to {MOST_IN_A_PERIOD:,}"
        )
    return int(number)
