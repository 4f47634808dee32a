"""Histograms of DuckDB's relations, and quantiles in its SQL.

>>> import duckdb as db
>>> from historian.engines import duckdb
>>> connection = db.connect()
>>> calls = connection.sql("FROM (VALUES ('/users', 0.012), ('/search', 0.250), ('/users', 0.015)) t(route, latency)")
>>> by_route = duckdb.histograms(calls, value="latency", by="route")
>>> by_route["/users"].count, by_route["/search"].max
(2, 0.25)
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

try:
    import duckdb
    import pyarrow as pa
    import pyarrow.compute as pc
    from duckdb.func import FunctionNullHandling, PythonUDFType
except ImportError as _error:
    raise ImportError("historian.engines.duckdb needs DuckDB: run pip install 'latency-historian[duckdb]'") from _error

from .._values.arrow import empty
from . import arrow
from ._arguments import names_of, share
from ._columns import COLUMN, merged
from ._recording import Recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..groups import Groups

__all__ = ["histograms", "merge", "quantile", "register"]

#: Rows of values in a batch: few enough to stay in the processor's cache.
ROWS = 1 << 16
#: Rows of blobs in a batch: about 8 MB.  Larger ones take memory and save little time.
BLOBS = 1 << 14
#: The functions that `register` adds to SQL.
QUANTILE, MERGE = "histogram_quantile", "histogram_merge"


def histograms(
    relation: duckdb.DuckDBPyRelation,
    value: str,
    by: str | Sequence[str] = (),
    unit: str = "s",
    invalid: str = "raise",
) -> Groups:
    """Return the histogram of each group of a relation's values.

    `by` is the name of a column, or a list of names; an empty one gives one group, whose label is ``()``.  DuckDB runs
    the query and sends only the named columns, batch by batch: files may be larger than the memory, which has one batch
    and the counters of the groups, some kilobytes each.

    Values are numbers; those that are missing, NaN, infinite or negative raise ValueError when their batch comes, which
    says how many there were until then.  With ``invalid="drop"`` they are left out, and `Groups.dropped` counts them.
    Raises TypeError for columns that are not numbers or labels.  O(rows).
    """
    names = names_of(by)
    recording = Recording(value, names, unit, invalid)
    reader = _reader(relation, [value, *names], ROWS)
    recording.add(empty(reader.schema))  # so that types are checked where there are no rows
    for batch in _ahead(reader):
        recording.add(batch)
        recording.check()
    return recording.groups()


def merge(blobs: duckdb.DuckDBPyRelation, by: str | Sequence[str] = ()) -> duckdb.DuckDBPyRelation:
    """Return the sums of the histograms in the column `histogram`: a relation of the columns `by` and `histogram`.

    It has a row for each group, and belongs to the same connection.  It is computed at once, batch by batch: O(rows),
    in the memory of one batch and of the result, twice.  Raises ValueError, which names the row, for a blob that is
    missing or damaged, and for histograms of different units.
    """
    # DuckDB finds the table by the name of this variable.
    historian_merged = arrow.merge(_reader(blobs, [*names_of(by), COLUMN], BLOBS), by)  # noqa: F841
    relation = blobs.query("historian_blobs", "SELECT * FROM historian_merged")
    if relation is None:
        raise RuntimeError("DuckDB gave no relation")
    return relation


def quantile(blobs: str | duckdb.Expression, q: float) -> duckdb.Expression:
    """Return the expression of a quantile of each histogram: float64, or NULL for a missing or an empty histogram.

    `blobs` is the name of a column, or an expression.  The relation's connection needs `register`.  In SQL, write
    ``histogram_quantile(histogram, 0.99)``.
    """
    column = _column(blobs) if isinstance(blobs, str) else blobs
    return duckdb.FunctionExpression(QUANTILE, column, duckdb.ConstantExpression(share(q)))


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the functions ``histogram_quantile(blob, q)`` and ``histogram_merge(list(blob))`` to a connection.

    The first one returns the quantile of a histogram; NULL if it is missing or empty.  The second one returns the sum
    of a list of histograms, which all are in memory::

        SELECT route, histogram_quantile(histogram_merge(list(histogram)), 0.99) FROM blobs GROUP BY route

    A blob that is damaged raises DuckDB's InvalidInputException, with the reason.  It does nothing if the functions are
    there already.
    """
    known = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    if (QUANTILE,) not in known:
        connection.create_function(
            QUANTILE,
            _quantiles,
            ["BLOB", "DOUBLE"],
            "DOUBLE",
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )
    if (MERGE,) not in known:
        connection.create_function(
            MERGE, _sums, ["BLOB[]"], "BLOB", type=PythonUDFType.ARROW, null_handling=FunctionNullHandling.SPECIAL
        )


def _column(name: str) -> duckdb.Expression:
    return duckdb.SQLExpression('"' + name.replace('"', '""') + '"')  # others read a dot as the end of a table's name


def _reader(relation: duckdb.DuckDBPyRelation, names: Sequence[str], rows: int) -> pa.RecordBatchReader:
    """Return the columns of a relation as a stream; the query runs while it is read."""
    columns = relation.select(*(_column(name).alias(name) for name in dict.fromkeys(names)))  # whose case may differ
    if hasattr(columns, "to_arrow_reader"):
        return columns.to_arrow_reader(rows)
    return columns.fetch_record_batch(rows)  # its name up to DuckDB 1.4


def _ahead(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Yield all batches, while a thread waits for the next one: DuckDB works while this one is recorded."""
    iterator = iter(reader)
    with ThreadPoolExecutor(1, "historian-duckdb") as thread:
        coming = thread.submit(next, iterator, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, iterator, None)
            yield batch


def _quantiles(blobs: pa.ChunkedArray, shares: pa.ChunkedArray) -> pa.Array:
    """Return a quantile of each blob."""
    rows_of: dict[float, list[int]] = {}
    for row, q in enumerate(shares.to_pylist()):
        if q is not None:
            rows_of.setdefault(q, []).append(row)
    found: list[float | None] = [None] * len(blobs)
    for q, rows in rows_of.items():
        if len(rows) == len(blobs):
            return arrow.quantile(blobs, q)
        for row, value in zip(rows, arrow.quantile(blobs.take(rows), q).to_pylist()):
            found[row] = value
    return pa.array(found, pa.float64())


def _sums(lists: pa.ChunkedArray) -> pa.Array:
    """Return the sum of each list of blobs; missing blobs do not count, as in SQL's own sums."""
    table = pa.table({"row": pc.list_parent_indices(lists), COLUMN: pc.list_flatten(lists)})
    table = merged(table.filter(pc.is_valid(table.column(COLUMN))), ["row"])
    sums = dict(zip(table.column("row").to_pylist(), table.column(COLUMN).to_pylist()))
    return pa.array([sums.get(row) for row in range(len(lists))], pa.binary())
