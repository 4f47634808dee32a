"""Columns of numbers of any library, as what the core reads."""

from __future__ import annotations

from .kinds import library_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["numbers_of"]


def numbers_of(column: Any, ns_per_unit: float | None) -> Any:
    """Return a column as an array, a buffer or another iterable of numbers.  Missing ones become NaN, or stay None.

    Copies only what no buffer of numbers holds: columns of several chunks, with missing values, or of other types.
    Durations of Arrow are converted as `_values.arrow.numbers` does.  Raises TypeError for a table.
    """
    library = library_of(column)
    if library == "pandas":
        return _pandas(column)
    if library in ("polars", "pyarrow"):
        if not hasattr(column, "to_numpy") or hasattr(column, "columns"):
            raise TypeError(f"values must be a column of numbers, not {type(column).__name__}: pass value=, too")
        if library == "pyarrow":
            from .arrow import numbers, whole

            return numbers(whole(column), ns_per_unit)
        return column.to_numpy()
    if any(kind.__name__ == "MaskedArray" for kind in type(column).__mro__):
        return column.astype(float).filled(float("nan"))
    return column


def _pandas(column: Any) -> Any:
    import numpy as np
    import pandas as pd

    if getattr(column, "ndim", 1) != 1:
        raise TypeError(f"values must be a column of numbers, not {type(column).__name__}: pass value=, too")
    if not isinstance(column.dtype, np.dtype) and pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype="float64", na_value=float("nan"))
    return column.to_numpy()
