"""What the process says with its exit code."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; scripts rely on the numbers."""

    PASS = 0
    INTERNAL = 1
    USAGE = 2
    GATE = 3
    REGRESSION = 4
    INCONCLUSIVE = 5
    BOOKS = 6
    INTERRUPTED = 130


HELP = """\
Exit codes: 0 pass, 1 internal error, 2 usage or scenario error, 3 a gate does not hold, 4 worse than the
baseline, 5 inconclusive, 6 the books do not balance, 130 interrupted."""

_GRAVEST_FIRST = (Exit.INTERRUPTED, Exit.INTERNAL, Exit.BOOKS, Exit.INCONCLUSIVE, Exit.GATE, Exit.REGRESSION)


def gravest(*found: Exit) -> Exit:
    """Return the code that says most, where several apply."""
    return next((code for code in _GRAVEST_FIRST if code in found), Exit.PASS)


class UserError(Exception):
    """Sluice cannot do what was asked, and the user can mend it: place, value and remedy. Exit code 2."""
