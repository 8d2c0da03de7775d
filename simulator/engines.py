"""The engines by name, and which one runs unless another is asked for. Imports nothing: the command line reads it."""

from __future__ import annotations

from typing import Literal

Engine = Literal["compiled", "simpy"]

ENGINES: tuple[Engine, ...] = ("compiled", "simpy")
DEFAULT: Engine = "compiled"
