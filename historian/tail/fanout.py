"""`Fanout`: waiting for all of n independent calls, which takes as long as the slowest.

Let S be the share of calls that take longer than t.  All n are done by t with probability (1 - S)^n, so the user
still waits with probability P = 1 - (1 - S)^n (Dean & Barroso, The Tail at Scale, 2013).  Both subtractions lose every
digit where it matters, at tiny S and huge n; ``P = -expm1(n * log1p(-S))`` loses none, and its inverse for
a user tail p is ``S = -expm1(log1p(-p) / n)``.  S itself is a ratio of counts, never 1 minus a share.
"""

from __future__ import annotations

import math
import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..histogram import Histogram

__all__ = ["Fanout"]


class Fanout:
    """The latency of waiting for all of `n` independent calls, each distributed as `leaf`.  See `Histogram.fanout`.

    Where calls slow down together, the share of users who wait is lower than said here, but never below `leaf.sf(t)`.
    """

    __slots__ = ("leaf", "n")

    leaf: Histogram  # of one call; not empty
    n: int  # calls waited for, in [1, inf)

    def __init__(self, leaf: Histogram, n: int) -> None:
        try:
            n = operator.index(n)
        except TypeError:
            raise TypeError(f"n must be a whole number, not {n!r}") from None
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        if not leaf.count:
            raise ValueError("the histogram is empty: nothing can be said about its fan-out")
        self.leaf = leaf
        self.n = n

    def p_wait(self, t: float) -> float:
        """Return the probability that not all n calls are done by `t`, in the histogram's unit.  O(1).

        Relative error 1e-14 given the leaf's share, which is exact where `t` is a bucket edge.  Raises ValueError for
        NaN.
        """
        tail = self.leaf.sf(t)
        if not isinstance(tail, float):
            raise TypeError(f"t must be a number, not {t!r}")
        return _any_of(tail, self.n)

    def quantile(self, q: float) -> float:
        """Return the q-quantile of the wait for all n calls: the smallest recorded value with p_wait at most 1 - q.

        O(log buckets).  Raises ValueError for q outside 0..1.
        """
        _check("q", q)
        if self.n == 1:
            return self.leaf.quantile(q)
        allowed = math.floor(self.leaf.count * _leaf_tail(1 - q, self.n))  # values that may be slower
        return self.leaf._value_at(max(1, self.leaf.count - allowed))

    def leaf_percentile(self, q: float) -> float:
        """Return the percentile, 0..100, of a single call that decides the q-quantile of the user's wait.

        O(1).  Raises ValueError for q outside 0..1.

        >>> from historian import Histogram
        >>> round(Histogram.from_values([1.0]).fanout(100).leaf_percentile(0.99), 7)
        99.9899502
        """
        _check("q", q)
        return 100 * q if self.n == 1 else 100 * (1 - _leaf_tail(1 - q, self.n))

    def max_n(self, t: float, p: float) -> float:
        """Return the largest number of calls one can wait for so that p_wait at `t` stays at most `p`.

        An int; 0 if even one call is too slow too often, and infinity if no recorded call was slower than `t`, so that
        the data set no limit.  O(1).  Raises ValueError for p outside 0..1 and for NaN.

        >>> from historian import Histogram
        >>> Histogram.from_values([0.01] * 99 + [1.0]).fanout(1).max_n(0.5, p=0.5)
        68
        """
        _check("p", p)
        tail = self.leaf.sf(t)
        if tail == 0 or p == 1:
            return math.inf
        if tail == 1:
            return 0
        n = math.floor(math.log1p(-p) / math.log1p(-tail))
        # The quotient is rounded: it may be off by one where it is near a whole number.
        return max(k for k in (n - 1, n, n + 1) if k <= 0 or _any_of(tail, k) <= p)

    def __repr__(self) -> str:
        return f"Fanout(n={self.n}, leaf={self.leaf!r})"


def _any_of(tail: float, n: int) -> float:
    """Return 1 - (1 - tail)**n."""
    return 1.0 if tail == 1 else -math.expm1(n * math.log1p(-tail))


def _leaf_tail(p: float, n: int) -> float:
    """Return the tail of one call for which `_any_of` gives p."""
    return 1.0 if p == 1 else -math.expm1(math.log1p(-p) / n)


def _check(name: str, share: float) -> None:
    if not isinstance(share, (float, int)):
        raise TypeError(f"{name} must be a number, not {share!r}")
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be in 0..1, not {share!r}")
