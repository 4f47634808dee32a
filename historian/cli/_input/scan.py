"""`Scan`: counts the numbers of files of columns, with a thread for each processor."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import BinaryIO

from ..._values.text import counted
from .counting import Bad, Found, Histograms, Numbers, Piece
from .packed import DamagedError
from .table_files import PARQUET
from .tables import Table
from .tally import InputError, together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..._values.key import Key
    from .layout import Layout
    from .tally import Tally

__all__ = ["Scan", "read_table"]

#: Seconds between two looks at how far the threads are.
INTERVAL = 0.1

#: Histograms that wait until those of the same group are added up.
WAITING = 1 << 12


class Scan:
    """Counts the numbers of files.  Each thread takes one part of a file after the other.

    What was found is sorted by file and part, so that neither results nor errors depend on the threads.  Memory grows
    with the number of groups, not with the sizes of files.  `keeps` says that groups span parts and files.
    """

    def __init__(self, files: Iterator[tuple[Callable[[], Table], int]], tally: Tally, *, keeps: bool) -> None:
        self._tally = tally
        self._keeps = keeps
        self._lock = threading.RLock()  # for what threads share
        self._names: list[str] = []  # of files that were opened
        self._rows: list[int] = []  # of these files, so far
        self._pieces = self._all_pieces(files)
        self._errors: dict[tuple[int, int], Exception] = {}  # by file and part
        self._bad: dict[tuple[int, int], Bad] = {}
        self._found: list[Found] = []
        self._done = 0  # bytes of files
        self._is_last = False  # whether no other file is to be opened
        self._is_stopped = False

    def run(self, show: Callable[[int], None]) -> None:
        """Count all.  `show` is called a few times a second with the number of bytes that were read so far."""
        number = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        with ThreadPoolExecutor(number, "historian-scan") as pool:
            try:
                working = {pool.submit(self._work) for _ in range(number)}
                while working:
                    done, working = wait(working, INTERVAL)
                    for one in done:
                        one.result()
                    show(self._done)
            finally:
                self._is_stopped = True

    def run_here(self) -> None:
        """Count all in this thread."""
        self._work()

    def _all_pieces(self, files: Iterator[tuple[Callable[[], Table], int]]) -> Iterator[Piece]:
        """Open one file after the other; yield the parts of each."""
        for open_table, nbytes in files:
            if self._is_last:
                return
            file = len(self._rows)
            self._rows.append(0)
            try:
                table = open_table()
            except (InputError, OSError) as error:
                self._fail((file, -1), error)
                continue
            for number, part in enumerate(table.parts()):
                yield Piece((file, number), table, part, round(part.share * nbytes))

    def _fail(self, place: tuple[int, int], error: Exception) -> None:
        self._errors[place] = error
        is_final = isinstance(error, InputError) and not isinstance(error, DamagedError)
        self._is_last = self._is_last or is_final or not self._tally.skips_bad

    def _work(self) -> None:
        """Count parts until there is none left.  This runs in each thread."""
        kinds = Numbers(self._tally, self._lock), Histograms(self._tally, self._lock)
        while not self._is_stopped:
            with self._lock:
                piece = next(self._pieces, None)
            if piece is None:
                break
            self._count(piece, kinds[piece.table.holds_histograms])
        with self._lock:
            self._found += kinds[0].found()

    def _count(self, piece: Piece, counting: Numbers | Histograms) -> None:
        bad = error = None
        try:
            counting.begin(piece)
            for batch in piece.table.batches(piece.part):
                if self._is_stopped:
                    return
                counting.add(batch)
        except (InputError, OSError) as caught:
            error = caught
        bad = counting.end()
        with self._lock:
            self._rows[piece.place[0]] += counting.rows
            self._done += piece.nbytes
            if bad is not None:
                self._bad[piece.place] = bad
                self._is_last = self._is_last or not self._tally.skips_bad
            if error is not None:
                self._fail(piece.place, error)
            if not self._keeps or isinstance(counting, Histograms):
                self._found += counting.found()
                if len(self._found) > WAITING:
                    self._merge()

    def _merge(self) -> None:
        """Add up what was found of the same group; it keeps its first place."""
        merged: dict[tuple[Key, str], Found] = {}
        for one in sorted(self._found, key=lambda one: one.place):
            before = merged.get((one.group, one.where))
            if before is not None:
                one = before._replace(histogram=together(before.histogram, one.histogram, one.where or "the numbers"))
            merged[one.group, one.where] = one
        self._found = list(merged.values())

    def faults(self) -> Iterator[Exception | tuple[str, str, int]]:
        """Yield errors, and where and why rows are bad and how many, in the order of files; these once for each."""
        told: set[int] = set()
        for place in sorted({*self._errors, *self._bad}):
            file = place[0]
            if place in self._bad and file not in told:
                told.add(file)
                rows = sum(bad.rows for other, bad in self._bad.items() if other[0] == file)
                first = self._bad[place]
                share = f"; {rows:,} of {counted(self._rows[file], 'row')} are bad" if rows > 1 else ""
                yield first.where, f"{first.why}{share}", rows
            if place in self._errors:
                yield self._errors[place]

    def give(self) -> None:
        """Give the tally all that was found.  Raises InputError if histograms are in different units, or too many."""
        self._merge()
        for one in self._found:
            if one.where:
                self._tally.add_histogram(one.histogram, one.where, one.group)
            else:
                self._tally.add_numbers(one.histogram, one.group)


def read_table(stream: BinaryIO, name: str, kind: str, layout: Layout, tally: Tally) -> None:
    """Count the numbers of a stream of columns.  Raises InputError, and OSError."""
    if kind == PARQUET and not stream.seekable():
        raise InputError(f"{name}: parquet is read from its end: name a file that is not compressed, instead of a pipe")
    scan = Scan(iter([(lambda: Table("", name, kind, layout, stream), 0)]), tally, keeps=bool(layout.choice.by))
    scan.run_here()
    errors = []
    for fault in scan.faults():
        if isinstance(fault, Exception):
            errors.append(fault)
        else:
            tally.bad(*fault)
    scan.give()
    for error in errors:
        raise error
