"""Decimals: numbers as they were written, and arithmetic with them.

This is a module of its own because importing `decimal` takes a millisecond, and most questions need none.
"""

from __future__ import annotations

import functools
import math
from decimal import Context, Decimal

__all__ = ["PRECISE", "log", "share_of", "whole", "written"]

#: Arithmetic with 60 digits, for logarithms of decimals.
PRECISE = Context(prec=60)

TIE = Decimal("1e-30")  # two results of `PRECISE` with a relative difference below this are equal


def _log(x: Decimal) -> Decimal:
    """Return the natural logarithm, with 60 digits.  The last results are kept, since it takes 25 us."""
    return PRECISE.ln(x)


log = functools.lru_cache(maxsize=256)(_log)  # not a decorator: stubtest cannot check its result


def written(x: float) -> Decimal:
    """Return the decimal that was written for a float: the shortest one that is rounded to it.

    >>> written(0.999), 0.999 == 1 - 0.001, written(1 - 0.001)
    (Decimal('0.999'), True, Decimal('0.999'))
    """
    return Decimal(float.__repr__(float(x)))


def share_of(p: float) -> float:
    """Return the share of a percentile, p/100, as the float nearest to the decimal.

    >>> 99.9 / 100, share_of(99.9)
    (0.9990000000000001, 0.999)
    """
    return float(PRECISE.divide(written(p), 100))


def whole(x: Decimal, *, up: bool) -> int:
    """Return a result of `PRECISE` rounded up or down to a whole number; first to the nearest one, if it is a tie."""
    nearest = PRECISE.to_integral_value(x)
    if PRECISE.subtract(x, nearest).copy_abs() <= PRECISE.multiply(TIE, nearest).copy_abs():
        return int(nearest)
    return math.ceil(x) if up else math.floor(x)
