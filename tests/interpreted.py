"""What tests do otherwise where the engine is interpreted (`make interpreted`), which is a hundred times slower.

Each runs at the smallest size that still shows what it is about. One is left out only where no such size is left.
"""

from __future__ import annotations

from typing import TypeVar

import pytest

from simulator.compiled.jit import INTERPRETED

T = TypeVar("T")

AT_SIZE = "takes many minutes, and is about what the engine does, not how it is executed"


def compiled_only(reason: str) -> pytest.MarkDecorator:
    """Leave a test out where the engine is interpreted."""
    return pytest.mark.skipif(INTERPRETED, reason=reason)


def sized(compiled: T, interpreted: T) -> T:
    """Return the size for how the engine is executed."""
    return interpreted if INTERPRETED else compiled
