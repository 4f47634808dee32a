"""The shares of a mixture, each a number or an `Estimate`: the extremes of a mean over all shares that are possible.

A share that is an estimate may be anywhere in its interval.  All shares add up to 1.  The shares that are plain numbers
keep their ratios and take what the others leave.  Of all possible shares, a weighted mean is largest if the largest
numbers have as much weight as they can: a continuous knapsack problem (Dantzig, Operations Research 5, 1957,
266-277).  For ratios of means: Dinkelbach, On Nonlinear Fractional Programming, Management Science 13 (1967), 492-498.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .._stats.checks import check_share
from .._stats.estimate import Estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Weights", "check_weights"]


class Weights(NamedTuple):
    """The shares of the parts of a mixture: their values, which add up to 1, and their intervals."""

    values: list[float]  # in [0, 1]
    lower: list[float]  # in [0, value]
    upper: list[float]  # in [value, 1]
    is_plain: list[bool]  # whether a share is a number without an interval

    @property
    def are_certain(self) -> bool:
        """Whether no share has an interval."""
        return all(low == high for low, high in zip(self.lower, self.upper))

    def without_zeros(self) -> Weights:
        """Return the weights of the parts whose share may be more than 0."""
        kept = [k for k, high in enumerate(self.upper) if high > 0]
        values, lower, upper = ([some[k] for k in kept] for some in (self.values, self.lower, self.upper))
        return Weights(values, lower, upper, [self.is_plain[k] for k in kept])

    def mean(self, of: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the weighted mean of numbers or arrays, one for each part."""
        import numpy

        result: NDArray[np.float64] = numpy.sum([w * one for w, one in zip(self.values, of)], axis=0)
        return result

    def extreme(self, of: Sequence[NDArray[np.float64]], *, most: bool) -> NDArray[np.float64]:
        """Return the largest, or the smallest, possible mean of numbers or arrays, one for each part."""
        import numpy

        plain = [k for k, is_plain in enumerate(self.is_plain) if is_plain]
        others = [k for k, is_plain in enumerate(self.is_plain) if not is_plain]
        low, high, kinds = ([some[k] for k in others] for some in (self.lower, self.upper, of))
        rest = math.fsum(self.values[k] for k in plain)
        if rest > 0:  # together they are one more part, with any share
            low, high = [*low, 0.0], [*high, 1.0]
            kinds = [*kinds, numpy.sum([self.values[k] / rest * of[k] for k in plain], axis=0)]
        stacked, least = numpy.stack(kinds), numpy.array(low)
        order = numpy.argsort(-stacked if most else stacked, axis=0, kind="stable")
        stacked, room = numpy.take_along_axis(stacked, order, axis=0), (numpy.array(high) - least)[order]
        left = (1 - least.sum()) - (room.cumsum(axis=0) - room)
        shares = least[order] + numpy.clip(left, 0, room)
        result: NDArray[np.float64] = (shares * stacked).sum(axis=0)
        return result

    def extreme_ratio(self, of: Sequence[float], to: Sequence[float], *, most: bool) -> float:
        """Return the largest, or the smallest, possible ratio of two means: Dinkelbach (1967)."""
        import numpy

        ratio = float(self.mean([numpy.array(one) for one in of]) / self.mean([numpy.array(one) for one in to]))
        for _ in range(50):
            gain = float(self.extreme([numpy.array(a - ratio * b) for a, b in zip(of, to)], most=most))
            scale = float(self.extreme([numpy.array(b) for b in to], most=gain > 0))
            if abs(gain) <= 1e-15 * scale:
                break
            ratio += gain / scale
        return ratio


def check_weights(shares: Sequence[float]) -> Weights:
    """Return the weights if they are shares in 0..1 that add up to 1; else raise."""
    values = [check_share("shares", share) for share in shares]
    total = math.fsum(values)
    if abs(total - 1) > 1e-9:
        raise ValueError(f"shares must add up to 1, not {total!r}")
    values = [value / total for value in values]
    lower, upper = list(values), list(values)
    for k, share in enumerate(shares):
        if isinstance(share, Estimate):
            lower[k], upper[k] = max(0.0, min(share.lower, values[k])), min(1.0, max(share.upper, values[k]))
    return Weights(values, lower, upper, [not isinstance(share, Estimate) for share in shares])
