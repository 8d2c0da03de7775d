"""Laws that refuse the least important, by what they hear of a queue (docs/model.md, Laws)."""

from __future__ import annotations

from limits import dagor, pi_rejector, row
from limits.laws import Law
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    L_FIVE,
    L_FOUR,
    L_LAW,
    L_ONE,
    L_SIX,
    L_STAGE,
    L_STATE,
    L_THREE,
    L_TWO,
)
from simulator.compiled.memory import Words
from simulator.compiled.series import capacity_of, in_service_at

_DAGOR = int(Law.DAGOR)
_PERSONS, _LARGEST = dagor.PERSONS, row.LARGEST
dagor_decide, person_level = dagor.decide, dagor.person_level
pi_decide = pi_rejector.decide


@kernel
def ask_by_priority(M: Words, law: int, want: int, priority: int, now_ns: int) -> int:
    """Ask a dagor, or a pi_rejector, about somebody of a priority."""
    state, one, two = M[law + L_STATE] + 1, M[law + L_ONE], M[law + L_TWO]
    three, four = M[law + L_THREE], M[law + L_FOUR]
    if M[law + L_LAW] == _DAGOR:
        level = priority * _PERSONS + person_level(want & _LARGEST, now_ns)
        return dagor_decide(M, state, one, two, three, four, M[law + L_FIVE], M[law + L_SIX], level, now_ns, 1)
    free = max(0, capacity_of(M, M[law + L_STAGE]) - in_service_at(M, M[law + L_STAGE]))
    return pi_decide(M, state, one, two, three, four, free, priority, now_ns, 1)
