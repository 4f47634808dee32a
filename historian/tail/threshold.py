"""The threshold of a tail fit: which ones are tried, the counts above one, and the test whether the model fits them."""

from __future__ import annotations

import math

from .._stats.pareto import Exceedances, maximum
from .._values.base import MAX_FLOAT
from .._values.text import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._values.base import BaseHistogram

__all__ = ["check_values", "edge_with", "exceedances", "fit_p_value", "lowest", "thresholds"]

ENOUGH = 8  # buckets above a threshold that is proposed
LEAST = 50  # values above a threshold: with fewer, intervals of 95 % miss too often
MOST = 10  # the lowest threshold leaves one value in so many above it
MANY = 500  # values above the lowest threshold: with 10,000, intervals for a lognormal held the truth in 25 %
TOO_LOW = 0.05  # p-value: a threshold with a smaller one is too low


def lowest(histogram: BaseHistogram) -> float:
    """Return the lowest threshold that its own values do not refute, nor those of any higher one."""
    found = None
    for threshold in reversed(list(thresholds(histogram))):
        edge, within = exceedances(histogram, threshold)
        point, _ = maximum(within.of_shape_and_scale, within.starts(), 1 / math.sqrt(within.above))
        if found is not None and fit_p_value(within, *point.tolist()) < TOO_LOW:
            break
        found = edge
    if found is None:
        raise ValueError(_no_threshold(histogram))
    return found


def _no_threshold(histogram: BaseHistogram) -> str:
    """Return why no threshold can be chosen, and what to do."""
    if histogram.count < LEAST * MOST:
        return f"a tail fit needs at least {LEAST * MOST} values, not {counted(histogram.count, 'value')}: record more"
    why = "the slowest tenth of the values is in too few buckets for a tail fit"
    lower = [edge for edge in histogram.upper[:-ENOUGH].tolist() if histogram._above(edge)[0] >= LEAST]
    if not lower:
        return f"{why}: record values that differ more"
    # Inside of the bucket that ends there, also when rounded: a bucket is 1.1 % wide.
    return f"{why}: pass a lower threshold, such as threshold={lower[-1] * 0.995:.3g}"


def thresholds(histogram: BaseHistogram) -> Iterator[float]:
    """Yield the thresholds to try, ascending: from the upper tenth, or 500 values, on, with half as many above each.

    With few values, the upper tenth may end inside of a bucket: then that whole bucket is above the threshold.
    """
    above, last = min(histogram.count // MOST, MANY), -1.0
    if LEAST <= above < 2 * LEAST and edge_with(histogram, above) is None:
        edges = [edge for edge in histogram.upper.tolist() if LEAST <= histogram._above(edge)[0] <= 2 * LEAST]
        yield from edges[-1:]
        return
    while above >= LEAST:
        edge = edge_with(histogram, above)
        if edge is not None and edge > last:
            last = edge
            yield edge
        above //= 2


def edge_with(histogram: BaseHistogram, above: int) -> float | None:
    """Return the lowest upper edge of a bucket with at most `above` values above it, if they are enough."""
    if above < LEAST:
        return None
    edge = histogram.quantile_bounds(1 - above / histogram.count)[1]
    return edge if histogram._above(edge)[0] >= LEAST else None


def check_values(histogram: BaseHistogram) -> None:
    """Raise unless all values were measured, and are in buckets with two edges."""
    if histogram.synthetic:
        raise ValueError("a tail fit needs measured values, not synthetic ones: fit them before their correction")
    if histogram.overflow_count:
        over = counted(histogram.overflow_count, "value")
        raise ValueError(
            f"a tail fit needs values of at most 2**64, the last edge, not {over} above: use a larger unit"
        )


def exceedances(histogram: BaseHistogram, threshold: float) -> tuple[float, Exceedances]:
    """Return the edge of the bucket of a threshold, and the counts above it; raise if they are too few."""
    import numpy

    check_values(histogram)
    upper, lower, counts = histogram.upper, histogram.lower, histogram.counts
    is_above = lower >= threshold
    above = int(counts[is_above].sum())
    if above < LEAST or above == histogram.count:
        raise ValueError(
            f"threshold must leave at least {LEAST} values above it, and some below, not {above:,} of "
            f"{histogram.count:,}: pass a {'higher' if above >= LEAST else 'lower'} one or record more"
        )
    edge = max(float(upper[~is_above][-1]), threshold)
    tops = numpy.minimum(upper[is_above], MAX_FLOAT)
    return edge, Exceedances(lower[is_above], tops, counts[is_above].astype(numpy.float64), edge, histogram.count)


# ---- does the model fit? ----


def fit_p_value(within: Exceedances, shape: float, log_scale: float) -> float:
    """Return the p-value of Pearson's test of the counts above a threshold, against the model with fitted parameters.

    Buckets are joined to cells that hold a sixth of the values expected beyond their lower edge, at least 5, so that
    the tail has cells of its own.  The number of cells is odd: two parameters and the total leave an even number of
    degrees of freedom, for which the distribution is a finite sum (Abramowitz & Stegun 26.4.5).  Source: Moore, in
    D'Agostino & Stephens, Goodness-of-Fit Techniques (1986), 3.
    """
    counts, expected = _cells(within, shape, math.exp(log_scale))
    freedom = len(counts) - 3
    if freedom < 2:
        return math.nan
    half = sum((n - e) ** 2 / e for n, e in zip(counts, expected)) / 2
    terms = (k * math.log(half) - math.lgamma(k + 1) - half if half else -math.inf for k in range(freedom // 2))
    return min(1.0, math.fsum(math.exp(one) for one in terms) if half else 1.0)


def _cells(within: Exceedances, shape: float, scale: float) -> tuple[list[float], list[float]]:
    """Return the counts of cells, and how many values the model expects there."""
    import numpy

    starts = numpy.append(within.lower, math.inf)
    with numpy.errstate(over="ignore", divide="ignore"):
        inside = numpy.maximum(1 + shape * starts / scale, 0.0)
        beyond = numpy.exp(-starts / scale) if abs(shape) < 1e-9 else inside ** (-1 / shape)
    beyond = within.above * numpy.append(beyond[:-1], 0.0)
    counts, expected, number, last = [], [], 0.0, within.above
    for k, n in enumerate(within.counts.tolist()):
        number += n
        after = float(beyond[k + 1])
        if last - after >= max(5.0, last / 6) and (after >= 5 or after == 0):
            counts.append(number)
            expected.append(last - after)
            number, last = 0.0, after
    if number or last:
        if not counts:
            return [number], [last]
        counts[-1] += number
        expected[-1] += last
    if len(counts) % 2 == 0:
        counts[-2:], expected[-2:] = [sum(counts[-2:])], [sum(expected[-2:])]
    return counts, expected
