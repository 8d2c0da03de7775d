"""One continuous-batching replica: hand-worked vectors, a simulation of every step, capacity, processor sharing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simulator.reference.replica import WHOLE, Call, Replica, ReplicaLaw, Segment

Arrival = tuple[int, int, int]  # at_ns, prompt, output

VECTOR_ARRIVALS: list[Arrival] = list(
    zip(
        [0, 0, 70, 71, 500, 501, 502, 2000],
        [10, 25, 3, 40, 0, 8, 9, 5],
        [4, 6, 1, 12, 3, 2, 5, 1],
        strict=True,
    )
)
VECTOR_LAW = ReplicaLaw(
    step_ns=10,
    step_per_sequence_ns=2,
    step_per_context_token_ps=500,
    step_per_prefill_token_ns=3,
    step_with_prefill_ns=7,
    slots=3,
    kv_tokens=80,
    step_tokens=16,
    reported_delay_ns=5,
)

H100_14B = ReplicaLaw(  # one H100 with a model of 14 billion parameters (a published calibration), 64 slots
    step_ns=13_578_000,
    step_per_sequence_ns=27_300,
    step_per_context_token_ps=0,
    step_per_prefill_token_ns=39_400,
    step_with_prefill_ns=0,
    slots=64,
    kv_tokens=10**9,
    step_tokens=2048,
)


def run(
    law: ReplicaLaw, arrivals: Sequence[Arrival], watch: Callable[[Replica], None] = lambda replica: None
) -> tuple[list[Call], int]:
    """Run arrivals (by time) through a replica until it is idle; return the calls and the number of events."""
    replica = Replica(law)
    calls = [Call(seq, prompt, output) for seq, (_, prompt, output) in enumerate(arrivals)]
    coming = 0
    wakes = 0
    while coming < len(calls) or replica.wake_ns >= 0:
        if coming < len(calls) and (replica.wake_ns < 0 or arrivals[coming][0] <= replica.wake_ns):
            replica.arrive(calls[coming], arrivals[coming][0])
            coming += 1
        else:
            replica.wake(replica.wake_ns)
            wakes += 1
        watch(replica)
    return calls, coming + wakes


def reported(calls: Sequence[Call]) -> list[tuple[int, int]]:
    return [(call.first_ns, call.finish_ns) for call in calls]


def test_the_reserve_vector_comes_out_with_its_number_of_events() -> None:
    calls, events = run(VECTOR_LAW, VECTOR_ARRIVALS)
    assert [call.first_ns for call in calls] == [52, 185, 185, 494, 593, 593, 706, 2037]
    assert [call.finish_ns for call in calls] == [218, 323, 185, 989, 706, 635, 878, 2037]
    assert events == 23


def test_the_peak_vector_comes_out_with_its_number_of_events() -> None:
    law = replace(VECTOR_LAW, kv_mode="peak", slots=4, kv_tokens=70, gate_steps=2)
    calls, events = run(law, VECTOR_ARRIVALS)
    assert [call.first_ns for call in calls] == [52, 194, 235, 510, 594, 594, 652, 2037]
    assert [call.finish_ns for call in calls] == [194, 339, 235, 1004, 695, 652, 822, 2037]
    assert events == 24


def step_by_step(
    *,
    arrivals: Sequence[Arrival],
    base: int,
    per_sequence: int,
    per_context: int,
    per_prefill: int,
    with_prefill: int,
    slots: int,
    memory: int,
    budget: int,
    gate_steps: int,
    delay: int,
    theta: int,
) -> list[tuple[int, int]]:
    """The oracle: simulate every step by itself, and return when each call's first and last token are reported."""
    size = [prompt + math.ceil(theta * output / 1000) for _, prompt, output in arrivals]
    first = [0] * len(arrivals)
    finish = [0] * len(arrivals)
    now = steps = gate = reserved = coming = 0
    queue: list[int] = []
    decoding: dict[int, int] = {}  # call -> tokens it has so far
    prefill: dict[int, int] = {}  # call -> prompt tokens still to read: at most one call between steps
    while coming < len(arrivals) or queue or decoding or prefill:
        if not queue and not decoding and not prefill:
            now = arrivals[coming][0]
            queue.append(coming)
            coming += 1
        # what the step will do
        left = max(budget - len(decoding), 1)
        admits = steps >= gate or (not decoding and not prefill)
        reads = 0
        for call in list(prefill):
            part = min(prefill[call], left)
            prefill[call] -= part
            left -= part
            reads += part
        while admits and queue and left > 0 and len(decoding) + len(prefill) < slots:
            if (decoding or prefill) and reserved + size[queue[0]] > memory:
                break
            call = queue.pop(0)
            reserved += size[call]
            tokens = max(arrivals[call][1], 1)
            part = min(tokens, left)
            prefill[call] = tokens - part
            left -= part
            reads += part
            gate = steps + gate_steps
        context = sum(arrivals[call][1] + tokens for call, tokens in decoding.items())
        now += base + per_sequence * len(decoding) + per_context * context
        if reads:
            now += with_prefill + per_prefill * reads
        # what it has done
        steps += 1
        for call in decoding:
            decoding[call] += 1
        for call in [call for call, rest in prefill.items() if rest == 0]:
            del prefill[call]
            decoding[call] = 1
            first[call] = now + delay
        for call in [call for call, tokens in decoding.items() if tokens == arrivals[call][2]]:
            del decoding[call]
            reserved -= size[call]
            finish[call] = now + delay
        while coming < len(arrivals) and arrivals[coming][0] <= now:
            queue.append(coming)
            coming += 1
    return list(zip(first, finish, strict=True))


gaps = st.one_of(st.just(0), st.integers(0, 8), st.integers(0, 300))
crowds = st.lists(st.tuples(gaps, st.integers(0, 40), st.integers(1, 15)), min_size=1, max_size=25)
laws = st.builds(
    ReplicaLaw,
    step_ns=st.integers(0, 20),
    step_per_sequence_ns=st.integers(0, 5),
    step_per_context_token_ps=st.sampled_from([0, 1000, 3000]),  # whole ns: what is rounded is in the vectors
    step_per_prefill_token_ns=st.integers(0, 5),
    step_with_prefill_ns=st.integers(0, 10),
    slots=st.integers(1, 6),
    kv_tokens=st.integers(1, 150),
    step_tokens=st.integers(1, 60),
    gate_steps=st.integers(0, 6),
    reported_delay_ns=st.integers(0, 7),
    reserve_milli=st.integers(0, 1000),
)


def in_time(crowd: Sequence[tuple[int, int, int]]) -> list[Arrival]:
    """Turn gaps into instants."""
    at = np.cumsum([gap for gap, _, _ in crowd]).tolist()
    return [(int(at_ns), prompt, output) for at_ns, (_, prompt, output) in zip(at, crowd, strict=True)]


@settings(max_examples=400, deadline=None)
@given(law=laws, crowd=crowds)
def test_in_reserve_mode_it_equals_a_simulation_of_every_step(
    law: ReplicaLaw, crowd: list[tuple[int, int, int]]
) -> None:
    arrivals = in_time(crowd)
    calls, _ = run(law, arrivals)
    assert reported(calls) == step_by_step(
        arrivals=arrivals,
        base=law.step_ns,
        per_sequence=law.step_per_sequence_ns,
        per_context=law.step_per_context_token_ps // 1000,
        per_prefill=law.step_per_prefill_token_ns,
        with_prefill=law.step_with_prefill_ns,
        slots=law.slots,
        memory=law.kv_tokens,
        budget=law.step_tokens,
        gate_steps=law.gate_steps,
        delay=law.reported_delay_ns,
        theta=law.reserve_milli,
    )


@settings(max_examples=200, deadline=None)
@given(law=laws, crowd=crowds, mode=st.sampled_from(["reserve", "peak"]))
def test_memory_and_slots_are_never_exceeded_and_every_call_finishes(
    law: ReplicaLaw, crowd: list[tuple[int, int, int]], mode: str
) -> None:
    law = replace(law, kv_mode=mode)  # type: ignore[arg-type]
    arrivals = in_time(crowd)
    seen: list[Replica] = []

    def watch(replica: Replica) -> None:
        active = replica.held - replica.waiting
        assert replica.running <= active <= law.slots
        if active > 1:  # a call that is alone may be larger than the memory
            assert mode == "peak" or replica.kv_reserved <= law.kv_tokens
            assert mode == "reserve" or replica.context < law.kv_tokens
        seen.append(replica)

    calls, events = run(law, arrivals, watch)
    for call, (at_ns, _, output) in zip(calls, arrivals, strict=True):
        assert at_ns + law.reported_delay_ns <= call.first_ns <= call.finish_ns
        assert output > 1 or call.first_ns == call.finish_ns
    end = seen[-1]
    assert (end.held, end.running, end.waiting, end.context, end.kv_reserved) == (0, 0, 0, 0, 0)
    assert end.segment is Segment.IDLE
    assert events == len(seen)


@settings(max_examples=200, deadline=None)
@given(
    memory=st.integers(5, 120),
    first=st.tuples(st.integers(0, 30), st.integers(2, 20)),
    others=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), max_size=8),
)
def test_peak_mode_takes_in_what_fits_at_every_future_step(
    memory: int, first: tuple[int, int], others: list[tuple[int, int]]
) -> None:
    law = replace(VECTOR_LAW, kv_mode="peak", kv_tokens=memory, slots=100, step_tokens=10_000)
    replica = Replica(law)
    replica.arrive(Call(0, *first), 0)
    for seq, (prompt, output) in enumerate(others, start=1):
        replica.arrive(Call(seq, prompt, output), 1)
    replica.wake(replica.wake_ns)

    rows = [(first[0] + 1, first[1] - 1)]  # tokens now, tokens to come
    for prompt, output in others:
        new = [*rows, (prompt + 1, output - 1)]
        if any(sum(now + u for now, more in new if more >= u) >= memory for u in range(25)):
            break
        rows = new
    assert replica.waiting == len(others) - (len(rows) - 1)
    assert replica.kv_blocked == (replica.waiting > 0)


def test_an_arrival_cuts_decoding_short_at_the_next_boundary_and_voids_the_wake() -> None:
    law = replace(VECTOR_LAW, step_per_context_token_ps=0, step_tokens=100)
    replica = Replica(law)
    replica.arrive(Call(0, 10, 50), 0)
    replica.wake(replica.wake_ns)
    began_ns, version = 47, replica.version  # 10 + 7 + 3 * 10: its prompt; then 49 steps of 12
    assert replica.wake_ns == began_ns + 49 * 12
    replica.arrive(Call(1, 5, 1), began_ns + 25)
    assert replica.wake_ns == began_ns + 3 * 12
    assert replica.version > version
    replica.arrive(Call(2, 5, 1), began_ns + 26)
    assert replica.wake_ns == began_ns + 3 * 12


def test_an_arrival_at_the_ns_of_a_boundary_is_taken_in_there() -> None:
    law = replace(VECTOR_LAW, step_per_context_token_ps=0, step_tokens=100)
    replica = Replica(law)
    replica.arrive(Call(0, 10, 50), 0)
    replica.wake(replica.wake_ns)
    replica.arrive(Call(1, 5, 1), 47 + 2 * 12)
    assert replica.wake_ns == 47 + 2 * 12


def test_an_arrival_behind_one_that_found_no_memory_does_not_cut_decoding_short() -> None:
    law = replace(VECTOR_LAW, step_per_context_token_ps=0, step_tokens=100, kv_tokens=61)
    replica = Replica(law)
    replica.arrive(Call(0, 10, 50), 0)
    replica.arrive(Call(1, 5, 1), 1)  # no room for it at the boundary at 47
    replica.wake(replica.wake_ns)
    replica.arrive(Call(2, 1, 1), 100)
    assert replica.wake_ns == 47 + 49 * 12


def test_an_arrival_at_a_full_replica_does_not_cut_decoding_short() -> None:
    replica = Replica(replace(VECTOR_LAW, step_per_context_token_ps=0, step_tokens=100, slots=1))
    replica.arrive(Call(0, 10, 50), 0)
    replica.wake(replica.wake_ns)
    replica.arrive(Call(1, 5, 1), 100)
    assert replica.wake_ns == 47 + 49 * 12


def test_a_gate_keeps_new_calls_out_for_its_number_of_steps() -> None:
    law = replace(VECTOR_LAW, step_per_context_token_ps=0, step_tokens=100, gate_steps=10)
    replica = Replica(law)
    replica.arrive(Call(0, 10, 50), 0)
    replica.wake(replica.wake_ns)
    replica.arrive(Call(1, 5, 1), 48)
    assert replica.wake_ns == 47 + 9 * 12  # the step of the prompt was the first of ten


def test_a_slowdown_counts_from_the_next_plan() -> None:
    replica = Replica(replace(VECTOR_LAW, step_tokens=100))
    replica.arrive(Call(0, 10, 3), 0, 1.0)
    assert replica.wake_ns == 10 + 7 + 3 * 10
    replica.wake(47, 1.5)
    assert replica.wake_ns == 47 + 2 * 18 + 750 * (2 * 11 + 1) // 1000


def test_a_part_of_a_replica_has_less_room_and_longer_tokens() -> None:
    part = replace(H100_14B, gate_steps=3, reported_delay_ns=7, step_with_prefill_ns=11).part(144_000)
    assert part == ReplicaLaw(
        step_ns=13_578_000,
        step_per_sequence_ns=189_583,  # 27,300 / 0.144 = 189,583.3
        step_per_context_token_ps=0,
        step_per_prefill_token_ns=273_611,  # 39,400 / 0.144 = 273,611.1
        step_with_prefill_ns=11,
        slots=9,  # 9.2
        kv_tokens=144_000_000,
        step_tokens=295,  # 294.9
        gate_steps=3,
        reported_delay_ns=7,
    )
    tiny = H100_14B.part(1)
    assert (tiny.slots, tiny.step_tokens, tiny.kv_tokens) == (1, 1, 1000)
    assert H100_14B.part(WHOLE) == H100_14B


def full_batch(law: ReplicaLaw, calls: int) -> tuple[float, float]:
    """Return calls per second, and seconds that a call is in the batch, of a replica that never lacks calls."""
    started: dict[int, int] = {}
    rng = random.Random(7)
    # the batch at the beginning is spread over all ages, as it is in the long run
    ages = [rng.randrange(1, 61) for _ in range(law.slots)] + [60] * calls
    replica = Replica(law)
    for seq, output in enumerate(ages):
        replica.take(Call(seq, 700, output))
    for call in replica.plan(0):
        started[call.seq] = 0
    finished: list[Call] = []
    while len(finished) < calls:
        now_ns = replica.wake_ns
        finished += replica.advance(now_ns)
        for call in replica.plan(now_ns):
            started[call.seq] = now_ns
    half = finished[len(finished) // 2 :]
    span_ns = half[-1].finish_ns - half[0].finish_ns
    in_batch_ns = [call.finish_ns - started[call.seq] for call in half]
    return (len(half) - 1) / span_ns * 1e9, float(np.mean(in_batch_ns)) / 1e9


def test_a_full_batch_of_the_14b_does_23_9_calls_a_second_in_2_7_seconds_each() -> None:
    per_s, in_batch_s = full_batch(H100_14B, 8000)
    assert per_s == pytest.approx(23.9, rel=0.005)
    assert in_batch_s == pytest.approx(2.7, rel=0.01)


@pytest.mark.parametrize(
    ("share", "off", "time_off"),
    [
        (0.4, 0.005, 0.011),
        (0.144, -0.018, -0.006),  # 9 slots for 9.2: the rounding of slots is what is felt
        (0.14, -0.009, 0.013),
        (0.03, -0.040, 0.085),  # 2 slots for 1.9
    ],
)
def test_a_part_of_a_replica_keeps_its_share_of_the_capacity(share: float, off: float, time_off: float) -> None:
    whole_per_s, whole_s = full_batch(H100_14B, 8000)
    per_s, in_batch_s = full_batch(H100_14B.part(round(share * WHOLE)), 6000)
    assert per_s / (share * whole_per_s) - 1 == pytest.approx(off, abs=0.005)
    assert in_batch_s / whole_s - 1 == pytest.approx(time_off, abs=0.01)


def geometric(rng: random.Random, mean: float) -> int:
    return 1 + math.floor(math.log(1 - rng.random()) / math.log(1 - 1 / mean))


TOKENS: dict[str, Callable[[random.Random], int]] = {  # mean 1,000
    "constant": lambda rng: 1000,
    "memoryless": lambda rng: geometric(rng, 1000),
    "two kinds, cv 1.7": lambda rng: geometric(rng, 400 if rng.random() < 0.8 else 3400),
}


@pytest.mark.parametrize("law", TOKENS)
def test_a_server_whose_step_is_all_per_sequence_is_processor_sharing(law: str) -> None:
    """M/G/1-PS: the mean sojourn is S / (1 - rho), whatever the law of service."""
    quantum_ns, load, warm_up, counted = 1000, 0.7, 500, 2500
    replica_law = ReplicaLaw(
        step_ns=0,
        step_per_sequence_ns=quantum_ns,
        step_per_context_token_ps=0,
        step_per_prefill_token_ns=0,
        step_with_prefill_ns=0,
        slots=100_000,
        kv_tokens=10**9,
        step_tokens=10**7,
    )
    means = []
    for seed in range(20):
        rng = random.Random(seed)
        at_ns = 0.0
        arrivals = []
        for _ in range(warm_up + counted):
            at_ns += rng.expovariate(load / (1000 * quantum_ns))
            # the first token comes with the prompt, which costs nothing here
            arrivals.append((round(at_ns), 0, 1 + TOKENS[law](rng)))
        calls, _ = run(replica_law, arrivals)
        sojourns = [call.finish_ns - at for call, (at, _, _) in zip(calls, arrivals, strict=True)]
        means.append(float(np.mean(sojourns[warm_up:])))
    expected_ns = 1000 * quantum_ns / (1 - load)
    half_width = stats.t.ppf(0.9995, len(means) - 1) * np.std(means, ddof=1) / math.sqrt(len(means))
    assert half_width < 0.2 * expected_ns  # narrow enough to tell it from first come, first served
    assert abs(np.mean(means) - expected_ns) < half_width
