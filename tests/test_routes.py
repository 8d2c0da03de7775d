"""Which stages attempts call, how often, and the rates that top_down sets by it, worked out by hand."""

from __future__ import annotations

import pytest

from simulator.engines import ENGINES, Engine
from simulator.results import RunResult
from tests.scenario_strategy import Tree
from tests.test_laws_in_engines import answers, live

SEGMENTS = [{"name": "cake", "share": 0.5}, {"name": "tea", "share": 0.5, "priority": 1}]


def till(**more: object) -> list[Tree]:
    return [{"name": "till", "servers": 100, "service": "1ms", **more}]


def answered_ms(result: RunResult) -> list[float]:
    """Return when each attempt was answered."""
    assert result.attempts is not None
    return [ns / 10**6 for ns in result.attempts["answered_ns"].tolist()]


def at_till(result: RunResult, *names: str) -> list[int]:
    return [result.summary["stages"]["till"][name] for name in names]


def segments(result: RunResult) -> list[int]:
    assert result.orders is not None
    known: list[int] = result.orders["segment"].tolist()
    return known


@pytest.mark.parametrize("engine", ENGINES)
def test_calls_are_made_one_after_the_other_each_with_its_way_there(engine: Engine) -> None:
    result = live(engine, [0, 5], stages=till(calls=3, network_delay="2ms"))
    assert answered_ms(result) == [9, 14]
    assert at_till(result, "arrived", "served") == [6, 6]


@pytest.mark.parametrize("engine", ENGINES)
def test_calls_draw_times_of_their_own(engine: Engine) -> None:
    random = {"service": {"kind": "exponential", "mean": "1ms"}}
    (one,), (three,) = (answered_ms(live(engine, [0], stages=till(calls=calls, **random))) for calls in (1, 3))
    assert three not in (one, 3 * one)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_refused_call_fails_the_attempt(engine: Engine) -> None:
    law = {"at": "stage:till", "law": "fixed_window", "limit": 3, "window": "10ms"}
    result = live(engine, [0, 5], law, stages=till(calls=2))
    assert answers(result) == ["placed", "throttled"]
    assert answered_ms(result) == [2, 6]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("tries", "ends", "at_ms"), [(1, "throttled", 4), (6, "throttled", 9), (7, "placed", 12)])
def test_a_refused_call_is_made_again_and_the_others_are_not(engine: Engine, tries: int, ends: str, at_ms: int) -> None:
    law = {"at": "stage:till", "law": "fixed_window", "limit": 1, "window": "10ms"}
    # the second call is there at 4 ms, and again each ms, until at 10 ms another window lets it in
    result = live(engine, [0], law, stages=till(calls=2, call_attempts=tries, network_delay="1ms", service="2ms"))
    assert (answers(result), answered_ms(result)) == ([ends], [at_ms])
    assert at_till(result, "arrived", "throttled") == [1 + tries, tries - (ends == "placed")]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_full_queue_or_its_law_sheds_is_tried_again_and_what_expires_is_not(engine: Engine) -> None:
    one = {"servers": 1, "service": "4ms", "network_delay": "1ms"}
    full = live(engine, [0, 0], stages=till(**one, queue_limit=0, call_attempts=5))
    assert answers(full) == ["placed", "placed"]
    assert answered_ms(full) == [5, 9]  # four tries in vain, one a ms; at 5 ms a departure is before an arrival
    late = live(engine, [0, 0], stages=till(**one, deadline=True, call_attempts=5), people={"timeout": "5ms"})
    assert at_till(late, "arrived", "expired") == [2, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_attempt_of_several_calls_takes_one_unit_of_a_budget_and_one_slot_at_a_time(engine: Engine) -> None:
    slots = {"at": "stage:till", "law": "fixed_concurrency", "limit": 1}
    result = live(engine, [0, 10, 20], slots, stages=till(calls=2, budget=2))
    assert answers(result) == ["placed", "placed", "sold_out"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stage_of_some_segments_is_passed_by_by_the_others(engine: Engine) -> None:
    oven = {"name": "oven", "servers": 100, "service": "7ms", "network_delay": "1ms", "segments": ["cake"]}
    for stages in ([oven, *till()], [*till(), oven]):
        result = live(engine, list(range(0, 200, 20)), stages=stages, segments=SEGMENTS)
        assert set(segments(result)) == {0, 1}
        took_ms = [end - 20 * want for want, end in enumerate(answered_ms(result))]
        assert took_ms == [1 if segment else 9 for segment in segments(result)]


TOP_DOWN = {"at": "gateway", "law": "top_down", "target": "50ms", "down": 0.5, "least": "1/s"}


def throttled(result: RunResult) -> set[int]:
    """Return the segments of those who were throttled."""
    said = zip(segments(result), answers(result), strict=True)
    return {segment for segment, answer in said if answer == "throttled"}


@pytest.mark.parametrize("engine", ENGINES)
def test_top_down_cuts_those_alone_on_what_is_overloaded_though_they_matter_more(engine: Engine) -> None:
    stages = [*till(), {"name": "oven", "servers": 1, "service": "10ms", "segments": ["cake"]}]
    result = live(engine, list(range(0, 5000, 5)), TOP_DOWN, stages=stages, segments=SEGMENTS)
    assert throttled(result) == {0}


@pytest.mark.parametrize("engine", ENGINES)
def test_top_down_cuts_those_that_matter_less_where_all_share_what_is_overloaded(engine: Engine) -> None:
    stages = till(servers=1, service="6ms")
    result = live(engine, list(range(0, 4000, 5)), TOP_DOWN, stages=stages, segments=SEGMENTS)
    assert throttled(result) == {1}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("quantile", "cut"), [(0.9, set()), (0.91, {0})])
def test_top_down_looks_at_the_share_of_late_calls_in_a_tick(engine: Engine, quantile: float, cut: set[int]) -> None:
    # of ten calls that end in the first second one takes 100 ms, the others as long as they may
    at_ms = [0, *range(100, 1000, 100), *[1000] * 20]
    slow = [{"name": "slow", "at": "0s", "for": "50ms", "set": {"stages.till.slowdown": 100.0}}]
    law = {**TOP_DOWN, "target": "1ms", "quantile": quantile, "busy": 0.0}
    result = live(engine, at_ms, law, stages=till(), incidents=slow)
    assert throttled(result) == cut
