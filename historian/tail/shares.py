"""Shares of users who wait for any of n calls, computed from the share of slow calls.

Every formula keeps its digits for shares down to 1e-300: all differences from 1 are computed by log1p and expm1.
"""

from __future__ import annotations

import math
from decimal import Decimal

from .._stats.binomial import share_interval
from .._stats.windows import effective_sample_size, windows_sample_size
from .._values.decimals import PRECISE, log, whole, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DEPENDENCE",
    "ROUNDING",
    "any_of",
    "any_of_correlated",
    "any_over_windows",
    "any_without",
    "calls_for",
    "calls_within",
    "leaf_tail",
    "tail_of",
]

#: The possible assumptions about the dependence between calls.
DEPENDENCE = ("independent", "positive", "any")

DIGITS = 12  # a number with more digits is a computed share, not a decimal that was written

TERMS = 64  # of a sum that are added: Euler and Maclaurin's formula then has an error of 1e-14

#: Nodes and weights of Gauss and Legendre's formula with ten points, on -1 to 1 (DLMF 3.5.5).
NODES = tuple(
    (sign * node, weight)
    for node, weight in (
        (0.14887433898163122, 0.29552422471475287),
        (0.4333953941292472, 0.26926671930999635),
        (0.6794095682990244, 0.21908636251598204),
        (0.8650633666889845, 0.14945134915058059),
        (0.9739065285171717, 0.06667134430868814),
    )
    for sign in (-1, 1)
)

#: Shares with a relative difference up to this count as equal: every formula here has a relative error of 1e-14.
ROUNDING = 1e-14


def tail_of(q: float) -> float:
    """Return the share above the q-quantile, 1 - q, with q read as the decimal that was written.

    In float64, 1 - 0.9 would leave less than one value of ten.  A number of more than twelve digits was computed: then
    its largest rounding error is added, for the same reason.

    >>> 1 - 0.9, tail_of(0.9), tail_of(0.999999999999)
    (0.09999999999999998, 0.1, 1e-12)
    """
    decimal = written(q)
    if len(decimal.as_tuple().digits) <= DIGITS:
        return float(PRECISE.subtract(1, decimal))
    return 1 - q + math.ulp(q) / 2


def any_of(tail: float, n: float) -> float:
    """Return 1 - (1 - tail)**n: the share of users who wait for any of n independent calls.

    Relative error 1e-14.  Source: Dean & Barroso, The Tail at Scale (2013).

    >>> round(any_of(0.01, 100), 10)
    0.6339676587
    """
    if tail == 1 or n == 1:
        return tail
    return -math.expm1(n * math.log1p(-tail))


def leaf_tail(p: float, n: float) -> float:
    """Return the tail of one call for which `any_of` gives p: 1 - (1 - p)**(1/n)."""
    return 1.0 if p == 1 else -math.expm1(math.log1p(-p) / n)


def calls_for(p: float, tail: float) -> float:
    """Return the number of independent calls for which `any_of` gives p; infinity for p = 1."""
    return math.inf if p == 1 or tail == 0 else math.log1p(-p) / math.log1p(-tail) if tail < 1 else 0.0


def calls_within(p: float, tail: float, ratio: tuple[int, int] | None) -> float:
    """Return the largest number of independent calls for which `any_of` gives at most p, as `Fanout.max_n` does.

    `ratio` is the tail as two whole numbers, if it is a share of recorded calls.
    """
    if tail == 0 or p == 1:
        return math.inf
    if tail == 1:
        return 0
    if p < 0.999 and tail < 0.999:
        near = math.log1p(-p) / math.log1p(-tail)
        if abs(near - round(near)) > 1e-9 * max(1.0, near):  # its relative error is below 1e-12
            return math.floor(near)
    exact, decimal = Decimal(tail) if ratio is None else PRECISE.divide(*ratio), written(p)
    others = log(PRECISE.subtract(1, decimal)), log(PRECISE.subtract(1, exact))
    n = whole(PRECISE.divide(*others), up=False)
    # One more is right if p is a computed result of p_wait, which may be rounded down.
    is_computed = len(decimal.as_tuple().digits) > DIGITS
    return n + 1 if is_computed and any_of(tail, n) < any_of(tail, n + 1) == p else n


def any_of_correlated(tail: float, n: int, correlation: float) -> float:
    """Return the share of users who wait for any of n calls, if the slowness of any two has this correlation, 0..1.

    Beta-binomial, a = p(1/r - 1) and b = (1 - p)(1/r - 1): P = 1 - prod (b + i)/(a + b + i), i from 0 to n - 1.  It is
    computed as a sum of logarithms, since differences of betaln would lose every digit.  O(log n).  Relative error
    1e-13.

    Source: Skellam, Journal of the Royal Statistical Society B 10 (1948), 257-261.

    >>> round(any_of_correlated(0.01, 100, 0.1), 6)
    0.205141
    """
    if correlation == 1 or tail in (0, 1):
        return tail
    if correlation < 1e-300:
        return any_of(tail, n)
    both = (1 - correlation) / correlation
    return -math.expm1(_sum_of_logarithms(tail * both, both, n))


def _sum_of_logarithms(a: float, s: float, n: int) -> float:
    """Return the sum of log(1 - a/(s + i)) over i from 0 to n - 1, for a below s.

    The first terms are added.  The others are an integral and its corrections at both ends, by Euler and Maclaurin's
    formula (DLMF 2.10.1).  All terms of the integral have the same sign.
    """
    first = min(n, TERMS)
    total = math.fsum(math.log1p(-a / (s + i)) for i in range(first))
    if n == first:
        return total
    low, high = s + first, s + n
    length = math.log1p((n - first) / low)  # of the interval of log u
    pieces = math.ceil(length / math.log(2))
    half, parts = length / pieces / 2, []
    for piece in range(pieces):
        for node, weight in NODES:
            u = low * math.exp(half * (2 * piece + 1 + node))
            parts.append(weight * half * u * math.log1p(-a / u))
    for u, sign in ((low, 1), (high, -1)):
        v = u - a  # derivatives of log(v) - log(u)
        third = 2 * a * (u * u + u * v + v * v) / (u * v) / (u * v) / (u * v) if u < 1e60 else 0.0
        parts += [sign * math.log1p(-a / u) / 2, -sign * a / u / v / 12, sign * third / 720]
    return total + math.fsum(parts)


def any_over_windows(above: Sequence[int], counts: Sequence[int], n: int, confidence: float) -> tuple[float, ...]:
    """Return (lower bound, share of users who wait, upper bound) for calls that are independent within each window.

    The share is the mean of `any_of` over the windows, weighted by their calls.  It is never above the share for all
    windows pooled (Jensen).  The interval allows for the differences between windows.  Its center is the mean of
    1 - C(N - c, n)/C(N, n), which is unbiased for n <= N (Halmos, The Theory of Unbiased Estimation, 1946).  If a
    window has fewer than n calls, the upper bound is that of all windows pooled.  A single window gives no bounds.
    O(windows).
    """
    total, p = sum(counts), sum(above) / sum(counts)
    weights = [count / total for count in counts]
    plug_in = [any_of(c / count, n) for c, count in zip(above, counts)]
    value = math.fsum(w * one for w, one in zip(weights, plug_in))
    known = n <= min(counts)
    shares = [any_without(c, count, n) for c, count in zip(above, counts)] if known else plug_in
    center = math.fsum(w * one for w, one in zip(weights, shares))
    if p == 1:
        value = center = 1.0  # exactly, without the rounding errors of the sums
    if len(counts) == 1:
        return 0.0, value, 1.0
    low, high = center, center
    if 0 < center < 1:
        deviations = [w * (one - center) for w, one in zip(weights, shares)]
        slope = n * math.exp((n - 1) * math.log1p(-p))
        independent = slope**2 * p * (1 - p) / total  # the smallest possible variance
        size = effective_sample_size(center, deviations, weights, confidence, least=independent).size
        low, high = share_interval(center * size, (1 - center) * size, confidence)
    if not known or center in (0, 1):
        size = windows_sample_size(above, counts, confidence).size
        pooled = share_interval(p * size, (1 - p) * size, confidence)
        high = any_of(pooled[1], n)
        low = min(low, any_of(pooled[0], n))
    return min(low, value), value, max(high, value)


def any_without(above: int, count: int, n: int) -> float:
    """Return 1 - C(count - above, n)/C(count, n): the probability that n of `count` values include any of `above`.

    O(min(n, above)).  It stops early when further factors no longer change the float64 result.

    >>> any_without(1, 100, 10)
    0.1
    """
    if above > count - n:
        return 1.0
    fewer, more = sorted((above, n))
    none = 0.0  # logarithm of the probability that they include none; the formula is symmetric in n and `above`
    for i in range(fewer):
        none += math.log1p(-more / (count - i))
        if none < -40:
            return 1.0
    return -math.expm1(none)
