"""The live stack: a gateway, an upstream that hosts the reference model in real time, and a ledger (docs/live.md)."""

from importlib.util import find_spec

_missing = [
    name for name in ("httptools", "prometheus_client", "sqlalchemy", "uvicorn", "uvloop") if not find_spec(name)
]
if _missing:
    raise ImportError(f"the live stack needs {', '.join(_missing)}: pip install 'sluice[live]'")
