"""Retry-After: a wait in the whole seconds that HTTP has (RFC 9110, section 10.2.3: delay-seconds)."""

from __future__ import annotations


def seconds(wait_ns: int) -> int:
    """Return a wait of ns in whole seconds, rounded up, at least 1: who waits that long does not come too early."""
    if wait_ns <= 0:
        return 1
    return (wait_ns - 1) // 1_000_000_000 + 1
