"""Windows of time: the variance of a share or a mean that comes from consecutive windows.

Values of one burst lie in one window, so windows differ by more than independent values would.  A burst that outlasts a
window makes neighbouring windows alike.  Then the variance of the mean is larger than the windows' own differences
tell.  It is estimated from the slow parts of their differences: the first cosines of the series of windows, which have
the longest periods.  For independent windows, all cosines have the same variance.  The fewer are used, the longer the
bursts may be, but the less is known: with B cosines the interval is that of Student's t with B degrees of freedom.

Simulations show how often the intervals hold the truth: see docs/tail.md and ``benchmarks/accuracy_coverage.py``.

Source: Lazarus, Lewis, Stock & Watson, HAC Inference: Recommendations for Practice, Journal of Business & Economic
Statistics 36 (2018), 541-559, for cosines and Student's t; Andrews & Monahan, Econometrica 60 (1992), 953-966, for the
correction by an autoregression, and its use to choose how many.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .normal import normal_quantile
from .student import student_quantile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ENOUGH_WINDOWS", "Effective", "effective_sample_size", "long_run_variance", "windows_sample_size"]

#: From so many windows on, a burst in every tenth window is missed with a probability of at most 2.5 %: 0.9^36.
ENOUGH_WINDOWS = 36

#: With fewer degrees of freedom, 95 % intervals may hold the truth less often than in 93 of 100 simulated series.
ENOUGH_FREEDOM = 7

#: The mean variance of the cosines that are used must be at least this part of the variance at infinite period.
FLAT = 0.85

MAX_CORRELATION = 0.97


class Effective(NamedTuple):
    """An effective sample size, and how much is known about it."""

    size: float  # independent values that would tell as much, in (0, inf)
    freedom: int  # degrees of freedom of its estimate, from 1
    windows: int  # windows that hold values

    @property
    def is_uncertain(self) -> bool:
        """Whether too few windows are independent to tell how bursts come: the interval may be too narrow."""
        return self.windows < ENOUGH_WINDOWS or self.freedom < ENOUGH_FREEDOM


def effective_sample_size(p: float, deviations: Sequence[float], confidence: float, least: float) -> Effective:
    """Return the effective sample size of consecutive windows, for the share `p` in (0, 1) of all their values.

    `deviations` are those of the windows' weighted shares from p, in the order of time; they add up to 0.  `least` is
    the variance that p would have if all values were independent, which is its minimum.  The size is p(1 - p)/v, with v
    the variance of p, times the squared ratio of the normal quantile to Student's.  This ratio allows for the
    uncertainty of v.

    Source: Korn & Graubard, Survey Methodology 24 (1998), 193-201; the variance of a weighted mean by Cochran, Sampling
    Techniques (1977), 2.11.
    """
    variance, freedom = long_run_variance(deviations)
    worse = normal_quantile((1 + confidence) / 2) / student_quantile((1 + confidence) / 2, freedom)
    return Effective(p * (1 - p) / max(variance / worse**2, least), freedom, len(deviations))


def windows_sample_size(above: Sequence[float], counts: Sequence[float], confidence: float) -> Effective:
    """Return `effective_sample_size` for windows of `counts` values, `above` of them above; at most sum(counts)."""
    total = sum(counts)
    p = sum(above) / total
    if not 0 < p < 1:
        return Effective(total, _most_cosines(len(counts)), len(counts))
    deviations = [(a - p * n) / total for a, n in zip(above, counts)]
    return effective_sample_size(p, deviations, confidence, least=p * (1 - p) / total)


def long_run_variance(deviations: Sequence[float]) -> tuple[float, int]:
    """Return the variance of the sum of a series of two or more deviations, and its degrees of freedom.

    The deviations have a mean of 0.  As many cosines are used as have about the same variance, given the correlation
    of the series; their mean is corrected by what is expected to be missing.  O(n log n).
    """
    import numpy

    series = numpy.array(deviations, dtype=numpy.float64)
    n = len(series)
    squares = abs(numpy.fft.rfft(numpy.concatenate([series, series[::-1]]))[1:n]) ** 2 / 2  # of the cosines, times n
    correlation = _correlation(series)
    angles = numpy.pi / n * numpy.arange(1, n)
    spectrum = (1 - correlation) ** 2 / (1 - 2 * correlation * numpy.cos(angles) + correlation**2)  # 1 at angle 0
    flatness = spectrum.cumsum() / numpy.arange(1, n)
    used = min(max(int((flatness >= FLAT).sum()), 2), _most_cosines(n))
    return float(squares[:used].mean() / flatness[used - 1]), used


def _most_cosines(n: int) -> int:
    """Return the largest number of cosines to use of `n` windows: n^(2/3), so that any short dependence dies out."""
    return max(1, min(n - 1, max(2, round(math.pow(n, 2 / 3)))))


def _correlation(series: NDArray[np.float64]) -> float:
    """Return the correlation of neighbours in a series of mean 0, in [0, 0.97], and rather too much than too little.

    The estimate from lag 1 is corrected for its bias (Kendall, Biometrika 41, 1954, 403-404), and a standard error is
    added.  Random counts in each window lower the correlation at all lags by the same factor, so the ratio of lag 2 to
    lag 1 is free of it.  This ratio is used if it is larger and lag 1 is significant.
    """
    n, total = len(series), float(series @ series)
    if not total:
        return 0.0
    lags = [float(series[lag:] @ series[:-lag]) / total for lag in (1, 2)]
    bias = (1 + 3 * min(max(lags[0], 0.0), 1.0)) / n
    first, second = (lag + bias for lag in lags)
    found = first + 1 / math.sqrt(n)
    if found > 2.5 / math.sqrt(n):
        found = max(found, second / max(first, 0.05))
    return min(max(found, 0.0), MAX_CORRELATION)
