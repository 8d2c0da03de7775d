"""Turning the knobs of a run that has been brought to an instant."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from limits import gcra, hot_key, token_bucket, waiting_room
from limits.laws import Law
from scenarios import model
from scenarios.knobs import ONE_RATE, Kind, Knob, Value, credit_rate, exceptions_of
from simulator.compiled import layout as at
from simulator.compiled.build import law_of_part, rate_parameters
from simulator.compiled.gather import rows_of

if TYPE_CHECKING:
    from simulator.compiled.engine import Run

_FACTORS = {
    Kind.KITCHENS_SLOWDOWN: at.KITCHENS_SLOWDOWN,
    Kind.KITCHENS_CLOSED: at.KITCHENS_CLOSED,
    Kind.COURIERS_SLOWDOWN: at.COURIERS_SLOWDOWN,
}


def turn(run: Run, knob: Knob, value: Value) -> None:
    """Give a knob a value, now."""
    if knob.kind is Kind.ADMISSION_RATE:
        law, rate_per_s = run.scenario.admission[knob.index], None if value is None else Fraction(value)
        if isinstance(law, model.WaitingRoomAdmission):
            assert rate_per_s is not None
            _turn_credit(run, law, knob, rate_per_s)
        else:
            _turn_rate(run, knob.index, rate_per_s)
        return
    assert value is not None
    stage = at.STAGES + (knob.index + 1) * at.STAGE_WIDTH
    if knob.kind in _FACTORS:
        run.numbers[_FACTORS[knob.kind]] = float(value)
    elif knob.kind is Kind.ADMISSION_LIMIT:
        run.words[_law(run, knob.index) + at.L_ONE] = int(value)
    elif knob.kind is Kind.STAGE_QUEUE_LIMIT:
        run.words[stage + at.G_QUEUE_LIMIT] = int(value)
    elif knob.kind is Kind.STAGE_SLOWDOWN:
        run.numbers[at.STAGE_FACTORS + 2 * (knob.index + 1)] = float(value)
    elif knob.kind is Kind.STAGE_FAILURE:
        run.numbers[at.STAGE_FACTORS + 2 * (knob.index + 1) + 1] = float(value)
    elif knob.kind is Kind.STAGE_REPLICAS:
        _turn_replicas(run, knob.index, Fraction(value))
    else:
        run.make_room(at.CELL_WIDTH)
        row = at.STAGES if knob.kind is Kind.GATEWAY_SERVERS else stage
        run.words[[at.TURNED, at.TURNED_TO]] = row, int(value)


def _turn_replicas(run: Run, index: int, replicas: Fraction) -> None:
    wanted = math.floor(replicas * at.WHOLE + Fraction(1, 2))
    stage = run.scenario.stages[index]
    assert isinstance(stage, model.BatchingStage)
    row = at.STAGES + (index + 1) * at.STAGE_WIDTH
    pool = int(run.words[row + at.G_STATION])
    seats = int(run.words[pool + at.B_SEAT_COUNT]) + wanted // at.WHOLE + 1
    run.make_room(seats * (at.SEAT_WIDTH + 4))
    _widen_seats(run, pool, seats)
    if wanted % at.WHOLE:
        place = pool + at.B_PART_LAW
        run.words[place : place + len(at.LAW_OF_A_PART)] = law_of_part(stage, wanted % at.WHOLE)
    run.words[[at.TURNED, at.TURNED_TO]] = row, wanted


def _widen_seats(run: Run, pool: int, seats: int) -> None:
    """Make room in the lists of seats and of their loads."""
    words = run.words
    if seats <= words[pool + at.B_SEAT_ROOM]:
        return
    room = -(-2 * seats // 16) * 16
    for field in (at.B_SEATS, at.B_LOADS):
        old, place = int(words[pool + field]), int(words[at.TOP])
        count = int(words[pool + at.B_SEAT_COUNT])
        words[place : place + count] = words[old : old + count]
        words[pool + field] = place
        words[at.TOP] += room
    words[pool + at.B_SEAT_ROOM] = room


def _law(run: Run, index: int) -> int:
    return int(run.words[at.LAWS]) + index * at.LAW_WIDTH


def _turn_rate(run: Run, index: int, rate_per_s: Fraction | None) -> None:
    law, words = run.scenario.admission[index], run.words
    assert isinstance(law, ONE_RATE)
    row = _law(run, index)
    before = {field: int(words[row + field]) for field in (at.L_ONE, at.L_TWO, at.L_THREE)}
    new = rate_parameters(law, rate_per_s)
    for field, value in new.items():
        words[row + field] = value
    if isinstance(law, model.PacingAdmission):
        return
    if rate_per_s is None:
        _each_row(run, row, lambda state: [0] * len(state))  # like new when a limit returns
        return
    if isinstance(law, model.WarmUpAdmission):
        return
    if isinstance(law, model.HotKeyAdmission):
        old = before[at.L_ONE], before[at.L_TWO], before[at.L_THREE]
        usual = new[at.L_ONE], new[at.L_TWO], new[at.L_THREE]
        own = (exceptions_of(law), 0, len(law.overrides))
        most_keys = law.most_keys

        def changed_table(state: list[int]) -> list[int]:
            hot_key.change(state, 1, most_keys, *old, *usual, *own, int(words[at.NOW_NS]))
            return state

        _each_row(run, row, changed_table)
        return
    of_bucket = words[row + at.L_LAW] == Law.TOKEN_BUCKET
    change: Callable[..., None] = token_bucket.change if of_bucket else gcra.change
    numbers = (at.L_ONE, at.L_TWO, at.L_THREE) if of_bucket else (at.L_ONE, at.L_TWO)
    before_and_after = [*(before[field] for field in numbers), *(new[field] for field in numbers)]

    def changed(state: list[int]) -> list[int]:
        change(state, 1, *before_and_after, int(words[at.NOW_NS]))
        return state

    _each_row(run, row, changed)


def _turn_credit(run: Run, law: model.WaitingRoomAdmission, knob: Knob, rate_per_s: Fraction) -> None:
    words, row, now_ns = run.words, _law(run, knob.index), int(run.words[at.NOW_NS])
    stages, turned = len(law.credits_per_s), list(law.credits_per_s).index(knob.of)
    first = int(words[row + at.L_ONE])
    before, rate = words[first : first + 2 * stages].tolist(), credit_rate(law, rate_per_s)

    def granted(state: list[int]) -> list[int]:
        for stage in range(1, stages + 1):
            state[stage] = max(state[stage], law.opens_ns)
        waiting_room.grant_by_rates(state, 1 + stages, stages, law.most, before, 0, state, 1, now_ns)
        state[1 + turned] = waiting_room.turned_ns(state[1 + turned], rate[1], now_ns)
        return state

    _each_row(run, row, granted)
    words[first + 2 * turned : first + 2 * turned + 2] = rate


def _each_row(run: Run, law: int, change: Callable[[list[int]], list[int]]) -> None:
    """Change every row of a law that somebody has asked, the word that says so first."""
    words = run.words
    width, place = int(words[law + at.L_ROW_WIDTH]), int(words[law + at.L_STATE])
    if words[law + at.L_KEY] == at.BY_PERSON:
        people, rows = rows_of(words, at.PEOPLE_POOL)
        for person in people[rows[:, at.P_REFS] > 0]:
            _change_row(run, int(person) + place, width, change)
        return
    for number in range(int(words[law + at.L_ROWS])):
        _change_row(run, place + number * width, width, change)


def _change_row(run: Run, place: int, width: int, change: Callable[[list[int]], list[int]]) -> None:
    if run.words[place]:
        run.words[place : place + width] = change(run.words[place : place + width].tolist())
