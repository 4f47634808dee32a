"""Histograms of the columns of Spark's data frames, in batches and in streams.

::

    from historian.engines import spark as hs

    routes = hs.histograms(df, value="latency", by=["route"])
    routes.select("route", hs.quantile("histogram", 0.99).alias("p99"))

Each task makes the histograms of its rows before the shuffle, so that a blob for each group and task is all that is
sent.  The sums are exact: it doesn't matter how rows are spread, or how often a task runs again.  In a stream, each
group has a window of event time, and its histogram is emitted when the watermark has passed the end of the window.

Needs PySpark, pandas and pyarrow: the extra ``spark``.  The package must also be installed where the executors run.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial as bound

try:
    import pyarrow as pa
    from pyspark.sql import functions as F
    from pyspark.sql.types import (
        ArrayType,
        BinaryType,
        DataType,
        DayTimeIntervalType,
        DoubleType,
        MapType,
        NumericType,
        StructField,
        StructType,
        TimestampType,
    )
except ImportError as _error:
    raise ImportError(
        f"historian.engines.spark needs PySpark and pyarrow ({_error}): run pip install 'latency-historian[spark]'"
    ) from _error

from .._core import Merged
from .._values.base import make
from .._values.units import check_unit
from ..histogram import Histogram
from ._columns import COLUMN, merged, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Literal

    import pandas as pd
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.streaming.state import GroupState

__all__ = ["histograms", "merge", "quantile", "register"]

#: A task reads so many rows, and makes their histograms.
ROWS = 1 << 20
#: A task merges its histograms when they have so many bytes.  It hands them on if half of that or more remains.
NBYTES = 1 << 26
#: Where Spark keeps the delay of the watermark, in the metadata of a column of event times or of their windows.
WATERMARK = "spark.watermarkDelayMs"
#: How the keys of a stream's groups are written and read again, without loss.
JSON = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",  # with the offset: an hour of autumn comes twice
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
    "mode": "FAILFAST",
}


def histograms(
    data: DataFrame,
    value: str,
    by: str | Sequence[str] = (),
    unit: str = "s",
    invalid: Literal["raise", "drop"] = "raise",
) -> DataFrame:
    """Return the histogram of each group of a column's values: a data frame of the columns `by`, and of blobs.

    `value` names a column of numbers, or of intervals of time, which are converted to `unit`.  `by` names one column or
    a list; without them, there is one row for all values.  Rows whose key is null, or NaN, are a group, too: its key is
    null.  The column ``histogram`` has what `Histogram.to_bytes` returns.  Nothing runs until Spark needs the rows.

    Values that are missing, NaN, infinite or negative let the job fail with a ValueError, which says how many there are
    among the rows that one task had read; with ``invalid="drop"`` they are left out.

    If `data` is a stream, a column of `by` must be a window of event time with a watermark::

        events = events.withWatermark("time", "10 minutes").withColumn("window", window("time", "5 minutes"))
        histograms(events, value="latency", by=["window", "route"]).writeStream.outputMode("append")

    A group is emitted once, when the watermark has passed the end of its window.  Spark leaves out rows that come
    later.  Rows without a time belong to no window.

    O(rows).  A task holds about a million rows, and at most 64 MB of blobs before it merges or sends them.  Raises
    ValueError for names that are not columns of `data`, and for a stream without such a window; TypeError for values
    that are not numbers.
    """
    names = _names(data, by)
    if invalid not in ("raise", "drop"):
        raise ValueError(f'invalid must be "raise" or "drop", not {invalid!r}')
    numbers = _numbers(data, value)
    kinds = [data.schema[name].dataType for name in names]
    leaves = [leaf for name, kind in zip(names, kinds) for leaf in _leaves(_column(name), kind)]
    keys = [f"key {number}" for number in range(len(leaves))]  # `mapInArrow` takes no names with backticks
    rows = data.select(*(leaf.alias(key) for leaf, key in zip(leaves, keys)), numbers.alias("value"))
    task = bound(_partials, value="value", by=keys, unit=check_unit(unit), invalid=invalid)
    blobs = rows.mapInArrow(task, StructType([*rows.schema.fields[:-1], StructField(COLUMN, BinaryType())]))
    parts = map(_column, keys)
    whole = [_whole(parts, kind).alias(name, metadata=data.schema[name].metadata) for name, kind in zip(names, kinds)]
    return merge(blobs.select(*whole, COLUMN), names)


def merge(data: DataFrame, by: str | Sequence[str] = ()) -> DataFrame:
    """Return the sums of the histograms in the column ``histogram``: a data frame as `histograms` returns it.

    Other columns are left out.  A stream needs a window, as `histograms` says.  O(rows), in bounded memory for each
    group.  A blob that is missing or damaged, or has another unit, lets the job fail with a ValueError that names its
    place among the blobs of its group.  Raises ValueError for names that are not columns of `data`.
    """
    names = _names(data, by)
    if COLUMN not in data.columns:
        raise ValueError(f"there is no column {COLUMN!r}: the columns are {', '.join(data.columns)}")
    columns = [_column(name) for name in names]
    if not data.isStreaming:
        return data.groupBy(*columns).agg(_sum_of_column()(_column(COLUMN)).alias(COLUMN))
    window = next((name for name in names if _is_window(data.schema[name])), None)
    if window is None:
        raise ValueError(
            'a stream needs a column of windows in by: call withWatermark("time", "10 minutes") first, and '
            'withColumn("window", window("time", "5 minutes")) then'
        )
    return _sums_by_window(data, names, window)


def quantile(blobs: Column | str, q: float) -> Column:
    """Return the quantile of each histogram as a column of doubles: null where the blob is null, or has no values.

    `blobs` is a column of blobs, or its name, and `q` a share from 0 to 1.  `Histogram.quantile` says how exact it is.
    O(buckets) for each row.  Raises ValueError if `q` is not a share.  A blob that is damaged lets the job fail with a
    ValueError, which names its row within the batch that a task had read.
    """
    Histogram().quantile(q)  # raises what is wrong with q
    return _quantile_of_column()(_column(blobs) if isinstance(blobs, str) else blobs, F.lit(float(q)))


def register(session: SparkSession) -> None:
    """Register two functions for the SQL of a session: ``historian_quantile`` and the aggregate ``historian_merge``.

    ::

        SELECT route, historian_quantile(historian_merge(histogram), 0.99) FROM hourly GROUP BY route

    They do what `quantile` and `merge` do.
    """
    session.udf.register("historian_quantile", _quantile_of_column())
    session.udf.register("historian_merge", _sum_of_column())


def _names(data: DataFrame, by: str | Sequence[str]) -> list[str]:
    """Return the names of keys as a list.  Raises ValueError unless these are different columns of `data`."""
    names = [by] if isinstance(by, str) else list(by)
    unknown = [name for name in names if name not in data.columns]
    if unknown:
        raise ValueError(f"there is no column {unknown[0]!r}: the columns are {', '.join(data.columns)}")
    if len(set(names)) < len(names) or COLUMN in names:
        raise ValueError(f"by must name different columns, and none named {COLUMN!r}, not {', '.join(names)}")
    return names


def _numbers(data: DataFrame, name: str) -> Column:
    """Return a column of numbers, or of intervals.  Raises ValueError if there is none, TypeError for other types."""
    if name not in data.columns:
        raise ValueError(f"there is no column {name!r}: the columns are {', '.join(data.columns)}")
    kind = data.schema[name].dataType
    if not isinstance(kind, (NumericType, DayTimeIntervalType)):
        raise TypeError(f"the column {name} must have numbers or intervals of time, not {kind.simpleString()}")
    return _column(name)


def _column(name: str) -> Column:
    """Return a column by its name, which may have dots, spaces and backticks."""
    return F.col("`" + name.replace("`", "``") + "`")


def _leaves(column: Column, kind: DataType) -> list[Column]:
    """Return a key as columns of single values: a struct, such as a window, as what it has, and whether it is null.

    Times become whole numbers.  As labels in Python, the two hours that have the same name in autumn would be equal.
    """
    if isinstance(kind, (ArrayType, MapType)):
        raise TypeError(f"keys must be single values, such as texts or numbers, not {kind.simpleString()}")
    if isinstance(kind, TimestampType):
        return [F.unix_micros(column)]
    if not isinstance(kind, StructType):
        return [column]
    inner = (_leaves(column.getField(field.name), field.dataType) for field in kind)
    return [column.isNull(), *(leaf for leaves in inner for leaf in leaves)]


def _whole(leaves: Iterator[Column], kind: DataType) -> Column:
    """Return a key from the columns that `_leaves` made of it."""
    if isinstance(kind, TimestampType):
        return F.timestamp_micros(next(leaves))
    if not isinstance(kind, StructType):
        return next(leaves)
    is_null = next(leaves)
    return F.when(~is_null, F.struct(*(_whole(leaves, field.dataType).alias(field.name) for field in kind)))


def _partials(
    batches: Iterator[pa.RecordBatch], value: str, by: Sequence[str], unit: str, invalid: str
) -> Iterator[pa.RecordBatch]:
    """Yield the histograms of the rows of one task: a row for each group, or some if there are very many groups."""
    held: list[pa.Table] = []
    for rows in _tables(batches):
        held.append(partial(rows, value, by, unit, invalid))
        if sum(table.nbytes for table in held) > NBYTES:
            held = [merged(pa.concat_tables(held), by)]
            if held[0].nbytes > NBYTES // 2:
                yield from held.pop().to_batches()
    if held:
        yield from merged(pa.concat_tables(held), by).to_batches()


def _tables(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield all rows, in tables of about `ROWS`: Spark's batches have 10,000, too few for their fixed costs."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _sum_of_column() -> Any:
    """Return the aggregate function of Spark that adds up histograms."""
    return F.arrow_udf(_sum_of_batches, BinaryType())


def _sum_of_batches(batches: Iterator[pa.Array]) -> bytes:
    """Return the sum of the histograms of one group.  Spark reads from these types what kind of function it is."""
    return _sum_of(blob for batch in batches for blob in batch.to_pylist())


def _sum_of(blobs: Iterable[bytes | None]) -> bytes:
    """Return the sum of histograms as a blob.  Raises ValueError for what is not one, and for different units."""
    total = Merged()
    for row, blob in enumerate(blobs):
        reason = total.add_bytes(blob, row) if blob is not None else "it is missing"
        if reason is not None:
            raise ValueError(f"row {row:,} of the group has no histogram in the column {COLUMN}: {reason}")
    return make(Histogram, *total.result()).to_bytes()


def _quantile_of_column() -> Any:
    """Return the function of Spark that asks each histogram for a quantile."""
    return F.arrow_udf(_quantiles, DoubleType())


def _quantiles(blobs: pa.Array, shares: pa.Array) -> pa.Array:
    """Return the quantile of each histogram of a batch.  A share may be a decimal: so SQL reads ``0.99``."""
    found: list[float | None] = []
    for row, (blob, q) in enumerate(zip(blobs.to_pylist(), shares.to_pylist())):
        try:
            answer = float("nan") if blob is None or q is None else Histogram.from_bytes(blob).quantile(float(q))
        except ValueError as error:
            raise ValueError(f"row {row:,} of {len(blobs):,} in a batch has no quantile: {error}") from error
        found.append(None if answer != answer else answer)
    return pa.array(found, pa.float64())


def _sums_by_window(data: DataFrame, names: Sequence[str], window: str) -> DataFrame:
    """Return the sums of the histograms of a stream, a row for each group whose window is over.

    Spark's stateful functions see keys as pandas does, which knows neither whole numbers with nulls nor the hour that
    comes twice in autumn.  So a group's key goes through them as text.
    """
    keys = StructType([data.schema[name] for name in names])
    end = _column(window).getField("end")
    rows = data.select(
        F.to_json(F.struct(*map(_column, names)), JSON).alias("key"),
        F.unix_millis(end).alias("end"),
        end.alias("time", metadata=data.schema[window].metadata),  # by which Spark finds rows that are late
        _column(COLUMN),
    )
    sums = rows.groupBy("key", "end").applyInPandasWithState(
        _sum_of_window, f"key string, {COLUMN} binary", f"{COLUMN} binary", "append", "EventTimeTimeout"
    )
    return sums.select(F.from_json("key", keys, JSON).alias("key"), COLUMN).select("key.*", COLUMN)


def _is_window(field: StructField) -> bool:
    """Return whether a column has windows of event times with a watermark."""
    return isinstance(field.dataType, StructType) and "end" in field.dataType.names and WATERMARK in field.metadata


def _sum_of_window(key: tuple[str, int], frames: Iterator[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
    """Add the histograms that came for a group to its state.  Yield the sum when its window is over."""
    import pandas as pd

    before = [state.get[0]] if state.exists else []
    blob = _sum_of([*before, *(one for frame in frames for one in frame[COLUMN])])
    end = int(key[1])
    if state.hasTimedOut or end <= state.getCurrentWatermarkMs():
        state.remove()
        yield pd.DataFrame({"key": [key[0]], COLUMN: [blob]})
    else:
        state.update((blob,))
        state.setTimeoutTimestamp(end)
