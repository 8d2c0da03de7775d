"""The one place that compiles: laws, draws and rules of people from outside, the kernel's own functions with `kernel`.

Machine code is kept from one run to the next (`machine_code`); `have` loads it, or compiles it all.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from inspect import get_annotations, getmembers, isfunction, ismodule
from types import ModuleType
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba.core import event
from numba.core.errors import NumbaError
from numba.extending import intrinsic, overload, register_jitable

from limits import laws, retry_after
from scenarios import draws, people, traces, workload
from simulator.compiled import hashing, machine_code
from simulator.progress import BY_ANOTHER, OnCompiling

F = TypeVar("F", bound=Callable[..., Any])

_config: Any = numba.config
_types: Any = numba.types
_ir: Any = ir

_NO_WRAPPER: Any = {"no_cfunc_wrapper": True}
"""Nobody calls a callee through a C pointer; compiling that wrapper too would take a fifth of the time."""

INTERPRETED = bool(_config.DISABLE_JIT)
CHECKED = bool(os.environ.get("SLUICE_CHECK_BOUNDS"))
FOLDER, NOT_KEPT = (None, "SLUICE_CHECK_BOUNDS is set") if INTERPRETED or CHECKED else machine_code.folder()
"""Where machine code is kept; None where it is not, and why."""

WHOLE_MODULES = (*laws.MODULES.values(), *laws.BESIDE, retry_after, draws, people)
LOOPS: tuple[Callable[..., Any], ...] = (workload.fill, workload.into_cell, traces.fill_kept)

_entries: list[tuple[Any, tuple[Any, ...]]] = []
_INTS, _FLOATS = _types.int64[::1], _types.float64[::1]
_TYPES = {
    "int": _types.int64,
    "float": _types.float64,
    "bool": _types.boolean,
    "Words": _INTS,
    "MutableSequence[int]": _INTS,
    "Any": _INTS,
    "Numbers": _FLOATS,
    "Sequence[float]": _FLOATS,
}
"""What an annotation of an entry is to the compiler; an array of any other kind Python hands to none."""


def kernel(function: F) -> F:
    """Make a function one that compiled ones can call."""
    registered: F = register_jitable(**_NO_WRAPPER)(function)
    return registered


def entry(function: F) -> F:
    """Make a function one that Python calls, compiled for the types of its annotations and for no others."""
    compile_it: Any = numba.njit(nogil=True, error_model="numpy", boundscheck=CHECKED, cache=FOLDER is not None)
    compiled: F = compile_it(function)
    if not INTERPRETED:
        annotations = get_annotations(function)
        annotations.pop("return")
        _entries.append((compiled, tuple(_TYPES[annotation] for annotation in annotations.values())))
    return compiled


class _Compiling(event.Listener):
    """Tells once that something is compiled, which takes long, and not loaded."""

    def __init__(self, tell: OnCompiling) -> None:
        self.tell, self.told = tell, False

    def on_start(self, _: Any) -> None:
        if not self.told:
            self.told = True
            self.tell(NOT_KEPT)

    def on_end(self, _: Any) -> None:
        pass


def have(on_compiling: OnCompiling) -> None:
    """Load the machine code of every entry, or compile it; where another process does, wait for that.

    After that nothing is compiled any more: who calls an entry with other types gets a TypeError.
    """
    compiling = _Compiling(on_compiling)
    waiting = machine_code.alone(FOLDER, lambda: on_compiling(BY_ANOTHER))
    with waiting, event.install_listener("numba:compile", compiling):
        for compiled, types in _entries:
            if not compiled.signatures:
                _load_or_compile(compiled, types)
                compiled.disable_compile()
    if compiling.told and FOLDER is not None:
        machine_code.prune(FOLDER)


def _load_or_compile(compiled: Any, types: tuple[Any, ...]) -> None:
    try:
        compiled.compile(types)
    except NumbaError:
        raise
    except Exception:
        if compiled.signatures:  # compiled, but the disk is full
            return
        if FOLDER is None:
            raise
        shutil.rmtree(FOLDER, ignore_errors=True)  # what is kept cannot be read
        compiled.compile(types)


def pointer_to(array: Any) -> Any:
    """Return what a kernel reads an array through: where it begins, without its bounds."""
    return array


def _pointer_to(_: Any, array: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return _types.CPointer(array.dtype)(array), code


_as_pointer: Any = intrinsic(_pointer_to)


if CHECKED:
    kernel(pointer_to)
else:

    @overload(pointer_to, strict=False, jit_options=_NO_WRAPPER)
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


@overload(bit_length, strict=False, jit_options=_NO_WRAPPER)
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
    kernel(prefetch)
else:

    @overload(prefetch, strict=False, jit_options=_NO_WRAPPER)
    def _of_pointer(array: Any, index: Any) -> Any:
        return lambda array, index: _as_prefetch(array, index)


def _register() -> None:
    modules = list(WHOLE_MODULES)
    for module in modules:
        for function in _functions(module):
            home = sys.modules[function.__module__]
            if home is module and function not in hashing.OWN:
                kernel(function)
            elif home not in modules and _is_of_limits(home):
                modules.append(home)  # laws share its functions
        modules += [used for _, used in getmembers(module, ismodule) if used not in modules and _is_of_limits(used)]
    hashing.register()
    for loop in LOOPS:
        kernel(loop)


def _is_of_limits(module: ModuleType) -> bool:
    return module.__name__.startswith("limits.")


def _functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    return (function for _, function in getmembers(module, isfunction))


if FOLDER is not None:
    _config.CACHE_DIR = str(FOLDER)
    _config.CACHE_LOCATOR_CLASSES = "UserProvidedCacheLocator"  # nowhere else, where it would outlive its sources
_register()
