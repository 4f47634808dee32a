"""Corrected histograms: intervals that come from the values that were measured.

A correction for coordinated omission adds values that were never measured.  They do not make a sample larger.  Each
measured value, together with the waits that were added for it, is one independent unit: a cluster.  A share of the
corrected histogram is a ratio, (waits above t)/(waits), of sums over the clusters.  Its variance gives the effective
sample size: the number of independent values that would tell as much.

If few long values carry most of the variance, little is known about it.  So Student's t is used, with the effective
number of clusters as degrees of freedom.  If no measured value is above t, nothing is known about the share above t: a
single longer stall would hide any number of waits.  Then there is no upper bound.

If the measured values are not known, there is no interval for sampling: the bounds are all that is possible.

Source: Cochran, Sampling Techniques (1977), 6.4 and 9A.2, for the variance of a ratio of sums over clusters; Kish,
Survey Sampling (1965), 11.7, for the effective number.
"""

from __future__ import annotations

from .._core import slot_of
from .._stats.beta_arrays import quantiles
from .._stats.binomial import share_lower, share_upper
from .._stats.normal import normal_quantile
from .._stats.student import student_quantile
from .._values.base import BaseHistogram, Origin
from .omission import clusters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "mean_size",
    "measured_count",
    "observed_size",
    "observed_sizes",
    "score_size",
    "share_bounds",
    "survival_bounds",
]

BLOCK = 64  # slots: with 3,400 values, a block then stays in the cache of a processor core


def share_bounds(
    histogram: BaseHistogram, t: float, confidence: float, size: float | None = None
) -> tuple[float, float]:
    """Return the bounds of the share above `t` of a histogram that holds values: Clopper-Pearson, and bucket width.

    `size` is the effective sample size, if it is known from windows.  Otherwise it is the number of measured values, or
    for synthetic values that of `observed_size`.
    """
    least, most = histogram._above(t)
    count = histogram.count
    if size is None and not histogram.synthetic:
        return share_lower(least, count - least, confidence), share_upper(most, count - most, confidence)
    if size is None:
        slot = slot_of(t) if t >= 0 else 0
        one = observed_size(histogram, least, slot, confidence)
        sizes = one, observed_size(histogram, most, max(0, slot - 1), confidence) if least < most else one
    else:
        sizes = size, size
    lower = share_lower(least / count * sizes[0], (count - least) / count * sizes[0], confidence)
    return lower, share_upper(most / count * sizes[1], (count - most) / count * sizes[1], confidence)


def measured_count(histogram: BaseHistogram) -> int:
    """Return the number of values that were measured; of all values, if that is not known."""
    origin = histogram._synthetic
    return origin.measured.count if isinstance(origin, Origin) else histogram.count


def observed_size(histogram: BaseHistogram, above: int, slot: int, confidence: float) -> float:
    """Return the effective sample size of a synthetic histogram for the share above the upper edge of a slot.

    `above` is the number of values there.  The size is 0 if nothing is known.  O(buckets).
    """
    import numpy

    return float(observed_sizes(histogram, numpy.array([above]), numpy.array([slot]), confidence)[0])


def observed_sizes(
    histogram: BaseHistogram, above: NDArray[np.int64], slots: NDArray[np.intp], confidence: float
) -> NDArray[np.float64]:
    """Return `observed_size` for each of ascending slots.  O(buckets * slots)."""
    import numpy

    found = numpy.zeros(len(slots))
    origin = histogram._synthetic
    if not isinstance(origin, Origin):
        return found
    found[above == histogram.count] = origin.measured.count
    inside = numpy.flatnonzero((above > 0) & (above < histogram.count))
    waits, counts = clusters(origin)
    for start in range(0, len(inside), BLOCK):
        part = inside[start : start + BLOCK]
        first, last = int(slots[part[0]]), int(slots[part[-1]])
        matrix = waits.above(first, last + 1)[:, slots[part] - first]
        found[part] = mean_size(matrix, waits.numbers, counts, confidence)
    return found


def survival_bounds(
    histogram: BaseHistogram,
    edges: NDArray[np.float64],
    points: list[float],
    confidence: float,
    size_at: Callable[[float], float] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the bounds of a histogram's shares above the upper edges of all slots, and above `points`.

    `size_at(t)` is the effective sample size for the share above t; without it, that of the synthetic histogram.  The
    share does not grow with time.  So at a later time, each bound is at most that of any earlier one.
    """
    import numpy

    above = histogram.count - numpy.array([histogram._counts.through(slot) for slot in range(len(edges))])
    steps = numpy.flatnonzero(numpy.diff(above, prepend=above[0] + 1))  # the share is constant between buckets
    shares = above[steps] / histogram.count
    ends: list[float | None] = [None if size_at is None else size_at(point) for point in points]
    if size_at is None:
        sizes = observed_sizes(histogram, above[steps], steps, confidence)
    else:
        sizes = numpy.array([size_at(edge) for edge in edges[steps].tolist()])
    good, bad = shares * sizes, (1 - shares) * sizes
    low, high = numpy.zeros(len(steps)), numpy.ones(len(steps))
    some, rest = good > 0, bad > 0
    low[some] = quantiles((1 - confidence) / 2, good[some], bad[some] + 1)[0]
    high[rest] = quantiles((1 - confidence) / 2, bad[rest], good[rest] + 1)[1]
    times = numpy.diff(numpy.append(steps, len(above)))
    at_points = zip(*(share_bounds(histogram, point, confidence, size) for point, size in zip(points, ends)))
    found = []
    for bounds, some_ends in zip((low, high), at_points):
        rows = numpy.minimum.accumulate(bounds.repeat(times))
        earlier = numpy.append(1.0, rows)[edges.searchsorted(points, side="right")]  # at the last edge up to the point
        found.append(numpy.append(rows, numpy.minimum(some_ends, earlier)))
    return found[0], found[1]


def score_size(histogram: BaseHistogram, score: float, near: int, far: int, confidence: float) -> float:
    """Return the effective sample size of a synthetic histogram for its Apdex `score`.

    Waits up to the upper edge of the slot `near` score 1, those up to the slot `far` score 1/2.
    """
    origin = histogram._synthetic
    if not isinstance(origin, Origin) or score == 1:  # a longer stall would hide any number of waits
        return 0.0
    if score == 0:
        return float(origin.measured.count)
    waits, counts = clusters(origin)
    scores = waits.numbers - (waits.above(near, near + 1)[:, 0] + waits.above(far, far + 1)[:, 0]) / 2
    return float(mean_size(scores[:, None], waits.numbers, counts, confidence)[0])


def mean_size(scores: Any, numbers: Any, counts: Any, confidence: float) -> NDArray[np.float64]:
    """Return the effective sample size for the ratio sum(counts * scores) / sum(counts * numbers), which is in 0..1.

    `scores` has the shape (clusters, questions).  Each of `counts` equal clusters has `numbers` values.  The size is at
    most the number of clusters.  The result is 0 where it is not known: for a ratio of 0, and for a single cluster.
    """
    import numpy

    clusters, total = counts.sum(), counts @ numbers
    shares = counts @ scores / total
    squares = (scores - numbers[:, None] * shares) ** 2
    spread, fourth = counts @ squares, counts @ squares**2
    found = numpy.zeros(len(shares))
    known = (shares > 0) & (spread > 0) & (clusters > 1)
    shares, spread, fourth = shares[known], spread[known], fourth[known]
    worse = _students(spread**2 / fourth, confidence) / normal_quantile((1 + confidence) / 2)
    variance = spread / total**2 * clusters / max(1.0, clusters - 1.0) * worse**2
    found[known] = numpy.minimum(shares * (1 - shares) / variance, clusters)
    return found


def _students(freedom: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Return quantiles of Student's t.  The degrees of freedom are rounded down to two digits: most are then equal."""
    import numpy

    scale = 10.0 ** numpy.floor(numpy.log10(numpy.maximum(freedom, 1.0)) - 1)
    rounded = numpy.maximum(1.0, numpy.floor(freedom / scale) * scale)
    different, where = numpy.unique(rounded, return_inverse=True)
    quantiles = [student_quantile((1 + confidence) / 2, one) for one in different.tolist()]
    found: NDArray[np.float64] = numpy.array(quantiles)[where.reshape(-1)] if quantiles else rounded
    return found
