"""Tables of histograms: the histograms of a batch of rows, and the sums of histograms, a row for each group.

The engines differ only in where they call these two functions.
"""

from __future__ import annotations

from .._core import Merged
from .._values.arrow import coded, empty, taken, whole
from .._values.base import make
from .._values.codes import Codes, combined
from ..histogram import Histogram
from ._blobs import Blobs
from ._recording import Recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    import pyarrow as pa

__all__ = ["COLUMN", "fault", "merged", "partial", "summed"]

#: The name of the column of blobs.
COLUMN = "histogram"
#: Rows with blobs that wait until they are merged, at least.
WAITING = 1 << 13


def partial(
    batch: pa.Table | pa.RecordBatch, value: str, by: Sequence[str], unit: str = "s", invalid: str = "raise"
) -> pa.Table:
    """Return the histogram of each group of a batch: a table of the columns `by`, and of blobs, a row for each group.

    Columns keep their types, but dictionaries become their values, and NaN becomes null.  Groups come in the order of
    their first rows.  Durations are converted to `unit`.  O(rows).  Raises ValueError as `historian.group` does, and
    TypeError for columns that are not numbers, or not labels.
    """
    recording = Recording(value, by, unit, invalid, keeps_keys=True)
    for one in batch.to_batches() if hasattr(batch, "to_batches") else [batch]:
        recording.add(one)
    if not batch.num_rows:
        recording.add(empty(batch.schema))
    recording.flush()
    recording.check()
    places, blobs = [], []
    for place, histogram in recording.histograms():
        places.append(place)
        blobs.append(histogram.to_bytes())
    return _table(recording.keys(batch.schema), by, places, blobs, batch.schema)


def merged(table: pa.Table | pa.RecordBatch, by: Sequence[str], before: int = 0) -> pa.Table:
    """Return the sums of the histograms in the column of blobs: a table as `partial` returns it.

    Blobs are read in place.  O(rows).  Raises ValueError, which names the row, for a blob that is missing or damaged,
    and for histograms of different units.  Rows are numbered from `before` on.
    """
    import numpy as np

    columns = [whole(table.column(name)) for name in by]
    codes = _codes(columns, table.num_rows)
    order = np.argsort(codes, kind="stable")
    blobs = Blobs(table.column(COLUMN))
    starts = np.flatnonzero(np.diff(codes[order].astype(np.int64), prepend=-1)).tolist()
    used: list[int] = []
    sums: list[bytes] = []
    for first, bounds in sorted(zip(order[starts].tolist(), zip(starts, [*starts[1:], len(order)]))):
        total = Merged()  # takes 100 KB, so one at a time
        rows = order[slice(*bounds)]
        wrong = blobs.add_to(total, rows, before)
        if wrong is not None:
            raise ValueError(fault(*wrong))
        used.append(first)
        sums.append(make(Histogram, *total.result()).to_bytes())
    return _table(columns, by, used, sums, table.schema)


def summed(batches: Iterable[pa.RecordBatch], by: Sequence[str]) -> pa.Table:
    """Return what `merged` returns for the rows of all batches; there must be one, which may be empty.

    O(rows), and memory for the groups and some thousand blobs.  Raises ValueError as `merged` does, and the errors of
    the iterable.
    """
    waiting: list[pa.Table] = []
    rows = size = read = 0
    for batch in batches:
        waiting.append(merged(batch, by, read))
        read += batch.num_rows
        rows += waiting[-1].num_rows
        if rows > 2 * size + WAITING:
            waiting = [_together(waiting, by)]
            rows = size = waiting[0].num_rows
    return _together(waiting, by)


def _together(parts: list[pa.Table], by: Sequence[str]) -> pa.Table:
    """Return sums of sums."""
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0]
    try:
        return merged(pa.concat_tables(parts), by)
    except ValueError as error:  # two units: the position is not that of a row of the data
        raise ValueError(str(error).partition(" (at position ")[0]) from None


def fault(row: int, reason: str) -> str:
    """Return the message about a row without a valid histogram."""
    return f"row {row:,} of the column {COLUMN} has no histogram: {reason}"


def _codes(columns: Sequence[pa.Array], rows: int) -> Any:
    """Return a number for each row: that of its labels.  Rows with equal labels have the same number."""
    import numpy as np

    if not columns:
        return np.zeros(rows, np.int64)
    both = combined([Codes(*coded(column)[:2]) for column in columns])
    places: dict[Any, int] = {}
    found = np.array([places.setdefault(label, len(places)) for label in both.labels], np.int64)
    return found.astype(np.min_scalar_type(len(places)))[both.codes]  # small numbers are sorted faster


def _table(
    columns: Sequence[pa.Array], by: Sequence[str], rows: list[int], blobs: list[bytes], schema: pa.Schema
) -> pa.Table:
    """Return the keys in some rows of columns, and their blobs.  The types of keys are those of `schema`."""
    import pyarrow as pa

    kinds = [taken(pa.nulls(0, schema.field(name).type), []).type for name in by]
    keys = [taken(column, rows).cast(kind) for column, kind in zip(columns, kinds)]
    return pa.table([*keys, pa.array(blobs, pa.binary())], [*by, COLUMN])
