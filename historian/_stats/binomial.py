"""The binomial distribution: confidence intervals of shares and of ranks.

Pure Python, so that an interval needs no other package.  Relative error below 1e-12, tested against mpmath and scipy.
"""

from __future__ import annotations

import math

from .beta import density, quantile, tails
from .normal import normal_quantile
from .student import student_quantile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "beta_quantile",
    "beta_share",
    "first_from",
    "rank_interval",
    "share_interval",
    "share_lower",
    "share_upper",
    "student_quantile",
]

TRACE = 1e-9  # a count up to this is 0 with a rounding error

LARGE = 2e4  # from this variance of a rank on, the error of the expansion is less than one rank


def share_interval(above: float, below: float, confidence: float) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of the share of `above` values among `above + below` values.

    The counts need not be whole numbers (see `historian._stats.windows`).  O(1), about 100 us.

    Source: Clopper & Pearson, Biometrika 26 (1934): the quantiles (1 -+ confidence)/2 of Beta(c, N - c + 1) and
    Beta(c + 1, N - c).

    >>> [round(share, 4) for share in share_interval(100, 9_900, 0.95)]
    [0.0081, 0.0121]
    """
    return share_lower(above, below, confidence), share_upper(above, below, confidence)


def share_lower(above: float, below: float, confidence: float) -> float:
    """Return the lower bound of `share_interval`."""
    return beta_quantile((1 - confidence) / 2, above, below + 1) if above > TRACE else 0.0


def share_upper(above: float, below: float, confidence: float) -> float:
    """Return the upper bound of `share_interval`."""
    return quantile((1 - confidence) / 2, below, above + 1)[1] if below > TRACE else 1.0


def rank_interval(q: float, count: int, confidence: float) -> tuple[int, int]:
    """Return the ranks of two of `count` values between which the true q-quantile lies.

    Rank 0 means "no lower bound", rank ``count + 1`` means "no upper bound".  O(log count).

    Source: David & Nagaraja, Order Statistics (2003), 7.1: the number of values below the quantile is binomial, with
    P(B >= u) = I_q(u, count - u + 1).
    """
    alpha = (1 - confidence) / 2
    known: dict[int, float] = {}

    def exactly(rank: int) -> float:  # for ranks from 1 to count - 1
        return density(q, rank + 1, count - rank + 1) / (count + 1) if 0 < q < 1 else 0.0

    def at_least(rank: int) -> float:
        """Return the probability that at least `rank` values are at or below the quantile."""
        if not 0 < rank <= count:
            return float(rank <= 0)
        if rank - 1 in known:  # a step from a known rank takes a tenth of the time
            known[rank] = known[rank - 1] - exactly(rank - 1)
        elif rank + 1 in known:
            known[rank] = known[rank + 1] + exactly(rank)
        else:
            known[rank] = beta_share(q, rank, count - rank + 1)
        return known[rank]

    low, high = _likely_ranks(q, count, alpha)
    if count * q * (1 - q) > LARGE:
        return low - 1, high + 1  # one rank further, to be safe; the ranks are hundreds apart
    lower = first_from(low, count + 1, lambda rank: 1 - at_least(rank) > alpha) - 1
    return lower, first_from(high, count + 1, lambda rank: at_least(rank) <= alpha)


def _likely_ranks(q: float, count: int, alpha: float) -> tuple[int, int]:
    """Return approximately `rank_interval`, by the first two terms of Cornish & Fisher's expansion (1937)."""
    z = -normal_quantile(alpha)
    spread, lean = z * math.sqrt(count * q * (1 - q)), (z * z - 1) * (1 - 2 * q) / 6
    return math.floor(count * q - spread + lean + 0.5), math.ceil(count * q + spread + lean + 0.5)


def beta_share(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), for x in 0..1 and a, b > 0."""
    return tails(x, a, b)[0]


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the x for which ``beta_share(x, a, b)`` is p, for p in (0, 1)."""
    return quantile(p, a, b)[0]


def first_from(guess: int, top: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest number in 0..top from which on `holds` is true; it must be true at `top`.

    What holds for a number must hold for larger ones.  The search starts at `guess`, and takes few steps if that is
    close.
    """
    guess = max(0, min(guess, top))
    low, high, step = 0, top, 1  # `holds` is true at high, and false below low
    if holds(guess):
        high = guess
        while high - step > low and holds(high - step):
            high, step = high - step, 2 * step
        low = max(low, high - step)
    else:
        low = guess + 1
        while low + step < high and not holds(low + step - 1):
            low, step = low + step, 2 * step
        high = min(high, low + step)
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
