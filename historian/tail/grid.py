"""The finer grid: a survival at sixteen points in each bucket, which sums need.

The survival at the edges of the buckets is enough for one answer.  A sum that is added to a hundred times would lose
its shape: each time, the places of the values within their buckets would be forgotten.  So the value of a sum, without
its bounds, is also kept on a grid that is sixteen times as fine, and all operations compute it there, too.  They do so
only when a later sum or a quantile needs it.

Between two points, and in a bucket of a histogram, the survival is interpolated: see `historian.tail.interpolation`.
"""

from __future__ import annotations

from typing import NamedTuple

from ..buckets import BUCKETS_PER_OCTAVE, MIN_INDEX
from .columns import COLUMNS, column_of, edges
from .interpolation import mass_below
from .inverse import bisect, bisect_one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["POINTS", "Fine", "combine", "interpolate", "place", "places", "spread", "times", "within"]

#: Points of the finer grid in a bucket.
POINTS = 16


class Fine(NamedTuple):
    """A survival on the finer grid, from the edge of the column `first` on; it is constant below and above."""

    first: int  # a column of `Dist._sf`
    row: NDArray[np.float64]  # POINTS for each bucket and one more, descending, in [0, 1]

    @property
    def end(self) -> int:
        """The column of the last point."""
        return self.first + (len(self.row) - 1) // POINTS

    def on(self, first: int, end: int) -> NDArray[np.float64]:
        """Return the survival from the edge of one column to that of another one."""
        import numpy

        points = numpy.arange((first - self.first) * POINTS, (end - self.first) * POINTS + 1)
        return self.row[numpy.clip(points, 0, len(self.row) - 1)]


def spread(survival: NDArray[np.float64]) -> Fine:
    """Return a survival, given at the edges of all columns, on the finer grid."""
    import numpy

    masses = -numpy.diff(survival[:-1], prepend=1.0)
    masses[0] = 0.0  # the values of the zero bucket count as 0: they are no neighbours
    populated = numpy.flatnonzero(masses)
    if not populated.size:
        return Fine(0, survival[:1].copy())
    first, end = int(populated[0]) - 1, int(populated[-1])
    around = numpy.append(masses[first : end + 2], 0.0)
    inside = end - first
    x = numpy.arange(POINTS + 1)[:, None] / POINTS
    below = mass_below(x[1:], around[1 : inside + 1], around[:inside], around[2 : inside + 2])
    row = numpy.empty(inside * POINTS + 1)
    row[0], row[1:] = survival[first], (survival[first:end] - below).T.ravel()
    row[POINTS::POINTS] = survival[first + 1 : end + 1]
    return Fine(first, numpy.minimum.accumulate(row))


def combine(function: Callable[[list[NDArray[np.float64]]], NDArray[np.float64]], parts: Sequence[Fine]) -> Fine:
    """Return the result of a function that takes the survivals of all parts at each point."""
    first, end = min(part.first for part in parts), max(part.end for part in parts)
    return Fine(first, function([part.on(first, end) for part in parts]))


def within(fine: Fine, extremes: tuple[float, float], ends: Sequence[float]) -> Fine:
    """Return a survival that agrees with those just below both extremes and at the largest, which are the `ends`.

    Points outside the extremes are left out, as far as the survival is constant there.
    """
    import numpy

    below_least, below_most, at_most = ends
    least, most = (min(column_of(extreme), COLUMNS - 2) for extreme in extremes)
    first = max(fine.first, least - 1, 0)
    end = max(min(fine.end, most), least, first)
    row, t = numpy.clip(fine.on(first, end), 0, 1), times(first, end)
    before, after = int(t.searchsorted(extremes[0])), int(t.searchsorted(extremes[1]))
    numpy.maximum(row[:before], below_least, out=row[:before])
    numpy.maximum(row[:after], below_most, out=row[:after])
    numpy.minimum(row[after:], at_most, out=row[after:])
    return Fine(first, numpy.minimum.accumulate(row))


def times(first: int, end: int) -> NDArray[np.float64]:
    """Return the times of all points from the edge of one column to that of another one."""
    import numpy

    edge = edges()
    points = numpy.multiply.outer(edge[first:end], numpy.exp2(numpy.arange(POINTS) / (POINTS * BUCKETS_PER_OCTAVE)))
    return numpy.append(points.ravel(), edge[end])


def interpolate(fine: Fine, t: Any) -> NDArray[np.float64]:
    """Return the survival at positive times of any shape."""
    import numpy

    row = numpy.concatenate([fine.row[:1], fine.row[:1], fine.row, fine.row[-1:], fine.row[-1:]])
    with numpy.errstate(divide="ignore"):
        position = (numpy.log2(numpy.maximum(t, 0.0)) * BUCKETS_PER_OCTAVE - MIN_INDEX - fine.first) * POINTS
    position = numpy.clip(position, 0.0, len(fine.row) - 1.0)
    before = numpy.floor(position).astype(numpy.intp)
    far, left, right, later = (row[before + k] for k in (1, 2, 3, 4))
    between: NDArray[np.float64] = left - mass_below(position - before, left - right, far - left, right - later)
    return numpy.clip(between, right, left)


def places(fine: Fine, columns: NDArray[np.intp], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the survival falls to `p` in the buckets that end at `columns`, 0..1, by bisection."""
    import numpy

    start = (columns - 1 - fine.first) * POINTS
    points = fine.row[numpy.clip(numpy.add.outer(start, numpy.arange(-1, POINTS + 2)), 0, len(fine.row) - 1)]
    reached = points[:, 2:-1] <= p[:, None]
    reached[:, -1] = True
    k = reached.argmax(axis=1)
    far, left, right, later = (points[numpy.arange(len(k)), k + step] for step in range(4))
    found: NDArray[np.float64] = (k + bisect(left - p, (left - right, far - left, right - later))) / POINTS
    return found


def place(fine: Fine, column: int, p: float) -> float:
    """Return one of the `places`."""
    points = fine.on(column - 2, column + 1)[POINTS - 1 : 2 * POINTS + 2].tolist()  # one more on each side
    k = next((k for k in range(POINTS) if points[k + 2] <= p), POINTS - 1)
    far, left, right, later = points[k : k + 4]
    return (k + bisect_one(left - p, (left - right, far - left, right - later))) / POINTS
