"""Breakwater: a server hands out credits, one a call, as many as keep its queue short, and clients send with credit.

    each round trip, d the wait of the queue now: d < target: C' = C + increase * clients, whole ones, the rest is kept;
        else C' = floor(C * max(1/2, 1 - decrease * (d - target) / target));  cores <= C' <= 64 * clients
    a client, when it is answered or has new demand, of open = C - handed out, spare = max(1, open / clients):
        open > 0: min(held + open, pending + demand + spare);  open < 0: held - 1;  else what it held
        at least its pending, and spare where clients <= cores; at most 63, and pending + demand + spare
    a call that arrives at d >= 2 * target is dropped all the same
    a client sends while it has fewer calls out than credits; else it asks for more, with a demand of 1

So who has no demand is lent a little (spare), that its next call need not ask; what is lent too much shows as a queue,
which the drop bounds while the credits are taken back. Source: Cho et al., Overload Control for us-scale RPCs with
Breakwater (OSDI 2020), and Caladan's bw_server.c and bw_config.h: increase 0.1% a client, decrease 2%, target 80 us and
drop at 160 us for work of 10 us and a round trip of 10 us. The paper sets the target at 40% of the objective. Left out:
which client without credits is woken first (the caller asks `share` for each in turn), windows given in advance.
`spend` and `answered` are `share` for a client whose calls do not wait at home: there they would for 10 us at most.

Known failures: many clients that call seldom: spare is 1 for each, so that far more credits than C are out, and a burst
of them all is met by the drop alone. A client that dies with credits holds them until `take_back`. The target is of the
queue of this server: a queue behind it is not seen.

State: [at] C, 0 before the first round trip, when it is `cores`; [at + 1] handed out; [at + 2] thousandths of a credit
that are kept; [at + 3] the instant up to which `tick` moved them. A client: [client] held; [client + 1] calls that are
out. Bounds: all up to limits.row.LARGEST, of which cores, clients, pending and demand count up to
learned.MOST, waits and the target up to learned.LONGEST_NS, both shares to a million thousandths. Only
`tick` looks at time: it is `control`, once for each round trip that has passed, at most ROUNDS; an earlier instant is
none.
"""

from __future__ import annotations

from limits.learned import LONGEST_NS, MOST
from limits.row import Row
from limits.verdicts import ADMITTED, NEVER, SHED

WIDTH = 4
CLIENT_WIDTH = 2
WINDOW = 64
ROUNDS = 100
FINE_NS = 2**26
MILLION = 1_000_000


def decide(state: Row, at: int, target_ns: int, queue_ns: int, now_ns: int, cost: int) -> int:
    """Take a call that arrives with its credit (0), or drop it: SHED. NEVER: a negative cost."""
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    return SHED if queue_ns >= 2 * target_ns else ADMITTED


def limit(state: Row, at: int, cores: int) -> int:
    """Return how many credits there are."""
    return min(MOST, cores) if state[at] == 0 else state[at]


def control(
    state: Row,
    at: int,
    target_ns: int,
    increase_milli: int,
    decrease_milli: int,
    cores: int,
    clients: int,
    queue_ns: int,
) -> None:
    """Move the credits by how long the queue is, once each round trip."""
    many = limit(state, at, cores)
    clients = min(MOST, clients)
    if queue_ns >= target_ns:
        many = cut(many, target_ns, decrease_milli, queue_ns)
        state[at + 2] = 0
    else:
        grown = state[at + 2] + clients * min(MILLION, increase_milli)
        many += grown // 1000
        state[at + 2] = grown % 1000
    state[at] = max(1, min(WINDOW * clients, max(min(MOST, cores), many)))


def tick(
    state: Row,
    at: int,
    rtt_ns: int,
    target_ns: int,
    increase_milli: int,
    decrease_milli: int,
    cores: int,
    clients: int,
    queue_ns: int,
    now_ns: int,
) -> None:
    """Move the credits as often as a round trip has passed, by how long the queue is now."""
    rtt_ns = max(1, rtt_ns)
    rounds = (now_ns - state[at + 3]) // rtt_ns
    if rounds > 0:
        state[at + 3] += rounds * rtt_ns
        for _ in range(min(ROUNDS, rounds)):
            control(state, at, target_ns, increase_milli, decrease_milli, cores, clients, queue_ns)


def cut(many: int, target_ns: int, decrease_milli: int, queue_ns: int) -> int:
    """Return the credits that are left of so many with a queue of the target or longer."""
    target_ns = max(1, min(LONGEST_NS, target_ns))
    over_ns = min(LONGEST_NS, queue_ns) - target_ns
    while target_ns > FINE_NS:
        target_ns //= 1024
        over_ns //= 1024
    decrease_milli = max(1, min(MILLION, decrease_milli))
    if over_ns >= 500 * target_ns // decrease_milli + 1:
        return many // 2
    left = 1000 * target_ns - decrease_milli * over_ns
    return max(many // 2, many * left // (1000 * target_ns))


def share(state: Row, at: int, cores: int, clients: int, held: int, pending: int, demand: int) -> int:
    """Return how many credits a client that held so many holds from now on, and count them as handed out.

    `pending`: its calls that are here; `demand`: how many more it says that it has waiting at home.
    """
    clients = max(1, min(MOST, clients))
    wanted = min(MOST, pending) + min(MOST, demand)
    spare_of = limit(state, at, cores) - state[at + 1]
    spare = max(1, spare_of // clients)
    holds = held
    if spare_of > 0:
        holds = min(held + spare_of, wanted + spare)
    elif spare_of < 0:
        holds = held - 1
    if clients <= cores:
        holds = max(holds, spare)
    holds = min(WINDOW - 1, wanted + spare, max(holds, min(MOST, pending)))
    state[at + 1] += holds - held
    return holds


def take_back(state: Row, at: int, held: int) -> None:
    """Take back the credits of a client that has gone."""
    state[at + 1] = max(0, state[at + 1] - held)


def spend(state: Row, at: int, of: Row, client: int, cores: int, clients: int) -> int:
    """Send a call of a client (0), which asks for a credit if it has none left; or SHED: the server gives none."""
    held, out = of[client], of[client + 1]
    if out >= held:
        held = share(state, at, cores, clients, held, out, 1)
        of[client] = held
    if out >= held:
        return SHED
    of[client + 1] = out + 1
    return ADMITTED


def answered(state: Row, at: int, of: Row, client: int, cores: int, clients: int) -> None:
    """Say that a call of a client is not out any more; the answer says how many credits the client has now."""
    of[client + 1] = max(0, of[client + 1] - 1)
    of[client] = share(state, at, cores, clients, of[client], of[client + 1], 0)
