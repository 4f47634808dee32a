"""Fits of the universal scalability law: least squares, and the region of parameters that the data allow.

The residuals are those of the logarithm of throughput, so that each measurement counts the same, at any concurrency.
With g = contention (n - 1) + coherency n (n - 1), the model is log X = log rate + log n - log(1 + g).  The best rate
follows from the other two parameters, so that only these are searched for (variable projection: Golub & Pereyra, SIAM
Journal on Numerical Analysis 10, 1973, 413-432).
"""

from __future__ import annotations

import math
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

__all__ = ["Region", "best", "region"]

DIRECTIONS = 360  # in which the region is searched: an error of (pi/360)^2 of its width
DEPTHS = 24  # points from the best fit to the edge, closer towards the edge


class Region(NamedTuple):
    """Parameters that the data allow: the first is the best fit.  Shape (points,) each.

    A function of the parameters lies between its minimum and its maximum over the region.
    """

    contention: _Floats
    coherency: _Floats
    low: _Floats  # logarithm of the rate, at least
    high: _Floats  # logarithm of the rate, at most


def logarithm(n: _Floats, contention: _Floats, coherency: _Floats) -> _Floats:
    """Return the logarithm of the speed-up: shape of the parameters, then that of `n`."""
    import numpy

    loss = numpy.multiply.outer(contention, n - 1) + numpy.multiply.outer(coherency, n * (n - 1))
    found: _Floats = numpy.log(n) - numpy.log1p(loss)
    return found


def misfit(n: _Floats, y: _Floats, contention: _Floats, coherency: _Floats) -> tuple[_Floats, _Floats]:
    """Return the sum of squared residuals at the best rate, and the logarithm of this rate."""
    rest = y - logarithm(n, contention, coherency)
    rate: _Floats = rest.mean(axis=-1)
    return ((rest - rate[..., None]) ** 2).sum(axis=-1), rate


def best(n: _Floats, y: _Floats, names: int) -> tuple[float, float]:
    """Return contention, in 0..1, and coherency, from 0 on, of the least squares; coherency 0 if `names` is 1.

    Projected Levenberg-Marquardt steps from several starts: a parameter at its bound stays there while the gradient
    points outside (Nocedal & Wright, Numerical Optimization, 2006, 10.3 and 16.7).
    """
    import numpy

    most = float(n.max())
    starts = [(0.0, 0.0), (0.02, 0.2), (0.3, 1.0)]  # near linear growth, in between, far from it
    found = [_descend(n, y, numpy.array([share, loss / most**2 * (names > 1)]), names) for share, loss in starts]
    contention, coherency = min(found, key=lambda one: float(misfit(n, y, *one)[0])).tolist()
    return contention, coherency


def _descend(n: _Floats, y: _Floats, at: _Floats, names: int) -> _Floats:
    import numpy

    upper, damping, cost = numpy.array([1.0, math.inf]), 1e-3, float(misfit(n, y, *at)[0])
    for _ in range(200):
        slopes, rest = _slopes(n, y, at)
        gradient = slopes.T @ rest
        free = ~(((at <= 0) & (gradient < 0)) | ((at >= upper) & (gradient > 0)))
        free[names:] = False
        if not free.any():
            break
        normal = slopes[:, free].T @ slopes[:, free]
        step = numpy.zeros(2)
        step[free] = numpy.linalg.solve(normal + damping * numpy.diag(normal.diagonal() + 1e-300), gradient[free])
        after = numpy.clip(at + step, 0, upper)
        lower = float(misfit(n, y, *after)[0])
        if lower < cost:
            done = cost - lower <= 1e-14 * cost
            at, cost, damping = after, lower, max(damping / 10, 1e-12)
            if done:
                break
        elif damping > 1e12:
            break
        else:
            damping *= 10
    return at


def _slopes(n: _Floats, y: _Floats, at: _Floats) -> tuple[_Floats, _Floats]:
    """Return the derivatives of the model at the best rate, shape (len(n), 2), and the residuals."""
    import numpy

    rest = y - logarithm(n, *at)
    loss = 1 + at[0] * (n - 1) + at[1] * n * (n - 1)
    slopes = -numpy.stack([(n - 1) / loss, n * (n - 1) / loss], axis=1)
    return slopes - slopes.mean(axis=0), rest - rest.mean()


def region(n: _Floats, y: _Floats, at: tuple[float, float], names: int, quantile: float) -> Region:
    """Return the parameters whose sum of squared residuals is at most that of the fit times 1 + t^2/f.

    `quantile` is Student's t with f = len(n) - names - 1 degrees of freedom.  The range of any function of the
    parameters over this region is its interval by profile likelihood (Bates & Watts, Nonlinear Regression Analysis,
    1988, 6.1; Venzon & Moolgavkar, Applied Statistics 37, 1988, 87-94).  From the best fit, it is searched for in all
    directions, each up to its edge or to a bound of the parameters.
    """
    import numpy

    centre = numpy.array(at)
    least = float(misfit(n, y, *centre)[0])
    limit = least * (1 + quantile**2 / (len(n) - names - 1))
    slopes, _ = _slopes(n, y, centre)
    if names > 1:
        angles = numpy.arange(DIRECTIONS) * (2 * math.pi / DIRECTIONS)
        circle = numpy.stack([numpy.cos(angles), numpy.sin(angles)])
        ways = numpy.linalg.solve(numpy.linalg.cholesky(slopes.T @ slopes).T, circle).T
    else:
        ways = numpy.array([[1.0, 0.0], [-1.0, 0.0]]) / numpy.linalg.norm(slopes[:, 0])
    ways = numpy.vstack([ways, _along_bounds(slopes, names)])
    lengths = _lengths(n, y, centre, ways, limit)
    depths = numpy.sin(numpy.linspace(0, math.pi / 2, DEPTHS))  # the rate's range ends with a vertical slope
    points = centre + numpy.multiply.outer(depths, lengths[:, None] * ways).reshape(-1, 2)
    contention, coherency = points.clip(0).T
    cost, rate = misfit(n, y, contention, coherency)
    half = numpy.sqrt((limit - cost).clip(0) / len(n))
    return Region(contention.clip(0, 1), coherency, rate - half, rate + half)


def _along_bounds(slopes: _Floats, names: int) -> _Floats:
    """Return the directions along the bounds, which a circle of directions may miss."""
    import numpy

    scale = 1 / numpy.linalg.norm(slopes, axis=0)
    found: _Floats = numpy.diag(scale)[:names].repeat(2, axis=0) * numpy.array([1.0, -1.0] * names)[:, None]
    return found


def _lengths(n: _Floats, y: _Floats, centre: _Floats, ways: _Floats, limit: float) -> _Floats:
    """Return how far the region goes in each direction, by bisection."""
    import numpy

    with numpy.errstate(divide="ignore", invalid="ignore"):
        to_zero = numpy.where(ways < 0, -centre / ways, math.inf)
        to_one = numpy.where(ways[:, 0] > 0, (1 - centre[0]) / ways[:, 0], math.inf)
    most = numpy.minimum(to_zero.min(axis=1), to_one)

    def inside(lengths: _Floats) -> NDArray[np.bool_]:
        points = (centre + lengths[:, None] * ways).clip(0)
        return misfit(n, y, points[:, 0], points[:, 1])[0] <= limit

    high = numpy.minimum(most, math.sqrt(limit) + 1e-12)
    for _ in range(60):
        grown = inside(high) & (high < most)
        if not grown.any():
            break
        high = numpy.where(grown, numpy.minimum(2 * high, most), high)
    low = numpy.where(inside(high), high, 0.0)
    for _ in range(50):
        middle = (low + high) / 2
        ok = inside(middle)
        low, high = numpy.where(ok, middle, low), numpy.where(ok, high, middle)
    return low
