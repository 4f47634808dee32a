"""Chains: the time of stages that follow each other, computed as a sum on the grid of the buckets.

Let g be the ratio of two neighbouring edges.  Take two values, the smaller one d buckets below the larger one.  Their
sum is ``1 + g**-d`` times the larger one, so it lies ``z(d) = log_g(1 + g**-d)`` buckets above it.  z depends on d
only.  So the convolution needs one product of slices for each distance d.  From d = 418 on, z < 1, and one cumulative
sum serves all these distances.  Every term is positive, so the far tail keeps its digits.  A Fourier transform would
leave noise of 1e-17.

z lies between two edges.  Three rows are computed:

* lower: values at the lower edge of their bucket, sums at floor(z).  The true time is at least this long.
* upper: values at the upper edge, sums at ceil(z).  The true time is at most this long.
* value: values at the representative, sums split between floor(z) and ceil(z) so that their mean is kept.  With
  f = floor(z) and u = g**-d, the share at floor(z) is ``(g**(f + 1) - (1 + u)) / (g**(f + 1) - g**f)``.  The split
  widens a distribution a little.  For a narrow distribution this matters, so its sums use a finer grid.

The true distribution always lies between the first two.  Each addition widens this bracket by one or two buckets,
1.1 % each.  Source of rounding a discrete convolution in both directions: Williamson & Downs, Probabilistic Arithmetic
I, International Journal of Approximate Reasoning 4 (1990), 89-158.
"""

from __future__ import annotations

import functools
import math

from ..buckets import BUCKETS_PER_OCTAVE
from .between import mass_below
from .dist import AT_LEAST, AT_MOST, BELOW_LEAST, BELOW_MOST, COLUMNS, LOWER, UPPER, VALUE, edges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["add", "any_dependence", "repeat", "with_ends"]

#: (buckets, factor): a value row whose bulk lies in at most so many buckets uses a grid finer by this factor (`_fine`).
FINER = ((240, 8), (480, 4))
#: The share of a distribution that may lie outside its bulk, on each side.
OUTSIDE = 1e-7


def repeat(sf: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the survival of the sum of n independent stages with the same survival, in at most 2*log2(n) additions."""
    result = sf
    for bit in bin(n)[3:]:  # Horner's scheme, in binary
        result = add(result, result)
        if bit == "1":
            result = add(result, sf)
    return result


def add(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the survival, three rows, of the sum of two independent times with the survivals `a` and `b`.

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


def with_ends(
    sf: NDArray[np.float64], extremes: tuple[float, float], ends: Sequence[NDArray[np.float64]], independent: bool
) -> NDArray[np.float64]:
    """Return the survival of a sum, followed by those at the smallest and the largest sum and just below each.

    The sum reaches its largest value only if all parts reach theirs, and does not exceed it unless any part does.  The
    same holds for the smallest.  `ends` are these survivals of the parts, one for each part.
    """
    import numpy

    stages = numpy.stack(ends)
    with numpy.errstate(divide="ignore"):
        every, some = stages.prod(axis=0), -numpy.expm1(numpy.log1p(-stages).sum(axis=0))
    if not independent:
        every[LOWER], some[UPPER] = (1 - (1 - stages).sum(axis=0))[LOWER], stages.sum(axis=0)[UPPER]
    result = numpy.empty((3, 4))
    result[:, [BELOW_LEAST, BELOW_MOST]] = every[:, [BELOW_LEAST, BELOW_MOST]]
    result[:, [AT_LEAST, AT_MOST]] = some[:, [AT_LEAST, AT_MOST]]
    # This leaves open the value and the lower bound at the smallest sum, and the upper bound just below the largest.
    first, last = edges().searchsorted(extremes)
    result[:UPPER, AT_LEAST] = sf[:UPPER, first]
    result[UPPER, BELOW_MOST] = sf[UPPER, last - 1] if last else 1.0
    return numpy.hstack([sf, result])


def _masses(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the masses of the buckets: zero, ordinary, overflow."""
    import numpy

    return -numpy.diff(row, prepend=1.0)


def _convolve(a: NDArray[np.float64], b: NDArray[np.float64], row: int) -> NDArray[np.float64]:
    """Return the masses of the sum, in the same buckets."""
    if row == VALUE:
        first, end = _bulk(a, b)
        times = next((times for most, times in FINER if 0 < end - first <= most), 1)
        if times > 1:
            bulks = []
            for masses in (a, b):
                bulks.append(masses * 0)
                bulks[-1][first:end] = masses[first:end]
            far = _coarse(a - bulks[0], b, row) + _coarse(bulks[0], b - bulks[1], row)
            return far + _fine(a, b, first, end, times)
    return _coarse(a, b, row)


def _bulk(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[int, int]:
    """Return (first, end) of the buckets that hold the bulk of both; the zero bucket does not count."""
    import numpy

    firsts, ends = [], []
    for masses in (a, b):
        firsts.append(max(1, int(numpy.searchsorted(masses.cumsum(), OUTSIDE, side="right"))))
        ends.append(COLUMNS - 1 - int(numpy.searchsorted(masses[-2::-1].cumsum(), OUTSIDE, side="right")))
    return min(firsts), max(ends)


def _coarse(a: NDArray[np.float64], b: NDArray[np.float64], row: int) -> NDArray[np.float64]:
    """Return the masses of the sum, added on the grid of the buckets."""
    import numpy

    out = numpy.zeros(COLUMNS + BUCKETS_PER_OCTAVE + 2)
    # Overflow plus anything is overflow.  Values of the zero bucket count as 0.  All others are added on the grid.
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
        _add_on_grid(a[first:end], b[first:end], out[first:], row, BUCKETS_PER_OCTAVE)
    out[COLUMNS - 1] += out[COLUMNS:].sum()
    return out[:COLUMNS]


def _fine(a: NDArray[np.float64], b: NDArray[np.float64], first: int, end: int, times: int) -> NDArray[np.float64]:
    """Return the masses of the sum of the values in a few buckets, added on a grid that is `times` as fine.

    Splitting a mass between two edges adds up to a quarter of a squared bucket width to the variance.  For a narrow
    distribution that is added a hundred times, this would be visible.
    """
    import numpy

    per_octave = BUCKETS_PER_OCTAVE * times
    fine = numpy.zeros((end - first) * times + per_octave + times)
    _add_on_grid(_spread(a, first, end, times), _spread(b, first, end, times), fine, VALUE, per_octave)
    out = numpy.zeros(COLUMNS)
    sums = fine.reshape(-1, times).sum(axis=1)
    inside = min(len(sums), COLUMNS - 1 - first)
    out[first : first + inside] = sums[:inside]
    out[-1] = sums[inside:].sum()
    return out


def _spread(masses: NDArray[np.float64], first: int, end: int, times: int) -> NDArray[np.float64]:
    """Return the masses of each bucket's `times` equal parts: see `mass_below`."""
    import numpy

    x = numpy.linspace(0, 1, times + 1)[:, None]
    below = mass_below(x, masses[first:end], masses[first - 1 : end - 1], masses[first + 1 : end + 1])
    parts: NDArray[np.float64] = numpy.maximum(numpy.diff(below, axis=0), 0).T.ravel()
    return parts


def _add_on_grid(
    a: NDArray[np.float64], b: NDArray[np.float64], out: NDArray[np.float64], row: int, per_octave: int
) -> None:
    """Add the masses of all sums of values on the grid to `out`, which is longer by one octave and one."""
    size = len(a)
    out[per_octave : per_octave + size] += a * b  # twice the value is exactly an octave above
    shifts = _shifts(per_octave)
    for d in range(1, min(len(shifts), size)):
        mass = a[d:] * b[:-d]
        mass += a[:-d] * b[d:]
        floor, share = shifts[d]
        if row == UPPER:
            floor += 1
        elif row == VALUE:
            up = mass * (1 - share)
            out[d + floor + 1 : size + floor + 1] += up
            mass -= up
        out[d + floor : size + floor] += mass
    if size > len(shifts):
        _add_far(a, b, out, row, per_octave)


def _find_shifts(per_octave: int) -> list[tuple[int, float]]:
    """Return, by distance, floor(z) and the share at floor(z); see the top of this module.

    The list ends at the distance from which on z is less than one bucket: g**-d < g - 1.
    """
    growth = 2 ** (1 / per_octave)
    shifts = [(per_octave, 1.0)]
    for d in range(1, math.ceil(-per_octave * math.log2(growth - 1))):
        u = 2 ** (-d / per_octave)
        floor = math.floor(per_octave * math.log2(1 + u))
        below = 2 ** (floor / per_octave)
        shifts.append((floor, (below * growth - (1 + u)) / (below * (growth - 1))))
    return shifts


_shifts = functools.lru_cache(maxsize=8)(_find_shifts)  # not a decorator: stubtest cannot check its result


def _add_far(
    a: NDArray[np.float64], b: NDArray[np.float64], out: NDArray[np.float64], row: int, per_octave: int
) -> None:
    """Add the masses of the sums that lie less than one bucket above their larger part."""
    import numpy

    size, far = len(a), len(_shifts(per_octave))
    near = slice(0, size - far)  # of the smaller part, if the larger one is at `far` or above
    mass = a[far:] * b[near].cumsum() + b[far:] * a[near].cumsum()
    if row == LOWER:
        out[far:size] += mass
    elif row == UPPER:
        out[far + 1 : size + 1] += mass
    else:  # the share g**-d/(g - 1) goes one bucket up: a sum over d that is cumulative, too
        powers = numpy.exp2(numpy.arange(size) / per_octave)
        up = a[far:] * (b[near] * powers[near]).cumsum() + b[far:] * (a[near] * powers[near]).cumsum()
        up /= powers[far:] * (2 ** (1 / per_octave) - 1)
        out[far:size] += mass - up
        out[far + 1 : size + 1] += up


def any_dependence(sf: NDArray[np.float64], parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the survival of a sum, with bounds that hold for any dependence between its parts.

    For every u, P(X + Y > t) is at most S_X(u) + S_Y(t - u), and at least S_X(u) + S_Y(t - u) - 1.  The bounds use the
    best u (Makarov, Theory of Probability & Its Applications 26, 1981, 803-806).  O(B^2 log B) for two parts.
    """
    import numpy

    low, high = parts[0][LOWER], parts[0][UPPER]
    for part in parts[1:]:
        low, high = _makarov(low, part[LOWER], upper=False), _makarov(high, part[UPPER], upper=True)
    return numpy.stack([numpy.minimum(low, sf[VALUE]), sf[VALUE], numpy.maximum(high, sf[VALUE])])


def _makarov(x: NDArray[np.float64], y: NDArray[np.float64], *, upper: bool) -> NDArray[np.float64]:
    """Return the least upper bound, or the greatest lower bound, of the survival of a sum at every edge."""
    import numpy

    edge = edges()[:-1]
    steps = numpy.flatnonzero(numpy.diff(x[:-1], prepend=1.0))
    best = numpy.full(COLUMNS, 1.0 if upper else 0.0)
    if upper:  # survival at u itself, and at the last edge before t - u; u = 0 and t - u = 0 exceed nothing
        for j in steps.tolist():
            place = edge.searchsorted(edge[j:] - edge[j], side="right")
            shares = x[j] + numpy.where(place > 0, y[place - 1], 1.0)
            best[j:-1] = numpy.minimum(best[j:-1], shares)
        best[-1] = min(1.0, x[-1] + y[-1])
    else:  # survival just below the step, and at the first edge from t - u on
        for j in steps.tolist():
            before = x[j - 1] if j else 1.0
            place = edge.searchsorted(edge - edge[j - 1] if j else edge, side="left")
            best[:-1] = numpy.maximum(best[:-1], before + y[place] - 1)
        best[-1] = max(x[-1], y[-1])
    return best
