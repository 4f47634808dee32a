"""The survival at both extremes: the smallest and the largest time are exact, but lie inside a bucket.

So four more points of the survival are stored: at either extreme, and just below it.
"""

from __future__ import annotations

import math

from .columns import COLUMNS, LOWER, UPPER, VALUE, column_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AT_LEAST", "AT_MOST", "BELOW_LEAST", "BELOW_MOST", "ordered", "points"]

BELOW_LEAST, AT_LEAST, BELOW_MOST, AT_MOST = range(4)  # columns of `Survival._ends`


def points(extremes: tuple[float, float]) -> list[float]:
    """Return the times at which `Survival._ends` holds the survival: just below each extreme, and at it."""
    return [time for extreme in extremes for time in (math.nextafter(extreme, -1.0), extreme)]


def ordered(sf: NDArray[np.float64], extremes: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the survival at the edges and at the `points`, without what rounding errors have reversed."""
    import numpy

    sf = numpy.clip(sf, 0, 1)
    sf += 0.0  # -0.0 of expm1(0) becomes 0.0
    rows, ends = sf[:, :COLUMNS], sf[:, COLUMNS:]
    _clamp(rows, ends, extremes)
    if (rows[:, 1:] > rows[:, :-1]).any():
        numpy.minimum.accumulate(rows, axis=1, out=rows)
    numpy.minimum(sf[LOWER], sf[VALUE], out=sf[LOWER])
    numpy.maximum(sf[UPPER], sf[VALUE], out=sf[UPPER])
    rows.flags.writeable = ends.flags.writeable = False
    return rows, ends


def _clamp(rows: NDArray[np.float64], ends: NDArray[np.float64], extremes: tuple[float, float]) -> None:
    """Let the survival at the edges and at both extremes agree, in place: it does not grow from one to the next."""
    import numpy

    if extremes[0] < extremes[1]:
        ends[:UPPER] = numpy.maximum.accumulate(ends[:UPPER, ::-1], axis=1)[:, ::-1]
        ends[UPPER] = numpy.minimum.accumulate(ends[UPPER])
    for below, at, extreme in ((BELOW_LEAST, AT_LEAST, extremes[0]), (BELOW_MOST, AT_MOST, extremes[1])):
        column = column_of(extreme)
        for row, end in zip(rows, ends):  # a loop, because arrays and numbers are faster than arrays of two shapes
            numpy.maximum(row[:column], end[below], out=row[:column])
            numpy.minimum(row[column:], end[at], out=row[column:])
