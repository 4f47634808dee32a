"""Codes of a column: whole numbers from 0 on in place of its values, and the labels that they stand for."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from .._core import numbered
from .kinds import library_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Codes", "codes_of", "combined"]

#: Whole numbers below this one are codes already, and so are those that are much fewer than there are rows.
SMALL = 1 << 16
SPARSE = 8
#: A table of the range of numbers, at most so many times as long as there are numbers, replaces sorting.
DENSE = 4
#: Labels that are Python objects at a time: of an array of texts, objects are made for so many.
BLOCK = 1 << 16


class Codes(NamedTuple):
    """A column as codes.  Labels are distinct.  That of missing values, such as None and NaN, is None."""

    codes: NDArray[np.integer[Any]]
    labels: Sequence[Any]  # some may have no row


def codes_of(column: Any) -> Codes:
    """Return the codes of a column: an array, a list, a categorical, or a column of a data frame.

    Labels are equal as keys of a dictionary are: 1, 1.0 and True are one label.  Times of Arrow and polars with a zone
    have labels in UTC, since Python compares those of one zone by its clock.  O(len), without sorting, except for
    floats and times in arrays of numpy, and whole numbers that are far apart.  Raises TypeError for what is not a
    column, and for values that cannot be hashed; ValueError unless it has one dimension.
    """
    library = library_of(column)
    if library == "pandas":
        return _pandas(column)
    if library == "polars":
        return _polars(column)
    if library == "pyarrow":
        return _arrow(column)
    if hasattr(column, "__array__") or isinstance(column, (array, memoryview)):
        return _array(column)
    if isinstance(column, (str, bytes, bytearray, Mapping, AbstractSet)) or not hasattr(column, "__len__"):
        raise _not_a_column(column)
    return _hashed(column)


def combined(columns: Sequence[Codes]) -> Codes:
    """Return the codes of rows of several columns; their labels are tuples.  Columns must have the same length."""
    import numpy as np

    codes, labels = columns[0].codes, [(label,) for label in columns[0].labels]
    for column in columns[1:]:
        both = codes.astype(np.int64) * len(column.labels) + column.codes.astype(np.int64, copy=False)
        used, codes = _renumbered(both, len(labels) * len(column.labels))
        labels = [(*labels[n // len(column.labels)], column.labels[n % len(column.labels)]) for n in used.tolist()]
    return Codes(codes, labels)


def _not_a_column(column: Any) -> TypeError:
    hint = ""
    if isinstance(column, str):
        hint = ": if it names a column of a table, pass value=, too"
    elif hasattr(column, "columns"):
        hint = ": pass a tuple of columns, or the table with by= and value="
    return TypeError(f"by must be a column of labels, one for each value, not {type(column).__name__}{hint}")


def _renumbered(numbers: NDArray[Any], end: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return which numbers there are, ascending, and for each number its place among these; all are below `end`."""
    import numpy as np

    if end > max(SMALL, DENSE * len(numbers)):
        used, places = np.unique(numbers, return_inverse=True)
        return used, places.reshape(-1)
    seen = np.zeros(end, dtype=bool)
    seen[numbers] = True
    used = np.flatnonzero(seen)
    place = np.empty(end, dtype=np.int64)
    place[used] = np.arange(len(used))
    return used, place[numbers]


def _labelled(codes: NDArray[Any], labels: Sequence[Any]) -> Codes:
    """Return codes of distinct labels, from codes of labels that need not be.  A missing value has the code -1."""
    import numpy as np

    numbers: dict[Any, int] = {}
    places = np.frombuffer(numbered(labels, numbers), np.int64)
    has_missing = len(codes) > 0 and int(codes.min()) < 0
    if not has_missing and len(numbers) == len(labels):
        return Codes(codes, list(numbers))
    if has_missing:
        places = np.append(places, numbers.setdefault(None, len(numbers)))  # where places[-1] finds it
    return Codes(places.astype(np.min_scalar_type(len(numbers)))[codes], list(numbers))


def _hashed(column: Any) -> Codes:
    """Return codes in the order in which labels first come."""
    import numpy as np

    numbers: dict[Any, int] = {}
    if not isinstance(column, np.ndarray):
        return Codes(np.frombuffer(numbered(column, numbers), np.int64), list(numbers))
    codes = np.empty(len(column), np.int64)
    for start in range(0, len(column), BLOCK):
        part = column[start : start + BLOCK].tolist()
        codes[start : start + len(part)] = np.frombuffer(numbered(part, numbers), np.int64)
    return Codes(codes, list(numbers))


def _array(column: Any) -> Codes:
    import numpy as np

    if isinstance(column, np.ma.MaskedArray):
        codes, labels = _array(column.data)
        return _labelled(np.where(np.ma.getmaskarray(column), -1, codes.astype(np.int64)), labels)
    column = np.asarray(column)
    if column.ndim != 1:
        raise ValueError(f"by must have one dimension, not {column.ndim}")
    if not len(column) or column.dtype.kind not in "biufmM":
        return _hashed(column)
    if column.dtype.kind == "b":
        return Codes(column.view(np.uint8), [False, True])
    if column.dtype.kind in "iu":
        low, high = int(column.min()), int(column.max())
        if low >= 0 and high < max(SMALL, len(column) // SPARSE):
            return Codes(column, range(high + 1))
        if high - low < DENSE * len(column):
            return _dense(column)
    used, codes = np.unique(column, return_inverse=True)
    return _labelled(codes.reshape(-1), list(used) if column.dtype.kind in "mM" else used.tolist())


def _dense(column: NDArray[np.integer[Any]]) -> Codes:
    """Return the codes of whole numbers that are not far apart."""
    import numpy as np

    own = column.astype(np.uint64 if column.dtype.kind == "u" else np.int64)  # which nobody changes
    low = own.min()
    used, codes = _renumbered((own - low).astype(np.int64), int(own.max()) - int(low) + 1)
    return Codes(codes, [number + int(low) for number in used.tolist()])


def _pandas(column: Any) -> Codes:
    import numpy as np
    import pandas as pd

    if getattr(column, "ndim", 1) != 1:
        raise _not_a_column(column)
    if isinstance(column, pd.MultiIndex):
        return combined([_labelled(codes, level.tolist()) for codes, level in zip(column.codes, column.levels)])
    if type(column).__name__ == "NumpyExtensionArray":
        column = pd.Series(column)  # whose type is that of numpy
    values = column.array if hasattr(column, "array") else column
    if isinstance(values, pd.Categorical):
        return _labelled(values.codes, values.categories.tolist())
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biu":
        return _array(column.to_numpy())
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fO":  # of others, labels would lose their type
        values = column.to_numpy()
    codes, labels = pd.factorize(values)
    return _labelled(codes, labels.tolist() if hasattr(labels, "tolist") else list(labels))


def _polars(column: Any) -> Codes:
    import polars as pl

    if not isinstance(column, pl.Series):
        raise _not_a_column(column)
    if (column.dtype.is_integer() or column.dtype == pl.Boolean) and not column.null_count():
        return _array(column.to_numpy())
    if getattr(column.dtype, "time_zone", None):
        column = column.dt.convert_time_zone("UTC")  # as in `_labels` of arrow.py
    if column.dtype == pl.String:
        column = column.cast(pl.Enum(column.unique(maintain_order=True).drop_nulls()))
    labels = column.unique(maintain_order=True).alias("label")
    if column.dtype in (pl.Categorical, pl.Enum):
        labels = labels.drop_nulls()
        numbers = labels.to_physical().to_list()
        by_number: list[Any] = [None] * (max(numbers, default=-1) + 1)
        for number, label in zip(numbers, labels.to_list()):
            by_number[number] = label
        codes = column.to_physical()
        return _labelled((codes.cast(pl.Int64).fill_null(-1) if codes.null_count() else codes).to_numpy(), by_number)
    places = labels.to_frame().with_row_index("place")
    found = column.alias("label").to_frame().join(places, "label", "left", nulls_equal=True, maintain_order="left")
    return _labelled(found["place"].to_numpy(), labels.to_list())


def _arrow(column: Any) -> Codes:
    import pyarrow as pa

    from .arrow import coded, whole

    if not isinstance(column, (pa.Array, pa.ChunkedArray)):
        raise _not_a_column(column)
    codes, labels, _ = coded(whole(column))
    return _labelled(codes, labels)
