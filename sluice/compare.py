"""`sluice compare`: two variants under the same seeds, and whether the second is worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sluice import options
from sluice.console import note, result
from sluice.exits import Exit, UserError, gravest

if TYPE_CHECKING:
    from scenarios.model import Scenario
    from simulator.comparison import Comparison, Direction, Judgement
    from simulator.replications import Replications
    from sluice.rehearsal import Asked

VERDICTS = {
    "worse": Exit.REGRESSION,
    "not worse": Exit.PASS,
    "unclear": Exit.PASS,
    "no interval": Exit.INCONCLUSIVE,
}
FIXED_BY_A_FOLDER = ("scale", "seed", "replications")
Named = tuple[str, "Direction"]


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--metric", "metrics", metavar="NAME", multiple=True, help="A figure in which B must not be worse.")
@click.option(
    "--tolerance",
    type=options.Tolerance(),
    default="0%",
    show_default=True,
    help="How much worse B may be, of A's mean.",
)
@options.engine
@options.scale
@options.seed
@options.replications(5)
@options.workers
@options.confidence
@options.sets
@options.out
@options.form
@options.quiet
@click.pass_context
def compare(
    context: click.Context,
    /,
    a: str,
    b: str,
    metrics: tuple[str, ...],
    tolerance: float,
    confidence: float,
    **asked: Any,
) -> Exit:
    """Compare two variants, seed by seed; A is the baseline.

    Each is a scenario, or the folder of a run. A scenario beside a folder runs with the folder's seeds and scale, and
    --set is for it alone. Exits 4 where B is worse by more than --tolerance, with all of the interval, in a --metric
    (without one: in the metrics of the gates); 5 where there is no interval to judge by.
    """
    from reports.replications import comparison_text
    from simulator import comparison
    from simulator.summary import as_json
    from sluice.rehearsal import Asked

    kept = _kept(a, b)
    if kept:
        _refuse_what_is_fixed(context, kept)
    wanted = _like(Asked(scenario="", trace=False, with_report=False, confidence=confidence, **asked), kept)
    named = _named(metrics, *(_scenario(name, wanted, kept) for name in (a, b)))  # before anything is run
    codes, both = [], []
    for name in (a, b):
        runs, code = (kept[name], Exit.PASS) if name in kept else _run(name, wanted)
        codes.append(code)
        if runs is None or code is Exit.INTERRUPTED:
            return gravest(*codes)
        both.append(runs)
    try:
        found = comparison.compare(*both, confidence=confidence)
    except ValueError as error:
        raise UserError(f"{a}, {b}: {error}") from error
    judged = [_judged(found, name, better, tolerance) for name, better in named]
    content = comparison.content(a, b, found, judged)
    result(as_json(content) if wanted.form == "json" else comparison_text(content, both[1].scenario))
    for one in judged:
        if one.verdict == "no interval":
            note(f"inconclusive: {one.name}: too few replications of both have a value")
    return gravest(*codes, *(VERDICTS[one.verdict] for one in judged))


def _judged(found: Comparison, name: str, better: Direction, tolerance: float) -> Judgement:
    from simulator.comparison import judge

    difference = found.of(name)
    assert difference is not None  # _named has looked it up in both
    return judge(difference, better=better, tolerance=tolerance, seeds=len(found.seeds))


def _kept(*names: str) -> dict[str, Replications]:
    """Read those that are folders of runs."""
    from simulator import replications_file
    from sluice.rehearsal import explained

    with explained():
        return {name: replications_file.read(Path(name)) for name in names if Path(name).is_dir()}


def _refuse_what_is_fixed(context: click.Context, kept: dict[str, Replications]) -> None:
    fixed = FIXED_BY_A_FOLDER if len(kept) == 1 else (*FIXED_BY_A_FOLDER, "sets")
    for option in fixed:
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            flag = "--set" if option == "sets" else f"--{option}"
            raise UserError(f"{flag}: {next(iter(kept))} has been run already and says it; leave the option out")


def _like(wanted: Asked, kept: dict[str, Replications]) -> Asked:
    """What is run beside a folder has its scale and its seeds, which are in one row."""
    if len(kept) != 1:
        return wanted
    (runs,) = kept.values()
    first, last = min(runs.seeds), max(runs.seeds)
    scale = Fraction(str(runs.scale))
    return replace(wanted, scale=scale, seed=first, replications=last - first + 1)


def _scenario(name: str, wanted: Asked, kept: dict[str, Replications]) -> Scenario:
    from sluice.rehearsal import load

    return kept[name].scenario if name in kept else load(replace(wanted, scenario=name)).scenario


def _run(name: str, wanted: Asked) -> tuple[Replications | None, Exit]:
    from sluice.replicated import replicated

    done = replicated(replace(wanted, scenario=name))
    return (None, Exit.INTERRUPTED) if done is None else (done.runs, done.code)


def _named(asked: Sequence[str], a: Scenario, b: Scenario) -> list[Named]:
    """Return the figures to judge, and which way is better: of --metric, or of the gates of both."""
    from scenarios import metrics
    from scenarios.errors import did_you_mean

    theirs = set(metrics.names(a)) & set(metrics.names(b))
    named: dict[str, Direction] = {}
    for name in asked:
        if name not in theirs:
            raise UserError(f"--metric {name}: is not a figure of both{did_you_mean(name, theirs)}")
        found = metrics.find(name, a)
        if found is None or found.better is None:
            raise UserError(f"--metric {name}: neither more nor less of it is better; name another")
        named[name] = found.better
    for gate in () if asked else (*a.gates, *b.gates):
        found = metrics.find(gate.metric, a)
        better = "lower" if gate.min is None else "higher" if gate.max is None else found.better if found else None
        if gate.metric not in theirs or better is None:
            note(f"not judged: {gate.metric} of gate {gate.name}: both must have it, and one way must be better")
        else:
            named.setdefault(gate.metric, better)
    return list(named.items())
