"""The quantiles of a distribution for many shares at once: see `Dist.quantile`, which computes one of them."""

from __future__ import annotations

from ..buckets import GROWTH
from .interpolation import mass_below
from .shares import ROUNDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

__all__ = ["bisect", "bisect_one", "inverse"]

HALVINGS = 50  # of an interval from 0 to 1, as for a single share


def inverse(
    p: _Floats,
    survival: _Floats,
    ends: _Floats,
    extremes: tuple[float, float],
    least_at_most: float,
    edge: _Floats,
    places: Callable[[_Floats, NDArray[np.intp]], _Floats],
) -> tuple[_Floats, _Floats, _Floats]:
    """Return (lower bound, smallest time that a share of at most p exceeds, upper bound) for 1-D `p`, in 0..1.

    `survival` is that at each `edge`, in three rows: lower bound, value, upper bound.  `ends` is the same just below
    and at both `extremes`.  The smaller extreme may be only a bound: the smallest time is at most `least_at_most`.
    `places` returns where, from 0 to 1, the value falls to shares in the buckets that end at some columns.
    """
    import numpy

    most_p, last = p * (1 + ROUNDING), len(edge) - 1
    low, at, high = (len(row) - row[::-1].searchsorted(most_p, side="right") for row in survival)
    lower = numpy.where(low == 0, 0.0, edge[numpy.maximum(low - 1, 0)])
    upper = numpy.where(high >= last, numpy.inf, edge[numpy.minimum(high, last)])
    value = numpy.where(at == 0, 0.0, numpy.inf)
    inside = numpy.flatnonzero((at > 0) & (at < last))
    if len(inside):
        columns = at[inside]
        place = places(p[inside], columns)
        value[inside] = numpy.where(place < 1, edge[columns - 1] * GROWTH**place, edge[columns])
    least, most = extremes
    exceeds = ends[:, :, None] > most_p  # (row, just below and at each extreme, share)
    for column, extreme in ((0, least), (2, most)):
        lower = numpy.where(exceeds[0, column], numpy.maximum(lower, extreme), lower)
        value = numpy.where(exceeds[1, column], numpy.maximum(value, extreme), value)
    for column, extreme in ((1, least), (3, most)):
        upper = numpy.where(exceeds[2, column], upper, numpy.minimum(upper, extreme))
    value = numpy.where(exceeds[1, 3], value, numpy.minimum(value, most))
    value, upper = numpy.maximum(value, least), numpy.maximum(upper, numpy.where(most_p >= 1, least_at_most, least))
    return lower, numpy.minimum(numpy.maximum(value, lower), upper), upper


def bisect(wanted: Any, masses: tuple[Any, Any, Any]) -> _Floats:
    """Return the x for which `mass_below` is `wanted`, for arrays of one shape."""
    import numpy

    low, high = numpy.zeros(len(wanted)), numpy.ones(len(wanted))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_below = mass_below(middle, *masses) < wanted
        low, high = numpy.where(is_below, middle, low), numpy.where(is_below, high, middle)
    return high


def bisect_one(wanted: float, masses: tuple[float, float, float]) -> float:
    """Return what `bisect` does, for one number, without arrays: this takes a tenth of the time."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if mass_below(middle, *masses) < wanted:
            low = middle
        else:
            high = middle
    return high
