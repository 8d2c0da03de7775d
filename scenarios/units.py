"""Words with units in, exact numbers out: the one place where a scenario's strings become integers.

Durations become whole nanoseconds, rounded half to even; rates become exact fractions per second; shares become
floats between 0 and 1. Every function raises `ValueError` whose text says what was read and what would be right.
"""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction

NS_PER_S = 1_000_000_000
LONGEST_NS = 366 * 86_400 * NS_PER_S
FASTEST_PER_S = 1_000_000_000
HIGHEST_COST = 1_000_000_000

_SECONDS_IN = {
    "ps": Fraction(1, 10**12),
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "min": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86_400),
}
_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?"
_PART = re.compile(rf"({_NUMBER})\s*(ps|ns|us|µs|ms|min|s|m|h|d)\s*")
_RATE = re.compile(rf"({_NUMBER})\s*/\s*(ms|min|s|m|h|d)")
_SHARE = re.compile(rf"({_NUMBER})\s*%")
_TOKENS = re.compile(r"tokens:[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def shown(value: object) -> str:
    """Write a value as a TOML file would have it, in at most 60 characters."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 10**40:
            return "a whole number of more than 40 digits"
        case str() if len(value) > 60:
            return f"a text of {len(value)} characters"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list() | tuple():
            text = f"[{', '.join(shown(part) for part in value[:8])}]"
            return text if len(text) <= 60 and len(value) <= 8 else f"a list of {len(value)}"
        case dict():
            return "a table"
    return str(value)[:60]


def cost(value: object) -> int | str:
    """Return what a law charges: a whole number, `"cups"`, or `"tokens:STAGE"`."""
    if isinstance(value, str) and (value == "cups" or _TOKENS.fullmatch(value)):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= HIGHEST_COST:
        return value
    remedy = f'write a whole number from 1 to {HIGHEST_COST:,}, "cups", or "tokens:" and the name of a batching stage'
    raise ValueError(f"{shown(value)} is not a cost; {remedy}")


def _text(value: object, what: str, example: str) -> str:
    if isinstance(value, str) and len(value) <= 200:
        return value.strip()
    raise ValueError(f"{shown(value)} is not a {what} with its unit; write it like {example}")


def seconds(value: object) -> Fraction:
    """Return the exact seconds in a duration such as `"9h"`, `"350ms"` or `"2h35m"`."""
    text = _text(value, "duration", '"350ms" or "2h35m"')
    if text.startswith("-"):
        raise ValueError(f"{shown(text)} is negative; a duration is 0 or longer")
    total, at = Fraction(0), 0
    while match := _PART.match(text, at):
        total += Fraction(match[1]) * _SECONDS_IN[match[2]]
        at = match.end()
    if at == 0 or at != len(text):
        raise ValueError(f'{shown(text)} is not a duration; write it like "350ms" or "2h35m" (ps ns us ms s m h d)')
    if total * NS_PER_S > LONGEST_NS:
        raise ValueError(f"{shown(text)} is longer than 366 days, the longest time Sluice counts")
    return total


def duration_ns(value: object) -> int:
    """Return a duration as whole ns, rounded half to even."""
    return round(seconds(value) * NS_PER_S)


def duration_ps(value: object) -> int:
    """Return a duration as whole ps, rounded half to even: for the cost of one token of context."""
    return round(seconds(value) * 10**12)


def rate_per_s(value: object) -> Fraction:
    """Return an exact rate per second from `"280/s"`, `"10/m"` or `"88/h"`."""
    text = _text(value, "rate", '"280/s" or "10/m"')
    if text.startswith("-"):
        raise ValueError(f"{shown(text)} is negative; a rate is 0 or more")
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f'{shown(text)} is not a rate; write it like "280/s", "10/m" or "88/h"')
    rate = Fraction(match[1]) / _SECONDS_IN[match[2]]
    if rate > FASTEST_PER_S:
        raise ValueError(f"{shown(text)} is more than {FASTEST_PER_S:,} a second, the fastest rate Sluice counts")
    return rate


def rate_or_off(value: object) -> Fraction | None:
    """Return a rate per second, or None (no limit) from `"off"`."""
    return None if value == "off" else rate_per_s(value)


def share(value: object) -> float:
    """Return a share between 0 and 1 from `"25%"` or `0.25`."""
    exact: float | Fraction
    if isinstance(value, str):
        match = _SHARE.fullmatch(value.strip()[:50])
        if match is None:
            raise ValueError(f'{shown(value)} is not a share; write it like "25%" or 0.25')
        exact = Fraction(match[1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        exact = value
    else:
        raise ValueError(f'{shown(value)} is not a share; write it like "25%" or 0.25')
    if not 0 <= exact <= 1:  # NaN fails too
        raise ValueError(f"{shown(value)} is not between 0 and 1 (0% and 100%)")
    return float(exact)


def weight(value: object) -> float:
    """Return a number, or a share such as `"80%"`."""
    return share(value) if isinstance(value, str) else number(value)


def bound(value: object) -> float:
    """Return a number, a share from `"95%"`, or the seconds of a duration such as `"60s"`."""
    if not isinstance(value, str):
        return number(value)
    if value.strip().endswith("%"):
        return share(value)
    try:
        return float(seconds(value))
    except ValueError:
        raise ValueError(f'{shown(value)} is not a number, a share or a duration; write 0.95, "95%" or "60s"') from None


def number(value: object) -> float:
    """Return a finite number; TOML's nan and inf are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not a number; write it without quotes, like 3 or 0.5")
    try:
        result = float(value)
    except OverflowError:
        raise ValueError(f"{shown(value)} is too large to count with; use less than 1e300") from None
    if not math.isfinite(result):
        raise ValueError(f"{shown(value)} is not a finite number; write one like 3 or 0.5")
    return result


def duration_text(ns: int) -> str:
    """Write ns so that `duration_ns` reads the same number back, in the largest unit that keeps it short."""
    for unit, size in (("h", 3600 * NS_PER_S), ("m", 60 * NS_PER_S), ("s", NS_PER_S), ("ms", 10**6), ("us", 1000)):
        if ns and ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns}ns" if ns else "0s"


def rate_text(rate: Fraction) -> str:
    """Write a rate so that `rate_per_s` reads the same number back, in a unit in which it is a decimal.

    A rate that is a decimal in no unit (a third of 1/s) is written as the nearest float.
    """
    for unit in ("s", "m", "h", "d"):
        value = rate * _SECONDS_IN[unit]
        denominator = value.denominator
        while denominator % 2 == 0:
            denominator //= 2
        while denominator % 5 == 0:
            denominator //= 5
        if denominator == 1:
            return f"{_decimal(value)}/{unit}"
    return f"{float(rate)!r}/s"


def _decimal(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    scaled = value * 10**digits
    text = str(scaled.numerator).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}"
