"""Sums of two independent times on the finer grid, by Fourier transforms, one for each octave of the sum.

Let T be the start of an octave.  Take the times up to 2T on a linear grid of 2,048 or 4,096 cells.  A fast Fourier
transform then adds two of them.  Its result is used from T to 2T only: there, a cell is at most a thousandth of the
time.  Below, the transforms of the lower octaves are finer.

A linear grid keeps moments:

* A value between two points of the grid is split between both so that the mean is kept.  The shares follow from the
  mean survival of each cell.  From T to 2T it is found by Simpson's rule, below T from two cells of the octave before.
* The split adds, for a smooth distribution, a sixth of a squared cell to the variance.  To undo this, a twelfth of each
  mass is taken from both neighbours, but no more than a twelfth of the smallest of the three, so that no mass becomes
  negative (flux-corrected transport: Boris & Book, Journal of Computational Physics 11, 1973, 38-69).

Between the points of either grid, the survival is interpolated by a cubic polynomial through four points, and clipped
to lie between the nearest two.

The noise of a transform is 1e-15 of the whole.  So these sums hold for survivals above `NOISY`.  Far in the tail, where
they are smaller, use those of `historian.tail.chains`.
"""

from __future__ import annotations

import functools
import itertools

from ..buckets import BUCKETS_PER_OCTAVE
from .columns import COLUMNS
from .grid import POINTS, Fine

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NOISY", "add"]

#: Cells of the linear grid from T to 2T.
CELLS, MORE_CELLS = 1024, 2048

#: Sums over at most so many octaves use more cells: they may be narrow.
NARROW = 6

#: Points of the finer grid in an octave.
PER_OCTAVE = POINTS * BUCKETS_PER_OCTAVE

#: Octaves of the buckets.
OCTAVES = (COLUMNS - 2) // BUCKETS_PER_OCTAVE

#: Shares below this are lost in the noise of a transform.
NOISY = 1e-11

#: The largest share of either time that may lie outside the octaves of a sum, on each side.
BEYOND = 1e-13


def add(a: Fine, b: Fine) -> Fine:
    """Return the survival of the sum of two independent times; it holds where at least `NOISY` is still to come.

    O(octaves); about 0.1 ms for each.
    """
    import numpy

    first, end = _octaves(a, b)
    cells = MORE_CELLS if end - first <= NARROW else CELLS
    of_a = numpy.fft.rfft(_masses(a, first, end, cells), 4 * cells)
    of_b = of_a if b is a else numpy.fft.rfft(_masses(b, first, end, cells), 4 * cells)
    survival = 1 - numpy.fft.irfft(of_a * of_b, 4 * cells)[:, : 2 * cells].cumsum(axis=1)
    survival = _interpolated(survival, *_from_cells(cells))
    row = numpy.append(survival.ravel(), survival[-1, -1])
    start = float(1 - (1 - a.row[0]) * (1 - b.row[0]))  # both may be 0 with some probability
    return Fine(first * BUCKETS_PER_OCTAVE, numpy.minimum.accumulate(numpy.clip(row, 0, start)))


def _octaves(a: Fine, b: Fine) -> tuple[int, int]:
    """Return (first, end) of the octaves in which the survival of the sum is neither constant nor nearly 0."""
    import numpy

    last, both = 0, [_first_octave(part) for part in (a, b)]
    for part in (a, b):
        seen = numpy.count_nonzero(part.row > part.row[-1] + BEYOND)
        last = max(last, (part.first + -(-int(seen) // POINTS)) // BUCKETS_PER_OCTAVE)
    first = min(both) if a.row[0] < 1 or b.row[0] < 1 else max(both)
    first = min(first, OCTAVES - 1)
    return first, max(first + 1, min(last + 2, OCTAVES))


def _first_octave(part: Fine) -> int:
    """Return the first octave in which the survival changes noticeably."""
    import numpy

    same = int(numpy.count_nonzero(part.row >= part.row[0] - BEYOND))
    return (part.first + (same - 1) // POINTS) // BUCKETS_PER_OCTAVE


def _masses(part: Fine, first: int, end: int, cells: int) -> NDArray[np.float64]:
    """Return the masses at the points of the linear grid of each octave, shape (octaves, 2 * cells), the first at 0."""
    import numpy

    begin = min(_first_octave(part), first)
    means = _means(part, begin, end, cells)
    survival = numpy.empty((end - begin + 1, 2 * cells + 1))
    survival[:, 0], survival[0, 1:] = 1.0, part.row[0]
    survival[1:, cells + 1 :] = means
    for before, now in itertools.pairwise(survival):
        numpy.add(before[1::2], before[2::2], out=now[1 : cells + 1])
        now[1 : cells + 1] *= 0.5
    survival = survival[1 + first - begin :]
    return _narrowed(survival[:, :-1] - survival[:, 1:])


def _means(part: Fine, begin: int, end: int, cells: int) -> NDArray[np.float64]:
    """Return the mean survival in each cell from T to 2T, shape (octaves, cells), by Simpson's rule."""
    import numpy

    row = part.on(begin * BUCKETS_PER_OCTAVE, end * BUCKETS_PER_OCTAVE)
    row = numpy.concatenate([row[:1], row, row[-1:], row[-1:]])
    windows = numpy.lib.stride_tricks.sliding_window_view(row, PER_OCTAVE + 3)[: len(row) - 3 : PER_OCTAVE]
    inner = _interpolated(windows, *_to_cells(cells))  # at each half of a cell
    means = 4 * inner[:, ::2]
    means += inner[:, 1::2]
    means[:, 1:] += inner[:, 1:-1:2]
    means[:, 0] += windows[:, 1]
    means /= 6
    return means


def _narrowed(masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the masses without the variance that the split has added, as far as their neighbours allow."""
    import numpy

    moved = numpy.minimum(masses[:, 1:], masses[:, :-1])
    moved = numpy.minimum(moved[:, 1:], moved[:, :-1]) / 12
    masses[:, :-2] -= moved
    masses[:, 2:] -= moved
    masses[:, 1:-1] += 2 * moved
    return masses


def _interpolated(
    rows: NDArray[np.float64], at: NDArray[np.intp], start: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each row between its points `at` and `at + 1`, from four points from `start` on, clipped to these two."""
    import numpy

    result = numpy.take(rows, start, axis=1)
    result *= weights[0]
    for k in (1, 2, 3):
        one = numpy.take(rows, start + k, axis=1)
        one *= weights[k]
        result += one
    numpy.minimum(result, numpy.take(rows, at, axis=1), out=result)
    return numpy.maximum(result, numpy.take(rows, at + 1, axis=1), out=result)


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of the points -1, 0, 1, 2: Lagrange's formula."""
    import numpy

    weights = [-x * (x - 1) * (x - 2) / 6, (x + 1) * (x - 1) * (x - 2) / 2]
    weights += [-(x + 1) * x * (x - 2) / 2, (x + 1) * x * (x - 1) / 6]
    return numpy.stack(weights)


def _find_to_cells(cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return where the halves of cells end, from T to 2T, on the finer grid of an octave with one point before it.

    They are the arguments of `_interpolated`.
    """
    import numpy

    position = PER_OCTAVE * numpy.log2(1 + numpy.arange(1, 2 * cells + 1) / (2 * cells))
    at = numpy.minimum(position.astype(numpy.intp), PER_OCTAVE - 1)
    return at + 1, at, _cubic(position - at)


def _find_from_cells(cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return where the points of the finer grid are, from T to 2T, among the middles of the cells."""
    import numpy

    position = cells * numpy.exp2(numpy.arange(PER_OCTAVE) / PER_OCTAVE) - 0.5
    at = position.astype(numpy.intp)
    middle = numpy.minimum(at, 2 * cells - 3)  # there are four points around it
    return at, middle - 1, _cubic(position - middle)


# not decorators: stubtest cannot check their result
_to_cells = functools.lru_cache(maxsize=2)(_find_to_cells)
_from_cells = functools.lru_cache(maxsize=2)(_find_from_cells)
