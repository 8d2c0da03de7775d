"""The gateway and the stages of a scenario: laws, budget, stations and the counts of each (docs/model.md, Stages)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import simpy

from limits import outcomes
from scenarios import draws, model, people
from scenarios.apis import callers
from scenarios.asking import ADMIT, ADMITTED, EXPIRED, REASONS, SHED, Verdict
from scenarios.draws import Stream
from scenarios.policy import Policy, concerns, outcome_of, policy_at, told_of_turns
from scenarios.tables import table
from simulator.rank import Rank
from simulator.reference.attempt import GATEWAY_COUNTERS, Attempt
from simulator.reference.batching import BatchingPool
from simulator.reference.instants import moment
from simulator.reference.queueing import queue_at
from simulator.reference.replica import ReplicaLaw
from simulator.reference.stations import ServerStation, Station
from simulator.reference.work import Work

if TYPE_CHECKING:
    from simulator.reference.town import Town

Failure = tuple[str, int]  # reason ("" for none), Retry-After in s (0: none told)
STAGE_COUNTS = ("arrived", "served", "shed", "throttled", "expired", "errors", "sold_out")


class GatewayStation(ServerStation):
    """Servers of the gateway: the verdict is made when an attempt is taken up, and its cost is the service time."""

    def __init__(self, town: Town, gateway: model.Gateway, policy: Policy) -> None:
        super().__init__(
            town.env,
            stage=0,
            servers=gateway.servers,
            queue_limit=gateway.queue_limit,
            queue=queue_at(town.scenario, "gateway", town.habits),
            deadline=gateway.deadline,
        )
        self.town = town
        self.policy = policy
        self.admit_table = table(gateway.admit, whole=False)
        self.refuse_table = table(gateway.refuse, whole=False)
        self.taken_up: dict[Work, tuple[Attempt, Verdict]] = {}

    def service_for(self, work: Work) -> int:
        attempt, _ = self.taken_up[work]
        verdict = self.policy.ask(attempt.person, attempt, self.town.now_ns)
        self.taken_up[work] = attempt, verdict
        admitted = verdict.code == ADMITTED
        row, stream = (self.admit_table, Stream.ADMIT) if admitted else (self.refuse_table, Stream.REFUSE)
        service_ns = draws.sample_ns(row, 0, draws.key(self.town.seed, stream, work.want, work.attempt))
        self.town.ledger.work_ns["brought"] += service_ns
        attempt.at_stage_ns = service_ns
        return service_ns


class Gateway:
    """Where every attempt arrives first; without servers of its own it decides in no time."""

    def __init__(self, town: Town, gateway: model.Gateway | None, policy: Policy) -> None:
        self.town = town
        self.policy = policy
        self.pending = 0
        self.counts = dict.fromkeys(STAGE_COUNTS, 0)
        self.station = None if gateway is None else GatewayStation(town, gateway, policy)

    def pass_through(self, attempt: Attempt) -> Generator[simpy.Event, Any, Verdict]:
        """Decide on an attempt, which arrives now; the verdict stands when the gateway is done with it."""
        town = self.town
        if self.station is None:
            verdict = self.policy.ask(attempt.person, attempt, town.now_ns)
        else:
            self.counts["arrived"] += 1
            self.pending += 1
            verdict = yield from self._serve(self.station, attempt)
            self.pending -= 1
        attempt.gateway = verdict.code
        attempt.decided_ns = town.now_ns
        town.ledger.count(GATEWAY_COUNTERS[verdict.code])
        return verdict

    def _serve(self, station: GatewayStation, attempt: Attempt) -> Generator[simpy.Event, Any, Verdict]:
        work = Work(
            want=attempt.person.want,
            attempt=attempt.number,
            done=simpy.Event(self.town.env),
            service_ns=0,
            arrived_ns=self.town.now_ns,
            deadline_ns=attempt.deadline_ns,
            whose=attempt,
        )
        attempt.work = work
        station.taken_up[work] = attempt, ADMIT
        if not station.join(work):
            del station.taken_up[work]
            self.counts["shed"] += 1
            return Verdict(SHED)
        how = yield work.done
        _, verdict = station.taken_up.pop(work)
        if how != "served":
            self.counts[how] += 1
            return Verdict(EXPIRED if how == "expired" else SHED)
        attempt.done_ns += attempt.at_stage_ns
        attempt.at_stage_ns = 0
        self.counts["served"] += 1
        return verdict


class Stage:
    """One stage after the gateway."""

    def __init__(self, town: Town, index: int, stage: model.Stage, policy: Policy, stations: Sequence[Station]) -> None:
        self.town = town
        self.index = index
        self.name = stage.name
        self.policy = policy
        self.stations = stations
        self.failure = stage.failure
        self.callers = callers(town.scenario, stage)
        self.call_attempts = stage.call_attempts if isinstance(stage, model.ServerStage) else 1
        self.most_calls = stage.calls * stage.call_attempts if isinstance(stage, model.ServerStage) else 1
        self.budget_left = stage.budget if isinstance(stage, model.ServerStage) else None
        self.counts = dict.fromkeys(STAGE_COUNTS, 0)
        self.paced = 0  # attempts that keep the distance of a pacing law now
        self._network_table = None if stage.network_delay is None else table(stage.network_delay, whole=False)
        self._demand = demand_of(stage)
        self._told_of_turns = told_of_turns(stage.name, town.scenario, town.laws)

    @property
    def waiting(self) -> int:
        return self.paced + sum(station.waiting for station in self.stations)

    @property
    def in_service(self) -> int:
        return sum(station.in_service for station in self.stations)

    @property
    def capacity(self) -> float:
        return sum(station.capacity for station in self.stations)

    @property
    def oldest_ns(self) -> int:
        """How long the oldest in its queue, of a stage with one, has waited; 0 where nobody waits."""
        (station,) = self.stations
        return self.town.now_ns - next(iter(station.queue)).arrived_ns if station.queue else 0

    def network_ns(self, attempt: Attempt) -> int:
        """The way from the stage before, 0 where the scenario has none."""
        if self._network_table is None:
            return 0
        return draws.sample_ns(self._network_table, 0, self.key(Stream.NETWORK, attempt))

    def serve(self, attempt: Attempt) -> Generator[simpy.Event, Any, Failure]:
        """Serve an attempt that arrives now: laws, budget, station, and whether it ends in an error."""
        self.counts["arrived"] += 1
        verdict = yield from self._ask_laws(attempt)
        if verdict.code != ADMITTED:
            self.counts[REASONS[verdict.code]] += 1
            return REASONS[verdict.code], verdict.retry_after_s
        return (yield from self.serve_admitted(attempt))

    def serve_admitted(self, attempt: Attempt) -> Generator[simpy.Event, Any, Failure]:
        """Serve an attempt that the laws have let in: budget, station, and whether it ends in an error."""
        if self.budget_left is not None and self not in attempt.budgets:
            if self.budget_left == 0:
                self.counts["sold_out"] += 1
                return self._leave(attempt, "sold_out")
            self.budget_left -= 1
            attempt.budgets.append(self)
        how = yield from self._be_served(attempt)
        if how == "served":
            self.counts["served"] += 1
            if self.failure and draws.uniform(self.key(Stream.FAILURE, attempt), 0) < self.failure:
                self.counts["errors"] += 1
                return self._leave(attempt, "error")
            return self._leave(attempt, "")
        return self._leave(attempt, how)

    def _ask_laws(self, attempt: Attempt) -> Generator[simpy.Event, Any, Verdict]:
        for law in self.policy.laws_for(attempt.person):
            verdict = law.ask(attempt.person, attempt, self.town.now_ns)
            if verdict.code != ADMITTED:
                self.policy.give_back(attempt, self.town.now_ns, outcomes.IGNORED)
                return verdict
            if verdict.wait_ns:  # a pacing law: keep the distance, then ask the next
                self.paced += 1
                again_ns = self.town.now_ns + verdict.wait_ns
                yield moment(self.town.env, again_ns, Rank.ARRIVAL, self.index, attempt.person.want, attempt.number)
                self.paced -= 1
        return ADMIT

    def _be_served(self, attempt: Attempt) -> Generator[simpy.Event, Any, str]:
        town = self.town
        work = self._work(attempt)
        station = self.stations[work.shard]
        drawn_ns = work.service_ns
        attempt.at_stage_ns = drawn_ns
        if not station.join(work):
            attempt.at_stage_ns = 0
            self.counts["shed"] += 1
            return "shed"
        town.ledger.work_ns["brought"] += drawn_ns
        how = yield work.done
        attempt.at_stage_ns = 0
        if how != "served":
            self.counts[how] += 1
            town.ledger.work_ns["dropped"] += drawn_ns
            return str(how)
        # a slow-down, or neighbours in service, made it more or less than was drawn
        town.ledger.work_ns["brought"] += work.service_ns - drawn_ns
        attempt.done_ns += work.service_ns
        return "served"

    def _work(self, attempt: Attempt) -> Work:
        work = Work(
            want=attempt.person.want,
            attempt=attempt.number,
            done=simpy.Event(self.town.env),
            service_ns=0,
            arrived_ns=self.town.now_ns,
            deadline_ns=attempt.deadline_ns,
            whose=attempt,
        )
        attempt.work = work
        if self._told_of_turns:
            work.on_turn = lambda waited_ns: self._has_turn(attempt, waited_ns)
        self._demand(self, attempt, work)
        return work

    def _has_turn(self, attempt: Attempt, waited_ns: int) -> None:
        for law, priorities in self._told_of_turns:
            if concerns(priorities, attempt.person):
                law.has_turn(attempt, waited_ns)

    def return_unit(self) -> None:
        """An attempt that held a unit of the budget ended without an order."""
        assert self.budget_left is not None
        self.budget_left += 1

    def _leave(self, attempt: Attempt, failure: str) -> Failure:
        self.policy.give_back(attempt, self.town.now_ns, outcome_of(failure))
        return failure, 0

    def is_called_again(self, attempt: Attempt, failure: str) -> bool:
        """Whether an attempt whose call here has ended makes another: the next, or the refused one once more."""
        refused = failure in ("throttled", "shed")
        attempt.call += 1 if refused else self.call_attempts - attempt.call % self.call_attempts
        if refused:
            return attempt.call % self.call_attempts > 0
        return not failure and attempt.call < self.most_calls

    def key(self, stream: Stream, attempt: Attempt) -> int:
        """The key of one of this stage's draws for a call of an attempt."""
        return draws.key(self.town.seed, stream + self.index, attempt.person.want, attempt.draws_as)


Demand = Callable[[Stage, Attempt, Work], None]


def demand_of(stage: model.Stage) -> Demand:
    """How an attempt's work at this stage is drawn."""
    if isinstance(stage, model.BatchingStage):
        return _batching_demand(stage)
    service_table = table(stage.service, whole=False)

    def draw(at: Stage, attempt: Attempt, work: Work) -> None:
        work.service_ns = draws.sample_ns(service_table, 0, at.key(Stream.SERVICE, attempt))
        if stage.shards > 1:
            work.shard = people.shard_of(stage.shards, at.town.seed, at.index, work.want)

    return draw


def _batching_demand(stage: model.BatchingStage) -> Demand:
    def draw(at: Stage, attempt: Attempt, work: Work) -> None:
        work.prompt, work.output = at.town.habits.tokens(stage.name, work.want, work.attempt)
        work.service_ns = full_batch_ns(stage, work.prompt, work.output)

    return draw


def build_stages(town: Town) -> list[Stage]:
    """The stages of the scenario, in file order, each with its stations."""
    stages = []
    for index, stage in enumerate(town.scenario.stages, start=1):
        policy = policy_at(f"stage:{stage.name}", town.scenario, town.laws)
        if isinstance(stage, model.BatchingStage):
            stages.append(Stage(town, index, stage, policy, [_pool(town, index, stage)]))
        else:
            stations: list[Station] = [_servers(town, index, stage) for _ in range(stage.shards)]
            stages.append(Stage(town, index, stage, policy, stations))
    return stages


def _servers(town: Town, index: int, stage: model.ServerStage) -> ServerStation:
    return ServerStation(
        town.env,
        stage=index,
        servers=stage.servers,
        queue_limit=stage.queue_limit,
        queue=queue_at(town.scenario, stage.name, town.habits, newest_first=stage.discipline == "lifo"),
        deadline=stage.deadline,
        slowdown=stage.slowdown,
        per_busy_ns=stage.per_busy_ns,
    )


def _pool(town: Town, index: int, stage: model.BatchingStage) -> BatchingPool:
    return BatchingPool(
        town.env,
        stage=index,
        law=ReplicaLaw.of(stage),
        replicas=stage.replicas,
        queue_limit=stage.queue_limit,
        queue=queue_at(town.scenario, stage.name, town.habits, newest_first=stage.discipline == "lifo"),
        deadline=stage.deadline,
        slowdown=stage.slowdown,
    )


def full_batch_ns(stage: model.BatchingStage, prompt: int, output: int) -> int:
    """The replica time that a call takes in a full batch: what its work counts for in the books."""
    per_token = stage.step_per_sequence_ns * stage.slots + stage.step_ns
    return (stage.step_per_prefill_token_ns * stage.slots * prompt + per_token * output) // stage.slots
