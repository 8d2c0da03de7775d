"""The hashes of `scenarios.draws` for machine code: the same bits, with sums and products that may pass 64 bits.

Compiled as they are written they would add and multiply signed numbers, and signed overflow has no meaning in machine
code: LLVM takes it that it cannot happen, and where it can prove that it does (the want of somebody invited is at least
2**62), it computes what it likes. Unsigned numbers wrap. `tests/test_draws.py` compares a million keys with the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload, register_jitable

from scenarios import draws

_FIRST = np.uint64(0xBF58_476D_1CE4_E5B9)
_SECOND = np.uint64(0x94D0_49BB_1331_11EB)
_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
_STREAM_STEP = np.uint64(0xD1B5_4A32_D192_ED03)
_ATTEMPT_STEP = np.uint64(0x8CB9_2BA7_2F3D_8DD7)
_2, _11, _27, _30, _31 = (np.uint64(bits) for bits in (2, 11, 27, 30, 31))
_TO_UNIT = 2.0**-53
_INVITED_FROM = 2**62


def _mixed(word: Any) -> Any:
    word = (word ^ (word >> _30)) * _FIRST
    word = (word ^ (word >> _27)) * _SECOND
    return word ^ (word >> _31)


def _mix64(x: int) -> Any:
    return np.int64(_mixed(np.uint64(x)))


def _key(seed: int, stream: int, want: int, attempt: int) -> Any:
    of_stream = _mixed(np.uint64(seed) + np.uint64(stream) * _STREAM_STEP)
    return np.int64(_mixed(of_stream + np.uint64(want) * _GOLDEN + np.uint64(attempt) * _ATTEMPT_STEP))


def _uniform(key: int, k: int) -> Any:
    return np.float64(_mixed(np.uint64(key) + np.uint64(k) * _GOLDEN) >> _11) * _TO_UNIT


def _invited(want: int, k: int) -> Any:
    return _INVITED_FROM | np.int64(_mixed(_mixed(np.uint64(want)) + np.uint64(k)) >> _2)


OWN: dict[Callable[..., Any], Callable[..., Any]] = {
    draws.mix64: _mix64,
    draws.key: _key,
    draws.uniform: _uniform,
    draws.invited: _invited,
}
"""What stands in machine code for each function that hashes."""


def register() -> None:
    """Let compiled functions call these hashes by the names of the others."""
    register_jitable(_mixed)
    for function, own in OWN.items():
        overload(function, strict=False)(_chooser(own))


def _chooser(own: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*arguments: Any, **named: Any) -> Callable[..., Any]:
        return own

    return choose
