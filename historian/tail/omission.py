"""`corrected`: add the waits that coordinated omission hid to a recorded histogram."""

from __future__ import annotations

from .._core import Counts
from .._values.base import BaseHistogram, Origin, make
from .._values.checks import check_positive
from .._values.omission import UPPER, Waits
from .._values.slots import MIN_BOUND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    import numpy as np
    from numpy.typing import NDArray

    _H = TypeVar("_H", bound=BaseHistogram)

__all__ = ["clusters", "corrected"]


def corrected(histogram: _H, expected_interval: float) -> _H:
    """Answer `Histogram.corrected`."""
    interval = check_positive("expected_interval", expected_interval)
    if histogram.synthetic:
        raise ValueError(
            "the histogram is synthetic: all or part of it has been corrected already; correct the measured one instead"
        )
    long = [(value, n) for value, n in _recorded(histogram) if value >= 2 * interval]
    counted, total, low, bounds = histogram._counts, histogram._sum, histogram.min, histogram._bounds
    if long:
        values, counts = [value for value, _ in long], [n for _, n in long]
        waits = Waits(values, interval)
        numbers = [int(number) for number in waits.numbers.tolist()]
        if histogram.count + sum(n * (number - 1) for n, number in zip(counts, numbers)) >= 2**63:
            raise ValueError(f"expected_interval {interval!r} is too small: the count would reach 2**63")
        counted = counted.plus(_added(waits, counts))
        total += waits.added_sum(counts)
        smallest = float(waits.smallest().min())
        if smallest <= low:
            low, bounds = smallest, bounds & ~MIN_BOUND
    origin = Origin(histogram, interval)
    high, exemplars = histogram.max, histogram.exemplars
    return make(type(histogram), counted, histogram.unit, total, low, high, origin, bounds, exemplars)


def _added(waits: Waits, counts: list[int]) -> Counts:
    """Return the counts of all waits but the values themselves, for values that were recorded `counts` times."""
    import numpy

    times = numpy.array(counts, dtype=numpy.int64)
    numbers = times * waits.numbers.astype(numpy.int64)
    above = numpy.zeros(len(UPPER) + 1, dtype=numpy.int64)
    for rows, first, matrix in waits.blocks():
        is_exact = int(numbers[rows].sum()) < 2**53  # then float64 is exact, and faster
        kind: Any = numpy.float64 if is_exact else numpy.int64
        product = times[rows].astype(kind) @ matrix.astype(kind, copy=False)
        above[first : first + matrix.shape[1]] += product.astype(numpy.int64)
    above[:first] = numbers.sum()
    added = -numpy.diff(above, prepend=numbers.sum())
    numpy.subtract.at(added, waits.slots, times)
    populated = numpy.flatnonzero(added)
    return Counts.of(populated.tolist(), added[populated].tolist())


def clusters(origin: Origin) -> tuple[Waits, NDArray[np.float64]]:
    """Return the measured values of a corrected histogram with their waits, and how often each was measured."""
    import numpy

    if origin.clusters is None:
        recorded = _recorded(origin.measured)
        waits = Waits([value for value, _ in recorded], origin.interval)
        origin.clusters = waits, numpy.array([n for _, n in recorded], dtype=numpy.float64)
    waits, counts = origin.clusters
    return waits, counts


def _recorded(histogram: BaseHistogram) -> list[tuple[float, int]]:
    """Return (value, count) for each value that quantiles of the histogram can return, ascending.

    A value is the representative of its bucket, within minimum and maximum.  The first and the last are exact, if
    known.
    """
    slots, counts = histogram._counts.pairs()
    if not slots:
        return []
    values = [(histogram._value(slot), n) for slot, n in zip(slots, counts)]
    first, last = histogram._value_at(1), histogram._value_at(histogram.count)
    values[0] = values[0][0], values[0][1] - 1
    values[-1] = values[-1][0], values[-1][1] - 1
    one = [(first, 1), *values, (last, 1)] if histogram.count > 1 else [(first, 1)]
    return [(value, n) for value, n in one if n > 0]
