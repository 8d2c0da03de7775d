"""Draws the report of a run into its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sluice.exits import UserError

if TYPE_CHECKING:
    from simulator.results import RunResult


def prepare() -> None:
    """Refuse now, and not after a long run, where what draws is not installed."""
    from reports.run import MissingLibrary

    try:
        import reports.plots  # noqa: F401
    except MissingLibrary as error:
        raise UserError(str(error)) from error


def draw(run: RunResult, folder: Path) -> Path:
    """Write report.html into the folder of a run and return its path."""
    prepare()
    from reports.html import html

    page = folder / "report.html"
    try:
        page.write_text(html(run), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{page}: cannot be written: {error.strerror}; make room, or use another folder") from error
    return page
