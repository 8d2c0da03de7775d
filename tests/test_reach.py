"""Generated scenarios are as nasty as they are meant to be: what 500 of them reach, the same each time."""

from __future__ import annotations

from scenarios.knobs import Kind
from simulator.rank import Rank
from tests.reach import generated, reached, ties
from tests.scenario_strategy import LAW_PLACES

ONLY_ONE_A_NS = (Rank.SAMPLE, Rank.SAMPLE)


def test_generated_scenarios_reach_every_tie_law_knob_and_process() -> None:
    counts = reached(generated(500, fresh=False))
    wanted = set(ties()) - set(ties([ONLY_ONE_A_NS]))
    wanted |= {f"law: {law}" for law in LAW_PLACES}
    wanted |= {f"law: at {point}" for point in ("client", "gateway", "stage", "queue", "store", "zone")}
    wanted |= {f"law: cost of {cost}" for cost in ("2", "cups", "tokens")} | {"law: reserve", "law: priorities"}
    wanted |= {f"knob: {kind.value} by {how}" for kind in Kind for how in ("timeline", "incident", "control")}
    wanted |= {f"control: {process}" for process in ("probe", "autoscaler", "runbook")}
    wanted |= {f"arrivals: {process}" for process in ("poisson", "steady", "gamma", "trace")}
    wanted |= {f"batching: kv {mode}" for mode in ("peak", "reserve")}
    wanted |= {f"{part}: {kind}" for part in ("kitchens", "couriers") for kind in ("clock", "servers")}
    wanted |= {"people: hedges", "law: with a ticket", "law: several rates"}
    wanted |= {f"law: orders inside a {point}" for point in ("store", "zone")}
    wanted |= {f"knob: one of several rates by {how}" for how in ("timeline", "incident", "control")}
    assert sorted(wanted - counts.keys()) == []
