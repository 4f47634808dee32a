"""A leaf of a request tree: the distribution of the times that a histogram holds."""

from __future__ import annotations

from .._stats.beta_family import quantiles_of_counts
from .._stats.checks import check_confidence
from .._values.text import counted
from ..buckets import MIN_INDEX
from .columns import COLUMNS, edges
from .dist import EDGES_METHOD, Dist, unknown
from .extremes import points
from .measurements import measured_count, survival_bounds
from .sampling import WINDOWS_METHOD, effective_sample_size, sampled, share_method, warn_if_uncertain, windows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .._stats.windows import Effective
    from .._values.base import BaseHistogram
    from .._values.timed import _Windows

__all__ = ["from_histogram"]


def from_histogram(histogram: BaseHistogram, confidence: float | None, windows: _Windows | None = None) -> Dist:
    """Answer `Histogram.dist`; the intervals of its shares are those of Clopper & Pearson."""
    import numpy

    if confidence is not None:
        confidence = check_confidence(confidence)
    parts = None if windows is None else windows_of(histogram, windows)
    if not histogram.count:
        return unknown(histogram.unit)
    counts = numpy.zeros(COLUMNS, dtype=numpy.int64)
    counts[histogram.indices - (MIN_INDEX - 1)] = histogram.counts
    total = histogram.count
    above = numpy.append(counts[:0:-1].cumsum()[::-1], 0)
    extremes = histogram.min, histogram.max
    least, most = (numpy.append(above, ends) for ends in zip(*map(histogram._above, points(extremes))))
    why: tuple[str, ...] = ("bucket width",)
    low, value, high = least / total, least / total, most / total
    if confidence is not None:
        reason = sampled(histogram)
        if parts is not None:
            low, high, reason = _bounds_in_windows(histogram, parts, confidence)
        elif histogram.synthetic:
            low, high = survival_bounds(histogram, edges(), points(extremes), confidence)
        else:
            distinct = numpy.unique(numpy.append(least, most[COLUMNS:]))  # few: it is constant between buckets
            bounds = _intervals(distinct, total, confidence)
            low, high = (bound[distinct.searchsorted(some)] for bound, some in zip(bounds, (least, most)))
        why = (reason, *why)
    rows, load = numpy.stack([low, value, high]), (0.0, 0.0, 0.0, 1.0)
    known: Any = {"unit": histogram.unit, "count": measured_count(histogram), "why": why, "confidence": confidence}
    method = share_method(histogram) if parts is None else WINDOWS_METHOD
    return Dist(rows, extremes=extremes, load=load, method=method if confidence is not None else EDGES_METHOD, **known)


def _bounds_in_windows(
    histogram: BaseHistogram, windows: list[BaseHistogram], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Return the bounds of `survival_bounds` by windows, and the reason.  Warn if too few windows are independent.

    This may differ from time to time.  The warning is given if it is so for more than half of the shares.
    """
    sizes: dict[float, Effective] = {}

    def size_at(t: float) -> float:
        if t not in sizes:
            sizes[t] = effective_sample_size(histogram, windows, t, confidence)
        return sizes[t].size

    extremes = points((histogram.min, histogram.max))
    low, high = survival_bounds(histogram, edges(), extremes, confidence, size_at)
    uncertain = [one for one in sizes.values() if one.is_uncertain]
    few = ""
    if len(uncertain) > len(sizes) / 2:
        warn_if_uncertain(uncertain[len(uncertain) // 2], stacklevel=5)
        few = ", too few independent ones"
    return low, high, f"{sampled(histogram)}, in {counted(len(windows), 'window')}{few}"


def _intervals(above: NDArray[np.int64], total: int, confidence: float) -> tuple[NDArray[np.float64], ...]:
    """Return the bounds of Clopper and Pearson's intervals of the shares `above` of a total."""
    import numpy

    counts = numpy.concatenate([above[above > 0], total - above[above < total]]).astype(numpy.float64)
    share, other = quantiles_of_counts((1 - confidence) / 2, counts, float(total))
    low, high = numpy.zeros(len(above)), numpy.ones(len(above))
    seen = numpy.count_nonzero(above)
    low[above > 0], high[above < total] = share[:seen], other[seen:]  # an upper bound is 1 - the rest's lower bound
    return low, high
