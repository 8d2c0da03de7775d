"""APF: a hand of few queues for each flow, the shortest of them, turns by virtual time, so that a flood stays small.

    enqueue: hand = `hand` of `queues`, dealt by the flow's hash; the shortest of them, of equals one after the other
             refused iff `length` wait there
    next: of the queues where somebody waits, the smallest S, after the one of the last turn;  then S += G
    finish: S += took - G;  a queue that was empty and idle begins at S = R, and S is never before its oldest came
    R: virtual time, runs at min(seats, waiting + running) / queues with anybody per ns

A priority level has `seats`, its share of what the server can do at once, and a row of its own. A heavy flow fills its
hand, which has a queue of another's hand only with luck: of 128 queues and hands of 6 one heavy flow leaves nearly all
others a free queue. G (3 ms) stands for how long one takes until that is known. `next_queue` says of which queue the
oldest is to be taken; where its person has left, call `finish` with 0 at once and ask again.

Source: Kubernetes, API Priority and Fairness (KEP 1040), queueset.go and shufflesharding.go. Take 128 queues of 100 and
hands of 6. A request has one seat here; there it may have more, or linger on one, and finds room in a full queue where
a seat is free (here: call `next_queue` until it says -1, then none is full).
There requests wait at most 15 s or so, judged when another comes; here deadlines are the queue's. There R winds back
when it comes to half of what fits; here it is 0 again whenever nobody is there.

Known failures: a person who comes as many flows has many hands. Within a queue a light flow waits behind the heavy one
whose hand it shares, and turns are by queue: that queue's flows share one share. G far from the truth lets a flow run
ahead by G * what it has running.

State: [at] R; [at + 1] the last instant; [at + 2] the queue of the last turn; [at + 3] waiting, [at + 4] running; [at +
5] how many were enqueued; [at + 6] queues with anybody; [at + 7 ..] the hand; then for each queue: waiting, running, S,
the place of the oldest, and a ring of the R at which those that wait came. Bounds: instants up to limits.row.LARGEST,
seats, queues and length up to learned.MOST, hand up to HAND, G and what one took up to learned.LONGEST_NS; an instant
that steps back is no time, and a gap counts as at most LONGEST_NS. Flows are ints from 0 to LARGEST.
"""

from __future__ import annotations

from limits.dagor import BITS, mixed
from limits.learned import LONGEST_NS, MOST
from limits.row import LARGEST, Row
from limits.verdicts import NEVER, SHED

HAND = 8
WIDTH = 7 + HAND
"""Without the queues: see `width`."""
QUEUE = 4


def width(queues: int, length: int) -> int:
    """Return the ints in a row of so many queues."""
    return WIDTH + queues * (QUEUE + length)


def enqueue(state: Row, at: int, queues: int, hand: int, length: int, seats: int, flow: int, now_ns: int) -> int:
    """Let one of a flow wait; return the number of its queue, or SHED: it is full. NEVER: there are no queues."""
    hand = min(HAND, queues, hand)
    if hand < 1 or length < 1:
        return NEVER
    advance(state, at, seats, now_ns)
    queue = shortest(state, at, queues, hand, length, flow)
    place = place_of(at, length, queue)
    if state[place] >= length:
        return SHED
    if state[place] + state[place + 1] == 0:
        state[place + 2] = state[at]
        state[at + 6] += 1
    state[place + QUEUE + (state[place + 3] + state[place]) % length] = state[at]
    state[place] += 1
    state[at + 3] += 1
    bound(state, place, length)
    return queue


def seats_of(servers: int, share: int, shares: int) -> int:
    """Return the seats of a level with a share of all: rounded up, so that each has one where there is a server."""
    return -(-servers * share // shares)


def has_seat(state: Row, at: int, seats: int) -> bool:
    """Return whether one more could run."""
    return state[at + 4] < seats


def next_queue(state: Row, at: int, queues: int, length: int, seats: int, guess_ns: int, now_ns: int) -> int:
    """Return the queue whose oldest is to run now, which is counted as running, or -1: no seat, or nobody waits."""
    advance(state, at, seats, now_ns)
    if state[at + 4] >= seats or state[at + 3] == 0:
        return -1
    found = -1
    smallest = 0
    for k in range(1, queues + 1):
        queue = (state[at + 2] + k) % queues
        place = place_of(at, length, queue)
        if state[place] > 0 and (found < 0 or state[place + 2] < smallest):
            found = queue
            smallest = state[place + 2]
    place = place_of(at, length, found)
    state[at + 2] = found
    state[at + 3] -= 1
    state[at + 4] += 1
    state[place] -= 1
    state[place + 1] += 1
    state[place + 2] = min(LARGEST, state[place + 2] + max(0, min(LONGEST_NS, guess_ns)))
    state[place + 3] = (state[place + 3] + 1) % length
    bound(state, place, length)
    return found


def finish(state: Row, at: int, length: int, seats: int, queue: int, guess_ns: int, took_ns: int, now_ns: int) -> None:
    """Say that one of a queue is done, and how long it ran: 0 for one that was not there any more."""
    advance(state, at, seats, now_ns)
    place = place_of(at, length, queue)
    if state[place + 1] == 0:
        return
    state[at + 4] -= 1
    state[place + 1] -= 1
    changed = state[place + 2] + max(0, min(LONGEST_NS, took_ns)) - max(0, min(LONGEST_NS, guess_ns))
    state[place + 2] = max(0, min(LARGEST, changed))
    bound(state, place, length)
    if state[place] + state[place + 1] == 0:
        state[at + 6] -= 1
        if state[at + 6] == 0:
            state[at] = 0


def advance(state: Row, at: int, seats: int, now_ns: int) -> None:
    """Let virtual time run up to now."""
    gone_ns = min(LONGEST_NS, now_ns - state[at + 1])
    if gone_ns <= 0:
        return
    state[at + 1] = now_ns
    if state[at + 6] > 0:
        busy = min(MOST, seats, state[at + 3] + state[at + 4])
        state[at] = min(LARGEST, state[at] + gone_ns * busy // state[at + 6])


def shortest(state: Row, at: int, queues: int, hand: int, length: int, flow: int) -> int:
    """Return the queue of a flow's hand in which the fewest wait."""
    deal(state, at, queues, hand, hashed(flow))
    offset = state[at + 5] % hand
    state[at + 5] = (state[at + 5] + 1) % MOST
    found = -1
    fewest = 0
    for k in range(hand):
        queue = state[at + 7 + (offset + k) % hand]
        waiting = state[place_of(at, length, queue)]
        if found < 0 or waiting < fewest:
            found = queue
            fewest = waiting
    return found


def deal(state: Row, at: int, queues: int, hand: int, number: int) -> None:
    """Deal a hand of different queues from a number: its digits to the bases queues, queues - 1, ..., as cards left."""
    for i in range(hand):
        state[at + 7 + i] = number % (queues - i)
        number //= queues - i
    for i in range(hand - 1, 0, -1):
        card = state[at + 7 + i]
        for j in range(i - 1, -1, -1):
            if card >= state[at + 7 + j]:
                card += 1
        state[at + 7 + i] = card


def hashed(flow: int) -> int:
    """Return 62 bits for a flow."""
    first = mixed(mixed(flow & BITS) ^ (flow >> 31))
    return first << 31 | mixed(first ^ (flow & BITS) ^ 0x2545F491)


def bound(state: Row, place: int, length: int) -> None:
    """Keep a queue from saving up turns from before its oldest came."""
    if state[place] > 0:
        state[place + 2] = max(state[place + 2], state[place + QUEUE + state[place + 3]])


def place_of(at: int, length: int, queue: int) -> int:
    """Return where a queue is kept."""
    return at + WIDTH + queue * (QUEUE + length)
