"""The one place that compiles: laws, draws and rules of people from outside, the kernel's own functions with `kernel`.

Numba keeps machine code by file and does not see edits in files that are called, so the folder in which it keeps it is
named by a hash of every source that ends up in machine code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from inspect import getmembers, isfunction
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from numba.extending import intrinsic, overload, register_jitable

from limits import (
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    level,
    pacing,
    retry_after,
    retry_budget,
    sliding_window_log,
    token_bucket,
    verdicts,
)
from scenarios import distributions, draws, metrics, people, traces, workload
from simulator import rank
from simulator.compiled import hashing

F = TypeVar("F", bound=Callable[..., Any])

_config: Any = numba.config
_types: Any = numba.types
_ir: Any = ir

INTERPRETED = bool(_config.DISABLE_JIT)
CHECKED = bool(os.environ.get("SLUICE_CHECK_BOUNDS"))

WHOLE_MODULES = (
    deadline,
    fixed_concurrency,
    fixed_window,
    gcra,
    level,
    pacing,
    retry_after,
    retry_budget,
    sliding_window_log,
    token_bucket,
    draws,
    people,
)
LOOPS: tuple[Callable[..., Any], ...] = (workload.fill, workload.into_cell, traces.fill_kept)


def _sources() -> Iterator[Path]:
    """Yield every file whose text ends up in machine code."""
    yield from sorted(Path(__file__).parent.glob("*.py"))
    for module in (*WHOLE_MODULES, verdicts, distributions, metrics, workload, traces, rank):
        assert module.__file__ is not None
        yield Path(module.__file__)


def cache_folder() -> Path:
    """Return the folder of machine code for the sources as they are now."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in _sources():
        digest.update(source.name.encode() + source.read_bytes())
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base, "sluice", digest.hexdigest()[:16])


def kernel(function: F) -> F:
    """Make a function one that compiled ones can call."""
    registered: F = register_jitable(function)
    return registered


def entry(function: F) -> F:
    """Compile a function that Python calls, when it is first called, and keep the machine code."""
    compile_it: Any = numba.njit(nogil=True, error_model="numpy", boundscheck=CHECKED, cache=not CHECKED)
    compiled: F = compile_it(function)
    return compiled


def pointer_to(array: Any) -> Any:
    """Return what a kernel reads an array through: where it begins, without its bounds."""
    return array


def _pointer_to(_: Any, array: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return _types.CPointer(array.dtype)(array), code


_as_pointer: Any = intrinsic(_pointer_to)


if CHECKED:
    register_jitable(pointer_to)
else:

    @overload(pointer_to, strict=False)
    def _of_array(array: Any) -> Any:
        return lambda array: _as_pointer(array)


def bit_length(number: int) -> int:
    """Return how many bits a number >= 0 has."""
    return number.bit_length()


def _bit_length(_: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = arguments[0].type
        return builder.sub(word(word.width), builder.ctlz(arguments[0], _ir.IntType(1)(0)))

    return _types.int64(_types.int64), code


_as_leading_zeros: Any = intrinsic(_bit_length)


@overload(bit_length, strict=False)
def _of_number(number: Any) -> Any:
    return lambda number: _as_leading_zeros(number)


def prefetch(array: Any, index: int) -> None:
    """Ask for a word that will be read soon, so that reading it does not wait for memory."""


def _prefetch(_: Any, array: Any, index: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), _ir.IntType(8).as_pointer())
        number = _ir.IntType(32)
        kind = _ir.FunctionType(_ir.VoidType(), [place.type, number, number, number])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        for_reading, to_stay, data = 0, 3, 1
        builder.call(fetch, [place, number(for_reading), number(to_stay), number(data)])
        return context.get_dummy_value()

    return _types.void(array, index), code


_as_prefetch: Any = intrinsic(_prefetch)

if CHECKED:
    register_jitable(prefetch)
else:

    @overload(prefetch, strict=False)
    def _of_pointer(array: Any, index: Any) -> Any:
        return lambda array, index: _as_prefetch(array, index)


def _functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    return (function for _, function in getmembers(module, isfunction) if function.__module__ == module.__name__)


def _register() -> None:
    for module in WHOLE_MODULES:
        for function in _functions(module):
            if function not in hashing.OWN:
                register_jitable(function)
    hashing.register()
    for function in LOOPS:
        register_jitable(function)


_config.CACHE_DIR = str(cache_folder())
_register()
