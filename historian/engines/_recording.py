"""`Recording`: the histograms of groups of rows that come in batches."""

from __future__ import annotations

from .._core import Grouped
from .._values.arrow import numbers, taken, whole
from .._values.units import check_unit
from ..groups import Groups, ns_per_unit
from ..histogram import Histogram
from ._places import Places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    import pyarrow as pa

__all__ = ["Recording"]

#: Rows that are recorded at once: so few that they stay in the processor's cache.
PIECE = 1 << 16
#: The same if groups are so many that looking up their labels costs more: at most.
MAX_PIECE = 1 << 21


class Recording:
    """Counts the values of a column by group, batch after batch.  Memory grows with the number of groups alone.

    A group takes 3 KB or more, up to 100 KB if its values lie far apart.
    """

    def __init__(
        self, value: str | None, by: Sequence[str], unit: str = "s", invalid: str = "raise", *, keeps_keys: bool = False
    ) -> None:
        if invalid not in ("raise", "drop"):
            raise ValueError(f'invalid must be "raise" or "drop", not {invalid!r}')
        self._by, self._unit = tuple(by), check_unit(unit)
        self._ns = ns_per_unit(unit)
        self._raises = invalid == "raise"
        self._places = Places(len(self._by), self._make)
        self._labels: list[Any] = [] if by else [()]  # of groups
        self._groups = Grouped()
        self._keys: list[list[Any]] = [[] for _ in by] if keeps_keys else []  # of groups, in chunks
        self._columns = [*([] if value is None else [value]), *self._by]  # the value first
        self._subject = "" if value is None else f"column {value!r}: "
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self.rows = 0  # that were added
        self.bad = 0  # values that are missing, NaN, infinite or negative
        self._first: tuple[int, float | None] = 0, 0.0  # the position of the first one, and it

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the values of a batch, or let it wait for others.  O(rows).

        Raises TypeError or ValueError for columns of other types.
        """
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= (PIECE // 4 if self._size == PIECE else self._size):
            self.flush()

    @property
    def _size(self) -> int:
        """Rows that are recorded at once."""
        return min(max(PIECE, 16 * len(self._places)), MAX_PIECE)

    def flush(self) -> None:
        """Count the values of batches that wait.  Raises TypeError or ValueError for columns of other types."""
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        if not waiting:
            return
        batch, start = _joined(waiting, self._columns), 0
        while start < batch.num_rows or not self.rows:
            size = self._size
            self._add(batch.slice(start, size))
            start += size
            if not batch.num_rows:
                return

    def _add(self, piece: pa.RecordBatch) -> None:
        import numpy as np

        try:
            values = numbers(piece.column(0), self._ns)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._subject}{error}") from None
        if self._by:
            places, rows = self._places.of(piece.columns[1:])
            for column, chunks in zip(piece.columns[1:], self._keys):
                if rows:
                    chunks.append(taken(column, rows))
        else:
            places = np.zeros(len(values), np.uint8)
        bad, first, value, _ = self._groups.record(values, places, len(self._labels))
        if bad and not self.bad:
            self._first = self.rows + first, value
        self.bad += bad
        self.rows += len(values)

    def check(self) -> None:
        """Raise ValueError if there were invalid values, unless they are to be dropped."""
        if self.bad and self._raises:
            position, value = self._first
            raise ValueError(
                f"{self.bad:,} of {self.rows:,} values are missing, NaN, infinite or negative, the first one at "
                f'position {position:,}: {value!r}; pass invalid="drop" to leave them out'
            )

    def _make(self, label: Any) -> int:
        """Make a group; return its place."""
        self._labels.append(label)
        return len(self._labels) - 1

    def histograms(self) -> Iterator[tuple[int, Histogram]]:
        """Yield the place and the histogram of each group that has a value, of what does not wait, and forget them."""
        for place, reading in self._groups.read():
            yield place, Histogram._from_reading(reading, self._unit)

    def keys(self, schema: pa.Schema) -> list[Any]:
        """Return a column of labels for each column that they came from, one for each place."""
        import pyarrow as pa

        found = []
        for name, chunks in zip(self._by, self._keys):
            empty = taken(pa.nulls(0, schema.field(name).type), [])
            found.append(pa.concat_arrays([empty, *(chunk.cast(empty.type) for chunk in chunks)]))
        return found

    def groups(self) -> Groups:
        """Return the histograms by label.  Raises ValueError for invalid values that are not to be dropped."""
        self.flush()
        self.check()
        return Groups({self._labels[place]: one for place, one in self.histograms()}, self._by, self.bad)


def _joined(batches: list[pa.RecordBatch], names: list[str]) -> pa.RecordBatch:
    """Return some columns of batches as one batch; without names, the only column."""
    import pyarrow as pa

    if not names:
        names = batches[0].schema.names
    columns = [[batch.column(name) for batch in batches] for name in names]
    arrays = [column[0] if len(column) == 1 else whole(pa.chunked_array(column)) for column in columns]
    return pa.record_batch(arrays, [str(i) for i in range(len(names))])
