"""Student's t distribution."""

from __future__ import annotations

import functools
import math

from .beta import quantile

__all__ = ["student_quantile"]


def student_quantile(p: float, freedom: float) -> float:
    """Return the quantile of Student's t, for p in (1/2, 1): t^2 is f (1 - x)/x, x of Beta(f/2, 1/2).

    Source: Abramowitz & Stegun, 26.7.1.  Relative error 1e-14, except near p = 1/2, where p - 1/2 has few digits.

    >>> round(student_quantile(0.975, 1), 6)
    12.706205
    """
    return _known(p, freedom)


def _find(p: float, freedom: float) -> float:
    x, y = quantile(2 * (1 - p), freedom / 2, 0.5)
    return math.sqrt(freedom * y / x)


# Not a decorator: stubtest cannot check its result.  Windows ask for few degrees of freedom again and again.
_known = functools.lru_cache(maxsize=256)(_find)
