"""Quota lease: a gateway leases tokens of a rate that many gateways share, and decides on them alone.

    at the gateway: admit iff cost <= left, and then left -= cost; ask for lease - left once less than half is left
    in the store:   debt = max(0, full_at - now), as in gcra; grant min(wanted, what fits the burst), and charge it

Admitted by N gateways in any [t, t + d]: at most burst + rate * d + what they held at t, so overshoot is at most the
sum of leases, N * lease. Nothing else enters into it: neither delays, nor lost or late answers, nor clocks, which are
never compared (a gateway measures by its own how long it holds a lease, the store by its own how long it remembers
one). Over any time that starts with no lease out, there is no overshoot at all. Each loss of the store's data adds one
burst. What fails safely costs quota instead: an answer that is lost loses up to one lease.

Unused tokens are given back. The store remembers the last lease of each gateway, by number, for `term_ns`: what comes
back with another number, late, twice, or to a store that has lost its data, counts for nothing. A lease that ended and
was not given back is not charged again and not paid back: the rate fills the bucket anyway.

Source: leases of capacity with an end, as quota servers give them (Doorman, from memory). The bound: what is used in
[t, t + d] was held at t or granted since, and the bucket grants, less what comes back, at most burst + rate * d.

State at the gateway: WIDTH ints, named below; zeros hold no lease. Store: a row of gcra, RECORD_WIDTH ints a gateway.
Use: `decide`; then, if `wanted` is above 0, `asked`, and the answer goes to `granted` or its absence to `failed`. One
question is under way at a time. Bounds: instants and burst * interval_ns up to limits.row.LARGEST, lease <= burst.
"""

from __future__ import annotations

from limits import without_store
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

LEFT = 0  # tokens that may be used
ENDS = 1  # when they may no longer, ns
USED = 2  # when one was last used or granted, ns
ASKED = 3  # 1 + when the question under way was asked, ns; 0 where none is
NUMBER = 4  # of the last question
ASK_AGAIN = 5  # not to be asked before, ns
FAILURES = 6  # questions without an answer since the last one with
ALONE = 7  # the row of without_store
WIDTH = ALONE + without_store.WIDTH

RECORD_WIDTH = 3  # number of the lease, tokens that it may still hold, when it is forgotten


def decide(state: Row, at: int, lease: int, interval_ns: int, mode: int, trust_ns: int, now_ns: int, cost: int) -> int:
    """Admit `cost` of what is leased (0), refuse with the ns until the store may be asked again, SHED, or NEVER.

    SHED: an answer of the store is on its way, or to be asked for. Where the last question failed and nothing is left,
    `mode` of `without_store` decides, and SHED is CLOSED. NEVER: a cost above lease, an interval of 0, a negative cost.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if interval_ns <= 0 or cost > lease:
        return NEVER
    if cost <= held(state, at, now_ns):
        state[at + LEFT] -= cost
        state[at + USED] = now_ns
        return ADMITTED
    if state[at + FAILURES] > 0:
        return without_store.answer(state, at + ALONE, mode, interval_ns, lease, trust_ns, now_ns, cost)
    wait_ns = state[at + ASK_AGAIN] - now_ns
    return wait_ns if wait_ns > 0 else SHED


def held(state: Row, at: int, now_ns: int) -> int:
    """Return the tokens that may be used now."""
    return state[at + LEFT] if now_ns < state[at + ENDS] else 0


def wanted(state: Row, at: int, lease: int, now_ns: int, cost: int) -> int:
    """Return how many tokens to ask for now: up to `lease` once `cost`, or half a lease, is no longer there."""
    if state[at + ASKED] > 0 or now_ns < state[at + ASK_AGAIN]:
        return 0
    left = held(state, at, now_ns)
    return lease - left if left < max(min(cost, lease), (lease + 1) // 2) else 0


def asked(state: Row, at: int, now_ns: int) -> int:
    """Note that the store is being asked, and return the number of the question."""
    if now_ns >= state[at + ENDS]:
        state[at + LEFT] = 0
    state[at + ASKED] = now_ns + 1
    state[at + NUMBER] += 1
    return state[at + NUMBER]


def granted(
    state: Row,
    at: int,
    tokens: int,
    wanted: int,
    wait_ns: int,
    gateways: int,
    term_ns: int,
    pause_ns: int,
    now_ns: int,
) -> None:
    """Take the store's answer. Where it had fewer than wanted it is left alone for `pause_ns`, or until it has a token.

    But no longer than `term_ns`, in which others may have given tokens back.
    The lease ends `term_ns` after the question, so before the store forgets it if both clocks run alike.
    """
    asked_ns = state[at + ASKED] - 1
    state[at + LEFT] = held(state, at, now_ns) + tokens
    if tokens > 0:
        state[at + ENDS] = asked_ns + term_ns
        state[at + USED] = now_ns
    state[at + ASKED] = 0
    state[at + FAILURES] = 0
    state[at + ASK_AGAIN] = now_ns + max(min(wait_ns, term_ns), pause_ns) if tokens < wanted else 0
    without_store.told(state, at + ALONE, gateways, now_ns)


def failed(state: Row, at: int, again_ns: int) -> None:
    """Note that the question has no answer, and will never be listened to; ask the next from `again_ns` on."""
    state[at + ASKED] = 0
    state[at + FAILURES] += 1
    state[at + ASK_AGAIN] = again_ns


def give_back(state: Row, at: int, idle_ns: int, now_ns: int) -> int:
    """Take all tokens out, to go back with NUMBER, if none was used for `idle_ns` and no question is under way."""
    if state[at + ASKED] > 0 or now_ns - state[at + USED] < idle_ns:
        return 0
    tokens = held(state, at, now_ns)
    state[at + LEFT] = 0
    return tokens


def grant(
    store: Row,
    at: int,
    interval_ns: int,
    burst: int,
    record: Row,
    record_at: int,
    number: int,
    wanted: int,
    left: int,
    term_ns: int,
    now_ns: int,
) -> int:
    """In the store: grant up to `wanted` tokens to a gateway that holds `left`, and return how many.

    A row that owes more than the burst owes the burst: so a clock that was set back shuts nobody out for long.
    """
    debt_ns = min(max(0, store[at] - now_ns), burst * interval_ns)
    tokens = min(wanted, burst - (debt_ns + interval_ns - 1) // interval_ns)
    if tokens > 0:
        store[at] = now_ns + debt_ns + tokens * interval_ns
    record[record_at] = number
    record[record_at + 1] = left + tokens
    record[record_at + 2] = now_ns + term_ns
    return tokens


def shortage_ns(store: Row, at: int, interval_ns: int, burst: int, now_ns: int) -> int:
    """In the store: return the ns until it has a token, 0 where it has one."""
    return max(0, min(store[at] - now_ns, burst * interval_ns) - (burst - 1) * interval_ns)


def take_back(
    store: Row, at: int, interval_ns: int, record: Row, record_at: int, number: int, tokens: int, now_ns: int
) -> int:
    """In the store: put tokens of a lease back, and return how many: none of a lease that is not the one remembered."""
    if record[record_at] != number or now_ns >= record[record_at + 2]:
        return 0
    returned = min(tokens, record[record_at + 1])
    record[record_at + 1] = 0
    record[record_at + 2] = 0
    store[at] = max(now_ns, store[at] - returned * interval_ns)
    return returned
