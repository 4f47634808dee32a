"""The recorded values, and the errors of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ASKED = (0.5, 0.99, 0.999)
FIVE = [0.5, 0.9, 0.99, 0.999, 0.9999]
#: An answer with a larger error is shown as wrong: about four times historian's bound.
WRONG = 0.02


def latencies(n: int, seed: int = 1) -> NDArray[np.float64]:
    """Return seconds with a median of 2.5 ms and a p99 of 25 ms: lognormal with sigma 1, typical of latencies."""
    return np.random.default_rng(seed).lognormal(-6, 1, n)


def places(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bucket of each value, counted from the first populated one, as ``numpy.bincount`` needs it."""
    found = np.ceil(64 * np.log2(values)).astype(np.int64)
    return found - found.min()


def errors(values: NDArray[np.float64], answers: Sequence[float]) -> tuple[float, ...]:
    """Return the relative errors of `answers` to ASKED, compared with exact quantiles (numpy's ``inverted_cdf``)."""
    exact = np.quantile(values, ASKED, method="inverted_cdf")
    return tuple(float(abs(answer - true) / true) for answer, true in zip(answers, exact))


def between(edges: Sequence[float], counts: Sequence[float], q: float) -> float:
    """Return the q-quantile as Prometheus' ``histogram_quantile`` does: linear between the edges of its bucket.

    Bucket i lies between edges[i] and edges[i + 1].  In the last bucket, which has no upper edge, it is the lower one.
    """
    rank, before = q * sum(counts), 0.0
    for i, count in enumerate(counts):
        if count and before + count >= rank:
            if i + 1 >= len(edges) or edges[i + 1] == np.inf:
                return edges[i]
            return edges[i] + (edges[i + 1] - edges[i]) * (rank - before) / count
        before += count
    return edges[-1]
