"""A pool of continuous-batching replicas: who gets a call, who waits, who is dropped, what a change does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.rank import Rank
from simulator.reference.batching import BatchingPool
from simulator.reference.instants import call_at
from simulator.reference.queueing import Queue
from simulator.reference.replica import WHOLE, Replica, ReplicaLaw
from simulator.reference.work import Work
from tests.test_batching import crowds, in_time, laws, reported, run

NEVER = 2**62
STAGE = 3

SIMPLE = ReplicaLaw(  # a step takes 100 ns, whatever it does
    step_ns=100,
    step_per_sequence_ns=0,
    step_per_context_token_ps=0,
    step_per_prefill_token_ns=0,
    step_with_prefill_ns=0,
    slots=2,
    kv_tokens=10**6,
    step_tokens=1000,
)


@dataclass
class Lab:
    """A pool, and what became of each piece of work: (instant, want, "served", "expired" or "shed")."""

    law: ReplicaLaw = SIMPLE
    replicas: float | Fraction = 1
    options: dict[str, Any] = field(default_factory=dict)
    ends: list[tuple[int, int, str]] = field(default_factory=list)
    works: dict[int, Work] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.env = simpy.Environment()
        options = {"queue_limit": 1000, "queue": Queue(), **self.options}
        self.pool = BatchingPool(self.env, stage=STAGE, law=self.law, replicas=self.replicas, **options)

    def arrive(self, at_ns: int, want: int, output: int = 4, prompt: int = 5, deadline_ns: int = NEVER) -> None:
        """Let a call arrive."""

        def arrival() -> None:
            work = Work(
                want=want,
                attempt=1,
                done=simpy.Event(self.env),
                service_ns=0,
                arrived_ns=at_ns,
                deadline_ns=deadline_ns,
                prompt=prompt,
                output=output,
            )
            self.works[want] = work
            if self.pool.join(work):
                assert work.done.callbacks is not None
                work.done.callbacks.append(lambda done: self.ends.append((int(self.env.now), want, done.value)))
            else:
                self.ends.append((at_ns, want, "shed"))

        call_at(self.env, arrival, at_ns, Rank.ARRIVAL, STAGE, want, 1)

    def at(self, at_ns: int, call: Callable[[], None]) -> None:
        """Let an operator do something."""
        call_at(self.env, call, at_ns, Rank.INCIDENT, 0, 0, 0)

    def run(self, until_ns: int | None = None) -> list[tuple[int, int, str]]:
        if until_ns is None:
            self.env.run()
        else:
            self.env.run(until=until_ns)
        self.pool.count_time()
        return self.ends

    def held(self) -> list[int]:
        return [seat.replica.held for seat in self.pool.seats]

    def shares(self) -> list[tuple[int, int]]:
        """Index and millionths of the replicas that take calls."""
        return [(seat.index, seat.millionths) for seat in self.pool.seats]


@settings(max_examples=150, deadline=None)
@given(law=laws, crowd=crowds, peak=st.booleans())
def test_one_replica_behind_the_queue_is_the_replica_alone(
    law: ReplicaLaw, crowd: list[tuple[int, int, int]], peak: bool
) -> None:
    law = replace(law, kv_mode="peak" if peak else "reserve")
    arrivals = in_time(crowd)
    lab = Lab(law)
    for want, (at_ns, prompt, output) in enumerate(arrivals):
        lab.arrive(at_ns, want, output, prompt)
    calls, _ = run(law, arrivals)
    finish = {want: at_ns for at_ns, want, _ in lab.run()}
    assert [finish[want] for want in range(len(arrivals))] == [finish_ns for _, finish_ns in reported(calls)]


@settings(max_examples=150, deadline=None)
@given(
    law=laws,
    crowd=crowds,
    replicas=st.lists(st.integers(0, 3 * WHOLE), min_size=1, max_size=5),
    limit=st.integers(0, 10),
    patience=st.integers(0, 400),
    newest_first=st.booleans(),
)
def test_what_comes_ends_once_and_the_figures_obey_littles_law(
    law: ReplicaLaw,
    crowd: list[tuple[int, int, int]],
    replicas: list[int],
    limit: int,
    patience: int,
    newest_first: bool,
) -> None:
    options = {"queue_limit": limit, "deadline": True, "queue": Queue(newest_first)}
    lab = Lab(law, Fraction(replicas[0], WHOLE), options)
    for want, (at_ns, prompt, output) in enumerate(in_time(crowd)):
        lab.arrive(at_ns, want, output, prompt, deadline_ns=at_ns + patience)
    for change, millionths in enumerate([*replicas, WHOLE]):
        lab.at(400 * change, lambda millionths=millionths: lab.pool.resize(Fraction(millionths, WHOLE)))  # type: ignore[misc]
    ends = lab.run()
    pool = lab.pool
    by_end = {end: [lab.works[want] for _, want, e in ends if e == end] for end in ("served", "expired", "shed")}
    assert sorted(want for _, want, _ in ends) == list(range(len(crowd)))
    assert (pool.waiting, pool.in_service, len(pool.queue), len(pool.draining)) == (0, 0, 0, 0)
    assert lab.shares() == [(pool.seats[0].index, WHOLE)]
    assert sorted(pool.waiting_ns) == sorted(work.started_ns - work.arrived_ns for work in by_end["served"])
    assert sorted(pool.service_ns) == sorted(work.ended_ns - work.started_ns for work in by_end["served"])
    dropped_ns = sum(work.ended_ns - work.arrived_ns for work in by_end["expired"])
    assert all(work.ended_ns - work.arrived_ns >= patience for work in by_end["expired"])
    assert pool.unserved_waiting_ns == dropped_ns
    assert pool.queue_integral_ns == sum(pool.waiting_ns) + dropped_ns
    assert pool.busy_integral_ns <= pool.available_integral_ns


def test_a_call_goes_to_the_replica_with_fewest_calls_and_then_the_lowest_index() -> None:
    lab = Lab(replace(SIMPLE, slots=4), 3)
    for want in range(4):
        lab.arrive(0, want)
    lab.run(1)
    assert lab.held() == [2, 1, 1]


def test_a_part_that_is_full_leaves_calls_to_replicas_with_room() -> None:
    lab = Lab(replace(SIMPLE, slots=4), 1.25)
    assert lab.shares() == [(0, WHOLE), (1, 250_000)]
    for want in range(6):
        lab.arrive(0, want)
    lab.run(1)
    assert lab.held() == [4, 1]
    assert [work.want for work in lab.pool.queue] == [5]


def test_the_limit_is_that_of_the_queue_alone() -> None:
    lab = Lab(options={"queue_limit": 1})
    for want in range(4):
        lab.arrive(0, want)
    assert lab.run(1) == [(0, 3, "shed")]
    assert (lab.held(), len(lab.pool.queue)) == ([2], 1)


def test_calls_that_no_step_has_taken_in_are_waiting() -> None:
    lab = Lab(replace(SIMPLE, slots=4, kv_tokens=10))
    lab.arrive(0, 0)
    lab.arrive(1, 1)
    lab.arrive(2, 2)
    lab.run(150)
    assert lab.held() == [3]
    assert lab.pool.unserved_waiting_ns == lab.pool.queue_integral_ns == 149 + 148
    assert (lab.pool.waiting, lab.pool.in_service, lab.pool.queue_max, lab.pool.kv_blocked) == (2, 1, 2, 1)
    assert list(lab.pool.waiting_ns) == [0]


@pytest.mark.parametrize(("newest_first", "order"), [(False, [0, 1, 2, 3]), (True, [0, 3, 2, 1])])
def test_a_replica_pulls_oldest_or_newest_first(newest_first: bool, order: list[int]) -> None:
    lab = Lab(replace(SIMPLE, slots=1), options={"queue": Queue(newest_first)})
    for want in range(4):
        lab.arrive(want, want)
    # a prompt and four tokens: four steps
    assert lab.run() == [(400 * (n + 1), want, "served") for n, want in enumerate(order)]


def test_a_replica_pulls_inside_the_wake_in_which_a_call_leaves() -> None:
    lab = Lab(replace(SIMPLE, slots=1, reported_delay_ns=30))
    lab.arrive(0, 0)
    lab.arrive(1, 1)
    lab.run(401)
    assert lab.works[1].started_ns == 400
    assert lab.works[0].ended_ns == -1
    assert lab.pool.in_service == 2
    assert lab.run() == [(430, 0, "served"), (830, 1, "served")]
    assert list(lab.pool.service_ns) == [430, 430]


def test_a_deadline_drops_the_waiting_when_their_turn_comes_and_not_those_handed_over() -> None:
    lab = Lab(replace(SIMPLE, slots=2, kv_tokens=10), options={"deadline": True})
    lab.arrive(0, 0)
    lab.arrive(1, 1, deadline_ns=2)  # at the replica, whose memory is full: nobody looks again
    lab.arrive(2, 2, deadline_ns=400)  # its person leaves in the ns of its turn
    lab.arrive(3, 3, deadline_ns=401)
    lab.arrive(4, 4, deadline_ns=399)
    assert lab.run() == [
        (400, 2, "expired"),  # in the wake itself; the finish of the first has an event of its own
        (400, 0, "served"),
        (800, 4, "expired"),
        (800, 1, "served"),
        (1200, 3, "served"),
    ]


def test_a_deadline_drops_at_arrival_what_comes_too_late() -> None:
    lab = Lab(options={"deadline": True})
    lab.arrive(10, 0, deadline_ns=10)
    lab.arrive(10, 1, deadline_ns=11)
    assert lab.run() == [(10, 0, "expired"), (410, 1, "served")]
    assert list(lab.pool.waiting_ns) == [0]


def test_without_a_deadline_work_nobody_waits_for_is_served() -> None:
    lab = Lab(replace(SIMPLE, slots=1))
    lab.arrive(0, 0)
    lab.arrive(1, 1, deadline_ns=2)
    assert lab.run() == [(400, 0, "served"), (800, 1, "served")]


def test_arrivals_of_one_ns_start_alone_and_then_together() -> None:
    lab = Lab(replace(SIMPLE, slots=4))
    for want in range(3):
        lab.arrive(0, want)
    assert lab.run() == [(400, 0, "served"), (500, 1, "served"), (500, 2, "served")]
    assert list(lab.pool.waiting_ns) == [0, 100, 100]


def test_an_arrival_in_the_ns_of_a_wake_is_there_before_it() -> None:
    lab = Lab(replace(SIMPLE, slots=4))
    lab.arrive(0, 0)
    lab.arrive(100, 1)
    assert lab.run() == [(400, 0, "served"), (500, 1, "served")]


def test_a_replica_that_goes_takes_nothing_more_and_drains() -> None:
    lab = Lab(replace(SIMPLE, slots=1, kv_tokens=10), 2)
    for want in range(4):
        lab.arrive(want, want)
    lab.at(50, lambda: lab.pool.resize(1))
    ends = lab.run()
    assert ends == [(400, 0, "served"), (401, 1, "served"), (800, 2, "served"), (1200, 3, "served")]
    assert lab.shares() == [(0, WHOLE)]
    # two replicas until the second is empty, one until the end
    assert lab.pool.available_integral_ns == 401 + 1200
    assert lab.pool.busy_integral_ns == 400 + 1200


def test_a_replica_that_goes_finishes_what_waits_inside_it() -> None:
    lab = Lab(replace(SIMPLE, slots=2, kv_tokens=10), 1)
    lab.arrive(0, 0)
    lab.arrive(1, 1)
    lab.arrive(2, 2)
    lab.at(50, lambda: lab.pool.resize(0))
    assert lab.run() == [(400, 0, "served"), (800, 1, "served")]
    assert [work.want for work in lab.pool.queue] == [2]
    assert (lab.pool.seats, lab.pool.draining, lab.pool.kv_blocked) == ([], [], 1)


def test_replicas_that_are_added_pull_at_once_lowest_index_first() -> None:
    lab = Lab(replicas=0)
    for want in range(3):
        lab.arrive(want, want)
    lab.at(50, lambda: lab.pool.resize(2))
    lab.run(51)
    assert lab.held() == [2, 1]
    assert [work.started_ns for work in lab.works.values()] == [50, 50, 50]
    assert lab.run() == [(450, 0, "served"), (450, 1, "served"), (450, 2, "served")]


def test_a_part_that_changes_is_replaced_and_the_whole_ones_stay() -> None:
    lab = Lab(replicas=2.4)
    whole = [seat.replica for seat in lab.pool.seats[:2]]
    for want in range(5):
        lab.arrive(want, want)
    lab.at(50, lambda: lab.pool.resize(2.7))
    lab.run(51)
    assert [seat.replica for seat in lab.pool.seats[:2]] == whole
    assert lab.shares() == [(0, WHOLE), (1, WHOLE), (3, 700_000)]  # index 2 drains
    lab.at(60, lambda: lab.pool.resize(3.7))
    lab.run(61)
    assert lab.shares() == [(0, WHOLE), (1, WHOLE), (3, 700_000), (4, WHOLE)]
    lab.run(1000)
    lab.pool.resize(4.7)
    assert lab.shares() == [(0, WHOLE), (1, WHOLE), (2, WHOLE), (3, 700_000), (4, WHOLE)]
    lab.pool.resize(2)
    assert lab.shares() == [(0, WHOLE), (1, WHOLE)]


def test_the_same_number_again_changes_nothing() -> None:
    lab = Lab(replicas=14.4)
    before = [seat.replica for seat in lab.pool.seats]
    lab.pool.resize(Fraction(72, 5))
    assert [seat.replica for seat in lab.pool.seats] == before
    assert lab.shares()[-1] == (14, 400_000)


def test_an_arrival_that_cuts_a_segment_short_leaves_a_void_wake_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[int] = []
    plan = Replica.plan

    def noted(self: Replica, now_ns: int, slowdown: float = 1.0) -> Sequence[Any]:
        plans.append(now_ns)
        return plan(self, now_ns, slowdown)

    monkeypatch.setattr(Replica, "plan", noted)
    lab = Lab()
    lab.arrive(0, 0)
    lab.arrive(150, 1)
    lab.run()
    # at 0 for replicas that are added; the wake first set to 400 is void, and 400 is the end of the next segment too
    assert plans == [0, 0, 100, 200, 300, 400, 600]


def test_wakes_of_one_ns_come_by_replica_index() -> None:
    lab = Lab(replace(SIMPLE, slots=1), 2)
    lab.arrive(0, 0, output=1)
    lab.arrive(0, 1, output=4)
    lab.arrive(0, 2, output=3)  # waits, then runs on replica 0; its last wake is armed after that of replica 1
    assert lab.run() == [(100, 0, "served"), (400, 2, "served"), (400, 1, "served")]


def test_a_slowdown_and_the_queue_limit_can_be_changed_while_it_runs() -> None:
    lab = Lab(replace(SIMPLE, slots=1))
    lab.arrive(0, 0)

    def change() -> None:
        lab.pool.slowdown = 2.0
        lab.pool.queue_limit = 0

    lab.at(50, change)
    lab.arrive(60, 1)
    assert lab.run() == [(60, 1, "shed"), (100 + 600, 0, "served")]
