"""The effective number of calls: independent calls for which as many users wait as for the traced ones.

Of the W calls of a request, let a share p be slower than t, and let a share P of the requests have a slow call.
Independent calls would have P = 1 - (1 - p)^n, so n_eff = log(1 - P)/log(1 - p).  It is W if calls are independent, and
1 if all calls of a request are slow together.  Let m be the mean number of slow calls of a request that has any, so
p = P m/W.  For small P, n_eff is W/m: the number of clusters into which the slow calls fall.  Its inverse is like the
extremal index (Leadbetter, Zeitschrift fuer Wahrscheinlichkeitstheorie 65, 1983, 291-306).

P and m come from different parts of the data: how many requests have a slow call, and how many each of these has.
Their intervals are joined by the squares of their distances, on the axis of log n_eff (Zou & Donner, Construction of
confidence limits about effect measures, Statistics in Medicine 27, 2008, 1693-1702).
"""

from __future__ import annotations

import math

from .._stats.binomial import share_interval
from .._stats.bounded import mean_interval
from .shares import calls_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["effective_calls"]


def effective_calls(above: Sequence[int], count: int, confidence: float) -> tuple[float, float, float]:
    """Return n_eff and its bounds, given in how many of `count` requests at least 1, 2, ... calls are slow.

    There must be a slow call, and one that is not.  O(calls).

    >>> effective_calls([10, 0, 0, 0], 1_000, 0.95)[0].__round__(2)  # never two at once
    4.02
    >>> effective_calls([10, 10, 10, 10], 1_000, 0.95)[:2]  # always all four
    (1.0, 1.0)
    """
    width, slow = len(above), above[0]
    wait = slow / count
    more = sum(above[1:])  # slow calls beside the first one of each request
    squares = sum(n * (2 * k + 1) for k, n in enumerate(above[1:]))
    others = mean_interval(more / (width - 1), squares / (width - 1) ** 2, slow, confidence)

    def at(share: float, part: float) -> float:  # the part of the other calls that are slow, too
        cluster = 1 + (width - 1) * part
        return calls_for(share, share * cluster / width)

    part = more / slow / (width - 1)
    value, (least, most) = at(wait, part), share_interval(slow, count - slow, confidence)
    if value == math.inf:  # each request has a slow call
        return value, max(1.0, at(least, others[1])), value
    low = value * math.exp(-_distance(value, at(least, part), at(wait, others[1])))
    high = value * math.exp(_distance(value, at(most, part), at(wait, others[0])))
    return value, min(value, max(1.0, low)), high


def _distance(value: float, *others: float) -> float:
    """Return the distance of a number to its bound, on a logarithmic axis, given the bounds by each of its parts."""
    return math.hypot(*(math.log(other / value) for other in others))
