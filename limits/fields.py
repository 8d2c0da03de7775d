"""HTTP fields about quotas: RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-10.

    RateLimit-Policy: "person";q=5;w=30
    RateLimit: "person";r=4;t=6

Lists of structured fields (RFC 9651), written after the draft's text of 2025-09-23; -11 (2026-05) was not at hand.

| rule | q | w | r: would be admitted now | t: until there is more |
|---|---|---|---|---|
| TokenBucket, Gcra | the burst | the time in which it fills | whole tokens in it | the next whole token |
| FixedWindow | the limit | the window | what is left of it | the next window |
| SlidingWindow(Log) | the limit | the window | what is left of it | when one more would be admitted |
| WarmUp | a second of the full rate | 1 | what its warmth allows | when one more would be admitted |
| Concurrency | the limit as it is now | - | places free | - |
| Rule with a `quota` | the quota | `window_ns` | asked of its law | asked of its law |
| others | not shown | | | |

w and t are whole seconds, rounded up; t is left out where nothing is missing or nobody can say. r is found by asking
the law about copies of its row, 1 + log2(q) times: it is exact, and no promise, since other rules may refuse.
"""

from __future__ import annotations

from collections.abc import Iterable

from limits.rules import CALLS, Concurrency, Rule, Subject

NS_PER_S = 1_000_000_000
LARGEST = 999_999_999_999_999
"""The largest Integer of structured fields."""


def policy(rules: Iterable[Rule]) -> str:
    """Return the value of RateLimit-Policy; empty where no rule has a quota."""
    return ", ".join(_policy_item(rule) for rule in rules if rule.quota() > 0)


def limit(rules: Iterable[Rule], subject: Subject, now_ns: int) -> str:
    """Return the value of RateLimit for a subject; empty where no rule has a quota."""
    return ", ".join(_limit_item(rule, subject, now_ns) for rule in rules if rule.quota() > 0)


def _policy_item(rule: Rule) -> str:
    item = f"{_string(rule.name)};q={min(rule.quota(), LARGEST)}"
    if isinstance(rule, Concurrency):
        return f'{item};qu="concurrent-requests"'
    if rule.unit != CALLS:
        item += f";qu={_string(rule.unit)}"
    return f"{item};w={_seconds(rule.window_ns)}" if rule.window_ns > 0 else item


def _limit_item(rule: Rule, subject: Subject, now_ns: int) -> str:
    left, wait_ns = rule.left(subject, now_ns)
    item = f"{_string(rule.name)};r={min(left, LARGEST)}"
    return f"{item};t={_seconds(wait_ns)}" if wait_ns > 0 else item


def _seconds(ns: int) -> int:
    return min(-(-ns // NS_PER_S), LARGEST)


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
