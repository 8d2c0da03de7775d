"""Credits that a stage lends to those who call it (docs/model.md, Laws)."""

from __future__ import annotations

from limits import breakwater
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    A_SINCE_NS,
    A_STAGE_BIT,
    A_STATE,
    G_STATION,
    L_FIVE,
    L_FOUR,
    L_ONE,
    L_SIX,
    L_STAGE,
    L_THREE,
    L_TWO,
    S_HEAD,
    S_LENGTH,
    STAGE_WIDTH,
    STAGES,
)
from simulator.compiled.memory import Words
from simulator.compiled.series import capacity_of

breakwater_tick, breakwater_decide = breakwater.tick, breakwater.decide
breakwater_spend, breakwater_answered = breakwater.spend, breakwater.answered


@kernel
def oldest_ns(M: Words, stage: int, now_ns: int) -> int:
    """Return how long the oldest in the queue of a stage has waited; 0 where nobody waits."""
    station = M[stage + G_STATION]
    return now_ns - M[M[station + S_HEAD] + A_SINCE_NS] if M[station + S_LENGTH] else 0


@kernel
def is_at_lender(M: Words, law: int, attempt: int) -> bool:
    """Return whether an attempt is at the stage that gives the credits."""
    return STAGES + ((M[attempt + A_STATE] >> A_STAGE_BIT) & 255) * STAGE_WIDTH == M[law + L_STAGE]


@kernel
def tick_credits(M: Words, law: int, queue_ns: int, now_ns: int) -> None:
    """Move the credits up to now."""
    server, target_ns, rtt_ns = M[law + L_SIX], M[law + L_ONE], M[law + L_TWO]
    increase, decrease, clients = M[law + L_THREE], M[law + L_FOUR], M[law + L_FIVE]
    cores = max(1, capacity_of(M, M[law + L_STAGE]))
    breakwater_tick(M, server, rtt_ns, target_ns, increase, decrease, cores, clients, queue_ns, now_ns)


@kernel
def ask_lender(M: Words, law: int, now_ns: int) -> int:
    """Ask a breakwater about a call that has come to its stage: 0, or SHED."""
    queue_ns = oldest_ns(M, M[law + L_STAGE], now_ns)
    tick_credits(M, law, queue_ns, now_ns)
    return breakwater_decide(M, M[law + L_SIX], M[law + L_ONE], queue_ns, now_ns, 1)


@kernel
def ask_borrower(M: Words, law: int, client: int, now_ns: int) -> int:
    """Ask a breakwater for a credit of a client: 0, or SHED."""
    tick_credits(M, law, oldest_ns(M, M[law + L_STAGE], now_ns), now_ns)
    cores = max(1, capacity_of(M, M[law + L_STAGE]))
    return breakwater_spend(M, M[law + L_SIX], M, client, cores, M[law + L_FIVE])


@kernel
def is_out_no_more(M: Words, law: int, client: int, now_ns: int) -> None:
    """Tell a breakwater that a call of a client is out no more."""
    tick_credits(M, law, oldest_ns(M, M[law + L_STAGE], now_ns), now_ns)
    cores = max(1, capacity_of(M, M[law + L_STAGE]))
    breakwater_answered(M, M[law + L_SIX], M, client, cores, M[law + L_FIVE])
