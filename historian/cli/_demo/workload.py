"""The work of each process of `historian demo`: real SQLite queries, each timed by a recorder for its kind.

Most queries are look-ups, one after the other.  Scans and inserts come between them at random times; in process 0 only,
bulk inserts too.  A bulk insert locks the whole database while it writes, and the other queries wait for it.  This is
the cause of the tails, as in real services.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from mmap import mmap
from typing import NamedTuple

from ...registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from typing import Any

__all__ = ["Paths", "Workload", "create_database"]

ROWS = 10_000  # at the start
CUSTOMERS = 2_000  # so that a look-up finds about five rows
BULK_ROWS = 200  # rows of a bulk insert
PAUSES = {"scan": 0.050, "insert": 0.080, "bulk insert": 0.080}  # mean seconds from the end of one to the next one
BUSY_TIMEOUT = 0.5  # seconds that SQLite waits for a lock before it gives up
REPORT_EVERY = 0.2  # seconds

INSERT = "INSERT INTO orders (customer, total, note) VALUES (?, ?, ?)"
LOOK_UP = "SELECT id, customer, total, note FROM orders WHERE customer = ?"
SCAN = "SELECT id, customer, total, note FROM orders WHERE total > ?"  # this column has no index

Order = tuple[int, float, str]  # customer, total, note


def create_database(path: str) -> None:
    """Create the database that all processes query."""
    chance = random.Random(1)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, total REAL, note TEXT)")
        database.execute("CREATE INDEX orders_by_customer ON orders (customer)")
        database.executemany(INSERT, (_order(chance) for _ in range(ROWS)))


class Paths(NamedTuple):
    """Paths of what the processes of a demo share."""

    database: str  # path of the SQLite file
    recorders: str  # directory of the registry
    acknowledged: str  # file with a 64-bit counter for each process, in their order
    samples: str  # directory where each process writes a file of all its values; empty without --raw


class Workload:
    """The queries of one process, timed and recorded in the directory that all processes share.

    After each record has returned, the process adds one to its own counter in a mapped file: it acknowledges the
    record.  So a killed process leaves at most one record that it did not acknowledge.

    A worker sends ("ready", None), receives the number of seconds to work, and then sends ("queries", number so far)
    every `REPORT_EVERY` seconds.
    """

    queries: int  # so far

    def __init__(self, database: sqlite3.Connection, number: int, paths: Paths) -> None:
        self.queries = 0
        self._registry = Registry(paths.recorders)
        with open(paths.acknowledged, "r+b") as file:
            self._acknowledged = memoryview(mmap(file.fileno(), 0)).cast("Q")
        # Without a buffer, because a buffer would be lost when the process is killed.
        path = os.path.join(paths.samples, f"{number}.tsv")
        self._samples = open(path, "wb", buffering=0) if paths.samples else None
        self._database = database
        self._number = number
        self._chance = random.Random(number)
        self._turns = {"scan": self._scan, "insert": self._insert, "look-up": self._look_up}
        if number == 0:
            self._turns["bulk insert"] = self._insert_many

    @classmethod
    def run(cls, parent: Connection, number: int, paths: Paths) -> None:
        """Work as long as the parent tells: the function that each worker process runs."""
        with closing(sqlite3.connect(paths.database, timeout=BUSY_TIMEOUT, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = OFF")  # the database is temporary: it need not reach the disk
            self = cls(database, number, paths)
            parent.send(("ready", None))
            self.work(parent.recv(), lambda: parent.send(("queries", self.queries)))
            if self._samples:
                self._samples.close()

    def work(self, seconds: float, report: Callable[[], None]) -> None:
        """Run queries for so many seconds; call `report` every `REPORT_EVERY` seconds."""
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
            self._registry.recorder(f"{name} result", unit="bytes").record(size)
            self._acknowledge(f"{name} result", size)

    def _time(self, name: str, query: Callable[[], Any]) -> Any:
        """Time a query and return its result; None if the database stayed locked, which has a recorder of its own."""
        recorder, locked = self._registry.recorder(name), self._registry.recorder(f"{name} (locked)")
        self.queries += 1
        result = None
        try:
            with recorder.time(locked) as timer:
                result = query()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            name = locked.name
        self._acknowledge(name, timer.elapsed)
        return result

    def _acknowledge(self, name: str, value: float) -> None:
        """Acknowledge that the value has been recorded."""
        self._acknowledged[self._number] += 1  # only this process writes to this counter
        if self._samples:
            self._samples.write(f"{name}\t{value!r}\n".encode())


def _order(chance: random.Random) -> Order:
    return chance.randrange(CUSTOMERS), round(chance.expovariate(0.01), 2), "x" * int(chance.lognormvariate(4, 1))
