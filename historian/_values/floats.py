"""Floats of numpy that are not float64, as the decimal that was written: the shortest one that is rounded to them.

A rank depends on the decimal.  ``numpy.float32(0.999)`` as a float64 is 0.9990000128746033, and of 1,000 values, this
share has the rank 1,000.  The decimal that was written has the rank 999.

Only shares are read in this way.  A latency in float32 is recorded, and asked about, as the number that it is.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["as_written", "each_as_written", "has_others", "is_other"]

_PLAIN = frozenset((float, int))  # types of most numbers


def as_written(x: Any) -> Any:
    """Return a number of numpy, or of a library with such arrays, as the float64 of its decimal; others unchanged.

    >>> import numpy
    >>> float(numpy.float32(99.9)), as_written(numpy.float32(99.9)), as_written(numpy.float16(0.999))
    (99.9000015258789, 99.9, 0.999)
    """
    if isinstance(x, (float, int)) or not hasattr(type(x), "__array__"):
        return x
    import numpy

    array = numpy.asarray(x)
    if array.ndim or not (is_other(array.dtype) or array.dtype.char == "O"):
        return x
    return as_written(array.item()) if array.dtype.char == "O" else each_as_written(array).item()


def each_as_written(array: NDArray[Any]) -> NDArray[np.float64]:
    """Return an array of floats of another width as the float64 numbers of their decimals.  1.5 us each."""
    import numpy

    texts = map(numpy.format_float_scientific, array.ravel())  # not str, which obeys numpy's print options
    return numpy.array(list(map(float, texts)), dtype=numpy.float64).reshape(array.shape)


def is_other(dtype: np.dtype[Any]) -> bool:
    """Return whether a type of numpy is a float of another width than float64."""
    return dtype.kind == "f" and dtype.itemsize != 8


def has_others(x: Any) -> bool:
    """Return whether a list, or a list in it, has floats of another width: beside others, numpy makes them float64."""
    return not _PLAIN.issuperset(map(type, x)) and any(
        has_others(one) if isinstance(one, (list, tuple)) else hasattr(one, "dtype") and is_other(one.dtype)
        for one in x
    )
