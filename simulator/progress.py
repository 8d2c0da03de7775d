"""How an engine tells how far it is, and hears that it should stop."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[int, int, int, int], None]
"""Called with (now_ns, horizon_ns, events so far, orders so far)."""

Stop = Callable[[], bool]
"""Asked often; True ends the run early, with what there is."""

OnCompiling = Callable[[str], None]
"""Called where an engine has to be compiled first, which takes long: why that cannot be kept for others, or nothing."""

BY_ANOTHER = "another process is at it, and this one waits"
"""What `OnCompiling` is told in place of that reason where nothing is compiled here."""

OnReplication = Callable[[int, int], None]
"""Called with (replications done, replications asked for)."""
