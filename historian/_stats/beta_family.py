"""Quantiles of Beta(a, total + 1 - a) for many a: those of Clopper and Pearson's intervals for all counts of a sample.

The log-odds of the quantile, minus log(a/(total + 1 - a)), are a smooth function of that logarithm.  So they are
computed on a grid of it, and interpolated by a polynomial through ten points.  Its error is below 1e-9, relative to
the quantile.  For counts near 0 or near the total, each quantile is computed.
"""

from __future__ import annotations

import math

from .beta_arrays import quantiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["quantiles_of_counts"]

#: Up to so many quantiles, each is computed.
FEW = 300

#: From this count on, and up to as much below the total, quantiles are interpolated.
SMOOTH = 30

#: Distance of two points of the grid, in log-odds, and number of points of a polynomial.
STEP, POINTS = 0.25, 10


def quantiles_of_counts(
    p: float, counts: NDArray[np.float64], total: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the x for which I_x(a, total + 1 - a) is p, and 1 - x, for each a of `counts`, in (0, total].

    >>> import numpy
    >>> x, rest = quantiles_of_counts(0.025, numpy.array([100.0]), 10_000)
    >>> x.round(6), rest.round(6)
    (array([0.008144]), array([0.991856]))
    """
    import numpy

    smooth = (counts >= SMOOTH) & (total - counts >= SMOOTH)
    if numpy.count_nonzero(smooth) <= FEW:
        return quantiles(p, counts, total - counts + 1)
    t = numpy.log(counts[smooth] / (total - counts[smooth] + 1))
    start, before = float(t.min()), POINTS // 2 - 1
    nodes = start + STEP * numpy.arange(-before, int((float(t.max()) - start) / STEP) + POINTS - before)
    near = counts[~smooth]
    a = numpy.concatenate([near, (total + 1) / (1 + numpy.exp(-nodes))])
    b = numpy.concatenate([total - near + 1, (total + 1) / (1 + numpy.exp(nodes))])
    found, others = quantiles(p, a, b)
    values = numpy.log(found[len(near) :] / others[len(near) :]) - nodes
    odds = numpy.exp(t + _interpolated(values, (t - start) / STEP))
    x, rest = numpy.empty(len(counts)), numpy.empty(len(counts))
    x[~smooth], rest[~smooth] = found[: len(near)], others[: len(near)]
    x[smooth], rest[smooth] = odds / (1 + odds), 1 / (1 + odds)
    return x, rest


def _interpolated(values: NDArray[np.float64], position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interpolated values at positions; position 0 is the point that has POINTS/2 - 1 points before it.

    Barycentric formula: Berrut & Trefethen, Barycentric Lagrange Interpolation, SIAM Review 46 (2004), 501-517.
    """
    import numpy

    first = position.astype(numpy.intp)
    part = position - first
    part += 1e-13 * (part == 0)  # not exactly at a point, where the formula would divide by 0
    above, below = numpy.zeros(len(part)), numpy.zeros(len(part))
    for k in range(POINTS):
        weight = (-1) ** k * math.comb(POINTS - 1, k) / (part - (k - POINTS // 2 + 1))
        above += weight * values[first + k]
        below += weight
    return above / below
