"""What a law that adapts has learned by now, read from a run of the compiled engine; nothing in the run is changed."""

from __future__ import annotations

import math
from collections.abc import Callable

from limits import (
    aimd,
    bbr_cpu,
    dagor,
    envoy_gradient,
    fulfilment_credit,
    gradient2,
    seda,
    sre_throttle,
    top_down,
    vegas,
)
from scenarios.model import Scenario
from scenarios.units import NS_PER_S
from simulator.compiled import Run
from simulator.compiled import layout as at

CALLS, CUPS = "calls inside", "cups"
Read = Callable[[Run], float]


def reader(scenario: Scenario) -> tuple[str, Read] | None:
    """Return what the first law of a scenario learns, with its unit, and what reads it; None where that is unknown."""
    return READERS.get(scenario.admission[0].law) if scenario.admission else None


def _parameters(run: Run) -> list[int]:
    law = int(run.words[at.LAWS])
    found: list[int] = run.words[law : law + at.LAW_WIDTH].tolist()
    return found


def _state(run: Run) -> list[int]:
    """A copy of the state of the first law, so that what is asked of it leaves no trace in the run."""
    of = _parameters(run)
    first = of[at.L_STATE] + 1  # after whether anybody has asked it yet
    found: list[int] = run.words[first : first - 1 + of[at.L_ROW_WIDTH]].tolist()
    return found


def _limit(limit: Callable[[list[int], int, int], int]) -> Read:
    return lambda run: limit(_state(run), 0, _parameters(run)[at.L_ONE])


def _bbr(run: Run) -> float:
    of = _parameters(run)
    return bbr_cpu.may_be_inside(_state(run), 0, of[at.L_ONE], of[at.L_TWO], run.now_ns)


def _dagor(run: Run) -> float:
    levels = _parameters(run)[at.L_ONE]
    return 100 * dagor.open_levels(_state(run), 0, levels) / (levels * dagor.PERSONS)


def _pi(run: Run) -> float:
    return 100 * (1 - _state(run)[5] / _parameters(run)[at.L_ONE])


def _multiplier(run: Run) -> float:
    ns_for_one = _state(run)[6]
    return NS_PER_S / ns_for_one if ns_for_one else math.nan


def _seda(run: Run) -> float:
    return seda.rate_micro(_state(run), 0, _parameters(run)[at.L_ONE]) / seda.MILLION


def _top_down(run: Run) -> float:
    """The rates of all segments; some have none as long as they are not limited."""
    state, apis = _state(run), _parameters(run)[at.L_EIGHT]
    rates = [state[top_down.WIDTH + top_down.API * api] for api in range(apis)]
    return sum(rates) / 1000 if all(rates) else math.nan


def _breakwater(run: Run) -> float:
    return int(run.words[_parameters(run)[at.L_SIX]])


def _sre(run: Run) -> float:
    state = _state(run)
    return sre_throttle.too_many_milli(state[1], state[2], _parameters(run)[at.L_THREE]) / (state[1] + 1) / 10


def _credit(run: Run) -> float:
    of, street = _parameters(run), run.scenario.street
    assert street is not None
    rows = range(
        of[at.L_STATE], of[at.L_STATE] + street.zones * street.stores_per_zone * at.CREDIT_WIDTH, at.CREDIT_WIDTH
    )
    states = [run.words[row : row + at.CREDIT_WIDTH].tolist() for row in rows]
    return sum(fulfilment_credit.credit(each, 0, of[at.L_ONE], of[at.L_THREE], run.now_ns) for each in states)


READERS: dict[str, tuple[str, Read]] = {
    "aimd": (CALLS, _limit(aimd.limit)),
    "vegas": (CALLS, _limit(vegas.limit)),
    "gradient2": (CALLS, _limit(gradient2.limit)),
    "envoy_gradient": (CALLS, _limit(envoy_gradient.limit)),
    "bbr_cpu": (CALLS, _bbr),
    "load_multiplier": ("let in per second", _multiplier),
    "seda": ("let in per second", _seda),
    "top_down": ("let in per second", _top_down),
    "breakwater": (CALLS, _breakwater),
    "dagor": ("levels let in, %", _dagor),
    "pi_rejector": ("levels let in, %", _pi),
    "sre_throttle": ("held back, %", _sre),
    "fulfilment_credit": (CUPS, _credit),
}
"""By law: what it learns, with its unit, and what reads it."""
