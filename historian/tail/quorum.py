"""Quorums: the probability that at least m of n parts are slow, if each part has its own survival."""

from __future__ import annotations

from .._stats.beta_arrays import binomial_shares, lower_tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["at_least"]

#: The limit for unequal parts: the time grows with the square, and the memory in proportion.
MOST_SLOW = 1_000

#: Columns of several kinds at once: their probabilities fit into the cache.
BLOCK = 256


def at_least(kinds: Sequence[tuple[NDArray[np.float64], int]], slow: int) -> NDArray[np.float64]:
    """Return the probability that at least `slow` of all parts are slow, in the shape of the survivals; `slow` >= 1.

    `kinds` are pairs of a survival and the number of parts that have it.  For one kind, the probability is
    I_S(slow, n - slow + 1) (DLMF 8.17.5).  Another kind is added by the number of its slow parts:
    P(A + B >= m) = P(A >= m) + sum P(A = a) P(B >= m - a) over a < m.  No term is negative, so the tail keeps its
    digits.  O(slow) array operations for two kinds, O(slow^2) for each further one.  Raises ValueError for more than
    1,000 slow parts of several kinds.
    """
    import numpy

    if len(kinds) > 1 and slow > MOST_SLOW:
        raise ValueError(
            f"n - k must be below {MOST_SLOW:,} for unequal parts, not {slow - 1:,}: the time grows with its square"
        )
    sfs, run = _distinct([sf for sf, _ in kinds])
    if len(kinds) == 1:
        return _exceed(sfs[0], kinds[0][1], slow)[..., run]
    flat, numbers = [sf.reshape(-1) for sf in sfs], [n for _, n in kinds]
    blocks = [slice(start, start + BLOCK) for start in range(0, len(flat[0]), BLOCK)]
    found = [_of_unequal([sf[block] for sf in flat], numbers, slow) for block in blocks]
    return numpy.concatenate(found).reshape(sfs[0].shape)[..., run]


def _of_unequal(sfs: Sequence[NDArray[np.float64]], numbers: Sequence[int], slow: int) -> NDArray[np.float64]:
    """Return `at_least` for two kinds or more."""
    exceeds = _exceeds(sfs[0], numbers[0], slow, _shares(sfs[0], numbers[0], slow))
    for sf, n in zip(sfs[1:-1], numbers[1:-1]):
        shares = _shares(sf, n, slow)
        more = _exceeds(sf, n, slow, shares)
        for a, share in enumerate(shares):
            more[a:] += share * exceeds[: slow - a]
        exceeds = more
    shares, total = _shares(sfs[-1], numbers[-1], slow), _exceed(sfs[-1], numbers[-1], slow)
    for share, rest in zip(shares, exceeds[::-1]):
        total += share * rest
    return total


def _shares(sf: NDArray[np.float64], n: int, slow: int) -> NDArray[np.float64]:
    """Return P(exactly a of n), for a from 0 to the smaller one of `slow` - 1 and n, as rows."""
    return binomial_shares(min(slow - 1, n), n, sf)


def _exceeds(sf: NDArray[np.float64], n: int, slow: int, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(at least m of n), for m from 1 to `slow`, as rows: the last one, and sums from there on."""
    import numpy

    rows = numpy.zeros((slow, *sf.shape))
    rows[-1] = _exceed(sf, n, slow)
    rows[: len(shares) - 1] = shares[1:]
    return rows[::-1].cumsum(axis=0)[::-1]


def _distinct(sfs: list[NDArray[np.float64]]) -> tuple[list[NDArray[np.float64]], NDArray[np.intp]]:
    """Return the columns in which any survival differs from the previous column, and for each column its index there.

    Between two populated buckets the survival of a histogram is constant: typically one column of ten is left.
    """
    import numpy

    begins = numpy.ones(sfs[0].shape[-1], dtype=bool)
    begins[1:] = numpy.any([(sf[..., 1:] != sf[..., :-1]).any(axis=tuple(range(sf.ndim - 1))) for sf in sfs], axis=0)
    return [sf[..., begins] for sf in sfs], numpy.cumsum(begins) - 1


def _exceed(sf: NDArray[np.float64], n: int, m: int) -> NDArray[np.float64]:
    """Return P(at least m of n), for m >= 1."""
    import numpy

    return lower_tail(sf, float(m), float(n - m + 1)) if m <= n else numpy.zeros_like(sf)
