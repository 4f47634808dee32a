"""Distances between two histograms, with intervals: superiority, Kolmogorov-Smirnov, Wasserstein.

`Pair` holds the plain formulas of shares, which also serve for resampled counts.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from .._stats.binomial import share_lower, share_upper, student_quantile
from .._stats.estimate import Estimate
from ..buckets import GROWTH, OVERFLOW_INDEX, ZERO_INDEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .ratios import Grid

__all__ = ["Pair", "kolmogorov_smirnov", "sampled", "superiority", "wasserstein"]

STEP = math.log(GROWTH)  # width of a bucket on the natural logarithm

DIGITS = 13  # decimals kept of a sum of shares, so that rounding errors do not keep it from being exactly 0 or 1


class Pair(NamedTuple):
    """Shares of the values of two histograms in the same buckets; the last axis runs over buckets."""

    a: NDArray[np.float64]  # each in [0, 1], with sum 1
    b: NDArray[np.float64]

    @classmethod
    def of(cls, a: Grid, b: Grid) -> Pair:
        """Return the shares of all buckets, from the first to the last one populated in `a` or `b`.  O(buckets)."""
        import numpy

        first, end = min(int(g.edges[0]) for g in (a, b)), max(int(g.edges[-1]) for g in (a, b))
        shares = numpy.zeros((2, end - first))
        for row, grid in zip(shares, (a, b)):
            start = int(grid.edges[0]) - first
            row[start : start + len(grid.counts)] = grid.counts / grid.size
        return cls(shares[0], shares[1])

    def below(self) -> tuple[Any, Any]:
        """Return the share of pairs in which b is in a lower bucket than a, and the share in the same bucket."""
        above = 1 - self.a.cumsum(axis=-1)
        return (self.b * above).sum(axis=-1), (self.b * self.a).sum(axis=-1)

    def largest_difference(self) -> tuple[Any, Any]:
        """Return the largest difference of the distribution functions at bucket edges, and its upper bound anywhere."""
        differences = self._differences()
        within = abs(differences + (self.b - self.a) / 2) + (self.a + self.b) / 2  # max(d + b, a - d)
        return abs(differences).max(axis=-1), within.max(axis=-1)

    def mean_shift(self) -> Any:
        """Return the area between the two distribution functions, on the natural logarithm of the value."""
        return STEP * abs(self._differences()).sum(axis=-1)

    def _differences(self) -> NDArray[np.float64]:
        differences: NDArray[np.float64] = self.a.cumsum(axis=-1) - self.b.cumsum(axis=-1)
        return differences


def superiority(a: Grid, b: Grid, confidence: float) -> Estimate:
    """Return the probability that a value of `b` is below a value of `a`; a tie counts half.  O(buckets).

    Two values in the same bucket may be in either order: the interval holds both.  The variance is that of DeLong,
    DeLong & Clarke-Pearson, Biometrics 44 (1988), 837-845.  The interval is that of a share with this variance.  If
    only a few values are on the less usual side, the variance itself is uncertain.  Student's t then widens the
    interval, with the degrees of freedom of Satterthwaite, Biometrics Bulletin 2 (1946), 110-114.  The sample size is
    never taken to be less than the smaller of both counts (Birnbaum & Klose, Annals of Mathematical Statistics 28
    (1957), 933-945).
    """
    pair = Pair.of(a, b)
    strictly, ties = (round(float(share), DIGITS) for share in pair.below())
    value = min(1.0, strictly + ties / 2)
    above = 1 - pair.a.cumsum() + pair.a / 2  # of a, above a value of b
    below = pair.b.cumsum() - pair.b / 2  # of b, below a value of a
    least = min(a.size, b.size)
    parts = [
        (_spread(pair.b, above, value, b.size), _effective_number(pair.b, above, b.size)),
        (_spread(pair.a, below, value, a.size), _effective_number(pair.a, below, a.size)),
    ]
    variance = sum(spread for spread, _ in parts)
    size: float = least
    if variance > 1e-15 and least > 1:
        freedom = variance**2 / sum(spread**2 / number for spread, number in parts)
        normal = NormalDist().inv_cdf((1 + confidence) / 2)
        worse = student_quantile((1 + confidence) / 2, max(1, int(freedom))) / normal
        full = min(value * (1 - value) / variance, a.size + b.size)
        size = max(full / worse**2, min(full, least))
    low, high = min(strictly, value), max(value, min(1.0, strictly + ties))
    lower = share_lower(low * size, (1 - low) * size, confidence)
    upper = share_upper(high * size, (1 - high) * size, confidence)
    bounds = min(lower, value), max(upper, value)
    return Estimate(value, *bounds, f"{sampled(a.size, b.size)}; bucket width", confidence=confidence, method="DeLong")


def _spread(shares: NDArray[np.float64], beaten: NDArray[np.float64], mean: float, count: int) -> float:
    """Return the variance of the mean of `beaten`: for each bucket, the share of the other's values that it beats."""
    return float((shares * (beaten - mean) ** 2).sum()) / max(1, count - 1)


def _effective_number(shares: NDArray[np.float64], beaten: NDArray[np.float64], count: int) -> float:
    """Return the effective number of values on the less usual side, beating or being beaten; at least 1.

    Kish's effective sample size, (sum x)^2 / sum x^2: Survey Sampling (1965), 11.7.
    """
    found = []
    for one in (beaten, 1 - beaten):
        squares = float((shares * one**2).sum())
        found.append(count * float((shares * one).sum()) ** 2 / squares if squares > 1e-15 else 1.0)
    return max(1.0, min(found))


def kolmogorov_smirnov(a: Grid, b: Grid, confidence: float) -> Estimate:
    """Return the largest difference between the shares at or below a value, over all values.  O(buckets).

    The answer is the difference at bucket edges.  Within a bucket it may be larger; the upper bound allows for this.
    For sampling, each histogram has the band of Dvoretzky, Kiefer & Wolfowitz with Massart's constant, Annals of
    Probability 18 (1990).
    """
    pair = Pair.of(a, b)
    value, within = (round(float(share), DIGITS) for share in pair.largest_difference())
    band = math.log(4 / (1 - confidence)) / 2
    noise = math.sqrt(band / a.size) + math.sqrt(band / b.size)
    bounds = max(0.0, value - noise), min(1.0, max(value, within) + noise)
    why = f"{sampled(a.size, b.size)}; bucket width; the interval covers more than its confidence"
    return Estimate(value, *bounds, why, confidence=confidence, method="Dvoretzky-Kiefer-Wolfowitz")


def wasserstein(a: Grid, b: Grid, confidence: float) -> Estimate:
    """Return the mean distance by which the values of `a` must move to become those of `b`, on the natural logarithm.

    Its exponential is a factor: 0.223 is a factor of 1.25.  O(buckets).  Every value may be off by half a bucket.  The
    variance is that of the mean of the function whose slope is the sign of the difference (the dual of Kantorovich &
    Rubinstein).  If the histograms hardly differ, their noise adds to the distance.  The lower bound is reduced by the
    average of this addition.

    The zero bucket and the overflow bucket count as neighbours of the others.  If they hold values, there is no upper
    bound.
    """
    pair = Pair.of(a, b)
    value = float(pair.mean_shift())
    ups, downs = pair.a.cumsum(), pair.b.cumsum()
    both = (ups * a.size + downs * b.size) / (a.size + b.size)
    noise = math.sqrt(2 / math.pi * (1 / a.size + 1 / b.size)) * STEP * float(((both * abs(1 - both)) ** 0.5).sum())
    signs = (ups > downs) * 1.0 - (ups < downs)
    potential = STEP * signs.cumsum()
    variance = sum(
        float((shares * (potential - (shares * potential).sum()) ** 2).sum()) / count
        for shares, count in ((pair.a, a.size), (pair.b, b.size))
    )
    spread = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(variance)
    ends = {int(i) for grid in (a, b) for i in (grid.edges[0], grid.edges[-1] - 1)}
    upper = math.inf if ends & {ZERO_INDEX, OVERFLOW_INDEX} else value + STEP + spread
    lower = max(0.0, value - STEP - spread - noise)
    why = f"{sampled(a.size, b.size)}; bucket width; the interval covers more than its confidence"
    return Estimate(value, lower, upper, why, confidence=confidence, method="normal approximation")


def sampled(a: int, b: int) -> str:
    """Return the reason "sampling" for so many values, and what is assumed."""
    return f"sampling: {a:,} and {b:,} values, assumed to be independent"
