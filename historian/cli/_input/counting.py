"""What counts a part of a file of columns: `Numbers` and `Histograms`.  Each thread has its own."""

from __future__ import annotations

from typing import NamedTuple

from ..._core import Grouped, Merged
from ..._values.arrow import numbers
from ..._values.base import make
from ..._values.key import Key
from ...engines._blobs import Blobs
from ...engines._places import Places
from ...histogram import Histogram
from .tables import Part, Table, text_of
from .tally import MAX_GROUPS, InputError, too_many

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .tally import Tally

__all__ = ["Bad", "Found", "Histograms", "Numbers", "Piece"]


class Piece(NamedTuple):
    """What a thread does at once: a part of a file."""

    place: tuple[int, int]  # number of the file, and of the part in it
    table: Table
    part: Part
    nbytes: int


class Found(NamedTuple):
    """The histogram of a group."""

    place: tuple[int, int, int]  # where it was first: number of the file, of the part in it, and of the group in that
    group: Key
    histogram: Histogram
    where: str = ""  # the file, if it held histograms, which know their unit, and not numbers


class Bad(NamedTuple):
    """Rows of a part that are not numbers."""

    where: str  # the first one: its file, and its number
    why: str
    rows: int


class _Counting:
    """Finds the group of each row.  `lock` is for what threads share: the tally, choices, mixtures."""

    def __init__(self, tally: Tally, lock: AbstractContextManager[Any]) -> None:
        self._tally = tally
        self._lock = lock
        self._place_of: dict[Key, int] = {}
        self._first: list[tuple[int, int, int]] = []  # where each group was first
        self._bad: Bad | None = None
        self.rows = 0  # of the part, so far

    def begin(self, piece: Piece) -> None:
        """Begin with another part."""
        self._piece, self._table = piece, piece.table
        self._places = Places(len(self._table.labels), self._find)
        self._constant = -2  # the place of all rows, if no column tells it
        self._bad, self.rows = None, 0

    def _of(self, batch: Any) -> NDArray[Any]:
        """Return the place of the group of each row, or -1 if it does not count."""
        import numpy as np

        columns = self._table.labels
        if columns:
            return self._places.of([batch.column(batch.schema.get_field_index(name)) for name in columns])[0]
        if self._constant == -2:
            self._constant = self._find(())
        return np.full(batch.num_rows, self._constant, np.int8)

    def _find(self, label: Any) -> int:
        """Return the place of the group of a label, or of a tuple of labels; make it if it is new."""
        table, choice = self._table, self._table.layout.choice
        texts = list(map(text_of, label if isinstance(label, tuple) else (label,)))
        values = {**table.constants, **dict(zip(table.keys, texts))}
        with self._lock:
            group = choice.group(values.get, table.layout.otherwise)
            if group is not None and table.mixture is not None:
                table.mixture.add(texts[-1] or "")
        if group is None:
            return -1
        if group not in self._place_of:
            if len(self._first) == MAX_GROUPS:
                raise too_many(group)
            self._place_of[group] = len(self._first)
            self._first.append((*self._piece.place, len(self._first)))
            self._make()
        return self._place_of[group]

    def _make(self) -> None:
        """Make what counts a group that is new."""
        raise NotImplementedError

    def end(self) -> Bad | None:
        """Return what was bad in the part."""
        return self._bad


class Numbers(_Counting):
    """Counts numbers."""

    def __init__(self, tally: Tally, lock: AbstractContextManager[Any]) -> None:
        super().__init__(tally, lock)
        self._groups = Grouped()

    def _make(self) -> None:
        self._tally.found = True

    def begin(self, piece: Piece) -> None:
        """Begin with another part."""
        super().begin(piece)
        with self._lock:
            self._scale, self._ns = self._tally.begin(are_times=self._table.is_duration, where=self._table.name)

    def add(self, batch: Any) -> None:
        """Count the numbers in a batch."""
        import numpy as np

        column = batch.column(batch.schema.get_field_index(self._table.value))
        values: NDArray[np.float64] = numbers(column, self._ns)
        if self._scale != 1.0:
            with np.errstate(all="ignore"):  # what becomes infinite is refused
                values = values * self._scale
        places = self._of(batch)
        bad, first, _, _ = self._groups.record(values, places, len(self._first))
        if bad:
            table = self._table
            why = table.fault(column, first, self._ns, self._tally)
            before = self._bad or Bad(f"{table.name}: {table.row(self._piece.part, self.rows + first)}", why, 0)
            self._bad = before._replace(rows=before.rows + bad)
        self.rows += batch.num_rows

    def found(self) -> Iterator[Found]:
        """Yield what was counted since the last call."""
        known = list(self._place_of)
        for place, reading in self._groups.read():
            yield Found(self._first[place], known[place], Histogram._from_reading(reading, "s"))
        self._place_of, self._first = {}, []


class Histograms(_Counting):
    """Adds up histograms."""

    def __init__(self, tally: Tally, lock: AbstractContextManager[Any]) -> None:
        super().__init__(tally, lock)
        self._sums: list[Merged] = []
        self._where = ""

    def _make(self) -> None:
        self._sums.append(Merged())

    def begin(self, piece: Piece) -> None:
        """Begin with another part."""
        super().begin(piece)
        self._where = piece.table.name

    def add(self, batch: Any) -> None:
        """Add up the histograms in a batch."""
        blobs = Blobs(batch.column(batch.schema.get_field_index(self._table.value)))
        for row, (place, blob) in enumerate(zip(self._of(batch).tolist(), blobs)):
            if place < 0:
                continue
            try:
                why = "the cell is null" if blob is None else self._sums[place].add_bytes(blob, row)
            except ValueError as error:  # of other units
                raise InputError(f"{self._table.name}: {str(error).partition(' (at position')[0]}") from None
            if why is not None:
                where = f"{self._table.name}: {self._table.row(self._piece.part, self.rows + row)}"
                before = self._bad or Bad(where, f"no histogram: {why}", 0)
                self._bad = before._replace(rows=before.rows + 1)
        self.rows += batch.num_rows

    def found(self) -> Iterator[Found]:
        """Yield the sums since the last call."""
        for (group, place), total in zip(self._place_of.items(), self._sums):
            yield Found(self._first[place], group, make(Histogram, *total.result()), self._where)
        self._place_of, self._first, self._sums = {}, [], []
