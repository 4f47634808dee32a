"""`Survival`: the share of times above t, at the edges of the buckets and between them, and its inverse."""

from __future__ import annotations

import functools
import math

from ..buckets import BUCKETS_PER_OCTAVE, representative
from .columns import COLUMNS, LOWER, UPPER, VALUE, column_of, edges
from .extremes import AT_LEAST, AT_MOST, BELOW_LEAST, BELOW_MOST, ordered, points
from .grid import Fine, interpolate, places, spread, within
from .grid import place as place_in
from .interpolation import mass_below
from .inverse import bisect, bisect_one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Survival"]


class Survival:
    """Base class of `Dist`: the rows of a distribution, and what is read from them, without intervals of answers."""

    __slots__ = ("_count", "_extremes", "_fine", "_survival")

    _survival: tuple[NDArray[np.float64], NDArray[np.float64]] | Callable[[], tuple[NDArray[np.float64], Fine | None]]
    _fine: Fine | Callable[[], Fine] | None  # the value between the edges; None if it is interpolated
    _extremes: tuple[float, float]  # smallest and largest finite time: in [0, inf], ascending; NaN without data
    _count: float  # values, in [0, inf]; 0 if a part has no data: then nothing is known

    @property
    def count(self) -> float:
        """The number of values in the smallest sample of all parts; infinity if no part comes from a sample."""
        return self._count

    @property
    def _sf(self) -> NDArray[np.float64]:
        """The survival at the edges: (3, COLUMNS), read-only, rows ascending, columns descending, in [0, 1]."""
        return self._computed()[0]

    @property
    def _ends(self) -> NDArray[np.float64]:
        """The survival at `points(_extremes)`: shape (3, 4), read-only, rows ascending, in [0, 1]."""
        return self._computed()[1]

    def _computed(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        survival = self._survival
        if callable(survival):
            sf, self._fine = survival()
            survival = ordered(sf, self._extremes)
            self._survival = survival
        return survival

    @property
    def _is_fine(self) -> bool:
        """Whether the value between the edges is kept."""
        return callable(self._survival) or self._fine is not None

    def _finer(self) -> Fine:
        """Return the value of the survival on the finer grid."""
        if callable(self._survival):
            self._computed()
        fine = self._fine() if callable(self._fine) else self._fine
        if fine is None:
            fine = spread(self._sf[VALUE])
        if fine is not self._fine:
            ends = self._ends[VALUE]
            fine = within(fine, self._extremes, (ends[BELOW_LEAST], ends[BELOW_MOST], ends[AT_MOST]))
        if self._fine is not None:
            self._fine = fine
        return fine

    def _with(self, extremes: tuple[float, float]) -> NDArray[np.float64]:
        """Return the survival at all edges, followed by that at the `points` of other extremes: (3, COLUMNS + 4)."""
        import numpy

        return numpy.hstack([self._sf, self._at_extremes(extremes)])

    def _at_extremes(self, extremes: tuple[float, float]) -> NDArray[np.float64]:
        """Return the survival at the `points` of some extremes: (3, 4)."""
        import numpy

        return self._ends if extremes == self._extremes else self._at(numpy.array(points(extremes)))

    def _at(self, t: Any, *, smooth: bool | None = None) -> NDArray[np.float64]:
        """Return the survival at times of any shape, with a new first axis: lower bound, value, upper bound.

        With `smooth`, interpolate the value between two edges, as `sf` does if no part comes from a sample.
        """
        import numpy

        edge = edges()
        after = numpy.searchsorted(edge, t)  # the first edge at t or later
        rows = self._sf[:, after]
        before = numpy.where(after > 0, self._sf[:, after - 1], 1.0)
        on_edge = edge[after] == t
        low, value, high = rows[LOWER], rows[VALUE], numpy.where(on_edge, rows[UPPER], before[UPPER])
        if self.count == math.inf if smooth is None else smooth:
            value = numpy.where(on_edge, value, self._between(t, after, before[VALUE]))
        for column, point in enumerate(points(self._extremes)):
            ends, earlier, later = self._ends[:, column], numpy.less_equal(t, point), numpy.greater_equal(t, point)
            low = numpy.where(earlier, numpy.maximum(low, ends[LOWER]), low)
            high = numpy.where(later, numpy.minimum(high, ends[UPPER]), high)
            if column != AT_LEAST:  # where the whole bucket counts: no more than its upper edge says
                value = numpy.where(earlier, numpy.maximum(value, ends[VALUE]), value)
                value = numpy.where(later, numpy.minimum(value, ends[VALUE]), value)
        high = numpy.maximum(low, high)  # rounding differs between the edges and the extremes
        result = numpy.stack([low, numpy.clip(value, low, high), high])
        return numpy.where(numpy.less(t, 0), 1.0, result)

    def _between(self, t: Any, after: Any, before: Any) -> Any:
        """Return the interpolated value at `t`, for the first edges after t and the values at the edges before."""
        import numpy

        if self._is_fine:
            between = interpolate(self._finer(), t)
        else:
            with numpy.errstate(divide="ignore", invalid="ignore"):
                part = numpy.clip(numpy.log2(t / edges()[after - 1]) * BUCKETS_PER_OCTAVE, 0, 1)
            between = before - mass_below(part, *self._masses_at(after))
        between = numpy.where(
            after == COLUMNS - 1, before, between
        )  # values beyond the last edge count as infinite ...
        between = numpy.where(after == 0, self._sf[VALUE, after], between)  # ... and those in the zero bucket as 0
        return numpy.clip(between, self._sf[VALUE, after], before)

    def _masses_at(self, column: Any) -> tuple[Any, Any, Any]:
        """Return the masses of the bucket that ends at each column, of the one before and of the one after."""
        import numpy

        around = numpy.clip(numpy.add.outer((-2, -1, 0, 1), column), 0, COLUMNS - 1)
        survival = self._sf[VALUE, around]
        before, mass, after = survival[:-1] - survival[1:]
        return mass, before, after

    def _place(self, column: int, p: float) -> float:
        """Return one of the `_places`."""
        if self._sf[VALUE, column] == p:
            return 1.0
        if self._is_fine:
            return place_in(self._finer(), column, p)
        mass, before, after = (float(mass) for mass in self._masses_at(column))
        return bisect_one(float(self._sf[VALUE, column - 1]) - p, (mass, before, after))

    def _places(self, p: NDArray[np.float64], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return where the survival falls to `p` in the buckets that end at `columns`, 0..1."""
        import numpy

        if self._is_fine:
            found = places(self._finer(), columns, p)
        else:
            found = bisect(self._sf[VALUE, columns - 1] - p, self._masses_at(columns))
        return numpy.where(self._sf[VALUE, columns] == p, 1.0, found)  # exactly: the slope may be 0 there

    def _areas(self) -> tuple[float, float, float]:
        """Return the mean of the finite times and its bounds: the areas under the survival.

        The bounds of the survival are constant between two edges.  Only in the buckets of the extremes, the extremes
        divide this time.
        """
        import numpy

        (least, most), edge, values = self._extremes, edges(), _values()
        (low, _, high), widths = self._sf, _widths()
        mass = self.mass
        mean = float(mass[:-1] @ values) + (float(mass[-1]) * most if mass[-1] else 0.0)
        below, above = low[:-1] @ widths, widths[0] + high[:-2] @ widths[1:]
        starts: list[float] = []
        ends: list[float] = []
        for column in {column_of(end) for end in (least, most) if end < math.inf}:
            start, end = float(edge[column - 1]) if column else 0.0, float(edge[column])
            if end < math.inf:
                plain = float(values[column])
                mean += float(mass[column]) * (min(max(plain, least), most) - plain)
                below -= float(low[column]) * (end - start)
                above -= (float(high[column - 1]) if column else 1.0) * (end - start)
            cuts = [start, *(t for t in (least, most) if start < t < end), *([end] if end < math.inf else [])]
            starts, ends = starts + cuts[:-1], ends + cuts[1:]
        last = max(float(edge[-2]), most if most < math.inf else 0.0)
        inside = self._at(numpy.array([*((a + b) / 2 for a, b in zip(starts, ends)), math.nextafter(last, math.inf)]))
        of = numpy.subtract(ends, starts)
        below, above = below + inside[LOWER, :-1] @ of, above + inside[UPPER, :-1] @ of
        return math.inf if low[-1] else float(below), mean, math.inf if inside[UPPER, -1] else float(above)

    @property
    def mass(self) -> NDArray[np.float64]:
        """The share in each bucket, zero first, overflow last, shape (6146,); with `never` they add up to 1."""
        import numpy

        mass: NDArray[np.float64] = -numpy.diff(self._sf[VALUE], prepend=1.0)
        return mass


def _find_values() -> NDArray[np.float64]:
    """Return the value that stands for each bucket, except the overflow bucket."""
    import numpy

    return numpy.append(0.0, edges()[:-2] * representative(0))


def _find_widths() -> NDArray[np.float64]:
    """Return the width of each bucket, except the overflow bucket."""
    import numpy

    return numpy.diff(edges()[:-1], prepend=0.0)


# not decorators: stubtest cannot check their result
_values = functools.lru_cache(maxsize=1)(_find_values)
_widths = functools.lru_cache(maxsize=1)(_find_widths)
