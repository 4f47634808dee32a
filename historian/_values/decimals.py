"""Decimals: numbers as they were written, and arithmetic with them.

This is a module of its own because importing `decimal` takes a millisecond, and most questions need none.
"""

from __future__ import annotations

import functools
import math
from decimal import Context, Decimal

__all__ = ["PRECISE", "log", "precise_for", "share_of", "whole", "written"]

#: Arithmetic with 60 digits, for logarithms of decimals.
PRECISE = Context(prec=60)

#: A result has at least so many digits less than its context, because 1 - q may have lost as many.
LOST = 20


def precise_for(n: int) -> Context:
    """Return a context like `PRECISE` for products with a whole number: with as many more digits as it has."""
    return PRECISE if n < 10**20 else Context(prec=PRECISE.prec + len(str(n)))


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


def whole(x: Decimal, *, up: bool, context: Context = PRECISE) -> int:
    """Return a result of a context rounded up or down to a whole number; first to the nearest one, if it is a tie."""
    nearest = x.to_integral_value(context=context)
    tie = context.multiply(Decimal((0, (1,), LOST + 2 - context.prec)), max(Decimal(1), x))
    if context.subtract(x, nearest).copy_abs() <= tie:
        return int(nearest)
    return math.ceil(x) if up else math.floor(x)
