"""What each process of `historian demo` does: real SQLite queries, each timed under the name of what it does.

Most queries are look-ups, one after the other.  Scans, inserts and, in process 0 only, bulk inserts come in between at
random moments.  A bulk insert holds the whole database while it writes, so that the others queue behind it: this is
where the tails come from, as they do elsewhere.
"""

from __future__ import annotations

import random
import sqlite3
import time
from array import array
from contextlib import closing

from ..registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from typing import Any

__all__ = ["Workload", "create_database"]

ROWS = 10_000  # at the start
CUSTOMERS = 2_000  # so a look-up finds about five rows
BULK_ROWS = 200  # to a bulk insert
PAUSES = {"scan": 0.050, "insert": 0.080, "bulk insert": 0.080}  # mean seconds from the end of one to the next
BUSY_TIMEOUT = 0.5  # seconds that SQLite waits for a lock before it gives up
REPORT_EVERY = 0.2  # seconds

INSERT = "INSERT INTO orders (customer, total, note) VALUES (?, ?, ?)"
LOOK_UP = "SELECT id, customer, total, note FROM orders WHERE customer = ?"
SCAN = "SELECT id, customer, total, note FROM orders WHERE total > ?"  # no index on it

Order = tuple[int, float, str]  # customer, total, note


def create_database(path: str) -> None:
    """Create the database that all processes query."""
    chance = random.Random(1)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, total REAL, note TEXT)")
        database.execute("CREATE INDEX orders_by_customer ON orders (customer)")
        database.executemany(INSERT, (_order(chance) for _ in range(ROWS)))


class Workload:
    """The queries of one process, what they took, and what they returned.

    A worker sends ("ready", None), waits for the seconds that it shall work, and then sends ("queries", how many
    so far) now and then.
    """

    registry: Registry
    samples: dict[str, array[float]]  # every value recorded, by recorder; empty unless asked for
    queries: int  # so far

    def __init__(self, database: sqlite3.Connection, number: int, keep_samples: bool) -> None:
        self.registry = Registry()
        self.samples = {}
        self.queries = 0
        self._database = database
        self._keep_samples = keep_samples
        self._chance = random.Random(number)
        self._turns = {"scan": self._scan, "insert": self._insert, "look-up": self._look_up}
        if number == 0:
            self._turns["bulk insert"] = self._insert_many

    @classmethod
    def run(cls, parent: Connection, path: str, number: int, keep_samples: bool) -> tuple[Any, dict[str, array[float]]]:
        """Work for as long as the parent says; return what `Registry.snapshot` has, and the samples."""
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = OFF")  # what is thrown away need not reach the disk
            self = cls(database, number, keep_samples)
            parent.send(("ready", None))
            self.work(parent.recv(), lambda: parent.send(("queries", self.queries)))
        return self.registry.snapshot(), self.samples

    def work(self, seconds: float, report: Callable[[], None]) -> None:
        """Query for that long."""
        now = time.monotonic()
        end, next_report = now + seconds, now
        due = {name: now + self._pause(name) for name in self._turns if name in PAUSES}
        while now < end:
            name = min(due, key=due.__getitem__)
            if now < due[name]:
                self._turns["look-up"]()
                now = time.monotonic()
            else:
                self._turns[name]()
                now = time.monotonic()
                due[name] = now + self._pause(name)
            if now >= next_report:
                report()
                next_report = now + REPORT_EVERY

    def _pause(self, name: str) -> float:
        return self._chance.expovariate(1 / PAUSES[name])

    def _look_up(self) -> None:
        self._read("look-up", LOOK_UP, self._chance.randrange(CUSTOMERS))

    def _scan(self) -> None:
        self._read("scan", SCAN, self._chance.uniform(300, 600))

    def _insert(self) -> None:
        order = _order(self._chance)
        self._time("insert", lambda: self._database.execute(INSERT, order))

    def _insert_many(self) -> None:
        orders = [_order(self._chance) for _ in range(BULK_ROWS)]

        def insert() -> None:
            self._database.execute("BEGIN EXCLUSIVE")
            with self._database:  # commits, or rolls back
                self._database.executemany(INSERT, orders)

        self._time("bulk insert", insert)

    def _read(self, name: str, query: str, parameter: float) -> None:
        rows = self._time(name, lambda: self._database.execute(query, (parameter,)).fetchall())
        if rows is not None:
            size = sum(24 + len(row[3]) for row in rows)  # three numbers of 8 bytes, and the note
            self.registry.recorder(f"{name} result", unit="bytes").record(size)
            self._keep(f"{name} result", size)

    def _time(self, name: str, query: Callable[[], Any]) -> Any:
        """Return what the query returns, or None if it gave up on a lock; that is timed apart."""
        recorder, locked = self.registry.recorder(name), self.registry.recorder(f"{name} (locked)")
        self.queries += 1
        result = None
        try:
            with recorder.time(locked) as timer:
                result = query()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            name = locked.name
        self._keep(name, timer.elapsed)
        return result

    def _keep(self, name: str, value: float) -> None:
        if self._keep_samples:
            self.samples.setdefault(name, array("d")).append(value)


def _order(chance: random.Random) -> Order:
    return chance.randrange(CUSTOMERS), round(chance.expovariate(0.01), 2), "x" * int(chance.lognormvariate(4, 1))
