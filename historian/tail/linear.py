"""The times of a leaf on a linear grid from 0 to t, for many samples and many limits at once.

For the share of requests that take longer than one time t, no part's time beyond t matters.  So a linear grid of N
cells from 0 to t is enough, on which a sum of times is a sum of indices.  A row of numbers describes a part: the
probability W that no call in it exceeds its limit, and for each point the probability that it takes longer and no call
exceeds its limit.  Such a distribution is defective: it adds up to W.

Masses on the points of the grid keep their mean: what lies between two points is split between both.  The shares follow
from the mean survival A of each cell: the mass at point k is A(k - 1) - A(k).  A few more points lie beyond t, where
this lacks a neighbour.
"""

from __future__ import annotations

from typing import NamedTuple

from .columns import COLUMNS, VALUE, edges
from .grid import POINTS
from .grid import times as finer_times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

__all__ = ["BEYOND", "Leaf", "Row", "Sample", "of_survival"]

#: Points of the grid beyond t.
BEYOND = 4


class Row(NamedTuple):
    """Defective distributions of a part, one in each row."""

    whole: _Floats  # probability that no call exceeds its limit, shape (rows, 1)
    above: _Floats  # and that the part takes longer than each point: shape (rows, N + 1 + BEYOND)
    masses: _Floats  # the same as masses on the points, which keep the mean


def of_survival(whole: _Floats, above: _Floats) -> Row:
    """Return the row of a survival that is known at the points: between two of them, it is a straight line."""
    return Row(whole, above, _masses(whole, (above[:, 1:] + above[:, :-1]) / 2))


def _masses(whole: _Floats, means: _Floats) -> _Floats:
    """Return the masses on the points, from the mean survival of each cell."""
    import numpy

    return -numpy.diff(means, axis=1, prepend=whole, append=means[:, -1:])


class Sample(NamedTuple):
    """Samples of a leaf, one in each row: all that follows from the masses of its buckets."""

    after: _Floats  # survival before the first bucket and after each: shape (samples, buckets + 1)
    moment: _Floats  # mean of the times up to each bucket, times their share: the same shape
    above: _Floats  # survival at each point of the grid
    area: _Floats  # integral of the survival from 0 to each point


class Leaf:
    """A leaf on the grid from 0 to `t`, with `cells` cells.  Where values lie in their buckets never changes.

    Takes a `Dist`.  Not every bucket has values: those that have are numbered from 0.
    """

    def __init__(self, dist: Any, t: float, cells: int) -> None:
        import numpy

        mass = dist.mass
        self.columns: NDArray[np.intp] = numpy.flatnonzero(mass > 0)  # of the buckets that have values
        self.mass: _Floats = mass[self.columns]
        self.never: float = float(dist._sf[VALUE, -1])
        self.points: _Floats = numpy.arange(cells + 1 + BEYOND, dtype=numpy.float64) * (t / cells)
        self.count: float = dist.count if dist._confidence is not None else numpy.inf
        starts, places, inside, areas = self._within(dist._finer())
        self._middles = numpy.where(self.columns < COLUMNS - 1, starts + areas[:, -1], 0.0)
        bucket = numpy.searchsorted(edges(), self.points)
        self._passed = numpy.searchsorted(self.columns, bucket)  # number of buckets that end before each point
        self._hit = numpy.zeros(len(self.points), dtype=bool)
        some = self._passed < len(self.columns)
        self._hit[some] = self.columns[self._passed[some]] == bucket[some]
        self._share, self._area = numpy.zeros((2, len(self.points)))
        for k in numpy.flatnonzero(self._hit).tolist():
            one = self._passed[k]
            if self.columns[one] == COLUMNS - 1:  # values beyond the last bucket take longer than any point
                self._share[k], self._area[k] = 1.0, self.points[k]
                continue
            self._share[k] = numpy.interp(self.points[k], places[one], inside[one])
            self._area[k] = starts[one] + numpy.interp(self.points[k], places[one], areas[one])

    def _within(self, fine: Any) -> tuple[_Floats, _Floats, _Floats, _Floats]:
        """Return for each bucket its start, times of points in it, the survival there, and its integral up to there.

        The survival is that of the values in the bucket: from 1 to 0.
        """
        import numpy

        edge = edges()
        columns = numpy.clip(self.columns, 1, COLUMNS - 2)
        starts = numpy.where(self.columns > 0, edge[columns - 1], 0.0)
        places = finer_times(0, 1) / edge[0] * edge[columns - 1][:, None]
        places[:, -1] = edge[columns]
        at = (columns - 1 - fine.first)[:, None] * POINTS + numpy.arange(POINTS + 1)
        inside = fine.row[numpy.clip(at, 0, len(fine.row) - 1)]
        inside = inside - inside[:, -1:]
        size = inside[:, :1]
        inside = numpy.where(size > 0, inside / numpy.where(size > 0, size, 1.0), 0.0)
        inside[self.columns == 0] = 0.0  # values of the zero bucket count as 0
        steps = numpy.diff(places, axis=1) * (inside[:, 1:] + inside[:, :-1]) / 2
        areas = numpy.concatenate([numpy.zeros_like(size), steps.cumsum(axis=1)], axis=1)
        return starts, places, inside, areas

    def sample(self, mass: _Floats) -> Sample:
        """Return samples, from the masses of the buckets in each: shape (samples, buckets)."""
        import numpy

        zero = numpy.zeros((len(mass), 1))
        after = numpy.concatenate([mass[:, ::-1].cumsum(axis=1)[:, ::-1], zero], axis=1) + self.never
        moment = numpy.concatenate([zero, (mass * self._middles).cumsum(axis=1)], axis=1)
        here = numpy.concatenate([mass, zero], axis=1)[:, self._passed] * self._hit
        below = after[:, self._passed + self._hit]
        above = below + here * self._share
        area = moment[:, self._passed] + here * self._area + self.points * below
        return Sample(after, moment, above, area)

    def resampled(self, random: Any, number: int) -> _Floats:
        """Return the masses of samples as large as this one, drawn from it; of this one if it is known exactly."""
        import numpy

        if not self.count < numpy.inf:
            return self.mass[None].repeat(number, axis=0)
        shares = numpy.append(self.mass, self.never)
        drawn: _Floats = random.multinomial(round(self.count), shares / shares.sum(), size=number)[:, :-1] / self.count
        return drawn

    def limited(self, sample: Sample, limits: NDArray[np.intp]) -> Row:
        """Return the rows of all samples with each limit, the upper edge of a column; COLUMNS is none."""
        import numpy

        every = limits == COLUMNS
        passed = numpy.searchsorted(self.columns, limits, side="right")
        rest = numpy.where(every, 0.0, sample.after[:, passed])[:, :, None]
        is_below = self.points <= numpy.where(every, numpy.inf, edges()[numpy.minimum(limits, COLUMNS - 1)])[:, None]
        above = numpy.maximum(sample.above[:, None] - rest, 0.0) * is_below
        area = numpy.where(is_below, sample.area[:, None] - rest * self.points, sample.moment[:, passed][:, :, None])
        rows = len(rest) * len(limits)
        means = numpy.diff(area, axis=2).reshape(rows, -1) / self.points[1]
        whole = (1.0 - rest).reshape(rows, 1)
        return Row(whole, above.reshape(rows, -1), _masses(whole, means))
