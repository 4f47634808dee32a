"""Exact sums, which do not depend on the order of adding: floats as integers in units of 2**-1074."""

from __future__ import annotations

import math

__all__ = ["exact", "rounded"]

_ONE = 1 << 1074  # every finite float64 is an integer multiple of 2**-1074


def exact(x: float) -> int:
    """Return a non-negative float as an integer in units of 2**-1074."""
    if x == math.inf:
        return 1 << 2098  # 2**1024 is beyond float64: `rounded` returns infinity again
    numerator, denominator = x.as_integer_ratio()
    return numerator << (1075 - denominator.bit_length())


def rounded(n: int) -> float:
    """Return an integer in units of 2**-1074 as the nearest float; infinity beyond float64."""
    try:
        return n / _ONE
    except OverflowError:
        return math.inf
