"""Columns of Arrow as arrays: numbers, and codes that stand for labels."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["coded", "empty", "numbers", "plain", "taken", "whole"]

#: A column of whole numbers whose range is at most so wide needs no table: its values are codes.
NARROW = 1 << 10
#: The largest whole number up to which all are floats, too.
MAX_EXACT = 1 << 53
#: The largest power of ten that is a float.
MAX_POWER = 22
#: Nanoseconds in each unit of Arrow's durations.
NS_PER_UNIT = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def whole(column: Any) -> Any:
    """Return a column as one array: the same memory if it has one chunk, else a copy.

    Dictionaries may differ from chunk to chunk.
    """
    import pyarrow as pa

    if not isinstance(column, pa.ChunkedArray):
        return column
    chunks = [plain(chunk) for chunk in column.chunks]
    if len(chunks) == 1:
        return chunks[0]
    if not chunks:
        return plain(pa.nulls(0, column.type))
    if pa.types.is_dictionary(chunks[0].type):
        if any(chunk.dictionary.null_count for chunk in chunks):  # these cannot be unified
            chunks = [_wide(chunk.dictionary_decode()) for chunk in chunks]
    else:
        chunks = [_wide(chunk) for chunk in chunks]
    return pa.concat_arrays(chunks)


def plain(column: Any) -> Any:
    """Return an array of a type that all functions take: no runs, no views of texts, no small decimals.  O(len)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return column.cast(pa.decimal128(kind.precision, kind.scale))
    if pa.types.is_dictionary(kind):
        words = plain(column.dictionary)
        if words.type != kind.value_type:
            return pa.DictionaryArray.from_arrays(column.indices, words)
    return column


def empty(schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch without rows, by which types are checked where there are no others."""
    import pyarrow as pa

    return pa.record_batch([pa.nulls(0, field.type) for field in schema], schema)


def _wide(column: pa.Array) -> pa.Array:
    """Return texts with offsets of 64 bits, so that many of them fit into one array."""
    import pyarrow as pa

    if pa.types.is_string(column.type):
        return column.cast(pa.large_string())
    return column.cast(pa.large_binary()) if pa.types.is_binary(column.type) else column


# ---- numbers -----------------------------------------------------------------------------------------


def numbers(column: pa.Array, ns_per_unit: float | None) -> NDArray[Any]:
    """Return the numbers of a column; missing ones are NaN.  Integers and floats without them are not copied.

    Decimals become the nearest floats.  Durations are converted to the unit that has `ns_per_unit` nanoseconds; None
    says that it is not a unit of time.  Raises TypeError for other types, and ValueError for durations in another unit.
    """
    import numpy as np
    import pyarrow as pa

    column = plain(getattr(column, "storage", column))
    kind = column.type
    if pa.types.is_dictionary(kind):
        return numbers(column.dictionary_decode(), ns_per_unit)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _viewed(column)
    if pa.types.is_duration(kind):
        if ns_per_unit is None:
            raise ValueError(f"{kind} is a time: pass a unit of time, such as 's', or cast the column to int64")
        return _durations(column.cast(pa.int64()).to_numpy(zero_copy_only=False), NS_PER_UNIT[kind.unit], ns_per_unit)
    if pa.types.is_decimal(kind):
        return _decimals(column)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    raise TypeError(f"values must be numbers or durations, not {kind}")


def _viewed(column: pa.Array) -> NDArray[Any]:
    """Return a column of integers or floats as an array: the same memory, or a copy with NaN for missing ones.

    Arrow's own conversion imports pandas where it is installed, which takes as long as reading some million rows.
    """
    import numpy as np

    if column.null_count:
        copied: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return copied
    kind = np.dtype(column.type.to_pandas_dtype())
    if not len(column):  # it may have no memory
        return np.empty(0, kind)
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind.itemsize)


def _durations(ticks: NDArray[Any], ns_per_tick: int, ns_per_unit: float) -> NDArray[Any]:
    """Return durations in a unit.  One of both is a whole number of the other, so that no factor is rounded."""
    if ns_per_tick == ns_per_unit:
        return ticks
    import numpy as np

    with np.errstate(invalid="ignore"):
        values = ticks.astype(np.float64)
    if ns_per_tick > ns_per_unit:
        return values * (ns_per_tick / ns_per_unit)
    divided: NDArray[Any] = values / (ns_per_unit / ns_per_tick)
    return divided


def _decimals(column: pa.Array) -> NDArray[np.float64]:
    """Return the floats nearest to decimals.  Arrow's own cast is off by one unit in the last place for many."""
    import numpy as np

    if not len(column):
        return np.empty(0)
    words = column.type.byte_width // 8
    raw = np.frombuffer(column.buffers()[1], np.int64)[column.offset * words : (column.offset + len(column)) * words]
    parts = raw.reshape(-1, words)
    low, scale = parts[:, 0], column.type.scale
    missing = column.is_null().to_numpy(zero_copy_only=False)
    known = (np.abs(low) <= MAX_EXACT) & (low > -MAX_EXACT) & (parts[:, 1:] == (low >> 63)[:, None]).all(axis=1)
    known &= abs(scale) <= MAX_POWER
    # Both numbers are floats without an error, so the quotient, or the product, is the nearest float.
    values = low / 10.0 ** min(scale, MAX_POWER) if scale >= 0 else low * 10.0 ** min(-scale, MAX_POWER)
    values[missing] = np.nan
    for row in np.flatnonzero(~(known | missing)).tolist():
        values[row] = float(column[row].as_py())
    found: NDArray[np.float64] = values
    return found


# ---- labels ------------------------------------------------------------------------------------------


def coded(column: pa.Array, known: Any = None, widest: int = 0) -> tuple[NDArray[Any], Sequence[Any], Any]:
    """Return codes of the labels in a column, the labels that codes stand for, and a token for the next call.

    Codes are whole numbers from 0 on.  The label of what is missing, or NaN, is None.  A label may have no row, and
    several codes.  With the token of the batch before as `known`, the labels of an equal dictionary are the same
    object.  Whole numbers whose range is at most `widest`, or is narrow, are codes themselves.  O(len), without
    sorting.  Raises TypeError for lists and other labels that are not one value.
    """
    import pyarrow as pa

    kind = column.type
    column = plain(getattr(column, "storage", column))
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
        return (*_narrow(column, 0, 1, [False, True]), None)
    if pa.types.is_integer(column.type) and len(column) > column.null_count:
        low, high = _range(column)
        if high - low < max(NARROW, widest):
            if high - low >= NARROW and column.type.bit_width >= 32:  # wide enough for other batches, too
                size = max(NARROW, 1 << (high - low).bit_length())
                low, high = low // size * size, -(-(high + 1) // size) * size - 1
            return (*_narrow(column, low, high, range(low, high + 1)), None)
    if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column):
        column = column.dictionary_decode()
    if pa.types.is_float16(column.type):  # which some versions cannot encode
        column = column.cast(pa.float32())
    if not pa.types.is_dictionary(column.type):
        if pa.types.is_nested(column.type):
            raise TypeError(f"labels must be single values, such as texts or numbers, not {kind}")
        column = column.dictionary_encode()
    if known is None or not known[0].equals(column.dictionary):
        known = (column.dictionary, [*_labels(column.dictionary, kind), None])
    return _filled(column.indices, len(column.dictionary)), known[1], known


def _range(column: pa.Array) -> tuple[int, int]:
    import pyarrow.compute as pc

    ends = pc.min_max(column)
    return ends["min"].as_py(), ends["max"].as_py()


def _narrow(column: pa.Array, low: int, high: int, labels: Sequence[Any]) -> tuple[NDArray[Any], Sequence[Any]]:
    """Return the codes of whole numbers from `low` to `high`, and their labels."""
    import numpy as np

    if column.null_count:
        codes, _ = _narrow(column.fill_null(low), low, high, labels)
        codes = codes.astype(np.int64)
        codes[column.is_null().to_numpy(zero_copy_only=False)] = high + 1 - low
        return codes, [*labels, None]
    found = _viewed(column)
    if low != 0:  # differences that overflow have the right bits: those of a number without a sign
        found = (found - found.dtype.type(low)).view(found.dtype.str.replace("i", "u"))
    return found.view(np.int64) if found.dtype == np.uint64 else found, labels  # with others, numpy would make floats


def _filled(indices: pa.Array, missing: int) -> NDArray[Any]:
    """Return indices as codes; `missing` is the code of what has no index."""
    import pyarrow as pa

    if indices.null_count:
        indices = indices.cast(pa.int64()).fill_null(missing)
    return _viewed(indices)


def _labels(words: pa.Array, kind: pa.DataType) -> list[Any]:
    """Return the labels in a dictionary as Python's objects."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        words = pa.ExtensionArray.from_storage(kind, words)
    elif pa.types.is_timestamp(words.type) and words.type.tz:
        words = words.cast(pa.timestamp(words.type.unit, "UTC"))  # within a zone, the hour that comes twice is equal
    elif pa.types.is_time64(words.type) and words.type.unit == "ns":
        words = words.cast(pa.time64("us"))  # raises ValueError for what datetime.time cannot hold
    try:
        labels = words.to_pylist()
    except (ValueError, OverflowError):
        labels = [_label(words, row) for row in range(len(words))]
    return [None if label != label else label for label in labels]


def _label(words: pa.Array, row: int) -> Any:
    """Return a label; one of numpy for times that Python's own types cannot hold, such as DuckDB's ``infinity``.

    Those are far away, or in nanoseconds where pandas is not installed.
    """
    try:
        return words[row].as_py()
    except (ValueError, OverflowError):
        return words.slice(row, 1).to_numpy(zero_copy_only=False)[0]


def taken(column: pa.Array, rows: Sequence[int]) -> pa.Array:
    """Return the labels in some rows: dictionaries as their values, and NaN as null.

    The type of texts is as in `plain`; `whole` may have changed it: cast them to that of no rows.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    found = plain(column).take(pa.array(np.asarray(rows, np.int64)))
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if pa.types.is_floating(found.type):
        found = pc.if_else(pc.is_nan(found), pa.scalar(None, found.type), found)
    return found
