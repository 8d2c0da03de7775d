"""Servers behind a queue: the gateway, and every stage that is not a batching pool."""

from __future__ import annotations

from scenarios.draws import Stream
from simulator.compiled.calendar import DEPARTURE, ref_of, schedule
from simulator.compiled.chains import ask_gateway
from simulator.compiled.ends import is_dropped
from simulator.compiled.habits import drawn_ns, slowed
from simulator.compiled.jit import kernel
from simulator.compiled.lanes import advances, gives_seat, takes_seat
from simulator.compiled.layout import (
    A_AT_STAGE_NS,
    A_NUMBER,
    A_SEQ,
    A_SERVICE_NS,
    A_SINCE_NS,
    A_WANT,
    AT_SEAT,
    G_LOOKS,
    G_PER_BUSY_NS,
    G_QUEUE_LIMIT,
    G_REFUSE_TIME,
    G_SERVERS,
    G_SERVICE_TIME,
    G_SHARDS,
    G_STATION,
    S_AVAILABLE,
    S_BUSY,
    S_COUNTED_TO_NS,
    S_DROPPED_WAITING,
    S_IN_SERVICE,
    S_LENGTH,
    S_QUEUE_MAX,
    S_QUEUED,
    STAGE_FACTORS,
    STAGE_FIGURES,
    STAGE_WIDTH,
    STAGES,
    STATION_WIDTH,
    WORK_BROUGHT,
)
from simulator.compiled.memory import Numbers, Words, add_product, carry, one_less, one_more, sample
from simulator.compiled.queueing import dequeue, enqueue, queue_row, why_not

_ADMIT, _REFUSE = int(Stream.ADMIT), int(Stream.REFUSE)
FULL, QUEUED, STARTED, LEFT = range(4)


@kernel
def count_available(M: Words, stage: int, station: int, now_ns: int) -> None:
    """Bring the sum of available servers up to now, before their number changes."""
    # servers taken away while busy are available until they finish
    available = max(M[stage + G_SERVERS], M[station + S_IN_SERVICE])
    add_product(M, station + S_AVAILABLE, available, now_ns - M[station + S_COUNTED_TO_NS])
    M[station + S_COUNTED_TO_NS] = now_ns


@kernel
def joins(M: Words, F: Numbers, number: int, station: int, attempt: int, now_ns: int) -> int:
    """Take an attempt up, or queue it; return FULL, QUEUED, STARTED, or LEFT where its person has left."""
    stage = STAGES + number * STAGE_WIDTH
    M[attempt + A_SINCE_NS] = now_ns
    if M[station + S_IN_SERVICE] < M[stage + G_SERVERS] and passes(M, F, stage, station, attempt, now_ns):
        if M[stage + G_LOOKS] and why_not(M, stage, station, attempt, now_ns) != 0:
            if M[stage + G_LOOKS] & AT_SEAT:
                gives_seat(M, stage, queue_row(M, stage, station), attempt, 0, now_ns)
            return LEFT
        starts(M, F, number, station, attempt, now_ns)
        return STARTED
    if M[station + S_LENGTH] < M[stage + G_QUEUE_LIMIT] and enqueue(M, F, stage, station, attempt, now_ns):
        one_more(M, station + S_QUEUED, now_ns)
        M[station + S_QUEUE_MAX] = max(M[station + S_QUEUE_MAX], M[station + S_LENGTH])
        return QUEUED
    return FULL


@kernel
def passes(M: Words, F: Numbers, stage: int, station: int, attempt: int, now_ns: int) -> bool:
    """Whether an attempt that finds a free server need not wait."""
    if M[stage + G_LOOKS] & AT_SEAT == 0:
        return True
    return takes_seat(M, F, stage, station, queue_row(M, stage, station), attempt, now_ns)


@kernel
def starts(M: Words, F: Numbers, number: int, station: int, attempt: int, now_ns: int) -> None:
    """The service of an attempt begins."""
    stage = STAGES + number * STAGE_WIDTH
    M[station + S_IN_SERVICE] += 1
    one_more(M, station + S_BUSY, now_ns)
    if number == 0:
        service_ns = decides(M, F, attempt, now_ns)
    else:
        service_ns = slowed(M[attempt + A_SERVICE_NS], F[STAGE_FACTORS + 2 * number])
        service_ns += M[stage + G_PER_BUSY_NS] * M[station + S_IN_SERVICE]
    M[attempt + A_SERVICE_NS] = service_ns
    sample(M, STAGE_FIGURES + 2 * number, now_ns - M[attempt + A_SINCE_NS])
    schedule(M, now_ns + service_ns, ref_of(DEPARTURE, attempt, 0))


@kernel
def decides(M: Words, F: Numbers, attempt: int, now_ns: int) -> int:
    """A server of the gateway takes an attempt up: ask the laws, and return the time that the verdict costs."""
    verdict = ask_gateway(M, F, STAGES, attempt, now_ns)
    M[attempt + A_SEQ] = verdict
    time, stream = (STAGES + G_SERVICE_TIME, _ADMIT) if verdict >= 0 else (STAGES + G_REFUSE_TIME, _REFUSE)
    service_ns = drawn_ns(M, F, time, stream, M[attempt + A_WANT], M[attempt + A_NUMBER])
    carry(M, WORK_BROUGHT, service_ns)
    M[attempt + A_AT_STAGE_NS] = service_ns
    return service_ns


@kernel
def takes_up(M: Words, F: Numbers, number: int, station: int, now_ns: int) -> None:
    """Start waiting attempts on free servers; drop those that are not to be served."""
    stage = STAGES + number * STAGE_WIDTH
    while M[station + S_LENGTH] and M[station + S_IN_SERVICE] < M[stage + G_SERVERS]:
        attempt = dequeue(M, stage, station, now_ns)
        if attempt == 0:
            return
        one_less(M, station + S_QUEUED, now_ns)
        dropped = why_not(M, stage, station, attempt, now_ns) if M[stage + G_LOOKS] else 0
        if dropped:
            if M[stage + G_LOOKS] & AT_SEAT:
                gives_seat(M, stage, queue_row(M, stage, station), attempt, 0, now_ns)
            carry(M, station + S_DROPPED_WAITING, now_ns - M[attempt + A_SINCE_NS])
            is_dropped(M, F, attempt, dropped, now_ns)
        else:
            starts(M, F, number, station, attempt, now_ns)


@kernel
def is_free(M: Words, F: Numbers, number: int, station: int, attempt: int, now_ns: int) -> None:
    """A server is done with an attempt, and takes the next."""
    stage = STAGES + number * STAGE_WIDTH
    if M[station + S_IN_SERVICE] > M[stage + G_SERVERS]:
        count_available(M, stage, station, now_ns)
    M[station + S_IN_SERVICE] -= 1
    one_less(M, station + S_BUSY, now_ns)
    sample(M, STAGE_FIGURES + 2 * number + 1, M[attempt + A_SERVICE_NS])
    if M[stage + G_LOOKS] & AT_SEAT:
        gives_seat(M, stage, queue_row(M, stage, station), attempt, M[attempt + A_SERVICE_NS], now_ns)
    if M[station + S_LENGTH]:
        takes_up(M, F, number, station, now_ns)


@kernel
def set_servers(M: Words, F: Numbers, number: int, servers: int, now_ns: int) -> None:
    """Change the servers of each shard of a stage, now."""
    stage = STAGES + number * STAGE_WIDTH
    first = M[stage + G_STATION]
    end = first + M[stage + G_SHARDS] * STATION_WIDTH
    for station in range(first, end, STATION_WIDTH):
        count_available(M, stage, station, now_ns)
        if M[stage + G_LOOKS] & AT_SEAT:
            advances(M, stage, queue_row(M, stage, station), now_ns)
    M[stage + G_SERVERS] = servers
    for station in range(first, end, STATION_WIDTH):
        takes_up(M, F, number, station, now_ns)
