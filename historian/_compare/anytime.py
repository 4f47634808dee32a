"""The ratio of a quantile of one histogram to that of another, with bounds that hold at every look at growing data.

For each histogram, `historian._stats.sequences` has the evidence E against a value of the true quantile: what a player
wins who bets against it.  A player who keeps one half and bets the other has (1 + E)/2, and loses at most one half.
Someone who bets so on both histograms, first with one half, then with what that won, has

    (1 + E_a)/2 * (1 + E_b)/2,

which in a fair game ever reaches 1/alpha with probability alpha at most (Ville, 1939), in whatever order the values of
both come.  So all pairs of quantiles for which it is below 1/alpha hold together, and the ratio lies between the
smallest and the largest ratio of such a pair.  The interval is narrower than that of two single intervals with one half
of alpha each.  If one histogram has far more values than the other, keeping one half loses less than betting all.

Source: Howard & Ramdas, Bernoulli 28 (2022), 1704-1728, for quantiles; Ramdas et al., Game-Theoretic Statistics and
Safe Anytime-Valid Inference, Statistical Science 38 (2023), 576-601, for products and averages of such evidence.
"""

from __future__ import annotations

import math

from .._stats.sequences import log_evidence
from ..buckets import GROWTH, OVERFLOW_INDEX, ZERO_INDEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from ..histogram import Histogram

    #: Where the quantile may lie, ascending: the index of a bucket, and log((1 + E)/2).
    _Places: TypeAlias = list[tuple[float, float]]

__all__ = ["ratio_bounds"]

LEAST = -math.log(2)  # of log((1 + E)/2)


def ratio_bounds(a: Histogram, b: Histogram, q: float, confidence: float) -> tuple[float, float]:
    """Return the bounds of the ratio of the q-quantiles, `b` over `a`: 0 or infinity for a missing bound.

    O(buckets), a few ms.
    """
    if not 0 < q < 1:
        return 0.0, math.inf
    limit = -math.log1p(-confidence)
    of_a, of_b = _places(a, q, limit), _places(b, q, limit)
    # Both may be anywhere in their buckets, which is one bucket more.
    return _power(-_farthest(of_b, of_a, limit) - 1), _power(_farthest(of_a, of_b, limit) + 1)


def _power(steps: float) -> float:
    """Return the ratio that is so many buckets large, 0 or infinity beyond all buckets."""
    return float(GROWTH**steps) if math.isfinite(steps) else (math.inf if steps > 0 else 0.0)


def _places(histogram: Histogram, q: float, limit: float) -> _Places:
    """Return the buckets in which the q-quantile may lie, at any evidence of another histogram, with the evidence.

    The number of values at or below the quantile may be any from the values below the bucket to those in it, too: the
    least evidence of them counts.  Between two populated buckets, it is that of both their sides.  Values in the zero
    bucket are as far away as if they were below all values, those in the overflow bucket as if above.
    """
    count, center = histogram.count, q * histogram.count
    found, through = [(-math.inf, _kept(q, 0, count))], 0
    for index, number in zip(histogram.indices.tolist(), histogram.counts.tolist()):
        before, through = through, through + number
        nearest = before if before > center else through
        is_inside = before <= math.ceil(center) and math.floor(center) <= through
        place = {ZERO_INDEX: -math.inf, OVERFLOW_INDEX: math.inf}.get(index, float(index))
        found.append((place, LEAST if is_inside else _kept(q, nearest, count)))
    found.append((math.inf, _kept(q, count, count)))
    return [one for one in found if one[1] + LEAST < limit]


def _kept(q: float, rank: int, count: int) -> float:
    """Return log((1 + E)/2) for the evidence against `rank` values at or below the quantile."""
    evidence = log_evidence(q, rank, count - rank)
    return max(evidence, 0.0) + math.log1p(math.exp(-abs(evidence))) + LEAST


def _farthest(lows: _Places, highs: _Places, limit: float) -> float:
    """Return how many buckets a place of `highs` is at most above one of `lows` with which it is possible.

    The evidence against high places grows.  So the highest possible one is found from the end.
    """
    found = []
    for place, kept in lows:
        highest = next((other for other, also in reversed(highs) if kept + also < limit), None)
        if highest is not None:
            is_unknown = highest == place and math.isinf(place)  # both are beyond all buckets
            found.append(math.inf if is_unknown else highest - place)
    return max(found)  # the places next to both quantiles are always possible
