"""Tables of histograms: the histograms of a batch of rows, and the sums of histograms, a row for each group.

The engines differ only in where they call these two functions.
"""

from __future__ import annotations

from .._core import Merged
from .._values.base import make
from .._values.codes import Codes, codes_of, combined
from ..groups import histograms_of
from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["COLUMN", "merged", "partial"]

#: The name of the column of blobs.
COLUMN = "histogram"


def partial(
    batch: pa.Table | pa.RecordBatch, value: str, by: Sequence[str], unit: str = "s", invalid: str = "raise"
) -> pa.Table:
    """Return the histogram of each group of a batch: a table of the columns `by`, and of blobs, a row for each group.

    Groups come in no particular order.  O(rows).  Raises ValueError as `historian.group` does.
    """
    codes = _codes(batch, by)
    histograms, _ = histograms_of(batch.column(value), codes, unit, invalid)
    return _table(batch, by, codes, list(histograms), [one.to_bytes() for one in histograms.values()])


def merged(table: pa.Table | pa.RecordBatch, by: Sequence[str]) -> pa.Table:
    """Return the sums of the histograms in the column of blobs: a table as `partial` returns it.

    O(rows).  Raises ValueError, which names the row, for a blob that is missing or damaged, and for histograms of
    different units.
    """
    import numpy as np

    codes = _codes(table, by)
    order = np.argsort(codes.codes, kind="stable")
    blobs = table.column(COLUMN)
    used: list[int] = []
    sums: list[bytes] = []
    rows_of = np.split(order, np.flatnonzero(np.diff(codes.codes[order])) + 1) if len(order) else []
    for rows in rows_of:  # one at a time, since a sum takes 100 KB
        total = Merged()
        for row, blob in zip(rows.tolist(), blobs.take(rows).to_pylist()):
            reason = total.add_bytes(blob, row) if blob is not None else "it is missing"
            if reason is not None:
                raise ValueError(f"row {row:,} of the column {COLUMN} has no histogram: {reason}")
        used.append(int(codes.codes[rows[0]]))
        sums.append(make(Histogram, *total.result()).to_bytes())
    return _table(table, by, codes, used, sums)


def _codes(table: pa.Table | pa.RecordBatch, by: Sequence[str]) -> Codes:
    import numpy as np

    if not by:
        return Codes(np.zeros(table.num_rows, np.uint8), [()])
    columns = [codes_of(table.column(name)) for name in by]
    return columns[0] if len(columns) == 1 else combined(columns)


def _table(
    table: pa.Table | pa.RecordBatch, by: Sequence[str], codes: Codes, used: list[int], blobs: list[bytes]
) -> pa.Table:
    """Return the keys of groups and their blobs.  A key is taken from the first row of its group, with its type."""
    import numpy as np
    import pyarrow as pa

    first = np.zeros(len(codes.labels), np.int64)
    first[codes.codes[::-1]] = np.arange(len(codes.codes) - 1, -1, -1)
    keys = [table.column(name).take(pa.array(first[used])) for name in by]
    return pa.table([*keys, pa.array(blobs, pa.binary())], [*by, COLUMN])
