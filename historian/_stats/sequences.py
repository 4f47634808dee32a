"""Confidence sequences: intervals of shares and of ranks that hold at every look at growing data, however many.

A user who looks again and again, and stops when an interval says what was hoped for, is often misled: each look is
another chance to be wrong.  A confidence sequence holds the truth at all looks together, with the given confidence.

It is a bet.  Suppose that a value is above t with probability p.  A player who starts with 1 and bets, in fair odds,
on other probabilities has after N values, of which c are above t,

    E = integral of x^c (1 - x)^(N - c) w(x) dx  /  (p^c (1 - p)^(N - c)),      w the density of Beta(a, b).

In a fair game, the chance to ever have 1/alpha or more is at most alpha (Ville, Etude critique de la notion de
collectif, 1939).  So all p with E below 1/alpha are an interval that holds at all N together, with the confidence
1 - alpha.

The bets may depend on p, because each p is tested by itself, but not on the data.  Here the rarer of both outcomes
counts as seen once before the first value: a = p/r and b = (1 - p)/r, where r is the smaller one of p and 1 - p.  So
the interval is as good for a share of 1e-6 as for one half.  Compared with one for a single look, it is about 1.5 times
as wide when the rarer outcome came 10 times, 1.7 times for 100, 2 times for 10,000, and 2.3 times for a million.

Source: Robbins, Statistical Methods Related to the Law of the Iterated Logarithm, Annals of Mathematical Statistics 41
(1970), 1397-1409, for the mixture; Howard & Ramdas, Sequential Estimation of Quantiles, Bernoulli 28 (2022), 1704-1728
(arXiv 1906.09712), for shares and quantiles.  Pure Python, so that an interval needs no other package.
"""

from __future__ import annotations

import math

from .beta import log_front
from .binomial import TRACE, first_from

__all__ = ["log_evidence", "rank_sequence", "share_sequence"]

STEPS = 40  # of a bisection: the error is then 1e-12 of the distance from the share of the values


def log_evidence(p: float, above: float, below: float, other: float | None = None) -> float:
    """Return the logarithm of E: the evidence of `above` and `below` values against a share `p` above, in (0, 1).

    `other` is 1 - p, if it is known with more digits.  The large terms of E cancel in the two fronts.  O(1), 5 us.

    >>> round(math.exp(log_evidence(0.5, 3, 0)), 12)                # of Beta(1, 1): B(4, 1) / B(1, 1) * 2**3
    2.0
    """
    y = 1 - p if other is None else other
    rarer = min(p, y)
    a, b = p / rarer, y / rarer
    if above + below == 0:
        return 0.0
    return log_front(p, y, a, b) - log_front(p, y, a + above, b + below)


def share_sequence(above: float, below: float, confidence: float) -> tuple[float, float]:
    """Return the bounds of the share of `above` values among `above + below`, which hold at every look together.

    O(1), about 0.5 ms.  The lower bound is 0 if fewer than four values are above: they could come from any small share.

    >>> [round(share, 4) for share in share_sequence(100, 9_900, 0.95)]
    [0.0071, 0.0136]
    """
    return _lowest(above, below, confidence)[0], _lowest(below, above, confidence)[1]


def _lowest(above: float, below: float, confidence: float) -> tuple[float, float]:
    """Return the smallest share above that is not refuted, and 1 minus this share; both with all their digits.

    The evidence against p grows as p falls, from the share of the values on.  Bisection of the log-odds.
    """
    if above <= TRACE:
        return 0.0, 1.0
    limit = -math.log1p(-confidence)
    if math.lgamma(1 + above) < limit:  # the evidence against p, as p goes to 0
        return 0.0, 1.0
    known = math.log(above / below) if below > TRACE else 40.0 + math.log1p(above)
    step = 4 / math.sqrt(above)
    while not _is_refuted(known - step, above, below, limit):
        step *= 2
    low, high = known - step, known
    for _ in range(STEPS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if _is_refuted(middle, above, below, limit) else (low, middle)
    return _shares(low)


def _is_refuted(odds: float, above: float, below: float, limit: float) -> bool:
    p, y = _shares(odds)
    return log_evidence(p, above, below, y) >= limit


def _shares(odds: float) -> tuple[float, float]:
    """Return p and 1 - p for a logarithm of the odds."""
    return 1 / (1 + math.exp(-odds)), 1 / (1 + math.exp(odds))


def rank_sequence(q: float, count: int, confidence: float) -> tuple[int, int]:
    """Return the ranks of two of `count` values, between which the true q-quantile lies at every look together.

    Rank 0 means "no lower bound", rank ``count + 1`` means "no upper bound", as in `binomial.rank_interval`.  O(log
    count), about 0.2 ms.

    Only one p is tested, q.  If values are equal to the quantile, more than q of all may be at or below it, and less
    than q below it.  A part of the equal values, drawn by lot, then makes q of them.  This number lies between both
    counts, and few values, or many, tell no less about it.
    """
    if not 0 < q < 1:
        return (0, min(1, count)) if q == 0 else (count, count + 1)
    limit = -math.log1p(-confidence)
    center = min(count, math.floor(q * count))

    def is_refuted(rank: int) -> bool:
        return log_evidence(q, rank, count - rank) >= limit

    reach = math.sqrt(max(1.0, count * q * (1 - q)) * (math.log1p(count * min(q, 1 - q)) + 2 * limit))
    # The evidence grows to both sides.  So the refuted numbers at or below the quantile are the lowest and the highest.
    low = first_from(center - math.floor(reach), center, lambda rank: rank == center or not is_refuted(rank))
    high = center + first_from(
        math.floor(reach), count + 1 - center, lambda k: center + k > count or (k > 0 and is_refuted(center + k))
    )
    return low, high
