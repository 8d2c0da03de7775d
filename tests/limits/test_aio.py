"""Limiters in asyncio: who waits gets their turn in order, and whoever is cancelled loses nobody anything."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limits.aio import Limiter, Refused, limited, outcome_of
from limits.chain import Chain
from limits.outcomes import FAILURE, IGNORED, SUCCESS
from limits.rules import Aimd, Concurrency, Gcra, Pacing, RetryBudget, Rule, TokenBucket, itself
from limits.verdicts import SHED
from tests.limits.virtual import MS, START_NS, S, ended, run, spin

Clock = Callable[[], int]


def limiter(clock: Clock, *rules: Rule, longest_wait_s: float = 60, most_waiting: int = 1000) -> Limiter:
    return Limiter(Chain(*rules, clock=clock), longest_wait_s=longest_wait_s, most_waiting=most_waiting)


def test_whoever_is_refused_at_once_hears_the_law_and_when_to_come_back() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Gcra("door", 1, 10, burst=1), longest_wait_s=0)
        async with door() as permit:
            assert permit.wait_ns == 0
        with pytest.raises(Refused, match=r"^refused by door: come back in 10 s$") as refused:
            async with door():
                pytest.fail("it was let in")
        assert (refused.value.law, refused.value.retry_after) == ("door", 10)
        with pytest.raises(Refused, match=r"^refused by door: nobody can say when to come back$"):
            await door(cost=2).__aenter__()
        assert clock() == START_NS

    run(main)


def test_those_who_wait_come_in_their_order_and_when_the_law_says() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Gcra("door", 2, burst=2))
        came: list[tuple[str, int]] = []

        async def person(name: str, cost: int) -> None:
            async with door(cost=cost):
                came.append((name, (clock() - START_NS) // MS))

        people = [asyncio.create_task(person(name, cost)) for name, cost in [("a", 2), ("b", 2), ("c", 1), ("d", 1)]]
        await asyncio.gather(*people)
        assert came == [("a", 0), ("b", 1000), ("c", 1500), ("d", 2000)]
        assert (door.waiting, door._lines) == (0, {})

    run(main)


def test_nobody_passes_those_who_wait_not_even_at_once() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Gcra("door", 1, burst=3))
        await door(cost=2).__aenter__()
        waits = asyncio.create_task(door(cost=3).__aenter__())
        await spin()
        late = door.ask()
        assert not late.admitted
        assert (late.law, late.wait_ns) == ("door", 2 * S)
        with pytest.raises(Refused, match="come back in 2 s"):
            await door(longest_wait_s=0).__aenter__()
        with pytest.raises(Refused):
            await door(longest_wait_s=1).__aenter__()
        await waits
        assert clock() == START_NS + 2 * S

    run(main)


def test_whoever_waits_for_their_own_key_keeps_nobody_else_waiting() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Gcra("all", 100, burst=100), Gcra("person", 1, burst=1, by=itself))
        came: list[tuple[str, int]] = []

        async def person(name: str) -> None:
            async with door(name):
                came.append((name, (clock() - START_NS) // MS))

        await asyncio.gather(*(asyncio.create_task(person(name)) for name in "aaabb"))
        assert came == [("a", 0), ("b", 0), ("a", 1000), ("b", 1000), ("a", 2000)]

    run(main)


def test_whoever_goes_on_to_another_line_stands_there_by_their_arrival() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Gcra("person", 1, burst=1, by=itself), Concurrency("inside", 1))
        came: list[tuple[str, int]] = []

        async def person(name: str, stays_s: float) -> None:
            async with door(name):
                came.append((name, (clock() - START_NS) // MS))
                await asyncio.sleep(stays_s)

        await asyncio.gather(*(asyncio.create_task(person(name, 3)) for name in "aab"))
        assert came == [("a", 0), ("a", 3000), ("b", 6000)]

    run(main)


def test_a_place_that_is_given_back_goes_to_the_first_who_waits() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Concurrency("inside", 3))
        came: list[str] = []
        leave = {name: asyncio.Event() for name in "abcde"}

        async def person(name: str, cost: int) -> None:
            async with door(cost=cost):
                came.append(name)
                await leave[name].wait()

        tasks = []
        for name, cost in [("a", 2), ("b", 1), ("c", 3), ("d", 1), ("e", 2)]:
            tasks.append(asyncio.create_task(person(name, cost)))
            await spin()
        assert came == ["a", "b"]
        leave["a"].set()
        await spin()
        assert came == ["a", "b"]  # c wants three, and d and e do not pass
        leave["b"].set()
        await spin()
        assert came == ["a", "b", "c"]
        leave["c"].set()
        await spin()
        assert came == ["a", "b", "c", "d", "e"]
        for event in leave.values():
            event.set()
        await asyncio.gather(*tasks)
        assert clock() == START_NS

    run(main)


def test_a_place_given_back_by_hand_wakes_who_waits() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Concurrency("inside", 1))
        held = door.ask()
        assert held.admitted
        waits = asyncio.create_task(door().__aenter__())
        await spin()
        held.release()
        await waits

    run(main)


def test_whoever_comes_after_a_place_was_freed_for_another_waits_behind_them() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Concurrency("inside", 1))
        held = await door().__aenter__()
        first = asyncio.create_task(door().__aenter__())
        await spin()
        held.release()  # nobody is inside, and the first has not run yet
        second = asyncio.create_task(door().__aenter__())
        third = door().__aenter__()
        asyncio.get_running_loop().call_later(1, lambda: first.result().release())
        (await third).release()
        (await second).release()
        assert clock() == START_NS + S

    run(main)


def test_whoever_has_waited_long_enough_is_refused_and_the_next_gets_the_turn() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Concurrency("inside", 1))
        held = await door().__aenter__()
        short = asyncio.create_task(door(longest_wait_s=1).__aenter__())
        await spin()
        long = asyncio.create_task(door(longest_wait_s=5).__aenter__())
        with pytest.raises(Refused, match="inside: nobody can say"):
            await short
        assert clock() == START_NS + S
        held.release()
        await long
        assert clock() == START_NS + S

    run(main)


def test_whoever_could_not_be_admitted_in_time_is_refused_at_once() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Gcra("door", 1, 10, burst=1), longest_wait_s=9)
        await door().__aenter__()
        with pytest.raises(Refused, match="come back in 10 s"):
            await door().__aenter__()
        budget = limiter(clock, RetryBudget("retries", cap=0.5))
        with pytest.raises(Refused):  # never
            await budget(cost={"retries": 1}).__aenter__()
        assert clock() == START_NS

    run(main)


def test_only_so_many_wait() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Concurrency("inside", 1), most_waiting=2)
        held = await door().__aenter__()
        waits = [asyncio.create_task(door().__aenter__()) for _ in range(4)]
        await spin()
        assert door.waiting == 2
        assert [task.done() for task in waits] == [False, False, True, True]
        held.release()
        await spin()
        waits[1].cancel()
        found = await ended(*waits)
        assert [type(one).__name__ for one in found] == ["Permit", "CancelledError", "Refused", "Refused"]
        assert door.waiting == 0

    run(main)


def test_whoever_is_cancelled_gives_up_the_place_whether_or_not_it_was_their_turn() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Concurrency("inside", 1))
        held = await door().__aenter__()
        waits = [asyncio.create_task(door().__aenter__()) for _ in range(4)]
        await spin()
        waits[1].cancel()  # waiting behind the first
        held.release()  # wakes the first
        waits[0].cancel()  # before it runs
        (await waits[2]).release()
        (await waits[3]).release()
        assert [task.cancelled() for task in waits] == [True, True, False, False]
        assert (door.waiting, door._lines) == (0, {})
        assert clock() == START_NS

    run(main)


def test_whoever_is_cancelled_while_pacing_gives_places_back() -> None:
    async def main(clock: Clock) -> None:
        inside = Concurrency("inside", 5)
        door = limiter(clock, inside, Pacing("paced", 1, longest_wait_s=9))
        (await door().__aenter__()).release()
        waits = asyncio.create_task(door().__aenter__())
        await spin()
        assert inside.inside() == 1
        waits.cancel()
        await ended(waits)
        assert inside.inside() == 0
        await door().__aenter__()
        assert clock() == START_NS + 2 * S  # the place in the pace stays taken

    run(main)


def test_a_limiter_belongs_to_one_loop_while_that_is_open() -> None:
    door = Limiter(Chain(Concurrency("inside", 1)), longest_wait_s=1)

    async def enter() -> None:
        async with door():
            pass

    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        first.run_until_complete(enter())
        with pytest.raises(RuntimeError, match="used in another event loop, which is open: make one for each loop"):
            second.run_until_complete(enter())
        first.close()
        second.run_until_complete(enter())
    finally:
        first.close()
        second.close()


def test_a_loop_that_was_closed_on_people_waiting_leaves_nobody_in_line() -> None:
    door = Limiter(Chain(Concurrency("inside", 1)), longest_wait_s=10)
    held = door.ask()

    async def wait() -> None:
        async with door():
            pass

    loop = asyncio.new_event_loop()
    task = loop.create_task(wait())
    loop.run_until_complete(asyncio.sleep(0.01))
    assert door.waiting == 1
    loop.close()
    assert held.admitted
    held.release()
    asyncio.run(wait())
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    gc.collect()
    assert (door.waiting, door._lines) == (0, {})


def test_a_decorated_function_enters_at_each_call() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, TokenBucket("tokens", 1, burst=5, unit="tokens", by=itself), longest_wait_s=0)

        @limited(door, subject=lambda person, text: person, cost=lambda person, text: {"tokens": len(text)})
        async def infer(person: str, text: str) -> str:
            """Say it louder."""
            return text.upper()

        assert (infer.__name__, infer.__doc__) == ("infer", "Say it louder.")
        assert await infer("alice", "milk") == "MILK"
        assert await infer("bob", "milk") == "MILK"
        with pytest.raises(Refused, match="refused by tokens: come back in 3 s"):
            await infer("alice", text="milk")

    run(main)
    with pytest.raises(TypeError, match="is for async functions"):
        limited(Limiter(Chain(Gcra("a", 1))))(outcome_of)  # type: ignore[arg-type]


def test_laws_that_learn_hear_how_a_block_ended() -> None:
    async def main(clock: Clock) -> None:
        rule = Concurrency("inside", Aimd(start=2, least=1, most=9, backoff=0.5))
        door = limiter(clock, rule)
        async with door():
            pass
        assert rule.quota() == 3
        with pytest.raises(TimeoutError):
            async with door():
                raise TimeoutError
        assert rule.quota() == 1
        with pytest.raises(LookupError):
            async with door():
                raise LookupError
        async with door() as permit:
            permit.release(FAILURE)
        assert (rule.quota(), rule.inside()) == (1, 0)

    run(main)
    ends = [None, TimeoutError(), asyncio.CancelledError(), OSError()]
    assert [outcome_of(error) for error in ends] == [SUCCESS, FAILURE, IGNORED, IGNORED]


@pytest.mark.parametrize("arguments", [{"longest_wait_s": -1}, {"longest_wait_s": math.inf}, {"most_waiting": -1}])
def test_a_wait_without_bound_is_an_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need 0 or more"):
        Limiter(Chain(Gcra("a", 1)), **arguments)


KINDS: list[Callable[[], list[Rule]]] = [
    lambda: [Concurrency("inside", 3)],
    lambda: [Concurrency("inside", 3, by=itself, slots=2)],
    lambda: [Gcra("all", 4, burst=3)],
    lambda: [Gcra("person", 4, burst=3, by=itself)],
    lambda: [Gcra("person", 4, burst=3, by=itself), Concurrency("inside", 3)],
    lambda: [Concurrency("own", 3, by=itself), Gcra("all", 4, burst=3), Concurrency("inside", 4)],
    lambda: [Gcra("all", 9, burst=9), TokenBucket("tokens", 2, burst=3, unit="tokens"), Concurrency("inside", 3)],
    lambda: [Concurrency("inside", 3), Pacing("paced", 9, longest_wait_s=1)],
]
people = st.lists(
    st.fixed_dictionaries(
        {
            "after_ms": st.sampled_from([0, 0, 0, 1, 100, 700]),
            "key": st.sampled_from("aab"),
            "cost": st.sampled_from([1, 1, 2, 3, {"tokens": 2, "calls": 1}]),
            "stays_ms": st.sampled_from([0, 0, 1, 50, 800]),
            "patience_s": st.sampled_from([0, 0.5, 2, 60]),
            "cancelled_ms": st.sampled_from([None, None, 0, 1, 100, 250, 800]),
            "spins": st.integers(0, 4),
        }
    ),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, max_examples=150)
@given(kind=st.sampled_from(KINDS), crowd=people)
def test_whatever_is_cancelled_nobody_hangs_and_nothing_stays_taken(
    kind: Callable[[], list[Rule]], crowd: list[dict[str, Any]]
) -> None:
    rules = kind()
    if not any(rule.unit == "tokens" for rule in rules):
        crowd = [{**one, "cost": 1} if isinstance(one["cost"], dict) else one for one in crowd]
    places = [rule for rule in rules if isinstance(rule, Concurrency)]
    inside: dict[tuple[str, Any], int] = {}
    entered: list[int] = []

    async def person(door: Limiter, number: int, one: dict[str, Any]) -> None:
        cost = one["cost"] if isinstance(one["cost"], int) else 1
        async with door(one["key"], one["cost"], longest_wait_s=one["patience_s"]):
            entered.append(number)
            for rule in places:
                who = rule.name, rule.key(one["key"])
                inside[who] = inside.get(who, 0) + cost
                assert inside[who] <= rule.quota()
            try:
                await asyncio.sleep(one["stays_ms"] / 1000)
            finally:
                for rule in places:
                    inside[rule.name, rule.key(one["key"])] -= cost

    async def main(clock: Clock) -> None:
        door = limiter(clock, *rules)
        tasks = []
        loop = asyncio.get_running_loop()
        for number, one in enumerate(crowd):
            await asyncio.sleep(one["after_ms"] / 1000)
            task = asyncio.create_task(person(door, number, one))
            tasks.append(task)
            if one["cancelled_ms"] is not None:
                await spin(one["spins"])
                loop.call_later(one["cancelled_ms"] / 1000, task.cancel)
        found = await ended(*tasks)
        assert {type(one) for one in found} <= {type(None), Refused, asyncio.CancelledError}
        assert (door.waiting, door._lines) == (0, {})
        assert all(rule._inside == ({None: [0]} if rule.by is None else {}) for rule in places)
        _in_order(rules, crowd, entered)

    run(main)


def _in_order(rules: list[Rule], crowd: list[dict[str, Any]], entered: list[int]) -> None:
    """Of one key, with no rule but those of calls, people enter in the order in which they came."""
    if any(rule.unit == "tokens" or rule.paces for rule in rules):
        return
    for key in "ab":
        mine = [number for number in entered if crowd[number]["key"] == key]
        assert mine == sorted(mine)


def test_a_line_in_which_people_come_and_go_keeps_nothing_of_those_who_went() -> None:
    async def main(clock: Clock) -> None:
        door = limiter(clock, Concurrency("inside", 1))
        held = await door().__aenter__()
        first = asyncio.create_task(door().__aenter__())
        await spin()
        for _ in range(100):
            task = asyncio.create_task(door().__aenter__())
            await spin()
            task.cancel()
            await ended(task)
        (line,) = door._lines.values()
        assert (len(line.waiters), door.waiting) == (1, 1)
        held.release()
        await first

    run(main)


def test_where_a_key_has_lost_its_row_in_a_full_table_its_line_is_refused() -> None:
    async def main(clock: Clock) -> None:
        rule = Concurrency("inside", 1, by=itself, slots=1)
        door = limiter(clock, rule)
        held = await door("a").__aenter__()
        waits = asyncio.create_task(door("a").__aenter__())
        await spin()
        held.release()
        other = door.ask("b")  # takes the only row before the one who waits can run
        assert other.admitted
        with pytest.raises(Refused) as refused:
            await waits
        assert refused.value.refusal.answer == SHED
        assert clock() == START_NS

    run(main)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_it_works_in_real_time_in_any_loop(loop: str) -> None:
    if importlib.util.find_spec(loop) is None:
        pytest.skip(f"{loop} is not installed")
    door = Limiter(Chain(Gcra("door", 200, burst=1), Concurrency("inside", 2)), longest_wait_s=30)
    came: list[int] = []

    async def person(number: int) -> None:
        async with door():
            came.append(number)
            await asyncio.sleep(0)

    async def main() -> float:
        begun_s = asyncio.get_running_loop().time()
        tasks = [asyncio.create_task(person(number)) for number in range(20)]
        await asyncio.sleep(0.02)
        tasks[10].cancel()
        await ended(*tasks)
        return asyncio.get_running_loop().time() - begun_s

    factory = importlib.import_module(loop).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        took_s = runner.run(main())
    assert came == [number for number in range(20) if number != 10]
    assert took_s >= 18 * 0.005 - 0.002
