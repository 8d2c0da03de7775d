"""The instruments of a run: gauges told and knobs given at full size, whatever the scale that runs."""

from __future__ import annotations

from fractions import Fraction

from scenarios import knobs, metrics, units
from scenarios.errors import did_you_mean
from scenarios.knobs import Kind, Knob, Value
from scenarios.model import Scenario
from scenarios.scale import scaled_value
from scenarios.schedule import Change, changes
from simulator.control.controlled import Controlled
from simulator.outcome import MOST_TURNS, Turn


class ControlError(Exception):
    """A control process asked for what is not there; the text says what, and what is near."""


class Panel:
    """What all control processes of a run share; `full` is the scenario as written, `running` the one that runs."""

    def __init__(self, full: Scenario, running: Scenario, scale: Fraction, *, live: bool = False) -> None:
        """Of a run that is to go on live, nothing can be read or turned that a live stack does not have."""
        self.full = full
        self.running = running
        self.scale = scale
        self.turns: list[Turn] = []
        self.turn_count = 0
        self.engine: Controlled | None = None
        self._readable = frozenset(metrics.readable(full))
        self._told = frozenset(metrics.readable_live(full)) if live else self._readable
        self._live = live
        self._scheduled = changes(full) if full.controls else ()
        self._due: list[tuple[Knob, Value]] = []  # turned in this wake, at the size that runs
        self._given: dict[str, tuple[int, Value]] = {}  # by knob: when a control process turned it last, and to what
        self._as_run: dict[str, Value] = {}  # the same at the size that runs

    def read(self, name: str) -> float:
        """Return a gauge, or what a counter has counted so far."""
        engine = self._connected("reads gauges")
        self.check_readable(name)
        value = engine.counter(name) if name in metrics.COUNTERS else engine.gauge(name)
        return float(Fraction(value) / self.scale)

    def check_readable(self, name: str) -> None:
        """Raise `ControlError` where a run of the scenario has no such gauge or counter."""
        if name not in self._readable:
            raise ControlError(f"{name} is no gauge or counter of this scenario{did_you_mean(name, self._readable)}")
        if name not in self._told:
            raise ControlError(f"a live stack cannot tell {name}; it tells {', '.join(sorted(metrics.TOLD_LIVE))}")

    def value(self, path: str, now_ns: int) -> Value:
        """Return the value of a knob now: the last of what the schedule and the control processes gave it."""
        knob = self._knob(path)
        scheduled = self._changed(path, now_ns)
        turned_ns, given = self._given.get(path, (-1, None))
        if scheduled and scheduled[-1].at_ns > turned_ns:
            return scheduled[-1].value
        return given if turned_ns >= 0 else knobs.base(knob, self.full)

    def standing(self, now_ns: int) -> dict[str, int | float | str]:
        """Return what control processes have given knobs and no schedule has taken back, at the size that runs."""
        return {
            path: as_in_a_file(self._knob(path), value)
            for path, value in self._as_run.items()
            if all(change.at_ns <= self._given[path][0] for change in self._changed(path, now_ns))
        }

    def parsed(self, path: str, raw: object) -> Value:
        """Return the value of a knob from what a file would give, or raise `ControlError`."""
        knob = self._knob(path)
        try:
            value = knobs.value(knob, _in_a_file(raw), self.full)
        except ValueError as error:
            raise ControlError(f"{path}: {error}") from None
        self._check_log(knob, value)
        return value

    def turn(self, control: str, path: str, raw: object, now_ns: int) -> None:
        """Give a knob a value and write it down; the engine hears of it at `carry_out`."""
        self._connected("turns knobs")
        knob, value = self._knob(path), self.parsed(path, raw)
        try:
            scaled = scaled_value(self.full, path, _in_a_file(raw), self.scale)
            as_run = knobs.value(knob, scaled, self.running)
        except ValueError as error:
            raise ControlError(f"{path}: at scale {float(self.scale):g}: {error}") from None
        self._due.append((knob, as_run))
        self._given[path], self._as_run[path] = (now_ns, value), as_run
        self.turn_count += 1
        if len(self.turns) < MOST_TURNS:
            self.turns.append(Turn(at_ns=now_ns, control=control, knob=path, value=as_in_a_file(knob, value)))

    def carry_out(self) -> None:
        """Turn the engine's knobs, in the order in which a process turned them in the wake that ends now.

        Not before: what a turn lets happen is seen half done by one engine and done by another.
        """
        engine = self._connected("turns knobs")
        for knob, value in self._due:
            engine.turn(knob, value)
        self._due.clear()

    def _connected(self, what: str) -> Controlled:
        if self.engine is None:
            raise ControlError(
                f"a process {what} once the run has begun: after its first yield or inside its generator"
            )
        return self.engine

    def _knob(self, path: str) -> Knob:
        try:
            knob = knobs.parse(path, self.full)
        except ValueError as error:
            raise ControlError(f"{path} {error}") from None
        if self._live and knob.kind in (Kind.ADMISSION_RATE, Kind.ADMISSION_LIMIT):
            law = self.full.admission[knob.index]
            if law.at == "client":
                raise ControlError(f"{path}: people keep the laws of the client by themselves, live; turn another knob")
        return knob

    def _changes(self, knob: Knob) -> list[Change]:
        return [change for change in self._scheduled if change.knob == knob]

    def _changed(self, path: str, now_ns: int) -> list[Change]:
        return [change for change in self._changes(self._knob(path)) if change.at_ns <= now_ns]

    def _check_log(self, knob: Knob, value: Value) -> None:
        """A sliding log has room for what the scenario says, and no more."""
        if knob.kind is not Kind.ADMISSION_LIMIT or self.full.admission[knob.index].law != "sliding_window_log":
            return
        known = [knobs.base(knob, self.full), *(change.value for change in self._changes(knob))]
        most = max(limit for limit in known if isinstance(limit, int))
        if isinstance(value, int) and value > most:
            raise ControlError(
                f"{knob.path}: {value} is more than {most}, the largest limit that the file gives this log"
            )


def _in_a_file(raw: object) -> object:
    return "off" if raw is None else raw


def as_in_a_file(knob: Knob, value: Value) -> int | float | str:
    """Return the value of a knob as a scenario file gives it."""
    if knob.kind is Kind.ADMISSION_RATE:
        return "off" if value is None else units.rate_text(Fraction(value))
    assert isinstance(value, int | float)
    return value
