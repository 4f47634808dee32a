"""Chains: the time of stages that follow each other, a sum, on the grid of the buckets.

With g the ratio of two edges, two values of which one is d buckets below the other add up to ``1 + g**-d`` times the
larger one: the sum always lies ``z(d) = log_g(1 + g**-d)`` buckets above it, whatever the larger one is.  So the
convolution needs one product of slices to each distance d, and where z < 1, from d = 418 on, one cumulative sum for
all.  Every term is positive, so that the far tail keeps its digits; a Fourier transform would leave noise at 1e-17.

z falls between two edges.  Three rows are computed:

* lower: values at the lower edge of their bucket, sums put at floor(z), so that the truth takes longer;
* upper: values at the upper edge, sums at ceil(z), so that it does not;
* value: values at the representative, sums split between the two so that their mean is kept: the share at floor(z) is
  ``(g**(f + 1) - (1 + u)) / (g**(f + 1) - g**f)`` with u = g**-d.

The truth lies between the first two, always; each addition widens that bracket by one or two buckets, 1.1 % each.
Source of rounding a discrete convolution both ways: Williamson & Downs, Probabilistic Arithmetic I, International
Journal of Approximate Reasoning 4 (1990), 89-158.
"""

from __future__ import annotations

import math

from ..buckets import BUCKETS_PER_OCTAVE, GROWTH
from .dist import COLUMNS, LOWER, UPPER, VALUE, edges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["add", "repeat", "whatever_dependence"]

#: The least distance from which on a sum lies less than a bucket above its larger part: g**-d < g - 1.
FAR = math.ceil(-BUCKETS_PER_OCTAVE * math.log2(GROWTH - 1))


def repeat(sf: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the survival of n stages of equal, independent survival, in 2*log2(n) additions at most."""
    result = sf
    for bit in bin(n)[3:]:  # Horner's scheme, in binary
        result = add(result, result)
        if bit == "1":
            result = add(result, sf)
    return result


def add(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the survival, three rows, of the sum of two independent times of these survivals.

    O(418 B) for B populated buckets; about 25 ms if all are.
    """
    import numpy

    result = numpy.empty((3, COLUMNS))
    for row in (LOWER, VALUE, UPPER):
        never_a, never_b = float(a[row, -1]), float(b[row, -1])
        masses = _convolve(_masses(a[row]), _masses(b[row]), row)
        result[row, -1] = never_a + never_b - never_a * never_b
        result[row, :-1] = masses[:0:-1].cumsum()[::-1] + result[row, -1]
    return result


def _masses(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the masses of the buckets: zero, ordinary, overflow."""
    import numpy

    return -numpy.diff(row, prepend=1.0)


def _convolve(a: NDArray[np.float64], b: NDArray[np.float64], row: int) -> NDArray[np.float64]:
    """Return the masses of the sum, in the same buckets."""
    import numpy

    out = numpy.zeros(COLUMNS + BUCKETS_PER_OCTAVE + 2)
    # What overflows once stays there; values taken for 0 add nothing; all else is added on the grid.
    out[COLUMNS - 1] = a[-1] * b.sum() + b[-1] * a[:-1].sum()
    if row == UPPER:
        start = 0  # 2**-32, the upper edge of the zero bucket, is on the grid
    else:
        start = 1
        out[: COLUMNS - 1] += a[0] * b[:-1] + b[0] * a[:-1]
        out[0] -= a[0] * b[0]  # once, not twice
    populated = numpy.flatnonzero(a[start:-1] + b[start:-1]) + start
    if populated.size:
        first, end = int(populated[0]), int(populated[-1]) + 1
        _add_on_grid(a[first:end], b[first:end], out[first:], row)
    out[COLUMNS - 1] += out[COLUMNS:].sum()
    return out[:COLUMNS]


def _add_on_grid(a: NDArray[np.float64], b: NDArray[np.float64], out: NDArray[np.float64], row: int) -> None:
    """Add the masses of all sums of values on the grid to `out`, which is at least 66 longer."""
    size = len(a)
    out[BUCKETS_PER_OCTAVE : BUCKETS_PER_OCTAVE + size] += a * b  # twice the value is an octave above, precisely
    for d in range(1, min(FAR, size)):
        mass = a[d:] * b[:-d]
        mass += a[:-d] * b[d:]
        for shift, share in _shifts(d, row):
            out[d + shift : size + shift] += mass if share == 1 else share * mass
    if size > FAR:
        _add_far(a, b, out, row)


def _shifts(d: int, row: int) -> Sequence[tuple[int, float]]:
    """Return by how many buckets a sum lies above its larger part, and with what share of its mass."""
    u = 2 ** (-d / BUCKETS_PER_OCTAVE)
    floor = math.floor(BUCKETS_PER_OCTAVE * math.log2(1 + u))
    if row == LOWER:
        return ((floor, 1.0),)
    if row == UPPER:
        return ((floor + 1, 1.0),)
    below, above = 2 ** (floor / BUCKETS_PER_OCTAVE), 2 ** ((floor + 1) / BUCKETS_PER_OCTAVE)
    share = (above - (1 + u)) / (above - below)
    return (floor, share), (floor + 1, 1 - share)


def _add_far(a: NDArray[np.float64], b: NDArray[np.float64], out: NDArray[np.float64], row: int) -> None:
    """Add the masses of sums of values that are FAR buckets apart or more."""
    import numpy

    size = len(a)
    near = slice(0, size - FAR)  # of the smaller part, seen from the larger one at FAR and on
    mass = a[FAR:] * b[near].cumsum() + b[FAR:] * a[near].cumsum()
    if row == LOWER:
        out[FAR:size] += mass
    elif row == UPPER:
        out[FAR + 1 : size + 1] += mass
    else:  # a share of g**-d/(g - 1) one bucket up: a sum over d that is cumulative, too
        powers = numpy.exp2(numpy.arange(size) / BUCKETS_PER_OCTAVE)
        up = a[FAR:] * (b[near] * powers[near]).cumsum() + b[FAR:] * (a[near] * powers[near]).cumsum()
        up /= powers[FAR:] * (GROWTH - 1)
        out[FAR:size] += mass - up
        out[FAR + 1 : size + 1] += up


def whatever_dependence(sf: NDArray[np.float64], parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the survival of a sum with the bounds that hold however its parts depend on each other.

    P(X + Y > t) is at most S_X(u) + S_Y(t - u), and at least S_X(u) + S_Y(t - u) - 1, for every u; the best u is taken
    (Makarov, Theory of Probability & Its Applications 26, 1981, 803-806).  O(B^2 log B) for two parts.
    """
    import numpy

    low, high = parts[0][LOWER], parts[0][UPPER]
    for part in parts[1:]:
        low, high = _makarov(low, part[LOWER], upper=False), _makarov(high, part[UPPER], upper=True)
    return numpy.stack([numpy.minimum(low, sf[VALUE]), sf[VALUE], numpy.maximum(high, sf[VALUE])])


def _makarov(x: NDArray[np.float64], y: NDArray[np.float64], *, upper: bool) -> NDArray[np.float64]:
    """Return the least upper, or the greatest lower bound of the survival of a sum, at every edge."""
    import numpy

    edge = edges()[:-1]
    steps = numpy.flatnonzero(numpy.diff(x[:-1], prepend=1.0))
    best = numpy.full(COLUMNS, 1.0 if upper else 0.0)
    if upper:  # at most: survival at u itself, and at the last edge before t - u; u = 0 and t - u = 0 exceed nothing
        for j in steps.tolist():
            place = edge.searchsorted(edge[j:] - edge[j], side="right")
            shares = x[j] + numpy.where(place > 0, y[place - 1], 1.0)
            best[j:-1] = numpy.minimum(best[j:-1], shares)
        best[-1] = min(1.0, x[-1] + y[-1])
    else:  # at least: survival just below the step, and at the first edge from t - u on
        for j in steps.tolist():
            before = x[j - 1] if j else 1.0
            place = edge.searchsorted(edge - edge[j - 1] if j else edge, side="left")
            best[:-1] = numpy.maximum(best[:-1], before + y[place] - 1)
        best[-1] = max(x[-1], y[-1])
    return best
