"""The ledger of orders, coupons and payments: SQLite or PostgreSQL, one writer, many orders a transaction.

Placing an order is one transaction: the order, its payment and the units of coupons that it takes are written, or none
of it. In it the attempt is fenced off where a newer one of its want is known, or its person has stopped waiting. Who
asks is told only when the transaction is durable. A want has at most one order and one payment (their primary keys),
and no coupon goes below 0 (a check of the table); so whatever dies in between, another try finds what is there.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

MOST_AT_ONCE = 500
"""Of a transaction."""
MOST_WAITING = 20_000
AGAIN_S = 0.05
MOST_REST_S = 0.005
ORDER_CENTS = 2500

_log = logging.getLogger(__name__)

_tables = sa.MetaData()
_orders = sa.Table(
    "orders",
    _tables,
    sa.Column("want", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True),
    sa.Column("attempt", sa.BigInteger, nullable=False),
    sa.Column("store", sa.BigInteger, nullable=False),
    sa.Column("placed_ns", sa.BigInteger, nullable=False),
)
_payments = sa.Table(
    "payments",
    _tables,
    sa.Column("want", sa.BigInteger, sa.ForeignKey("orders.want"), primary_key=True, autoincrement=False),
    sa.Column("cents", sa.BigInteger, nullable=False),
)
_coupons = sa.Table(
    "coupons",
    _tables,
    sa.Column("stage", sa.String(63), primary_key=True),
    sa.Column("budget", sa.BigInteger, nullable=False),
    sa.Column("units", sa.BigInteger, sa.CheckConstraint("units >= 0"), nullable=False),
)
_newest = sa.Table(
    "newest",
    _tables,
    sa.Column("want", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Order:
    """A row of the ledger."""

    want: int
    number: int
    attempt: int
    store: int
    placed_ns: int


@dataclass(frozen=True, slots=True)
class Placing:
    """An attempt that has come through all stages, and the stages of whose coupons it takes a unit each."""

    want: int
    attempt: int
    timeout_ns: int
    store: int
    coupons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Newest:
    """From now on, only this attempt of a want, or a later one, may place."""

    want: int
    attempt: int


Entry = Placing | Newest
Kept = Order | str
"""The order of the want (another attempt's, where that was first), or why there is none."""


class Ledger:
    """The tables, and the one transaction; everything here blocks."""

    def __init__(self, url: str, now_ns: Callable[[], int]) -> None:
        """Connect, and make the tables where they are not there."""
        self.now_ns = now_ns
        self.slow_s = 0.0  # what a slow disk adds to each transaction
        self._engine = engine_of(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _as_wal)
        kinds: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
        self._upsert = kinds[self._engine.dialect.name]
        _tables.create_all(self._engine)
        with self._engine.connect() as connection:
            self._last = connection.scalar(sa.select(sa.func.max(_orders.c.number))) or 0

    def open_budgets(self, budgets: Mapping[str, int]) -> dict[str, int]:
        """Give each stage with a budget its row, unless it has one; return what is left of each."""
        with self._engine.begin() as connection:
            for stage, units in budgets.items():
                row = {"stage": stage, "budget": units, "units": units}
                connection.execute(self._upsert(_coupons).values(row).on_conflict_do_nothing())
            return {row.stage: row.units for row in connection.execute(sa.select(_coupons))}

    def keep(self, entries: Sequence[Entry]) -> list[Kept]:
        """Write in one transaction what may be written; return what became of each Placing, in order."""
        placings = [entry for entry in entries if isinstance(entry, Placing)]
        newest: dict[int, int] = {}
        for entry in entries:
            if isinstance(entry, Newest):
                newest[entry.want] = max(entry.attempt, newest.get(entry.want, 0))
        with self._engine.begin() as connection:
            if newest:
                self._fence(connection, newest)
            kept = self._place(connection, placings) if placings else []
            if self.slow_s:
                time.sleep(self.slow_s)
        return kept

    def find(self, want: int) -> Order | None:
        """Return the order of a want."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_orders).where(_orders.c.want == _signed(want))).first()
        return None if row is None else _order(row)

    def rows(self) -> Iterator[Order]:
        """Yield all orders, in the order of their numbers."""
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(_orders).order_by(_orders.c.number)):
                yield _order(row)

    def balance(self) -> dict[str, Any]:
        """Return what must add up: orders, payments, and for each coupon its budget and what is left of it."""
        with self._engine.connect() as connection:
            return {
                "orders": connection.scalar(sa.select(sa.func.count()).select_from(_orders)),
                "payments": connection.scalar(sa.select(sa.func.count()).select_from(_payments)),
                "coupons": {row.stage: (row.budget, row.units) for row in connection.execute(sa.select(_coupons))},
            }

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _fence(self, connection: sa.Connection, newest: Mapping[int, int]) -> None:
        insert = self._upsert(_newest)
        later = insert.on_conflict_do_update(
            index_elements=["want"],
            set_={"attempt": insert.excluded.attempt},
            where=_newest.c.attempt < insert.excluded.attempt,
        )
        connection.execute(later, [{"want": _signed(want), "attempt": number} for want, number in newest.items()])

    def _place(self, connection: sa.Connection, placings: Sequence[Placing]) -> list[Kept]:
        wants = [_signed(one.want) for one in placings]
        there = {
            row.want: _order(row) for row in connection.execute(sa.select(_orders).where(_orders.c.want.in_(wants)))
        }
        newest = {
            row.want: row.attempt for row in connection.execute(sa.select(_newest).where(_newest.c.want.in_(wants)))
        }
        taken = sorted({stage for one in placings for stage in one.coupons})
        left = self._units(connection, taken)
        before, now_ns = dict(left), self.now_ns()
        fresh: list[Order] = []
        kept: list[Kept] = []
        for want, one in zip(wants, placings, strict=True):
            if want in there:
                kept.append(there[want])
            elif one.attempt < newest.get(want, 0) or now_ns >= one.timeout_ns:
                kept.append("timed_out")
            elif any(left[stage] < 1 for stage in one.coupons):
                kept.append("sold_out")
            else:
                for stage in one.coupons:
                    left[stage] -= 1
                there[want] = Order(one.want, self._last + len(fresh) + 1, one.attempt, one.store, now_ns)
                fresh.append(there[want])
                kept.append(there[want])
        if fresh:
            self._write(connection, fresh)
            for stage in taken:
                used = before[stage] - left[stage]
                row = sa.update(_coupons).where(_coupons.c.stage == stage)
                connection.execute(row.values(units=_coupons.c.units - used))
        self._last += len(fresh)
        return kept

    def _units(self, connection: sa.Connection, stages: Sequence[str]) -> dict[str, int]:
        if not stages:
            return {}
        rows = sa.select(_coupons.c.stage, _coupons.c.units).where(_coupons.c.stage.in_(stages)).order_by("stage")
        return {row.stage: row.units for row in connection.execute(rows.with_for_update())}

    def _write(self, connection: sa.Connection, fresh: Sequence[Order]) -> None:
        connection.execute(
            sa.insert(_orders),
            [
                {
                    "want": _signed(order.want),
                    "number": order.number,
                    "attempt": order.attempt,
                    "store": order.store,
                    "placed_ns": order.placed_ns,
                }
                for order in fresh
            ],
        )
        connection.execute(
            sa.insert(_payments), [{"want": _signed(order.want), "cents": ORDER_CENTS} for order in fresh]
        )


class Keeper:
    """A thread that keeps what is brought to it: all that waits goes into the next transaction.

    Between two it rests as long as the last took, up to MOST_REST_S: where orders come fast they gather meanwhile, and
    the processor has half as many transactions to pay for; where they come one at a time, nobody waits.
    """

    def __init__(self, ledger: Ledger, tell: Callable[[Sequence[tuple[Placing, Kept]]], None]) -> None:
        """`tell` is called in the thread with what became of each Placing, once that is durable."""
        self.ledger = ledger
        self.failures = 0
        self.transactions = 0
        self._tell = tell
        self._waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def bring(self, entry: Entry) -> bool:
        """Let an entry be kept; False where too many wait."""
        if self._waiting.qsize() >= MOST_WAITING:
            return False
        self._waiting.put(entry)
        return True

    def end(self) -> None:
        """Keep what has been brought, and end."""
        self._waiting.put(None)
        self._thread.join(timeout=5)

    def _work(self) -> None:
        ending = False
        while not ending:
            entries: list[Entry] = []
            entry = self._waiting.get()
            while True:
                if entry is None:
                    ending = True
                    break
                entries.append(entry)
                if len(entries) >= MOST_AT_ONCE or self._waiting.empty():
                    break
                entry = self._waiting.get()
            if entries:
                began_s = time.monotonic()
                self._keep(entries)
                time.sleep(min(time.monotonic() - began_s, MOST_REST_S))

    def _keep(self, entries: list[Entry]) -> None:
        """Try until it is done, or nobody waits for any of it: what may have been written is found by the next try."""
        placings = [entry for entry in entries if isinstance(entry, Placing)]
        until_ns = max((one.timeout_ns for one in placings), default=0)
        while True:
            try:
                kept: Sequence[Kept] = self.ledger.keep(entries)
                self.transactions += 1
                break
            except (SQLAlchemyError, OSError) as error:
                self.failures += 1
                said = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
                _log.warning("the ledger cannot be written: %s", said)
                if placings and self.ledger.now_ns() >= until_ns:
                    kept = ["error"] * len(placings)
                    entries = [entry for entry in entries if not isinstance(entry, Placing)]
                    self._tell(list(zip(placings, kept, strict=True)))
                    placings = []
                    if not entries:
                        return
                time.sleep(AGAIN_S)
        if placings:
            self._tell(list(zip(placings, kept, strict=True)))


def engine_of(url: str) -> sa.Engine:
    """Return what connects to a ledger: postgresql:// means the driver that comes with us."""
    of = sa.make_url(url)
    if of.drivername == "postgresql":
        of = of.set(drivername="postgresql+psycopg")
    return sa.create_engine(of, pool_pre_ping=True, pool_size=2, connect_args=_within(url))


def check(url: str) -> None:
    """Raise ValueError where a ledger cannot be reached, or has orders: they would not be placed again."""
    try:
        named = sa.make_url(url)
        if named.get_backend_name() not in ("postgresql", "sqlite"):
            raise ValueError(f"{named.drivername}: is neither postgresql nor sqlite; name one of these")
        ledger = Ledger(url, lambda: 0)
        try:
            orders = ledger.balance()["orders"]
        finally:
            ledger.close()
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
        raise ValueError(f"cannot be used: {said}") from error
    if orders:
        raise ValueError(f"has {orders:,} orders, which would not be placed again; name an empty database")


def _as_wal(connection: Any, _: Any) -> None:
    """Write ahead, and flush at each commit: what was told survives the power too."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _within(url: str) -> dict[str, Any]:
    """What bounds the time of one question."""
    if url.startswith("postgresql"):
        return {"connect_timeout": 2, "options": "-c statement_timeout=5000", "tcp_user_timeout": 5000}
    return {}


def _signed(want: int) -> int:
    """A want has 64 bits, a column 63 and a sign."""
    return want - (1 << 64) if want >= 1 << 63 else want


def _order(row: Any) -> Order:
    return Order(row.want & ((1 << 64) - 1), row.number, row.attempt, row.store, row.placed_ns)
