"""Ranks: which of the recorded values is a quantile, from the number as it was written.

The rank of the q-quantile of N values is the smallest r whose cumulative share r/N is at least q.  A float64 is seldom
the decimal that was written: 0.999 is stored as a number slightly above 0.999 or below.  ``ceil(q * N)`` therefore
finds the 1,000th of 1,000 values for some decimals instead of the 999th.  Here, r/N is rounded to float64 as q was, and
then compared.  The result is the same for the decimal itself: a decimal of m <= 10**6 in its digits and a share r/N
that differ have a relative difference of at least 1/(m*N).  Rounding to float64 moves each by at most 2**-53.  So both
become the same float64 only if m*N >= 2**52.  Beyond that, the decimal is read from its digits.

A share r/N that was computed, such as 5/7 or the result of `cdf`, is a number of 16 or 17 digits.  It has the rank r.
"""

from __future__ import annotations

from math import ceil

__all__ = ["LESS", "MAX_COUNT", "rank_of", "rank_of_percentile"]

#: Up to this number of values, comparing float64 numbers is exact for decimals of up to six digits.
MAX_COUNT = 2**52 // 10**6

#: A factor that reduces a product by more than three roundings can increase it.  So `ceil` of the product is the rank
#: or one less, never one more.
LESS = 1 - 6e-16

DIGITS = 6  # a number with more digits may be a computed share


def rank_of(q: float, count: int) -> int:
    """Return the rank of the q-quantile of `count` values, from 1 to `count`, for q in 0..1.

    >>> rank_of(0.999, 1_000), rank_of(5 / 7, 7)
    (999, 5)
    """
    if count > MAX_COUNT:
        return _rank_of_many(q, count, 1)
    rank = ceil(q * count * LESS)
    if rank / count < q:
        return rank + 1
    return rank or 1


def rank_of_percentile(p: float, count: int) -> int:
    """Return the rank of the p-th percentile of `count` values, from 1 to `count`, for p in 0..100.

    >>> rank_of_percentile(99.9, 1_000), ceil(99.9 / 100 * 1_000)
    (999, 1000)
    """
    if count > MAX_COUNT:
        return _rank_of_many(p, count, 100)
    rank = ceil(p * count / 100 * LESS)
    if 100 * rank / count < p:
        return rank + 1
    return rank or 1


def _rank_of_many(q: float, count: int, top: int) -> int:
    from .decimals import written

    decimal = written(q)
    numerator, denominator = decimal.as_integer_ratio()
    rank, rest = divmod(numerator * count, denominator * top)
    if rest and not (len(decimal.normalize().as_tuple().digits) > DIGITS and top * rank / count == q):
        rank += 1
    return rank or 1
