"""Results go to stdout, and nothing else does; everything about the run goes to stderr."""

from __future__ import annotations

import os
import sys

from sluice.exits import UserError


def result(text: str) -> None:
    """Write a result to stdout. Nobody reading any more (`| head`) is no error; a full disk is."""
    if sys.stdout is None:  # closed by whoever started us: they want no result
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
    except OSError as error:
        discard_stdout()
        raise UserError(f"stdout: {error.strerror}; make room, or write the result elsewhere") from None
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode("utf-8"))  # the C locale of a bare container
        sys.stdout.buffer.flush()


def discard_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's own last flush is quiet too."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def note(text: str) -> None:
    """Say something about the run on stderr; where nobody can hear it, go on."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, UnicodeEncodeError):
        return
