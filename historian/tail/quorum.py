"""Quorums: the probability that at least m of n parts are slow, if each part has its own survival."""

from __future__ import annotations

from .._stats.beta_arrays import binomial_shares, lower_tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["at_least"]

#: The limit for unequal parts: 1,000 take about ten seconds and 300 MB.
MOST_SLOW = 1_000


def at_least(kinds: Sequence[tuple[NDArray[np.float64], int]], slow: int) -> NDArray[np.float64]:
    """Return the probability that at least `slow` of all parts are slow, in the shape of the survivals; `slow` >= 1.

    `kinds` are pairs of a survival and the number of parts that have it.  For one kind, the probability is
    I_S(slow, n - slow + 1) (DLMF 8.17.5).  Another kind is added by the number of its slow parts:
    P(A + B >= m) = P(A >= m) + sum P(A = a) P(B >= m - a) over a < m.  No term is negative, so the tail keeps its
    digits.  O(slow^2 kinds) array operations.  Raises ValueError for more than 1,000 slow parts of several kinds.
    """
    if len(kinds) > 1 and slow > MOST_SLOW:
        raise ValueError(
            f"n - k must be below {MOST_SLOW:,} for unequal parts, not {slow - 1:,}: the time grows with its square"
        )
    sfs, run = _distinct([sf for sf, _ in kinds])
    (first, number), *others = [(sf, n) for sf, (_, n) in zip(sfs, kinds)]
    exceeds = [_exceed(first, number, m) for m in range(slow, 0, -1)] if others else [_exceed(first, number, slow)]
    for sf, n in others:
        # exceeds[i] is P(B >= slow - i) for all kinds so far; after the last kind, only exceeds[0] is needed
        pmf = binomial_shares(min(slow - 1, n), n, sf)
        exceeds = [
            _exceed(sf, n, slow - i) + sum(pmf[a] * exceeds[i + a] for a in range(min(slow - 1 - i, n) + 1))
            for i in range(slow if sf is not others[-1][0] else 1)
        ]
    return exceeds[0][..., run]


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
