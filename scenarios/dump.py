"""A resolved scenario as a TOML text that loads back to the same scenario, without the files it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w


def toml_text(resolved: Mapping[str, Any]) -> str:
    """Return a resolved tree (`Loaded.resolved`) as TOML."""
    return tomli_w.dumps(resolved)
