"""`Stream`: what holds columns of Arrow, read as batches; only the columns that are asked for, where one can choose."""

from __future__ import annotations

from .._values.arrow import empty
from ._pyarrow import pa

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

__all__ = ["batches", "column_of", "columns_of"]

#: Rows of a batch, where the reader can choose.
ROWS = 1 << 17
#: The part of a column of parquet that is read at a time.
BUFFER_NBYTES = 1 << 20


def batches(data: Any, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield batches of data; at least one, which may be empty.  They may have other columns, too.

    Nothing is copied unless the library that holds the data does.  Raises TypeError for data without columns, and
    ValueError for names of columns that are not there.
    """
    schema, read = _opened(data, list(dict.fromkeys(names)))
    found = False
    for batch in read():
        found = True
        yield batch
    if not found:
        yield empty(schema)


def column_of(data: Any) -> pa.Array | pa.ChunkedArray | None:
    """Return a column as one of pyarrow, without copying; None if the data are a table, or nothing of Arrow."""
    if isinstance(data, (pa.Array, pa.ChunkedArray)):
        return None if pa.types.is_struct(data.type) else data
    if hasattr(data, "__arrow_c_array__"):
        found = None if hasattr(data, "columns") else pa.array(data)
        return None if found is None or pa.types.is_struct(found.type) else found
    if hasattr(data, "__arrow_c_stream__") and not (hasattr(data, "columns") or hasattr(data, "read_next_batch")):
        found = pa.chunked_array(data)
        return None if pa.types.is_struct(found.type) else found
    return None


def columns_of(data: Any) -> list[str]:
    """Return the names of the columns of a table.  Raises TypeError if it does not tell them."""
    schema = getattr(data, "schema", None)
    if isinstance(schema, pa.Schema):
        return list(schema.names)
    if hasattr(data, "columns"):
        return [str(name) for name in data.columns]
    raise TypeError(f"{type(data).__name__} does not tell the names of its columns: pass by")


def _opened(data: Any, names: list[str]) -> tuple[pa.Schema, Callable[[], Iterable[pa.RecordBatch]]]:
    """Return the schema of data, and a function that reads their batches."""
    package, kind = type(data).__module__.partition(".")[0], type(data).__name__
    if package == "pandas" and kind == "DataFrame":
        _check(names, [str(name) for name in data.columns])
        data = data[names]
    elif package == "polars" and kind == "DataFrame":
        _check(names, data.columns)
        data = data.select(names)
    elif package == "polars" and kind == "LazyFrame":
        raise TypeError("a LazyFrame has no rows yet: pass it to historian.engines.polars, or collect() it")
    elif hasattr(data, "to_arrow_reader"):  # of DuckDB, whose streams would hold all rows
        _check(names, data.columns)
        data = data.project(", ".join('"' + name.replace('"', '""') + '"' for name in names)).to_arrow_reader(ROWS)
    elif hasattr(data, "iter_batches") and hasattr(data, "schema_arrow"):  # a file of parquet
        _check(names, data.schema_arrow.names)
        return data.schema_arrow, lambda: _row_groups(data, names)
    elif hasattr(data, "scanner") and hasattr(data, "schema"):  # a dataset
        _check(names, data.schema.names)
        data = data.scanner(columns=names, batch_size=ROWS, batch_readahead=4, fragment_scan_options=_options(data))
    return _read(data, names)


def _row_groups(file: Any, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file of parquet.  Asked for all row groups at once, pyarrow keeps what it has read."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(ROWS, row_groups=[group], columns=names)


def _options(data: Any) -> Any:
    """Return how files of a dataset are read: parquet a part at a time.  Otherwise pyarrow keeps what it has read."""
    import pyarrow.dataset as ds

    if not isinstance(getattr(data, "format", None), getattr(ds, "ParquetFileFormat", ())):
        return None
    return ds.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True, buffer_size=BUFFER_NBYTES)


def _read(data: Any, names: list[str]) -> tuple[pa.Schema, Callable[[], Iterable[pa.RecordBatch]]]:
    if hasattr(data, "to_reader"):  # a table, or the scanner of a dataset
        data = data.to_reader()
    elif hasattr(data, "__arrow_c_array__"):
        batch = pa.record_batch(data)
        _check(names, batch.schema.names)
        return batch.schema, lambda: [batch]
    elif hasattr(data, "__arrow_c_stream__"):
        data = pa.RecordBatchReader.from_stream(data)
    else:
        raise TypeError(
            f"data must be a table with columns of Arrow, such as of pyarrow, pandas, polars or DuckDB, not "
            f"{type(data).__name__}"
        )
    _check(names, data.schema.names)
    return data.schema, lambda: data


def _check(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise ValueError unless there is one column of each name."""
    for name in names:
        number = list(known).count(name)
        if number != 1:
            problem = f"there are {number} columns" if number else "there is no column"
            there = ", ".join(map(repr, known[:20])) + (", ..." if len(known) > 20 else "")
            raise ValueError(f"{problem} {name!r}; there are {there}")
