"""Confidence intervals of many quantiles at once, and the numbers of values that many answers need."""

from __future__ import annotations

import math

from .._stats.arrays import common, each_estimate, shares, spread, wholes
from .._stats.beyond import warn_once
from .._stats.binomial_arrays import rank_intervals, share_bounds
from .._stats.checks import check_confidence
from .._stats.estimates import Estimates, one_or_each, shortened, unknown_of
from .._values.answers import read_only
from .._values.slots import edges_of
from . import sampling
from .sampling import (
    ANYTIME,
    RANKS_METHOD,
    SCOPE_METHODS,
    Enough,
    missing_sides,
    quantile_interval,
    sampled,
    single,
    too_few_text,
    windows_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from .._stats.estimate import Estimate
    from .._values.base import BaseHistogram
    from .._values.timed import _Windows

    _Floats = NDArray[np.float64]

__all__ = ["Enoughs", "ci", "enough_for", "quantile_intervals", "shares_above"]


class Enoughs:
    """Whether there are enough values for each of many answers: see `Enough`, and `Histogram.enough_for`.

    As an array, it is an array of bool: ``numpy.asarray(enoughs)``, ``~numpy.asarray(enoughs)``.  An index gives an
    `Enough`, or `Enoughs` for a part.

    >>> enoughs = Enoughs(10_000, [300, 29_808])
    >>> enoughs.is_enough, enoughs[1]
    (array([ True, False]), <Enough: no: 29,808 values are needed, 10,000 recorded>)
    """

    __slots__ = ("needed", "recorded")
    __module__ = "historian.tail"

    recorded: NDArray[np.int64]  # values, in [0, inf), any shape, read-only
    needed: NDArray[np.float64]  # values, whole up to 2**53, read-only; infinity if no number of values is enough

    def __init__(self, recorded: ArrayLike, needed: ArrayLike) -> None:
        """Take the numbers of values; one that was recorded may be given for all."""
        import numpy

        self.needed = read_only(needed, "float64")
        self.recorded = read_only(numpy.broadcast_to(recorded, self.needed.shape), "int64")

    @property
    def is_enough(self) -> NDArray[np.bool_]:
        """Whether there are enough values, for each answer."""
        return self.recorded >= self.needed

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `needed`."""
        return self.needed.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        import numpy

        return numpy.asarray(self.is_enough, dtype=dtype)

    def __bool__(self) -> bool:
        return bool(self.is_enough)

    def __len__(self) -> int:
        return len(self.needed)

    def __getitem__(self, index: Any) -> Any:
        recorded, needed = self.recorded[index], self.needed[index]
        if getattr(needed, "shape", ()):
            return Enoughs(recorded, needed)
        return Enough(int(recorded), int(needed) if needed < math.inf else math.inf)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Enoughs, (self.recorded, self.needed)

    def __str__(self) -> str:
        import numpy

        return shortened([str(self[index]) for index in numpy.ndindex(self.shape)])

    def __repr__(self) -> str:
        return f"<Enoughs, shape {self.shape}\n{self}>"


def enough_for(histogram: BaseHistogram, q: Any, n: Any, confidence: float) -> Enoughs:
    """Answer `Histogram.enough_for` for arrays."""
    import numpy

    q, n, confidence = shares("q", q), wholes("n", n), check_confidence(confidence)
    shape = common(q=q, n=n)
    if not histogram.synthetic:
        each_q, each_n = numpy.broadcast_arrays(q, n)
        return Enoughs(histogram.count, _needed(each_q, each_n, confidence))
    asked = zip(*spread(shape, q, n))
    answers = [sampling.enough_for(histogram, share, calls, confidence) for share, calls in asked]
    recorded, needed = ([one[k] for one in answers] for k in (0, 1))
    counts, sizes = numpy.array(recorded, dtype=numpy.int64), numpy.array(needed, dtype=numpy.float64)
    return Enoughs(counts.reshape(shape), sizes.reshape(shape))


def _needed(q: _Floats, n: NDArray[Any], confidence: float) -> _Floats:
    """Return the number of values that `enough_for` needs, for arrays of one shape.

    In float64, the logarithm of q has a relative error of up to a rounding of q, divided by 1 - q.  Numbers that are
    too close to a whole number for this are computed from decimals, one by one.
    """
    import numpy

    inside = (q > 0) & (q < 1)
    share = numpy.where(inside, q, 0.5)
    found = math.log1p(-confidence) * n.astype(numpy.float64) / numpy.log(share)
    error = found * (2.0**-52 / (1 - share) + 2.0**-52 / (1 - confidence) + 2.0**-49)
    up = numpy.maximum(1.0, numpy.ceil(found))
    close = inside & (numpy.abs(found - numpy.rint(found)) <= error)
    for k in numpy.flatnonzero(close).tolist():
        up.flat[k] = sampling.needed_for(float(share.flat[k]), int(n.flat[k]), confidence)
    return numpy.where(inside, up, numpy.where(q == 0, 1.0, math.inf))


def ci(histogram: BaseHistogram, q: Any, confidence: float, windows: _Windows | None, scope: str = "") -> Estimates:
    """Answer `Histogram.ci` for an array; `scope` is that of `sampling.scope_of`."""
    q, confidence = shares("q", q), check_confidence(confidence)
    parts = None if windows is None else windows_of(histogram, windows)
    if not histogram.count:
        return unknown_of(q.shape, 0.0, math.inf, unit=histogram.unit)
    if parts is None and not histogram.synthetic and scope != ANYTIME:
        asked = q.ravel().tolist()
        values, whys = [histogram.quantile(one) for one in asked], [""] * len(asked)
        return quantile_intervals(histogram, asked, values, confidence, q.shape, whys, scope=scope, stacklevel=4)

    def question(one: float) -> Estimate:
        return quantile_interval(histogram, one, histogram.quantile(one), confidence, parts, scope=scope)

    return each_estimate(question, q, shape=q.shape, unit=histogram.unit, stacklevel=3)


def shares_above(
    histogram: BaseHistogram, t: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of values above each time, and the bounds of their intervals: see `Fanout._shares`."""
    import numpy

    count = histogram.count
    above = [histogram._above(time) for time in t.ravel().tolist()]
    columns = [(low / count, low, count - low, high, count - high) for low, high in above]
    value, *counts = numpy.array(columns, dtype=numpy.float64).reshape(-1, 5).T
    low, high = share_bounds((counts[0], counts[1]), (counts[2], counts[3]), confidence)
    return value.reshape(t.shape), low.reshape(t.shape), high.reshape(t.shape)


def quantile_intervals(
    histogram: BaseHistogram,
    q: list[float],
    values: list[float],
    confidence: float,
    shape: tuple[int, ...],
    whys: list[str],
    *,
    scope: str = "",
    stacklevel: int,
) -> Estimates:
    """Return `quantile_interval` for each of many quantiles, without windows, in this shape.

    Warns once; the warning points `stacklevel` frames up.  1,000 intervals take 8 ms.
    """
    import numpy

    count = histogram.count
    level = single(histogram, confidence, scope)
    low, high = rank_intervals(numpy.array(q, dtype=numpy.float64), count, level)
    edges = {rank: edges_of(histogram._counts.slot_at(rank)) for rank in {*low, *high} if 0 < rank <= count}
    lower = [edges[rank][0] if rank > 0 else 0.0 for rank in low]
    upper = [edges[rank][1] if rank <= count else math.inf for rank in high]
    missing = [missing_sides(*ranks, count) for ranks in zip(low, high)]
    beyond = [(share, sides) for share, sides in zip(q, missing) if sides]
    if beyond:
        warn_once(len(q), len(beyond), too_few_text(histogram, *beyond[0]), stacklevel)
    reasons = {two: _reasons(histogram, scope, *two) for two in set(zip(missing, whys))}
    why = one_or_each([reasons[two] for two in zip(missing, whys)], shape)
    arrays = numpy.array([values, numpy.minimum(lower, values), numpy.maximum(upper, values)])
    value, least, most = arrays.reshape(3, *shape)
    return Estimates(
        value,
        least,
        most,
        why,
        unit=histogram.unit,
        confidence=confidence,
        method=SCOPE_METHODS.get(scope, RANKS_METHOD),
    )


def _reasons(histogram: BaseHistogram, scope: str, missing: str, why: str) -> str:
    too_few = f"too few values: {missing}" if missing else ""
    return "; ".join(filter(None, [sampled(histogram), "bucket width", scope, too_few, why]))
