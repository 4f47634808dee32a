"""Histograms of columns of Arrow: tables and batches of pyarrow, and whatever gives these.

Data are everything with Arrow's PyCapsule interface: tables, record batches, readers and datasets of pyarrow, data
frames of pandas and polars, relations of DuckDB.  They are read batch after batch, where they are: memory grows with
the number of groups, not with that of rows.

>>> import pyarrow as pa
>>> requests = pa.table({"route": ["/users", "/search", "/users"], "seconds": [0.010, 0.250, 0.015]})
>>> by_route = histograms(requests, value="seconds", by="route")
>>> by_route["/users"].count
2

A column of histograms has a type of its own, `HistogramType`, which files of parquet and of Arrow keep.  Programs that
do not know it see a column of blobs, as `Histogram.to_bytes` returns them.

>>> stored = table(by_route)
>>> stored.column_names
['route', 'histogram']
>>> quantile(stored["histogram"], 1).to_pylist()
[0.015, 0.25]
"""

from __future__ import annotations

from collections.abc import Mapping

from ..groups import Groups
from ..histogram import Histogram
from ._arguments import names_of
from ._blobs import Blobs
from ._columns import COLUMN, fault, summed
from ._pyarrow import pa
from ._recording import Recording
from ._stream import batches, column_of, columns_of
from ._type import HistogramType, register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["HistogramType", "groups", "histograms", "merge", "quantile", "table"]

register()


def histograms(
    data: Any, value: str | None = None, by: str | Sequence[str] = (), unit: str = "s", invalid: str = "raise"
) -> Groups:
    """Return the histogram of each group of rows, by label: by a tuple of labels if `by` is several columns.

    `value` names the column of numbers: integers, floats, decimals, and durations, which are converted to `unit`.  It
    is None if the data are a single column.  `by` names columns of labels: texts, numbers, times, dictionaries and so
    on.  Without them there is one group, by the label ``()``.  Null and NaN are a label: None.

    Values that are null, NaN, infinite or negative raise ValueError, which says how many there are, as soon as they are
    read; with ``invalid="drop"`` they are left out, and `Groups.dropped` counts them.

    O(rows), and memory for the groups and some 100,000 rows; 2 million rows if there are very many groups.  Raises
    ValueError for names of columns that are not there, and TypeError for columns of other types.

    >>> histograms(pa.array([1, 2, 3], pa.duration("ms")))[()].max
    0.003
    """
    column = column_of(data)
    if column is not None:
        if value is not None or by:
            raise TypeError("data are a single column: pass a table to name columns by value and by")
        data, value = pa.table([column], [COLUMN]), COLUMN
    elif value is None:
        raise TypeError("value must be the name of the column of numbers, unless data are a single column of Arrow")
    recording = Recording(value, _names(by), unit, invalid)
    for batch in batches(data, [value, *_names(by)]):
        recording.add(batch)
        recording.check()
    return recording.groups()


def merge(blobs: Any, by: str | Sequence[str] = ()) -> pa.Table:
    """Return the sums of histograms, a row for each group: a table of the columns `by`, and ``histogram``.

    `blobs` are a table with a column ``histogram``, or only that column; its type is `HistogramType` or binary.  They
    are read batch after batch.  O(rows), and memory for the groups and some thousand blobs.  Raises ValueError, which
    names the row, for a blob that is missing or damaged, and for histograms of different units.

    >>> day = pa.table({"route": ["/a", "/a"], "histogram": [Histogram.from_values([k]).to_bytes() for k in (1, 2)]})
    >>> merge(day, by="route")["histogram"][0].as_py().count
    2
    """
    column, names = column_of(blobs), names_of(by)
    if column is not None:
        blobs = pa.table([column], [COLUMN])
    return _typed(summed(batches(blobs, [*names, COLUMN]), names))


def _typed(found: pa.Table) -> pa.Table:
    """Return a table whose blobs have the type of histograms."""
    place = found.column_names.index(COLUMN)
    chunks = [pa.ExtensionArray.from_storage(HistogramType(), chunk) for chunk in found.column(place).chunks]
    return found.set_column(place, COLUMN, pa.chunked_array(chunks, HistogramType()))


def quantile(column: Any, q: float) -> pa.Array:
    """Return the quantile `q` of each histogram in a column, as an array of float64 in the unit of the histogram.

    It is null where the histogram is missing, or empty.  O(rows).  Raises ValueError for `q` outside [0, 1], and for a
    damaged blob, which it names by its row.

    >>> quantile(pa.array([Histogram.from_values([1, 2, 3]).to_bytes(), None]), 1).to_pylist()
    [3.0, None]
    """
    if not isinstance(Histogram().quantile(q), float):
        raise TypeError("q must be one number: call quantile once for each")
    found = column_of(column)
    if found is None:
        raise TypeError(f"column must be a column of histograms, not {type(column).__name__}")
    values: list[float | None] = []
    for row, blob in enumerate(Blobs(found)):
        try:
            histogram = None if blob is None else Histogram.from_bytes(blob)
        except ValueError as error:
            raise ValueError(fault(row, str(error))) from None
        values.append(histogram.quantile(q) if histogram is not None and histogram.count else None)
    return pa.array(values, pa.float64())


def table(groups: Mapping[Any, Histogram], by: str | Sequence[str] | None = None) -> pa.Table:
    """Return groups as a table: a column for each part of their labels, and the column ``histogram``.

    `by` names these columns; `Groups` that were made of a table know their names.  `groups` is the inverse.  O(groups).
    Raises ValueError without names, for one that is ``histogram`` or is there twice, and unless labels have as many
    parts.  Raises pyarrow's errors for labels that it has no type for.
    """
    names = names_of(getattr(groups, "names", ()) if by is None else by)
    labels = list(groups)
    if by is None and not names and any(label != () for label in labels):
        raise ValueError("the groups do not know from which columns they came: pass by, the names for these")
    rows = [(label,) for label in labels] if len(names) == 1 else labels
    for row in rows:
        if not isinstance(row, tuple) or len(row) != len(names):
            raise ValueError(f"the label {row!r} does not have a part for each of {names}")
    columns = [pa.array([row[place] for row in rows]) for place in range(len(names))]
    blobs = pa.array([histogram.to_bytes() for histogram in groups.values()], pa.binary())
    return pa.table([*columns, pa.ExtensionArray.from_storage(HistogramType(), blobs)], [*names, COLUMN])


def groups(table: Any, by: str | Sequence[str] | None = None) -> Groups:
    """Return the groups in a table with a column ``histogram``, which are merged where labels are equal.

    `by` names the columns of labels; None stands for all others.  O(rows).  Raises ValueError as `merge` does.
    """
    if by is None:
        by = [name for name in columns_of(table) if name != COLUMN]
    names = names_of(by)
    found = merge(table, names)
    columns = [found.column(name).to_pylist() for name in names]
    labels = columns[0] if len(names) == 1 else list(zip(*columns)) if names else [()] * found.num_rows
    return Groups(dict(zip(labels, found.column(COLUMN).to_pylist())), names)


def _names(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)
