"""A rate for each segment at the gateway, by what its attempts meet behind it (docs/model.md, Laws)."""

from __future__ import annotations

from limits import top_down
from limits.outcomes import IGNORED as _IGNORED
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    G_SEGMENTS,
    L_EIGHT,
    L_FIVE,
    L_FOUR,
    L_ONE,
    L_SEVEN,
    L_SIX,
    L_STATE,
    L_THREE,
    L_TWO,
    SEGMENT_PRIORITY,
    SEGMENT_WIDTH,
    SEGMENTS,
    STAGE_COUNT,
    STAGE_WIDTH,
    STAGES,
)
from simulator.compiled.memory import Words
from simulator.compiled.series import capacity_of, in_service_at

_WIDTH, _API, _LEAST_IMPORTANT = top_down.WIDTH, top_down.API, top_down.LEAST_IMPORTANT
top_down_decide, top_down_tell, top_down_control = top_down.decide, top_down.tell, top_down.control
API_COUNTS = 2
"""Words of an API after those of the law: how many ended in this tick, and how many of these were late."""


@kernel
def ask_top_down(M: Words, law: int, segment: int, now_ns: int, cost: int) -> int:
    """Ask a top_down, which moves its rates first where a tick has passed."""
    row = M[law + L_STATE] + 1
    if M[row] and now_ns - (M[row] - 1) >= M[law + L_ONE]:
        moves_rates(M, law, row, now_ns)
    return top_down_decide(M, row, segment, now_ns, cost)


@kernel
def moves_rates(M: Words, law: int, row: int, now_ns: int) -> None:
    """Tell a top_down what each API shares, and whether calls were late, and let it move the rates."""
    apis, late_milli = M[law + L_EIGHT], 1000 - M[law + L_THREE]
    any_late = 0
    for api in range(apis):
        shared_by = fewest_sharing(M, M[law + L_FOUR], api, apis)
        priority = M[M[SEGMENTS] + api * SEGMENT_WIDTH + SEGMENT_PRIORITY]
        top_down_tell(M, row, api, shared_by, _LEAST_IMPORTANT - priority)
        counts = row + _WIDTH + _API * apis + API_COUNTS * api
        if (shared_by or M[row + _WIDTH + _API * api]) and 1000 * M[counts + 1] > late_milli * M[counts]:
            any_late = 1
        M[counts] = 0
        M[counts + 1] = 0
    down, up, least = M[law + L_FIVE], M[law + L_SIX], M[law + L_SEVEN]
    top_down_control(M, row, apis, 0, down, up, least, any_late, now_ns)


@kernel
def fewest_sharing(M: Words, busy_milli: int, api: int, apis: int) -> int:
    """Return how many APIs call the overloaded stage on the way of one that has the fewest; 0: none is overloaded."""
    fewest = 0
    for number in range(1, M[STAGE_COUNT]):
        stage = STAGES + number * STAGE_WIDTH
        if 1000 * in_service_at(M, stage) < busy_milli * capacity_of(M, stage):
            continue
        callers = M[stage + G_SEGMENTS]
        sharing = apis
        if callers:
            if M[callers + api] == 0:
                continue
            sharing = 0
            for other in range(apis):
                sharing += M[callers + other]
        if fewest == 0 or sharing < fewest:
            fewest = sharing
    return fewest


@kernel
def tells_top_down(M: Words, law: int, segment: int, rtt_ns: int, outcome: int) -> None:
    """An attempt that a top_down let in has ended."""
    if outcome != _IGNORED:
        counts = M[law + L_STATE] + 1 + _WIDTH + _API * M[law + L_EIGHT] + API_COUNTS * segment
        M[counts] += 1
        if rtt_ns > M[law + L_TWO]:
            M[counts + 1] += 1
