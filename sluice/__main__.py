"""`sluice`, or `python -m sluice`."""

from __future__ import annotations

import sys

from sluice import ours
from sluice.exits import Exit


def main() -> None:
    """Run one command and exit with its code."""
    try:
        if wrong := ours.problem():
            print(wrong, file=sys.stderr)
            sys.exit(Exit.USAGE)
        from sluice.cli import start  # only now: what it imports may be a mix of two distributions

        sys.exit(start(sys.argv[1:]))
    except KeyboardInterrupt:  # while still starting
        sys.exit(Exit.INTERRUPTED)


if __name__ == "__main__":
    main()
