"""The ledger's one transaction, in SQLite and in PostgreSQL: what it lets in whatever has died before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from simulator.live import ledger
from simulator.live.ledger import Keeper, Kept, Ledger, Newest, Order, Placing
from tests.live.stacks import until

LONG_S = 10
Open = Callable[[], Ledger]


@pytest.fixture(params=["sqlite", "postgresql"])
def opens(request: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the same ledger again and again, as each new upstream does."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").url()
    opened: list[Ledger] = []

    def once() -> Ledger:
        opened.append(Ledger(url, lambda: 5))
        return opened[-1]

    yield once
    for one in opened:
        one.close()


def placing(want: int, attempt: int = 1, *, timeout_ns: int = 9, coupons: tuple[str, ...] = ()) -> Placing:
    return Placing(want, attempt, timeout_ns, 3, coupons)


def told(kept: Sequence[Kept]) -> list[int | str]:
    """Numbers of orders, and why there are none."""
    return [one.number if isinstance(one, Order) else one for one in kept]


def test_an_older_attempt_is_fenced_off_also_by_a_ledger_that_was_opened_later(opens: Open) -> None:
    before = opens()
    assert before.keep([Newest(1, 2), Newest(2, 3), Newest(2, 2)]) == []
    before.close()
    after = opens()
    assert told(after.keep([placing(1, 1), placing(2, 2), placing(1, 2), placing(3, 1)])) == [
        "timed_out",
        "timed_out",
        1,
        2,
    ]


def test_who_has_stopped_waiting_gets_no_order(opens: Open) -> None:
    assert told(opens().keep([placing(1, timeout_ns=5), placing(2, timeout_ns=6)])) == ["timed_out", 1]


def test_a_want_has_one_order_whoever_asks_and_whenever(opens: Open) -> None:
    before = opens()
    big = 2**64 - 1
    assert told(before.keep([placing(1), placing(big), placing(1, 2)])) == [1, 2, 1]
    after = opens()
    assert told(after.keep([placing(1, 9), placing(4), placing(big, 2, timeout_ns=0)])) == [1, 3, 2]
    assert [(row.want, row.number, row.attempt, row.store) for row in after.rows()] == [
        (1, 1, 1, 3),
        (big, 2, 1, 3),
        (4, 3, 1, 3),
    ]
    assert after.balance()["payments"] == 3


def test_coupons_are_taken_until_there_are_none_and_a_new_upstream_finds_what_is_left(opens: Open) -> None:
    before = opens()
    assert before.open_budgets({"tea": 3, "cup": 9}) == {"tea": 3, "cup": 9}
    both = ("tea", "cup")
    assert told(before.keep([placing(1, coupons=both), placing(2, coupons=both)])) == [1, 2]
    after = opens()
    assert after.open_budgets({"tea": 3, "cup": 9}) == {"tea": 1, "cup": 7}
    asked = [placing(1, 2, coupons=both), placing(3, coupons=both), placing(4, coupons=both), placing(5)]
    assert told(after.keep(asked)) == [1, 3, "sold_out", 4]
    assert after.balance()["coupons"] == {"tea": (3, 0), "cup": (9, 6)}


def test_a_transaction_that_fails_leaves_nothing_behind(opens: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    of = opens()
    of.open_budgets({"tea": 1})
    monkeypatch.setattr(of, "_units", lambda *_: {"tea": 5})  # as if it were not looked at
    with pytest.raises(IntegrityError):
        of.keep([Newest(9, 2), placing(1, coupons=("tea",)), placing(2, coupons=("tea",))])
    monkeypatch.undo()
    assert of.balance() == {"orders": 0, "payments": 0, "coupons": {"tea": (1, 1)}}
    assert told(of.keep([placing(9, 1)])) == [1]


def test_nobody_is_told_before_it_is_durable(opens: Open) -> None:
    of, other, heard = opens(), opens(), threading.Event()
    of.slow_s = 0.3
    keeper = Keeper(of, lambda _: heard.set())
    began_s = time.monotonic()
    keeper.bring(placing(1))
    assert heard.wait(10)
    assert time.monotonic() - began_s >= 0.3
    assert other.find(1) is not None
    keeper.end()


def test_what_cannot_be_written_is_tried_until_nobody_waits(opens: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    of = opens()
    answers: list[tuple[Placing, Kept]] = []
    now_ns = [5]
    of.now_ns = lambda: now_ns[0]
    keep, failing = of.keep, [3]

    def fails(entries: Any) -> list[Kept]:
        if failing[0]:
            failing[0] -= 1
            raise sa.exc.OperationalError("COMMIT", {}, Exception("the disk is full"))
        return keep(entries)

    monkeypatch.setattr(of, "keep", fails)
    keeper = Keeper(of, answers.extend)
    keeper.bring(placing(1))
    until(lambda: len(answers) == 1, LONG_S)
    assert (told([answers[0][1]]), keeper.failures) == ([1], 3)
    failing[0], now_ns[0] = 1, 9
    keeper.bring(placing(2))
    until(lambda: len(answers) == 2, LONG_S)
    assert answers[1][1] == "error"
    keeper.end()


def test_between_two_transactions_is_as_long_a_rest_and_what_comes_meanwhile_goes_into_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s, rests_s, awake = [0.0], list[float](), threading.Semaphore(0)
    took_s, kept = iter([0.002, 0.5, 0.0]), list[int]()

    def keeps(entries: Sequence[Placing]) -> list[Kept]:
        now_s[0] += next(took_s)
        kept.append(len(entries))
        return ["error"] * len(entries)

    def rests(seconds: float) -> None:
        rests_s.append(seconds)
        awake.acquire()

    clock = SimpleNamespace(monotonic=lambda: now_s[0], sleep=rests)
    monkeypatch.setattr(ledger, "time", clock)
    keeper = Keeper(cast(Ledger, SimpleNamespace(keep=keeps)), lambda _: None)
    keeper.bring(placing(1))
    until(lambda: len(rests_s) == 1, LONG_S)
    for want in (2, 3, 4):
        keeper.bring(placing(want))
    awake.release()
    until(lambda: len(rests_s) == 2, LONG_S)
    keeper.bring(placing(5))
    awake.release(2)
    keeper.end()
    assert kept == [1, 3, 1]
    assert rests_s == pytest.approx([0.002, ledger.MOST_REST_S, 0.0])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://127.0.0.1/orders", "mysql: is neither postgresql nor sqlite"),
        ("orders", "cannot be used: "),
        ("postgresql://nobody:secret@127.0.0.1:1/orders", "cannot be used: "),
    ],
)
def test_a_ledger_that_cannot_be_used_says_why_and_no_password(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        ledger.check(url)
    assert "secret" not in str(raised.value)
