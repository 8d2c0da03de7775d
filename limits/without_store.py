"""What a gateway does while the shared store is away: let all pass, let none pass, or keep to its last share.

Shared by `quota_lease` and `quota_report`, asked by them once a question to the store has failed and nothing is left
to go by. LAST_SHARE is `gcra` at the Nth part of the rate, with N as the store last said: together the gateways then
let in the rate, and `burst` each, while no gateway is new since the others were told N. Gateways that came one after
the other and were told 1, 2, ... N let in at most the rate times 1 + 1/2 + ... + 1/N. A gateway that was told longer
than `trust_ns` ago, or never, lets none pass.

State: [at] how many gateways share the key, as last told; [at + 1] 1 + when that was, ns; [at + 2] the row of `gcra`.
Bounds: as in gcra; N counts as at most what interval_ns * burst * N <= limits.row.LARGEST allows.
"""

from __future__ import annotations

from limits import gcra
from limits.row import LARGEST, Row
from limits.verdicts import ADMITTED, SHED

WIDTH = 3

CLOSED = 0
OPEN = 1
LAST_SHARE = 2


def told(state: Row, at: int, gateways: int, now_ns: int) -> None:
    """Remember how many gateways share the key."""
    state[at] = gateways
    state[at + 1] = now_ns + 1


def answer(state: Row, at: int, mode: int, interval_ns: int, burst: int, trust_ns: int, now_ns: int, cost: int) -> int:
    """Admit `cost` (0), say after how many ns its share has room, or SHED. Cost, interval_ns and burst are above 0."""
    if mode == OPEN:
        return ADMITTED
    if mode != LAST_SHARE or state[at + 1] == 0 or now_ns - (state[at + 1] - 1) > trust_ns:
        return SHED
    gateways = min(max(1, state[at]), LARGEST // (interval_ns * burst))
    return gcra.decide(state, at + 2, interval_ns * gateways, burst, now_ns, cost)
