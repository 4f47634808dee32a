"""Codes of a column: whole numbers from 0 on in place of its values, and the labels that they stand for."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Codes", "codes_of", "combined"]

#: Whole numbers below this one are codes already.
SMALL = 1 << 16
#: A table of the range of numbers, at most so many times as long as there are numbers, replaces sorting.
DENSE = 4


class Codes(NamedTuple):
    """A column as codes.  A missing value, such as None or NaN, has a label of its own: None."""

    codes: NDArray[np.integer[Any]]
    labels: Sequence[Any]  # some may have no row


def codes_of(column: Any) -> Codes:
    """Return the codes of a column: an array, a list, a categorical, or a column of a data frame.

    O(len), without sorting, except for floats, times and whole numbers that are far apart.  Raises TypeError for what
    is not a column, and for values that cannot be hashed; ValueError unless it has one dimension.
    """
    for kind, read in (("pyarrow", _arrow), ("polars", _polars), ("pandas", _pandas)):
        if type(column).__module__.partition(".")[0] == kind:
            return read(column)
    if isinstance(column, (str, bytes)) or not hasattr(column, "__len__"):
        raise TypeError(f"by must be a column of labels, one for each value, not {type(column).__name__}")
    if hasattr(column, "dtype") and hasattr(column, "ndim"):
        return _array(column)
    return _hashed(column)


def combined(columns: Sequence[Codes]) -> Codes:
    """Return the codes of rows of several columns; their labels are tuples.  Columns must have the same length."""
    import numpy as np

    codes, labels = columns[0].codes, [(label,) for label in columns[0].labels]
    for column in columns[1:]:
        both = codes.astype(np.int64) * len(column.labels) + column.codes
        used, codes = _renumbered(both, len(labels) * len(column.labels))
        labels = [(*labels[n // len(column.labels)], column.labels[n % len(column.labels)]) for n in used.tolist()]
    return Codes(codes, labels)


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


def _array(column: NDArray[Any]) -> Codes:
    import numpy as np

    if column.ndim != 1:
        raise ValueError(f"by must have one dimension, not {column.ndim}")
    if not len(column) or column.dtype.kind not in "biufmM":
        return _hashed(column)
    if column.dtype.kind == "b":
        return Codes(column.view(np.uint8), [False, True])
    if column.dtype.kind in "iu":
        low, high = int(column.min()), int(column.max())
        if low >= 0 and high < SMALL:
            return Codes(column, range(high + 1))
        if high - low < DENSE * len(column):
            wide = column.astype(np.int64) if column.dtype.kind == "i" else column
            used, codes = _renumbered(wide - wide.dtype.type(low), high - low + 1)
            return Codes(codes, (used + low).tolist())
    used, codes = np.unique(column, return_inverse=True)
    return Codes(codes.reshape(-1), [None if label != label else label for label in used.tolist()])


def _hashed(column: Any) -> Codes:
    """Return codes in the order in which labels first come."""
    import numpy as np

    values = column.tolist() if hasattr(column, "tolist") else column
    places: dict[Any, int] = {}
    found = np.fromiter(
        (places.setdefault(None if value != value else value, len(places)) for value in values), np.int64, len(values)
    )
    return Codes(found, list(places))


def _pandas(column: Any) -> Codes:
    import pandas as pd

    values = column.array if hasattr(column, "array") else column
    if isinstance(values, pd.Categorical):
        return _with_missing(values.codes, values.categories.tolist())
    codes, labels = pd.factorize(values)
    return _with_missing(codes, labels.tolist() if hasattr(labels, "tolist") else list(labels))


def _polars(column: Any) -> Codes:
    import polars as pl

    if column.dtype.is_numeric() and not column.null_count():
        return _array(column.to_numpy())
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return _hashed(column.to_list())
    numbers = (
        column.cast(pl.Categorical).to_physical().alias("number")
        if column.dtype == pl.String
        else (column.to_physical().alias("number"))
    )
    used = pl.DataFrame({"label": column, "number": numbers}).unique("number").drop_nulls()
    labels = [None] * (numbers.max() + 1 if len(used) else 0)
    for label, number in used.iter_rows():
        labels[number] = label
    return _with_missing(numbers.cast(pl.Int64).fill_null(-1).to_numpy(), labels)


def _arrow(column: Any) -> Codes:
    from .arrow import coded, whole

    codes, labels, _ = coded(whole(column))
    return Codes(codes, labels)


def _with_missing(codes: NDArray[Any], labels: list[Any]) -> Codes:
    """Return codes of which those below 0 stand for a missing label, which is None."""
    import numpy as np

    is_missing = codes < 0
    if is_missing.any():
        codes = np.where(is_missing, len(labels), codes)
        labels = [*labels, None]
    return Codes(codes, labels)
