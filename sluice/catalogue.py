"""`sluice list`: the scenarios that come with Sluice."""

from __future__ import annotations

import json

import click

from sluice import options
from sluice.console import result
from sluice.exits import Exit


@click.command(name="list")
@options.form
def catalogue(form: str) -> Exit:
    """List the scenarios that come with Sluice, by name."""
    from scenarios import loader

    entries = loader.catalogue()
    if form == "json":
        listed = [{"name": entry.name, "title": entry.title} for entry in entries]
        result(json.dumps(listed, indent=2, ensure_ascii=False) + "\n")
    else:
        width = max((len(entry.name) for entry in entries), default=0)
        result("".join(f"{entry.name:{width}}  {entry.title}\n" for entry in entries))
    return Exit.PASS
