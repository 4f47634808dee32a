"""Histograms of Polars' data frames, eager and lazy.

>>> import polars as pl
>>> from historian.engines import polars
>>> calls = pl.DataFrame({"route": ["/users", "/search", "/users"], "latency": [0.012, 0.250, 0.015]})
>>> by_route = polars.histograms(calls, value="latency", by="route")
>>> by_route["/users"].count, by_route["/search"].max
(2, 0.25)
>>> blobs = polars.histograms(calls.lazy(), value="latency", by="route")
>>> blobs.select("route", polars.quantile("histogram", 0.99).round(3).alias("p99")).sort("route").collect().rows()
[('/search', 0.25), ('/users', 0.015)]
"""

from __future__ import annotations

from itertools import chain
from typing import overload

try:
    import polars as pl
    import polars.selectors as cs
    import pyarrow as pa
    from polars.io.plugins import register_io_source
except ImportError as _error:
    raise ImportError(
        "historian.engines.polars needs Polars and pyarrow: run pip install 'latency-historian[polars]'"
    ) from _error

from .._values.arrow import empty
from . import arrow
from ._arguments import check, names_of, share
from ._columns import COLUMN, summed
from ._recording import Recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from ..groups import Groups

    _F = TypeVar("_F", pl.DataFrame, pl.LazyFrame)

__all__ = ["histograms", "merge", "quantile"]

#: Rows of values in a batch: few enough to stay in the processor's cache.
ROWS = 1 << 16
#: Rows of blobs in a batch: about 8 MB.  Larger ones take memory and save little time.
BLOBS = 1 << 14


@overload
def histograms(
    data: pl.DataFrame, value: str, by: str | Sequence[str] = (), unit: str = "s", invalid: str = "raise"
) -> Groups: ...
@overload
def histograms(
    data: pl.LazyFrame, value: str, by: str | Sequence[str] = (), unit: str = "s", invalid: str = "raise"
) -> pl.LazyFrame: ...
def histograms(
    data: pl.DataFrame | pl.LazyFrame,
    value: str,
    by: str | Sequence[str] = (),
    unit: str = "s",
    invalid: str = "raise",
) -> Groups | pl.LazyFrame:
    """Return the histogram of each group of a column's values.

    `by` is the name of a column, or a list of names.  An empty one gives one group, whose label is ``()``.

    A `LazyFrame` gives a `LazyFrame` of the columns `by`, and of blobs, `histogram`: a row for each group.  When it is
    collected, Polars' streaming engine sends only the named columns, batch by batch: files may be larger than the
    memory, which has some batches and the counters of the groups, some kilobytes each.  Filters and selections of the
    result do not reach the query below, so filter before.

    Values are numbers or durations, which are converted to `unit`.  Those that are missing, NaN, infinite or negative
    raise ValueError, which says how many there were until then; a `LazyFrame` raises it when it is collected.  With
    ``invalid="drop"`` they are left out.  Raises TypeError for columns that are not numbers or labels.  O(rows).
    """
    names = names_of(by)
    if isinstance(data, pl.DataFrame):
        return arrow.histograms(_columns(data, value, names).to_arrow(), value, names, unit, invalid)
    check(unit, invalid)
    query = _columns(data, value, names)
    schema = _schema(query, names)

    def read() -> pl.DataFrame:
        recording = Recording(value, names, unit, invalid, keeps_keys=True)
        for batch in _batches(query, ROWS):
            recording.add(batch)
            recording.check()
        recording.flush()
        recording.check()
        found = list(recording.histograms())
        places = pa.array([place for place, _ in found], pa.int64())
        keys = [column.take(places) for column in recording.keys(_arrow_schema(schema))]
        blobs = pa.array([histogram.to_bytes() for _, histogram in found], pa.binary())
        return _frame(pa.table([*keys, blobs], [*names, COLUMN]), schema)

    return _lazy(read, schema)


@overload
def merge(blobs: pl.DataFrame, by: str | Sequence[str] = ()) -> pl.DataFrame: ...
@overload
def merge(blobs: pl.LazyFrame, by: str | Sequence[str] = ()) -> pl.LazyFrame: ...
def merge(blobs: pl.DataFrame | pl.LazyFrame, by: str | Sequence[str] = ()) -> pl.DataFrame | pl.LazyFrame:
    """Return the sums of the histograms in the column `histogram`: the columns `by` and `histogram`.

    There is a row for each group.  A `LazyFrame` gives a `LazyFrame`, which is computed batch by batch, in the memory
    of some batches and of the result, twice.  O(rows).  Raises ValueError, which names the row, for a blob that is
    missing or damaged, and for histograms of different units; a `LazyFrame` raises it when it is collected.
    """
    names = names_of(by)
    query = _selected(blobs.lazy(), [*names, COLUMN])
    schema = _schema(query, names)

    if isinstance(blobs, pl.DataFrame):
        return _frame(arrow.merge(_selected(blobs, [*names, COLUMN]).to_arrow(), names), schema)

    def read() -> pl.DataFrame:
        batches = chain([empty(_arrow_schema(schema))], _batches(query, BLOBS))
        return _frame(summed(batches, names), schema)

    return _lazy(read, schema)


@overload
def quantile(blobs: pl.Series, q: float) -> pl.Series: ...
@overload
def quantile(blobs: str | pl.Expr, q: float) -> pl.Expr: ...
def quantile(blobs: str | pl.Expr | pl.Series, q: float) -> pl.Expr | pl.Series:
    """Return a quantile of each histogram: Float64, or null for a missing or an empty histogram.

    `blobs` is the name of a column, an expression, or a series; this gives a series, the others an expression.
    O(rows).  Raises ValueError for a damaged blob; an expression raises it when it is used.
    """
    q = share(q)
    if isinstance(blobs, pl.Series):
        return _quantiles(blobs, q)
    column = _named(blobs) if isinstance(blobs, str) else blobs
    return column.map_batches(lambda series: _quantiles(series, q), return_dtype=pl.Float64, is_elementwise=True)


def _quantiles(blobs: pl.Series, q: float) -> pl.Series:
    return pl.Series(blobs.name, arrow.quantile(blobs.to_arrow(), q), pl.Float64)


def _columns(data: _F, value: str, names: Sequence[str]) -> _F:
    """Return the columns that are needed.  Values of 128 bits, which Arrow lacks, become floats."""
    found = _selected(data, [value, *names])
    if found.lazy().collect_schema()[value] in (pl.Int128, pl.UInt128):
        return found.with_columns(_named(value).cast(pl.Float64))
    return found


def _selected(data: _F, names: Sequence[str]) -> _F:
    """Return the columns of these names, each once, in this order."""
    return data.select([_named(name) for name in dict.fromkeys(names)])


def _named(name: str) -> pl.Expr:
    """Return the column of a name; to `polars.col`, names such as ``*`` and ``^a.*$`` stand for others."""
    return cs.by_name(name).as_expr()


def _schema(query: pl.LazyFrame, names: Sequence[str]) -> pl.Schema:
    """Return the types of labels and blobs.  Raises Polars' ColumnNotFoundError if the query lacks a column."""
    schema = query.collect_schema()
    return pl.Schema({**{name: schema[name] for name in names}, COLUMN: pl.Binary()})


def _batches(query: pl.LazyFrame, rows: int) -> Iterator[pa.RecordBatch]:
    """Run a query and yield its rows."""
    for frame in query.collect_batches(chunk_size=rows, engine="streaming"):
        yield from frame.to_arrow().to_batches()


def _lazy(read: Callable[[], pl.DataFrame], schema: pl.Schema) -> pl.LazyFrame:
    """Return the frame that `read` computes when it is collected."""

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        frame = read()
        if n_rows is not None:
            frame = frame.head(n_rows)
        if predicate is not None:
            frame = frame.filter(predicate)
        yield frame if columns is None else frame.select(columns)

    return register_io_source(source, schema=schema, is_pure=True)


def _arrow_schema(schema: pl.Schema) -> pa.Schema:
    return pl.DataFrame(schema=schema).to_arrow().schema


def _frame(table: pa.Table, schema: pl.Schema) -> pl.DataFrame:
    """Return a table of labels and blobs as a frame of these types."""
    place = table.schema.get_field_index(COLUMN)
    frame = pl.from_arrow(table.set_column(place, COLUMN, table.column(place).cast(pa.large_binary())))
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"a table must become a data frame, not {type(frame).__name__}")
    return frame.select([_named(name).cast(kind) for name, kind in schema.items()])
