"""Options that several commands share, and how their values are read. A flag wins over its SLUICE_ variable."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

ENGINES = ("simpy",)
LARGEST_SEED = 2**63 - 1

_SCALE = re.compile(r"(\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)(%)?|(\d{1,30})/(\d{1,30})")


class Scale(click.ParamType[Fraction]):
    """A part or a multiple of the scenario's size, kept exact: 0.01, 1/100, 1% or 2."""

    name = "scale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Return the exact scale, or refuse what is no number; how large it may be, `scenarios.scale` says."""
        match = _SCALE.fullmatch(str(value).strip())
        if match is None or (match[4] and not int(match[4])):
            self.fail(f"{str(value)[:60]!r} is not a scale; write it like 0.01, 1/100 or 2", param, ctx)
        number, percent, over, under = match.groups()
        return Fraction(int(over), int(under)) if under else Fraction(number) / (100 if percent else 1)


scenario = click.argument("scenario", metavar="SCENARIO")
sets = click.option(
    "--set", "sets", metavar="KEY=VALUE", multiple=True, help="Override one value of the scenario; may be repeated."
)


def of_a_run(command: Command) -> Command:
    """Give a command the options of a simulated run."""
    for option in reversed(
        (
            scenario,
            click.option(
                "--engine",
                type=click.Choice(ENGINES),
                default=ENGINES[0],
                show_default=True,
                envvar="SLUICE_ENGINE",
                show_envvar=True,
                help="What simulates.",
            ),
            click.option(
                "--scale",
                type=Scale(),
                default="1",
                show_default=True,
                envvar="SLUICE_SCALE",
                show_envvar=True,
                help="The size: 0.01 is a hundredth of all people and all capacity.",
            ),
            click.option(
                "--seed",
                type=click.IntRange(0, LARGEST_SEED),
                default=1,
                show_default=True,
                envvar="SLUICE_SEED",
                show_envvar=True,
                help="The same seed gives the same run, to the byte.",
            ),
            sets,
            click.option(
                "--out",
                type=click.Path(path_type=Path),
                default="runs",
                show_default=True,
                envvar="SLUICE_OUT",
                show_envvar=True,
                help="Where the folder of the run is made.",
            ),
            click.option(
                "--format",
                "form",
                type=click.Choice(("text", "json")),
                default="text",
                show_default=True,
                help="How the result on stdout is written.",
            ),
            click.option("--trace", is_flag=True, help="Keep a row for every order and every attempt."),
            click.option("--report", "with_report", is_flag=True, help="Draw report.html too."),
            click.option("--quiet", is_flag=True, help="No progress on stderr."),
        )
    ):
        command = option(command)
    return command
