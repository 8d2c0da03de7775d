"""A row for each key, for laws that are asked from Python: what `limits.keys` is for a compiled loop.

The same promise: never more than `slots` rows, and the key asked least recently makes room (being refused is being
asked). Here keys are any hashable values, found by a dict, twice as fast from Python as chains of ints.

A str or bytes longer than LONGEST, also within a tuple, is kept as its hash: nobody fills the memory with one key.
Of other values the table cannot see the size. A str is hashed with the secret of this process; an int is not, so that
who may choose ints could choose slow ones: give what comes from outside as str.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Hashable
from hashlib import blake2b

LONGEST = 128
"""Characters or bytes of a key that is kept as it is."""
_HASHED = object()
_TEXT = (str, bytes)  # made once: a union in its place would be made at each question


class Table:
    """`slots` rows of `width` ints, all zeros at first: 8 * width bytes a row at once, keys as they come."""

    def __init__(self, slots: int, width: int) -> None:
        self.rows = array("q", [0]) * (slots * width)
        self.places: OrderedDict[Hashable, int] = OrderedDict()
        self.forgotten = 0
        self._slots = slots
        self._width = width
        self._zeros = array("q", [0]) * width

    def place(self, key: Hashable) -> int:
        """Return where the row of a key starts, now the newest; zeros if it was not there (the oldest makes room)."""
        at = self.places.get(key)
        if at is None:
            return self.new(key)
        self.places.move_to_end(key)
        return at

    def new(self, key: Hashable) -> int:
        """Do as `place` for a key that was not found as it is."""
        if type(key) is not int and (short := bounded(key)) is not key:
            return self.place(short)
        if len(self.places) < self._slots:
            at = len(self.places) * self._width
        else:
            _, at = self.places.popitem(last=False)
            self.rows[at : at + self._width] = self._zeros
            self.forgotten += 1
        self.places[key] = at
        return at

    def look(self, key: Hashable) -> array[int]:
        """Return a copy of the row of a key, zeros if there is none. Changes nothing."""
        at = self.places.get(bounded(key))
        return self._zeros[:] if at is None else self.rows[at : at + self._width]


def bounded(key: Hashable) -> Hashable:
    """Return the key itself, or where it is long something short in its place that no other key has."""
    if isinstance(key, _TEXT):
        if len(key) <= LONGEST:
            return key
        text = key.encode(errors="surrogatepass") if isinstance(key, str) else key
        return _HASHED, type(key), blake2b(text, digest_size=32).digest()
    if isinstance(key, tuple):
        parts = tuple(bounded(part) for part in key)
        if any(part is not whole for part, whole in zip(parts, key, strict=True)):
            return parts
    return key
