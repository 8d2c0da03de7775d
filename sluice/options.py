"""Options that several commands share, and how their values are read. A flag wins over its SLUICE_ variable."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from simulator.engines import DEFAULT, ENGINES

Command = TypeVar("Command", bound=Callable[..., Any])

LARGEST_SEED = 2**63 - 1
MOST_REPLICATIONS = 1000
MOST_WORKERS = 256

_SCALE = re.compile(r"(\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)(%)?|(\d{1,30})[/:](\d{1,30})")


class Whole(click.ParamType[int]):
    """A whole number within bounds."""

    name = "number"

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or refuse what is none or out of bounds."""
        try:
            number = int(value)
        except ValueError:
            number = self.least - 1
        if not self.least <= number <= self.most:
            self.fail(f"{str(value)[:60]!r} is not a whole number from {self.least} to {self.most}", param, ctx)
        return number


class Scale(click.ParamType[Fraction]):
    """A part or a multiple of the scenario's size, kept exact: 0.01, 1/100, 1:100, 1% or 2."""

    name = "scale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Return the exact scale, or refuse what is no number; how large it may be, `scenarios.scale` says."""
        match = _SCALE.fullmatch(str(value).strip())
        if match is None or (match[4] and not int(match[4])):
            self.fail(f"{str(value)[:60]!r} is not a scale; write it like 0.01, 1/100 or 2", param, ctx)
        number, percent, over, under = match.groups()
        return Fraction(int(over), int(under)) if under else Fraction(number) / (100 if percent else 1)


class Instant(click.ParamType[int]):
    """A time from the start of the run: 4h or 2h35m."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time in ns."""
        from scenarios.units import duration_ns

        try:
            return duration_ns(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Confidence(click.ParamType[float]):
    """How sure an interval is: 95% or 0.95."""

    name = "confidence"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share, or refuse what no interval can have."""
        share = float(Scale().convert(value, param, ctx))
        if not 0.5 <= share <= 0.9999:
            self.fail(f"{str(value)[:60]!r} is not from 50% to 99.99%; write it like 95%", param, ctx)
        return share


class Tolerance(click.ParamType[float]):
    """A share of the baseline's mean: 2% or 0.02."""

    name = "tolerance"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share."""
        return float(Scale().convert(value, param, ctx))


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


scenario = click.argument("scenario", metavar="SCENARIO")
sets = click.option(
    "--set",
    "sets",
    metavar="KEY=VALUE",
    multiple=True,
    help='Override one value of the scenario; may be repeated. It wins over the variable SLUICE_SET="a.b=1;c.d=2".',
)
engine = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default=DEFAULT,
    show_default=True,
    envvar="SLUICE_ENGINE",
    show_envvar=True,
    help="What simulates: the compiled engine, or the reference in SimPy, which gives the same figures more slowly.",
)
scale = click.option(
    "--scale",
    type=Scale(),
    default="1",
    show_default=True,
    envvar="SLUICE_SCALE",
    show_envvar=True,
    help="The size: 0.01 is a hundredth of all people and all capacity.",
)
seed = click.option(
    "--seed",
    type=Whole(0, LARGEST_SEED),
    default=1,
    show_default=True,
    envvar="SLUICE_SEED",
    show_envvar=True,
    help="The same seed gives the same people, and a simulation to the byte.",
)
workers = click.option(
    "--workers",
    type=Whole(1, MOST_WORKERS),
    default=usable_cores,
    show_default="one a core",
    envvar="SLUICE_WORKERS",
    show_envvar=True,
    help="How many replications run at once; each needs the memory of a run. It changes no figure.",
)
confidence = click.option(
    "--confidence", type=Confidence(), default="95%", show_default=True, help="How sure the intervals are."
)
out = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="runs",
    show_default=True,
    envvar="SLUICE_OUT",
    show_envvar=True,
    help="Where the folder of the run is made.",
)
form = click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How the result on stdout is written.",
)
trace = click.option("--trace", is_flag=True, help="Keep a row for every order and every attempt.")
with_report = click.option("--report", "with_report", is_flag=True, help="Draw report.html too.")
until = click.option(
    "--until",
    "until_ns",
    type=Instant(),
    help="End the run at this time from its start, such as 4h, before what happens at it.",
)
save = click.option(
    "--save-snapshot",
    "save",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the run as it is at its end (see --until) into a new file, to go on from.",
)
begin = click.option(
    "--from-snapshot",
    "begin",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Go on from a snapshot: it brings scenario, seed, scale and whether there are traces.",
)
quiet = click.option("--quiet", is_flag=True, help="No progress on stderr.")


def replications(default: int) -> Callable[[Command], Command]:
    """Give a command the option of how many seeds to run."""
    return click.option(
        "--replications",
        type=Whole(1, MOST_REPLICATIONS),
        default=default,
        show_default=True,
        envvar="SLUICE_REPLICATIONS",
        show_envvar=True,
        help="Runs with seeds N, N+1, ...: from 2 on, every figure has an interval.",
    )


def of_a_run(command: Command) -> Command:
    """Give a command the options of a simulated run."""
    return scenario(_of_any_run(command))


def of_a_part(command: Command) -> Command:
    """Give a command the options of a simulated run that may end early, be saved, and go on."""
    for option in (begin, save, until):
        command = option(command)
    return click.argument("scenario", metavar="SCENARIO", required=False)(_of_any_run(command))


def _of_any_run(command: Command) -> Command:
    several = (replications(1), workers, confidence)
    for option in reversed((engine, scale, seed, *several, sets, out, form, trace, with_report, quiet)):
        command = option(command)
    return command
