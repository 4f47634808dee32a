"""Columns of numbers of any library, as what the core reads."""

from __future__ import annotations

from .kinds import library_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["numbers_of"]

#: Nanoseconds in each unit of numpy's durations that always has the same length.
NS_PER_UNIT = {
    "W": 7 * 86_400 * 10**9, "D": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6,
    "us": 10**3, "ns": 1,
}  # fmt: skip


def numbers_of(column: Any, ns_per_unit: float | None) -> Any:
    """Return a column as an array, a buffer or another iterable of numbers.  Missing ones become NaN, or stay None.

    Durations are converted to the unit that has `ns_per_unit` nanoseconds; None says that it is not a unit of time.
    Copies only what no buffer of numbers holds: columns of several chunks, with missing values, or of other types.
    Raises TypeError for a table, and ValueError for durations in a unit that is not one of time.
    """
    library = library_of(column)
    if library == "pandas":
        found = _pandas(column)
    elif library == "polars":
        found = _column(column).to_numpy()
    elif library == "pyarrow":
        from .arrow import numbers, whole

        return numbers(whole(_column(column)), ns_per_unit)
    elif any(kind.__name__ == "MaskedArray" for kind in type(column).__mro__):
        found = _unmasked(column)
    else:
        found = column
    if getattr(getattr(found, "dtype", None), "kind", "") == "m":
        return _durations(found, ns_per_unit)
    return found


def _column(column: Any) -> Any:
    if not hasattr(column, "to_numpy") or hasattr(column, "columns"):
        raise TypeError(f"values must be a column of numbers, not {type(column).__name__}: pass value=, too")
    return column


def _pandas(column: Any) -> Any:
    import numpy as np
    import pandas as pd

    if getattr(column, "ndim", 1) != 1:
        raise TypeError(f"values must be a column of numbers, not {type(column).__name__}: pass value=, too")
    if not isinstance(column.dtype, np.dtype) and pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype="float64", na_value=float("nan"))
    return column.to_numpy()


def scale_of(dtype: np.dtype[Any], ns_per_unit: float | None) -> tuple[float, float]:
    """Return (multiple, divisor), by which a number of numpy's durations becomes a value in a unit.  One of them is 1.

    One of both units is a whole number of the other.  Raises TypeError for durations without a fixed length, and
    ValueError if `ns_per_unit` is None: the unit is not one of time.
    """
    import numpy as np

    name, count = np.datetime_data(dtype)
    if name not in NS_PER_UNIT:
        raise TypeError(f"cannot record values of dtype {dtype}: its unit does not have a fixed length")
    if ns_per_unit is None:
        raise ValueError(f"{dtype} is a time: pass a unit of time, such as 's', or values.astype(int)")
    ns = NS_PER_UNIT[name] * count
    return (ns / ns_per_unit, 1.0) if ns >= ns_per_unit else (1.0, ns_per_unit / ns)


def _durations(column: NDArray[Any], ns_per_unit: float | None) -> NDArray[Any]:
    """Return numpy's durations in a unit, as floats."""
    import numpy as np

    multiple, divisor = scale_of(column.dtype, ns_per_unit)
    ticks = column.astype(np.int64).astype(np.float64)
    ticks[np.isnat(column)] = np.nan
    found: NDArray[Any] = ticks * multiple / divisor
    return found


def _unmasked(column: Any) -> Any:
    import numpy as np

    if column.dtype.kind == "m":
        return column.filled(np.array("NaT", column.dtype))
    return column.astype(float).filled(float("nan"))
