"""How processes that answer, or ask, in real time collect garbage."""

from __future__ import annotations

import gc

NEW_OBJECTS = 50_000


def collect_seldom() -> None:
    """Let the collector of garbage leave alone what is here now, which is large and stays, and look less often.

    What a request leaves behind goes by itself. At Python's 700 objects all that is under way is looked through again
    and again, and who asks or is answered meanwhile waits.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
