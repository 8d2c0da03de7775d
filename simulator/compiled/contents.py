"""Who and what is in a run that has been brought to an instant: people, attempts, orders. Nothing is changed.

Each function returns a structured array of int64, a row each, sorted by want (and attempt). Instants are in ns; -1 is
none, or not before the horizon, for what would come later than that is not kept. What is in the ns of the instant
itself has not happened yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limits.laws import Law
from scenarios import model
from simulator.compiled import layout as at
from simulator.compiled.calendar import DEPARTURE, IS_OVER, IS_READY, PERSON, SLOT, STAGE, row_of
from simulator.compiled.gather import count_events, gather_events, gather_queue, heads_of, rows_of
from simulator.outcome import Ints

if TYPE_CHECKING:
    from simulator.compiled.engine import Run

Rows = NDArray[np.void]

NONE = -1
_LEVELLED = (
    model.RateAdmission,
    model.HotKeyAdmission,
    model.WarmUpAdmission,
    model.WindowAdmission,
    model.PacingAdmission,
)


class PersonState(IntEnum):
    """What a person does. INVITED: their first try is still to come."""

    INVITED = at.INVITED
    WAITING = at.WAITING
    THINKING = at.THINKING
    AWAY = at.GONE_AWAY


class AttemptState(IntEnum):
    """Where an attempt is at its stage. PACED: a law of pacing there holds it back. AWAITS_SLOT: past the last."""

    ON_THE_WAY, PACED, QUEUED, IN_SERVICE, AWAITS_SLOT = range(5)


class OrderState(IntEnum):
    """Where an order is. WAITING: ready, for its courier."""

    IN_KITCHEN, WAITING, CARRIED = range(3)


def people(run: Run) -> Rows:
    """Return who wants an order and has neither got it nor left for good, and who has been invited.

    `state`: a PersonState. `attempt`: the last number given (0: none yet). `session`, `tries`: the session (from 0) and
    the tries in it; those of somebody away are of the session to come. `next_ns`: when a waiting person stops waiting,
    any other tries again. Somebody invited has next_ns and else only -1. First people who have not come yet are not
    here; the instants of their tries are `run.first_ns[want]`, from `run.next_first` on.
    """
    places, rows = _kept(run, at.PEOPLE_POOL, lambda rows: rows[:, at.P_STATE] != at.NOBODY)
    state, session, place = rows[:, at.P_STATE], rows[:, at.P_SESSION], rows[:, at.P_PLACE]
    has_come = state != at.INVITED
    of_attempts, awaited = _kept(
        run, at.ATTEMPT_POOL, lambda rows: _is_in_use(rows) & (rows[:, at.A_STATE] & at.ANSWERED == 0)
    )
    slots_ns = _looked_up(of_attempts, *_events(run, SLOT))
    waits_ns = np.where(awaited[:, at.A_STATE] & at.HAS_SLOT != 0, slots_ns, awaited[:, at.A_TIMEOUT_NS])
    stops_ns = _looked_up(places, awaited[:, at.A_PERSON], waits_ns)
    return _sorted(
        want=rows[:, at.P_WANT],
        state=state,
        segment=np.where(has_come, (place >> at.P_ZONE_BITS) & at.P_SEGMENT_MASK, NONE),
        zone=np.where(has_come, place & at.P_ZONE_MASK, NONE),
        kind=np.where(has_come, place >> (at.P_ZONE_BITS + at.P_SEGMENT_BITS), NONE),
        first_try_ns=np.where(has_come, rows[:, at.P_FIRST_NS], NONE),
        attempt=np.where(has_come, rows[:, at.P_ATTEMPT], NONE),
        session=np.where(has_come, session >> at.P_TRIES_BITS, NONE),
        tries=np.where(has_come, session & at.P_TRIES_MASK, NONE),
        session_end_ns=np.where(has_come & (state != at.GONE_AWAY), rows[:, at.P_SESSION_END_NS], NONE),
        next_ns=np.where(state == at.WAITING, stops_ns, _looked_up(places, *_events(run, PERSON))),
    )


def attempts(run: Run) -> Rows:
    """Return the attempts whose work has not ended, those that nobody awaits any more too.

    `stage`: where it is, or to which it is on its way (from 1 in file order; 0: the gateway). `shard`: in which part of
    the stage it waits or is served; 0 before. `call`: the number of its call there, of all that it may make.
    `state`: an AttemptState. `turn`: its place in its queue, 0 is served next; at a batching stage the queues of the
    replicas stand one after the other before that of the pool; at the queue of an apf they stand as they came, for who
    is next shows as a server is free. `next_ns`: when it reaches the stage, may go on there, when its later slot comes,
    or when its service ends (at a batching stage only once its finish is about to be
    reported). `awaited`: 1 if its person still waits, until `timeout_ns`. (One whose work was drawn as 0 and which ends
    after the horizon by `per_busy` or `reported_delay` alone is told as not yet there: nothing in the state says more
    of it.)
    """
    places, rows = _kept(run, at.ATTEMPT_POOL, lambda rows: _is_in_use(rows) & (rows[:, at.A_STATE] & at.ENDED == 0))
    state = rows[:, at.A_STATE]
    stage = (state >> at.A_STAGE_BIT) & 255
    arrives_ns, slot_ns = (_looked_up(places, *_events(run, kind)) for kind in (STAGE, SLOT))
    departs_ns = _looked_up(places, *_events(run, DEPARTURE))
    turn = _looked_up(places, *_turns(run))
    of_stages = at.STAGES + np.arange(run.words[at.STAGE_COUNT]) * at.STAGE_WIDTH
    in_shards = run.words[of_stages + at.G_SHARDS][stage] > 1
    served = (departs_ns != NONE) | (rows[:, at.A_AT_STAGE_NS] > 0) | np.isin(places, _taken_in(run))
    where = np.select(
        [state & at.HAS_SLOT != 0, turn != NONE, served, rows[:, at.A_SEQ] > 0],
        [AttemptState.AWAITS_SLOT, AttemptState.QUEUED, AttemptState.IN_SERVICE, AttemptState.PACED],
        AttemptState.ON_THE_WAY,
    )
    return _sorted(
        want=rows[:, at.A_WANT],
        attempt=rows[:, at.A_NUMBER],
        stage=stage,
        shard=np.where(in_shards & ((turn != NONE) | served), (state >> at.A_SHARD_BIT) & 4095, 0),
        call=np.where(run.words[of_stages + at.G_MOST_CALLS][stage] > 1, rows[:, at.A_CALL], 0),
        state=where,
        turn=turn,
        next_ns=np.maximum(np.maximum(arrives_ns, departs_ns), slot_ns),
        start_ns=rows[:, at.A_START_NS],
        timeout_ns=rows[:, at.A_TIMEOUT_NS],
        awaited=(state & at.ANSWERED == 0).astype(np.int64),
    )


def orders(run: Run) -> Rows:
    """Return the orders that are placed and neither delivered nor cancelled.

    `state`: an OrderState. `store`: -1 without kitchens. `ready_ns`: when one in a kitchen will be ready, where that is
    known. `picked_up_ns`: when a courier took it up, or will. `over_ns`: when it reaches its person, or will be
    cancelled (`cancelled` is 1), where that is known.
    """
    places, rows = _kept(
        run, at.ORDER_POOL, lambda rows: (rows[:, at.O_STATE] & at.IN_USE != 0) & (rows[:, at.O_STATE] & at.OVER == 0)
    )
    state, picked_up_ns = rows[:, at.O_STATE], rows[:, at.O_PICKED_UP_NS]
    is_ready = state & at.READY != 0
    carried = (picked_up_ns != NONE) & (picked_up_ns < run.now_ns)
    return _sorted(
        want=rows[:, at.O_WANT],
        zone=rows[:, at.O_ZONE],
        store=rows[:, at.O_STORE],
        cups=rows[:, at.O_CUPS],
        state=np.select([~is_ready, carried], [OrderState.IN_KITCHEN, OrderState.CARRIED], OrderState.WAITING),
        placed_ns=rows[:, at.O_PLACED_NS],
        ready_ns=_looked_up(places, *_events(run, IS_READY)),
        picked_up_ns=picked_up_ns,
        over_ns=_looked_up(places, *_events(run, IS_OVER)),
        cancelled=(state & at.CANCELLED != 0).astype(np.int64),
    )


def levels(run: Run) -> dict[str, Ints]:
    """Return what laws of rates and windows, and all that stand at the client, have come to, by name.

    A row for each key that they were asked about: the key, then the ints of the law's row; 0 is the key of a law that
    is one for all, and of a hot_key, whose row holds its table. Laws that nobody has asked are not here, nor are those
    that count who is inside, or learn from that, and tickets.
    """
    found = {}
    for index, law in enumerate(run.scenario.admission):
        if isinstance(law, _LEVELLED) or law.at == "client":
            keys, rows = _law_rows(run, int(run.words[at.LAWS]) + index * at.LAW_WIDTH)
            asked = rows[:, 0] != 0
            if asked.any():
                found[law.name] = np.column_stack([keys[asked], rows[asked, 1:]])
    return found


def _law_rows(run: Run, law: int) -> tuple[Ints, Ints]:
    """Return the keys of a law and its row for each, of which the first word says whether it was asked about that."""
    words = run.words
    state, width = int(words[law + at.L_STATE]), int(words[law + at.L_ROW_WIDTH])
    if words[law + at.L_KEY] == at.BY_PERSON:
        _, people = _kept(run, at.PEOPLE_POOL, lambda rows: rows[:, at.P_REFS] > 0)
        return people[:, at.P_WANT], people[:, state : state + width]
    keys = np.arange(words[law + at.L_ROWS])
    return keys, words[state : state + len(keys) * width].reshape(-1, width)


def _is_in_use(rows: Ints) -> Any:
    return rows[:, at.A_STATE] & at.IN_USE != 0


def _kept(run: Run, pool: int, which: Any) -> tuple[Ints, Ints]:
    """Return places and words of those rows of a pool that a condition holds for."""
    places, rows = rows_of(run.words, pool)
    kept = which(rows)
    return places[kept], rows[kept]


def _events(run: Run, kind: int) -> tuple[Ints, Ints]:
    """Return the rows that events of a kind name, and the instants of those events."""
    count = int(count_events(run.views[0]))
    at_ns, refs = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    gather_events(run.views[0], at_ns, refs)
    chosen = refs & 15 == kind
    named: Any = row_of(refs[chosen])
    return named, at_ns[chosen]


def _looked_up(places: Ints, keys: Ints, values: Ints) -> Ints:
    """Return for each place the value whose key it is; NONE where there is none."""
    if not len(keys):
        return np.full(len(places), NONE)
    order = np.argsort(keys)
    found = order[np.minimum(np.searchsorted(keys, places, sorter=order), len(keys) - 1)]
    return np.where(keys[found] == places, values[found], NONE)


def _stages(run: Run) -> int:
    return int(run.words[at.STAGE_COUNT])


def _pools(run: Run) -> Iterator[int]:
    for number in range(_stages(run)):
        row = at.STAGES + number * at.STAGE_WIDTH
        if run.words[row + at.G_KIND] == at.BATCHING_STAGE:
            yield int(run.words[row + at.G_STATION])


def _seats(run: Run, pool: int) -> list[int]:
    first, count = int(run.words[pool + at.B_SEATS]), int(run.words[pool + at.B_SEAT_COUNT])
    seats: list[int] = run.words[first : first + count].tolist()
    return seats


def _turns(run: Run) -> tuple[Ints, Ints]:
    """Return the attempts that wait in queues, and the place of each in its queue."""
    words = run.words
    waiting = [np.zeros(0, dtype=np.int64)]
    for number in range(_stages(run)):
        row = at.STAGES + number * at.STAGE_WIDTH
        first = int(words[row + at.G_STATION])
        if words[row + at.G_KIND] == at.BATCHING_STAGE:
            inside = [_list(run, int(words[seat + at.R_HEAD])) for seat in _seats(run, first)]
            waiting.append(np.concatenate([*inside, _queue(run, row, first)]))
        elif words[row + at.G_KIND] == at.SERVER_STAGE:
            stations = range(first, first + int(words[row + at.G_SHARDS]) * at.STATION_WIDTH, at.STATION_WIDTH)
            waiting += [_queue(run, row, station) for station in stations]
    return np.concatenate(waiting), np.concatenate([np.arange(len(queue)) for queue in waiting])


def _queue(run: Run, row: int, station: int) -> Ints:
    """Return the attempts that wait at a station, or for replicas, in the order of their turns."""
    words = run.words
    lanes = [_list(run, head) for head in heads_of(words, row, station)]
    waiting = np.concatenate([np.zeros(0, dtype=np.int64), *lanes])
    law = words[words[row + at.G_QUEUE_LAW] + at.L_LAW]
    if words[row + at.G_ORDER] != at.IN_LANES or law == Law.STRICT_PRIORITY:
        return waiting
    tags = words[waiting + at.A_SEQ] if law == Law.WFQ else np.zeros(len(waiting), dtype=np.int64)
    return waiting[np.lexsort((words[waiting + at.A_SINCE_NS], tags))]


def _taken_in(run: Run) -> Ints:
    """Return the calls that replicas work on."""
    words = run.words
    found = [np.zeros(0, dtype=np.int64)]
    for pool in _pools(run):
        for seat in _seats(run, pool):
            heap, running = int(words[seat + at.R_HEAP]), int(words[seat + at.R_RUNNING])  # three words a call
            found += [words[heap : heap + 3 * running][2::3], words[seat + at.R_PARTIAL : seat + at.R_PARTIAL + 1]]
            found.append(_list(run, int(words[seat + at.R_DONE_HEAD])))
    return np.concatenate(found)


def _list(run: Run, head: int) -> Ints:
    """Return the attempts of a list, the first first."""
    out = np.zeros(int(run.words[at.LIVE]), dtype=np.int64)
    return out[: int(gather_queue(run.views[0], head, out))]


def _sorted(**columns: Any) -> Rows:
    """Return columns as rows sorted by want, and by attempt where there is one."""
    rows = np.zeros(len(columns["want"]), dtype=[(name, np.int64) for name in columns])
    for name, values in columns.items():
        rows[name] = values
    return np.sort(rows, order=[name for name in ("want", "attempt") if name in columns])
