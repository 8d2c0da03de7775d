"""What a slice asks of the machine, and whether it fits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sluice import preflight
from sluice.exits import UserError

S = 10**9
TIMED_OUT = 2


def attempts(*starts_and_ends_s: tuple[float, float]) -> dict[str, np.ndarray]:
    start, end = np.array(starts_and_ends_s).T
    return {
        "start_ns": (start * S).astype(np.int64),
        "answered_ns": np.where(end < 0, -1, end * S).astype(np.int64),
        "answer": np.full(len(start), TIMED_OUT),
    }


@pytest.fixture
def two_cores_like_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "usable_cores", lambda: 2)
    monkeypatch.setattr(preflight, "draw_s", lambda: preflight.DRAW_S)
    monkeypatch.setattr(preflight, "_descriptors", lambda: 1e6)
    monkeypatch.setattr(preflight, "_ports", lambda: 1e6)


def load(per_s: float, timeouts_per_s: float = 0.0, in_flight: int = 1) -> preflight.Load:
    return preflight.Load(attempts_per_s=per_s, timeouts_per_s=timeouts_per_s, in_flight=in_flight)


def refused(found: preflight.Load, processes: int, *, own_stack: bool = True) -> str:
    with pytest.raises(UserError) as error:
        preflight.check(found, scale=Fraction(1), processes=processes, own_stack=own_stack)
    return str(error.value)


def test_a_load_is_of_the_busiest_ten_seconds_and_of_all_that_is_in_flight_at_once() -> None:
    early = [(90.0, 101.5)] * 30  # sent before, answered in the slice
    steady = [(100 + i / 2, 100.2 + i / 2) for i in range(60)]  # 2/s for 30 s
    burst = [(115.0, -1.0)] * 200  # in one second, never answered
    found = preflight.load(
        attempts(*early, *steady, *burst), from_ns=100 * S, until_ns=130 * S, speed=1.0, timed_out=TIMED_OUT
    )
    assert found.attempts_per_s == pytest.approx(22.0)  # 20 + 200 in 10 s
    assert found.in_flight == 201
    assert found.timeouts_per_s == pytest.approx(290 / 30)


def test_twice_the_speed_is_twice_the_load() -> None:
    steady = attempts(*[(i / 10, i / 10 + 0.05) for i in range(400)])
    at_once, twice = (
        preflight.load(steady, from_ns=0, until_ns=40 * S, speed=speed, timed_out=TIMED_OUT) for speed in (1.0, 2.0)
    )
    assert at_once.attempts_per_s == pytest.approx(10.0)
    assert twice.attempts_per_s == pytest.approx(20.0)
    assert twice.timeouts_per_s == pytest.approx(2 * at_once.timeouts_per_s)


@pytest.mark.usefixtures("two_cores_like_ours")
def test_nine_tenths_of_the_peak_fit_two_cores_with_two_processes_of_people() -> None:
    preflight.check(load(1882, 33, 1390), scale=Fraction(9, 10), processes=2, own_stack=True)
    assert "largest scale that fits is about 0.9 " in refused(load(2091.5), 2)
    of_one = refused(load(2091.5), 1)
    assert "attempts/s of --users-processes 1: it needs 2,092, and there are 1,429" in of_one
    assert "largest scale that fits is about 0.68 (more --users-processes, less --speed, " in of_one
    assert "attempts/s of all processors: it needs 3,000, and there are 1,889" in refused(load(3000), 3)


@pytest.mark.usefixtures("two_cores_like_ours")
def test_somebody_elses_stack_is_not_counted() -> None:
    preflight.check(load(3000), scale=Fraction(1), processes=3, own_stack=False)


@pytest.mark.usefixtures("two_cores_like_ours")
def test_ports_rest_after_timeouts_and_descriptors_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_ports", lambda: 3000.0)
    assert "ports of loopback: it needs 6,010" in refused(load(100, timeouts_per_s=100, in_flight=10), 1)
    monkeypatch.setattr(preflight, "_descriptors", lambda: 1024.0)
    assert "descriptors of a process: it needs 1,600, and there are 524" in refused(load(100, in_flight=1600), 1)


@pytest.mark.usefixtures("two_cores_like_ours")
def test_a_slower_machine_takes_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "draw_s", lambda: 2 * preflight.DRAW_S)
    assert "there are 944" in refused(load(2091.5), 2)
