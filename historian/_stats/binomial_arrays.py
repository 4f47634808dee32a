"""The binomial distribution for numpy arrays: confidence intervals of many shares and ranks.  See `binomial`."""

from __future__ import annotations

from .beta_arrays import quantiles, tails
from .binomial import LARGE, TRACE, rank_interval
from .normal import normal_quantile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]
    _Ints = NDArray[np.int64]

__all__ = ["rank_intervals", "share_bounds"]

MOST = 2**53  # up to this count, float64 and int64 numbers hold every rank

CLOSE = 1e-10  # if a probability is so close to alpha, `binomial` decides, so that both modules agree


def share_bounds(
    least: tuple[_Floats, _Floats], most: tuple[_Floats, _Floats], confidence: float
) -> tuple[_Floats, _Floats]:
    """Return the lower bounds for the counts `least`, and the upper bounds for the counts `most`: 1-D arrays.

    Both are (above, below), as the arguments of `binomial.share_lower` and `share_upper`.

    >>> import numpy
    >>> of = numpy.array([0.0, 100.0]), numpy.array([10_000.0, 9_900.0])
    >>> [bound.round(4) for bound in share_bounds(of, of, 0.95)]
    [array([0.    , 0.0081]), array([0.0004, 0.0121])]
    """
    import numpy

    (above, rest), (others, below) = least, most
    some, more = above > TRACE, below > TRACE
    low, high = numpy.zeros(len(above)), numpy.ones(len(below))
    of = numpy.concatenate([above[some], below[more]]), numpy.concatenate([rest[some], others[more]]) + 1
    share, other = quantiles((1 - confidence) / 2, *of)  # the upper bound is 1 - the rest's lower bound
    found = int(some.sum())
    low[some], high[more] = share[:found], other[found:]
    return low, high


def rank_intervals(q: _Floats, count: int | _Ints, confidence: float) -> tuple[list[int], list[int]]:
    """Return `binomial.rank_interval` for each share of a 1-D array; `count` is one for all, or an array like `q`.

    >>> import numpy
    >>> low, high = rank_intervals(numpy.array([0.5, 0.99]), 1_000, 0.95)
    >>> list(zip(low, high)), rank_interval(0.99, 1_000, 0.95)
    ([(469, 532), (983, 997)], (983, 997))
    """
    import numpy

    if isinstance(count, int) and count > MOST:
        found = [rank_interval(one, count, confidence) for one in q.tolist()]
        return [low for low, _ in found], [high for _, high in found]
    counts = numpy.broadcast_to(numpy.asarray(count, dtype=numpy.int64), q.shape)
    alpha, shares = (1 - confidence) / 2, q.tolist()
    z = -normal_quantile(alpha)
    spread, lean = z * numpy.sqrt(counts * q * (1 - q)), (z * z - 1) * (1 - 2 * q) / 6  # as `binomial` does
    low = numpy.floor(counts * q - spread + lean + 0.5).astype(numpy.int64) - 1
    high = numpy.ceil(counts * q + spread + lean + 0.5).astype(numpy.int64) + 1
    is_large = counts > MOST
    precise = numpy.flatnonzero((counts * q * (1 - q) <= LARGE) & ~is_large)
    if len(precise):
        ranks = low[precise], high[precise]
        low[precise], high[precise], is_large[precise] = _precise_ranks(q[precise], counts[precise], *ranks, alpha)
    for k in numpy.flatnonzero(is_large).tolist():
        low[k], high[k] = rank_interval(shares[k], int(counts[k]), confidence)
    return low.tolist(), high.tolist()


def _precise_ranks(
    q: _Floats, counts: _Ints, low: _Ints, high: _Ints, alpha: float
) -> tuple[_Ints, _Ints, NDArray[np.bool_]]:
    """Return the ranks for probabilities of `alpha`, from guesses; and where `binomial` decides."""
    import numpy

    close = numpy.zeros(len(q), dtype=bool)

    def at_least(where: NDArray[np.intp], rank: _Ints) -> _Floats:
        """Return the probability that at least `rank` values are at or below the quantile."""
        most = counts[where]
        inside = numpy.clip(rank, 1, most)
        found = tails(q[where], inside.astype(float), (most - inside + 1).astype(float))[0]
        return numpy.where(rank <= 0, 1.0, numpy.where(rank > most, 0.0, found))

    def is_above(where: NDArray[np.intp], rank: _Ints) -> NDArray[np.bool_]:
        rest = 1 - at_least(where, rank)
        close[where] |= abs(rest - alpha) < CLOSE * alpha + 1e-14
        return rest > alpha

    def is_below(where: NDArray[np.intp], rank: _Ints) -> NDArray[np.bool_]:
        rest = at_least(where, rank)
        close[where] |= abs(rest - alpha) < CLOSE * alpha + 1e-14
        return rest <= alpha

    return _firsts(low + 1, counts + 1, is_above) - 1, _firsts(high - 1, counts + 1, is_below), close


def _firsts(guess: _Ints, top: _Ints, holds: Callable[[NDArray[np.intp], _Ints], NDArray[np.bool_]]) -> _Ints:
    """Return for each guess the smallest number in 0..top from which on `holds` is true: see `binomial.first_from`."""
    import numpy

    false, true = numpy.full(len(guess), -1), numpy.array(top)  # the last known to be false, first true
    probe, step = numpy.clip(guess, 0, top - 1), 1
    active = numpy.arange(len(guess))
    while len(active):
        held = holds(active, probe[active])
        true[active[held]], false[active[~held]] = probe[active[held]], probe[active[~held]]
        down, up = false < 0, true == top
        further = numpy.where(down, true - step, numpy.where(up, false + step, (false + true) // 2))
        probe, step = numpy.clip(further, false + 1, true - 1), 2 * step
        active = active[(true - false)[active] > 1]
    found: _Ints = true
    return found
