"""A bounded table of rows, one a key; when it is full, the key that was asked least recently makes room.

For every law that is kept by person, store or card: `law.decide(table, keys.row_of(table, at, slots, WIDTH, key),
...)`. It lies in a flat row itself, so that it is compiled as the laws are, and live `array("q", [0]) * width(...)`
holds it: 8 * (5 + WIDTH) bytes a key, and not a byte more however many keys come.

**A key that made room starts fresh when it comes back.** That lets it have its burst again, after `slots` other keys
have been asked since its last question; the keys that come often stay. So a table of keys that anybody may invent does
not limit their sum: put a law without a key beside it. A table loses nothing while fewer than `slots` keys are asked
within the time in which a row fills again (burst / rate).

Keys are ints from 0 to limits.row.LARGEST. A key goes to chain `key % slots`: numbers in a row are spread well. Who can
choose keys could choose one chain, and make each question as slow as the table is long: give what comes from outside
through `number`, with a secret. 62 bits: with ten million keys the chance that any two are one is 1 in 92,000.

State: [at] how many rows are in use; [at + 1] the newest entry, [at + 2] the oldest; then the heads of `slots` chains;
then the entries: key, next in the chain, newer, older, and the row. Entries are counted from 1; 0 is none.
"""

from __future__ import annotations

from hashlib import blake2b

from limits.row import Row

HEADER = 3
LINKS = 4


def number(value: str, secret: bytes) -> int:
    """Return a key for a value that comes from outside: not to be foreseen without the secret (at most 64 bytes)."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8, key=secret).digest(), "big") >> 2


def width(slots: int, row_width: int) -> int:
    """Return the ints in a table of `slots` rows, at least 1, of `row_width` ints each."""
    return HEADER + slots * (1 + LINKS + row_width)


def row_of(table: Row, at: int, slots: int, row_width: int, key: int) -> int:
    """Return where the row of a key starts, now the newest; zeros if it was not there (the oldest may make room)."""
    entry = find(table, at, slots, row_width, key)
    if entry == 0:
        entry = free_entry(table, at, slots)
        if entry == 0:
            entry = oldest(table, at)
        put(table, at, slots, row_width, entry, key)
    else:
        use(table, at, slots, row_width, entry)
    return row_at(at, slots, row_width, entry)


def find(table: Row, at: int, slots: int, row_width: int, key: int) -> int:
    """Return the entry of a key, or 0. Changes nothing."""
    entry = table[at + HEADER + key % slots]
    while entry != 0:
        links = links_at(at, slots, row_width, entry)
        if table[links] == key:
            return entry
        entry = table[links + 1]
    return 0


def free_entry(table: Row, at: int, slots: int) -> int:
    """Return the first entry that was never used, or 0 if the table is full."""
    return table[at] + 1 if table[at] < slots else 0


def oldest(table: Row, at: int) -> int:
    """Return the entry that was asked least recently, or 0."""
    return table[at + 2]


def newer(table: Row, at: int, slots: int, row_width: int, entry: int) -> int:
    """Return the entry asked next after this one, or 0."""
    return table[links_at(at, slots, row_width, entry) + 2]


def key_of(table: Row, at: int, slots: int, row_width: int, entry: int) -> int:
    """Return the key of an entry in use."""
    return table[links_at(at, slots, row_width, entry)]


def row_at(at: int, slots: int, row_width: int, entry: int) -> int:
    """Return where the row of an entry starts."""
    return links_at(at, slots, row_width, entry) + LINKS


def links_at(at: int, slots: int, row_width: int, entry: int) -> int:
    """Return where an entry starts."""
    return at + HEADER + slots + (entry - 1) * (LINKS + row_width)


def use(table: Row, at: int, slots: int, row_width: int, entry: int) -> None:
    """Make an entry of the table its newest."""
    if table[at + 1] != entry:
        unlink(table, at, slots, row_width, entry)
        link_newest(table, at, slots, row_width, entry)


def put(table: Row, at: int, slots: int, row_width: int, entry: int, key: int) -> None:
    """Give an entry, the free one or one in use, to a key that has none: a row of zeros, the newest."""
    links = links_at(at, slots, row_width, entry)
    if entry > table[at]:
        table[at] = entry
    else:
        unlink(table, at, slots, row_width, entry)
        before = at + HEADER + table[links] % slots
        while table[before] != entry:
            before = links_at(at, slots, row_width, table[before]) + 1
        table[before] = table[links + 1]
    head = at + HEADER + key % slots
    table[links] = key
    table[links + 1] = table[head]
    table[head] = entry
    for i in range(links + LINKS, links + LINKS + row_width):
        table[i] = 0
    link_newest(table, at, slots, row_width, entry)


def unlink(table: Row, at: int, slots: int, row_width: int, entry: int) -> None:
    """Take an entry out of the order of use."""
    links = links_at(at, slots, row_width, entry)
    above, below = table[links + 2], table[links + 3]
    if above == 0:
        table[at + 1] = below
    else:
        table[links_at(at, slots, row_width, above) + 3] = below
    if below == 0:
        table[at + 2] = above
    else:
        table[links_at(at, slots, row_width, below) + 2] = above


def link_newest(table: Row, at: int, slots: int, row_width: int, entry: int) -> None:
    """Put an entry that is not in the order of use at its newer end."""
    links = links_at(at, slots, row_width, entry)
    newest = table[at + 1]
    table[links + 2] = 0
    table[links + 3] = newest
    if newest == 0:
        table[at + 2] = entry
    else:
        table[links_at(at, slots, row_width, newest) + 2] = entry
    table[at + 1] = entry
