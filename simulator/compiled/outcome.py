"""From the state of a run to its outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scenarios.metrics import COUNTERS
from scenarios.units import NS_PER_S
from simulator.compiled import layout as at
from simulator.compiled.gather import add_waited_in, count_rows, gather_column, gather_sample, heads_of, rows_of
from simulator.compiled.memory import INSTANT_BITS, WORD_BITS
from simulator.compiled.series import COUNTED
from simulator.outcome import SHUT_OUT_HOURS, BigInts, Ints, Outcome, StageOutcome, Way, work_within
from simulator.samples import PLACES, Sample, places_of, total
from simulator.trace import ATTEMPT_COLUMNS, KEYS, ORDER_COLUMNS

if TYPE_CHECKING:
    from simulator.compiled.engine import Run

_WORK = ("brought", "useful", "wasted", "dropped")
_STAGE_COUNTS = {
    "arrived": at.G_ARRIVED,
    "served": at.G_SERVED,
    "shed": at.G_SHED,
    "throttled": at.G_THROTTLED,
    "expired": at.G_EXPIRED,
    "errors": at.G_ERRORS,
    "sold_out": at.G_SOLD_OUT,
}
_STEPPED = {"kitchens.backlog_cups": 0, "kitchens.paused": 1, "couriers.waiting": 2}


def outcome_of(run: Run) -> Outcome:
    """Return what has happened until now."""
    return _Reader(run).outcome()


class _Reader:
    """Reads the state of a run and changes nothing in it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.scenario = run.scenario
        self.words = words = run.words
        self.now_ns = run.now_ns
        self.reached_ns = run.now_ns + run.stopped_within  # what is known beforehand and before this has happened
        _, self.people = rows_of(words, at.PEOPLE_POOL)
        _, attempts = rows_of(words, at.ATTEMPT_POOL)
        self.attempts = attempts[attempts[:, at.A_STATE] & at.IN_USE != 0]
        _, self.orders = rows_of(words, at.ORDER_POOL)

    def outcome(self) -> Outcome:
        scenario, words = self.scenario, self.words
        pending = self.people[self.people[:, at.P_STATE] > at.INVITED]
        series = self._series()
        counts = {name: int(words[at.COUNTS + place]) for place, name in enumerate(COUNTERS)}
        carried = self._carried()
        counts["couriers.carried"] += int(carried.sum())
        counts["people.pending"] = len(pending)
        counts["attempts.pending"] = self._at_gateway()
        counts["attempts.unanswered"] = int(np.count_nonzero(self.attempts[:, at.A_STATE] & at.ANSWERED == 0))
        counts["orders.in_progress"] = int(words[at.IN_PROGRESS])
        within = np.diff(series[:, : len(COUNTERS)], axis=0, prepend=0)
        per_bucket = {name: within[:, place] for place, name in enumerate(COUNTERS)}
        per_bucket |= work_within(_WORK, self._work_columns(series))
        per_bucket["couriers.carried"] = per_bucket["couriers.carried"] + carried[: len(series)]
        segments = [segment.name for segment in scenario.segments]
        return Outcome(
            horizon_ns=scenario.horizon_ns,
            ended_ns=self.now_ns,
            interrupted=self.now_ns < scenario.horizon_ns,
            events=int(words[at.EVENTS]),
            counts=counts,
            work_ns={name: self._sum(at.WORK + 2 * place) for place, name in enumerate(_WORK)}
            | {"pending": self._work_pending_ns()},
            samples=self._samples(),
            shut_out=self._shut_out(pending),
            stages=tuple(self._stages()),
            bucket_ns=scenario.bucket_ns,
            per_bucket=per_bucket,
            gauges=self._gauges(series[:, COUNTED:]),
            zones_wanted=self._zones()[:, at.Z_WANTED].copy(),
            zones_placed=self._zones()[:, at.Z_PLACED].copy(),
            segments={name: self._segment(index) for index, name in enumerate(segments)},
            orders=self._orders_trace(),
            attempts=self._trace(ATTEMPT_COLUMNS, at.ATTEMPT_ROWS, at.ATTEMPT_ROW_BEFORE),
        )

    def _series(self) -> Ints:
        """The closed buckets and the present one, a row each."""
        words, width = self.words, int(self.words[at.SERIES_WIDTH])
        closed, place = int(words[at.CLOSED]), int(words[at.SERIES])
        rows = words[place : place + (closed + 1) * width].reshape(closed + 1, width).copy()
        rows[closed, :COUNTED] = words[at.COUNTS : at.COUNTS + COUNTED]
        rows[closed, COUNTED : COUNTED + 3] = words[[at.TRYING, at.AWAY, at.IN_PROGRESS]]
        for number in range(int(words[at.STAGE_COUNT])):
            row = self._stage_row(number)
            if words[row + at.G_KIND] != at.NO_STAGE:
                first = COUNTED + 3 + 3 * number
                rows[closed, first : first + 3] = self._waiting(row), self._in_service(row), self._capacity(row)
        return rows

    def _work_columns(self, series: Ints) -> BigInts:
        """The sums of work at the end of each bucket, a column each."""
        first = at.WORK - at.COUNTS
        low, high = (series[:, first + word : COUNTED : 2].astype(object) for word in (0, 1))
        columns: BigInts = low + (high << WORD_BITS)
        return columns

    def _gauges(self, columns: Ints) -> dict[str, NDArray[np.float64]]:
        words = self.words
        found = {
            name: columns[:, place].astype(np.float64)
            for place, name in enumerate(("people.trying", "people.away", "orders.in_progress"))
        }
        for number, name in enumerate(["gateway", *(stage.name for stage in self.scenario.stages)]):
            row = self._stage_row(number)
            if words[row + at.G_KIND] == at.NO_STAGE:
                continue
            first = 3 + 3 * number
            found[f"stages.{name}.backlog"] = columns[:, first].astype(np.float64)
            found[f"stages.{name}.busy"] = columns[:, first + 1].astype(np.float64)
            found[f"stages.{name}.capacity"] = columns[:, first + 2].astype(np.float64)
        for name, number in _STEPPED.items():
            if words[at.CUPS_STEPPED + number]:
                place = int(words[at.CUPS_STEPS + number])
                found[name] = np.cumsum(words[place : place + len(columns)]).astype(np.float64)
        return found

    def _carried(self) -> Ints:
        """Orders picked up in each bucket by couriers of kind clock, who are known beforehand."""
        words = self.words
        place, buckets = int(words[at.CARRIED_LATER]), int(words[at.BUCKETS])
        carried = words[place : place + buckets].copy()
        under_way = self.orders[(self.orders[:, at.O_STATE] != 0)]
        later = under_way[:, at.O_PICKED_UP_NS]
        later = later[(later >= self.reached_ns) & (later < self.scenario.horizon_ns)]
        np.subtract.at(carried, np.maximum(later - 1, 0) // self.scenario.bucket_ns, 1)
        return carried

    def _work_pending_ns(self) -> int:
        pending = self.attempts[self.attempts[:, at.A_STATE] & at.ENDED == 0]
        return total(pending[:, at.A_DONE_NS]) + total(pending[:, at.A_AT_STAGE_NS])

    def _at_gateway(self) -> int:
        row = self._stage_row(0)
        return 0 if self.words[row + at.G_KIND] == at.NO_STAGE else self._waiting(row) + self._in_service(row)

    def _samples(self) -> Mapping[str, Sample]:
        return {
            "time_to_order_ns": self._figure(at.TIME_TO_ORDER),
            "response_admitted_ns": self._figure(at.RESPONSE_ADMITTED),
            "response_refused_ns": self._figure(at.RESPONSE_REFUSED),
            "ready_ns": self._figure(at.READY_TIME),
            "delivery_ns": self._figure(at.DELIVERY_TIME),
        }

    def _figure(self, figure: int) -> Sample:
        words = self.words
        row = int(words[at.FIGURES]) + figure * at.FIGURE_WIDTH
        counts, newest, fill = (int(words[row + field]) for field in (at.FIG_COUNTS, at.FIG_CELL, at.FIG_FILL))
        if not counts:
            values = np.zeros(int(words[row + at.FIG_COUNT]) + fill, dtype=np.int64)
            gather_sample(self.run.views[0], row, values)
            return Sample.of(values)
        rest = words[newest + 1 : newest + 1 + fill]
        return Sample(
            count=int(words[row + at.FIG_COUNT]) + fill,
            total=self._sum(row + at.FIG_TOTAL) + total(rest),
            largest=max([int(words[row + at.FIG_MAX]), *rest.tolist()]),
            values=None,
            places=words[counts : counts + PLACES] + np.bincount(places_of(rest), minlength=PLACES),
        )

    def _shut_out(self, pending: Ints) -> tuple[int, ...]:
        """People who tried for so many hours without an order, those who still do included."""
        tried_ns = self.now_ns - pending[:, at.P_FIRST_NS]
        return tuple(
            int(self.words[at.SHUT_OUT + place]) + int(np.count_nonzero(tried_ns >= hours * 3600 * NS_PER_S))
            for place, hours in enumerate(SHUT_OUT_HOURS)
        )

    def _segment(self, index: int) -> tuple[int, int, Sample]:
        row = int(self.words[at.SEGMENTS]) + index * at.SEGMENT_WIDTH
        figure = self._figure(at.STAGE_FIGURES + 2 * int(self.words[at.STAGE_COUNT]) + index)
        return int(self.words[row + at.SEGMENT_WANTED]), int(self.words[row + at.SEGMENT_PLACED]), figure

    def _zones(self) -> Ints:
        place, count = int(self.words[at.ZONES]), int(self.words[at.ZONE_COUNT])
        return self.words[place : place + count * at.ZONE_WIDTH].reshape(count, at.ZONE_WIDTH)

    # stages

    def _stage_row(self, number: int) -> int:
        return at.STAGES + number * at.STAGE_WIDTH

    def _stations(self, row: int) -> list[int]:
        first = int(self.words[row + at.G_STATION])
        return [first + shard * at.STATION_WIDTH for shard in range(int(self.words[row + at.G_SHARDS]))]

    def _waiting(self, row: int) -> int:
        words, paced = self.words, int(self.words[row + at.G_PACED])
        if words[row + at.G_KIND] == at.BATCHING_STAGE:
            return paced + int(words[words[row + at.G_STATION] + at.B_WAITING])
        return paced + sum(int(words[station + at.S_LENGTH]) for station in self._stations(row))

    def _in_service(self, row: int) -> int:
        return sum(int(self.words[station + at.S_IN_SERVICE]) for station in self._stations(row))

    def _capacity(self, row: int) -> int:
        words = self.words
        if words[row + at.G_KIND] == at.BATCHING_STAGE:
            return int(words[words[row + at.G_STATION] + at.B_CAPACITY])
        return int(words[row + at.G_SERVERS] * words[row + at.G_SHARDS])

    def _stages(self) -> Iterator[StageOutcome]:
        ways = [Way(), *map(Way.to, self.scenario.stages)]
        for number, name in enumerate(["gateway", *(stage.name for stage in self.scenario.stages)]):
            row = self._stage_row(number)
            if self.words[row + at.G_KIND] == at.NO_STAGE:
                continue
            stations = [self._station(row, station) for station in self._stations(row)]
            busy, available, queued, unserved, longest = zip(*stations, strict=True)
            batching = self.words[row + at.G_KIND] == at.BATCHING_STAGE
            parts = at.WHOLE if batching else 1
            counts = {name: int(self.words[row + field]) for name, field in _STAGE_COUNTS.items()}
            yield StageOutcome(
                name=name,
                waiting_ns=self._figure(at.STAGE_FIGURES + 2 * number),
                service_ns=self._figure(at.STAGE_FIGURES + 2 * number + 1),
                busy_ns=sum(busy) // parts,
                available_ns=sum(available) // parts,
                queue_max=max(longest),
                queue_integral_ns=sum(queued),
                unserved_waiting_ns=sum(unserved),
                counts={
                    **counts,
                    "waiting": self._waiting(row),
                    "in_service": self._in_service(row),
                },
                way=ways[number],
                kv_blocked=int(self.words[self.words[row + at.G_STATION] + at.B_KV_BLOCKED]) if batching else 0,
            )

    def _station(self, row: int, station: int) -> tuple[int, int, int, int, int]:
        """Busy, available and queued time until now, time waited by who was not served, and the longest queue."""
        words = self.words
        batching = words[row + at.G_KIND] == at.BATCHING_STAGE
        queues = heads_of(words, row, station)
        if batching:
            first, seats = int(words[station + at.B_SEATS]), int(words[station + at.B_SEAT_COUNT])
            queues += [int(words[seat + at.R_HEAD]) for seat in words[first : first + seats]]
        waited = np.zeros(2, dtype=np.int64)
        for head in queues:
            add_waited_in(self.run.views[0], head, self.now_ns, waited)
        return (
            *(self._of_pool(station) if batching else self._of_servers(row, station)),
            self._sum(station + at.S_DROPPED_WAITING) + _sum_of(*waited),
            int(words[station + at.S_QUEUE_MAX]),
        )

    def _of_pool(self, pool: int) -> tuple[int, int, int]:
        words = self.words
        passed_ns = self.now_ns - int(words[pool + at.S_COUNTED_TO_NS])
        fields = ((at.S_BUSY, at.B_BUSY), (at.S_AVAILABLE, at.B_AVAILABLE), (at.S_QUEUED, at.B_WAITING))
        busy, available, queued = (self._sum(pool + of) + int(words[pool + n]) * passed_ns for of, n in fields)
        return busy, available, queued

    def _of_servers(self, row: int, station: int) -> tuple[int, int, int]:
        words = self.words
        in_service = int(words[station + at.S_IN_SERVICE])
        passed_ns = self.now_ns - int(words[station + at.S_COUNTED_TO_NS])
        available = max(int(words[row + at.G_SERVERS]), in_service) * passed_ns
        return (
            self._integral(station + at.S_BUSY, in_service),
            self._sum(station + at.S_AVAILABLE) + available,
            self._integral(station + at.S_QUEUED, int(words[station + at.S_LENGTH])),
        )

    def _integral(self, place: int, number: int) -> int:
        """The time integral of a number that is this now."""
        instants = (int(self.words[place]) << INSTANT_BITS) + int(self.words[place + 1])
        return instants + number * self.now_ns

    def _sum(self, place: int) -> int:
        return _sum_of(self.words[place], self.words[place + 1])

    # traces

    def _trace(self, columns: Mapping[str, str], newest: int, before: int) -> dict[str, Ints] | None:
        words = self.words
        if not words[at.TRACED]:
            return None
        row, view = int(words[newest]), self.run.views[0]
        rows = {name: np.zeros(count_rows(view, row, before), dtype=np.int64) for name in columns}
        for column, name in enumerate(columns):
            gather_column(view, row, before, column, rows[name])
        order = np.lexsort([rows[key] for key in reversed(KEYS) if key in rows])
        return {name: values[order] for name, values in rows.items()}

    def _orders_trace(self) -> dict[str, Ints] | None:
        rows = self._trace(ORDER_COLUMNS, at.ORDER_ROWS, at.ORDER_ROW_BEFORE)
        if rows is not None:
            for name in ("ready_ns", "picked_up_ns"):
                rows[name] = np.where(rows[name] < self.reached_ns, rows[name], -1)
        return rows


def _sum_of(low: int, high: int) -> int:
    """A sum of two words."""
    return int(low) + (int(high) << WORD_BITS)
