"""Sums that do not depend on the order of adding: floats as whole numbers of the smallest one, 2**-1074."""

from __future__ import annotations

import math

__all__ = ["exact", "rounded"]

_ONE = 1 << 1074  # every finite float64 is a whole number of 2**-1074


def exact(x: float) -> int:
    """Return a float from 0 on as a whole number of 2**-1074."""
    if x == math.inf:
        return 1 << 2098  # 2**1024: beyond float64, as `rounded` will find
    numerator, denominator = x.as_integer_ratio()
    return numerator << (1075 - denominator.bit_length())


def rounded(n: int) -> float:
    """Return a whole number of 2**-1074 as the nearest float."""
    try:
        return n / _ONE
    except OverflowError:
        return math.inf
