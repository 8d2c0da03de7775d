"""Figures as people read them: numbers, durations and clock times of a report are written by functions of this page."""

from __future__ import annotations

import math
import re
from unicodedata import combining, east_asian_width

NOTHING = "-"
_TICK_STEPS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 4, 6, 12)),
    *(86_400 * days for days in (1, 2, 5, 10, 30, 60, 120)),
)


def count(number: float | None) -> str:
    """Write a count: "9,999" in full, "10.15 million" from a million on."""
    if number is None or not math.isfinite(number):
        return NOTHING
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if abs(number) >= 0.99999 * size:
            return f"{number / size:,.2f} {name}"
    return f"{number:,.0f}"


def short_count(number: float) -> str:
    """Write a round count without the digits that say nothing: "10 million"."""
    return re.sub(r"\.?0+(?= )", "", count(number))


def decimal(number: float | None) -> str:
    """Write a plain number with at most three significant digits behind the point: "1.8", "0.931", "14.4"."""
    if number is None or not math.isfinite(number):
        return NOTHING
    if abs(number) >= 999.5:
        return count(number)
    return f"{number:.3g}" if number == 0 or abs(number) >= 0.0001 else "under 0.0001"


def duration(seconds: float | None) -> str:
    """Write a duration in the two largest units that matter: "0.35 ms", "42.1 s", "12 min 05 s", "2 h 03 min"."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.9995:
        milliseconds = f"{decimal(seconds * 1000)} ms" if seconds > 1e-6 else "under 0.001 ms"
        return milliseconds if seconds else "0 s"
    if seconds < 59.95:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s" if seconds < 9.995 else f"{round(seconds, 1):g} s"
    whole = round(seconds)
    if whole < 3600:
        return _two(whole, 60, "min", 1, "s")
    whole = round(seconds / 60) * 60
    if whole < 48 * 3600:
        return _two(whole, 3600, "h", 60, "min")
    return _two(round(seconds / 3600) * 3600, 86_400, "d", 3600, "h")


def _two(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = whole % large // small
    return f"{whole // large} {large_name}" + (f" {rest:02d} {small_name}" if rest else "")


def rate(per_s: float | None) -> str:
    """Write a rate: "312/s", "8.33/s", and per hour where there is less than one in 100 s."""
    if per_s is None or not math.isfinite(per_s):
        return NOTHING
    if 0 < abs(per_s) < 0.01:
        return f"{decimal(per_s * 3600)}/h"
    return f"{decimal(per_s)}/s"


def share(part: float | None) -> str:
    """Write a share in percent, with the digits that its distance from 0% and 100% needs: "44%", "4.4%", "99.95%"."""
    if part is None or not math.isfinite(part):
        return NOTHING
    if part in (0.0, 1.0):
        return f"{part:.0%}"
    nearest = min(abs(part), abs(1 - part))
    if nearest < 0.00005:
        return "under 0.01%" if abs(part) < 0.5 else "over 99.99%"
    whole = abs(part * 100 - round(part * 100)) < 1e-9
    digits = 2 if nearest < 0.001 else 1 if nearest < 0.0995 and not whole else 0
    return f"{part * 100:.{digits}f}%"


def deviation(part: float | None) -> str:
    """Write how far a figure is from the one it is held against: "+1.5%", "x 12" from ten times as much on."""
    if part is None or not math.isfinite(part):
        return NOTHING
    if part >= 9:
        return f"x {part + 1:,.0f}"
    return f"{part * 100:+,.0f}%" if abs(part) >= 0.9995 else f"{part * 100:+.1f}%".replace("-0.0%", "+0.0%")


def tolerance(part: float | None) -> str:
    """Write how much deviation is allowed: "3%"."""
    return NOTHING if part is None else f"{decimal(part * 100)}%"


def value(unit: str, number: float | None) -> str:
    """Write a figure in a unit of `scenarios.metrics`; what is not a time, share, ratio or rate is a count."""
    writers = {"s": duration, "share": share, "ratio": decimal, "orders/s": rate}
    return writers.get(unit, count)(number)


def scale(factor: float) -> str:
    """Write the scale of a run: "full size", "1:50", "2.5 times"."""
    if factor == 1:
        return "full size"
    if factor > 1:
        return f"{decimal(factor)} times"
    return f"1:{decimal(1 / factor)}"


def plain(title: str) -> str:
    """Write somebody's text in one line, without what could steer a terminal."""
    return "".join(sign for sign in " ".join(title.split()) if sign.isprintable())


def columns(line: str) -> int:
    """Return how many columns of a terminal a line takes; signs of East Asia take two."""
    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in line)


def name(key: str) -> str:
    """Write a name of the code in words: "timed_out" is "timed out"."""
    return re.sub(r"[_.]+", " ", key).strip()


def spaced(time: str) -> str:
    """Write a duration of the code in words: "1h" is "1 h"."""
    return re.sub(r"(?<=\d)(?=[a-z])", " ", time)


def opening_s(opens: str | None) -> int:
    """Return the clock time of t = 0, in seconds after midnight; without one, 0."""
    return int(opens[:2]) * 3600 + int(opens[3:]) * 60 if opens else 0


def clock(at_s: float, opens: str | None) -> str:
    """Write an instant as the clock on the wall shows it, "17:36" ("01:30 +1d" on the next day; midnight is 24:00).

    Without `opens` there is no wall: it is the time since the start.
    """
    if opens is None:
        return duration(at_s)
    minutes = round((opening_s(opens) + at_s) / 60)
    days = max(0, minutes - 1) // 1440
    minutes -= days * 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f" +{days}d" if days else "")


def span(start_s: float, end_s: float, opens: str | None) -> str:
    """Write a span of time: "10:05-11:50", or "12 min 05 s to 1 h" where there is no clock."""
    between = "-" if opens else " to "
    return f"{clock(start_s, opens)}{between}{clock(end_s, opens)}"


def time_ticks(end_s: float, opens: str | None, most: int = 9) -> tuple[list[float], list[str], str]:
    """Return positions (s), labels and the title of a time axis from 0 to `end_s` with at most `most` round steps."""
    step_s = next((step for step in _TICK_STEPS_S if end_s / step <= most), _TICK_STEPS_S[-1])
    if opens is not None and step_s >= 60:
        first_s = -opening_s(opens) % step_s
        at_s = [first_s + k * step_s for k in range(int((end_s - first_s) // step_s) + 1)]
        return at_s, [clock(at, opens) for at in at_s], "time of day"
    at_s = [k * step_s for k in range(int(end_s / step_s + 1e-9) + 1)]
    since = "time since the start" if opens is None else f"time since {opens}"
    units = ((86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"), (0.001, "milliseconds"))
    size, unit = next((size, unit) for size, unit in units if step_s >= size)
    return at_s, [decimal(at / size) for at in at_s], f"{since}, {unit}"
