"""Hot key: a token bucket for each value of a key (a store, a person, a card), in a bounded table, with exceptions.

The law is `token_bucket`, the table is `limits.keys`. A value that is in `overrides` has a rate and burst of its own.
When a new value comes and the table is full, the oldest that is full again makes room: nothing is lost by that, since a
full bucket is like one that was never asked. It is looked for among the LOOKS least recently asked. If none of them is
full, the very oldest makes room: it is counted (`forgotten`), and starts fresh if it comes back. What that allows, and
what a table is too small for, says `limits.keys`: per value at most burst + rate * d, and a burst more for each time it
was forgotten, which takes questions of `slots` other values in between.

Source: hot parameter rules of Alibaba Sentinel (ParamFlowChecker, ParameterMetric): a rate for each value, thresholds
for single ones, at most 4,000 values times the seconds of the rule and never over 200,000, the least recently used
leave. Its bucket fills once a window and not steadily, its exceptions change the rate and keep the burst on top of it;
here a bucket is exact, and an exception names both.

State: [at] forgotten: rows that made room before they were full; then the table, `keys.width(slots, 2)` ints.
`overrides` is a flat row, in which from `first` on lie `count` exceptions: (key, tokens, per_ns, burst) for each, by
rising key. `change` goes on at another usual rate, as `token_bucket.change` does for each key. A clock that steps
back by d may give a value that left in between up to d * rate more: the one place where a law admits more for it.
Bounds: keys as in `limits.keys`, the others as in `token_bucket`, for each override too.
"""

from __future__ import annotations

from limits import keys, token_bucket
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER

BUCKET = token_bucket.WIDTH
LOOKS = 8
EXCEPTION = 4
WIDTH = 1 + keys.HEADER
"""Without the table: `width` says all."""


def width(slots: int) -> int:
    """Return the ints in the state of a law with `slots` rows, at least 1."""
    return 1 + keys.width(slots, BUCKET)


def decide(
    state: Row,
    at: int,
    slots: int,
    tokens: int,
    per_ns: int,
    burst: int,
    overrides: Row,
    first: int,
    count: int,
    key: int,
    now_ns: int,
    cost: int,
) -> int:
    """Admit `cost` of this key now (0), say after how many ns (exactly, if its row stays), or NEVER.

    NEVER: as in `token_bucket`, and a table of no rows. It takes no row; nor does a cost of 0. A refused key was asked.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    own = find_override(overrides, first, count, key)
    rate = overrides[own + 1] if own >= 0 else tokens
    unit = overrides[own + 2] if own >= 0 else per_ns
    most = overrides[own + 3] if own >= 0 else burst
    if rate <= 0 or cost > most or slots <= 0:
        return NEVER
    table = at + 1
    entry = keys.find(state, table, slots, BUCKET, key)
    if entry == 0:
        entry = make_room(state, at, slots, tokens, overrides, first, count, now_ns)
        keys.put(state, table, slots, BUCKET, entry, key)
    else:
        keys.use(state, table, slots, BUCKET, entry)
    return token_bucket.decide(state, keys.row_at(table, slots, BUCKET, entry), rate, unit, most, now_ns, cost)


def find_override(overrides: Row, first: int, count: int, key: int) -> int:
    """Return where the exception of a key starts, or -1."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if overrides[first + middle * EXCEPTION] < key:
            low = middle + 1
        else:
            high = middle
    found = first + low * EXCEPTION
    return found if low < count and overrides[found] == key else -1


def make_room(state: Row, at: int, slots: int, tokens: int, overrides: Row, first: int, count: int, now_ns: int) -> int:
    """Return a free entry, else one of the LOOKS oldest that is full again, else the oldest, and count that one."""
    table = at + 1
    entry = keys.free_entry(state, table, slots)
    if entry != 0:
        return entry
    entry = keys.oldest(state, table)
    for _ in range(LOOKS):
        if entry == 0:
            break
        if is_full(state, table, slots, tokens, overrides, first, count, entry, now_ns):
            return entry
        entry = keys.newer(state, table, slots, BUCKET, entry)
    state[at] += 1
    return keys.oldest(state, table)


def is_full(
    state: Row, table: int, slots: int, tokens: int, overrides: Row, first: int, count: int, entry: int, now_ns: int
) -> bool:
    """Return whether the bucket of an entry is full by now."""
    own = find_override(overrides, first, count, keys.key_of(state, table, slots, BUCKET, entry))
    rate = overrides[own + 1] if own >= 0 else tokens
    row = keys.row_at(table, slots, BUCKET, entry)
    if rate > 0:
        token_bucket.fill(state, row, rate, now_ns)
    return state[row] == 0


def change(
    state: Row,
    at: int,
    slots: int,
    old_tokens: int,
    old_per_ns: int,
    old_burst: int,
    tokens: int,
    per_ns: int,
    burst: int,
    overrides: Row,
    first: int,
    count: int,
    now_ns: int,
) -> None:
    """Go on at another rate and burst from now on, for all keys but the exceptions."""
    table = at + 1
    for entry in range(1, state[table] + 1):
        if find_override(overrides, first, count, keys.key_of(state, table, slots, BUCKET, entry)) < 0:
            row = keys.row_at(table, slots, BUCKET, entry)
            token_bucket.change(state, row, old_tokens, old_per_ns, old_burst, tokens, per_ns, burst, now_ns)
