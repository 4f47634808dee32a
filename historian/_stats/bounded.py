"""Means of independent numbers from 0 to 1; for numbers that are 0 or 1, the interval is that of Clopper & Pearson.

Such a number is the share of all groups of calls of one request that were slow.  Clopper & Pearson's bounds are
quantiles of beta distributions.  Their moments are those of the sample with one more number: a 0 for the lower bound,
and a 1 for the upper bound, as Beta(c, N - c + 1) has the mean c/(N + 1).  For numbers between 0 and 1, the same is
done with their own mean and variance.  The number that is added, the worst one that may have been missed, keeps the
interval from being too narrow if few requests decide.  Simulations show how often the intervals hold the truth: see
docs/how-to/traces.md.

Source: Fay & Feuer, Confidence intervals for directly standardized rates, Statistics in Medicine 16 (1997), 791-801,
add the largest weight to a weighted sum of Poisson variables in the same way; here for the binomial distribution, by
the effective sample size of Korn & Graubard, Survey Methodology 24 (1998), 193-201.
"""

from __future__ import annotations

from .binomial import share_lower, share_upper

__all__ = ["mean_interval"]


def mean_interval(total: float, squares: float, count: float, confidence: float) -> tuple[float, float]:
    """Return the interval of the mean of `count` numbers in 0..1, given their sum and the sum of their squares.  O(1).

    >>> [round(bound, 4) for bound in mean_interval(100, 100, 10_000, 0.95)]  # a hundred are 1, all others 0
    [0.0081, 0.0121]
    >>> [round(bound, 4) for bound in mean_interval(100, 50, 10_000, 0.95)]  # two hundred are 1/2
    [0.0087, 0.0115]
    """
    low, size = _with_one_more(total, squares, count + 1)
    high, larger = _with_one_more(total + 1, squares + 1, count + 1)
    lower = share_lower(low * size, (1 - low) * size - 1, confidence) if total > 0 else 0.0
    upper = share_upper(high * larger - 1, (1 - high) * larger, confidence) if total < count else 1.0
    return lower, upper


def _with_one_more(total: float, squares: float, count: float) -> tuple[float, float]:
    """Return the mean of numbers, and how many independent numbers 0 and 1 would have the same variance of the mean."""
    mean = total / count
    variance = max(squares / count - mean * mean, 1e-300)
    return mean, max(count, min(count * mean * (1 - mean) / variance, 1e15))
