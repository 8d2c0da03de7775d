"""What each law does in a run, worked out by hand: a few people, who come at given ms and try once unless told else."""

from __future__ import annotations

from typing import Any

import pytest

from limits import dagor
from scenarios import draws
from scenarios.draws import Stream
from simulator.engines import ENGINES, Engine
from simulator.results import RunResult
from simulator.run import simulate
from simulator.trace import ANSWERS
from tests.agreement import seldom_told
from tests.scenario_strategy import Tree, loaded

BROKEN = [{"name": "till", "servers": 100, "service": "1ms", "failure": 1.0}]


def live(engine: Engine, at_ms: list[int], *laws: Tree, people: Tree | None = None, **more: Any) -> RunResult:
    """Run people who come at these ms, the first of them at 0, to a till that serves 100 at once for 1 ms each."""
    tree: Tree = {
        "schema": 1,
        "name": "by-hand",
        "title": "A law by hand",
        "horizon": "10s",
        "arrivals": {"process": "trace", "file": "\n".join(["t", *(f"{ms / 1000:.3f}" for ms in at_ms), ""])},
        "people": {"timeout": "1s", "attempts": 1, **(people or {})},
        "stages": [{"name": "till", "servers": 100, "service": "1ms"}],
        "admission": [{"name": f"law{index}", **law} for index, law in enumerate(laws)],
        **more,
    }
    with seldom_told():
        return simulate(loaded(tree), engine=engine, seed=1, trace=True)


def sent(result: RunResult) -> list[int]:
    """Return the wants of the attempts that were sent."""
    assert result.attempts is not None
    wants: list[int] = result.attempts["want"].tolist()
    return wants


def answers(result: RunResult) -> list[str]:
    """Return what each attempt was answered, by want and attempt."""
    assert result.attempts is not None
    return [ANSWERS[answer] for answer in result.attempts["answer"].tolist()]


def placed_at(result: RunResult, at_ms: list[int]) -> list[int]:
    """Return the ms of those who were placed, where each tries once."""
    return [ms for ms, answer in zip(at_ms, answers(result), strict=True) if answer == "placed"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sliding_window_counts_its_part_of_the_window_before(engine: Engine) -> None:
    at_ms = [0, 1, 2, 3, 4, 12, 13, 14, 15, 16]
    law = {"at": "gateway", "law": "sliding_window", "limit": 4, "window": "10ms"}
    # of the 4 of before: 8/10 is 3 at 12 ms, 2 at 13, 14 and 15, 1 at 16
    assert placed_at(live(engine, at_ms, law), at_ms) == [0, 1, 2, 3, 12, 13, 16]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cold_door_lets_in_a_third_of_its_rate_and_says_when_to_come_back(engine: Engine) -> None:
    at_ms = list(range(0, 2000, 100))
    result = live(engine, at_ms, {"at": "stage:till", "law": "warm_up", "rate": "10/s"})
    assert placed_at(result, at_ms) == [0, 100, 200, 1000, 1100, 1200]
    assert result.attempts is not None
    assert result.attempts["retry_after_s"].tolist()[3:6] == [1, 1, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_retry_ratio_lets_go_a_retry_for_two_first_tries(engine: Engine) -> None:
    law = {"at": "client", "law": "retry_ratio", "ratio": 0.5, "reserve": 0, "window": "10s"}
    people = {"attempts": 5, "retry_delay": "10ms"}
    # both have failed by 6 ms; the first retries at 11 ms, the other would at 16, the first again at 22
    assert sent(live(engine, [0, 5], law, people=people, stages=BROKEN)) == [0, 0, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_retry_throttle_stops_retries_when_half_of_its_tokens_are_gone(engine: Engine) -> None:
    law = {"at": "client", "law": "retry_throttle", "cap": 4, "earn": 0.1}
    result = live(engine, [0], law, people={"attempts": 9, "retry_delay": "10ms"}, stages=BROKEN)
    assert sent(result) == [0, 0]  # 3 tokens after the first failure, 2 after the second
    assert result.summary["attempts"]["held_back"] == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_timeout_is_a_failure_and_an_order_is_none(engine: Engine) -> None:
    law = {"at": "client", "law": "retry_throttle", "cap": 3, "earn": 1.0}
    people = {"attempts": 9, "retry_delay": "10ms", "timeout": "5ms"}
    slow = [{"name": "till", "servers": 100, "service": "6ms"}]
    # each stops waiting at 5 ms: 2 tokens left, more than half; a retry at 15 ms fails too: 1
    assert sent(live(engine, [0], law, people=people, stages=slow)) == [0, 0]
    assert sent(live(engine, [0, 2], law, people={**people, "timeout": "7ms"}, stages=slow)) == [0, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_sre_throttle_holds_back_by_a_draw_of_the_try(engine: Engine) -> None:
    law = {"at": "client", "law": "sre_throttle", "k": 1.0, "window": "10s"}
    at_ms = list(range(0, 40, 2))
    goes = [
        want
        for want in range(len(at_ms))
        # all before were refused: want / (want + 1) of the next are held back
        if draws.uniform(draws.key(1, Stream.HELD_BACK, want, 1), 0) * (want + 1) >= want
    ]
    assert 1 < len(goes) < 10
    assert sent(live(engine, at_ms, law, stages=BROKEN)) == goes


BREAKER = {"at": "client", "law": "circuit_breaker", "last_calls": 2, "least_calls": 2, "open_for": "10ms", "probes": 1}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_circuit_breaker_opens_and_sends_a_probe(engine: Engine) -> None:
    # two failures by 3 ms: open until 13; one probe then, which fails at 14: open until 24
    result = live(engine, [0, 2, 5, 12, 13, 13, 23, 24], BREAKER, stages=BROKEN)
    assert sent(result) == [0, 1, 4, 7]
    assert result.summary["attempts"]["held_back"] == 4


@pytest.mark.parametrize("engine", ENGINES)
def test_a_probe_that_a_later_law_holds_back_is_given_back(engine: Engine) -> None:
    window = {"at": "client", "law": "fixed_window", "limit": 2, "window": "20ms"}
    # the probe of 13 ms does not go; that of 21 ms does
    assert sent(live(engine, [0, 2, 13, 21], BREAKER, window, stages=BROKEN)) == [0, 1, 3]


AIMD = {"law": "aimd", "start": 2, "least": 1, "most": 3, "backoff": 0.5, "longest_rtt": "1s"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["gateway", "stage:till"])
def test_an_aimd_grows_with_what_ends_well(engine: Engine, at: str) -> None:
    # two of three go in at 0 and end well, each in its turn: 3, the most; so three of four go in at 5 ms
    at_ms = [0, 0, 0, 5, 5, 5, 5]
    assert placed_at(live(engine, at_ms, {"at": at, **AIMD}), at_ms) == [0, 0, 5, 5, 5]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["gateway", "stage:till"])
def test_an_aimd_is_cut_by_what_fails(engine: Engine, at: str) -> None:
    # the first fails at 1 ms, which leaves 1; so one of two goes in at 5 ms
    result = live(engine, [0, 5, 5], {"at": at, **AIMD}, stages=BROKEN)
    assert answers(result) == ["error", "error", "shed"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_later_refusal_gives_the_slot_of_an_aimd_back_and_teaches_it_nothing(engine: Engine) -> None:
    window = {"at": "gateway", "law": "fixed_window", "limit": 2, "window": "5ms"}
    at_ms = [0, 0, 0, 5, 5]
    # the third of 0 is refused by the slots, not by the window, which has let two in
    assert answers(live(engine, at_ms, {"at": "gateway", **AIMD}, window)) == [
        "placed",
        "placed",
        "shed",
        *2 * ["placed"],
    ]
    assert answers(live(engine, at_ms, {"at": "gateway", **AIMD, "start": 3}, {**window, "limit": 1})) == [
        "placed",
        "throttled",
        "throttled",
        "placed",
        "throttled",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_breaker_at_a_stage_hears_of_it_alone(engine: Engine) -> None:
    breaker = {**BREAKER, "at": "stage:till"}
    # two failures by 3 ms; the third is refused at 5 ms and told 8 ms, in whole seconds
    result = live(engine, [0, 2, 5, 13], breaker, stages=BROKEN)
    assert answers(result) == ["error", "error", "throttled", "error"]
    assert result.attempts is not None
    assert result.attempts["retry_after_s"].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_done_is_told_before_what_its_server_drops(engine: Engine) -> None:
    """One is done and makes room, and two whose people have left are dropped at that turn."""
    stages = [{"name": "till", "servers": 1, "service": "6ms", "deadline": True}]
    aimd = {"at": "stage:till", **AIMD, "start": 4, "least": 1, "most": 9}
    people = {"timeout": "5ms"}
    # in flight 1, 2, 3 at 4: at 6 ms the first leaves 4 as it is (2 * 1 < 4), the others leave 2, then 1;
    # were the drops first, they would leave 2 and 1, and the first would make it 2
    at_ms = [0, 0, 0, 20, 20]
    assert answers(live(engine, at_ms, aimd, people=people, stages=stages)) == ["timed_out"] * 4 + ["shed"]


def answered_ms(result: RunResult) -> list[float]:
    """Return when each attempt was answered, in ms."""
    assert result.attempts is not None
    return [ns / 1_000_000 for ns in result.attempts["answered_ns"].tolist()]


ONE_BY_ONE: dict[str, Tree] = {
    "gateway": {"gateway": {"servers": 1, "admit": "4ms"}, "stages": [{"name": "till", "servers": 9, "service": "0s"}]},
    "till": {"stages": [{"name": "till", "servers": 1, "service": "4ms"}]},
    "model": {
        "stages": [
            {"name": "model", "kind": "batching", "replicas": 1, "prompt": 0, "output": 1, "step": "4ms"}
            | {"slots": 1, "step_tokens": 1}
        ]
    },
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("queue", sorted(ONE_BY_ONE))
def test_codel_drops_what_waited_twice_the_target_while_the_queue_stands(engine: Engine, queue: str) -> None:
    law = {"at": f"queue:{queue}", "law": "codel", "interval": "10ms", "target": "1ms"}
    result = live(engine, [0] * 8, law, **ONE_BY_ONE[queue])
    # an interval begins at 4 ms, whose shortest wait is 4 ms; so does the next, at 16: its first is served, others not
    assert answers(result) == ["placed"] * 5 + ["shed"] * 3
    assert answered_ms(result) == [4, 8, 12, 16, 20, 20, 20, 20]
    assert result.summary["invariants"]["violated"] == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("queue", sorted(ONE_BY_ONE))
def test_adaptive_lifo_serves_the_newest_once_the_queue_stands(engine: Engine, queue: str) -> None:
    law = {"at": f"queue:{queue}", "law": "adaptive_lifo", "standing": "10ms", "short": "3ms"}
    result = live(engine, [0, 1, 2, 3, 10, 11], law, **ONE_BY_ONE[queue])
    # last empty at 1 ms: oldest first at 4 and 8, newest at 12; at 16 the one of 3 ms has waited over 10 ms
    assert answers(result) == ["placed", "placed", "placed", "shed", "placed", "placed"]
    assert answered_ms(result) == [4, 8, 12, 16, 20, 16]


@pytest.mark.parametrize("engine", ENGINES)
def test_adaptive_lifo_lets_who_came_into_a_standing_queue_wait_shortly(engine: Engine) -> None:
    law = {"at": "queue:till", "law": "adaptive_lifo", "standing": "5ms", "short": "3ms"}
    result = live(engine, [0, 1, 2, 7, 7], law, **ONE_BY_ONE["till"])
    # last empty at 1 ms, so it stands at 7. At 8 the one of 2 ms has waited over 5, and the newest of 7 is served;
    # at 12 the other has waited 5 ms, which would do had it not come into a standing queue
    assert answers(result) == ["placed", "placed", "shed", "shed", "placed"]
    assert answered_ms(result) == [4, 8, 8, 12, 12]


@pytest.mark.parametrize("engine", ENGINES)
def test_hot_keys_have_a_bucket_each_and_some_a_rate_of_their_own(engine: Engine) -> None:
    law = {"at": "gateway", "law": "hot_key", "key": "person", "rate": "1/s", "burst": 1}
    law |= {"overrides": [{"value": 1, "rate": "1/s", "burst": 3}]}
    people = {"attempts": 4, "retry_delay": "10ms", "heeds_retry_after": False}
    result = live(engine, [0, 1], law, people=people, stages=BROKEN)
    assert answers(result) == ["error", *3 * ["throttled"], *3 * ["error"], "throttled"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_that_made_room_is_fresh_when_it_comes_back(engine: Engine) -> None:
    law = {"at": "gateway", "law": "hot_key", "key": "person", "rate": "1/s", "burst": 1, "most_keys": 1}
    people = {"attempts": 2, "retry_delay": "10ms", "heeds_retry_after": False}
    # each comes twice, and the other one between
    assert answers(live(engine, [0, 5], law, people=people, stages=BROKEN)) == ["error"] * 4
    assert answers(live(engine, [0, 5], {**law, "most_keys": 2}, people=people, stages=BROKEN)) == 2 * [
        "error",
        "throttled",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hot_store_is_the_one_that_would_be_picked_first(engine: Engine) -> None:
    street: Tree = {"street": {"zones": 1, "stores_per_zone": 2}}
    street["kitchens"] = {"kind": "clock", "cups_per_hour": 10**9}
    free = live(engine, list(range(20)), **street)
    assert free.orders is not None
    stores = free.orders["store"].tolist()
    law = {"at": "gateway", "law": "hot_key", "key": "store", "rate": "1/s", "burst": 3}
    result = live(engine, list(range(20)), law, **street)
    first_three = {want for store in (0, 1) for want in [w for w in range(20) if stores[w] == store][:3]}
    assert len(first_three) == 6
    assert placed_at(result, list(range(20))) == sorted(first_three)


@pytest.mark.parametrize("engine", ENGINES)
def test_who_is_served_hears_before_those_whom_the_server_drops(engine: Engine) -> None:
    throttle = {"at": "client", "law": "retry_throttle", "cap": 3, "earn": 1.0}
    queue = {"at": "queue:till", "law": "adaptive_lifo", "standing": "1ms"}
    street: Tree = {"street": {"zones": 1, "stores_per_zone": 1}}
    street["kitchens"] = {"kind": "clock", "cups_per_hour": 60, "closed": 1.0}
    people = {"attempts": 2, "retry_delay": "10ms"}
    result = live(engine, [0, 0, 0], throttle, queue, people=people, **street, **ONE_BY_ONE["till"])
    # at 4 ms one finds no store, which earns nothing where no token is missing; then two are shed: 1 token of 3 is left
    assert answers(result) == ["store", "shed", "shed"]
    assert result.summary["attempts"]["held_back"] == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_retries_ride_on_the_ticket_of_a_want_that_was_let_in(engine: Engine) -> None:
    window = {"at": "gateway", "law": "fixed_window", "limit": 2, "window": "100ms"}
    people = {"attempts": 4, "retry_delay": "10ms", "heeds_retry_after": False}
    # without a ticket the window lets in the first tries, at 0 and 5 ms, and none of the retries
    charged = live(engine, [0, 5], window, people=people, stages=BROKEN)
    assert answers(charged) == ["error", *3 * ["throttled"]] * 2
    # admitted at 0: ridden on at 11 and 22 ms, worth nothing in the very ns in which it ends
    ridden = live(engine, [0, 5], {**window, "ticket": "33ms"}, people=people, stages=BROKEN)
    assert answers(ridden) == [*3 * ["error"], "throttled"] * 2
    assert answers(live(engine, [0, 5], {**window, "ticket": "33001us"}, people=people, stages=BROKEN)) == ["error"] * 8


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ticket_stays_where_a_later_law_refuses_and_is_not_prolonged(engine: Engine) -> None:
    first = {"at": "gateway", "law": "fixed_window", "limit": 1, "window": "1s", "ticket": "25ms"}
    then = {"at": "gateway", "law": "fixed_window", "limit": 1, "window": "10ms"}
    people = {"attempts": 4, "retry_delay": "9ms", "heeds_retry_after": False}
    result = live(engine, [0, 1], first, then, people=people, stages=BROKEN)
    # the first rides at 10 and 20 ms, and at 30 no more; the other never had one
    assert answers(result) == [*3 * ["error"], "throttled", *4 * ["throttled"]]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ticket_of_a_stage_is_good_at_that_stage(engine: Engine) -> None:
    bucket = {"at": "stage:till", "law": "token_bucket", "rate": "1/s", "burst": 1, "ticket": "1s"}
    result = live(engine, [0, 5], bucket, people={"attempts": 2, "retry_delay": "10ms"}, stages=BROKEN)
    assert answers(result)[:2] == ["error", "error"]
    assert answers(result)[2] == "throttled"


ROOM = {"at": "gateway", "law": "waiting_room", "rate": "100/s", "burst": 1, "hold": "8ms"}
ASKS = {"attempts": 99, "retry_delay": "4ms", "heeds_retry_after": False}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_waiting_room_calls_one_after_another_and_who_asks_again_keeps_the_place(engine: Engine) -> None:
    result = live(engine, [0, 1, 2, 10], ROOM, people=ASKS)
    # credit comes at 0 (none), 10, 20, 30 ms: the first are called when they next ask, the last joins behind them
    assert result.orders is not None
    assert [ns / 1_000_000 - 1 for ns in result.orders["placed_ns"].tolist()] == [12, 21, 30, 42]
    assert result.summary["attempts"]["throttled"] == 3 + 5 + 7 + 8


@pytest.mark.parametrize("engine", ENGINES)
def test_who_stops_asking_loses_the_place_and_nobody_waits_for_them(engine: Engine) -> None:
    lazy = {**ASKS, "retry_delay": "9ms"}  # longer than the hold: each time at the end of the line again
    result = live(engine, [0, 1, 2, 3, 4], ROOM, people=lazy)
    assert result.orders is not None
    assert min(result.orders["placed_ns"].tolist()) > 10_000_000
    busy = live(engine, [0, 1], {**ROOM, "hold": "4ms"}, people={**ASKS, "attempts": 1})
    assert answers(busy) == ["throttled"] * 2
    assert busy.attempts is not None
    assert busy.attempts["retry_after_s"].tolist() == [1, 1]  # half of the hold, in whole seconds


@pytest.mark.parametrize("engine", ENGINES)
def test_a_waiting_room_whose_rate_turns_grants_what_came_before_at_the_old_one(engine: Engine) -> None:
    turns = {"name": "turns", "knob": "admission.law0.rate", "steps": [["15ms", "200/s"]]}
    result = live(engine, [0, 1, 2, 10], ROOM, people=ASKS, timelines=[turns])
    # credit comes at 10 and then, 5 ms apart, at 15, 20 and 25 ms
    assert result.orders is not None
    assert [ns / 1_000_000 - 1 for ns in result.orders["placed_ns"].tolist()] == [12, 17, 22, 26]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_waiting_room_calls_as_the_slowest_of_its_stages_can_take_more(engine: Engine) -> None:
    stages = [{"name": name, "servers": 100, "service": "1ms"} for name in ("desk", "till")]
    room = {key: value for key, value in ROOM.items() if key != "rate"}
    room |= {"rates": {"desk": "100/s", "till": "50/s"}}
    turns = {"name": "turns", "knob": "admission.law0.rates.till", "steps": [["45ms", "200/s"]]}
    result = live(engine, [0, 1, 2, 10], room, people=ASKS, stages=stages, timelines=[turns])
    # the till has room for one at 20 and 40 ms, then at 45, 50, ...; the desk at 10, 20, 30, ..., and saves up one:
    # called at 20, 40 (the desk's of 30 and 40 are one), 50 and 60 ms, and there when they next ask
    assert result.orders is not None
    assert [ns / 1_000_000 - 2 for ns in result.orders["placed_ns"].tolist()] == [20, 41, 50, 62]


@pytest.mark.parametrize("engine", ENGINES)
def test_time_at_a_slow_rate_is_no_credit_at_a_quick_one(engine: Engine) -> None:
    turns = {"name": "turns", "knob": "admission.law0.rate", "steps": [["100ms", "100/s"]]}
    result = live(engine, [0, 1, 2], {**ROOM, "rate": "1/s"}, people=ASKS, timelines=[turns])
    # one is due at 100 ms, the others 10 ms apart
    assert result.orders is not None
    assert [ns / 1_000_000 - 1 for ns in result.orders["placed_ns"].tolist()] == [100, 113, 122]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_full_waiting_room_sheds(engine: Engine) -> None:
    result = live(engine, [0, 1, 2], {**ROOM, "most": 2}, people={**ASKS, "attempts": 1})
    assert answers(result) == ["throttled", "throttled", "shed"]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_saved_up_before_anybody_comes_is_a_burst(engine: Engine) -> None:
    result = live(engine, [0, 500, 500, 500], {**ROOM, "burst": 2}, people={**ASKS, "attempts": 1})
    assert answers(result) == ["throttled", "placed", "placed", "throttled"]


@pytest.mark.parametrize("engine", ENGINES)
def test_nobody_is_called_before_it_opens_and_those_who_came_before_are_shuffled(engine: Engine) -> None:
    at_ms = list(range(20))
    orders = []
    for order in ("fifo", "shuffle"):
        room = {**ROOM, "order": order, "opens": "100ms", "hold": "1s"}
        result = live(engine, [*at_ms, 150], room, people=ASKS)
        assert result.orders is not None
        placed_ns = result.orders["placed_ns"].tolist()
        assert min(placed_ns) > 110_000_000
        assert placed_ns[-1] == max(placed_ns)
        orders.append(sorted(at_ms, key=lambda want: placed_ns[want]))
    # each asks every 4 ms, so that those called at the same time may come in another order, but near to it
    assert all(abs(place - want) <= 4 for place, want in enumerate(orders[0]))
    assert any(abs(place - want) > 4 for place, want in enumerate(orders[1]))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_retry_of_who_was_called_rides_on_the_ticket(engine: Engine) -> None:
    people = {**ASKS, "attempts": 8}
    room = {**ROOM, "rate": "50/s"}
    # called at 20 ms, and let in again at 25, within the hold; at 30 the place is gone
    result = live(engine, [0], room, people=people, stages=BROKEN)
    assert answers(result) == [*5 * ["throttled"], "error", "error", "throttled"]
    result = live(engine, [0], {**room, "ticket": "1s"}, people=people, stages=BROKEN)
    assert answers(result) == [*5 * ["throttled"], *3 * ["error"]]


FAST_THEN_SLOW = [{"name": "slow", "at": "15ms", "for": "1s", "set": {"stages.till.slowdown": 9.0}}]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_vegas_grows_while_work_takes_no_longer_than_the_shortest(engine: Engine) -> None:
    law = {"at": "stage:till", "law": "vegas", "start": 1, "least": 1, "most": 9}
    # the first call is the shortest so far, and changes nothing; the second finds no queue: 1 + 6
    at_ms = [0, 0, 10, 10, 20, 20, 20, 20, 20, 20, 20, 20]
    assert placed_at(live(engine, at_ms, law), at_ms) == [0, 10, *[20] * 7]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_vegas_is_cut_where_work_takes_longer_than_it_did(engine: Engine) -> None:
    law = {"at": "gateway", "law": "vegas", "start": 8, "least": 1, "most": 8}
    # after 1 ms 9 ms: of 8 inside ceil(8 - 8 / 9) wait, over 6; each of the 8 that end takes a place away
    at_ms = [0, *[20] * 8, *[40] * 8]
    placed = placed_at(live(engine, at_ms, law, incidents=FAST_THEN_SLOW), at_ms)
    assert placed[:9] == [0, *[20] * 8]
    assert 1 <= len(placed) - 9 < 8


@pytest.mark.parametrize("engine", ENGINES)
def test_a_gradient_of_samples_lets_in_a_queue_more_while_times_stay(engine: Engine) -> None:
    law = {"at": "stage:till", "law": "gradient2", "start": 2, "least": 1, "most": 9, "queue": 5, "smoothing": 1.0}
    law |= {"sample": "1ms", "least_calls": 1}
    # the first that ends is a sample of its own: 2 * 1 + 5 places; the other of 0 ms ends within the next sample
    at_ms = [0, 0, 0, *[10] * 9]
    assert placed_at(live(engine, at_ms, law), at_ms) == [0, 0, *[10] * 7]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_gradient_of_medians_holds_the_least_until_it_has_measured(engine: Engine) -> None:
    law = {"at": "gateway", "law": "envoy_gradient", "least": 1, "most": 9, "calls": 2, "update": "5ms", "jitter": 0.0}
    # two answers by 11 ms; one more, by 13; due at 16: 1.25 * 1 + root(1.25), of which whole ones are 2
    at_ms = [0, 0, 10, 10, 12, 17, 17, 17]
    assert placed_at(live(engine, at_ms, law), at_ms) == [0, 10, 12, 17, 17]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("cpu", "in_time"), [(0.142, [0, 0, 0]), (0.143, [0, 0, 0, 1500])])
def test_a_bbr_refuses_while_servers_are_busy_and_more_are_inside_than_went_through(
    engine: Engine, cpu: float, in_time: list[int]
) -> None:
    law = {"at": "stage:till", "law": "bbr_cpu", "cpu": cpu, "bucket": "10ms"}
    stages = [{"name": "till", "servers": 3, "service": "2s"}]
    # all of three servers are busy at 1.5 s, when it is told so three times: 0.050, 0.097, 0.142
    at_ms = [0, 0, 0, 1500]
    result = live(engine, at_ms, law, stages=stages, people={"timeout": "20s"})
    assert placed_at(result, at_ms) == in_time


SLOW_TILL = [{"name": "till", "servers": 1, "service": "10ms"}]
TWO_PRIORITIES = [{"name": "first", "share": 0.5}, {"name": "last", "share": 0.5, "priority": 1}]
BEFORE_THE_TILL = pytest.mark.parametrize("place", [{"at": "stage:till"}, {"at": "gateway", "queue": "till"}])


@pytest.mark.parametrize("engine", ENGINES)
@BEFORE_THE_TILL
def test_a_dagor_refuses_levels_of_people_once_turns_came_late(engine: Engine, place: Tree) -> None:
    law = {**place, "law": "dagor", "window": "15ms", "target": "1ms", "down": 0.5}
    levels = [dagor.person_level(want, 0) for want in range(12)]
    # by 20 ms three of four had their turn, after 0, 10 and 20 ms; the half that would have got in are those of two
    open_to = sorted(levels[:4])[2]
    goes = [want for want in range(4, 12) if levels[want] < open_to]
    assert 0 < len(goes) < 8
    at_ms = [0] * 4 + [20] * 8
    answered = answers(live(engine, at_ms, law, stages=SLOW_TILL))
    assert [want for want in range(4, 12) if answered[want] == "placed"] == goes
    assert set(answered) == {"placed", "shed"}


@pytest.mark.parametrize("engine", ENGINES)
@BEFORE_THE_TILL
def test_a_pi_rejector_refuses_the_less_important_while_more_come_in_than_go_on(engine: Engine, place: Tree) -> None:
    law = {**place, "law": "pi_rejector", "period": "5ms", "kp": 0, "ki": 1}
    # of six that came in two have had their turn by 12 ms: a surplus of twice what went on
    result = live(engine, [0] * 6 + [12] * 6, law, stages=SLOW_TILL, segments=TWO_PRIORITIES)
    assert result.orders is not None
    segments = result.orders["segment"].tolist()
    assert {0, 1} == set(segments[:6]) == set(segments[6:])
    assert answers(result)[:6] == ["placed"] * 6
    assert answers(result)[6:] == ["shed" if segment else "placed" for segment in segments[6:]]


@pytest.mark.parametrize("engine", ENGINES)
@BEFORE_THE_TILL
def test_what_a_later_law_refuses_has_left_a_pi_rejector(engine: Engine, place: Tree) -> None:
    law = {**place, "law": "pi_rejector", "period": "5ms", "kp": 0, "ki": 1}
    later = {"at": place["at"], "law": "fixed_window", "limit": 1, "window": "10ms"}
    result = live(engine, [0] * 6 + [12] * 6, law, later, stages=SLOW_TILL, segments=TWO_PRIORITIES)
    assert answers(result) == (["placed"] + ["throttled"] * 5) * 2


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["gateway", "stage:till"])
def test_a_load_multiplier_lets_in_less_once_work_takes_longer_than_usual(engine: Engine, at: str) -> None:
    law = {"at": at, "law": "load_multiplier", "tick": "100ms", "tolerance": 1.0, "window": "10s"}
    slow = [{"name": "slow", "at": "95ms", "for": "1s", "set": {"stages.till.slowdown": 9.0}}]
    # ten calls of 1 ms, in the next tick ten of 9: 5 is usual, so 5/9 of ten a tick, 55 a second, its burst
    at_ms = [*range(0, 100, 10), *range(100, 200, 10), *[200] * 70]
    placed = placed_at(live(engine, at_ms, law, incidents=slow), at_ms)
    assert len(placed) == 20 + 55


@pytest.mark.parametrize("engine", ENGINES)
def test_a_load_multiplier_says_when_to_come_back(engine: Engine) -> None:
    law = {"at": "gateway", "law": "load_multiplier", "tick": "100ms", "tolerance": 0.5, "window": "10s"}
    # one call a tick, which takes twice what it may: half of ten a second are 5
    result = live(engine, [0, *[100] * 6], law)
    assert answers(result) == ["placed"] * 6 + ["throttled"]
    assert result.attempts is not None
    assert result.attempts["retry_after_s"].tolist()[-1] == 1


CREDITS = {"at": "gateway", "law": "breakwater", "queue": "till"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("key", ["global", "segment", "zone"])
def test_a_breakwater_lets_in_as_many_as_there_are_credits(engine: Engine, key: str) -> None:
    law = {**CREDITS, "key": key, "target": "100ms", "round_trip": "1s"}
    clients: Tree = {"segments": [{"name": "all", "share": 1.0}], "street": {"zones": 1, "stores_per_zone": 1}}
    # two servers, so two credits at first; each is free again after 10 ms
    result = live(engine, [0, 0, 0, 9, 10, 15, 20], law, stages=two_at_once("10ms"), **clients)
    assert answers(result) == ["placed", "placed", "shed", "shed", "placed", "placed", "placed"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_breakwater_lends_more_each_round_trip_while_the_queue_is_short(engine: Engine) -> None:
    law = {**CREDITS, "target": "100ms", "round_trip": "10ms", "increase": 1}
    at_ms = [0] * 4 + [9] * 2 + [10] * 2 + [30] * 4
    # of one client: 2 credits, at 10 ms 3, at 30 ms 5
    placed = placed_at(live(engine, at_ms, law, stages=two_at_once("500ms"), people={"timeout": "9s"}), at_ms)
    assert placed == [0, 0, 10, 30, 30]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_breakwater_takes_credits_back_and_drops_what_comes_to_a_long_queue(engine: Engine) -> None:
    law = {**CREDITS, "target": "10ms", "round_trip": "15ms", "increase": 6, "decrease": 0.5}
    # 1 credit, at 15 ms 7: one is served from 0 on, six of those at 15 wait; by 30 ms they have for 15, half as long
    # again as they may: 1 - 0.5 * 0.5 of 7 are 5; by 45 ms for 30: half of 5 are left
    stages = [{"name": "till", "servers": 1, "service": "1s"}]
    at_ms = [0, 0] + [15] * 7 + [30, 45]
    result = live(engine, at_ms, law, stages=stages, people={"timeout": "9s"}, horizon="20s")
    assert answers(result) == ["placed", "shed"] + ["placed"] * 6 + ["shed"] * 3


@pytest.mark.parametrize("engine", ENGINES)
def test_a_call_with_a_credit_is_dropped_where_the_oldest_has_waited_twice_the_target(engine: Engine) -> None:
    law = {**CREDITS, "target": "10ms", "round_trip": "1s"}
    other = {"name": "desk", "servers": 9, "service": "19ms"}
    # two servers and two credits; the till is shut while the first waits there; the second comes 20 ms later
    shut = [{"name": "shut", "at": "1ms", "for": "60ms", "set": {"stages.till.servers": 0}}]
    for second_ms, answer in ((19, "placed"), (20, "shed")):
        result = live(engine, [0, second_ms], law, stages=[other, *two_at_once("1ms")], incidents=shut)
        assert answers(result) == ["placed", answer]
        assert result.attempts is not None
        assert result.attempts["stage"].tolist() == [2, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_later_law_refuses_gives_its_credit_back(engine: Engine) -> None:
    law = {**CREDITS, "target": "100ms", "round_trip": "1s"}
    later = {"at": "gateway", "law": "fixed_window", "limit": 1, "window": "20ms"}
    result = live(engine, [0, 0, 0, 0, 20], law, later, stages=two_at_once("100ms"))
    assert answers(result) == ["placed", "throttled", "throttled", "throttled", "placed"]


def two_at_once(service: str) -> list[Tree]:
    return [{"name": "till", "servers": 2, "service": service}]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", ["gateway", "stage:till"])
def test_a_seda_lets_in_less_while_work_takes_too_long_and_says_when_to_come_back(engine: Engine, at: str) -> None:
    law = {"at": at, "law": "seda", "target": "1ms", "start": "100/s", "calls": 1, "divisor": 2, "every": "9s"}
    # one each 10 ms; the first took 10 ms, 3 in the mean: one each 20 ms; the second 5.1: 40, of which half is there
    result = live(engine, [0, 5, 10, 20, 39, 40, 41], law, stages=two_at_once("10ms"))
    refused = [False, True, False, True, True, False, True]
    assert answers(result) == ["throttled" if each else "placed" for each in refused]
    assert result.attempts is not None
    assert result.attempts["retry_after_s"].tolist() == refused


@pytest.mark.parametrize("engine", ENGINES)
def test_a_seda_lets_in_more_while_work_is_quick(engine: Engine) -> None:
    law = {"at": "gateway", "law": "seda", "target": "1s", "start": "100/s", "calls": 1, "increase": "1000/s"}
    # after the first + 1000 * (0.997 - 0.1) a second: 1/997 s each
    at_ms = [0, 10, 11, 12, 13]
    result = live(engine, at_ms, law, stages=two_at_once("10ms"))
    assert answers(result) == ["placed", "placed", "throttled", "placed", "throttled"]
