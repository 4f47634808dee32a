"""Windows of time: the variance of a share or a mean that comes from consecutive windows.

Values of one burst lie in one window, so windows differ by more than independent values would.  A burst that outlasts a
window makes neighbouring windows alike.  Then the variance of the mean is larger than the windows' own differences
tell.  It is estimated in two ways, and the wider interval counts:

- From the slow parts of the differences: the first cosines of the series of windows, which have the longest periods.
  For independent windows, all cosines have the same variance.  The fewer are used, the longer the bursts may be, but
  the less is known: with B cosines the interval is that of Student's t with B degrees of freedom.
- From bursts: a cycle begins where the windows rise above the mean, and ends where the next one begins.  The sums over
  cycles are about independent, however long bursts last.  If few cycles carry most of the variance, few degrees of
  freedom are left.  So rare bursts count as few, even among many quiet windows.

Simulations show how often the intervals hold the truth: see docs/tail.md and ``benchmarks/coverage_windows.py``.

Source: Lazarus, Lewis, Stock & Watson, HAC Inference: Recommendations for Practice, Journal of Business & Economic
Statistics 36 (2018), 541-559, for cosines and Student's t; Andrews & Monahan, Econometrica 60 (1992), 953-966, for the
correction by an autoregression, and its use to choose how many; Crane & Lemoine, An Introduction to the Regenerative
Method for Simulation Analysis (1977), for cycles; Kish, Survey Sampling (1965), 11.7, for the effective numbers of
bursts and of windows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .beta import quantile
from .normal import normal_quantile
from .student import student_quantile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ENOUGH_BURSTS",
    "ENOUGH_EQUAL",
    "ENOUGH_FREEDOM",
    "ENOUGH_WINDOWS",
    "Effective",
    "dependence_sizes",
    "effective_sample_size",
    "half_width",
    "long_run_variance",
    "long_run_variances",
    "windows_sample_size",
]

#: From so many windows on, a burst in every tenth window is missed with a probability of at most 2.5 %: 0.9^36.
ENOUGH_WINDOWS = 36

#: With fewer windows of equal size, 95 % intervals may hold the truth in fewer than 90 of 100 simulated series.
ENOUGH_EQUAL = 12.0

#: With fewer bursts, or with fewer degrees of freedom, they may hold it in fewer than 93 of 100.
ENOUGH_BURSTS = 3.0
ENOUGH_FREEDOM = 5

#: Windows are alike, without bursts, if the variance is at most so many times that of independent values.
ALIKE = 2.0

#: The mean variance of the cosines that are used must be at least this part of the variance at infinite period.
FLAT = 0.85

MAX_CORRELATION = 0.97

#: Degrees of freedom that stand for infinitely many.
MANY = 1e9

#: Up to the first skewness, the sums over cycles show their fourth moment; from the second on, they do not.
SKEWED = (1.0, 2.5)


class Effective(NamedTuple):
    """An effective sample size, and how much is known about it."""

    size: float  # independent values that would tell as much, in [0, inf); 0 if all values are in one window
    freedom: int  # degrees of freedom of the cosines, from 1; 0 for a single window
    windows: int  # windows that hold values, from 1
    equal: float  # windows of equal size that would tell as much, in [1, windows]
    bursts: float  # effective number of bursts, from 1; infinity if the windows are alike, 0 for a single window

    @property
    def is_alike(self) -> bool:
        """Whether the windows differ no more than those of independent values do: no burst was seen."""
        return self.bursts == math.inf

    @property
    def is_uncertain(self) -> bool:
        """Whether there are too few windows or bursts to tell how bursts come: the interval may be too narrow."""
        few = self.freedom < ENOUGH_FREEDOM or self.bursts < ENOUGH_BURSTS
        return self.windows < ENOUGH_WINDOWS or self.equal < ENOUGH_EQUAL or (few and not self.is_alike)

    @property
    def unseen(self) -> int:
        """The number of windows from one burst to the next, on average, for which these may well hold no burst.

        Bursts that come at random, once in so many windows, are all missed with a probability of 2.5 %.
        """
        return max(1, int(self.windows / -math.log(0.025)))


def effective_sample_size(
    p: float, deviations: Sequence[float], weights: Sequence[float], confidence: float, least: float
) -> Effective:
    """Return the effective sample size of consecutive windows, for the share `p` in (0, 1) of all their values.

    `deviations` are those of the windows' weighted shares from p, in the order of time; they add up to 0.  `weights`
    are positive and add up to 1.  `least` is the variance that p would have if all values were independent, which is
    its minimum.  The size is p(1 - p)/v, with v the variance of p, times the squared ratio of the normal quantile to
    Student's.  This ratio allows for the uncertainty of v.  The size is 0 if there is only one window, because nothing
    is known of how windows differ.

    Source: Korn & Graubard, Survey Methodology 24 (1998), 193-201; the variance of a weighted mean by Cochran, Sampling
    Techniques (1977), 2.11.
    """
    if len(deviations) == 1:
        return Effective(0.0, 0, 1, 1.0, 0.0)
    found = _variances(deviations, weights)
    probability, bursts = (1 + confidence) / 2, found.bursts
    if found.factor * max(variance for variance, _ in found.ways) <= ALIKE * least:
        bursts = math.inf
    widest = found.widest(confidence) ** 2 / normal_quantile(probability) ** 2
    freedom = int(found.ways[0][1])
    return Effective(p * (1 - p) / max(widest, least), freedom, len(deviations), found.equal, bursts)


def dependence_sizes(
    above: Sequence[float], counts: Sequence[float], confidence: float
) -> tuple[float, float, float] | None:
    """Return how many independent values would tell as much as those of two or more windows, and the bounds.

    It is p(1 - p)/v, at most the number of values, v the variance of their share p.  f v'/v of an estimate v' with f
    degrees of freedom is chi-squared.  The bounds are the outer ones of both ways to estimate v.  None if p is 0 or 1.
    """
    total = sum(counts)
    p = sum(above) / total
    if not 0 < p < 1:
        return None
    deviations = [(a - p * n) / total for a, n in zip(above, counts)]
    found = _variances(deviations, [count / total for count in counts])
    alpha, values, bounds = (1 - confidence) / 2, [], []
    for variance, freedom in found.ways:
        size = p * (1 - p) / max(found.factor * variance, 1e-300)
        values.append(min(size, total))
        bounds += [min(size * chi_square(one, freedom) / freedom, total) for one in (alpha, 1 - alpha)]
    return min(values), min(bounds), max(bounds)


def chi_square(p: float, freedom: float) -> float:
    """Return the quantile of the chi-squared distribution: the limit of that of Snedecor's F, by a beta distribution.

    Relative error 1e-7 up to 100 degrees of freedom.  Source: Johnson, Kotz & Balakrishnan, Continuous Univariate
    Distributions 2 (1995), 27.1.

    >>> round(chi_square(0.975, 10), 3)
    20.483
    """
    x, y = quantile(p, freedom / 2, MANY / 2)
    return MANY * x / y


class _Variances(NamedTuple):
    """The variance of a weighted mean of windows, as both ways estimate it."""

    ways: list[tuple[float, float]]  # of cosines, and of cycles if there are two or more: the variance, its freedom
    bursts: float  # from 1
    equal: float  # windows of equal size that would tell as much
    factor: float  # correction of variances for unequal weights, from 1

    def widest(self, confidence: float) -> float:
        """Return half the width of the wider interval of the mean, by Student's t."""
        ways = (variance * student_quantile((1 + confidence) / 2, known) ** 2 for variance, known in self.ways)
        return math.sqrt(self.factor * max(ways))


def half_width(deviations: Sequence[float], confidence: float) -> float:
    """Return half the width of the interval of the sum of a series of two or more deviations, which add up to 0."""
    return _variances(deviations, [1 / len(deviations)] * len(deviations)).widest(confidence)


def _variances(deviations: Sequence[float], weights: Sequence[float]) -> _Variances:
    """Estimate the variance of the sum of two or more deviations in both ways."""
    import numpy

    equal, factor = _unequal(numpy.array(weights, dtype=numpy.float64))
    ways: list[tuple[float, float]] = [long_run_variance(deviations)]
    of_cycles, known, bursts = _cycles(numpy.array(deviations, dtype=numpy.float64))
    if of_cycles > 0:
        ways.append((of_cycles, known))
    return _Variances(ways, bursts, equal, factor)


def windows_sample_size(above: Sequence[float], counts: Sequence[float], confidence: float) -> Effective:
    """Return `effective_sample_size` for windows of `counts` values, `above` of them above; at most sum(counts)."""
    total, windows = sum(counts), len(counts)
    p = sum(above) / total
    weights = [count / total for count in counts]
    if windows > 1 and not 0 < p < 1:
        return Effective(total, _most_cosines(windows), windows, 1 / sum(w * w for w in weights), math.inf)
    deviations = [(a - p * n) / total for a, n in zip(above, counts)]
    return effective_sample_size(p, deviations, weights, confidence, least=p * (1 - p) / total)


def _unequal(weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the number of equal windows that tell as much as those of these weights, and the correction of variances.

    Deviations from a mean are too small for a window that makes up most of this mean.  With equal variances s^2, their
    sum of squares is on average s^2 times the sum of w^2 - 2 w^3 + w^2 W, W the sum of all w^2; that of the mean is
    s^2 W.  The correction is relative to that of equal weights, n/(n - 1).
    """
    n, squares = len(weights), weights**2
    total = float(squares.sum())
    expected = float((squares * ((1 - weights) ** 2 + (total - squares))).sum())
    return 1 / total, max(1.0, total * (n - 1) / n / expected) if expected > 0 else math.inf


def _cycles(series: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the variance of the sum of a series of mean 0, its degrees of freedom, and a number of bursts.

    They come from the cycles of the series.  A cycle begins with a rise above 0; the last one goes on at the start of
    the series.  The variance is 0 if there is only one cycle.  The number of bursts is that of equal ones which would
    be as uncertain.

    The degrees of freedom follow from the fourth moment of the cycles' sums: 2n/(kurtosis - 1).  If windows are skewed,
    as those of rare bursts are, few sums do not show their fourth moment.  Then their effective number n/kurtosis is
    used, which is less.
    """
    import numpy

    starts = numpy.flatnonzero((series > 0) & (numpy.roll(series, 1) <= 0))
    if len(starts) < 2:
        return 0.0, 1.0, 1.0
    turned, starts = numpy.roll(series, -starts[0]), starts - starts[0]
    squares = numpy.add.reduceat(turned, starts) ** 2
    bursts = numpy.add.reduceat(turned.clip(min=0), starts)
    n, total = len(starts), float(squares.sum())
    if not total:
        return 0.0, 1.0, float(n)
    few = total**2 / float(squares @ squares)  # in [1, n]
    many = max(few, min(n - 1.0, 2 * n * few / (n - few))) if few < n else few
    low, high = SKEWED
    skewness = float((series**3).mean() / (series**2).mean() ** 1.5)
    freedom = few + (many - few) * min(max((high - skewness) / (high - low), 0.0), 1.0)
    return total * n / (n - 1), freedom, float(bursts.sum() ** 2 / (bursts @ bursts))


def long_run_variance(deviations: Sequence[float]) -> tuple[float, int]:
    """Return the variance of the sum of a series of two or more deviations, and its degrees of freedom.

    The deviations have a mean of 0.  As many cosines are used as have about the same variance, given the correlation
    of the series; their mean is corrected by what is expected to be missing.  O(n log n).
    """
    import numpy

    variances, used = long_run_variances(numpy.array([deviations], dtype=numpy.float64))
    return float(variances[0]), int(used[0])


def long_run_variances(series: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return `long_run_variance` of each row, shape (series,) both."""
    import numpy

    n = series.shape[1]
    squares = abs(numpy.fft.rfft(numpy.concatenate([series, series[:, ::-1]], axis=1))[:, 1:n]) ** 2 / 2  # times n
    correlation = _correlations(series)[:, None]
    angles = numpy.pi / n * numpy.arange(1, n)  # of the cosines
    spectrum = (1 - correlation) ** 2 / (1 - 2 * correlation * numpy.cos(angles) + correlation**2)  # 1 at angle 0
    flatness = spectrum.cumsum(axis=1) / numpy.arange(1, n)
    used = numpy.minimum(numpy.maximum((flatness >= FLAT).sum(axis=1), 2), _most_cosines(n))
    last = used[:, None] - 1
    sums, flat = (numpy.take_along_axis(one, last, axis=1)[:, 0] for one in (squares.cumsum(axis=1), flatness))
    return sums / used / flat, used


def _most_cosines(n: int) -> int:
    """Return the largest number of cosines to use of `n` windows: n^(2/3), so that any short dependence dies out."""
    return max(1, min(n - 1, max(2, round(math.pow(n, 2 / 3)))))


def _correlations(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of neighbours in each row of mean 0, in [0, 0.97], and rather too much than too little.

    The estimate from lag 1 is corrected for its bias (Kendall, Biometrika 41, 1954, 403-404), and a standard error is
    added.  Random counts in each window lower the correlation at all lags by the same factor, so the ratio of lag 2 to
    lag 1 is free of it.  This ratio is used if it is larger and lag 1 is significant.
    """
    import numpy

    n, totals = series.shape[1], (series * series).sum(axis=1)
    positive = numpy.where(totals > 0, totals, 1.0)
    lags = [(series[:, lag:] * series[:, :-lag]).sum(axis=1) / positive for lag in (1, 2)]
    bias = (1 + 3 * lags[0].clip(0.0, 1.0)) / n
    first, second = (lag + bias for lag in lags)
    found = first + 1 / math.sqrt(n)
    larger = numpy.maximum(found, second / numpy.maximum(first, 0.05))
    found = numpy.where(found > 2.5 / math.sqrt(n), larger, found)
    return numpy.where(totals > 0, found.clip(0.0, MAX_CORRELATION), 0.0)
