"""Legal scenarios, small and nasty: ties, zero capacity, storms, equal deadlines, and every part in every mix.

`scenarios()` draws a TOML tree. Times are mostly a few whole ms, so that many things fall on the same ns; a run has
at most MOST_ATTEMPTS attempts, the invited apart, and up to about twice as many with them. Each part is drawn by a
strategy of its own, and the plain choice stands first, so that a failure shrinks to the parts that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from scenarios import checks
from scenarios.loader import Loaded
from scenarios.model import Scenario
from scenarios.tree import flag

Tree = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
Knobs = dict[str, st.SearchStrategy[Any]]

MOST_ATTEMPTS = 300
MOST_PEOPLE = 40


def loaded(tree: Tree) -> Loaded:
    """Return a tree as the loader would from a file, or fail with all that is wrong with it."""
    scenario = Scenario.model_validate(tree)
    problems = checks.problems(scenario, flag(tree, "generated"), Fraction(1))
    assert not problems, "\n".join(map(str, problems))
    return Loaded(scenario, tree, ())


@st.composite
def scenarios(draw: Draw) -> Tree:
    """Draw a scenario."""
    horizon_ms = draw(st.sampled_from([60, 20, 200, 1200, 3000]))
    at = st.integers(0, min(horizon_ms, 60) - 1)
    tree: Tree = {
        "schema": 1,
        "name": "generated",
        "title": "A generated scenario",
        "horizon": _ms(horizon_ms),
        "bucket": _ms(draw(st.sampled_from([horizon_ms, 10, 7, 20]))),
        "world_seed": draw(st.integers(0, 3)),
    }
    people = draw(_people(at))
    tries = people["attempts"] * (1 + people.get("come_back", {}).get("times", 0))
    tree["arrivals"] = draw(_arrivals(min(MOST_PEOPLE, MOST_ATTEMPTS // tries), horizon_ms))
    tree["people"] = people
    stages = draw(st.lists(st.one_of(_server_stage(), _batching_stage()), min_size=1, max_size=3))
    tree["stages"] = [{"name": f"s{index}", **stage} for index, stage in enumerate(stages, start=1)]
    _maybe(draw, tree, "gateway", _gateway())
    if draw(st.booleans()):
        tree["street"] = draw(_street())
        _maybe(draw, tree, "kitchens", st.one_of(_clock_kitchens(), _server_kitchens()))
        _maybe(draw, tree, "couriers", st.one_of(_clock_couriers(), _server_couriers()))
    _maybe(draw, tree, "segments", _segments("street" in tree))
    _maybe(draw, tree, "admission", _admission(tree))
    _maybe(draw, tree, "invitations", _invitations())
    knobs = _knobs(tree)
    _maybe(draw, tree, "timelines", _timelines(knobs, at))
    _maybe(draw, tree, "incidents", _incidents(knobs, at))
    return tree


def _maybe(draw: Draw, tree: Tree, key: str, part: st.SearchStrategy[Any]) -> None:
    if draw(st.booleans()):
        tree[key] = draw(part)


def _table(required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Tree]:
    return st.fixed_dictionaries(required, optional=optional)


# times and counts


def _ms(ms: float) -> str:
    return f"{ms}ms"


def _durations(*ms: float) -> st.SearchStrategy[str]:
    return st.sampled_from(ms).map(_ms)


SHORT = _durations(0, 1, 2, 3, 4, 6, 8, 12)
SHARES = st.sampled_from([0.0, 1.0, 0.5, 0.3])


def _simple(values: st.SearchStrategy[Any], some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly constants; `some` are values above 0."""
    pairs = st.tuples(values, values)
    ordered = pairs.map(lambda pair: sorted(pair, key=_size))
    return st.one_of(
        values,
        values,
        values.map(lambda value: {"kind": "constant", "mean": value}),
        values.map(lambda value: {"kind": "exponential", "mean": value}),
        ordered.map(lambda pair: {"kind": "uniform", "low": pair[0], "high": pair[1]}),
        ordered.map(lambda pair: {"kind": "empirical", "quantiles": [[0, pair[0]], ["40%", pair[1]], [1, pair[1]]]}),
        st.tuples(some, st.sampled_from([0.2, 1.5])).map(
            lambda drawn: {"kind": "lognormal", "median": drawn[0], "sigma": drawn[1]}
        ),
        st.tuples(some, st.sampled_from([0.5, 2.0])).map(
            lambda drawn: {"kind": "gamma", "mean": drawn[0], "cv": drawn[1]}
        ),
    )


def _size(value: str | float) -> float:
    return float(value.removesuffix("ms")) if isinstance(value, str) else value


def _distribution(values: st.SearchStrategy[Any], some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    simple = _simple(values, some)
    part = st.fixed_dictionaries({"weight": st.sampled_from([1, 2]), "of": simple})
    mixture = st.lists(part, min_size=1, max_size=2).map(lambda parts: {"kind": "mixture", "parts": parts})
    # constants first and mostly: they tie
    return st.one_of(values, values, values, simple, mixture)


TIMES = _distribution(SHORT, _durations(1, 2, 3, 4, 6))
LONG = _distribution(_durations(10, 4, 2, 0, 20, 60, 1000), _durations(10, 4, 20))


def _counts(*values: int) -> st.SearchStrategy[Any]:
    return _distribution(st.sampled_from(values), st.sampled_from([value for value in values if value]))


# who comes


@st.composite
def _arrivals(draw: Draw, most: int, horizon_ms: int) -> Tree:
    people = draw(st.integers(1, most))
    process: Tree = draw(
        st.sampled_from([{"process": "steady"}, {"process": "poisson"}, {"process": "gamma", "cv": 3.0}])
    )
    how = draw(st.sampled_from(["spread", "at once", "twice"]))
    if how == "spread":
        gap_ms = draw(st.sampled_from([2, 1, 4, 10]))  # steady: all on whole or half ms
        end_ms = min(people * gap_ms, horizon_ms)
        rate = f"{1000 // gap_ms}/s"
        return {**process, "rate": [["0s", rate], [_ms(end_ms), rate], [f"{end_ms * 10**6 + 1}ns", "0/s"]]}
    # so many a ns: all of them within 2 ns
    crowd = {"name": "crowd", "curve": [["0s", people], ["1ns", people], ["2ns", 0]]}
    if how == "twice":
        again_ns = draw(st.integers(1, min(horizon_ms, 20) - 1)) * 10**6
        half = (people + 1) // 2
        crowd["curve"] = [["0s", half], ["2ns", 0], [f"{again_ns - 1}ns", 0], [f"{again_ns}ns", half]]
        crowd["curve"] += [[f"{again_ns + 1}ns", 0]]
    shapes = [crowd]
    if draw(st.booleans()):
        step = {"low": 1, "high": 1, "middle": "5ms", "width": "1ms"}
        shapes.append({"name": "level", "logistic": step})
    return {**process, "rate": "1000000000/s", "shapes": shapes}


@st.composite
def _people(draw: Draw, at: st.SearchStrategy[int]) -> Tree:
    people: Tree = {"timeout": draw(LONG), "attempts": draw(st.integers(1, 6)), "retry_delay": draw(TIMES)}
    return people | draw(
        _table(
            {},
            least_timeout=_durations(0, 1, 10),
            retry_delay_growth=st.sampled_from([1.0, 2.0, 100.0]),
            longest_retry_delay=_durations(4, 0, 50),
            heeds_retry_after=st.booleans(),
            patience=LONG,
            kinds=_kinds(),
            come_back=_table(
                {"probability": SHARES, "delay": TIMES, "times": st.integers(0, 2)},
            ),
            store_retry_delay=TIMES,
            resignation=st.lists(at, max_size=2, unique=True).flatmap(
                lambda instants: st.tuples(*(st.tuples(st.just(_ms(ms)), SHARES).map(list) for ms in sorted(instants)))
            ).map(list),
        )
    )


@st.composite
def _kinds(draw: Draw) -> list[Tree]:
    shares = draw(st.sampled_from([[1.0], [0.5, 0.5], [0.0, 1.0]]))
    own = _table({}, patience=LONG, retry_delay=TIMES)
    return [{"name": f"k{index}", "share": share, **draw(own)} for index, share in enumerate(shares)]


@st.composite
def _segments(draw: Draw, has_zones: bool) -> list[Tree]:
    shares = draw(st.sampled_from([[1.0], [0.5, 0.5], [0.25, 0.75], [0.2, 0.3, 0.5]]))
    segments = [{"name": f"g{index}", "share": share} for index, share in enumerate(shares)]
    own = draw(st.integers(0, len(segments))) if has_zones else 0
    for segment in segments[:own]:
        segment["zones"] = 1.0 / own
    return segments


def _invitations() -> st.SearchStrategy[Tree]:
    means = st.sampled_from([0.5, 0.0, 0.2])
    return _table({"mean": means, "delay": TIMES}, after=st.sampled_from(["placed", "delivered"]))


# what they meet


def _gateway() -> st.SearchStrategy[Tree]:
    return _table(
        {"servers": st.sampled_from([1, 2, 3])}, admit=TIMES, refuse=TIMES, queue_limit=LIMITS, deadline=st.booleans()
    )


LIMITS = st.sampled_from([1000, 0, 1, 2, 5])
SLOWDOWNS = st.sampled_from([1.0, 2.0, 0.5, 1.3, 0.001])
DISCIPLINES = st.sampled_from(["fifo", "lifo"])


def _server_stage() -> st.SearchStrategy[Tree]:
    return _table(
        {"servers": st.sampled_from([1, 0, 2, 3]), "service": TIMES},
        per_busy=SHORT,
        queue_limit=LIMITS,
        discipline=DISCIPLINES,
        deadline=st.booleans(),
        network_delay=TIMES,
        shards=st.sampled_from([1, 2, 3]),
        budget=st.sampled_from([0, 1, 3, 10]),
        failure=SHARES,
        slowdown=SLOWDOWNS,
    )


REPLICAS = st.sampled_from([1, 0, 2, 0.5, 1.4, 2.25, 0.000001])


def _batching_stage() -> st.SearchStrategy[Tree]:
    return _table(
        {
            "kind": st.just("batching"),
            "replicas": REPLICAS,
            "prompt": _counts(0, 1, 3, 8, 30),
            "output": _counts(1, 0, 2, 3, 7),
            "step": _durations(1, 0, 2, 0.5),
            "slots": st.sampled_from([1, 2, 4]),
            "step_tokens": st.sampled_from([1, 4, 7, 64]),
        },
        step_per_sequence=_durations(0, 1, 0.25),
        step_per_context_token=st.sampled_from(["0s", "1us", "333ns", "1ps"]),
        step_per_prefill_token=_durations(0, 0.1, 1),
        step_with_prefill=_durations(0, 1),
        kv_tokens=st.sampled_from([1, 6, 12, 40]),
        gate_steps=st.sampled_from([0, 1, 3, 50]),
        reported_delay=_durations(0, 1, 5),
        kv_mode=st.sampled_from(["reserve", "peak"]),
        reserve_milli=st.sampled_from([1000, 0, 500, 333]),
        queue_limit=LIMITS,
        discipline=DISCIPLINES,
        deadline=st.booleans(),
        network_delay=TIMES,
        failure=SHARES,
        slowdown=SLOWDOWNS,
    )


# laws


@st.composite
def _admission(draw: Draw, tree: Tree) -> list[Tree]:
    keys = ["global", "person"] + ["segment"] * ("segments" in tree) + ["zone"] * ("street" in tree)
    inside = ["gateway", *(f"stage:{stage['name']}" for stage in tree["stages"])]
    laws = draw(st.lists(_law(inside), min_size=1, max_size=5))
    key = st.sampled_from(keys)
    return [{"name": f"l{index}", "key": draw(key), **law} for index, law in enumerate(laws)]


RATES = st.sampled_from(["100/s", "0/s", "1/s", "500/s", "1000/s", "33/s"])
RATES_OR_OFF = st.one_of(RATES, st.just("off"))
WINDOW_LIMITS = st.sampled_from([1, 0, 2, 5])
SLOTS = st.sampled_from([1, 0, 2, 10])


def _law(inside: Sequence[str]) -> st.SearchStrategy[Tree]:
    within, anywhere, client = st.sampled_from(inside), st.sampled_from([*inside, "client"]), st.just("client")
    return st.one_of(
        _table(
            {"at": anywhere, "law": st.sampled_from(["token_bucket", "gcra"]), "rate": RATES_OR_OFF},
            burst=st.sampled_from([1, 2, 5]),
        ),
        _table(
            {
                "at": anywhere,
                "law": st.sampled_from(["fixed_window", "sliding_window_log"]),
                "limit": WINDOW_LIMITS,
                "window": _durations(10, 1, 4, 1000),
            }
        ),
        _table({"at": within, "law": st.just("fixed_concurrency"), "limit": SLOTS}),
        _table({"at": within, "law": st.just("deadline")}, least_left=SHORT),
        _table({"at": within, "law": st.just("pacing"), "rate": RATES}, longest_wait=_durations(0, 4, 10, 100)),
        _table(
            {"at": client, "law": st.just("retry_budget")},
            earn=SHARES,
            earn_on=st.sampled_from(["call", "success"]),
            cap=st.sampled_from([1, 1.5, 5]),
        ),
    )


# the street


def _street() -> st.SearchStrategy[Tree]:
    return _table(
        {"zones": st.sampled_from([1, 2, 3]), "stores_per_zone": st.sampled_from([1, 2, 3])},
        zone_demand=_distribution(st.sampled_from([1, 2]), st.sampled_from([1, 2])),
        popularity=st.sampled_from([0, 0.8, 10]),
        repicks=st.sampled_from([0, 1, 5]),
        repick_probability=SHARES,
    )


_KITCHENS = {
    "cups": _counts(1, 2, 3),
    "pause_backlog": _counts(2, 1, 0, 5),
    "reopen_share": SHARES,
    "finishing": SHORT,
    "slowdown": SLOWDOWNS,
    "closed": SHARES,
}


def _clock_kitchens() -> st.SearchStrategy[Tree]:
    a_cup = _counts(3_600_000, 900_000, 1_800_000, 0, 10**12)  # 1 ms, 4 ms, 2 ms, a year, 1 ns
    return _table({"kind": st.just("clock"), "cups_per_hour": a_cup}, share=SHARES, **_KITCHENS)


def _server_kitchens() -> st.SearchStrategy[Tree]:
    required = {"kind": st.just("servers"), "makers": _counts(1, 0, 2), "make": TIMES}
    return _table(required, batch=st.sampled_from([1, 2, 5]), **_KITCHENS)


@st.composite
def _promise(draw: Draw) -> Tree:
    promise_ms = draw(st.sampled_from([10, 0, 4, 30]))
    return {"promise": _ms(promise_ms), "cancel_after": _ms(promise_ms + draw(st.sampled_from([10, 0, 2, 100])))}


@st.composite
def _clock_couriers(draw: Draw) -> Tree:
    own = _table(
        {"kind": st.just("clock"), "rate": st.sampled_from(["500/s", "1000/s", "100/s", "10/s"]), "trip": TIMES},
        demand_exponent=st.sampled_from([0.5, 0, 1]),
        slowdown=SLOWDOWNS,
    )
    return {**draw(own), **draw(_promise())}


@st.composite
def _server_couriers(draw: Draw) -> Tree:
    times = {"pickup": TIMES, "travel": TIMES, "dropoff": TIMES}
    own = _table(
        {"kind": st.just("servers"), "per_zone": _counts(1, 0, 2), **times},
        carry=st.sampled_from([1, 2, 4]),
        slowdown=SLOWDOWNS,
    )
    return {**draw(own), **draw(_promise())}


# knobs


def _knobs(tree: Tree) -> Knobs:
    """Every knob of a scenario, and the values that it may take; those it has already are among them."""
    knobs: Knobs = {}
    for stage in tree["stages"]:
        path = f"stages.{stage['name']}"
        if stage.get("kind") == "batching":
            knobs[f"{path}.replicas"] = REPLICAS
        else:
            knobs[f"{path}.servers"] = st.sampled_from([0, 1, 2, 5])
            knobs[f"{path}.slowdown"] = SLOWDOWNS
        knobs[f"{path}.queue_limit"] = LIMITS
        knobs[f"{path}.failure"] = SHARES
    if "gateway" in tree:
        knobs["gateway.servers"] = st.sampled_from([0, 1, 2, 5])
    for law in tree.get("admission", []):
        if law["law"] in ("token_bucket", "gcra"):
            knobs[f"admission.{law['name']}.rate"] = RATES_OR_OFF
        elif law["law"] == "pacing":
            knobs[f"admission.{law['name']}.rate"] = RATES
        elif "limit" in law:
            knobs[f"admission.{law['name']}.limit"] = SLOTS
    if "kitchens" in tree:
        knobs |= {"kitchens.slowdown": SLOWDOWNS, "kitchens.closed": SHARES}
    if "couriers" in tree:
        knobs["couriers.slowdown"] = SLOWDOWNS
    return knobs


@st.composite
def _timelines(draw: Draw, knobs: Knobs, at: st.SearchStrategy[int]) -> list[Tree]:
    turned = draw(st.lists(st.sampled_from(sorted(knobs)), min_size=1, max_size=3, unique=True))
    timelines = []
    for index, knob in enumerate(turned):
        instants = draw(st.lists(at, min_size=1, max_size=3, unique=True))
        steps = [[_ms(ms), draw(knobs[knob])] for ms in sorted(instants)]
        timelines.append({"name": f"t{index}", "knob": knob, "steps": steps})
    return timelines


@st.composite
def _incidents(draw: Draw, knobs: Knobs, at: st.SearchStrategy[int]) -> list[Tree]:
    lengths = _durations(2, 1, 4, 10, 1000)
    incidents = []
    for index in range(draw(st.integers(1, 3))):
        turned = draw(st.lists(st.sampled_from(sorted(knobs)), min_size=1, max_size=2, unique=True))
        values = {knob: draw(knobs[knob]) for knob in turned}
        incidents.append({"name": f"i{index}", "at": _ms(draw(at)), "for": draw(lengths), "set": values})
    return incidents
