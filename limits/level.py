"""The level of a bucket, carried from one unit to another when its rate changes."""

from __future__ import annotations


def carried(level: int, per_token: int, new_per_token: int, most: int) -> int:
    """Return a level held in 1/per_token of a token in 1/new_per_token, rounded down, at most `most` whole tokens.

    For 0 <= level, 1 <= per_token and most * new_per_token up to `limits.row.LARGEST` nothing overflows on the way.
    """
    whole = level // per_token
    if whole >= most:
        return most * new_per_token
    part = level % per_token
    # part * new_per_token may pass 64 bits: it is divided while it is multiplied, one bit of new_per_token at a time.
    quotient = 0
    rest = 0
    for shift in range(61, -1, -1):
        quotient *= 2
        rest *= 2
        if rest >= per_token:
            rest -= per_token
            quotient += 1
        if (new_per_token >> shift) & 1:
            rest += part
            if rest >= per_token:
                rest -= per_token
                quotient += 1
    return whole * new_per_token + quotient
