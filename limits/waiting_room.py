"""Waiting room: who comes takes a number; numbers are called as all stages have credit; who goes away loses the place.

    join: the last place, or a drawn one;  grant: credit_i = min(ahead, credit_i + credit);  leave: the place is lost
    call: while min(credit_i) > 0 and somebody waits: the first place is called, and each credit -= 1 if its person
          is still there; they come back if that person has not come when the hold ends
    ask: admit iff called, else come again

A person holds the place by asking again within `hold_ns` (a heartbeat), waiting or called. Which place a joiner gets
is the draw: with `draw_ppb` = IN_ORDER the last one, FIFO; with a uniform draw any of those not called yet, whose
holder takes the last one. If all join so, each that is called is a uniform choice among those there: a lottery
(Cloudflare's "random"). If those do who come before the doors open, they are shuffled, whoever came first, and later
ones queue behind (Queue-it's and Cloudflare's shuffle at the start of an event).

Sources: AWS Virtual Waiting Room (queue and serving counters; a number called and not used in time expires, 410, and
the serving counter moves on by as many), Cloudflare Waiting Room and Queue-it (documentation). Ours: credit by stage,
heartbeats while waiting, the draw as an exchange of places. AWS judges the expiry of numbers in the batches in which
they were called; here each has its own, but places are taken back in the order of their calls, so up to hold_ns late.

What a number is worth is said by a ticket (limits.tickets); an admission is told again to who asks again within
hold_ns, since the first answer may have been lost. After that EXPIRED: follow-ups ride on the ticket, and do not ask
here.

State: [at] joined, [at + 1] called and [at + 2] settled places, counted from the first; [at + 3] numbers that are done
with, up to the first that is not; from [at + WIDTH] on the credit of each stage, then three rings of `slots` ints:
until when a number is held (0 done with; negative: admitted, and told again till then), the place of a number, the
number at a place. A row of zeros has nobody, and no credit. slots bounds who is waiting, called or admitted within
hold_ns, and with draws also how many may come while one of them waits. Give `ahead` no less than a stage grants at a
time: what is over it is lost. Bounds: instants, hold_ns, ahead and credit up to limits.row.LARGEST, slots up to 4e9;
stages is at least 0.
"""

from __future__ import annotations

from limits.row import LARGEST, Row
from limits.verdicts import ADMITTED, EXPIRED, NEVER, SHED

WIDTH = 4
"""Without stages and rings: a row takes WIDTH + stages + 3 * slots ints."""
BILLION = 1_000_000_000
IN_ORDER = -1
"""In place of a draw: the last place."""


def join(state: Row, at: int, stages: int, slots: int, hold_ns: int, draw_ppb: int, now_ns: int) -> int:
    """Give a number, from 1 on, or SHED: the room is full. Whether it is called at once is for `decide` to say.

    `draw_ppb` is a uniform draw from 0 to 999,999,999, or IN_ORDER.
    """
    call(state, at, stages, slots, now_ns)
    joined = state[at]
    if joined - min(state[at + 2], state[at + 3]) >= slots:
        return SHED
    number = joined + 1
    place = number
    held = at + WIDTH + stages
    if draw_ppb >= 0:
        place = state[at + 1] + 1 + min(draw_ppb, BILLION - 1) * (number - state[at + 1]) // BILLION
        moved = state[held + 2 * slots + place % slots]
        if place != number:
            put(state, held, slots, moved, number)
    put(state, held, slots, number, place)
    state[held + number % slots] = max(1, now_ns + max(0, hold_ns))
    state[at] = number
    call(state, at, stages, slots, now_ns)
    return number


def decide(state: Row, at: int, stages: int, slots: int, hold_ns: int, number: int, now_ns: int, cost: int) -> int:
    """Admit who was called (0), or say when to ask again (half of hold_ns: the place is held), EXPIRED, or NEVER.

    A POSITIVE ANSWER IS A PLACE KEPT, and no promise: ask again then, since who does not within hold_ns loses it.
    EXPIRED: the place was lost, or used more than hold_ns ago: join again. NEVER: a number that nobody was given, a
    negative cost. Any cost above 0 is one person. At an earlier instant than before nobody's hold gets shorter.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if number < 1 or number > state[at]:
        return NEVER
    call(state, at, stages, slots, now_ns)
    held = at + WIDTH + stages
    until_ns = state[held + number % slots] if number > state[at + 3] else 0
    if -now_ns <= until_ns <= now_ns:
        return EXPIRED
    if until_ns < 0:
        return ADMITTED
    until_ns = max(until_ns, now_ns + max(0, hold_ns))
    if state[held + slots + number % slots] > state[at + 1]:
        state[held + number % slots] = until_ns
        return max(1, hold_ns // 2)
    state[held + number % slots] = -until_ns
    return ADMITTED


def grant(state: Row, at: int, stages: int, slots: int, stage: int, ahead: int, credit: int, now_ns: int) -> None:
    """Say that a stage can take `credit` more people, or 0 where below; it saves up at most `ahead`."""
    place = at + WIDTH + stage
    state[place] = max(0, min(ahead, state[place] + max(0, credit)))
    call(state, at, stages, slots, now_ns)


def grant_by_rates(
    state: Row, at: int, stages: int, slots: int, rates: Row, first: int, granted: Row, since: int, now_ns: int
) -> None:
    """Grant each stage one person an interval, up to now: each at its instant, however seldom this is called.

    From `first` on `rates` has for each stage what it saves up (ahead) and its interval, 0 for a rate of 0; `granted`,
    from `since` on, up to when it has been granted. Of one instant all stages are granted before anybody is called.
    So where somebody waits, a stage that has credit saves it up, and the one that has none is waited for.
    """
    call(state, at, stages, slots, now_ns)
    while stages > 0 and state[at + 1] < state[at]:
        due_ns = 0
        for stage in range(stages):
            if state[at + WIDTH + stage] <= 0:
                due_ns = max(due_ns, next_grant_ns(rates, first + 2 * stage, granted[since + stage]))
        if due_ns > now_ns:
            break
        for stage in range(stages):
            accrue(state, at + WIDTH + stage, rates, first + 2 * stage, granted, since + stage, due_ns)
        call(state, at, stages, slots, now_ns)
    for stage in range(stages):
        accrue(state, at + WIDTH + stage, rates, first + 2 * stage, granted, since + stage, now_ns)
    call(state, at, stages, slots, now_ns)


def next_grant_ns(rates: Row, rate: int, granted_ns: int) -> int:
    """Return when a stage is next granted somebody; LARGEST: never."""
    ahead, interval_ns = rates[rate], rates[rate + 1]
    return min(granted_ns + interval_ns, LARGEST) if ahead > 0 and interval_ns > 0 else LARGEST


def accrue(state: Row, credit: int, rates: Row, rate: int, granted: Row, since: int, until_ns: int) -> None:
    """Grant one stage what is due by an instant."""
    ahead, interval_ns = rates[rate], rates[rate + 1]
    if until_ns <= granted[since]:
        return
    if ahead <= 0 or interval_ns <= 0:
        granted[since] = until_ns
        return
    people = (until_ns - granted[since]) // interval_ns
    granted[since] += people * interval_ns
    if people > 0:
        state[credit] = min(ahead, state[credit] + people)


def turned_ns(granted_ns: int, interval_ns: int, now_ns: int) -> int:
    """Return up to when a stage counts as granted whose interval is another from now on: at most one is due at once."""
    return max(granted_ns, now_ns - interval_ns)


def leave(state: Row, at: int, stages: int, slots: int, number: int, now_ns: int) -> None:
    """Take back the place of who says that they go; of who has gone or was admitted there is none to take."""
    if state[at + 3] < number <= state[at]:
        mine = at + WIDTH + stages + number % slots
        if state[mine] > 0:
            state[mine] = min(state[mine], max(1, now_ns))
    call(state, at, stages, slots, now_ns)


def before(state: Row, at: int, stages: int, slots: int, number: int) -> int:
    """Return how many places will be called before that of a number, 0 for who is next, was called, or is not there."""
    if number <= state[at + 3] or number > state[at]:
        return 0
    return max(0, state[at + WIDTH + stages + slots + number % slots] - state[at + 1] - 1)


def call(state: Row, at: int, stages: int, slots: int, now_ns: int) -> None:
    """Take back what was called and not used, call whom the credit allows, and forget what is done with."""
    held = at + WIDTH + stages
    numbers = held + 2 * slots
    while state[at + 2] < state[at + 1]:
        number = state[numbers + (state[at + 2] + 1) % slots]
        mine = held + number % slots
        if number > state[at + 3]:  # else another may hold that slot by now
            if state[mine] > now_ns:
                break
            if state[mine] > 0:
                state[mine] = 0
                pay(state, at, stages, -1)
        state[at + 2] += 1
    credit = least(state, at, stages)
    called = 0
    while called < credit and state[at + 1] < state[at]:
        state[at + 1] += 1
        mine = held + state[numbers + state[at + 1] % slots] % slots
        if state[mine] > now_ns:
            called += 1
        else:
            state[mine] = 0
    pay(state, at, stages, called)
    while state[at + 3] < state[at] and -now_ns <= state[held + (state[at + 3] + 1) % slots] <= 0:
        state[at + 3] += 1


def put(state: Row, held: int, slots: int, number: int, place: int) -> None:
    """Put a number at a place."""
    state[held + slots + number % slots] = place
    state[held + 2 * slots + place % slots] = number


def least(state: Row, at: int, stages: int) -> int:
    """Return the smallest credit of a stage; with no stages 0."""
    smallest = LARGEST if stages > 0 else 0
    for i in range(at + WIDTH, at + WIDTH + stages):
        smallest = min(smallest, state[i])
    return smallest


def pay(state: Row, at: int, stages: int, people: int) -> None:
    """Take the credit for so many people from each stage; below 0, give it back."""
    for i in range(at + WIDTH, at + WIDTH + stages):
        state[i] = min(LARGEST, state[i] - people)
