"""How far apart two histograms are, as one number: superiority, Kolmogorov-Smirnov, Wasserstein; with intervals.

Each is given as a plain formula of counts, `Pair`, so that resampled counts can be put into it as well.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from ..buckets import GROWTH, OVERFLOW_INDEX, ZERO_INDEX
from .binomial import share_lower, share_upper
from .estimate import Estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram

__all__ = ["Pair", "kolmogorov_smirnov", "superiority", "wasserstein"]

STEP = math.log(GROWTH)  # width of a bucket on the natural logarithm

DIGITS = 13  # decimals of a sum of shares that rounding leaves: it is not to differ from 0 or 1 where they do not


class Pair(NamedTuple):
    """Shares of the values of two histograms in the same buckets; the last axis runs over buckets."""

    a: NDArray[np.float64]  # each in [0, 1], together 1
    b: NDArray[np.float64]

    @classmethod
    def of(cls, a: Histogram, b: Histogram) -> Pair:
        """Return the shares of all buckets from the first to the last that is populated in either.  O(buckets)."""
        import numpy

        both = a.indices, b.indices
        first, last = min(int(i[0]) for i in both), max(int(i[-1]) for i in both)
        shares = numpy.zeros((2, last - first + 1))
        for row, histogram in zip(shares, (a, b)):
            row[histogram.indices - first] = histogram.counts / histogram.count
        return cls(shares[0], shares[1])

    def below(self) -> tuple[Any, Any]:
        """Return the share of pairs in which b is in a lower bucket than a, and the share in the same bucket."""
        above = 1 - self.a.cumsum(axis=-1)
        return (self.b * above).sum(axis=-1), (self.b * self.a).sum(axis=-1)

    def largest_difference(self) -> tuple[Any, Any]:
        """Return the largest difference between the two distribution functions: at bucket edges, and at most within."""
        differences = self._differences()
        within = abs(differences + (self.b - self.a) / 2) + (self.a + self.b) / 2  # max(d + b, a - d)
        return abs(differences).max(axis=-1), within.max(axis=-1)

    def mean_shift(self) -> Any:
        """Return the area between the two distribution functions, on the natural logarithm of the value."""
        return STEP * abs(self._differences()).sum(axis=-1)

    def _differences(self) -> NDArray[np.float64]:
        differences: NDArray[np.float64] = self.a.cumsum(axis=-1) - self.b.cumsum(axis=-1)
        return differences


def superiority(a: Histogram, b: Histogram, confidence: float) -> Estimate:
    """Return the probability that a value of `b` is below one of `a`, a tie counting half.  O(buckets).

    Two values in the same bucket may be in either order: the interval holds both.  Its variance is that of DeLong,
    DeLong & Clarke-Pearson, Biometrics 44 (1988), 837-845, and the interval that of a share with this variance.
    """
    pair = Pair.of(a, b)
    strictly, ties = (round(float(share), DIGITS) for share in pair.below())
    value = min(1.0, strictly + ties / 2)
    above = 1 - pair.a.cumsum() + pair.a / 2  # of a, above a value of b
    below = pair.b.cumsum() - pair.b / 2  # of b, below a value of a
    least = min(a.count, b.count)
    variance = float((pair.b * (above - value) ** 2).sum()) / max(1, b.count - 1)
    variance += float((pair.a * (below - value) ** 2).sum()) / max(1, a.count - 1)
    worth = min(value * (1 - value) / variance, a.count + b.count) if variance > 1e-15 and least > 1 else least
    low, high = min(strictly, value), max(value, min(1.0, strictly + ties))
    lower = share_lower(low * worth, (1 - low) * worth, confidence)
    upper = share_upper(high * worth, (1 - high) * worth, confidence)
    return Estimate(value, min(lower, value), max(upper, value), _why(a, b))


def kolmogorov_smirnov(a: Histogram, b: Histogram, confidence: float) -> Estimate:
    """Return the largest difference between the shares at or below a value, over all values.  O(buckets).

    The value is that at bucket edges; within a bucket the difference may be larger, up to the upper end.  Sampling: for
    either histogram the band of Dvoretzky, Kiefer & Wolfowitz with Massart's constant, Annals of Probability 18 (1990).
    """
    pair = Pair.of(a, b)
    value, within = (round(float(share), DIGITS) for share in pair.largest_difference())
    band = math.log(4 / (1 - confidence)) / 2
    noise = math.sqrt(band / a.count) + math.sqrt(band / b.count)
    return Estimate(value, max(0.0, value - noise), min(1.0, max(value, within) + noise), _why(a, b))


def wasserstein(a: Histogram, b: Histogram, confidence: float) -> Estimate:
    """Return by how much values must be moved, in the mean, from one to the other: on the natural logarithm.

    Its exponential is a factor: 0.223 is a factor of 1.25.  O(buckets).  Every value may be off by half a bucket.  The
    variance is that of the mean of the function whose slope is the sign of the difference (the dual of Kantorovich &
    Rubinstein); where there is hardly a difference, the noise of either also adds to the distance: the lower end is
    lowered by as much as it does on average.

    Zero and overflow bucket count as neighbours of the others; if they have values, there is no upper bound.
    """
    pair = Pair.of(a, b)
    value = float(pair.mean_shift())
    ups, downs = pair.a.cumsum(), pair.b.cumsum()
    both = (ups * a.count + downs * b.count) / (a.count + b.count)
    noise = math.sqrt(2 / math.pi * (1 / a.count + 1 / b.count)) * STEP * float(((both * abs(1 - both)) ** 0.5).sum())
    signs = (ups > downs) * 1.0 - (ups < downs)
    potential = STEP * signs.cumsum()
    variance = sum(
        float((shares * (potential - (shares * potential).sum()) ** 2).sum()) / count
        for shares, count in ((pair.a, a.count), (pair.b, b.count))
    )
    spread = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(variance)
    ends = {int(i) for h in (a, b) for i in (h.indices[0], h.indices[-1])}
    upper = math.inf if ends & {ZERO_INDEX, OVERFLOW_INDEX} else value + STEP + spread
    return Estimate(value, max(0.0, value - STEP - spread - noise), upper, _why(a, b))


def _why(a: Histogram, b: Histogram) -> str:
    return f"sampling: {a.count:,} and {b.count:,} values; bucket width"
