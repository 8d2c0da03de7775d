"""What is written down bucket by bucket."""

from __future__ import annotations

from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    AWAY,
    B_CAPACITY,
    B_WAITING,
    BATCHING_STAGE,
    BUCKET_NS,
    BUCKETS,
    CLOSED,
    COUNTS,
    G_KIND,
    G_PACED,
    G_SERVERS,
    G_SHARDS,
    G_STATION,
    IN_PROGRESS,
    NO_STAGE,
    S_IN_SERVICE,
    S_LENGTH,
    SERIES,
    SERIES_WIDTH,
    SERVER_STAGE,
    STAGE_COUNT,
    STAGE_WIDTH,
    STAGES,
    STATION_WIDTH,
    TRYING,
    WORK,
)
from simulator.compiled.memory import Words

COUNTED = WORK + 8 - COUNTS
"""Counters and work come first in a row of the series; then trying, away, in progress; then three for each stage."""


@kernel
def waiting_at(M: Words, stage: int) -> int:
    """Return the number waiting at a stage, those that a pacing law holds back included."""
    station = M[stage + G_STATION]
    if M[stage + G_KIND] == BATCHING_STAGE:
        return M[stage + G_PACED] + M[station + B_WAITING]
    waiting = M[stage + G_PACED]
    for shard in range(M[stage + G_SHARDS]):
        waiting += M[station + shard * STATION_WIDTH + S_LENGTH]
    return waiting


@kernel
def in_service_at(M: Words, stage: int) -> int:
    """Return the number in service at a stage."""
    in_service = 0
    for shard in range(M[stage + G_SHARDS]):
        in_service += M[M[stage + G_STATION] + shard * STATION_WIDTH + S_IN_SERVICE]
    return in_service


@kernel
def capacity_of(M: Words, stage: int) -> int:
    """Return the servers of a stage; of a batching stage the slots of its replicas."""
    if M[stage + G_KIND] == SERVER_STAGE:
        return M[stage + G_SERVERS] * M[stage + G_SHARDS]
    return M[M[stage + G_STATION] + B_CAPACITY]


@kernel
def close_bucket(M: Words) -> None:
    """Write down counters and gauges as they are at the end of a bucket."""
    row = M[SERIES] + M[CLOSED] * M[SERIES_WIDTH]
    for at in range(COUNTED):
        M[row + at] = M[COUNTS + at]
    row += COUNTED
    M[row] = M[TRYING]
    M[row + 1] = M[AWAY]
    M[row + 2] = M[IN_PROGRESS]
    row += 3
    for index in range(M[STAGE_COUNT]):
        stage = STAGES + index * STAGE_WIDTH
        if M[stage + G_KIND] != NO_STAGE:
            M[row] = waiting_at(M, stage)
            M[row + 1] = in_service_at(M, stage)
            M[row + 2] = capacity_of(M, stage)
        row += 3
    M[CLOSED] += 1


@kernel
def bucket_of(M: Words, at_ns: int) -> int:
    """Return the bucket (start, end] of an instant; the one after the last for instants after the horizon."""
    return min(max(at_ns - 1, 0) // M[BUCKET_NS], M[BUCKETS])


@kernel
def step(M: Words, steps: int, at_ns: int, change: int) -> None:
    """Change a gauge at an instant, now or later; `steps` names the single number that holds its place."""
    M[M[steps] + bucket_of(M, at_ns)] += change
    M[steps + 3] = 1
