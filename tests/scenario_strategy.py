"""Legal scenarios, small and nasty: ties, zero capacity, storms, equal deadlines, and every part in every mix.

`scenarios()` draws a TOML tree, which `loaded` makes ready to run; in place of the name of a trace it holds the text of
the file, so that it says all there is to say. Times are mostly a few whole ms, so that many things
fall on the same ns. About MOST_ATTEMPTS attempts at most are expected, the invited apart. Each part is drawn by a
strategy of its own and the plain choice stands first, so that a failure shrinks to the parts that it needs.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from scenarios import checks
from scenarios.loader import Loaded
from scenarios.model import Scenario
from scenarios.tree import flag
from tests.probing import PROBE

Tree = dict[str, Any]
Draw = Callable[[SearchStrategy[Any]], Any]
Knobs = dict[str, SearchStrategy[Any]]

MOST_ATTEMPTS = 300
MOST_PEOPLE = 40


def loaded(tree: Tree) -> Loaded:
    """Return a tree as the loader would from a file, or fail with all that is wrong with it."""
    if tree["arrivals"]["process"] == "trace":
        tree = {**tree, "arrivals": {**tree["arrivals"], "file": _file_of(tree["arrivals"]["file"])}}
    scenario = Scenario.model_validate(tree)
    problems = checks.problems(scenario, flag(tree, "generated"), Fraction(1))
    assert not problems, "\n".join(map(str, problems))
    return Loaded(scenario, tree, ())


def _file_of(text: str) -> str:
    """Return the path of a file with this text, which stays until the process ends."""
    path = _folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="sluice-traces-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def scenarios() -> SearchStrategy[Tree]:
    """Any legal scenario, small."""
    return _scenarios()


def uncontrolled() -> SearchStrategy[Tree]:
    """Any legal scenario without control processes, small."""
    return scenarios().map(lambda tree: {key: value for key, value in tree.items() if key != "controls"})


def _table(required: dict[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> SearchStrategy[Tree]:
    return st.fixed_dictionaries(required, optional=optional)


def _one(*values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values)


def _mostly(usual: SearchStrategy[Any], *others: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """The usual one three times in four or five; `one_of` would count it once."""
    return _one(usual, usual, usual, *others).flatmap(lambda chosen: chosen)


def _ms(ms: float) -> str:
    return f"{ms}ms"


def _durations(*ms: float) -> SearchStrategy[str]:
    return _one(*map(_ms, ms))


# times and counts


def _simple(values: SearchStrategy[Any], above_0: SearchStrategy[Any]) -> SearchStrategy[Any]:
    ordered = st.tuples(values, values).map(lambda pair: sorted(pair, key=_size))
    return st.one_of(
        values,
        values.map(lambda value: {"kind": "constant", "mean": value}),
        values.map(lambda value: {"kind": "exponential", "mean": value}),
        ordered.map(lambda pair: {"kind": "uniform", "low": pair[0], "high": pair[1]}),
        ordered.map(lambda pair: {"kind": "empirical", "quantiles": [[0, pair[0]], ["40%", pair[1]], [1, pair[1]]]}),
        st.tuples(above_0, _one(0.2, 1.5)).map(lambda of: {"kind": "lognormal", "median": of[0], "sigma": of[1]}),
        st.tuples(above_0, _one(0.5, 2.0)).map(lambda of: {"kind": "gamma", "mean": of[0], "cv": of[1]}),
    )


def _size(value: str | float) -> float:
    return float(value.removesuffix("ms")) if isinstance(value, str) else value


def _distribution(values: SearchStrategy[Any], above_0: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Mostly constants: they tie."""
    simple = _simple(values, above_0)
    part = _table({"weight": _one(1, 2), "of": simple})
    mixture = st.lists(part, min_size=1, max_size=2).map(lambda parts: {"kind": "mixture", "parts": parts})
    return _mostly(values, simple, mixture)


def _counts(*values: int) -> SearchStrategy[Any]:
    return _distribution(_one(*values), _one(*filter(None, values)))


SHORT = _durations(1, 0, 2, 3, 4, 6, 8, 12, 0.000001)
TIMES = _distribution(SHORT, _durations(1, 2, 3, 4, 6))
TIMEOUTS = _distribution(_durations(60, 1000, 20, 300, 12, 1000, 8, 4, 0), _durations(300, 60, 8))
LONG = _distribution(_durations(20, 60, 1000, 12, 10, 4, 2, 0), _durations(60, 10, 4))
INSTANTS_MS = (4, 0, 1, 2, 6, 8, 10, 12, 20, 40)  # at which knobs turn
SHARES = _one(0.0, 1.0, 0.5, 0.3)
YES_OR_NO = _one(False, True)
MOSTLY = _one(False, True, True, True)

# who comes


@st.composite
def _arrivals(draw: Draw, most: int, horizon_ms: int) -> Tree:
    how = draw(_one("spread", "at once", "twice", "trace"))
    if how == "trace":
        trace: Tree = draw(_traces(most))
        return trace
    people = draw(st.integers(1, most))
    process: Tree = draw(_one({"process": "steady"}, {"process": "poisson"}, {"process": "gamma", "cv": 3.0}))
    if how == "spread":
        gap_ms = draw(_one(2, 1, 4, 10))  # steady: all of them on whole or half ms
        end_ms = min(people * gap_ms, horizon_ms)
        rate = f"{1000 // gap_ms}/s"
        return {**process, "rate": [["0s", rate], [_ms(end_ms), rate], [f"{end_ms * 10**6 + 1}ns", "0/s"]]}
    # so many a ns: all of them on two or three ns
    curve = [["0s", people], ["1ns", people], ["2ns", 0]]
    if how == "twice":
        again_ns = draw(st.integers(1, 19)) * 10**6
        half = (people + 1) // 2
        curve = [["0s", half], ["2ns", 0], [f"{again_ns - 1}ns", 0], [f"{again_ns}ns", half], [f"{again_ns + 1}ns", 0]]
    return {**process, "rate": "1000000000/s", "shapes": [{"name": "crowd", "curve": curve}]}


@st.composite
def _traces(draw: Draw, most: int) -> Tree:
    """Rows in any order: seconds, or times of a day; each an arrival, or a period with a count."""
    counted = draw(YES_OR_NO)
    steps_ms = st.integers(0, 12)  # about one a ms: many fall on the same
    instants_ms = draw(st.lists(steps_ms, min_size=2, max_size=min(most, 12) if counted else most, unique=counted))
    written = draw(_one("{:.3f}", "2026-02-06 10:00:00.{:03d}", "2026-02-06T10:00:00.{:03d}+08:00"))
    cells = [written.format(ms / 1000 if written == "{:.3f}" else ms) for ms in instants_ms]
    if counted:
        cells = [f"{cell},{draw(st.integers(0, max(most // len(cells), 1)))}" for cell in cells]
    text = "\n".join(["t,n" if counted else "t", *cells, ""])
    from_ms = draw(st.sampled_from(sorted({ms - min(instants_ms) for ms in instants_ms})))
    arrivals = {"process": "trace", "file": text, "from": _ms(from_ms)}
    return arrivals | ({"column": "t", "count_column": "n"} if counted else {})


@st.composite
def _kinds(draw: Draw) -> list[Tree]:
    shares = draw(_one([1.0], [0.5, 0.5], [0.0, 1.0]))
    return [{"name": f"k{index}", "share": share, **draw(KIND)} for index, share in enumerate(shares)]


@st.composite
def _steps(draw: Draw, values: SearchStrategy[Any], horizon_ms: int, least: int) -> list[list[Any]]:
    instants = draw(st.lists(_instants_ms(horizon_ms), min_size=least, max_size=3, unique=True))
    return [[_ms(ms), draw(values)] for ms in sorted(instants)]


def _instants_ms(horizon_ms: int) -> SearchStrategy[int]:
    return _one(*(ms for ms in INSTANTS_MS if ms < horizon_ms))


@st.composite
def _segments(draw: Draw, has_zones: bool) -> list[Tree]:
    shares = draw(_one([1.0], [0.5, 0.5], [0.25, 0.75], [0.2, 0.3, 0.5]))
    segments = [{"name": f"g{index}", "share": share} for index, share in enumerate(shares)]
    own = draw(st.integers(0, len(segments))) if has_zones else 0
    for segment in segments[:own]:
        segment["zones"] = 1.0 / own
    for segment in segments if draw(YES_OR_NO) else []:
        segment["priority"] = draw(_one(0, 1, 2, 31))
    return segments


KIND = _table({}, patience=LONG, retry_delay=TIMES)
PEOPLE = _table(
    {"timeout": TIMEOUTS, "attempts": st.integers(1, 6), "retry_delay": TIMES},
    least_timeout=_durations(0, 1, 10),
    retry_delay_growth=_one(1.0, 2.0, 100.0),
    longest_retry_delay=_durations(4, 0, 50),
    heeds_retry_after=YES_OR_NO,
    patience=LONG,
    kinds=_kinds(),
    come_back=_table({"probability": _one(1.0, 0.5, 0.0), "delay": LONG, "times": st.integers(0, 2)}),
    store_retry_delay=TIMES,
    resignation=_steps(SHARES, 60, 0),
    hedge=_table({"after": TIMES}, most=_one(1, 2, 10)),
)
INVITATIONS = _table({"mean": _one(0.5, 0.0, 0.2), "delay": TIMES}, after=_one("placed", "delivered"))

# what they meet


def _named(stages: list[Tree]) -> list[Tree]:
    return [{"name": f"s{index}", **stage} for index, stage in enumerate(stages, start=1)]


QUEUE_LIMITS = _one(1000, 5, 1000, 2, 1, 0)
SERVERS = _one(1, 2, 3, 2, 1, 8, 0)
REPLICAS = _one(1, 2, 0.5, 1.4, 2.25, 2, 0, 0.000001)
FAILURES = _one(0.0, 0.3, 0.1, 0.0, 0.3, 1.0)
SLOWDOWNS = _one(1.0, 2.0, 0.5, 1.3, 0.001)
DISCIPLINES = _one("fifo", "lifo")
GATEWAY = _table({"servers": _one(1, 2, 3)}, admit=TIMES, refuse=TIMES, queue_limit=QUEUE_LIMITS, deadline=YES_OR_NO)
SERVER_STAGE = _table(
    {"servers": SERVERS, "service": TIMES},
    per_busy=SHORT,
    queue_limit=QUEUE_LIMITS,
    discipline=DISCIPLINES,
    deadline=YES_OR_NO,
    network_delay=TIMES,
    calls=_one(1, 2, 3),
    call_attempts=_one(1, 2, 3),
    shards=_one(1, 2, 3),
    budget=_one(100, 10, 3, 100, 1, 0),
    failure=FAILURES,
    slowdown=SLOWDOWNS,
)
_BATCHING = {
    "kind": st.just("batching"),
    "prompt": _counts(1, 0, 3, 8, 30),
    "output": _counts(2, 0, 1, 3, 7),
    "step": _durations(1, 0, 2, 0.5),
    "slots": _one(2, 4, 3, 1, 40),
    "step_tokens": _one(4, 1, 7, 64),
}
_BATCHING_DETAILS = {
    "step_per_sequence": _durations(0, 1, 0.25),
    "step_per_context_token": _one("0s", "1us", "333ns", "1ps"),
    "step_per_prefill_token": _durations(0, 0.1, 1),
    "step_with_prefill": _durations(0, 1),
    "kv_tokens": _one(40, 12, 6, 20, 1),
    "gate_steps": _one(0, 1, 3, 50),
    "reported_delay": _durations(0, 1, 5),
    "kv_mode": _one("peak", "reserve"),
    "reserve_milli": _one(1000, 0, 500, 333),
    "discipline": DISCIPLINES,
    "deadline": YES_OR_NO,
}
BATCHING_STAGE = _table(
    {"replicas": REPLICAS, **_BATCHING},
    **_BATCHING_DETAILS,
    queue_limit=QUEUE_LIMITS,
    network_delay=TIMES,
    failure=FAILURES,
    slowdown=SLOWDOWNS,
)
EASY_STAGE = _one(
    _table({"servers": _one(2, 8, 100), "service": SHORT}),
    _table({"replicas": _one(1, 2, 1.4, 0.5), **_BATCHING}, **_BATCHING_DETAILS),
).flatmap(lambda stage: stage)
STAGES = st.lists(_mostly(SERVER_STAGE, BATCHING_STAGE), min_size=1, max_size=3).map(_named)

EASY_STAGES = st.lists(EASY_STAGE, min_size=1, max_size=2).map(_named)

# laws

RATES = _one("500/s", "100/s", "0/s", "1/s", "1000/s", "33/s")
RATES_OR_OFF = _one("500/s", "100/s", "0/s", "off", "1/s", "1000/s", "33/s")
WARM_RATES = _one("33/s", "8/s", "100/s", "0/s", "off", "500/s")  # at half of which there are still calls in the time
LIMITS = _one(2, 0, 1, 5, 10)
OVERRIDE = _table({"value": st.integers(0, 3), "rate": RATES}, burst=_one(1, 3))
WINDOW_TIMES = _durations(10, 1, 4, 1000)
SLICES = _one(10, 1, 3)
WINDOWS_OF = ("fixed_window", "sliding_window", "sliding_window_log")
LEARNING = st.one_of(
    _table(
        {"law": st.just("vegas"), "start": _one(2, 3), "least": _one(1, 2), "most": _one(3, 10)},
        probe=_one(1, 2, 30),
        longest_rtt0=_durations(4, 1, 20),
    ),
    _table(
        {"law": st.just("gradient2"), "start": _one(2, 3), "least": _one(1, 2), "most": _one(3, 10)},
        queue=_one(1, 0, 4),
        smoothing=SHARES,
        tolerance=_one(1.5, 1.0, 3.0),
        average_over=_one(20, 1, 600),
        sample=_durations(1, 4, 0.001),
        least_calls=_one(1, 2),
        shortest_rtt=_durations(0, 2),
    ),
    _table(
        {"law": st.just("envoy_gradient"), "least": _one(1, 2), "most": _one(3, 10), "calls": _one(1, 2, 3)},
        quantile=SHARES,
        buffer=_one(0.25, 0, 1.0),
        update=_durations(2, 1, 10),
        interval=_durations(10, 4, 100),
        jitter=SHARES,
    ),
    _table(
        {"law": st.just("bbr_cpu")},
        buckets=_one(10, 2, 100),
        bucket=_durations(10, 1, 100),
        cpu=_one(0.02, 0.0, 0.1, 0.8),
    ),
    _table(
        {"law": st.just("load_multiplier"), "tick": _durations(4, 1, 20)},
        tolerance=_one(1.25, 0.5, 1.0),
        least=SHARES,
        increment=_one(0.025, 0, 0.5),
        most=_one(2, 0.5, 1),
        window=WINDOW_TIMES,
        slices=SLICES,
    ),
    _table(
        {"law": st.just("top_down"), "tick": _durations(4, 1, 20), "target": _durations(1, 0, 4)},
        quantile=SHARES,
        busy=_one(0.5, 0.0, 1.0),
        down=_one(0.5, 0.05, 1.0),
        up=_one(0.5, 0.01, 0.0),
        least=_one("0/s", "90/s", "500/s"),
    ),
    _table(
        {"law": st.just("seda"), "target": _durations(4, 1, 20), "start": _one("200/s", "2000/s")},
        least=_one("1/s", "0/s", "150/s"),
        most=_one("2000/s", "5000/s"),
        increase=_one("50/s", "2/s", "0/s"),
        divisor=_one(1.2, 1.0, 4.0),
        quantile=SHARES,
        calls=_one(3, 1, 10),
        every=_durations(4, 1, 20),
        burst=_one(1, 3),
    ),
)
BY_QUEUE = st.one_of(
    _table(
        {"law": st.just("breakwater"), "target": _durations(0.5, 1, 2, 10), "round_trip": _durations(1, 0.5, 4)},
        increase=_one(1, 3, 0.3, 0.001),
        decrease=_one(0.5, 0.02, 2),
    ),
    _table(
        {"law": st.just("dagor")},
        window=_durations(4, 1, 20),
        window_calls=_one(5, 1, 20),
        target=_durations(1, 0, 4),
        down=SHARES,
        up=SHARES,
    ),
    _table({"law": st.just("pi_rejector")}, period=_durations(2, 1, 10), kp=_one(0.1, 0, 1.5), ki=_one(0.1, 0, 1.0)),
)
USUAL_LAWS = st.one_of(
    _table({"law": _one("token_bucket", "gcra"), "rate": RATES_OR_OFF}, burst=_one(1, 2, 5)),
    _table(
        {"law": st.just("hot_key"), "rate": RATES_OR_OFF},
        burst=_one(1, 2, 5),
        most_keys=_one(100, 1, 2, 5),
        overrides=st.lists(OVERRIDE, max_size=2, unique_by=lambda override: override["value"]),
    ),
    _table({"law": _one(*WINDOWS_OF), "limit": LIMITS, "window": _durations(10, 1, 4, 1000)}),
    _table({"law": st.just("warm_up"), "rate": WARM_RATES, "warm_up": _durations(1000, 800)}, cold_factor=_one(2, 5)),
    _table({"law": st.just("fixed_concurrency"), "limit": LIMITS}),
    _table({"law": st.just("deadline")}, least_left=SHORT),
    _table(
        {"law": st.just("aimd"), "start": _one(2, 3), "least": _one(1, 2), "most": _one(3, 10)},
        backoff=_one(0.5, 0.9, 0.0, 1.0),
        longest_rtt=_durations(4, 1, 0, 20),
    ),
    _table(
        {"law": st.just("waiting_room"), "rate": _one("500/s", "100/s", "0/s", "33/s"), "most": _one(100, 3, 1)},
        burst=_one(1, 5),
        hold=_durations(1000, 10, 4, 1),
        order=_one("fifo", "lottery"),
        opens=_durations(0, 4, 10),
    ),
    _table(
        {"law": st.just("waiting_room"), "rate": _one("500/s", "100/s"), "most": _one(100, 3)}
        | {"order": st.just("shuffle"), "opens": _durations(10, 4)},
        hold=_durations(1000, 10, 4),
    ),
    _table({"law": st.just("pacing"), "rate": RATES}, longest_wait=_durations(10, 0, 4, 100)),
    _table(
        {"law": st.just("retry_ratio")}, ratio=SHARES, reserve=_one(0, 1, 5), window=WINDOW_TIMES, slices=_one(1, 3, 10)
    ),
    _table({"law": st.just("retry_throttle")}, earn=SHARES, cap=_one(2, 1, 0.5, 10)),
    _table({"law": st.just("sre_throttle")}, k=_one(1.0, 0.1, 2.0, 1.1), window=WINDOW_TIMES, slices=SLICES),
    _table(
        {"law": st.just("circuit_breaker"), "last_calls": _one(2, 1, 5), "open_for": _durations(4, 1, 0, 20)},
        least_calls=_one(1, 2, 10),
        failed=_one(0.5, 0.3, 1.0, 0.0),
        slow=_one(0.5, 1.0, 0.3),
        slow_after=_durations(2, 1, 0, 6),
        probes=_one(1, 2),
        half_open_for=_durations(0, 4, 1),
    ),
    _table({"law": st.just("codel")}, interval=_durations(4, 1, 10), target=_durations(1, 0, 2, 4)),
    _table({"law": st.just("adaptive_lifo")}, standing=_durations(4, 0, 1, 10), short=_durations(2, 0, 1, 4)),
    _table({"law": st.just("retry_budget")}, earn=SHARES, earn_on=_one("call", "success"), cap=_one(1, 1.5, 5)),
)
WEIGHTS = st.lists(_one(1, 2, 5), min_size=1, max_size=3)
HANDS = _one((4, 1), (1, 1), (4, 2), (3, 3), (16, 2)).map(lambda of: {"queues": of[0], "hand": of[1]})
APF = _table({"law": st.just("apf"), "length": _one(5, 1, 2, 100)}, shares=WEIGHTS, guess=_durations(3, 0, 1))
ORDERING = st.one_of(
    _table({"law": st.just("wfq")}, weights=WEIGHTS),
    st.builds(lambda law, hand: {**law, **hand}, APF, HANDS),
    _table({"law": st.just("strict_priority")}),
)
LAWS = _mostly(USUAL_LAWS, LEARNING, BY_QUEUE, ORDERING)
CREDIT = _table(
    {"law": st.just("fulfilment_credit")},
    store_within=_durations(4, 10, 2, 0, 1000),
    courier_within=_durations(4, 10, 2, 0, 1000),
    told_every=_durations(0, 4, 1, 20),
)


CREDIT_AT_GATEWAY = _table(
    {},
    picks=_one(1, 2, 4),
    nearby=_one(0, 1, 5),
    longest_wait=_durations(0, 1000, 4),
    later=_table({"delay": LONG}, probability=_one(1.0, 0.9, 0.5, 0.0), up_to=_durations(1000, 60, 20, 0)),
)

AT_STAGES, INSIDE, ANYWHERE, AT_CLIENT, BEFORE_CALLS, AT_QUEUES, AT_DOOR, OF_STORES, COUNTS = range(9)
CHARGING = (
    *("token_bucket", "gcra", "hot_key", *WINDOWS_OF, "warm_up", "fixed_concurrency", "pacing"),
    *("load_multiplier", "top_down", "seda"),
)
RESERVING = ("token_bucket", "gcra", *WINDOWS_OF, "fixed_concurrency", "aimd", "vegas", "gradient2", "envoy_gradient")
BY_PRIORITY = ("dagor", "pi_rejector")
LAW_PLACES = {
    "token_bucket": ANYWHERE,
    "gcra": ANYWHERE,
    "fixed_window": ANYWHERE,
    "sliding_window": ANYWHERE,
    "sliding_window_log": ANYWHERE,
    "warm_up": ANYWHERE,
    "hot_key": ANYWHERE,
    "fixed_concurrency": COUNTS,
    "deadline": INSIDE,
    "pacing": AT_STAGES,
    "fulfilment_credit": OF_STORES,
    "waiting_room": AT_DOOR,
    "top_down": AT_DOOR,
    "retry_budget": AT_CLIENT,
    "retry_ratio": AT_CLIENT,
    "retry_throttle": AT_CLIENT,
    "sre_throttle": AT_CLIENT,
    "circuit_breaker": BEFORE_CALLS,
    "aimd": COUNTS,
    "vegas": COUNTS,
    "gradient2": COUNTS,
    "envoy_gradient": COUNTS,
    "bbr_cpu": INSIDE,
    "load_multiplier": COUNTS,
    "seda": COUNTS,
    "breakwater": AT_DOOR,
    "dagor": INSIDE,
    "pi_rejector": INSIDE,
    "codel": AT_QUEUES,
    "adaptive_lifo": AT_QUEUES,
    "strict_priority": AT_QUEUES,
    "wfq": AT_QUEUES,
    "apf": AT_QUEUES,
}


TICKETED = (
    "waiting_room",
    "token_bucket",
    "gcra",
    "hot_key",
    "warm_up",
    "fixed_window",
    "sliding_window",
    "sliding_window_log",
)


@st.composite
def _admission(draw: Draw, tree: Tree) -> list[Tree]:
    stages = [f"stage:{stage['name']}" for stage in tree["stages"]]
    places = {AT_STAGES: stages, INSIDE: ["gateway", *stages], AT_CLIENT: ["client"], AT_DOOR: ["gateway"]}
    street = ["store"] * ("kitchens" in tree) + ["zone"] * ("street" in tree)
    places |= {ANYWHERE: ["gateway", "client", *stages, *street, *street], BEFORE_CALLS: ["client", *stages]}
    counted = ["store"] * ("kitchens" in tree) + ["zone"] * (
        "street" in tree and bool(tree.keys() & {"kitchens", "couriers"})
    )
    places |= {COUNTS: ["gateway", *stages, *counted, *counted]}
    queues = {f"queue:{stage['name']}": stage for stage in tree["stages"]}
    queues |= {"queue:gateway": tree["gateway"]} if "gateway" in tree else {}
    keys = ["global", "person"] + ["segment"] * ("segments" in tree) + ["zone"] * ("street" in tree)
    admission: list[Tree] = []
    for at in draw(_one((), (), ("gateway",), ("store",), ("gateway", "store"))) if "kitchens" in tree else ():
        law = draw(CREDIT) | (draw(CREDIT_AT_GATEWAY) if at == "gateway" else {})
        admission.append({"name": f"credit-{at}", "at": at, **law, **draw(_terms(tree, law))})
    for index in range(draw(_one(1, 3, 2, 4, 5, 6))):
        law = draw(LAWS)
        if LAW_PLACES[law["law"]] == AT_QUEUES:
            at = draw(
                st.sampled_from([at for at, queue in sorted(queues.items()) if may_have(queue, law, tree)] or [""])
            )
            if at:
                del queues[at]
                admission.append({"name": f"l{index}", "at": at, **law, **draw(_flows(tree, law))})
            continue
        at = draw(st.sampled_from(stages if needs_servers(law, tree) else places[LAW_PLACES[law["law"]]]))
        if law["law"] == "hot_key":
            of_law = [*keys[1:], *["store"] * ("street" in tree)]
        elif law["law"] == "waiting_room":
            of_law = [key for key in keys if key != "person"]
            if draw(YES_OR_NO):
                names = [stage["name"] for stage in tree["stages"]] + ["kitchens"] * ("kitchens" in tree)
                credited = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
                law = {key: value for key, value in law.items() if key != "rate"}
                law["rates"] = {name: draw(_one("700/s", "400/s", "90/s", "0/s")) for name in credited}
        elif law["law"] == "top_down":
            of_law = ["global"]
        elif law["law"] == "breakwater":
            ordered = {other["at"] for other in admission if other["law"] in ("wfq", "apf", "strict_priority")}
            lenders = [stage["name"] for stage in tree["stages"] if lends(stage)]
            lenders = [name for name in lenders if f"queue:{name}" not in ordered]
            if not lenders:
                continue
            law |= {"queue": draw(st.sampled_from(lenders))}
            queues.pop(f"queue:{law['queue']}", None)
            of_law = [key for key in keys if key != "person"]
        elif law["law"] in BY_PRIORITY:
            of_law = ["global"]
            later = stages[stages.index(at) :] if at in stages else stages
            if at == "gateway" or draw(YES_OR_NO):
                law |= {"queue": draw(st.sampled_from(later)).removeprefix("stage:")}
        else:
            of_law = [*keys, *["store"] * (at in street and "kitchens" in tree)]
            if at in counted and LAW_PLACES[law["law"]] == COUNTS:
                of_law.remove("person")
        law |= draw(_terms(tree, law))
        if law["law"] in TICKETED and at not in ("client", *street) and draw(YES_OR_NO):
            law |= {"ticket": draw(_durations(10, 1, 4, 1000))}
        admission.append({"name": f"l{index}", "at": at, "key": draw(st.sampled_from(of_law)), **law})
    return admission


def may_have(queue: Tree, law: Tree, tree: Tree) -> bool:
    """Whether a law may look after a queue."""
    return (
        not (law["law"] != "codel" and queue.get("discipline") == "lifo")
        and not (law["law"] == "apf" and queue.get("kind") == "batching")
        and not (law["law"] == "wfq" and not tree.keys() & {"segments", "street"})
        and not (law["law"] == "strict_priority" and len(_priorities(tree)) < 2)
    )


def _priorities(tree: Tree) -> list[int]:
    return sorted({segment.get("priority", 0) for segment in tree.get("segments", [{}])})


@st.composite
def _flows(draw: Draw, tree: Tree, law: Tree) -> Tree:
    """Whose work is one flow, what it costs, and as many weights or shares as there may be."""
    flows: Tree = {key: law[key][: len(_priorities(tree))] for key in ("weights", "shares") if key in law}
    keys = ["segment"] * ("segments" in tree) + ["zone"] * ("street" in tree)
    if law["law"] == "apf":
        flows["key"] = draw(st.sampled_from(["person", *keys]))
    elif law["law"] == "wfq":
        flows |= {"key": draw(st.sampled_from(keys)), **draw(_costs(tree))}
    return flows


@st.composite
def _costs(draw: Draw, tree: Tree) -> Tree:
    tokens = [f"tokens:{stage['name']}" for stage in tree["stages"] if stage.get("kind") == "batching"]
    cost = draw(_one(1, 2, *["cups"] * ("kitchens" in tree), *tokens))
    return {} if cost == 1 else {"cost": cost}


def lends(stage: Tree) -> bool:
    """Whether a stage has one queue, the oldest in it is the next, and attempts call it once."""
    once = stage.get("calls", 1) == stage.get("call_attempts", 1) == stage.get("shards", 1) == 1
    return bool(stage.get("discipline", "fifo") == "fifo" and once)


def needs_servers(law: Tree, tree: Tree) -> bool:
    """Whether a law cannot stand at the gateway, which has no servers to look at."""
    return law["law"] == "bbr_cpu" and "gateway" not in tree


@st.composite
def _terms(draw: Draw, tree: Tree, law: Tree) -> Tree:
    """What a law charges, what it keeps for the important, and whom it is asked about."""
    terms: Tree = {}
    tokens = [f"tokens:{stage['name']}" for stage in tree["stages"] if stage.get("kind") == "batching"]
    if law["law"] in CHARGING and draw(YES_OR_NO):
        terms["cost"] = draw(_one(2, 3, *["cups"] * ("kitchens" in tree), *tokens, *tokens))
        if terms["cost"] in tokens and "limit" in law:
            terms["limit"] = draw(_one(20, 10, 100))
        elif terms["cost"] in tokens and law["law"] in ("token_bucket", "gcra", "hot_key"):
            terms["burst"] = draw(_one(20, 10, 100))
    priorities = _priorities(tree)
    if len(priorities) > 1 and law["law"] in RESERVING and draw(YES_OR_NO):
        terms["reserve"] = draw(st.lists(SHARES, min_size=1, max_size=3))
    if draw(_one(False, False, True)):
        terms["priorities"] = draw(st.lists(st.sampled_from(priorities), max_size=2))
    return terms


# the street

STREET = _table(
    {"zones": _one(1, 2, 3), "stores_per_zone": _one(1, 2, 3)},
    zone_demand=_distribution(_one(1, 2), _one(1, 2)),
    popularity=_one(0, 0.8, 10),
    repicks=_one(1, 5, 0),
    repick_probability=_one(1.0, 0.5, 0.3, 0.0),
)
_KITCHENS = {
    "cups": _counts(1, 2, 3),
    "pause_backlog": _counts(2, 1, 0, 5),
    "reopen_share": SHARES,
    "finishing": SHORT,
    "slowdown": SLOWDOWNS,
    "closed": SHARES,
}
CLOCK_KITCHENS = _table(
    {"kind": st.just("clock"), "cups_per_hour": _counts(3_600_000, 900_000, 1_800_000, 0, 10**12)},  # 1, 4, 2 ms a cup
    share=SHARES,
    **_KITCHENS,
)
SERVER_KITCHENS = _table(
    {"kind": st.just("servers"), "makers": _counts(1, 0, 2), "make": TIMES}, batch=_one(1, 2, 5), **_KITCHENS
)
CLOCK_COURIERS = _table(
    {"kind": st.just("clock"), "rate": _one("500/s", "1000/s", "100/s", "10/s"), "trip": TIMES},
    demand_exponent=_one(0.5, 0, 1),
    slowdown=SLOWDOWNS,
)
SERVER_COURIERS = _table(
    {"kind": st.just("servers"), "per_zone": _counts(1, 0, 2), "pickup": TIMES, "travel": TIMES, "dropoff": TIMES},
    carry=_one(1, 2, 4),
    slowdown=SLOWDOWNS,
)


@st.composite
def _couriers(draw: Draw) -> Tree:
    promise_ms, rest_ms = draw(_one(10, 0, 4, 30)), draw(_one(10, 0, 2, 100, 5000))
    patience = {"promise": _ms(promise_ms), "cancel_after": _ms(promise_ms + rest_ms)}
    couriers: Tree = draw(st.one_of(CLOCK_COURIERS, SERVER_COURIERS))
    return couriers | patience


# knobs


def _knobs(tree: Tree) -> Knobs:
    """Every knob of a scenario, with values that it may take; what it has already is among them."""
    knobs: Knobs = {}
    for stage in tree["stages"]:
        path = f"stages.{stage['name']}"
        if stage.get("kind") == "batching":
            knobs[f"{path}.replicas"] = REPLICAS
        else:
            knobs |= {f"{path}.servers": SERVERS, f"{path}.slowdown": SLOWDOWNS}
        knobs |= {f"{path}.queue_limit": QUEUE_LIMITS, f"{path}.failure": FAILURES}
    if "gateway" in tree:
        knobs["gateway.servers"] = SERVERS
    for law in tree.get("admission", []):
        if "rate" in law:
            own = {"pacing": RATES, "waiting_room": RATES, "warm_up": WARM_RATES}.get(law["law"], RATES_OR_OFF)
            knobs[f"admission.{law['name']}.rate"] = own
        elif "limit" in law:
            knobs[f"admission.{law['name']}.limit"] = LIMITS
        knobs |= {f"admission.{law['name']}.rates.{name}": RATES for name in law.get("rates", ())}
    if "kitchens" in tree:
        knobs |= {"kitchens.slowdown": SLOWDOWNS, "kitchens.closed": SHARES}
    if "couriers" in tree:
        knobs["couriers.slowdown"] = SLOWDOWNS
    return knobs


@st.composite
def _timelines(draw: Draw, knobs: Knobs, horizon_ms: int) -> list[Tree]:
    turned = draw(st.lists(st.sampled_from(sorted(knobs)), min_size=1, max_size=3, unique=True))
    return [
        {"name": f"t{index}", "knob": knob, "steps": draw(_steps(knobs[knob], horizon_ms, 1))}
        for index, knob in enumerate(turned)
    ]


@st.composite
def _incidents(draw: Draw, knobs: Knobs, horizon_ms: int) -> list[Tree]:
    incidents = []
    for index in range(draw(st.integers(1, 3))):
        turned = draw(st.lists(st.sampled_from(sorted(knobs)), min_size=1, max_size=2, unique=True))
        span = {"at": _ms(draw(_instants_ms(horizon_ms))), "for": draw(_durations(2, 1, 4, 10, 1000))}
        incidents.append({"name": f"i{index}", **span, "set": {knob: draw(knobs[knob]) for knob in turned}})
    return incidents


# control processes


def _probes(knobs: Knobs) -> SearchStrategy[Tree]:
    turns = st.lists(st.sampled_from(sorted(knobs)), max_size=2, unique=True).flatmap(
        lambda turned: st.fixed_dictionaries({knob: knobs[knob] for knob in turned})
    )
    wake = st.fixed_dictionaries({"wait": _durations(2, 1, 4, 10, 0.000001), "turn": turns})
    wakes = st.fixed_dictionaries({"wakes": st.lists(wake, min_size=1, max_size=6)})
    return st.fixed_dictionaries({"process": st.just(PROBE), "with": wakes})


def _autoscalers(knobs: Knobs) -> SearchStrategy[Tree]:
    scaled = [knob for knob in sorted(knobs) if knob.endswith((".servers", ".replicas"))]
    targets = _one({"utilisation": 0.7}, {"backlog": 1}, {"utilisation": "100%", "backlog": 0.5})
    details = _table(
        {"knob": st.sampled_from(scaled), "least": _one(1, 2), "most": _one(3, 2, 8), "every": _durations(4, 1, 10)},
        cool_down=_durations(0, 4, 20),
        start_up=_durations(0, 1, 10),
        most_up=_one(1, 2),
        most_down=_one(1, 2),
    )
    aims = st.builds(lambda target, rest: {**target, **rest}, targets, details)
    return st.fixed_dictionaries({"process": st.just("autoscaler"), "with": aims})


@st.composite
def _runbooks(draw: Draw, knobs: Knobs, gauges: list[str]) -> Tree:
    rules = []
    for index in range(draw(st.integers(1, 2))):
        knob = draw(st.sampled_from(sorted(knobs)))
        bound = st.builds(lambda where, least: {where: least}, _one("above", "below"), _one(1, 0, 2, 5, 100))
        rule = {"name": f"r{index}", "gauge": draw(st.sampled_from(gauges)), "turn": knob, "to": draw(knobs[knob])}
        rule |= draw(bound) | draw(_table({}, at_most_every=_durations(4, 20), **{"for": _durations(0, 1, 4)}))
        if draw(YES_OR_NO):
            release = draw(bound) | draw(_table({}, to=knobs[knob], **{"for": _durations(0, 1, 4)}))
            rule["release"] = release
        rules.append(rule)
    return {"process": "runbook", "with": {"every": draw(_durations(4, 1, 10)), "rules": rules}}


@st.composite
def _controls(draw: Draw, tree: Tree, horizon_ms: int) -> list[Tree]:
    knobs = _knobs(tree)
    for law in tree.get("admission", []):
        if law["law"] == "sliding_window_log":  # whose log has room for what the file gives it
            knobs[f"admission.{law['name']}.limit"] = st.integers(0, law["limit"])
    gauges = ["people.trying", "people.away", "orders.placed", "attempts.throttled", "failures.timed_out"]
    gauges += [f"stages.{stage['name']}.{what}" for stage in tree["stages"] for what in ("backlog", "busy", "capacity")]
    gauges += ["kitchens.backlog_cups", "kitchens.paused"] * ("kitchens" in tree)
    gauges += ["couriers.waiting", "couriers.carried"] * ("couriers" in tree)
    controls = []
    for index in range(draw(st.integers(1, 3))):
        begin_ms = draw(_instants_ms(horizon_ms))
        process = draw(_mostly(_probes(knobs), _autoscalers(knobs), _runbooks(knobs, gauges)))
        until = {"until": _ms(begin_ms + draw(_one(4, 1, 20)))} if draw(YES_OR_NO) else {}
        controls.append({"name": f"c{index}", "from": _ms(begin_ms), **until, **process})
    return controls


# the whole


@st.composite
def _scenarios(draw: Draw) -> Tree:
    horizon_ms = draw(_one(60, 20, 200, 1200, 3000))
    easy = draw(YES_OR_NO)  # to order, so that the street has something to do
    people = draw(PEOPLE)
    if easy:
        people |= {"timeout": draw(_durations(1000, 60)), "least_timeout": "60ms"}
    copies = 1 + people.get("hedge", {"most": 0}).get("most", 1)
    tries = people["attempts"] * (1 + people.get("come_back", {"times": 0})["times"]) * copies
    tree: Tree = {
        "schema": 1,
        "name": "generated",
        "title": "A generated scenario",
        "horizon": _ms(horizon_ms),
        "bucket": _ms(draw(_one(horizon_ms, 10, 7, 20))),
        "world_seed": draw(st.integers(0, 3)),
        "arrivals": draw(_arrivals(min(MOST_PEOPLE, max(2, MOST_ATTEMPTS // tries)), horizon_ms)),
        "people": people,
        "stages": draw(EASY_STAGES if easy else STAGES),
    }

    def maybe(key: str, part: SearchStrategy[Any], whether: SearchStrategy[bool] = YES_OR_NO) -> None:
        if draw(whether):
            tree[key] = draw(part)

    if not easy:
        maybe("gateway", GATEWAY, MOSTLY)
    maybe("street", STREET, MOSTLY)
    if "street" in tree:
        maybe("kitchens", st.one_of(CLOCK_KITCHENS, SERVER_KITCHENS), MOSTLY)
        maybe("couriers", _couriers(), MOSTLY)
    maybe("segments", _segments("street" in tree), MOSTLY)
    names = [segment["name"] for segment in tree.get("segments", [])]
    for stage in tree["stages"][1:] if names and draw(YES_OR_NO) else []:  # the first is for all
        stage["segments"] = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    maybe("admission", _admission(tree), YES_OR_NO if easy else MOSTLY)
    maybe("invitations", INVITATIONS)
    knobs = _knobs(tree)
    maybe("timelines", _timelines(knobs, horizon_ms))
    maybe("incidents", _incidents(knobs, horizon_ms))
    maybe("controls", _controls(tree, horizon_ms))
    return tree
