"""Dependence of two columns by their ranks: Spearman's correlation and tail dependence; ranks with other distributions.

Ranks do not depend on how long calls take, only on which requests are slow in both.  So they may be combined with
distributions that are better known, those of histograms: the k-th fastest of N calls becomes a quantile between
(k - 1)/N and k/N, at random.  It is the empirical copula (Deheuvels, Bulletin de l'Academie Royale de Belgique 65,
1979), which weather forecasts use as the Schaake shuffle (Clark et al., Journal of Hydrometeorology 5, 2004, 243-262).

Source of the standard error of Spearman's correlation, which holds for any dependence: Borkowf, Computational
Statistics & Data Analysis 39 (2002), 271-286, here by the influence of each request; of the tail dependence chi(q):
Coles, Heffernan & Tawn, Extremes 2 (1999), 339-365.
"""

from __future__ import annotations

import math

from .._stats.binomial import share_interval
from .._stats.correlation import LEAST, NEAR, unseen
from .._stats.student import student_quantile

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .._values.base import BaseHistogram

    _Floats = NDArray[np.float64]

__all__ = ["spearman", "tail_dependence", "with_margin"]


def spearman(a: _Floats, b: _Floats, confidence: float) -> tuple[float, float, float]:
    """Return Spearman's correlation of two columns of at least two rows, and its bounds; NaN if a column is constant.

    The interval is that of Student's t with n - 2 degrees of freedom, on the axis of Fisher's transformation.  It holds
    what `unseen` says, so equal ranks do not make it certain.  The bounds are -1 and 1 for fewer than eight rows.
    O(n log n).
    """
    import numpy

    n = len(a)
    u, v = (_middle_ranks(one) / n - 0.5 for one in (a, b))
    scale = math.sqrt(float(u @ u) * float(v @ v)) / n
    if not scale:
        return math.nan, -1.0, 1.0
    value = min(max(float(u @ v) / n / scale, -1.0), 1.0)
    if n < LEAST:
        return value, -1.0, 1.0
    low = high = value
    if abs(value) < NEAR:
        error = float(numpy.std(u * v + _sum_above(u, v) / n + _sum_above(v, u) / n)) / scale / math.sqrt(n)
        center, width = math.atanh(value), student_quantile((1 + confidence) / 2, n - 2) * error / (1 - value * value)
        low, high = math.tanh(center - width), math.tanh(center + width)
    rest = unseen(value, n, confidence)
    return value, min(low, rest), max(high, rest)


def tail_dependence(a: _Floats, b: _Floats, q: float, confidence: float) -> tuple[float, float, float]:
    """Return the share of the calls above the q-quantile of b among those above the q-quantile of a, with its bounds.

    Both have the same number of calls above their quantile, apart from ties.  NaN if there are none.  O(n log n).
    """
    import numpy

    above = [one > numpy.quantile(one, q, method="inverted_cdf") for one in (a, b)]
    both = int((above[0] & above[1]).sum())
    of = math.sqrt(float(above[0].sum()) * float(above[1].sum()))
    if not of:
        return math.nan, 0.0, 1.0
    return min(1.0, both / of), *share_interval(both, max(0.0, of - both), confidence)


def with_margin(column: _Floats, histogram: BaseHistogram, rng: np.random.Generator) -> _Floats:
    """Return values of a histogram with the ranks of a column.  Ties get different ranks, at random.  O(n log n)."""
    import numpy

    n = len(column)
    order = numpy.lexsort((rng.random(n), column))
    share = numpy.empty(n)
    share[order] = (numpy.arange(n) + rng.random(n)) / n
    slots, counts = histogram._counts.pairs()
    values = numpy.array([histogram._value(slot) for slot in slots])
    below = numpy.cumsum(counts)
    found: _Floats = values[below.searchsorted(share * histogram.count, side="right").clip(max=len(below) - 1)]
    return found


def _middle_ranks(column: _Floats) -> _Floats:
    """Return the ranks of a column, from 1/2 to n - 1/2; those of ties are their mean."""
    ordered = column.copy()
    ordered.sort()
    found: _Floats = (ordered.searchsorted(column, side="left") + ordered.searchsorted(column, side="right")) / 2
    return found


def _sum_above(u: _Floats, v: _Floats) -> _Floats:
    """Return, for each row, the sum of v over all rows with a larger u; rows with the same u count half."""
    import numpy

    order = u.argsort(kind="stable")
    ordered = u[order]
    sums = numpy.append(0.0, v[order].cumsum())
    low, high = ordered.searchsorted(u, side="left"), ordered.searchsorted(u, side="right")
    found: _Floats = sums[-1] - (sums[low] + sums[high]) / 2
    return found
