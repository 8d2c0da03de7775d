"""What a benchmark of the live stack keeps: its JSON, with what an earlier run found, and the page made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine


def begun(file: Path, names: Sequence[str], of: str, other: str) -> dict[str, Any]:
    """Return the content to go on with: rows and another part; with `names`, what is in the file of any other `of`."""
    content: dict[str, Any] = {"rows": [], other: []}
    if names and file.exists():
        content = json.loads(file.read_text("utf-8"))
        content["rows"] = [one for one in content["rows"] if one[of] not in names]
    content["date_utc"] = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    content["machine"] = machine()
    file.parent.mkdir(parents=True, exist_ok=True)
    return content


def write(file: Path, content: Mapping[str, Any], page: Callable[[Mapping[str, Any]], str]) -> None:
    """Write the JSON and, beside it, the page."""
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    file.with_suffix(".md").write_text(page(content), "utf-8")


def measured_on(content: Mapping[str, Any]) -> str:
    """Say when and on what the last of it was measured."""
    told = content["machine"]
    return (
        f"Measured {content['date_utc'][:10]} on {told['cores']} cores of {told['processor']}; load average before: "
        f"{told['load_before'][0]:g}."
    )


def line(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def head(cells: Sequence[str]) -> list[str]:
    """Return the head of a table."""
    return [line(cells), line(["---"] * len(cells))]
