"""From a scenario to the first state of its run: everything that stands before the first person comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from limits import apf, breakwater, rates, windowed
from limits.laws import Law, width
from limits.row import LARGEST
from scenarios import draws, model
from scenarios.apis import callers
from scenarios.importance import levels_of
from scenarios.knobs import ONE_RATE, bucket_of, credit_rates, exceptions_of
from scenarios.people import NEVER_NS
from scenarios.schedule import most_slots
from scenarios.tables import Distribution, edges, mean, table
from scenarios.world import World, trip_mean_ns
from simulator.compiled import layout as at
from simulator.compiled.apis import API_COUNTS
from simulator.compiled.series import COUNTED
from simulator.outcome import Ints

Floats = NDArray[np.float64]

WHEEL_BUCKETS = 1 << 18
EVENTS_A_PERSON = 12
EVENTS_A_BUCKET = 512
FIRST_HEAP = 2048
WORDS_AN_ATTEMPT = 64


@dataclass(frozen=True, slots=True)
class State:
    """All that a run is: words, numbers, and the instants of first tries (simulator.snapshot keeps them in a file)."""

    words: Ints
    numbers: Floats
    first_ns: Ints


class _Draft:
    """Regions of words and numbers, as they are written down."""

    def __init__(self) -> None:
        self.top = at.STAGES
        self.parts: list[tuple[int, Sequence[int] | Ints]] = []
        self.single: dict[int, int] = {}
        self.numbers: list[float] = [0.0] * at.TABLES

    def reserve(self, words: int) -> int:
        """Return the place of a region of zeros, on a border of cache lines."""
        place = self.top
        self.top = -(-(place + words) // 16) * 16
        return place

    def region(self, values: Sequence[int] | Ints) -> int:
        """Return the place of a region with values."""
        place = self.reserve(len(values))
        self.parts.append((place, values))
        return place

    def row(self, values: Sequence[float]) -> int:
        """Return the place of a row of numbers."""
        place = len(self.numbers)
        self.numbers.extend(values)
        return place

    def time(self, distribution: Distribution | None) -> tuple[int, int]:
        """Return the two words of a drawn time."""
        if distribution is None:
            return at.NO_TIME, -1
        row = table(distribution, whole=False)
        constant = draws.sample_ns(row, 0, 0) if row[0] == draws.CONSTANT else -1
        return self.row(row), constant

    def set_time(self, place: int, distribution: Distribution | None) -> None:
        self.single[place], self.single[place + 1] = self.time(distribution)

    def set_edges(self, place: int, edges: Sequence[float]) -> None:
        """Set the three words of edges with a guide, which for each part of the weight is never too far on."""
        bins_a_weight = at.GUIDE_BINS / edges[-1] if edges[-1] else 0.0
        begins = (np.arange(at.GUIDE_BINS) - 1) / bins_a_weight if bins_a_weight else np.zeros(at.GUIDE_BINS)
        guide = np.searchsorted(np.array(edges[1:]), begins, side="right")
        self.single[place] = self.row(edges)
        self.single[place + 1] = self.row([bins_a_weight])
        self.single[place + 2] = self.region(np.minimum(guide, max(len(edges) - 2, 0)))

    def count(self, distribution: Distribution, least: int) -> tuple[int, int]:
        """Return the row of a drawn count, and the count where it is constant, else -1."""
        row = table(distribution, whole=True)
        constant = draws.sample_count(row, 0, 0, least) if row[0] == draws.CONSTANT else -1
        return self.row(row), constant


def build(
    scenario: model.Scenario,
    world: World,
    *,
    seed: int,
    first_arrivals_ns: Ints,
    trace: bool,
) -> State:
    """Return the state before the first event."""
    draft = _Draft()
    _stages(draft, scenario)
    row_of_person = _laws(draft, scenario, world)
    _people(draft, scenario, world)
    _street(draft, scenario, world)
    _series(draft, scenario)
    _calendar(draft, scenario, len(first_arrivals_ns))
    single = draft.single
    single[at.SEED] = seed
    single[at.TRACED] = int(trace)
    for pool, row_width in (
        (at.PEOPLE_POOL, _person_width(scenario, trace, row_of_person)),
        (at.ATTEMPT_POOL, _attempt_width(scenario, trace)),
        (at.ORDER_POOL, _order_width(scenario)),
    ):
        single[pool + at.POOL_WIDTH] = row_width
        single[at.SPARE] += at.SLAB_ROWS * row_width
    single[at.TOP] = draft.top
    words = np.zeros(draft.top, dtype=np.int64)
    for place, values in draft.parts:
        words[place : place + len(values)] = values
    for place, value in single.items():
        words[place] = value
    return State(words, np.array(draft.numbers, dtype=np.float64), first_arrivals_ns)


def _order_width(scenario: model.Scenario) -> int:
    holds = any(_counts_orders(law) for law in scenario.admission)
    return at.WIDE_ORDER_WIDTH if holds or _are_served(scenario) else at.ORDER_WIDTH


def _are_served(scenario: model.Scenario) -> bool:
    """Whether orders wait for makers or for couriers."""
    parts = (scenario.kitchens, scenario.couriers)
    return any(part is not None and part.kind == "servers" for part in parts)


def _counts_orders(law: model.Admission) -> bool:
    """Whether orders hold something of a law."""
    return law.at in ("store", "zone") and isinstance(law, model.ConcurrencyAdmission | model.Learning)


def _person_width(scenario: model.Scenario, trace: bool, row_of_person: int) -> int:
    """Return the words of a person's row: whole cache lines."""
    alone = not (trace or scenario.people.hedge or row_of_person > at.P_SENT)
    return at.PERSON_WIDTH if alone else -(-row_of_person // 8) * 8


def _attempt_width(scenario: model.Scenario, trace: bool) -> int:
    """Return the words of an attempt's row: whole cache lines."""
    if not (trace or any(isinstance(law, _GIVEN_BACK) and not _counts_orders(law) for law in scenario.admission)):
        return at.ATTEMPT_WIDTH
    held = sum(isinstance(law, model.ConcurrencyAdmission) for law in scenario.admission)
    return -(-(at.A_HELD - -held // at.HELD_BITS) // 8) * 8


def _stages(draft: _Draft, scenario: model.Scenario) -> None:
    number = len(scenario.stages) + 1
    draft.reserve(number * at.STAGE_WIDTH)
    draft.single[at.STAGE_COUNT] = number
    draft.single[at.KITCHEN_STAGE] = number
    draft.single[at.COURIER_STAGE] = number + 1
    draft.single[at.FIGURE_COUNT] = at.STAGE_FIGURES + 2 * number + max(1, len(scenario.segments))
    draft.single[at.FIGURES] = draft.reserve(draft.single[at.FIGURE_COUNT] * at.FIGURE_WIDTH)
    most_slots = 0
    if scenario.gateway is not None:
        _gateway(draft, scenario.gateway)
    for index, stage in enumerate(scenario.stages, start=1):
        row = at.STAGES + index * at.STAGE_WIDTH
        fields = {
            at.G_QUEUE_LIMIT: stage.queue_limit,
            at.G_ORDER: at.NEWEST_FIRST if stage.discipline == "lifo" else at.OLDEST_FIRST,
            at.G_LOOKS: at.AT_DEADLINE if stage.deadline else 0,
            at.G_SHARDS: 1,
        }
        draft.single |= {row + field: value for field, value in fields.items()}
        if stage.segments:
            those = callers(scenario, stage)
            draft.single[row + at.G_SEGMENTS] = draft.region([int(k in those) for k in range(len(scenario.segments))])
        draft.set_time(row + at.G_NETWORK_TIME, stage.network_delay)
        draft.numbers[at.STAGE_FACTORS + 2 * index] = stage.slowdown
        draft.numbers[at.STAGE_FACTORS + 2 * index + 1] = stage.failure
        if isinstance(stage, model.BatchingStage):
            _batching(draft, row, index, stage)
            most_slots = max(most_slots, stage.slots)
        else:
            _servers(draft, row, stage)
    draft.single[at.SCRATCH] = draft.reserve(2 * most_slots + 2)
    draft.single[at.SPARE] = (1 << 15) + 8 * most_slots
    draft.single[at.HEAP_SPARE] = 1 << 10


def _gateway(draft: _Draft, gateway: model.Gateway) -> None:
    row = at.STAGES
    fields = {
        at.G_KIND: at.SERVER_STAGE,
        at.G_SHARDS: 1,
        at.G_SERVERS: gateway.servers,
        at.G_QUEUE_LIMIT: gateway.queue_limit,
        at.G_LOOKS: at.AT_DEADLINE if gateway.deadline else 0,
        at.G_STATION: draft.reserve(at.STATION_WIDTH),
    }
    draft.single |= {row + field: value for field, value in fields.items()}
    draft.set_time(row + at.G_SERVICE_TIME, gateway.admit)
    draft.set_time(row + at.G_REFUSE_TIME, gateway.refuse)


def _servers(draft: _Draft, row: int, stage: model.ServerStage) -> None:
    fields = {
        at.G_KIND: at.SERVER_STAGE,
        at.G_SHARDS: stage.shards,
        at.G_SERVERS: stage.servers,
        at.G_PER_BUSY_NS: stage.per_busy_ns,
        at.G_HAS_BUDGET: int(stage.budget is not None),
        at.G_BUDGET: stage.budget or 0,
        at.G_CALL_ATTEMPTS: stage.call_attempts,
        at.G_MOST_CALLS: stage.calls * stage.call_attempts,
        at.G_STATION: draft.reserve(stage.shards * at.STATION_WIDTH),
    }
    draft.single |= {row + field: value for field, value in fields.items()}
    draft.set_time(row + at.G_SERVICE_TIME, stage.service)


def _batching(draft: _Draft, row: int, index: int, stage: model.BatchingStage) -> None:
    pool = draft.reserve(at.POOL_ROW_WIDTH)
    prompt_table, prompt = draft.count(stage.prompt, 0)
    output_table, output = draft.count(stage.output, 1)
    fields = {
        at.G_KIND: at.BATCHING_STAGE,
        at.G_STATION: pool,
        at.G_PROMPT_TABLE: prompt_table,
        at.G_PROMPT: prompt,
        at.G_OUTPUT_TABLE: output_table,
        at.G_OUTPUT: output,
        at.G_PER_PREFILL_NS: stage.step_per_prefill_token_ns * stage.slots,
        at.G_PER_TOKEN_NS: stage.step_per_sequence_ns * stage.slots + stage.step_ns,
        at.G_SLOTS: stage.slots,
    }
    draft.single |= {row + field: value for field, value in fields.items()}
    of_pool = {
        at.B_STAGE: index,
        at.B_STEP_NS: stage.step_ns,
        at.B_WITH_PREFILL_NS: stage.step_with_prefill_ns,
        at.B_GATE_STEPS: stage.gate_steps,
        at.B_REPORTED_NS: stage.reported_delay_ns,
        at.B_RESERVE_MILLI: stage.reserve_milli,
        at.B_PEAK: int(stage.kv_mode == "peak"),
    }
    draft.single |= {pool + field: value for field, value in of_pool.items()}
    for word, value in enumerate(law_of_part(stage, at.WHOLE)):
        draft.single[pool + at.B_WHOLE_LAW + word] = value


def law_of_part(stage: model.BatchingStage, millionths: int) -> tuple[int, ...]:
    """Return the numbers of a part of a replica (all of it: WHOLE), in the order of layout.LAW_OF_A_PART."""

    def less(whole: int) -> int:
        return max(1, (whole * millionths + at.WHOLE // 2) // at.WHOLE)

    def longer(whole: int) -> int:
        return (whole * at.WHOLE + millionths // 2) // millionths

    return (
        less(stage.slots),
        less(stage.kv_tokens),
        less(stage.step_tokens),
        longer(stage.step_per_sequence_ns),
        longer(stage.step_per_context_token_ps),
        longer(stage.step_per_prefill_token_ns),
    )


_HEARS = model.SreThrottleAdmission | model.RetryThrottleAdmission | model.CircuitBreakerAdmission
_TOLD = (
    model.Learning
    | model.TopDownAdmission
    | model.CircuitBreakerAdmission
    | model.PiRejectorAdmission
    | model.BreakwaterAdmission
)
_GIVEN_BACK = model.ConcurrencyAdmission | model.CreditAdmission | model.DagorAdmission | _TOLD
_SIMPLE = (
    model.RateAdmission
    | model.WarmUpAdmission
    | model.WindowAdmission
    | model.DeadlineAdmission
    | model.PacingAdmission
)
_KEYS = {
    "global": at.BY_ALL,
    "person": at.BY_PERSON,
    "segment": at.BY_SEGMENT,
    "zone": at.BY_ZONE,
    "store": at.BY_STORE,
}


_SLOTS_ARE = {
    Law.BBR_CPU: "buckets",
    Law.CIRCUIT_BREAKER: "last_calls",
    Law.HOT_KEY: "most_keys",
    Law.LOAD_MULTIPLIER: "slices",
    Law.RETRY_RATIO: "slices",
    Law.SEDA: "calls",
    Law.SRE_THROTTLE: "slices",
    Law.WAITING_ROOM: "most",
}
_SLOTS = width(Law.FIXED_CONCURRENCY)
_MORE_WORDS = {
    Law.AIMD: _SLOTS,
    Law.VEGAS: _SLOTS,
    Law.GRADIENT2: _SLOTS + windowed.WIDTH,
    Law.ENVOY_GRADIENT: _SLOTS,
    Law.BBR_CPU: 1,
}
"""Beside those of the law: slots, and a sample; the instant told of."""
_MORE_WORDS_A_SLOT = {Law.TOP_DOWN: API_COUNTS, Law.STRICT_PRIORITY: 2, Law.WFQ: 2, Law.APF: 2}
"""Beside those of the law: the counts of an API; both ends of a lane."""


def _laws(draft: _Draft, scenario: model.Scenario, world: World) -> int:
    """Lay out the laws; return where states of laws in the row of a person end."""
    laws = draft.single[at.LAWS] = draft.reserve(len(scenario.admission) * at.LAW_WIDTH)
    keys = {"global": 1, "segment": max(1, len(scenario.segments)), "zone": world.zones, "store": world.stores}
    row_of_person = states_of_person = at.P_COPIES + at.P_MOST_COPIES if scenario.people.hedge else at.P_SENT
    slots_taken = 0
    for index, law in enumerate(scenario.admission):
        row = laws + index * at.LAW_WIDTH
        kind = Law[law.law.upper()]
        slots = slots_of(law, scenario, keys)
        own = own_words(law, slots)
        words = 1 + own + _MORE_WORDS_A_SLOT.get(kind, 0) * slots
        draft.single |= {
            row + at.L_LAW: kind,
            row + at.L_KEY: at.BY_ALL if isinstance(law, model.HotKeyAdmission) else _KEYS[law.key],
            row + at.L_ROW_WIDTH: words,
            row + at.L_ROWS: 1 if isinstance(law, model.HotKeyAdmission) else keys.get(law.key, 0),
            row + at.L_SLOT: slots_taken,
            row + at.L_NUMBER: sum(other.law == law.law for other in scenario.admission[:index]),
        }
        numbers = parameters(draft, scenario, law, slots, own) | _terms(draft, scenario, law)
        draft.single |= {row + field: value for field, value in numbers.items()}
        if isinstance(law, model.WaitingRoomAdmission):
            draft.single |= {row + at.L_ONE: draft.region(credit_rates(law)), row + at.L_SEVEN: row_of_person}
            row_of_person += 1
        if isinstance(law, model.Ticketing) and law.ticket_ns is not None:
            draft.single |= {row + at.L_TICKET: row_of_person, row + at.L_TICKET_NS: law.ticket_ns}
            row_of_person += 1
        if isinstance(law, model.ConcurrencyAdmission):
            slots_taken += 1
        if isinstance(law, model.HotKeyAdmission):
            draft.single[row + at.L_STATE] = draft.reserve(words)
            draft.single[row + at.L_SIX] = draft.region(exceptions_of(law))
        elif isinstance(law, model.CreditAdmission):
            _credits(draft, law, row, world)
        elif isinstance(law, model.QueueLaw):
            draft.single[row + at.L_STATE] = draft.reserve(getattr(_stage_of(scenario, law), "shards", 1) * words)
        elif law.key == "person":
            draft.single[row + at.L_STATE] = row_of_person
            row_of_person += words
        else:
            draft.single[row + at.L_STATE] = draft.reserve(keys[law.key] * words)
    draft.single[at.PEOPLE_HAVE_LAWS] = int(row_of_person > states_of_person)
    calls = at.CELL_WIDTH * sum(_is_noted(law) for law in scenario.admission)
    draft.single[at.ATTEMPT_SPARE] = WORDS_AN_ATTEMPT + calls
    draft.single[at.SPARE] += calls
    for stage, point in enumerate(["stage:gateway", *(f"stage:{stage.name}" for stage in scenario.stages)]):
        row = at.STAGES + stage * at.STAGE_WIDTH
        here = [law for law in scenario.admission if law.at == (point if stage else "gateway")]
        here += [a for a in scenario.admission if isinstance(a, model.BreakwaterAdmission) and a.queue == point[6:]]
        _chain(draft, scenario, here, row + at.G_LAWS, row + at.G_LAW_COUNT)
        draft.single[row + at.G_SLOTS_LAWS] = int(any(isinstance(law, _GIVEN_BACK) for law in here))
        for law in (law for law in scenario.admission if law.at == point.replace("stage:", "queue:")):
            _looks_after_queue(draft, row, law, draft.single[at.LAWS] + scenario.admission.index(law) * at.LAW_WIDTH)
        told = [a for a in scenario.admission if isinstance(a, model.ByPriorityAdmission) and point[6:] == a.watched]
        _chain(draft, scenario, told, row + at.G_TURN_LAWS, row + at.G_TURN_LAW_COUNT)
        draft.single[row + at.G_LOOKS] = draft.single.get(row + at.G_LOOKS, 0) | (at.AT_TURN if told else 0)
    at_client = [law for law in scenario.admission if law.at == "client"]
    budgets = [law for law in at_client if isinstance(law, model.RetryBudget)]
    others = [law for law in at_client if law not in budgets]
    hearing = [law for law in at_client if isinstance(law, _HEARS)]
    _chain(draft, scenario, others, at.CLIENT_LAWS, at.CLIENT_LAW_COUNT)
    _chain(draft, scenario, budgets, at.BUDGETS, at.BUDGET_COUNT)
    _chain(draft, scenario, hearing, at.HEARING_LAWS, at.HEARING_LAW_COUNT)
    for point, place, length in (
        ("store", at.STORE_LAWS, at.STORE_LAW_COUNT),
        ("zone", at.ZONE_LAWS, at.ZONE_LAW_COUNT),
    ):
        _chain(draft, scenario, [law for law in scenario.admission if law.at == point], place, length)
    return row_of_person


def _credits(draft: _Draft, law: model.CreditAdmission, row: int, world: World) -> None:
    single = draft.single
    single |= {
        at.CREDITS: 1,
        at.CREDIT_LAW if law.at == "gateway" else at.STORE_CREDIT_LAW: row,
        row + at.L_STATE: draft.reserve(world.stores * at.CREDIT_WIDTH),
        row + at.L_SEVEN: draft.reserve(world.zones * at.CREDIT_WIDTH),
    }
    if law.at == "gateway":
        single[at.SLOT_UP_TO_NS] = law.later.up_to_ns if law.later else -1
        draft.set_time(at.SLOT_TIME, law.later.delay if law.later else None)
        draft.numbers[at.SLOT_PROBABILITY] = law.later.probability if law.later else 0.0


def _is_noted(law: model.Admission) -> bool:
    """Return whether it is noted of each attempt what it holds of a law."""
    of_slots = isinstance(law, model.ConcurrencyAdmission) and law.cost != 1
    return of_slots or isinstance(law, _TOLD) or _counts_orders(law)


def _gives_tickets(law: model.Admission) -> bool:
    """Return whether whom a law lets in is not asked again for a while."""
    return isinstance(law, model.Ticketing) and law.ticket_ns is not None


def _is_particular(law: model.Admission) -> bool:
    """Return whether a law charges more than 1, or does not treat all alike."""
    charges = isinstance(law, model.Charging) and law.cost != 1
    return charges or bool(law.priorities) or (isinstance(law, model.Reserving) and bool(law.reserve))


def _terms(draft: _Draft, scenario: model.Scenario, law: model.Admission) -> dict[int, int]:
    """Return what a law charges, whom it is asked about, and what each priority leaves to others."""
    cost = law.cost if isinstance(law, model.Charging) else 1
    if isinstance(cost, str):
        names = [stage.name for stage in scenario.stages]
        stage = cost.removeprefix("tokens:")
        cost = at.IN_CUPS if cost == "cups" else at.IN_CUPS - (names.index(stage) + 1)
    reserve = law.reserve if isinstance(law, model.Reserving) else ()
    return {
        at.L_PARTICULAR: int(_is_particular(law)),
        at.L_SIMPLE: int(isinstance(law, _SIMPLE) and not _is_particular(law) and not _gives_tickets(law)),
        at.L_COST: cost,
        at.L_PRIORITIES: sum(1 << priority for priority in set(law.priorities)),
        at.L_RESERVES: len(reserve),
        at.L_RESERVE: draft.region([rates.milli(share) for share in reserve]),
    }


def _stage_of(scenario: model.Scenario, law: model.Admission) -> model.Stage | None:
    """Return the stage whose queue a law looks after; None: the gateway's."""
    return next((stage for stage in scenario.stages if law.at == f"queue:{stage.name}"), None)


def _stage_row(scenario: model.Scenario, point: str) -> int:
    """Return the row of a stage, or of the gateway."""
    names = [f"stage:{stage.name}" for stage in scenario.stages]
    return at.STAGES + (names.index(point) + 1 if point in names else 0) * at.STAGE_WIDTH


def _looks_after_queue(draft: _Draft, stage: int, law: model.Admission, row: int) -> None:
    draft.single[stage + at.G_QUEUE_LAW] = row
    if isinstance(law, model.Ordering):
        draft.single[stage + at.G_LOOKS] |= at.AT_SEAT if isinstance(law, model.ApfAdmission) else 0
        draft.single[stage + at.G_ORDER] = at.IN_LANES
        return
    draft.single[stage + at.G_LOOKS] |= at.AT_WAIT
    if isinstance(law, model.AdaptiveLifoAdmission):
        draft.single[stage + at.G_ORDER] = at.BOTH_ENDS


def _chain(draft: _Draft, scenario: model.Scenario, laws: Sequence[model.Admission], place: int, length: int) -> None:
    rows = [draft.single[at.LAWS] + scenario.admission.index(law) * at.LAW_WIDTH for law in laws]
    draft.single[place] = draft.region(rows)
    draft.single[length] = len(rows)


def slots_of(law: model.Admission, scenario: model.Scenario, keys: dict[str, int]) -> int:
    """Return the slots of a law: of its ring or its table; priorities, segments, clients, or lanes of its queue."""
    if isinstance(law, model.WindowAdmission):
        return most_slots(scenario, law)
    if isinstance(law, model.ByPriorityAdmission | model.StrictPriorityAdmission):
        return levels_of(scenario)
    if isinstance(law, model.TopDownAdmission):
        return keys["segment"]
    if isinstance(law, model.BreakwaterAdmission | model.WfqAdmission):
        return keys[law.key]
    if isinstance(law, model.ApfAdmission):
        return len(law.share_of_level) * law.queues
    return int(getattr(law, _SLOTS_ARE.get(Law[law.law.upper()], ""), 0))


def own_words(law: model.Admission, slots: int) -> int:
    """Return the words of a row of a law, without those that stand at its end for each slot."""
    if isinstance(law, model.ApfAdmission):
        return len(law.share_of_level) * apf.width(law.queues, law.length)
    if isinstance(law, model.BreakwaterAdmission):
        return breakwater.CLIENT_WIDTH
    if isinstance(law, model.WaitingRoomAdmission):  # of each stage an instant, and its credit
        return width(Law.WAITING_ROOM, slots) + 2 * len(law.credits_per_s)
    kind = Law[law.law.upper()]
    return width(kind, slots) + _MORE_WORDS.get(kind, 0)


def parameters(draft: _Draft, scenario: model.Scenario, law: model.Admission, slots: int, own: int) -> dict[int, int]:
    """Return the numbers of a law as its functions want them; lanes begin after its own words."""
    if isinstance(law, model.RateAdmission | model.WarmUpAdmission):
        return rate_parameters(law, law.rate_per_s)
    if isinstance(law, model.WindowAdmission):
        return {at.L_ONE: law.limit, at.L_TWO: law.window_ns, at.L_THREE: slots}
    if isinstance(law, model.ConcurrencyAdmission):
        return {at.L_ONE: law.limit}
    if isinstance(law, model.HotKeyAdmission):
        of_table = {at.L_FOUR: slots, at.L_FIVE: _KEYS[law.key], at.L_SEVEN: len(law.overrides)}
        return rate_parameters(law, law.rate_per_s) | of_table
    if isinstance(law, model.WaitingRoomAdmission):
        drawn_until_ns = {"fifo": 0, "lottery": NEVER_NS, "shuffle": law.opens_ns}[law.order]
        of_room = {at.L_THREE: law.hold_ns, at.L_FOUR: slots, at.L_FIVE: drawn_until_ns, at.L_SIX: law.opens_ns}
        return of_room | {at.L_TWO: len(law.credits_per_s)}
    if isinstance(law, model.CreditAdmission):
        within = {at.L_ONE: law.store_within_ns, at.L_TWO: law.courier_within_ns, at.L_THREE: law.told_every_ns}
        return within | {at.L_FOUR: law.picks, at.L_FIVE: law.nearby, at.L_SIX: law.longest_wait_ns}
    if isinstance(law, model.CodelAdmission):
        return {at.L_ONE: law.interval_ns, at.L_TWO: law.target_ns}
    if isinstance(law, model.AdaptiveLifoAdmission):
        return {at.L_ONE: law.standing_ns, at.L_TWO: law.short_ns}
    if isinstance(law, model.Ordering):
        return _of_order(draft, law) | {at.L_SEVEN: slots, at.L_EIGHT: own}
    if isinstance(law, model.LoadMultiplierAdmission | model.SedaAdmission):
        return _of_learning(law)
    if isinstance(law, model.Learning):
        place = width(Law[law.law.upper()], slots)
        return _of_learning(law) | {at.L_SLOTS: place, at.L_STAGE: _stage_row(scenario, law.at)}
    if isinstance(law, model.TopDownAdmission):
        late = {at.L_TWO: law.target_ns, at.L_THREE: rates.milli(law.quantile), at.L_FOUR: rates.milli(law.busy)}
        moves = {at.L_FIVE: rates.milli(law.down), at.L_SIX: rates.milli(law.up), at.L_SEVEN: law.least_milli}
        return {at.L_ONE: law.tick_ns, at.L_EIGHT: slots} | late | moves
    if isinstance(law, model.BreakwaterAdmission):
        shares = {at.L_THREE: rates.milli(law.increase), at.L_FOUR: rates.milli(law.decrease)}
        server = {at.L_SIX: draft.reserve(breakwater.WIDTH), at.L_STAGE: _stage_row(scenario, f"stage:{law.queue}")}
        return {at.L_ONE: law.target_ns, at.L_TWO: law.round_trip_ns, at.L_FIVE: slots} | shares | server
    if isinstance(law, model.DagorAdmission):
        window = {at.L_ONE: slots, at.L_TWO: law.window_ns, at.L_THREE: law.window_calls, at.L_FOUR: law.target_ns}
        shares = {at.L_FIVE: rates.milli(law.down), at.L_SIX: rates.milli(law.up)}
        return window | shares | {at.L_STAGE: _stage_row(scenario, f"stage:{law.watched}")}
    if isinstance(law, model.PiRejectorAdmission):
        gains = {at.L_THREE: rates.milli(law.kp), at.L_FOUR: rates.milli(law.ki)}
        watched = {at.L_STAGE: _stage_row(scenario, f"stage:{law.watched}")}
        return {at.L_ONE: slots, at.L_TWO: law.period_ns} | gains | watched
    if isinstance(law, model.DeadlineAdmission):
        return {at.L_ONE: law.least_left_ns}
    if isinstance(law, model.PacingAdmission):
        return rate_parameters(law, law.rate_per_s) | {at.L_TWO: law.longest_wait_ns}
    if isinstance(law, model.RetryRatioAdmission):
        of_window = {at.L_ONE: law.slices, at.L_TWO: law.slice_ns, at.L_THREE: law.reserve}
        return of_window | {at.L_EARN: rates.milli(law.ratio), at.L_EARN_ON: at.ON_CALL}
    if isinstance(law, model.SreThrottleAdmission):
        return {at.L_ONE: law.slices, at.L_TWO: law.slice_ns, at.L_THREE: rates.milli(law.k)}
    if isinstance(law, model.CircuitBreakerAdmission):
        return {
            at.L_ONE: law.last_calls,
            at.L_TWO: law.least_calls,
            at.L_THREE: rates.milli(law.failed),
            at.L_FOUR: rates.milli(law.slow),
            at.L_FIVE: law.slow_after_ns,
            at.L_SIX: law.open_for_ns,
            at.L_SEVEN: law.probes,
            at.L_EIGHT: law.half_open_for_ns,
        }
    earns = {at.L_ONE: rates.milli(law.cap), at.L_EARN: rates.milli(law.earn)}
    if isinstance(law, model.RetryThrottleAdmission):
        return earns | {at.L_EARN_ON: at.ON_NOTHING}
    return earns | {at.L_EARN_ON: at.ON_CALL if law.earn_on == "call" else at.ON_SUCCESS}


def _of_order(draft: _Draft, law: model.Ordering) -> dict[int, int]:
    """Return the numbers of a law that orders a queue, beside its lanes."""
    if isinstance(law, model.StrictPriorityAdmission):
        return {}
    if isinstance(law, model.WfqAdmission):
        weights = law.weight_of_priority
        return {at.L_FIVE: draft.region(weights), at.L_SIX: len(weights)}
    shares, wide = law.share_of_level, apf.width(law.queues, law.length)
    of_queues = {at.L_ONE: law.queues, at.L_TWO: law.hand, at.L_THREE: law.length, at.L_FOUR: law.guess_ns}
    return of_queues | {at.L_FIVE: draft.region(shares), at.L_SIX: len(shares), at.L_NINE: sum(shares), at.L_TEN: wide}


def _of_learning(law: model.Learning) -> dict[int, int]:
    """Return the numbers of a law that learns from what it let in."""
    if isinstance(law, model.BbrCpuAdmission):
        return {at.L_ONE: law.buckets, at.L_TWO: law.bucket_ns, at.L_THREE: rates.milli(law.cpu)}
    if isinstance(law, model.LoadMultiplierAdmission):
        signal = {at.L_TWO: rates.milli(law.tolerance), at.L_THREE: rates.milli(law.least)}
        raises = {at.L_FOUR: rates.milli(law.increment), at.L_FIVE: rates.milli(law.most)}
        return {at.L_ONE: law.tick_ns, at.L_SIX: law.slices, at.L_SEVEN: law.slice_ns} | signal | raises
    if isinstance(law, model.SedaAdmission):
        bounds = {at.L_TWO: rates.micro(law.least_per_s), at.L_THREE: rates.micro(law.most_per_s)}
        steps = {at.L_FOUR: rates.micro(law.increase_per_s), at.L_FIVE: rates.milli(law.divisor)}
        judged = {at.L_SIX: rates.milli(law.quantile), at.L_SEVEN: law.target_ns, at.L_EIGHT: law.calls}
        when = {at.L_NINE: law.every_ns, at.L_TEN: law.burst}
        return {at.L_ONE: rates.micro(law.start_per_s)} | bounds | steps | judged | when
    if isinstance(law, model.EnvoyGradientAdmission):
        of_times = {at.L_FOUR: rates.milli(law.quantile), at.L_FIVE: rates.milli(law.buffer)}
        spans = {at.L_SIX: law.update_ns, at.L_SEVEN: law.interval_ns, at.L_EIGHT: rates.milli(law.jitter)}
        return {at.L_ONE: law.least, at.L_TWO: law.most, at.L_THREE: law.calls} | of_times | spans
    bounds = {at.L_ONE: law.start, at.L_TWO: law.least, at.L_THREE: law.most}
    if isinstance(law, model.AimdAdmission):
        return bounds | {at.L_FOUR: rates.milli(law.backoff), at.L_FIVE: law.longest_rtt_ns}
    if isinstance(law, model.VegasAdmission):
        longest_ns = LARGEST if law.longest_rtt0_ns is None else law.longest_rtt0_ns
        return bounds | {at.L_FOUR: law.probe, at.L_FIVE: longest_ns}
    shares = {at.L_FOUR: law.queue, at.L_FIVE: rates.milli(law.smoothing), at.L_SIX: rates.milli(law.tolerance)}
    of_sample = {at.L_EIGHT: law.sample_ns, at.L_NINE: law.least_calls, at.L_TEN: law.shortest_rtt_ns}
    return bounds | shares | {at.L_SEVEN: law.average_over} | of_sample


def rate_parameters(law: ONE_RATE, rate_per_s: Fraction | None) -> dict[int, int]:
    """Return the numbers of a law of a rate at a rate; at none it is off."""
    if rate_per_s is None:
        return {at.L_OFF: 1}
    rate = Fraction(rate_per_s)
    if isinstance(law, model.PacingAdmission):
        return {at.L_OFF: 0, at.L_ONE: rates.interval_ns(rate)}
    if isinstance(law, model.WarmUpAdmission):
        rate_milli, warning, most = rates.warm_up(rate, law.warm_up_ns, law.cold_factor)
        return {at.L_OFF: 0, at.L_ONE: rate_milli, at.L_TWO: law.cold_factor, at.L_THREE: warning, at.L_FOUR: most}
    return {at.L_OFF: 0} | dict(zip((at.L_ONE, at.L_TWO, at.L_THREE), bucket_of(law, rate), strict=False))


def _people(draft: _Draft, scenario: model.Scenario, world: World) -> None:
    people, single, numbers = scenario.people, draft.single, draft.numbers
    kinds = people.kinds
    single |= {
        at.MOST_TRIES: people.attempts,
        at.LEAST_TIMEOUT_NS: people.least_timeout_ns,
        at.LONGEST_DELAY_NS: people.longest_retry_delay_ns,
        at.HEEDS: int(people.heeds_retry_after),
        at.KIND_COUNT: max(1, len(kinds)),
        at.KIND_EDGES: draft.row(edges([kind.share for kind in kinds] or [1.0])),
        at.SEGMENT_EDGES: draft.row(world.segment_edges),
        at.SEGMENT_COUNT: max(1, len(scenario.segments)),
        at.RESIGNATION: draft.region([at_ns for at_ns, _ in people.resignation]),
        at.RESIGNATION_SHARES: draft.row([share for _, share in people.resignation]),
        at.RESIGNATION_STEPS: len(people.resignation),
        at.COMES_BACK_TIMES: people.come_back.times if people.come_back else -1,
    }
    draft.set_edges(at.ZONE_EDGES, world.zone_edges)
    numbers[at.RETRY_GROWTH] = people.retry_delay_growth
    numbers[at.COMES_BACK] = people.come_back.probability if people.come_back else 0.0
    draft.set_time(at.TIMEOUT_TIME, people.timeout)
    draft.set_time(at.STORE_DELAY_TIME, people.store_retry_delay)
    single[at.MOST_HEDGES] = people.hedge.most if people.hedge else 0
    draft.set_time(at.HEDGE_TIME, people.hedge.after if people.hedge else None)
    draft.set_time(at.AWAY_TIME, people.come_back.delay if people.come_back else None)
    if scenario.invitations is not None:
        single[at.INVITES_AFTER] = at.PLACED if scenario.invitations.after == "placed" else at.DELIVERED
        numbers[at.INVITED_MEAN] = scenario.invitations.mean
        draft.set_time(at.INVITED_TIME, scenario.invitations.delay)
    rows: list[int] = []
    for kind in kinds or [None]:
        patience = (kind.patience if kind else None) or people.patience
        delay = (kind.retry_delay if kind else None) or people.retry_delay
        rows += [*draft.time(patience), *draft.time(delay)]
    single[at.KINDS] = draft.region(rows)
    segments = np.zeros((len(world.zone_first), at.SEGMENT_WIDTH), dtype=np.int64)
    segments[:, at.SEGMENT_FIRST] = world.zone_first
    segments[:, at.SEGMENT_LAST] = world.zone_last
    segments[:, at.SEGMENT_PRIORITY] = [segment.priority for segment in scenario.segments] or [0]
    single[at.SEGMENTS] = draft.region(segments.ravel())


def _street(draft: _Draft, scenario: model.Scenario, world: World) -> None:
    single, street, couriers = draft.single, scenario.street, scenario.couriers
    single |= {
        at.STORES_PER_ZONE: world.stores_per_zone,
        at.CLOSED_DRAWS: draft.row(world.store_closed_draw),
        at.REPICKS: street.repicks if street else 0,
        at.CANCELS_BY_TIMER: int(_cancels_by_timer(scenario)),
        at.PROMISE_NS: NEVER_NS if couriers is None else couriers.promise_ns,
        at.CANCEL_AFTER_NS: NEVER_NS if couriers is None else couriers.cancel_after_ns,
        at.ZONE_COUNT: world.zones,
    }
    draft.set_edges(at.POPULARITY_EDGES, world.popularity_edges)
    draft.numbers[at.REPICK] = street.repick_probability if street else 0.0
    draft.numbers[at.COURIERS_SLOWDOWN] = 1.0 if couriers is None else couriers.slowdown
    zones = np.zeros((world.zones, at.ZONE_WIDTH), dtype=np.int64)
    if isinstance(couriers, model.ClockCouriers):
        single[at.COURIER_KIND] = at.CLOCK
        draft.set_time(at.TRIP_TIME, couriers.trip)
        zones[:, at.Z_NS_PER_ORDER] = world.zone_ns_per_order
    elif couriers is not None:
        single[at.COURIER_KIND] = at.SERVERS
        single[at.CARRY] = couriers.carry
        draft.set_time(at.PICKUP_TIME, couriers.pickup)
        draft.set_time(at.TRAVEL_TIME, couriers.travel)
        draft.set_time(at.DROPOFF_TIME, couriers.dropoff)
        zones[:, at.Z_FREE] = zones[:, at.Z_COURIERS] = world.zone_couriers
        draft.numbers[at.TRIP_MEAN_NS] = trip_mean_ns(couriers)
    single[at.ZONES] = draft.region(zones.ravel())
    if scenario.kitchens is not None:
        _kitchens(draft, scenario.kitchens, world)


def _cancels_by_timer(scenario: model.Scenario) -> bool:
    """Whether an order that is too late is found by a timer of its own; clocks know it beforehand."""
    return scenario.couriers is not None and _are_served(scenario)


def _kitchens(draft: _Draft, kitchens: model.Kitchens, world: World) -> None:
    single = draft.single
    single[at.FINISHING_NS] = kitchens.finishing_ns
    single[at.CUPS_TABLE] = draft.row(table(kitchens.cups, whole=True))
    draft.numbers[at.KITCHENS_SLOWDOWN] = kitchens.slowdown
    draft.numbers[at.KITCHENS_CLOSED] = kitchens.closed
    draft.numbers[at.REOPEN_SHARE] = kitchens.reopen_share
    if isinstance(kitchens, model.ClockKitchens):
        stores = np.zeros((world.stores, at.CLOCK_STORE_WIDTH), dtype=np.int64)
        stores[:, at.ST_NS_PER_CUP] = world.store_ns_per_cup
        single[at.KITCHEN_KIND] = at.CLOCK
    else:
        stores = np.zeros((world.stores, at.SERVERS_STORE_WIDTH), dtype=np.int64)
        stores[:, at.ST_FREE] = stores[:, at.ST_MAKERS] = world.store_makers
        draft.numbers[at.MAKE_MEAN_NS] = mean(kitchens.make, whole=False)
        single[at.KITCHEN_KIND] = at.SERVERS
        single[at.BATCH_CUPS] = kitchens.batch
        draft.set_time(at.MAKE_TIME, kitchens.make)
        busiest = max(world.store_makers)
        single[at.SPARE] += at.CELL_WIDTH * busiest
        single[at.HEAP_SPARE] += busiest
    stores[:, at.ST_PAUSE] = world.store_pause_backlog
    single[at.STORE_WIDTH] = stores.shape[1]
    single[at.STORES] = draft.region(stores.ravel())


def _series(draft: _Draft, scenario: model.Scenario) -> None:
    buckets = -(-scenario.horizon_ns // scenario.bucket_ns)
    row = COUNTED + 3 + 3 * (len(scenario.stages) + 1)
    draft.single |= {
        at.BUCKET_NS: scenario.bucket_ns,
        at.NEXT_SAMPLE_NS: scenario.bucket_ns,
        at.BUCKETS: buckets,
        at.SERIES: draft.reserve((buckets + 1) * row),
        at.SERIES_WIDTH: row,
        at.CUPS_STEPS: draft.reserve(buckets + 1),
        at.PAUSED_STEPS: draft.reserve(buckets + 1),
        at.WAITING_STEPS: draft.reserve(buckets + 1),
        at.CARRIED_LATER: draft.reserve(buckets + 1),
    }


def _calendar(draft: _Draft, scenario: model.Scenario, first: int) -> None:
    horizon_ns = scenario.horizon_ns
    buckets = min(max(first * EVENTS_A_PERSON // EVENTS_A_BUCKET, 16), WHEEL_BUCKETS)
    shift = max((horizon_ns // buckets).bit_length(), at.SLOT_BITS)
    carry = scenario.couriers.carry if isinstance(scenario.couriers, model.ServerCouriers) else 0
    draft.single[at.SPARE] += at.CELL_WIDTH * carry
    draft.single[at.HEAP_SPARE] += carry
    draft.single |= {
        at.HORIZON_NS: horizon_ns,
        at.WHEEL_SHIFT: shift,
        at.WHEEL: draft.reserve((horizon_ns >> shift) + 2),
        at.WHEEL_AT: -1,
        at.OUTBOX: draft.reserve(2 * at.OUTBOX_ROOM),
        at.SLOTS: draft.reserve((1 << at.SLOT_BITS) + 1),
        at.SLOT_SHIFT: shift - at.SLOT_BITS,
        at.FIRST_COUNT: first,
        at.HEAP: draft.reserve(2 * FIRST_HEAP),
        at.HEAP_ROOM: FIRST_HEAP,
    }
